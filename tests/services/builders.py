"""Servers made up from files, and from what netstat and the logs of real ones showed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cyrtui.errors import FileMissing, FileUnreadable, ObservationError
from cyrtui.host.conf_lint import ConfLint
from cyrtui.host.facts import (
    Connection,
    DirectoryEntries,
    Family,
    FileFacts,
    FileSystemSpace,
    Listener,
    Process,
    Snapshot,
)
from cyrtui.host.protocol import HostName, LogFile, ResolvedListen, Watch
from cyrtui.logs.record import LogRole, Record

RECORDINGS = Path(__file__).parent.parent / "recordings"
SQUEEZE = RECORDINGS / "squeeze"
SQUEEZE_CONF = (SQUEEZE / "cyrus.conf").read_bytes()
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()
MASTER = 27013
_LINE = re.compile(r"(\w{3} \d\d \d\d:\d\d:\d\d) (?:(\w+) )?([\w/]+)\[(\d+)\]: (.*)")

PORTS = {"imap": 143, "imaps": 993, "pop3": 110, "sieve": 4190}
NODES = {None: ("0.0.0.0", "::"), "localhost": ("::1", "127.0.0.1"), "lan": ("192.168.1.5",)}
NODES |= {node: (node,) for node in ("127.0.0.1", "0.0.0.0")}


def moment(clock: str) -> float:
    """Seconds since the epoch of a time (UTC) of the day that all of this happens on."""
    return datetime.fromisoformat(f"2026-11-22T{clock}+00:00").timestamp()


def records(lines: Iterable[str], path: str = "/var/log/mail.info") -> list[Record]:
    """Records of lines of a mail log with RFC 3164 stamps, read as UTC of 2026."""
    found = []
    offset = 0
    for line in lines:
        row = _LINE.fullmatch(line)
        assert row, line
        time = datetime.strptime(f"2026 {row[1]} +0000", "%Y %b %d %H:%M:%S %z").timestamp()
        end = offset + len(line) + 1
        found.append(
            Record(
                LogRole.MAIL,
                time,
                whole_seconds=True,
                host=row[2] or "",
                ident=row[3],
                pid=int(row[4]),
                text=row[5],
                path=path,
                offset=offset,
                end=end,
            )
        )
        offset = end
    return found


def said(*words: str, pid: int = MASTER) -> list[Record]:
    """Records of cyrmaster, each word as `HH:MM:SS text`."""
    return records(f"Nov 22 {word[:8]} mail cyrus/master[{pid}]: {word[9:]}" for word in words)


def resolve(node: str | None, service: str, proto: str) -> tuple[ResolvedListen, ...]:
    """getaddrinfo on a server whose /etc/services knows `PORTS`."""
    port = int(service) if service.isdecimal() else PORTS.get(service)
    if port is None:
        return ()
    wanted = {"4": (False,), "6": (True,)}.get(proto[-1], (False, True))
    return tuple(
        ResolvedListen(address, port) for address in NODES.get(node, ()) if (":" in address) in wanted
    )


def listener(
    address: str,
    port: int | None,
    *holders: int,
    owner: int | None = None,
    queue: int | None = 0,
    limit: int | None = 32,
    family: Family | None = None,
) -> Listener:
    """A waiting socket; its inode follows from its place, so that the same place is the same socket."""
    kind: Family = family or ("unix" if port is None else "tcp6" if ":" in address else "tcp")
    inode = 1000 + sum(map(ord, f"{kind}{address}")) * 70000 + (port or 0)
    found = owner if owner is not None else next(iter(holders), None)
    return Listener(kind, address, port, inode, 0, queue, limit, holders, found)


def netstat(name: str) -> list[Listener]:
    """The sockets in one of the netstat pictures of the Squeeze server."""
    found = []
    for line in (SQUEEZE / name).read_text().splitlines():
        _, _, _, place, _, _, _, _, program = line.split()
        address, _, port = place.rpartition(":")
        found.append(listener(address, int(port), int(program.partition("/")[0])))
    return found


def process(
    pid: int, name: str, *argv: str, ppid: int = 1, user: str = "cyrus", started: float = NOON - 3600
) -> Process:
    return Process(pid, ppid, name, argv or (name,), user, started)


def master(pid: int = MASTER, *argv: str, user: str = "cyrus", started: float = NOON - 3600) -> Process:
    return process(pid, "cyrmaster", *(argv or ("/usr/sbin/cyrmaster", "-d")), user=user, started=started)


def snapshot(
    processes: Sequence[Process], listeners: Sequence[Listener] = (), unseen: Sequence[str] = ()
) -> Snapshot:
    return Snapshot(NOON, tuple(processes), tuple(listeners), tuple(unseen))


@dataclass
class FakeHost:
    """A host of given files and one snapshot (None: processes and sockets cannot be seen)."""

    files: dict[str, bytes]
    seen: Snapshot | None
    changed: float = NOON - 7200
    closed: frozenset[str] = frozenset()
    zone: str | None = "UTC"
    clients: tuple[Connection, ...] = ()
    asked: list[str] = field(default_factory=list)

    @property
    def name(self) -> HostName:
        return HostName("mail", "recording", self.zone)

    def now(self) -> float:
        return NOON

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        self.asked.append(path)
        if path in self.closed:
            raise FileUnreadable(path, f"{path} cannot be read: permission denied.")
        if path not in self.files:
            raise FileMissing(path, f"{path} does not exist.")
        return self.files[path]

    def stat(self, path: str) -> FileFacts:
        return FileFacts(path, len(self.read(path)), self.changed, 0o644, 0, 0, (1, 1))

    def listdir(self, path: str) -> tuple[str, ...]:
        if path in self.closed:
            raise FileUnreadable(path, f"{path} cannot be read: permission denied.")
        return tuple(sorted(name[len(path) + 1 :] for name in self.files if name.startswith(f"{path}/")))

    def read_head(self, path: str, length: int) -> bytes:
        return self.read(path)[:length]

    def scan(self, path: str) -> DirectoryEntries:
        raise NotImplementedError

    def space(self, path: str) -> FileSystemSpace:
        raise NotImplementedError

    def open_log(self, path: str) -> LogFile:
        raise NotImplementedError

    def watch(self, paths: Sequence[str]) -> Watch:
        raise NotImplementedError

    def snapshot(self) -> Snapshot:
        if self.seen is None:
            raise ObservationError("A copied tree has no processes.")
        return self.seen

    def connections(self, ports: Collection[int], limit: int = 2000) -> tuple[Connection, ...]:
        return tuple(one for one in self.clients if one.port in ports)

    def resolve(self, node: str | None, service: str, proto: str) -> tuple[ResolvedListen, ...]:
        return resolve(node, service, proto)

    def denied(self, path: str, user: str, wanted: int) -> str | None:
        return None

    def conf_lint(self, imapd_conf: bytes, cyrus_conf: bytes) -> ConfLint | None:
        return None

    def close(self) -> None:
        pass
