"""What a host can be seen to do at one moment. Times are seconds since the epoch (UTC)."""

from __future__ import annotations

from typing import Literal, NamedTuple

TcpState = Literal["listen", "established", "other"]
Family = Literal["tcp", "tcp6", "udp", "udp6", "unix"]


class Process(NamedTuple):
    """One process. `name` is the kernel's comm; `argv` is empty where it cannot be read."""

    pid: int
    ppid: int
    name: str
    argv: tuple[str, ...]
    user: str | None
    started: float


class Listener(NamedTuple):
    """A socket that waits for clients (TCP LISTEN, a bound UDP port, a listening unix socket).

    `address` is a numeric address without brackets, or the path of a unix socket (then `port` is None).
    `queue` is the number of clients in the accept queue, `queue_limit` its size; None where unknown.
    `holders` are the pids that hold the socket open, `owner` the one that the others got it from
    (their common ancestor); both are empty or None where they cannot be seen.
    """

    family: Family
    address: str
    port: int | None
    inode: int
    uid: int | None
    queue: int | None
    queue_limit: int | None
    holders: tuple[int, ...]
    owner: int | None


class Snapshot(NamedTuple):
    """Processes and listening sockets at `taken`; `unseen` says in sentences what could not be seen.

    `versions` are (pid of a cyrmaster, the version of Cyrus that its program names), where it can be read.
    """

    taken: float
    processes: tuple[Process, ...]
    listeners: tuple[Listener, ...]
    unseen: tuple[str, ...] = ()
    versions: tuple[tuple[int, str], ...] = ()


class Connection(NamedTuple):
    """A connection of a client to a local port; `peer` is numeric.

    `accepted` is False while it waits in the accept queue: no process has it yet.
    """

    family: Family
    address: str
    port: int
    peer: str
    peer_port: int
    accepted: bool


class FileFacts(NamedTuple):
    """What stat says of a file: `size` in bytes, `mtime` in seconds, `identity` = (device, inode).

    `links` is the number of its names; 0 where it is not known.
    """

    path: str
    size: int
    mtime: float
    mode: int
    uid: int
    gid: int
    identity: tuple[int, int]
    links: int = 0


class DirectoryEntries(NamedTuple):
    """What stands in a directory, in no order: the names of the directories in it, and all the others.

    A symlink to a directory is one of the directories, and stands in `linked` too.
    """

    directories: tuple[str, ...]
    others: tuple[str, ...]
    linked: frozenset[str] = frozenset()


class FileSystemSpace(NamedTuple):
    """The file system that a path is on: bytes in all, used, and free to whoever is not root; files likewise.

    `files` is 0 where the file system has no fixed number of them.
    """

    size: int
    used: int
    available: int
    files: int
    files_used: int
