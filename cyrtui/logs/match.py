"""Which lines are searched for: a word or a regular expression, on the bytes of the line as it stands.

A search without capitals finds capitals too (ASCII letters only, as everywhere on the bytes of a log).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cyrtui.errors import CyrtuiError
from cyrtui.inert import inert
from cyrtui.pattern import pattern

_ESCAPED: Final = pattern(r"\\.", re.DOTALL)


class FilterError(CyrtuiError):
    """What was typed is no regular expression; the sentence says where it goes wrong."""


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Lines that hold `text`, or with `inverse` those that do not; with `regex` it is one of `re`."""

    text: str
    regex: bool = False
    inverse: bool = False

    @property
    def ignores_case(self) -> bool:
        """True as long as `text` has no capital letter (`\\S` and its like are none)."""
        letters = _ESCAPED.sub("", self.text) if self.regex else self.text
        return letters == letters.lower()

    def matcher(self) -> Matcher:
        """What does the work. Raises `FilterError` for an empty text, or what is no regular expression."""
        if not self.text:
            raise FilterError("There is nothing to search for: the text is empty.")
        if "\n" in self.text:
            raise FilterError("A search is within one line; this text has a newline in it.")
        return Matcher(self)

    def spans(self, shown: str) -> list[tuple[int, int]]:
        """Where in a text that is shown the matches stand, from-to, to mark them."""
        flags = re.IGNORECASE if self.ignores_case else 0
        pattern = _compile(self.text if self.regex else re.escape(self.text), flags)
        return [found.span() for found in pattern.finditer(shown) if found.end() > found.start()]


def _compile(pattern: str, flags: int) -> re.Pattern[str]:
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        where = f" at character {error.pos + 1}" if error.pos is not None else ""
        raise FilterError(f"“{inert(pattern)}” is no regular expression: {error.msg}{where}.") from error
    except (OverflowError, RecursionError) as error:
        raise FilterError(f"“{inert(pattern[:40])}” is too much for a regular expression.") from error


class Matcher:
    """A `LineFilter`, ready to look at bytes. Thread-safe."""

    def __init__(self, wanted: LineFilter) -> None:
        self.wanted = wanted
        self._fold = wanted.ignores_case
        self._inverse = wanted.inverse
        self._needle = wanted.text.encode("utf-8", "surrogateescape")
        self._pattern: re.Pattern[bytes] | None = None
        if wanted.regex:
            flags = re.IGNORECASE if self._fold else 0
            _compile(wanted.text, flags)
            self._pattern = re.compile(self._needle, flags)
        elif self._fold:
            self._needle = self._needle.lower()

    @property
    def overlap(self) -> int | None:
        """How many bytes two windows on one line must share for no match to be missed; None: all of them."""
        return None if self._pattern is not None else len(self._needle) - 1

    def matches(self, line: bytes) -> bool:
        """Whether one line, without its newline, is among those searched for."""
        return self._holds(line) != self._inverse

    def _holds(self, line: bytes) -> bool:
        if self._pattern is not None:
            return self._pattern.search(line) is not None
        return self._needle in (line.lower() if self._fold else line)

    def lines(self, data: bytes, starts: Sequence[int]) -> list[int]:
        """Which lines of `data` match: indexes into `starts`, the offsets in `data` where its lines begin.

        The lines stand one after the other; each ends with a newline, but for the last one perhaps.
        """
        holding = self._lines_by_pattern(data, starts) if self._pattern else self._lines_by_word(data, starts)
        if not self._inverse:
            return holding
        without = set(holding)
        return [number for number in range(len(starts)) if number not in without]

    def _lines_by_word(self, data: bytes, starts: Sequence[int]) -> list[int]:
        found: list[int] = []
        if self._fold:
            data = data.lower()
        at = data.find(self._needle)
        while at >= 0:
            number = bisect_right(starts, at) - 1
            following = starts[number + 1] if number + 1 < len(starts) else len(data)
            if at + len(self._needle) <= following:
                found.append(number)
                at = data.find(self._needle, following)
            else:
                at = data.find(self._needle, at + 1)
        return found

    def _lines_by_pattern(self, data: bytes, starts: Sequence[int]) -> list[int]:
        return [number for number, line in enumerate(_cut_up(data, starts)) if self._holds(line)]


def _cut_up(data: bytes, starts: Sequence[int]) -> list[bytes]:
    ends = [*starts[1:], len(data) + (data[-1:] != b"\n")]
    return [data[start : end - 1] for start, end in zip(starts, ends, strict=False)]
