"""One line of literal text with something at its right edge, painted only when it says something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from .cells import ELLIPSIS, Cell, style_of, text_of
from .components import component_style


class StatusLine(Widget):
    """A line of pieces at the left and pieces at the right; the left gives way."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--muted",
        "line--strong",
        "line--ok",
        "line--warning",
        "line--failed",
        "line--accent",
        "line--mail",
        "line--auth",
        "line--slapd",
    }

    DEFAULT_CSS = """
    StatusLine {
        height: 1;
        & > .line--muted { color: $text-muted; }
        &:ansi > .line--muted { text-style: dim; }
        & > .line--strong { text-style: bold; }
        & > .line--ok { color: $text-success; }
        & > .line--warning { color: $text-warning; }
        & > .line--failed { color: $text-error; text-style: bold; }
        & > .line--accent { color: $text-accent; }
        & > .line--mail { color: $text-primary; }
        & > .line--auth { color: $text-warning; }
        & > .line--slapd { color: $text-secondary; }
    }
    """

    def __init__(
        self,
        left: Sequence[Cell] = (),
        right: Sequence[Cell] = (),
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._left = tuple(left)
        self._right = tuple(right)

    def show(self, left: Sequence[Cell] | None = None, right: Sequence[Cell] | None = None) -> None:
        """Say something else at the left, at the right, or both."""
        said = self._left, self._right
        if left is not None:
            self._left = tuple(left)
        if right is not None:
            self._right = tuple(right)
        if said != (self._left, self._right):
            # one that is not on the glass has no region: all that was painted of it is forgotten
            self.refresh(*([self.size.region] if self.size.area else []))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All there is."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line."""
        return 1

    def render_line(self, y: int) -> Strip:
        """The line, or a blank one below it."""
        width, base = self.size.width, self.rich_style
        if y:
            return Strip.blank(width, base)
        right = self._pieces(self._right, base, width)
        left = self._pieces(self._left, base, width * 2)
        room = max(0, width - right.cell_length - (1 if right.cell_length else 0))
        if left.cell_length > room:
            left = Strip([*left.crop(0, max(0, room - 1)), Segment(ELLIPSIS if room else "", base)])
        gap = Segment(" " * max(0, width - left.cell_length - right.cell_length), base)
        return Strip([*left, gap, *right]).adjust_cell_length(width, base)

    def _pieces(self, cells: Sequence[Cell], base: Style, width: int) -> Strip:
        segments: list[Segment] = []
        for cell in cells:
            name = style_of(cell)
            style = base if name is None else base + component_style(self, f"line--{name}")
            segments.append(Segment(text_of(cell)[: width * 8 + 64], style))
        return Strip(segments, sum(cell_len(segment.text) for segment in segments)).crop(0, width)
