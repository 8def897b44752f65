"""What an apply will do, from the files and the server as it is found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from cyrtui.apply.diff import masked_diff
from cyrtui.apply.original import read_original, same_now
from cyrtui.apply.plan import ApplyPlan, make_plan
from cyrtui.host.facts import FileFacts, Listener
from cyrtui.host.protocol import HostName
from cyrtui.settings import Settings, load_settings
from tests.services.builders import MASTER, FakeHost, listener, master, process, snapshot

CYRUS = """\
START {
  recover cmd="ctl_cyrusdb -r"
}
SERVICES {
  imap  cmd="imapd" listen="localhost:imap" prefork=0 maxchild=10
  pop3  cmd="pop3d" listen="1110" maxchild=10
}
EVENTS {
  checkpoint cmd="ctl_cyrusdb -c" period=30
  delprune cmd="cyr_expire -E 3" at=0401
}
"""
IMAPD = """\
configdirectory: /var/lib/cyrus
proc_path: /run/cyrus/proc
allowplaintext: no
sasl_ldapdb_pw: oldsecret
"""
SOCKETS = [("127.0.0.1", 143), ("::1", 143), ("0.0.0.0", 1110), ("::", 1110)]


@dataclass
class Server(FakeHost):
    """A running Cyrus on this machine, as the plan asks for it."""

    @property
    def name(self) -> HostName:
        return HostName("mail", "local", "UTC")

    def stat(self, path: str) -> FileFacts:
        if path.startswith(("/var/lib/cyrus", "/run/cyrus")):
            return FileFacts(path, 0, 0.0, 0o40755, 0, 0, (1, 2))
        return super().stat(path)


def server(
    tmp_path: Path, *, user: str = "cyrus", runs: bool = True, **files: str
) -> tuple[Server, Settings]:
    texts = {"cyrus.conf": CYRUS, "imapd.conf": IMAPD, **{k.replace("_", "."): v for k, v in files.items()}}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    cyrus_conf, imapd_conf = (str(tmp_path / name) for name in ("cyrus.conf", "imapd.conf"))
    held: list[Listener] = [listener(address, port, MASTER) for address, port in SOCKETS]
    argv = ("/usr/sbin/cyrmaster", "-d", "-M", cyrus_conf, "-C", imapd_conf)
    seen = snapshot(
        [master(MASTER, *argv, user=user), process(301, "imapd", ppid=MASTER)] if runs else [],
        held if runs else [],
    )
    known = {str(tmp_path / name): text.encode() for name, text in texts.items()}
    known |= {
        "/etc/services": b"imap 143/tcp\npop3 110/tcp\n",
        "/etc/imapd.conf": texts["imapd.conf"].encode(),
        "/run/cyrus/proc/301": b"imap\tlocalhost [127.0.0.1]\ttoto\tINBOX\t\n",
    }
    settings = load_settings(
        {
            "cyrus_conf": cyrus_conf,
            "imapd_conf": imapd_conf,
            "restart_command": ("/bin/restart",),
            "reload_command": ("/bin/reload",),
        },
        environment={},
        system_file=str(tmp_path / "none.toml"),
        config=None,
    )
    return Server(known, seen), settings


def plan(tmp_path: Path, name: str, old: str, new: str, **how: object) -> ApplyPlan:
    """The plan of replacing `old` by `new` in one of the two files."""
    host, settings = server(tmp_path, **how)  # type: ignore[arg-type]
    original = read_original(str(tmp_path / name))
    assert old in original.data.decode()
    found = make_plan(host, settings, original, original.data.decode().replace(old, new).encode())
    assert found.errors == ()
    return found


def test_a_comment_needs_nothing(tmp_path: Path) -> None:
    found = plan(tmp_path, "cyrus.conf", "START {", "# a comment\nSTART {")
    assert (found.effect.need, found.way, found.ready) == ("nothing", None, True)
    assert found.effect.notes == ("Nothing that Cyrus reads has changed.",)


def test_maxchild_is_taken_on_reload_and_no_session_is_dropped(tmp_path: Path) -> None:
    found = plan(tmp_path, "cyrus.conf", "prefork=0 maxchild=10", "prefork=0 maxchild=20")
    assert found.effect.need == "reload"
    assert found.effect.sentence == "A reload is enough (SIGHUP): 1 session stays (imap 1)."
    assert (found.effect.dropped, found.effect.appears, found.effect.goes) == ((), (), ())
    assert found.way is not None
    assert found.way.shown == "/bin/reload"
    assert found.backup.startswith(f"{tmp_path}/cyrus.conf.20")


def test_a_closed_service_takes_its_ports_away(tmp_path: Path) -> None:
    found = plan(tmp_path, "cyrus.conf", '  pop3  cmd="pop3d" listen="1110" maxchild=10\n', "")
    assert found.effect.need == "restart"
    assert "pop3 is closed: a SIGHUP would do that, but the next one" in found.effect.reasons[1]
    assert [one.place for one in found.effect.goes] == ["0.0.0.0:1110", "[::]:1110"]


def test_a_low_port_takes_a_restart_where_cyrmaster_gave_up_root(tmp_path: Path) -> None:
    found = plan(tmp_path, "cyrus.conf", 'listen="1110"', 'listen="pop3"')
    assert found.effect.need == "restart"
    assert any("may not open port 110 for pop3 on SIGHUP" in one for one in found.effect.reasons)
    assert [one.place for one in found.effect.appears] == ["0.0.0.0:110", "[::]:110"]
    assert found.effect.sentence == "Cyrus will be restarted: 1 session is dropped (imap 1)."
    assert [(one.service, one.count) for one in found.effect.dropped] == [("imap", 1)]


def test_a_new_service_is_opened_on_reload_where_cyrmaster_may_open_its_port(tmp_path: Path) -> None:
    new = 'SERVICES {\n  nntp cmd="nntpd" listen="%s"\n'
    high = plan(tmp_path, "cyrus.conf", "SERVICES {\n", new % "1119")
    assert high.effect.need == "reload"
    assert plan(tmp_path, "cyrus.conf", "SERVICES {\n", new % "119").effect.need == "restart"
    assert plan(tmp_path, "cyrus.conf", "SERVICES {\n", new % "119", user="root").effect.need == "reload"


def test_a_moved_service_takes_a_restart(tmp_path: Path) -> None:
    found = plan(tmp_path, "cyrus.conf", 'listen="1110"', 'listen="1111"')
    assert found.effect.need == "restart"
    assert "pop3 is moved" in found.effect.reasons[1]


def test_a_socket_that_changes_hands_takes_a_restart(tmp_path: Path) -> None:
    found = plan(tmp_path, "cyrus.conf", "  pop3  cmd", "  pop3new  cmd")
    assert found.effect.need == "restart"
    assert any("takes a socket that pop3 has now" in one for one in found.effect.reasons)
    assert found.effect.appears == found.effect.goes == ()


def test_start_runs_only_at_the_start(tmp_path: Path) -> None:
    assert plan(tmp_path, "cyrus.conf", "ctl_cyrusdb -r", "ctl_cyrusdb -r -x").effect.need == "restart"


def test_events_with_a_period_run_at_once(tmp_path: Path) -> None:
    found = plan(tmp_path, "cyrus.conf", "period=30", "period=60")
    assert found.effect.need == "reload"
    assert "run at once: checkpoint." in found.effect.reasons[0]


@pytest.mark.parametrize(
    ("old", "new", "need"),
    [
        ("allowplaintext: no", "allowplaintext: yes", "reload"),
        ("allowplaintext: no", "allowplaintext:no\n# words", "nothing"),
        ("allowplaintext: no", "allowplaintext: no\nsyslog_prefix: cyrus", "restart"),
        ("allowplaintext: no", "allowplaintext: no\nmboxlist_db: twoskip", "restart"),
        ("allowplaintext: no", "allowplaintext: no\nimap_idlesocket: /run/idle", "restart"),
    ],
)
def test_options(tmp_path: Path, old: str, new: str, need: str) -> None:
    assert plan(tmp_path, "imapd.conf", old, new).effect.need == need


def test_a_stopped_cyrmaster_is_started(tmp_path: Path) -> None:
    found = plan(tmp_path, "cyrus.conf", "maxchild=10", "maxchild=20", runs=False)
    assert found.effect.starts
    assert found.way is not None
    assert found.way.action == "restart"


def test_errors_refuse_and_name_their_line(tmp_path: Path) -> None:
    host, settings = server(tmp_path)
    original = read_original(str(tmp_path / "cyrus.conf"))
    found = make_plan(host, settings, original, CYRUS.replace('"imapd"', '"imapd').encode())
    assert found.refused
    assert found.refusal is not None
    assert f"{tmp_path}/cyrus.conf:5: error:" in found.refusal
    same = make_plan(host, settings, original, original.data)
    assert (same.unchanged, same.ready) == (True, False)


def test_a_broken_file_beside_it_blocks(tmp_path: Path) -> None:
    host, settings = server(tmp_path, imapd_conf=IMAPD + "allowplaintext: yes\n")
    original = read_original(str(tmp_path / "cyrus.conf"))
    found = make_plan(host, settings, original, CYRUS.replace("maxchild=10", "maxchild=9").encode())
    assert (found.errors, found.ready) == ((), False)
    assert found.blocked is not None
    assert "imapd.conf is broken" in found.blocked
    # with both broken, each can be mended in its turn
    broken = CYRUS.replace('"imapd"', '"imapd')
    host, settings = server(tmp_path, imapd_conf=IMAPD + "allowplaintext: yes\n", cyrus_conf=broken)
    original = read_original(str(tmp_path / "cyrus.conf"))
    found = make_plan(host, settings, original, CYRUS.encode())
    assert (found.ready, found.effect.need) == (True, "nothing")


def test_the_diff_has_no_password_and_shows_that_it_changed() -> None:
    new = IMAPD.replace("oldsecret", "newsecret").rstrip("\n").encode()
    lines = masked_diff("/etc/imapd.conf", IMAPD.encode(), new)
    assert lines == (
        "--- /etc/imapd.conf",
        "+++ /etc/imapd.conf (candidate)",
        "@@ -1,4 +1,4 @@",
        " configdirectory: /var/lib/cyrus",
        " proc_path: /run/cyrus/proc",
        " allowplaintext: no",
        "-sasl_ldapdb_pw: ***",
        "+sasl_ldapdb_pw: ***",
        "\\ No newline at end of file",
    )


def test_whether_a_file_is_still_the_one_that_was_read(tmp_path: Path) -> None:
    path = tmp_path / "cyrus.conf"
    path.write_text(CYRUS)
    (tmp_path / "link").symlink_to(path)
    original = read_original(str(tmp_path / "link"))
    assert (original.target, original.is_symlink) == (str(path), True)
    assert same_now(original)
    path.write_text(CYRUS.replace("10", "11"))
    assert not same_now(original)


def test_an_included_file_is_judged_as_a_part_of_its_imapd_conf(tmp_path: Path) -> None:
    more = tmp_path / "more.conf"
    text = f"{IMAPD}@include: {more}\n"
    host, settings = server(tmp_path, imapd_conf=text, more_conf="timeout: 30\n")
    original = read_original(str(more))
    good = make_plan(host, settings, original, b"timeout: 45\n")
    assert (good.errors, good.kind, good.effect.need) == ((), "imapd.conf", "reload")
    bad = make_plan(host, settings, original, b"timeout: 45\nallowplaintext: yes\n")
    assert [(one.file, one.line) for one in bad.errors] == [(str(more), 2)]


def test_what_the_candidate_breaks_in_the_other_file_refuses_it(tmp_path: Path) -> None:
    host, settings = server(tmp_path)
    original = read_original(str(tmp_path / "cyrus.conf"))
    candidate = CYRUS.replace('"pop3d"', '"pop3d -s"').encode()
    assert make_plan(host, settings, original, candidate).refused


def test_an_imapd_conf_that_nobody_reads_is_only_written(tmp_path: Path) -> None:
    host, settings = server(tmp_path, other_conf="configdirectory: /var/lib/cyrus\n")
    other = tmp_path / "other.conf"
    found = make_plan(host, settings, read_original(str(other)), b"configdirectory: /var/lib/cyrus2\n")
    assert found.effect.need == "nothing"
    assert "reads" in found.effect.notes[0]


def test_a_daemon_is_taken_on_by_a_reload_and_off_by_a_restart(tmp_path: Path) -> None:
    daemons = 'DAEMON {\n  idled cmd="idled"\n}\n'
    assert plan(tmp_path, "cyrus.conf", "EVENTS {", f"{daemons}EVENTS {{").effect.need == "reload"
    with_one = CYRUS + daemons
    found = plan(tmp_path, "cyrus.conf", '  idled cmd="idled"\n', "", cyrus_conf=with_one)
    assert found.effect.need == "restart"
    assert "idled is closed: a SIGHUP would do that" in " ".join(found.effect.reasons)


@pytest.mark.parametrize("candidate", [b"", b"\x7fELF\0\0", CYRUS.replace("SERVICES", "SERVICE").encode()])
def test_what_is_no_configuration_is_refused(tmp_path: Path, candidate: bytes) -> None:
    host, settings = server(tmp_path)
    found = make_plan(host, settings, read_original(str(tmp_path / "cyrus.conf")), candidate)
    assert found.refused
    assert "no-services" in {one.code for one in found.errors}


def test_a_port_that_another_program_holds_is_said_beforehand(tmp_path: Path) -> None:
    host, settings = server(tmp_path)
    assert host.seen is not None
    seen = host.seen
    host.seen = seen._replace(
        processes=(*seen.processes, process(900, "nginx")),
        listeners=(*seen.listeners, listener("::", 8080, 900)),
    )
    candidate = CYRUS.replace("SERVICES {\n", 'SERVICES {\n  http cmd="httpd" listen="8080"\n')
    found = make_plan(host, settings, read_original(str(tmp_path / "cyrus.conf")), candidate.encode())
    assert found.effect.notes == ("[::]:8080 is held by nginx (pid 900) now: http cannot open it.",)
