"""What is read further back joins what is followed: nothing twice, nothing missing, and said from when on."""

from __future__ import annotations

import bz2
import gzip
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cyrtui import console as console_module
from cyrtui.console import Console
from cyrtui.host.tree import TreeHost
from cyrtui.logins import earlier
from cyrtui.logins.filters import TraceFilter
from cyrtui.logins.trace import LoginTrace
from cyrtui.logs import records
from cyrtui.logs.records import RecordFeed
from cyrtui.settings import load_settings
from tests.logins.day import NAMES, Day, write_day

DAY = Day(seed=5, attempts=400, users=12, seconds=20 * 3600.0, whole_seconds=False)
ROTATED: tuple[tuple[str, Callable[[bytes], bytes], float], ...] = (
    ("", bytes, 20.0),
    (".1", bytes, 17.0),
    (".2.gz", lambda data: gzip.compress(data, mtime=0), 11.0),
    (".3.bz2", bz2.compress, 5.0),
)
"""What is behind the logs' names, newest first; how it is packed; the hour of its last line."""


def cut(data: bytes, begin: float) -> int:
    """Where the first line begins that is not earlier."""
    stamp = datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
    at = 0
    while at < len(data) and data[at : at + len(stamp)] < stamp:
        at = data.index(b"\n", at) + 1
    return at


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copied server whose logs were rotated three times that day; what is compressed is so in two ways."""
    root = tmp_path_factory.mktemp("server")
    made = tmp_path_factory.mktemp("day")
    write_day(DAY, made)
    (root / "var/log").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc/cyrus.conf").write_text('SERVICES {\n  imap cmd="imapd" listen="imap"\n}\n')
    (root / "etc/imapd.conf").write_text("configdirectory: /var/lib/cyrus\n")
    for name in NAMES:
        data = (made / name).read_bytes()
        edges = [0, *(cut(data, DAY.begin + hours * 3600.0) for hours in (5, 11, 17)), len(data)]
        parts = reversed([data[low:high] for low, high in pairwise(edges)])
        for part, (suffix, pack, hours) in zip(parts, ROTATED, strict=True):
            place = root / "var/log" / f"{name}{suffix}"
            place.write_bytes(pack(part))
            os.utime(place, (DAY.begin + hours * 3600.0,) * 2)
    return root


@contextmanager
def opened(root: Path) -> Iterator[Console]:
    settings = load_settings({}, environment={}, system_file="/nonexistent")
    console = Console(TreeHost(str(root)), settings, None)
    console.open()
    try:
        for _ in console.steps():
            if console.ready:
                break
        yield console
    finally:
        console.stop()
        console.close()


@pytest.fixture(scope="module")
def everything(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[LoginTrace]:
    """The attempts of the whole day, of logs that never were rotated."""
    whole = tmp_path_factory.mktemp("whole")
    (whole / "var/log").mkdir(parents=True)
    (whole / "etc").mkdir()
    for name in ("cyrus.conf", "imapd.conf"):
        (whole / "etc" / name).write_bytes((root / "etc" / name).read_bytes())
    made = tmp_path_factory.mktemp("again")
    write_day(DAY, made)
    for name in NAMES:
        (whole / "var/log" / name).write_bytes((made / name).read_bytes())
        os.utime(whole / "var/log" / name, (DAY.begin + 20 * 3600.0,) * 2)
    with opened(whole) as console:
        assert console.attempts(TraceFilter()).since is None
        return list(console.traces())


def told(traces: object) -> list[tuple[object, ...]]:
    assert isinstance(traces, (list, tuple))
    return [(one.end, one.pid, one.user, one.outcome, one.cause, len(one.events)) for one in traces]


def read(console: Console, wanted: TraceFilter, *, further: bool = False) -> None:
    goal = console.unread(wanted, further=further)
    if goal is not None:
        console.read_earlier(wanted, goal, threading.Event(), lambda _progress: None)


@pytest.mark.parametrize("searched", [True, False])
def test_a_user_is_looked_for_in_every_archive(
    root: Path, everything: list[LoginTrace], monkeypatch: pytest.MonkeyPatch, *, searched: bool
) -> None:
    """By searching for the name, and where that cannot be, line by line."""
    user = next(trace.user for trace in everything if trace.user is not None)
    wanted = TraceFilter(user=user)
    pieces: list[bool] = []
    search = earlier.EarlierAttempts._search_piece

    def counted(*arguments: Any) -> bool:
        pieces.append(searched and search(*arguments))
        return pieces[-1]

    monkeypatch.setattr(earlier.EarlierAttempts, "_search_piece", counted)
    with opened(root) as console:
        before = console.attempts(wanted)
        assert before.since is not None
        assert len(before.traces) < len(wanted.select(everything))
        read(console, wanted)
        known = console.attempts(wanted)
        assert (known.since, known.full, known.problems) == (None, False, ())
        assert told(known.traces) == told(wanted.select(everything))
        assert console.unread(wanted, further=True) is None
        for trace in known.traces:
            assert console.trace(trace.key) == trace
        failed = wanted._replace(failed=True)
        assert console.unread(failed) is None, "what was read serves for less as well"
        assert told(console.attempts(failed).traces) == told(failed.select(everything))
        assert console.unread(TraceFilter(user="somebody")) is not None
        assert len(pieces) > 2
        assert set(pieces) == {searched}


@pytest.mark.parametrize(("low", "high"), [(6.0, 7.0), (10.5, 11.5), (3.0, 18.5), (16.0, None)])
def test_a_time_before_what_is_loaded(
    root: Path, everything: list[LoginTrace], low: float, high: float | None
) -> None:
    until = None if high is None else DAY.begin + high * 3600.0
    wanted = TraceFilter(since=DAY.begin + low * 3600.0, until=until)
    with opened(root) as console:
        read(console, wanted)
        known = console.attempts(wanted)
        assert known.since is None or (wanted.since is not None and known.since <= wanted.since)
        assert told(known.traces) == told(wanted.select(everything))
        assert known.traces


def test_older_ones_come_step_by_step_until_there_are_none(root: Path, everything: list[LoginTrace]) -> None:
    with opened(root) as console:
        wanted = TraceFilter()
        edges = [console.attempts(wanted).since or 0.0]
        assert console.unread(wanted) is None, "nobody has asked"
        while console.unread(wanted, further=True) is not None:
            read(console, wanted, further=True)
            known = console.attempts(wanted)
            since = known.since or 0.0
            edges.append(since)
            assert told(known.traces) == told([trace for trace in everything if trace.end >= since])
        assert len(edges) > 2
        assert edges == sorted(edges, reverse=True)
        assert known.since is None


def test_what_is_stopped_leaves_what_is_whole(root: Path, everything: list[LoginTrace]) -> None:
    with opened(root) as console:
        wanted = TraceFilter(failed=True, since=DAY.begin)
        stop, seen = threading.Event(), []

        def tell(progress: earlier.Progress) -> None:
            seen.append(progress)
            if len([one for one in seen if one.fraction == 1.0]) == 2:
                stop.set()

        console.read_earlier(wanted, DAY.begin, stop, tell)
        known = console.attempts(wanted)
        assert known.since is not None
        assert known.since > DAY.begin
        since = known.since
        assert told(known.traces) == told(
            [one for one in everything if one.end >= since and wanted.holds(one)]
        )
        read(console, wanted)
        assert told(console.attempts(wanted).traces) == told(wanted.select(everything))


def test_too_many_are_said_to_be(
    root: Path, everything: list[LoginTrace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier.EarlierAttempts.__init__, "__kwdefaults__", {"directory": None, "most": 100})
    with opened(root) as console:
        followed = len(console.traces())
        wanted = TraceFilter(since=DAY.begin)
        read(console, wanted)
        known = console.attempts(wanted)
        assert known.full
        assert known.since is not None
        assert known.since > DAY.begin
        assert 100 <= len(known.traces) <= followed + 100
        assert told(known.traces) == told(everything[: len(known.traces)])
        assert console.unread(wanted, further=True) is None


def test_those_that_are_followed_no_more_are_kept_for_the_filter(
    root: Path, everything: list[LoginTrace]
) -> None:
    with opened(root) as console:
        wanted = TraceFilter(failed=True, since=DAY.begin + 15 * 3600.0)
        read(console, wanted)
        assert console._book is not None
        console._book._max = 10
        console._book.settle(DAY.begin + 86_400.0)
        console._traces = tuple(console._book.traces())
        assert console._book.dropped
        assert told(console.attempts(wanted).traces) == told(wanted.select(everything))
        # read anew, from where now is followed
        other = TraceFilter(since=DAY.begin + 15 * 3600.0)
        read(console, other)
        assert told(console.attempts(other).traces) == told(other.select(everything))


def copied(root: Path, to: Path) -> None:
    (to / "var/log").mkdir(parents=True)
    (to / "etc").mkdir()
    for place in (*(root / "etc").iterdir(), *(root / "var/log").iterdir()):
        copy = to / place.relative_to(root)
        copy.write_bytes(place.read_bytes())
        os.utime(copy, (place.stat().st_mtime,) * 2)


def test_a_line_of_a_clock_that_was_wrong_hides_none_behind_it(
    root: Path, tmp_path: Path, everything: list[LoginTrace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The logs are read a little at a time, so that the others are past the wanted time first."""
    copied(root, tmp_path)
    log = tmp_path / "var/log/mail.log.1"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(
        b"".join([*lines[:5], b"2026-12-24T00:00:00+00:00 mx cyrus/imap[9]: hello\n", *lines[5:]])
    )
    with opened(tmp_path) as console:
        poll = RecordFeed.poll
        monkeypatch.setattr(records, "_AT_ONCE", 8192)
        monkeypatch.setattr(RecordFeed, "poll", lambda feed, _budget: poll(feed, 0.0))
        wanted = TraceFilter(since=DAY.begin + 11.2 * 3600.0, until=DAY.begin + 14 * 3600.0)
        read(console, wanted)
        assert told(console.attempts(wanted).traces) == told(wanted.select(everything))


