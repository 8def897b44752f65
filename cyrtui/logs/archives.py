"""What a log was before its present file: its rotated files, as one stream backwards.

logrotate(8) names them by number or date (`mail.log.1`, `mail.log.2.gz`, `mail.log-20261122.xz`, with
`extension` `mail-20261122.log`); slapd's `logfile-rotate` by date. Names move on with every rotation, so each
time the next older file is looked for anew, beginning from what the known one holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from cyrtui.errors import FileUnreadable
from cyrtui.host.facts import FileFacts
from cyrtui.host.journal_names import is_journal
from cyrtui.host.protocol import Host, LogFile
from cyrtui.logs.generation import HEAD_BYTES, Generation
from cyrtui.logs.packed import PackedFile, UnpackedParts
from cyrtui.logs.rotation import turn_of
from cyrtui.logs.stamps import HEAD, StampClock
from cyrtui.logs.unpack import suffix_of
from cyrtui.pattern import pattern

if TYPE_CHECKING:
    from cyrtui.logs.archive_cache import ArchiveCache

_NUMBER: Final = pattern(r"\d{1,5}\Z")
_DATE: Final = pattern(r"(?:19|20)\d\d[\d.\-_T:]*\Z")
_AT_MOST: Final = 512
_SLACK: Final = 60.0
_UNPACK_SECONDS: Final = 0.05


class Archive(NamedTuple):
    """A file that the log was: `turn` is what rotation put behind its name, `suffix` how it is compressed."""

    facts: FileFacts
    turn: str
    suffix: str

    @property
    def path(self) -> str:
        return self.facts.path


class Archives:
    """The rotated files of the log at `path`. Thread-safe only in that one thread opens, any may read.

    Files stay open until `close`, so that lines of them can be shown whatever becomes of their names.
    `problems` are sentences about archives that cannot be read, or not to their end.
    """

    def __init__(
        self, host: Host, path: str, olddir: str | None = None, cache: ArchiveCache | None = None
    ) -> None:
        self._host = host
        self._path = path
        self._olddir = olddir
        self._cache = cache
        self._parts = UnpackedParts()
        self._open: dict[tuple[int, int], LogFile] = {}
        self._problems: dict[str, str] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        damaged = [
            file.damage
            for file in list(self._open.values())
            if isinstance(file, PackedFile) and file.damage is not None
        ]
        kept = self._cache.problem if self._cache is not None else None
        return (*self._problems.values(), *damaged, *([kept] if kept is not None else []))

    def newest_first(self) -> list[Archive]:
        """The archives that are there now. Empty if the directory cannot be read."""
        found: dict[str, Archive] = {}
        for archive in self._beside():
            known = found.get(archive.turn)
            # While a file is being compressed both are there, and the new one is not whole yet.
            if known is None or not archive.suffix:
                found[archive.turn] = archive
        archives = list(found.values())
        if all(_NUMBER.match(one.turn) for one in archives):
            archives.sort(key=lambda one: int(one.turn))
        elif all(_DATE.match(one.turn) for one in archives):
            archives.sort(key=lambda one: one.turn, reverse=True)
        else:
            archives.sort(key=lambda one: (one.facts.mtime, one.turn), reverse=True)
        if len(archives) > 1:
            # Some number the other way round than logrotate does. Of an empty log an archive may be packed.
            newest, oldest = self._first_begin(archives), self._first_begin(archives[::-1])
            if newest is not None and oldest is not None and newest < oldest:
                archives.reverse()
        return archives[:_AT_MOST]

    def _first_begin(self, archives: Iterable[Archive]) -> float | None:
        """The time of the first line of the first archive that has one."""
        return next((begin for one in archives if (begin := self._begin(one)) is not None), None)

    def _begin(self, archive: Archive) -> float | None:
        """The time of the first line of an archive, if it has one."""
        file = self.open(archive)
        if file is None:
            return None
        line = _head_of(file)
        stamp = StampClock(self._host.name.zone, archive.facts.mtime).stamp(line[:HEAD])
        return stamp.time if stamp is not None else None

    def _beside(self) -> list[Archive]:
        own, _, name = self._path.rpartition("/")
        found = []
        for directory, other in self._names(own):
            turn = turn_of(name, other)
            if turn is None:
                continue
            try:
                facts = self._host.stat(f"{directory}/{other}")
            except FileUnreadable:
                continue
            if facts.size:
                found.append(Archive(facts, turn, suffix_of(other)))
        return found

    def _names(self, own: str) -> Iterator[tuple[str, str]]:
        """Every name in the log's directory and in the one that its archives are moved to."""
        for directory in dict.fromkeys((own, self._olddir or own)):
            try:
                names = self._host.listdir(directory or "/")
            except FileUnreadable as error:
                if directory != own:
                    self._problems[directory] = f"Archives are left out: {error}"
                continue
            yield from ((directory, name) for name in names)

    def open(self, archive: Archive) -> LogFile | None:
        """The archive as a file of lines; None if it cannot be read, which `problems` then says."""
        known = self._open.get(archive.facts.identity)
        if known is not None:
            return known
        file: LogFile | None = None
        try:
            file = self._host.open_log(archive.path)
            opened = PackedFile(file, archive.path, self._parts, self._cache) if archive.suffix else file
        except FileUnreadable as error:
            self._problems[archive.path] = str(error)
            if file is not None:
                file.close()
            return None
        self._problems.pop(archive.path, None)
        return self._open.setdefault(opened.identity, opened)

    def older(self, than: Generation | None, earliest: float) -> Generation | None:
        """The file that the log was before `than` (None: the newest archive), or None if there is none.

        `earliest` is the time of the first line known: where `than` is not found among the archives, what was
        written after that is not older. The generation ends at its `scanned`, 0 for a compressed one that is
        not indexed yet.
        """
        archives = self.newest_first()
        at = 0
        if than is not None:
            place = self._find(than, archives)
            if place is None and not self._is_live(than):
                before = (n for n, one in enumerate(archives) if one.facts.mtime <= earliest + _SLACK)
                at = next(before, len(archives))
            elif place is not None:
                at = place + 1
        for archive in archives[at:]:
            file = self.open(archive)
            if file is None:
                continue
            try:
                return generation_of(file, archive)
            except FileUnreadable as error:
                self.cannot_read(archive.path, error)
        return None

    def cannot_read(self, path: str, error: FileUnreadable) -> None:
        """Take note that an archive, or the rest of it, is left out."""
        self._problems[path] = f"Lines of an archive are left out: {error}"

    def _is_live(self, generation: Generation) -> bool:
        try:
            return self._host.stat(self._path).identity == generation.identity
        except FileUnreadable:
            return False

    def _find(self, generation: Generation, archives: list[Archive]) -> int | None:
        """Which of the archives holds what the generation holds, perhaps compressed meanwhile."""
        for number, archive in enumerate(archives):
            if archive.facts.identity == generation.identity:
                return number
        head = generation.head or _head_of(generation.file)
        if not head:
            return None
        for number, archive in enumerate(archives):
            file = self.open(archive)
            if file is not None and _head_of(file)[: len(head)] == head:
                return number
        return None

    def close(self) -> None:
        """Let go of every file. Idempotent."""
        for file in self._open.values():
            file.close()
        self._open.clear()


