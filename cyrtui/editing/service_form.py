"""The services of a cyrus.conf as a form: each value and switch with its meaning, and changing one of them.

Changes go through cyrtui.config.document: one value becomes another, every other byte of the file stays.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from cyrtui.config.cyrus_conf import Tokenizer, parse_cyrus_conf
from cyrtui.config.cyrus_entries import Entry
from cyrtui.config.document import add_entry, remove_entry, remove_value, set_value
from cyrtui.errors import ConfigurationError
from cyrtui.inert import inert
from cyrtui.services.switches import explain_cmd, is_known, switches_of

RowKind = Literal["service", "value", "switch", "free"]

_VALUES: Final = (
    ("listen", "", "where it waits: PORT, NAME of /etc/services, HOST:PORT, [IPv6]:PORT or /PATH"),
    ("proto", "tcp", "tcp, tcp4, tcp6, udp, udp4 or udp6"),
    ("prefork", "0", "processes kept ready, for each address family"),
    ("maxchild", "-1", "the most processes, for each address family; -1: no limit"),
    ("maxforkrate", "0", "the most processes started in a second; 0: no limit"),
    ("maxfds", "", "the most file descriptors of a process"),
    ("babysit", "0", "1: at least one process always runs"),
)
# What is offered to be added: the usual name, program and place of each (cyrus.conf(5), Debian's own file).
TEMPLATES: Final = (
    ("imap", "imapd -U 30", "imap", "IMAP"),
    ("imaps", "imapd -s -U 30", "imaps", "IMAP, TLS from the first byte"),
    ("pop3", "pop3d -U 30", "pop3", "POP3"),
    ("pop3s", "pop3d -s -U 30", "pop3s", "POP3, TLS from the first byte"),
    ("sieve", "timsieved", "sieve", "ManageSieve"),
    ("lmtp", "lmtpd", "localhost:24", "LMTP over TCP, on this host only"),
    ("lmtpunix", "lmtpd", "/run/cyrus/socket/lmtp", "LMTP on a unix socket"),
    ("http", "httpd -U 30", "http", "calendars and contacts (2.4 and later)"),
    ("https", "httpd -s -U 30", "https", "calendars and contacts, TLS from the first byte"),
    ("nntp", "nntpd -U 30", "nntp", "NNTP"),
)


class FormRow(NamedTuple):
    """A row of the form: a service, or one of its values or switches.

    `name` is that of the key or switch, `value` as it stands (inert; empty: not set), `default` what holds
    otherwise. `takes_argument` is for switches: the others are on or off.
    """

    service: str
    kind: RowKind
    name: str
    value: str
    default: str
    meaning: str
    line: int
    is_set: bool
    takes_argument: bool = False


def service_rows(data: bytes, tokenizer: Tokenizer = "words") -> tuple[FormRow, ...]:
    """The services in the order of the file, each followed by its values and switches. Never raises."""
    rows: list[FormRow] = []
    for entry in parse_cyrus_conf(data, tokenizer=tokenizer).section("SERVICES"):
        rows.append(_head(entry))
        rows.append(_value(entry, "cmd", "", "the program and its arguments"))
        rows += [_value(entry, key, default, meaning) for key, default, meaning in _VALUES]
        rows += _switches(entry)
    return tuple(rows)


def _head(entry: Entry) -> FormRow:
    meaning = explain_cmd(entry.words)[0][1] if entry.words else "no program"
    return FormRow(entry.name, "service", entry.name, inert(entry.cmd), "", meaning, entry.line, is_set=True)


def _value(entry: Entry, key: str, default: str, meaning: str) -> FormRow:
    value = entry.value(key)
    shown = "" if value is None else inert(value)
    return FormRow(entry.name, "value", key, shown, default, meaning, entry.line, is_set=value is not None)


def _switches(entry: Entry) -> list[FormRow]:
    """The switches that the program takes, those that are set among them."""
    if not is_known(entry.program):
        return []
    standing = _standing(entry.words)
    rows: list[FormRow] = []
    for switch, meaning in switches_of(entry.program).items():
        wants = "{}" in meaning
        words = meaning.format(_ARGUMENTS.get(switch, "N")) if wants else meaning
        value = standing.get(switch)
        shown = "" if value is None else inert(value) if wants else "on"
        row = FormRow(
            entry.name,
            "switch",
            switch,
            shown,
            "",
            words,
            entry.line,
            value is not None,
            takes_argument=wants,
        )
        rows.append(row)
    return rows


_ARGUMENTS: Final = {"-C": "FILE", "-p": "N", "-U": "N", "-T": "N"}


def _standing(words: tuple[str, ...]) -> dict[str, str]:
    """The switches of a cmd with their arguments."""
    known = switches_of(words[0].rpartition("/")[2]) if words else {}
    found: dict[str, str] = {}
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        meaning = known.get(word)
        if meaning is not None:
            found.setdefault(word, rest.pop(0) if "{}" in meaning and rest else "")
    return found


def change_value(data: bytes, row: FormRow, value: str, tokenizer: Tokenizer = "words") -> bytes:
    """Give a row another value; an empty one takes an optional key (or a switch) out.

    Raises `ConfigurationError` with what is wrong.
    """
    value = value.strip()
    if row.kind == "service":
        raise ConfigurationError("A service's name is changed in the text.")
    if row.kind == "switch":
        return _change_switch(data, row, value, tokenizer)
    if not value:
        if row.name in ("cmd", "listen"):
            raise ConfigurationError(f"A service cannot be without {row.name}=; d takes the service out.")
        return remove_value(data, "SERVICES", row.service, row.name, tokenizer) if row.is_set else data
    if row.name in ("prefork", "maxchild", "maxforkrate", "maxfds") and not re.fullmatch("-?[0-9]+", value):
        raise ConfigurationError(f"{row.name} is a number; “{inert(value)}” is none.")
    return set_value(data, "SERVICES", row.service, row.name, value, tokenizer)


def _change_switch(data: bytes, row: FormRow, value: str, tokenizer: Tokenizer) -> bytes:
    entry = _entry(data, row.service, tokenizer)
    if row.takes_argument and (len(value.split()) > 1 or value.startswith("-")):
        raise ConfigurationError(f"{row.name} takes one word; cmd= has no quoting.")
    if row.takes_argument and value and row.name != "-C" and not value.isdigit():
        raise ConfigurationError(f"{row.name} takes a number; “{inert(value)}” is none.")
    cmd = _without(entry.cmd, row)
    if value and row.takes_argument:
        # in place, so that its neighbours stay where they are
        found = _place(entry.cmd, row)
        new = f"{row.name} {value}"
        cmd = f"{cmd} {new}" if found is None else entry.cmd[: found.start()] + new + entry.cmd[found.end() :]
    elif value and not row.is_set:
        cmd = f"{entry.cmd.rstrip()} {row.name}"
    elif value:
        cmd = entry.cmd
    return set_value(data, "SERVICES", row.service, "cmd", cmd, tokenizer)


def _place(cmd: str, row: FormRow) -> re.Match[str] | None:
    argument = r"(?:\s+[^\s-]\S*)?" if row.takes_argument else ""
    return re.search(rf"(?<=\s){re.escape(row.name)}(?!\S){argument}", cmd)


def _without(cmd: str, row: FormRow) -> str:
    found = _place(cmd, row)
    return cmd if found is None else (cmd[: found.start()].rstrip() + cmd[found.end() :]).rstrip()


def _entry(data: bytes, name: str, tokenizer: Tokenizer) -> Entry:
    conf = parse_cyrus_conf(data, tokenizer=tokenizer)
    found = next((entry for entry in conf.section("SERVICES") if entry.name == name), None)
    if found is None:
        raise ConfigurationError(f"SERVICES has no entry {inert(name)} any more.")
    return found


def add_service(data: bytes, name: str, cmd: str, listen: str, tokenizer: Tokenizer = "words") -> bytes:
    """Add a service behind the last one. Raises `ConfigurationError`: name taken, no such section."""
    values = (("cmd", cmd), ("listen", listen), ("prefork", "0"))
    return add_entry(data, "SERVICES", name, values, tokenizer)


def remove_service(data: bytes, name: str, tokenizer: Tokenizer = "words") -> bytes:
    """Take a service's line out. Raises `ConfigurationError` where it is not there."""
    return remove_entry(data, "SERVICES", name, tokenizer)


def parse_addition(text: str) -> tuple[str, str, str]:
    """(name, cmd, listen) of what was typed: the name of a template, or NAME LISTEN PROGRAM WITH ARGUMENTS.

    Raises `ConfigurationError` where it is neither.
    """
    words = text.split()
    if len(words) == 1:
        for name, cmd, listen, _ in TEMPLATES:
            if name == words[0]:
                return name, cmd, listen
    if len(words) < 3:
        names = ", ".join(template[0] for template in TEMPLATES)
        raise ConfigurationError(
            f"Type one of {names}; or NAME LISTEN PROGRAM, such as: imap2 1143 imapd -U 30"
        )
    return words[0], " ".join(words[2:]), words[1]
