"""Which file is which log, and why."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.journal_names import DIRECTORIES, PREFIX, is_journal
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.logs.absent import absent_lines, masked_debug
from cyrtui.logs.logrotate import olddirs
from cyrtui.logs.record import LogRole
from cyrtui.logs.rsyslog import FACILITIES, Destination, read_rsyslog
from cyrtui.logs.slapd_logging import SlapdLogging, read_slapd_logging

_NAMES: Final[Mapping[LogRole, tuple[str, ...]]] = {
    LogRole.MAIL: ("mail.info", "mail.log", "maillog", "mail", "imapd.log"),
    LogRole.AUTH: ("auth.log", "secure", "auth"),
    LogRole.SLAPD: ("slapd.log", "slapd", "ldap.log", "openldap.log", "localmessages"),
}
_ALL_SORTS: Final = ("syslog", "messages")
JOURNAL: Final = f"{PREFIX}2,4,10,20,22"
"""The journal's lines of mail, auth, authpriv, local4 and local6."""
_DEBUG: Final = 1 << 7
_FACILITIES: Final[Mapping[LogRole, tuple[str, ...]]] = {
    LogRole.MAIL: ("mail", "local6"),
    LogRole.AUTH: ("auth", "authpriv"),
    LogRole.SLAPD: ("local4",),
}
"""Cyrus: mail on Debian, local6 upstream (configure --with-syslogfacility); slapd: local4 (slapd(8), -l)."""
_WANTED: Final[Mapping[LogRole, int]] = {LogRole.MAIL: 6, LogRole.AUTH: 5, LogRole.SLAPD: 7}
"""The severity down to which a file must have them: info, notice, debug (slapd logs all at debug)."""


class LogSource(NamedTuple):
    """One file and what it is read for. `why` is a sentence; `problem` is one if it cannot be read now.

    `mixed` tells that the file holds other lines than those of its roles. `zone` is an IANA name where its
    stamps are in another zone than the host's (slapd's `syslog-utc`), None otherwise. `olddir` is the
    directory that its archives are moved to, None where they stay beside it.
    """

    path: str
    roles: frozenset[LogRole]
    why: str
    problem: str | None = None
    mixed: bool = False
    zone: str | None = None
    olddir: str | None = None


class LogSources(NamedTuple):
    """The logs that were found, mail first; `unfound` are the roles without one; `notes` are sentences."""

    sources: tuple[LogSource, ...]
    unfound: tuple[LogRole, ...]
    notes: tuple[str, ...] = ()

    def of(self, role: LogRole) -> LogSource | None:
        """The log of a role, if there is one."""
        return next((source for source in self.sources if role in source.roles), None)


class _Choice(NamedTuple):
    path: str
    why: str
    mixed: bool
    zone: str | None = None
    note: str | None = None


def find_sources(
    host: Host,
    overrides: Mapping[LogRole, str] | None = None,
    facilities: Mapping[LogRole, Sequence[str]] | None = None,
    *,
    with_olddirs: bool = True,
) -> LogSources:
    """The mail, auth and slapd logs of a host.

    `overrides` are paths that the settings name. Otherwise rsyslog's configuration says where the facilities
    go (`facilities`: names as in syslog.conf(5), instead of the usual ones of a role), otherwise the usual
    names in /var/log are tried, and at last the systemd journal. A file that slapd writes itself comes before
    these. `with_olddirs` False leaves logrotate's configuration alone, which is of every program. Never
    raises: what cannot be read, and what ought to be in a log and is not, becomes a sentence.
    """
    destinations, notes = read_rsyslog(host)
    slapd = read_slapd_logging(host)
    choices: dict[LogRole, _Choice] = {}
    for role in LogRole:
        path = (overrides or {}).get(role)
        if path:
            choices[role] = _Choice(path, f"the setting {role}_log names it", mixed=_is_for_all_sorts(path))
            continue
        wanted = (facilities or {}).get(role) or _FACILITIES[role]
        found = (
            (_own_file(host, slapd) if role is LogRole.SLAPD else None)
            or _from_rsyslog(host, role, wanted, destinations)
            or _by_name(host, role)
            or _from_journal(host)
        )
        if found is not None and not is_journal(found.path) and not _is_there(host, found.path):
            # rsyslog is set up to write it, and does not run perhaps: the journal has it in any case.
            found = _from_journal(host) or found
        if found is not None:
            choices[role] = found
    paths = [one.path for one in choices.values() if not is_journal(one.path)]
    moved = olddirs(host, paths) if with_olddirs else {}
    sources = _merge(host, choices, moved)
    for role, choice in choices.items():
        note = choice.note or absent_lines(host, role, choice.path, slapd, moved.get(choice.path))
        if note is not None:
            notes.append(note)
    return LogSources(sources, tuple(role for role in LogRole if role not in choices), tuple(notes))