class JournalArchives(Archives):
    """The past of the systemd journal, in pieces of some thousand lines each, as if each were an archive."""

    def __init__(self, host: Host, path: str) -> None:
        super().__init__(host, path)
        self._cursors: dict[tuple[int, int], str | None] = {}
        self._last_cursors: dict[tuple[int, int], str | None] = {}

    def newest_first(self) -> list[Archive]:
        return []

    def older(self, than: Generation | None, earliest: float) -> Generation | None:
        from cyrtui.host.journal import JournalFile

        if than is None:
            return None
        file = than.file
        cursor = file.cursor if isinstance(file, JournalFile) else self._cursors.get(than.identity)
        return self._piece(f"{self._path}#{cursor}") if cursor is not None else None

    def from_time(self, time: float) -> Generation | None:
        """Some thousand lines from a time on; None if there are none."""
        return self._piece(f"{self._path}@{time:.6f}")

    def after(self, piece: Generation) -> Generation | None:
        """Some thousand lines behind those of a piece that `from_time` or this has given; None at the end."""
        cursor = self._last_cursors.get(piece.identity)
        return self._piece(f"{self._path}>{cursor}") if cursor is not None else None

    def _piece(self, path: str) -> Generation | None:
        from cyrtui.host.journal import JournalPiece

        try:
            piece = self._host.open_log(path)
        except FileUnreadable as error:
            self.cannot_read(self._path, error)
            return None
        if not isinstance(piece, JournalPiece) or piece.cursor is None:
            return None
        file = PackedFile(piece, f"{self._path}.gz", self._parts)
        self._cursors[file.identity] = piece.cursor
        self._last_cursors[file.identity] = piece.last_cursor
        self._open[file.identity] = file
        facts = FileFacts(self._path, piece.size(), piece.mtime(), 0, 0, 0, piece.identity)
        return generation_of(file, Archive(facts, "", ".gz"))


def archives_of(
    host: Host, path: str, olddir: str | None = None, cache: ArchiveCache | None = None
) -> Archives:
    """The past of the log at `path`; `olddir` is where its archives are moved to, if not left beside it."""
    return JournalArchives(host, path) if is_journal(path) else Archives(host, path, olddir, cache)


def journal_begins(host: Host, path: str) -> float | None:
    """The time of the first line that the journal holds; None if it has none, or cannot be read."""
    archives = JournalArchives(host, path)
    try:
        piece = archives.from_time(0.0)
        if piece is None:
            return None
        file = piece.file
        while isinstance(file, PackedFile) and not file.advance(_UNPACK_SECONDS):
            pass
        stamp = StampClock(host.name.zone, piece.written).stamp(_head_of(file)[:HEAD])
    except FileUnreadable:
        return None
    else:
        return stamp.time if stamp is not None else None
    finally:
        archives.close()


def _head_of(file: LogFile) -> bytes:
    try:
        return file.pread(HEAD_BYTES, 0)
    except FileUnreadable:
        return b""


def generation_of(file: LogFile, archive: Archive) -> Generation:
    """An archive as something to be read backwards from its end. Raises `FileUnreadable`."""
    # A small compressed file is indexed as soon as its head has been read.
    head = _head_of(file)
    size = 0 if isinstance(file, PackedFile) and not file.indexed else file.size()
    return Generation(
        file,
        archive.path,
        line_start=size,
        scanned=size,
        seen=size,
        quiet_since=-math.inf,
        written=file.mtime(),
        head=head,
    )
