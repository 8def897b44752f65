"""One attempt told to its end, or what must be known beside the attempts: verdict, lines, remedy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from cyrtui.logins.trace import LoginTrace
from cyrtui.wording import clock, dated, distance

from .widgets.cells import Cell, CellStyle, cut
from .widgets.status_line import StatusLine
from .widgets.timeline import Step, Timeline

if TYPE_CHECKING:
    from datetime import tzinfo

    from cyrtui.login_notes import Note

OUTCOMES: dict[str, tuple[str, CellStyle]] = {
    "ok": ("·", "ok"),
    "failed": ("✖", "failed"),
    "incomplete": ("!", "warning"),
}


class TracePane(Vertical):
    """The verdict on top, the lines with their distance in time, the remedy below. `zone` is the host's."""

    def __init__(self, zone: tzinfo | None, now: Callable[[], float], *, id: str) -> None:
        super().__init__(id=id)
        self._zone = zone
        self._now = now
        self._notes: Sequence[Note] = ()

    def compose(self) -> ComposeResult:
        yield StatusLine(id="trace-title", classes="title")
        yield Static("", id="verdict", markup=False)
        yield Timeline(id="timeline")
        yield Static("", id="remedy", markup=False)

    def _say(self, verdict: str, remedy: str) -> None:
        self.query_one("#verdict", Static).update(verdict)
        box = self.query_one("#remedy", Static)
        box.update(f"Remedy: {remedy}" if remedy else "")
        box.display = bool(remedy)

    # An attempt

    def tell(self, trace: LoginTrace, *, fresh: bool) -> None:
        """Show this attempt; one that is `fresh` with the cursor on the line that proves it."""
        self._notes = ()
        mark, style = OUTCOMES[trace.outcome]
        where = f" · {trace.service}[{trace.pid}] · {dated(trace.end, self._now(), self._zone)} "
        state: list[Cell] = [("still open  ", "warning")] if trace.open else []
        if trace.ldap is not None and trace.ldap.conn is not None:
            link: CellStyle = "ok" if trace.ldap.confidence == "certain" else "warning"
            state += [(f"slapd conn={trace.ldap.conn} ", "muted"), (str(trace.ldap.confidence), link)]
        title = self.query_one("#trace-title", StatusLine)
        user = cut(trace.user or "nobody named", 40)
        title.show([(f"{mark} {user}", style), where], state)
        self._say(trace.explanation, trace.remedy)
        timeline = self.query_one("#timeline", Timeline)
        first = trace.evidence[0] if trace.evidence else 0
        timeline.set_steps(self._steps(trace), cursor=first if fresh else timeline.cursor or 0)

    def _steps(self, trace: LoginTrace) -> list[Step]:
        steps: list[Step] = []
        before = None
        linked = False
        for number, event in enumerate(trace.events):
            remark = ""
            if event.source == "slapd" and trace.ldap is not None and not linked:
                linked = True
                remark = str(trace.ldap.confidence)
            delta = ""
            if before is not None and not (event.whole_seconds and event.time == before):
                delta = distance(event.time - before)
            before = event.time
            shown = clock(event.time, self._zone, fraction=not event.whole_seconds)
            steps.append(Step(event.source, shown, delta, event.text, number in trace.evidence, remark))
        return steps

    # What is in no log

    def tell_notes(self, notes: Sequence[Note]) -> None:
        """Show these notes: one line each, and in full the one that the cursor stands on."""
        timeline = self.query_one("#timeline", Timeline)
        at = min(timeline.cursor or 0, len(notes) - 1) if self._notes else 0
        if notes != self._notes:
            self._notes = notes
            title = self.query_one("#trace-title", StatusLine)
            title.show([("IN NO LOG", "strong"), "  as it stands now"], [])
            timeline.set_steps([Step(one.about, "", "", one.sentence, one.grave) for one in notes], cursor=at)
        self._show_note(at)

    @on(Timeline.StepHighlighted)
    def _highlighted(self, event: Timeline.StepHighlighted) -> None:
        self._show_note(event.index)

    def _show_note(self, index: int) -> None:
        if index < len(self._notes):
            one = self._notes[index]
            title = f"{one.title[:1].upper()}{one.title[1:]}: " if one.title else ""
            self._say(f"{title}{one.sentence}", one.remedy)
