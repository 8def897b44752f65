"""Logins: who cannot log in, and why, across the three logs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from cyrtui.console import LogsStep
from cyrtui.errors import CyrtuiError
from cyrtui.logins.filters import FORMS, TraceFilter
from cyrtui.logins.ticket import as_ticket
from cyrtui.logins.trace import LoginTrace
from cyrtui.wording import clock, counted, distance, moment

from .page import Page
from .widgets.cells import Cell, CellStyle
from .widgets.line_table import Column, LineTable, Row
from .widgets.status_line import StatusLine
from .widgets.timeline import Step, Timeline

_COLUMNS = (
    Column("mark", "", 1),
    Column("time", "time", 8),
    Column("user", "user", 12, flex=2, min_width=8),
    Column("service", "service", 7),
    Column("from", "from", 15, flex=1, min_width=11),
    Column("cause", "outcome", 20, flex=3, min_width=14),
    Column("took", "took", 7, align="right"),
)
# So many lines that a table and a whole trace stand below each other.
_ROOMY = 34
_OUTCOMES: dict[str, tuple[str, CellStyle]] = {
    "ok": ("·", "ok"),
    "failed": ("✖", "failed"),
    "incomplete": ("!", "warning"),
}


class _Traces:
    """Traces as rows of the table, made when they are looked at."""

    def __init__(self, traces: Sequence[LoginTrace], screen: LoginsScreen) -> None:
        self._traces = traces
        self._screen = screen
        self._places: dict[Hashable, int] | None = None

    def __len__(self) -> int:
        return len(self._traces)

    def row(self, index: int) -> Row:
        return self._screen.row_of(self._traces[index])

    def index_of(self, key: Hashable) -> int | None:
        if self._places is None:
            self._places = {trace.key: place for place, trace in enumerate(self._traces)}
        return self._places.get(key)


class LoginsScreen(Page):
    """The attempts, newest first; the chosen one as a timeline with its verdict and remedy."""

    NAME = "Logins"
    HELP_TEXT = (
        "Every attempt to log in that the logs show, newest first. The chosen one is told below: the "
        "verdict, the lines of the three logs with their distance in time, and the remedy. How sure the "
        "link to slapd's connection is stands beside its first line: certain, likely or ambiguous. "
        f"What / asks for are conditions that must all hold: {FORMS}."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "Show only some attempts: by user, cause, service, client, time", show=False
        ),
        Binding("f", "follow_user", "Show this user's attempts only, or everyone's", show=False),
        Binding("x", "failed_only", "Show failed attempts only, or all", show=False),
        Binding("l", "show_in_logs", "Show this line in the logs", show=False),
        Binding("y", "copy", "Copy the trace as text, for a ticket", show=False),
        Binding("escape", "close_trace", "Close the trace; then, show all attempts again", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._wanted = TraceFilter()
        self._open: LoginTrace | None = None
        self._roomy = False

    def body(self) -> Iterable[Widget]:
        yield StatusLine((("LOGINS", "strong"),), id="attempts-title", classes="title")
        yield LineTable(_COLUMNS, id="attempts")
        with Vertical(id="trace"):
            yield StatusLine(id="trace-title", classes="title")
            yield Static("", id="verdict", markup=False)
            yield Timeline(id="timeline")
            yield Static("", id="remedy", markup=False)
        with Horizontal(id="asking"):
            yield Input(placeholder=FORMS, id="asked", compact=True)

    def own_keys(self) -> Sequence[tuple[str, str]]:
        if self._open is not None:
            return (("l", "in the logs"), ("y", "copy"), ("esc", "back"))
        return (("⏎", "open"), ("/", "filter"), ("f", "user"), ("x", "failed"))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#attempts", LineTable).focus()

    def on_resize(self, event: events.Resize) -> None:
        """With room enough the chosen attempt is always told."""
        self._roomy = event.size.height >= _ROOMY
        self.set_class(self._roomy, "-roomy")
        key = self.query_one("#attempts", LineTable).cursor_key
        if self._roomy and self._open is None and key is not None:
            self._show_trace(key)

    def caught_up(self) -> None:
        self._fill()

    def logs_moved(self, step: LogsStep) -> None:
        self._fill()
        if self._open is not None and self._open.key in step.traces:
            self._show_trace(self._open.key)

    def _fill(self) -> None:
        everything = self.core.traces()
        shown = self._wanted.select(everything) if self._wanted else everything
        title = self.query_one("#attempts-title", StatusLine)
        count = f"{len(shown):,} of {len(everything):,}" if self._wanted else counted(len(shown), "attempt")
        right: list[Cell] = [(count, "muted")]
        if self.core.traces_since is not None:
            right.append((f" since {moment(self.core.traces_since, self.core.zone)}", "muted"))
        if self.core.dropped_traces:
            right.append((f", {self.core.dropped_traces:,} older ones not kept", "warning"))
        if unseen := self.core.without_mail_log():
            right = [(unseen, "failed")]
        if not self.core.ready:
            right = [("reading the logs …", "muted")]
        left: list[Cell] = [("LOGINS", "strong")]
        if self._wanted:
            others = self._wanted._replace(failed=False).words(self.core.zone)
            words = [others, "failed only" if self._wanted.failed else ""]
            left.append(("  " + " ".join(word for word in words if word), "warning"))
        title.show(left, right)
        self.query_one("#attempts", LineTable).set_rows(_Traces(shown, self))

    def row_of(self, trace: LoginTrace) -> Row:
        """A trace as a row of the table."""
        mark, style = _OUTCOMES[trace.outcome]
        words = self.core.cause_title(trace.cause) if trace.cause else trace.outcome
        client = trace.client
        took = "" if trace.duration is None else f"{trace.duration:.2f}s"
        return Row(
            trace.key,
            (
                (mark, style),
                clock(trace.end, self.core.zone),
                (trace.user or "-", "strong"),
                trace.service,
                (client.address or client.name or "-") if client else "-",
                (words, style if trace.outcome != "ok" or trace.cause else "muted"),
                took,
            ),
        )

    # The chosen one

    @on(LineTable.Highlighted, "#attempts")
    def _highlighted(self, event: LineTable.Highlighted) -> None:
        if event.key is not None and (self._open is not None or self._roomy):
            self._show_trace(event.key)

    @on(LineTable.Opened, "#attempts")
    def _opened(self, event: LineTable.Opened) -> None:
        self._show_trace(event.key)
        self.query_one("#timeline", Timeline).focus()

    def open_trace(self, key: Hashable) -> None:
        """Show this trace, wherever the screen stands."""
        table = self.query_one("#attempts", LineTable)
        if not table.go_to(key):
            self._want(TraceFilter())
            table.go_to(key)
        self._show_trace(key)
        self.query_one("#timeline", Timeline).focus()

    def _show_trace(self, key: Hashable) -> None:
        trace = self.core.trace(key)
        if trace is None:
            return
        fresh = self._open is None or self._open.key != trace.key
        self._open = trace
        self.add_class("-open")
        mark, style = _OUTCOMES[trace.outcome]
        where = f" · {trace.service}[{trace.pid}] · {clock(trace.end, self.core.zone)} "
        state: list[Cell] = [("still open  ", "warning")] if trace.open else []
        if trace.ldap is not None and trace.ldap.conn is not None:
            link: CellStyle = "ok" if trace.ldap.confidence == "certain" else "warning"
            state += [(f"slapd conn={trace.ldap.conn} ", "muted"), (str(trace.ldap.confidence), link)]
        title = self.query_one("#trace-title", StatusLine)
        title.show([(f"{mark} {trace.user or 'nobody named'}", style), where], state)
        words = trace.explanation
        if trace.also:
            words += f" It may also be: {', '.join(self.core.cause_title(cause) for cause in trace.also)}."
        self.query_one("#verdict", Static).update(words)
        remedy = self.query_one("#remedy", Static)
        remedy.update(f"Remedy: {trace.remedy}" if trace.remedy else "")
        remedy.display = bool(trace.remedy)
        timeline = self.query_one("#timeline", Timeline)
        first = trace.evidence[0] if trace.evidence else 0
        timeline.set_steps(self.steps_of(trace), cursor=first if fresh else timeline.cursor or 0)
        self.query_one("#keys", StatusLine).show(self.key_line())

    def steps_of(self, trace: LoginTrace) -> list[Step]:
        """The lines of a trace as steps of the timeline."""
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
            shown = clock(event.time, self.core.zone, fraction=not event.whole_seconds)
            steps.append(Step(event.source, shown, delta, event.text, number in trace.evidence, remark))
        return steps

    # Keys

    def action_failed_only(self) -> None:
        """Failed attempts only, or all of them."""
        self._want(self._wanted._replace(failed=not self._wanted.failed))

    def action_follow_user(self) -> None:
        """The attempts of the user under the cursor only, or everyone's again."""
        if self._wanted.user is not None:
            self._want(self._wanted._replace(user=None))
            return
        trace = self.core.trace(self.query_one("#attempts", LineTable).cursor_key)
        if trace is None or trace.user is None:
            self.notify("Nothing names the user of this attempt.")
        else:
            self._want(self._wanted._replace(user=trace.user))

    def action_filter(self) -> None:
        """Ask for the conditions."""
        self.add_class("-asking")
        box = self.query_one("#asked", Input)
        box.value = self._wanted.words(self.core.zone)
        box.focus()

    @on(Input.Submitted, "#asked")
    def _asked(self, event: Input.Submitted) -> None:
        try:
            wanted = self.core.parse_filter(event.value)
        except CyrtuiError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        self._close_box()
        self._want(wanted)

    def _close_box(self) -> None:
        self.remove_class("-asking")
        self.query_one("#attempts", LineTable).focus()

    def _want(self, wanted: TraceFilter) -> None:
        self._wanted = wanted
        self._fill()

    def action_close_trace(self) -> None:
        """Back to the table; from the table, back to all attempts."""
        if self.has_class("-asking"):
            self._close_box()
            return
        table = self.query_one("#attempts", LineTable)
        if table.has_focus and self._wanted and (self._roomy or self._open is None):
            self._want(TraceFilter())
            return
        if not self._roomy:
            self._open = None
            self.remove_class("-open")
        self.query_one("#attempts", LineTable).focus()
        self.query_one("#keys", StatusLine).show(self.key_line())

    def action_show_in_logs(self) -> None:
        """The line under the cursor, or the attempt's own, in the Logs screen."""
        trace = self._open or self.core.trace(self.query_one("#attempts", LineTable).cursor_key)
        if trace is None or not trace.events:
            return
        path, offset, time = trace.key
        timeline = self.query_one("#timeline", Timeline)
        if timeline.has_focus and timeline.cursor is not None:
            event = trace.events[timeline.cursor]
            path, offset, time = event.path, event.offset, event.time
        self.owner.show_log_line(path, offset, time)

    @on(Timeline.StepOpened)
    def _step_opened(self) -> None:
        self.action_show_in_logs()

    def action_copy(self) -> None:
        """The trace as text, by the terminal's own clipboard (OSC 52)."""
        trace = self._open or self.core.trace(self.query_one("#attempts", LineTable).cursor_key)
        if trace is not None:
            self.app.copy_to_clipboard(as_ticket(trace, self.core.zone))
            self.notify("Copied, if your terminal takes OSC 52.")
