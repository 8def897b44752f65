"""A compressed archive of a log, read as if it were not compressed: any part, in bounded time and memory.

It is decompressed once from its beginning, in slices, as soon as it is wanted. Meanwhile places to go on from
are kept in memory. For gzip they are copies of the decompressor (some 40 KiB each, `POINTS` at most). The
other formats have no such copies: of them what came out is kept, compressed again by zlib, up to `KEPT`
bytes; what is before that is decompressed anew when it is wanted. Where the user allows a folder for it
(archive_cache.py) all of it is kept there, and an archive that was decompressed once is read from there.
"""

from __future__ import annotations

import threading
import time
import zlib
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import LogFile
from cyrtui.inert import inert
from cyrtui.logs.unpack import Unpacker

if TYPE_CHECKING:
    from cyrtui.logs.archive_cache import ArchiveCache, CacheWriter

SPACING: Final = 1 << 20
POINTS: Final = 128
KEPT: Final = 24 << 20
_PEEK: Final = 1024
_SAMPLES: Final = 512


class UnpackedParts:
    """The parts that were decompressed last, shared by the archives of one log. Thread-safe."""

    def __init__(self, most: int = 2) -> None:
        self._most = most
        self._parts: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int]) -> bytes | None:
        with self._lock:
            part = self._parts.get(key)
            if part is not None:
                self._parts.move_to_end(key)
            return part

    def put(self, key: tuple[int, int], part: bytes) -> None:
        with self._lock:
            self._parts[key] = part
            while len(self._parts) > self._most:
                self._parts.popitem(last=False)


