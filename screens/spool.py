"""Spool: what is in the mailboxes, by their real names, whatever the layout on disk."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker

from cyrtui.spool.browse import SORT_KEYS, SORT_TITLES, SortKey
from cyrtui.spool.describe import FactLine, size_words
from cyrtui.spool.tree import TreeLine
from cyrtui.wording import counted

from .page import sheet
from .spool_rows import FACTS, TREE, fact_rows, free_words, progress_words, tree_row
from .spool_work import SpoolWork
from .widgets.cells import Cell, CellStyle
from .widgets.line_table import LineTable, Row
from .widgets.status_line import StatusLine

if TYPE_CHECKING:
    from cyrtui.spool.spool import PartitionFacts
    from cyrtui.spool.usage import Usage

# From this width on the detail stands beside the tree.
_WIDE = 110
# Seconds until what came into sight is read, the detail follows the cursor, all is looked at again.
_SOON = 0.03
_SETTLED = 0.12
_AGAIN = 5.0
# And for mailboxes that came or went.
_SEARCH_EVERY = 10.0
# With more mailboxes the lines are put together in a worker.
_MANY = 1000


class _Lines:
    """The lines of the tree as rows, made when they are looked at; what is looked at is told to the
    screen."""

    def __init__(self, lines: Sequence[TreeLine], screen: SpoolScreen, *, placed: bool = False) -> None:
        self.lines = lines
        self._screen = screen
        self._places: dict[Hashable, int] | None = None
        if placed:
            self.index_of(None)

    def __len__(self) -> int:
        return len(self.lines)

    def row(self, index: int) -> Row:
        return self._screen.row_of(self.lines[index])

    def index_of(self, key: Hashable) -> int | None:
        if self._places is None:
            self._places = {line.key: place for place, line in enumerate(self.lines)}
        return self._places.get(key)


class SpoolScreen(SpoolWork):
    """The tree, and everything about what the cursor stands on."""

    SHEETS: ClassVar[list[PurePath]] = [sheet("spool")]
    CSS_PATH: ClassVar[list[str | PurePath]] = [*SHEETS]
    # the box for the filter stands before it, and is hidden only when the style sheet has been read
    AUTO_FOCUS = "#spool-tree"
    NAME = "Spool"
    HELP_TEXT = (
        "Partitions, users and their mailboxes as people know them, wherever they are on disk. Numbers come "
        "from "
        "each cyrus.index, as clients see them; a user's line adds up all of his. Below, or beside it, "
        "stands all "
        "that the files tell of the line under the cursor. Nothing is written, and nothing is locked."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Show only mailboxes and users whose name holds a text", show=False),
        Binding("right", "unfold", "Show what is below the line", show=False),
        Binding("left", "fold", "Fold the line, or go to what it stands below", show=False),
        Binding("o", "sort", "Sort users by name, size, messages, last append or quota used", show=False),
        Binding("r", "reverse", "Sort the other way round", show=False),
        Binding("s", "sieve", "Show the user's sieve scripts", show=False),
        Binding("u", "usage", "Add up the partition, in the background; then, show it by user", show=False),
        Binding("c", "cancel", "Cancel what is being added up or sorted", show=False),
        Binding("y", "copy", "Copy the path on disk", show=False),
        Binding("escape", "back", "Show everything again", show=False),
    ]

    @dataclass
    class Made(Message):
        """The lines that stand open have been put together."""

        rows: _Lines

    def __init__(self) -> None:
        super().__init__()
        self._wanted = ""
        self._sort: SortKey = "name"
        self._reverse = False
        self._lines: Sequence[TreeLine] = ()
        self._rows = _Lines((), self)
        self._go_to: str | None = None
        self._searched = 0.0
        self._making = self._stale = self._sorted = False
        self._in_sight: dict[str, TreeLine] = {}
        self._soon: Timer | None = None
        self._settling: Timer | None = None
        self._told: str | None = None
        self._usages: dict[str, Usage] = {}
        self._adding: Worker[None] | None = None
        self._measuring: Worker[None] | None = None
        self._problem: str | None = None
        self._facts: tuple[TreeLine, Sequence[FactLine]] | None = None

    def body(self) -> Iterable[Widget]:
        yield StatusLine((("SPOOL", "strong"), ("  looking …", "muted")), id="spool-title", classes="title")
        yield StatusLine(id="spool-work")
        with Horizontal(id="spool-asking"):
            yield Input(placeholder="part of a user's or a mailbox's name", id="spool-asked", compact=True)
        with Vertical(id="spool-sides"):
            yield LineTable(TREE, id="spool-tree")
            with Vertical(id="spool-detail"):
                yield StatusLine(id="spool-name", classes="title")
                yield LineTable(FACTS, id="spool-facts")

    def own_keys(self) -> Sequence[tuple[str, str]]:
        if self._adding is not None or self._measuring is not None:
            return (("c", "cancel"), ("/", "filter"), ("o", "sort"))
        return (("⏎", "open"), ("/", "filter"), ("o", "sort"), ("u", "sum"), ("s", "sieve"))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#spool-tree", LineTable).focus()
        self.set_interval(_AGAIN, self._look_again)
        self._find()

    def on_resize(self, event: events.Resize) -> None:
        """With room enough the detail stands beside the tree."""
        self.set_class(event.size.width >= _WIDE, "-wide")
        self.call_after_refresh(self._fold_facts)

    def _fold_facts(self) -> None:
        if self._facts is not None:
            self._show_facts(*self._facts)

    def caught_up(self) -> None:
        self._fill()

    # What came

    def on_spool_work_found(self, event: SpoolWork.Found) -> None:
        self._problem = event.problem
        self._read_for_sort()
        self._fill()

    def on_spool_work_looked(self, event: SpoolWork.Looked) -> None:
        if event.changed and self.is_current:
            self._repaint()
        if event.anew and monotonic() - self._searched > _SEARCH_EVERY:
            self._searched = monotonic()
            self._find()

    def on_spool_work_told(self, event: SpoolWork.Told) -> None:
        line = self._line()
        if line is not None and line.key == event.key:
            self._show_facts(line, event.facts)

    def on_spool_work_measuring(self, event: SpoolWork.Measuring) -> None:
        if event.progress is None:
            self._measuring = None
            self._keys()
            # the lines come in their order and this one goes, at once
            self._sorted = True
            self._fill()
            return
        one = event.progress
        self._work(
            f"sorting by {SORT_TITLES[self._sort]}  {progress_words(one.done, one.total, one.rate, one.left)}"
        )

    def on_spool_work_adding(self, event: SpoolWork.Adding) -> None:
        one = event.progress
        words = (
            "finding mailboxes"
            if one.total is None
            else progress_words(one.done, one.total, one.rate, one.left)
        )
        self._work(f"adding up {event.partition}  {words}")

    def on_spool_work_added(self, event: SpoolWork.Added) -> None:
        self._adding = None
        self._keys()
        if event.usage is None:
            self._work(event.problem or "", "failed")
            return
        usage = event.usage
        self._usages[event.partition] = usage
        words = (
            f"{event.partition}: {counted(usage.mailboxes, 'mailbox', 'mailboxes')}, "
            f"{counted(usage.messages, 'message')}, {size_words(usage.bytes)}"
        )
        if usage.counted:
            self._work(f"{words}  u shows it by user", "ok")
        else:
            self._work(f"cancelled; up to then {words}", "warning")

    # The tree

    def _fill(self) -> None:
        browser = self.browser
        title = self.query_one("#spool-title", StatusLine)
        if not browser.opened:
            if self._problem:
                title.show((("SPOOL", "strong"), ("  cannot be read", "failed")))
                self._show_rows((FactLine("✖", self._problem, "failed"),))
            return
        if browser.tree.count > _MANY:
            self._stale = self._making
            if not self._making:
                self._making = True
                self._make_lines(self._wanted, self._sort, self._reverse)
        else:
            self._show_lines(self._lines_for(self._wanted, self._sort, self._reverse))

    def _lines_for(
        self, wanted: str, sort: SortKey, reverse: bool, breathe: Callable[[], object] = lambda: None
    ) -> Sequence[TreeLine]:
        browser = self.browser
        return browser.tree.lines(wanted, browser.worth(sort), reverse=reverse, breathe=breathe)

    @work(thread=True, group="lines", exit_on_error=True)
    def _make_lines(self, wanted: str, sort: SortKey, reverse: bool) -> None:
        """Of many mailboxes this takes longer than a key may wait. One at a time: of what is typed
        meanwhile the last counts."""
        lines = self._lines_for(wanted, sort, reverse, self.owner.keys_first.let_pass)
        self.post_message(self.Made(_Lines(lines, self, placed=True)))

    def on_spool_screen_made(self, event: Made) -> None:
        self._making = False
        if self._stale:
            self._fill()
            return
        self._rows = event.rows
        self._show_lines(event.rows.lines)

    def _show_lines(self, lines: Sequence[TreeLine]) -> None:
        self._lines = lines
        if self._sorted:
            self._sorted = False
            self._work("")
        browser, tree = self.browser, self.browser.tree
        title = self.query_one("#spool-title", StatusLine)
        left: list[Cell] = [("SPOOL", "strong")]
        if self._wanted:
            mailboxes = sum(1 for line in self._lines if line.kind == "mailbox")
            users = sum(1 for line in self._lines if line.group is not None and line.kind == "group")
            words = f"{counted(mailboxes, 'mailbox', 'mailboxes')} below {counted(users, 'owner')}"
            left.append((f"  {self._wanted}: {words}", "warning"))
        if self._sort != "name" or self._reverse:
            way = ", the other way round" if self._reverse else ""
            left.append((f"  by {SORT_TITLES[self._sort]}{way}", "muted"))
        right: list[Cell] = []
        words = f"{counted(tree.users, 'user')}, {counted(tree.count, 'mailbox', 'mailboxes')}"
        right.append((words if browser.found else f"{words} so far …", "muted"))
        if self._problem:
            left.append((f"  {self._problem}", "failed"))
        elif browser.found and (problems := browser.problems):
            left.append((f"  {problems[0]}", "warning"))
        title.show(left, right)
        self._repaint()
        if self._go_to is not None:
            self.query_one("#spool-tree", LineTable).go_to(self._go_to)
            self._go_to = None

    def _repaint(self) -> None:
        self._in_sight.clear()
        if self._rows.lines is not self._lines:
            self._rows = _Lines(self._lines, self)
        self.query_one("#spool-tree", LineTable).set_rows(self._rows)

    def row_of(self, line: TreeLine) -> Row:
        """A line of the tree as a row; it is read soon if it has not been."""
        self._in_sight[line.key] = line
        numbers = self.browser.numbers(line)
        if not numbers.known and self._soon is None:
            self._soon = self.set_timer(_SOON, self._look_soon)
        return tree_row(line, numbers, self._partition(line.partition), self.core.host_now())

    def _partition(self, name: str) -> PartitionFacts | None:
        return next((one for one in self.browser.partitions if one.partition.name == name), None)

    def _look_soon(self) -> None:
        self._soon = None
        unread = [one for one in self._in_sight.values() if not self.browser.numbers(one).known]
        if unread:
            self._look(unread, again=False)

    def _look_again(self) -> None:
        """What is in sight may have changed; so may what is told of the line under the cursor."""
        if not self.is_current or not self.browser.opened:
            return
        self._look(tuple(self._in_sight.values()), again=True)
        line = self._line()
        if line is not None and self._told == line.key:
            self._tell(line, fresh=False)

    def _line(self) -> TreeLine | None:
        key = self.query_one("#spool-tree", LineTable).cursor_key
        place = None if key is None else self._rows.index_of(key)
        return None if place is None else self._lines[place]

    # What is told of a line

    @on(LineTable.Highlighted, "#spool-tree")
    def _highlighted(self, event: LineTable.Highlighted) -> None:
        if event.key is None:
            self._facts = self._told = None
            self.query_one("#spool-name", StatusLine).show((), ())
            self.query_one("#spool-facts", LineTable).set_rows([])
            return
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(_SETTLED, self._tell_line)

    def _tell_line(self) -> None:
        line = self._line()
        if line is not None:
            self._told = line.key
            self._tell(line, fresh=True)

    def _show_facts(self, line: TreeLine, facts: Sequence[FactLine]) -> None:
        self.query_one("#spool-name", StatusLine).show(
            ((line.label, "strong"),), free_words(self._partition(line.partition))
        )
        self._facts = line, facts
        self._show_rows(facts)

    def _show_rows(self, facts: Sequence[FactLine]) -> None:
        table = self.query_one("#spool-facts", LineTable)
        table.set_rows(fact_rows(facts, table.size.width))

    # Keys

    @on(LineTable.Opened, "#spool-tree")
    def _open(self) -> None:
        line = self._line()
        if line is None:
            return
        if line.kind == "mailbox" and line.mailbox is not None:
            from .mailbox import MailboxScreen

            self.app.push_screen(MailboxScreen(line.mailbox, line.label))
        elif line.open:
            self._fold(line)
        else:
            self._unfold(line)

    def _unfold(self, line: TreeLine) -> None:
        self.browser.tree.open(line)
        self._fill()

    def _fold(self, line: TreeLine) -> None:
        self.browser.tree.close(line)
        self._fill()

    def action_unfold(self) -> None:
        """Show what is below the line."""
        line = self._line()
        if line is not None and line.open is False:
            self._unfold(line)

    def action_fold(self) -> None:
        """Fold the line, or go to the one that it stands below."""
        line = self._line()
        if line is None:
            return
        if line.open and not self._wanted:
            self._fold(line)
            return
        place = self._lines.index(line)
        above = next((one for one in reversed(self._lines[:place]) if one.depth < line.depth), None)
        if above is not None:
            self.query_one("#spool-tree", LineTable).go_to(above.key)

    def action_filter(self) -> None:
        """Ask for a part of a name; the tree follows as it is typed."""
        self.add_class("-asking")
        self.query_one("#spool-asked", Input).focus()

    @on(Input.Changed, "#spool-asked")
    def _typed(self, event: Input.Changed) -> None:
        if event.value != self._wanted:
            self._wanted = event.value
            self._fill()

    @on(Input.Submitted, "#spool-asked")
    def _asked(self) -> None:
        if not self._wanted:
            self.remove_class("-asking")
        self.query_one("#spool-tree", LineTable).focus()

    def action_back(self) -> None:
        """Show everything again; from the detail, back to the tree."""
        table = self.query_one("#spool-tree", LineTable)
        if self.query_one("#spool-facts", LineTable).has_focus:
            table.focus()
            return
        line = self._line()
        if self._wanted and line is not None and line.mailbox is not None:
            # what was found stays in sight
            self.browser.tree.reveal(line.mailbox.directory)
        self.query_one("#spool-asked", Input).value = self._wanted = ""
        self.remove_class("-asking")
        table.focus()
        self._go_to = line.key if line is not None else None
        self._fill()

    def action_sort(self) -> None:
        """The next order."""
        self._sort = SORT_KEYS[(SORT_KEYS.index(self._sort) + 1) % len(SORT_KEYS)]
        self._read_for_sort()
        self._fill()

    def _read_for_sort(self) -> None:
        """To sort by what stands in the indexes, all of them must be read."""
        if self._sort != "name" and self._measuring is None and self.browser.found:
            self._measuring = self._measure()
            self._work(f"sorting by {SORT_TITLES[self._sort]}")
            self._keys()

    def action_reverse(self) -> None:
        """The other way round."""
        self._reverse = not self._reverse
        self._fill()

    def action_usage(self) -> None:
        """Add up the partition under the cursor; once that is done, show it by user."""
        if not self.browser.opened:
            return
        partition = self.browser.partition_of(self._line())
        if partition is None or self._adding is not None:
            return
        usage = self._usages.get(partition)
        if usage is not None and usage.counted:
            from .spool_usage import UsageScreen

            del self._usages[partition]
            self.app.push_screen(UsageScreen(usage, self.browser.layout))
            return
        self._adding = self._add_up(partition)
        self._work(f"adding up {partition}")
        self._keys()

    def action_cancel(self) -> None:
        """Cancel what runs in the background."""
        for worker in (self._adding, self._measuring):
            if worker is not None:
                worker.cancel()
        if self._measuring is not None:
            self._measuring = None
            self._sort = "name"
            self._work("")
            self._keys()
            self._fill()

    def action_sieve(self) -> None:
        """The user's sieve scripts."""
        line = self._line()
        if line is None or line.group is None or line.group.kind != "user":
            self.notify("Only users have sieve scripts: put the cursor on one, or on a mailbox of his.")
            return
        from .sieve import SieveScreen

        self.app.push_screen(SieveScreen(line.group))

    def action_copy(self) -> None:
        """The path on disk, by the terminal's own clipboard (OSC 52)."""
        line = self._line()
        if line is not None and line.mailbox is not None:
            self.app.copy_to_clipboard(line.mailbox.directory)
            self.notify("Copied, if your terminal takes OSC 52.")

    def _work(self, words: str, style: CellStyle = "accent") -> None:
        self.set_class(bool(words), "-working")
        self.query_one("#spool-work", StatusLine).show(((words, style),))

    def _keys(self) -> None:
        self.query_one("#keys", StatusLine).show(self.key_line())
