"""A window of time as an assignment problem: the attempts and look-ups in it, and what each pair would
cost.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

from cyrtui.logins.assign import ALONE, assign
from cyrtui.logins.lookups import Lookup
from cyrtui.logins.needs import AFTER_CLIENT, EARLY, Need, asked, costs_of
from cyrtui.logins.sessions import Draft

BLOCK: Final = 20.0
"""Seconds that are solved as one."""
MARGIN: Final = AFTER_CLIENT + 2.0
"""Seconds on either side whose lines are solved along, so that a block's border decides nothing."""
MAX_CANDIDATES: Final = 8
PLAUSIBLE: Final = 2.5
"""Regret, in nats, from which on a pair is likely rather than ambiguous."""
SOLID: Final = 8.0
"""Regret, in nats, from which on a pair is solid: the next best story is 1/3000 as likely."""
_OUT_OF_TURN: Final = 6.0
_MUST: Final = 5.0

Costs = list[dict[int, float]]
Options = dict[Draft, dict[Lookup, float]]
"""For each attempt the look-ups that can be its own, the earliest first, with their costs."""


def block_of(time: float) -> int:
    """The block that a moment lies in."""
    return int(time // BLOCK)


class Window(NamedTuple):
    """Attempts (rows) and look-ups (columns) in the order of time; `costs[row]` has the columns that can
    be, `prices[column]` what it costs to leave a look-up alone.
    """

    needs: list[Need]
    lookups: list[Lookup]
    costs: Costs
    of_lookup: list[list[int]]
    prices: list[float]

    def part(self, start: int) -> tuple[list[int], list[int]]:
        """The rows and the columns that are connected with a row, itself among them."""
        rows, seen = [start], {start}
        columns: set[int] = set()
        for row in rows:
            for column in self.costs[row]:
                if column not in columns:
                    columns.add(column)
                    for other in self.of_lookup[column]:
                        if other not in seen:
                            seen.add(other)
                            rows.append(other)
        return sorted(rows), sorted(columns)

    def parts(self, block: int) -> Iterable[tuple[list[int], list[int]]]:
        """The connected parts (rows, columns) that hold an attempt of this block."""
        seen: set[int] = set()
        for start, need in enumerate(self.needs):
            if start not in seen and block_of(need.at.time) == block:
                rows, columns = self.part(start)
                seen.update(rows)
                yield rows, columns


def window_of(needs: list[Need], lookups: Iterable[Lookup], options: Options) -> Window:
    """The window of these attempts and look-ups.

    `options` has the costs of attempts that were worked out for a neighbouring window; others are added.
    """
    needs = sorted(needs, key=lambda need: (need.at.time, need.at.path, need.at.offset))
    timed = sorted((lookup.end.time, lookup.key, lookup) for lookup in lookups if lookup.end is not None)
    columns = [item[2] for item in timed]
    times = [item[0] for item in timed]
    facts = [fact for lookup in columns if (fact := asked(lookup)) is not None]
    place = {lookup: column for column, lookup in enumerate(columns)}
    costs: list[dict[int, float]] = []
    of_lookup: list[list[int]] = [[] for _ in columns]
    for row, need in enumerate(needs):
        known = options.get(need.draft)
        if known is None:
            at = need.at.time
            low, high = bisect_left(times, at - need.longest - 1.0), bisect_right(times, at + 1.0 + EARLY)
            mine = costs_of(need, facts, low, high)
            options[need.draft] = {columns[column]: cost for column, cost in mine.items()}
        else:
            mine = {
                column: cost for lookup, cost in known.items() if (column := place.get(lookup)) is not None
            }
        for column in mine:
            of_lookup[column].append(row)
        costs.append(mine)
    _in_turn(needs, columns, costs)
    return Window(needs, columns, costs, of_lookup, [fact.price for fact in facts])


def _in_turn(needs: list[Need], lookups: list[Lookup], costs: Costs) -> None:
    """A process does one thing after the other: so the look-ups of its attempts come in their order.

    A look-up that would leave none for the attempt before, or after, costs more.
    """
    of_process: dict[int, list[int]] = defaultdict(list)
    for row, need in enumerate(needs):
        if costs[row]:
            of_process[id(need.draft.process)].append(row)
    for rows in of_process.values():
        rows.sort(key=lambda row: needs[row].draft.place)
        for first, second in pairwise(rows):
            if (
                needs[first].alone < _MUST
                or needs[second].alone < _MUST
                or costs[first].keys().isdisjoint(costs[second])
            ):
                continue
            ends = [lookups[column] for column in costs[first]]
            begins = [lookups[column] for column in costs[second]]
            for row, others, is_first in ((first, begins, True), (second, ends, False)):
                for column, cost in list(costs[row].items()):
                    mine = lookups[column]
                    if not any(
                        _follows(mine, other) if is_first else _follows(other, mine) for other in others
                    ):
                        costs[row][column] = cost + _OUT_OF_TURN


def _follows(first: Lookup, second: Lookup) -> bool:
    """True if `second` began after `first` had its result."""
    end, begin = first.end, second.begin
    if first is second or end is None or begin is None:
        return False
    if begin.time != end.time:
        return begin.time > end.time - (0.0 if end.whole_seconds else 0.01)
    return not end.whole_seconds or begin.path != end.path or begin.offset > end.offset


def ranks(window: Window, rows: list[int]) -> dict[int, float]:
    """The place of each attempt (row) and look-up (-1 - column) among its like in the same second."""
    attempts: dict[float, list[int]] = defaultdict(list)
    columns: dict[float, set[int]] = defaultdict(set)
    for row in rows:
        attempts[window.needs[row].at.time].append(row)
        for column in window.costs[row]:
            end = window.lookups[column].end
            if end is not None:
                columns[end.time].add(column)
    places: dict[int, float] = {}
    for time, found in columns.items():
        inside = sorted(found, key=lambda column: _offset(window.lookups[column]))
        crowd = max(len(inside), len(attempts.get(time, ())))
        for index, column in enumerate(inside):
            places[-1 - column] = (index + 0.5) / len(inside) * crowd
    for time, found_rows in attempts.items():
        crowd = max(len(found_rows), len(columns.get(time, ())))
        for index, row in enumerate(found_rows):
            places[row] = (index + 0.5) / len(found_rows) * crowd
    return places


def _offset(lookup: Lookup) -> tuple[str, int]:
    end = lookup.end
    return ("", 0) if end is None else (end.path, end.offset)


class Solution:
    """One part, assigned under one set of costs."""

    def __init__(self, window: Window, rows: list[int], costs: Costs) -> None:
        self._at = {row: index for index, row in enumerate(rows)}
        self._rows = rows
        prices = window.prices
        mine = [{column: cost - prices[column] for column, cost in costs[row].items()} for row in rows]
        self._solved = assign(mine, [window.needs[row].alone for row in rows])

    def column(self, row: int) -> int | None:
        column = self._solved.of_row[self._at[row]]
        return None if column == ALONE else column

    def pairs(self) -> dict[int, int]:
        """The rows that have a column."""
        return {row: column for row in self._rows if (column := self.column(row)) is not None}

    def regret(self, row: int) -> float:
        """As of the assignment; what is solid is infinite."""
        return self._solved.regret(self._at[row], SOLID)

    def candidates(self, row: int) -> list[int]:
        """The columns that a story not much worse would give to `row`, the best first."""
        index = self._at[row]
        most = PLAUSIBLE + 1.0
        options = sorted(
            (self._solved.forced(index, column, most), column) for column in self._solved.edges[index]
        )
        return [column for extra, column in options if extra < most][:MAX_CANDIDATES]
