"""What stands on the terminal, cell by cell, so that only what differs is written to it.

Textual 8.2.8 writes every region that a widget calls dirty, whole, with a full style before and a reset after
each piece. Over SSH that is what a user waits for. `Glass` takes the same updates, keeps the picture that is
wanted beside the picture that is shown, and yields the shortest plain sequences that turn one into the other:
cursor moves, the parts of a style that change, erase-to-end-of-line, and scrolling of whole lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Final

from rich.cells import split_graphemes
from rich.color import ColorSystem
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.strip import Strip

from .line_filter import tame
from .sequences import PLAIN, UNSET, Erasing, Ink, Pieces, Row, differences, ink_of

# Scrolling is only looked for when a picture takes more characters than this.
_WORTH_SCROLLING: Final = 120


class Glass:
    """The terminal's picture as wanted and as shown.

    Rows and columns count from 0.
    """

    def __init__(self, *, color_system: ColorSystem, erasing: Erasing) -> None:
        self._system = color_system
        self._erasing = erasing
        self._width = 0
        self._wanted: list[Row] = []
        self._shown: list[Row | None] = []

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the picture."""
        return self._width, len(self._wanted)

    def forget(self) -> None:
        """Nothing is known of what the terminal shows: the next painting writes every cell."""
        self._shown = [None] * len(self._wanted)

    def put(self, update: LayoutUpdate | ChopsUpdate) -> None:
        """Take an update of Textual's compositor into the picture that is wanted."""
        if isinstance(update, LayoutUpdate):
            region = update.region
            if self.size != (region.right, region.bottom):
                self._resize(region.right, region.bottom)
            for y, strips in enumerate(update.strips, region.y):
                self._put_line(y, region.x, strips)
            return
        if update.chop_ends:
            columns = max(ends[-1] for ends in update.chop_ends)
            if self.size != (columns, len(update.chops)):
                self._resize(columns, len(update.chops))
        for y, x1, x2 in update.spans:
            row = self._wanted[y]
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x < x2 and end > x1:
                    self._put_strip(row, x, min(end, x2), strip)
            row.given()

    def _resize(self, width: int, height: int) -> None:
        self._width = width
        self._wanted = [Row(width, UNSET) for _ in range(height)]
        self._shown = [None] * height

    def _put_line(self, y: int, x: int, strips: Iterable[Strip | None]) -> None:
        row = self._wanted[y]
        for strip in strips:
            if strip is not None:
                x = self._put_strip(row, x, min(x + strip.cell_length, self._width), strip)
        row.given()

    def _put_strip(self, row: Row, start: int, end: int, strip: Strip) -> int:
        cells: list[str] = []
        inks: list[Ink] = []
        for text, style, control in strip:
            if control:
                continue
            ink = PLAIN if style is None else ink_of(style, self._system)
            text = tame(text)  # noqa: PLW2901
            if text.isascii():
                cells.extend(text)
                inks.extend(repeat(ink, len(text)))
                continue
            for first, last, width in split_graphemes(text)[0]:
                if width:
                    cells.append(text[first:last])
                    inks.append(ink)
                    for _ in range(1, width):
                        cells.append("")
                        inks.append(ink)
                elif cells:
                    # Attach to the letter, which may be the left half of a wide one.
                    at = -1 if cells[-1] else -2
                    cells[at] += text[first:last]
        room = end - start
        if len(cells) > room:
            del cells[room:], inks[room:]
        end = start + len(cells)
        target = row.cells
        # Half of a wide character cannot stand alone.
        if start < end:
            if target[start] == "" and start:
                target[start - 1] = " "
            if end < len(target) and target[end] == "":
                target[end] = " "
            target[start:end] = cells
            row.inks[start:end] = inks
            if end == len(target) and _wide(target[-1]):
                target[-1] = " "
        return end

    def paint(self) -> str:
        """The sequences that make the terminal show what is wanted; "" when it does so already.

        It is taken for granted that they arrive. Starts and ends with plain ink; the cursor is left where
        the last cell was written.
        """
        best = self._write(Pieces(self._erasing), self._shown)
        if len(best) >= _WORTH_SCROLLING and (move := self._move()) is not None:
            pieces = Pieces(self._erasing)
            scrolled = self._write(pieces, self._scrolled(pieces, *move))
            best = min(best, scrolled, key=len)
        for y, row in enumerate(self._wanted):
            shown = self._shown[y]
            if row.whole and (shown is None or not shown.same(row)):
                self._shown[y] = row.copy()
        return best

    def _write(self, pieces: Pieces, shown_lines: Sequence[Row | None]) -> str:
        for y, (row, shown) in enumerate(zip(self._wanted, shown_lines, strict=True)):
            if not row.whole:
                # Textual's first pictures have holes; they are filled before anyone could look
                continue
            if shown is None:
                pieces.line(y, row, [(0, self._width)])
            elif shown.same(row):
                continue
            elif row.odd or shown.odd:
                pieces.line(y, row, [(0, self._width)])
            else:
                pieces.line(y, row, differences(shown, row))
        return pieces.text()

    def _move(self) -> tuple[int, int, int] | None:
        """Lines first..last (inclusive) and by how many they went up (or, negative, down), if they did."""
        places: dict[str, int] = {}
        for y, shown in enumerate(self._shown):
            if shown is None:
                return None
            if text := _core(shown):
                places[text] = y
        went: dict[int, int] = {}
        for y, row in enumerate(self._wanted):
            shown = self._shown[y]
            if shown is not None and not shown.same(row) and (text := _core(row)) in places:
                went[y] = places[text] - y
        moves = Counter(by for by in went.values() if by)
        if not moves:
            return None
        by, count = moves.most_common(1)[0]
        if count < 2:
            return None
        lines = [place for y, way in went.items() if way == by for place in (y, y + by)]
        return min(lines), max(lines), by

    def _scrolled(self, pieces: Pieces, top: int, bottom: int, by: int) -> list[Row | None]:
        """What is shown after the terminal was told to move lines."""
        pieces.scroll(top, bottom, by)
        blank: list[Row | None] = [Row(self._width) for _ in range(abs(by))]
        part = self._shown[top : bottom + 1]
        part = part[by:] + blank if by > 0 else blank + part[:by]
        return self._shown[:top] + part + self._shown[bottom + 1 :]


def _wide(grapheme: str) -> bool:
    return not grapheme.isascii() and split_graphemes(grapheme)[1] > 1


def _core(row: Row) -> str:
    """What a line says, without its margins, where markers and scroll bars stand; "" for a blank one."""
    return "".join(row.cells[3:-2]).strip()
