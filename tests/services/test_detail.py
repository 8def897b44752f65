"""One service in full, and what its switches mean."""

from cyrtui.host.facts import Connection
from cyrtui.services.board import ServiceBoard, observe_services
from cyrtui.services.clients import Tally
from cyrtui.services.detail import service_detail
from cyrtui.services.master_log import read_master_log
from cyrtui.services.switches import explain_cmd
from tests.services.builders import (
    MASTER,
    NOON,
    SQUEEZE,
    SQUEEZE_CONF,
    FakeHost,
    listener,
    master,
    process,
    records,
    snapshot,
)

PROC = "/var/lib/cyrus/proc"
FILES = {
    "/etc/cyrus.conf": SQUEEZE_CONF,
    "/etc/imapd.conf": (SQUEEZE / "imapd.conf").read_bytes(),
    f"{PROC}/31": b"imap\tpc7.example.net [10.1.2.3]\ttoto\tuser.toto\tIdle\n",
    f"{PROC}/32": b"imap\t[10.1.2.3]\ttoto\t\t\n",
    f"{PROC}/33": b"imap\t[10.1.2.4]\tmireille\tuser.mireille\t\n",
}
LINES = (
    "Nov 22 11:00:00 mail cyrus/master[27013]: ready for work",
    "Nov 22 11:10:00 mail cyrus/imap[31]: IOERROR: opening /x: No such file",
    "Nov 22 11:11:00 mail cyrus/imaps[50]: IOERROR: of another service",
    "Nov 22 11:11:00 mail cyrus/imap[32]: IOERROR: opening /x: No such file",
    "Nov 22 11:12:00 mail cyrus/imap[32]: login: [10.1.2.3] toto plaintext User logged in",
    "Nov 22 11:13:00 mail cyrus/imap[34]: Fatal error: can't write proc file",
    "Nov 22 11:13:00 mail cyrus/master[27013]: process type:SERVICE name:imap path:/usr/lib/cyrus/bin/imapd "
    "age:3.022s pid:34 exited, status 74",
)


def host(*clients: Connection) -> FakeHost:
    children = [process(pid, "imapd", ppid=MASTER, started=NOON - pid) for pid in (31, 32, 33, 35)]
    seen = snapshot([master(), *children], [listener("127.0.0.1", 143, MASTER, 31, 32, 33, 35, queue=1)])
    return FakeHost(FILES, seen, clients=clients)


def board(on: FakeHost) -> ServiceBoard:
    found = observe_services(on, log=read_master_log(records(LINES), ["/m"]))
    assert isinstance(found, ServiceBoard)
    return found


def test_children_with_user_address_mailbox_and_age() -> None:
    on = host()
    found = service_detail(on, board(on), "imap")
    assert found is not None
    assert [(c.pid, c.user, c.address, c.mailbox, c.command) for c in found.children] == [
        (33, "mireille", "10.1.2.4", "user.mireille", ""),
        (32, "toto", "10.1.2.3", "", ""),
        (31, "toto", "10.1.2.3", "user.toto", "Idle"),
        (35, "", "", "", ""),
    ]
    assert found.children[2].client == "pc7.example.net [10.1.2.3]"
    assert [found.taken - c.started for c in found.children] == [33, 32, 31, 35]
    assert (found.children[0].since, found.children[3].since) == (on.changed, None)
    assert found.served == 3
    assert found.clients == (Tally("toto", "10.1.2.3", 2), Tally("mireille", "10.1.2.4", 1))


def test_who_waits() -> None:
    waiting = Connection("tcp", "127.0.0.1", 143, "10.9.9.9", 5001, accepted=False)
    served = Connection("tcp", "127.0.0.1", 143, "10.1.2.3", 5000, accepted=True)
    elsewhere = Connection("tcp", "192.168.1.5", 143, "10.1.2.9", 5000, accepted=True)
    on = host(waiting, served, elsewhere)
    found = service_detail(on, board(on), "imap")
    assert found is not None
    assert (found.waiting, found.connected) == ((waiting,), 1)


def test_the_last_failures_newest_first() -> None:
    on = host()
    found = service_detail(on, board(on), "imap")
    assert found is not None
    assert [(one.word.text, one.count) for one in found.failures] == [
        (LINES[6].partition("]: ")[2], 1),
        ("Fatal error: can't write proc file", 1),
        ("IOERROR: opening /x: No such file", 2),
    ]
    # the last line of those that say the same
    assert found.failures[2].word.time == NOON - 3000 + 60


def test_a_service_that_is_not_there() -> None:
    on = host()
    assert service_detail(on, board(on), "pop3") is None


def test_switches_in_words() -> None:
    assert explain_cmd(("/usr/lib/cyrus/bin/imapd", "-s", "-U", "30", "-Z", "x", "-C")) == (
        ("/usr/lib/cyrus/bin/imapd", "the IMAP server"),
        ("-s", "speaks TLS from the first byte (imaps)"),
        ("-U 30", "a process serves 30 clients, then makes room for a new one"),
        ("-Z", "an option that is not known here"),
        ("x", "an argument"),
        ("-C", "needs an argument behind it"),
    )
    assert explain_cmd(("lmtpd", "-a"))[1] == ("-a", "takes mail from anybody without asking for a login")
    # the same switch means another thing elsewhere
    assert explain_cmd(("timsieved", "-s"))[1] == ("-s", "an option that is not known here")
    assert explain_cmd(()) == ()
