"""Cyrus's dlist notation: what cyrus.header, mailboxes.db and the quota files hold since 2.5 and 3.x.

An atom, a "quoted string", a literal `{n}` or `{n+}` and a line end before n bytes, `NIL`, a list `(a b)`,
and pairs `%(key value key value)`. Source of the format: imap/dlist.c of Cyrus IMAP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from cyrtui.pattern import pattern
from cyrtui.spool.damage import Damaged

Value: TypeAlias = "bytes | list[Value] | dict[str, Value] | None"

# Cyrus itself nests three deep; more is damage.
_DEPTH_LIMIT: Final = 16
# In this order: `%(`, `(`, `)`, the inside of a quoted string, the length of a literal, an atom.
_TOKEN: Final = pattern(
    rb'[ \t\r\n]*(?:(%\()|(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d{1,9})\+?\}\r?\n|([^ ()\t\r\n"]+))', 16
)  # 16: re.DOTALL
_ESCAPE: Final = pattern(rb"\\(.)", 16)
_PAIRS, _LIST, _CLOSE, _QUOTED, _LITERAL, _ATOM = range(1, 7)


def read_dlist(data: bytes, kind: str, remedy: str) -> Value:
    """The one value that `data` begins with; what follows it is left alone.

    Of a key that stands twice the last counts. Raises `Damaged`, worded with `kind` and `remedy`.
    """
    stack: list[_Open] = []
    at = 0

    def damaged(what: str) -> Damaged:
        return Damaged(kind, f"byte {at}", what, remedy)

    while True:
        found = _TOKEN.match(data, at)
        if found is None:
            rest = data[at:].lstrip(b" \t\r\n")
            what = "a quoted string has no end" if rest else "it ends where a value should stand"
            raise damaged("it ends inside a list" if stack and not rest else what)
        which, at = found.lastindex, found.end()
        value: Value
        if which == _ATOM:
            value = None if found[_ATOM] == b"NIL" else found[_ATOM]
        elif which == _QUOTED:
            value = found[_QUOTED]
            if b"\\" in found[_QUOTED]:
                value = _ESCAPE.sub(rb"\1", found[_QUOTED])
        elif which == _LITERAL:
            length = int(found[_LITERAL])
            if at + length > len(data):
                raise damaged(f"a literal of {length} bytes is longer than the file")
            value, at = data[at : at + length], at + length
        elif which == _CLOSE:
            if not stack:
                raise damaged("a list ends that has not begun")
            value = stack.pop().closed(damaged)
        else:
            if len(stack) > _DEPTH_LIMIT:
                raise damaged(f"lists nest more than {_DEPTH_LIMIT} deep")
            stack.append(_Open(paired=which == _PAIRS))
            continue
        if not stack:
            return value
        stack[-1].values.append(value)


class _Open:
    """A list, or pairs, of which the end has not come yet."""

    __slots__ = ("paired", "values")

    def __init__(self, *, paired: bool) -> None:
        self.paired = paired
        self.values: list[Value] = []

    def closed(self, damaged: Callable[[str], Damaged]) -> Value:
        if not self.paired:
            return self.values
        if len(self.values) % 2:
            raise damaged("a key has no value")
        keys = self.values[::2]
        # "NIL" as a key is a name like any other.
        names = [b"NIL" if key is None else key for key in keys]
        pairs: dict[str, Value] = {}
        for name, value in zip(names, self.values[1::2], strict=True):
            if not isinstance(name, bytes):
                raise damaged("a list stands where a key should")
            pairs[name.decode("utf-8", "surrogateescape")] = value
        return pairs


def read_pairs(data: bytes, kind: str, remedy: str) -> dict[str, Value]:
    """The pairs `%(key value ...)` that `data` begins with. Raises `Damaged`."""
    value = read_dlist(data, kind, remedy)
    if not isinstance(value, dict):
        raise Damaged(kind, "byte 0", "pairs %(key value ...) should stand here", remedy)
    return value
