"""What cyrmaster makes of the services and events of cyrus.conf: ports, sockets, switches, times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cyrtui.config.command_options import unknown_switches
from cyrtui.config.cyrus_entries import PROTOS, Entry
from cyrtui.config.finding import Finding
from cyrtui.config.imapd_conf import ImapdConf
from cyrtui.config.listen import LONGEST_PATH, names_in_services, reach, split_listen
from cyrtui.config.nearest import nearest
from cyrtui.config.presence import is_missing
from cyrtui.config.subject import Subject
from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import ResolvedListen
from cyrtui.inert import inert

_HIGHEST_PORT: Final = 65535
# IANA's, for the services that Cyrus has
_PORTS: Final = {
    "acap": 674,
    "csync": 2005,
    "http": 80,
    "https": 443,
    "imap": 143,
    "imaps": 993,
    "lmtp": 24,
    "mupdate": 3905,
    "nntp": 119,
    "nntps": 563,
    "pop3": 110,
    "pop3s": 995,
    "sieve": 4190,
}
_CLEAR: Final = {"imapd": "IMAP", "pop3d": "POP3", "nntpd": "NNTP", "httpd": "HTTP"}
_OF_TLS: Final = frozenset({"imapd", "pop3d", "nntpd", "httpd"})


@dataclass(frozen=True, slots=True)
class _Place:
    """A finding's place: one entry of cyrus.conf."""

    file: str
    entry: Entry

    def warning(self, code: str, sentence: str, remedy: str) -> Finding:
        return Finding(self.file, self.entry.line, "warning", code, sentence, remedy)

    def error(self, code: str, sentence: str, remedy: str) -> Finding:
        return Finding(self.file, self.entry.line, "error", code, sentence, remedy)

    def advice(self, code: str, sentence: str, remedy: str) -> Finding:
        return Finding(self.file, self.entry.line, "advice", code, sentence, remedy)


def services(subject: Subject) -> Iterator[Finding]:
    """What is wrong with each service, with events, and with the file as a whole."""
    conf = subject.cyrus
    if conf is None:
        return
    names = _service_names(subject)
    taken: dict[tuple[str, str, int], Entry] = {}
    for entry in conf.services:
        place = _Place(conf.path, entry)
        if not entry.broken:
            yield from _listen(subject, place, names, taken)
            yield from _process(subject, place)
    for entry in conf.entries:
        if not entry.broken:
            yield from _keys(subject, _Place(conf.path, entry))
            yield from _command(subject, _Place(conf.path, entry))
    for code, sentence, remedy in _whole(subject, conf.section("START"), conf.section("EVENTS")):
        yield Finding(conf.path, 1, "advice", code, sentence, remedy)


def _service_names(subject: Subject) -> frozenset[str] | None:
    try:
        return names_in_services(subject.host.read("/etc/services"))
    except FileUnreadable:
        return None


# Where a service listens


def _listen(
    subject: Subject,
    place: _Place,
    names: frozenset[str] | None,
    taken: dict[tuple[str, str, int], Entry],
) -> Iterator[Finding]:
    entry = place.entry
    if entry.listen.startswith("/"):
        yield from _unix(subject, place, taken)
        return
    node, port = split_listen(entry.listen) or (None, None)
    if port is None:
        yield place.error(
            "bad-listen",
            f"listen=“{entry.listen}” names no port: cyrmaster disables {entry.name}.",
            "Write a port, host:port or [address]:port.",
        )
        return
    if entry.proto not in PROTOS:
        return
    if port.isdecimal() and int(port) > _HIGHEST_PORT:
        yield place.warning(
            "bad-port",
            f"There is no port {port}: {entry.name} listens on {int(port) & _HIGHEST_PORT} instead.",
            f"Write a port up to {_HIGHEST_PORT}.",
        )
    found = subject.host.resolve(node, port, entry.proto)
    if not found:
        yield from _unresolved(subject, place, node, port, names)
    for one in found:
        first = _holder(taken, entry.proto[:3], one)
        if first is not None and first.name != entry.name:
            yield place.error(
                "port-twice",
                f"{first.name} on line {first.line} has port {one.port} already: {entry.name} does not listen"
                f" on {one.address}.",
                "Give one of the two another port or another address.",
            )
            break
        taken[entry.proto[:3], one.address, one.port] = entry
    yield from _exposed(subject, place, found)
    yield from _privileged(subject, place, found)


def _holder(taken: dict[tuple[str, str, int], Entry], transport: str, one: ResolvedListen) -> Entry | None:
    """Who has the address and port; who has all addresses of the family has each of them."""
    for (kind, address, port), entry in taken.items():
        same_family = (":" in address) == (":" in one.address)
        overlap = address == one.address or "0.0.0.0" in (address, one.address)
        overlap = overlap or "::" in (address, one.address)
        if kind == transport and port == one.port and same_family and overlap:
            return entry
    return None


