"""The listening sockets of a network namespace, read from the kernel's own tables."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening TCP socket; `waiting` connections are in its accept queue, served by nobody yet."""

    address: str
    port: int
    waiting: int


def listeners(pid: int) -> list[Listener]:
    """The listeners in the network namespace of a process."""
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] != LISTEN:
                continue
            address, _, port = fields[1].partition(":")
            waiting = fields[4].partition(":")[2]
            found.append(Listener(_address(address), int(port, 16), int(waiting, 16)))
    return found


def _address(text: str) -> str:
    """The kernel writes each 32-bit word of an address in the machine's byte order."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    return str(ipaddress.ip_address(b"".join(words)))
