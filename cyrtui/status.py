"""`cyrtui status`: the services as text and as JSON, for people, for cron and for monitoring systems.

The text is a monitoring plug-in's (Monitoring Plugins Development Guidelines): the first line is the state, a
sentence and, behind a `|`, performance data; the lines below it are for people. Exit codes: 0 ok, 1 warning,
2 critical, 3 unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any, Final, Literal, NamedTuple

from cyrtui.host.protocol import Host
from cyrtui.host.zone import zone_of
from cyrtui.logs.overrides import overrides_of
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import find_sources
from cyrtui.services.board import NoBoard, ServiceBoard, observe_services
from cyrtui.services.clients import clients_of
from cyrtui.services.gravity import gravity_of, is_seen
from cyrtui.services.master_log import MasterLog
from cyrtui.services.observed import Master
from cyrtui.services.reading import read_service_log
from cyrtui.services.reasons import place
from cyrtui.services.runs import Run
from cyrtui.services.schedule import ScheduledRow, entry_sentence
from cyrtui.services.table import ServiceRow, ServiceTable
from cyrtui.settings import Settings
from cyrtui.wording import moment, span

Standing = Literal["ok", "warning", "critical", "unknown"]

EXIT_CODES: Final[dict[Standing, int]] = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
_EXPOSURES: Final = {"world": "world", "network": "network", "host": "this host", "unix": "unix", None: "-"}


class Status(NamedTuple):
    """The services of a host at one moment: `standing` is the gravest of all, `sentences` say why, gravest
    first. `notices` are what could not be read."""

    host: str
    zone: tzinfo | None
    board: ServiceBoard | NoBoard
    standing: Standing
    sentences: tuple[str, ...]
    notices: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.standing]


def look(host: Host, settings: Settings) -> Status:
    """Look at a host once. A recording is looked at as it was at its end."""
    recorded: tuple[str, ...] = ()
    if host.name.kind == "recording":
        from cyrtui.host.recording import Recording

        if isinstance(host, Recording):
            host.clock.set_paused(True)
            host.clock.skip(host.clock.state().length)
            recorded = host.notices
    sources = find_sources(host, overrides_of(settings))
    source = sources.of(LogRole.MAIL)
    log = read_service_log(host, source) if source and not source.problem else MasterLog(())
    board = observe_services(host, settings.path("cyrus_conf"), log)
    notices = [*sources.notes]
    if source is None:
        notices.append("No mail log was found, so that cyrmaster's own words are not known.")
    elif source.problem:
        notices.append(source.problem)
    notices += recorded
    standing, sentences = judge(board)
    return Status(host.name.name, zone_of(host), board, standing, sentences, tuple(notices))


def judge(board: ServiceBoard | NoBoard) -> tuple[Standing, tuple[str, ...]]:
    """How the services stand, and why, gravest first. Advice makes no alarm."""
    if isinstance(board, NoBoard):
        return "unknown", (board.sentence,)
    table = board.table
    if not is_seen(board):
        return "unknown", (table.master_reason or "processes and sockets cannot be seen",)
    critical: list[str] = []
    warning: list[str] = []
    if table.master is None:
        critical.append(table.master_reason or "cyrmaster is not running")
    for row in (*table.rows, *table.unexpected):
        grave = gravity_of(row.state)
        # without cyrmaster nothing listens, and its own sentence says so
        if grave is None or (table.master is None and row.state == "not-listening"):
            continue
        (critical if grave == "critical" else warning).append(row_sentence(row))
    errors = [fault for fault in board.conf.faults if fault.severity == "error"]
    warning += [f"{board.conf.path}:{fault.line}: {fault.sentence}" for fault in errors]
    if table.stale:
        warning.append(table.stale)
    warning += [entry_sentence(entry) for entry in board.schedule if entry.state in ("failed", "overdue")]
    standing: Standing = "critical" if critical else "warning" if warning else "ok"
    return standing, (*critical, *warning)


def row_sentence(row: ServiceRow) -> str:
    """The state of a service with its reason."""
    name = row.name or "a socket of cyrmaster"
    return f"{name} {_words(row)}: {row.reason}" if row.reason else f"{name} {_words(row)}"


def _words(row: ServiceRow) -> str:
    return {
        "listening": "listens",
        "not-listening": "does not listen",
        "partly": "listens in part",
        "full": "is full",
        "crashing": "crashes",
        "undeclared": "listens undeclared",
        "foreign": "does not have its port",
        "unknown": "cannot be seen",
    }[row.state]


# Text


def as_text(status: Status) -> str:
    """The plug-in's output, with a line's end."""
    first = f"CYRUS {status.standing.upper()} - {_plain(_summary(status))}"
    board = status.board
    if isinstance(board, NoBoard):
        return first + "\n"
    figures = " ".join(_performance(board.table))
    lines = [f"{first} | {figures}" if figures else first]
    lines += [_plain(line) for line in _details(status, board)]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """What a plug-in may say: `|` is where performance data begin."""
    return text.replace("|", "¦")


def _summary(status: Status) -> str:
    if status.sentences:
        more = f" (and {len(status.sentences) - 1} more)" if len(status.sentences) > 1 else ""
        return status.sentences[0] + more
    number = len(status.board.table.rows) if isinstance(status.board, ServiceBoard) else 0
    return "1 service listens as declared" if number == 1 else f"{number} services listen as declared"


def _performance(table: ServiceTable) -> Iterator[str]:
    """`'label'=value;warn;crit;min;max`; U for what is not known."""
    for row in table.rows:
        most = "" if row.maxchild is None else row.maxchild
        yield f"{row.name}_children={_figure(row.children)};;;0;{most}"
        if row.queue is not None or row.state == "unknown":
            limit = "" if row.queue_limit is None else row.queue_limit
            yield f"{row.name}_queue={_figure(row.queue)};;;0;{limit}"


def _figure(value: int | None) -> str:
    return "U" if value is None else str(value)


def _details(status: Status, board: ServiceBoard) -> Iterator[str]:
    table = board.table
    master = table.master
    yield from status.sentences[1:]
    if master is not None:
        version = f", Cyrus {master.version}" if master.version else ""
        up = span(table.taken - master.started)
        yield f"cyrmaster: pid {master.pid}, up {up}{version}, queues of {master.backlog} (-l)"
    rows = [*table.rows, *table.unexpected]
    cells = [_cells(row) for row in rows]
    widths = [max((len(line[place]) for line in cells), default=0) for place in range(5)]
    for row, line in zip(rows, cells, strict=True):
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        if row.reason and row.state != "unknown":
            yield f"    {row.reason}"
    for entry in board.schedule:
        last = f"last {_when(entry.last.first, status.zone)}" if entry.last else "no run in the log"
        following = f", next {_when(entry.next, status.zone)}" if entry.next is not None else ""
        yield f"{entry.section} {entry.name}: {entry.when}, {last}{following}, {entry.state}"
    yield from (f"advice: {advice.sentence}" for advice in board.advice)
    yield from (f"not seen: {sentence}" for sentence in (*table.unseen, *status.notices))


def _cells(row: ServiceRow) -> tuple[str, ...]:
    where = " ".join(place(one.address, one.port) for one in row.listeners) or (row.listen or "-")
    children = "-" if row.children is None else str(row.children)
    if row.capacity is not None and row.children is not None:
        children = f"{row.children}/{row.capacity}"
    queue = "-" if row.queue is None else f"{row.queue} waiting"
    state = row.state if row.state == "listening" else row.state.upper()
    return row.name or "?", state, f"{where} ({_EXPOSURES[row.exposure]})", f"{children} processes", queue


def _when(when: float, zone: tzinfo | None) -> str:
    return moment(when, zone)


# JSON


def as_json(status: Status) -> str:
    """One object on one line, with a line's end."""
    return json.dumps(_object(status), ensure_ascii=False) + "\n"


