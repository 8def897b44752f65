"""Attempts from before those that the console follows: read from the logs and their archives when asked for.

The past is read backwards in pieces, each a stretch of time that is whole when it joins what is there; so it
can be said at any moment from when on all attempts are known. What is kept are the attempts that one filter
wants, the newest of them if they are too many.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from cyrtui.errors import FileUnreadable
from cyrtui.host.journal_names import is_journal
from cyrtui.host.protocol import Host
from cyrtui.logins.filters import TraceFilter
from cyrtui.logins.reading import AFTER, BEFORE, Reading, SlowDirectory
from cyrtui.logins.trace import LoginTrace, TraceKey
from cyrtui.logs.archives import Archives, archives_of, journal_begins
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import LogSources

if TYPE_CHECKING:
    from cyrtui.logs.slices import SlicedLog

MAX_EARLIER: Final = 20_000
FIRST_PIECE: Final = 3600.0
"""Seconds of the first piece at least; each further one is twice as long as the one before."""
_TELL_EVERY: Final = 0.25


class Progress(NamedTuple):
    """What is read now: attempts from `begin` on, as far as `fraction` (0 to 1)."""

    begin: float
    fraction: float


class Known(NamedTuple):
    """The attempts that a filter wants, newest first, and how far back they are known.

    All of them are there from `since` on; None: all that the logs hold. `read` tells that some were read
    further back, `full` that there are more than are kept. `problems` are sentences about what could not be
    read. `nameless` counts attempts of that time that did not succeed, name nobody, and may be the wanted
    user's.
    """

    traces: Sequence[LoginTrace]
    since: float | None
    read: bool
    full: bool
    problems: tuple[str, ...]
    nameless: int


class _Stretch:
    """What was read for one filter. Attempts from `boundary` on are those that are followed."""

    def __init__(self, wanted: TraceFilter, boundary: float) -> None:
        self.wanted = wanted._replace(since=None)
        self.boundary = boundary
        self.since = boundary
        if wanted.until is not None:
            self.since = min(boundary, math.nextafter(wanted.until, math.inf))
        self.top = self.since
        self.begun = False
        self.traces: tuple[LoginTrace, ...] = ()
        self.late: list[LoginTrace] = []
        self.whole = self.full = False
        self.problems: dict[str, None] = {}
        self.nameless = 0
        self.selected: tuple[TraceFilter, tuple[LoginTrace, ...], list[LoginTrace]] | None = None

    def serves(self, wanted: TraceFilter) -> bool:
        """Whether all that `wanted` asks for of this time is here."""
        mine, wanted = self.wanted, wanted._replace(since=None)
        if wanted == mine:
            return True
        return (
            not self.full
            and (mine.user is None or _same(mine.user, wanted.user))
            and (mine.cause is None or mine.cause == wanted.cause)
            and (mine.service is None or mine.service == wanted.service)
            and (mine.client is None or mine.client == wanted.client)
            and (mine.failed <= wanted.failed)
            and (mine.until is None or (wanted.until is not None and wanted.until <= mine.until))
        )

    def select(self, wanted: TraceFilter) -> list[LoginTrace]:
        """The attempts that are wanted, newest first."""
        kept = self.selected
        if kept is None or kept[0] != wanted or kept[1] is not self.traces:
            kept = self.selected = wanted, self.traces, wanted.select(self.traces)
        return kept[2]


class EarlierAttempts:
    """Reads further back for one filter at a time.

    Any thread may call; `read` waits for one that is under way. `directory` may be shared with others; `slow`
    is as in `TraceBook`; `most` is how many attempts are kept.
    """

    def __init__(
        self,
        host: Host,
        sources: LogSources,
        *,
        slow: float,
        directory: SlowDirectory | None = None,
        most: int = MAX_EARLIER,
    ) -> None:
        self._host = host
        self._sources = sources
        self._slow = slow
        self._directory = directory
        self._most = most
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._stretch: _Stretch | None = None
        self._archives: dict[str, Archives] = {}

    # --- what is known ------------------------------------------------------------------------------

    def known(self, wanted: TraceFilter, followed: Sequence[LoginTrace], since: float | None) -> Known:
        """What is known for a filter: read further back, and `followed`, newest first and whole from `since`
        on.
        """
        with self._lock:
            stretch = self._stretch
            if stretch is None or not stretch.begun or not stretch.serves(wanted):
                traces = wanted.select(followed) if wanted else followed
                return Known(
                    traces, since, read=False, full=False, problems=(), nameless=_nameless(wanted, followed)
                )
            # the newest first: what is followed, what had to make room there, what was read
            at = bisect_right(followed, -stretch.boundary, key=lambda trace: -trace.end)
            newer = [*followed[:at], *sorted(stretch.late, key=_by_time, reverse=True)]
            traces = [*(wanted.select(newer) if wanted else newer), *stretch.select(wanted)]
            return Known(
                traces,
                None if stretch.whole else stretch.since,
                read=True,
                full=stretch.full,
                problems=tuple(stretch.problems),
                nameless=stretch.nameless + _nameless(wanted, newer),
            )

    def get(self, key: TraceKey) -> LoginTrace | None:
        """An attempt that was read."""
        with self._lock:
            stretch = self._stretch
            kept = (*stretch.late, *stretch.traces) if stretch is not None else ()
        return next((trace for trace in kept if trace.key == key), None)

    def trace_at(self, path: str, offset: int, time: float) -> TraceKey | None:
        """The attempt that was read and has the line of that time at `offset` of `path`."""
        with self._lock:
            stretch = self._stretch
            kept = (*stretch.late, *stretch.traces) if stretch is not None else ()
        return next((trace.key for trace in kept if trace.has_line(path, offset, time)), None)

    def make_room(self, trace: LoginTrace) -> None:
        """An attempt is followed no more: it is kept here if it is wanted."""
        with self._lock:
            stretch = self._stretch
            if stretch is not None and trace.end >= stretch.boundary and stretch.wanted.holds(trace):
                stretch.late.append(trace)
                self._bound(stretch)

    def reached(self, wanted: TraceFilter, since: float | None) -> float | None:
        """From when on the attempts that are wanted are known; None: no more of them can be read.

        `since` is from when on those that are followed are.
        """
        with self._lock:
            stretch = self._stretch
            if stretch is None or not stretch.serves(wanted):
                return since
            return None if stretch.whole or stretch.full else stretch.since

    # --- reading ------------------------------------------------------------------------------------

    def begin(self, wanted: TraceFilter, boundary: float) -> None:
        """What was read serves for this filter, or makes room for what will be: all from before `boundary`,
        from when on attempts are followed.
        """
        with self._lock:
            if self._stretch is None or not self._stretch.serves(wanted):
                self._stretch = _Stretch(wanted, boundary)

    def read(self, goal: float, stop: threading.Event, tell: Callable[[Progress], None]) -> None:
        """Read on back to `goal`, -inf: all that there is, for the filter that `begin` was given last.

        `tell` is called when a piece has joined, and four times a second at most meanwhile. Ends soon after
        `stop` is set.
        """
        with self._reading:
            stretch = self._stretch
            if stretch is None or stop.is_set():
                return
            if not stretch.begun and stretch.since == stretch.boundary:
                self._read_by_name(stretch, stop, tell)
            try:
                self._read_back(stretch, goal, stop, tell)
            finally:
                for archives in self._archives.values():
                    archives.close()
                self._archives.clear()

    def _read_back(
        self, stretch: _Stretch, goal: float, stop: threading.Event, tell: Callable[[Progress], None]
    ) -> None:
        while not (stop.is_set() or stretch.whole or stretch.full) and stretch.since > goal:
            begin = max(goal, stretch.since - max(FIRST_PIECE, stretch.top - stretch.since))
            if self._host.name.kind == "recording":
                begin = -math.inf
            if not self._search_piece(stretch, begin, stop, tell):
                self._read_piece(stretch, begin, stop, tell)

    def _search_piece(
        self, stretch: _Stretch, begin: float, stop: threading.Event, tell: Callable[[Progress], None]
    ) -> bool:
        """Of one user, only the lines that matter of a piece; False if it is to be read line by line."""
        if stretch.wanted.user is None or self._directory is not None or begin == -math.inf:
            return False
        from cyrtui.logins.of_user import of_user_in
        from cyrtui.logs.joined import past_logs

        if not self._archives:
            for source in self._sources.sources:
                self._archives[source.path] = archives_of(self._host, source.path, source.olddir)
        end = stretch.since
        low, high = begin - BEFORE, end + AFTER
        tell(Progress(begin, 0.0))
        try:
            logs = past_logs(self._host, self._sources, self._archives, low, high, stop.is_set)
        except FileUnreadable:
            # who reads it line by line says why
            logs = None
        if logs is None:
            return False
        damaged = [problem for one in self._archives.values() for problem in one.problems]
        mail = logs.get(LogRole.MAIL)
        whole = mail is None or mail.reaches >= low + 1.0
        places = {log.path: log.place for log in logs.values()}
        wanted = TraceFilter(user=stretch.wanted.user, until=end)
        result = of_user_in(logs, wanted, self._host.now(), before=BEFORE, slow=self._slow)
        if result is None or stop.is_set():
            return False
        found = _Found(stretch.wanted, begin, end, self._room(stretch))
        found.take(_at_home(trace, places) for trace in result.traces)
        found.nameless = result.nameless
        self._join(stretch, found, whole, damaged)
        tell(Progress(begin, 1.0))
        return True

    def _room(self, stretch: _Stretch) -> int:
        return self._most - len(stretch.traces) - len(stretch.late)

    def _read_piece(
        self, stretch: _Stretch, begin: float, stop: threading.Event, tell: Callable[[Progress], None]
    ) -> None:
        end = stretch.since
        reading = Reading(
            self._host,
            self._sources,
            since=None if begin == -math.inf and self._host.name.kind == "recording" else begin,
            until=end,
            slow=self._slow,
            directory=self._directory,
            stopped=stop.is_set,
        )
        found = _Found(stretch.wanted, begin, end, self._room(stretch))
        told = 0.0
        try:
            for traces in reading.traces():
                found.take(traces)
                if time.monotonic() - told >= _TELL_EVERY:
                    told = time.monotonic()
                    fraction = (reading.reached - begin) / (end - begin) if end > begin > -math.inf else 0.0
                    tell(Progress(begin, max(0.0, min(fraction, 1.0))))
            if not stop.is_set():
                self._join(stretch, found, self._is_beginning(reading, begin), reading.problems)
                tell(Progress(begin, 1.0))
        finally:
            reading.close()

    def _is_beginning(self, reading: Reading, begin: float) -> bool:
        """Whether the mail log has nothing before what was read."""
        mail = self._sources.of(LogRole.MAIL)
        if mail is None or begin == -math.inf:
            return True
        if is_journal(mail.path):
            begins = journal_begins(self._host, mail.path)
        else:
            begins = reading.begins.get(mail.path)
        return begins is None or begins >= begin - BEFORE + 1.0

    def _join(self, stretch: _Stretch, found: _Found, whole: bool, problems: Iterable[str]) -> None:
        with self._lock:
            stretch.begun = True
            stretch.traces = (*stretch.traces, *sorted(found.traces, key=_by_time, reverse=True))
            stretch.since = found.begin
            stretch.whole = whole and not found.dropped
            stretch.nameless += found.nameless
            stretch.problems.update(dict.fromkeys(problems))
            if found.dropped:
                stretch.full = True
                stretch.since = stretch.traces[-1].end if stretch.traces else found.end

    def _bound(self, stretch: _Stretch) -> None:
        """Of those that are read the oldest make room for those that are followed no more."""
        excess = len(stretch.late) + len(stretch.traces) - self._most
        if excess > 0 and stretch.traces:
            stretch.traces = stretch.traces[: -excess - self._most // 20] or stretch.traces[:1]
            stretch.full, stretch.whole = True, False
            stretch.since = stretch.traces[-1].end
        elif excess > 0:
            stretch.late.sort(key=_by_time)
            del stretch.late[: excess + self._most // 20]
            stretch.full, stretch.whole = True, False
            stretch.since = stretch.boundary = stretch.late[0].end if stretch.late else stretch.boundary

    # --- one user's, out of the log as it is now ----------------------------------------------------

    def _read_by_name(
        self, stretch: _Stretch, stop: threading.Event, tell: Callable[[Progress], None]
    ) -> None:
        """Of long logs, only the lines that matter of what is not archived yet, if that can be."""
        # the directory may know better than what is near
        if stretch.wanted.user is None or self._directory is not None:
            return
        from cyrtui.logs.long_logs import long_logs

        logs = long_logs(self._host, self._sources)
        if logs is None:
            return
        from cyrtui.logins.of_user import of_user_in

        begin = _whole_from(logs)
        tell(Progress(begin, 0.0))
        wanted = TraceFilter(user=stretch.wanted.user, until=stretch.since)
        found = of_user_in(logs, wanted, self._host.now(), before=BEFORE, slow=self._slow)
        if found is None or begin >= stretch.since or stop.is_set():
            return
        mine = _Found(stretch.wanted, begin, stretch.since, self._most)
        mine.take(found.traces)
        mine.nameless = found.nameless
        self._join(stretch, mine, whole=False, problems=())
        tell(Progress(begin, 1.0))


class _Found:
    """What a piece has that is wanted: the newest `room` of it."""

    def __init__(self, wanted: TraceFilter, begin: float, end: float, room: int) -> None:
        self.begin = begin
        self.end = end
        self.nameless = 0
        self.dropped = 0
        self.traces: deque[LoginTrace] = deque()
        self._wanted = wanted
        self._room = max(room, 1)

    def take(self, traces: Iterable[LoginTrace]) -> None:
        """Take attempts, about oldest first."""
        mine = sorted((one for one in traces if self.begin <= one.end < self.end), key=_by_time)
        self.nameless += _nameless(self._wanted, mine)
        for trace in mine:
            if self._wanted.holds(trace):
                self.traces.append(trace)
                if len(self.traces) > self._room:
                    self.traces.popleft()
                    self.dropped += 1


def _whole_from(logs: dict[LogRole, SlicedLog]) -> float:
    """From when on all lines of an attempt are in these files; inf where that cannot be told."""
    try:
        begins = [log.begins for log in logs.values()]
    except FileUnreadable:
        return math.inf
    return max((each + BEFORE for each in begins if each is not None), default=math.inf)


def _at_home(trace: LoginTrace, places: Mapping[str, Callable[[int], tuple[str, int]]]) -> LoginTrace:
    """A trace out of joined files, with its lines where they stand in the files themselves."""
    events = []
    for event in trace.events:
        path, offset = places[event.path](event.offset)
        events.append(event._replace(path=path, offset=offset))
    path, offset, time = trace.key
    return trace._replace(key=(*places[path](offset), time), events=tuple(events))


def _nameless(wanted: TraceFilter, traces: Iterable[LoginTrace]) -> int:
    if wanted.user is None:
        return 0
    anyone = wanted._replace(user=None)
    return sum(trace.user is None and trace.outcome != "ok" and anyone.holds(trace) for trace in traces)


def _same(one: str, other: str | None) -> bool:
    return other is not None and one.casefold() == other.casefold()


def _by_time(trace: LoginTrace) -> tuple[float, TraceKey]:
    return trace.end, trace.key
