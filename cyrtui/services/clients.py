"""Whom the processes of a service serve now."""

from __future__ import annotations

from typing import Final, NamedTuple

from cyrtui.pattern import pattern
from cyrtui.services.board import ServiceBoard
from cyrtui.services.proc_files import ProcFile
from cyrtui.services.table import ServiceRow

_ADDRESS: Final = pattern(r"\[([^\]]*)\]")


class Tally(NamedTuple):
    """How many processes serve one user from one address."""

    user: str
    address: str
    processes: int


def clients_of(board: ServiceBoard, row: ServiceRow) -> tuple[Tally, ...]:
    """Who is served, counted by user and address, most first; none where proc files cannot be read."""
    counts: dict[tuple[str, str], int] = {}
    for pid in row.pids:
        file = (board.proc_files or {}).get(pid)
        if file is not None:
            key = (file.user, address_of(file))
            counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Tally(user, address, count) for (user, address), count in ranked)


def address_of(file: ProcFile) -> str:
    """The numeric address of a client, out of `name [address]`."""
    found = _ADDRESS.search(file.client)
    return found[1] if found else ""
