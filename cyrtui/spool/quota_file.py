"""Quota files (configdirectory/quota/<h>/<root>, or the values of quotas.db).

Up to 2.4 `used LF limit LF` (or with a space in a database): bytes and KiB, limit -1 for none. Since 2.5
`%(S (219768 2048) M (75) AS (0) NF (9) MODSEQ 104)`: (used [limit]) of storage, messages, annotations and
mailboxes. Source of the format: imap/quota_db.c.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cyrtui.spool.damage import Damaged
from cyrtui.spool.dlist import Value, read_pairs

_KIND: Final = "quota file"
_REMEDY: Final = "`quota -f` of its root, as the cyrus user, makes it anew"
SIZE_LIMIT: Final = 1 << 16
# Key in the file, name as people know it, and what one unit of the limit is.
_RESOURCES: Final = (
    ("S", "storage", 1024),
    ("M", "message", 1),
    ("AS", "annotation-storage", 1024),
    ("NF", "mailbox", 1),
)


class Resource(NamedTuple):
    """How much of one thing is used: `storage` and `annotation-storage` in bytes (the limit too), `message`
    and `mailbox` in their number; `limit` None means without a limit."""

    name: str
    used: int
    limit: int | None


class Quota(NamedTuple):
    """What a quota root has; `storage` is always among `resources` first."""

    resources: tuple[Resource, ...]
    modseq: int | None

    @property
    def storage(self) -> Resource:
        return self.resources[0]


def read_quota(data: bytes) -> Quota:
    """The quota in `data`. Raises `Damaged`."""
    if len(data) > SIZE_LIMIT:
        raise Damaged(_KIND, f"byte {SIZE_LIMIT}", "it is longer than a quota file can be", _REMEDY)
    if data.startswith(b"%"):
        return _new_form(data)
    lines = data.split(b"\n") if b"\n" in data else data.split(b" ")
    # The old writer ends both lines: a limit without its end may be one that was cut off.
    if not data.strip():
        raise Damaged(_KIND, "line 1", "it is empty", _REMEDY)
    if len(lines) < 2 or (b"\n" in data and len(lines) < 3):
        raise Damaged(
            _KIND,
            f"line {len(lines)}",
            "it is cut off: the bytes used and the limit should stand on two lines",
            _REMEDY,
        )
    used = _number(lines[0], "line 1")
    limit = _number(lines[1], "line 2")
    return Quota((Resource("storage", max(used, 0), None if limit < 0 else limit * 1024),), None)


def _new_form(data: bytes) -> Quota:
    pairs = read_pairs(data, _KIND, _REMEDY)
    resources = [
        _resource(key, name, unit, pairs.get(key, []))
        for key, name, unit in _RESOURCES
        if key in pairs or key == "S"
    ]
    modseq = pairs.get("MODSEQ")
    return Quota(tuple(resources), _number(modseq, "MODSEQ") if isinstance(modseq, bytes) else None)


def _resource(key: str, name: str, unit: int, value: Value) -> Resource:
    values = value if isinstance(value, list) else [value]
    if not values:
        return Resource(name, 0, None)
    used, *rest = [_number(one, key) if isinstance(one, bytes) else -1 for one in values]
    limit = rest[0] if rest else -1
    return Resource(name, max(used, 0), None if limit < 0 else limit * unit)


def _number(text: bytes, where: str) -> int:
    text = text.strip()
    digits = text[1:] if text.startswith(b"-") else text
    if not digits.isdigit() or len(digits) > 20:
        shown = text[:24].decode("ascii", "backslashreplace")
        raise Damaged(_KIND, where, f"{shown!r} is no number", _REMEDY)
    return int(text)
