"""Excerpts of long logs, read line by line: what stands around some attempts, with the look-ups of those."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from cyrtui.logins.book import TraceBook
from cyrtui.logins.correlate import Correlator
from cyrtui.logins.learned import Directory, Evidence, Known, Learned
from cyrtui.logins.slapd_oddities import OddLookup
from cyrtui.logins.trace import LoginTrace
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.slices import SlicedLog
from cyrtui.logs.whole_log import Unclear, pieces

_ALL: Final = 96 << 20
"""Bytes that are read line by line at most: with more, all may as well be."""
_KEPT: Final = 5_000
"""Attempts in memory: more than ten minutes of a busy server have."""
_SETTLED_AT_ONCE: Final = 40_000
_BEFORE: Final = 60.0
_AFTER: Final = 45.0
"""Seconds around an attempt in which all stands that its look-up depends on."""
_NEIGHBOURS: Final = 660.0
_SLOW_BEFORE: Final = 15.0
_SLOW_AFTER: Final = 15.0
_PARTS: Final = 240
_SOME_ENTRY: Final = Known("", firm=False)


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
    begin: float
    end: float
    asked: list[Asked]


_Range = tuple[SlicedLog, tuple[int, int]]


class _Learned(Learned):
    """What is learned from an excerpt, with users of whom it is known that they have an entry."""

    def __init__(self, users: Container[str]) -> None:
        super().__init__()
        self._with_entry = users

    def of_user(self, user: str) -> Known | None:
        return super().of_user(user) or (_SOME_ENTRY if user in self._with_entry else None)


class _ExcerptBook(TraceBook):
    """A book that knows of a proxy that it works, and of users that they have an entry."""

    def __init__(
        self, proxy: str | None, users: Container[str], slow: float, on_drop: Callable[[LoginTrace], None]
    ) -> None:
        self._proxy = proxy
        self._users = users
        super().__init__(slow=slow, max_traces=_KEPT, on_drop=on_drop)

    def _correlate(self, directory: Directory | None) -> Correlator:
        correlator = Correlator(directory)
        correlator.learned = _Learned(self._users)
        if self._proxy is not None:
            evidence = Evidence()
            evidence.worked = frozenset({self._proxy})
            correlator.learned.replace(None, evidence)
        return correlator


class Excerpts:
    """Gathers what is to be read, and reads it.

    `proxy` is the DN of a proxy that works, `users` are those, as `canonical_user` gives them, who logged in:
    they are looked at only for attempts that are `known`.
    """

    def __init__(
        self,
        logs: Mapping[LogRole, SlicedLog],
        proxy: str | None,
        users: Container[str],
        slow: float,
        now: float,
    ) -> None:
        self._logs = logs
        self._proxy = proxy
        self._users = users
        self._slow = slow
        self._now = now
        self._parts: list[_Part] = []
        self._known: list[_Part] = []

    def add_slow(self, lookups: Iterable[OddLookup]) -> None:
        """Count the logins that these made slow."""
        for lookup in lookups:
            self._parts.append(_Part(lookup.begin - _SLOW_BEFORE, lookup.end + _SLOW_AFTER, []))

    def add(self, asked: Asked, *, far: bool, known: bool) -> None:
        """Find the cause of an attempt.

        `far`: it depends on what others met in the minutes around it; `known`: and on whether the user has an
        entry.
        """
        more = _NEIGHBOURS if far else 0.0
        part = _Part(asked.time - _BEFORE - more, asked.time + _AFTER + more, [asked])
        (self._known if known else self._parts).append(part)

    def work(self, covers: Callable[[float], bool] | None) -> list[Callable[[], Answer]]:
        """What is to be done to read all that was gathered, in any order.

        `covers` tells which slow logins count. Raises `Unclear` if that is too much.
        """
        # the longest first, so that both processes end at about the same time
        parts = sorted(_joined(self._parts), key=_length, reverse=True)
        alone = len(parts)
        parts += sorted(_joined(self._known), key=_length, reverse=True)
        ranges = [[(log, log.between(part.begin, part.end)) for log in self._logs.values()] for part in parts]
        size = sum(high - low for each in ranges for _, (low, high) in each)
        if size > _ALL or len(parts) > _PARTS:
            raise Unclear

        def work(number: int) -> Answer:
            # who is known to have an entry finds less easily which it is: that is for denied ones alone
            users: Container[str] = () if number < alone else self._users
            traces = self._traces(ranges[number], users)
            return _answer(traces, parts[number].asked, covers if number < alone else _never)

        self._parts, self._known = [], []
        return [partial(work, number) for number in range(len(parts))]

    def _traces(self, ranges: list[_Range], users: Container[str]) -> Iterator[LoginTrace]:
        """The attempts in these bytes, about oldest first."""
        dropped: list[LoginTrace] = []
        book = _ExcerptBook(self._proxy, users, self._slow, dropped.append)
        merged = heapq.merge(*(_records(*each) for each in ranges), key=lambda record: record.time)
        while records := list(islice(merged, _SETTLED_AT_ONCE)):
            book.feed(records)
            if len(records) == _SETTLED_AT_ONCE:
                book.settle(records[-1].time)
                yield from dropped
                dropped.clear()
        book.settle(self._now, at_rest=True)
        yield from dropped
        yield from book.traces()


def _never(_time: float) -> bool:
    return False


def _answer(
    traces: Iterable[LoginTrace], asked: list[Asked], covers: Callable[[float], bool] | None
) -> Answer:
    left = Counter(asked)
    slow = 0
    causes: Counter[str] = Counter()
    for trace in traces:
        if trace.outcome != "failed":
            slow += trace.cause == "directory-slow" and (covers is None or covers(trace.end))
            continue
        this = _asked(trace)
        if left[this] > 0 and trace.cause is not None:
            left[this] -= 1
            causes[trace.cause] += 1
    if left.total():
        raise Unclear
    return Answer(slow, causes)


def _records(log: SlicedLog, range_: tuple[int, int]) -> Iterator[Record]:
    for at, _, end in pieces(log, *range_):
        yield from log.records(at + 1, min(at + 1 + end, log.size))


def _asked(trace: LoginTrace) -> Asked:
    user = trace.user if trace.user_from == "mail" else None
    return Asked(trace.end, trace.service, user, trace.mechanism)


def _length(part: _Part) -> float:
    return part.end - part.begin


def _joined(parts: list[_Part]) -> list[_Part]:
    """The same, as one where they meet."""
    found: list[_Part] = []
    for begin, end, asked in sorted(parts, key=lambda part: part.begin):
        if found and begin <= found[-1].end:
            last = found[-1]
            last.asked.extend(asked)
            found[-1] = last._replace(end=max(end, last.end))
        else:
            found.append(_Part(begin, end, list(asked)))
    return found
