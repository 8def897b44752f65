from collections.abc import Sequence
from datetime import UTC

import pytest

from cyrtui.config.cyrus_conf import parse_cyrus_conf
from cyrtui.host.facts import Listener, Process
from cyrtui.logs.record import Record
from cyrtui.services.compare import compare
from cyrtui.services.declared import declare
from cyrtui.services.master_log import read_master_log
from cyrtui.services.proc_files import ProcFile
from cyrtui.services.table import ServiceRow, ServiceTable
from tests.services.builders import (
    MASTER,
    NOON,
    SQUEEZE_CONF,
    listener,
    master,
    netstat,
    process,
    records,
    resolve,
    said,
    snapshot,
)

LMTP = "11:00:00 Servname not supported for ai_socktype, disabling lmtp"
LOG = "/var/log/mail.info"
IMAP_4, IMAP_6 = ("127.0.0.1", 143), ("::1", 143)


def table(
    listeners: Sequence[Listener],
    words: Sequence[Record] = (),
    *,
    conf: bytes = SQUEEZE_CONF,
    processes: Sequence[Process] | None = None,
    files: dict[int, ProcFile] | None = None,
    changed: float = NOON - 7200,
    unseen: Sequence[str] = (),
) -> ServiceTable:
    """The services of a configuration on a host where cyrmaster has run for an hour; it is noon, UTC."""
    names = frozenset({"imap", "imaps", "pop3", "sieve"})
    seen = snapshot([master()] if processes is None else processes, listeners, unseen)
    return compare(
        declare(parse_cyrus_conf(conf), resolve, names),
        seen,
        read_master_log(words, [LOG]),
        cyrus_conf="/etc/cyrus.conf",
        proc_files=files,
        changed=changed,
        zone=UTC,
    )


def row(found: ServiceTable, name: str) -> ServiceRow:
    (one,) = (one for one in found.rows if one.name == name)
    return one


def places(one: ServiceRow) -> set[tuple[str, int | None]]:
    return {(waiting.address, waiting.port) for waiting in one.listeners}


def imap(listen: str = "localhost:imap", extra: str = "maxchild=2") -> bytes:
    return f'SERVICES {{\nimap cmd="imapd" listen="{listen}" {extra}\n}}\n'.encode()


class TestSqueeze:
    """The two netstat pictures of one server, against the cyrus.conf that was put in place between them."""

    def test_after_the_restart(self) -> None:
        found = table(netstat("netstat-restricted.txt"), said(LMTP))
        assert [(one.name, one.state, one.exposure) for one in found.rows] == [
            ("imap", "listening", "host"),
            ("imaps", "listening", "world"),
            ("lmtp", "not-listening", None),
            ("sieve", "listening", "host"),
        ]
        assert found.unexpected == ()
        assert places(row(found, "imaps")) == {("0.0.0.0", 993), ("::", 993)}
        assert found.master is not None
        assert (found.master.pid, found.unseen) == (MASTER, ())

    def test_why_lmtp_does_not_listen(self) -> None:
        lmtp = row(table(netstat("netstat-restricted.txt"), said(LMTP)), "lmtp")
        assert lmtp.reason == '"lmtp" is no name in /etc/services; cyrmaster disabled it at 11:00:00'
        assert lmtp.reason_line == "Servname not supported for ai_socktype, disabling lmtp"

    def test_before_the_restart(self) -> None:
        processes = [master(26003)]
        found = table(netstat("netstat-default.txt"), processes=processes, changed=NOON - 60)
        assert {one.name: (one.state, one.exposure) for one in found.rows} == {
            "imap": ("undeclared", "world"),
            "imaps": ("not-listening", None),
            "lmtp": ("not-listening", None),
            "sieve": ("listening", "host"),
        }
        assert {(one.listeners[0].address, one.listeners[0].port) for one in found.unexpected} == {
            ("0.0.0.0", 110),
            ("::", 110),
            ("0.0.0.0", 119),
            ("::", 119),
        }
        assert {one.state for one in found.unexpected} == {"undeclared"}
        assert row(found, "imap").reason == (
            "cyrmaster waits on 0.0.0.0:143 and [::]:143, but cyrus.conf says localhost:imap;"
            " it was changed at 11:59:00, after cyrmaster had read it"
        )
        assert row(found, "imaps").reason == (
            "cyrus.conf was changed at 11:59:00, after cyrmaster had read it at 11:00:00:"
            " it takes a restart (no SIGHUP: it may not open ports below 1024 now)"
        )


