"""The assignment is the best there is, and its regrets are true: checked against trying everything."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from cyrtui.logins.assign import ALONE, assign

COSTS = st.integers(-60, 80).map(lambda tenth: tenth / 10)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[dict[int, float]], list[float]]:
    rows = draw(st.integers(1, 5))
    edges = [draw(st.dictionaries(st.integers(0, 4), COSTS, max_size=5)) for _ in range(rows)]
    alone = [draw(st.integers(0, 70).map(lambda tenth: tenth / 10)) for _ in range(rows)]
    return edges, alone


def cheapest(
    edges: list[dict[int, float]],
    alone: list[float],
    *,
    without: tuple[int, int] | None = None,
    must: tuple[int, int] | None = None,
) -> float:
    best = math.inf

    def place(row: int, used: frozenset[int], cost: float) -> None:
        nonlocal best
        if row == len(edges):
            best = min(best, cost)
            return
        for column, price in [(ALONE, alone[row]), *edges[row].items()]:
            if (row, column) == without or (must is not None and must[0] == row and must[1] != column):
                continue
            if column == ALONE:
                place(row + 1, used, cost + price)
            elif column not in used:
                place(row + 1, used | {column}, cost + price)

    place(0, frozenset(), 0.0)
    return best


@settings(deadline=None)
@given(problems())
def test_total_regret_and_forced_are_exact(problem: tuple[list[dict[int, float]], list[float]]) -> None:
    edges, alone = problem
    solved = assign(edges, alone)
    places = [column for column in solved.of_row if column != ALONE]
    assert len(places) == len(set(places))
    total = sum(
        alone[row] if column == ALONE else edges[row][column] for row, column in enumerate(solved.of_row)
    )
    assert math.isclose(total, cheapest(edges, alone), abs_tol=1e-6)
    for row, column in enumerate(solved.of_row):
        other = cheapest(edges, alone, without=(row, column))
        if math.isinf(other):
            assert math.isinf(solved.regret(row))
        else:
            assert math.isclose(solved.regret(row), other - total, abs_tol=1e-6)
        for wanted in edges[row]:
            forced = cheapest(edges, alone, must=(row, wanted)) - total
            assert math.isclose(solved.forced(row, wanted), forced, abs_tol=1e-6)


def test_nothing_at_all() -> None:
    assert assign([], []).of_row == []
    assert math.isinf(assign([{}], [7.0]).regret(0))
