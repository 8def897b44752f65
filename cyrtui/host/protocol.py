"""The one protocol behind which facts come from: every view and every subcommand asks a `Host`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from cyrtui.host.facts import Connection, DirectoryEntries, FileFacts, FileSystemSpace, Snapshot

if TYPE_CHECKING:
    from cyrtui.host.conf_lint import ConfLint

HostKind = Literal["local", "tree", "recording"]


class HostName(NamedTuple):
    """What the header shows: the host's name, what kind of source it is, and its time zone (None: local)."""

    name: str
    kind: HostKind
    zone: str | None = None


class ResolvedListen(NamedTuple):
    """One address that a listen specification stands for: a numeric address and a port."""

    address: str
    port: int


class LogFile(Protocol):
    """One open log file. It stays the same file (inode) when its name is given to another."""

    @property
    def identity(self) -> tuple[int, int]: ...

    def size(self) -> int:
        """Bytes that can be read now; smaller than before when the file was truncated."""

    def pread(self, length: int, offset: int) -> bytes:
        """At most `length` bytes at `offset`; empty at and beyond the end. Raises `FileUnreadable`."""

    def mtime(self) -> float:
        """When the file was last written, in seconds since the epoch (the year of RFC 3164 stamps)."""

    def close(self) -> None: ...


class Watch(Protocol):
    """Waits for log files to change; made by `Host.watch` and closed by its user."""

    def wait(self, timeout: float) -> bool:
        """Block at most `timeout` seconds; True if something may have changed (or may not)."""

    def close(self) -> None:
        """End a `wait` under way in another thread, at once. Idempotent."""


class Host(Protocol):
    """A mail server as it can be seen from here. All paths are absolute paths on that server.

    Methods may block on files (never on the network, but for `resolve` on the local machine); the screens
    call them from workers only.
    """

    @property
    def name(self) -> HostName: ...

    def now(self) -> float:
        """The host's time: the clock, or the moment that a recording is played at."""

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        """The whole file. Raises `FileMissing`, `FileUnreadable` (also when it is over `limit` bytes)."""

    def stat(self, path: str) -> FileFacts:
        """Follows symlinks. Raises `FileMissing` or `FileUnreadable`."""

    def listdir(self, path: str) -> tuple[str, ...]:
        """The names in a directory, sorted. Raises `FileMissing` or `FileUnreadable`."""

    def read_head(self, path: str, length: int) -> bytes:
        """The first `length` bytes of a file of any size, or all there are, in one read where the system can.

        Raises `FileMissing` or `FileUnreadable`.
        """

    def scan(self, path: str) -> DirectoryEntries:
        """What stands in a directory, told apart without a look at each. Raises as `listdir` does."""

    def space(self, path: str) -> FileSystemSpace:
        """The file system that a directory is on. Raises `FileMissing` or `FileUnreadable`."""

    def open_log(self, path: str) -> LogFile:
        """Opens the file that has this name now. Raises `FileMissing` or `FileUnreadable`."""

    def watch(self, paths: Sequence[str]) -> Watch:
        """Watches files by name, those that do not exist yet included."""

    def snapshot(self) -> Snapshot:
        """Processes and listening sockets now. Raises `ObservationError` if nothing at all can be seen."""

    def connections(self, ports: Collection[int], limit: int = 2000) -> tuple[Connection, ...]:
        """The clients connected to these local TCP ports, `limit` at most.

        Dearer than `snapshot` where there are many: for what somebody looks at, not for every refresh.
        Raises `ObservationError` where they cannot be seen.
        """

    def resolve(self, node: str | None, service: str, proto: str) -> tuple[ResolvedListen, ...]:
        """What getaddrinfo (AI_PASSIVE, socket type of `proto`) on that host makes of a listen specification.

        Empty when `service` is no port number and no name in /etc/services, or `node` has no address.
        """

    def denied(self, path: str, user: str, wanted: int) -> str | None:
        """Why a user of that host may not do with a path what is wanted (see `cyrtui.host.permission`).

        None: he may, or it cannot be told; only the local machine can tell.
        """

    def conf_lint(self, imapd_conf: bytes, cyrus_conf: bytes) -> ConfLint | None:
        """What the installed `cyr_info conf-lint` says of candidates; None where it cannot be asked."""

    def close(self) -> None: ...
