"""The services of a host, put together: cyrus.conf, processes, sockets, proc files and cyrmaster's words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cyrtui.config.cyrus_conf import CYRUS_CONF, CyrusConf, Tokenizer, parse_cyrus_conf
from cyrtui.config.cyrus_entries import Entry
from cyrtui.config.imapd_conf import IMAPD_CONF, ImapdConf, parse_imapd_conf
from cyrtui.config.listen import names_in_services
from cyrtui.errors import FileUnreadable, ObservationError
from cyrtui.host.facts import Process, Snapshot
from cyrtui.host.protocol import Host
from cyrtui.host.zone import zone_of
from cyrtui.services.advice import Advice, advise
from cyrtui.services.compare import compare
from cyrtui.services.declared import DeclaredService, declare
from cyrtui.services.master_log import MasterLog
from cyrtui.services.observed import Master, choose_master, find_masters
from cyrtui.services.proc_files import ProcFile, read_proc_files
from cyrtui.services.prometheus import Figures, read_figures
from cyrtui.services.schedule import ScheduledRow, schedule
from cyrtui.services.table import ServiceRow, ServiceTable

OBSERVE_EVERY: Final = 1.5
"""Seconds between two looks: what no log tells, as a service that is full, is seen within two."""


class ServiceBoard(NamedTuple):
    """cyrus.conf as it stands, its services as they are found, its schedule, and advice.

    `processes` are cyrmaster's children, `proc_files` say whom they serve (by pid; None: cannot be read),
    `log` is what the reasons were found in.
    """

    conf: CyrusConf
    table: ServiceTable
    schedule: tuple[ScheduledRow, ...] = ()
    advice: tuple[Advice, ...] = ()
    processes: tuple[Process, ...] = ()
    proc_files: Mapping[int, ProcFile] | None = None
    log: MasterLog = MasterLog(())

    def row(self, name: str) -> ServiceRow | None:
        """The service of that name."""
        return next((row for row in self.table.rows if row.name == name), None)

    def shown(self) -> ServiceBoard:
        """What tables show of it, without the time: equal as long as nothing shown changes."""
        rows, unexpected = (
            tuple(row._replace(pids=(), counted_at=None) for row in kept)
            for kept in (self.table.rows, self.table.unexpected)
        )
        table = self.table._replace(taken=0.0, rows=rows, unexpected=unexpected)
        return ServiceBoard(self.conf, table, self.schedule, self.advice)


class NoBoard(NamedTuple):
    """Why there is no board, in a sentence."""

    sentence: str


def observe_services(
    host: Host,
    cyrus_conf_path: str = CYRUS_CONF,
    log: MasterLog | None = None,
    snapshot: Snapshot | None = None,
) -> ServiceBoard | NoBoard:
    """Look at the services of any host.

    `log` is what cyrmaster said (see `read_master_log`); a `snapshot` that was taken already is used instead
    of a new one. Where processes and sockets cannot be seen every service is `unknown`, and its row says why.
    """
    try:
        data = host.read(cyrus_conf_path)
    except FileUnreadable as error:
        return NoBoard(str(error))
    log = log or MasterLog(())
    zone = zone_of(host)
    if snapshot is None:
        try:
            snapshot = host.snapshot()
        except ObservationError as error:
            conf = parse_cyrus_conf(data, cyrus_conf_path)
            services = declare(conf, host.resolve, _service_names(host))
            table = _unknown(services, host.now(), str(error))
            planned = schedule(conf, log, None, (), host.now(), zone)
            return ServiceBoard(conf, table, _unwatched(planned, str(error)), log=log)
    master = choose_master(find_masters(snapshot), cyrus_conf_path)
    conf = parse_cyrus_conf(data, cyrus_conf_path, _tokenizer(master))
    services = declare(conf, host.resolve, _service_names(host))
    children = tuple(process for process in snapshot.processes if master and process.ppid == master.pid)
    confs, unseen = imapd_confs(host, services)
    proc_files = None if unseen else _proc_files(host, services, confs, children, unseen)
    table = compare(
        services,
        snapshot,
        log,
        cyrus_conf=cyrus_conf_path,
        proc_files=proc_files,
        changed=_changed(host, cyrus_conf_path),
        zone=zone,
        figures=_figures(host, confs, master),
    )
    return ServiceBoard(
        conf,
        table._replace(unseen=(*table.unseen, *unseen)),
        schedule(conf, log, master, children, snapshot.taken, zone),
        advise(conf, table.rows, confs),
        children,
        proc_files,
        log,
    )


def _tokenizer(master: Master | None) -> Tokenizer:
    """How the running cyrmaster takes a line apart; one whose version is not known, as 2.5 and later do."""
    found = re.match(r"([0-9]+)\.([0-9]+)", (master.version if master else None) or "")
    return "substring" if found and (int(found[1]), int(found[2])) < (2, 5) else "words"


def _service_names(host: Host) -> frozenset[str] | None:
    try:
        return names_in_services(host.read("/etc/services"))
    except FileUnreadable:
        return None


def _changed(host: Host, path: str) -> float | None:
    try:
        return host.stat(path).mtime
    except FileUnreadable:
        return None


def imapd_confs(
    host: Host, services: Sequence[DeclaredService] | Sequence[Entry]
) -> tuple[dict[str, ImapdConf], list[str]]:
    """The imapd.conf files of the services by path, and what could not be read."""
    found: dict[str, ImapdConf] = {}
    unseen: list[str] = []
    # a service without its own -C reads /etc/imapd.conf, whatever cyrmaster was given
    for path in dict.fromkeys(service.config_file or IMAPD_CONF for service in services):
        try:
            found[path] = parse_imapd_conf(host.read, path)
        except FileUnreadable as error:
            unseen.append(f"Which processes have a client cannot be told: {error}")
    return found, unseen


def _proc_files(
    host: Host,
    services: Sequence[DeclaredService],
    imapd_confs: Mapping[str, ImapdConf],
    children: Sequence[Process],
    unseen: list[str],
) -> dict[int, ProcFile] | None:
    """The proc files of cyrmaster's children, from every directory that its services use."""
    alive = {child.pid for child in children}
    directories: dict[str, None] = {}
    for service in services:
        directory = imapd_confs[service.config_file or IMAPD_CONF].proc_directory(service.name)
        if directory:
            directories[directory] = None
    found: dict[int, ProcFile] = {}
    for directory in directories if alive else ():
        try:
            found |= read_proc_files(host, directory, alive)
        except FileUnreadable as error:
            unseen.append(f"Which processes have a client cannot be told: {error}")
    return None if unseen else found


def _figures(
    host: Host, imapd_confs: Mapping[str, ImapdConf], master: Master | None
) -> Mapping[str, Figures]:
    """What cyrmaster writes for Prometheus, by its own imapd.conf."""
    conf = imapd_confs.get(master.imapd_conf) if master else None
    return read_figures(host, conf, master.started) if conf and master else {}


def _unwatched(rows: Sequence[ScheduledRow], why: str) -> tuple[ScheduledRow, ...]:
    """A schedule of which it cannot be seen whether it is kept."""
    return tuple(row._replace(state="unknown", reason=why) for row in rows)


def _unknown(services: tuple[DeclaredService, ...], now: float, why: str) -> ServiceTable:
    rows = tuple(
        ServiceRow(
            name=service.name,
            cmd=service.cmd,
            listen=service.listen,
            proto=service.proto,
            state="unknown",
            exposure=None,
            listeners=(),
            children=None,
            busy=None,
            maxchild=service.maxchild,
            capacity=None,
            queue=None,
            queue_limit=None,
            reason=why,
            word=None,
            line=service.line,
        )
        for service in services
    )
    return ServiceTable(now, None, why, None, rows, (), (why,))
