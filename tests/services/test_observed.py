import pytest

from cyrtui.config.cyrus_conf import parse_cyrus_conf
from cyrtui.host.facts import Process
from cyrtui.services.declared import DeclaredService, declare
from cyrtui.services.observed import Children, choose_master, find_children, find_masters
from cyrtui.services.proc_files import ProcFile
from tests.services.builders import MASTER, SQUEEZE_CONF, listener, master, process, resolve, snapshot


class TestMaster:
    @pytest.mark.parametrize(
        "one",
        [
            process(5, "cyrmaster", "/usr/sbin/cyrmaster", "-d"),
            process(5, "cyrmaster", user="root"),
            process(5, "master", "/usr/lib/cyrus/bin/master", "-p", "/run/cyrus-master.pid"),
            process(5, "master", "/usr/cyrus/bin/master", "-d"),
            process(5, "cyrus-master", "/usr/libexec/cyrus-imapd/cyrus-master"),
            process(5, "master", "master", "-d", user="cyrus"),
        ],
    )
    def test_found(self, one: Process) -> None:
        assert [found.pid for found in find_masters(snapshot([one]))] == [5]

    @pytest.mark.parametrize(
        "one",
        [
            process(5, "master", "/usr/lib/postfix/sbin/master", "-w", user="root"),
            process(5, "master", "/usr/libexec/postfix/master", "-w", user="root"),
            process(5, "master", "master", user="root"),
            process(5, "webmaster", "/opt/cyrus/webmaster"),
        ],
    )
    def test_not_it(self, one: Process) -> None:
        assert find_masters(snapshot([one])) == ()

    def test_children_give_away_a_nameless_one(self) -> None:
        found = find_masters(
            snapshot([process(5, "master", "/opt/mail/bin/master", user="root"), process(6, "imapd", ppid=5)])
        )
        assert [one.pid for one in found] == [5]

    def test_a_child_before_its_exec_is_no_master(self) -> None:
        found = find_masters(
            snapshot([master(5), process(6, "cyrmaster", "/usr/sbin/cyrmaster", "-d", ppid=5)])
        )
        assert [one.pid for one in found] == [5]

    def test_its_files(self) -> None:
        (one,) = find_masters(snapshot([master(5, "cyrmaster", "-C", "/a/imapd.conf", "-M/a/cyrus.conf")]))
        assert (one.imapd_conf, one.cyrus_conf) == ("/a/imapd.conf", "/a/cyrus.conf")
        (one,) = find_masters(snapshot([master(5)]))
        assert (one.imapd_conf, one.cyrus_conf) == ("/etc/imapd.conf", "/etc/cyrus.conf")

    def test_of_several_the_one_with_this_file(self) -> None:
        masters = find_masters(snapshot([master(5, "cyrmaster", "-M", "/b"), master(6)]))
        chosen = choose_master(masters, "/etc/cyrus.conf")
        assert chosen is not None
        assert chosen.pid == 6
        assert choose_master(masters, "/c") is None


class TestChildren:
    services: tuple[DeclaredService, ...] = declare(parse_cyrus_conf(SQUEEZE_CONF), resolve)
    imap = listener("127.0.0.1", 143, MASTER, 31, 32)

    def children(self, *processes: Process, files: dict[int, ProcFile] | None = None) -> Children:
        seen = snapshot([master(), *processes], [self.imap])
        (one,) = find_masters(seen)
        return find_children(seen, one, self.services, {self.imap.inode: "imap"}, files or {})

    def test_by_the_socket_it_holds(self) -> None:
        found = self.children(process(31, "x", ppid=MASTER), process(33, "x", ppid=MASTER))
        assert found.by_service["imap"] == {31}
        assert {one.pid for one in found.processes} == {31, 33}

    def test_by_its_proc_file(self) -> None:
        found = self.children(
            process(40, "imapd", "title", ppid=MASTER), files={40: ProcFile(40, "imaps", "", "", "", "")}
        )
        assert found.by_service["imaps"] == {40}

    def test_by_its_command_line(self) -> None:
        found = self.children(
            process(41, "imapd", "imapd", "-s", "-U", "30", ppid=MASTER),
            process(42, "timsieved", "timsieved", ppid=MASTER),
        )
        assert found.by_service["imaps"] == {41}
        assert found.by_service["sieve"] == {42}

    def test_by_its_title(self) -> None:
        found = self.children(process(43, "imapd", "imaps: localhost [::1] bob", ppid=MASTER))
        assert found.by_service["imaps"] == {43}

    def test_what_cannot_be_told(self) -> None:
        found = self.children(process(44, "imapd", "imapd", "-X", ppid=MASTER))
        assert found.unsure == {44: ("imap", "imaps")}
        assert not any(found.by_service.values())

    def test_events_and_strangers_are_of_no_service(self) -> None:
        found = self.children(
            process(45, "ctl_cyrusdb", "/usr/sbin/ctl_cyrusdb", "-c", ppid=MASTER),
            process(46, "imapd", "imapd", "-U", "30", ppid=1),
        )
        assert not any(found.by_service.values())
        assert found.unsure == {}
        assert {one.pid for one in found.processes} == {45}
