"""Looking for the next line of a view that matches."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Literal

from cyrtui.errors import FileUnreadable
from cyrtui.logs.index import SourceIndex
from cyrtui.logs.match import Matcher
from cyrtui.logs.scan import matching_lines
from cyrtui.logs.view import LineView

_FIRST_BLOCK: Final = 256
_LARGEST_BLOCK: Final = 4096
_GAP: Final = 64
_PAUSE: Final = 0.05


def search_view(
    view: LineView,
    matcher: Matcher,
    start: int,
    direction: Literal[1, -1],
    stop: threading.Event,
    *,
    wait: bool = False,
) -> int | None:
    """The number of the first line that matches, from `start` on in a direction; None if there is none.

    It ends with None soon after `stop` is set. With `wait`, a search backwards goes on in lines that another
    thread is still reading in, until all are.
    """
    block, at = _FIRST_BLOCK, start
    while not stop.is_set():
        if direction > 0:
            low = max(at, view.first)
            high = min(low + block, view.end)
        else:
            high = min(at + 1, view.end)
            low = max(high - block, view.first)
        if low >= high:
            if direction > 0 or not wait or view.complete:
                return None
            stop.wait(_PAUSE)
            continue
        try:
            places = view.places(low, high)
        except IndexError:
            # The oldest lines were dropped meanwhile.
            continue
        found = _matching(places, matcher)
        hits = [number for number, place in enumerate(places, low) if place in found]
        if hits:
            return hits[0] if direction > 0 else hits[-1]
        at = high if direction > 0 else low - 1
        block = min(block * 2, _LARGEST_BLOCK)
    return None


def _matching(places: list[tuple[SourceIndex, int]], matcher: Matcher) -> set[tuple[SourceIndex, int]]:
    found: set[tuple[SourceIndex, int]] = set()
    for index in {index for index, _ in places}:
        lines = sorted(line for one, line in places if one is index)
        for first, last in _close_together(lines):
            try:
                found.update((index, line) for line in matching_lines(index, matcher, first, last + 1))
            except FileUnreadable:
                continue
    return found


def _close_together(lines: list[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of each group of lines between which there are no large gaps."""
    first = lines[0]
    for one, following in pairwise(lines):
        if following - one > _GAP:
            yield first, one
            first = following
    yield first, lines[-1]
