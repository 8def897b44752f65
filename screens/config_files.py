"""The files of the Config screen: read, shown in editors, linted, explained, and watched on the disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, TextArea
from textual.worker import get_current_worker

from cyrtui.config.finding import Finding
from cyrtui.config.subject import ConfKind
from cyrtui.editing.desk import EditingDesk, Sheet
from cyrtui.editing.option_help import Help
from cyrtui.editing.text import to_bytes, to_text
from cyrtui.wording import counted

from .page import Page
from .widgets.cells import Cell, CellStyle
from .widgets.conf_editor import MARKS, ConfEditor
from .widgets.paragraphs import Paragraphs
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.apply.state import Unfinished

# Seconds of rest after a key before the lint looks, and between two looks at the files on the disk.
_PAUSE = 0.25
_LOOK_EVERY = 3.0
_ROOMY = 34
_SEVERITIES: dict[str, CellStyle] = {"error": "failed", "warning": "warning", "advice": "accent"}


class OpenSheet:
    """A file on the screen: what was read, and the editor that shows it."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.editor: ConfEditor | None = None
        self.crlf = False
        self.newer: Sheet | None = None
        """What stands on the disk by now, where it is another text than was read."""

    @property
    def data(self) -> bytes | None:
        """The bytes as they would be written; None where the file cannot be read."""
        if self.editor is None or self.sheet.data is None:
            return self.sheet.data
        return to_bytes(self.editor.whole_text, crlf=self.crlf)

    @property
    def changed(self) -> bool:
        """Whether something was typed that is not on the disk."""
        return self.editor is not None and self.data != self.sheet.data


