"""The directories of a partition, as they stand on disk: lazily, without a look at each message file.

On most file systems a directory's number of links is 2 and one for each directory in it (inode(7)): one that
has 2 needs no listing, however many messages it holds. That is believed only of a file system on which it was
seen to hold for a directory that was listed; others are listed. A symlink to a directory has no link of its
own: one in a mailbox without other directories in it is found through mailboxes.db only.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Final, NamedTuple

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.facts import FileFacts
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.spool.layout import DOMAIN, STAGE, UUID, LayoutKind, Partition, SpoolLayout, name_of

_NOT_OF_CYRUS: Final = frozenset({"lost+found", ".snapshot", ".snapshots", ".zfs"})
_DEEPEST: Final = 200


class FoundDirectory(NamedTuple):
    """A directory in which a mailbox may be: `name` by its place (None in the uuid layout, or none at all).

    `files`: the names in it, where it was listed on the way. `uniqueid` in the uuid layout, by its place.
    """

    directory: str
    layout: LayoutKind
    name: str | None
    uniqueid: str | None
    files: tuple[str, ...] | None = None


class Walk:
    """Walks partitions; what could not be listed is in `refused`, what was not gone into in `problems`."""

    def __init__(self, host: Host, layout: SpoolLayout, known: Container[str] = frozenset()) -> None:
        """The directories in `known` are gone through, but not told."""
        self.problems: list[str] = []
        self.refused: list[FileUnreadable] = []
        self._host = host
        self._known = known
        self._layout = layout
        self._roots = frozenset(root for one in layout.partitions.values() for root in one.roots)
        # device -> whether the links of its directories count the directories in them
        self._counted: dict[int, bool] = {}

    def partition(self, partition: Partition) -> Iterator[FoundDirectory]:
        """Every directory of the partition that may be a mailbox's; the uuid layout first.

        Raises `FileUnreadable` when the partition itself cannot be listed.
        """
        root = "" if partition.directory == "/" else partition.directory
        top = self._host.scan(partition.directory)
        for name in sorted(top.directories):
            if name == UUID:
                yield from self.by_id(root)
        for name in sorted(top.directories):
            path = f"{root}/{name}"
            if name in (UUID, STAGE) or name in _NOT_OF_CYRUS or path in self._roots:
                continue
            yield from self.below(root, name)

    def by_id(self, root: str) -> Iterator[FoundDirectory]:
        """The directories of the uuid layout below a partition's root."""
        for first in self._directories(f"{root}/{UUID}"):
            for second in self._directories(f"{root}/{UUID}/{first}"):
                place = f"{root}/{UUID}/{first}/{second}"
                for name in self._directories(place):
                    if f"{place}/{name}" in self._known:
                        continue
                    yield FoundDirectory(f"{place}/{name}", "uuid", None, name)

    def below(self, root: str, below: str) -> Iterator[FoundDirectory]:
        """The directories kept by name, from `root`/`below` on, that one too if it is no hash directory."""
        parts = below.split("/")
        yield from self._named(root, parts, [])

    def _named(self, root: str, parts: list[str], above: list[tuple[int, int]]) -> Iterator[FoundDirectory]:
        path = f"{root}/{'/'.join(parts)}"
        try:
            facts = self._host.stat(path)
        except FileMissing:
            return
        except FileUnreadable as error:
            self.refused.append(error)
            return
        if facts.identity in above or len(parts) > _DEEPEST:
            self.problems.append(f"{inert(path)} is not gone into: its directories go round in circles.")
            return
        plain = self._is_path_only(parts)
        if not plain and facts.links == 2 and self._counted.get(facts.identity[0], False):
            if path not in self._known:
                yield FoundDirectory(path, "hashed", name_of(self._layout, "/".join(parts)), None)
            return
        try:
            found = self._host.scan(path)
        except FileMissing:
            return
        except FileUnreadable as error:
            self.refused.append(error)
            return
        self._learn(facts, len(found.directories) - len(found.linked))
        if not plain and path not in self._known:
            name = name_of(self._layout, "/".join(parts))
            yield FoundDirectory(path, "hashed", name, None, found.others)
        for name in sorted(found.directories):
            if f"{path}/{name}" not in self._roots and name not in _NOT_OF_CYRUS:
                yield from self._named(root, [*parts, name], [*above, facts.identity])

    def _is_path_only(self, parts: list[str]) -> bool:
        """Whether a directory is only on the way: a hash directory, `domain`, a domain."""
        hashes = 1 if self._layout.hashed else 0
        if self._layout.domains and parts[0] == DOMAIN:
            return len(parts) <= 2 + 2 * hashes
        return len(parts) <= hashes

    def _learn(self, facts: FileFacts, directories: int) -> None:
        """Whether links count directories on this file system; one that was seen not to is never believed."""
        device = facts.identity[0]
        if facts.links != 2 + directories:
            self._counted[device] = False
        elif directories:
            self._counted.setdefault(device, True)

    def _directories(self, path: str) -> list[str]:
        try:
            return sorted(self._host.scan(path).directories)
        except FileMissing:
            return []
        except FileUnreadable as error:
            self.refused.append(error)
            return []


def has_file(host: Host, found: FoundDirectory, name: str, directory: str) -> bool | None:
    """Whether `directory`/`name` is there; None where that cannot be seen.

    `directory` may be another than the found one's: with metapartitions files are kept elsewhere.
    """
    if found.files is not None and directory == found.directory:
        return name in found.files
    try:
        host.stat(f"{directory}/{name}")
    except FileMissing:
        return False
    except FileUnreadable:
        return None
    return True


Cancelled = Callable[[], bool]
"""Asked now and then; True ends the work."""
