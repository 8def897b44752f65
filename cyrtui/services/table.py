"""What is shown of services: one row a service, frozen."""

from __future__ import annotations

from typing import Literal, NamedTuple

from cyrtui.config.listen import Exposure
from cyrtui.host.facts import Family
from cyrtui.services.master_log import MasterWord
from cyrtui.services.observed import Master

# listening: every declared socket waits. partly: some do. not-listening: none does. full: as many processes
# as maxchild allows, all busy. crashing: its processes die at their start. undeclared: cyrmaster waits where
# cyrus.conf does not say so. foreign: another program holds the port. unknown: it could not be looked at.
State = Literal[
    "listening", "partly", "not-listening", "full", "crashing", "undeclared", "foreign", "unknown"
]


class RowListener(NamedTuple):
    """A socket that waits for the service.

    `children` counts its processes, `busy` those with a client; None where that cannot be told.
    """

    family: Family
    address: str
    port: int | None
    queue: int | None
    queue_limit: int | None
    children: int | None
    busy: int | None
    declared: bool


class ServiceRow(NamedTuple):
    """A service as declared and as found.

    `children` counts its processes, `busy` those with a client; `maxchild` is what cyrus.conf allows for each
    socket and `capacity` for all of them (None: no limit). `queue` clients wait to be accepted, `queue_limit`
    is how many may, both over all sockets. All four are None where they cannot be told. `reason` is a
    sentence, `reason_line` cyrmaster's own line behind it and `word` that line with its time and place.
    `line` is the entry's in cyrus.conf, None for what is not declared. `pids` are its processes, where they
    can be told. `counted_at` is None where they were counted now, else when cyrmaster counted them itself.
    """

    name: str | None
    cmd: str | None
    listen: str | None
    proto: str | None
    state: State
    exposure: Exposure | None
    listeners: tuple[RowListener, ...]
    children: int | None
    busy: int | None
    maxchild: int | None
    capacity: int | None
    queue: int | None
    queue_limit: int | None
    reason: str | None
    word: MasterWord | None
    line: int | None
    pids: tuple[int, ...] = ()
    counted_at: float | None = None

    @property
    def reason_line(self) -> str | None:
        return self.word.text if self.word else None


class ServiceTable(NamedTuple):
    """All services at `taken` (seconds since the epoch).

    `master` is None where cyrmaster does not run, and `master_reason` then says what is known of why.
    `unexpected` are sockets of cyrmaster that belong to no declared service. `unseen` says in sentences what
    could not be seen, and what that leaves open. `stale` says that cyrus.conf was changed and that cyrmaster
    has not read it since, None where it has.
    """

    taken: float
    master: Master | None
    master_reason: str | None
    master_word: MasterWord | None
    rows: tuple[ServiceRow, ...]
    unexpected: tuple[ServiceRow, ...]
    unseen: tuple[str, ...]
    stale: str | None = None
