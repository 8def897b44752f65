"""Which found sockets belong to which declared service, and who can reach them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cyrtui.config.listen import Exposure, reach
from cyrtui.host.facts import Listener
from cyrtui.services.declared import DeclaredService, ExpectedSocket
from cyrtui.services.observed import Master, held_by

_REACH: Final[tuple[Exposure, ...]] = ("unix", "host", "network", "world")


def plain_address(address: str) -> str:
    """One spelling for each address; a zone (%eth0) is left out, for the kernel's tables have none."""
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return address


def is_wildcard(address: str) -> bool:
    return address in ("0.0.0.0", "::")


def exposure(listeners: Iterable[Listener]) -> Exposure | None:
    """The widest reach among some sockets, None where there are none."""
    reaches = [_reach(listener) for listener in listeners]
    return max(reaches, key=_REACH.index, default=None)


def _reach(listener: Listener) -> Exposure:
    if listener.family == "unix":
        return "unix"
    return reach(listener.address)


class Matched(NamedTuple):
    """The sockets of one service.

    `found`: declared and waiting; `extra`: of cyrmaster, on its port, not declared; `missing`: declared, not
    waiting; `blocking`: of other programs, where `missing` ones should be.
    """

    service: DeclaredService
    found: tuple[tuple[ExpectedSocket, Listener], ...]
    extra: tuple[Listener, ...]
    missing: tuple[ExpectedSocket, ...]
    blocking: tuple[Listener, ...]

    @property
    def listeners(self) -> tuple[Listener, ...]:
        return (*(listener for _, listener in self.found), *self.extra)


def match_sockets(
    services: Sequence[DeclaredService],
    listeners: Sequence[Listener],
    master: Master | None,
    children: frozenset[int],
    taken: frozenset[tuple[str, str]] = frozenset(),
) -> tuple[tuple[Matched, ...], tuple[Listener, ...]]:
    """Each service with its sockets, and cyrmaster's sockets that belong to none.

    A socket whose holders cannot be seen is taken for cyrmaster's while cyrmaster runs (the caller says so),
    unless cyrmaster itself said that the place was in use: `taken` holds (service, ipv4 or ipv6) of those.
    """
    by_place: dict[tuple[str, str, int | None], list[Listener]] = {}
    for listener in listeners:
        by_place.setdefault(_place(listener), []).append(listener)
    claimed: set[int] = set()
    first: list[tuple[DeclaredService, list[tuple[ExpectedSocket, Listener]], list[ExpectedSocket]]] = []
    for service in services:
        found: list[tuple[ExpectedSocket, Listener]] = []
        missing: list[ExpectedSocket] = []
        for expected in service.expected:
            own = [
                listener
                for listener in by_place.get(_place(expected), [])
                if listener.inode not in claimed
                and _masters(listener, master, children, (service.name, ip_version(listener)) in taken)
            ]
            if own:
                # one socket cannot serve two services: the first in cyrus.conf has it
                claimed.add(own[0].inode)
                found.append((expected, own[0]))
            else:
                missing.append(expected)
        first.append((service, found, missing))
    left = [
        listener
        for listener in listeners
        if listener.inode not in claimed and held_by(listener, master, frozenset()) == "master"
    ]
    matched: list[Matched] = []
    for service, found, missing in first:
        extra = [listener for listener in left if _on_port_of(listener, service, services)]
        left = [listener for listener in left if listener not in extra]
        blocking = [
            listener
            for listener in listeners
            if any(_in_the_way(listener, expected) for expected in missing)
            and not _masters(listener, master, children, (service.name, ip_version(listener)) in taken)
        ]
        matched.append(Matched(service, tuple(found), tuple(extra), tuple(missing), tuple(blocking)))
    return tuple(matched), tuple(left)


def ip_version(socket: Listener | ExpectedSocket) -> str:
    """What cyrmaster calls the address family."""
    return {"unix": "unix", "tcp6": "ipv6", "udp6": "ipv6"}.get(socket.family, "ipv4")


def _masters(listener: Listener, master: Master | None, children: frozenset[int], refused: bool) -> bool:
    if master is None:
        return False
    holder = held_by(listener, master, children)
    return holder == "master" or (holder == "unknown" and not refused)


def _place(socket: Listener | ExpectedSocket) -> tuple[str, str, int | None]:
    if socket.family == "unix":
        return "unix", socket.address, None
    return socket.family, plain_address(socket.address), socket.port


def _on_port_of(listener: Listener, service: DeclaredService, services: Sequence[DeclaredService]) -> bool:
    """Whether the socket waits on the port of this service and of no other."""
    if listener.port is None or listener.family[:3] != service.proto[:3]:
        return False
    there = [
        other for other in services if other.port == listener.port and other.proto[:3] == service.proto[:3]
    ]
    return there == [service]


def _in_the_way(listener: Listener, expected: ExpectedSocket) -> bool:
    """Whether no other socket can be bound to the expected place: same port, and same address or all of them.

    A tcp6 socket on :: may hold IPv4 too; whether it does is not to be seen, so it counts only for tcp6.
    """
    if listener.family != expected.family or listener.port is None or listener.port != expected.port:
        return False
    theirs, ours = plain_address(listener.address), plain_address(expected.address)
    return theirs == ours or is_wildcard(theirs) or is_wildcard(ours)
