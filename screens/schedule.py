"""START, EVENTS and DAEMON: what cyrmaster runs by itself, when it ran last, and when it runs next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from cyrtui.wording import counted, moment

from .page import Page
from .widgets.cells import Cell, CellStyle
from .widgets.line_table import Column, LineTable, Row
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.services.board import NoBoard, ServiceBoard
    from cyrtui.services.schedule import ScheduledRow

_COLUMNS = (
    Column("mark", "", 1),
    Column("section", "section", 7),
    Column("name", "name", 11, flex=1, min_width=8),
    Column("when", "when", 18, flex=2, min_width=13),
    Column("last", "last run", 11),
    Column("next", "next run", 11),
    Column("state", "state", 7),
)
_STATES: dict[str, tuple[str, CellStyle]] = {
    "ok": ("·", "ok"),
    "idle": ("·", "muted"),
    "failed": ("✖", "failed"),
    "overdue": ("!", "warning"),
    "unknown": ("?", "muted"),
}


class ScheduleScreen(Page):
    """One row an entry; what is wrong with it stands below."""

    NAME = "Schedule"
    HELP_TEXT = (
        "The commands of START, EVENTS and DAEMON in cyrus.conf: when each runs, its last run as the log "
        "shows it, and its next one. A run that failed, or did not come when it was due, says so. Enter "
        "shows the last line of the run in the log."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,1,f2,e", "back", "Back to the Overview", show=False),
    ]

    def __init__(self, entry: str | None = None) -> None:
        super().__init__()
        self._entry = entry

    def body(self) -> Iterable[Widget]:
        yield StatusLine((("START, EVENTS, DAEMON", "strong"),), id="schedule-title", classes="title")
        yield LineTable(_COLUMNS, id="schedule")

    def own_keys(self) -> Sequence[tuple[str, str]]:
        return (("esc", "back"), ("⏎", "in the log"))

    def on_mount(self) -> None:
        super().on_mount()
        table = self.query_one("#schedule", LineTable)
        table.focus()
        self.caught_up()
        if self._entry is not None:
            table.go_to(self._entry)

    def caught_up(self) -> None:
        if self.owner.board is not None:
            self.services_seen(self.owner.board)

    def services_seen(self, board: ServiceBoard | NoBoard) -> None:
        title = self.query_one("#schedule-title", StatusLine)
        from cyrtui.services.board import NoBoard

        if isinstance(board, NoBoard):
            title.show(right=((board.sentence, "failed"),))
            return
        rows = board.schedule
        wrong = sum(row.state in ("failed", "overdue") for row in rows)
        words: Cell = (
            (f"{wrong} of {counted(len(rows), 'entry', 'entries')} need attention", "failed")
            if wrong
            else (counted(len(rows), "entry", "entries"), "muted")
        )
        title.show(right=(words,))
        self.query_one("#schedule", LineTable).set_rows([_row(row, self.core.zone) for row in rows])

    @on(LineTable.Opened, "#schedule")
    def _show_run(self, event: LineTable.Opened) -> None:
        board = self.owner.board
        from cyrtui.services.board import ServiceBoard

        rows = board.schedule if isinstance(board, ServiceBoard) else ()
        for row in rows:
            if _key(row) == event.key and row.last is not None:
                self.owner.show_log_line(row.last.path, row.last.offset, row.last.last)
                return
        self.notify("The log has no line of it.")

    def action_back(self) -> None:
        """Back to the Overview."""
        self.dismiss(None)


def _key(row: ScheduledRow) -> str:
    return f"{row.section} {row.name}"


def _row(row: ScheduledRow, zone: tzinfo | None) -> Row:
    mark, style = _STATES[row.state]
    # 05-10 13:11: the year is no news
    last: Cell = ("-", "muted") if row.last is None else moment(row.last.first, zone)[5:]
    following: Cell = ("-", "muted") if row.next is None else moment(row.next, zone)[5:]
    what = row.cmd if row.reason is None else f"{row.cmd}: {row.reason}"
    return Row(
        _key(row),
        ((mark, style), row.section, (row.name, "strong"), row.when, last, following, (row.state, style)),
        note=(what, style if row.state in ("failed", "overdue") else "muted"),
    )