class TestStates:
    both = (listener(*IMAP_6, MASTER), listener(*IMAP_4, MASTER))

    def test_partly(self) -> None:
        words = said("11:00:00 unable to bind to imap/ipv6 socket: Cannot assign requested address")
        one = row(table(self.both[1:], words, conf=imap()), "imap")
        assert (one.state, one.exposure) == ("partly", "host")
        assert one.reason == (
            "cyrmaster could not open its socket at 11:00:00: Cannot assign requested address"
        )

    def test_the_reason_is_of_the_socket_that_is_missing(self) -> None:
        words = said("11:00:00 unable to bind to imap/ipv4 socket: Cannot assign requested address")
        one = row(table(self.both[1:], words, conf=imap()), "imap")
        assert one.reason == f"nothing waits on [::1]:143; master has logged no reason in {LOG}"
        assert one.word is None

    def test_not_listening_and_nothing_said(self) -> None:
        words = said("11:00:00 ready for work")
        one = row(table([], words, conf=imap("imap", "proto=tcp4")), "imap")
        assert (one.state, one.exposure, one.listeners) == ("not-listening", None, ())
        assert one.reason == f"nothing waits on 0.0.0.0:143; master has logged no reason in {LOG}"

    def test_a_change_in_the_second_of_the_sighup_may_have_been_read(self) -> None:
        words = said("11:00:00 ready for work", "11:30:00 got SIGHUP")
        found = table([], words, conf=imap("imap", "proto=tcp4"), changed=NOON - 1799.5)
        assert (
            row(found, "imap").reason == f"nothing waits on 0.0.0.0:143; master has logged no reason in {LOG}"
        )
        found = table([], words, conf=imap("imap", "proto=tcp4"), changed=NOON - 1798)
        assert "cyrus.conf was changed at 11:30:02" in (row(found, "imap").reason or "")

    def test_a_log_that_begins_too_late_is_no_silence(self) -> None:
        words = said("11:30:00 process 7 exited, status 0")
        one = row(table([], words, conf=imap("imap", "proto=tcp4")), "imap")
        assert one.reason == (
            "nothing waits on 0.0.0.0:143; the log that was read begins at 11:30:00, after cyrmaster had read"
            f" cyrus.conf, and holds no reason in {LOG}"
        )

    def test_no_log(self) -> None:
        one = row(table([], conf=imap("imap", "proto=tcp4")), "imap")
        assert one.reason == f"nothing waits on 0.0.0.0:143; {LOG} holds no line"

    def test_a_sighup_that_lost_the_port(self) -> None:
        words = said(
            "11:30:00 got SIGHUP",
            "11:30:00 unable to bind to imap/ipv4 socket: Permission denied",
            "11:30:00 unable to create imap listener socket: Permission denied",
        )
        one = row(table([], words, conf=imap()), "imap")
        assert one.reason == (
            "cyrmaster runs as cyrus and was not allowed to open port 143 at 11:30:00 (Permission denied):"
            " only a restart brings it back, no SIGHUP"
        )
        assert one.reason_line == "unable to bind to imap/ipv4 socket: Permission denied"

    def test_a_high_port_may_be_tried_again(self) -> None:
        words = said("11:00:00 unable to bind to imap/ipv4 socket: Address already in use")
        one = row(table([], words, conf=imap("localhost:1143")), "imap")
        assert one.reason is not None
        assert one.reason.endswith("it is free now, and takes a restart or a SIGHUP")


