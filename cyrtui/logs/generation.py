"""One file that bore the name of a log for a while, and how far it has been read."""

from __future__ import annotations

import zlib
from array import array
from collections import deque
from itertools import accumulate, islice
from typing import Final

from cyrtui.host.protocol import LogFile

HEAD_BYTES: Final = 256
TAIL_BYTES: Final = 128
_MARKS: Final = 2048
_WINDOW: Final = 1 << 20


class Generation:
    """A file of the log: the present one, one that was renamed away, or what a truncated one held before.

    Offsets are bytes. What lies before `scanned` has been looked at, what lies before `line_start` has been
    handed out as whole lines; `seen` is the largest size met, `written` the mtime when it was last read.
    `file` changes to a copy that logrotate made before it truncated the file; where there is none, nothing at
    or after `kept` can be read any more. `head` and `tail` are the first bytes and those before `scanned`,
    `marks` the last lines with a checksum each: by them a file is known again.
    """

    __slots__ = (
        *("file", "path", "line_start", "scanned", "seen", "quiet_since", "written"),
        *("head", "tail", "kept", "half_told", "marks"),
    )

    def __init__(
        self,
        file: LogFile,
        path: str,
        line_start: int,
        scanned: int,
        seen: int,
        quiet_since: float,
        written: float,
        head: bytes = b"",
        tail: bytes = b"",
    ) -> None:
        self.file = file
        self.path = path
        self.line_start = line_start
        self.scanned = scanned
        self.seen = seen
        self.quiet_since = quiet_since
        self.written = written
        self.head = head
        self.tail = tail
        self.kept: int | None = None
        self.half_told = False
        self.marks: deque[tuple[int, int]] = deque(maxlen=_MARKS)

    @property
    def identity(self) -> tuple[int, int]:
        return self.file.identity

    @property
    def unread(self) -> int:
        """Bytes that were seen to be there and not handed out, neither as lines nor as half a line."""
        return self.seen - (self.scanned if self.half_told else self.line_start)

    def mark(self, starts: array[int], lines: list[bytes]) -> None:
        """Remember the last of these whole lines."""
        skip = max(0, len(lines) - _MARKS)
        self.marks.extend(zip(starts[skip:], map(zlib.crc32, islice(lines, skip, None)), strict=True))

    def resembles(self, other: LogFile) -> bool:
        """Whether `other` begins as this file did: the same lines, perhaps under another name."""
        return bool(self.head) and other.pread(len(self.head), 0) == self.head

    def shared_with(self, other: LogFile) -> int:
        """Up to where `other`, perhaps this very file after a cut, holds the lines that this one held.

        That is the beginning of a line; 0 where they have no whole line in common. Raises `FileUnreadable`.
        """
        size = other.size()
        if size < len(self.head) or not self.resembles(other):
            return _shared_lines(self.head, other.pread(len(self.head), 0))
        end = self.line_start
        for start, checksum in reversed(self.marks):
            if end <= size and end - start <= _WINDOW:
                line = other.pread(end - start, start)
                if line[-1:] == b"\n" and zlib.crc32(line[:-1]) == checksum:
                    return end
            end = start
        return line_before(other, min(size, end) + 1)


def _shared_lines(one: bytes, other: bytes) -> int:
    """The length of the whole lines that both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    differ = next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))
    return one.rfind(b"\n", 0, differ) + 1


def begins(whole: LogFile, part: LogFile) -> bool:
    """Whether `whole` begins with all that is in `part`, as far as its first and last bytes tell."""
    size = part.size()
    if not 0 < size <= whole.size():
        return False
    at = max(0, size - TAIL_BYTES)
    return part.pread(HEAD_BYTES, 0) == whole.pread(min(HEAD_BYTES, size), 0) and part.pread(
        TAIL_BYTES, at
    ) == whole.pread(size - at, at)


def open_generation(file: LogFile, path: str, start: int, now: float) -> Generation:
    """A file to be read from `start`, which must be the beginning of a line. Raises `FileUnreadable`."""
    tail_at = max(0, start - TAIL_BYTES)
    return Generation(
        file,
        path,
        line_start=start,
        scanned=start,
        seen=start,
        quiet_since=now,
        written=file.mtime(),
        head=file.pread(min(HEAD_BYTES, start), 0) if start else b"",
        tail=file.pread(start - tail_at, tail_at) if start else b"",
    )


def line_before(file: LogFile, offset: int) -> int:
    """Where the line that holds the byte at `offset` - 1 begins: after the last newline before that byte.

    Reads backwards in windows of 1 MiB. Raises `FileUnreadable`.
    """
    high = max(0, offset - 1)
    while high > 0:
        low = max(0, high - _WINDOW)
        found = file.pread(high - low, low).rfind(b"\n")
        if found >= 0:
            return low + found + 1
        high = low
    return 0


def tail_start(file: LogFile, length: int) -> int:
    """The beginning of the first line that starts in the last `length` bytes, or of the last line of all.

    Raises `FileUnreadable`.
    """
    size = file.size()
    low = size - length
    if low <= 0:
        return 0
    found = file.pread(length + 1, low - 1).find(b"\n")
    if found >= 0 and low + found < size:
        return low + found
    return line_before(file, low)


def split_lines(data: bytes, at: int) -> tuple[array[int], list[bytes]]:
    """The offsets and the bytes of the lines of `data`, which ends with a newline and stands at `at`."""
    lines = data.split(b"\n")
    lines.pop()
    starts = array("Q", accumulate(map(len, lines), lambda before, length: before + length + 1, initial=at))
    starts.pop()
    return starts, lines
