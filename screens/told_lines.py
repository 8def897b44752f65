"""Sentences and differences as rows of a table, folded so that nothing of them is cut off."""

from __future__ import annotations

from collections.abc import Sequence

from .widgets.cells import Cell, CellStyle, fold, style_of, text_of
from .widgets.line_table import Row

DIFFERENCE: dict[str, CellStyle] = {"+": "ok", "-": "failed", "@": "accent"}
_MOST = 6
_INDENT = "    "


def diff_cells(lines: Sequence[str]) -> list[Cell]:
    """The lines of a unified diff with their colours."""
    return [
        (line, "strong" if line[:3] in ("---", "+++") else DIFFERENCE.get(line[:1], "muted"))
        for line in lines
    ]


def folded(cells: Sequence[Cell], width: int, indented: frozenset[int] = frozenset()) -> list[Row]:
    """Rows of at most `width` cells; the key of each is (number of its cell, part). `indented` are cells."""
    rows: list[Row] = []
    for number, cell in enumerate(cells):
        style = style_of(cell)
        for part, text in enumerate(_parts(text_of(cell).expandtabs(), max(8, width - len(_INDENT)))):
            line = f"{_INDENT}{text}" if part or number in indented else text
            rows.append(Row((number, part), (line if style is None else (line, style),)))
    return rows


def _parts(text: str, width: int) -> list[str]:
    if not text.strip():
        return [text]
    if text[0] in " +-@":
        # of a difference each blank counts, and what changes may stand at the end of a long line
        return [text[at : at + width] for at in range(0, len(text), width)][:_MOST]
    return fold(text, width, _MOST)
