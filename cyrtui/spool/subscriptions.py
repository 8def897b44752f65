"""Subscription files (configdirectory/user/<h>/<user>.sub, or sub.db since 3.6): one mailbox a key.

Up to 3.4 the internal name; since 3.6 `N` and the name with 0x1F between the levels, the user's own mailboxes
below `INBOX`, after a record `0x1F VER 0x1F`. Source of the format: imap/mboxlist.c.
"""

from __future__ import annotations

from typing import Final

from cyrtui.spool.databases import Data, read_database

_VERSION: Final = b"\x1fVER\x1f"


def read_subscriptions(data: Data, user: str) -> tuple[str, ...]:
    """The internal names of what `user` (internal: jean^dupont, dom.tld!bob) subscribes to.

    Raises `Damaged`, or `UnknownFormat` of the database.
    """
    domain, mark, local = user.partition("!")
    inbox = f"{domain}!user.{local}" if mark else f"user.{user}"
    names, new = [], False
    for key, _ in read_database(data):
        if key == _VERSION:
            new = True
        elif not new:
            names.append(key.decode("utf-8", "surrogateescape"))
        elif key.startswith(b"N"):
            text = key[1:].replace(b".", b"^").replace(b"\x1f", b".").decode("utf-8", "surrogateescape")
            first, dot, rest = text.partition(".")
            names.append(f"{inbox}{dot}{rest}" if first == "INBOX" else text)
    return tuple(names)
