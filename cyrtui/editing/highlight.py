"""What each part of a line of cyrus.conf or imapd.conf is, for colour; lines half written included.

A screen asks for the lines that it shows. The grammar is that of the parsers (masterconf.c, libconfig.c).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from cyrtui.config.cyrus_entries import KEYS, SECTIONS, Section
from cyrtui.config.subject import ConfKind

TokenName = Literal["comment", "section", "name", "key", "value", "option", "directive", "bad"]

_WORD: Final = re.compile(r"[A-Za-z0-9]*")
_PAIR: Final = re.compile(r'(?P<key>[A-Za-z0-9]*)(?P<sign>=)(?P<value>"[^"]*"?|[^\s"]*)')
_SECTION: Final = re.compile(r"\s*(?P<name>[A-Za-z]+)\s*\{")
_OPTION: Final = re.compile(r"\s*(?P<name>@?[A-Za-z0-9_-]*)(?P<colon>:)?")


class Token(NamedTuple):
    """A part of a line: columns from and up to, counted in characters."""

    start: int
    end: int
    name: TokenName


def tokens(kind: ConfKind, line_at: Callable[[int], str], row: int) -> tuple[Token, ...]:
    """The parts of line `row` (from 0); `line_at` gives a line without its end."""
    line = line_at(row)
    return _cyrus(line) if kind == "cyrus.conf" else _imapd(line, line_at, row)


def _cyrus(line: str) -> tuple[Token, ...]:
    found: list[Token] = []
    body, sign, _ = line.partition("#")
    section = _SECTION.match(body)
    if section is not None:
        start, end = section.span("name")
        known = any(section["name"] == one for one in SECTIONS)
        found.append(Token(start, end, "section" if known else "bad"))
    elif body.strip() and not body.lstrip().startswith("}"):
        start = len(body) - len(body.lstrip())
        word = _WORD.match(body, start)
        at = word.end() if word else start
        found.append(Token(start, at, "name"))
        found += _pairs(body, at)
    if sign:
        found.append(Token(len(body), len(line), "comment"))
    return tuple(found)


_KNOWN_KEYS: Final = frozenset().union(*KEYS.values())


def _pairs(body: str, at: int) -> list[Token]:
    found: list[Token] = []
    while at < len(body):
        if body[at].isspace():
            at += 1
            continue
        if body[at] == "}":
            break
        pair = _PAIR.match(body, at)
        if pair is None:
            end = at
            while end < len(body) and not body[end].isspace():
                end += 1
            found.append(Token(at, end, "bad"))
            at = end
            continue
        known = pair["key"] in _KNOWN_KEYS
        found.append(Token(*pair.span("key"), "key" if known else "bad"))
        start, end = pair.span("value")
        open_quote = pair["value"].startswith('"') and (len(pair["value"]) == 1 or pair["value"][-1] != '"')
        found.append(Token(start, end, "bad" if open_quote else "value"))
        at = pair.end()
    return found


def _imapd(line: str, line_at: Callable[[int], str], row: int) -> tuple[Token, ...]:
    head = row
    while head and line_at(head - 1).endswith("\\"):
        head -= 1
    first = line_at(head)
    if first.lstrip().startswith("#"):
        return (Token(0, len(line), "comment"),)
    if head < row:
        return (Token(0, len(line), "value"),)
    option = _OPTION.match(line)
    if option is None or not line.strip():
        return ()
    start, end = option.span("name")
    if option["colon"] is None:
        # a name that is still being typed is not wrong yet
        rest = line[end:].strip()
        return (Token(start, end, "bad" if rest else "option"), Token(end, len(line), "bad"))
    name: TokenName = "directive" if option["name"].startswith("@") else "option"
    return (Token(start, end, name), Token(option.end(), len(line), "value"))


def section_of(line_at: Callable[[int], str], row: int) -> Section | None:
    """The section of cyrus.conf in which a line stands; None outside of any that Cyrus knows."""
    while row >= 0:
        body = line_at(row).partition("#")[0]
        found = _SECTION.match(body)
        if found is not None:
            return next((one for one in SECTIONS if one == found["name"]), None)
        if body.lstrip().startswith("}"):
            return None
        row -= 1
    return None
