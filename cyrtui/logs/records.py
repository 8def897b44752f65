"""The records of the logs in the order of time, each once: first what is there already, then what comes.

For those who make something of the lines (the traces, the services' words); the screens read a `LineStore`.
"""

from __future__ import annotations

import heapq
import math
import sys
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cyrtui.host.protocol import Host, LogFile
from cyrtui.logs.follow import HalfLine, Lines, LogFollower, Loss, Opened
from cyrtui.logs.generation import Generation, line_before
from cyrtui.logs.levels import RoleReader
from cyrtui.logs.lines import TEXT_CAP, parse_line
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.sources import LogSource, LogSources
from cyrtui.logs.stamps import Stamp, StampClock

if TYPE_CHECKING:
    from cyrtui.logs.archives import Archives
    from cyrtui.logs.past import PastReader

HISTORY_BYTES: Final = 64 << 20
"""How much of the end of each log is read at most, unless told otherwise."""
Wanted = Callable[[LogRole, bytes], bool]
_PROBE: Final = 16 << 10
_NEAR: Final = 128 << 10
_AT_ONCE: Final = 128 << 10
_SAMPLE: Final = 1 << 20


class _Stream:
    """One log being read: records that wait for their turn, and up to which time it has been read."""

    __slots__ = (
        *("source", "follower", "clock", "past", "reader", "waiting"),
        *("read_to", "last_time", "last_role", "at_end", "first", "samples"),
    )

    def __init__(
        self, source: LogSource, follower: LogFollower | PastReader, clock: StampClock, *, past: bool
    ) -> None:
        self.source = source
        self.follower = follower
        self.clock = clock
        self.past = past
        self.reader = RoleReader()
        self.waiting: deque[Record] = deque()
        self.read_to = -math.inf
        self.last_time = 0.0
        self.last_role: LogRole | None = None
        self.at_end = False
        self.first: Generation | None = None
        self.samples: list[tuple[int, float]] = []


