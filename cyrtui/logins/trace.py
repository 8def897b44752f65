"""What comes out: one `LoginTrace` for each attempt to log in."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from cyrtui.logins.events import Client

Source = Literal["mail", "auth", "slapd"]
Outcome = Literal["ok", "failed", "incomplete"]

TraceKey = tuple[str, int, float]
"""(path, offset, time) of the line that makes the attempt: stable while the trace grows."""


class Confidence(StrEnum):
    """How sure it is that a connection in slapd's log belongs to an attempt."""

    CERTAIN = "certain"
    LIKELY = "likely"
    AMBIGUOUS = "ambiguous"


class TraceEvent(NamedTuple):
    """One line of a timeline. `path` and `offset` say where it stands; `time` is as in `Record`."""

    source: Source
    time: float
    whole_seconds: bool
    text: str
    path: str
    offset: int


class Tls(NamedTuple):
    """`version` and `cipher` None: the login line says +TLS, and the line that began TLS is not there."""

    version: str | None
    cipher: str | None
    bits: int | None


class LdapLink(NamedTuple):
    """The look-up of this attempt in the directory.

    (`pid`, `conn`) is slapd's own key. `candidates` are the connections that it may be, the best first, when
    `confidence` is ambiguous; `conn` is then the best of them, or None if none of them may belong here.
    `seconds` is the time from slapd's ACCEPT to the result that decided, as far as the stamps tell.
    """

    conn: int | None
    pid: int | None
    dn: str | None
    confidence: Confidence
    candidates: tuple[int, ...] = ()
    seconds: float | None = None


class LoginTrace(NamedTuple):
    """One attempt, with every line that belongs to it.

    `user` is who the attempt was for, as far as anything names him: the mail log, or slapd's DN where the
    link is certain and the DN's user is known (`user_from` says which). `start` and `end` are the times of
    the first line and of the server's answer; `duration` is how long the server took for that answer, in
    seconds (whole-second stamps make that ±1), None where no line says when it began. `evidence` are
    indices into `events`. `more_lines` counts the lines of the session that are not kept. `open`: lines may
    still come that change this trace.
    """

    key: TraceKey
    user: str | None
    user_from: Literal["mail", "directory"] | None
    service: str
    host: str
    pid: int
    client: Client | None
    start: float
    end: float
    duration: float | None
    outcome: Outcome
    mechanism: str | None
    tls: Tls | None
    session_id: str | None
    ldap: LdapLink | None
    cause: str | None
    explanation: str
    remedy: str
    also: tuple[str, ...]
    evidence: tuple[int, ...]
    events: tuple[TraceEvent, ...]
    more_lines: int
    open: bool

    def has_line(self, path: str, offset: int, time: float | None = None) -> bool:
        """Whether the line at `offset` of `path` is one of these; with `time`, within a second of it."""
        if time is not None and not self.start - 1.0 <= time <= self.events[-1].time + 1.0:
            return False
        return any(
            event.offset == offset and event.path == path and (time is None or abs(event.time - time) <= 1.0)
            for event in self.events
        )
