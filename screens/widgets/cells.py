"""Text fitted into cells, literally: nothing here reads markup, and no length of text is too much."""

from __future__ import annotations

from typing import Literal

from rich.cells import cell_len, chop_cells, set_cell_size

CellStyle = Literal["muted", "strong", "ok", "warning", "failed", "accent", "mail", "auth", "slapd"]
"""What a text is, for colour to repeat; each is a component class `line--NAME` in the style sheets."""

Cell = str | tuple[str, CellStyle]
"""A text, or a text and what it is."""

ELLIPSIS = "…"


def text_of(cell: Cell) -> str:
    """The text of a cell."""
    return cell if isinstance(cell, str) else cell[0]


def style_of(cell: Cell) -> CellStyle | None:
    """What the text of a cell is, if anything in particular."""
    return None if isinstance(cell, str) else cell[1]


def cut(text: str, width: int) -> str:
    """`text` if it fits into `width` cells, else its beginning and an ellipsis."""
    if width <= 0:
        return ""
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + ELLIPSIS
    # measuring takes time for every character, and composed ones are several to a cell
    bounded = text[: width * 8 + 64]
    if len(bounded) == len(text) and cell_len(text) <= width:
        return text
    return set_cell_size(bounded, width - 1).rstrip() + ELLIPSIS


def fit(text: str, width: int, align: Literal["left", "right"] = "left") -> str:
    """`text` cut or padded with blanks to exactly `width` cells."""
    short = cut(text, width)
    padding = " " * (width - (len(short) if short.isascii() else cell_len(short)))
    return padding + short if align == "right" else short + padding


def fold(text: str, width: int, most: int) -> list[str]:
    """`text` in lines of up to `width` cells, broken at blanks where there are any; `most` lines at most.

    What does not fit into `most` lines ends in an ellipsis.
    """
    if width <= 0:
        return [""]
    lines: list[str] = []
    line = ""
    bounded = text[: width * 8 * most + 64]
    for word in bounded.split():
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) if cell_len(word) > width else [word]
        lines.extend(full)
        if len(lines) > most:
            break
    if line:
        lines.append(line)
    if len(lines) > most or len(bounded) < len(text):
        last = lines[most - 1] if len(lines) > most else lines[-1]
        lines = lines[: most - 1] if len(lines) > most else lines[:-1]
        lines.append(last + ELLIPSIS if cell_len(last) < width else cut(last + " .", width))
    return lines or [""]
