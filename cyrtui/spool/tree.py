"""Mailboxes as a tree: partition, owner, folders. Made for views that open one node after another and filter.

Mailboxes are added as they are listed, in any order; nothing is read here.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from typing import NamedTuple

from cyrtui.inert import inert
from cyrtui.spool.layout import SpoolLayout
from cyrtui.spool.mailbox import Mailbox
from cyrtui.spool.mailbox_name import Parts, parts, shown, shown_level

NAMELESS = "(without a name)"


class Owner(NamedTuple):
    """A node below a partition: a user, what is shared (`user` None), or what waits for its end in DELETED.

    `shown` is inert. `mailboxes`: how many there are so far.
    """

    partition: str
    group: str
    user: str | None
    shown: str
    mailboxes: int


class Folder(NamedTuple):
    """A row below an owner, `depth` levels deep (0: the INBOX). `mailbox` is None where a level is none."""

    name: str
    shown: str
    depth: int
    mailbox: Mailbox | None


class SpoolTree:
    """Keeps what was added by partition and owner."""

    def __init__(self, layout: SpoolLayout) -> None:
        self._layout = layout
        self._owners: dict[str, dict[tuple[str, str], list[tuple[str, Mailbox]]]] = {
            name: {} for name in layout.partitions
        }
        self.count = 0

    def add(self, mailbox: Mailbox) -> None:
        """One more mailbox, or one more directory of the same name."""
        name = mailbox.name or ""
        kept = self._owners.setdefault(mailbox.partition.name, {}).setdefault(self._group(name), [])
        item = (name.replace(".", "\1") or mailbox.directory, mailbox)
        # listed in order, most come last
        if not kept or kept[-1][0] <= item[0]:
            kept.append(item)
        else:
            insort(kept, item, key=lambda one: one[0])
        self.count += 1

    def owners(self, partition: str) -> tuple[Owner, ...]:
        """Users first, by name, then shared mailboxes, DELETED, and what has no name."""
        found = self._owners.get(partition, {})
        return tuple(self._owner(partition, key, len(found[key])) for key in sorted(found))

    def folders(self, owner: Owner) -> tuple[Folder, ...]:
        """The mailboxes of an owner, each below the one that it is in; levels without a mailbox included."""
        kept = self._owners.get(owner.partition, {}).get(self._key(owner), [])
        found: list[Folder] = []
        above: tuple[str, ...] = ()
        for _, mailbox in kept:
            if mailbox.name is None:
                found.append(Folder("", f"{NAMELESS} {mailbox.uniqueid or ''}".rstrip(), 0, mailbox))
                continue
            taken = parts(mailbox.name, self._layout)
            first = self._first(owner, taken)
            levels = taken.levels
            before = f"{taken.domain}!" if taken.domain else ""
            found += [
                Folder(
                    before + ".".join(levels[:count]),
                    self._shown(owner, levels, count, first),
                    count - first,
                    mailbox if count == len(levels) else None,
                )
                for count in range(first, len(levels) + 1)
                if count == len(levels) or above[:count] != levels[:count]
            ]
            above = levels
        return tuple(found)

    def _shown(self, owner: Owner, levels: tuple[str, ...], count: int, first: int) -> str:
        return (
            "INBOX"
            if owner.group == "user" and count == first
            else shown_level(levels[count - 1], self._layout)
        )

    def matching(self, text: str) -> Iterator[Mailbox]:
        """Every mailbox whose name, as people see it or internally, holds `text`, whatever its case."""
        wanted = text.casefold()
        for owners in self._owners.values():
            for key in sorted(owners):
                for _, mailbox in owners[key]:
                    name = mailbox.name or NAMELESS
                    if wanted in name.casefold() or wanted in shown(name, self._layout).casefold():
                        yield mailbox

    def mailboxes(self) -> Iterator[Mailbox]:
        """Everything that was added, partition by partition, owner by owner."""
        for owners in self._owners.values():
            for key in sorted(owners):
                yield from (mailbox for _, mailbox in owners[key])

    def _group(self, name: str) -> tuple[str, str]:
        """The sort key of a name's owner; most names come after another of the same owner."""
        if not name:
            return ("3", "")
        taken = parts(name, self._layout)
        if taken.deleted_at is not None:
            return ("2", "")
        return ("0", taken.owner) if taken.owner is not None else ("1", "")

    def _owner(self, partition: str, key: tuple[str, str], number: int) -> Owner:
        group = {"0": "user", "1": "shared", "2": "deleted", "3": "nameless"}[key[0]]
        words = {
            "shared": "shared mailboxes",
            "deleted": f"{self._layout.deleted_prefix}: kept until cyr_expire",
            "nameless": "directories without a name",
        }
        user = key[1] if group == "user" else None
        return Owner(partition, group, user, inert(words.get(group, key[1])), number)

    @staticmethod
    def _key(owner: Owner) -> tuple[str, str]:
        number = {"user": "0", "shared": "1", "deleted": "2", "nameless": "3"}[owner.group]
        return (number, owner.user or "")

    def _first(self, owner: Owner, taken: Parts) -> int:
        """How many levels are the owner's node: `user` and the user of a user's mailbox."""
        if owner.group == "user":
            return 2
        if owner.group == "deleted":
            return len(self._layout.deleted_prefix.split(".")) + 1
        return 1
