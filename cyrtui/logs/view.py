"""What the glass shows of the logs: one of them, several merged by time, or only the lines that match.

A view of one whole log needs nothing of its own. Any other keeps the order of its lines, 8 bytes a line, and
grows like the logs' indexes at both ends: new lines come at its end, older ones are put in front as far back
as every log that belongs to it has been read, so that a line's number does not change any more. Only near its
end a line that comes late is put where its time says, among the last `TAIL` lines.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cyrtui.errors import FileUnreadable
from cyrtui.logs.column import Column
from cyrtui.logs.index import SourceIndex, read_place
from cyrtui.logs.lines import TEXT_CAP
from cyrtui.logs.match import LineFilter, Matcher
from cyrtui.logs.record import LogRole
from cyrtui.logs.scan import matching_lines

if TYPE_CHECKING:
    from cyrtui.logs.shown import LineReader, ShownLine

TAIL: Final = 4096
STEP: Final = 2048
_BITS: Final = 4
_MASK: Final = (1 << _BITS) - 1


@dataclass(slots=True)
class _Part:
    """How far one log has been taken into a view: the lines in [low, high) were looked at.

    `times` and `ids` are lines at the low end that wait for the other logs to be read as far back.
    """

    index: SourceIndex
    number: int
    low: int
    high: int
    times: list[float] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)

    @property
    def used_up(self) -> bool:
        return self.low <= self.index.first

    @property
    def bound(self) -> float | None:
        """Everything that is still to come is not later than this; None when nothing is to come."""
        if self.used_up and self.index.complete:
            return None
        if self.low < self.index.end:
            return self.index.time(max(self.low, self.index.first))
        return float("inf") if self.index.end > self.index.first else self.index.bound


class LineView:
    """Lines with absolute numbers from `first` up to, not including, `end`. Made by `LineStore.view`.

    A number keeps its line; `first` falls while earlier lines are read in, and rises when the oldest are
    dropped; `end` rises. Late lines may move others within the last `TAIL`: `changed_since` says from where.
    """

    def __init__(
        self,
        indexes: Sequence[SourceIndex],
        roles: frozenset[LogRole],
        match: LineFilter | None,
        reader: LineReader,
    ) -> None:
        self.roles = roles
        self.match = match
        self._matcher = match.matcher() if match is not None else None
        self._reader = reader
        chosen = [index for index in indexes if index.source.roles & roles]
        self._parts = [
            _Part(index, number, index.end, index.end)
            for number, index in enumerate(indexes)
            if index in chosen
        ]
        whole = len(chosen) == 1 and chosen[0].holds_only(roles) and match is None
        self._whole = chosen[0] if whole else None
        self._order = Column("q")
        self._lock = reader.lock
        self._version = 0
        self._changes: list[tuple[int, int]] = []
        self._forgotten = 0
        self._indexes = dict(enumerate(indexes))

    @property
    def first(self) -> int:
        return self._whole.first if self._whole is not None else self._order.first

    @property
    def end(self) -> int:
        return self._whole.end if self._whole is not None else self._order.end

    @property
    def version(self) -> int:
        """Another one whenever anything changed, the text of a line included."""
        return self._version

    def changed_since(self, version: int) -> int:
        """The lowest number that may show another line than at that version; `end` if there is none."""
        with self._lock:
            changes = [number for at, number in self._changes if at > version]
            return min(changes, default=self.end) if version >= self._forgotten else self.first

    def line(self, number: int) -> ShownLine:
        """The line of a number in [first, end). Raises IndexError outside."""
        return self.lines(number, number + 1)[0]

    def lines(self, start: int, stop: int) -> list[ShownLine]:
        """The lines of a range within [first, end). Raises IndexError outside."""
        return self._reader.shown(self.places(start, stop))

    def raw(self, start: int, stop: int) -> list[bytes]:
        """The lines of a range as they stand in their files, without newlines, `TEXT_CAP` bytes at most.

        Lines that are gone, and sentences of the program's own, are left out. Raises IndexError outside.
        """
        found = []
        for index, number in self.places(start, stop):
            with index.lock:
                place = index.place(number)
            raw = read_place(place) if place is not None else None
            if raw is not None:
                found.append(raw[:TEXT_CAP])
        return found

    def places(self, start: int, stop: int) -> list[tuple[SourceIndex, int]]:
        """Where the lines of a range are: the index and the line's number in it."""
        with self._lock:
            if start < self.first or stop > self.end:
                raise IndexError(f"there are lines from {self.first} up to {self.end}")
            if self._whole is not None:
                return [(self._whole, number) for number in range(start, stop)]
            return [(self._indexes[one & _MASK], one >> _BITS) for one in self._order.part(start, stop)]

    @property
    def complete(self) -> bool:
        """Whether every line that is there has been looked at."""
        return self.progress >= 1.0

    @property
    def progress(self) -> float:
        """How much of what is there, in lines and bytes, has been looked at for this view: 0 to 1."""
        done = total = 0.0
        for part in self._parts:
            known = part.index.end - part.index.first
            unread = part.index.unread_bytes / 150
            looked = known if self._whole is not None else max(0, part.high - max(part.low, part.index.first))
            done += looked
            total += known + unread
        return done / total if total else 1.0

    def number_of(self, index: SourceIndex, line: int) -> int | None:
        """The number here of a line of one log, or None if it is not in the view (yet)."""
        if self._whole is not None:
            return line if index is self._whole and self.first <= line < self.end else None
        number = next((part.number for part in self._parts if part.index is index), None)
        if number is None:
            return None
        with self._lock:
            wanted = line << _BITS | number
            at = self._position(index.time(line)) if index.first <= line < index.end else self.end
            for near in range(max(self.first, at - TAIL), min(self.end, at + TAIL)):
                if self._order[near] == wanted:
                    return near
            return self._order.find(wanted)

    def at_time(self, time: float) -> int | None:
        """The number of the first line that is not earlier than `time`; None if the lines here begin later
        and earlier ones are still to come, or are not kept. `end` where all are earlier."""
        with self._lock:
            low, high = self.first, self.end
            while low < high:
                middle = (low + high) // 2
                if self._time_at(middle) < time:
                    low = middle + 1
                else:
                    high = middle
            at_front = low == self.first
        everything = self.complete and not any(part.index.truncated for part in self._parts)
        return None if at_front and not everything else low

    def _time_at(self, number: int) -> float:
        if self._whole is not None:
            return self._whole.time(max(number, self._whole.first))
        return self._time_of(self._order[number])

    # Changing: by the store's worker

    def take_new(self, changed: dict[SourceIndex, int]) -> None:
        """Take in what the logs have at their ends; `changed` has the first line of each that is new."""
        if self._whole is not None:
            if self._whole in changed:
                self._note(changed[self._whole])
            return
        times: list[float] = []
        ids: list[int] = []
        altered = self.end
        for part in self._parts:
            start = part.high
            earlier = changed.get(part.index, start)
            part.high = part.index.end
            part.low = max(part.low, part.index.first) if part.low < part.high else part.low
            if earlier < start:
                altered = min(altered, self._retell(part, earlier, start))
            if part.high > start:
                more_times, more = self._select(part, max(start, part.index.first), part.high)
                times += more_times
                ids += more
        if ids:
            altered = min(altered, self._put_at_end(times, ids))
        if ids or altered < self.end:
            self._note(altered)
        self._drop_lost()

    def begin_again(self, index: SourceIndex) -> None:
        """A log has come that has a past: put the lines together anew, from their end."""
        if self._whole is not None or not any(part.index is index for part in self._parts):
            return
        with self._lock:
            self._order = Column("q", start=self._order.end)
            for part in self._parts:
                part.low = part.high = part.index.end
                part.times.clear()
                part.ids.clear()
        self._note(self.first)

    def _retell(self, part: _Part, start: int, stop: int) -> int:
        """A half line has been completed: it is told anew, and put in if only now it matches."""
        altered = self.end
        for line in range(max(start, part.index.first), stop):
            at = self.number_of(part.index, line)
            if at is not None:
                altered = min(altered, at)
            elif self._matcher is not None and line >= part.low:
                times, ids = self._select(part, line, line + 1)
                if ids:
                    altered = min(altered, self._put_at_end(times, ids))
        return altered

    def _put_at_end(self, times: list[float], ids: list[int]) -> int:
        order = sorted(range(len(ids)), key=times.__getitem__)
        new = [ids[at] for at in order]
        with self._lock:
            end = self._order.end
            at = max(self._order.first, end - TAIL, self._position(times[order[0]]))
            if at < end:
                old = self._order.part(at, end)
                tail = [(self._time_of(one), one & _MASK, one >> _BITS, one) for one in old]
                tail += [(times[one], ids[one] & _MASK, ids[one] >> _BITS, ids[one]) for one in order]
                new = [one for _, _, _, one in sorted(tail)]
            self._order.replace_end(at, new)
            return min(at, end)

    def _position(self, time: float) -> int:
        """The number of the first line that is later than `time`, if all stand in order."""
        low, high = self.first, self.end
        while low < high:
            middle = (low + high) // 2
            if self._time_of(self._order[middle]) <= time:
                low = middle + 1
            else:
                high = middle
        return low

    def _time_of(self, one: int) -> float:
        index = self._indexes[one & _MASK]
        return index.time(max(one >> _BITS, index.first))

    def _drop_lost(self) -> None:
        """Lines at the beginning that their log does not keep any more are not kept here either."""
        starts = {part.number: part.index.first for part in self._parts}
        with self._lock:
            first = start = self._order.first
            while (
                first < self._order.end and self._order[first] >> _BITS < starts[self._order[first] & _MASK]
            ):
                first += 1
            if first > start:
                self._order.cut_front(first)
                self._version += 1

    def _note(self, number: int) -> None:
        with self._lock:
            self._version += 1
            self._changes.append((self._version, number))
            if len(self._changes) > 64:
                self._forgotten = self._changes.pop(0)[0]

    def grown_back(self, index: SourceIndex) -> None:
        """Take note that earlier lines of a log were read in."""
        if index is self._whole:
            with self._lock:
                self._version += 1

    def extend_back(self, limit: int = STEP) -> bool:
        """Look at some of the lines before those looked at so far; False when there is nothing to do now."""
        if self._whole is not None:
            return False
        open_parts = [part for part in self._parts if not part.used_up]
        if open_parts:
            latest = max(open_parts, key=lambda part: (part.bound or 0.0, part.number))
            start = max(latest.index.first, latest.low - limit)
            times, ids = self._select(latest, start, latest.low)
            latest.low = start
            latest.times[:0] = times
            latest.ids[:0] = ids
        return self._release() or bool(open_parts)

    def _release(self) -> bool:
        """Put in front what no line that is still to come can stand behind."""
        bounds = [(bound, part.number) for part in self._parts if (bound := part.bound) is not None]
        latest, by = max(bounds, default=(0.0, -1))
        times: list[float] = []
        ids: list[int] = []
        for part in self._parts:
            side = bisect_right if part.number < by else bisect_left
            at = side(part.times, latest) if bounds else 0
            times += part.times[at:]
            ids += part.ids[at:]
            del part.times[at:], part.ids[at:]
        if not ids:
            return False
        order = sorted(range(len(ids)), key=times.__getitem__)
        front = array("q", [ids[at] for at in order])
        with self._lock:
            self._order.prepend(front)
            self._version += 1
        return True

    def _select(self, part: _Part, start: int, stop: int) -> tuple[list[float], list[int]]:
        """The lines of a range of one log that belong here: their times and ids."""
        index = part.index
        if self._matcher is None and index.holds_only(self.roles):
            return list(index.times(start, stop)), [
                line << _BITS | part.number for line in range(start, stop)
            ]
        lines = index.of_roles(start, stop, self.roles)
        if self._matcher is not None and lines:
            lines = self._matching(index, self._matcher, lines, start, stop)
        times = index.times(start, stop)
        return [times[line - start] for line in lines], [line << _BITS | part.number for line in lines]

    @staticmethod
    def _matching(index: SourceIndex, matcher: Matcher, lines: list[int], start: int, stop: int) -> list[int]:
        try:
            found = matching_lines(index, matcher, start, stop)
        except FileUnreadable:
            return []
        if len(lines) == stop - start:
            return found
        wanted = set(lines)
        return [line for line in found if line in wanted]