def _unresolved(
    subject: Subject, place: _Place, node: str | None, port: str, names: frozenset[str] | None
) -> Iterator[Finding]:
    entry = place.entry
    if not port.isdecimal() and names is not None and port not in names:
        number = _PORTS.get(port)
        close = nearest(port, _PORTS)
        yield place.warning(
            "port-name-unknown",
            f"“{inert(port)}” is no name in /etc/services: {entry.name} will not listen.",
            f"Write {number}, or add {port} {number}/tcp to /etc/services."
            if number
            else f"Did you mean {close}?"
            if close
            else "Write the number of the port, or add the name to /etc/services.",
        )
    elif node is not None and subject.host.name.kind == "local":
        yield place.warning(
            "node-unknown",
            f"“{inert(node)}” has no address for {entry.proto} on this host: {entry.name} will not listen.",
            "Write a numeric address of this host, or leave the host out.",
        )


def _unix(subject: Subject, place: _Place, taken: dict[tuple[str, str, int], Entry]) -> Iterator[Finding]:
    entry = place.entry
    path = entry.listen
    if len(path.encode()) >= LONGEST_PATH:
        yield place.error(
            "socket-path-long",
            f"The path of {entry.name} has {len(path.encode())} bytes; that of a unix socket has"
            f" {LONGEST_PATH - 1} at most.",
            "Choose a shorter path.",
        )
        return
    first = taken.setdefault(("unix", path, 0), entry)
    if first is not entry:
        yield place.error(
            "port-twice",
            f"{first.name} on line {first.line} has {path} already: {entry.name} takes it away from it.",
            "Give one of the two another path.",
        )
    directory = os.path.dirname(path)
    if is_missing(subject.host, directory):
        yield place.warning(
            "socket-directory-missing",
            f"There is no directory {directory}: {entry.name} will not listen.",
            "Make the directory, owned by cyrus; below /run something must make it at each start.",
        )


def _exposed(subject: Subject, place: _Place, found: tuple[ResolvedListen, ...]) -> Iterator[Finding]:
    """Who can reach the service, and what crosses the network in the clear."""
    entry = place.entry
    reaches = {reach(one.address) for one in found}
    where = "the world" if "world" in reaches else "its network" if "network" in reaches else None
    if where is None:
        return
    protocol = _CLEAR.get(entry.program)
    if protocol and "-s" not in entry.words:
        conf = subject.imapd_of(entry)
        if conf is None:
            return
        if not _has_tls(subject, conf, entry.name):
            yield place.warning(
                "exposed-without-tls",
                f"{entry.name} opens {protocol} to {where} and has no TLS: all that is said crosses it in the"
                " clear.",
                f"Set {_cert(subject)} and {_key(subject)} in {conf.path}, or listen on localhost.",
            )
        elif conf.switch("allowplaintext", default=subject.before(2, 3), service=entry.name):
            yield place.warning(
                "exposed-plaintext",
                f"{entry.name} opens {protocol} to {where}, and allowplaintext lets passwords cross it"
                " without TLS.",
                f"Set allowplaintext: no in {conf.path}, or listen on localhost.",
            )
    if entry.program == "lmtpd" and "-a" in entry.words:
        yield place.warning(
            "lmtp-open",
            f"{entry.name} takes mail from {where} without asking who sends it (-a).",
            "Listen on localhost or on a unix socket, or take the -a out.",
        )


def _privileged(subject: Subject, place: _Place, found: tuple[ResolvedListen, ...]) -> Iterator[Finding]:
    """Ports that an unprivileged cyrmaster cannot take on at a reload."""
    user, held = subject.unprivileged_master
    new = sorted({one.port for one in found if 0 < one.port < subject.first_free_port} - held)
    if user is not None and new:
        yield place.advice(
            "port-privileged",
            f"cyrmaster runs as {user} and may not take port {new[0]} at a reload (SIGHUP):"
            f" {place.entry.name} listens after a restart only.",
            "Restart Cyrus instead of reloading it.",
        )


# What its processes do


def _process(subject: Subject, place: _Place) -> Iterator[Finding]:
    entry = place.entry
    path = entry.config_file
    if path is not None and path not in subject.given and is_missing(subject.host, path):
        yield place.error(
            "config-file-missing",
            f"There is no {inert(path)} (-C): each process of {entry.name} dies at its start.",
            "Mend the path behind -C.",
        )
    conf = subject.imapd_of(entry)
    wants_tls = "-s" in entry.words and entry.program in _OF_TLS
    if wants_tls and conf is not None and not _has_tls(subject, conf, entry.name):
        yield place.error(
            "tls-not-set-up",
            f"{entry.name} speaks TLS (-s), and {conf.path} names no certificate and key for it: each"
            " process dies at its start.",
            f"Set {_cert(subject)} and {_key(subject)} in {conf.path}.",
        )
    if entry.maxchild is not None and entry.maxchild > 0 and entry.prefork > entry.maxchild:
        yield place.advice(
            "prefork-over-maxchild",
            f"prefork={entry.prefork} is over maxchild={entry.maxchild}: {entry.prefork} processes start.",
            "Make maxchild the larger one.",
        )
    if entry.value("maxchild") is None and entry.proto.startswith("tcp"):
        yield place.advice(
            "maxchild-missing",
            f"{entry.name} has no maxchild: nothing limits the number of its processes.",
            "Add maxchild= and the most clients that this machine can serve.",
        )


