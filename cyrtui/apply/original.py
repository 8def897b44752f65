"""A configuration file as it was read, so that it can be told whether it is still the same one."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import Final

from cyrtui.errors import FileUnreadable, FileUnusable
from cyrtui.host.local import read_error
from cyrtui.inert import inert

LARGEST: Final = 4 << 20
"""Bytes: no configuration file of Cyrus is larger."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a file this very one: `mtime_ns` in nanoseconds, `size` in bytes, `digest` its SHA-256."""

    device: int
    inode: int
    mtime_ns: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Original:
    """A file as it was read. `target` is the file itself where `path` is a symlink; `links` are its names."""

    path: str
    target: str
    data: bytes
    identity: Identity
    mode: int
    uid: int
    gid: int
    links: int

    def __repr__(self) -> str:
        return f"Original({self.path!r}, {self.identity!r})"

    @property
    def is_symlink(self) -> bool:
        return self.target != self.path


def digest_of(data: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_original(path: str) -> Original:
    """Read a file of this machine with its identity. Raises `FileUnreadable`, or `FileMissing`."""
    path = os.path.abspath(path)
    try:
        target = os.path.realpath(path, strict=True)
        facts, data = _read(target, path)
    except (OSError, ValueError) as error:
        raise read_error(path, error) from error
    identity = Identity(facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size, digest_of(data))
    return Original(
        path,
        target,
        data,
        identity,
        stat.S_IMODE(facts.st_mode),
        facts.st_uid,
        facts.st_gid,
        facts.st_nlink,
    )


def same_now(original: Original) -> bool:
    """Whether the file is still the one that was read, with the same bytes in it."""
    try:
        now = read_original(original.path)
    except FileUnreadable:
        return False
    return now.target == original.target and now.identity == original.identity


def _read(target: str, path: str) -> tuple[os.stat_result, bytes]:
    """The file's facts and its bytes, both of one moment."""
    if not stat.S_ISREG(os.stat(target).st_mode):
        raise FileUnusable(path, f"{inert(path)} is not a regular file.")
    for _ in range(10):
        with open(target, "rb") as file:
            before = os.fstat(file.fileno())
            data = file.read(LARGEST + 1)
            after = os.fstat(file.fileno())
        if len(data) > LARGEST:
            raise FileUnusable(path, f"{inert(path)} is larger than the {LARGEST >> 20} MiB of such files.")
        if (
            (before.st_mtime_ns, before.st_size)
            == (after.st_mtime_ns, after.st_size)
            == (
                before.st_mtime_ns,
                len(data),
            )
        ):
            return after, data
    raise FileUnreadable(path, f"{inert(path)} is being written to at this moment; try again.")
