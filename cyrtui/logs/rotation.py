"""What stands beside a log: the archives and copies that its rotation leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.facts import FileFacts
from cyrtui.host.protocol import Host, LogFile
from cyrtui.logs.generation import HEAD_BYTES, Generation, begins, line_before
from cyrtui.logs.packed import PackedFile
from cyrtui.logs.unpack import suffix_of
from cyrtui.pattern import pattern

_TURN: Final = pattern(r"[.\-_](\d[\d.\-_T:]*|old|tmp)\Z")
_AT_MOST: Final = 64


def turn_of(name: str, other: str) -> str | None:
    """What rotation put behind the name of the log `name` to make `other` of it; None if it did not.

    logrotate's `extension` puts it before the extension: `mail-20261122.log` is a turn of `mail.log`.
    """
    bare = other.removesuffix(suffix_of(other))
    stem, dot, extension = name.rpartition(".")
    rest = ""
    if bare.startswith(name):
        rest = bare[len(name) :]
    elif stem and bare.startswith(stem) and bare.endswith(dot + extension):
        rest = bare[len(stem) : len(bare) - len(extension) - 1]
    found = _TURN.match(rest)
    return found[1] if found else None


class Siblings:
    """The files beside the log at `path` that bear its name with a number or a date (see `turn_of`).

    logrotate(8) (`rotate`, `dateext`, `copytruncate`) and slapd's `logfile-rotate` name them so. Files that
    were there at the last `look`, or were not written since `since`, are archives of no interest.
    """

    def __init__(self, host: Host, path: str, olddir: str | None = None) -> None:
        self.since = 0.0
        self._host = host
        self._path = path
        self._olddir = olddir
        self._known: dict[tuple[int, int], int] = {}

    def look(self) -> None:
        """Take what is there now as known."""
        self._known = {facts.identity: facts.size for facts in self._rotated()}

    def copy_of(self, generation: Generation, taken: Sequence[Generation]) -> LogFile | None:
        """The copy that `copytruncate` left of a file: it begins alike, and is alike where reading stood."""
        identities = {one.identity for one in taken}
        for facts in reversed(self._rotated()):
            if self._known.get(facts.identity) == facts.size and suffix_of(facts.path):
                continue
            if facts.identity in identities or (file := self._open(facts.path)) is None:
                continue
            if _fits(generation, file):
                return file
            file.close()
        return None

    def between(self, before: Sequence[Generation], new: LogFile | None) -> list[tuple[LogFile, int]]:
        """What the log was between `before` and `new`, where rotation was faster than we were, oldest first.

        Each with the offset up to which it holds only lines that those before it held.
        """
        present = [] if new is None else [(new, 0)]
        held = {generation.identity for generation in before} | {file.identity for file, _ in present}
        passed: list[tuple[LogFile, int]] = []
        for facts in self._rotated():
            # The inode of a deleted archive may be used again, but hardly for a file of the same size.
            old = self._known.get(facts.identity) == facts.size or facts.mtime < self.since
            if old or facts.identity in held or (file := self._open(facts.path)) is None:
                continue
            if file.identity in held or _is_known(file, before, [later for later, _ in passed + present]):
                file.close()
                continue
            passed.append((file, max((one.shared_with(file) for one in before), default=0)))
        return passed

    def _open(self, path: str) -> LogFile | None:
        try:
            file = self._host.open_log(path)
        except FileUnreadable:
            return None
        try:
            return PackedFile(file, path) if suffix_of(path) else file
        except FileUnreadable:
            file.close()
            return None

    def _named_like(self) -> Iterator[str]:
        own, _, name = self._path.rpartition("/")
        for directory in dict.fromkeys((own, self._olddir or own)):
            try:
                names = self._host.listdir(directory or "/")
            except FileUnreadable:
                continue
            for other in names:
                if turn_of(name, other) is not None:
                    yield f"{directory}/{other}"

    def _rotated(self) -> list[FileFacts]:
        """Files that rotation may have made of the log, compressed ones too; the oldest first."""
        found = []
        names = set(self._named_like())
        for other in names:
            plain = other.removesuffix(suffix_of(other))
            # While a file is being compressed both are there, and the new one is not whole yet.
            if plain != other and plain in names:
                continue
            try:
                found.append(self._host.stat(other))
            except FileUnreadable:
                continue
        return sorted(found, key=lambda facts: (facts.mtime, facts.path))[-_AT_MOST:]


def _is_known(file: LogFile, before: Sequence[Generation], later: Sequence[LogFile]) -> bool:
    """Whether a file holds only what is read anyway. Of a compressed one only the first bytes are looked at:
    what is compressed is what a file held that was read to its end, or one that was not seen at all."""
    if isinstance(file, PackedFile):
        head = file.pread(HEAD_BYTES, 0)
        alike = any(one.head and head.startswith(one.head) for one in before)
        return not head or alike or any(other.pread(HEAD_BYTES, 0) == head for other in later)
    return any(begins(other, file) for other in later)


def _fits(generation: Generation, file: LogFile) -> bool:
    """Whether `file` is a copy of what was read; a compressed one is opened further only if it may be."""
    if isinstance(file, PackedFile) and not generation.resembles(file):
        return False
    return _continues(generation, file)


def _continues(generation: Generation, file: LogFile) -> bool:
    """Whether `file` is alike from its beginning to where reading stood, or ends before."""
    size = file.size()
    if size < generation.scanned:
        return size > 0 and generation.shared_with(file) == line_before(file, size + 1)
    tail = generation.tail
    return generation.resembles(file) and file.pread(len(tail), generation.scanned - len(tail)) == tail
