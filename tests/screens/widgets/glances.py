"""What a widget shows, as text, in an application without a terminal."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.widget import Widget

from cyrtui.screens.lean_app import LeanApp


class OneWidget(LeanApp):
    """An application of one widget that takes all the room."""

    CSS = "LogView, LineTable, Timeline { height: 1fr; }"

    def __init__(self, make: Callable[[], Widget]) -> None:
        super().__init__()
        self.make = make

    def compose(self) -> ComposeResult:
        """The widget."""
        yield self.make()


def lines_of(widget: Widget) -> list[str]:
    """The lines that a widget shows, without blanks at their ends."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


class Painted:
    """Counts the lines that a widget paints again."""

    def __init__(self, window: Widget) -> None:
        self.lines: list[int] = []
        painting = window.render_line

        def render_line(y: int) -> object:
            self.lines.append(y)
            return painting(y)

        window.render_line = render_line  # type: ignore[method-assign, assignment]

    def taken(self) -> list[int]:
        """The lines painted since the last time, sorted."""
        lines, self.lines = sorted(self.lines), []
        return lines
