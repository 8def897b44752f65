"""The services of a host, put together: cyrus.conf, processes, sockets, proc files and cyrmaster's words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo

from cyrtui.config.cyrus_conf import CYRUS_CONF, CyrusConf, parse_cyrus_conf
from cyrtui.config.imapd_conf import IMAPD_CONF, parse_imapd_conf
from cyrtui.errors import FileUnreadable, ObservationError
from cyrtui.host.facts import Snapshot
from cyrtui.host.protocol import Host
from cyrtui.services.compare import compare
from cyrtui.services.declared import DeclaredService, declare, names_in_services
from cyrtui.services.master_log import MasterLog
from cyrtui.services.observed import choose_master, find_masters
from cyrtui.services.proc_files import ProcFile, read_proc_files
from cyrtui.services.table import ServiceRow, ServiceTable


@dataclass(frozen=True, slots=True)
class ServiceBoard:
    """cyrus.conf as it stands, and its services as they are found."""

    conf: CyrusConf
    table: ServiceTable


@dataclass(frozen=True, slots=True)
class NoBoard:
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
    conf = parse_cyrus_conf(data, cyrus_conf_path)
    log = log or MasterLog(())
    services = declare(conf, host.resolve, _service_names(host))
    if snapshot is None:
        try:
            snapshot = host.snapshot()
        except ObservationError as error:
            return ServiceBoard(conf, _unknown(services, host.now(), str(error)))
    proc_files, unseen = _proc_files(host, services, snapshot, cyrus_conf_path)
    table = compare(
        services,
        snapshot,
        log,
        cyrus_conf=cyrus_conf_path,
        proc_files=proc_files,
        changed=_changed(host, cyrus_conf_path),
        zone=zone_of(host),
    )
    return ServiceBoard(conf, replace(table, unseen=(*table.unseen, *unseen)))


def zone_of(host: Host) -> tzinfo | None:
    """The time zone of a host; None stands for this machine's own."""
    name = host.name.zone
    if not name:
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


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


def _proc_files(
    host: Host, services: tuple[DeclaredService, ...], snapshot: Snapshot, cyrus_conf: str
) -> tuple[dict[int, ProcFile] | None, list[str]]:
    """The proc files of cyrmaster's children, from every directory that its services use."""
    master = choose_master(find_masters(snapshot), cyrus_conf)
    if master is None:
        return {}, []
    alive = {process.pid for process in snapshot.processes if process.ppid == master.pid}
    unseen: list[str] = []
    directories: dict[str, None] = {}
    # a service without its own -C reads /etc/imapd.conf, whatever cyrmaster was given
    for path in dict.fromkeys(service.config_file or IMAPD_CONF for service in services):
        try:
            imapd_conf = parse_imapd_conf(host.read, path)
        except FileUnreadable as error:
            unseen.append(f"Which processes have a client cannot be told: {error}")
            continue
        names = [service.name for service in services if (service.config_file or IMAPD_CONF) == path]
        for name in names:
            directory = imapd_conf.proc_directory(name)
            if directory:
                directories[directory] = None
    found: dict[int, ProcFile] = {}
    for directory in directories:
        try:
            found |= read_proc_files(host, directory, alive)
        except FileUnreadable as error:
            unseen.append(f"Which processes have a client cannot be told: {error}")
    return (None if unseen else found), unseen


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