def test_a_log_that_was_rotated_and_got_no_line_since_is_no_problem(
    root: Path, tmp_path: Path, everything: list[LoginTrace], monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(root, tmp_path)
    (tmp_path / "var/log/auth.log").unlink()
    with opened(tmp_path) as console:
        wanted = TraceFilter(since=DAY.begin + 12 * 3600.0, until=DAY.begin + 13 * 3600.0)
        read(console, wanted)
        known = console.attempts(wanted)
        assert told(known.traces) == told(wanted.select(everything))
        assert known.problems == ()
        wanted = TraceFilter(user=next(trace.user for trace in everything if trace.user is not None))
        monkeypatch.setattr(earlier.EarlierAttempts, "_read_piece", None)
        read(console, wanted)
        assert len(console.attempts(wanted).traces) == len(wanted.select(everything))


def test_what_cannot_be_read_is_said(root: Path, tmp_path: Path, everything: list[LoginTrace]) -> None:
    copied(root, tmp_path)
    damaged = tmp_path / "var/log/mail.log.2.gz"
    written = damaged.stat().st_mtime
    damaged.write_bytes(damaged.read_bytes()[:1500])
    os.utime(damaged, (written, written))
    with opened(tmp_path) as console:
        wanted = TraceFilter(since=DAY.begin + 3600.0)
        read(console, wanted)
        known = console.attempts(wanted)
        assert len(known.traces) < len(wanted.select(everything))
        assert any("mail.log.2.gz" in problem for problem in known.problems)
        notes = console.login_notes(known, wanted)
        assert any("mail.log.2.gz" in note.sentence and note.grave for note in notes)


def test_of_long_logs_one_user_is_searched_for(
    root: Path, everything: list[LoginTrace], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cyrtui.logs import long_logs

    monkeypatch.setattr(long_logs, "LONG", 1)
    monkeypatch.setattr(console_module, "_HISTORY_BYTES", 30_000)
    with opened(root) as console:
        begins = console.attempts(TraceFilter()).since
        assert begins is not None
        assert begins > DAY.begin + 17 * 3600.0
        users = {one.user for one in console.traces() if one.user is not None}
        for user in sorted(users)[:2]:
            wanted = TraceFilter(user=user)
            read(console, wanted)
            known = console.attempts(wanted)
            assert known.since is None
            assert [one.end for one in known.traces] == [one.end for one in wanted.select(everything)]
            assert [one.cause for one in known.traces] == [one.cause for one in wanted.select(everything)]
