"""Config: cyrus.conf and imapd.conf, with the lint beside the lines and help for what is under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import Input

from cyrtui.editing.desk import Candidate
from cyrtui.editing.search import find
from cyrtui.editing.text import to_text
from cyrtui.errors import AccessDenied, ConfigurationError

from .config_files import ConfigFiles, OpenSheet
from .page import sheet
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.apply.state import Unfinished


class ConfigScreen(ConfigFiles):
    """The editor. It is looked at until `e` is pressed: then keys are text, until escape."""

    NAME = "Config"
    HELP_TEXT = (
        "cyrus.conf and imapd.conf. The sign before a line is the lint's: ✖ error, ! warning, · advice; what "
        "it says of the cursor's line stands below, and else help for what is under the cursor. "
        "Keys are commands until you press e; then they are text, until esc. Nothing is written to the disk "
        "before a shows what it will do, and you confirm it. Passwords are covered until p shows them, of "
        "which the system's log tells."
    )
    SHEETS: ClassVar[list[PurePath]] = [sheet("config")]
    CSS_PATH: ClassVar[list[str | PurePath]] = [*SHEETS]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e,enter", "edit", "Edit: keys are text until esc", show=False),
        Binding("escape", "leave", "Stop editing, or close the search", show=False),
        Binding("a", "apply", "Apply: what it will do, then confirm", show=False),
        Binding("s", "services", "The services as a form", show=False),
        Binding("h", "history", "Edits that were applied, and taking one back", show=False),
        Binding("tab", "sheet(1)", "Next file", show=False),
        Binding("shift+tab", "sheet(-1)", "File before", show=False),
        Binding("f8,f", "finding(1)", "Next line with a finding", show=False),
        Binding("f9,F", "finding(-1)", "Line with a finding before", show=False),
        Binding("slash,ctrl+f", "find", "Search", show=False),
        Binding("n", "next(1)", "Next match", show=False),
        Binding("N", "next(-1)", "Match before", show=False),
        Binding("p", "passwords", "Show the passwords, or cover them", show=False),
        Binding("u", "undo", "Undo", show=False),
        Binding("U", "redo", "Redo what was undone", show=False),
        Binding("R", "reread", "Read the file anew; what was typed is dropped", show=False),
    ]

    def own_keys(self) -> Sequence[tuple[str, str]]:
        if self.editing:
            return (("esc", "done"), ("^f", "find"), ("^z", "undo"), ("F8", "next finding"))
        if self.desk.why_viewer is not None:
            return (("tab", "file"), ("/", "find"), ("f", "finding"), ("s", "services"))
        return (("e", "edit"), ("a", "apply"), ("s", "services"), ("tab", "file"), ("f", "finding"))

    async def action_sheet(self, way: int) -> None:
        """The next file, or the one before."""
        if self.sheets:
            self._stop_editing()
            await self._show_sheet(self._shown + way)

    def action_finding(self, way: int) -> None:
        """To the next line with a finding, round the end too."""
        editor = self.editor
        if editor is None:
            return
        rows = sorted(editor.finding_rows)
        if not rows:
            self.notify("The lint finds nothing in this file.")
            return
        row = editor.cursor_location[0]
        beyond = [one for one in rows if (one > row if way > 0 else one < row)]
        editor.go_to(beyond[0 if way > 0 else -1] if beyond else rows[0 if way > 0 else -1])

    def action_reread(self) -> None:
        """Read the file anew."""
        shown = self.shown
        if shown is None:
            return
        if not shown.changed:
            self._reread_now()
            return
        from .ask import AskScreen

        question = f"What was typed into {shown.sheet.path} and not applied is dropped."
        self.app.push_screen(AskScreen(question, (("d", "drop it and read anew"),)), self._reread_answered)

    def _reread_answered(self, answer: str | None) -> None:
        if answer == "d":
            self._reread_now()

    @work(group="reread", exclusive=True)
    async def _reread_now(self) -> None:
        shown = self.shown
        if shown is not None:
            from asyncio import to_thread

            now = await to_thread(self.desk.reread, shown.sheet)
            await self.take(shown, now or shown.sheet)

    # Editing

    def action_edit(self) -> None:
        """Keys are text from now on."""
        editor = self.editor
        if (why := self.desk.why_viewer) is not None:
            self.notify(f"Nothing can be typed here; {why}.")
        elif editor is not None:
            editor.read_only = False
            editor.focus()
            self._keys_changed()

    def _stop_editing(self) -> None:
        if self.editor is not None and self.editing:
            self.editor.read_only = True
            self._keys_changed()

    def _keys_changed(self) -> None:
        right = "F1 help  ^q quit" if self.editing else "? help  q quit"
        self.query_one("#keys", StatusLine).show(self.key_line(), ((right, "muted"),))
        self._title()

    def action_leave(self) -> None:
        """Close the search, or stop editing."""
        if self.has_class("-searching"):
            self._close_box()
        elif self.editing:
            self._stop_editing()
        elif self._needle:
            self._needle, self._state = "", []
            self._title()

    def action_undo(self) -> None:
        """Take back what was typed last."""
        if self.editor is not None and self.desk.why_viewer is None:
            self.editor.undo()

    def action_redo(self) -> None:
        """Do again what was undone."""
        if self.editor is not None and self.desk.why_viewer is None:
            self.editor.redo()

    def action_passwords(self) -> None:
        """Show the passwords, or cover them again."""
        shown, editor = self.shown, self.editor
        if shown is None or editor is None:
            return
        if not editor.revealed:
            try:
                self.desk.reveal(shown.sheet.path)
            except AccessDenied as error:
                self.notify(str(error))
                return
        editor.reveal(not editor.revealed)
        words = "shown until p is pressed again" if editor.revealed else "covered"
        self.notify(f"The passwords of this file are {words}.")

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
        if self._needle:
            self.action_next(1)

    def _close_box(self) -> None:
        self.remove_class("-searching")
        if self.editor is not None:
            self.editor.focus()

    def action_next(self, way: int) -> None:
        """The next match in this direction (1 is forward)."""
        editor = self.editor
        if editor is None:
            return
        if not self._needle:
            self.action_find()
            return
        row, column = min(editor.selection)
        hidden = {} if editor.revealed else editor.hidden
        found = find(editor.document.lines, self._needle, row, column, way, hidden)
        if found is None:
            self._state = [(" not found ", "warning")]
        else:
            editor.go_to(found.row, found.start, found.end)
            self._state = [(" round the end ", "muted")] if found.wrapped else []
        self._title()

    # The form, the apply, the history

    def found_unfinished(self, found: Unfinished) -> None:
        """An apply was cut off: ask whether to bring it to its end."""
        from .ask import AskScreen

        question = f"{found.sentence} It should be brought to its end: verified, or the old file put back."

        def answered(answer: str | None) -> None:
            if answer == "c":
                self._show_apply(None, found)

        self.app.push_screen(AskScreen(question, (("c", "carry it to its end now"),)), answered)

    def action_apply(self) -> None:
        """Show what applying the file in front does."""
        shown = self.shown
        if (why := self.desk.why_viewer) is not None:
            self.notify(f"Nothing can be applied here; {why}.")
        elif shown is None or not shown.changed or shown.data is None or shown.sheet.data is None:
            others = [one.sheet.path for one in self.sheets if one.changed]
            words = f" {others[0]} is: tab shows it." if others else " e begins to edit."
            self.notify(f"Nothing in this file is changed.{words}")
        else:
            self._stop_editing()
            self._show_apply(Candidate(shown.sheet.path, shown.sheet.data, shown.data), None)

    def _show_apply(self, candidate: Candidate | None, unfinished: Unfinished | None) -> None:
        from .config_apply import ApplyScreen

        self.app.push_screen(ApplyScreen(self.desk, candidate, unfinished, self._applied))

    @work(group="reread", exclusive=True)
    async def _applied(self, line: int | None) -> None:
        """Back from an apply: what stands on the disk now is what was read; `line` is one to look at."""
        from asyncio import to_thread

        for one in self.sheets:
            now = await to_thread(self.desk.reread, one.sheet)
            if now is not None and now.data == one.data:
                one.sheet, one.newer = now, None
            elif now is not None and not one.changed:
                await self.take(one, now)
        if line is not None and self.editor is not None:
            self.editor.go_to(line - 1)
        self._serial += 1
        self._lint_soon(0.0)
        self._title()

    def ask_to_leave(self) -> None:
        """Something was typed that is not applied, and the console is to be left."""
        from .ask import AskScreen

        if self.app.screen is not self:
            self.notify("An apply, or the form, is in front: close it with esc, then q asks again.")
            return
        names = ", ".join(one.sheet.path for one in self.sheets if one.changed)
        question = f"{names}: what was typed is not applied, and is lost when you leave."
        answers = (("a", "see what applying it does"), ("d", "drop it, and leave the console"))
        self._stop_editing()
        self.app.push_screen(AskScreen(question, answers), self._leave_answered)

    def _leave_answered(self, answer: str | None) -> None:
        if answer == "d":
            self.app.exit()
        elif answer == "a":
            number = next(number for number, one in enumerate(self.sheets) if one.changed)
            self._apply_sheet(number)

    @work(group="reread", exclusive=True)
    async def _apply_sheet(self, number: int) -> None:
        await self._show_sheet(number)
        self.action_apply()

    def action_history(self) -> None:
        """The edits that were applied."""
        from .config_history import HistoryScreen

        self.app.push_screen(HistoryScreen(self.desk, lambda candidate: self._show_apply(candidate, None)))

    def action_services(self) -> None:
        """The services of cyrus.conf as a form."""
        one = next((one for one in self.sheets if one.sheet.kind == "cyrus.conf"), None)
        if one is None or one.data is None:
            self.notify("cyrus.conf cannot be read." if one is not None else "The files are not read yet.")
            return
        from .config_form import ServiceFormScreen

        self._stop_editing()
        self.app.push_screen(ServiceFormScreen(self, one))

    async def change(self, one: OpenSheet, data: bytes) -> None:
        """Give a file another text, as an edit that can be undone."""
        text, crlf = to_text(data)
        if crlf != one.crlf:
            raise ConfigurationError("The line ends of the file would change.")
        if one.editor is None:
            await self._show_sheet(self.sheets.index(one))
        if one.editor is not None:
            one.editor.replace_text(text)