def _cert(subject: Subject) -> str:
    return "tls_cert_file" if subject.before(2, 5) else "tls_server_cert"


def _key(subject: Subject) -> str:
    return "tls_key_file" if subject.before(2, 5) else "tls_server_key"


def _has_tls(subject: Subject, conf: ImapdConf, service: str) -> bool:
    """tls_enabled of imap/tls.c: both are set, and neither is “disabled”."""
    values = [conf.value(name, service) for name in (_cert(subject), _key(subject))]
    return all(value is not None and value.lower() != "disabled" for value in values)


# Lines


def _keys(subject: Subject, place: _Place) -> Iterator[Finding]:
    """Keys that only some versions know."""
    entry = place.entry
    for key, known, words in (
        ("wait", subject.since(3, 6), "since 3.6"),
        ("cron", subject.since(3, 13), "since 3.13"),
        ("provide_uuid", not subject.since(2, 3, 10), "in 2.3.0 to 2.3.9"),
    ):
        if entry.value(key) is not None and subject.release is not None and not known:
            yield place.warning(
                "key-not-in-version",
                f"Cyrus {subject.shown_version} ignores “{key}”, which is there {words}.",
                "Take it out.",
            )
    for key in ("babysit", "provide_uuid", "wait"):
        value = entry.value(key)
        if value is not None and not value.startswith(("0", "n", "of", "f", "1", "y", "on", "t")):
            yield place.warning(
                "bad-switch",
                f"{key}=“{value}” is no switch: Cyrus uses its default instead.",
                f"Write {key}=1 or {key}=0.",
            )
    line = entry.source
    at = line.find("#")
    if at > 0 and not line[at - 1].isspace():
        yield place.advice(
            "comment-cuts",
            "The # ends the line here, although no space stands before it.",
            "Put a space before a comment; no value can hold a #.",
        )


def _command(subject: Subject, place: _Place) -> Iterator[Finding]:
    entry = place.entry
    words = entry.words
    if entry.section in ("SERVICES", "DAEMON"):
        for switch in unknown_switches(words):
            yield place.warning(
                "unknown-switch",
                f"{entry.program} has no switch {inert(switch)}: it is ignored.",
                "Take it out, or see the program's manual.",
            )
    if entry.program == "ctl_deliver" and "-E" in words and subject.since(2, 3):
        yield place.advice(
            "ctl-deliver-old",
            f"{entry.name}: ctl_deliver -E has been replaced by cyr_expire -E since Cyrus 2.2.",
            "Run cyr_expire -E in its place.",
        )
    if entry.program == "idled" and entry.section == "START" and subject.since(2, 5):
        yield place.advice(
            "idled-in-start",
            f"{entry.name}: since Cyrus 2.5 idled belongs into DAEMON, where cyrmaster keeps it running.",
            "Move it into a section DAEMON.",
        )
    timed = entry.value("at") is not None or entry.period > 0
    timed = timed or (entry.value("cron") is not None and subject.since(3, 13))
    if entry.section == "EVENTS" and not timed:
        yield place.advice(
            "event-once",
            f"{entry.name} has neither at= nor period=: it runs once, when cyrmaster starts.",
            "Add period= in minutes, or at= as HHMM.",
        )
    if entry.section == "EVENTS" and entry.at is not None and entry.period > 0:
        yield place.advice(
            "event-both",
            f"{entry.name} has at= and period=: it runs once a day, and period= does not count.",
            "Leave one of the two.",
        )


def _whole(
    subject: Subject, starts: tuple[Entry, ...], events: tuple[Entry, ...]
) -> Iterator[tuple[str, str, str]]:
    if not any("ctl_cyrusdb" in entry.cmd and "-r" in entry.words for entry in starts):
        yield (
            "recovery-missing",
            "START has no ctl_cyrusdb -r: the databases are not recovered after a crash.",
            'Add recover cmd="ctl_cyrusdb -r" to START.',
        )
    if not any("ctl_cyrusdb" in entry.cmd and "-c" in entry.words for entry in events):
        yield (
            "checkpoint-missing",
            "EVENTS has no ctl_cyrusdb -c: no checkpoint and no copy of the databases is ever made.",
            'Add checkpoint cmd="ctl_cyrusdb -c" period=30 to EVENTS.',
        )
    expires = [entry for entry in (*starts, *events) if "expire" in entry.cmd or "-E" in entry.words]
    if not expires:
        yield (
            "expire-missing",
            "Nothing runs cyr_expire: deliver.db grows, and deleted mail stays on the disk.",
            'Add delprune cmd="cyr_expire -E 3" at=0401 to EVENTS.',
        )
