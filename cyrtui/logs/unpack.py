"""Decompressing a log forwards, a little at a time: gzip, bzip2, xz and zstd.

Formats: RFC 1952 (gzip, several members one after the other too), bzip2's and xz's own streams, RFC 8878
(zstd, where the system has libzstd).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import LogFile
from cyrtui.inert import inert

if TYPE_CHECKING:
    from zlib import _Decompress

SUFFIXES: Final = (".gz", ".bz2", ".xz", ".zst")
READ: Final = 32 << 10
CHUNK: Final = 256 << 10
_ERRORS: Final = (zlib.error, OSError, EOFError, ValueError)
_GZIP: Final = 16 + zlib.MAX_WBITS


class _Stream(Protocol):
    """What bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def suffix_of(path: str) -> str:
    """The suffix that tells how a file is compressed, or nothing."""
    return next((suffix for suffix in SUFFIXES if path.endswith(suffix)), "")


class GzipStream:
    """One gzip member; unlike the others it can be copied as it stands."""

    def __init__(self, copied: _Decompress | None = None) -> None:
        self._inflate = copied if copied is not None else zlib.decompressobj(_GZIP)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)

    def copy(self) -> GzipStream:
        return GzipStream(self._inflate.copy())


def _maker(path: str) -> Callable[[], _Stream]:
    suffix = suffix_of(path)
    if suffix == ".gz":
        return GzipStream
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2Decompressor
    if suffix == ".xz":
        import lzma

        return lzma.LZMADecompressor
    # ctypes is only paid for by those who have such a file
    from cyrtui.logs.zstd import ZstdStream, library

    if library() is None:
        raise FileUnreadable(
            path,
            f"{inert(path)} is compressed by zstd, and there is no libzstd.so.1 on this machine to read it: "
            "install the library (libzstd1, libzstd).",
        )
    return ZstdStream


def _errors(path: str) -> tuple[type[Exception], ...]:
    """What decompressing a damaged file raises."""
    if suffix_of(path) == ".xz":
        import lzma

        return (lzma.LZMAError, *_ERRORS)
    return _ERRORS


class Unpacker:
    """Reads on from one place of a compressed file. `at` is how many bytes have come out so far.

    When the file is damaged, or ends in the middle, `damage` is a sentence, and nothing more comes. Raises
    `FileUnreadable` for zstd where it cannot be read.
    """

    def __init__(self, file: LogFile, path: str) -> None:
        self._file = file
        self._path = path
        self._make = _maker(path)
        self._errors = _errors(path)
        self._stream = self._make()
        self._source = 0
        self._fresh = True
        self.at = 0
        self.damage: str | None = None

    def read(self) -> bytes:
        """The next bytes, `CHUNK` at most; empty at the end. Raises `FileUnreadable`."""
        while self.damage is None:
            if self._stream.eof and not self._next_stream():
                return b""
            data = b""
            if asked := self._stream.needs_input:
                data = self._file.pread(READ, self._source)
                self._source += len(data)
            try:
                out = self._stream.decompress(data, CHUNK)
            except self._errors as error:
                self._damaged(f"is damaged ({error})")
                return b""
            self._fresh &= not data
            if out:
                self.at += len(out)
                return out
            stuck = not data if asked else not self._stream.needs_input
            if stuck and not self._stream.eof:
                if not self._fresh:
                    self._damaged("ends in the middle")
                return b""
        return b""

    def _next_stream(self) -> bool:
        """Begin with the stream behind the one that ended, if there is one; zeros are only padding."""
        rest = len(self._stream.unused_data)
        self._source -= rest
        while data := self._file.pread(READ, self._source):
            padding = len(data) - len(data.lstrip(b"\0"))
            self._source += padding
            if padding < len(data):
                self._stream, self._fresh = self._make(), True
                return True
        return False

    def _damaged(self, how: str) -> None:
        self.damage = (
            f"{inert(self._path)} {how}: only its first {self.at:,} bytes, as they were before it was "
            "compressed, can be read."
        )

    def copy(self) -> Unpacker | None:
        """Another one that reads on from here, where the format lets that be kept small; otherwise None."""
        stream = self._stream
        if not isinstance(stream, GzipStream) or not stream.needs_input or stream.eof or self.damage:
            return None
        other = Unpacker(self._file, self._path)
        other._stream, other._source, other._fresh, other.at = (
            stream.copy(),
            self._source,
            self._fresh,
            self.at,
        )
        return other
