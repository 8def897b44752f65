"""The services of cyrus.conf as a form: every value and every switch with its meaning."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from cyrtui.editing.service_form import (
    TEMPLATES,
    FormRow,
    add_service,
    change_value,
    parse_addition,
    remove_service,
    service_rows,
)
from cyrtui.errors import ConfigurationError
from cyrtui.wording import counted

from .page import Page
from .widgets.cells import Cell
from .widgets.line_table import Column, LineTable, Row
from .widgets.paragraphs import Paragraphs
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from .config import ConfigScreen
    from .config_files import OpenSheet

_COLUMNS = (
    Column("name", "", 16),
    Column("value", "", 20, flex=2, min_width=14),
    Column("meaning", "", 38, flex=4, min_width=20),
)


class ServiceFormScreen(Page):
    """The chosen service is unfolded; what is changed here is changed in the text."""

    NAME = "Services"
    HELP_TEXT = (
        "The services of cyrus.conf. Enter unfolds a service, and changes the value under the cursor; space "
        "turns a switch on or off. What you change here is typed into the text of cyrus.conf: nothing else "
        "in it changes, and nothing is in force before you apply it there. Values in brackets are defaults."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "switch", "Turn a switch on or off", show=False),
        Binding("n", "add", "Add a service", show=False),
        Binding("d,delete", "remove", "Take the service out", show=False),
        Binding("u", "undo", "Undo", show=False),
        Binding("escape,5,f6", "back", "Back to the text", show=False),
    ]

    def __init__(self, config: ConfigScreen, sheet: OpenSheet) -> None:
        super().__init__()
        self._config = config
        self._sheet = sheet
        self._rows: dict[Hashable, FormRow] = {}
        self._unfolded: str | None = None
        self._asked: FormRow | None = None

    def body(self) -> Iterable[Widget]:
        yield StatusLine((("SERVICES", "strong"),), id="form-title", classes="title")
        yield LineTable(_COLUMNS, id="rows")
        yield Paragraphs(id="meaning")
        with Horizontal(id="asking"):
            yield Input(id="asked", compact=True)

    def own_keys(self) -> Sequence[tuple[str, str]]:
        if self._config.desk.why_viewer is not None:
            return (("⏎", "unfold"), ("esc", "back"))
        return (("⏎", "change"), ("space", "on/off"), ("n", "new"), ("d", "remove"), ("esc", "back"))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#rows", LineTable).focus()
        self._fill()

    def _fill(self) -> None:
        data = self._sheet.data or b""
        rows = service_rows(data, self._config.desk.tokenizer)
        services = [row for row in rows if row.kind == "service"]
        self._rows = {}
        shown: list[Row] = []
        for row in rows:
            key = (row.service, row.name, row.kind)
            if row.kind != "service" and row.service != self._unfolded:
                continue
            self._rows[key] = row
            shown.append(Row(key, self._cells(row)))
        title = self.query_one("#form-title", StatusLine)
        changed: list[Cell] = [("not applied", "accent")] if self._sheet.changed else []
        title.show(
            [("SERVICES", "strong"), f"  {self._sheet.sheet.path}  {counted(len(services), 'service')}"]
        )
        if (viewer := self._config.desk.why_viewer) is not None:
            changed = [(viewer, "warning")]
        title.show(right=changed)
        self.query_one("#rows", LineTable).set_rows(shown)

    def _cells(self, row: FormRow) -> tuple[Cell, ...]:
        if row.kind == "service":
            sign = "▾" if row.service == self._unfolded else "▸"
            return ((f"{sign} {row.name}", "strong"), row.value, (row.meaning, "muted"))
        name: Cell = (f"    {row.name}", "accent" if row.is_set else "muted")
        if row.is_set:
            return (name, (row.value, "strong"), row.meaning)
        default = f"[{row.default}]" if row.default else "off" if row.kind == "switch" else "[not set]"
        return (name, (default, "muted"), (row.meaning, "muted"))

    def _chosen(self) -> FormRow | None:
        return self._rows.get(self.query_one("#rows", LineTable).cursor_key)

    @on(LineTable.Opened, "#rows")
    async def _opened(self) -> None:
        row = self._chosen()
        if row is None:
            return
        if row.kind == "service":
            self._unfolded = None if self._unfolded == row.service else row.service
            self._fill()
        elif row.kind == "switch" and not row.takes_argument:
            await self.action_switch()
        elif self._allowed():
            hint = f"{row.name}: {row.meaning}; empty takes it out"
            self._ask(row, row.value, hint)

    @on(LineTable.Highlighted, "#rows")
    def _highlighted(self) -> None:
        row = self._chosen()
        told: list[Cell] = []
        if row is not None:
            default = f"; default {row.default}" if row.default else ""
            told.append((f"{row.service} {row.name if row.kind != 'service' else ''}".rstrip(), "strong"))
            told.append(f"{row.meaning}{default}")
        self.query_one("#meaning", Paragraphs).tell(told)

    def _allowed(self) -> bool:
        if (why := self._config.desk.why_viewer) is not None:
            self.notify(f"Nothing can be changed here: {why}.")
        return why is None

    def _ask(self, row: FormRow | None, value: str, hint: str) -> None:
        box = self.query_one("#asked", Input)
        self._asked = row
        box.value, box.placeholder = value, hint
        self.query_one("#form-title", StatusLine).show(right=((hint, "accent"),))
        self.add_class("-asking")
        box.focus()

    @on(Input.Submitted, "#asked")
    async def _answered(self, event: Input.Submitted) -> None:
        row, tokenizer = self._asked, self._config.desk.tokenizer
        data = self._sheet.data or b""
        try:
            if row is None:
                name, cmd, listen = parse_addition(event.value)
                new = add_service(data, name, cmd, listen, tokenizer)
                self._unfolded = name
            else:
                new = change_value(data, row, event.value, tokenizer)
            await self._config.change(self._sheet, new)
        except ConfigurationError as error:
            self.notify(str(error), severity="warning")
            return
        self._close_box()
        self._fill()
        if row is None:
            self.query_one("#rows", LineTable).go_to((self._unfolded, self._unfolded, "service"))

    def _close_box(self) -> None:
        self.remove_class("-asking")
        self.query_one("#rows", LineTable).focus()

    async def action_switch(self) -> None:
        """Turn a switch on or off."""
        row = self._chosen()
        if row is None or row.kind != "switch" or not self._allowed():
            return
        if row.takes_argument and not row.is_set:
            self._ask(row, "", f"{row.name}: {row.meaning}")
            return
        value = "" if row.is_set else "on"
        try:
            new = change_value(self._sheet.data or b"", row, value, self._config.desk.tokenizer)
            await self._config.change(self._sheet, new)
        except ConfigurationError as error:
            self.notify(str(error), severity="warning")
        self._fill()

    def action_add(self) -> None:
        """Add a service."""
        if self._allowed():
            names = " ".join(template[0] for template in TEMPLATES)
            self._ask(None, "", f"{names}, or: NAME LISTEN PROGRAM")

    async def action_remove(self) -> None:
        """Take the service under the cursor out."""
        row = self._chosen()
        if row is None or not self._allowed():
            return
        try:
            new = remove_service(self._sheet.data or b"", row.service, self._config.desk.tokenizer)
            await self._config.change(self._sheet, new)
        except ConfigurationError as error:
            self.notify(str(error), severity="warning")
            return
        self.notify(f"{row.service} is taken out of the text; u brings it back.")
        self._fill()

    def action_undo(self) -> None:
        """Take back the last change of the text."""
        if self._sheet.editor is not None and self._config.desk.why_viewer is None:
            self._sheet.editor.undo()
            self._fill()

    def action_back(self) -> None:
        """Close the box, or back to the text."""
        if self.has_class("-asking"):
            self._close_box()
            self._fill()
        else:
            self.dismiss(None)
