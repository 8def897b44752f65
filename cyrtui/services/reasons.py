"""Why a service is as it is, in sentences: nothing but what the files, the sockets and the log say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

from cyrtui.host.facts import Listener, Process
from cyrtui.services.declared import DeclaredService, ExpectedSocket
from cyrtui.services.master_log import MasterLog, MasterWord, explain, failures, last_fatal
from cyrtui.services.observed import Master
from cyrtui.services.prometheus import Figures
from cyrtui.services.sockets import Matched, ip_version

_IN_USE: Final = "Address already in use"
_DENIED: Final = "Permission denied"

# Five failures, each within ten seconds of the last, make cyrmaster give a service up.
_WHILE_FAILING: Final = 50.0

Reason = tuple[str | None, MasterWord | None]


class Evidence(NamedTuple):
    """What reasons are made of. `words` are those in force; `changed` is when cyrus.conf was last written."""

    now: float
    zone: tzinfo | None
    master: Master | None
    log: MasterLog
    words: Sequence[MasterWord]
    processes: Mapping[int, Process]
    changed: float | None

    def clock(self, moment: float) -> str:
        """07:04:57, with the date in front on another day than the snapshot's."""
        then, now = (datetime.fromtimestamp(value, self.zone) for value in (moment, self.now))
        return f"{then:%H:%M:%S}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M:%S}"

    def read_at(self) -> float | None:
        """When cyrmaster last read cyrus.conf at the latest: at its last SIGHUP, else at its start."""
        if self.master is None:
            return None
        hups = [
            word.time + word.whole_seconds
            for word in self.log.words
            if word.kind in ("hup", "reconfigured") and word.pid == self.master.pid
        ]
        return max([self.master.started, *hups])


def place(address: str, port: int | None) -> str:
    """127.0.0.1:143, [::1]:143, or a path."""
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def holders(listener: Listener, evidence: Evidence) -> str:
    """The programs that hold a socket, as far as they can be seen."""
    pid = listener.owner if listener.owner is not None else next(iter(listener.holders), None)
    if pid is None:
        return "another program"
    process = evidence.processes.get(pid)
    return f"{process.name} (pid {pid})" if process else f"process {pid}"


def not_waiting(matched: Matched, evidence: Evidence) -> Reason:
    """Why the missing sockets of a service do not wait."""
    service = matched.service
    if evidence.master is None:
        if matched.blocking:
            return f"cyrmaster is not running; {_blocked(matched, evidence)}", None
        return "cyrmaster is not running", None
    families = [ip_version(socket) for socket in matched.missing]
    # one socket's word where only that socket is missing; `create` speaks of all of them
    family = families[0] if matched.found and len(set(families)) == 1 else None
    word = explain(service.name, evidence.words, family)
    if service.problem:
        return _disabled(service.problem, word, evidence), word
    if word is None:
        return _unsaid(matched, evidence), None
    return _said(matched, word, evidence), word


def _disabled(problem: str, word: MasterWord | None, evidence: Evidence) -> str:
    if word:
        return f"{problem}; cyrmaster disabled it at {evidence.clock(word.time)}"
    return f"{problem}, so cyrmaster cannot open it; {silence(evidence)}"


def _said(matched: Matched, word: MasterWord, evidence: Evidence) -> str:
    service, when = matched.service, evidence.clock(word.time)
    if word.kind == "disabled":
        return (
            f'at {when} cyrmaster disabled it ("{word.detail}"); {service.listen} can be resolved now, and'
            f" takes {_remedy(matched, evidence)}"
        )
    if word.kind == "ignored":
        return f"cyrmaster ignored its entry in cyrus.conf at {when}: {word.detail}"
    if word.kind == "too-many-failures":
        return given_up(matched, word, evidence)
    if matched.blocking:
        return f"{_blocked(matched, evidence)}; cyrmaster could not open its socket at {when}"
    if word.detail == _IN_USE:
        return (
            f"{_places(matched.missing)} was in use when cyrmaster tried to open it at {when}; it is free"
            f" now, and takes {_remedy(matched, evidence)}"
        )
    if word.detail == _DENIED:
        user = evidence.master.user if evidence.master else None
        if user and user != "root" and (service.port or 1024) < 1024:
            return (
                f"cyrmaster runs as {user} and was not allowed to open port {service.port} at {when}"
                " (Permission denied): only a restart brings it back, no SIGHUP"
            )
    return f"cyrmaster could not open its socket at {when}: {word.detail}"


def _remedy(matched: Matched, evidence: Evidence) -> str:
    """What makes cyrmaster open the missing sockets. One that gave up root binds no low ports on SIGHUP."""
    low = any(socket.port is not None and socket.port < 1024 for socket in matched.missing)
    unprivileged = evidence.master is None or evidence.master.user != "root"
    return (
        "a restart (no SIGHUP: it may not open ports below 1024 now)"
        if low and unprivileged
        else ("a restart or a SIGHUP")
    )


def _blocked(matched: Matched, evidence: Evidence) -> str:
    listener = matched.blocking[0]
    return f"{holders(listener, evidence)} holds {place(listener.address, listener.port)}"


def _places(sockets: Sequence[ExpectedSocket]) -> str:
    return " and ".join(place(socket.address, socket.port) for socket in sockets)


def _unsaid(matched: Matched, evidence: Evidence) -> str:
    """Nothing in the log explains it: say what else is known, and that there is no more."""
    if matched.blocking:
        return f"{_blocked(matched, evidence)}; {silence(evidence)}"
    read = evidence.read_at()
    if evidence.changed is not None and read is not None and evidence.changed > read:
        return (
            f"cyrus.conf was changed at {evidence.clock(evidence.changed)}, after cyrmaster had read it at"
            f" {evidence.clock(read)}: it takes {_remedy(matched, evidence)}"
        )
    return f"nothing waits on {_places(matched.missing)}; {silence(evidence)}"


