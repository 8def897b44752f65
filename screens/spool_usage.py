"""What a partition holds, user by user, the largest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from cyrtui.spool.describe import size_words, usage_lines
from cyrtui.spool.mailbox_name import parts
from cyrtui.wording import counted

from .page import Page
from .widgets.cells import Cell
from .widgets.line_table import Column, LineTable, Row
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.spool.layout import SpoolLayout
    from cyrtui.spool.usage import OwnerUsage, Usage

_OWNERS = (
    Column("owner", "user", 24, flex=1, min_width=12),
    Column("share", "", 10),
    Column("size", "size", 7, align="right"),
    Column("messages", "messages", 11, align="right"),
    Column("mailboxes", "mailboxes", 9, align="right"),
)
_FACTS = (Column("word", "", 11), Column("text", "", 40, flex=1))


class _Owners:
    """Users as rows, made when they are looked at."""

    def __init__(self, usage: Usage, layout: SpoolLayout) -> None:
        self._owners = usage.owners
        self._layout = layout
        self._total = usage.bytes

    def __len__(self) -> int:
        return len(self._owners)

    def row(self, index: int) -> Row:
        return self._row(index, self._owners[index])

    def index_of(self, key: object) -> int | None:
        return key if isinstance(key, int) and 0 <= key < len(self._owners) else None

    def _row(self, index: int, one: OwnerUsage) -> Row:
        share = one.bytes / self._total if self._total else 0.0
        name: Cell = ("nobody's: shared folders", "muted")
        if one.owner is not None:
            name = parts(one.owner, self._layout).owner or one.owner
        bar = f"{'█' * round(share * 5):░<5} {share:>3.0%}"
        return Row(index, (name, bar, size_words(one.bytes), f"{one.messages:,}", f"{one.mailboxes:,}"))


class UsageScreen(Page):
    """The sum, and whose it is."""

    NAME = "Usage"
    HELP_TEXT = (
        "What the mailboxes of a partition hold as their indexes count it, which is what quotas count: "
        "message "
        "files are not looked at. On disk it takes more: indexes, caches, and expunged messages until "
        "cyr_expire."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,4,f5", "back", "Back to the Spool", show=False)]

    def __init__(self, usage: Usage, layout: SpoolLayout) -> None:
        super().__init__()
        self._usage = usage
        self._layout = layout

    def body(self) -> Iterable[Widget]:
        yield StatusLine(
            ((f"USAGE  {self._usage.partition}", "strong"),),
            ((counted(len(self._usage.owners), "owner"), "muted"),),
            id="usage-title",
            classes="title",
        )
        yield LineTable(_FACTS, id="usage-facts")
        yield LineTable(_OWNERS, id="owners")

    def own_keys(self) -> Sequence[tuple[str, str]]:
        return (("esc", "back"),)

    def on_mount(self) -> None:
        super().on_mount()
        rows = []
        for number, one in enumerate(usage_lines(self._usage)):
            text: Cell = (one.text, "failed") if one.gravity == "failed" else one.text
            rows.append(Row(number, ((one.word, "muted"), text), one.more))
        self.query_one("#usage-facts", LineTable).set_rows(rows)
        table = self.query_one("#owners", LineTable)
        table.set_rows(_Owners(self._usage, self._layout))
        table.focus()

    def action_back(self) -> None:
        """Back to the Spool."""
        self.dismiss(None)
