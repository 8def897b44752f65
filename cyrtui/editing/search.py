"""Looking for words in the text that is edited; what is covered is not looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cyrtui.editing.masking import Columns


class Place(NamedTuple):
    """Where something was found: row and columns from 0; `wrapped`: the search went round the end."""

    row: int
    start: int
    end: int
    wrapped: bool


def find(
    lines: Sequence[str],
    needle: str,
    row: int,
    column: int,
    way: int,
    hidden: Mapping[int, Sequence[Columns]],
) -> Place | None:
    """The next (way 1) or previous (-1) place of `needle`, beyond the place given, round the end too.

    In small letters it finds capitals too. What lies in `hidden` (row -> columns) is never found.
    """
    if not needle or not lines:
        return None
    fold = needle == needle.lower()
    wanted = needle.lower() if fold else needle
    for step in range(len(lines) + 1):
        at = (row + way * step) % len(lines)
        line = lines[at].lower() if fold and len(lines[at].lower()) == len(lines[at]) else lines[at]
        wrapped = row + way * step not in range(len(lines)) or step == len(lines)
        places = _places(line, wanted, hidden.get(at, ()))
        if step == 0:
            places = [one for one in places if (one > column if way > 0 else one < column)]
        if places:
            start = places[0] if way > 0 else places[-1]
            return Place(at, start, start + len(wanted), wrapped)
    return None


def _places(line: str, wanted: str, hidden: Sequence[Columns]) -> list[int]:
    found: list[int] = []
    at = line.find(wanted)
    while at >= 0:
        if not any(at < end and at + len(wanted) > start for start, end in hidden):
            found.append(at)
        at = line.find(wanted, at + 1)
    return found