class RecordFeed:
    """Every record of some logs exactly once: history merged by time, then new ones as they arrive.

    `since` is the time from which on history is wanted (None: all of it), `limit` how many bytes of the end
    of each file are read for it. With `archives` the rotated files are read too, back to `since` (which must
    be given then), and what comes after the end of the logs as they are now is not. `wanted` is asked for
    each line as bytes before it is taken apart. One thread may use it.
    """

    def __init__(
        self,
        host: Host,
        sources: LogSources,
        *,
        since: float | None = None,
        limit: int | None = HISTORY_BYTES,
        wanted: Wanted | None = None,
        archives: bool = False,
    ) -> None:
        self.caught_up = False
        self._host = host
        self._since = since
        self._limit = limit
        self._wanted = wanted
        self._archives: list[Archives] = []
        self._with_archives = archives
        self._losses: list[Loss] = []
        self._skipped: list[str] = []
        self._streams = [self._stream(source) for source in sources.sources]

    def _stream(self, source: LogSource) -> _Stream:
        clock = StampClock(source.zone or self._host.name.zone, self._host.now())
        if self._with_archives and self._since is not None:
            from cyrtui.logs.archives import archives_of
            from cyrtui.logs.past import PastReader

            archives = archives_of(self._host, source.path, source.olddir)
            self._archives.append(archives)
            return _Stream(
                source, PastReader(self._host, source, archives, self._since, sys.maxsize), clock, past=True
            )
        follower = LogFollower(self._host, source.path, lambda file: self._start(stream, file), source.olddir)
        stream = _Stream(source, follower, clock, past=False)
        return stream

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What is lost, or may be."""
        return tuple(self._losses)

    @property
    def skipped(self) -> tuple[str, ...]:
        """The paths of the logs of which history was cut off at `limit` bytes."""
        return tuple(self._skipped)

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about logs that cannot be read now."""
        live = (one.follower.problem for one in self._streams if one.follower.problem is not None)
        return (*live, *(problem for one in self._archives for problem in one.problems))

    @property
    def begins(self) -> dict[str, float]:
        """By the paths of the logs, the times of the first lines in the oldest archives that were read."""
        found = {one.source.path: getattr(one.follower, "begins", None) for one in self._streams}
        return {path: begins for path, begins in found.items() if begins is not None}

    def poll(self, budget: float = 0.05) -> tuple[list[Record], bool]:
        """The next records, for about `budget` seconds of reading, and whether more can be read at once.

        Until `caught_up` there is more history to come, also after an empty list.
        """
        deadline = time.monotonic() + budget
        behind = [stream for stream in self._streams if not stream.at_end or self.caught_up]
        while behind:
            stream = min(behind, key=lambda one: one.read_to)
            if not self._poll(stream):
                behind.remove(stream)
            if time.monotonic() >= deadline:
                break
        self.caught_up = self.caught_up or not behind
        return self._release(), bool(behind)

    def held(self, until: float) -> list[Record]:
        """The records up to `until` that wait behind one with a later stamp: a clock was wrong."""
        found = [record for one in self._streams for record in one.waiting if record.time <= until]
        return sorted(found, key=lambda record: record.time)

    def unfinished(self) -> list[Record]:
        """The last lines that have no newline, as records; they are not among those that `read` gives."""
        found = []
        for stream in self._streams:
            for half in stream.follower.unfinished():
                role = self._role(stream, half.line)
                if role is not None:
                    times, _ = stream.clock.times([half.line], stream.last_time)
                    path = stream.source.path
                    found.append(self._record(stream, role, half.line, times[0], half.start, half.end, path))
        return found

    def close(self) -> None:
        """Let go of the files."""
        for stream in self._streams:
            stream.follower.close()
        for archives in self._archives:
            archives.close()

    def _poll(self, stream: _Stream) -> bool:
        """Read on in one log; whether there is more in it."""
        batch = stream.follower.poll(_AT_ONCE)
        for event in batch.events:
            match event:
                case Opened(generation, start, first=True):
                    stream.first = generation
                    file = generation.file
                    # an archive's last line was written at its mtime; this file may lack the year of many
                    if stream.past and generation.path == stream.source.path:
                        zone = stream.source.zone or self._host.name.zone
                        clock = StampClock(zone, generation.written)
                        stream.samples = _sample(file, start, file.size(), clock)
                case Lines():
                    self._take(stream, event)
                case Loss():
                    self._losses.append(event)
                case Opened() | HalfLine():
                    pass
        if not batch.more:
            stream.at_end = True
            stream.read_to = math.inf
        return batch.more

    def _take(self, stream: _Stream, found: Lines) -> None:
        stream.clock.latest = self._latest(stream, found)
        times, _ = stream.clock.times(found.lines, stream.last_time)
        since = -math.inf if self._since is None or self.caught_up else self._since
        ends = [*found.starts[1:], found.end]
        for line, at, start, end in zip(found.lines, times, found.starts, ends, strict=True):
            role = self._role(stream, line)
            if role is None or at < since or (self._wanted is not None and not self._wanted(role, line)):
                continue
            stream.waiting.append(self._record(stream, role, line, at, start, end, found.generation.path))
        stream.last_time = stream.read_to = times[-1]

    def _role(self, stream: _Stream, line: bytes) -> LogRole | None:
        roles = stream.source.roles
        if len(roles) == 1 and not stream.source.mixed:
            return next(iter(roles))
        stream.last_role = stream.reader.role(line, stream.last_role)
        return stream.last_role if stream.last_role in roles else None

    @staticmethod
    def _record(
        stream: _Stream, role: LogRole, line: bytes, at: float, start: int, end: int, file: str
    ) -> Record:
        length = len(line) if len(line) < TEXT_CAP else end - start - 1
        stream.clock.latest = at
        # offsets in an archive are not those in the file that has the log's name now
        path = file if stream.past else stream.source.path
        return parse_line(
            line, role=role, clock=stream.clock, before=at, path=path, offset=start, end=end, length=length
        )

    def _release(self) -> list[Record]:
        """The records that nothing still to be read can come before."""
        until = min((one.read_to for one in self._streams), default=math.inf)
        ready: list[list[Record]] = []
        for stream in self._streams:
            mine = []
            while stream.waiting and stream.waiting[0].time <= until:
                mine.append(stream.waiting.popleft())
            ready.append(mine)
        return list(heapq.merge(*ready, key=lambda record: record.time))

    def _latest(self, stream: _Stream, found: Lines) -> float:
        """What the last of these lines cannot be later than: for years that the stamps do not say."""
        if found.generation is stream.first and stream.samples:
            at = bisect_right(stream.samples, (found.end, math.inf))
            if at < len(stream.samples):
                return stream.samples[at][1]
        if stream.past and found.generation.path != stream.source.path:
            return found.generation.written
        return max(self._host.now(), found.generation.written)

    # Where to begin

    def _start(self, stream: _Stream, file: LogFile) -> int:
        size, first = file.size(), 0
        if self._limit is not None and size > self._limit:
            first = line_before(file, size - self._limit + 1)
        clock = StampClock(stream.source.zone or self._host.name.zone, file.mtime())
        stream.samples = _sample(file, first, size, clock)
        low, high = first, size
        while self._since is not None and high - low > _NEAR:
            middle = (low + high) // 2
            clock.latest = _latest_of(stream.samples, middle, file.mtime())
            found = _first_stamp(file, middle, clock)
            if found is None or found[1].time >= self._since:
                high = middle
            else:
                low = middle
        if first and low == first:
            self._skipped.append(stream.source.path)
        return line_before(file, low + 1) if low else 0


def _latest_of(samples: list[tuple[int, float]], offset: int, otherwise: float) -> float:
    at = bisect_right(samples, (offset + _PROBE, math.inf))
    return samples[at][1] if at < len(samples) else otherwise


def _first_stamp(file: LogFile, offset: int, clock: StampClock) -> tuple[int, Stamp] | None:
    """The first line that begins within some KiB after `offset` and has a stamp."""
    data = file.pread(_PROBE, offset)
    at = 0 if offset == 0 else data.find(b"\n") + 1
    while at > 0 or offset == 0:
        stamp = clock.stamp(data[at : at + 64])
        if stamp is not None:
            return offset + at, stamp
        following = data.find(b"\n", at) + 1
        if following <= 0:
            return None
        at = following
    return None


def _sample(file: LogFile, first: int, size: int, clock: StampClock) -> list[tuple[int, float]]:
    """Times along a file from `first` on, worked out from its end; empty if its stamps say the year."""
    samples: list[tuple[int, float]] = []
    offset = size
    while offset > first:
        offset = max(first, offset - _SAMPLE)
        found = _first_stamp(file, offset, clock)
        if found is None:
            continue
        if not found[1].worked_out:
            return []
        clock.latest = found[1].time
        samples.append((found[0], found[1].time))
    samples.reverse()
    return samples
