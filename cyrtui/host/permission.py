"""What a user of this machine may do with a path: modes, access control lists, and every directory above it.

Sources: path_resolution(7), acl(5); the form of system.posix_acl_access is linux/posix_acl_xattr.h.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cyrtui.inert import inert

READ: Final = 4
WRITE: Final = 2
SEARCH: Final = 1

_WORDS: Final = {READ: "read", WRITE: "write", SEARCH: "search"}
_ENTRY: Final = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 1, 2, 4, 8, 16, 32


@dataclass(frozen=True, slots=True)
class _Who:
    name: str
    uid: int
    gids: frozenset[int]


def denied(path: str, user: str, wanted: int) -> str | None:
    """Why `user` may not do with `path` what is wanted (READ, WRITE and SEARCH, added), in words.

    None: he may, or it cannot be told (no such user or path, or a directory that cannot be looked into).
    """
    import pwd

    try:
        entry = pwd.getpwnam(user)
        who = _Who(user, entry.pw_uid, frozenset(os.getgrouplist(user, entry.pw_gid)))
        real = os.path.realpath(path, strict=True)
        for place, bits in _steps(real, wanted):
            lacking = _lacking(place, who, bits) if who.uid else 0
            if lacking:
                words = " and ".join(word for bit, word in _WORDS.items() if lacking & bit)
                return f"user {user} may not {words} {inert(place)} ({_owned(place)})"
    except (KeyError, OSError, ValueError):
        return None
    return None


def _steps(real: str, wanted: int) -> Iterator[tuple[str, int]]:
    """Each directory above the path, which must be searched, and the path itself."""
    parts = [part for part in real.split("/") if part]
    for index in range(len(parts)):
        yield "/" + "/".join(parts[:index]), SEARCH
    yield real, wanted


def _owned(path: str) -> str:
    import grp
    import pwd

    facts = os.stat(path)
    try:
        names = f"{pwd.getpwuid(facts.st_uid).pw_name}:{grp.getgrgid(facts.st_gid).gr_name}"
    except KeyError:
        names = f"{facts.st_uid}:{facts.st_gid}"
    return f"{stat.filemode(facts.st_mode)} {names}"


def _lacking(path: str, who: _Who, bits: int) -> int:
    """The wanted bits that the user does not have."""
    facts = os.stat(path)
    try:
        acl = os.getxattr(path, "system.posix_acl_access")
    except OSError:
        acl = b""
    return bits & ~(_by_acl(acl, facts, who, bits) if acl else _by_mode(facts, who))


def _by_mode(facts: os.stat_result, who: _Who) -> int:
    if facts.st_uid == who.uid:
        return facts.st_mode >> 6 & 7
    return facts.st_mode >> 3 & 7 if facts.st_gid in who.gids else facts.st_mode & 7


def _by_acl(acl: bytes, facts: os.stat_result, who: _Who, bits: int) -> int:
    """acl(5), access check algorithm. A list that cannot be read forbids nothing."""
    if len(acl) < 4 or (len(acl) - 4) % _ENTRY.size:
        return 7
    entries: list[tuple[int, int, int]] = list(_ENTRY.iter_unpack(acl[4:]))
    mask = next((allowed for tag, allowed, _ in entries if tag == _MASK), 7)
    if facts.st_uid == who.uid:
        return next((allowed for tag, allowed, _ in entries if tag == _USER_OBJ), 7)
    for tag, allowed, ident in entries:
        if tag == _USER and ident == who.uid:
            return allowed & mask
    groups = [
        allowed & mask
        for tag, allowed, ident in entries
        if (tag == _GROUP_OBJ and facts.st_gid in who.gids) or (tag == _GROUP and ident in who.gids)
    ]
    if groups:
        return next((allowed for allowed in groups if allowed & bits == bits), groups[0])
    return next((allowed for tag, allowed, _ in entries if tag == _OTHER), 7)
