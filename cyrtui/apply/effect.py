"""What a change will do to the running server: how it takes effect, which sockets and sessions it touches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cyrtui.apply.judged import Place, with_file
from cyrtui.apply.taking import (
    Need,
    Reason,
    SocketChange,
    changed_options,
    greatest,
    meets,
    of_cyrus_conf,
    of_imapd_conf,
    socket_changes,
)
from cyrtui.config.cyrus_conf import Tokenizer, parse_cyrus_conf
from cyrtui.config.imapd_conf import IMAPD_CONF, parse_imapd_conf
from cyrtui.config.listen import names_in_services
from cyrtui.config.options import release_of
from cyrtui.errors import FileUnreadable, ObservationError
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.pattern import pattern
from cyrtui.services.board import NoBoard, ServiceBoard, observe_services
from cyrtui.services.declared import DeclaredService, declare
from cyrtui.services.observed import Master, held_by
from cyrtui.services.reasons import place
from cyrtui.wording import counted

_CAPABILITIES: Final = pattern(rb"\bCapEff:\s*([0-9a-f]+)")
_BIND_SERVICE: Final = 1 << 10
_CONNECTIONS: Final = 5000


@dataclass(frozen=True, slots=True)
class Sessions:
    """How many clients a service has now; None where that cannot be seen."""

    service: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What the change needs and does.

    `reasons` say in sentences why it needs that. `appears` and `goes` are sockets. `sessions` are those that
    are open now: a restart drops them, with a reload they go on, with the old values, until they end.
    `starts` says that cyrmaster does not run and will be started. `notes` are further sentences.
    """

    need: Need
    reasons: tuple[str, ...] = ()
    appears: tuple[SocketChange, ...] = ()
    goes: tuple[SocketChange, ...] = ()
    sessions: tuple[Sessions, ...] = ()
    starts: bool = False
    notes: tuple[str, ...] = ()

    @property
    def dropped(self) -> tuple[Sessions, ...]:
        """The sessions that end at once."""
        return self.sessions if self.need == "restart" else ()

    @property
    def sentence(self) -> str:
        """What will be done, in short."""
        if self.need == "nothing":
            return "Nothing is reloaded or restarted."
        if self.starts:
            return "cyrmaster is not running: it will be started."
        if self.need == "reload":
            return f"A reload is enough (SIGHUP): {_spoken(self.sessions, 'stays', 'stay')}."
        return f"Cyrus will be restarted: {_spoken(self.sessions, 'is dropped', 'are dropped')}."


def _spoken(sessions: tuple[Sessions, ...], one: str, many: str) -> str:
    known = [entry for entry in sessions if entry.count]
    total = sum(entry.count or 0 for entry in known)
    unseen = any(entry.count is None for entry in sessions)
    if not total:
        return "how many sessions are open cannot be seen" if unseen else "no session is open"
    listed = ", ".join(f"{entry.service} {entry.count}" for entry in known)
    return f"{counted(total, 'session')} {one if total == 1 else many} ({listed})"


@dataclass(frozen=True, slots=True)
class Now:
    """The server as it is at this moment; `problem` says why it cannot be seen."""

    board: ServiceBoard | None
    master: Master | None
    problem: str | None = None


def look_now(host: Host, cyrus_conf: str) -> Now:
    """See which cyrmaster runs on `cyrus_conf`, and what its services do."""
    board = observe_services(host, cyrus_conf)
    if isinstance(board, NoBoard):
        return Now(None, None, board.sentence)
    master = board.table.master
    if master is None and any(row.state == "unknown" for row in board.table.rows):
        return Now(board, None, board.table.master_reason)
    return Now(board, master)


def effect_of(
    host: Host, where: Place, path: str, old: bytes, new: bytes, version: str | None, now: Now
) -> Effect:
    """What the change of `path` from `old` to `new` will need and do. Never raises."""
    release = release_of((now.master.version if now.master else None) or version)
    before_host, after_host = (with_file(host, path, data) for data in (old, new))
    tokenizer: Tokenizer = "substring" if release is not None and release < (2, 5, 0) else "words"
    confs = []
    for overlaid in (before_host, after_host):
        try:
            confs.append(parse_cyrus_conf(overlaid.read(where.cyrus_conf), where.cyrus_conf, tokenizer))
        except FileUnreadable:
            confs.append(parse_cyrus_conf(b"", where.cyrus_conf, tokenizer))
    names = _names(host)
    before, after = (declare(conf, host.resolve, names) for conf in confs)
    appears, goes = socket_changes(before, after)
    if where.kind == "cyrus.conf":
        low_ports = now.master is None or may_open_low_ports(host, now.master)
        reasons = list(
            of_cyrus_conf(
                confs[0],
                confs[1],
                before,
                after,
                first_free_port=_first_free_port(host),
                low_ports=low_ports,
                user=now.master.user if now.master else None,
            )
        )
        unused = _not_masters(host, path, now)
    else:
        reasons = list(_of_imapd(before_host, after_host, where, after, release, now))
        unused = _not_services(path, where, after, now)
    need = greatest(reasons)
    effect = Effect(need, tuple(one.sentence for one in reasons), appears, goes, sessions_of(host, now))
    if not reasons:
        return replace(effect, notes=("Nothing that Cyrus reads has changed.",))
    if unused is not None:
        return replace(effect, need="nothing", notes=(unused,))
    if now.problem is not None:
        return replace(effect, notes=(now.problem,))
    if appears:
        effect = replace(effect, notes=tuple(_in_the_way(host, after, appears, now.master)))
    if now.master is None:
        return replace(effect, need="restart", starts=True)
    return effect


