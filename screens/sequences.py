"""Lines of cells, and the sequences that write them: what Glass is made of.

Sequences are ECMA-48 ones that every terminal of TERM=xterm, linux, tmux, screen and vt100 knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rich.color import ColorSystem
from rich.style import Style
from textual.strip import SGR_STYLES

UNSET: Final = "\0"
"""A cell of which nothing was said yet; no text holds it."""

# A hole of unchanged cells up to this long is cheaper to write again than to jump over.
_HOLE: Final = 4
# So many blanks are cheaper to erase and jump over than to write.
_GAP: Final = " " * 12


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """A way of writing a cell, as parameters of SGR; there is one object a way, compared by identity."""

    foreground: str
    background: str
    attributes: str


@dataclass(frozen=True, slots=True)
class Erasing:
    """What erasing does on a terminal: fill with the current background (terminfo's `bce`), and erase so
    many characters on the spot (`ech`). Erasing to the end of the line is taken for granted."""

    with_colour: bool = False
    characters: bool = False

    def makes(self, ink: Ink) -> bool:
        """Whether erasing in this ink leaves what a blank in it looks like."""
        return not ink.attributes and (self.with_colour or not ink.background)


_INKS: dict[tuple[str, str, str], Ink] = {}


def ink_with(foreground: str, background: str, attributes: str) -> Ink:
    return _INKS.setdefault((foreground, background, attributes), Ink(foreground, background, attributes))


PLAIN: Final = ink_with("", "", "")


@lru_cache(maxsize=4096)
def ink_of(style: Style, system: ColorSystem) -> Ink:
    """The ink of a style. Links (OSC 8) are left out: nothing that is shown leads anywhere by a click."""
    attributes = style._attributes & style._set_attributes
    codes = [SGR_STYLES[bit] for bit in range(attributes.bit_length()) if attributes & (1 << bit)]
    foreground = background = ""
    if style.color is not None and not style.color.is_default:
        foreground = ";".join(style.color.downgrade(system).get_ansi_codes())
    if style.bgcolor is not None and not style.bgcolor.is_default:
        background = ";".join(style.bgcolor.downgrade(system).get_ansi_codes(foreground=False))
    return ink_with(foreground, background, ";".join(codes))


class Row:
    """One line: a grapheme a cell, "" for the right half of a wide one, and the ink of each."""

    __slots__ = ("cells", "inks", "odd", "whole")

    def __init__(self, width: int, filling: str = " ") -> None:
        self.cells: list[str] = [filling] * width
        self.inks: list[Ink] = [PLAIN] * width
        # Whether terminals may disagree about the width of something in this line.
        self.odd = False
        # Whether every cell has been given.
        self.whole = filling != UNSET

    def copy(self) -> Row:
        row = Row(0)
        row.cells, row.inks = self.cells.copy(), self.inks.copy()
        row.odd, row.whole = self.odd, self.whole
        return row

    def given(self) -> None:
        """Some cells were given."""
        self.odd = _is_odd(self.cells)
        self.whole = self.whole or UNSET not in self.cells

    def same(self, other: Row) -> bool:
        return self.cells == other.cells and self.inks == other.inks


def _is_odd(cells: Sequence[str]) -> bool:
    """Whether a line holds wide or composed characters (no line of ASCII and single letters does)."""
    return "" in cells or max(map(len, cells), default=0) > 1


def differences(shown: Row, row: Row) -> list[tuple[int, int]]:
    """Where the lines differ, as [start, end) with small holes closed."""
    runs: list[tuple[int, int]] = []
    for x, (old, new, old_ink, new_ink) in enumerate(
        zip(shown.cells, row.cells, shown.inks, row.inks, strict=True)
    ):
        if old == new and old_ink is new_ink:
            continue
        start, end = runs[-1] if runs else (x, x)
        if runs and (x == end or (x - end <= _HOLE and len({*row.inks[end - 1 : x + 1]}) == 1)):
            runs[-1] = (start, x + 1)
        else:
            runs.append((x, x + 1))
    return runs


class Pieces:
    """Sequences being put together; knows the ink and the place of the cursor."""

    def __init__(self, erasing: Erasing) -> None:
        self._erasing = erasing
        self._out: list[str] = []
        self._ink = PLAIN
        self._at: tuple[int, int] | None = None

    def text(self) -> str:
        if self._ink is not PLAIN:
            self._out.append("\x1b[m")
            self._ink = PLAIN
        return "".join(self._out)

    def scroll(self, top: int, bottom: int, by: int) -> None:
        """Lines top..bottom (inclusive) move up by `by`, or down by `-by`; plain blank lines follow."""
        self._out.append(f"\x1b[{top + 1};{bottom + 1}r")
        if by > 0:
            self._out.append(f"\x1b[{bottom + 1}H" + "\n" * by)
        else:
            self._out.append(f"\x1b[{top + 1}H\x1b[{-by}L")
        self._out.append("\x1b[r")
        self._at = None

    def line(self, y: int, row: Row, runs: Iterable[tuple[int, int]]) -> None:
        cells, inks = row.cells, row.inks
        width = len(cells)
        blank = _blank_tail(row, self._erasing)
        for start, end in runs:
            self._move(y, start)
            x = start
            while x < end:
                if x >= blank and width - x > 3:
                    self._use(ink_with("", inks[-1].background, ""))
                    self._out.append("\x1b[K")
                    return
                ink = inks[x]
                stop = x + 1
                limit = min(end, blank) if x < blank else end
                while stop < limit and inks[stop] is ink:
                    stop += 1
                self._use(ink)
                if row.odd:
                    self._odd(y, x, cells[x:stop])
                elif self._erasing.characters and self._erasing.makes(ink):
                    self._with_gaps(cells[x:stop], last=stop >= end)
                else:
                    self._out.append("".join(cells[x:stop]))
                x = stop
            self._at = None if self._out[-1].endswith("X") else (y, x)

    def _with_gaps(self, cells: Sequence[str], *, last: bool) -> None:
        """Write cells of one ink, erasing long runs of blanks instead of writing them."""
        text = "".join(cells)
        at = 0
        while (gap := text.find(_GAP, at)) >= 0:
            stop = gap + len(_GAP)
            while stop < len(text) and text[stop] == " ":
                stop += 1
            erase = f"\x1b[{stop - gap}X"
            self._out.append(text[at:gap] + erase)
            if stop < len(text) or not last:
                self._out.append(f"\x1b[{stop - gap}C")
            at = stop
        if at < len(text):
            self._out.append(text[at:])

    def _odd(self, y: int, x: int, cells: Sequence[str]) -> None:
        """Write cells, and say where the cursor is after each whose width a terminal may see differently."""
        for offset, cell in enumerate(cells, 1):
            if not cell:
                self._out.append(f"\x1b[{y + 1};{x + offset + 1}H")
            elif len(cell) > 1:
                self._out.append(f"{cell}\x1b[{y + 1};{x + offset + 1}H")
            else:
                self._out.append(cell)

    def _move(self, y: int, x: int) -> None:
        if self._at == (y, x):
            return
        if self._at is not None and self._at[0] == y and x > self._at[1]:
            distance = x - self._at[1]
            self._out.append(f"\x1b[{distance}C" if distance > 1 else "\x1b[C")
        elif x == 0:
            self._out.append(f"\x1b[{y + 1}H")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H")
        self._at = (y, x)

    def _use(self, ink: Ink) -> None:
        if ink is self._ink:
            return
        now = self._ink
        if ink is PLAIN:
            self._out.append("\x1b[m")
        else:
            changes: list[str] = []
            if ink.attributes != now.attributes and not now.attributes:
                changes.append(ink.attributes)
            if ink.foreground != now.foreground:
                changes.append(ink.foreground or "39")
            if ink.background != now.background:
                changes.append(ink.background or "49")
            if ink.attributes != now.attributes and now.attributes:
                changes = ["0", *(part for part in (ink.attributes, ink.foreground, ink.background) if part)]
            self._out.append(f"\x1b[{';'.join(changes)}m")
        self._ink = ink


def _blank_tail(row: Row, erasing: Erasing) -> int:
    """Where the blanks at the end begin that erasing to the end of the line would make."""
    last = row.inks[-1] if row.inks else PLAIN
    if not erasing.makes(last):
        return len(row.cells)
    x = len(row.cells)
    background = last.background
    while (
        x
        and row.cells[x - 1] == " "
        and row.inks[x - 1].background == background
        and not row.inks[x - 1].attributes
    ):
        x -= 1
    return x
