"""Where the lines of one log stand and when they were written: 16 bytes a line, no text.

The index begins with the end of the log. It grows at its end as the log does, and at its beginning as the
earlier part is read backwards in slices. Lines have absolute numbers: 0 is the first that was handed out
live, what is read backwards has negative ones. One thread changes the index; others read it under `lock`.
"""

from __future__ import annotations

import math
import threading
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from cyrtui.errors import FileUnreadable
from cyrtui.logs.archives import Archives
from cyrtui.logs.column import Column
from cyrtui.logs.follow import HalfLine, Lines
from cyrtui.logs.generation import Generation, line_before, split_lines
from cyrtui.logs.levels import RoleReader
from cyrtui.logs.lines import TEXT_CAP
from cyrtui.logs.packed import PackedFile
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import LogSource
from cyrtui.logs.stamps import HEAD, StampClock

SLICE: Final = 128 << 10
_LARGEST_SLICE: Final = 4 << 20
_EDGE: Final = 48
_UNPACK_SECONDS: Final = 0.05
_CODES: Final = {None: 0, LogRole.MAIL: 1, LogRole.AUTH: 2, LogRole.SLAPD: 3}
_ROLES: Final = {code: role for role, code in _CODES.items()}


@dataclass(eq=False, slots=True)
class Segment:
    """Lines from number `first` on that stand one after the other in one file, up to offset `end`.

    A segment with a `note` is one line that stands in no file: something that the program has to say.
    """

    first: int
    generation: Generation | None
    end: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Where one line is: in bytes of a file, or only a note. `time` in seconds since the epoch."""

    role: LogRole
    time: float
    generation: Generation | None
    offset: int
    end: int
    note: str | None


class SourceIndex:
    """The lines of one log.

    `limit` is how many are kept; `complete` tells that no earlier ones are left to read, `truncated` that
    there are some which are not kept, `lost_bytes` how much went away before it was read.
    """

    def __init__(
        self,
        source: LogSource,
        zone: str | None,
        now: float,
        limit: int,
        archives: Archives | None = None,
    ) -> None:
        self.source = source
        self._archives = archives
        self._begun = False
        self.lock = threading.Lock()
        self.limit = limit
        self.complete = True
        self.truncated = False
        self._clock = StampClock(source.zone or zone, now)
        self._back_clock = StampClock(source.zone or zone, now)
        self._offsets = Column("Q")
        self._times = Column("d")
        self._mixed = source.mixed or len(source.roles) > 1
        self._codes = Column("B") if self._mixed else None
        self._reader = RoleReader()
        self._only = _CODES[min(source.roles, default=LogRole.MAIL)]
        self._segments: list[Segment] = []
        self._halves: dict[Generation, int] = {}
        self._low: Generation | None = None
        self._low_offset = 0
        self._edge = b""
        self._slice = SLICE
        self.lost_bytes = 0

    @property
    def first(self) -> int:
        return self._times.first

    @property
    def end(self) -> int:
        return self._times.end

    @property
    def unread_bytes(self) -> int:
        """How much of the file that is read back is not indexed yet."""
        return 0 if self.complete else self._low_offset

    @property
    def bound(self) -> float:
        """What is still to be read back is not later than this, in seconds since the epoch."""
        if self.end > self.first:
            return self._times[self.first]
        archive = self._low is not None and self._low.quiet_since == -math.inf
        return self._low.written if self._low is not None and archive else math.inf

    def time(self, number: int) -> float:
        return self._times[number]

    def times(self, start: int, stop: int) -> array[float]:
        """The times of a range of lines, as a copy."""
        with self.lock:
            return self._times.part(start, stop)

    # Growing at the end

    def begin(self, generation: Generation, start: int) -> None:
        """Take note of the file that the earlier part, before `start`, can be read from."""
        if self._begun and self.end > self.first:
            # The archives were there before the file: they are read again behind its earlier part.
            self._forget_all()
        if start or self._archives is not None:
            self._low, self._low_offset = generation, start
            self._edge = b""
            self.complete = False
        self._begun = True

    def _forget_all(self) -> None:
        with self.lock:
            end = self.end
            for column in (self._offsets, self._times, self._codes):
                if column is not None:
                    column.cut_front(end)
            self._segments.clear()
            self._halves.clear()

    def begin_archives(self) -> None:
        """There is no file now: what can be read back are the archives only."""
        if not self._begun and self._archives is not None:
            self.complete = False
        self._begun = True

    def add_lines(self, found: Lines, now: float) -> int:
        """Put whole lines at the end; the number of the first one that is new or was completed."""
        half = self._halves.pop(found.generation, None)
        starts, lines = found.starts, found.lines
        number = self.end
        if half is not None and half >= self.first and self._offsets[half] == starts[0]:
            following = starts[1] if len(starts) > 1 else found.end
            self._clock.latest = max(now, found.generation.written)
            times, unstamped = self._clock.times(lines[:1], self._times[half])
            with self.lock:
                self._segment_of(half).end = following
                if not unstamped:
                    self._times[half] = times[0]
            starts, lines, number = starts[1:], lines[1:], half
        if lines:
            self._append(found.generation, starts, found.end, lines, now)
        return number

    def add_half(self, found: HalfLine, now: float) -> int:
        """Put a last line at the end that has no newline yet, or lengthen it; the number of the line."""
        number = self._halves.get(found.generation)
        if number is not None and number >= self.first and self._offsets[number] == found.start:
            with self.lock:
                self._segment_of(number).end = found.end
            return number
        self._append(found.generation, array("Q", [found.start]), found.end, [found.line], now)
        number = self._halves[found.generation] = self.end - 1
        return number

    def add_note(self, note: str, time: float) -> None:
        """Put a sentence of the program's own at the end."""
        with self.lock:
            self._segments.append(Segment(self.end, None, 1, note))
            self._offsets.append([0])
            if self._codes is not None:
                self._codes.append([self._only])
            self._times.append([time])

    def _append(
        self, generation: Generation, starts: array[int], end: int, lines: list[bytes], now: float
    ) -> None:
        before = self._times[self.end - 1] if self.end > self.first else math.nan
        self._clock.latest = max(now, generation.written)
        times, unstamped = self._clock.times(lines, before)
        if math.isnan(before) and unstamped:
            first = times[unstamped] if unstamped < len(times) else generation.written
            times[:unstamped] = [first] * unstamped
        codes = self._codes_of(lines) if self._codes is not None else []
        if self._low is generation and self._low_offset == starts[0]:
            self._edge = lines[0][:_EDGE]
        with self.lock:
            last = self._segments[-1] if self._segments else None
            if last is None or last.generation is not generation or last.end != starts[0]:
                self._segments.append(Segment(self.end, generation, end))
            else:
                last.end = end
            self._offsets.append(starts)
            if self._codes is not None:
                self._codes.append(codes)
            self._times.append(times)
            self._keep_within_limit()

    def _codes_of(self, lines: list[bytes]) -> list[int]:
        role, codes = None, []
        for line in lines:
            role = self._reader.role(line, role)
            codes.append(_CODES[role] if role in self.source.roles else 0)
        return codes

    def _keep_within_limit(self) -> None:
        slack = self.limit // 8 + 4096
        if self.end - self.first <= self.limit + slack:
            return
        first = self.end - self.limit
        for column in (self._offsets, self._times, self._codes):
            if column is not None:
                column.cut_front(first)
        keep = max(0, bisect_right(self._segments, first, key=lambda segment: segment.first) - 1)
        del self._segments[:keep]
        self.complete = self.truncated = True
        self._low = None

    # Growing at the beginning

    def read_back(self) -> bool:
        """Index the slice before the first line; False when there is nothing to read back now.

        At the beginning of a file it goes on with the archive before it. Raises `FileUnreadable`.
        """
        if self.complete:
            return False
        if self.end - self.first >= self.limit:
            self.complete = self.truncated = True
            return False
        generation = self._low
        if generation is None or (self._low_offset == 0 and not _is_unindexed(generation)):
            return self._go_older()
        if generation.quiet_since != -math.inf:
            return self._read_slice(generation)
        try:
            return self._index_some(generation) or self._read_slice(generation)
        except FileUnreadable as error:
            if self._archives is not None:
                self._archives.cannot_read(generation.path, error)
            return self._go_older()

    def _go_older(self) -> bool:
        earliest = self._times[self.first] if self.end > self.first else math.inf
        older = self._archives.older(self._low, earliest) if self._archives is not None else None
        if older is None:
            # True: what waited for this log to be read further can go on.
            self.complete = True
            return True
        self._low, self._low_offset, self._edge = older, older.scanned, b""
        return True

    def _index_some(self, generation: Generation) -> bool:
        """Go on decompressing an archive; False when that is done."""
        file = generation.file
        if not isinstance(file, PackedFile) or generation.scanned:
            return False
        if file.advance(_UNPACK_SECONDS):
            generation.scanned = generation.seen = generation.line_start = self._low_offset = file.size()
        return True

    def _read_slice(self, generation: Generation) -> bool:
        if generation.kept is not None and generation.kept < self._low_offset:
            self.lost_bytes += self._low_offset - generation.kept
            self._low_offset, self._edge = generation.kept, b""
        high = self._low_offset
        if high == 0:
            return True
        low = max(0, high - self._slice)
        data = generation.file.pread(high - low + len(self._edge), low)
        if len(data) < high - low or data[high - low :] != self._edge:
            # The file is not what it was; the follower will find out what became of it.
            return False
        data = data[: high - low]
        if low > 0:
            newline = data.find(b"\n", 0, len(data) - 1)
            if newline < 0:
                self._put_giant(generation, high)
                return True
            low, data = low + newline + 1, data[newline + 1 :]
        self._put_before(generation, low, data)
        return True

    def _put_giant(self, generation: Generation, high: int) -> None:
        """One line is longer than a slice: only its beginning is looked at."""
        start = line_before(generation.file, high)
        head = generation.file.pread(min(HEAD * 4, high - start), start).partition(b"\n")[0]
        self._back_clock.latest = self._following_time()
        times, _ = self._back_clock.times([head], self._following_time())
        self._prepend(generation, array("Q", [start]), [head], times, high)

    def _put_before(self, generation: Generation, low: int, data: bytes) -> None:
        ends_whole = data[-1:] == b"\n"
        starts, lines = split_lines(data if ends_whole else data + b"\n", low)
        following = self._following_time()
        self._back_clock.latest = following
        times, unstamped = self._back_clock.times(lines, following)
        if unstamped and low > 0:
            if unstamped < len(lines):
                starts, lines, times = starts[unstamped:], lines[unstamped:], times[unstamped:]
            elif self._slice < _LARGEST_SLICE:
                self._slice *= 4
                return
        elif unstamped and unstamped < len(lines):
            times[:unstamped] = [times[unstamped]] * unstamped
        self._slice = SLICE
        self._prepend(generation, starts, lines, times, low + len(data))

    def _following_time(self) -> float:
        if self.end > self.first:
            return self._times[self.first]
        return self._low.written if self._low is not None else self._clock.latest

    def _prepend(
        self, generation: Generation, starts: array[int], lines: list[bytes], times: list[float], end: int
    ) -> None:
        codes = array("B", self._codes_of(lines)) if self._codes is not None else None
        with self.lock:
            self._low_offset, self._edge = starts[0], lines[0][:_EDGE]
            first = self._segments[0] if self._segments else None
            if first is None or first.generation is not generation or self._start_of(first) != end:
                self._segments.insert(0, Segment(self.first - len(starts), generation, end))
            else:
                first.first -= len(starts)
            self._offsets.prepend(starts)
            if self._codes is not None and codes is not None:
                self._codes.prepend(codes)
            self._times.prepend(array("d", times))
            self.complete = self._low_offset == 0 and self._archives is None

    def _start_of(self, segment: Segment) -> int:
        return self._offsets[segment.first] if segment.first < self.end else segment.end

    # Reading

    def _segment_of(self, number: int) -> Segment:
        return self._segments[bisect_right(self._segments, number, key=lambda one: one.first) - 1]

    def _end_of(self, number: int, segment: Segment, following: Segment | None) -> int:
        last = (following.first if following is not None else self.end) - 1
        return segment.end if number == last else self._offsets[number + 1]

    def place(self, number: int) -> LinePlace | None:
        """Where a line is, or None if it is not kept. To be called under `lock`."""
        if not self.first <= number < self.end:
            return None
        at = bisect_right(self._segments, number, key=lambda one: one.first) - 1
        segment = self._segments[at]
        following = self._segments[at + 1] if at + 1 < len(self._segments) else None
        role = _ROLES[self._codes[number]] if self._codes is not None else None
        return LinePlace(
            role or _ROLES[self._only] or LogRole.MAIL,
            self._times[number],
            segment.generation,
            self._offsets[number],
            self._end_of(number, segment, following),
            segment.note,
        )

    def holds_only(self, roles: frozenset[LogRole]) -> bool:
        """Whether every line of it belongs to one of these roles."""
        return not self._mixed and self.source.roles <= roles

    def of_roles(self, start: int, stop: int, roles: frozenset[LogRole]) -> list[int]:
        """The lines of a range that belong to one of `roles`."""
        if self._codes is None:
            return list(range(start, stop)) if self.source.roles & roles else []
        wanted = {_CODES[role] for role in roles}
        with self.lock:
            codes = self._codes.part(start, stop)
        return [number for number, code in enumerate(codes, start) if code in wanted]

    def runs(self, start: int, stop: int) -> list[tuple[int, Generation | None, str | None, array[int], int]]:
        """Lines as runs that stand together, under `lock`: first number, file, note, offsets, end."""
        found = []
        at = max(0, bisect_right(self._segments, start, key=lambda one: one.first) - 1)
        while at < len(self._segments) and start < stop:
            segment = self._segments[at]
            following = self._segments[at + 1] if at + 1 < len(self._segments) else None
            high = min(stop, following.first if following is not None else self.end)
            if high > start:
                end = self._end_of(high - 1, segment, following)
                found.append((start, segment.generation, segment.note, self._offsets.part(start, high), end))
                start = high
            at += 1
        return found

    def number_at(self, offset: int, time: float | None) -> int | None:
        """The line that begins at `offset` in the newest file with one of that time there. Under `lock`."""
        stop = self.end
        for segment in reversed(self._segments):
            if segment.generation is not None:
                at = self._bisect(max(segment.first, self.first), stop, offset)
                if at < stop and self._offsets[at] == offset and time in (None, self._times[at]):
                    return at
            stop = segment.first
        return None

    def _bisect(self, low: int, high: int, offset: int) -> int:
        while low < high:
            middle = (low + high) // 2
            if self._offsets[middle] < offset:
                low = middle + 1
            else:
                high = middle
        return low


def _is_unindexed(generation: Generation) -> bool:
    return isinstance(generation.file, PackedFile) and not generation.file.indexed


def read_place(place: LinePlace) -> bytes | None:
    """The bytes of a line without its newline, `TEXT_CAP` + 1 at most; None if they are gone."""
    generation = place.generation
    if generation is None or (generation.kept is not None and place.end > generation.kept):
        return None
    length = place.end - place.offset
    try:
        data = generation.file.pread(min(length, TEXT_CAP + 1), place.offset)
    except FileUnreadable:
        return None
    if len(data) < min(length, TEXT_CAP + 1) or b"\n" in data[: length - 1]:
        return None
    return data[:-1] if data[-1:] == b"\n" else data