class ConfigFiles(Page):
    """The files, each in an editor of its own, of which one is in front. What keys do is ConfigScreen's."""

    @dataclass
    class Opened(Message):
        """The files were read."""

        sheets: tuple[Sheet, ...]
        unfinished: tuple[Unfinished, ...]

    @dataclass
    class Linted(Message):
        """What is wrong, and the versions of the texts that were looked at."""

        findings: tuple[Finding, ...]
        serial: int

    @dataclass
    class Helped(Message):
        """Help for what was under the cursor."""

        help: Help | None
        place: tuple[str, int, int]

    @dataclass
    class Looked(Message):
        """Files that are not on the disk what they were."""

        newer: dict[str, Sheet]
        seen: dict[str, Sheet]

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[OpenSheet] = []
        self._shown = 0
        self._findings: tuple[Finding, ...] = ()
        self._serial = 0
        self._linted = -1
        self._pause: Timer | None = None
        self._needle = ""
        self._state: list[Cell] = []
        self._help: Help | None = None
        self._help_place: tuple[str, int, int] | None = None
        self._going_to: tuple[str, int] | None = None

    def body(self) -> Iterable[Widget]:
        yield StatusLine((("CONFIG", "strong"), ("  reading …", "muted")), id="config-title", classes="title")
        yield Vertical(id="editors")
        with Horizontal(id="search"):
            yield Input(placeholder="search", id="needle", compact=True)
        yield Paragraphs(id="about")

    @property
    def desk(self) -> EditingDesk:
        return self.core.desk

    @property
    def shown(self) -> OpenSheet | None:
        """The file in front."""
        return self.sheets[self._shown] if self.sheets else None

    @property
    def editor(self) -> ConfEditor | None:
        """The editor in front; None while nothing was read, or for a file that cannot be."""
        shown = self.shown
        return shown.editor if shown else None

    @property
    def editing(self) -> bool:
        """Whether keys are text."""
        editor = self.editor
        return editor is not None and not editor.read_only

    @property
    def changed(self) -> bool:
        """Whether something was typed that is not applied."""
        return any(one.changed for one in self.sheets)

    # Opening

    def on_mount(self) -> None:
        super().on_mount()
        self._open()
        self.set_interval(_LOOK_EVERY, self._look_if_shown)

    def on_resize(self, event: events.Resize) -> None:
        """With room enough the manual's own words fit below."""
        self.set_class(event.size.height >= _ROOMY, "-roomy")

    def caught_up(self) -> None:
        self._look_if_shown()

    @work(thread=True, group="open", exclusive=True)
    def _open(self) -> None:
        self.post_message(self.Opened(self.desk.open(), self.desk.unfinished()))

    async def on_config_files_opened(self, event: Opened) -> None:
        self.sheets = [OpenSheet(sheet) for sheet in event.sheets]
        await self._show_sheet(0)
        self._lint_soon(0.0)
        if event.unfinished:
            self.found_unfinished(event.unfinished[0])

    def found_unfinished(self, found: Unfinished) -> None:
        """An apply was cut off."""

    async def _show_sheet(self, number: int) -> None:
        self._shown = number % len(self.sheets)
        shown = self.sheets[self._shown]
        if shown.editor is None and shown.sheet.data is not None:
            editor = shown.editor = ConfEditor()
            text, shown.crlf = to_text(shown.sheet.data)
            editor.display = False
            await self.query_one("#editors").mount(editor)
            editor.show_text(shown.sheet.path, shown.sheet.kind, text)
        for one in self.sheets:
            if one.editor is not None:
                one.editor.display = one is shown
        if shown.editor is not None:
            shown.editor.focus()
        self._mark()
        self._tell_about()

    def go_to_line(self, path: str, line: int) -> None:
        """Show a line (from 1) of a file, once it is read."""
        self._going_to = (path, line)
        self.call_later(self._go_now)

    async def _go_now(self) -> None:
        if self._going_to is None or not self.sheets:
            return
        path, line = self._going_to
        for number, one in enumerate(self.sheets):
            if one.sheet.path == path:
                self._going_to = None
                await self._show_sheet(number)
                if one.editor is not None:
                    one.editor.go_to(line - 1)

    # What is told

    def _mark(self) -> None:
        """The findings of the file in front beside its lines, and the title."""
        shown = self.shown
        if shown is not None and shown.editor is not None:
            shown.editor.show_findings([one for one in self._findings if one.file == shown.sheet.path])
        self._title()

    def _title(self) -> None:
        left: list[Cell] = [("CONFIG ", "strong"), *self._state]
        if self.editing:
            left.append((" EDITING ", "warning"))
        for number, one in enumerate(self.sheets):
            name = one.sheet.path if number == self._shown else one.sheet.path.rpartition("/")[2]
            gravest = min((f.gravity for f in self._findings if f.file == one.sheet.path), default=2)
            sign = {0: "✖", 1: "!"}.get(gravest, "") if one.sheet.data is not None else "?"
            look: CellStyle = "strong" if number == self._shown else "muted"
            left += [(" ", "muted"), (name, look), (sign, "failed" if gravest == 0 else "warning")]
            if one.changed:
                left.append(("*", "accent"))
        self.query_one("#config-title", StatusLine).show(left, self._standing_cells())

    def _standing_cells(self) -> list[Cell]:
        shown = self.shown
        right: list[Cell] = []
        if shown is not None and shown.newer is not None:
            right.append(("changed on the disk: R reads it anew  ", "failed"))
        if shown is not None and shown.changed:
            right.append(("not applied  ", "accent"))
        if (viewer := self.desk.why_viewer) is not None:
            right.append((f"{viewer}  ", "warning"))
        own = [one for one in self._findings if shown is not None and one.file == shown.sheet.path]
        if self._linted < 0:
            right.append(("looking …", "muted"))
        for severity, word in (("error", "error"), ("warning", "warning")):
            number = sum(one.severity == severity for one in own)
            if number:
                right.append((f"{counted(number, word)} ", _SEVERITIES[severity]))
        if self._linted >= 0 and not any(one.gravity < 2 for one in own):
            right.append(("no error ", "ok"))
        return right

    def _tell_about(self) -> None:
        """What stands below: the findings of the cursor's line, then help."""
        shown, editor = self.shown, self.editor
        about = self.query_one("#about", Paragraphs)
        if shown is None:
            return
        if editor is None:
            about.tell([(shown.sheet.problem, "failed")])
            return
        row, column = editor.cursor_location
        told: list[Cell] = []
        for one in editor.findings_at(row):
            words = f"{MARKS[one.severity]} {one.severity}: {one.sentence}"
            told.append((f"{words} {one.remedy}".rstrip(), _SEVERITIES[one.severity]))
        place = (shown.sheet.path, row, column)
        if self._help is not None and self._help_place is not None and self._help_place[:2] == place[:2]:
            told.append((f"{self._help.title}: {'; '.join(self._help.facts)}", "muted" if told else "accent"))
            if self._help.text:
                told.append((self._help.text, "muted"))
        about.tell(told)
        if self._help_place != place:
            self._ask_help(shown.sheet.kind, tuple(editor.document.lines), place)

    @work(thread=True, group="help", exclusive=True)
    def _ask_help(self, kind: ConfKind, lines: tuple[str, ...], place: tuple[str, int, int]) -> None:
        _, row, column = place
        found = self.desk.help_at(kind, lines.__getitem__, row, column)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Helped(found, place))

    def on_config_files_helped(self, event: Helped) -> None:
        self._help, self._help_place = event.help, event.place
        self._tell_about()

    @on(TextArea.SelectionChanged)
    def _moved(self) -> None:
        self._tell_about()

    # The lint

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._serial += 1
        self._state = []
        self._lint_soon(_PAUSE)
        self._title()

    def _lint_soon(self, seconds: float) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(seconds, self._lint_now)

    def _lint_now(self) -> None:
        texts = {one.sheet.path: data for one in self.sheets if (data := one.data) is not None}
        self._lint(texts, self._serial)

    @work(thread=True, group="lint", exclusive=True)
    def _lint(self, texts: dict[str, bytes], serial: int) -> None:
        found = self.desk.lint(texts)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Linted(found, serial))

    def on_config_files_linted(self, event: Linted) -> None:
        if event.serial != self._serial:
            # typed on meanwhile: the lines are others, and another look is under way
            return
        first = self._linted < 0
        self._findings, self._linted = event.findings, event.serial
        self._mark()
        self._tell_about()
        if first:
            self.call_later(self._go_now)

    # The disk

    @property
    def settled(self) -> bool:
        """Whether the lint has looked at the texts as they are."""
        return bool(self.sheets) and self._linted == self._serial

    def _look_if_shown(self) -> None:
        if self.is_current:
            self.look_now()

    def look_now(self) -> None:
        """Look at whether the files on the disk are what was read."""
        if self.sheets:
            self._look({one.sheet.path: one.sheet for one in self.sheets})

    @work(thread=True, group="look", exclusive=True)
    def _look(self, seen: dict[str, Sheet]) -> None:
        newer = {path: now for path, one in seen.items() if (now := self.desk.reread(one)) is not None}
        if not get_current_worker().is_cancelled:
            self.post_message(self.Looked(newer, seen))

    async def on_config_files_looked(self, event: Looked) -> None:
        for one in self.sheets:
            path = one.sheet.path
            if event.seen.get(path) is not one.sheet:
                continue
            one.newer = event.newer.get(path)
            if one.newer is not None and not one.changed:
                await self.take(one, one.newer)
                self.notify(f"{path} was changed on the disk, and is shown as it is now.")
        self._title()

    async def take(self, one: OpenSheet, sheet: Sheet) -> None:
        """Show a file as it was read now; what was typed is dropped."""
        one.sheet, one.newer = sheet, None
        if sheet.data is None:
            if one.editor is not None:
                await one.editor.remove()
                one.editor = None
        elif one.editor is not None:
            text, one.crlf = to_text(sheet.data)
            row = one.editor.cursor_location[0]
            one.editor.show_text(sheet.path, sheet.kind, text)
            one.editor.go_to(min(row, one.editor.document.line_count - 1))
        if one is self.shown:
            await self._show_sheet(self._shown)
        self._serial += 1
        self._lint_soon(0.0)
