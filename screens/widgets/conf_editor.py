"""The text of one configuration file: coloured by its grammar, marked by the lint, passwords covered.

What the grammar says, where passwords stand and what the lint finds comes from the core; it is painted here.
Built on Textual 8.2.8's TextArea, whose private `_build_highlight_map` and `_render_line` it overrides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.document._edit import Edit
from textual.strip import Strip
from textual.widgets import TextArea

from cyrtui.config.finding import Finding
from cyrtui.config.subject import ConfKind
from cyrtui.editing.highlight import tokens
from cyrtui.editing.masking import BULLET, Columns, HeldSecrets, covered, without_secrets
from cyrtui.editing.text import on_glass, typed

from .components import component_style

MARKS = {"error": "✖", "warning": "!", "advice": "·"}
# Keys of Textual's that are pages of the console here; of the others only those worth telling are described.
_PAGES = frozenset({"f6", "f7"})
_TOLD = {"undo": "Undo", "redo": "Redo what was undone", "cut": "Cut", "copy": "Copy", "paste": "Paste"}


def _bindings() -> list[BindingType]:
    return [
        Binding(one.key, one.action, _TOLD.get(one.action, ""), show=False)
        for one in TextArea.BINDINGS
        if isinstance(one, Binding) and one.key not in _PAGES
    ]


class ConfEditor(TextArea, inherit_bindings=False):
    """A text area that is looked at until `read_only` is taken off."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "conf--comment",
        "conf--section",
        "conf--name",
        "conf--key",
        "conf--value",
        "conf--option",
        "conf--directive",
        "conf--bad",
        "conf--secret",
        "conf--error",
        "conf--warning",
        "conf--advice",
    }

    DEFAULT_CSS = """
    ConfEditor {
        border: none;
        padding: 0;
        background: $background;
        scrollbar-size-vertical: 1;
        &:focus { border: none; }
        & > .conf--comment { color: $text-muted; }
        &:ansi > .conf--comment { text-style: dim; }
        & > .conf--section { text-style: bold; color: $text-accent; }
        & > .conf--name { text-style: bold; }
        & > .conf--key { color: $text-primary; }
        & > .conf--option { color: $text-primary; }
        & > .conf--directive { color: $text-accent; }
        & > .conf--bad { color: $text-error; text-style: underline; }
        & > .conf--secret { color: $text-warning; }
        & > .conf--error { color: $text-error; text-style: bold; }
        & > .conf--warning { color: $text-warning; text-style: bold; }
        & > .conf--advice { color: $text-accent; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = _bindings()

    def __init__(self, *, id: str | None = None) -> None:
        # the base class builds its first map of colours before it is done
        self.kind: ConfKind = "cyrus.conf"
        self.path = ""
        self.hidden: dict[int, list[Columns]] = {}
        self._secrets = HeldSecrets()
        self._revealed = False
        self._findings: dict[int, list[Finding]] = {}
        self._copied = ("", "")
        super().__init__(id=id, read_only=True, show_line_numbers=True, compact=True, max_checkpoints=500)
        self.set_reactive(TextArea.cursor_blink, False)  # noqa: FBT003
        self.set_reactive(TextArea.indent_width, 8)
        self.set_reactive(TextArea.match_cursor_bracket, False)  # noqa: FBT003
        self.set_reactive(TextArea.auto_links, False)  # noqa: FBT003

    # What is shown

    def show_text(self, path: str, kind: ConfKind, text: str) -> None:
        """Show another file; its history of edits begins here."""
        self.path, self.kind = path, kind
        self._secrets, self._revealed, self._findings = HeldSecrets(), False, {}
        self.load_text(self._secrets.take_out(path, text))

    @property
    def whole_text(self) -> str:
        """The text with its passwords."""
        return self._secrets.put_back(self.document.text)

    @property
    def revealed(self) -> bool:
        """Whether passwords are shown."""
        return self._revealed

    def reveal(self, revealed: bool) -> None:
        """Show the passwords, or cover them again. The text stays what it is."""
        self._revealed = revealed
        for row in range(self.document.line_count):
            line = self.document.get_line(row)
            new = self._secrets.put_back(line)
            if new != line and revealed:
                self._swap(row, line, new)
        if not revealed:
            before = self.document.text.split("\n")
            after = self._secrets.take_out(self.path, self.document.text).split("\n")
            for row, (line, new) in enumerate(zip(before, after, strict=True)):
                if line != new:
                    self._swap(row, line, new)
        self._build_highlight_map()
        self.refresh()

    def _swap(self, row: int, line: str, new: str) -> None:
        self.edit(Edit(new, (row, 0), (row, len(line)), maintain_selection_offset=True))

    def replace_text(self, text: str) -> None:
        """Another text of the same file, as one edit that can be undone; the cursor stays on its line."""
        new = text if self._revealed else self._secrets.take_out(self.path, text)
        before, after = self.document.text.split("\n"), new.split("\n")
        top = 0
        while top < min(len(before), len(after)) and before[top] == after[top]:
            top += 1
        low = 0
        while low < min(len(before), len(after)) - top and before[-1 - low] == after[-1 - low]:
            low += 1
        if before == after:
            return
        last = len(before) - low
        self.history.checkpoint()
        if low:
            middle = "".join(line + "\n" for line in after[top : len(after) - low])
            self.edit(Edit(middle, (top, 0), (last, 0), maintain_selection_offset=True))
        else:
            end = (len(before) - 1, len(before[-1]))
            self.edit(Edit("\n".join(after[top:]), (top, 0), end, maintain_selection_offset=True))
        self.history.checkpoint()

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Mark the lines of these findings, which are all of this file."""
        marks: dict[int, list[Finding]] = {}
        for one in findings:
            marks.setdefault(one.line - 1, []).append(one)
        if marks != self._findings:
            self._findings = marks
            self._line_cache.clear()
            self.refresh()

    def findings_at(self, row: int) -> Sequence[Finding]:
        """What the lint found on a line, gravest first."""
        return sorted(self._findings.get(row, ()), key=lambda one: one.gravity)

    @property
    def finding_rows(self) -> Mapping[int, list[Finding]]:
        """The findings by row, from 0."""
        return self._findings

    def go_to(self, row: int, column: int = 0, end: int | None = None) -> None:
        """Put the cursor on a line; with `end`, select up to there, the cursor behind it."""
        self.move_cursor((row, column if end is None else end), center=True)
        if end is not None:
            self.move_cursor((row, column))
            self.move_cursor((row, end), select=True)

    # Painting

    def _build_highlight_map(self) -> None:
        """Forget what was painted; colours are found when a line is."""
        self._line_cache.clear()
        self.hidden = covered(self.path, self.document.text) if self.path else {}

    def get_line(self, line_index: int) -> Text:
        """A line as it looks: coloured, inert, passwords covered; as long as it is."""
        line = self.document.get_line(line_index)
        shown = on_glass(line)
        spans = self.hidden.get(line_index, ())
        if not self._revealed:
            for start, end in spans:
                shown = shown[:start] + BULLET * (end - start) + shown[end:]
        text = Text(shown, end="", no_wrap=True)
        for token in tokens(self.kind, self.document.get_line, line_index):
            text.stylize(self._look(token.name), token.start, token.end)
        for start, end in spans:
            text.stylize(self._look("secret"), start, end)
        return text

    def _look(self, name: str) -> Style:
        return component_style(self, f"conf--{name}")

    @property
    def gutter_width(self) -> int:
        """Line numbers with a column for the marks before them."""
        return super().gutter_width + 1

    def _render_line(self, y: int) -> Strip:
        strip = super()._render_line(y)
        at = self.scroll_offset[1] + y
        places = self.wrapped_document._offset_to_line_info
        if not 0 <= at < len(places) or not self.show_line_numbers:
            return strip
        row, part = places[at]
        found = self._findings.get(row)
        if found is None or part:
            return strip
        gravest = min(found, key=lambda one: one.gravity)
        style = self.rich_style + self._look(gravest.severity)
        return Strip([Segment(MARKS[gravest.severity], style), *strip.crop(1, strip.cell_length)])

    # Copying: a covered password leaves as ***, and comes back whole where it is pasted here

    def _copy(self, text: str, row: int, column: int) -> None:
        hidden = {} if self._revealed else covered(self.path, self.document.text)
        outside = without_secrets(text, hidden, row, column)
        self._copied = (outside, text)
        self.app.copy_to_clipboard(outside)

    def action_copy(self) -> None:
        """Copy the selection, or the line."""
        start, end = sorted(self.selection)
        if start == end:
            start, end = (start[0], 0), (start[0] + 1, 0)
        text = self.get_text_range(start, end)
        if text:
            self._copy(text, *start)

    def action_cut(self) -> None:
        """Cut the selection, or the line."""
        if self.read_only:
            return
        self.action_copy()
        start, end = self.selection
        if start == end:
            self._delete_cursor_line()
        else:
            self._delete_via_keyboard(start, end)

    def action_paste(self) -> None:
        """Paste what was copied here, or in another box of the console."""
        if self.read_only:
            return
        clipboard = self.app.clipboard
        outside, inside = self._copied
        text = inside if clipboard == outside else typed(clipboard)
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """While keys are text, a tab is text too."""
        return (key == "tab" and not self.read_only) or super().check_consume_key(key, character)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "tab" and not self.read_only:
            event.stop()
            event.prevent_default()
            self._replace_via_keyboard("\t", *self.selection)
            return
        await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        """What the terminal pastes, made inert."""
        event.prevent_default()
        event.stop()
        if not self.read_only and (result := self._replace_via_keyboard(typed(event.text), *self.selection)):
            self.move_cursor(result.end_location)
