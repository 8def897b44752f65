"""cyrmaster, its children and its sockets, as a snapshot of the host shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from cyrtui.config.cyrus_conf import CYRUS_CONF
from cyrtui.config.imapd_conf import IMAPD_CONF
from cyrtui.host.facts import Listener, Process, Snapshot
from cyrtui.services.declared import DeclaredService
from cyrtui.services.proc_files import ProcFile

# Debian runs it as cyrmaster, Red Hat as cyrus-master; upstream it is just master, as Postfix's is.
_SURE_NAMES: Final = ("cyrmaster", "cyrus-master")
DEFAULT_BACKLOG: Final = 32
_POSTFIX: Final = ("postfix", "libexec/postfix")
_CYRUS_PROGRAMS: Final = frozenset(
    {"imapd", "pop3d", "lmtpd", "timsieved", "httpd", "nntpd", "mupdate", "notifyd"}
)


class Master(NamedTuple):
    """The running cyrmaster. `started` in seconds since the epoch; the files are those of its -C and -M.

    `pid_file` is that of its -p (None: its own default), `backlog` the length of the accept queues that it
    asks for (-l), `version` that of Cyrus where it can be read.
    """

    pid: int
    started: float
    user: str | None
    argv: tuple[str, ...]
    imapd_conf: str
    cyrus_conf: str
    version: str | None = None
    pid_file: str | None = None
    backlog: int = DEFAULT_BACKLOG


def find_masters(snapshot: Snapshot) -> tuple[Master, ...]:
    """Every cyrmaster that runs (there may be several instances), by pid."""
    by_pid = {process.pid: process for process in snapshot.processes}
    found = [process for process in snapshot.processes if _is_master(process, snapshot)]
    pids = {process.pid for process in found}
    versions = dict(snapshot.versions)
    # between fork and exec a child is still called cyrmaster
    return tuple(
        Master(
            process.pid,
            process.started,
            process.user,
            process.argv,
            _argument(process.argv, "-C") or IMAPD_CONF,
            _argument(process.argv, "-M") or CYRUS_CONF,
            versions.get(process.pid),
            _argument(process.argv, "-p"),
            _backlog(_argument(process.argv, "-l")),
        )
        for process in found
        if process.ppid not in pids or by_pid[process.ppid].argv != process.argv
    )


def choose_master(masters: Sequence[Master], cyrus_conf: str) -> Master | None:
    """The one that runs on `cyrus_conf`; the only one, whatever it runs on, where there is no other."""
    own = [master for master in masters if master.cyrus_conf == cyrus_conf]
    if own:
        return own[0]
    return masters[0] if len(masters) == 1 else None


def _is_master(process: Process, snapshot: Snapshot) -> bool:
    if process.name in _SURE_NAMES:
        return True
    program = process.argv[0] if process.argv else ""
    if process.name != "master" or any(word in program for word in _POSTFIX):
        return False
    if "cyr" in program:
        return True
    # a path that says nothing: its children tell
    children = {child.name for child in snapshot.processes if child.ppid == process.pid}
    return bool(children & _CYRUS_PROGRAMS) or (not program.startswith("/") and process.user == "cyrus")


def _backlog(text: str | None) -> int:
    """The argument of -l as atoi reads it; master/master.c takes its default for what is not positive."""
    found = re.match(r"\s*\+?([0-9]{1,9})", text or "")
    return (int(found[1]) if found else 0) or DEFAULT_BACKLOG


def _argument(argv: Sequence[str], option: str) -> str | None:
    for index, word in enumerate(argv[1:], 1):
        if word == option:
            return argv[index + 1] if index + 1 < len(argv) else None
        if word.startswith(option):
            return word[len(option) :]
    return None


class Children(NamedTuple):
    """cyrmaster's children. `by_service` holds the pids that are known to belong to a service; `unsure` the
    services for each pid that may belong to several; others (events, daemons) are in neither."""

    processes: tuple[Process, ...]
    by_service: Mapping[str, frozenset[int]]
    unsure: Mapping[int, tuple[str, ...]]


def find_children(
    snapshot: Snapshot,
    master: Master,
    services: Sequence[DeclaredService],
    sockets: Mapping[int, str],
    proc_files: Mapping[int, ProcFile],
) -> Children:
    """Which child serves which service; `sockets` is inode -> service of cyrmaster's matched listeners.

    A child holds the one socket it serves, waiting or busy, so that is asked first; then its proc file; then
    its command line, which counts only where one service alone is run like that.
    """
    held: dict[int, set[str]] = {}
    for listener in snapshot.listeners:
        if listener.inode in sockets:
            for pid in listener.holders:
                held.setdefault(pid, set()).add(sockets[listener.inode])
    names = {service.name for service in services}
    children = tuple(process for process in snapshot.processes if process.ppid == master.pid)
    by_service: dict[str, set[int]] = {name: set() for name in names}
    unsure: dict[int, tuple[str, ...]] = {}
    for child in children:
        held_by_child = held.get(child.pid, set())
        said = proc_files[child.pid].service if child.pid in proc_files else None
        if len(held_by_child) == 1:
            by_service[next(iter(held_by_child))].add(child.pid)
        elif said in names:
            by_service[said].add(child.pid)
        else:
            fitting = _run_like(child, services)
            if len(fitting) == 1:
                by_service[fitting[0]].add(child.pid)
            elif fitting:
                unsure[child.pid] = fitting
    return Children(children, {name: frozenset(pids) for name, pids in by_service.items()}, unsure)


def _run_like(child: Process, services: Sequence[DeclaredService]) -> tuple[str, ...]:
    """The services whose cmd is the child's command line, or, failing that, whose program it runs."""
    title = child.argv[0].partition(":")[0] if child.argv else ""
    titled = tuple(service.name for service in services if service.name == title and ":" in child.argv[0])
    if titled:
        return titled
    same = tuple(
        service.name for service in services if service.words[1:] == child.argv[1:] and _runs(child, service)
    )
    return same or tuple(service.name for service in services if _runs(child, service))


def _runs(child: Process, service: DeclaredService) -> bool:
    program = child.argv[0].rpartition("/")[2] if child.argv else child.name
    # comm is cut at 15 characters
    return program == service.program or (not child.argv and service.program[:15] == program)


def held_by(
    listener: Listener, master: Master | None, children: frozenset[int]
) -> Literal["master", "other", "unknown"]:
    """Whose socket it is. A child of cyrmaster has its listening socket from cyrmaster."""
    if master and (listener.owner == master.pid or master.pid in listener.holders):
        return "master"
    if master and any(pid in children for pid in listener.holders):
        return "master"
    return "other" if listener.holders else "unknown"
