"""Two small plots on one line: what went well and what failed, minute by minute."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from .cells import Cell, CellStyle
from .status_line import StatusLine

_BLOCKS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"
_ROOM_FOR_PEAK = 14
# How many minutes a column may stand for.
_STEPS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)


def columns(values: Sequence[int], width: int) -> tuple[int, list[int]]:
    """How many of `values` stand in one column, and their sums in `width` columns at most, the last whole."""
    step = next((step for step in _STEPS if -(-len(values) // step) <= width), len(values) or 1)
    first = len(values) % step
    parts = ([values[:first]] if first else []) + [
        values[at : at + step] for at in range(first, len(values), step)
    ]
    return step, [sum(part) for part in parts]


def blocks(values: Sequence[int]) -> str:
    """A column for each value: a dot for none, else a block of a height in proportion to the highest."""
    most = max(values, default=0)
    return "".join(
        _BLOCKS[-(-value * len(_BLOCKS) // most) - 1] if value > 0 else _NOTHING for value in values
    )


class TwoPlots(StatusLine):
    """The last hour, in two halves of the line; each says its name, and how many its highest column
    stands for in how many minutes."""

    def __init__(self, names: tuple[str, str], styles: tuple[CellStyle, CellStyle], *, id: str) -> None:
        super().__init__(id=id)
        self._names = names
        self._styles = styles
        self._values: tuple[Sequence[int], Sequence[int]] = ((), ())

    def plot(self, first: Sequence[int], second: Sequence[int]) -> None:
        """Show these counts, one a minute."""
        self._values = first, second
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Another width may hold other columns."""
        self._draw()

    def _draw(self) -> None:
        cells: list[Cell] = []
        room = self.size.width // 2
        longest = max(len(name) for name in self._names)
        for name, style, values in zip(self._names, self._styles, self._values, strict=True):
            step, shown = columns(values, room - longest - _ROOM_FOR_PEAK)
            most = max(shown, default=0)
            text = blocks(shown)
            used = len(name) + 3 + len(text)
            peak = f" max {most}/{step}m" if most else ""
            cells += [(f"  {name} ", "muted"), (text, style if most else "muted"), (peak, "muted")]
            cells.append(" " * max(0, room - used - len(peak)))
        self.show(cells)
