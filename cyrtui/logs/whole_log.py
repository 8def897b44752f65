"""A whole log in pieces, for those who look for what is out of the ordinary in it.

As in `slices`, bytes are read, never mapped. A piece begins with the newline before its first line, so that a
pattern that begins with one is tried once a line.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Final, NamedTuple

from cyrtui.logs.slices import SlicedLog
from cyrtui.pattern import pattern

_PIECE: Final = 2 << 20
_HEAD: Final = 64 << 10
_KEPT: Final = 32 << 20
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_TRADITIONAL: Final = pattern(rb"[JFMASOND][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d [^\s:]+ [^\s\[\]:]+(\[\d+\])?: ")
_ISO: Final = pattern(
    rb"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d) [^\s:]+ [^\s\[\]:]+(\[\d+\])?: "
)


class Unclear(Exception):
    """The lines cannot be judged without reading each of them; caught where that can be done instead."""


class Shape(NamedTuple):
    """Parts of patterns for the lines of one log: the stamp to the second, and what comes before the host."""

    second: bytes
    rest: bytes
    length: int
    whole_seconds: bool


_SHAPES: Final = (
    (_TRADITIONAL, Shape(rb"[JFMASOND].{14}", rb" ", 15, whole_seconds=True)),
    (_ISO, Shape(rb"2.{18}", rb"[.\dZ+:-]+ ", 19, whole_seconds=False)),
)


def keep_pages() -> None:
    """Have the C library keep the memory of one piece for the next, where it is glibc (mallopt(3)).

    Otherwise it goes back to the system with each piece, and comes anew a page at a time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _KEPT)
    mallopt(_M_TRIM_THRESHOLD, _KEPT)


def shape_of(log: SlicedLog) -> Shape | None:
    """The shape of the log's first lines; None if they have none of the usual ones, or if there are none."""
    for line in log.read(0, min(log.size, _HEAD)).split(b"\n")[:-1]:
        for form, shape in _SHAPES:
            if form.match(line) is not None:
                if not shape.whole_seconds and line[19:20] not in b".,":
                    return shape._replace(whole_seconds=True)
                return shape
    return None


def pieces(log: SlicedLog, low: int, high: int) -> Iterator[tuple[int, bytes, int]]:
    """(offset, data, end): `data` stands at `offset`, begins with a newline, and has another one at `end`.

    `low` and `high` are where lines begin. Before the first line, and behind a last line that has none, a
    newline is put.
    """
    step = _PIECE
    while low < high:
        at = low - 1
        data = log.read(at, min(at + step, high)) if low else b"\n" + log.read(0, min(step, high))
        if log.shrunk:
            return
        if at + len(data) >= high and not data.endswith(b"\n"):
            data += b"\n"
        end = data.rfind(b"\n")
        if end > 0:
            yield at, data, end
            low, step = at + end + 1, _PIECE
        else:
            # a line that is longer than this
            step *= 4
