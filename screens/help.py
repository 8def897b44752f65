"""What a screen is for, and its keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from .widgets.line_table import Column, LineTable, Row


class HelpScreen(ModalScreen[None]):
    """Closed by escape, q, `?` or enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "dismiss_help", "Close", show=False),
    ]

    def __init__(self, title: str, text: str, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._keys = keys

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Static(self._title, id="help-title", markup=False)
            yield Static(self._text, id="help-text", markup=False)
            yield LineTable(
                (Column("key", "Key", 18), Column("meaning", "What it does", 40, flex=1)), id="help-keys"
            )

    def on_mount(self) -> None:
        table = self.query_one(LineTable)
        table.set_rows([Row(number, pair) for number, pair in enumerate(self._keys)])
        table.focus()

    def on_line_table_opened(self) -> None:
        self.dismiss(None)

    def action_dismiss_help(self) -> None:
        """Back to the screen."""
        self.dismiss(None)
