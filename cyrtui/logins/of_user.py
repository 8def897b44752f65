"""One user's attempts out of long logs, without reading most of their lines.

The mail log is searched for the name, as bytes. Of each attempt that has it, the lines of its process and
what all three logs hold around it become records; the rest never does. Attempts that name nobody (2.x, a
failed AUTHENTICATE) are looked for where slapd's log has a DN that may be the user's.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from cyrtui.errors import FileUnreadable
from cyrtui.logins.events import (
    Accepted,
    BadLogin,
    ConnectionClosed,
    Fatal,
    LdapEvent,
    Login,
    Note,
    Refused,
    SaslText,
    SessionEnded,
    SlapdState,
    StartTls,
    TlsFailed,
    TlsTrouble,
    Usage,
    UserDenied,
)
from cyrtui.logins.filters import TraceFilter
from cyrtui.logins.grammar import understand
from cyrtui.logins.grammar_slapd import read_slapd
from cyrtui.logins.learned import FIRM
from cyrtui.logins.mail_search import LoggedAttempt, MailSearch
from cyrtui.logins.nearby import LEAST, REACH, NearbyBook, Sample
from cyrtui.logins.needs import AFTER_CLIENT
from cyrtui.logins.proof import Proof
from cyrtui.logins.sessions import ProcessKey
from cyrtui.logins.trace import Confidence, LoginTrace, TraceEvent, TraceKey
from cyrtui.logins.window import MARGIN
from cyrtui.logs.haystack import Haystack
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.slices import SlicedLog
from cyrtui.pattern import pattern

_TYPED: Final = pattern(r"[A-Za-z0-9][A-Za-z0-9._@+/-]*")
_PRELUDE: Final = 600.0
_HANGING: Final = 4.0
"""Seconds that a look-up may have begun before the seconds that are weighed."""
_OTHERS: Final = 600.0
_PAST: Final = 200
_AHEAD: Final = 48 << 20
"""Bytes of the mail log after an attempt in which its process may end the session."""
_AFTERWARDS: Final = 256 << 10
_AROUND: Final = 24 << 10
"""Bytes of slapd's log on either side of an attempt."""
_KNOWN: Final = 4096
_CONNECTION: Final = pattern(r"conn=[0-9]{1,19}")
_BACK: Final = (-2.0, AFTER_CLIENT + 4.0)
"""Seconds that an attempt's line may come after slapd's."""
_SAMPLES: Final = 7
_MANY: Final = 400
"""Attempts of one user from which on the logs may as well be read as a whole."""
_WELCOME: Final = b" User logged in"

_Range = tuple[int, int]


class OfUser(NamedTuple):
    """What was found. `nameless` counts other attempts that did not succeed and name nobody."""

    traces: list[LoginTrace]
    nameless: int


def of_user_in(
    logs: Mapping[LogRole, SlicedLog], wanted: TraceFilter, now: float, *, before: float, slow: float = 2.0
) -> OfUser | None:
    """The attempts of the wanted user; None if the logs must be read line by line.

    That is so where archives are to be read as well (`since` less `before` seconds is earlier than a log
    begins), where his name cannot be searched for as bytes, where he has hundreds of attempts, where a file
    is cut short meanwhile, and where a cause, or whose an attempt was, depends on more than is near. `now` is
    the host's time; a login is slow from `slow` seconds on. Closes the logs.
    """
    user = wanted.user or ""
    try:
        if LogRole.MAIL not in logs or _TYPED.fullmatch(user) is None:
            return None
        since = wanted.since
        if since is not None and any((log.begins or now) > since - before for log in logs.values()):
            return None
        search = _Search(logs, user, now, slow)
        traces = search.traces()
        if traces is None:
            return None
        shown = {trace.key for trace in traces if trace.user is not None}
        nameless = search.failures(wanted, shown)
        return None if any(log.shrunk for log in logs.values()) else OfUser(traces, nameless)
    except FileUnreadable:
        # who reads them line by line says why
        return None
    finally:
        for log in logs.values():
            log.close()


