"""The journal through the real journalctl, on journal files that systemd's own tool has written."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cyrtui.errors import FileUnreadable
from cyrtui.host import journal as journal_module
from cyrtui.host.journal import JournalFile, JournalPiece, line_of
from cyrtui.host.tree import TreeHost
from cyrtui.logs.record import LogRole
from cyrtui.logs.records import RecordFeed
from cyrtui.logs.sources import JOURNAL, find_sources
from cyrtui.logs.store import LineStore
from cyrtui.logs.view import LineView

MACHINE = "0123456789abcdef0123456789abcdef"
REMOTE = Path("/lib/systemd/systemd-journal-remote")
BEGAN = 1_795_335_356
KINDS = ((2, 6, "cyrus/imap", "m"), (20, 7, "slapd", "s"), (10, 5, "saslauthd", "a"), (9, 6, "CRON", "other"))
ALL = frozenset(LogRole)


def exported(numbers: range) -> bytes:
    """Entries in the journal's export format (systemd's JOURNAL_EXPORT_FORMATS), one a second."""
    entries = []
    for number in numbers:
        facility, priority, ident, letter = KINDS[number % 4]
        entries.append(
            f"__REALTIME_TIMESTAMP={(BEGAN + number) * 1_000_000}\n__MONOTONIC_TIMESTAMP={number + 1}\n"
            f"_BOOT_ID={MACHINE}\n_MACHINE_ID={MACHINE}\n_HOSTNAME=mx\nPRIORITY={priority}\n"
            f"SYSLOG_FACILITY={facility}\nSYSLOG_IDENTIFIER={ident}\nSYSLOG_PID=7\n"
            f"MESSAGE={letter} {number}\n\n"
        )
    return "".join(entries).encode()


class Journal:
    """A copied tree whose only log is a journal."""

    def __init__(self, root: Path) -> None:
        assert REMOTE.exists(), "apt-get install systemd-journal-remote (tests/lab/packages.py does)"
        self.root = root
        self.place = root / "var/log/journal" / MACHINE
        self.place.mkdir(parents=True)
        self.files = 0

    def write(self, numbers: range) -> None:
        """Add entries. The tool makes a file of its own each time, as journald does when it rotates."""
        self.files += 1
        output = self.place / ("system.journal" if self.files == 1 else f"system@{self.files}.journal")
        done = subprocess.run(
            [REMOTE, f"--output={output}", "-"], input=exported(numbers), capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr

    @property
    def host(self) -> TreeHost:
        return TreeHost(str(self.root))


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setattr(journal_module, "AT_FIRST", 40)
    monkeypatch.setattr(journal_module, "A_CHUNK", 50)
    return Journal(tmp_path)


def wanted(numbers: range) -> list[str]:
    return [f"{KINDS[number % 4][3]} {number}" for number in numbers if number % 4 != 3]


def texts(view: LineView) -> list[str]:
    return [line.text for line in view.lines(view.first, view.end)]


def until(met: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not met():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.02)


def test_where_no_file_is_the_journal_is_the_log(journal: Journal) -> None:
    journal.write(range(4))
    found = find_sources(journal.host)
    (source,) = found.sources
    assert (source.path, source.roles, source.mixed, source.problem) == (JOURNAL, ALL, True, None)
    assert source.why.startswith("The systemd journal is the mail and auth and slapd log: there is no file")
    (journal.root / "var/log/mail.log").write_text("Nov 22 08:15:56 mx cyrus/imap[1]: accepted connection\n")
    first, rest = find_sources(journal.host).sources
    assert (first.path, first.roles) == ("/var/log/mail.log", frozenset({LogRole.MAIL}))
    assert (rest.path, rest.roles) == (JOURNAL, frozenset({LogRole.AUTH, LogRole.SLAPD}))


def test_the_journal_is_read_back_to_its_beginning_and_followed(journal: Journal) -> None:
    journal.write(range(600))
    host = journal.host
    store = LineStore(host, find_sources(host))
    store.open()
    view = store.view(ALL)
    assert 0 < view.end - view.first <= 40
    assert texts(view)[-3:] == wanted(range(596, 600))
    while store.poll().more or not store.backfill(0.5).done:
        pass
    assert texts(view) == wanted(range(600))
    lines = view.lines(view.first, view.end)
    assert [line.time for line in lines] == [BEGAN + number for number in range(600) if number % 4 != 3]
    assert {line.role for line in lines if line.text.startswith("s ")} == {LogRole.SLAPD}
    assert {(line.ident, line.pid, line.host) for line in lines if line.text.startswith("m ")} == {
        ("cyrus/imap", 7, "mx")
    }
    journal.write(range(600, 640))

    def came() -> bool:
        store.poll()
        return texts(view)[-1] == wanted(range(640))[-1]

    until(came, "new entries of the journal")
    assert texts(view) == wanted(range(640))
    assert store.problems == ()
    store.close()


def test_a_moment_of_the_journals_past(journal: Journal) -> None:
    journal.write(range(600))
    host = journal.host
    store = LineStore(host, find_sources(host), limit=60)
    store.open()
    past = store.at_time(BEGAN + 300.0, limit=500)
    past.open()
    view = past.view(ALL)
    while past.poll().more or not past.backfill(0.5).done:
        pass
    number = view.at_time(BEGAN + 300.0)
    assert number is not None
    assert view.line(number).text == "m 300"
    shown = texts(view)
    assert shown == wanted(range(600))[: len(shown)]
    past.close()
    store.close()


@pytest.mark.parametrize("since", [0, 130, 131])
def test_the_whole_past_is_fed_piece_by_piece(journal: Journal, since: int) -> None:
    journal.write(range(400))
    host = journal.host
    feed = RecordFeed(host, find_sources(host), since=float(BEGAN + since), limit=None, archives=True)
    found: list[str] = []
    more = True
    while more or not feed.caught_up:
        records, more = feed.poll()
        found += [record.text for record in records]
    assert found == wanted(range(since, 400))
    assert feed.problems == ()
    feed.close()


def test_entries_of_every_kind_become_lines() -> None:
    base = {"__REALTIME_TIMESTAMP": "1795335356048000", "_HOSTNAME": "mx", "PRIORITY": "3"}
    line = line_of({**base, "SYSLOG_FACILITY": "2", "SYSLOG_IDENTIFIER": "a b[c]:d", "MESSAGE": "x\ny\n"})
    assert line == b"<19>2026-11-22T08:15:56.048000+00:00 mx a_b_c_d: x#012y\n"
    assert line_of({**base, "_COMM": "c", "_PID": "12", "MESSAGE": [255, 10, 120]}).endswith(
        b" mx c[12]: \xff#012x\n"
    )
    assert line_of({**base, "MESSAGE": ["first", "second"], "SYSLOG_PID": "no"}).endswith(b" mx -: first\n")
    assert line_of(json.loads('{"MESSAGE": null}')) == b"<0>1970-01-01T00:00:00.000000+00:00 - -: \n"


def test_what_is_no_journal_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = TreeHost(str(tmp_path))
    with pytest.raises(FileUnreadable, match="There is no systemd journal that can be seen"):
        host.open_log(JOURNAL)
    with pytest.raises(FileUnreadable, match="names no part of the journal"):
        host.open_log("journal:--help")
    monkeypatch.setattr(journal_module, "PROGRAMS", ("/nowhere",))
    with pytest.raises(FileUnreadable, match="there is no journalctl here"):
        host.open_log(JOURNAL)


def test_no_more_of_it_is_kept_in_memory_than_is_allowed(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "KEPT", 2000)
    monkeypatch.setattr(journal_module, "AT_FIRST", 500)
    journal.write(range(600))
    file = journal.host.open_log(JOURNAL)
    assert isinstance(file, JournalFile)
    size = file.size()
    assert size > 10_000
    assert file.pread(1000, size - 1000).endswith(b"a 598\n")
    assert file.pread(20, 0).startswith(b"<")
    with pytest.raises(FileUnreadable, match="no longer kept"):
        file.pread(500, 1000)
    file.close()
    with pytest.raises(FileUnreadable, match="no longer read"):
        file.pread(1, size - 1)


def test_a_piece_of_the_past_is_a_compressed_file(journal: Journal) -> None:
    journal.write(range(40))
    piece = journal.host.open_log(f"{JOURNAL}@{BEGAN + 30}")
    assert isinstance(piece, JournalPiece)
    assert piece.cursor is not None
    assert piece.mtime() == BEGAN + 38
    nothing = journal.host.open_log(f"{JOURNAL}@{BEGAN + 300}")
    assert isinstance(nothing, JournalPiece)
    assert (nothing.cursor, nothing.size()) == (None, 0)
