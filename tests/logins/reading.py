"""Records out of recorded logs, by the program's own line parser."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from cyrtui.logs.lines import parse_line
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.stamps import StampClock

RECORDINGS = Path(__file__).parent.parent / "recordings"
# 2026-11-22 12:00 UTC: later than every recorded line of that day
LATEST = 1795348800.0

_PRIORITY = re.compile(rb"(auth|authpriv|mail|local4|daemon)\.[a-z]+ ")
_ROLES = {
    b"auth": LogRole.AUTH,
    b"authpriv": LogRole.AUTH,
    b"mail": LogRole.MAIL,
    b"daemon": LogRole.MAIL,
    b"local4": LogRole.SLAPD,
}


def records(raw: bytes, role: LogRole, path: str, latest: float = LATEST) -> list[Record]:
    """The records of one log."""
    clock = StampClock("UTC", latest)
    found: list[Record] = []
    offset, before = 0, latest
    for line in raw.splitlines(keepends=True):
        record = parse_line(
            line.rstrip(b"\n"),
            role=role,
            clock=clock,
            before=before,
            path=path,
            offset=offset,
            end=offset + len(line),
        )
        offset += len(line)
        before = record.time
        found.append(record)
    return found


def recorded(version: str) -> dict[LogRole, list[Record]]:
    """The three logs of a recorded server: mail.info, auth.log, slapd.log."""
    folder = RECORDINGS / version
    names = {LogRole.MAIL: "mail.info", LogRole.AUTH: "auth.log", LogRole.SLAPD: "slapd.log"}
    return {
        role: records((folder / name).read_bytes(), role, f"/var/log/{name}") for role, name in names.items()
    }


def three_in_one(raw: bytes) -> dict[LogRole, list[Record]]:
    """The three logs of a file whose lines begin with `facility.priority `."""
    parts: dict[LogRole, list[bytes]] = {role: [] for role in LogRole}
    role = LogRole.MAIL
    for line in raw.splitlines(keepends=True):
        found = _PRIORITY.match(line)
        if found is not None:
            role = _ROLES[found[1]]
            parts[role].append(line[found.end() :])
        else:
            parts[role].append(line)
    return {role: records(b"".join(lines), role, f"/var/log/{role}.log") for role, lines in parts.items()}


def merged(logs: dict[LogRole, list[Record]]) -> list[Record]:
    """All records in the order of time, each log in its own order."""
    return sorted((record for log in logs.values() for record in log), key=lambda record: record.time)


def flat(logs: Iterable[list[Record]]) -> list[Record]:
    """One log after the other."""
    return [record for log in logs for record in log]
