"""Totals over traces: the object that `trace --summary --json` promises, and what the overview plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import tzinfo
from typing import Any, Final

from cyrtui.logins.export import iso
from cyrtui.logins.trace import LoginTrace

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
        if trace.outcome == "ok":
            self.ok += 1
        elif trace.outcome == "failed":
            self.failed += 1
        else:
            self.incomplete += 1
        if trace.cause is not None:
            self.by_cause[trace.cause] += 1
        self.by_service[trace.service] += 1
        if trace.user is not None:
            self.by_user[trace.user] += 1
        self.first = trace.end if self.first is None else min(self.first, trace.end)
        self.last = trace.end if self.last is None else max(self.last, trace.end)

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
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])
