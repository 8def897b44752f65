"""Patterns for millions of lines, run by the PCRE2 library's compiled code where the host has it.

Python's `re` takes three to seven times as long for the same pattern, and does the work where there is no
such library, where the system lets no program make code, and where the library gives up. A pattern must mean
the same to both: bytes, no flags, possessive where it can be, and none of what only one of them knows.

Source of the interface: pcre2api(3), pcre2jit(3). Debian's libselinux1, and so every Debian system, has it.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from typing import Final

from cyrtui.pattern import pattern

_LIBRARY: Final = "libpcre2-8.so.0"
_JIT_COMPLETE: Final = ctypes.c_uint32(1)
_NO_OPTIONS: Final = ctypes.c_uint32(0)
_NULL: Final = ctypes.c_void_p(None)
_NO_MATCH: Final = -1
_NO_MEMORY: Final = -48
_SUBSTITUTE: Final = ctypes.c_uint32(0x100 | 0x400 | 0x1000 | 0x20000)
"""All matches, a group that took no part is empty, how much room is missing, and the replacements alone."""
_STACK: Final = 1 << 20
_LEAST_ROOM: Final = 1 << 20
_GROUP: Final = pattern(rb"\$(\d)")


def _functions() -> ctypes.PyDLL | None:
    """The library, whose functions are called without letting other threads run, as no call takes long, and
    are given objects of ctypes only, which are passed on as they are: both together halve what a call costs.
    """
    try:
        library = ctypes.PyDLL(_LIBRARY)
        for make in ("compile", "match_data_create_from_pattern", "match_context_create", "jit_stack_create"):
            getattr(library, f"pcre2_{make}_8").restype = ctypes.c_void_p
        library.pcre2_get_ovector_pointer_8.restype = ctypes.c_void_p
        for free in ("code", "match_data", "match_context", "jit_stack"):
            getattr(library, f"pcre2_{free}_free_8").restype = None
        library.pcre2_jit_stack_assign_8.restype = None
        for call in ("jit_compile", "jit_match", "substitute"):
            getattr(library, f"pcre2_{call}_8").restype = ctypes.c_int
        library.pcre2_get_ovector_count_8.restype = ctypes.c_uint32
    except (OSError, AttributeError, TypeError):
        return None
    return library


_PCRE2: Final = _functions()


class _Compiled:
    """A pattern as the library's own code; `made` is False where it cannot be."""

    def __init__(self, library: ctypes.PyDLL, text: bytes) -> None:
        self._library = library
        self._freed: list[tuple[str, ctypes.c_void_p]] = []
        # a line ends with LF, whatever the library was built for
        text = b"(*LF)" + text
        error, offset = ctypes.c_int(), ctypes.c_size_t()
        self._code = self._have(
            "code",
            library.pcre2_compile_8(
                *(ctypes.c_char_p(text), ctypes.c_size_t(len(text)), _NO_OPTIONS),
                *(ctypes.byref(error), ctypes.byref(offset), _NULL),
            ),
        )
        self.made = bool(self._code) and not library.pcre2_jit_compile_8(self._code, _JIT_COMPLETE)
        if not self.made:
            return
        self._data = self._have(
            "match_data", library.pcre2_match_data_create_from_pattern_8(self._code, _NULL)
        )
        self._context = self._have("match_context", library.pcre2_match_context_create_8(_NULL))
        stack = library.pcre2_jit_stack_create_8(ctypes.c_size_t(32 << 10), ctypes.c_size_t(_STACK), _NULL)
        stack = self._have("jit_stack", stack)
        self.made = bool(self._data and self._context and stack)
        if self.made:
            library.pcre2_jit_stack_assign_8(self._context, _NULL, stack)
            # signed, so that a group that took no part is at -1
            pairs: int = library.pcre2_get_ovector_count_8(self._data)
            self._places = (ctypes.c_ssize_t * (2 * pairs)).from_address(
                library.pcre2_get_ovector_pointer_8(self._data)
            )
            self._room = ctypes.create_string_buffer(_LEAST_ROOM)

    def _have(self, kind: str, address: int | None) -> ctypes.c_void_p:
        it = ctypes.c_void_p(address)
        self._freed.append((kind, it))
        return it

    def __del__(self) -> None:
        for kind, it in reversed(self._freed):
            getattr(self._library, f"pcre2_{kind}_free_8")(it)

    def matches(self, data: bytes, end: int) -> Iterator[list[int]]:
        """As `LinePattern.matches`. Raises `_GaveUp`."""
        match, places = self._library.pcre2_jit_match_8, self._places
        code, matched, context = self._code, self._data, self._context
        subject, length, at = ctypes.c_char_p(data), ctypes.c_size_t(end), ctypes.c_size_t(0)
        while (answer := match(code, subject, length, at, _NO_OPTIONS, matched, context)) > 0:
            found = places[:]
            yield found
            if found[1] >= end:
                return
            at.value = found[1]
        if answer != _NO_MATCH:
            raise _GaveUp

    def extract(self, data: bytes, end: int, template: bytes) -> bytes:
        """As `LinePattern.extract`. Raises `_GaveUp`."""
        subject, wanted = ctypes.c_char_p(data), ctypes.c_char_p(template)
        length, size = ctypes.c_size_t(end), ctypes.c_size_t()
        while True:
            size.value = len(self._room)
            answer = self._library.pcre2_substitute_8(
                *(self._code, subject, length, ctypes.c_size_t(0), _SUBSTITUTE, self._data, self._context),
                *(wanted, ctypes.c_size_t(len(template)), self._room, ctypes.byref(size)),
            )
            if answer >= 0:
                return ctypes.string_at(self._room, size.value)
            if answer != _NO_MEMORY or size.value <= len(self._room):
                raise _GaveUp
            self._room = ctypes.create_string_buffer(size.value + 1)


class _GaveUp(Exception):
    """The library came to one of its limits."""


class LinePattern:
    """A pattern over pieces of a log, of which no match is empty but one at the end. Not thread-safe.

    Raises `re.error` for one that is none.
    """

    def __init__(self, text: bytes, *, native: bool = True) -> None:
        self._pattern = pattern(text)
        compiled = _Compiled(_PCRE2, text) if native and _PCRE2 is not None else None
        self._compiled = compiled if compiled is not None and compiled.made else None
        if self._compiled is None:
            re.compile(text)

    @property
    def native(self) -> bool:
        """True if the library does the work."""
        return self._compiled is not None

    def matches(self, data: bytes, end: int) -> Iterator[list[int]]:
        """All matches in the first `end` bytes, none within another: where each of their groups begins and
        ends, the whole match first. Both are -1 of a group that took no part.
        """
        at = 0
        if self._compiled is not None:
            try:
                for places in self._compiled.matches(data, end):
                    yield places
                    at = places[1]
            except _GaveUp:
                pass
            else:
                return
        for found in self._pattern.finditer(data, at, end):
            yield [place for span in found.regs for place in span]

    def extract(self, data: bytes, end: int, template: bytes) -> bytes:
        """What `template` says of all matches in the first `end` bytes, one after another.

        `$1` to `$9` in it are groups, nothing if they took no part; there are no other dollars.
        """
        if self._compiled is not None:
            try:
                return self._compiled.extract(data, end, template)
            except _GaveUp:
                pass
        first, *rest = _GROUP.split(template)
        numbers, literals = [int(number) for number in rest[::2]], rest[1::2]
        parts = []
        for found in self._pattern.finditer(data, 0, end):
            parts.append(first)
            for number, literal in zip(numbers, literals, strict=True):
                parts += found[number] or b"", literal
        return b"".join(parts)
