"""Logs: the three logs live, merged or one at a time, searchable."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import get_current_worker

from cyrtui.access import READ_ONLY_SENTENCE
from cyrtui.console import LogsStep, Moment
from cyrtui.errors import AccessDenied
from cyrtui.logs.record import LogRole
from cyrtui.logs.store import LineView
from cyrtui.logs.when import FORMS, MomentError
from cyrtui.wording import counted, moment

from .page import Page
from .widgets.cells import Cell
from .widgets.log_view import LogView
from .widgets.status_line import StatusLine

_ALL = frozenset(LogRole)
_COPIED_AT_MOST = 500


class LogsScreen(Page):
    """The logs as they grow, with search and a filter for matching lines."""

    NAME = "Logs"
    HELP_TEXT = (
        "The mail, auth and slapd logs, merged by time or one by one; M, A and S stand before their "
        "lines. At the end it follows; going up stops that, and end goes back. Enter opens the trace that "
        "a line belongs to. A search in small letters finds capitals too. With t you go to a time, in "
        "the archives too: 13:11, 2026-05-10 13:11, May 10 13:11, yesterday 9:00, or -10m from the line that "
        "you stand on. v marks where a copy begins, y puts the lines from there to the cursor on your "
        "terminal's clipboard, Y writes them to a file."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "show_roles('mail auth slapd')", "All three logs, merged by time", show=False),
        Binding("m", "show_roles('mail')", "The mail log only", show=False),
        Binding("u", "show_roles('auth')", "The auth log only", show=False),
        Binding("s", "show_roles('slapd')", "slapd's log only", show=False),
        Binding("slash", "find", "Search", show=False),
        Binding("n", "next(1)", "Next match", show=False),
        Binding("N", "next(-1)", "Match before", show=False),
        Binding("ampersand", "only_matching", "Only the lines that match, or all", show=False),
        Binding("t", "ask_time", "Go to a time", show=False),
        Binding("v", "mark", "Begin what is copied", show=False),
        Binding("y", "copy", "Copy to the clipboard", show=False),
        Binding("Y", "ask_file", "Copy to a file", show=False),
        Binding("escape", "leave_search", "Stop searching", show=False),
    ]

    @dataclass
    class Found(Message):
        """A search ended: at a line, or nowhere, or it was cancelled."""

        number: int | None
        needle: str
        cancelled: bool

    @dataclass
    class Placed(Message):
        """A time was found, or looking for it was cancelled."""

        moment: Moment | None
        at: float

    @dataclass
    class Saved(Message):
        """Lines were written to a file, or why not."""

        words: str
        failed: bool

    def __init__(self) -> None:
        super().__init__()
        self._roles = _ALL
        self._view: LineView | None = None
        self._needle = ""
        self._only_matching = False
        self._searching: threading.Event | None = None
        self._state: list[Cell] = []
        self._past: float | None = None
        self._mark: int | None = None
        self._asking = ""

    def body(self) -> Iterable[Widget]:
        yield StatusLine((("LOGS", "strong"),), id="logs-title", classes="title")
        yield LogView(zone=self.core.zone, id="lines")
        with Horizontal(id="search"):
            yield Input(placeholder="search", id="needle", compact=True)
        with Horizontal(id="asking"):
            yield Input(id="asked", compact=True)

    def own_keys(self) -> Sequence[tuple[str, str]]:
        return (("/", "find"), ("&", "only"), ("t", "time"), ("f", "follow"), ("⏎", "trace"))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#lines", LogView).focus()

    def caught_up(self) -> None:
        if self._view is None and self.core.opened:
            self._show_view()
        self.query_one("#lines", LogView).view_changed()
        self._title()

    def logs_moved(self, step: LogsStep) -> None:
        if self._view is None:
            if self.core.opened:
                self._show_view()
        elif step.lines or step.backfilled:
            self.query_one("#lines", LogView).view_changed()
        self._title()

    def _show_view(self) -> None:
        self.core.leave_past()
        self._past, self._mark = None, None
        self._view = self.core.lines(self._roles, self._matching())
        self.query_one("#lines", LogView).show(self._view)
        self._title()

    def _matching(self) -> str | None:
        return self._needle if self._only_matching else None

    def _show_others(self) -> None:
        """Other lines than before, from their end, or where one is in the past."""
        past = self._past
        self._show_view()
        if past is not None:
            self._go_to_time(past)

    def _title(self) -> None:
        names = {_ALL: "merged"}.get(self._roles, " ".join(sorted(self._roles)))
        left: list[Cell] = [("LOGS", "strong"), f"  {names}"]
        if self._only_matching:
            left += ["  only ", (self._needle, "accent")]
        elif self._needle:
            left += ["  searched ", (self._needle, "accent")]
        if self._past is not None:
            left += ["  around ", (moment(self._past, self.core.zone), "accent"), (" f: now", "muted")]
        if self._mark is not None:
            left += [("  marked", "accent")]
        left += self._state
        right: list[Cell] = []
        if problems := self.core.log_problems():
            right += [(f"{counted(len(problems), 'problem')}, see Overview  ", "failed")]
        if lost := self.core.lost_lines():
            right += [(f"{lost}  ", "failed")]
        if self._view is not None:
            right.append((counted(self._view.end - self._view.first, "line"), "muted"))
        if self._past is None and (older := self.core.older_lines()):
            right.append((f", {older}", "muted"))
        view = self.query_one("#lines", LogView)
        right.append(
            ("  following" if view.following else "  standing still", "ok" if view.following else "warning")
        )
        self.query_one("#logs-title", StatusLine).show(left, right)

    # Which lines

    def action_show_roles(self, roles: str) -> None:
        """These logs, from their end."""
        self._roles = frozenset(LogRole(role) for role in roles.split())
        self._state = []
        self._show_others()

    def go_to(self, path: str, offset: int, time: float) -> None:
        """Stand on the line of that time that begins there."""
        if self._only_matching or self._roles != _ALL or self._view is None or self._past is not None:
            self._only_matching, self._roles = False, _ALL
            self._show_view()
        number = self.core.line_number(self._view, path, offset, time) if self._view is not None else None
        if number is None:
            self._go_to_time(time, (path, offset))
            return
        self.query_one("#lines", LogView).goto(number)
        self._title()

    @on(LogView.FollowChanged)
    def _follow_changed(self, event: LogView.FollowChanged) -> None:
        # it may stand still again by now: another place of the past was shown
        if event.following and event.view.following and self._past is not None:
            self._show_view()
        self._state = (
            [(f"  {counted(event.new_lines, 'new line')} below", "accent")] if event.new_lines else []
        )
        self._title()

    @on(LogView.LineOpened)
    def _line_opened(self, event: LogView.LineOpened) -> None:
        if self._view is None:
            return
        key = self.core.trace_of_line(self._view, event.number)
        line = self._view.line(event.number)
        if key is not None:
            self.owner.show_trace(key)
        elif self.core.is_before_followed(line.time):
            self.owner.show_trace_of_line(line.path, line.offset, line.time)
        else:
            self.notify("This line belongs to no attempt to log in.")

    # To a time

    def _ask(self, what: str, value: str, hint: str) -> None:
        box = self.query_one("#asked", Input)
        self._asking = what
        box.value, box.placeholder = value, hint
        self.add_class("-asking")
        box.focus()

    def action_ask_time(self) -> None:
        """Ask for the time to go to."""
        self._ask("time", "", f"time: {FORMS}")

    @on(Input.Submitted, "#asked")
    def _answered(self, event: Input.Submitted) -> None:
        self._close_box()
        if event.value and self._asking == "time":
            lines = self.query_one("#lines", LogView)
            at = None if lines.following else lines.cursor_line
            standing = self._view.line(at).time if self._view is not None and at is not None else None
            try:
                self._go_to_time(self.core.parse_moment(event.value, standing))
            except MomentError as error:
                self.notify(str(error), severity="warning", markup=False)
        elif event.value and self._view is not None:
            start, stop = self._copied_range(self._view)
            self._save(self._view, start, stop, event.value)
        self._title()

    def _go_to_time(self, time: float, line: tuple[str, int] | None = None) -> None:
        """To a time, or to the line of that time at an offset of a path."""
        if self._view is None:
            return
        if self._searching is not None:
            self._searching.set()
        self._searching = threading.Event()
        self._state = [(f"  looking for {moment(time, self.core.zone)} … esc stops", "accent")]
        self._title()
        self._place(self._view, time, line, self._searching)

    @work(thread=True, group="search", exclusive=True)
    def _place(
        self, view: LineView, time: float, line: tuple[str, int] | None, stop: threading.Event
    ) -> None:
        if line is None:
            found = self.core.go_to_moment(view, self._roles, self._matching(), time, stop)
        else:
            found = self.core.go_to_line(view, *line, time, stop)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Placed(found, time))

    @on(LogView.EndReached)
    def _end_reached(self, event: LogView.EndReached) -> None:
        """Go on where the lines end that are loaded."""
        view = self._view
        if view is None or self._searching is not None or view.end <= view.first:
            return
        number = view.first if event.up else view.end - 1
        time = self.core.unloaded_from(earlier=event.up)
        if time is not None:
            self._searching = threading.Event()
            self._state = [(f"  reading on at {moment(time, self.core.zone)} … esc stops", "accent")]
            self._title()
            self._go_on(view, number, time, self._searching)
        elif self._past is not None and not event.up:
            # what is later than the past has come since: it stands among the live lines
            last = view.line(number).time
            self._show_view()
            self._go_to_time(last)

    @work(thread=True, group="search", exclusive=True)
    def _go_on(self, view: LineView, number: int, time: float, stop: threading.Event) -> None:
        found = self.core.go_beyond(view, number, self._roles, self._matching(), time, stop)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Placed(found, time))

    def on_logs_screen_placed(self, event: Placed) -> None:
        self._searching = None
        self._state = []
        found = event.moment
        if found is None:
            self._state = [("  stopped", "warning")]
        else:
            lines = self.query_one("#lines", LogView)
            if found.view is not self._view:
                self._view, self._mark = found.view, None
                lines.show(found.view)
            self._past = event.at if found.past else None
            if found.number >= found.view.end:
                self._state = [("  no line is later", "warning")]
            lines.goto(found.number)
        self._title()

    # Copying

    def _copied_range(self, view: LineView) -> tuple[int, int]:
        """From the mark, or else the line of the cursor alone, to the line of the cursor."""
        at = self.query_one("#lines", LogView).cursor_line
        if at is None:
            return view.first, view.first
        other = at if self._mark is None else max(view.first, min(self._mark, view.end - 1))
        return min(at, other), max(at, other) + 1

    def action_mark(self) -> None:
        """Here begins what is copied; once more takes that back."""
        at = self.query_one("#lines", LogView).cursor_line
        self._mark = at if self._mark is None else None
        self._title()

    def action_copy(self) -> None:
        """The lines from the mark to the cursor, or the cursor's, to the terminal's clipboard."""
        if self._view is None:
            return
        start, stop = self._copied_range(self._view)
        if stop - start > _COPIED_AT_MOST:
            self.notify(f"More than {_COPIED_AT_MOST} lines: Y writes them to a file.", severity="warning")
        elif stop > start:
            self.app.copy_to_clipboard(self.core.copied(self._view, start, stop))
            self.notify(f"{counted(stop - start, 'line')} sent to your terminal's clipboard (OSC 52).")
            self._mark = None
        self._title()

    def action_ask_file(self) -> None:
        """Ask for the file that the lines from the mark to the cursor are written to."""
        if self.core.gate is None:
            self.notify(READ_ONLY_SENTENCE)
            return
        self._ask("file", "", "name of a new file for the lines from the mark (v) to the cursor")

    @work(thread=True, group="save")
    def _save(self, view: LineView, start: int, stop: int, path: str) -> None:
        try:
            said = self.Saved(self.core.save_lines(view, start, stop, path), failed=False)
        except (AccessDenied, OSError) as error:
            said = self.Saved(str(error), failed=True)
        self.post_message(said)

    def on_logs_screen_saved(self, event: Saved) -> None:
        severity: Literal["error", "information"] = "error" if event.failed else "information"
        self.notify(event.words, severity=severity, markup=False)
        self._mark = self._mark if event.failed else None
        self._title()

    # Searching

    def action_find(self) -> None:
        """Ask for what to search."""
        self.add_class("-searching")
        box = self.query_one("#needle", Input)
        box.value = self._needle
        box.focus()

    @on(Input.Submitted, "#needle")
    def _submitted(self, event: Input.Submitted) -> None:
        self._needle = event.value
        self._close_box()
        self.query_one("#lines", LogView).needle = self._needle
        if self._only_matching:
            self._only_matching = bool(self._needle)
            self._show_others()
        elif self._needle:
            self.action_next(-1)

    def _close_box(self) -> None:
        self.remove_class("-searching", "-asking")
        self.query_one("#lines", LogView).focus()

    def action_leave_search(self) -> None:
        """Close the box, stop a search under way, or show all lines again."""
        if self.has_class("-searching") or self.has_class("-asking"):
            self._close_box()
        elif self._mark is not None:
            self._mark = None
        elif self._searching is not None:
            self._searching.set()
        elif self._only_matching:
            self.action_only_matching()
        elif self._needle:
            self._needle = self.query_one("#lines", LogView).needle = ""
            self._state = []
        self._title()

    def action_only_matching(self) -> None:
        """Only the lines that match, or all of them again."""
        if not self._needle:
            self.action_find()
            return
        self._only_matching = not self._only_matching
        self._show_others()

    def action_next(self, way: int) -> None:
        """The next match in this direction (1 is forward)."""
        if self._view is None or not self._needle:
            self.action_find()
            return
        if self._searching is not None:
            self._searching.set()
        view = self.query_one("#lines", LogView)
        at = view.cursor_line
        start = self._view.end if at is None else at + (way if not view.following or way > 0 else 0)
        self._searching = threading.Event()
        self._state = [("  searching … esc stops", "accent")]
        self._title()
        self._search(self._view, self._needle, start, way, self._searching)

    @work(thread=True, group="search", exclusive=True)
    def _search(self, view: LineView, needle: str, start: int, way: int, stop: threading.Event) -> None:
        number = self.core.search(view, needle, start, way, stop)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Found(number, needle, stop.is_set()))

    def on_logs_screen_found(self, event: Found) -> None:
        self._searching = None
        self._state = []
        if event.number is not None:
            self.query_one("#lines", LogView).goto_found(event.number)
        else:
            words = "search stopped" if event.cancelled else "no more matches in this direction"
            self._state = [(f"  {words}", "warning")]
        self._title()
