"""cyrus.header: a mailbox's unique id, quota root, user flags, ACL and, since 3.6, its name.

Three lines of magic, then the old form, three lines

    quotaroot TAB uniqueid [TAB ...]
    flag flag  flag              an empty slot is two spaces; at most 128
    id TAB rights TAB ...

or, since 3.6, one dlist `%(T e N name I uniqueid Q quotaroot A %(id rights) U (flags))`.
Source of the format: imap/mailbox.c, mailbox_read_header. Before 2.1 the first line holds no unique id.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cyrtui.inert import inert
from cyrtui.spool.acl import Acl, acl_of_pairs, read_acl
from cyrtui.spool.damage import RECONSTRUCT, Damaged
from cyrtui.spool.dlist import Value, read_pairs

MAGIC: Final = (
    b"\xa1\x02\x8b\x0dCyrus mailbox header\n"
    b'"The best thing about this system was that it had lots of goals."\n'
    b"\t--Jim Morris on Andrew\n"
)
FLAG_LIMIT: Final = 128
# 128 flags and an ACL of a thousand users fit in it many times.
SIZE_LIMIT: Final = 1 << 20
_KIND: Final = "cyrus.header"


class MailboxHeader(NamedTuple):
    """What a mailbox's header says. `name` is the internal one (user.bob.Sent; bytes that are not UTF-8 as
    surrogates) and None in the old form; `flags` by their bit, None where a slot is empty; `kind` the letters
    of mailboxes.db (e: mail, f: sieve ...) and None in the old form."""

    uniqueid: str | None
    quota_root: str | None
    flags: tuple[str | None, ...]
    acl: Acl
    name: str | None
    kind: str | None


def read_mailbox_header(data: bytes) -> MailboxHeader:
    """What the cyrus.header in `data` says. Raises `Damaged`."""
    if not data.startswith(MAGIC):
        what = (
            "it is empty"
            if not data
            else "it is cut off inside its magic lines"
            if MAGIC.startswith(data)
            else "it does not begin as a mailbox header does"
        )
        raise Damaged(_KIND, "line 1", what, RECONSTRUCT)
    if len(data) > SIZE_LIMIT:
        raise Damaged(_KIND, f"byte {SIZE_LIMIT}", "it is longer than a header can be", RECONSTRUCT)
    body = data[len(MAGIC) :]
    return _new_form(body) if body.startswith(b"%") else _old_form(body)


def _old_form(body: bytes) -> MailboxHeader:
    lines = body.split(b"\n")
    if len(lines) < 4:
        names = ("the quota root and the unique id", "the flags", "the ACL")
        raise Damaged(_KIND, f"line {3 + len(lines)}", f"{names[len(lines) - 1]} are cut off", RECONSTRUCT)
    root, *rest = lines[0].split(b"\t")
    if rest and not rest[0]:
        raise Damaged(_KIND, "line 4", "the unique id is empty", RECONSTRUCT)
    slots = lines[1].split(b" ")[:FLAG_LIMIT]
    return MailboxHeader(
        _text(rest[0]) if rest else None, _text(root), _flags(slots), read_acl(lines[2]), None, None
    )


def _new_form(body: bytes) -> MailboxHeader:
    if b"\n" not in body:
        raise Damaged(_KIND, "line 4", "the line is cut off", RECONSTRUCT)
    try:
        pairs = read_pairs(body, _KIND, RECONSTRUCT)
    except Damaged as error:
        raise Damaged(_KIND, f"line 4, {error.where} of it", error.what, RECONSTRUCT) from error
    uniqueid = _bytes(pairs.get("I"))
    if not uniqueid:
        raise Damaged(_KIND, "line 4", "there is no unique id (I)", RECONSTRUCT)
    name = _bytes(pairs.get("N"))
    flags = pairs.get("U")
    slots = [one if isinstance(one, bytes) else b"" for one in flags] if isinstance(flags, list) else []
    return MailboxHeader(
        _text(uniqueid),
        _text(_bytes(pairs.get("Q"))),
        _flags(slots[:FLAG_LIMIT]),
        acl_of_pairs(pairs.get("A")),
        _text(name.replace(b"\x1f", b".")) or None,
        _text(_bytes(pairs.get("T"))),
    )


def _flags(slots: list[bytes]) -> tuple[str | None, ...]:
    flags = [inert(slot) or None for slot in slots]
    while flags and flags[-1] is None:
        flags.pop()
    return tuple(flags)


def _bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: bytes) -> str | None:
    return value.decode("utf-8", "surrogateescape") or None