class TestForeign:
    other = process(900, "dovecot", user="root")

    def test_another_program_holds_the_port(self) -> None:
        words = said("11:00:00 unable to bind to imap/ipv4 socket: Address already in use")
        found = table(
            [listener("0.0.0.0", 143, 900)],
            words,
            conf=imap(extra="proto=tcp4"),
            processes=[master(), self.other],
        )
        one = row(found, "imap")
        assert (one.state, one.exposure, one.listeners) == ("foreign", None, ())
        assert (
            one.reason
            == "dovecot (pid 900) holds 0.0.0.0:143; cyrmaster could not open its socket at 11:00:00"
        )
        assert found.unexpected == ()

    def test_in_the_way_of_one_of_two(self) -> None:
        one = row(
            table(
                [listener("0.0.0.0", 143, 900), listener(*IMAP_6, MASTER)],
                conf=imap(),
                processes=[master(), self.other],
            ),
            "imap",
        )
        assert one.state == "partly"
        assert one.reason is not None
        assert one.reason.startswith("dovecot (pid 900) holds 0.0.0.0:143")

    def test_another_address_is_not_in_the_way(self) -> None:
        one = row(
            table([listener("10.0.0.1", 143, 900)], conf=imap(), processes=[master(), self.other]), "imap"
        )
        assert one.state == "not-listening"

    def test_what_is_left_of_a_cyrmaster_that_died(self) -> None:
        left = process(31, "imapd", ppid=1)
        found = table([listener(*IMAP_4, 31)], conf=imap(extra="proto=tcp4"), processes=[left])
        assert found.master is None
        assert row(found, "imap").state == "foreign"
        assert row(found, "imap").reason == "cyrmaster is not running; imapd (pid 31) holds 127.0.0.1:143"


class TestUnseenOwners:
    hidden = (listener(*IMAP_4, owner=None), listener(*IMAP_6, owner=None))

    def test_matched_by_port_and_said(self) -> None:
        found = table(self.hidden, conf=imap())
        assert row(found, "imap").state == "listening"
        assert [waiting.children for waiting in row(found, "imap").listeners] == [None, None]
        assert any("cannot be seen" in sentence and "127.0.0.1:143" in sentence for sentence in found.unseen)
        assert found.unexpected == ()

    def test_unless_cyrmaster_said_that_the_port_was_taken(self) -> None:
        words = said("11:00:00 unable to bind to imap/ipv4 socket: Address already in use")
        one = row(table(self.hidden[:1], words, conf=imap(extra="proto=tcp4")), "imap")
        assert one.state == "foreign"
        assert one.reason is not None
        assert one.reason.startswith("another program holds 127.0.0.1:143")

    def test_without_a_cyrmaster_it_is_not_cyrmasters(self) -> None:
        assert row(table(self.hidden, conf=imap(), processes=[]), "imap").state == "foreign"

    def test_a_child_that_holds_it_has_it_from_cyrmaster(self) -> None:
        child = process(31, "imapd", ppid=MASTER)
        seen = Listener("tcp", *IMAP_4, 77, 0, 0, 32, (31,), None)
        found = table([seen], conf=imap(extra="proto=tcp4"), processes=[master(), child])
        assert row(found, "imap").state == "listening"
        assert found.unseen == ()

    def test_clients_that_wait_are_said_where_full_cannot_be(self) -> None:
        waiting = [listener(*IMAP_4, owner=None, queue=3), listener(*IMAP_6, owner=None)]
        children = [process(pid, "imapd", ppid=MASTER) for pid in (31, 32)]
        one = row(table(waiting, conf=imap(), processes=[master(), *children]), "imap")
        assert one.state == "listening"
        assert one.reason == (
            "3 waiting on 127.0.0.1:143; 2 processes run, and maxchild allows 2 for each socket:"
            " how many serve this one cannot be seen"
        )


def serving(*pids: int) -> dict[int, ProcFile]:
    return {pid: ProcFile(pid, "imap", "h [1]", "", "", "") for pid in pids}