def silence(evidence: Evidence) -> str:
    """That the log explains nothing, and how far the log that was read goes back."""
    paths = ", ".join(evidence.log.paths)
    read = evidence.read_at()
    if evidence.log.since is None:
        return f"{paths} holds no line" if paths else "no log was read"
    where = f" in {paths}" if paths else ""
    if read is not None and evidence.log.since > read + 1:
        return (
            f"the log that was read begins at {evidence.clock(evidence.log.since)}, after cyrmaster had read"
            f" cyrus.conf, and holds no reason{where}"
        )
    return f"master has logged no reason{where}"


def given_up(matched: Matched, word: MasterWord, evidence: Evidence) -> str:
    """cyrmaster closed the socket because the children died."""
    fatal = last_fatal(matched.service.name, evidence.words)
    ends = failures(matched.service.name, evidence.words, word.time - _WHILE_FAILING)
    last = f'"{fatal.detail}"' if fatal else ends[-1].detail if ends else ""
    why = f" ({last})" if last else ""
    what = _places(matched.missing) if matched.missing else "it"
    sentence = (
        f"its processes died at their start{why}; cyrmaster gave up {what} at {evidence.clock(word.time)}"
    )
    if not word.detail.startswith("until"):
        return f"{sentence} {word.detail}"
    return f"{sentence}: once that is put right, it takes {_remedy(matched, evidence)}"


def crashing(service: DeclaredService, evidence: Evidence, since: float) -> Reason:
    """Its children die, and cyrmaster still tries."""
    ends = failures(service.name, evidence.words, since)
    if not ends:
        return None, None
    fatal = last_fatal(service.name, evidence.words)
    why = f'; the last one said "{fatal.detail}"' if fatal else ""
    when = evidence.clock(ends[0].time)
    return f"{len(ends)} of its processes died since {when} ({ends[-1].detail}){why}", ends[-1]


def no_tls(word: MasterWord, evidence: Evidence) -> str:
    """Its processes end as soon as a client connects, for they cannot make TLS."""
    return (
        "its processes cannot make TLS and end when a client connects:"
        f" {word.detail.removesuffix(': (null)')} (at {evidence.clock(word.time)}, and no TLS since)"
    )


def stale(
    evidence: Evidence, cyrus_conf: str, figures: Mapping[str, Figures], declared: Sequence[DeclaredService]
) -> str | None:
    """That cyrmaster works with an older cyrus.conf than the one that stands there."""
    master, read = evidence.master, evidence.read_at()
    if master is None or read is None or master.cyrus_conf != cyrus_conf:
        return None
    if evidence.changed is not None and evidence.changed > read:
        when = evidence.clock(evidence.changed)
        since = evidence.log.since
        if since is None or since > read + 1:
            return (
                f"{cyrus_conf} was changed at {when}, after cyrmaster was started at {evidence.clock(read)};"
                " whether a SIGHUP has made it read the change cannot be seen, for the log does not go back"
                " so far"
            )
        return (
            f"{cyrus_conf} was changed at {when}, and cyrmaster has not read it since"
            f" {evidence.clock(read)}: the change takes a restart or a SIGHUP"
        )
    for service in declared:
        known = figures.get(service.name)
        if known is not None and known.maxchild != service.maxchild:
            works = "no maxchild" if known.maxchild is None else f"maxchild={known.maxchild}"
            return f"cyrmaster works with {works} for {service.name}, and {cyrus_conf} says otherwise"
    return None


def perhaps_full(matched: Matched, children: int | None) -> str | None:
    """That clients wait, and that it cannot be told whether maxchild is why."""
    limit = matched.service.maxchild
    if limit is None or children is None or children < limit:
        return None
    for listener in matched.listeners:
        if listener.queue and listener.owner is None:
            return (
                f"{listener.queue} waiting on {place(listener.address, listener.port)}; {children} processes"
                f" run, and maxchild allows {limit} for each socket: how many serve this one cannot be seen"
            )
    return None


def undeclared(matched: Matched, evidence: Evidence) -> str:
    """cyrmaster waits on the service's port elsewhere than cyrus.conf says."""
    real = " and ".join(place(listener.address, listener.port) for listener in matched.extra)
    sentence = f"cyrmaster waits on {real}, but cyrus.conf says {matched.service.listen}"
    read = evidence.read_at()
    if evidence.changed is not None and read is not None and evidence.changed > read:
        when = evidence.clock(evidence.changed)
        sentence += f"; it was changed at {when}, after cyrmaster had read it"
    return sentence


def no_master(evidence: Evidence) -> Reason:
    """What cyrmaster said last, where none runs."""
    word = next((word for word in reversed(evidence.words) if word.kind == "fatal"), None)
    if word:
        return f"cyrmaster ended itself at {evidence.clock(word.time)}: {word.detail}", word
    word = next((word for word in reversed(evidence.words) if word.kind in ("stopping", "exiting")), None)
    if word:
        return f"cyrmaster was stopped at {evidence.clock(word.time)}", word
    word = next((word for word in reversed(evidence.words) if not word.kind.startswith("child-")), None)
    if word:
        when = evidence.clock(word.time)
        return (
            f'cyrmaster is not running and has not said why; its last word was "{word.text}" at {when}',
            word,
        )
    return f"cyrmaster is not running; {silence(evidence)}", None
