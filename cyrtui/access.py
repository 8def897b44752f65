"""What this run may do: the only gate to anything that changes a thing.

Whatever writes a file, signals a process or restarts a service takes a `Gate` as argument and does it
through the gate's methods. A read-only run has no gate, so that no screen can forget to ask.
"""

from __future__ import annotations

import errno
import os
from typing import BinaryIO, Final, final

from cyrtui.errors import AccessDenied
from cyrtui.inert import inert

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

    def make_directory(self, path: str) -> None:
        """Make a directory for its owner only; one that is there already is left as it is.

        Raises `AccessDenied` when it cannot be made.
        """
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            return
        except OSError as error:
            raise _denied(path, "made", error) from error

    def replace(self, temporary: str, path: str) -> None:
        """Give a file that `create_file` made its name; another of that name is replaced in one step.

        Raises `AccessDenied`.
        """
        try:
            os.replace(temporary, path)
        except OSError as error:
            raise _denied(path, "replaced", error) from error

    def remove(self, path: str) -> None:
        """Remove one of cyrtui's own files; one that is not there is no failure. Raises `AccessDenied`."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _denied(path, "removed", error) from error


def _denied(path: str, what: str, error: OSError) -> AccessDenied:
    return AccessDenied(f"{inert(path)} cannot be {what}: {os.strerror(error.errno or 0)}.")


def open_gate(*, read_only: bool) -> Gate | None:
    """The gate of this run, or None if it is read-only."""
    return None if read_only else Gate()


def require(gate: Gate | None, what: str) -> Gate:
    """The gate, or `AccessDenied` with a sentence that names what was refused."""
    if gate is None:
        raise AccessDenied(f"{what} was refused. {READ_ONLY_SENTENCE}")
    return gate
