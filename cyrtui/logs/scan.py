"""Looking through the bytes of a range of lines, without making a line of each."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import Final

from cyrtui.logs.generation import Generation
from cyrtui.logs.index import SourceIndex
from cyrtui.logs.lines import TEXT_CAP
from cyrtui.logs.match import Matcher

READ_AT_ONCE: Final = 256 << 10


def matching_lines(index: SourceIndex, matcher: Matcher, start: int, stop: int) -> list[int]:
    """The lines of a range that match. What is not in the file any more does not; notes are looked at too.

    Raises `FileUnreadable`.
    """
    with index.lock:
        runs = index.runs(start, stop)
    found: list[int] = []
    for first, generation, note, offsets, end in runs:
        if note is not None:
            if matcher.matches(note.encode("utf-8", "surrogateescape")):
                found.append(first)
        elif generation is not None:
            found += _in_run(matcher, first, generation, offsets, end)
    return found


def _in_run(matcher: Matcher, first: int, generation: Generation, offsets: array[int], end: int) -> list[int]:
    if generation.kept is not None and end > generation.kept:
        readable = bisect_right(offsets, generation.kept) - 1
        if readable <= 0:
            return []
        offsets, end = offsets[:readable], offsets[readable]
    found: list[int] = []
    at = 0
    while at < len(offsets):
        low = offsets[at]
        stop = max(at + 1, bisect_right(offsets, low + READ_AT_ONCE) - 1)
        if stop >= len(offsets) - 1 and end - low <= READ_AT_ONCE:
            stop = len(offsets)
        high = offsets[stop] if stop < len(offsets) else end
        if high - low <= READ_AT_ONCE:
            data = generation.file.pread(high - low, low)
            starts = [offset - low for offset in offsets[at:stop]]
            found += [first + at + number for number in matcher.lines(data, starts)]
        elif _in_long_line(matcher, generation, low, high):
            found.append(first + at)
        at = stop
    return found


def _in_long_line(matcher: Matcher, generation: Generation, low: int, high: int) -> bool:
    """A line longer than is read at once: words are looked for in all of it, an expression where it shows."""
    overlap = matcher.overlap
    if overlap is None:
        return matcher.matches(generation.file.pread(TEXT_CAP, low))
    inverse = matcher.wanted.inverse
    while low < high:
        data = generation.file.pread(min(READ_AT_ONCE, high - low), low)
        if matcher.matches(data.removesuffix(b"\n")) != inverse:
            return not inverse
        if len(data) < READ_AT_ONCE:
            break
        low += len(data) - overlap
    return inverse
