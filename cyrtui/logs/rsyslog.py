"""Where rsyslogd writes what: as much of its configuration as says that.

Read are the selectors of sysklogd (syslog.conf(5)), `:property` filters, `$IncludeConfig`, `include(file=…)`,
`action(type="omfile" file=…)` after a selector or in a simple `if`, `&` and `stop`/`~` (rsyslog.conf(5)).
What is more complicated (rulesets, templates for names, conditions over properties) is not worked out; then a
note says so.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.pattern import pattern

_NAMES: Final = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console solaris-cron "
    "local0 local1 local2 local3 local4 local5 local6 local7"
)
FACILITIES: Final[Mapping[str, int]] = {name: number for number, name in enumerate(_NAMES.split())}
"""Names and numbers of the facilities (RFC 5424 section 6.2.1, syslog(3))."""
_SEVERITIES: Final[Mapping[str, int]] = {
    "emerg": 0, "panic": 0, "alert": 1, "crit": 2, "err": 3, "error": 3, "warning": 4, "warn": 4,
    "notice": 5, "info": 6, "debug": 7,
}  # fmt: skip
_EVERY: Final = 0xFF
_FILES_AT_MOST: Final = 64
_SELECTOR: Final = pattern(
    r"((?:[a-z0-9*,\-]+\.[!=]*[a-z0-9*]+)(?:;[a-z0-9*,\-]+\.[!=]*[a-z0-9*]+)*)\s+(\S.*)", re.I
)
_INCLUDE: Final = pattern(
    r"(?:\$IncludeConfig\s+(\S+)|include\s*\(\s*file\s*=\s*\"([^\"]+)\")", re.IGNORECASE
)
_ACTION: Final = pattern(r"action\s*\((.*?)\)", re.I | re.S)
_PARAMETER: Final = pattern(r"(\w+)\s*=\s*\"((?:[^\"\\]|\\.)*)\"")
_FACILITY_IF: Final = pattern(
    r"\$syslogfacility-text\s*==?\s*[\"']([a-z0-9]+)[\"']|\$syslogfacility\s*==?\s*[\"']?(\d+)", re.I
)
_PROGRAM_IF: Final = pattern(
    r"\$programname\s*(?:==|startswith|contains)\s*[\"']([^\"']+)[\"']", re.IGNORECASE
)
_PROPERTY: Final = pattern(
    r":\s*(programname|syslogtag|msg|rawmsg|hostname|fromhost)\s*,\s*!?\w+\s*,\s*\"([^\"]*)\"\s+(\S.*)", re.I
)
_OF_PROGRAMS: Final = {"slapd": "local4"}


class Destination(NamedTuple):
    """A file that messages are written to. `masks` has a set of severities (bit 0 is emerg) a facility."""

    path: str
    where: str
    masks: tuple[int, ...]

    def takes(self, facility: str) -> int:
        """The severities of a facility that are written to it, as a set of bits."""
        return self.masks[FACILITIES[facility]]

    def others(self, facilities: Sequence[str]) -> int:
        """How many facilities besides these are written to it."""
        return sum(1 for name, number in FACILITIES.items() if name not in facilities and self.masks[number])


def read_rsyslog(host: Host) -> tuple[list[Destination], list[str]]:
    """The files that rsyslog writes, and sentences about what was not understood. Never raises."""
    reader = _Reader(host)
    for path in ("/etc/rsyslog.conf", "/etc/syslog.conf"):
        if reader.read(path):
            break
    return reader.destinations(), reader.notes


class _Reader:
    def __init__(self, host: Host) -> None:
        self.notes: list[str] = []
        self._host = host
        self._seen: set[str] = set()
        self._masks: dict[str, list[int]] = {}
        self._where: dict[str, str] = {}
        self._stopped = [0] * len(FACILITIES)
        self._last: list[int] | None = None
        self._partly = False

    def destinations(self) -> list[Destination]:
        return [Destination(path, self._where[path], tuple(masks)) for path, masks in self._masks.items()]

    def read(self, path: str) -> bool:
        """Read one file and what it includes; False if it is not there."""
        if path in self._seen or len(self._seen) >= _FILES_AT_MOST:
            return True
        self._seen.add(path)
        try:
            text = self._host.read(path, 1 << 20).decode("utf-8", "replace")
        except FileMissing:
            return False
        except FileUnreadable as error:
            self.notes.append(f"It is not known where rsyslog writes: {error}")
            return True
        for number, statement in _statements(text):
            self._statement(path, number, statement)
        return True

    def _statement(self, path: str, number: int, text: str) -> None:
        where = f"{path}:{number}"
        if (include := _INCLUDE.match(text)) is not None:
            self._include(include[1] or include[2])
        elif text.startswith("&"):
            self._act(where, text[1:].strip())
        elif (found := _PROPERTY.match(text)) is not None:
            program = found[2].strip("[:/ ")
            self._last = _only_facility(_OF_PROGRAMS[program]) if program in _OF_PROGRAMS else None
            self._partly = True
            self._act(where, found[3])
        elif (found := _SELECTOR.match(text)) is not None:
            self._last, self._partly = _selected(found[1]), False
            self._act(where, found[2])
        elif text.lower().startswith("if"):
            self._condition(where, text)

    def _condition(self, where: str, text: str) -> None:
        condition, _, actions = text.partition("then") if "then" in text else (text, "", "")
        facility = _FACILITY_IF.search(condition)
        program = _PROGRAM_IF.search(condition)
        masks: list[int] | None = None
        if facility is not None:
            name = facility[1] or next((n for n, at in FACILITIES.items() if at == int(facility[2])), "")
            masks = _only_facility(name.lower()) if name.lower() in FACILITIES else None
        elif program is not None and program[1] in _OF_PROGRAMS:
            masks = _only_facility(_OF_PROGRAMS[program[1]])
        self._last = masks
        self._partly = facility is None or " and " in condition
        if masks is None and _file_of(actions) is not None:
            self.notes.append(f"{inert(where)} holds a condition that is not worked out.")
        self._act(where, actions.strip().strip("{}").strip())

    def _include(self, pattern: str) -> None:
        directory, _, name = pattern.rpartition("/")
        if not any(sign in name for sign in "*?["):
            self.read(pattern)
            return
        try:
            names = self._host.listdir(directory)
        except FileUnreadable:
            return
        for entry in names:
            if fnmatch.fnmatch(entry, name) and not (entry.startswith(".") and not name.startswith(".")):
                self.read(f"{directory}/{entry}")

    def _act(self, where: str, action: str) -> None:
        """An action for the messages that were selected last."""
        masks = self._last
        if masks is None:
            return
        left = [mask & ~stopped for mask, stopped in zip(masks, self._stopped, strict=True)]
        file = _file_of(action)
        if file is not None and "%" not in file:
            target = self._masks.setdefault(file, [0] * len(FACILITIES))
            self._where.setdefault(file, where)
            for facility, mask in enumerate(left):
                target[facility] |= mask
        elif action.lstrip("-").startswith("?") or (file is not None and "%" in file):
            self.notes.append(f"{inert(where)} writes to files with changing names, which are not followed.")
        if not self._partly and re.search(r"(?:^|[\s{;])(?:stop|~)\s*}?$", action.strip(), re.IGNORECASE):
            self._stopped = [one | two for one, two in zip(self._stopped, masks, strict=True)]


def _file_of(action: str) -> str | None:
    """The file that an action writes, without its template."""
    action = action.strip()
    if (found := re.match(r"-?(/[^\s;]+)", action)) is not None:
        return str(found[1]) if not found[1].startswith("/dev/") else None
    for call in _ACTION.finditer(action):
        parameters: dict[str, str] = {name.lower(): value for name, value in _PARAMETER.findall(call[1])}
        if parameters.get("type", "").lower() == "omfile" and "file" in parameters:
            return parameters["file"]
    if (found := re.search(r"(?:^|\s)-?(/[^\s;}]+)", action)) is not None and "(" not in action:
        return str(found[1])
    return None


def _only_facility(name: str) -> list[int]:
    masks = [0] * len(FACILITIES)
    masks[FACILITIES[name]] = _EVERY
    return masks


def _selected(selector: str) -> list[int]:
    """The severities of each facility that a selector lets through (syslog.conf(5), SELECTORS)."""
    masks = [0] * len(FACILITIES)
    for part in selector.lower().split(";"):
        names, _, priority = part.rpartition(".")
        facilities = (
            range(len(FACILITIES))
            if "*" in names.split(",")
            else [FACILITIES[name] for name in names.split(",") if name in FACILITIES]
        )
        negated, priority = priority.startswith("!"), priority.lstrip("!")
        exactly, priority = priority.startswith("="), priority.lstrip("=")
        if priority == "none":
            bits, negated = _EVERY, True
        elif priority == "*":
            bits = _EVERY
        elif priority in _SEVERITIES:
            severity = _SEVERITIES[priority]
            bits = 1 << severity if exactly else (2 << severity) - 1
        else:
            continue
        for facility in facilities:
            masks[facility] = masks[facility] & ~bits if negated else masks[facility] | bits
    return masks


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a file, each with the number of its first line: no comments, continuations joined."""
    pending, begun, depth = "", 0, 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        line = re.sub(r"\s#\s.*$", "", line)
        if not pending:
            begun = number
        pending = f"{pending} {line}".strip()
        depth += line.count("{") + line.count("(") - line.count("}") - line.count(")")
        if pending.endswith("\\"):
            pending = pending[:-1].rstrip()
            continue
        if (
            depth > 0
            or (pending.lower().startswith("if ") and "then" not in pending)
            or pending.endswith("then")
        ):
            continue
        yield begun, pending
        pending, depth = "", 0
    if pending:
        yield begun, pending