def _object(status: Status) -> dict[str, Any]:
    board = status.board
    data: dict[str, Any] = {
        "host": status.host,
        "status": status.standing,
        "exit_code": status.exit_code,
        "sentences": list(status.sentences),
    }
    if isinstance(board, NoBoard):
        return {
            **data,
            "master": {"running": None, "reason": board.sentence},
            "services": [],
            "unexpected": [],
            "schedule": [],
            "advice": [],
            "unseen": [board.sentence, *status.notices],
        }
    table = board.table
    return {
        **data,
        "time": _iso(table.taken, status.zone),
        "master": _master(status, board),
        "services": [_service(row, status.zone) | {"clients": _clients(board, row)} for row in table.rows],
        "unexpected": [_service(row, status.zone) for row in table.unexpected],
        "schedule": [_entry(entry, status.zone) for entry in board.schedule],
        "stale": table.stale,
        "faults": [
            {"file": board.conf.path, "line": one.line, "severity": one.severity, "message": one.sentence}
            for one in board.conf.faults
        ],
        "advice": [{"name": one.name, "line": one.line, "message": one.sentence} for one in board.advice],
        "unseen": [*table.unseen, *status.notices],
    }


def _master(status: Status, board: ServiceBoard) -> dict[str, Any]:
    table = board.table
    master: Master | None = table.master
    if master is None:
        seen = is_seen(board)
        return {"running": False if seen else None, "reason": table.master_reason}
    return {
        "running": True,
        "pid": master.pid,
        "user": master.user,
        "started": _iso(master.started, status.zone),
        "uptime": round(table.taken - master.started),
        "version": master.version,
        "argv": list(master.argv),
        "cyrus_conf": master.cyrus_conf,
        "imapd_conf": master.imapd_conf,
        "pid_file": master.pid_file,
        "backlog": master.backlog,
    }


