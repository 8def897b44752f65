"""Logins: who cannot log in, and why, across the three logs."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from cyrtui.console import LogsStep
from cyrtui.errors import CyrtuiError
from cyrtui.logins.filters import FORMS, TraceFilter
from cyrtui.logins.ticket import as_ticket
from cyrtui.logins.trace import LoginTrace
from cyrtui.wording import counted, dated, moment

from .attempt_rows import AttemptRows, columns
from .page import Page
from .trace_pane import OUTCOMES, TracePane
from .widgets.cells import Cell
from .widgets.line_table import LineTable, Row
from .widgets.status_line import StatusLine
from .widgets.timeline import Timeline

if TYPE_CHECKING:
    from cyrtui.login_notes import Note
    from cyrtui.logins.earlier import Known, Progress
    from cyrtui.services.board import NoBoard, ServiceBoard

# So many lines that a table and a whole trace stand below each other.
_ROOMY = 34
# Seconds before and after a line in which its attempt is looked for.
_AROUND = 300.0


class LoginsScreen(Page):
    """The attempts, newest first; the chosen one as a timeline with its verdict and remedy."""

    NAME = "Logins"
    HELP_TEXT = (
        "Every attempt to log in that the logs show, newest first. The chosen one is told below: the "
        "verdict, the lines of the three logs with their distance in time, and the remedy. How sure the "
        "link to slapd's connection is stands beside its first line: certain, likely or ambiguous. "
        f"What / asks for are conditions that must all hold: {FORMS}. A user, or a time before what is "
        "loaded, is looked for in the whole of the logs and their archives. The line above the table is what "
        "keeps people out and is in no log; n tells all of it, with what to do."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "Show only some attempts: by user, cause, service, client, time", show=False
        ),
        Binding("f", "follow_user", "Show this user's attempts only, or everyone's", show=False),
        Binding("x", "failed_only", "Show failed attempts only, or all", show=False),
        Binding("o", "older", "Read older attempts, from the archives too", show=False),
        Binding("n", "notes", "What is in no log, and what could not be read", show=False),
        Binding("l", "show_in_logs", "Show this line in the logs", show=False),
        Binding("y", "copy", "Copy the trace as text, for a ticket", show=False),
        Binding(
            "escape",
            "close_trace",
            "Stop reading; close the trace; then, show all attempts again",
            show=False,
        ),
    ]

    @dataclass
    class Read(Message):
        """Reading further back went on, or ended (`progress` None)."""

        asked: threading.Event
        progress: Progress | None

    def __init__(self) -> None:
        super().__init__()
        self._wanted = TraceFilter()
        self._open: LoginTrace | None = None
        self._roomy = False
        self._stop_read: threading.Event | None = None
        self._state = ""
        self._to_read = False
        self._sought: tuple[str, int, float] | None = None
        self._notes: tuple[Note, ...] = ()
        self._room_for_time = 0

    def body(self) -> Iterable[Widget]:
        yield StatusLine((("LOGINS", "strong"),), id="attempts-title", classes="title")
        yield StatusLine(id="notes")
        yield StatusLine(id="nothing")
        yield LineTable(columns(8), id="attempts")
        yield TracePane(self.core.zone, self.core.host_now, id="trace")
        with Horizontal(id="asking"):
            yield Input(placeholder=FORMS, id="asked", compact=True)

    def own_keys(self) -> Sequence[tuple[str, str]]:
        if self._shows_notes:
            return (("y", "copy"), ("esc", "back"))
        if self._open is not None and not (self._roomy and self._table.has_focus):
            return (("l", "in the logs"), ("y", "copy"), ("esc", "back"))
        keys = (("⏎", "open"), ("/", "filter"), ("f", "user"), ("x", "failed"), ("o", "older"))
        return (*keys, ("l", "in the logs"), ("y", "copy")) if self._open is not None else keys

    def on_mount(self) -> None:
        super().on_mount()
        self._table.focus()

    @property
    def _table(self) -> LineTable:
        return self.query_one("#attempts", LineTable)

    @property
    def _pane(self) -> TracePane:
        return self.query_one("#trace", TracePane)

    @property
    def _shows_notes(self) -> bool:
        return self.has_class("-notes")

    def _chosen(self) -> LoginTrace | None:
        """The attempt that is open, or the one under the cursor."""
        return self._open or self.core.trace(self._table.cursor_key)

    def on_descendant_focus(self) -> None:
        """What the keys do depends on where they go."""
        self._show_keys()

    def on_resize(self, event: events.Resize) -> None:
        """With room enough the chosen attempt is always told."""
        self._roomy = event.size.height >= _ROOMY
        self.set_class(self._roomy, "-roomy")
        key = self._table.cursor_key
        if self._roomy and self._open is None and key is not None and not self._shows_notes:
            self._show_trace(key)

    def caught_up(self) -> None:
        self._fill()

    def services_seen(self, board: ServiceBoard | NoBoard) -> None:
        self._fill()

    def logs_moved(self, step: LogsStep) -> None:
        if self._to_read and self.core.ready:
            self._read_what_is_wanted()
        self._fill()
        if self._open is not None and self._open.key in step.traces:
            self._show_trace(self._open.key)

    # The table

    def _fill(self) -> None:
        known = self.core.attempts(self._wanted)
        self._title(known)
        self._note(known)
        self._say_nothing(known)
        oldest = known.traces[-1].end if known.traces else self.core.host_now()
        room = len(dated(oldest, self.core.host_now(), self.core.zone))
        if room != self._room_for_time:
            self._room_for_time = room
            self._table.set_columns(columns(room))
        self._table.set_rows(AttemptRows(known.traces, self.row_of))

    def _title(self, known: Known) -> None:
        number = len(known.traces)
        right: list[Cell] = [(self._count(known), "muted")]
        if known.full:
            right = [
                (f"the newest {number:,} of more, since {self._moment(known.since)}: ask for less", "warning")
            ]
        if unseen := self.core.without_mail_log():
            right = [(unseen, "failed")]
        if not self.core.ready:
            right = [("reading the logs …", "muted")]
        if self._state:
            right = [(f"{self._state}  ", "accent"), *right]
        left: list[Cell] = [("LOGINS", "strong")]
        if self._wanted:
            others = self._wanted._replace(failed=False).told(self.core.zone)
            words = [others, "failed only" if self._wanted.failed else ""]
            left.append(("  " + " ".join(word for word in words if word), "warning"))
        self.query_one("#attempts-title", StatusLine).show(left, right)

    def _count(self, known: Known) -> str:
        """How many there are, and from when on they are all there."""
        number = counted(len(known.traces), "attempt")
        if known.since is not None:
            wanted = self._wanted.since
            return (
                number
                if wanted is not None and wanted >= known.since
                else (f"{number} since {self._moment(known.since)}")
            )
        everything = len(self.core.traces())
        return f"{len(known.traces):,} of {everything:,}" if self._wanted and not known.read else number

    def _moment(self, when: float | None) -> str:
        return "the logs begin" if when is None else moment(when, self.core.zone)

    def _note(self, known: Known) -> None:
        """The gravest of what is in no log, or could not be read, in a line above the table."""
        self._notes = self.core.login_notes(known, self._wanted)
        line = self.query_one("#notes", StatusLine)
        self.set_class(bool(self._notes), "-noted")
        if self._notes:
            first = self._notes[0]
            more = "n: more" if len(self._notes) == 1 else f"n: {len(self._notes)} notes"
            mark: Cell = ("! ", "failed") if first.grave else ("· ", "muted")
            line.show([mark, (first.sentence, "warning" if first.grave else "muted")], [(more, "accent")])
        if self._shows_notes:
            self._show_notes()

    def _say_nothing(self, known: Known) -> None:
        """Why the table is empty."""
        line = self.query_one("#nothing", StatusLine)
        readable = self.core.ready and self.core.without_mail_log() is None
        self.set_class(readable and not known.traces, "-nothing")
        who = f" of {self._wanted.user}" if self._wanted.user is not None else ""
        what = "No attempt" + who + (" is as asked for" if self._wanted._replace(user=None) else "")
        if self._stop_read is not None:
            where = f" so far, from {self._moment(known.since)} on; reading further back"
        elif known.since is None:
            where = " in all that the logs hold"
        else:
            where = f" since {self._moment(known.since)}; o reads further back"
        line.show([("  " + what + where + ".", "muted")])

    def row_of(self, trace: LoginTrace) -> Row:
        """A trace as a row of the table."""
        mark, style = OUTCOMES[trace.outcome]
        words = self.core.cause_title(trace.cause) if trace.cause else trace.outcome
        client = trace.client
        took = "" if trace.duration is None else f"{trace.duration:.2f}s"
        return Row(
            trace.key,
            (
                (mark, style),
                dated(trace.end, self.core.host_now(), self.core.zone),
                (trace.user or "-", "strong"),
                trace.service,
                (client.address or client.name or "-") if client else "-",
                (words, style if trace.outcome != "ok" or trace.cause else "muted"),
                took,
            ),
        )

    # Further back

    def _read_what_is_wanted(self) -> None:
        """Read on where the filter wants more than is loaded."""
        self._to_read = not self.core.ready
        goal = self.core.unread(self._wanted)
        if goal is not None:
            self._read_back(goal)

    def _read_back(self, goal: float) -> None:
        self._stop_reading()
        self._stop_read = threading.Event()
        self._state = "reading the archives … esc stops"
        self._read_on(self._wanted, goal, self._stop_read)

    def _stop_reading(self) -> None:
        if self._stop_read is not None:
            self._stop_read.set()
        self._stop_read, self._state = None, ""

    @work(thread=True, group="earlier")
    def _read_on(self, wanted: TraceFilter, goal: float, stop: threading.Event) -> None:
        def tell(progress: Progress) -> None:
            self.post_message(self.Read(stop, progress))

        with self.owner.undisturbed():
            self.core.read_earlier(wanted, goal, stop, tell)
        self.post_message(self.Read(stop, None))

    def on_logins_screen_read(self, event: Read) -> None:
        """Show how far it is, and what has joined."""
        if event.asked is not self._stop_read:
            return
        if event.progress is None:
            self._stop_read, self._state = None, ""
        else:
            self._state = f"reading from {self._moment(event.progress.begin)} on"
            self._state += f", {event.progress.fraction:.0%} … esc stops"
        if self.is_current:
            self._fill()
            if self._sought is not None:
                self._show_sought(self._sought, last=event.progress is None)

    def look_for(self, path: str, offset: int, time: float) -> None:
        """Read the attempts around a line, and show the one that it belongs to."""
        self._want(TraceFilter(since=time - _AROUND, until=time + _AROUND))
        self._sought = path, offset, time

    def _show_sought(self, line: tuple[str, int, float], *, last: bool) -> None:
        key = self.core.trace_at(*line)
        if key is not None:
            self._sought = None
            self.open_trace(key)
        elif last:
            self._sought = None
            self.notify("This line belongs to no attempt to log in; those around it are shown.")

    def action_older(self) -> None:
        """Read further back than what is loaded."""
        if self._stop_read is not None:
            return
        goal = self.core.unread(self._wanted, further=True)
        if goal is not None:
            self._read_back(goal)
        elif not self.core.ready:
            self.notify("The logs are still being read.")
        elif unseen := self.core.without_mail_log():
            self.notify(f"{unseen[:1].upper()}{unseen[1:]}.")
        elif self.core.attempts(self._wanted).full:
            self.notify("As many attempts as are kept are there: ask for less, with until:TIME for instance.")
        elif self._wanted.since is not None:
            self.notify("Everything since the filter's time is there.")
        else:
            self.notify("Everything that the logs and their archives hold is there.")
        self._fill()

    @on(LineTable.EndReached, "#attempts")
    def _end_reached(self) -> None:
        if self._stop_read is None and self.core.unread(self._wanted, further=True) is not None:
            self.action_older()

    # The chosen one

    @on(LineTable.Highlighted, "#attempts")
    def _highlighted(self, event: LineTable.Highlighted) -> None:
        if event.key is not None and (self._open is not None or (self._roomy and not self._shows_notes)):
            self._show_trace(event.key)

    @on(LineTable.Opened, "#attempts")
    def _opened(self, event: LineTable.Opened) -> None:
        self._show_trace(event.key)
        self.query_one("#timeline", Timeline).focus()

    def open_trace(self, key: Hashable) -> None:
        """Show this trace, wherever the screen stands."""
        if not self._table.go_to(key):
            self._want(TraceFilter())
            self._table.go_to(key)
        self._show_trace(key)
        self.query_one("#timeline", Timeline).focus()

    def _show_trace(self, key: Hashable) -> None:
        trace = self.core.trace(key)
        if trace is None:
            return
        fresh = self._shows_notes or self._open is None or self._open.key != trace.key
        self._open = trace
        self.remove_class("-notes")
        self.add_class("-open")
        self._pane.tell(trace, fresh=fresh)
        self._show_keys()

    def _show_keys(self) -> None:
        self.query_one("#keys", StatusLine).show(self.key_line())

    # What is in no log

    def action_notes(self) -> None:
        """Tell what is in no log, and what could not be read; once more: the table again."""
        if self._shows_notes:
            self.action_close_trace()
        elif not self._notes:
            self.notify("Nothing is known that keeps people out and is in no log.")
        else:
            self._open = None
            self.add_class("-open", "-notes")
            self._show_notes()
            self.query_one("#timeline", Timeline).focus()
            self._show_keys()

    def _show_notes(self) -> None:
        if self._notes:
            self._pane.tell_notes(self._notes)
        else:
            self._close_pane()

    # Keys

    def action_failed_only(self) -> None:
        """Failed attempts only, or all of them."""
        self._want(self._wanted._replace(failed=not self._wanted.failed))

    def action_follow_user(self) -> None:
        """The attempts of the user under the cursor only, or everyone's again."""
        if self._wanted.user is not None:
            self._want(self._wanted._replace(user=None))
            return
        trace = self.core.trace(self._table.cursor_key)
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
        self._table.focus()

    def _want(self, wanted: TraceFilter) -> None:
        self._wanted, self._sought = wanted, None
        self._stop_reading()
        self._read_what_is_wanted()
        self._fill()

    def action_close_trace(self) -> None:
        """Back to the table; from the table, stop what is being read, or back to all attempts."""
        if self.has_class("-asking"):
            self._close_box()
        elif self._shows_notes or not self._table.has_focus:
            self._close_pane()
        elif self._stop_read is not None:
            self._stop_reading()
            self._fill()
        elif self._open is not None and not self._roomy:
            self._close_pane()
        elif self._wanted:
            self._want(TraceFilter())

    def _close_pane(self) -> None:
        self.remove_class("-notes")
        if self._roomy and (key := self._table.cursor_key) is not None:
            self._show_trace(key)
        else:
            self._open = None
            self.remove_class("-open")
        self._table.focus()
        self._show_keys()

    def action_show_in_logs(self) -> None:
        """The line under the cursor, or the attempt's own, in the Logs screen."""
        trace = self._chosen()
        if trace is None or not trace.events or self._shows_notes:
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
        trace = self._chosen()
        if self._shows_notes:
            self.app.copy_to_clipboard("".join(note.as_text() for note in self._notes))
        elif trace is not None:
            self.app.copy_to_clipboard(as_ticket(trace, self.core.zone))
        else:
            return
        self.notify("Copied, if your terminal takes OSC 52.")
