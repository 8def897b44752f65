"""Why nobody, or nobody on one service, gets in while no log has a line of it: asked of the host itself.

A client that waits in an accept queue, or meets another program on the port, is in no log; nor is one whose
LOGIN is refused because it came without TLS. So the services' state, the configuration and the queue before
slapd are looked at instead. What is said is how things stand now, not how they stood when somebody failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from cyrtui.config.imapd_conf import IMAPD_CONF, ImapdConf
from cyrtui.errors import ObservationError
from cyrtui.host.facts import Snapshot
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.services.board import NoBoard, ServiceBoard, imapd_confs, observe_services
from cyrtui.services.table import ServiceRow
from cyrtui.wording import counted

_CLEAR: Final = frozenset({"imapd", "pop3d", "nntpd"})
_NOT_FOR_PEOPLE: Final = frozenset({"lmtpd", "lmtpproxyd", "notifyd", "smmapd", "fud", "mupdate"})
_SLAPD_PORTS: Final = {"ldap": 389, "ldaps": 636}
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1", ""})


class Unlogged(NamedTuple):
    """One cause, by its code in `trace --json`. `service` is a name in cyrus.conf; None: all of them.

    `how` is `now` for what keeps people out at this moment, `always` for what refuses some clients by
    configuration.
    """

    cause: str
    service: str | None
    explanation: str
    remedy: str
    how: Literal["now", "always"] = "now"


def unlogged(host: Host, cyrus_conf: str) -> tuple[Unlogged, ...]:
    """What keeps people out of the server now, and then what always refuses some; none of it is in a log.

    Empty for a copied tree. Of a recording, which has no accept queues, only what the states of its services
    say. Looks at slapd's queue twice, a second apart, where connections wait in it. Never raises.
    """
    if host.name.kind == "tree":
        return ()
    seen = look(host)
    board = observe_services(host, cyrus_conf, snapshot=seen)
    if isinstance(board, NoBoard):
        return ()
    before = seen
    if host.name.kind == "local" and seen is not None and _waiting(seen, _slapd_ports(host, board)):
        import time

        time.sleep(1.0)
        seen = look(host)
    return unlogged_of(host, board, before, seen)


def look(host: Host) -> Snapshot | None:
    """The processes and sockets of a host now; None where they cannot be seen."""
    try:
        return host.snapshot()
    except ObservationError:
        return None


def unlogged_of(
    host: Host, board: ServiceBoard, before: Snapshot | None, seen: Snapshot | None
) -> tuple[Unlogged, ...]:
    """As `unlogged`, of services that were looked at already, and of two looks a second or more apart."""
    if host.name.kind == "tree":
        return ()
    confs, _unread = imapd_confs(host, board.conf.services)
    ports = {port for conf in confs.values() for port in _ports_of(conf)}
    found = [*_services(board), *_refused(board, confs)]
    if host.name.kind == "local" and before is not None and seen is not None:
        found += _directory(_waiting(before, ports), _waiting(seen, ports))
    return tuple(sorted(found, key=lambda one: one.how, reverse=True))


def _services(board: ServiceBoard) -> Iterator[Unlogged]:
    table = board.table
    if table.master is None and table.master_reason and any(row.state != "unknown" for row in table.rows):
        yield Unlogged(
            "service-not-listening",
            None,
            f"cyrmaster does not run, so that nobody can connect: {table.master_reason}",
            "Start Cyrus (systemctl start cyrus-imapd), and look at the first lines that cyrmaster logs.",
        )
        return
    for fault in board.conf.faults:
        if fault.severity == "error":
            yield Unlogged(
                "config-error",
                None,
                f"{board.conf.path}:{fault.line}: {fault.sentence}",
                fault.remedy or "Mend the line; `cyrtui lint` says more.",
                "always",
            )
    programs = {entry.name: entry.program for entry in board.conf.services}
    for row in table.rows:
        one = _service(row) if programs.get(row.name or "") not in _NOT_FOR_PEOPLE else None
        if one is not None:
            yield one


def _service(row: ServiceRow) -> Unlogged | None:
    name = row.name or "a service"
    why = f": {row.reason.rstrip('.')}." if row.reason else "."
    if row.state == "full":
        waiting = f", and {counted(row.queue, 'client waits', 'clients wait')}" if row.queue else ""
        full = [f"{one.address}:{one.port}" for one in row.listeners if one.queue and one.port is not None]
        where = f" to {' or '.join(full)}" if full and len(full) < len(row.listeners) else ""
        return Unlogged(
            "maxchild-reached",
            row.name,
            f"{name} has as many processes as it may{waiting}: who connects now{where} gets no answer.",
            f"Raise maxchild of {name} in cyrus.conf, or see who holds so many connections (cyrtui, Overview,"
            f" {name}).",
        )
    if row.state == "foreign":
        return Unlogged(
            "port-in-use",
            row.name,
            f"Another program has the port of {name}, and is what clients meet{why}",
            "Stop that program, or give one of the two another port; then restart Cyrus.",
        )
    if row.state == "not-listening":
        return Unlogged(
            "service-not-listening",
            row.name,
            f"{name} does not listen, so nobody can connect to it{why}",
            "Mend what the reason names, and restart Cyrus.",
        )
    if row.state == "crashing":
        return Unlogged(
            "service-crashing",
            row.name,
            f"The processes of {name} die before they serve anybody{why}",
            "Mend what their last words in the mail log name; `cyrtui lint` reads the configuration.",
        )
    return None


def _directory(before: Mapping[int, int], waiting: Mapping[int, int]) -> Iterator[Unlogged]:
    """A slapd of this machine that lets connections wait; seen twice, as a moment's queue is no failure."""
    for port in sorted(before.keys() & waiting.keys()):
        yield Unlogged(
            "directory-unreachable",
            None,
            f"slapd does not take the connections to its port {port}: {waiting[port]} wait. A login that"
            " needs the directory hangs, and logs nothing until it ends.",
            "See what slapd does (its log, top, gdb); restart it if it hangs.",
        )


