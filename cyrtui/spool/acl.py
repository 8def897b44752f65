"""Access control lists of mailboxes: who may do what, with the letters explained (RFC 4314, RFC 2086).

On disk `id TAB rights TAB id TAB rights TAB`; since 3.6 in cyrus.header and mailboxes.db `%(id rights ...)`.
An identifier that begins with `-` takes rights away from what others grant.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cyrtui.inert import inert
from cyrtui.spool.dlist import Value

LETTERS: Final = {
    "l": "see the mailbox in lists",
    "r": "read messages",
    "s": "keep \\Seen from session to session",
    "w": "set flags other than \\Seen and \\Deleted",
    "i": "insert: append and copy messages into it",
    "p": "post: mail to its address is delivered here",
    "k": "create mailboxes below it",
    "x": "delete or rename the mailbox",
    "t": "mark messages \\Deleted",
    "e": "expunge marked messages",
    "c": "create and delete mailboxes below it (old form of k)",
    "d": "delete messages and the mailbox (old form of x, t and e)",
    "a": "administer: change this list",
    "n": "write annotations of messages",
}


class AclEntry(NamedTuple):
    """What one identifier has: `negative` rights are taken away. `rights` as written, letter by letter."""

    identifier: str
    rights: str
    negative: bool = False

    def explained(self) -> tuple[tuple[str, str], ...]:
        """(letter, what it allows) in the order in which the rights are written."""
        return tuple((letter, LETTERS.get(letter, "a right of the site's own")) for letter in self.rights)


Acl = tuple[AclEntry, ...]


def read_acl(text: bytes) -> Acl:
    """The entries of `id TAB rights TAB ...`. A last identifier without rights has none. Never raises."""
    parts = text.rstrip(b"\r\n").split(b"\t")
    if parts and not parts[-1]:
        parts.pop()
    return tuple(
        entry(parts[place], parts[place + 1] if place + 1 < len(parts) else b"")
        for place in range(0, len(parts), 2)
    )


def acl_of_pairs(pairs: Value) -> Acl:
    """The entries of a dlist's `%(id rights ...)`, or of an ACL that was written there as one old text."""
    if isinstance(pairs, bytes):
        return read_acl(pairs)
    if not isinstance(pairs, dict):
        return ()
    return tuple(
        entry(who.encode("utf-8", "surrogateescape"), rights if isinstance(rights, bytes) else b"")
        for who, rights in pairs.items()
    )


def entry(identifier: bytes, rights: bytes) -> AclEntry:
    """One entry; an identifier that begins with `-` is negative."""
    negative = identifier.startswith(b"-") and len(identifier) > 1
    return AclEntry(inert(identifier[1:] if negative else identifier), inert(rights), negative)


def written(acl: Acl) -> str:
    """The list as admins write it: `anyone lrs, -bob w`."""
    return ", ".join(f"{'-' if one.negative else ''}{one.identifier} {one.rights}".rstrip() for one in acl)
