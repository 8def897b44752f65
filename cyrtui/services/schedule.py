"""START, EVENTS and DAEMON: what runs when, when it ran last and how that ended, and when it runs next.

Source: add_start, add_event and spawn_schedule in master/master.c. The commands of START run one after the
other before any service opens. An event with a period runs at cyrmaster's start (and again at SIGHUP), then
each time that the period is over; one with `at` runs at that time of day, in cyrmaster's zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal, NamedTuple

from cyrtui.config.cyrus_conf import CyrusConf, Entry, Section
from cyrtui.host.facts import Process
from cyrtui.host.processes import mask_argv
from cyrtui.services.master_log import MasterLog
from cyrtui.services.observed import Master
from cyrtui.services.runs import SPEAKING, Run

# ok: ran when it should have, and nothing says that it failed. failed: the last run did. overdue: it should
# have run. idle: its time has not come yet. unknown: the log does not tell.
ScheduleState = Literal["ok", "failed", "overdue", "idle", "unknown"]

_DAY: Final = timedelta(days=1)
# cyrmaster looks at its schedule at least every ten seconds; the log may be late as well.
_EARLY: Final = 90.0
_LATE: Final = 300.0
# A stamp of whole seconds may be this much before the start of cyrmaster, seconds.
_SLACK: Final = 2.0


class ScheduledRow(NamedTuple):
    """An entry of START, EVENTS or DAEMON. `when` says in words when it runs, `next` is the time of its next
    run where that is known, `last` its last run in the log, `reason` a sentence where the state needs one."""

    section: Section
    name: str
    cmd: str
    line: int
    when: str
    last: Run | None
    next: float | None
    state: ScheduleState
    reason: str | None


def schedule(
    conf: CyrusConf,
    log: MasterLog,
    master: Master | None,
    children: Sequence[Process],
    now: float,
    zone: tzinfo | None,
) -> tuple[ScheduledRow, ...]:
    """Every entry with a cmd of START, EVENTS and DAEMON, in the order of the file."""
    rows: list[ScheduledRow] = []
    for entry in conf.entries:
        if not entry.cmd or entry.broken:
            continue
        if entry.section == "START":
            rows.append(_start(entry, log, master))
        elif entry.section == "EVENTS":
            rows.append(_event(entry, conf, log, master, now, zone))
        elif entry.section == "DAEMON":
            rows.append(_daemon(entry, master, children))
    return tuple(rows)


def entry_sentence(row: ScheduledRow) -> str:
    """What is wrong with an entry that failed or is overdue."""
    how = "failed" if row.state == "failed" else "is overdue"
    what = f"{row.name} ({row.section}) {how}"
    return f"{what}: {row.reason}" if row.reason else what


def _row(
    entry: Entry,
    when: str,
    last: Run | None,
    following: float | None,
    state: ScheduleState,
    reason: str | None,
) -> ScheduledRow:
    return ScheduledRow(
        entry.section,
        entry.name,
        " ".join(mask_argv(entry.words)),
        entry.line,
        when,
        last,
        following,
        state,
        reason,
    )


def _start(entry: Entry, log: MasterLog, master: Master | None) -> ScheduledRow:
    when = "once, at the start"
    since = master.started - _SLACK if master else None
    runs = [run for run in log.runs if _is_of(run, entry)]
    if since is not None:
        # START's comes first; a later one of the same program is an event's
        runs = [run for run in runs if run.first >= since][:1] if _reaches(log, since) else []
    last = runs[-1] if runs else None
    if last is not None:
        return _row(entry, when, last, None, *_judged(last, "ok"))
    if since is None:
        return _row(entry, when, None, None, "unknown", "cyrmaster is not running")
    return _row(entry, when, None, None, "unknown", _silent(entry, log, since))


def _event(
    entry: Entry, conf: CyrusConf, log: MasterLog, master: Master | None, now: float, zone: tzinfo | None
) -> ScheduledRow:
    when = _words(entry)
    runs = _runs_of_event(entry, conf, log, master)
    last = runs[-1] if runs else None
    if master is None:
        return _row(entry, when, last, None, "unknown", "cyrmaster is not running: nothing is run")
    if entry.value("cron") is not None and entry.at is None and not entry.period:
        return _row(entry, when, last, None, *(_judged(last, "ok") if last else ("unknown", None)))
    if entry.at is not None:
        due, following = _around(entry.at, now, zone)
        expected = due if due > master.started else None
        late = _LATE
    elif entry.period > 0:
        step = entry.period * 60.0
        began = max((run.first for run in runs if run.first >= master.started - _SLACK), default=None)
        expected = master.started if began is None else began + step
        following = expected if expected > now else now if began is None else expected
        late = max(_LATE, step / 2)
    else:
        expected, following, late = master.started, None, _LATE
        if last is not None and last.first >= master.started - _SLACK:
            expected = None
    if last is not None and _failed(last):
        return _row(entry, when, last, following, "failed", last.problem)
    met = expected is None or (last is not None and last.first >= expected - _EARLY)
    if met or expected is None or now <= expected + late:
        state: ScheduleState = "ok" if last is not None else "idle"
        return _row(entry, when, last, following, state, None)
    if log.since is None or log.since > expected:
        return _row(entry, when, last, following, "unknown", "the log does not go back to when it was due")
    if entry.program not in SPEAKING and not runs:
        return _row(entry, when, last, following, "unknown", f"{entry.program} leaves no line in the log")
    reason = "it was due and has not run"
    return _row(entry, when, last, following, "overdue", reason)


def _runs_of_event(entry: Entry, conf: CyrusConf, log: MasterLog, master: Master | None) -> list[Run]:
    """Its runs. The first ones since cyrmaster's start are START's where START has the same program."""
    runs = [run for run in log.runs if _is_of(run, entry)]
    if master is None:
        return runs
    starts = sum(
        other.program == entry.program and _purpose(other) == _purpose(entry)
        for other in conf.section("START")
    )
    since = master.started - _SLACK
    if not _reaches(log, master.started):
        starts = 0
    # those that cyrmaster named are not among `runs`
    starts -= sum(
        run.section == "START" and run.program == entry.program and run.first >= since for run in log.runs
    )
    early = [run for run in runs if run.first < since]
    named = [run for run in runs if run.first >= since and run.event is not None]
    unnamed = [run for run in runs if run.first >= since and run not in named]
    return sorted([*early, *unnamed[max(starts, 0) :], *named], key=lambda run: run.first)


def _daemon(entry: Entry, master: Master | None, children: Sequence[Process]) -> ScheduledRow:
    when = "all the time"
    if master is None:
        return _row(entry, when, None, None, "unknown", "cyrmaster is not running")
    for child in children:
        program = child.argv[0].rpartition("/")[2] if child.argv else child.name
        if program == entry.program or child.name == entry.program[:15]:
            return _row(entry, when, None, None, "ok", f"runs as pid {child.pid}")
    return _row(entry, when, None, None, "failed", f"no {entry.program} runs below cyrmaster")


def _is_of(run: Run, entry: Entry) -> bool:
    if run.program != entry.program:
        return False
    if run.event is not None:
        return run.event == entry.name and run.section == ("START" if entry.section == "START" else "EVENT")
    return run.purpose is None or _purpose(entry) is None or run.purpose == _purpose(entry)


def _purpose(entry: Entry) -> str | None:
    """What of -r and -c a ctl_cyrusdb is told; only its runs can be told apart."""
    if entry.program != "ctl_cyrusdb":
        return None
    return next((word for word in entry.words[1:] if word in ("-r", "-c")), None)


def _failed(run: Run) -> bool:
    """A run whose end was bad; a complaint on the way of one that came to its end is none."""
    problem = run.problem or ""
    return bool(problem) and (not run.done or problem.startswith(("exited", "signaled", "was killed")))


def _judged(run: Run, otherwise: ScheduleState) -> tuple[ScheduleState, str | None]:
    return ("failed", run.problem) if _failed(run) else (otherwise, None)


def _reaches(log: MasterLog, moment: float) -> bool:
    """Whether the log goes back to a moment."""
    return log.since is not None and log.since <= moment + 2 * _SLACK


def _silent(entry: Entry, log: MasterLog, since: float) -> str:
    if not _reaches(log, since):
        return "the log does not go back to cyrmaster's start"
    return f"{entry.program} has left no line in the log since cyrmaster's start"


def _words(entry: Entry) -> str:
    if entry.at is not None:
        return f"daily at {entry.at[0]:02}:{entry.at[1]:02}"
    if entry.period > 0:
        hours, minutes = divmod(entry.period, 60)
        if not minutes:
            return "every hour" if hours == 1 else f"every {hours} hours"
        return "every minute" if entry.period == 1 else f"every {entry.period} minutes"
    cron = entry.value("cron")
    return f"cron {cron}" if cron else "once, at cyrmaster's start"


def _around(at: tuple[int, int], now: float, zone: tzinfo | None) -> tuple[float, float]:
    """The last and the next moment of a time of day."""
    today = datetime.fromtimestamp(now, zone).replace(hour=at[0], minute=at[1], second=0, microsecond=0)
    if today.timestamp() > now:
        return (today - _DAY).timestamp(), today.timestamp()
    return today.timestamp(), (today + _DAY).timestamp()
