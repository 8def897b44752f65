"""How the lines of the Spool look: rows of the tree, of what is told beside it, and progress in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cyrtui.spool.browse import Numbers
from cyrtui.spool.describe import FactLine, ago_words, size_words, space_words
from cyrtui.spool.tree import TreeLine
from cyrtui.wording import span

from .widgets.cells import Cell, CellStyle, fold
from .widgets.line_table import Column, Row

if TYPE_CHECKING:
    from cyrtui.spool.spool import PartitionFacts

TREE = (
    Column("mark", "", 1),
    Column("name", "mailbox", 24, flex=1, min_width=16),
    Column("messages", "messages", 9, align="right"),
    Column("size", "size", 6, align="right"),
    Column("quota", "quota", 10),
    Column("last", "last append", 11, align="right"),
)
FACTS = (Column("word", "", 11), Column("text", "", 30, flex=1))
# Beside the text of a fact: the cursor, the word, blanks and the bar; and the lines that one takes at most.
_FACTS_MARGIN = 16
_FACT_LINES = 6
_BAR = 5
_STYLES: dict[str, CellStyle] = {"warning": "warning", "failed": "failed", "muted": "muted"}


def tree_row(line: TreeLine, numbers: Numbers, partition: PartitionFacts | None, now: float) -> Row:
    """A line of the tree; `partition` is the one that it stands on, `now` the host's time."""
    sign = "  " if line.open is None else "▾ " if line.open else "▸ "
    name = f"{'  ' * line.depth}{sign}{line.label}"
    mark: Cell = ("✖", "failed") if numbers.fault else ""
    if line.mailbox is not None and line.mailbox.standing == "orphaned" and not numbers.fault:
        mark = ("!", "warning")
    if line.kind == "partition":
        return Row(line.key, (mark, (name, "strong"), *_free(partition)))
    style: CellStyle = "strong" if line.kind == "group" else "muted"
    styled: Cell = (name, style) if line.kind != "mailbox" else name
    return Row(line.key, (mark, styled, *_numbers(line, numbers, now)))


def _numbers(line: TreeLine, numbers: Numbers, now: float) -> tuple[Cell, ...]:
    if line.kind == "level":
        return ()
    if not numbers.known:
        return (("…", "muted"),)
    count = "-" if numbers.messages is None else f"{numbers.messages:,}"
    return (
        count if numbers.messages else (count, "muted"),
        size_words(numbers.bytes) if numbers.bytes else "",
        _quota(numbers),
        (ago_words(numbers.last_append, now), "muted"),
    )


def _free(partition: PartitionFacts | None) -> tuple[Cell, ...]:
    if partition is None or partition.space is None:
        return ()
    free, gravity = size_words(partition.space.available), space_words(partition)[1]
    return ("", (free, _STYLES.get(gravity, "muted")), ("free", "muted"))


def _quota(numbers: Numbers) -> Cell:
    share = numbers.quota_share
    if share is None:
        return ("no limit", "muted") if numbers.quota_used is not None else ""
    full = min(_BAR, int(share * _BAR + 0.5))
    words = f"{'█' * full}{'░' * (_BAR - full)} {min(int(share * 100), 999)}%"
    if share >= 1:
        return (words, "failed")
    return (words, "warning") if share >= 0.9 else words


def free_words(partition: PartitionFacts | None) -> Sequence[Cell]:
    """`default: 77G of 252G free`; nothing where it cannot be seen."""
    if partition is None or partition.space is None:
        return ()
    words, gravity = space_words(partition)
    return ((f"{partition.partition.name}: {words}", _STYLES.get(gravity, "muted")),)


def fact_rows(facts: Sequence[FactLine], width: int) -> list[Row]:
    """What is told of a line, folded to a table `width` cells wide: nothing of it is cut off."""
    room = max(width - _FACTS_MARGIN, 10)
    rows: list[Row] = []
    for number, one in enumerate(facts):
        style = _STYLES.get(one.gravity)
        indent = " " * (len(one.text) - len(one.text.lstrip()))
        folded = [indent + part for part in fold(one.text, room - len(indent), _FACT_LINES)]
        for place, part in enumerate(folded):
            text: Cell = part if style is None else (part, style)
            word: Cell = ("" if place else one.word, style or "muted")
            note: Cell | None = None
            if place == len(folded) - 1 and one.more is not None:
                note = one.more if style is None else (one.more, style)
            rows.append(Row((number, place), (word, text), note))
    return rows


def progress_words(done: int, total: int, rate: float, left: float | None) -> str:
    """`████░░░░░░ 42%  4,200 of 10,000, 12,000 a second, 3s left`."""
    share = done / total if total else 1.0
    bar = "█" * round(share * 10) + "░" * (10 - round(share * 10))
    words = f"{bar} {share:.0%}  {done:,} of {total:,}, {rate:,.0f} a second"
    return words if left is None else f"{words}, {span(left)} left"
