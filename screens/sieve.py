"""A user's sieve scripts: which one runs, and what is written in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from cyrtui.errors import CyrtuiError
from cyrtui.inert import inert
from cyrtui.spool.person import wrong_with
from cyrtui.wording import moment

from .page import Page
from .widgets.cells import Cell
from .widgets.line_table import Column, LineTable, Row
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.spool.person import SieveListing
    from cyrtui.spool.sieve import SieveScript
    from cyrtui.spool.tree import Group

_SCRIPTS = (
    Column("mark", "", 1),
    Column("name", "script", 24, flex=1),
    Column("state", "", 10),
    Column("changed", "changed", 16),
)
_SOURCE = (Column("number", "", 4, align="right"), Column("line", "", 40, flex=1))


class SieveScreen(Page):
    """The scripts above, the source of the chosen one below."""

    NAME = "Sieve"
    HELP_TEXT = (
        "The sieve scripts of one user. lmtpd runs the bytecode of the active one; when that is older than "
        "its "
        "source, what runs is not what is written: activating the script once more compiles it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,4,f5", "back", "Back to the Spool", show=False)]

    @dataclass
    class Listed(Message):
        """The scripts were looked for."""

        listing: SieveListing

    @dataclass
    class Read(Message):
        """The source of a script, or why it cannot be read."""

        name: str
        lines: tuple[str, ...]
        problem: str | None = None

    def __init__(self, group: Group) -> None:
        super().__init__()
        self._group = group
        self._scripts: dict[str, SieveScript] = {}
        self._sources: Mapping[str, str] = {}

    def body(self) -> Iterable[Widget]:
        yield StatusLine(
            ((self._group.label, "strong"), ("  looking …", "muted")), id="sieve-title", classes="title"
        )
        yield LineTable(_SCRIPTS, id="scripts")
        yield StatusLine(id="source-title", classes="title")
        yield LineTable(_SOURCE, id="source")

    def own_keys(self) -> Sequence[tuple[str, str]]:
        return (("tab", "source"), ("esc", "back"))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#scripts", LineTable).focus()
        self._list()

    @work(thread=True, exclusive=True, group="list", exit_on_error=True)
    def _list(self) -> None:
        self.post_message(self.Listed(self.core.spool.sieve(self._group)))

    @work(thread=True, exclusive=True, group="source", exit_on_error=True)
    def _read(self, name: str, path: str) -> None:
        try:
            self.post_message(self.Read(name, self.core.spool.sieve_source(path)))
        except CyrtuiError as error:
            self.post_message(self.Read(name, (), str(error)))

    def on_sieve_screen_listed(self, event: Listed) -> None:
        listing = event.listing
        self._sources = listing.sources
        self._scripts = {one.name: one for one in listing.scripts}
        left: list[Cell] = [(self._group.label, "strong"), ("  sieve scripts", "muted")]
        if listing.problem or listing.dangling:
            words = listing.problem or f"the active link leads to {listing.dangling}: no script runs"
            left.append((f"  {words}", "failed"))
        elif not listing.scripts:
            left.append(("  none", "muted"))
        title = self.query_one("#sieve-title", StatusLine)
        title.show(left, ((listing.directory or "", "muted"),))
        self.query_one("#scripts", LineTable).set_rows([self._row(one) for one in listing.scripts])

    def _row(self, one: SieveScript) -> Row:
        wrong = wrong_with(one)
        mark: Cell = ("!", "warning") if wrong else ("·", "ok") if one.active else ""
        state: Cell = ("active", "ok") if one.active else ("not active", "muted")
        note: Cell | None = (wrong, "warning") if wrong else None
        return Row(one.name, (mark, one.name, state, moment(one.modified, self.core.zone)), note)

    @on(LineTable.Highlighted, "#scripts")
    def _chosen(self, event: LineTable.Highlighted) -> None:
        one = self._scripts.get(str(event.key))
        if one is None:
            return
        path = self._sources.get(one.name)
        title = self.query_one("#source-title", StatusLine)
        if path is None:
            title.show(((one.name, "strong"),), (("no source", "warning"),))
            self.query_one("#source", LineTable).set_rows([])
            return
        title.show(((one.name, "strong"),), ((inert(path), "muted"),))
        self._read(one.name, path)

    def on_sieve_screen_read(self, event: Read) -> None:
        if self.query_one("#scripts", LineTable).cursor_key != event.name:
            return
        if event.problem:
            self.query_one("#source-title", StatusLine).show(right=((event.problem, "failed"),))
        self.query_one("#source", LineTable).set_rows(
            [Row(number, ((str(number), "muted"), line)) for number, line in enumerate(event.lines, 1)]
        )

    def action_back(self) -> None:
        """Back to the Spool."""
        self.dismiss(None)
