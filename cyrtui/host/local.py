"""The machine that the program runs on."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from cyrtui.errors import FileMissing, FileUnreadable, FileUnusable, ObservationError
from cyrtui.host.facts import Connection, DirectoryEntries, FileFacts, FileSystemSpace, Snapshot
from cyrtui.host.protocol import HostName, LogFile, ResolvedListen, Watch
from cyrtui.inert import inert

if TYPE_CHECKING:
    from cyrtui.host.conf_lint import ConfLint


def read_error(path: str, error: OSError | ValueError, *, shown: str | None = None) -> FileUnreadable:
    """The typed error for what was met while reading `path`; `shown` is how the user knows the path."""
    name = inert(shown or path)
    if isinstance(error, ValueError):
        # a NUL, or what no encoding of names has
        return FileMissing(path, f"{name} does not exist; no file can have such a name.")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return FileMissing(path, f"{name} does not exist.")
    if isinstance(error, PermissionError):
        return FileUnreadable(path, f"{name} cannot be read: permission denied{_who_could(path)}.")
    return FileUnreadable(path, f"{name} cannot be read: {os.strerror(error.errno or 0)}.")


def _who_could(path: str) -> str:
    """Which user and group could read it, as far as the directory lets us ask."""
    import grp
    import pwd

    try:
        facts = os.stat(path)
    except OSError:
        return " (the directory cannot be searched)"
    try:
        owner, group = pwd.getpwuid(facts.st_uid).pw_name, grp.getgrgid(facts.st_gid).gr_name
    except KeyError:
        owner, group = str(facts.st_uid), str(facts.st_gid)
    readers = [f"user {owner}"] if facts.st_mode & stat.S_IRUSR else []
    readers += [f"group {group}"] if facts.st_mode & stat.S_IRGRP else []
    return f" ({' or '.join(readers)} could)" if readers else ""


def local_zone() -> str | None:
    """The IANA name of this machine's time zone (TZ, else where /etc/localtime points), if it has one."""
    name = os.environ.get("TZ", "").lstrip(":")
    if not name:
        try:
            name = os.readlink("/etc/localtime").partition("zoneinfo/")[2]
        except OSError:
            name = ""
    return name or None


def read_regular(real: str, path: str, limit: int) -> bytes:
    """The bytes of a regular file; a FIFO or a device is refused rather than waited for.

    Raises `FileMissing` or `FileUnreadable`, naming `path`.
    """
    try:
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise read_error(real, error, shown=path) from error
    try:
        # asked before it becomes a file object, which no directory can
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileUnusable(path, f"{inert(path)} is not a regular file.")
        chunks: list[bytes] = []
        total = 0
        while chunk := os.read(descriptor, 1 << 20):
            chunks.append(chunk)
            total += len(chunk)
            if total > limit:
                raise FileUnusable(
                    path, f"{inert(path)} is larger than the {limit >> 20} MiB read of such files."
                )
    except OSError as error:
        raise read_error(real, error, shown=path) from error
    finally:
        os.close(descriptor)
    return b"".join(chunks)


def stat_file(real: str, path: str) -> FileFacts:
    """What stat says. Raises `FileMissing` or `FileUnreadable`, naming `path`."""
    try:
        found = os.stat(real)
    except (OSError, ValueError) as error:
        raise read_error(real, error, shown=path) from error
    return FileFacts(
        path,
        found.st_size,
        found.st_mtime,
        found.st_mode,
        found.st_uid,
        found.st_gid,
        (found.st_dev, found.st_ino),
        found.st_nlink,
    )


def list_directory(real: str, path: str) -> tuple[str, ...]:
    """The names in a directory, sorted. Raises `FileMissing` or `FileUnreadable`, naming `path`."""
    try:
        return tuple(sorted(os.listdir(real)))
    except (OSError, ValueError) as error:
        raise read_error(real, error, shown=path) from error


def read_start(real: str, path: str, length: int) -> bytes:
    """The first `length` bytes of a regular file. Raises `FileMissing` or `FileUnreadable`, naming `path`."""
    try:
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise read_error(real, error, shown=path) from error
    try:
        # a pipe cannot be read at a place, nor can a directory: no need to ask what it is
        return os.pread(descriptor, length, 0)
    except OSError as error:
        if error.errno in (errno.ESPIPE, errno.EISDIR):
            raise FileUnusable(path, f"{inert(path)} is not a regular file.") from error
        raise read_error(real, error, shown=path) from error
    finally:
        os.close(descriptor)