class _Search:
    def __init__(self, logs: Mapping[LogRole, SlicedLog], user: str, now: float, slow: float) -> None:
        self._logs = logs
        self._mail = logs[LogRole.MAIL]
        self._search = MailSearch(self._mail, user)
        self._now = now
        self._slow = slow
        self._known: dict[str, LdapEvent] = {}
        self._proof = Proof(logs, self._search)

    def traces(self) -> list[LoginTrace] | None:
        """The attempts of the user, and others; None if they are too many, or if not all is decided."""
        attempts = list(self._search.attempts())
        if len(attempts) > _MANY:
            return None
        book = self.judge(attempts)
        traces = None if book is None else book.write(self._now)
        if traces is None or LogRole.SLAPD not in self._logs:
            return traces
        if len(attempts) < FIRM or not self._search.unnamed:
            # a DN of which nobody's name was learned is nobody's
            return traces
        dns = {trace.ldap.dn for trace in traces if trace.ldap is not None and trace.ldap.dn is not None}
        free = self._proof.unexplained(dns, traces)
        if not dns or len(free) > _MANY:
            return None
        more = {
            each.key: each
            for time in free.values()
            for each in self._search.unnamed_between(time + _BACK[0], time + _BACK[1])
        }
        if not more:
            return traces
        if len(attempts) + len(more) > _MANY:
            return None
        book = self.judge([*attempts, *more.values()])
        traces = None if book is None else book.write(self._now)
        if book is None or traces is None:
            return None
        told = {trace.key: trace for trace in traces}
        return None if any(_undecided(told[key], dns, book.may_have(key, free)) for key in more) else traces

    def failures(self, wanted: TraceFilter, told: Collection[TraceKey]) -> int:
        """How many attempts that did not succeed name nobody; without those that were `told`."""
        nobody = wanted._replace(user=None)
        tls = self._search.tls_failures()
        if nobody.since is None and nobody.until is None:
            unnamed = set(self._search.unnamed)
            return len(unnamed) + len(tls) - sum(offset in unnamed for _path, offset, _time in told)
        count = sum(
            nobody.covers(each.record.time) and each.key not in told
            for each in self._search.unnamed_between(
                nobody.since or 0.0, math.inf if nobody.until is None else nobody.until + 1.0
            )
        )
        return count + sum(nobody.covers(self._search.time_at(low)) for low in tls)

    # --- the lines that matter ----------------------------------------------------------------------

    def _near(self) -> float:
        """Seconds around each attempt that are weighed: as many as hold some dozens of look-ups."""
        pace = self._logs[LogRole.SLAPD].pace if LogRole.SLAPD in self._logs else 0.0
        return min(MARGIN, max(LEAST, _AROUND / pace)) if pace else LEAST

    def judge(self, attempts: list[LoggedAttempt]) -> NearbyBook | None:
        """A book in which these are decided; None if a line makes no attempt after all."""
        beside = [each for one in attempts if isinstance(one.event, BadLogin) for each in self._welcomed(one)]
        book = self._book([*attempts, *beside], attempts)
        if not book.learn({each.key for each in attempts}, {each.key for each in beside}):
            return None
        if not book.sample.enough:
            book.sample = book.sample.with_more(self._sampled(attempts))
        book.decide()
        for claim in book.claims():
            if self._proof.holds(claim):
                book.prove(claim)
            else:
                book.doubt(claim)
        return book

    def _book(self, attempts: list[LoggedAttempt], wanted: list[LoggedAttempt]) -> NearbyBook:
        """A book of what stands near `attempts`, and all about the processes of the `wanted` ones."""
        near = self._near()
        spans = {
            LogRole.MAIL: (near, near + 1.0),
            LogRole.AUTH: (near + REACH, near + 1.0),
            LogRole.SLAPD: (near + REACH + _HANGING, near + 2.5),
        }
        ranges: dict[LogRole, list[_Range]] = {role: [] for role in self._logs}
        for role, log in self._logs.items():
            early, late = spans[role]
            for each in attempts:
                ranges[role].append(log.between(each.record.time - early, each.record.time + late))
        for each in wanted:
            began = self._process_before(each, ranges[LogRole.MAIL])
            self._process_after(each, ranges[LogRole.MAIL])
            if LogRole.AUTH in self._logs:
                self._heard(each, began, ranges[LogRole.AUTH])
        book = NearbyBook(max_traces=1 << 60, slow=self._slow)
        book.near = near
        for role, parts in ranges.items():
            for low, high in _united(parts):
                if role is not LogRole.SLAPD or not self._feed_slapd(book, low, high):
                    book.feed(self._logs[role].records(low, high))
        return book

    def _sampled(self, attempts: list[LoggedAttempt]) -> Sample:
        """How common it is that one side has no other, from attempts of anybody's all through the log."""
        sample, taken = Sample(), {each.key for each in attempts}
        for step in range(1, _SAMPLES):
            others = [
                each
                for part in range(1, 1 << step, 2)
                if (each := self._search.next_from(self._mail.size * part >> step)) is not None
                and each.key not in taken
            ]
            if others:
                taken.update(each.key for each in others)
                sample = sample.with_more(self._book(others, []).count({each.key for each in others}))
            if sample.enough:
                break
        return sample

    def _welcomed(self, attempt: LoggedAttempt) -> Iterator[LoggedAttempt]:
        """The nearest logins before and after, which tell that others got through."""
        at, time = attempt.record.offset, attempt.record.time
        low, high = self._mail.between(time - _OTHERS, time + _OTHERS)
        before, after = self._mail.read(low, at), self._mail.read(at, high)
        places = []
        found = len(before)
        for _ in range(2):
            found = before.rfind(_WELCOME, 0, max(found, 0))
            if found < 0:
                break
            places.append((low, before, found))
        found = after.find(_WELCOME)
        if found >= 0:
            places.append((at, after, found))
        for base, data, found in places:
            start, stop = data.rfind(b"\n", 0, found) + 1, data.find(b"\n", found)
            other = None if stop < 0 else self._search.attempt(data[start:stop], base + start)
            if other is not None and isinstance(other.event, Login):
                yield other

    def _process_before(self, attempt: LoggedAttempt, into: list[_Range]) -> float:
        """The lines of its process back to the session before; returns from when on they are there."""
        record = attempt.record
        low = self._mail.between(record.time - _PRELUDE, record.time)[0]
        data = self._mail.read(low, record.offset)
        mark = b"[%d]:" % (record.pid or 0)
        found, count = data.rfind(mark), 0
        # an attempt without a line before it may be one of the session, and the TLS, of those before
        begun = isinstance(attempt.event, Login) and not attempt.event.tls
        while found >= 0 and count < _PAST:
            start, stop = data.rfind(b"\n", 0, found) + 1, data.find(b"\n", found) + 1
            line = data[start : stop - 1]
            other = self._mail.record(line, low + start, self._mail.times_of(line, low + start))
            if _process(other) == _process(record):
                into.append((low + start, low + stop))
                event = understand(other)
                count += 1
                if begun and isinstance(event, Login | BadLogin | TlsFailed):
                    break
                begun = begun or isinstance(
                    event, Accepted | StartTls | Usage | SessionEnded | ConnectionClosed | Fatal
                )
            found = data.rfind(mark, 0, start)
        return record.time - _PRELUDE

    def _process_after(self, attempt: LoggedAttempt, into: list[_Range]) -> None:
        """The lines of its process until something begins the next attempt."""
        record = attempt.record
        mark = b"[%d]:" % (record.pid or 0)
        into.append((record.offset, record.end))
        count = 0
        high = min(self._mail.size, record.end + _AHEAD)
        for at, data, size in self._mail.pieces(record.end, high, _AFTERWARDS):
            for start, stop in Haystack(data, size).lines_with(mark):
                line = data[start : stop - 1]
                other = self._mail.record(line, at + start, self._mail.times_of(line, at + start))
                if _process(other) != _process(record):
                    continue
                into.append((at + start, at + stop))
                count += 1
                event = understand(other)
                if count > _PAST or (
                    isinstance(
                        event,
                        Accepted
                        | StartTls
                        | Login
                        | BadLogin
                        | TlsFailed
                        | SaslText
                        | TlsTrouble
                        | UserDenied
                        | Refused,
                    )
                    or (isinstance(event, Note) and event.before)
                ):
                    return

    def _heard(self, attempt: LoggedAttempt, began: float, into: list[_Range]) -> None:
        """What the SASL library said in its process."""
        log, record = self._logs[LogRole.AUTH], attempt.record
        low, high = log.between(began, record.time + 2.0)
        data = log.read(low, high)
        into += [
            (low + start, low + stop)
            for start, stop in Haystack(data).lines_with(b"[%d]:" % (record.pid or 0))
        ]

    def _feed_slapd(self, book: NearbyBook, low: int, high: int) -> bool:
        """Feed lines of slapd's that all have one shape, fast; False, and nothing is fed, if they do not."""
        log = self._logs[LogRole.SLAPD]
        lines, times = log.lines(low, high)
        if not lines:
            return True
        first = log.record(lines[0], low, times[0])
        if not first.parsed or first.pid is None or not first.ident.startswith("slapd"):
            return False
        mark = b"[%d]: " % first.pid
        begin = lines[0].find(mark)
        if begin < 0:
            return False
        length = begin + len(mark)
        stamp = 15 if lines[0][:1].isalpha() else lines[0].find(b" ")
        constant = lines[0][stamp:length]
        fed: dict[str, list[tuple[LdapEvent, TraceEvent]]] = {}
        known, whole, path = self._known, first.whole_seconds, log.path
        if len(known) > _KNOWN:
            known.clear()
        for line, time in zip(lines, times, strict=True):
            if line[stamp:length] != constant:
                return False
            try:
                text = line[length:].decode("ascii")
            except UnicodeDecodeError:
                return False
            number, _, rest = text.partition(" ")
            event = known.get(rest)
            if event is None:
                understood = read_slapd(text)
                if understood is None or isinstance(understood, SlapdState) or not text.isprintable():
                    return False
                event = known[rest] = understood
            at = TraceEvent("slapd", time, whole, text, path, low)
            if (mine := fed.get(number)) is not None:
                mine.append((event, at))
            elif _CONNECTION.fullmatch(number) is not None:
                fed[number] = [(event, at)]
            else:
                return False
            low += len(line) + 1
        for number, said in fed.items():
            book.feed_connection(first.host, first.pid, int(number[5:]), said)
        return True


def _undecided(trace: LoginTrace, dns: Collection[str], may_have: bool) -> bool:
    """True of an attempt that names nobody if it may have asked for one of `dns` after all."""
    if trace.user is not None:
        return False
    ldap = trace.ldap
    if ldap is not None and ldap.confidence is Confidence.CERTAIN:
        return ldap.dn in dns
    return may_have


def _process(record: Record) -> ProcessKey:
    return record.host, record.ident, record.pid or 0


def _united(ranges: list[_Range]) -> list[_Range]:
    """The same bytes, in order and each once."""
    found: list[_Range] = []
    for low, high in sorted(ranges):
        if low >= high:
            continue
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found
