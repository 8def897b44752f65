"""Reading a log forwards from a time on, through its archives up to its present end.

What `LogFollower` is for the end of a log, this is for a place in its past: it hands out the same events.
"""

from __future__ import annotations

import math
from typing import Final

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.protocol import Host, LogFile
from cyrtui.logs.archives import Archives, JournalArchives, generation_of
from cyrtui.logs.follow import Event, FollowBatch, HalfLine, Lines, Opened
from cyrtui.logs.generation import Generation, line_before, split_lines
from cyrtui.logs.lines import TEXT_CAP
from cyrtui.logs.packed import PackedFile
from cyrtui.logs.seek import first_stamp, seek_time
from cyrtui.logs.sources import LogSource
from cyrtui.logs.stamps import StampClock

STEP: Final = 64 << 10
"""Bytes of one log that are read at once, so that several are read side by side."""
_UNPACK_SECONDS: Final = 0.05


class PastReader:
    """Hands out the lines of one log from `time` on, in seconds since the epoch, `limit` lines at most.

    `reached` is the time up to which it has read, -inf before the place is found; `done` tells that nothing
    more comes, `cut` that there would be more lines; `begins` is the time of the first line that the oldest
    file read has, None where that is not known. One thread may use it.
    """

    def __init__(self, host: Host, source: LogSource, archives: Archives, time: float, limit: int) -> None:
        self.path = source.path
        self.problem: str | None = None
        self.reached = -math.inf
        self.done = self.cut = False
        self.begins: float | None = None
        self._host = host
        self._archives = archives
        self._time = time
        self._left = limit
        self._clock = StampClock(source.zone or host.name.zone, host.now())
        self._chain: list[Generation] | None = None
        self._at = 0
        self._offset = 0
        self._live: LogFile | None = None

    def poll(self, limit: int = STEP) -> FollowBatch:
        """The next lines; `more` until there are none. Never raises for what happens to the files."""
        events: list[Event] = []
        try:
            if self._chain is None:
                self._chain = self._find_file()
            if not self.done:
                self._go_on(events, limit)
        except FileUnreadable as error:
            self.problem = str(error)
            self._next_file()
        return FollowBatch(tuple(events), not self.done)

    def close(self) -> None:
        """Let go of the file that has the log's name. Idempotent."""
        if self._live is not None:
            self._live.close()

    def unfinished(self) -> tuple[HalfLine, ...]:
        """The live file's last line, if it has no newline. Raises `FileUnreadable`."""
        live = self._live
        size = live.size() if live is not None else 0
        if live is None or not size or live.pread(1, size - 1) == b"\n":
            return ()
        generation = _whole(live, self.path)
        start = line_before(live, size)
        return (HalfLine(generation, start, size, live.pread(min(size - start, TEXT_CAP), start)),)

    # Finding the place

    def _find_file(self) -> list[Generation]:
        """The file in which the time lies and all newer ones, oldest first."""
        files: list[Generation] = []
        if isinstance(self._archives, JournalArchives):
            piece = self._archives.from_time(self._time)
            self.done = piece is None
            return [] if piece is None else [piece]
        problem: FileUnreadable | None = None
        try:
            self._live = self._host.open_log(self.path)
            files.append(_whole(self._live, self.path))
        except FileUnreadable as error:
            problem = error
        taken = {one.identity for one in files}
        for archive in self._archives.newest_first():
            if files and self._begins_before(files[-1]):
                break
            file = self._archives.open(archive)
            if file is not None and file.identity not in taken:
                files.append(generation_of(file, archive))
        if problem is not None and not (files and isinstance(problem, FileMissing)):
            # a log that was rotated and has got no line since is none that cannot be read
            self.problem = str(problem)
        self.begins = self._begin(files[-1]) if files else None
        files.reverse()
        self._at = 0
        self.done = not files
        return files

    def _begins_before(self, generation: Generation) -> bool:
        begin = self._begin(generation)
        return begin is not None and begin <= self._time

    def _begin(self, generation: Generation) -> float | None:
        self._clock.latest = generation.written
        found = first_stamp(generation.file, 0, self._clock)
        return found[1].time if found is not None else None

    def _go_on(self, events: list[Event], limit: int) -> None:
        generation = self._chain[self._at] if self._chain else None
        if generation is None:
            self.done = True
            return
        file = generation.file
        if isinstance(file, PackedFile) and not file.advance(_UNPACK_SECONDS):
            return
        generation.scanned = generation.seen = generation.line_start = file.size()
        if self.reached == -math.inf:
            self._offset = seek_time(file, self._clock, self._time)
            events.append(Opened(generation, self._offset, first=True))
            self.reached = self._time
        self._read(generation, events, limit)

    # Reading on

    def _read(self, generation: Generation, events: list[Event], limit: int) -> None:
        file, at = generation.file, self._offset
        size = file.size()
        data = file.pread(min(limit, size - at), at)
        end = data.rfind(b"\n") + 1
        if not end and at + len(data) < size:
            end, data = self._long_line(file, at, size)
        elif not end and data and file is not self._live:
            end, data = len(data), data + b"\n"
        if not end:
            self._next_file()
            return
        starts, lines = split_lines(data[: max(end, 1)] if data[end - 1 : end] == b"\n" else data, at)
        if len(lines) > self._left:
            end = starts[self._left] - at
            starts, lines = starts[: self._left], lines[: self._left]
        self._offset = at + end
        events.append(Lines(generation, starts, self._offset, lines))
        self._left -= len(lines)
        self._clock.latest = generation.written
        found = self._clock.stamp(lines[-1][:64])
        if found is not None:
            self.reached = max(self.reached, found.time)
        if self._left <= 0:
            self.done = self.cut = True
        elif self._offset >= size:
            self._next_file()

    @staticmethod
    def _long_line(file: LogFile, at: int, size: int) -> tuple[int, bytes]:
        """The length of a line that is longer than a step, and its beginning as if that were all."""
        end = at + STEP
        while end < size:
            newline = file.pread(STEP * 4, end).find(b"\n")
            if newline >= 0:
                return end + newline + 1 - at, file.pread(TEXT_CAP, at) + b"\n"
            end += STEP * 4
        return 0, b""

    def _next_file(self) -> None:
        if isinstance(self._archives, JournalArchives) and self._chain:
            piece = self._archives.after(self._chain[-1])
            if piece is not None:
                self._chain.append(piece)
        self._at += 1
        self._offset = 0
        if self._chain is None or self._at >= len(self._chain):
            self.done = True
            self.reached = math.inf


def _whole(file: LogFile, path: str) -> Generation:
    size = file.size()
    start = line_before(file, size + 1) if size else 0
    return Generation(
        file,
        path,
        line_start=start,
        scanned=size,
        seen=size,
        quiet_since=0.0,
        written=file.mtime(),
        head=file.pread(min(256, size), 0),
    )
