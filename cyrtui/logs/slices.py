"""One long log by slices: what was written around a moment, found without reading the rest.

The file is held open and its size is taken once: what is written meanwhile is left for the next run, a file
that is renamed stays the one that it was, and one that is cut short is read as far as it goes (`shrunk`).
Bytes are read, never mapped, since a mapped file that shrinks ends the program.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from cyrtui.host.protocol import LogFile
from cyrtui.logs.lines import TEXT_CAP, parse_line
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.seek import first_stamp, time_samples
from cyrtui.logs.stamps import StampClock

_PIECE: Final = 2 << 20
_NEAR: Final = 2 << 10


class SlicedLog:
    """One file of one role, in slices. `zone` is an IANA name, None for the host's. Not thread-safe.

    Raises `FileUnreadable`, as do its methods.
    """

    def __init__(self, file: LogFile, path: str, role: LogRole, zone: str | None) -> None:
        self.path = path
        self.role = role
        self.shrunk = False
        self.size = file.size()
        self._file = file
        self._written = file.mtime()
        self.clock = StampClock(zone, self._written)
        self._samples: list[tuple[int, float]] | None = None

    @property
    def begins(self) -> float | None:
        """The time of its first line with a stamp; None if there is none near its beginning."""
        self.clock.latest = self.latest_at(0)
        found = first_stamp(self._file, 0, self.clock)
        return None if found is None else found[1].time

    @property
    def pace(self) -> float:
        """Bytes a second, from its first line to its last; 0 if that is not known."""
        begins = self.begins
        self.clock.latest = self._written
        last = first_stamp(self._file, max(0, self.size - (64 << 10)), self.clock)
        if begins is None or last is None or last[1].time <= begins:
            return 0.0
        return last[0] / (last[1].time - begins)

    def latest_at(self, offset: int) -> float:
        """A moment that the line at `offset` is not later than: stamps may lack the year."""
        if self._samples is None:
            self.clock.latest = self._written
            self._samples = time_samples(self._file, self.clock, self.size)
        at = bisect_right(self._samples, offset, key=lambda sample: sample[0])
        return self._samples[at][1] if at < len(self._samples) else self._written

    def between(self, begin: float, end: float) -> tuple[int, int]:
        """The bytes that hold all lines from `begin` on that are earlier than `end`, and some KiB more.

        The lines must stand in the order of time. Both ends are where a line begins, or the log ends.
        """
        low = self._bisect(begin)[0]
        return low, max(low, self._bisect(end)[1])

    def bounds(self, time: float) -> tuple[int, int]:
        """Where lines begin: the one at the first is earlier than `time`, the one at the second is not."""
        return 0, self.size

    def _bisect(self, time: float) -> tuple[int, int]:
        """Where lines begin: all before the first are earlier than `time`, none after the second is."""
        low, high = self.bounds(time)
        after = high
        while high - low > _NEAR:
            middle = (low + high) // 2
            self.clock.latest = self.latest_at(middle)
            found = first_stamp(self._file, middle, self.clock)
            if found is None:
                high = middle
            elif found[1].time >= time:
                high, after = middle, min(after, found[0])
            else:
                low = found[0]
        return min(low, self.size), max(low, after)

    def read(self, low: int, high: int) -> bytes:
        """The bytes of [low, high), fewer if the file has been cut short."""
        pieces = []
        while low < high:
            piece = self._file.pread(min(_PIECE, high - low), low)
            if not piece:
                self.shrunk = True
                break
            pieces.append(piece)
            low += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def pieces(self, low: int, high: int, step: int = _PIECE) -> Iterator[tuple[int, bytes, int]]:
        """The lines of [low, high), where a line begins, in pieces of some `step` bytes.

        Each piece comes with its offset, and with how many of its bytes are whole lines: what follows them is
        in the next piece too. Each line has its newline; the last one is given one if it has none.
        """
        wanted = step
        while low < high:
            data = self._file.pread(min(wanted, high - low), low)
            if not data:
                self.shrunk = True
                return
            if low + len(data) >= high and not data.endswith(b"\n"):
                data += b"\n"
            end = data.rfind(b"\n") + 1
            if end:
                yield low, data, end
                low, wanted = low + end, step
            else:
                # a line that is longer than this
                wanted *= 4

    def times_of(self, line: bytes, offset: int) -> float:
        """The time of the line that begins at `offset`; that of the file's end if it has no stamp."""
        self.clock.latest = latest = self.latest_at(offset)
        return self.clock.times([line], latest)[0][0]

    def times(self, lines: list[bytes], offset: int) -> list[float]:
        """The times of lines with stamps, of which the last begins at or before `offset`."""
        self.clock.latest = latest = self.latest_at(offset)
        return self.clock.times(lines, latest)[0]

    def line_start(self, offset: int) -> int:
        """Where the line begins that holds the byte at `offset`."""
        step = 1 << 10
        while True:
            low = max(0, offset - step)
            found = self.read(low, offset).rfind(b"\n")
            if found >= 0 or low == 0:
                return low + found + 1
            step *= 8

    def line_end(self, offset: int) -> int:
        """The offset of the line after the one that begins at `offset`."""
        at, step = offset, 1 << 10
        while at < self.size:
            data = self._file.pread(min(step, self.size - at), at)
            if not data:
                break
            found = data.find(b"\n")
            if found >= 0:
                return at + found + 1
            at, step = at + len(data), _PIECE
        return self.size

    def lines(self, low: int, high: int) -> tuple[list[bytes], list[float]]:
        """The lines of [low, high), where lines begin, without their newlines; and their times."""
        data = self.read(low, high)
        if not data:
            return [], []
        lines = data.split(b"\n")
        if not lines[-1]:
            del lines[-1]
        latest = self.latest_at(low + len(data))
        self.clock.latest = latest
        return lines, self.clock.times(lines, latest)[0]

    def record(self, line: bytes, offset: int, time: float) -> Record:
        """The record of one of these lines."""
        self.clock.latest = time
        return parse_line(
            line[:TEXT_CAP],
            role=self.role,
            clock=self.clock,
            before=time,
            path=self.path,
            offset=offset,
            end=offset + len(line) + 1,
            length=len(line),
        )

    def records(self, low: int, high: int) -> Iterator[Record]:
        """The records of [low, high), where lines begin."""
        lines, times = self.lines(low, high)
        for line, time in zip(lines, times, strict=True):
            yield self.record(line, low, time)
            low += len(line) + 1

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
