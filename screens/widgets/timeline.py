"""What happened in order: one step a line, with its log, its time and its distance from the step before."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from .cells import ELLIPSIS, CellStyle, cut
from .line_window import LineWindow

_SIDEWAYS = 16
_SOURCES: dict[str, CellStyle] = {"mail": "mail", "auth": "auth", "slapd": "slapd"}


@dataclass(frozen=True, slots=True)
class Step:
    """A step: where it was logged (mail, auth, slapd), its time and distance as text, and what it says.

    An `emphasised` step is the one that matters; a `remark` stands at the right edge (such as "certain").
    """

    source: str
    time: str
    delta: str
    text: str
    emphasised: bool = False
    remark: str = ""


class Timeline(LineWindow[Step]):
    """Steps with a cursor; long texts are looked at sideways."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "sideways(-1)", "Left", show=False),
        Binding("right", "sideways(1)", "Right", show=False),
    ]

    class StepOpened(Message):
        """A step was opened; `index` counts from 0."""

        def __init__(self, timeline: Timeline, index: int) -> None:
            super().__init__()
            self.timeline = timeline
            self.index = index

        @property
        def control(self) -> Timeline:
            """The timeline."""
            return self.timeline

    class StepHighlighted(Message):
        """The cursor stands on another step; `index` counts from 0."""

        def __init__(self, timeline: Timeline, index: int) -> None:
            super().__init__()
            self.timeline = timeline
            self.index = index

        @property
        def control(self) -> Timeline:
            """The timeline."""
            return self.timeline

    def __init__(
        self,
        steps: Sequence[Step] = (),
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._steps: Sequence[Step] = ()
        self._widths = (0, 0, 0)
        self._sideways = 0
        self.set_steps(steps)

    @property
    def end(self) -> int:
        return len(self._steps)

    def item(self, number: int) -> Step:
        return self._steps[number]

    def set_steps(self, steps: Sequence[Step], *, cursor: int = 0) -> None:
        """Show these steps, with the cursor on one of them."""
        self._steps = steps
        self._sideways = 0
        self._widths = (
            max((cell_len(step.source) for step in steps), default=0),
            max((cell_len(step.time) for step in steps), default=0),
            max((cell_len(step.delta) for step in steps), default=0),
        )
        self._top, self._cursor = 0, cursor
        if self.is_mounted:
            if self.styles.auto_dimensions:
                self.refresh(layout=True)
            self.move_cursor(cursor)

    def cursor_moved(self) -> None:
        self.post_message(self.StepHighlighted(self, self._cursor))

    def opened(self, number: int) -> None:
        self.post_message(self.StepOpened(self, number))

    def action_sideways(self, way: int) -> None:
        """Look at more of the ends of long texts (1), or back (-1)."""
        longest = max((cell_len(step.text[:4096]) for step in self._items.values()), default=0)
        room = self.body_width - self._prefix()
        self._sideways = max(0, min(self._sideways + way * _SIDEWAYS, longest - room + 1))
        self.rearrange()

    def _prefix(self) -> int:
        return 2 + sum(width + 1 for width in self._widths if width)

    def looks(self) -> Hashable:
        return self._sideways, self._widths

    def paint(self, number: int, item: Step, part: int, width: int) -> list[Segment]:
        source, time, delta = self._widths
        segments = [self.marker(number)]
        if source:
            segments.append(self.fitted(item.source, source + 1, _SOURCES.get(item.source)))
        if time:
            segments.append(self.fitted(item.time, time + 1, "muted"))
        if delta:
            segments.append(Segment(" " * (delta - cell_len(item.delta))))
            segments.append(self.segment(item.delta + " ", "muted"))
        remark = cut(item.remark, 20)
        room = width - self._prefix() - (cell_len(remark) + 1 if remark else 0)
        style = self.style("strong" if item.emphasised else None)
        text = Strip([Segment(item.text[: (self._sideways + max(0, room)) * 8 + 64], style)])
        more = text.cell_length > self._sideways + room
        shown = text.crop(self._sideways, self._sideways + room - more)
        segments.extend(shown)
        if more:
            segments.append(self.segment(ELLIPSIS, "muted"))
        if remark:
            segments.append(Segment(" " * max(1, room + 1 - shown.cell_length - more)))
            segments.append(self.segment(remark, "muted"))
        return segments
