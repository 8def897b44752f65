"""Sieve scripts of a user: `name.script` (source), `name.bc` (bytecode), and the link `defaultbc` to the
active one.

lmtpd runs the bytecode; the source is what people read. Up to 2.1 the link is called `default` and names the
source. Bytecode begins with `CyrSBytecode` and its version, 32 bits, little-endian. Source: imap/sieve_db.c,
sieve/bytecode.h.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from cyrtui.inert import inert
from cyrtui.spool.damage import Damaged

BYTECODE_MAGIC: Final = b"CyrSBytecode"
# A source that is a message has its time in whole seconds.
_SAME: Final = 1.0
_SOURCES: Final = (".script", ".siv")


class SieveFile(NamedTuple):
    """One name in the user's directory; `modified` in seconds since the epoch, `target` of a symbolic
    link."""

    name: str
    modified: float
    target: str | None = None


class SieveScript(NamedTuple):
    """One script. `source` and `bytecode` are the names of its files, None where one is missing;
    `stale`: the source is younger than the bytecode, so that an older script than the one shown runs."""

    name: str
    active: bool
    source: str | None
    bytecode: str | None
    stale: bool
    modified: float


class SieveScripts(NamedTuple):
    """The scripts by name, and what the active link names when no script is there for it (`dangling`)."""

    scripts: tuple[SieveScript, ...]
    dangling: str | None


def sieve_scripts(files: Iterable[SieveFile]) -> SieveScripts:
    """The scripts that these files of one user's directory make."""
    by_name = {one.name: one for one in files}
    active = None
    for link in ("defaultbc", "default"):
        if (target := by_name[link].target if link in by_name else None) is not None:
            active = _stem(target.rpartition("/")[2])
            break
    stems: dict[str, None] = {}
    for one in sorted(by_name):
        if one.endswith((*_SOURCES, ".bc")):
            stems.setdefault(_stem(one))
    scripts = []
    for stem in stems:
        source = by_name.get(f"{stem}.script") or by_name.get(f"{stem}.siv")
        code = by_name.get(f"{stem}.bc")
        stale = source is not None and code is not None and code.modified + _SAME < source.modified
        newest = source or code
        scripts.append(
            SieveScript(
                inert(stem),
                stem == active,
                source.name if source else None,
                code.name if code else None,
                stale,
                newest.modified if newest else 0.0,
            )
        )
    dangling = inert(active) if active is not None and active not in stems else None
    return SieveScripts(tuple(scripts), dangling)


def _stem(name: str) -> str:
    for end in (*_SOURCES, ".bc"):
        if name.endswith(end):
            return name[: -len(end)]
    return name


def read_bytecode_version(data: bytes) -> int:
    """The version of the bytecode that `data` begins with. Raises `Damaged`."""
    if not data.startswith(BYTECODE_MAGIC) or len(data) < len(BYTECODE_MAGIC) + 4:
        raise Damaged(
            "sieve bytecode",
            "byte 0",
            "it does not begin as bytecode does",
            "activating the script once more compiles it",
        )
    return int.from_bytes(data[len(BYTECODE_MAGIC) : len(BYTECODE_MAGIC) + 4], "little")