class PackedFile:
    """What was compressed into `file`, as a `LogFile`. Thread-safe.

    `size` and `pread` beyond the first bytes finish the index if `advance` has not. `damage` is a sentence
    where the file cannot be decompressed to its end. Raises `FileUnreadable` for zstd without libzstd.
    """

    def __init__(
        self,
        file: LogFile,
        path: str,
        parts: UnpackedParts | None = None,
        cache: ArchiveCache | None = None,
    ) -> None:
        self.path = path
        self._file = file
        self._parts = parts or UnpackedParts()
        self._lock = threading.RLock()
        self._front = Unpacker(file, path)
        self._head = b""
        self._indexed = False
        self._spacing = SPACING
        self._starts: list[int] = []
        self._points: list[Unpacker | bytes | None] = []
        self._gathered: list[bytes] = []
        self._gathered_at = 0
        self._kept = 0
        self._sample_every = SPACING
        self.samples: list[tuple[int, bytes]] = []
        self._cache = cache
        self._to_write: list[bytes] = []
        self._written = 0
        self._writer: CacheWriter | None = None
        self._cached = cache.find(file) if cache is not None else None
        if self._cached is not None:
            self._starts, self._indexed = self._cached.starts, True

    @property
    def identity(self) -> tuple[int, int]:
        return self._file.identity

    @property
    def damage(self) -> str | None:
        return self._front.damage

    @property
    def indexed(self) -> bool:
        """Whether it has been decompressed once to its end."""
        return self._indexed

    def mtime(self) -> float:
        return self._file.mtime()

    def packed_size(self) -> int:
        """Bytes of the compressed file."""
        return self._file.size()

    def size(self) -> int:
        """Bytes of what was compressed. Raises `FileUnreadable`."""
        self.advance(None)
        return self._length

    @property
    def _length(self) -> int:
        return self._cached.size if self._cached is not None else self._front.at

    def close(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        self._file.close()

    # The index

    def advance(self, seconds: float | None) -> bool:
        """Decompress on for about so long (None: to the end); whether the end is reached.

        Raises `FileUnreadable`.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._indexed:
            with self._lock:
                self._step()
            if deadline is not None and time.monotonic() >= deadline:
                break
        return self._indexed

    def _step(self) -> None:
        if self._indexed:
            return
        front = self._front
        at = front.at
        if not at and self._cache is not None:
            self._writer = self._cache.begin(self._file)
        self._mark(front)
        data = front.read()
        if not data:
            self._pack_gathered(front.at)
            self._indexed = True
            self._keep_written(front)
            return
        self._write_down(data, at)
        if at < _PEEK:
            self._head += data[: _PEEK - at]
        if not self.samples or at - self.samples[-1][0] >= self._sample_every:
            self.samples.append((at, data[:_PEEK]))
            if len(self.samples) > _SAMPLES:
                del self.samples[1::2]
                self._sample_every *= 2
        if self._points[-1] is None or isinstance(self._points[-1], bytes):
            self._gathered.append(data)

    def _write_down(self, data: bytes, at: int) -> None:
        if self._writer is None:
            return
        if self._to_write and at - self._written >= SPACING:
            self._writer.add(self._written, b"".join(self._to_write))
            self._to_write.clear()
            self._written = at
        self._to_write.append(data)

    def _keep_written(self, front: Unpacker) -> None:
        """The archive was read to its end: if it is whole, the cache has it from now on."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if front.damage is not None:
            writer.abandon()
            return
        if self._to_write:
            writer.add(self._written, b"".join(self._to_write))
            self._to_write.clear()
        writer.finish(front.at)

    def _mark(self, front: Unpacker) -> None:
        """Keep this place, if it is far enough from the last one."""
        if self._starts and front.at - self._starts[-1] < self._spacing:
            return
        point = front.copy()
        if point is None and self._points and isinstance(self._points[-1], Unpacker):
            # A copy can be made only where a piece of the input is used up: a little later.
            return
        self._pack_gathered(front.at)
        self._starts.append(front.at)
        self._points.append(point)
        if point is not None and len(self._points) > POINTS:
            del self._starts[1::2], self._points[1::2]
            self._spacing *= 2

    def _pack_gathered(self, at: int) -> None:
        if self._gathered:
            packed = zlib.compress(b"".join(self._gathered), 1)
            self._gathered.clear()
            self._points[-1] = packed
            self._kept += len(packed)
            self._forget(len(self._points) - 1)
        self._gathered_at = at

    def _forget(self, newest: int) -> None:
        """Let go of what is kept of the earliest parts, when it is too much."""
        for number in range(newest):
            if self._kept <= KEPT:
                return
            if isinstance(packed := self._points[number], bytes):
                self._kept -= len(packed)
                self._points[number] = None

    # Reading

    def pread(self, length: int, offset: int) -> bytes:
        """At most `length` bytes at `offset` of what was compressed. Raises `FileUnreadable`."""
        with self._lock:
            while not self._head and not self._indexed:
                self._step()
            if offset + length <= len(self._head):
                return self._head[offset : offset + length]
            sample = self._sample(offset, length)
            if sample is not None:
                return sample
            self.advance(None)
            wanted = min(length, self._length - offset)
            found: list[bytes] = []
            while wanted > 0:
                number = bisect_right(self._starts, offset) - 1
                whole = self._part(number)
                if whole is None:
                    self._leave_cache()
                    continue
                part = whole[offset - self._starts[number] :][:wanted]
                if not part:
                    raise FileUnreadable(self.path, f"{inert(self.path)} changed while it was read.")
                found.append(part)
                offset += len(part)
                wanted -= len(part)
            return b"".join(found)

    def _sample(self, offset: int, length: int) -> bytes | None:
        at = bisect_right(self.samples, (offset, b"\xff")) - 1
        if at >= 0:
            start, data = self.samples[at]
            if offset + length <= start + len(data):
                return data[offset - start : offset - start + length]
        return None

    def _part(self, number: int) -> bytes | None:
        """None where the cache no longer has it."""
        # the parts of the cache end elsewhere
        key = (id(self) if self._cached is None else -id(self), self._starts[number])
        part = self._parts.get(key)
        if part is None:
            part = self._unpack(number) if self._cached is None else self._cached.part(number)
            if part is not None:
                self._parts.put(key, part)
        return part

    def _unpack(self, number: int) -> bytes:
        point = self._points[number]
        if isinstance(point, bytes):
            return zlib.decompress(point)
        stop = self._starts[number + 1] if number + 1 < len(self._starts) else self._front.at
        if point is None:
            return self._again(number)
        reader = point.copy()
        if reader is None:
            raise FileUnreadable(self.path, f"{inert(self.path)} cannot be read from its middle.")
        return _read_until(reader, self._starts[number], stop)

    def _leave_cache(self) -> None:
        """What was kept is not what it was: the archive itself is unpacked."""
        self._cached = self._cache = None
        self._starts, self._indexed = [], False
        self.advance(None)

    def _again(self, number: int) -> bytes:
        """What was let go of: decompressed from the beginning, and kept again with what stands before it."""
        for at, packed in enumerate(self._points):
            if isinstance(packed, bytes):
                self._points[at] = None
        self._kept = 0
        reader = Unpacker(self._file, self.path)
        data, rest = b"", b""
        for at in range(number + 1):
            stop = self._starts[at + 1] if at + 1 < len(self._starts) else self._front.at
            pieces = [rest]
            have = self._starts[at] + len(rest)
            while have < stop and (piece := reader.read()):
                pieces.append(piece)
                have += len(piece)
            data = b"".join(pieces)
            data, rest = data[: stop - self._starts[at]], data[stop - self._starts[at] :]
            packed = zlib.compress(data, 1)
            self._points[at] = packed
            self._kept += len(packed)
            self._forget(at)
        return data


def _read_until(reader: Unpacker, start: int, stop: int) -> bytes:
    pieces: list[bytes] = []
    while reader.at < stop and (piece := reader.read()):
        pieces.append(piece)
    return b"".join(pieces)[: stop - start]
