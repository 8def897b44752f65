"""Overview: is everything up and exposed as meant, and who cannot log in?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from cyrtui.wording import clock, counted

from .page import Page
from .signs import EXPOSURES, STATES, place
from .widgets.cells import Cell, CellStyle, fold
from .widgets.line_table import Column, LineTable, Row
from .widgets.plot import TwoPlots
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.attention import Attention
    from cyrtui.console import LogsStep
    from cyrtui.services.board import NoBoard, ServiceBoard
    from cyrtui.services.table import ServiceRow

_SERVICES = (
    Column("mark", "", 1),
    Column("name", "service", 7, flex=1, min_width=6),
    Column("where", "listens on", 26, flex=3, min_width=14),
    Column("exposure", "open to", 9),
    Column("children", "processes", 11, align="right"),
    Column("queue", "queue", 5, align="right"),
    Column("state", "state", 13),
)
_ATTENTION = (Column("mark", "", 1), Column("sentence", "", 40, flex=1))
_FEW_LINES = 20
# The cursor, the mark, and a blank behind each of them and the sentence.
_ATTENTION_MARGIN = 6
# Seconds after which the plots move on.
_PLOT_EVERY = 10.0
_MARKS: dict[str, Cell] = {
    "critical": ("✖", "failed"),
    "warning": ("!", "warning"),
    "note": ("·", "muted"),
}


class OverviewScreen(Page):
    """Services with what really listens, the last hour's logins, and what needs attention."""

    NAME = "Overview"
    HELP_TEXT = (
        "The services that cyrus.conf declares, beside the sockets that cyrmaster really holds; a service "
        "that is not as declared has its reason below it. Then the logins of the last hour, and what "
        "needs attention, gravest first: enter goes to its place. On a service it shows everything about it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "schedule", "START, EVENTS and DAEMON: what runs when", show=False),
    ]

    def body(self) -> Iterable[Widget]:
        yield StatusLine(
            (("SERVICES", "strong"), ("  looking …", "muted")), id="services-title", classes="title"
        )
        yield LineTable(_SERVICES, id="services")
        yield StatusLine((("LOGINS", "strong"),), id="logins-title", classes="title")
        yield TwoPlots(("ok", "failed"), ("ok", "failed"), id="plots")
        yield StatusLine(id="causes")
        yield StatusLine((("ATTENTION", "strong"),), id="attention-title", classes="title")
        yield LineTable(_ATTENTION, id="attention")

    def own_keys(self) -> Sequence[tuple[str, str]]:
        return (("⏎", "open"), ("e", "schedule"))

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_PLOT_EVERY, self._time_passes)

    def on_resize(self, event: events.Resize) -> None:
        """Sentences are folded to the width; on few lines the plots give way."""
        self.set_class(event.size.height < _FEW_LINES, "-short")
        self.call_after_refresh(self._attention)

    def _time_passes(self) -> None:
        """The hour goes on where no line comes, too."""
        if self.is_current:
            self._logins()

    def caught_up(self) -> None:
        if self.owner.board is not None:
            self.services_seen(self.owner.board)
        self._logins()

    def services_seen(self, board: ServiceBoard | NoBoard) -> None:
        title = self.query_one("#services-title", StatusLine)
        table = self.query_one("#services", LineTable)
        from cyrtui.services.board import NoBoard

        if isinstance(board, NoBoard):
            title.show((("SERVICES", "strong"),), ((board.sentence, "failed"),))
            table.set_rows([])
        else:
            rows = [*board.table.rows, *board.table.unexpected]
            troubled = [row for row in rows if row.state not in ("listening", "unknown")]
            total = len(rows)
            words: Cell = (
                (f"{len(troubled)} of {total} need attention", "failed")
                if troubled
                else (f"all {total} listen as declared", "ok")
            )
            if not rows:
                words = ("cyrus.conf declares no service", "failed")
            if any(row.state == "unknown" for row in rows):
                words = ("what listens cannot be seen", "muted")
            title.show((("SERVICES", "strong"),), (words,))
            table.set_rows([_service_row(number, row) for number, row in enumerate(rows)])
        self._attention()

    def logs_moved(self, step: LogsStep) -> None:
        self._logins()
        self._attention()

    def _logins(self) -> None:
        hour = self.core.last_hour()
        failed: CellStyle = "failed" if hour.failed else "muted"
        right: list[Cell] = [(f"{hour.ok} ok", "ok"), "   ", (f"{hour.failed} failed", failed)]
        if hour.incomplete:
            right += ["   ", (f"{hour.incomplete} incomplete", "warning")]
        title = self.query_one("#logins-title", StatusLine)
        when: Cell = ("  last hour", "muted")
        if hour.since is not None:
            when = (f"  last hour, from {clock(hour.since, self.core.zone)} on", "warning")
        title.show((("LOGINS", "strong"), when), right)
        self.query_one("#plots", TwoPlots).plot(hour.ok_minutes, hour.failed_minutes)
        if hour.causes:
            words = " · ".join(f"{number} {title}" for title, number in hour.causes)
            self.query_one("#causes", StatusLine).show((("  causes  ", "muted"), words))
        elif unseen := self.core.without_mail_log():
            self.query_one("#causes", StatusLine).show(((f"  {unseen}", "failed"),))
        elif self.core.ready:
            self.query_one("#causes", StatusLine).show((("  no login failed", "muted"),))
        else:
            self.query_one("#causes", StatusLine).show((("  reading the logs …", "muted"),))

    def _attention(self) -> None:
        lines = self.core.attention(self.owner.board)
        title = self.query_one("#attention-title", StatusLine)
        title.show(right=((counted(len(lines), "line"), "muted"),) if lines else (("nothing", "ok"),))
        table = self.query_one("#attention", LineTable)
        table.set_rows([_attention_row(line, table.size.width) for line in lines])

    @on(LineTable.Opened, "#attention")
    def _go_there(self, event: LineTable.Opened) -> None:
        line = event.key
        from cyrtui.attention import Attention

        if not isinstance(line, Attention):
            return
        if line.place == "services" and line.what is None:
            self.query_one("#services", LineTable).focus()
        elif line.place == "services":
            self._show_service(line.what)
        elif line.place == "schedule":
            from .schedule import ScheduleScreen

            self.app.push_screen(ScheduleScreen(line.what))
        else:
            self.owner.action_page(line.place)

    @on(LineTable.Opened, "#services")
    def _open_service(self, event: LineTable.Opened) -> None:
        self._show_service(event.key)

    def _show_service(self, name: object) -> None:
        board = self.owner.board
        from cyrtui.services.board import ServiceBoard

        if isinstance(name, str) and isinstance(board, ServiceBoard) and board.row(name) is not None:
            from .service import ServiceScreen

            self.app.push_screen(ServiceScreen(name))
        else:
            self.notify("cyrus.conf declares no such service.")

    def action_schedule(self) -> None:
        """What cyrmaster runs by itself."""
        from .schedule import ScheduleScreen

        self.app.push_screen(ScheduleScreen())


def _service_row(number: int, row: ServiceRow) -> Row:
    mark, style = STATES[row.state]
    where = ", ".join(place(x.address, x.port) for x in row.listeners) or f"{row.listen or '-'}"
    children = "-" if row.children is None else f"{row.children}"
    if row.children is not None and row.capacity is not None:
        children = f"{row.children}/{row.capacity}"
    queue = "-" if row.queue is None else str(row.queue)
    return Row(
        row.name or number,
        (
            (mark, style),
            (row.name or "?", "strong"),
            where if row.listeners else (where, "muted"),
            EXPOSURES[row.exposure],
            children,
            (queue, "failed") if row.queue else queue,
            (row.state.replace("-", " "), style),
        ),
        note=row.reason,
    )


def _attention_row(line: Attention, width: int) -> Row:
    """The sentence, in as many lines as it needs."""
    first, *rest = fold(line.sentence, max(width - _ATTENTION_MARGIN, 20), 4)
    return Row(line, (_MARKS[line.gravity], first), note=" ".join(rest) or None)
