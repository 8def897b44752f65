"""The messages of one mailbox, and what one message's own header says."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import get_current_worker

from cyrtui.errors import CyrtuiError
from cyrtui.spool.describe import size_words
from cyrtui.wording import counted, moment

from .page import Page
from .widgets.cells import Cell
from .widgets.line_table import Column, LineTable, Row
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.spool.mailbox import Mailbox
    from cyrtui.spool.messages import MessageFields, MessageLine, MessageText

_COLUMNS = (
    Column("marks", "", 3),
    Column("date", "date", 16),
    Column("from", "from", 16, flex=2, min_width=10),
    Column("subject", "subject", 20, flex=3, min_width=12),
    Column("size", "size", 5, align="right"),
    Column("uid", "uid", 7, align="right"),
)
_TEXT = (Column("name", "", 13), Column("value", "", 40, flex=1))
_BODY = (Column("line", "", 40, flex=1),)
_SOON = 0.03
_AGAIN = 5.0


class _Messages:
    """Messages as rows, made when they are looked at."""

    def __init__(self, messages: Sequence[MessageLine], screen: MailboxScreen) -> None:
        self._messages = messages
        self._screen = screen
        self._places: dict[Hashable, int] | None = None

    def __len__(self) -> int:
        return len(self._messages)

    def row(self, index: int) -> Row:
        return self._screen.row_of(self._messages[index])

    def index_of(self, key: Hashable) -> int | None:
        if self._places is None:
            self._places = {one.uid: place for place, one in enumerate(self._messages)}
        return self._places.get(key)


class MailboxScreen(Page):
    """The messages, newest first; looked at again every five seconds while it is in front."""

    NAME = "Mailbox"
    HELP_TEXT = (
        "The messages of a mailbox by its cyrus.index, newest first, with From, Subject and Date of their "
        "own "
        "headers. Before each: N not seen by the owner, F flagged, A answered, D draft, T marked deleted. "
        "Enter "
        "shows all header fields of one. Its body is private: b shows it, but never in a read-only run, and "
        "the "
        "system's log tells who looked."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "body", "Show the body of the message (not in a read-only run)", show=False),
        Binding("escape", "back", "Close the message; then, back to the Spool", show=False),
        Binding("4,f5", "leave", "Back to the Spool", show=False),
    ]

    @dataclass
    class Listed(Message):
        """The index was read, or cannot be."""

        messages: tuple[MessageLine, ...]
        problem: str | None = None

    @dataclass
    class Read(Message):
        """The header fields of some messages."""

        fields: dict[int, MessageFields]

    @dataclass
    class Opened(Message):
        """The header or the body of a message, or why it cannot be shown."""

        uid: int
        body: bool
        text: MessageText | None
        problem: str | None = None

    def __init__(self, mailbox: Mailbox, label: str) -> None:
        super().__init__()
        self._mailbox = mailbox
        self._label = label
        self._messages: tuple[MessageLine, ...] = ()
        self._fields: dict[int, MessageFields] = {}
        self._in_sight: dict[int, None] = {}
        self._soon: Timer | None = None
        self._open = False

    def body(self) -> Iterable[Widget]:
        yield StatusLine(
            ((self._label, "strong"), ("  looking …", "muted")), id="mailbox-title", classes="title"
        )
        yield LineTable(_COLUMNS, id="message-list")
        with Vertical(id="message"):
            yield StatusLine(id="message-title", classes="title")
            yield LineTable(_TEXT, id="message-text")

    def own_keys(self) -> Sequence[tuple[str, str]]:
        return (("⏎", "headers"), ("b", "body"), ("esc", "back"))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#message-list", LineTable).focus()
        self.set_interval(_AGAIN, self._again)
        self._list()

    def _again(self) -> None:
        if self.is_current:
            self._list()

    @work(thread=True, exclusive=True, group="list", exit_on_error=True)
    def _list(self) -> None:
        try:
            self.post_message(self.Listed(self.core.spool.messages(self._mailbox)))
        except CyrtuiError as error:
            self.post_message(self.Listed((), str(error)))

    @work(thread=True, group="fields", exit_on_error=True)
    def _read(self, uids: Sequence[int]) -> None:
        worker = get_current_worker()
        self.post_message(self.Read(self.core.spool.fields(self._mailbox, uids, lambda: worker.is_cancelled)))

    @work(thread=True, exclusive=True, group="open", exit_on_error=True)
    def _read_message(self, uid: int, *, body: bool) -> None:
        try:
            text = self.core.spool.message(self._mailbox, uid, body=body)
        except CyrtuiError as error:
            self.post_message(self.Opened(uid, body, None, str(error)))
        else:
            self.post_message(self.Opened(uid, body, text))

    def on_mailbox_screen_listed(self, event: Listed) -> None:
        title = self.query_one("#mailbox-title", StatusLine)
        if event.problem is not None:
            title.show(((self._label, "strong"), (f"  {event.problem}", "failed")), ())
            return
        self._messages = event.messages
        size = sum(one.size for one in event.messages)
        torn = sum(not one.intact for one in event.messages)
        right: list[Cell] = [(f"{counted(len(event.messages), 'message')}, {size_words(size)}", "muted")]
        if torn:
            right.append((f", {counted(torn, 'damaged record')}: reconstruct", "failed"))
        title.show(((self._label, "strong"),), right)
        self._repaint()

    def on_mailbox_screen_read(self, event: Read) -> None:
        self._fields |= event.fields
        self._repaint()

    def _repaint(self) -> None:
        self._in_sight.clear()
        self.query_one("#message-list", LineTable).set_rows(_Messages(self._messages, self))

    def row_of(self, one: MessageLine) -> Row:
        """A message as a row; its header is read soon if it has not been."""
        fields = self._fields.get(one.uid)
        if fields is None:
            self._in_sight[one.uid] = None
            if self._soon is None:
                self._soon = self.set_timer(_SOON, self._read_soon)
        new = "" if one.seen is not False else "N"
        marks: Cell = ("✖", "failed") if not one.intact else (f"{new}{one.marks}"[:3], "accent")
        sent = one.date if fields is None or fields.sent is None else fields.sent
        cells: tuple[Cell, ...] = (("…", "muted"), "")
        if fields is not None:
            cells = (_or(fields.sender, "no sender"), _or(fields.subject, "no subject"))
            if fields.missing:
                missing: Cell = (fields.missing, "failed")
                cells = ("", missing)
        when: Cell = (_moment(sent, self), "muted")
        return Row(one.uid, (marks, when, *cells, size_words(one.size), (str(one.uid), "muted")))

    def _read_soon(self) -> None:
        self._soon = None
        uids = [uid for uid in self._in_sight if uid not in self._fields]
        if uids:
            self._read(uids)

    # One message

    @on(LineTable.Opened, "#message-list")
    def _show_headers(self, event: LineTable.Opened) -> None:
        if isinstance(event.key, int):
            self._read_message(event.key, body=False)

    def action_body(self) -> None:
        """The body of the message under the cursor."""
        uid = self.query_one("#message-list", LineTable).cursor_key
        if isinstance(uid, int):
            self._read_message(uid, body=True)

    def on_mailbox_screen_opened(self, event: Opened) -> None:
        if event.text is None:
            self.notify(event.problem or "", severity="warning", markup=False)
            return
        self._open = True
        self.add_class("-open")
        table = self.query_one("#message-text", LineTable)
        what = "body" if event.body else "header"
        right: list[Cell] = [(f"{what} of uid {event.uid}", "muted")]
        if event.text.cut:
            right.append((", cut off here", "warning"))
        fields = self._fields.get(event.uid)
        self.query_one("#message-title", StatusLine).show(
            ((fields.subject if fields else "", "strong"),), right
        )
        if event.body:
            table.set_columns(_BODY)
            table.set_rows(
                [Row((event.uid, "b", n), (line,)) for n, (_, line) in enumerate(event.text.lines)]
            )
        else:
            table.set_columns(_TEXT)
            table.set_rows(
                [
                    Row((event.uid, n), ((name, "muted"), value[:200]), value[200:] or None)
                    for n, (name, value) in enumerate(event.text.lines)
                ]
            )
        table.focus()

    def action_back(self) -> None:
        """Close the message; then, back to the Spool."""
        if self._open:
            self._open = False
            self.remove_class("-open")
            self.query_one("#message-list", LineTable).focus()
            return
        self.dismiss(None)

    def action_leave(self) -> None:
        """Back to the Spool at once."""
        self.dismiss(None)


def _or(text: str, words: str) -> Cell:
    return text or (words, "muted")


def _moment(when: float, screen: MailboxScreen) -> str:
    try:
        return moment(when, screen.core.zone)
    except (ValueError, OverflowError, OSError):
        # a Date field may say any year
        return "-"