def sessions_of(host: Host, now: Now) -> tuple[Sessions, ...]:
    """The clients of each service that has any, or of which it cannot be seen."""
    if now.board is None or now.master is None:
        return ()
    rows = now.board.table.rows
    ports = {one.port for row in rows if row.busy is None for one in row.listeners if one.port is not None}
    counts = _connected(host, ports) if ports else {}
    found: list[Sessions] = []
    for row in rows:
        count = row.busy
        if count is None and counts is not None:
            count = sum(counts.get(port, 0) for port in {one.port for one in row.listeners if one.port})
        if row.name is not None and row.listeners and count != 0:
            found.append(Sessions(row.name, count))
    return tuple(found)


def _connected(host: Host, ports: set[int]) -> dict[int, int] | None:
    """How many clients are connected to each port; None where that cannot be seen."""
    try:
        found = host.connections(ports, _CONNECTIONS)
    except ObservationError:
        return None
    return {port: sum(one.port == port for one in found) for port in ports}


def may_open_low_ports(host: Host, master: Master) -> bool:
    """Whether a running cyrmaster may open ports below 1024 (CAP_NET_BIND_SERVICE of capabilities(7))."""
    if master.user in (None, "root"):
        return True
    try:
        found = _CAPABILITIES.search(host.read(f"/proc/{master.pid}/status"))
    except FileUnreadable:
        return False
    return bool(found and int(found[1], 16) & _BIND_SERVICE)


def _in_the_way(
    host: Host, services: Sequence[DeclaredService], appears: Sequence[SocketChange], master: Master | None
) -> Iterator[str]:
    """Sentences about other programs that hold what is to be opened."""
    try:
        seen = host.snapshot()
    except ObservationError:
        return
    new = {change.place for change in appears}
    names = {process.pid: process.name for process in seen.processes}
    for service in services:
        wanted = [one for one in service.expected if place(one.address, one.port) in new]
        for listener in seen.listeners:
            if held_by(listener, master, frozenset()) == "other" and meets(listener, wanted):
                where = place(listener.address, listener.port)
                pid = listener.owner or next(iter(listener.holders), 0)
                who = f"{names[pid]} (pid {pid})" if pid in names else "another program"
                yield f"{where} is held by {who} now: {service.name} cannot open it."


def _of_imapd(
    before: Host,
    after: Host,
    place: Place,
    services: tuple[DeclaredService, ...],
    release: tuple[int, int, int] | None,
    now: Now,
) -> Iterator[Reason]:
    continuation = release is None or release >= (2, 3, 0)
    old, new = (
        parse_imapd_conf(overlaid.read, place.imapd_conf, continuation=continuation)
        for overlaid in (before, after)
    )
    masters_own = now.master is None or now.master.imapd_conf == place.imapd_conf
    names = [one.name for one in services]
    return of_imapd_conf(changed_options(old, new), names, release, masters_own=masters_own)


def _not_masters(host: Host, path: str, now: Now) -> str | None:
    """That no running cyrmaster reads this cyrus.conf, in a sentence."""
    if now.master is None or now.master.cyrus_conf == path:
        return None
    try:
        if host.stat(now.master.cyrus_conf).identity == host.stat(path).identity:
            return None
    except FileUnreadable:
        return None
    other = now.master.cyrus_conf
    return (
        f"cyrmaster (pid {now.master.pid}) runs on {other}, not on {inert(path)}: it does not read this file."
    )


def _not_services(path: str, place: Place, services: tuple[DeclaredService, ...], now: Now) -> str | None:
    readers = [one.name for one in services if (one.config_file or IMAPD_CONF) == place.imapd_conf]
    if readers or place.imapd_conf == IMAPD_CONF:
        return None
    if now.master is not None and now.master.imapd_conf == place.imapd_conf:
        return None
    return f"No service of {inert(place.cyrus_conf)} reads {inert(path)} (-C), and cyrmaster does not either."


def _names(host: Host) -> frozenset[str] | None:
    try:
        return names_in_services(host.read("/etc/services"))
    except FileUnreadable:
        return None


def _first_free_port(host: Host) -> int:
    """The lowest port that a process without privilege may take (ip(7), ip_unprivileged_port_start)."""
    try:
        return int(host.read("/proc/sys/net/ipv4/ip_unprivileged_port_start"))
    except (FileUnreadable, ValueError):
        return 1024
