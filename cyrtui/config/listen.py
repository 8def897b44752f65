"""What a listen= stands for (parse_inet_listen of master/master.c), and who can reach it."""

from __future__ import annotations

import ipaddress
from typing import Final, Literal

Exposure = Literal["world", "network", "host", "unix"]
"""Everybody (all addresses, or a public one), a private network, this host, local processes."""

LONGEST_PATH: Final = 108
"""sizeof(sun_path) of unix(7): a path must be shorter."""


def split_listen(listen: str) -> tuple[str | None, str | None] | None:
    """(node, port) of a listen specification, None where cyrmaster calls it invalid (parse_inet_listen)."""
    if listen.startswith("["):
        node, bracket, rest = listen[1:].rpartition("]")
        if not bracket or (rest and (not rest.startswith(":") or rest == ":")):
            return None
        return node or None, rest[1:] or None
    node, colon, port = listen.rpartition(":")
    if colon and not port:
        return None
    return node or None, port


def names_in_services(data: bytes) -> frozenset[str]:
    """All names and aliases of an /etc/services (services(5))."""
    names: set[str] = set()
    for line in data.decode("utf-8", "replace").splitlines():
        fields = line.partition("#")[0].split()
        if len(fields) > 1 and "/" in fields[1]:
            names |= {fields[0], *fields[2:]}
    return frozenset(names)


def reach(numeric: str) -> Exposure:
    """Who can reach a numeric address: `world` for a global one and for all addresses at once."""
    try:
        address = ipaddress.ip_address(numeric.partition("%")[0])
    except ValueError:
        return "world"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return "host"
    if address.is_unspecified:
        return "world"
    return "world" if address.is_global else "network"
