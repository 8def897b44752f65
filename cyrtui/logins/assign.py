"""The assignment problem: attempts to look-ups, one to one, at the least total cost, and how firm it is.

Sparse shortest augmenting paths with dual variables (Jonker and Volgenant, Computing 38, 1987). An attempt
may stay alone at its own price, and a look-up may; prices and costs are negative log likelihoods, so that the
difference between the best assignment and the best one without a given pair says how much worse any other
story explains the lines. That difference is the pair's regret.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Final

ALONE: Final = -1
_INF: Final = float("inf")


class Assignment:
    """The optimum. `of_row[i]` is row i's column, or `ALONE`."""

    __slots__ = ("_column_price", "_reduced", "_row_price", "alone", "edges", "of_column", "of_row")

    def __init__(self, edges: Sequence[dict[int, float]], alone: Sequence[float], of_row: list[int]) -> None:
        self.edges = edges
        self.alone = alone
        self.of_row = of_row
        self.of_column: dict[int, int] = {}
        self._row_price: list[float] = []
        self._column_price: dict[int, float] = {}
        self._reduced: list[list[tuple[int, float]]] = []

    def regret(self, row: int, most: float = _INF) -> float:
        """How much the total grows when `row` may not have what it has now; infinite: there is nothing
        else.

        What is `most` or more need not be known exactly: it is infinite then.
        """
        mine = self.of_row[row]
        return self._detour(row, 0.0, {row: mine}, None if mine == ALONE else mine, most=most)

    def forced(self, row: int, column: int, most: float = _INF) -> float:
        """How much the total grows when `row` must have `column`, one of its edges; `most` as above."""
        mine = self.of_row[row]
        if mine == column:
            return 0.0
        price = self.edges[row][column] - self._row_price[row] - self._column_price.get(column, 0.0)
        owner = self.of_column.get(column)
        freed = None if mine == ALONE else mine
        barred = {} if owner is None else {owner: column}
        return self._detour(owner, price, barred, freed, taken={column}, most=most)

    def _reduced_edges(self) -> list[list[tuple[int, float]]]:
        """For each row its columns with their reduced costs, which the duals make no less than zero."""
        if not self._reduced:
            price = self._column_price
            self._reduced = [
                [(column, cost - mine - price.get(column, 0.0)) for column, cost in edges.items()]
                for edges, mine in zip(self.edges, self._row_price, strict=True)
            ]
        return self._reduced

    def _detour(
        self,
        start: int | None,
        length: float,
        barred: dict[int, int],
        freed: int | None,
        taken: frozenset[int] | set[int] = frozenset(),
        most: float = _INF,
    ) -> float:
        """The shortest way, in reduced costs, from row `start` to the place that has become free.

        `freed` is that column, or None if any free place will do. `start` None is nobody, the owner of all
        that is free: nobody may take any column, at its price, and rows that are alone may then leave
        being alone. Ways of `most` or more are not looked at.
        """
        reduced, alone, row_price = self._reduced_edges(), self.alone, self._row_price
        settled: set[int] = set(taken)
        reached: dict[int, float] = {}
        heap: list[tuple[float, int, int]] = []
        push, pop = heapq.heappush, heapq.heappop
        nobody = False
        free = most

        def scan(row: int, at: float) -> None:
            nonlocal free
            closed = barred.get(row)
            if closed != ALONE and not nobody and (lonely := at + alone[row] - row_price[row]) < free:
                free = lonely
                push(heap, (lonely, 0, 0))
            for column, cost in reduced[row]:
                reach = at + cost
                if (
                    reach < most
                    and column != closed
                    and column not in settled
                    and reach < reached.get(column, _INF)
                ):
                    reached[column] = reach
                    push(heap, (reach, 1, column))

        if start is None:
            if length < most:
                push(heap, (length, 0, 0))
        else:
            scan(start, length)
        while heap:
            at, kind, column = pop(heap)
            if kind == 0:
                if nobody:
                    continue
                if freed is None:
                    return max(0.0, at)
                nobody = True
                for other in self.of_column:
                    reach = at - self._column_price.get(other, 0.0)
                    if reach < most and other not in settled and reach < reached.get(other, _INF):
                        reached[other] = reach
                        push(heap, (reach, 1, other))
                for row, place in enumerate(self.of_row):
                    if place == ALONE:
                        scan(row, at)
                continue
            if column in settled:
                continue
            settled.add(column)
            if column == freed:
                return max(0.0, at)
            owner = self.of_column.get(column)
            if owner is not None:
                scan(owner, at)
            elif not nobody and at < free:
                free = at
                push(heap, (at, 0, 0))
        return _INF

    def _augment(self, start: int) -> None:
        """Give row `start` a place, moving others along the cheapest way."""
        edges, alone, u, v = self.edges, self.alone, self._row_price, self._column_price
        u[start] = min([alone[start], *(cost - v.get(column, 0.0) for column, cost in edges[start].items())])
        reached: dict[int, float] = {}
        came: dict[int, int] = {}
        rows: dict[int, float] = {start: 0.0}
        final: dict[int, float] = {}
        heap: list[tuple[float, int]] = []
        best, best_row = _INF, start

        def scan(row: int, at: float) -> None:
            nonlocal best, best_row
            lonely = at + alone[row] - u[row]
            if lonely < best:
                best, best_row = lonely, row
            for column, cost in edges[row].items():
                if column in final:
                    continue
                reach = at + cost - u[row] - v.get(column, 0.0)
                if reach < reached.get(column, _INF):
                    reached[column] = reach
                    came[column] = row
                    heapq.heappush(heap, (reach, column))

        scan(start, 0.0)
        target = ALONE
        length = best
        while heap:
            at, column = heapq.heappop(heap)
            if column in final:
                continue
            if at >= best:
                break
            owner = self.of_column.get(column)
            if owner is None:
                target, length = column, at
                break
            final[column] = at
            rows[owner] = at
            scan(owner, at)
            length = best
        if target == ALONE:
            length = best
        for row, at in rows.items():
            u[row] += length - at
        for column, at in final.items():
            v[column] = v.get(column, 0.0) - (length - at)
        if target == ALONE:
            row, freed = best_row, self.of_row[best_row]
            self.of_row[row] = ALONE
            if row == start:
                return
            column = freed
        else:
            column = target
        while True:
            row = came[column]
            freed = self.of_row[row]
            self.of_row[row] = column
            self.of_column[column] = row
            if row == start:
                return
            column = freed


def assign(edges: Sequence[dict[int, float]], alone: Sequence[float]) -> Assignment:
    """The cheapest assignment.

    `edges[i]` maps the columns that row i may have to their costs (a column's own price for staying alone
    already taken off); `alone[i]` is the cost of row i without a column.
    """
    size = len(edges)
    result = Assignment(edges, alone, [ALONE] * size)
    result._row_price = [0.0] * size
    for row in range(size):
        result._augment(row)
    return result
