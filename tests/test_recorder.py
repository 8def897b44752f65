"""A recording holds what the console needs, with its timing, and no password."""

import gzip
import io
import threading
import time
from pathlib import Path

import pytest

from cyrtui.console import Console
from cyrtui.host.recording import read_recording
from cyrtui.host.tree import TreeHost
from cyrtui.logs.record import LogRole
from cyrtui.recorder import RecordPlan, record
from cyrtui.settings import load_settings

ARTICLE = Path(__file__).parent / "recordings" / "article"
CYRUS_CONF = """SERVICES {
  imap cmd="imapd -U 30" listen="localhost:143" prefork=0 maxchild=10
}
EVENTS {
  probe cmd="/usr/bin/imtest -w topsecretword localhost" period=5
}
"""
IMAPD_CONF = """configdirectory: /var/lib/cyrus
sasl_ldapdb_id: cyrus
sasl_ldapdb_pw: highsecuritypassword
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("etc", "var/log", "var/lib/cyrus/proc"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/hostname").write_text("samchiel\n")
    (tmp_path / "etc/cyrus.conf").write_text(CYRUS_CONF)
    (tmp_path / "etc/imapd.conf").write_text(IMAPD_CONF)
    for name in ("mail.info", "auth.log", "slapd.log"):
        (tmp_path / "var/log" / name).write_bytes((ARTICLE / name).read_bytes())
    return tmp_path


def recorded(root: Path, plan: RecordPlan, act: "threading.Thread | None" = None) -> bytes:
    out = io.BytesIO()
    settings = load_settings({}, environment={}, system_file="/nonexistent")
    stop = threading.Event()
    if act is not None:
        act.start()
    record(TreeHost(str(root)), settings, plan, out, stop)
    return out.getvalue()


def test_no_password_of_any_configuration_goes_in(root: Path) -> None:
    with (root / "var/log/mail.info").open("a") as log:
        log.write("May 10 13:12:00 samchiel cyrus/imap[1]: plaintext highsecuritypassword no\n")
    text = gzip.decompress(recorded(root, RecordPlan(seconds=0.2)))
    assert b"sasl_ldapdb_pw: ***" in text
    assert b"imtest -w *** localhost" in text
    assert b"plaintext *** no" in text
    assert b"highsecuritypassword" not in text
    assert b"topsecretword" not in text


def test_what_logrotate_is_told_stays_out(root: Path) -> None:
    """Its scripts are those of all programs of the server, and may hold their passwords."""
    (root / "etc/logrotate.conf").write_text("include /etc/logrotate.d\n")
    (root / "etc/logrotate.d").mkdir()
    (root / "etc/logrotate.d/database").write_text(
        "/var/log/db {\n postrotate\n  flush --password=verysecret\n endscript\n}\n"
    )
    text = gzip.decompress(recorded(root, RecordPlan(seconds=0.2)))
    assert b"/var/log/mail.info" in text
    assert b"logrotate" not in text
    assert b"verysecret" not in text


def test_lines_come_at_the_time_at_which_they_came(root: Path) -> None:
    def write() -> None:
        time.sleep(0.8)
        with (root / "var/log/mail.info").open("a") as log:
            log.write("May 10 13:12:00 samchiel cyrus/imap[1]: later\n")

    data = recorded(root, RecordPlan(seconds=1.6), threading.Thread(target=write))
    now = [0.0]
    recording = read_recording(io.BytesIO(data), "it", clock=lambda: now[0])
    before = (ARTICLE / "mail.info").stat().st_size
    assert recording.open_log("/var/log/mail.info").size() == before
    now[0] = 0.7
    assert recording.open_log("/var/log/mail.info").size() == before
    now[0] = 1.6
    assert recording.open_log("/var/log/mail.info").pread(100, before).endswith(b": later\n")


def test_history_begins_with_a_whole_line_and_is_bounded(root: Path) -> None:
    path = root / "var/log/slapd.log"
    lines = path.read_bytes().splitlines(keepends=True)
    data = recorded(root, RecordPlan(seconds=0.2, history=len(lines[-1]) + len(lines[-2]) + 3))
    recording = read_recording(io.BytesIO(data), "it")
    assert recording.open_log("/var/log/slapd.log").pread(1 << 20, 0) == lines[-2] + lines[-1]


def test_a_recording_shows_what_the_host_showed(root: Path) -> None:
    data = recorded(root, RecordPlan(seconds=0.2))
    settings = load_settings({}, environment={}, system_file="/nonexistent")
    shown = []
    for host in (TreeHost(str(root)), read_recording(io.BytesIO(data), "it", clock=lambda: 0.0)):
        console = Console(host, settings, None)
        console.open()
        for step in console.steps():
            if console.ready:
                assert step.traces is not None
                break
        view = console.lines(frozenset(LogRole), None)
        shown.append(
            (
                [(trace.user, trace.pid, trace.outcome, len(trace.events)) for trace in console.traces()],
                sorted(view.line(number).text for number in range(view.first, view.end)),
            )
        )
        console.stop()
        console.close()
    assert shown[0] == shown[1]
    assert shown[0][0] == [("toto", 4891, "ok", 21)]


def test_a_disk_that_fills_up_is_an_error_and_not_silence(root: Path) -> None:
    settings = load_settings({}, environment={}, system_file="/nonexistent")
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        record(TreeHost(str(root)), settings, RecordPlan(seconds=0.2), full, threading.Event())
