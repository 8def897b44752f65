"""What this run may do: the only gate to anything that changes a thing.

Whatever writes a file, signals a process or restarts a service takes a `Gate` as argument and does it
through the gate's methods. A read-only run has no gate, so that no screen can forget to ask.
"""

from __future__ import annotations

import errno
import os
from typing import BinaryIO, Final, final

from cyrtui.errors import AccessDenied

READ_ONLY_SENTENCE: Final = "This run is read-only: it writes nothing, signals nothing, restarts nothing."


@final
class Gate:
    """The right of an operator's run to change things. Made by `open_gate` only."""

    __slots__ = ()

    def create_file(self, path: str, mode: int = 0o600) -> BinaryIO:
        """Create a new file for writing and open it. An existing file, or a symlink, is never touched.

        Raises `AccessDenied` with the reason when the file exists or cannot be made.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, mode)
        except FileExistsError:
            raise AccessDenied(f"{path} exists already; choose another name or remove it first.") from None
        except FileNotFoundError:
            raise AccessDenied(f"{path} cannot be made: its directory does not exist.") from None
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            remedy = "" if error.errno != errno.EACCES else " Choose a directory that you may write to."
            raise AccessDenied(f"{path} cannot be made: {reason}.{remedy}") from error
        return os.fdopen(descriptor, "wb", buffering=0)


def open_gate(*, read_only: bool) -> Gate | None:
    """The gate of this run, or None if it is read-only."""
    return None if read_only else Gate()


def require(gate: Gate | None, what: str) -> Gate:
    """The gate, or `AccessDenied` with a sentence that names what was refused."""
    if gate is None:
        raise AccessDenied(f"{what} was refused. {READ_ONLY_SENTENCE}")
    return gate
