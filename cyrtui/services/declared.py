"""Which sockets cyrus.conf asks cyrmaster for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cyrtui.config.cyrus_conf import CyrusConf, Entry
from cyrtui.config.cyrus_entries import PROTOS
from cyrtui.config.listen import LONGEST_PATH, split_listen
from cyrtui.host.facts import Family
from cyrtui.host.processes import mask_argv
from cyrtui.host.protocol import ResolvedListen

Resolve = Callable[[str | None, str, str], tuple[ResolvedListen, ...]]


class ExpectedSocket(NamedTuple):
    """A socket that should wait: a numeric address and a port, or the path of a unix socket."""

    family: Family
    address: str
    port: int | None


class DeclaredService(NamedTuple):
    """A service of cyrus.conf. `cmd` is for the eye: passwords in it are masked.

    `port` is known even where `expected` is empty because the node is not.

    `maxchild` holds for each socket (None: no limit). `problem` says why there can be no socket.
    """

    name: str
    cmd: str
    words: tuple[str, ...]
    program: str
    listen: str
    proto: str
    prefork: int
    maxchild: int | None
    config_file: str | None
    line: int
    expected: tuple[ExpectedSocket, ...]
    port: int | None
    problem: str | None


def declare(
    conf: CyrusConf, resolve: Resolve, service_names: frozenset[str] | None = None
) -> tuple[DeclaredService, ...]:
    """What the SERVICES of cyrus.conf stand for on the host whose `resolve` is given.

    `service_names` are the names in that host's /etc/services, where they are known: with them it can be said
    for sure that a port has no name there.
    """
    return tuple(_declared(entry, resolve, service_names) for entry in conf.services)


def _declared(entry: Entry, resolve: Resolve, service_names: frozenset[str] | None) -> DeclaredService:
    expected: tuple[ExpectedSocket, ...] = ()
    port: int | None = None
    problem: str | None = None
    if entry.listen.startswith("/"):
        if len(entry.listen.encode()) >= LONGEST_PATH:
            problem = f"the path {entry.listen} is too long for a unix socket"
        else:
            expected = (ExpectedSocket("unix", entry.listen, None),)
    elif entry.proto not in PROTOS:
        problem = f'"{entry.proto}" is no protocol that cyrmaster knows'
    else:
        parts = split_listen(entry.listen)
        if parts is None or parts[1] is None:
            problem = f'"{entry.listen}" names no port'
        else:
            found = resolve(parts[0], parts[1], entry.proto)
            transport = entry.proto[:3]
            expected = tuple(
                dict.fromkeys(
                    ExpectedSocket(_family(transport, one.address), one.address, one.port) for one in found
                )
            )
            port = expected[0].port if expected else None
            if not expected:
                port, problem = _unresolved(parts[0], parts[1], entry.proto, resolve, service_names)
    return DeclaredService(
        entry.name,
        " ".join(mask_argv(entry.words)),
        entry.words,
        entry.program,
        entry.listen,
        entry.proto,
        entry.prefork,
        entry.maxchild,
        entry.config_file,
        entry.line,
        expected,
        port,
        problem,
    )


def _family(transport: str, address: str) -> Family:
    if transport == "udp":
        return "udp6" if ":" in address else "udp"
    return "tcp6" if ":" in address else "tcp"


def _unresolved(
    node: str | None, port: str, proto: str, resolve: Resolve, service_names: frozenset[str] | None
) -> tuple[int | None, str]:
    """The port, if that much is known, and what is wrong with the listen specification."""
    if port.isdecimal():
        return int(port), f'"{node}" has no address for {proto} on this host'
    anywhere = resolve(None, port, proto) if node else ()
    if anywhere:
        return anywhere[0].port, f'"{node}" has no address for {proto} on this host'
    if service_names is not None and port not in service_names:
        return None, f'"{port}" is no name in /etc/services'
    where = f"{node}:{port}" if node else port
    return None, f'"{where}" stands for no address and port on this host'
