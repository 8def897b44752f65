"""The names in a spool: mailboxes.db and the directories on disk, held against each other.

Where mailboxes.db can be read it names the mailboxes, and directories that it does not know are orphans.
Otherwise the directories are all there is: by their paths, and in the uuid layout by cyrus.header.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.spool.damage import Damaged
from cyrtui.spool.layout import UUID, Partition, SpoolLayout, id_directory, named_directory
from cyrtui.spool.mailbox import Mailbox, fault_of
from cyrtui.spool.mailbox_name import internal
from cyrtui.spool.mailboxes_db import MailboxEntry, read_mailboxes
from cyrtui.spool.spool_files import BETWEEN, LOOKS, SpoolFiles
from cyrtui.spool.walk import FoundDirectory, Walk, has_file

_DATABASE_LIMIT: Final = 2 << 30
_ONLY_DISK: Final = (
    "Names come from the directories, without mailboxes.db: orphaned and missing ones cannot be told apart."
)
_BREATH: Final = 100
"""Entries of mailboxes.db between two breaths; they take a millisecond or two."""


class SpoolNames(SpoolFiles):
    """Lists mailboxes. mailboxes.db is kept once it was read, and read anew when its file has changed."""

    def __init__(self, host: Host, layout: SpoolLayout) -> None:
        super().__init__(host, layout)
        self._by_id: dict[str, bool] = {}
        # what the file was when it was read, and what it held; None: it was damaged
        self._database: tuple[object, tuple[MailboxEntry, ...] | None] | None = None
        self._named: tuple[tuple[MailboxEntry, ...], dict[str, MailboxEntry]] = ((), {})

    def entries(self, breathe: Callable[[], object] = lambda: None) -> tuple[MailboxEntry, ...] | None:
        """What mailboxes.db has, read anew when its file has changed; None, and a problem, if it cannot.

        `breathe` is called now and then while it is read, so that somebody may do what is more urgent.
        """
        path = self.layout.mailboxes_db
        if path is None:
            self._problem("imapd.conf does not say where mailboxes.db is: configdirectory is not set.")
            return None
        try:
            for _ in range(LOOKS):
                facts = self.host.stat(path)
                mark = (facts.identity, facts.size, facts.mtime)
                if self._database is not None and self._database[0] == mark:
                    return self._database[1]
                try:
                    found = tuple(_breathing(read_mailboxes(self.host.read(path, _DATABASE_LIMIT)), breathe))
                except Damaged as error:
                    # a writer may have been at it
                    damage = error
                    time.sleep(BETWEEN)
                    continue
                self._database = (mark, found)
                return found
            self._database = (mark, None)
        except FileMissing as error:
            self._problem(f"{error} {_ONLY_DISK}")
            return None
        except FileUnreadable as error:
            self._fault(fault_of(error, path))
            self._problem(_ONLY_DISK)
            return None
        self._fault(fault_of(damage, path))
        self._problem(_ONLY_DISK)
        return None

    def id_of(self, name: str) -> str | None:
        """The unique id of a mailbox by mailboxes.db, if it is known."""
        entry = self.entry_of(name)
        return None if entry is None else entry.uniqueid

    def entry_of(self, name: str) -> MailboxEntry | None:
        """What mailboxes.db has of a mailbox now; None where it has nothing, or cannot be read."""
        entries = self.entries() or ()
        if self._named[0] is not entries:
            self._named = (entries, {entry.name: entry for entry in entries})
        return self._named[1].get(name)

    def listed(self) -> Iterator[Mailbox]:
        """What mailboxes.db has a directory for here; whether it is there is not looked at."""
        for entry in self.entries() or ():
            mailbox = self._placed(entry)
            if mailbox is not None:
                yield mailbox

    def mailboxes(
        self,
        *,
        partition: str | None = None,
        below: str | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Mailbox]:
        """Every mailbox, in the order of mailboxes.db, then the directories that it does not know.

        `partition`: of this one only; `below`: this internal name and what is below it. What cannot be seen
        is in `problems` and `faults` afterwards. Raises `FileUnreadable` where nothing at all can be read.
        """
        entries = self.entries(cancelled)
        wanted = [one for one in self.layout.partitions.values() if partition in (None, one.name)]
        known: set[str] = set()
        for entry in entries or ():
            if cancelled():
                return
            mailbox = self._placed(entry)
            if mailbox is None:
                continue
            known.add(mailbox.directory)
            if partition in (None, mailbox.partition.name) and _is_below(mailbox.name, below):
                yield mailbox
        found = self._on_disk(wanted, known, below, cancelled, listed=entries is not None)
        if entries is None:
            yield from found
            return
        strange = list(found)
        if strange:
            yield from self._settled(strange, {entry.name for entry in entries}, partition, below)

    def _settled(
        self, strange: list[Mailbox], before: set[str], partition: str | None, below: str | None
    ) -> Iterator[Mailbox]:
        """Directories that mailboxes.db did not know: it may know them by now, under a new name too."""
        now: dict[str, Mailbox] = {}
        for entry in self.entries() or ():
            mailbox = self._placed(entry)
            if mailbox is not None:
                now[mailbox.directory] = mailbox
                wanted = partition in (None, mailbox.partition.name) and _is_below(entry.name, below)
                if wanted and entry.name not in before:
                    yield mailbox
        for mailbox in strange:
            if mailbox.directory not in now and self.exists(mailbox.header_path):
                yield mailbox

    def _placed(self, entry: MailboxEntry) -> Mailbox | None:
        """Where an entry's mailbox is; None for what has no directory here."""
        if entry.gone or entry.server is not None or "r" in entry.types or "z" in entry.types:
            return None
        name = (entry.partition or self.layout.default or "").lower()
        partition = self.layout.partitions.get(name)
        if partition is None:
            self._problem(
                f"mailboxes.db puts {inert(entry.name)} on partition {inert(name) or '?'}, which imapd.conf "
                f"does not have: add partition-{inert(name) or 'NAME'}."
            )
            return None
        root = partition.directory
        try:
            if entry.uniqueid is not None and not entry.by_name and self._uses_ids(partition):
                place = id_directory(root, entry.uniqueid)
                return Mailbox(
                    entry.name, partition, place, "uuid", entry.uniqueid, "listed", entry.types, entry.acl
                )
            place = named_directory(self.layout, root, entry.name)
        except ValueError:
            self._problem(f"mailboxes.db has an entry that no directory can have: {inert(entry.name)}.")
            return None
        return Mailbox(
            entry.name, partition, place, "hashed", entry.uniqueid, "listed", entry.types, entry.acl
        )

    def _uses_ids(self, partition: Partition) -> bool:
        """Whether the partition has the uuid layout at all."""
        if partition.name not in self._by_id:
            try:
                self.host.stat(f"{partition.directory.rstrip('/')}/{UUID}")
            except FileMissing:
                self._by_id[partition.name] = False
            except FileUnreadable:
                return True
            else:
                self._by_id[partition.name] = True
        return self._by_id[partition.name]

    def _on_disk(
        self,
        partitions: list[Partition],
        known: set[str],
        below: str | None,
        cancelled: Callable[[], bool],
        *,
        listed: bool,
    ) -> Iterator[Mailbox]:
        """The mailboxes on disk but for those in the `known` directories."""
        refused: list[FileUnreadable] = []
        for partition in partitions:
            walk = Walk(self.host, self.layout, known)
            try:
                for place in self._places(walk, partition, below):
                    if cancelled():
                        return
                    mailbox = self._found(partition, place, listed=listed)
                    if mailbox is not None and _is_below(mailbox.name, below):
                        yield mailbox
            except FileUnreadable as error:
                refused.append(error)
                self._fault(fault_of(error, partition.directory))
            for sentence in walk.problems:
                self._problem(sentence)
            for refusal in walk.refused:
                self._fault(fault_of(refusal, refusal.path))
        if refused and len(refused) == len(partitions) and not known:
            raise refused[0]

    def _places(self, walk: Walk, partition: Partition, below: str | None) -> Iterator[FoundDirectory]:
        """The directories to look at: of a name with two levels or more its place, and all unique ids."""
        root = "" if partition.directory == "/" else partition.directory
        try:
            place = named_directory(self.layout, "", below or "")
        except ValueError:
            place = ""
        if not place or "." not in (below or "").rpartition("!")[2]:
            yield from walk.partition(partition)
            return
        yield from walk.by_id(root)
        yield from walk.below(root, place[1:])

    def _found(self, partition: Partition, place: FoundDirectory, *, listed: bool) -> Mailbox | None:
        """The mailbox of a directory; None where it has no cyrus.header and so is only on the way."""
        mailbox = Mailbox(
            place.name,
            partition,
            place.directory,
            place.layout,
            place.uniqueid,
            "orphaned" if listed else "unlisted",
        )
        directory, _, name = mailbox.header_path.rpartition("/")
        if has_file(self.host, place, name, directory) is False:
            return None
        if place.name is None:
            header, _ = self.header_of(mailbox)
            if header is not None:
                mailbox = mailbox._replace(name=header.name)
        return mailbox

    def named(self, text: str) -> tuple[str, ...]:
        """The internal names that what somebody writes may mean, the likeliest first.

        user.bob.Sent, user/bob/Sent, user/bob/Été, bob, user/bob@example.net.
        """
        text = text.strip("/") if "/" in text else text
        found = [internal(text, self.layout), text]
        for name in tuple(found):
            domain, mark, rest = name.partition("!")
            if mark and domain == self.layout.default_domain:
                found.append(rest)
        for name in tuple(found):
            domain, mark, rest = name.rpartition("!")
            if not rest.startswith("user."):
                found.append(f"{domain}{mark}user.{rest}")
        return tuple(dict.fromkeys(found))


def _breathing(entries: Iterator[MailboxEntry], breathe: Callable[[], object]) -> Iterator[MailboxEntry]:
    for number, entry in enumerate(entries):
        if not number % _BREATH:
            breathe()
        yield entry


def _is_below(name: str | None, top: str | None) -> bool:
    """Whether a mailbox is the one that is asked for or below it; every one is below None."""
    return top is None or (name is not None and (name == top or name.startswith(f"{top}.")))
