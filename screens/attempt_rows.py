"""Attempts to log in as rows of a table, made when they are looked at."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from cyrtui.logins.trace import LoginTrace

from .widgets.line_table import Column, Row

_COLUMNS = (
    Column("mark", "", 1),
    Column("time", "time", 8),
    Column("user", "user", 12, flex=2, min_width=8),
    Column("service", "service", 7),
    Column("from", "from", 15, flex=1, min_width=11),
    Column("cause", "outcome", 20, flex=3, min_width=14),
    Column("took", "took", 7, align="right"),
)


def columns(width_of_time: int) -> tuple[Column, ...]:
    """The columns, with so much room for the time."""
    return tuple(replace(one, width=width_of_time) if one.key == "time" else one for one in _COLUMNS)


class AttemptRows:
    """Attempts, newest first, and how each becomes a row."""

    def __init__(self, traces: Sequence[LoginTrace], row_of: Callable[[LoginTrace], Row]) -> None:
        self._traces = traces
        self._row_of = row_of

    def __len__(self) -> int:
        return len(self._traces)

    def row(self, index: int) -> Row:
        return self._row_of(self._traces[index])

    def index_of(self, key: Hashable) -> int | None:
        """Found by its time, which is the key's last part."""
        if not isinstance(key, tuple):
            return None
        at = bisect_left(self._traces, -key[-1], key=lambda trace: -trace.end)
        while at < len(self._traces) and self._traces[at].end == key[-1]:
            if self._traces[at].key == key:
                return at
            at += 1
        return None
