"""A question with its answers, each a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class AskScreen(ModalScreen[str | None]):
    """Dismissed with the key that was pressed, or None for escape."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "no", "Leave it", show=False)]

    def __init__(self, question: str, answers: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._question = question
        self._answers = tuple(answers)

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static(self._question, markup=False)
            lines = [f"{key}    {meaning}" for key, meaning in self._answers]
            yield Static("\n".join([*lines, "esc  leave everything as it is"]), id="answers", markup=False)

    def on_key(self, event: events.Key) -> None:
        """One of the answers."""
        if event.character is not None and event.character in dict(self._answers):
            event.stop()
            self.dismiss(event.character)

    def action_no(self) -> None:
        """None of them."""
        self.dismiss(None)
