"""A few paragraphs of literal text in a box of fixed height; what does not fit ends in an ellipsis."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip

from .cells import Cell, fold, style_of, text_of
from .components import component_style
from .status_line import StatusLine


class Paragraphs(StatusLine):
    """Paragraphs one below the other, folded at the width there is; painted only when they change."""

    DEFAULT_CSS = """
    Paragraphs { height: 5; }
    """

    def tell(self, paragraphs: Sequence[Cell]) -> None:
        """Say something else."""
        if tuple(paragraphs) != self._left:
            self._left = tuple(paragraphs)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the box."""
        width, base = self.size.width, self.rich_style
        lines = self._folded(width - 2, self.size.height)
        if y >= len(lines):
            return Strip.blank(width, base)
        text, cell = lines[y]
        name = style_of(cell)
        style = base if name is None else base + component_style(self, f"line--{name}")
        return Strip([Segment(" " + text, style)]).adjust_cell_length(width, base)

    def _folded(self, width: int, height: int) -> list[tuple[str, Cell]]:
        lines: list[tuple[str, Cell]] = []
        for cell in self._left:
            room = height - len(lines)
            if room <= 0:
                break
            lines += [(line, cell) for line in fold(text_of(cell), width, room)]
        return lines
