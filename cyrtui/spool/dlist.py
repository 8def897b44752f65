"""Cyrus's dlist notation: what cyrus.header, mailboxes.db and the quota files hold since 2.5 and 3.x.

An atom, a "quoted string", a literal `{n}` or `{n+}` and a line end before n bytes, `NIL`, a list `(a b)`,
and pairs `%(key value key value)`. Source of the format: imap/dlist.c of Cyrus IMAP.
"""

from __future__ import annotations

from typing import Final, NoReturn, TypeAlias

from cyrtui.pattern import pattern
from cyrtui.spool.damage import Damaged

Value: TypeAlias = "bytes | list[Value] | dict[str, Value] | None"

# Cyrus itself nests three deep; a hostile file must not reach Python's own limit.
_DEPTH_LIMIT: Final = 16
_ATOM: Final = pattern(rb'[^ ()\t\r\n"]+')
_QUOTED: Final = pattern(rb'"((?:[^"\\]|\\.)*)"', 16)  # 16: re.DOTALL
_ESCAPE: Final = pattern(rb"\\(.)", 16)
_LITERAL: Final = pattern(rb"\{(\d{1,9})\+?\}\r?\n")


def read_dlist(data: bytes, kind: str, remedy: str) -> Value:
    """The one value that `data` begins with; what follows it is left alone.

    Of a key that stands twice the last counts. Raises `Damaged`, worded with `kind` and `remedy`.
    """
    return _Reader(data, kind, remedy).value(0)


def read_pairs(data: bytes, kind: str, remedy: str) -> dict[str, Value]:
    """The pairs `%(key value ...)` that `data` begins with. Raises `Damaged`."""
    value = read_dlist(data, kind, remedy)
    if not isinstance(value, dict):
        raise Damaged(kind, "byte 0", "pairs %(key value ...) should stand here", remedy)
    return value


class _Reader:
    """Reads from `data`, from `at` on."""

    __slots__ = ("at", "data", "kind", "remedy")

    def __init__(self, data: bytes, kind: str, remedy: str) -> None:
        self.data = data
        self.kind = kind
        self.remedy = remedy
        self.at = 0

    def value(self, depth: int) -> Value:
        if depth > _DEPTH_LIMIT:
            self._damaged(f"lists nest more than {_DEPTH_LIMIT} deep")
        self._spaces()
        data, at = self.data, self.at
        first = data[at : at + 1]
        if first == b"(":
            self.at += 1
            return self._list(depth)
        if data[at : at + 2] == b"%(":
            self.at += 2
            return self._pairs(depth)
        if first == b'"':
            found = _QUOTED.match(data, at)
            if found is None:
                self._damaged("a quoted string has no end")
            self.at = found.end()
            return _ESCAPE.sub(rb"\1", found[1])
        if first == b"{" and (found := _LITERAL.match(data, at)) is not None:
            end = found.end() + int(found[1])
            if end > len(data):
                self._damaged(f"a literal of {int(found[1])} bytes is longer than the file")
            self.at = end
            return data[found.end() : end]
        found = _ATOM.match(data, at)
        if found is None:
            self._damaged("a value is missing" if at < len(data) else "it ends where a value should stand")
        self.at = found.end()
        return None if found[0] == b"NIL" else found[0]

    def _list(self, depth: int) -> Value:
        values: list[Value] = []
        while not self._closed():
            values.append(self.value(depth + 1))
        return values

    def _pairs(self, depth: int) -> Value:
        pairs: dict[str, Value] = {}
        while not self._closed():
            key = self.value(depth + 1)
            if not isinstance(key, bytes):
                # "NIL" as a key is a name like any other.
                key = b"NIL" if key is None else self._damaged("a list stands where a key should")
            self._spaces()
            if self.data[self.at : self.at + 1] in {b")", b""}:
                self._damaged(f"the key {key.decode('ascii', 'backslashreplace')!r} has no value")
            pairs[key.decode("utf-8", "surrogateescape")] = self.value(depth + 1)
        return pairs

    def _closed(self) -> bool:
        self._spaces()
        mark = self.data[self.at : self.at + 1]
        if not mark:
            self._damaged("it ends inside a list")
        if mark != b")":
            return False
        self.at += 1
        return True

    def _spaces(self) -> None:
        data = self.data
        while data[self.at : self.at + 1] in {b" ", b"\t", b"\r", b"\n"}:
            self.at += 1

    def _damaged(self, what: str) -> NoReturn:
        raise Damaged(self.kind, f"byte {self.at}", what, self.remedy)