def _service(row: ServiceRow, zone: tzinfo | None) -> dict[str, Any]:
    return {
        "name": row.name,
        "cmd": row.cmd,
        "listen": row.listen,
        "proto": row.proto,
        "state": row.state,
        "exposure": row.exposure,
        "listeners": [
            {
                "address": one.address,
                "port": one.port,
                "family": one.family,
                "declared": one.declared,
                "children": one.children,
                "busy": one.busy,
                "backlog": one.queue,
                "backlog_limit": one.queue_limit,
            }
            for one in row.listeners
        ],
        "children": row.children,
        "busy": row.busy,
        "maxchild": row.maxchild,
        "capacity": row.capacity,
        "backlog": row.queue,
        "backlog_limit": row.queue_limit,
        "reason": row.reason,
        "log_line": row.reason_line,
        "counted_at": None if row.counted_at is None else _iso(row.counted_at, zone),
        "line": row.line,
    }


def _clients(board: ServiceBoard, row: ServiceRow) -> list[dict[str, Any]] | None:
    """Who is served, by user and address; None where that cannot be seen."""
    if board.proc_files is None:
        return None
    return [
        {"user": one.user or None, "address": one.address, "count": one.processes}
        for one in clients_of(board, row)
    ]


def _entry(entry: ScheduledRow, zone: tzinfo | None) -> dict[str, Any]:
    last: Run | None = entry.last
    return {
        "section": entry.section,
        "name": entry.name,
        "cmd": entry.cmd,
        "when": entry.when,
        "state": entry.state,
        "reason": entry.reason,
        "last": None
        if last is None
        else {"time": _iso(last.first, zone), "line": last.word, "done": last.done, "problem": last.problem},
        "next": None if entry.next is None else _iso(entry.next, zone),
        "line": entry.line,
    }


def _iso(when: float, zone: tzinfo | None) -> str:
    at = datetime.fromtimestamp(round(when, 3), zone)
    return (at if zone else at.astimezone()).isoformat(timespec="seconds")


def unknown(sentence: str, *, json_wanted: bool) -> str:
    """The output where there is nothing to look at."""
    status = Status("", None, NoBoard(sentence), "unknown", (sentence,), ())
    return as_json(status) if json_wanted else as_text(status)
