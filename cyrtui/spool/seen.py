"""Seen files (configdirectory/user/<h>/<user>.seen, or seen.db since 3.6): what each user has read.

Key: the mailbox's unique id; value `1 lastread lastuid lastchange uids`, the uids as `1:3,6,8:10`. Since 2.4
the owner's own \\Seen stands in cyrus.index, and only that of others here. Source of the format:
imap/seen_db.c.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

from cyrtui.inert import inert
from cyrtui.pattern import pattern
from cyrtui.spool.damage import Damaged
from cyrtui.spool.databases import Data, read_database

_KIND: Final = "seen file"
_REMEDY: Final = (
    "what is read may show as unread for this user; `reconstruct` does not mend it, its backup may"
)
_UIDS: Final = pattern(rb"\d{1,10}(?::(?:\d{1,10}|\*))?(?:,\d{1,10}(?::(?:\d{1,10}|\*))?)*")
_HIGHEST: Final = 2**32 - 1


class UidSet:
    """Uids as spans, never spelled out: `uid in them`; they may be millions."""

    __slots__ = ("_first", "_last")

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        """`spans` of first and last uid, in any order; they may overlap."""
        self._first: list[int] = []
        self._last: list[int] = []
        for first, last in sorted((min(span), max(span)) for span in spans):
            if self._last and first <= self._last[-1] + 1:
                self._last[-1] = max(self._last[-1], last)
            else:
                self._first.append(first)
                self._last.append(last)

    def __contains__(self, uid: object) -> bool:
        if not isinstance(uid, int):
            return False
        place = bisect_right(self._first, uid) - 1
        return place >= 0 and uid <= self._last[place]

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in zip(self._first, self._last, strict=True))

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        return tuple(zip(self._first, self._last, strict=True))


class SeenState(NamedTuple):
    """What one user has read of one mailbox; times in seconds since the epoch, 0 is never."""

    last_read: int
    last_uid: int
    last_change: int
    uids: UidSet


def read_seen(data: Data) -> dict[str, SeenState]:
    """The state of every mailbox by its unique id. Raises `Damaged`, or `UnknownFormat` of the database."""
    return {
        key.decode("utf-8", "surrogateescape"): read_state(value, inert(key[:64]))
        for key, value in read_database(data)
    }


def read_state(value: bytes, of: str) -> SeenState:
    """The state in one value; `of` names the mailbox in an error. Raises `Damaged`."""
    words = value.split(b" ")
    if words[0] != b"1":
        raise Damaged(
            _KIND, f"mailbox {of}", f"version {inert(words[0][:16])!r} is none that is read", _REMEDY
        )
    if len(words) < 4 or not all(word.isdigit() and len(word) <= 20 for word in words[1:4]):
        raise Damaged(_KIND, f"mailbox {of}", "its three numbers are not there", _REMEDY)
    uids = words[4] if len(words) > 4 else b""
    if uids and not _UIDS.fullmatch(uids):
        raise Damaged(_KIND, f"mailbox {of}", "its list of uids is none", _REMEDY)
    spans = []
    for span in uids.split(b",") if uids else ():
        first, _, last = span.partition(b":")
        spans.append((int(first), _HIGHEST if last == b"*" else int(last or first)))
    return SeenState(int(words[1]), int(words[2]), int(words[3]), UidSet(spans))
