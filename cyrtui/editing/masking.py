"""Passwords in a text that is edited: each one is held apart, and one private character stands in its place.

So neither the screen, nor its search, nor what it copies holds a password before the operator reveals it,
and its length does not show either. What is typed behind such a character is found by `covered`.
"""

from __future__ import annotations

import re
from typing import Final

from cyrtui.config.passwords import secret_spans

_FIRST: Final = 0xF1000
_MOST: Final = 0x1000
_STANDIN: Final = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + _MOST - 1)}]")

# In every name of a secret that cyrtui.config.passwords knows, and in a URI with a password, is one of these.
_HINT: Final = re.compile("pw|pass|secret|authtok|token|credential|key|://", re.IGNORECASE)
# What a line starts with that may continue the one before it.
_BLANKS: Final = frozenset({" ", "\t"})

BULLET: Final = "\u2022"
"""What each covered character looks like."""

COVERED: Final = "***"
"""What a password is in a text that is copied."""

Columns = tuple[int, int]


def covered(path: str, text: str) -> dict[int, list[Columns]]:
    """Where passwords stand: row (from 0) -> columns from and up to, in characters.

    Asked at every key: only lines that may hold one are looked into, with those that they may go on in.
    """
    found: dict[int, list[Columns]] = {}
    lines = text.split("\n")
    row, at, done = 0, 0, 0
    for hint in _HINT.finditer(text):
        row += text.count("\n", at, hint.start())
        at = hint.start()
        if row < done:
            continue
        first = row
        while first > done and (lines[first - 1].endswith("\\") or lines[first][:1] in _BLANKS):
            first -= 1
        done = row + 1
        while done < len(lines) and (lines[done - 1].endswith("\\") or lines[done][:1] in _BLANKS):
            done += 1
        end = [""] if done < len(lines) else []
        _look_into(path, [*lines[first:done], *end], first, found)
    return found


def _look_into(path: str, lines: list[str], first: int, found: dict[int, list[Columns]]) -> None:
    """Add what is covered in some lines, of which the first is row `first`; an empty last one is no line."""
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    row, at = first, 0
    for start, end in secret_spans(path, data):
        row += data.count(b"\n", at, start)
        line_start = data.rfind(b"\n", 0, start) + 1
        at = start
        column = len(data[line_start:start].decode("utf-8", "surrogatepass"))
        width = len(data[start:end].decode("utf-8", "surrogatepass"))
        found.setdefault(row, []).append((column, column + width))


class HeldSecrets:
    """The passwords that were taken out of the text of a file."""

    def __init__(self) -> None:
        self._held: list[str] = []

    def take_out(self, path: str, text: str) -> str:
        """The text with a private character for each password."""
        rows = text.split("\n")
        for row, spans in covered(path, text).items():
            for start, end in reversed(spans):
                rows[row] = rows[row][:start] + self._hold(rows[row][start:end]) + rows[row][end:]
        return "\n".join(rows)

    def put_back(self, text: str) -> str:
        """The text with the passwords again."""
        return _STANDIN.sub(self._secret, text)

    def _hold(self, secret: str) -> str:
        whole = self.put_back(secret)
        if whole not in self._held:
            if len(self._held) == _MOST:
                return secret
            self._held.append(whole)
        return chr(_FIRST + self._held.index(whole))

    def _secret(self, found: re.Match[str]) -> str:
        index = ord(found[0]) - _FIRST
        return self._held[index] if index < len(self._held) else found[0]


def without_secrets(text: str, spans: dict[int, list[Columns]], first_row: int, column: int) -> str:
    """A part of a text, from `column` of `first_row` on, with *** for each piece of a password."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        shift = column if number == 0 else 0
        for start, end in reversed(spans.get(first_row + number, [])):
            low, high = max(start - shift, 0), min(end - shift, len(line))
            if low < high:
                line = line[:low] + COVERED + line[high:]  # noqa: PLW2901
        lines[number] = _STANDIN.sub(COVERED, line)
    return "\n".join(lines)
