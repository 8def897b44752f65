"""Totals over traces: the object that `trace --summary --json` promises, and what the overview plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import tzinfo
from heapq import nlargest
from typing import Any, Final

from cyrtui.logins.export import iso
from cyrtui.logins.trace import LoginTrace, Outcome

TOP_USERS: Final = 20


class Summary:
    """Totals that grow by `add`. `first` and `last` are seconds since the epoch; None: nothing was added."""

    __slots__ = ("by_cause", "by_service", "by_user", "failed", "first", "incomplete", "last", "ok")

    def __init__(self) -> None:
        self.ok = self.failed = self.incomplete = 0
        self.by_cause: Counter[str] = Counter()
        self.by_service: Counter[str] = Counter()
        self.by_user: Counter[str] = Counter()
        self.first: float | None = None
        self.last: float | None = None

    @property
    def total(self) -> int:
        return self.ok + self.failed + self.incomplete

    def add(self, trace: LoginTrace) -> None:
        self.count(trace.outcome, trace.service, trace.user, trace.end)
        if trace.cause is not None:
            self.by_cause[trace.cause] += 1

    def count(self, outcome: Outcome, service: str, user: str | None, time: float) -> None:
        """Add an attempt of which the cause is added apart."""
        if outcome == "ok":
            self.ok += 1
        elif outcome == "failed":
            self.failed += 1
        else:
            self.incomplete += 1
        self.by_service[service] += 1
        if user is not None:
            self.by_user[user] += 1
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)

    def include(self, other: Summary) -> None:
        """Add what another has counted."""
        self.ok += other.ok
        self.failed += other.failed
        self.incomplete += other.incomplete
        for ours, theirs in (
            (self.by_cause, other.by_cause),
            (self.by_service, other.by_service),
            (self.by_user, other.by_user),
        ):
            ours.update(theirs)
        times = [time for time in (self.first, self.last, other.first, other.last) if time is not None]
        if times:
            self.first, self.last = min(times), max(times)

    def become(self, other: Summary) -> None:
        """Be the same as another."""
        for name in self.__slots__:
            setattr(self, name, getattr(other, name))

    def as_json(self, zone: tzinfo | None = None) -> dict[str, Any]:
        """Counts by cause, service and user are objects, most frequent first; users are the top twenty."""
        return {
            "total": self.total,
            "ok": self.ok,
            "failed": self.failed,
            "incomplete": self.incomplete,
            "by_cause": _ranked(self.by_cause),
            "by_service": _ranked(self.by_service),
            "by_user": _ranked(self.by_user, TOP_USERS),
            "first": None if self.first is None else iso(self.first, zone),
            "last": None if self.last is None else iso(self.last, zone),
        }


def summarize(traces: Iterable[LoginTrace]) -> Summary:
    """The totals over `traces`."""
    summary = Summary()
    for trace in traces:
        summary.add(trace)
    return summary


def _ranked(counts: Counter[str], most: int | None = None) -> dict[str, int]:
    items = list(counts.items())
    if most is not None and len(items) > most:
        # of a hundred thousand users most need not be sorted
        least = nlargest(most, counts.values())[-1]
        items = [item for item in items if item[1] >= least]
    return dict(sorted(items, key=lambda item: (-item[1], item[0]))[:most])
