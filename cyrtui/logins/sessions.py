"""A Cyrus process as its lines in the mail log tell it, cut at each attempt to log in.

One process serves many clients one after another (`-U 30`), so (host, ident, pid) is a row of sessions. The
lines before an attempt (accepted connection, starttls, SASL …) belong to it, and so do those after it until
something begins the next one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import Final, NamedTuple

from cyrtui.logins.events import (
    Accepted,
    Attempt,
    BadLogin,
    Client,
    ConnectionClosed,
    Fatal,
    Login,
    Note,
    ProcFileFailed,
    Refused,
    SaslText,
    ServiceEvent,
    SessionEnded,
    StartTls,
    TlsFailed,
    TlsTrouble,
    Usage,
    UserDenied,
)
from cyrtui.logins.trace import TraceEvent, TraceKey

MAX_LINES: Final = 24
"""Lines kept before an attempt, and again after it; the rest is counted."""

_LATE: Final = 0.05
"""Seconds that a line of auth.log may be stamped after the answer that it led to."""

ProcessKey = tuple[str, str, int]


class Line(NamedTuple):
    """An understood line: what it says, and where it stands."""

    event: ServiceEvent
    at: TraceEvent


class Draft:
    """An attempt under construction. `line` is what makes it one; for a session broken off, its `starttls`,
    and for a process that died before it served its client, the line of what it died of.

    `floor` is the time of the last thing that this process logged before it turned to this attempt: its
    look-up in the directory cannot have begun earlier.
    """

    __slots__ = ("after", "attempt", "before", "floor", "key", "line", "more", "place", "process", "tls")

    def __init__(
        self,
        key: TraceKey,
        process: Process,
        line: Line,
        attempt: Attempt | None,
        before: list[Line],
        *,
        floor: TraceEvent | None,
        more: int,
        place: int,
    ) -> None:
        self.key = key
        self.process = process
        self.line = line
        self.attempt = attempt
        self.before = before
        self.after: list[Line] = []
        self.tls: StartTls | None = None
        self.floor = floor
        self.more = more
        self.place = place

    @property
    def time(self) -> float:
        return self.line.at.time

    @property
    def latest(self) -> float:
        """The last moment that the stamp of the attempt's line may mean."""
        return self.line.at.time + (1.0 if self.line.at.whole_seconds else 0.0)

    @property
    def hears_until(self) -> float:
        """Lines of auth.log before this moment may have led to the attempt."""
        return self.latest + (0.0 if self.line.at.whole_seconds else _LATE)

    @property
    def user(self) -> str | None:
        return self.attempt.user if isinstance(self.attempt, Login | BadLogin) else None

    @property
    def client(self) -> Client | None:
        return None if self.attempt is None else self.attempt.client

    def keep_after(self, line: Line) -> None:
        if len(self.after) < MAX_LINES:
            self.after.append(line)
        else:
            self.more += 1


