"""The book of attempts: records in, `LoginTrace`s out; the same for a live server and for years of
archives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cyrtui.logins.correlate import Correlator
from cyrtui.logins.diagnose import Neighbourhood
from cyrtui.logins.events import (
    Accepted,
    Audit,
    BadLogin,
    ConnectionClosed,
    Damage,
    Fatal,
    LdapAccept,
    LdapEvent,
    Login,
    LoginEvent,
    Note,
    Opened,
    ProcFileFailed,
    Refused,
    SaslauthdFailure,
    SaslText,
    ServiceEvent,
    SessionEnded,
    SlapdState,
    StartTls,
    TlsFailed,
    TlsTrouble,
    TooManyConnections,
    Usage,
    UserDenied,
)
from cyrtui.logins.grammar import is_slapd, understand
from cyrtui.logins.learned import Directory
from cyrtui.logins.lookups import Lookup
from cyrtui.logins.saslauthd import Refusals
from cyrtui.logins.sessions import Draft, Line, Process, ProcessKey
from cyrtui.logins.trace import LoginTrace, Source, TraceEvent, TraceKey
from cyrtui.logins.writing import Writer
from cyrtui.logs.record import LogRole, Record

MAX_TRACES: Final = 10_000
GRACE: Final = 5.0
"""Seconds after which an attempt's lines are taken to have come, from all logs; later ones still count."""
MAX_JOINED: Final = 64 << 10

_SERVICE_EVENTS: Final = (
    Login, BadLogin, TlsFailed, Accepted, StartTls, TlsTrouble, SaslText, UserDenied, TooManyConnections,
    Usage, SessionEnded, ConnectionClosed, Refused, Opened, Damage,
    ProcFileFailed, Fatal, Audit, Note,
)  # fmt: skip
_LDAP_EVENTS: Final = LdapEvent.__args__