class TestChildren:
    children = tuple(process(pid, "imapd", ppid=MASTER) for pid in (31, 32, 33))

    def one(
        self, *listeners: Listener, files: dict[int, ProcFile] | None = None, extra: str = "maxchild=2"
    ) -> ServiceRow:
        return row(
            table(listeners, conf=imap(extra=extra), processes=[master(), *self.children], files=files),
            "imap",
        )

    def test_maxchild_is_for_each_socket(self) -> None:
        one = self.one(listener(*IMAP_4, MASTER, 31, 32), listener(*IMAP_6, MASTER, 33), files=serving(31))
        assert (one.children, one.busy, one.maxchild, one.capacity) == (3, 1, 2, 4)
        assert one.state == "listening"
        assert {(waiting.address, waiting.children, waiting.busy) for waiting in one.listeners} == {
            ("127.0.0.1", 2, 1),
            ("::1", 1, 0),
        }

    def test_full_by_the_clients_that_wait(self) -> None:
        one = self.one(listener(*IMAP_4, MASTER, 31, 32, queue=3), listener(*IMAP_6, MASTER))
        assert one.state == "full"
        assert one.reason == (
            "all 2 processes that maxchild allows on 127.0.0.1:143 are busy, and 3 clients wait"
        )
        assert (one.queue, one.queue_limit) == (3, 64)

    def test_full_by_the_proc_files(self) -> None:
        one = self.one(
            listener(*IMAP_4, MASTER, 31, 32), listener(*IMAP_6, MASTER, 33), files=serving(31, 32)
        )
        assert one.state == "full"
        assert one.reason == (
            "all 2 processes that maxchild allows on 127.0.0.1:143 are busy: the next client will wait"
        )

    def test_idle_processes_are_not_busy(self) -> None:
        one = self.one(listener(*IMAP_4, MASTER, 31, 32), listener(*IMAP_6, MASTER), files=serving(31))
        assert one.state == "listening"

    def test_a_queue_below_maxchild_is_not_full(self) -> None:
        one = self.one(listener(*IMAP_4, MASTER, 31, queue=1), listener(*IMAP_6, MASTER))
        assert (one.state, one.queue) == ("listening", 1)

    def test_without_a_limit_nothing_is_full(self) -> None:
        one = self.one(
            listener(*IMAP_4, MASTER, 31, 32, 33, queue=9),
            listener(*IMAP_6, MASTER),
            extra="",
            files=serving(31, 32, 33),
        )
        assert (one.state, one.maxchild, one.capacity) == ("listening", None, None)

    def test_no_process_is_allowed(self) -> None:
        one = self.one(listener(*IMAP_4, MASTER), listener(*IMAP_6, MASTER), extra="maxchild=0")
        assert one.state == "full"

    def test_children_that_cannot_be_told_apart_are_not_counted(self) -> None:
        conf = b"SERVICES {\na cmd=imapd listen=1143\nb cmd=imapd listen=2143\n}\n"
        found = table([], conf=conf, processes=[master(), *self.children])
        assert [one.children for one in found.rows] == [None, None]
        assert any("3 of cyrmaster's processes may serve a or b" in sentence for sentence in found.unseen)


def crash(clock: str, *pids: int) -> list[str]:
    return [
        line
        for pid in pids
        for line in (
            f"Nov 22 {clock} mail cyrus/imap[{pid}]: Fatal error: no such thing",
            f"Nov 22 {clock} mail cyrus/master[{MASTER}]: process type:SERVICE name:imap path:/x age:0.1s"
            f" pid:{pid} exited, status 78",
            f"Nov 22 {clock} mail cyrus/master[{MASTER}]: service imap/ipv4 pid {pid} in READY state:"
            " terminated abnormally",
        )
    ]


class TestCrashing:
    waiting = (listener(*IMAP_4, MASTER),)
    conf = imap(extra="proto=tcp4")

    def test_three_within_a_minute(self) -> None:
        one = row(table(self.waiting, records(crash("11:59:30", 31, 32, 33)), conf=self.conf), "imap")
        assert one.state == "crashing"
        assert one.reason == (
            '3 of its processes died since 11:59:30 (exited, status 78); the last one said "no such thing"'
        )

    @pytest.mark.parametrize("lines", [crash("11:59:30", 31, 32), crash("11:50:00", 31, 32, 33, 34)])
    def test_few_or_long_ago(self, lines: list[str]) -> None:
        assert row(table(self.waiting, records(lines), conf=self.conf), "imap").state == "listening"

    def test_given_up(self) -> None:
        lines = [
            *crash("11:20:00", 31, 32, 33, 34, 35),
            f"Nov 22 11:20:00 mail cyrus/master[{MASTER}]: too many failures for service imap/ipv4, disabling"
            " until next SIGHUP",
        ]
        one = row(table([], records(lines), conf=self.conf), "imap")
        assert (one.state, one.listeners) == ("crashing", ())
        assert one.reason == (
            'its processes died at their start ("no such thing"); cyrmaster gave up 127.0.0.1:143 at'
            " 11:20:00: once that is put right, it takes a restart (no SIGHUP: it may not open ports below"
            " 1024 now)"
        )

    def test_given_up_without_a_last_word(self) -> None:
        words = said(
            "11:20:00 process type:SERVICE name:imap path:/x age:0.1s pid:31 exited, status 64",
            "11:20:00 ERROR: too many failures for service imap/ipv4, disabling for 10 seconds",
        )
        assert row(table([], words, conf=self.conf), "imap").reason == (
            "its processes died at their start (exited, status 64); cyrmaster gave up 127.0.0.1:143 at"
            " 11:20:00 for 10 seconds"
        )

    def test_a_cyrmaster_that_is_gone_crashes_nothing(self) -> None:
        lines = [
            f"Nov 22 11:20:00 mail master[{MASTER}]: too many failures for service imap,"
            " disabling until next SIGHUP"
        ]
        one = row(table([], records(lines), conf=self.conf, processes=[]), "imap")
        assert (one.state, one.reason) == ("not-listening", "cyrmaster is not running")


