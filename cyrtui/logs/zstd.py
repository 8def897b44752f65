"""zstd by the system's own library: Python has it from 3.14 on only, and logs are compressed by it today.

The interface is zstd.h's streaming one (ZSTD_decompressStream), stable since 1.4; the class has the methods
of `bz2.BZ2Decompressor`.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Final

_NAMES: Final = ("libzstd.so.1", "libzstd.1.dylib")
_WINDOW_LOG_MAX: Final = 27
_ZSTD_D_WINDOW_LOG_MAX: Final = 100


class ZstdError(ValueError):
    """What was read is no zstd frame, or is damaged."""


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer: address, size and position in bytes."""

    _fields_ = [("address", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t)]


@cache
def library() -> ctypes.CDLL | None:
    """The library, or None where the system has none."""
    for name in _NAMES:
        try:
            found = ctypes.CDLL(name)
        except OSError:
            continue
        found.ZSTD_createDCtx.restype = ctypes.c_void_p
        found.ZSTD_freeDCtx.argtypes = [ctypes.c_void_p]
        found.ZSTD_DCtx_setParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        found.ZSTD_DCtx_setParameter.restype = ctypes.c_size_t
        found.ZSTD_decompressStream.argtypes = [
            ctypes.c_void_p,
            ctypes.POINTER(_Buffer),
            ctypes.POINTER(_Buffer),
        ]
        found.ZSTD_decompressStream.restype = ctypes.c_size_t
        found.ZSTD_isError.argtypes = [ctypes.c_size_t]
        found.ZSTD_isError.restype = ctypes.c_uint
        found.ZSTD_getErrorName.argtypes = [ctypes.c_size_t]
        found.ZSTD_getErrorName.restype = ctypes.c_char_p
        return found
    return None


class ZstdStream:
    """One zstd frame. A window of more than 128 MiB is refused, as zstd's own program does."""

    def __init__(self) -> None:
        found = library()
        if found is None:
            raise ZstdError("there is no libzstd")
        self._library = found
        self._context = found.ZSTD_createDCtx()
        found.ZSTD_DCtx_setParameter(self._context, _ZSTD_D_WINDOW_LOG_MAX, _WINDOW_LOG_MAX)
        self._pending = b""
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most `max_length` bytes of what comes next. Raises `ZstdError`."""
        data = self._pending + data
        room = max_length if max_length >= 0 else 1 << 20
        out = ctypes.create_string_buffer(room)
        held = ctypes.create_string_buffer(data, max(1, len(data)))
        source = _Buffer(ctypes.addressof(held), len(data), 0)
        target = _Buffer(ctypes.addressof(out), room, 0)
        while True:
            before = (source.pos, target.pos)
            code = self._library.ZSTD_decompressStream(
                self._context, ctypes.byref(target), ctypes.byref(source)
            )
            if self._library.ZSTD_isError(code):
                raise ZstdError(self._library.ZSTD_getErrorName(code).decode("ascii", "replace"))
            if code == 0:
                self.eof, self.unused_data = True, data[source.pos :]
                break
            if target.pos == room or before == (source.pos, target.pos) or source.pos == len(data):
                break
        self._pending = b"" if self.eof else data[source.pos :]
        self.needs_input = not self.eof and not self._pending and target.pos < room
        return out.raw[: target.pos]

    def __del__(self) -> None:
        if getattr(self, "_context", None):
            self._library.ZSTD_freeDCtx(self._context)
            self._context = None