def scan_directory(real: str, path: str, target: Callable[[str], str]) -> DirectoryEntries:
    """What stands in a directory. Raises `FileMissing` or `FileUnreadable`, naming `path`.

    `target` makes of the name of a symlink in it the real path of what it leads to.
    """
    directories: list[str] = []
    others: list[str] = []
    links: list[str] = []
    try:
        with os.scandir(real) as entries:
            for entry in entries:
                # of a million entries nearly all are files: one question has to do for them
                if entry.is_file(follow_symlinks=False):
                    others.append(entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                else:
                    (links if entry.is_symlink() else others).append(entry.name)
    except (OSError, ValueError) as error:
        raise read_error(real, error, shown=path) from error
    linked: list[str] = []
    for name in links:
        try:
            (linked if os.path.isdir(target(name)) else others).append(name)
        except FileUnreadable:
            others.append(name)
    return DirectoryEntries((*directories, *linked), tuple(others), frozenset(linked))


def file_system_space(real: str, path: str) -> FileSystemSpace:
    """What statvfs says. Raises `FileMissing` or `FileUnreadable`, naming `path`."""
    try:
        found = os.statvfs(real)
    except (OSError, ValueError) as error:
        raise read_error(real, error, shown=path) from error
    return FileSystemSpace(
        found.f_blocks * found.f_frsize,
        (found.f_blocks - found.f_bfree) * found.f_frsize,
        found.f_bavail * found.f_frsize,
        found.f_files,
        found.f_files - found.f_ffree,
    )


class LocalHost:
    """This machine, by its files, /proc, psutil and the resolver."""

    def __init__(self) -> None:
        from cyrtui.host.versions import VersionReader

        self._versions = VersionReader()
        self._name = HostName(inert(os.uname().nodename.partition(".")[0]), "local", local_zone())

    @property
    def name(self) -> HostName:
        return self._name

    def now(self) -> float:
        return time.time()

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        return read_regular(path, path, limit)

    def stat(self, path: str) -> FileFacts:
        if path.startswith("journal:"):
            from cyrtui.host.journal import journal_facts

            return journal_facts(path)
        return stat_file(path, path)

    def listdir(self, path: str) -> tuple[str, ...]:
        return list_directory(path, path)

    def read_head(self, path: str, length: int) -> bytes:
        return read_start(path, path, length)

    def scan(self, path: str) -> DirectoryEntries:
        return scan_directory(path, path, lambda name: f"{path}/{name}")

    def space(self, path: str) -> FileSystemSpace:
        return file_system_space(path, path)

    def open_log(self, path: str) -> LogFile:
        from cyrtui.host.local_logs import LocalLogFile

        if path.startswith("journal:"):
            from cyrtui.host.journal import open_journal
            from cyrtui.host.journal_names import DIRECTORIES

            return open_journal(path, DIRECTORIES, only=False)
        return LocalLogFile(path)

    def watch(self, paths: Sequence[str]) -> Watch:
        from cyrtui.host.local_logs import LocalWatch, with_journal

        return LocalWatch(with_journal(paths))

    def snapshot(self) -> Snapshot:
        from cyrtui.host.processes import read_processes
        from cyrtui.host.sockets import read_listeners

        processes = read_processes()
        listeners, unseen = read_listeners()
        versions = self._versions.of(processes)
        return Snapshot(time.time(), tuple(processes), tuple(listeners), tuple(unseen), versions)

    def connections(self, ports: Collection[int], limit: int = 2000) -> tuple[Connection, ...]:
        from cyrtui.host.socket_diag import diag_connections

        try:
            return tuple(diag_connections(ports, limit))
        except OSError as error:
            raise ObservationError(
                f"The connections cannot be seen: {os.strerror(error.errno or 0)}."
            ) from error

    def resolve(self, node: str | None, service: str, proto: str) -> tuple[ResolvedListen, ...]:
        import socket

        family = {"4": socket.AF_INET, "6": socket.AF_INET6}.get(proto[-1:], socket.AF_UNSPEC)
        kind = socket.SOCK_DGRAM if proto.startswith("udp") else socket.SOCK_STREAM
        try:
            found = socket.getaddrinfo(node, service, family, kind, 0, socket.AI_PASSIVE)
        except (socket.gaierror, UnicodeError):
            return ()
        return tuple(dict.fromkeys(ResolvedListen(str(entry[4][0]), int(entry[4][1])) for entry in found))

    def denied(self, path: str, user: str, wanted: int) -> str | None:
        from cyrtui.host.permission import denied

        return denied(path, user, wanted)

    def conf_lint(self, imapd_conf: bytes, cyrus_conf: bytes) -> ConfLint | None:
        from cyrtui.host.conf_lint import run_conf_lint

        return run_conf_lint(imapd_conf, cyrus_conf)

    def close(self) -> None:
        """Nothing is held open."""