class Process:
    """One process. `feed` takes its lines of the mail log in their order, `hear` those of auth.log."""

    __slots__ = (
        *("key", "drafts", "touched", "_auth", "_auth_count", "_held"),
        *("_more", "_tls", "_answered", "_over", "_floor", "_place"),
    )

    def __init__(self, key: ProcessKey) -> None:
        self.key = key
        self.drafts: list[Draft] = []
        self.touched = 0.0
        self._auth: list[tuple[float, int, TraceEvent]] = []
        self._auth_count = 0
        self._held: list[Line] = []
        self._more = 0
        self._tls: StartTls | None = None
        self._answered = False
        self._over = True
        self._floor: TraceEvent | None = None
        self._place = 0

    def feed(self, line: Line) -> tuple[Draft, ...]:
        """Take one line of the mail log; returns the drafts that it made or changed."""
        self.touched = max(self.touched, line.at.time)
        event = line.event
        if isinstance(event, Login | BadLogin | TlsFailed):
            return self._attempt(line, event)
        if isinstance(event, Accepted):
            gone = self._break_off()
            self._hold(line)
            self._tls, self._answered, self._floor = None, False, line.at
            return gone
        if isinstance(event, StartTls):
            gone = self._break_off() if self._holds_tls() else ()
            self._hold(line)
            self._tls, self._answered, self._floor = event, False, line.at
            return gone
        if isinstance(event, SaslText | TlsTrouble | UserDenied | Refused) or (
            isinstance(event, Note) and event.before
        ):
            self._answered = False
            self._hold(line)
            return ()
        if isinstance(event, ProcFileFailed) and self._over:
            # the next client's process, which serves him no more
            gone = self._break_off()
            draft = self._draft(line, None)
            self._answered, self._over, self._floor = True, False, line.at
            return (*gone, draft)
        return self._aftermath(line)

    def hear(self, at: TraceEvent) -> None:
        """Take one line of auth.log."""
        self.touched = max(self.touched, at.time)
        self._auth_count += 1
        insort(self._auth, (at.time, self._auth_count, at))

    def _holds_tls(self) -> bool:
        return any(isinstance(held.event, StartTls) for held in self._held)

    def _hold(self, line: Line) -> None:
        self._held.append(line)
        if len(self._held) > MAX_LINES:
            # the beginning and the end of a long prelude say most
            del self._held[MAX_LINES // 2]
            self._more += 1

    def _attempt(self, line: Line, event: Attempt) -> tuple[Draft, ...]:
        last = self.drafts[-1] if self.drafts else None
        if (
            isinstance(event, TlsFailed)
            and event.stage == "setup"
            and self._answered
            and last is not None
            and isinstance(last.attempt, TlsFailed)
        ):
            # `error initializing TLS` and `Fatal error: tls_init() failed` are one failure
            last.keep_after(line)
            return (last,)
        gone: tuple[Draft, ...] = ()
        without_tls = isinstance(event, Login) and not event.tls
        if (without_tls or isinstance(event, TlsFailed)) and self._holds_tls():
            # the TLS that was begun was another client's, who left without a word
            gone = self._break_off()
        tls = self._tls
        if isinstance(event, BadLogin) and not self._holds_tls() and not self._goes_on(last, event.client):
            tls = None
        draft = self._draft(line, event)
        draft.tls = tls
        self._answered, self._over, self._floor = True, False, line.at
        return (*gone, draft)

    def _goes_on(self, last: Draft | None, client: Client) -> bool:
        """True if an attempt without any line before it can only be another one of the same client's."""
        return last is not None and last.client == client

    def _draft(self, line: Line, attempt: Attempt | None) -> Draft:
        draft = Draft(
            (line.at.path, line.at.offset, line.at.time),
            self,
            line,
            attempt,
            self._held,
            floor=self._floor,
            more=self._more,
            place=self._place,
        )
        self._place += 1
        self._held, self._more = [], 0
        self.drafts.append(draft)
        return draft

    def _break_off(self) -> tuple[Draft, ...]:
        """The session that began TLS and came to no attempt, now that something else has begun or ended."""
        start = next((held for held in self._held if isinstance(held.event, StartTls)), None)
        if start is None or not isinstance(start.event, StartTls):
            self._held, self._more = [], 0
            return ()
        draft = self._draft(start, None)
        draft.tls = start.event
        self._tls = None
        return (draft,)

    def _aftermath(self, line: Line) -> tuple[Draft, ...]:
        event = line.event
        over = isinstance(event, Usage | SessionEnded | ConnectionClosed | Fatal)
        if not self._answered:
            self._hold(line)
            if over:
                self._floor = line.at
                return self._break_off()
            return ()
        self._floor = line.at
        if over:
            self._tls, self._over = None, True
        last = self.drafts[-1] if self.drafts else None
        if last is None:
            return ()
        last.keep_after(line)
        return (last,)

    def drop(self, draft: Draft) -> None:
        """Let go of an attempt, and of lines of auth.log older than it."""
        self.drafts.remove(draft)
        keep = bisect_left(self._auth, (draft.time - 60.0, 0))
        del self._auth[:keep]

    def amend(self, old: Line, new: Line) -> Draft | None:
        """Put `new` in the place of `old`, whose rest stood on the next line; returns the draft that holds
        it.
        """
        for lines in (self._held, *(part for draft in self.drafts for part in (draft.before, draft.after))):
            if old in lines:
                lines[lines.index(old)] = new
        for draft in reversed(self.drafts):
            if draft.line is old:
                draft.line = new
                if isinstance(new.event, Login | BadLogin | TlsFailed):
                    draft.attempt = new.event
                return draft
            if new in draft.before or new in draft.after:
                return draft
        return None

    def auth_of(self, draft: Draft) -> tuple[TraceEvent, ...]:
        """The lines of auth.log that belong to `draft`: those since the attempt before, up to its own line.

        With whole seconds several attempts may share the second of the lines, which are then dealt out in
        order.
        """
        if not self._auth:
            return ()
        first, last = self._peers(draft)
        begin = self.drafts[first - 1].hears_until if first > 0 else float("-inf")
        low, high = bisect_left(self._auth, (begin, 0)), bisect_left(self._auth, (draft.hears_until, 0))
        lines = [item[2] for item in self._auth[low:high]][-8 * MAX_LINES :]
        share = -(-len(lines) // (last - first + 1))
        at = bisect_left(self.drafts, draft.place, key=lambda other: other.place) - first
        return tuple(lines[at * share : (at + 1) * share])

    def _peers(self, draft: Draft) -> tuple[int, int]:
        """The first and the last of the attempts that share their lines of auth.log with `draft`."""
        first = last = bisect_left(self.drafts, draft.place, key=lambda other: other.place)
        while first > 0 and self.drafts[first - 1].hears_until >= draft.hears_until:
            first -= 1
        while last + 1 < len(self.drafts) and self.drafts[last + 1].hears_until <= draft.hears_until:
            last += 1
        return first, last

    def peers(self, draft: Draft) -> list[Draft]:
        """The attempts whose share of auth.log's lines depends on `draft`, itself included."""
        first, last = self._peers(draft)
        return self.drafts[first : last + 1]

    def hearing(self, time: float) -> list[Draft]:
        """The attempts to which a line of auth.log at `time` may belong."""
        at = bisect_right(self.drafts, time, key=lambda draft: draft.hears_until)
        return self.peers(self.drafts[at]) if at < len(self.drafts) else []
