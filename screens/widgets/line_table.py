"""A table of any length, of which only the visible rows are read and only changed lines are painted."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rich.segment import Segment
from textual.message import Message

from .cells import Cell, fit, fold, style_of, text_of
from .line_window import LineWindow

_GAP = 1
_MARGIN = 2
_NOTE_INDENT = 4
_NOTE_LINES = 4


@dataclass(frozen=True, slots=True)
class Column:
    """A column `width` cells wide. With `flex` it takes its part of spare room, and gives room down to
    `min_width` when there is too little."""

    key: str
    title: str
    width: int
    min_width: int = 4
    flex: int = 0
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Row:
    """A row known by its key. `cells` are in the order of the columns; missing ones are blank.

    `note` stands below the row, indented, in as many lines as it needs (four at most).
    """

    key: Hashable
    cells: tuple[Cell, ...]
    note: Cell | None = None


class RowSource(Protocol):
    """Rows that are made when they are asked for."""

    def __len__(self) -> int: ...

    def row(self, index: int) -> Row:
        """The row at an index in [0, len)."""
        ...

    def index_of(self, key: Hashable) -> int | None:
        """Where the row with this key is, or None if there is none."""
        ...


class _Rows:
    """A sequence of rows as a source."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Row:
        return self._rows[index]

    def index_of(self, key: Hashable) -> int | None:
        return next((index for index, row in enumerate(self._rows) if row.key == key), None)


class LineTable(LineWindow[Row]):
    """A table with a cursor, and a line of titles if its columns have any.

    The cursor stays on its row (by key) when rows come and go around it; when the row itself goes, it stays
    at its place.
    """

    class Highlighted(Message):
        """The cursor stands on the row of `key` (None when there are no rows)."""

        def __init__(self, table: LineTable, key: Hashable | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> LineTable:
            """The table."""
            return self.table

    class Opened(Message):
        """The row of `key` was opened."""

        def __init__(self, table: LineTable, key: Hashable) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> LineTable:
            """The table."""
            return self.table

    class EndReached(Message):
        """Somebody wants to go on below the last row."""

        def __init__(self, table: LineTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> LineTable:
            """The table."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._columns = tuple(columns)
        self.header_lines = int(any(column.title for column in columns))
        self._source: RowSource = _Rows(())
        self._cursor_key: Hashable | None = None

    @property
    def cursor_key(self) -> Hashable | None:
        """The key of the row under the cursor."""
        return self._cursor_key

    @property
    def end(self) -> int:
        return len(self._source)

    def item(self, number: int) -> Row:
        return self._source.row(number)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; the rows stay."""
        self._columns = tuple(columns)
        self.refresh()
        self.rearrange()

    def set_rows(self, rows: Sequence[Row] | RowSource) -> None:
        """Show these rows. What the window showed stays in place as far as it is still there."""
        source = _Rows(rows) if isinstance(rows, Sequence) else rows
        place = self._cursor - self._top
        at_top = self._top == 0
        self._source = source
        found = None if self._cursor_key is None else source.index_of(self._cursor_key)
        if found is not None:
            self._cursor = found
        self._cursor = max(0, min(self._cursor, len(source) - 1))
        # a window that shows the newest goes on doing so while the cursor's row is in sight
        self._top = 0 if at_top else max(0, self._cursor - place)
        if self.styles.auto_dimensions:
            self.refresh(layout=True)
        if self.body_height and len(source):
            self._top = max(
                min(self._top, self._last_top()), self._top_for_last(self._cursor, self.body_height)
            )
            self._top = min(self._top, self._cursor)
        self.rearrange()
        key = source.row(self._cursor).key if len(source) else None
        if key != self._cursor_key:
            self._cursor_key = key
            self.post_message(self.Highlighted(self, key))

    def go_to(self, key: Hashable) -> bool:
        """Put the cursor on the row of this key; False if there is none."""
        index = self._source.index_of(key)
        if index is not None:
            self.move_cursor(index)
        return index is not None

    def user_scrolls(self, up: bool) -> None:
        if not up and self.end and self._cursor == self.end - 1:
            self.post_message(self.EndReached(self))

    def cursor_moved(self) -> None:
        self._cursor_key = self._source.row(self._cursor).key
        self.post_message(self.Highlighted(self, self._cursor_key))

    def opened(self, number: int) -> None:
        self.post_message(self.Opened(self, self._source.row(number).key))

    # Looks

    def looks(self) -> Hashable:
        return self._columns

    def height_of(self, item: Row, width: int) -> int:
        return 1 if item.note is None else 1 + len(self._note(item.note, width))

    @staticmethod
    def _note(note: Cell, width: int) -> list[str]:
        return fold(text_of(note), width - _NOTE_INDENT - 1, _NOTE_LINES)

    def widths(self, width: int) -> list[int]:
        """Cells of each column within `width` cells."""
        widths = [column.width for column in self._columns]
        spare = width - _MARGIN - sum(widths) - _GAP * (len(widths) - 1)
        flexible = [place for place, column in enumerate(self._columns) if column.flex]
        if spare > 0 and flexible:
            shares = sum(self._columns[place].flex for place in flexible)
            for place in flexible:
                part = spare * self._columns[place].flex // shares
                widths[place] += part
            widths[flexible[-1]] += spare - sum(spare * self._columns[p].flex // shares for p in flexible)
        while spare < 0 and (giving := [p for p in flexible if widths[p] > self._columns[p].min_width]):
            widest = max(giving, key=lambda place: widths[place])
            widths[widest] -= 1
            spare += 1
        return widths

    def header(self, line: int, width: int) -> list[Segment]:
        segments = [Segment(" " * _MARGIN)]
        for column, room in zip(self._columns, self.widths(width), strict=True):
            segments.append(Segment(fit(column.title, room, column.align) + " " * _GAP))
        return segments

    def paint(self, number: int, item: Row, part: int, width: int) -> list[Segment]:
        if part and item.note is not None:
            text = self._note(item.note, width)[part - 1]
            return [Segment(" " * _NOTE_INDENT), self.segment(text, style_of(item.note) or "note")]
        segments = [self.marker(number)]
        for place, (column, room) in enumerate(zip(self._columns, self.widths(width), strict=True)):
            cell = item.cells[place] if place < len(item.cells) else ""
            segments.append(self.segment(fit(text_of(cell), room, column.align), style_of(cell)))
            segments.append(Segment(" " * _GAP))
        return segments