class TestMaster:
    def test_ended_by_a_bad_file(self) -> None:
        text = "configuration file /etc/cyrus.conf: bad character '-' in name on line 5"
        found = table([], said("11:30:00 got SIGHUP", f"11:30:00 {text}", "11:30:00 exiting"), processes=[])
        assert found.master_reason == f"cyrmaster ended itself at 11:30:00: {text}"
        assert found.master_word is not None
        assert found.master_word.text == text

    def test_stopped(self) -> None:
        words = said(
            "10:30:00 attempting clean shutdown on signal", "10:30:01 All children have exited, closing down"
        )
        assert table([], words, processes=[]).master_reason == "cyrmaster was stopped at 10:30:01"

    def test_on_another_day_the_date_is_said(self) -> None:
        lines = [f"Nov 20 11:20:00 mail master[{MASTER}]: attempting clean shutdown on signal"]
        assert table([], records(lines), processes=[]).master_reason == (
            "cyrmaster was stopped at 2026-11-20 11:20:00"
        )

    def test_gone_without_a_word(self) -> None:
        found = table([], said("10:00:00 ready for work"), processes=[])
        assert found.master_reason == (
            'cyrmaster is not running and has not said why; its last word was "ready for work" at 10:00:00'
        )
        assert found.master_word is not None
        quiet = ["Nov 22 10:00:00 mail cyrus/imap[7]: login: x"]
        assert table([], records(quiet), processes=[]).master_reason == (
            f"cyrmaster is not running; master has logged no reason in {LOG}"
        )

    def test_another_configuration(self) -> None:
        found = table([], processes=[master(5, "cyrmaster", "-M", "/b/cyrus.conf")])
        assert found.unseen == ("cyrmaster (pid 5) runs on /b/cyrus.conf, not on /etc/cyrus.conf.",)

    def test_several_and_none_of_this_file(self) -> None:
        found = table([], processes=[master(5, "cyrmaster", "-M", "/b"), master(6, "cyrmaster", "-M", "/c")])
        assert found.master is None
        assert found.master_reason == (
            "no cyrmaster runs on /etc/cyrus.conf; there are others, on /b (pid 5), /c (pid 6)"
        )

    def test_the_snapshots_own_words_are_kept(self) -> None:
        assert (
            table([], unseen=["The udp sockets cannot be seen."]).unseen[0]
            == "The udp sockets cannot be seen."
        )


class TestExposure:
    @pytest.mark.parametrize(
        ("address", "expected"),
        [("127.0.0.1", "host"), ("192.168.1.5", "network"), ("8.8.8.8", "world"), ("0.0.0.0", "world")],
    )
    def test_of_an_address(self, address: str, expected: str) -> None:
        found = table([listener(address, 99, MASTER)], conf=b"SERVICES {\n}\n")
        assert [one.exposure for one in found.unexpected] == [expected]

    def test_of_a_unix_socket(self) -> None:
        conf = b"SERVICES {\nlmtp cmd=lmtpd listen=/run/lmtp\n}\n"
        one = row(table([listener("/run/lmtp", None, MASTER)], conf=conf), "lmtp")
        assert (one.state, one.exposure, places(one)) == ("listening", "unix", {("/run/lmtp", None)})

    def test_a_datagram_socket(self) -> None:
        conf = b"SERVICES {\nnotify cmd=notifyd listen=/run/notify proto=udp prefork=1\n}\n"
        one = row(table([listener("/run/notify", None, MASTER, queue=None, limit=None)], conf=conf), "notify")
        assert (one.state, one.queue, one.maxchild) == ("listening", None, 1)

    def test_the_widest_counts(self) -> None:
        one = row(
            table([listener("127.0.0.1", 143, MASTER), listener("0.0.0.0", 143, MASTER)], conf=imap()), "imap"
        )
        assert (one.state, one.exposure) == ("undeclared", "world")
