"""Runs of the programs that cyrmaster starts by START and EVENTS, as the mail log shows them.

A program is known by its ident (`cyrus/ctl_cyrusdb[238]`). How it ended is cyrmaster's to say: since 2.5
`process type:EVENT name:checkpoint path:... pid:N exited, status 78`, before `process N exited, status 75`;
that it ended well is said at debug level only, so that the program's own last words must do.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final, NamedTuple

from cyrtui.logs.record import Record
from cyrtui.pattern import pattern

# The programs of Cyrus that leave a line behind whenever they run.
SPEAKING: Final = frozenset({"ctl_cyrusdb", "cyr_expire", "tls_prune", "ctl_deliver", "squatter"})
_PROGRAMS: Final = SPEAKING | {
    "chk_cyrus",
    "ctl_conversationsdb",
    "ctl_mboxlist",
    "ctl_zoneinfo",
    "cvt_cyrusdb",
    "cyr_virusscan",
    "fetchnews",
    "ipurge",
    "quota",
    "reconstruct",
    "sync_client",
}
_DONE: Final = pattern(
    r"done (?:recovering|checkpointing) cyrus databases|Expired \d.*|duplicate_prune: purg.*|tls_prune: .*"
    r"|done indexing mailboxes|ctl_deliver: .*"
)
_TROUBLE: Final = pattern(r"(?:fatal error: .*|(?:IO|DB)ERROR\b.*)", re.IGNORECASE)
_ENDED: Final = pattern(
    r"process type:(?P<type>START|EVENT) name:(?P<name>\S+) path:(?P<path>\S+) age:\S+ pid:(?P<pid>\d+)"
    r" (?P<how>exited normally|exited, status \d+|signaled to death by .+|was killed)"
)
_ENDED_BEFORE_2_5: Final = pattern(
    r"process (?P<pid>\d+) (?P<how>exited, status \d+|exited, signaled to death by .+)"
)
_KEPT: Final = 60  # runs of each program
# The same pid belongs to another run after so long a silence, seconds.
_SILENCE: Final = 12 * 3600.0


class Run(NamedTuple):
    """One run: `first` and `last` are the times of its lines, in seconds since the epoch.

    `event` is its name in cyrus.conf, `section` where it stands there (START or EVENT), where cyrmaster said
    so. `purpose` is -r or -c of ctl_cyrusdb. `problem` is what went wrong, `done` that it came to its end;
    `word` is its last line, at `path` and `offset`.
    """

    program: str
    pid: int | None
    first: float
    last: float
    purpose: str | None
    event: str | None
    section: str | None
    problem: str | None
    done: bool
    word: str
    path: str
    offset: int


class RunKeeper:
    """The last runs of each program."""

    def __init__(self) -> None:
        self._runs: dict[str, deque[Run]] = {}

    def take(self, program: str, record: Record) -> bool:
        """Take a line of a program; whether it is one of those that are kept."""
        if program not in _PROGRAMS:
            return False
        runs = self._runs.setdefault(program, deque(maxlen=_KEPT))
        trouble = record.text if _TROUBLE.fullmatch(record.text) else None
        place = self._place(runs, record.pid, record.time)
        if place is None:
            runs.append(_run(program, record, trouble))
            return True
        known = runs[place]
        runs[place] = _with_word(known, record)._replace(
            purpose=known.purpose or _purpose(record.text),
            problem=known.problem or trouble,
            done=known.done or _DONE.fullmatch(record.text) is not None,
        )
        return True

    def end(self, record: Record) -> bool:
        """Take a line of cyrmaster; whether it tells the end of a run."""
        found = _ENDED.fullmatch(record.text) or _ENDED_BEFORE_2_5.fullmatch(record.text)
        if not found:
            return False
        pid, how = int(found["pid"]), found["how"]
        well = how == "exited normally" or how.endswith("status 0")
        named = found.groupdict()
        for runs in self._runs.values():
            place = self._place(runs, pid, record.time)
            if place is not None:
                known = runs[place]
                runs[place] = (known if well else _with_word(known, record))._replace(
                    last=record.time,
                    event=named.get("name") or known.event,
                    section=named.get("type") or known.section,
                    # a program that ended well has got over its troubles
                    problem=None if well else _both(how, known.problem),
                    done=known.done or well,
                )
                return True
        if "path" not in named:
            return False
        # it died before it could say a word
        program = found["path"].rpartition("/")[2]
        runs = self._runs.setdefault(program, deque(maxlen=_KEPT))
        run = _run(program, record, None if well else how)._replace(
            pid=pid,
            event=found["name"],
            section=found["type"],
            done=well,
        )
        runs.append(run)
        return True

    def runs(self) -> tuple[Run, ...]:
        """All that are kept, by the time of their first line."""
        return tuple(sorted((run for runs in self._runs.values() for run in runs), key=lambda run: run.first))

    @staticmethod
    def _place(runs: deque[Run], pid: int | None, time: float) -> int | None:
        for place in range(len(runs) - 1, -1, -1):
            if runs[place].pid == pid and time - runs[place].last < _SILENCE:
                return place
        return None


def _run(program: str, record: Record, problem: str | None) -> Run:
    done = _DONE.fullmatch(record.text) is not None
    return Run(
        program,
        record.pid,
        record.time,
        record.time,
        _purpose(record.text),
        None,
        None,
        problem,
        done,
        record.text,
        record.path,
        record.offset,
    )


def _with_word(run: Run, record: Record) -> Run:
    return run._replace(last=record.time, word=record.text, path=record.path, offset=record.offset)


def _both(how: str, before: str | None) -> str:
    return f"{how} ({before})" if before else how


def _purpose(text: str) -> str | None:
    """What ctl_cyrusdb does: it recovers (-r) or makes a checkpoint (-c)."""
    if "recovering cyrus databases" in text:
        return "-r"
    return "-c" if "checkpointing cyrus databases" in text else None
