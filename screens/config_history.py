"""The edits that were applied: who, when, what, with what result, and taking one back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from cyrtui.editing.desk import Candidate, EditingDesk
from cyrtui.errors import CyrtuiError
from cyrtui.wording import counted, moment

from .page import Page
from .told_lines import diff_cells, folded
from .widgets.cells import Cell, CellStyle
from .widgets.line_table import Column, LineTable, Row
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.apply.history import AppliedEdit

_EDITS = (
    Column("mark", "", 1),
    Column("time", "when", 16),
    Column("who", "who", 18, flex=1, min_width=10),
    Column("file", "file", 20, flex=2, min_width=12),
    Column("result", "result", 12),
)
_LINES = (Column("line", "", 40, flex=1),)
_MARKS: dict[str, tuple[str, CellStyle]] = {
    "applied": ("·", "ok"),
    "restored": ("!", "warning"),
    "refused": ("!", "warning"),
}


class HistoryScreen(Page):
    """`chosen` is called with the candidate that takes an edit back."""

    NAME = "History"
    HELP_TEXT = (
        "Every edit that was applied on this server with cyrtui, newest first; the chosen one's result and "
        "difference stand below, passwords masked. r makes the file what it was before that edit: what that "
        "does is shown first, and asked about, like any other edit."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "restore", "Make the file what it was before this edit", show=False),
        Binding("escape,h", "back", "Back to the text", show=False),
    ]

    @dataclass
    class Read(Message):
        """The edits, or why they cannot be read."""

        edits: tuple[AppliedEdit, ...]
        problem: str

    @dataclass
    class Before(Message):
        """The file as it was before an edit, or why it cannot be had."""

        candidate: Candidate | None
        problem: str

    def __init__(self, desk: EditingDesk, chosen: Callable[[Candidate], object]) -> None:
        super().__init__()
        self._chosen = chosen
        self._desk = desk
        self._edits: dict[Hashable, AppliedEdit] = {}

    def body(self) -> Iterable[Widget]:
        yield StatusLine((("APPLIED EDITS", "strong"),), id="edits-title", classes="title")
        yield LineTable(_EDITS, id="edits")
        yield StatusLine((("DIFFERENCE", "strong"),), id="history-title", classes="title")
        yield LineTable(_LINES, id="history-lines")

    def own_keys(self) -> Sequence[tuple[str, str]]:
        if self._desk.why_viewer is not None:
            return (("tab", "next part"), ("esc", "back"))
        return (("r", "take it back"), ("tab", "next part"), ("esc", "back"))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#edits", LineTable).focus()
        self._read()

    @work(thread=True, group="history")
    def _read(self) -> None:
        try:
            found = self.Read(self._desk.edits(), "")
        except CyrtuiError as error:
            found = self.Read((), str(error))
        self.post_message(found)

    def on_history_screen_read(self, event: Read) -> None:
        self._edits = {edit.id: edit for edit in event.edits}
        title = self.query_one("#edits-title", StatusLine)
        told: Cell = (event.problem, "failed")
        if not event.problem:
            told = (counted(len(event.edits), "edit") if event.edits else "none was recorded", "muted")
        title.show(right=(told,))
        self.query_one("#edits", LineTable).set_rows([self._row(edit) for edit in event.edits])

    def _row(self, edit: AppliedEdit) -> Row:
        mark, style = _MARKS.get(edit.result, ("✖", "failed"))
        when = moment(edit.time, self.core.zone)
        return Row(edit.id, ((mark, style), when, str(edit.who), edit.path, (edit.result, style)))

    @on(LineTable.Highlighted, "#edits")
    def _highlighted(self, event: LineTable.Highlighted) -> None:
        edit = self._edits.get(event.key)
        rows: list[Row] = []
        if edit is not None:
            lines: list[Cell] = [(edit.sentence, "strong")]
            lines += [(line, "warning") for line in edit.lines]
            lines += [(f"backup {edit.backup}", "muted")] if edit.backup else []
            lines += diff_cells(edit.diff)
            rows = folded(lines, self.app.size.width - 4)
        self.query_one("#history-lines", LineTable).set_rows(rows)

    def action_restore(self) -> None:
        """Show what taking the edit back does."""
        edit = self._edits.get(self.query_one("#edits", LineTable).cursor_key)
        if (why := self._desk.why_viewer) is not None:
            self.notify(f"Nothing can be taken back here; {why}.")
        elif edit is not None:
            self._get(edit)

    @work(thread=True, group="before", exclusive=True)
    def _get(self, edit: AppliedEdit) -> None:
        try:
            found = self.Before(Candidate(edit.path, None, self._desk.text_before(edit)), "")
        except CyrtuiError as error:
            found = self.Before(None, str(error))
        self.post_message(found)

    def on_history_screen_before(self, event: Before) -> None:
        if event.candidate is None:
            self.notify(event.problem, severity="warning")
        else:
            self.dismiss(None)
            self._chosen(event.candidate)

    def action_back(self) -> None:
        """Back to the text."""
        self.dismiss(None)