def _own_file(host: Host, slapd: Sequence[SlapdLogging]) -> _Choice | None:
    """The file that slapd 2.6 writes itself (`logfile`, olcLogFile), if it is there."""
    for one in slapd:
        if one.logfile is not None and _is_there(host, one.logfile):
            why = f"{inert(one.conf)} names it as slapd's own logfile"
            return _Choice(one.logfile, why, mixed=False, zone="UTC" if one.utc else None)
    return None


def _from_journal(host: Host) -> _Choice | None:
    """The systemd journal, where there is one (a recording has it as a log of that name)."""
    if host.name.kind == "recording":
        there = _is_there(host, JOURNAL)
    else:
        there = any(_names_in(host, directory) for directory in DIRECTORIES)
    why = "there is no file with it where rsyslog's configuration or the usual names in /var/log lead to"
    return _Choice(JOURNAL, why, mixed=True) if there else None


def _names_in(host: Host, directory: str) -> tuple[str, ...]:
    try:
        return host.listdir(directory)
    except FileUnreadable:
        return ()


def _is_for_all_sorts(path: str) -> bool:
    return path.rpartition("/")[2] in _ALL_SORTS


def _merge(host: Host, choices: Mapping[LogRole, _Choice], moved: Mapping[str, str]) -> tuple[LogSource, ...]:
    paths = dict.fromkeys(choice.path for choice in choices.values())
    sources = []
    for path in paths:
        mine = {role: choice for role, choice in choices.items() if choice.path == path}
        why = "; ".join(dict.fromkeys(choice.why for choice in mine.values()))
        name = "The systemd journal" if is_journal(path) else inert(path)
        sources.append(
            LogSource(
                path,
                frozenset(mine),
                f"{name} is the {' and '.join(mine)} log: {why}.",
                _problem(host, path),
                any(choice.mixed for choice in mine.values()),
                next((choice.zone for choice in mine.values() if choice.zone), None),
                moved.get(path),
            )
        )
    return tuple(sources)


def _problem(host: Host, path: str) -> str | None:
    try:
        host.open_log(path).close()
    except FileMissing:
        return f"{inert(path)} is not there; it is read as soon as it appears."
    except FileUnreadable as error:
        return str(error)
    return None


def _is_there(host: Host, path: str) -> bool:
    try:
        return stat.S_ISREG(host.stat(path).mode)
    except FileUnreadable:
        return False


def _from_rsyslog(
    host: Host, role: LogRole, facilities: Sequence[str], destinations: Sequence[Destination]
) -> _Choice | None:
    """The file that the first of the facilities goes to, as fully as wanted and with as little besides."""
    wanted = (2 << _WANTED[role]) - 1
    best: tuple[tuple[int, int, int, bool, int], Destination, str] | None = None
    for destination in destinations:
        taken = [name for name in facilities if name in FACILITIES and destination.takes(name) & wanted]
        if not taken:
            continue
        others = destination.others(facilities)
        # Who sends local6 to a file of its own does so for Cyrus.
        main = "local6" if "local6" in taken and not others else taken[0]
        rank = (
            1 if main == "local6" and not others else -facilities.index(main),
            (destination.takes(main) & wanted).bit_count(),
            -others,
            _is_there(host, destination.path),
            destination.takes(main).bit_count(),
        )
        if best is None or rank > best[0]:
            best = (rank, destination, main)
    if best is None:
        return None
    _, chosen, main = best
    masked = role is LogRole.SLAPD and not chosen.takes(main) & _DEBUG
    return _Choice(
        chosen.path,
        f"{inert(chosen.where)} sends {main} to it",
        mixed=chosen.others(facilities) > 0,
        note=masked_debug(chosen.where, main) if masked else None,
    )


def _by_name(host: Host, role: LogRole) -> _Choice | None:
    for name in (*_NAMES[role], *_ALL_SORTS):
        path = f"/var/log/{name}"
        if _is_there(host, path):
            why = "it has the usual name, and no configuration of rsyslog was found that says otherwise"
            return _Choice(path, why, mixed=name in _ALL_SORTS)
    return None
