from cyrtui.host.facts import Process
from cyrtui.services.board import NoBoard, ServiceBoard, observe_services
from cyrtui.services.master_log import read_master_log
from tests.services.builders import (
    MASTER,
    NOON,
    SQUEEZE,
    SQUEEZE_CONF,
    FakeHost,
    listener,
    master,
    netstat,
    process,
    said,
    snapshot,
)

SERVICES = b"imap 143/tcp\nimaps 993/tcp\nsieve 4190/tcp\npop3 110/tcp\n"
FILES = {
    "/etc/cyrus.conf": SQUEEZE_CONF,
    "/etc/imapd.conf": (SQUEEZE / "imapd.conf").read_bytes(),
    "/etc/services": SERVICES,
}
CHILDREN = (process(31, "imapd", ppid=MASTER), process(32, "imapd", ppid=MASTER))
SOCKETS = [*netstat("netstat-restricted.txt")[:1], listener("127.0.0.1", 143, MASTER, 31, 32)]


def host(*processes: Process, files: dict[str, bytes] | None = None, closed: str = "") -> FakeHost:
    return FakeHost(
        {**FILES, **(files or {})},
        snapshot([master(), *processes], SOCKETS),
        closed=frozenset({closed} if closed else ()),
    )


def board(on: FakeHost) -> ServiceBoard:
    found = observe_services(
        on, "/etc/cyrus.conf", read_master_log(said("11:00:00 x, disabling lmtp"), ["/m"])
    )
    assert isinstance(found, ServiceBoard)
    return found


def test_the_whole() -> None:
    found = board(
        host(
            *CHILDREN, files={"/var/lib/cyrus/proc/31": b"imap\th [1]\t\t\t\n", "/var/lib/cyrus/proc/99": b""}
        )
    )
    imap, imaps, lmtp, _ = found.table.rows
    assert (imap.state, imap.children, imap.busy, imap.line) == ("partly", 2, 1, 7)
    assert imaps.state == "partly"
    assert lmtp.reason == '"lmtp" is no name in /etc/services; cyrmaster disabled it at 11:00:00'
    assert found.table.unseen == ()
    assert found.conf.faults == ()


def test_no_cyrus_conf() -> None:
    assert observe_services(FakeHost({}, None)) == NoBoard("/etc/cyrus.conf does not exist.")


def test_no_permission() -> None:
    found = observe_services(host(closed="/etc/cyrus.conf"))
    assert found == NoBoard("/etc/cyrus.conf cannot be read: permission denied.")


def test_processes_that_cannot_be_seen() -> None:
    found = board(FakeHost(FILES, None))
    assert {(row.state, row.exposure, row.children) for row in found.table.rows} == {("unknown", None, None)}
    assert {row.reason for row in found.table.rows} == {"A copied tree has no processes."}
    assert found.table.unseen == ("A copied tree has no processes.",)
    assert found.table.taken == NOON


def test_imapd_conf_that_is_closed_leaves_busy_open() -> None:
    found = board(host(*CHILDREN, closed="/etc/imapd.conf"))
    assert found.table.rows[0].busy is None
    assert found.table.unseen == (
        "Which processes have a client cannot be told: /etc/imapd.conf cannot be read: permission denied.",
    )


def test_proc_files_are_those_of_the_services_own_configuration() -> None:
    files = {
        "/etc/cyrus.conf": SQUEEZE_CONF.replace(b'"imapd -U 30"', b'"imapd -U 30 -C /etc/other.conf"'),
        "/etc/other.conf": b"configdirectory: /x\nproc_path: /run/p\n",
        "/run/p/31": b"imap\th [1]\t\t\t\n",
        # of no service: imap reads another file
        "/etc/imapd.conf": FILES["/etc/imapd.conf"] + b"imap_proc_path: /run/wrong\n",
        "/run/wrong/32": b"imap\th [1]\t\t\t\n",
    }
    assert board(host(*CHILDREN, files=files)).table.rows[0].busy == 1


def test_a_snapshot_that_was_taken_already_is_used() -> None:
    seen = snapshot([], SOCKETS)
    found = observe_services(FakeHost(FILES, None), snapshot=seen)
    assert isinstance(found, ServiceBoard)
    assert found.table.master is None


def test_times_are_told_in_the_hosts_zone() -> None:
    on = host()
    on.zone = "Europe/Paris"
    assert "at 12:00:00" in (board(on).table.rows[2].reason or "")


def test_a_zone_that_nobody_knows() -> None:
    on = host()
    on.zone = "../etc/passwd"
    assert board(on).table.rows[2].reason


def test_a_broken_file_still_shows() -> None:
    broken = SQUEEZE_CONF.replace(b"sieve  ", b"si-eve ")
    found = board(host(files={"/etc/cyrus.conf": broken}))
    assert [row.name for row in found.table.rows] == ["imap", "imaps", "lmtp", "si-eve"]
    assert [fault.line for fault in found.conf.faults] == [10]


def test_a_cyrmaster_of_2_4_reads_its_file_as_2_4_does() -> None:
    # up to 2.4 whatever stands between is no matter; since 2.5 it is an error
    conf = b'SERVICES {\n imap cmd="imapd" , listen="localhost:imap"\n}\n'
    on = host(files={"/etc/cyrus.conf": conf})
    assert on.seen is not None
    assert [fault.severity for fault in board(on).conf.faults] == ["error"]
    on.seen = on.seen._replace(versions=((MASTER, "2.4.17-Debian"),))
    found = board(on)
    assert found.conf.faults == ()
    assert found.table.rows[0].listen == "localhost:imap"
    assert found.table.master is not None
    assert found.table.master.version == "2.4.17-Debian"
