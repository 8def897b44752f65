"""Listening sockets asked of the kernel itself: NETLINK_SOCK_DIAG (sock_diag(7)).

Unlike /proc/net it hands over listening sockets only, so its cost does not grow with the connections, and it
tells the size of an accept queue. It needs no privilege.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from cyrtui.host.facts import Connection, Family
from cyrtui.inert import inert
from cyrtui.pattern import pattern

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_NLM_F_REQUEST_DUMP: Final = 0x301
_TCP_ESTABLISHED: Final = 1
_TCP_CLOSE_WAIT: Final = 8
_INET_DIAG_REQ_BYTECODE: Final = 1
_INET_DIAG_BC_S_GE: Final = 2
_INET_DIAG_BC_S_LE: Final = 3
_TCP_CLOSE: Final = 7  # of a bound UDP or datagram socket without a peer
_TCP_LISTEN: Final = 10
_UDIAG_SHOW_NAME: Final = 0x01
_UDIAG_SHOW_RQLEN: Final = 0x10
_UNIX_DIAG_NAME: Final = 0
_UNIX_DIAG_RQLEN: Final = 4
_IDLE: Final = pattern(r"/idle\.\d+$")
_HEADER: Final = struct.Struct("=LHHLL")
# struct inet_diag_msg: family state timer retrans, sport dport src dst if cookie,
# expires rqueue wqueue uid inode
_INET: Final = struct.Struct("=BBBB2s2s16s16sL8sLLLLL")
_UNIX: Final = struct.Struct("=BBBxL8s")


@dataclass(frozen=True, slots=True)
class BoundSocket:
    """A socket that waits, without its holders; see `cyrtui.host.facts.Listener`.

    `listens` is False for a datagram socket; those come and go with every question to a name server.
    """

    family: Family
    address: str
    port: int | None
    inode: int
    uid: int | None
    queue: int | None
    queue_limit: int | None
    listens: bool


def takes_clients(path: str) -> bool:
    """Whether a datagram socket waits for clients: the one of each imapd for news of idled does not."""
    return _IDLE.search(path) is None


def diag_inet(family: Family) -> list[BoundSocket]:
    """The listening TCP or bound UDP sockets of one family. Raises OSError where the kernel cannot tell."""
    v6, tcp = family.endswith("6"), family.startswith("tcp")
    request = struct.pack(
        "=BBBxL48x",
        socket.AF_INET6 if v6 else socket.AF_INET,
        socket.IPPROTO_TCP if tcp else socket.IPPROTO_UDP,
        0,
        1 << (_TCP_LISTEN if tcp else _TCP_CLOSE),
    )
    found = []
    for message in _dump(request):
        fields = _INET.unpack_from(message)
        port = int.from_bytes(fields[4], "big")
        if not port:
            continue
        raw = fields[6] if v6 else fields[6][:4]
        found.append(
            BoundSocket(
                family,
                str(ipaddress.ip_address(raw)),
                port,
                fields[14],
                fields[13],
                fields[11] if tcp else None,
                fields[12] if tcp else None,
                tcp,
            )
        )
    return found


def diag_connections(ports: Collection[int], limit: int) -> list[Connection]:
    """The clients of some local TCP ports, `limit` at most; the kernel picks them out. Raises OSError."""
    found: list[Connection] = []
    for port in ports:
        for family, number in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
            found += _connections(port, "tcp6" if family == "tcp6" else "tcp", number, limit - len(found))
    return found


def _connections(port: int, family: Family, number: int, limit: int) -> list[Connection]:
    # struct inet_diag_bc_op: code, yes, no; a port is compared with the `no` of the op behind it
    bytecode = struct.pack(
        "=BBHBBHBBHBBH", _INET_DIAG_BC_S_GE, 8, 20, 0, 0, port, _INET_DIAG_BC_S_LE, 8, 12, 0, 0, port
    )
    states = 1 << _TCP_ESTABLISHED | 1 << _TCP_CLOSE_WAIT
    request = struct.pack("=BBBxL48x", number, socket.IPPROTO_TCP, 0, states)
    request += struct.pack("=HH", 4 + len(bytecode), _INET_DIAG_REQ_BYTECODE) + bytecode
    found: list[Connection] = []
    if limit <= 0:
        return found
    for message in _dump(request):
        fields = _INET.unpack_from(message)
        if int.from_bytes(fields[4], "big") != port:
            continue
        size = 16 if number == socket.AF_INET6 else 4
        local, peer = (ipaddress.ip_address(fields[place][:size]) for place in (6, 7))
        peer_port = int.from_bytes(fields[5], "big")
        found.append(Connection(family, str(local), port, str(peer), peer_port, accepted=fields[14] != 0))
        if len(found) >= limit:
            break
    return found


def diag_unix() -> list[BoundSocket]:
    """Unix sockets that have a path and wait: listening ones, and datagram ones without a peer."""
    request = struct.pack(
        "=BBxxLLL8x",
        socket.AF_UNIX,
        0,
        1 << _TCP_LISTEN | 1 << _TCP_CLOSE,
        0,
        _UDIAG_SHOW_NAME | _UDIAG_SHOW_RQLEN,
    )
    found = []
    for message in _dump(request):
        _, kind, state, inode, _ = _UNIX.unpack_from(message)
        attributes = dict(_attributes(message[_UNIX.size :]))
        name = attributes.get(_UNIX_DIAG_NAME, b"").rstrip(b"\0")
        path, listens = inert(name), state == _TCP_LISTEN
        if not path.startswith("/"):
            continue
        if not listens and (kind != socket.SOCK_DGRAM or not takes_clients(path)):
            continue
        queue: int | None = None
        limit: int | None = None
        if listens and _UNIX_DIAG_RQLEN in attributes:
            queue, limit = struct.unpack_from("=LL", attributes[_UNIX_DIAG_RQLEN])
        found.append(BoundSocket("unix", path, None, inode, None, queue, limit, listens))
    return found


def _dump(request: bytes) -> Iterator[bytes]:
    """The payloads of one dump. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as link:
        link.settimeout(2.0)
        link.send(
            _HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0)
            + request
        )
        while True:
            data = link.recv(1 << 17)
            while len(data) >= _HEADER.size:
                length, kind, _, _, _ = _HEADER.unpack_from(data)
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    error = -struct.unpack_from("=l", data, _HEADER.size)[0]
                    raise OSError(error, "the kernel answers no questions about these sockets")
                if length < _HEADER.size:
                    raise OSError(0, "the kernel's answer is cut short")
                yield data[_HEADER.size : length]
                data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind, data[4:length]
        data = data[(length + 3) & ~3 :]
