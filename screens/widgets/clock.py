"""The time of day, in eight cells of which it paints the ones that changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, tzinfo

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget


class Clock(Widget):
    """HH:MM:SS. `now` yields seconds since the epoch; `zone` is where it is shown, None for local time."""

    DEFAULT_CSS = """
    Clock { width: 8; height: 1; }
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._now = now
        self._zone = zone
        self._text = self._read()

    def _read(self) -> str:
        return datetime.fromtimestamp(self._now(), self._zone).strftime("%H:%M:%S")

    def on_mount(self) -> None:
        """Begin to tick."""
        self._wait()

    def _wait(self) -> None:
        # just after the second turns, so that none is left out
        self.set_timer(1.001 - time.time() % 1, self._tick)

    def _tick(self) -> None:
        text = self._read()
        if text != self._text:
            changed = next(
                at for at, (new, old) in enumerate(zip(text, self._text, strict=True)) if new != old
            )
            self._text = text
            self.refresh(Region(changed, 0, 8 - changed, 1))
        self._wait()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Eight cells."""
        return 8

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line."""
        return 1

    def render_line(self, y: int) -> Strip:
        """The time, or a blank line below it."""
        text = self._text if y == 0 else ""
        return Strip([Segment(text, self.rich_style)]).adjust_cell_length(self.size.width, self.rich_style)
