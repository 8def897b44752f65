"""One service in full: its command explained, its processes and whom they serve, its queue, its failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from cyrtui.config.cyrus_conf import Entry
from cyrtui.errors import FileUnreadable, ObservationError
from cyrtui.host.facts import Connection
from cyrtui.host.protocol import Host
from cyrtui.services.advice import Advice
from cyrtui.services.board import ServiceBoard
from cyrtui.services.clients import Tally, address_of, clients_of
from cyrtui.services.master_log import MasterWord
from cyrtui.services.proc_files import ProcFile
from cyrtui.services.switches import Meaning, explain_cmd
from cyrtui.services.table import ServiceRow

_LAST_WORDS: Final = 30
_CONNECTIONS: Final = 2000


class Child(NamedTuple):
    """A process of the service. `started` is its own start, `since` when its proc file was written last (both
    seconds since the epoch). `client` is empty and `since` None while it has no client; all of these are
    empty as well where proc files cannot be read (`ServiceDetail.served` is None then)."""

    pid: int
    started: float
    client: str
    address: str
    user: str
    mailbox: str
    command: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A text of the log about the service's troubles: its last line, and how often it stands there."""

    word: MasterWord
    count: int


@dataclass(frozen=True, slots=True)
class ServiceDetail:
    """All of one service at `taken`, in seconds since the epoch.

    `waiting` are the clients in the accept queue, `connected` counts those that a process has. `clients` are
    counted by user and address, most first; `served` counts processes with a client. None stands for what
    cannot be seen; `unseen` says why. `failures` are the log's lines about the service's, newest first.
    """

    row: ServiceRow
    meaning: tuple[Meaning, ...]
    taken: float
    children: tuple[Child, ...]
    served: int | None
    clients: tuple[Tally, ...]
    waiting: tuple[Connection, ...] | None
    connected: int | None
    failures: tuple[Failure, ...]
    advice: tuple[Advice, ...]
    unseen: tuple[str, ...]


def service_detail(host: Host, board: ServiceBoard, name: str) -> ServiceDetail | None:
    """All that is known of the service `name`; None where cyrus.conf does not declare it."""
    row = board.row(name)
    entry = next((entry for entry in board.conf.services if entry.name == name), None)
    if row is None or entry is None:
        return None
    unseen: list[str] = []
    children = _children(host, board, row)
    waiting: tuple[Connection, ...] | None = None
    connected: int | None = None
    ports = {one.port for one in row.listeners if one.port is not None and one.family.startswith("tcp")}
    try:
        found = _at(host.connections(ports, _CONNECTIONS), row) if ports else ()
    except ObservationError as error:
        unseen.append(str(error))
    else:
        waiting = tuple(one for one in found if not one.accepted)
        connected = sum(one.accepted for one in found)
        if len(found) >= _CONNECTIONS:
            unseen.append(f"There are more connections; the first {_CONNECTIONS:,} were looked at.")
    return ServiceDetail(
        row,
        _meaning(entry),
        board.table.taken,
        children,
        None if board.proc_files is None else sum(child.client != "" for child in children),
        clients_of(board, row),
        waiting,
        connected,
        _failures(board, name),
        tuple(one for one in board.advice if one.name == name),
        (*unseen, *board.table.unseen),
    )


def _meaning(entry: Entry) -> tuple[Meaning, ...]:
    from cyrtui.host.processes import mask_argv

    return explain_cmd(mask_argv(entry.words))


def _at(found: Sequence[Connection], row: ServiceRow) -> tuple[Connection, ...]:
    """Those that came over the service's own sockets; another service may wait on the same port elsewhere."""
    from cyrtui.services.sockets import is_wildcard, plain_address

    own = {(plain_address(one.address), one.port) for one in row.listeners}
    every = {one.port for one in row.listeners if is_wildcard(one.address)}
    return tuple(one for one in found if one.port in every or (plain_address(one.address), one.port) in own)


def _children(host: Host, board: ServiceBoard, row: ServiceRow) -> tuple[Child, ...]:
    """Those with a client first, the longest-served one on top."""
    started = {process.pid: process.started for process in board.processes}
    proc_files = board.proc_files or {}
    found = [_child(host, pid, started[pid], proc_files.get(pid)) for pid in row.pids if pid in started]
    return tuple(sorted(found, key=lambda child: (not child.client, child.started, child.pid)))


def _child(host: Host, pid: int, started: float, file: ProcFile | None) -> Child:
    if file is None:
        return Child(pid, started, "", "", "", "", "", None)
    since: float | None = None
    if file.path:
        try:
            since = host.stat(file.path).mtime
        except FileUnreadable:
            # its client has gone meanwhile
            since = None
    return Child(
        pid,
        started,
        file.client or "?",
        address_of(file),
        file.user,
        file.mailbox,
        file.command,
        since,
    )


def _failures(board: ServiceBoard, name: str) -> tuple[Failure, ...]:
    """What the log said last of the service's troubles, newest first, each text once."""
    found: dict[str, Failure] = {}
    for word in reversed(board.log.words):
        if word.service == name:
            known = found.get(word.text)
            found[word.text] = Failure(known.word if known else word, known.count + 1 if known else 1)
    return tuple(found.values())[:_LAST_WORDS]
