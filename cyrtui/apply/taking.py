"""What it takes until a change is in force: nothing, that cyrmaster reads its files again, or a restart.

Source: master/master.c of 2.2 to 3.12. On SIGHUP cyrmaster reads SERVICES, EVENTS and (2.5 and later) DAEMON
again; START runs only when it starts, and its own imapd.conf is read only then. From 2.5 on it passes the
SIGHUP on to its children: idle ones end, busy ones end after their client; before, only the children of a
service that was taken out are told. A cyrmaster that gave up root cannot open ports below 1024 any more.

A service that is taken out or moved on SIGHUP leaves an empty place in cyrmaster's table. At the next SIGHUP
add_service takes an empty place for whatever service comes by, whose own socket is then still open in another
place: it cannot be bound again, and is closed. So the SIGHUP after that one takes services off the network
(seen with 3.6.1: imap was taken out, and imaps was gone one SIGHUP later). Hence a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from cyrtui.config.cyrus_conf import CyrusConf, Section
from cyrtui.config.imapd_conf import RENAMED, ImapdConf
from cyrtui.config.options import Release
from cyrtui.host.facts import Listener
from cyrtui.inert import inert
from cyrtui.pattern import pattern
from cyrtui.services.declared import DeclaredService, ExpectedSocket
from cyrtui.services.reasons import place
from cyrtui.services.sockets import is_wildcard, plain_address

Need = Literal["nothing", "reload", "restart"]

_ORDER: Final[dict[Need, int]] = {"nothing": 0, "reload": 1, "restart": 2}
# These are read by cyrmaster itself, or every process must agree on them at every moment.
_OF_MASTER: Final = frozenset({"configdirectory", "syslog_prefix", "cyrus_user", "cyrus_group"})
_AGREED: Final = pattern(
    r"(?:meta|archive|search)?partition-.*|.*_db(?:_path)?|proc_path|mboxname_lockpath|hashimapspool"
    r"|fulldirhash|mailbox_legacy_dirs|virtdomains|defaultdomain"
)
_OF_DAEMONS: Final = frozenset({"idlesocket", "idlemethod"})
_HOLE: Final = (
    "a SIGHUP would do that, but the next one would then close other services, for which cyrmaster mixes up "
    "the places in its table."
)
_SECTIONS: Final[tuple[Section, ...]] = ("START", "SERVICES", "EVENTS", "DAEMON")


class Reason(NamedTuple):
    """Why that much is needed, in a sentence."""

    need: Need
    sentence: str


class SocketChange(NamedTuple):
    """A socket that appears or goes away: the service, and where (`127.0.0.1:110`, or a path)."""

    service: str
    place: str


def greatest(reasons: Iterable[Reason]) -> Need:
    """What all of them together need."""
    return max((reason.need for reason in reasons), key=_ORDER.__getitem__, default="nothing")


# cyrus.conf


def of_cyrus_conf(
    old: CyrusConf,
    new: CyrusConf,
    before: Sequence[DeclaredService],
    after: Sequence[DeclaredService],
    *,
    first_free_port: int,
    low_ports: bool,
    user: str | None,
) -> Iterator[Reason]:
    """What each change of cyrus.conf needs.

    `before` and `after` are its services as declared; `low_ports` says whether the running cyrmaster (of
    `user`) may open ports below `first_free_port`.
    """
    for section in _SECTIONS:
        if _content(old, section) != _content(new, section):
            yield from _of_section(section, new)
    daemons = {entry.name for entry in new.section("DAEMON")}
    for entry in old.section("DAEMON"):
        if entry.name not in daemons:
            yield Reason("restart", f"{entry.name} is closed: {_HOLE}")
    if _content(old, "SERVICES") == _content(new, "SERVICES"):
        return
    kept = {(one.name, one.listen, one.proto) for one in after}
    for one in before:
        if (one.name, one.listen, one.proto) not in kept:
            what = "moved" if any(other.name == one.name for other in after) else "closed"
            yield Reason(
                "restart",
                f"{one.name} is {what}: {_HOLE}",
            )
    held = [(socket, one.name) for one in before for socket in one.expected]
    old_listens = {(one.name, one.listen, one.proto) for one in before}
    for one in after:
        if (one.name, one.listen, one.proto) in old_listens:
            continue
        low = sorted(
            {socket.port for socket in one.expected if socket.port and socket.port < first_free_port}
        )
        if low and not low_ports:
            ports = " and ".join(map(str, low))
            yield Reason(
                "restart",
                f"cyrmaster runs as {user or 'a user without privilege'} and may not open port {ports} for "
                f"{one.name} on SIGHUP: ports below {first_free_port} take a restart.",
            )
        taken = next((other for socket, other in held if meets(socket, one.expected)), None)
        if taken is not None:
            yield Reason(
                "restart",
                f"{one.name} takes a socket that {'it' if taken == one.name else taken} has now: on SIGHUP "
                "cyrmaster may open the new one before it closes the old one.",
            )


def _of_section(section: Section, new: CyrusConf) -> Iterator[Reason]:
    if section == "START":
        yield Reason("restart", "START has changed, and cyrmaster runs it only when it starts.")
    elif section == "EVENTS":
        again = ", ".join(
            entry.name for entry in new.section("EVENTS") if entry.at is None and entry.period > 0
        )
        more = f" Those with a period run at once: {again}." if again else ""
        yield Reason("reload", f"EVENTS are read again on SIGHUP.{more}")
    else:
        yield Reason("reload", f"{section} is read again on SIGHUP.")


def socket_changes(
    before: Sequence[DeclaredService], after: Sequence[DeclaredService]
) -> tuple[tuple[SocketChange, ...], tuple[SocketChange, ...]]:
    """The sockets that appear and those that go away."""
    old = {_key(socket): (one.name, socket) for one in before for socket in one.expected}
    new = {_key(socket): (one.name, socket) for one in after for socket in one.expected}

    def listed(found: dict[_Key, tuple[str, ExpectedSocket]], other: Iterable[_Key]) -> list[SocketChange]:
        missing = set(other)
        return [
            SocketChange(name, place(socket.address, socket.port))
            for key, (name, socket) in found.items()
            if key not in missing
        ]

    return tuple(listed(new, old)), tuple(listed(old, new))


_Key = tuple[str, str, int | None]


def _key(socket: ExpectedSocket) -> _Key:
    return socket.family, plain_address(socket.address), socket.port


def meets(held: ExpectedSocket | Listener, wanted: Sequence[ExpectedSocket]) -> bool:
    """Whether one of the wanted sockets cannot be bound while the held one is."""
    address = plain_address(held.address)
    for socket in wanted:
        theirs = plain_address(socket.address)
        if (socket.family, socket.port) == (held.family, held.port) and (
            theirs == address or (held.port is not None and (is_wildcard(theirs) or is_wildcard(address)))
        ):
            return True
    return False


def _content(conf: CyrusConf, section: Section) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """What a section says, without its comments and spacing."""
    return [(entry.name, entry.pairs) for entry in conf.section(section)]


# imapd.conf


def changed_options(old: ImapdConf, new: ImapdConf) -> tuple[str, ...]:
    """The options whose value changes, sorted."""
    before, after = ({one.option: one.raw for one in conf.settings} for conf in (old, new))
    names = before.keys() | after.keys()
    return tuple(sorted(name for name in names if before.get(name) != after.get(name)))


def of_imapd_conf(
    options: Sequence[str], services: Sequence[str], release: Release | None, *, masters_own: bool
) -> Iterator[Reason]:
    """What the changed options of an imapd.conf need.

    `services` are those of cyrus.conf, whose names may stand in front of an option; `masters_own` says that
    cyrmaster itself reads this file.
    """
    if not options:
        return
    if release is not None and release < (2, 5, 0):
        yield Reason(
            "restart",
            "Before 2.5 cyrmaster does not end its idle processes on SIGHUP, and a process reads imapd.conf "
            "only when it starts.",
        )
    else:
        yield Reason(
            "reload", "Processes read imapd.conf when they start; on SIGHUP the idle ones are replaced."
        )
    for name in options:
        shown = inert(name)
        plain = _plain(name, services)
        if plain in _OF_MASTER or plain.startswith("prometheus_"):
            if masters_own:
                yield Reason("restart", f"cyrmaster reads {shown} only when it starts.")
        elif _AGREED.fullmatch(plain):
            yield Reason(
                "restart", f"All processes must agree on {shown}: none with the old value may be left."
            )
        elif plain in _OF_DAEMONS:
            yield Reason("restart", f"idled is no child of cyrmaster and takes {shown} only when it starts.")


def _plain(name: str, services: Sequence[str]) -> str:
    """An option's name today, without a service's name in front."""
    for service in services:
        if name.startswith(f"{service.lower()}_"):
            name = name[len(service) + 1 :]
            break
    return RENAMED.get(name, name)
