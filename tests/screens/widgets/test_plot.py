"""The two plots: nothing is left out, and nothing is drawn where nothing was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.screens.widgets.plot import blocks, columns


@given(st.lists(st.integers(0, 10_000), max_size=60), st.integers(2, 80))
def test_every_value_is_in_one_column(values: list[int], width: int) -> None:
    step, found = columns(values, width)
    assert sum(found) == sum(values)
    assert len(found) <= width
    if values:
        assert found[-1] == sum(values[-step:])


def test_as_many_columns_as_there_is_room_for() -> None:
    assert columns([1] * 60, 60) == (1, [1] * 60)
    assert columns([1] * 60, 59) == (2, [2] * 30)
    assert columns([1] * 60, 20) == (3, [3] * 20)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], ""), ([0, 0], "··"), ([0, 1, 1000], "·▁█"), ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"), ([5], "█")],
)
def test_blocks(values: list[int], expected: str) -> None:
    assert blocks(values) == expected
