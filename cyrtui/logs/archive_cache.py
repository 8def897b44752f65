"""What compressed archives of logs hold, kept in a folder that the user allows, so that it is unpacked once.

One file an archive, named by what the archive holds, so that rotation may rename it: the line `MAGIC`, the
parts of about a MiB each, compressed by zlib, a JSON table of them, and its length and CRC-32 (8 bytes, big
endian). A file that is not whole, not ours, or that others could write is not believed: the archive is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import struct
import zlib
from typing import BinaryIO, Final

from cyrtui.access import Gate
from cyrtui.errors import AccessDenied
from cyrtui.host.protocol import LogFile
from cyrtui.inert import inert

MAGIC: Final = b"cyrtui archive 1\n"
SUFFIX: Final = ".archive"
ENTRIES: Final = 256
"""Files that are kept; the ones written first go first."""
BYTES: Final = 2 << 30
"""Bytes that all of them may have together when another one is begun."""
_PEEK: Final = 4096
_TAIL: Final = struct.Struct(">II")
_LARGEST_PART: Final = 8 << 20
_LARGEST_TABLE: Final = 16 << 20


class CachedArchive:
    """An archive as it was unpacked before. `starts` are the offsets of its parts, `size` is its length."""

    def __init__(self, path: str, places: list[tuple[int, int, int]], size: int) -> None:
        self.starts = [start for start, _, _ in places]
        self.size = size
        self._path = path
        self._places = places

    def part(self, number: int) -> bytes | None:
        """The bytes of a part; None if the cache has become unusable."""
        start, offset, length = self._places[number]
        stop = self._places[number + 1][0] if number + 1 < len(self._places) else self.size
        try:
            with open(self._path, "rb") as file:
                file.seek(offset)
                unpacker = zlib.decompressobj()
                data = unpacker.decompress(file.read(length), _LARGEST_PART)
        except (OSError, zlib.error):
            return None
        return data if len(data) == stop - start and unpacker.eof else None


class CacheWriter:
    """Writes the parts of one archive down while it is unpacked. A failure ends it, and nothing else."""

    def __init__(self, gate: Gate, file: BinaryIO, temporary: str, path: str) -> None:
        self.failed = False
        self._gate = gate
        self._file = file
        self._temporary = temporary
        self._path = path
        self._at = len(MAGIC)
        self._table: list[tuple[int, int, int]] = []
        self._write(MAGIC)

    def add(self, start: int, data: bytes) -> None:
        """The part that begins at `start`."""
        packed = zlib.compress(data, 1)
        self._table.append((start, self._at, len(packed)))
        self._at += len(packed)
        self._write(packed)

    def finish(self, size: int) -> None:
        """All parts are there: let the file be found."""
        table = json.dumps({"size": size, "parts": self._table}, separators=(",", ":")).encode()
        self._write(table + _TAIL.pack(len(table), zlib.crc32(table)))
        self._file.close()
        if not self.failed:
            try:
                self._gate.replace(self._temporary, self._path)
            except AccessDenied:
                self.failed = True
        if self.failed:
            self.abandon()

    def abandon(self) -> None:
        """The archive was not read to its end."""
        self._file.close()
        with contextlib.suppress(AccessDenied):
            self._gate.remove(self._temporary)

    def _write(self, data: bytes) -> None:
        if not self.failed:
            try:
                self._file.write(data)
            except OSError:
                self.failed = True


class ArchiveCache:
    """The folder. Without a gate it is only read. `problem` is a sentence when it cannot be used."""

    def __init__(self, directory: str, gate: Gate | None) -> None:
        self.problem: str | None = None
        self._directory = directory
        self._gate = gate
        self._safe = self._is_ours()

    def _is_ours(self) -> bool:
        try:
            if self._gate is not None:
                self._gate.make_directory(self._directory)
            facts = os.stat(self._directory)
        except AccessDenied as error:
            self.problem = f"Unpacked archives are not kept: {error}"
            return False
        except OSError:
            return False
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            self.problem = (
                f"Unpacked archives are not kept: {inert(self._directory)} must be a directory of your own "
                "that nobody else may write to."
            )
            return False
        return True

    def find(self, file: LogFile) -> CachedArchive | None:
        """What is kept of an archive, or None."""
        if not self._safe:
            return None
        path = self._path_of(file)
        try:
            with open(path, "rb") as kept:
                facts = os.fstat(kept.fileno())
                if facts.st_uid != os.geteuid() or facts.st_mode & 0o022 or kept.read(len(MAGIC)) != MAGIC:
                    return None
                kept.seek(-_TAIL.size, os.SEEK_END)
                end = kept.tell()
                length, checksum = _TAIL.unpack(kept.read(_TAIL.size))
                if length > min(end - len(MAGIC), _LARGEST_TABLE):
                    return None
                kept.seek(end - length)
                table = kept.read(length)
        except OSError:
            return None
        if zlib.crc32(table) != checksum:
            return None
        return _read_table(path, table, end - length)

    def begin(self, file: LogFile) -> CacheWriter | None:
        """Begin to keep an archive; None where nothing may be written, or (see `problem`) can be."""
        if self._gate is None or not self._safe:
            return None
        path = self._path_of(file)
        temporary = f"{path}.{os.getpid()}.{id(file):x}"
        try:
            self._clear_away(self._gate)
            return CacheWriter(self._gate, self._gate.create_file(temporary), temporary, path)
        except (AccessDenied, OSError) as error:
            self.problem = f"Unpacked archives are not kept: {error}"
            return None

    def _clear_away(self, gate: Gate) -> None:
        """Remove what is too many, and what a killed run has left half written."""
        found = [
            (facts.st_mtime, entry.path, facts.st_size)
            for entry in os.scandir(self._directory)
            if SUFFIX in entry.name
            for facts in (entry.stat(),)
        ]
        newest = max((time for time, _, _ in found), default=0.0)
        bytes_kept = files_kept = 0
        for time, path, size in sorted(found, reverse=True):
            if not path.endswith(SUFFIX):
                if time < newest - 3600:
                    gate.remove(path)
                continue
            bytes_kept += size
            files_kept += 1
            if files_kept >= ENTRIES or bytes_kept > BYTES:
                gate.remove(path)

    def _path_of(self, file: LogFile) -> str:
        """Named by size, beginning and end of the archive. Raises `FileUnreadable`."""
        size = file.size()
        content = hashlib.sha256(b"%d\n" % size)
        content.update(file.pread(_PEEK, 0))
        content.update(file.pread(_PEEK, max(0, size - _PEEK)))
        return f"{self._directory}/{content.hexdigest()[:40]}{SUFFIX}"


def _read_table(path: str, table: bytes, end: int) -> CachedArchive | None:
    """The table, if every part lies where it can and they follow one another."""
    try:
        data = json.loads(table)
        size = data["size"]
        places = [(start, offset, length) for start, offset, length in data["parts"]]
    except (ValueError, TypeError, KeyError):
        return None
    numbers = [size, *(number for place in places for number in place)]
    if not all(type(number) is int and number >= 0 for number in numbers):
        return None
    begin, before = len(MAGIC), -1
    for start, offset, length in places:
        if offset != begin or start <= before or start >= size:
            return None
        begin, before = offset + length, start
    if begin != end or (places and places[0][0]) or (size and not places):
        return None
    return CachedArchive(path, places, size)
