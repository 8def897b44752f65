"""What needs attention comes gravest first, and each line knows its place."""

from cyrtui.attention import attention_lines
from cyrtui.services.board import NoBoard, observe_services
from cyrtui.services.master_log import read_master_log
from tests.services.builders import MASTER, NOON, FakeHost, listener, master, said, snapshot


def test_gravest_first_and_nothing_twice() -> None:
    lines = attention_lines(
        NoBoard("/etc/cyrus.conf does not exist."),
        [("wrong password", 5), ("no such user", 1)],
        ["/var/log/mail.info cannot be read: permission denied."],
        ["No log of slapd was found."],
    )
    assert [(line.gravity, line.place) for line in lines] == [
        ("critical", "services"),
        ("critical", "logs"),
        ("warning", "logins"),
        ("warning", "logins"),
        ("note", "logs"),
    ]
    assert lines[2].sentence == "5 logins failed in the last hour: wrong password"
    assert lines[3].sentence == "1 login failed in the last hour: no such user"


def test_a_quiet_server_needs_nothing() -> None:
    assert attention_lines(None, [], [], []) == ()


def test_every_line_of_the_services_names_its_place() -> None:
    conf = b"""SERVICES {
 imap cmd="imapd" listen="127.0.0.1:143" bogus=1
 imaps cmd="imapd -s" listen="993" maxchild=5
}
EVENTS {
 checkpoint cmd="ctl_cyrusdb -c" period=30 whenever=1
}
"""
    files = {"/etc/cyrus.conf": conf, "/etc/imapd.conf": b"configdirectory: /x\n"}
    failed = "process type:EVENT name:checkpoint path:/x/ctl_cyrusdb age:1s pid:9 exited, status 75"
    log = read_master_log(said("11:00:00 got SIGHUP", f"11:58:00 {failed}"), ["/m"])
    seen = snapshot([master()], [listener("0.0.0.0", 993, MASTER), listener("::", 993, MASTER)])
    board = observe_services(FakeHost(files, seen, changed=NOON - 60), log=log)
    lines = attention_lines(board, [], [], [])
    found = {(line.gravity, line.place, line.what): line.sentence for line in lines}
    assert [line.gravity for line in lines] == sorted(
        (line.gravity for line in lines), key=["critical", "warning", "note"].index
    )
    assert found["critical", "services", "imap"] == "imap does not listen"
    assert found["warning", "services", None].startswith("/etc/cyrus.conf was changed at 11:59:00")
    assert found["warning", "services", "imap"].startswith("/etc/cyrus.conf:2: ")
    by_schedule = [line.sentence for line in lines if line.what == "EVENTS checkpoint"]
    assert by_schedule[0] == "checkpoint (EVENTS) failed: exited, status 75"
    assert by_schedule[1].startswith("/etc/cyrus.conf:6: ")
    assert found["note", "services", "imap"].startswith("imap has no maxchild")
    assert ("note", "schedule", None) in found
