"""One service in full: its command in words, its sockets, its processes and whom they serve, its failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from cyrtui.wording import age, clock, counted, moment

from .page import Page
from .signs import EXPOSURES, STATES, place
from .widgets.cells import Cell, CellStyle
from .widgets.line_table import Column, LineTable, Row
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.services.board import NoBoard, ServiceBoard
    from cyrtui.services.detail import Child, Failure, ServiceDetail
    from cyrtui.services.table import RowListener, ServiceRow

_FACTS = (Column("what", "", 16), Column("meaning", "", 40, flex=1))
_CHILDREN = (
    Column("pid", "pid", 7, align="right"),
    Column("user", "user", 14, flex=2, min_width=8),
    Column("from", "from", 15, flex=2, min_width=11),
    Column("mailbox", "mailbox", 18, flex=3, min_width=10),
    Column("command", "command", 8, flex=1, min_width=6),
    Column("age", "age", 4, align="right"),
)
_FAILURES = (Column("time", "", 11), Column("count", "", 4), Column("text", "", 40, flex=1))
_LOOK_EVERY = 2.0
# The processes of which a row is made; more are counted.
_MOST = 2000


class ServiceScreen(Page):
    """One service, looked at again every two seconds while it is in front."""

    NAME = "Service"
    HELP_TEXT = (
        "Everything about one service: what its command means, where it listens and how full each accept "
        "queue is, its processes with the clients that they serve (age: since when a process has run), who "
        "waits, and the last lines of the log about its failures; enter shows such a line in the log."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "show_in_config", "Show its line of cyrus.conf", show=False),
        Binding("escape,1,f2", "back", "Back to the Overview", show=False),
    ]

    @dataclass
    class Seen(Message):
        """The service was looked at; None: it is declared no more."""

        detail: ServiceDetail | None

    def __init__(self, name: str) -> None:
        super().__init__()
        self._service = name
        self._failures: dict[str, Failure] = {}
        self._line: int | None = None

    def body(self) -> Iterable[Widget]:
        yield StatusLine(
            ((self._service, "strong"), ("  looking …", "muted")), id="service-title", classes="title"
        )
        yield LineTable(_FACTS, id="facts")
        yield StatusLine((("PROCESSES", "strong"),), id="children-title", classes="title")
        yield LineTable(_CHILDREN, id="children")
        yield StatusLine((("LAST FAILURES", "strong"),), id="failures-title", classes="title")
        yield LineTable(_FAILURES, id="failures")

    def own_keys(self) -> Sequence[tuple[str, str]]:
        return (("esc", "back"), ("tab", "next part"), ("⏎", "in the log"), ("c", "config"))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#children", LineTable).focus()
        self.set_interval(_LOOK_EVERY, self._look_if_shown)
        self._look()

    def caught_up(self) -> None:
        self._look()

    def services_seen(self, board: ServiceBoard | NoBoard) -> None:
        self._look()

    def _look_if_shown(self) -> None:
        if self.is_current:
            self._look()

    @work(thread=True, exclusive=True, group="detail", exit_on_error=True)
    def _look(self) -> None:
        self.post_message(self.Seen(self.core.service_detail(self._service)))

    def on_service_screen_seen(self, event: Seen) -> None:
        detail = event.detail
        if detail is None:
            gone: Cell = ("cyrus.conf declares this service no more", "failed")
            self.query_one("#service-title", StatusLine).show(((self._service, "strong"),), (gone,))
            return
        self._line = detail.row.line
        self._show_title(detail.row)
        self.query_one("#facts", LineTable).set_rows(
            [Row(number, cells, note) for number, (cells, note) in enumerate(_facts(detail))]
        )
        self._show_children(detail)
        self._failures = {one.word.text: one for one in detail.failures}
        number = sum(one.count for one in detail.failures)
        title = self.query_one("#failures-title", StatusLine)
        title.show(right=((counted(number, "line"), "muted") if number else ("none in the log", "ok"),))
        self.query_one("#failures", LineTable).set_rows(
            [self._failure_row(one, detail.taken) for one in detail.failures]
        )

    def _failure_row(self, failure: Failure, now: float) -> Row:
        zone, when = self.core.zone, failure.word.time
        today = moment(when, zone)[:10] == moment(now, zone)[:10]
        times = f"x{failure.count}" if failure.count > 1 else ""
        shown = clock(when, zone) if today else moment(when, zone)[5:]
        return Row(failure.word.text, ((shown, "muted"), (times, "muted"), failure.word.text))

    def _show_title(self, row: ServiceRow) -> None:
        mark, style = STATES[row.state]
        left: list[Cell] = [
            (f"{mark} {self._service}", "strong"),
            "  ",
            (row.state.replace("-", " "), style),
        ]
        if row.exposure is not None:
            left.append(f"  open to {'the world' if row.exposure == 'world' else EXPOSURES[row.exposure]}")
        self.query_one("#service-title", StatusLine).show(left, ())

    def _show_children(self, detail: ServiceDetail) -> None:
        row = detail.row
        known = "-" if row.children is None else f"{row.children:,}"
        most = "" if row.capacity is None else f" of {row.capacity:,}"
        right: list[Cell] = [(f"{known}{most} running", "muted")]
        if detail.served is not None:
            right.append((f", {detail.served:,} with a client", "muted"))
        if detail.waiting is not None:
            waiting: CellStyle = "failed" if detail.waiting else "muted"
            right.append((f", {len(detail.waiting):,} waiting", waiting))
        elif row.queue:
            right.append((f", {row.queue:,} waiting", "failed"))
        self.query_one("#children-title", StatusLine).show(right=right)
        rows = [
            Row(("waiting", one.peer, one.peer_port), (("waits", "failed"), "", one.peer))
            for one in detail.waiting or ()
        ]
        rows += [_child_row(child, detail.taken) for child in detail.children[:_MOST]]
        if len(detail.children) > _MOST:
            rows.append(Row("more", ("", f"… and {len(detail.children) - _MOST:,} more")))
        self.query_one("#children", LineTable).set_rows(rows)

    @on(LineTable.Opened, "#failures")
    def _show_line(self, event: LineTable.Opened) -> None:
        failure = self._failures.get(str(event.key))
        if failure is not None:
            word = failure.word
            self.owner.show_log_line(word.path, word.offset, word.time)

    def action_show_in_config(self) -> None:
        """The line of cyrus.conf that declares the service."""
        if self._line is None:
            self.notify("cyrus.conf does not declare it.")
        else:
            self.owner.show_config_line(self.core.settings.path("cyrus_conf"), self._line)

    def action_back(self) -> None:
        """Back to the Overview."""
        self.dismiss(None)


def _facts(detail: ServiceDetail) -> Iterator[tuple[tuple[Cell, ...], Cell | None]]:
    """Rows of cells with a note: the reason, the sockets, the command, advice, what is not seen."""
    row = detail.row
    if row.reason:
        yield (("why", "muted"),), (row.reason, STATES[row.state][1])
    for listener in row.listeners:
        yield (place(listener.address, listener.port), _socket(listener, row)), None
    if not row.listeners:
        yield (("declared", "muted"), row.listen or "-"), None
    for word, meaning in detail.meaning:
        yield ((word, "accent"), meaning), None
    if len(detail.clients) > 1:
        busiest = ", ".join(
            f"{one.user or '?'} {one.address} x{one.processes}"
            for one in detail.clients[:5]
            if one.processes > 1
        )
        if busiest:
            yield (("most clients", "muted"), busiest), None
    for advice in detail.advice:
        yield (("advice", "warning"),), (advice.sentence, "muted")
    for sentence in detail.unseen:
        yield (("not seen", "muted"),), (sentence, "muted")


def _socket(listener: RowListener, row: ServiceRow) -> str:
    most = "" if row.maxchild is None else f" of {row.maxchild}"
    parts = [] if listener.children is None else [f"{listener.children}{most} processes"]
    if listener.busy is not None:
        parts.append(f"{listener.busy} busy")
    if listener.queue is not None:
        limit = "" if listener.queue_limit is None else f" of {listener.queue_limit}"
        parts.append(f"queue {listener.queue}{limit}")
    if not listener.declared:
        parts.append("not declared in cyrus.conf")
    return ", ".join(parts)


def _child_row(child: Child, now: float) -> Row:
    ran = age(now - child.started)
    if not child.client:
        return Row(child.pid, ((str(child.pid), "muted"), ("no client", "muted"), "", "", "", (ran, "muted")))
    user: Cell = child.user if child.user else ("not logged in", "muted")
    return Row(
        child.pid,
        (str(child.pid), user, child.address or child.client, child.mailbox, child.command, ran),
    )