def _slapd_ports(host: Host, board: ServiceBoard) -> set[int]:
    confs, _unread = imapd_confs(host, board.conf.services)
    return {port for conf in confs.values() for port in _ports_of(conf)}


def _ports_of(conf: ImapdConf) -> Iterator[int]:
    for uri in (conf.value("sasl_ldapdb_uri") or "").split():
        try:
            parts = urlsplit(uri)
            port, name = parts.port, (parts.hostname or "").lower()
        except ValueError:
            continue
        if parts.scheme.lower() in _SLAPD_PORTS and name in _HERE:
            yield port or _SLAPD_PORTS[parts.scheme.lower()]


def _waiting(seen: Snapshot, ports: set[int]) -> dict[int, int]:
    """How many connections wait in the accept queues of these ports, where any do."""
    found: dict[int, int] = {}
    for listener in seen.listeners:
        if listener.port in ports and listener.queue:
            found[listener.port] = found.get(listener.port, 0) + listener.queue
    return found


def _refused(board: ServiceBoard, confs: Mapping[str, ImapdConf]) -> Iterator[Unlogged]:
    """Services in the clear that take no password without TLS; of a LOGIN that is refused so is no line."""
    # the default of allowplaintext was yes before 2.3
    version = (board.table.master.version if board.table.master else None) or ""
    default = version.startswith(("2.0.", "2.1.", "2.2."))
    names: dict[str, list[str]] = {}
    for entry in board.conf.services:
        if entry.broken or entry.program not in _CLEAR or "-s" in entry.words:
            continue
        conf = confs.get(entry.config_file or IMAPD_CONF)
        if conf is not None and not conf.switch("allowplaintext", default=default, service=entry.name):
            names.setdefault(conf.path, []).append(entry.name)
    for path, services in names.items():
        one = len(services) == 1
        yield Unlogged(
            "plaintext-refused",
            services[0] if one else None,
            f"{' and '.join(services)} {'refuses' if one else 'refuse'} a password that comes without TLS"
            f" (allowplaintext in {inert(path)}); of a LOGIN that is refused so no log has a line.",
            "Set the client to STARTTLS or TLS; or, where the line is safe, set allowplaintext: yes.",
            "always",
        )
