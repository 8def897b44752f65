"""The sockets of this machine that wait for clients, and which processes hold them.

The kernel is asked over netlink (`socket_diag`), or /proc/net (proc(5)) is read where it does not answer.
Neither tells the holders: those are found among the open files of all processes, which is the dear part. It
is done for new processes and new listening sockets only; everything is looked through again once a minute
(datagram sockets are born with every question to a name server: an old process's new one waits for that).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Final

from cyrtui.errors import ObservationError
from cyrtui.host.facts import Family, Listener
from cyrtui.host.processes import PROC
from cyrtui.host.socket_diag import BoundSocket, diag_inet, diag_unix, takes_clients
from cyrtui.inert import inert
from cyrtui.pattern import pattern

_FAMILIES: Final[tuple[Family, ...]] = ("tcp", "tcp6", "udp", "udp6")
_TCP_LISTEN: Final = "0A"
_UDP_UNCONNECTED: Final = "07"
_SO_ACCEPTCON: Final = 1 << 16  # __SO_ACCEPTCON of include/net/tcp_states.h, in the flags of /proc/net/unix
_SOCK_DGRAM: Final = "0002"
_UNIX_ROW: Final = pattern(
    rb"\w+: \w+ \w+ (?P<flags>\w+) (?P<type>\w+) (?P<state>\w+)\s+(?P<inode>\d+) (?P<path>/.*)\n?"
)
_LOOK_AGAIN_AFTER: Final = 60.0  # seconds
# A process this many readings old has closed what it will not keep: a child of cyrmaster is born with every
# listener of its parent in hand, and closes the others before it becomes imapd.
_SETTLED: Final = 3


class SocketReader:
    """Reads the waiting sockets; keeps which process holds which. Safe to use from several threads."""

    def __init__(self, proc: str | os.PathLike[str] = PROC) -> None:
        self._proc = os.fspath(proc)
        self._live = self._proc == PROC
        self._lock = threading.Lock()
        self._listening: frozenset[int] = frozenset()
        self._held: dict[int, frozenset[int]] = {}
        self._closed: set[int] = set()
        self._age: dict[int, int] = {}
        self._looked = -_LOOK_AGAIN_AFTER

    def read(self) -> tuple[list[Listener], list[str]]:
        """All waiting sockets, and sentences about what could not be seen. Raises `ObservationError`."""
        with self._lock:
            sockets, unseen = self._sockets()
            self._look_for_holders(
                frozenset(found.inode for found in sockets),
                frozenset(found.inode for found in sockets if found.listens),
            )
            holders: dict[int, list[int]] = {}
            for pid in sorted(self._held):
                for inode in self._held[pid]:
                    holders.setdefault(inode, []).append(pid)
            listeners = [
                Listener(
                    found.family,
                    found.address,
                    found.port,
                    found.inode,
                    found.uid,
                    found.queue,
                    found.queue_limit,
                    tuple(holders.get(found.inode, ())),
                    self._owner(holders.get(found.inode, [])),
                )
                for found in sockets
            ]
            listening = [one for one, found in zip(listeners, sockets, strict=True) if found.listens]
            hidden = sum(one.owner is None for one in listening)
            if self._closed and hidden:
                advice = "" if os.geteuid() == 0 else "; root could see them"
                unseen.append(
                    f"Which process holds {hidden} of {len(listening)} listening sockets cannot be seen: the"
                    f" open files of other processes ({len(self._closed)}) are closed to this user{advice}."
                )
            return listeners, unseen

    def _sockets(self) -> tuple[list[BoundSocket], list[str]]:
        found: list[BoundSocket] = []
        unseen: list[str] = []
        failed = 0
        for family in _FAMILIES:
            try:
                found += self._inet(family)
            except FileNotFoundError:
                # a kernel without IPv6 has no tcp6 and udp6
                failed += not family.endswith("6")
                if not family.endswith("6"):
                    unseen.append(f"The {family} sockets cannot be seen: {self._proc}/net has no {family}.")
            except OSError as error:
                failed += 1
                unseen.append(f"The {family} sockets cannot be seen: {os.strerror(error.errno or 0)}.")
        try:
            found += self._unix()
        except OSError as error:
            failed += 1
            unseen.append(f"The unix sockets cannot be seen: {os.strerror(error.errno or 0)}.")
        if not found and failed:
            raise ObservationError(" ".join(unseen))
        return found, unseen

    def _inet(self, family: Family) -> list[BoundSocket]:
        if self._live:
            try:
                return diag_inet(family)
            except OSError:
                return read_inet_table(f"{self._proc}/net/{family}", family)
        return read_inet_table(f"{self._proc}/net/{family}", family)

    def _unix(self) -> list[BoundSocket]:
        if self._live:
            try:
                return diag_unix()
            except OSError:
                return read_unix_table(f"{self._proc}/net/unix")
        return read_unix_table(f"{self._proc}/net/unix")

    def _look_for_holders(self, inodes: frozenset[int], listening: frozenset[int]) -> None:
        """Bring `_held` up to date: pid -> the inodes among `inodes` that it holds."""
        now = time.monotonic()
        pids = {int(name) for name in os.listdir(self._proc) if name.isdecimal()}
        if listening - self._listening or now - self._looked >= _LOOK_AGAIN_AFTER:
            self._looked = now
            look = pids
        else:
            look = {pid for pid in pids if self._age.get(pid, 0) < _SETTLED}
        self._listening = listening
        self._age = {pid: min(self._age.get(pid, 0) + 1, _SETTLED) for pid in pids}
        self._held = {pid: held & inodes for pid, held in self._held.items() if pid in pids}
        self._closed &= pids
        for pid in look:
            try:
                held = self._sockets_of(pid) & inodes
            except PermissionError:
                self._closed.add(pid)
                self._held.pop(pid, None)
                continue
            except OSError:
                held = frozenset()
            self._closed.discard(pid)
            if held:
                self._held[pid] = held
            else:
                self._held.pop(pid, None)

    def _sockets_of(self, pid: int) -> frozenset[int]:
        directory = f"{self._proc}/{pid}/fd"
        found = set()
        for name in os.listdir(directory):
            try:
                target = os.readlink(f"{directory}/{name}")
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
        return frozenset(found)

    def _owner(self, holders: list[int]) -> int | None:
        """The process that the holders got the socket from: their nearest common ancestor, or one of them.

        Not known where a parent's open files cannot be seen, for it may hold the socket too.
        """
        if not holders:
            return None
        lines = [self._ancestors(pid) for pid in holders]
        common = set.intersection(*(set(line) for line in lines))
        owner = next((pid for pid in lines[0] if pid in common), 1)
        if owner not in holders:
            # either a parent that cannot be looked into holds it too, or it was handed over between strangers
            return owner if owner > 1 and owner in self._closed else holders[0]
        parent = self._ancestors(owner)[1:2]
        return None if any(pid > 1 and pid in self._closed for pid in parent) else owner

    def _ancestors(self, pid: int) -> list[int]:
        """A pid, its parent, and so on up to pid 1."""
        line = [pid]
        while line[-1] > 1 and len(line) < 64:
            try:
                with open(f"{self._proc}/{line[-1]}/stat", "rb") as file:
                    fields = file.read(1024).rpartition(b")")[2].split()
            except OSError:
                break
            if len(fields) < 2 or int(fields[1]) < 1:
                break
            line.append(int(fields[1]))
        return line


def read_inet_table(path: str, family: Family) -> list[BoundSocket]:
    """The waiting sockets of a /proc/net/{tcp,tcp6,udp,udp6}. Raises OSError.

    The rx_queue of a LISTEN row is its accept queue; the queue's size is not told.
    """
    wanted = _TCP_LISTEN if family.startswith("tcp") else _UDP_UNCONNECTED
    found = []
    with open(path, encoding="ascii", errors="replace") as file:
        next(file, None)
        for line in file:
            fields = line.split()
            if len(fields) < 10 or fields[3] != wanted:
                continue
            address, _, port = fields[1].partition(":")
            queue = int(fields[4].partition(":")[2], 16) if wanted == _TCP_LISTEN else None
            if int(port, 16):
                found.append(
                    BoundSocket(
                        family,
                        _address(address),
                        int(port, 16),
                        int(fields[9]),
                        int(fields[7]),
                        queue,
                        None,
                        wanted == _TCP_LISTEN,
                    )
                )
    return found


def _address(text: str) -> str:
    """An address as the kernel prints it: 32-bit words in the machine's byte order."""
    import ipaddress

    words = (int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8))
    return str(ipaddress.ip_address(b"".join(words)))


def read_unix_table(path: str) -> list[BoundSocket]:
    """The unix sockets with a path that wait, of a /proc/net/unix. Raises OSError."""
    found = []
    with open(path, "rb") as file:
        next(file, None)
        for line in file:
            row = _UNIX_ROW.match(line)
            if not row:
                continue
            listens = bool(int(row["flags"], 16) & _SO_ACCEPTCON)
            unconnected = row["type"].decode() == _SOCK_DGRAM and row["state"] == b"01"
            address = inert(row["path"])
            if listens or (unconnected and takes_clients(address)):
                inode = int(row["inode"])
                found.append(BoundSocket("unix", address, None, inode, None, None, None, listens))
    return found


_reader = SocketReader()


def read_listeners(proc: str | os.PathLike[str] = PROC) -> tuple[list[Listener], list[str]]:
    """The sockets that wait for clients, and sentences about what could not be seen.

    For /proc what was found out before is kept between calls; see `SocketReader`. Raises `ObservationError`.
    """
    return (_reader if os.fspath(proc) == PROC else SocketReader(proc)).read()
