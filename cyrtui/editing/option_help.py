"""Help for what stands under the cursor: an option of imapd.conf, or a key, name or section of cyrus.conf."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

from cyrtui.config.cyrus_entries import KEYS, Section
from cyrtui.config.nearest import nearest
from cyrtui.config.options import Option, OptionTable, release_of, series
from cyrtui.config.subject import ConfKind
from cyrtui.editing.highlight import section_of, tokens
from cyrtui.editing.manual import Manual
from cyrtui.inert import inert
from cyrtui.services.switches import explain_cmd


class Help(NamedTuple):
    """`title` names the thing, `facts` are short sentences about it, `text` is the manual's own, or empty."""

    title: str
    facts: tuple[str, ...]
    text: str = ""


_KINDS: Final = {
    "STRING": "a text",
    "SWITCH": "a switch: yes or no (also 1, 0, on, off, t, f; small letters)",
    "INT": "a number",
    "ENUM": "one of",
    "STRINGLIST": "one of",
    "BITFIELD": "any of, separated by spaces",
    "DURATION": "a span of time such as 3d, 1h30m",
    "BYTESIZE": "a size such as 10M",
}
# What master/master.c makes of each key, in short.
_KEYS: Final = {
    "cmd": "the program and its arguments; without a leading / it is looked for among Cyrus's programs",
    "listen": "where it waits: PORT, NAME of /etc/services, HOST:PORT, [IPv6]:PORT, or /PATH of a socket",
    "proto": "tcp (both IPv4 and IPv6), tcp4, tcp6, udp, udp4 or udp6; default tcp",
    "prefork": "processes kept ready for each address family; default 0",
    "maxchild": "the most processes for each address family; default -1, no limit",
    "maxfds": "the most file descriptors of a process",
    "maxforkrate": "the most processes started in a second; default 0, no limit",
    "babysit": "1: at least one process always runs, and is started anew; default 0",
    "wait": "1: cyrmaster waits until the program says that it is ready; default 0; since 3.6",
    "period": "minutes between two runs; 0: once, when cyrmaster starts",
    "at": "the time of day HHMM of a daily run; wins over period",
    "cron": "minute, hour, day of month, month, day of week, as in crontab(5)",
    "provide_uuid": "only known to 2.3.0 up to 2.3.9",
}
_SECTIONS: Final[dict[str, str]] = {
    "START": "run one after the other before any service; one that fails keeps cyrmaster from starting. "
    "Not run again at a reload.",
    "SERVICES": "the programs for which cyrmaster waits on a socket, one line each: name, cmd=, listen=",
    "EVENTS": "programs that are run again and again: every period= minutes, or daily at=HHMM",
    "DAEMON": "programs that cyrmaster keeps running, without a socket; since 2.5",
}
_NAMED: Final = re.compile(r"\s*(@?[A-Za-z0-9_-]+)")


def help_at(
    kind: ConfKind,
    line_at: Callable[[int], str],
    row: int,
    column: int,
    table: OptionTable,
    services: tuple[str, ...],
    manual: Manual,
) -> Help | None:
    """Help for the place of the cursor; None where there is nothing to say. Reads the manual page once.

    `services` are the names of cyrus.conf, which may stand before an option's own.
    """
    if kind == "imapd.conf":
        while row and line_at(row - 1).endswith("\\"):
            row -= 1
        found = _NAMED.match(line_at(row))
        return None if found is None else option_help(found[1].lower(), table, services, manual)
    return _cyrus_help(line_at, row, column, manual)


def option_help(name: str, table: OptionTable, services: tuple[str, ...], manual: Manual) -> Help | None:
    """All that is known of an option of imapd.conf."""
    if name == "@include":
        return Help("@include", ("the file of that path is read here; a file may be included once only",))
    own, service = _own_name(name, table, services)
    option = table.get(own)
    version = ".".join(map(str, table.release)) if table.release else ""
    in_words = f"in {version}" if version else "in the newest release known here"
    if option is None:
        return _unknown(name, table, version, manual)
    facts = [_kind(option), f"default {in_words}: {_default(option.default)}"]
    oldest = table.releases[0]
    first = release_of(option.since)
    facts.append("known to every version" if option.since == oldest else f"since {_short(first)}")
    changes = table.defaults(own)
    if len(changes) > 1:
        told = ", ".join(f"{_default(default)} since {series(release)}" for release, default in changes[1:])
        facts.append(f"the default changed: {_default(changes[0][1])}, then {told}")
    if option.replaced_by:
        facts.append(
            f"renamed: {option.replaced_by} since {series(option.deprecated_since or '')}; both are honoured"
        )
    elif option.deprecated_since:
        facts.append(f"deprecated since {option.deprecated_since}")
    if service:
        facts.insert(0, f"for the service {service} only; it wins over {own}")
    return Help(own, tuple(facts), manual.option(own))


