"""Declared against observed: one row for each service, with its state and the reason for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Final

from cyrtui.host.facts import Listener, Snapshot
from cyrtui.services import reasons
from cyrtui.services.declared import DeclaredService
from cyrtui.services.master_log import MasterLog, MasterWord, explain, failures, in_force, tls_failure
from cyrtui.services.observed import Children, Master, choose_master, find_children, find_masters, held_by
from cyrtui.services.proc_files import ProcFile
from cyrtui.services.prometheus import Figures
from cyrtui.services.reasons import Evidence, Reason
from cyrtui.services.sockets import Matched, exposure, match_sockets
from cyrtui.services.table import RowListener, ServiceRow, ServiceTable, State

# This many children that died within so many seconds make a service a crashing one; cyrmaster itself gives up
# after five within ten seconds each.
_CRASHES: Final = 3
_CRASH_WINDOW: Final = 60.0


def compare(
    declared: Sequence[DeclaredService],
    snapshot: Snapshot,
    log: MasterLog,
    *,
    cyrus_conf: str,
    proc_files: Mapping[int, ProcFile] | None = None,
    changed: float | None = None,
    zone: tzinfo | None = None,
    figures: Mapping[str, Figures] | None = None,
) -> ServiceTable:
    """Hold the services of cyrus.conf against a snapshot and cyrmaster's words.

    `proc_files` by pid (None: they cannot be read); `changed` is the modification time of cyrus.conf; `zone`
    is that of the times in the sentences (None: local); `figures` are what cyrmaster writes for Prometheus.
    """
    masters = find_masters(snapshot)
    master = choose_master(masters, cyrus_conf)
    words = in_force(log, master.pid if master else None, master.started if master else None)
    evidence = Evidence(
        snapshot.taken,
        zone,
        master,
        log,
        words,
        {process.pid: process for process in snapshot.processes},
        changed,
    )
    pids = frozenset(process.pid for process in snapshot.processes if master and process.ppid == master.pid)
    matched, unexpected = match_sockets(declared, snapshot.listeners, master, pids, _in_use(words))
    sockets = {listener.inode: one.service.name for one in matched for listener in one.listeners}
    children = (
        find_children(snapshot, master, declared, sockets, proc_files or {})
        if master
        else Children((), {}, {})
    )
    rows = tuple(
        _with_figures(_row(one, evidence, children, proc_files), (figures or {}).get(one.service.name))
        for one in matched
    )
    master_reason, master_word = (None, None) if master else reasons.no_master(evidence)
    if master is None and masters:
        found = ", ".join(f"{other.cyrus_conf} (pid {other.pid})" for other in masters)
        master_reason = f"no cyrmaster runs on {cyrus_conf}; there are others, on {found}"
    return ServiceTable(
        snapshot.taken,
        master,
        master_reason,
        master_word,
        rows,
        tuple(_unexpected_row(listener, evidence, proc_files) for listener in unexpected),
        (*snapshot.unseen, *_unseen(matched, master, masters, children, cyrus_conf)),
        reasons.stale(evidence, cyrus_conf, figures or {}, declared),
    )


def _in_use(words: Sequence[MasterWord]) -> frozenset[tuple[str, str]]:
    """(service, address family) of the sockets that cyrmaster found in use."""
    return frozenset(
        (word.service or "", word.family or "ipv4")
        for word in words
        if word.kind == "bind" and word.detail == "Address already in use"
    )


def _row(
    matched: Matched, evidence: Evidence, children: Children, proc_files: Mapping[int, ProcFile] | None
) -> ServiceRow:
    service = matched.service
    pids = children.by_service.get(service.name, frozenset())
    count: int | None = len(pids)
    if any(service.name in names for names in children.unsure.values()):
        count = None
    listeners = (
        *(_row_listener(listener, evidence, proc_files, declared=True) for _, listener in matched.found),
        *(_row_listener(listener, evidence, proc_files, declared=False) for listener in matched.extra),
    )
    busy = None if proc_files is None or count is None else sum(pid in proc_files for pid in pids)
    capacity = None if service.maxchild is None else service.maxchild * max(len(listeners), 1)
    state, (reason, word) = _judge(matched, listeners, evidence, count, busy)
    return ServiceRow(
        service.name,
        service.cmd,
        service.listen,
        service.proto,
        state,
        exposure(matched.listeners),
        listeners,
        count,
        busy,
        service.maxchild,
        capacity,
        _sum(listener.queue for listener in listeners),
        _sum(listener.queue_limit for listener in listeners),
        reason,
        word,
        service.line,
        tuple(sorted(pids)),
    )


def _with_figures(row: ServiceRow, figures: Figures | None) -> ServiceRow:
    """The row with the count of its children that cyrmaster wrote, where they cannot be counted."""
    if figures is None or row.children is not None:
        return row
    return row._replace(children=figures.children, busy=figures.active, counted_at=figures.time)


def _judge(
    matched: Matched,
    listeners: Sequence[RowListener],
    evidence: Evidence,
    count: int | None,
    busy: int | None,
) -> tuple[State, Reason]:
    service = matched.service
    since = evidence.now - _CRASH_WINDOW
    given_up = explain(service.name, evidence.words)
    if evidence.master and matched.missing and given_up and given_up.kind == "too-many-failures":
        return "crashing", (reasons.given_up(matched, given_up, evidence), given_up)
    if not listeners:
        return ("foreign" if matched.blocking else "not-listening"), reasons.not_waiting(matched, evidence)
    if len(failures(service.name, evidence.words, since)) >= _CRASHES:
        return "crashing", reasons.crashing(service, evidence, since)
    if "-s" in service.words:
        # its processes end when a client comes; cyrmaster says nothing of that from 3.2 on
        broken = tls_failure(service.name, evidence.words, evidence.log.served)
        if evidence.master and broken:
            return "crashing", (reasons.no_tls(broken, evidence), broken)
    full = _full(matched, listeners, evidence, count, busy)
    if full:
        return "full", (full, None)
    if matched.extra:
        return "undeclared", (reasons.undeclared(matched, evidence), None)
    if matched.missing:
        return "partly", reasons.not_waiting(matched, evidence)
    return "listening", (reasons.perhaps_full(matched, count), None)


def _full(
    matched: Matched,
    listeners: Sequence[RowListener],
    evidence: Evidence,
    count: int | None,
    busy: int | None,
) -> str | None:
    """That no further client is served, or None.

    maxchild holds for each socket. As many children as it allows may still be idle ones: it takes a client
    that waits, or as many proc files.
    """
    limit = matched.service.maxchild
    if limit is None or matched.service.proto.startswith("udp"):
        return None
    if limit == 0:
        return "maxchild is 0: no process is ever started for its clients"
    for listener in listeners:
        alone = len(listeners) == 1
        children = count if listener.children is None and alone else listener.children
        at_work = busy if listener.busy is None and alone else listener.busy
        where = reasons.place(listener.address, listener.port)
        waiting = listener.queue or 0
        if children is not None and children >= limit and waiting:
            clients = "1 client waits" if waiting == 1 else f"{waiting} clients wait"
            return f"all {limit} processes that maxchild allows on {where} are busy, and {clients}"
        if at_work is not None and at_work >= limit:
            return (
                f"all {limit} processes that maxchild allows on {where} are busy: the next client will wait"
            )
    if busy is not None and busy >= limit * len(listeners):
        return f"all {busy} processes that maxchild allows are busy: the next client will wait"
    return None


def _row_listener(
    listener: Listener,
    evidence: Evidence,
    proc_files: Mapping[int, ProcFile] | None,
    *,
    declared: bool,
) -> RowListener:
    master = evidence.master
    children: int | None = None
    busy: int | None = None
    if master and listener.owner == master.pid:
        pids = [
            pid
            for pid in listener.holders
            if pid in evidence.processes and evidence.processes[pid].ppid == master.pid
        ]
        children = len(pids)
        busy = None if proc_files is None else sum(pid in proc_files for pid in pids)
    return RowListener(
        listener.family,
        listener.address,
        listener.port,
        listener.queue,
        listener.queue_limit,
        children,
        busy,
        declared,
    )


def _unexpected_row(
    listener: Listener, evidence: Evidence, proc_files: Mapping[int, ProcFile] | None
) -> ServiceRow:
    row = _row_listener(listener, evidence, proc_files, declared=False)
    where = reasons.place(listener.address, listener.port)
    return ServiceRow(
        name=None,
        cmd=None,
        listen=None,
        proto=None,
        state="undeclared",
        exposure=exposure([listener]),
        listeners=(row,),
        children=row.children,
        busy=row.busy,
        maxchild=None,
        capacity=None,
        queue=listener.queue,
        queue_limit=listener.queue_limit,
        reason=f"cyrmaster waits on {where}, and no service in cyrus.conf says so",
        word=None,
        line=None,
    )


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _unseen(
    matched: Sequence[Matched],
    master: Master | None,
    masters: Sequence[Master],
    children: Children,
    cyrus_conf: str,
) -> list[str]:
    """What the table had to leave open, in sentences."""
    said: list[str] = []
    if master and master.cyrus_conf != cyrus_conf:
        said.append(f"cyrmaster (pid {master.pid}) runs on {master.cyrus_conf}, not on {cyrus_conf}.")
    if master and len(masters) > 1:
        others = ", ".join(str(other.pid) for other in masters if other != master)
        said.append(f"Other instances of cyrmaster run here (pid {others}); their services are not shown.")
    pids = frozenset(process.pid for process in children.processes)
    taken_for = [
        reasons.place(listener.address, listener.port)
        for one in matched
        for listener in one.listeners
        if held_by(listener, master, pids) == "unknown"
    ]
    if taken_for:
        said.append(
            f"Who holds {', '.join(taken_for)} cannot be seen; what waits there is taken for cyrmaster's."
        )
    for names in sorted(set(children.unsure.values())):
        count = sum(other == names for other in children.unsure.values())
        said.append(
            f"{count} of cyrmaster's processes may serve {' or '.join(names)}: which, cannot be seen, so that"
            " the processes of these services are not counted."
        )
    return said
