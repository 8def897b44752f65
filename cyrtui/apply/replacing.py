"""The one moment in which a file changes: whole before, whole after, and never over somebody else's edit.

The new file is written beside the old one, with its owner, mode and attributes, and brought to the disk.
Then the two change names in one step (renameat2(2), RENAME_EXCHANGE), and what has come out is compared with
what was read: if another program has changed the file meanwhile, they change back. What is left is the time
of two system calls in which readers see the candidate over the other's edit, and a program that had the old
file open all the time and writes to it later than that: its words go where no name leads. Where the file
system knows no exchange the file is compared right before a plain rename; an edit between the two is lost.
"""

from __future__ import annotations

import os

from cyrtui.access import FileLike, Gate
from cyrtui.apply.original import digest_of
from cyrtui.errors import AccessDenied
from cyrtui.inert import inert


class ChangedUnderUs(AccessDenied):
    """Another program has changed the file since it was read."""


def back_up(gate: Gate, temporary: str, wanted: str, data: bytes, like: FileLike) -> str:
    """Write the backup under the name wanted, or with -2, -3 ... behind it; its name.

    It has no such name before it is whole. Raises `AccessDenied`.
    """
    write_beside(gate, temporary, data, like)
    for number in range(1, 100):
        path = wanted if number == 1 else f"{wanted}-{number}"
        if gate.name_new(temporary, path):
            gate.sync_directory(os.path.dirname(path))
            return path
    gate.remove(temporary)
    raise AccessDenied(f"{inert(wanted)} cannot be made: a hundred backups have that name already.")


def write_beside(gate: Gate, temporary: str, data: bytes, like: FileLike) -> None:
    """Write the new file beside the old one; one that an apply before has left is replaced."""
    gate.remove(temporary)
    gate.create_like(temporary, data, like)


def swap_in(gate: Gate, temporary: str, target: str, expected: str) -> None:
    """Let the file `temporary` become `target`, if that holds what is expected (a digest) at that moment.

    `temporary` is gone afterwards. Raises `ChangedUnderUs`, with the other's file in its place, or
    `AccessDenied`.
    """
    if file_digest(target) != expected:
        raise _changed(target)
    if gate.exchange(temporary, target):
        gate.sync_directory(os.path.dirname(target))
        if file_digest(temporary) != expected:
            gate.exchange(temporary, target)
            raise _changed(target)
        gate.remove(temporary)
    else:
        if file_digest(target) != expected:
            raise _changed(target)
        gate.replace(temporary, target)
    gate.sync_directory(os.path.dirname(target))


def file_digest(path: str) -> str | None:
    """The digest of a file's bytes; None where there is no regular file, or it is a link."""
    try:
        if os.path.islink(path):
            return None
        with open(path, "rb") as file:
            return digest_of(file.read())
    except OSError:
        return None


def _changed(target: str) -> ChangedUnderUs:
    return ChangedUnderUs(
        f"{inert(target)} was changed by another program since it was read: nothing was done. Read it again."
    )