class TraceBook:
    """Attempts to log in, put together from the records of the mail, auth and slapd logs.

    The logs may arrive in any order against each other; the lines of one log come in their own order. Nothing
    here reads a clock, blocks or starts a thread; not thread-safe. What `traces` says after `settle` follows
    from the records alone, however they came in.

    Args:
        directory: what the directory is known to answer; see `Directory`.
        slow: seconds from which on a login is slow.
        max_traces: how many traces are kept; the oldest are dropped first.
        on_drop: called with each trace that is dropped to make room.
    """

    def __init__(
        self,
        *,
        directory: Directory | None = None,
        slow: float = 2.0,
        max_traces: int = MAX_TRACES,
        on_drop: Callable[[LoginTrace], None] | None = None,
    ) -> None:
        self._max = max_traces
        self._on_drop = on_drop
        self._correlator = self._correlate(directory)
        self._neighbours = Neighbourhood()
        self._refusals = Refusals()
        self._writer = Writer(self._correlator, self._neighbours, self._refusals, slow=slow, grace=GRACE)
        self._processes: dict[ProcessKey, Process] = {}
        self._lookups: dict[tuple[str, int, int], Lookup] = {}
        self._generation = 0
        self._drafts: dict[TraceKey, Draft] = {}
        self._traces: dict[TraceKey, LoginTrace] = {}
        self._dirty: set[Draft] = set()
        self._open: set[Draft] = set()
        self._sensitive: dict[int, set[Draft]] = {}
        self._asking: set[Draft] = set()
        self._grown: set[Lookup] = set()
        self._last: dict[str, tuple[Record, Lookup | Line | None]] = {}
        self._order: list[LoginTrace] | None = None
        self._dropped = 0
        self._fed_until = 0.0

    def _correlate(self, directory: Directory | None) -> Correlator:
        return Correlator(directory)

    @property
    def dropped(self) -> int:
        """How many traces had to make room for newer ones."""
        return self._dropped

    # --- records in ---------------------------------------------------------------------------------

    def feed(self, records: Iterable[Record]) -> None:
        """Take records, in the order in which each log has them. Each line is to be fed once."""
        for record in records:
            if not record.parsed:
                self._continue(record)
                continue
            self._take(record, understand(record))

    def _take(self, record: Record, event: LoginEvent | None) -> None:
        kept: Lookup | Line | None = None
        if event is not None:
            self._fed_until = max(self._fed_until, record.time)
            if isinstance(event, _LDAP_EVENTS):
                kept = self._slapd(record.host, record.pid or 0, event, _at(record))
            elif isinstance(event, SlapdState):
                self._slapd_state(record, event)
            elif isinstance(event, SaslauthdFailure):
                for draft in self._refusals.hear(event, _at(record)):
                    self._correlator.touch(draft)
                    self._dirty.add(draft)
            elif isinstance(event, _SERVICE_EVENTS) and record.pid is not None:
                kept = self._service(record, event, record.pid)
        self._last[record.path] = (record, kept)

    def _continue(self, record: Record) -> None:
        """A line without a stamp, right behind another, is the rest of that line."""
        found = self._last.get(record.path)
        if found is None:
            return
        before, kept = found
        if before.end != record.offset or len(before.text) + len(record.text) > MAX_JOINED:
            return
        whole = before._replace(text=before.text + record.text, end=record.end)
        if kept is None:
            self._take(whole, understand(whole))
            return
        at = _at(whole)
        if isinstance(kept, Lookup):
            kept.amend(at)
            self._grown.add(kept)
        else:
            event = understand(whole)
            line = Line(event, at) if isinstance(event, _SERVICE_EVENTS) else Line(kept.event, at)
            process = self._processes.get(_process_key(before))
            changed = process.amend(kept, line) if process is not None else None
            if changed is not None:
                self._correlator.touch(changed)
                self._dirty.add(changed)
            kept = line
        self._last[record.path] = (whole, kept)

    def _slapd(
        self, host: str, pid: int, event: LdapEvent, at: TraceEvent, conn: int | None = None
    ) -> Lookup:
        key = (host, pid, event.conn if conn is None else conn)
        lookup = self._lookups.get(key)
        if lookup is None or (type(event) is LdapAccept and lookup.accepted is not None):
            # conn numbers begin again with slapd, whose pid may be the same (in a container)
            self._generation += 1
            lookup = self._lookups[key] = Lookup((*key, self._generation))
        lookup.feed(event, at)
        self._grown.add(lookup)
        return lookup

    def _slapd_state(self, record: Record, event: SlapdState) -> None:
        if event.state == "starting":
            for key in [each for each in self._lookups if each[:2] == (record.host, record.pid or 0)]:
                del self._lookups[key]

    def _service(self, record: Record, event: ServiceEvent, pid: int) -> Line:
        key = (record.host, record.ident, pid)
        process = self._processes.get(key)
        if process is None:
            process = self._processes[key] = Process(key)
        at = _at(record)
        line = Line(event, at)
        if record.role is LogRole.AUTH and isinstance(event, SaslText):
            process.hear(at)
            for draft in process.hearing(at.time):
                self._correlator.touch(draft)
                self._dirty.add(draft)
            return line
        for draft in process.feed(line):
            if draft.key not in self._drafts:
                self._drafts[draft.key] = draft
                self._correlator.add(draft)
                self._open.add(draft)
                for peer in (*process.peers(draft), *self._refusals.note(draft)):
                    self._correlator.touch(peer)
                    self._dirty.add(peer)
            self._dirty.add(draft)
        return line

    # --- traces out ---------------------------------------------------------------------------------

    def settle(self, now: float, *, at_rest: bool = False) -> frozenset[TraceKey]:
        """Bring all traces up to date at `now` (seconds since the epoch, the logs' clock).

        While lines come in quick succession, links of the newest attempts follow within a second of `now`;
        call it with `at_rest` when none have come lately, so that nothing waits for time to pass. Returns the
        keys of the traces that are new, changed or dropped since the last call.
        """
        for lookup in self._grown:
            self._correlator.place(lookup)
            self._dirty |= self._correlator.claimants(lookup)
        self._grown.clear()
        self._dirty |= self._correlator.solve(now, at_rest=at_rest)
        self._dirty |= {draft for draft in self._asking if self._writer.password_known(draft)}
        closing = {draft for draft in self._open if now >= draft.latest + GRACE}
        self._open -= closing
        dirty = self._dirty | closing
        self._dirty = set()
        for draft in dirty:
            self._writer.note(draft)
        for minute in self._neighbours.changed_minutes():
            dirty |= self._sensitive.get(minute, set())
        changed = {draft.key for draft in dirty if self._rewrite(draft, now)}
        changed |= self._make_room()
        if changed:
            self._order = None
        return frozenset(changed)

    def _rewrite(self, draft: Draft, now: float) -> bool:
        if draft.key not in self._drafts:
            return False
        trace, sensitive, asks = self._writer.write(draft, now)
        if asks:
            self._asking.add(draft)
        else:
            self._asking.discard(draft)
        minute = int(draft.time // 60)
        if sensitive:
            self._sensitive.setdefault(minute, set()).add(draft)
        elif minute in self._sensitive:
            self._sensitive[minute].discard(draft)
        if self._traces.get(draft.key) == trace:
            return False
        self._traces[draft.key] = trace
        return True

    def _make_room(self) -> set[TraceKey]:
        excess = len(self._traces) - self._max
        gone: set[TraceKey] = set()
        if excess > 0:
            # some more than needed, so that this is not done for every new attempt
            excess = min(len(self._traces), excess + self._max // 20)
            for draft in sorted(self._drafts.values(), key=_age)[:excess]:
                gone.add(draft.key)
                self._drop(draft)
            oldest = min((draft.time for draft in self._drafts.values()), default=self._fed_until)
            self._forget(oldest)
        self._bound_lookups()
        return gone

    def _drop(self, draft: Draft) -> None:
        del self._drafts[draft.key]
        trace = self._traces.pop(draft.key, None)
        self._open.discard(draft)
        self._asking.discard(draft)
        self._neighbours.forget(draft)
        self._sensitive.get(int(draft.time // 60), set()).discard(draft)
        draft.process.drop(draft)
        self._dropped += 1
        if trace is not None and self._on_drop is not None:
            self._on_drop(trace)

    def _forget(self, before: float) -> None:
        self._correlator.forget(before - 60.0)
        self._neighbours.forget_before(before)
        self._refusals.forget(before - 60.0)
        for key in [each for each in self._sensitive if each < before // 60]:
            del self._sensitive[key]
        for process_key in [
            key for key, process in self._processes.items() if process.touched < before - 60.0
        ]:
            if not self._processes[process_key].drafts:
                del self._processes[process_key]
        self._forget_lookups(before - 60.0)

    def _bound_lookups(self) -> None:
        """Look-ups that nobody claims may not pile up, for want of a mail log for instance."""
        if len(self._lookups) > 4 * self._max + 1000:
            times = sorted(lookup.last.time for lookup in self._lookups.values() if lookup.last is not None)
            before = times[len(times) // 4] if times else 0.0
            self._correlator.forget_lookups(before)
            self._forget_lookups(before)
        if len(self._processes) > 4 * self._max + 1000:
            idle = sorted(
                (process.touched, key) for key, process in self._processes.items() if not process.drafts
            )
            for _touched, key in idle[: len(idle) // 2]:
                del self._processes[key]

    def _forget_lookups(self, before: float) -> None:
        for key in [
            each
            for each, lookup in self._lookups.items()
            if (lookup.closed or lookup.foreign) and lookup.last is not None and lookup.last.time < before
        ]:
            del self._lookups[key]

    def traces(self) -> Sequence[LoginTrace]:
        """All traces that are kept, newest first. The sequence is not changed afterwards."""
        if self._order is None:
            self._order = sorted(
                self._traces.values(), key=lambda trace: (trace.end, trace.key), reverse=True
            )
        return self._order

    def close(self) -> None:
        """Let go of everything: processes and their attempts know each other. What `traces` gave stays."""
        for process in self._processes.values():
            process.drafts.clear()

    def get(self, key: TraceKey) -> LoginTrace | None:
        """The trace as of the last `settle`; None if it was dropped."""
        return self._traces.get(key)

    def trace_at(self, path: str, offset: int, time: float | None = None) -> TraceKey | None:
        """The trace that the line at `offset` of `path` belongs to.

        Where files were rotated, `time` (seconds since the epoch, a second more or less) tells the lines at
        the same place apart; without it, it is the newest.
        """
        return next((trace.key for trace in self.traces() if trace.has_line(path, offset, time)), None)


def _age(draft: Draft) -> tuple[float, TraceKey]:
    return draft.time, draft.key


def _process_key(record: Record) -> ProcessKey:
    return (record.host, record.ident, record.pid or 0)


def _at(record: Record) -> TraceEvent:
    source: Source = "slapd" if is_slapd(record) else "auth" if record.role is LogRole.AUTH else "mail"
    return TraceEvent(source, record.time, record.whole_seconds, record.text, record.path, record.offset)
