"""Which version of Cyrus a running cyrmaster is, without running anything.

The version stands as a string of its own in libcyrus_min (`CYRUS_VERSION` of xversion.h), which cyrmaster has
mapped since 2.5, or in the program itself where that is linked statically. Beside it stand the versions in
which each option was changed last (lib/imapoptions); none of those can be later than the version itself.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.facts import Process
from cyrtui.inert import inert
from cyrtui.pattern import pattern

_NAMES: Final = frozenset({"cyrmaster", "cyrus-master", "master"})
_VERSION: Final = pattern(rb"[23]\.\d{1,2}\.\d{1,3}(?:[-+~.][\x21-\x7e]{0,80})?\0")
_LIBRARY: Final = pattern(rb" (/[^\n]*/libcyrus(?:_min)?\.so[^\n ]*)$", re.MULTILINE)
_LARGEST: Final = 32 << 20
_MAPS: Final = 4 << 20


class VersionReader:
    """Reads the version of each cyrmaster once. Safe to use from several threads."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._known: dict[tuple[int, float], str | None] = {}
        self._lock = threading.Lock()

    def of(self, processes: Sequence[Process]) -> tuple[tuple[int, str], ...]:
        """(pid, version) of every process that is called as cyrmaster is and says its version."""
        with self._lock:
            known = {}
            parents = {process.pid for process in processes if process.name in _NAMES}
            for process in processes:
                # a child between fork and exec has its parent's name
                if process.pid not in parents or process.ppid in parents:
                    continue
                key = (process.pid, process.started)
                known[key] = self._known[key] if key in self._known else self._read(process.pid)
            self._known = known
            return tuple((pid, version) for (pid, _), version in known.items() if version)

    def _read(self, pid: int) -> str | None:
        from cyrtui.host.local import read_regular

        directory = f"{self._proc}/{pid}"
        try:
            # a file of /proc is a regular one to stat
            maps = read_regular(f"{directory}/maps", f"{directory}/maps", _MAPS)
            libraries = dict.fromkeys(
                path.decode("utf-8", "surrogateescape") for path in _LIBRARY.findall(maps)
            )
            for path in (*(f"{directory}/root{library}" for library in libraries), f"{directory}/exe"):
                found = version_in(read_regular(path, path, _LARGEST))
                if found is not None:
                    return found
        except FileUnreadable:
            return None
        return None


def _begins(program: bytes, at: int) -> bool:
    """Whether a string begins there: what stands before it is none of its letters."""
    return at == 0 or not 0x20 <= program[at - 1] <= 0x7E


def version_in(program: bytes) -> str | None:
    """The version of Cyrus that stands in a program or library of it, if one does."""
    found = [
        one[0][:-1]
        for one in _VERSION.finditer(program)
        if _begins(program, one.start() - (program[max(one.start() - 1, 0) : one.start()] == b"v"))
    ]
    return inert(max(found, key=_order)) if found else None


def _order(version: bytes) -> tuple[list[int], int]:
    numbers = re.match(rb"[0-9.]+", version)
    return [int(part) for part in (numbers[0] if numbers else b"").split(b".") if part], len(version)
