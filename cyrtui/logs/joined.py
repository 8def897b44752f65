"""A stretch of a log, over its archives and its present file, as one file that is searched by bytes.

What `long_logs` is for the end of the logs, this is for their past. Compressed archives are unpacked as far
as they must be, and never kept unpacked as a whole.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.journal_names import is_journal
from cyrtui.host.protocol import Host, LogFile
from cyrtui.logs.archives import Archives
from cyrtui.logs.packed import PackedFile
from cyrtui.logs.record import LogRole
from cyrtui.logs.seek import first_stamp, seek_time, stamp_in
from cyrtui.logs.slices import SlicedLog
from cyrtui.logs.sources import LogSource, LogSources
from cyrtui.logs.stamps import StampClock

_UNPACK_SECONDS: Final = 0.05


class Part(NamedTuple):
    """The bytes [low, high) of a file, where lines begin and end; `path` is the file's name."""

    file: LogFile
    path: str
    low: int
    high: int
    tail: bytes = b""

    @property
    def length(self) -> int:
        return self.high - self.low + len(self.tail)

    def pread(self, length: int, offset: int) -> bytes:
        data = self.file.pread(min(length, max(0, self.high - self.low - offset)), self.low + offset)
        if len(data) < length and offset + len(data) >= self.high - self.low:
            data += self.tail[offset + len(data) - (self.high - self.low) :]
        return data


class JoinedFile:
    """Parts of files, oldest first, as a `LogFile`. `stopped` is asked at each read, and ends it.

    Raises `FileUnreadable`, also when stopped. `own` is the file that `close` lets go of, `reaches` the time
    at which the oldest file begins that was looked into.
    """

    def __init__(
        self, parts: Sequence[Part], stopped: Callable[[], bool], own: LogFile | None, reaches: float
    ) -> None:
        self.parts = tuple(parts)
        self.reaches = reaches
        self.starts: list[int] = []
        self._size = 0
        for part in parts:
            self.starts.append(self._size)
            self._size += part.length
        self._stopped = stopped
        self._own = own

    @property
    def identity(self) -> tuple[int, int]:
        return self.parts[-1].file.identity if self.parts else (0, 0)

    def size(self) -> int:
        return self._size

    def mtime(self) -> float:
        return self.parts[-1].file.mtime() if self.parts else 0.0

    def pread(self, length: int, offset: int) -> bytes:
        found: list[bytes] = []
        wanted = min(length, self._size - offset)
        while wanted > 0:
            at = bisect_right(self.starts, offset) - 1
            part = self.parts[at]
            if self._stopped():
                raise FileUnreadable(part.path, "It is not read on.")
            data = part.pread(min(wanted, part.length - (offset - self.starts[at])), offset - self.starts[at])
            if not data:
                break
            found.append(data)
            offset += len(data)
            wanted -= len(data)
        return b"".join(found)

    def place(self, offset: int) -> tuple[str, int]:
        """The path of the file that has the byte at `offset`, and its offset there."""
        at = max(0, bisect_right(self.starts, offset) - 1)
        return self.parts[at].path, self.parts[at].low + offset - self.starts[at]

    def heads(self) -> list[tuple[int, bytes]]:
        """What stands at some places along it, known without unpacking anything again."""
        found: list[tuple[int, bytes]] = []
        for start, part in zip(self.starts, self.parts, strict=True):
            if isinstance(part.file, PackedFile):
                found += [
                    (start + at - part.low, data)
                    for at, data in part.file.samples
                    if part.low <= at and at + len(data) <= part.high
                ]
        return found

    def close(self) -> None:
        if self._own is not None:
            self._own.close()


class JoinedLog(SlicedLog):
    """A stretch of one log by slices. `place` says where a line of it stands."""

    def __init__(self, file: JoinedFile, path: str, role: LogRole, zone: str | None) -> None:
        super().__init__(file, path, role, zone)
        self._joined = file
        self._marks: list[tuple[int, float]] | None = None
        self.place = file.place
        self.reaches = file.reaches

    def bounds(self, time: float) -> tuple[int, int]:
        if self._marks is None:
            self._marks = []
            for at, data in self._joined.heads():
                self.clock.latest = self.latest_at(at)
                found = stamp_in(data, at, self.clock)
                if found is not None:
                    # a clock that was wrong for a while says nothing of what stands where
                    while self._marks and self._marks[-1][1] > found[1].time:
                        self._marks.pop()
                    self._marks.append((found[0], found[1].time))
        # the last line that is earlier, and the first that is not, of those that are known
        at = bisect_right(self._marks, time, key=lambda mark: mark[1])
        while at and self._marks[at - 1][1] >= time:
            at -= 1
        return (
            self._marks[at - 1][0] if at else 0,
            self._marks[at][0] if at < len(self._marks) else self.size,
        )


def past_logs(
    host: Host,
    sources: LogSources,
    archives: Mapping[str, Archives],
    begin: float,
    end: float,
    stopped: Callable[[], bool],
) -> dict[LogRole, JoinedLog] | None:
    """All lines from `begin` to `end` and what stands with them in 4 KiB, by role.

    None if not all logs are files of one role each, or when stopped. Raises `FileUnreadable`.
    """
    if any(source.mixed or len(source.roles) != 1 or is_journal(source.path) for source in sources.sources):
        return None
    found: dict[LogRole, JoinedLog] = {}
    whole = False
    try:
        for source in sources.sources:
            file = _joined(host, source, archives[source.path], begin, end, stopped)
            if file is None:
                return None
            for role in source.roles:
                found[role] = JoinedLog(file, source.path, role, source.zone or host.name.zone)
        whole = True
    finally:
        if not whole:
            for log in found.values():
                log.close()
    return found


def _joined(
    host: Host, source: LogSource, archives: Archives, begin: float, end: float, stopped: Callable[[], bool]
) -> JoinedFile | None:
    zone = source.zone or host.name.zone
    live: LogFile | None = None
    files: list[tuple[LogFile, str]] = []
    try:
        live = host.open_log(source.path)
        files.append((live, source.path))
    except FileMissing:
        # it was rotated, and has got no line since
        pass
    taken = {live.identity} if live is not None else set()
    for archive in archives.newest_first():
        if files and _begins(*files[-1], zone) <= begin:
            break
        file = archives.open(archive)
        if file is not None and file.identity not in taken:
            files.append((file, archive.path))
    parts: list[Part] = []
    try:
        for file, path in reversed(files):
            first = _begins(file, path, zone)
            if first >= end:
                continue
            while isinstance(file, PackedFile) and not file.advance(_UNPACK_SECONDS):
                if stopped():
                    if live is not None:
                        live.close()
                    return None
            size = file.size()
            low = seek_time(file, StampClock(zone, file.mtime()), begin) if first < begin else 0
            high = seek_time(file, StampClock(zone, file.mtime()), end)
            if low < high:
                unended = high == size and file.pread(1, high - 1) != b"\n"
                parts.append(Part(file, path, low, high, b"\n" if unended else b""))
    except FileUnreadable:
        if live is not None:
            live.close()
        raise
    return JoinedFile(parts, stopped, live, _begins(*files[-1], zone) if files else math.inf)


def _begins(file: LogFile, path: str, zone: str | None) -> float:
    """The time of a file's first line; that of its last change where there is no stamp near its beginning."""
    found = first_stamp(file, 0, StampClock(zone, file.mtime()))
    return found[1].time if found is not None else file.mtime()
