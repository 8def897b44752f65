"""mailboxes.db: which mailboxes the server believes that it has.

Up to 2.4 the value is `<type> [server!]partition acl` under the internal name; since 2.5 a dlist
`%(T e I uniqueid P partition V uidvalidity M mtime A %(id rights))`; since 3.6 under `N` and the name with
0x1F between the levels, beside records `I` uniqueid that repeat it. Keys `$RACL...` and `0x1F VER 0x1F` are
no mailboxes. Source of the format: imap/mboxlist.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from cyrtui.inert import inert
from cyrtui.pattern import pattern
from cyrtui.spool.acl import Acl, acl_of_pairs, entry, read_acl
from cyrtui.spool.damage import Damaged
from cyrtui.spool.databases import Data, read_database
from cyrtui.spool.dlist import Value, read_pairs

_KIND: Final = "mailboxes.db"
_REMEDY: Final = (
    "`ctl_mboxlist -v`, as the cyrus user, compares it with the spool; a copy may stand in db.backup1"
)
_USUAL: Final = pattern(
    rb"%\(T ([a-z]+) I ([0-9A-Za-z-]+) P ([0-9A-Za-z_.-]+) V (\d{1,10}) C \d+ F \d+ M (\d{1,12})"
    rb" A %\(((?!NIL|.* NIL)[^()\"{}%]*)\)\)"
)
_ACLS_KEPT: Final = 1000
# Bits of the number that 2.x writes, and the letters that later versions write for the same.
_BITS: Final = ((1, "r"), (2, "z"), (4, "n"), (8, "m"), (16, "d"), (32, "i"))
TYPES: Final = {
    "a": "address book",
    "b": "submission queue",
    "c": "calendar",
    "d": "deleted: only a remembrance",
    "e": "mail",
    "f": "sieve scripts",
    "h": "folder that cannot be selected",
    "i": "intermediate: only a level of names",
    "j": "JMAP notifications",
    "l": "laid out by its name, not by its unique id",
    "m": "moving to another server",
    "n": "news",
    "p": "push subscriptions",
    "r": "on another server",
    "s": "submission",
    "v": "files (WebDAV)",
    "z": "reserved: just being made",
}


class MailboxEntry(NamedTuple):
    """One mailbox as the database has it; `name` the internal one (user.bob.Sent, `^` for a dot), bytes that
    are not UTF-8 as surrogates; `types` letters of `TYPES`; `server` where it is on another one; `mtime` in
    seconds since the epoch."""

    name: str
    uniqueid: str | None
    partition: str | None
    types: str
    acl: Acl
    uidvalidity: int | None = None
    mtime: int | None = None
    server: str | None = None

    @property
    def gone(self) -> bool:
        """Only a remembrance of a deleted mailbox, or a level of names: there is no directory for it."""
        return "d" in self.types or "i" in self.types

    @property
    def by_name(self) -> bool:
        """Whether its directory is laid out by its name (always, up to 3.4)."""
        return "l" in self.types


def read_mailboxes(data: Data) -> Iterator[MailboxEntry]:
    """Every mailbox in the database, in its order.

    Raises `Damaged` where the database is damaged or an entry means nothing; what came before it is right.
    """
    by_id = False
    # the mailboxes of one user stand together, and mostly have the same list
    acls: dict[bytes, Acl] = {}
    for key, value in read_database(data):
        if key.startswith((b"$", b"\x1f")) or (by_id and key.startswith(b"I")):
            continue
        if by_id and (usual := _usual(key, value, acls)) is not None:
            yield usual
            continue
        pairs = _pairs(key, value) if value.startswith(b"%") else None
        if pairs is not None and key.startswith(b"I") and "N" in pairs:
            # Records by unique id stand before those by name, so that this is known in time.
            by_id = True
            continue
        if by_id:
            if not key.startswith(b"N"):
                raise _damaged(key, "its key begins neither with N nor with I")
            text = _by_id_name(key)
        else:
            text = key.decode("utf-8", "surrogateescape")
        yield _old(text, key, value) if pairs is None else _new(text, pairs)


def _by_id_name(key: bytes) -> str:
    return key[1:].replace(b".", b"^").replace(b"\x1f", b".").decode("utf-8", "surrogateescape")


def _usual(key: bytes, value: bytes, acls: dict[bytes, Acl]) -> MailboxEntry | None:
    """An entry as 3.6 and later write it of a common mailbox: the short way, since there may be a million."""
    found = _USUAL.fullmatch(value)
    if found is None or not key.startswith(b"N"):
        return None
    types, uniqueid, partition, validity, mtime, rights = found.groups()
    acl = acls.get(rights)
    if acl is None:
        words = rights.split(b" ") if rights else []
        if len(words) % 2:
            return None
        acl = tuple(entry(who, what) for who, what in zip(words[::2], words[1::2], strict=True))
        if len(acls) >= _ACLS_KEPT:
            acls.clear()
        acls[rights] = acl
    return MailboxEntry(
        _by_id_name(key),
        uniqueid.decode(),
        partition.decode(),
        types.decode(),
        acl,
        int(validity),
        int(mtime),
    )


def _pairs(key: bytes, value: bytes) -> dict[str, Value]:
    try:
        return read_pairs(value, _KIND, _REMEDY)
    except Damaged as error:
        raise _damaged(key, f"{error.what} ({error.where} of its value)") from error


def _old(name: str, key: bytes, value: bytes) -> MailboxEntry:
    number, _, rest = value.partition(b" ")
    place, _, acl = rest.partition(b" ")
    if not number.isdigit() or len(number) > 10 or not place:
        raise _damaged(key, "its value is not `type partition acl`")
    bits = int(number)
    server, mark, partition = place.rpartition(b"!")
    types = "".join(letter for bit, letter in _BITS if bits & bit) or "e"
    return MailboxEntry(
        name, None, _text(partition), types, read_acl(acl), server=_text(server) if mark else None
    )


def _new(name: str, pairs: dict[str, Value]) -> MailboxEntry:
    return MailboxEntry(
        name,
        _text(pairs.get("I")),
        _text(pairs.get("P")),
        _text(pairs.get("T")) or "e",
        acl_of_pairs(pairs.get("A")),
        _number(pairs.get("V")),
        _number(pairs.get("M")),
        _text(pairs.get("S")),
    )


def _text(value: Value) -> str | None:
    return value.decode("utf-8", "surrogateescape") or None if isinstance(value, bytes) else None


def _number(value: Value) -> int | None:
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) <= 20 else None


def _damaged(key: bytes, what: str) -> Damaged:
    return Damaged(_KIND, f"entry {inert(key[:200])}", what, _REMEDY)