def _unknown(name: str, table: OptionTable, version: str, manual: Manual) -> Help | None:
    if name.startswith("sasl_"):
        fact = f"handed to Cyrus SASL as {name.removeprefix('sasl_')}; Cyrus itself does not look at it"
        return Help(name, (fact,), manual.option(name))
    if re.match(r"(?:meta|archive|search|backup)?partition-", name):
        return Help(name, ("the directory of the partition of that name",), manual.option("partition-name"))
    known = table.known_in(name)
    if known is not None:
        span = f"known to {known[0]} up to {known[1]} only" if known[0] != known[1] else f"only in {known[0]}"
        return Help(name, (f"{span}; {version or 'this version'} does not know it",))
    near = nearest(name, table.names()) if len(name) > 2 else None
    guess = (f"Did you mean {near}?",) if near else ()
    return Help(inert(name), ("no option of this version", *guess))


def _own_name(name: str, table: OptionTable, services: tuple[str, ...]) -> tuple[str, str]:
    """The option's own name, and the service that stands before it."""
    if table.get(name) is None:
        for service in services:
            prefix = f"{service.lower()}_"
            if name.startswith(prefix) and table.get(name.removeprefix(prefix)) is not None:
                return name.removeprefix(prefix), service
    return name, ""


def _kind(option: Option) -> str:
    words = _KINDS.get(option.kind, option.kind.lower())
    return f"{words} {' '.join(value[0] for value in option.values)}" if option.values else words


def _default(default: str | None) -> str:
    return "none" if default is None else inert(default) or "empty"


def _short(release: tuple[int, int, int] | None) -> str:
    return ".".join(map(str, release[:2])) if release else "?"


def _cyrus_help(line_at: Callable[[int], str], row: int, column: int, manual: Manual) -> Help | None:
    line = line_at(row)
    parts = tokens("cyrus.conf", line_at, row)
    section = section_of(line_at, row)
    if not parts:
        return None
    here = next((at for at in reversed(range(len(parts))) if parts[at].start <= column), 0)
    token = parts[here]
    if token.name == "section":
        name = line[token.start : token.end]
        return Help(name, (_SECTIONS[name],))
    if section is None or token.name == "comment":
        return None
    if token.name == "name":
        name = line[token.start : token.end]
        cmd = _value_of("cmd", line, parts)
        return Help(inert(f"{section} {name}"), _meanings(cmd), "")
    key_at = here if token.name in ("key", "bad") else here - 1
    key = line[parts[key_at].start : parts[key_at].end]
    return _key_help(section, key, _value_of(key, line, parts), manual)


def _key_help(section: Section, key: str, value: str, manual: Manual) -> Help:
    if key not in KEYS[section]:
        near = nearest(key, sorted(KEYS[section]))
        guess = (f"Did you mean {near}=?",) if near else ()
        return Help(inert(f"{key}="), (f"no key of {section}: Cyrus ignores it", *guess))
    facts = (_KEYS[key], *(_meanings(value) if key == "cmd" else ()))
    return Help(f"{key}=", facts, manual.key(section, key))


def _value_of(key: str, line: str, parts: tuple[tuple[int, int, str], ...]) -> str:
    for one, other in pairwise(parts):
        if line[one[0] : one[1]] == key and other[2] in ("value", "bad"):
            return line[other[0] : other[1]].strip('"')
    return ""


def _meanings(cmd: str) -> tuple[str, ...]:
    return tuple(inert(f"{word}: {meaning}") for word, meaning in explain_cmd(cmd.split()))
