"""Excerpts of long logs, read line by line: what stands around some attempts, with the look-ups of those."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from cyrtui.logins.book import TraceBook
from cyrtui.logins.correlate import Correlator
from cyrtui.logins.learned import Directory, Evidence
from cyrtui.logins.slapd_oddities import OddLookup
from cyrtui.logins.trace import LoginTrace
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.slices import SlicedLog
from cyrtui.logs.whole_log import Unclear, pieces
from cyrtui.shared_work import shared

_ALL: Final = 96 << 20
"""Bytes that are read line by line at most: with more, all may as well be."""
_KEPT: Final = 5_000
"""Attempts in memory: more than ten minutes of a busy server have."""
_SETTLED_AT_ONCE: Final = 40_000
_BEFORE: Final = 60.0
_AFTER: Final = 45.0
"""Seconds around an attempt in which all stands that its look-up depends on."""
_NEIGHBOURS: Final = 660.0
_SLOW_BEFORE: Final = 40.0
_SLOW_AFTER: Final = 40.0
_PARTS: Final = 250

Stretch = tuple[float, float]


class Asked(NamedTuple):
    """What tells a failed attempt from others, as far as it matters: equal ones have equal causes."""

    time: float
    service: str
    user: str | None
    mechanism: str | None


class Answer(NamedTuple):
    """How many logins were slow, and the causes of the attempts that were asked for."""

    slow: int
    causes: Counter[str]


class _Part(NamedTuple):
    stretches: list[Stretch]
    asked: list[Asked]


class _ExcerptBook(TraceBook):
    """A book that knows of a proxy that it works."""

    def __init__(self, proxy: str | None, slow: float, on_drop: Callable[[LoginTrace], None]) -> None:
        self._proxy = proxy
        super().__init__(slow=slow, max_traces=_KEPT, on_drop=on_drop)

    def _correlate(self, directory: Directory | None) -> Correlator:
        correlator = Correlator(directory)
        if self._proxy is not None:
            evidence = Evidence()
            evidence.worked = frozenset({self._proxy})
            correlator.learned.replace(None, evidence)
        return correlator


class Excerpts:
    """Gathers what is to be read, and reads it. `proxy` is the DN of a proxy that works."""

    def __init__(self, logs: Mapping[LogRole, SlicedLog], proxy: str | None, slow: float, now: float) -> None:
        self._logs = logs
        self._proxy = proxy
        self._slow = slow
        self._now = now
        self._parts: list[_Part] = []
        self._users: list[_Part] = []

    def add_slow(self, lookups: Iterable[OddLookup]) -> None:
        """Count the logins that these made slow."""
        for lookup in lookups:
            self._parts.append(_Part([(lookup.begin - _SLOW_BEFORE, lookup.end + _SLOW_AFTER)], []))

    def add(self, asked: Asked, *, far: bool) -> None:
        """Find the cause of an attempt; `far`: it depends on what others met in the minutes around it."""
        more = _NEIGHBOURS if far else 0.0
        self._parts.append(_Part([(asked.time - _BEFORE - more, asked.time + _AFTER + more)], [asked]))

    def add_user(self, asked: list[Asked], others: Iterable[float]) -> None:
        """Find the causes of attempts of one user, of whom attempts at `others` tell whether he is known."""
        times = [*(each.time for each in asked), *others]
        self._users.append(_Part([(time - _BEFORE, time + _AFTER) for time in times], asked))

    def read(self, covers: Callable[[float], bool] | None) -> list[Answer]:
        """Read them all. `covers` tells which slow logins count. Raises `Unclear` if that is too much."""
        parts = _joined(self._parts)
        ranges = [self._ranges(part) for part in (*parts, *self._users)]
        sizes = [sum(high - low for _, found in each for low, high in found) for each in ranges]
        if sum(sizes) > _ALL or len(sizes) > _PARTS:
            raise Unclear

        def work(number: int) -> Answer:
            alone = number < len(parts)
            asked = (parts[number] if alone else self._users[number - len(parts)]).asked
            return self._answer(ranges[number], asked, covers, count_slow=alone)

        return shared(len(ranges), work)

    def _ranges(self, part: _Part) -> list[tuple[SlicedLog, list[tuple[int, int]]]]:
        return [
            (log, _united(log.between(begin, end) for begin, end in part.stretches))
            for log in self._logs.values()
        ]

    def _traces(self, ranges: list[tuple[SlicedLog, list[tuple[int, int]]]]) -> Iterator[LoginTrace]:
        """The attempts in these bytes, about oldest first."""
        dropped: list[LoginTrace] = []
        book = _ExcerptBook(self._proxy, self._slow, dropped.append)
        merged = heapq.merge(*(_records(log, found) for log, found in ranges), key=lambda record: record.time)
        while records := list(islice(merged, _SETTLED_AT_ONCE)):
            book.feed(records)
            if len(records) == _SETTLED_AT_ONCE:
                book.settle(records[-1].time)
                yield from dropped
                dropped.clear()
        book.settle(self._now, at_rest=True)
        yield from dropped
        yield from book.traces()

    def _answer(
        self,
        ranges: list[tuple[SlicedLog, list[tuple[int, int]]]],
        asked: list[Asked],
        covers: Callable[[float], bool] | None,
        *,
        count_slow: bool,
    ) -> Answer:
        left = Counter(asked)
        slow = 0
        causes: Counter[str] = Counter()
        for trace in self._traces(ranges):
            if trace.outcome != "failed":
                if trace.cause == "directory-slow" and (covers is None or covers(trace.end)):
                    slow += count_slow
                continue
            this = _asked(trace)
            if left[this] > 0 and trace.cause is not None:
                left[this] -= 1
                causes[trace.cause] += 1
        if left.total():
            raise Unclear
        return Answer(slow, causes)


def _records(log: SlicedLog, ranges: list[tuple[int, int]]) -> Iterator[Record]:
    for low, high in ranges:
        for at, _, end in pieces(log, low, high):
            yield from log.records(at + 1, min(at + 1 + end, log.size))


def _asked(trace: LoginTrace) -> Asked:
    user = trace.user if trace.user_from == "mail" else None
    return Asked(trace.end, trace.service, user, trace.mechanism)


def _joined(parts: list[_Part]) -> list[_Part]:
    """The same, as one where their stretches meet; each has one."""
    found: list[_Part] = []
    for part in sorted(parts, key=lambda part: part.stretches):
        (begin, end), asked = part.stretches[0], part.asked
        if found and begin <= found[-1].stretches[0][1]:
            last = found[-1]
            found[-1] = _Part([(last.stretches[0][0], max(end, last.stretches[0][1]))], [*last.asked, *asked])
        else:
            found.append(part)
    return found


def _united(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same bytes, in order and each once."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if low >= high:
            continue
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found
