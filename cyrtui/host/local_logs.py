"""Log files of this machine: reading them where they stand, and waking up when they change."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable, Sequence
from typing import Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.local import read_error
from cyrtui.inert import inert

HEARTBEAT: Final = 1.0
"""Seconds after which a wait ends in any case: inotify(7) tells nothing of what others write over NFS."""


class LocalLogFile:
    """One file, held open: `pread` goes to the same inode whatever becomes of its name. Thread-safe.

    `shown` is what the file is called in errors and to the user. Raises `FileMissing` or `FileUnreadable`;
    anything but a regular file is refused, since reading a FIFO would take lines away from its reader.
    """

    def __init__(self, path: str, shown: str | None = None) -> None:
        self._shown = shown or path
        self._lock = threading.Lock()
        self._readers = 0
        self._open = False
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except (OSError, ValueError) as error:
            raise read_error(path, error, shown=shown) from error
        self._open = True
        facts = os.fstat(self._fd)
        if not stat.S_ISREG(facts.st_mode):
            self.close()
            raise FileUnreadable(self._shown, f"{inert(self._shown)} is not a regular file.")
        self._identity = (facts.st_dev, facts.st_ino)

    @property
    def identity(self) -> tuple[int, int]:
        return self._identity

    def size(self) -> int:
        """Bytes in the file now. Raises `FileUnreadable`, as after `close`."""
        return self._stat().st_size

    def mtime(self) -> float:
        """When it was last written. Raises `FileUnreadable`, as after `close`."""
        return self._stat().st_mtime

    def _stat(self) -> os.stat_result:
        fd = self._enter()
        try:
            return os.fstat(fd)
        except OSError as error:
            raise read_error(self._shown, error) from error
        finally:
            self._leave()

    def pread(self, length: int, offset: int) -> bytes:
        """At most `length` bytes at `offset`. Raises `FileUnreadable`, as after `close`."""
        fd = self._enter()
        try:
            return os.pread(fd, length, offset)
        except OSError as error:
            raise read_error(self._shown, error) from error
        finally:
            self._leave()

    def _enter(self) -> int:
        with self._lock:
            if not self._open:
                raise FileUnreadable(self._shown, f"{inert(self._shown)} is no longer held open.")
            self._readers += 1
            return self._fd

    def _leave(self) -> None:
        with self._lock:
            self._readers -= 1
            last = not self._open and not self._readers
        if last:
            os.close(self._fd)

    def close(self) -> None:
        """Let go of the file, once the reads under way in other threads have ended. Idempotent."""
        with self._lock:
            last = self._open and not self._readers
            self._open = False
        if last:
            os.close(self._fd)

    def __del__(self) -> None:
        self.close()


def _can_be_a_name(path: str) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def with_journal(paths: Sequence[str], root: str = "") -> list[str]:
    """The paths, with the journal's own files, below `root`, in the place of the journal."""
    found = [path for path in paths if not path.startswith("journal:")]
    if len(found) < len(paths):
        from cyrtui.host.journal import journal_files
        from cyrtui.host.journal_names import DIRECTORIES

        found += journal_files(root + directory for directory in DIRECTORIES)
    return found


class LocalWatch:
    """Wakes up when one of some files is written, renamed, removed or made; at least every `HEARTBEAT`.

    The directories are watched, not the files: a watch on a file falls silent when the file is rotated. A
    directory that does not exist, or cannot be watched, is looked for again at every heartbeat, and so is
    where a symlink leads.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._given = frozenset(os.path.abspath(path) for path in paths if _can_be_a_name(path))
        self._names = self._given
        self._changed = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch-logs", daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Block at most `timeout` seconds; True if something may have changed."""
        if self._stop.is_set():
            return False
        told = self._changed.wait(min(timeout, HEARTBEAT))
        self._changed.clear()
        if self._stop.is_set():
            return False
        return told or timeout >= HEARTBEAT

    def close(self) -> None:
        """End the watch, and a `wait` under way in another thread, at once. Idempotent."""
        self._stop.set()
        self._changed.set()

    def _run(self) -> None:
        from watchfiles import watch

        while not self._stop.is_set():
            found = self._directories()
            if not found:
                self._stop.wait(HEARTBEAT)
                continue
            try:
                for changes in watch(
                    *found,
                    watch_filter=None,
                    recursive=False,
                    step=50,
                    debounce=200,
                    rust_timeout=int(HEARTBEAT * 1000),
                    yield_on_timeout=True,
                    stop_event=self._stop,
                    raise_interrupt=False,
                ):
                    self._tell(path for _, path in changes)
                    if self._directories() != found:
                        break
            except (OSError, RuntimeError):
                # A directory that went away meanwhile, or no inotify watches left: the heartbeat carries on.
                self._stop.wait(HEARTBEAT)

    def _tell(self, paths: Iterable[str]) -> None:
        if not self._names.isdisjoint(paths):
            self._changed.set()

    def _directories(self) -> dict[str, tuple[int, int]]:
        """The directories that are there, each with its identity: one that was replaced is another one."""
        self._names = self._given.union(map(os.path.realpath, self._given))
        found = {}
        for path in sorted({os.path.dirname(name) for name in self._names}):
            try:
                facts = os.stat(path)
            except OSError:
                continue
            if stat.S_ISDIR(facts.st_mode):
                found[path] = (facts.st_dev, facts.st_ino)
        return found
