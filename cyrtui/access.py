"""What this run may do: the only gate to anything that changes a thing.

Whatever writes a file, signals a process or restarts a service takes a `Gate` as argument and does it
through the gate's methods. A read-only run has no gate, so that no screen can forget to ask.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, final

from cyrtui.errors import AccessDenied
from cyrtui.inert import inert

if TYPE_CHECKING:
    import subprocess

READ_ONLY_SENTENCE: Final = "This run is read-only: it writes nothing, signals nothing, restarts nothing."

# Of renameat2(2), and of the Linux headers it is used with.
_RENAME_NOREPLACE: Final = 1
_RENAME_EXCHANGE: Final = 2
_AT_FDCWD: Final = -100
_HINTS: Final = {
    errno.EBUSY: " It is a mount point of its own, as in a container: change it where it comes from.",
    errno.EPERM: " It, or its directory, may be immutable (lsattr shows an i).",
    errno.ENOSPC: " Make room first.",
}
_UNSUPPORTED: Final = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)
# Of these the system makes its own for each file.
_OWN_TO_EACH: Final = ("security.ima", "security.evm", "security.capability")


class FileLike(NamedTuple):
    """What a new file shall have: owner, group, mode, extended attributes (access lists among them)."""

    uid: int
    gid: int
    mode: int
    attributes: Mapping[str, bytes]


class Ran(NamedTuple):
    """A command that has ended: `status` is None where it had to be killed; `output` the end of its words."""

    status: int | None
    output: bytes


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

    def create_like(self, path: str, data: bytes, like: FileLike) -> None:
        """Make a new file with these bytes, owner, mode and attributes, on the disk when this returns.

        Nothing is left behind when it fails. Raises `AccessDenied`.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise _denied(path, "made", error) from error
        try:
            try:
                _write_all(descriptor, data)
                if (like.uid, like.gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, like.uid, like.gid)
                os.fchmod(descriptor, like.mode)
                _set_attributes(descriptor, like.attributes)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            os.unlink(path)
            raise _denied(path, "written with the same owner, mode and attributes", error) from error

    def exchange(self, one: str, other: str) -> bool:
        """Let two files change names in one step; False where the file system cannot.

        Raises `AccessDenied`.
        """
        return _renameat2(one, other, _RENAME_EXCHANGE)

    def name_new(self, temporary: str, path: str) -> bool:
        """Give a file a name that no file has yet; False where one has it. Raises `AccessDenied`."""
        try:
            if not _renameat2(temporary, path, _RENAME_NOREPLACE):
                os.link(temporary, path)
                os.unlink(temporary)
        except FileExistsError:
            return False
        except AccessDenied as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EEXIST:
                return False
            raise
        except OSError as error:
            raise _denied(path, "made", error) from error
        return True

    def sync_directory(self, path: str) -> None:
        """Bring the names in a directory to the disk. Raises `AccessDenied`."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise _denied(path, "written to the disk", error) from error

    def lock(self, path: str, words: str) -> int | None:
        """Lock a file, made where it is missing; the descriptor of the lock, None where another has it.

        `words` are left in it, for whoever finds it locked. Raises `AccessDenied`.
        """
        import fcntl

        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise _denied(path, "made", error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            _write_all(descriptor, words.encode())
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise _denied(path, "locked", error) from error
        return descriptor

    def append(self, path: str, data: bytes) -> None:
        """Add to one of cyrtui's own files, for its owner only; on the disk when this returns.

        Raises `AccessDenied`.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
            try:
                _write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _denied(path, "written to", error) from error

    def remove_directory(self, path: str) -> None:
        """Remove one of cyrtui's own directories with the files in it. Raises `AccessDenied`."""
        try:
            for name in os.listdir(path):
                os.unlink(f"{path}/{name}")
            os.rmdir(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _denied(path, "removed", error) from error

    def send_signal(self, pid: int, number: int) -> None:
        """Send a signal to a process. Raises `AccessDenied`."""
        try:
            os.kill(pid, number)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise AccessDenied(f"Process {pid} cannot be sent a signal: {reason}.") from error

    def run(self, words: Sequence[str], seconds: float) -> Ran:
        """Run a command, never through a shell, and wait for its end; after `seconds` it is killed.

        What it starts and leaves behind is not waited for. Raises `AccessDenied` where it cannot be started.
        """
        import subprocess

        environment = {name: value for name, value in os.environ.items() if not name.startswith("CYR")}
        environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        # a daemon that keeps a pipe open would be waited for for ever
        said = os.memfd_create("words", os.MFD_CLOEXEC)
        try:
            process = subprocess.Popen(
                list(words), stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", env=environment
            )
            try:
                status: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = None
            return Ran(status, os.pread(said, 1 << 16, max(os.fstat(said).st_size - (1 << 16), 0)))
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise AccessDenied(f"{inert(words[0])} cannot be run: {reason}.") from error
        finally:
            os.close(said)

    def start_detached(self, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, which lives on when this one dies.

        Its standard input and output are pipes. Raises `AccessDenied`.
        """
        import subprocess

        try:
            return subprocess.Popen(
                list(words),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={**os.environ, **environment},
                start_new_session=True,
            )
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise AccessDenied(f"{inert(words[0])} cannot be run: {reason}.") from error

    def audit(self, sentence: str) -> None:
        """Tell syslog (authpriv.notice) what was changed, as `cyrtui`."""
        import syslog

        syslog.openlog("cyrtui", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
        syslog.syslog(syslog.LOG_NOTICE, sentence.replace("\0", ""))
        syslog.closelog()


def _renameat2(one: str, other: str, flag: int) -> bool:
    """renameat2(2); False where the system or the file system does not know it. Raises `AccessDenied`."""
    import ctypes

    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    error = OSError(number, os.strerror(number))
    raise _denied(other, "replaced", error) from error


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _set_attributes(descriptor: int, attributes: Mapping[str, bytes]) -> None:
    """Give a file extended attributes; one that it has by itself already need not be set."""
    for name, value in attributes.items():
        if name in _OWN_TO_EACH:
            continue
        try:
            os.setxattr(descriptor, name, value)
        except OSError:
            if name not in os.listxattr(descriptor) or os.getxattr(descriptor, name) != value:
                raise


def _denied(path: str, what: str, error: OSError) -> AccessDenied:
    reason = os.strerror(error.errno or 0)
    return AccessDenied(f"{inert(path)} cannot be {what}: {reason}.{_HINTS.get(error.errno or 0, '')}")


def open_gate(*, read_only: bool) -> Gate | None:
    """The gate of this run, or None if it is read-only."""
    return None if read_only else Gate()


def require(gate: Gate | None, what: str) -> Gate:
    """The gate, or `AccessDenied` with a sentence that names what was refused."""
    if gate is None:
        raise AccessDenied(f"{what} was refused. {READ_ONLY_SENTENCE}")
    return gate
