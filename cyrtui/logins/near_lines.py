"""The lines around some attempts, out of logs too long to be read, made into a book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

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
from cyrtui.logins.grammar import understand
from cyrtui.logins.grammar_slapd import read_slapd
from cyrtui.logins.mail_search import LoggedAttempt, MailSearch
from cyrtui.logins.nearby import LEAST, REACH
from cyrtui.logins.nearby_book import NearbyBook
from cyrtui.logins.sessions import ProcessKey
from cyrtui.logins.trace import TraceEvent
from cyrtui.logins.window import MARGIN
from cyrtui.logs.haystack import Haystack
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.slices import SlicedLog
from cyrtui.pattern import pattern

_PRELUDE: Final = 600.0
_HANGING: Final = 4.0
"""Seconds that a look-up may have begun before the seconds that are weighed."""
_OTHERS: Final = 600.0
_PAST: Final = 200
_AHEAD: Final = 48 << 20
"""Bytes of the mail log after an attempt in which its process may end the session."""
_BACKWARDS: Final = 8 << 20
"""Bytes of the mail log before that in which the session that an attempt is of may have begun."""
_AFTERWARDS: Final = 256 << 10
_AROUND: Final = 24 << 10
"""Bytes of slapd's log on either side of an attempt."""
_KNOWN: Final = 4096
_CONNECTION: Final = pattern(r"conn=[0-9]{1,19}")
_WELCOME: Final = b" User logged in"

_Range = tuple[int, int]


class NearLines:
    """The logs, of which some parts are read. `slow` is as in `TraceBook`. Raises `FileUnreadable`."""

    def __init__(self, logs: Mapping[LogRole, SlicedLog], search: MailSearch, slow: float) -> None:
        self._logs = logs
        self._mail = logs[LogRole.MAIL]
        self._search = search
        self._slow = slow
        self._known: dict[str, LdapEvent] = {}

    def near(self) -> float:
        """Seconds around each attempt that are weighed: as many as hold some dozens of look-ups."""
        pace = self._logs[LogRole.SLAPD].pace if LogRole.SLAPD in self._logs else 0.0
        return min(MARGIN, max(LEAST, _AROUND / pace)) if pace else LEAST

    def book(self, attempts: list[LoggedAttempt], wanted: list[LoggedAttempt], near: float) -> NearbyBook:
        """A book of what stands near `attempts`, and all about the processes of the `wanted` ones."""
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

    def welcomed(self, attempt: LoggedAttempt) -> Iterator[LoggedAttempt]:
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
        count = 0
        # an attempt without a line before it may be one of the session, and the TLS, of those before
        begun = isinstance(attempt.event, Login) and not attempt.event.tls
        for near, start, line in self._lines_before(record):
            if count >= _PAST or (begun and not near):
                break
            other = self._mail.record(line, start, self._mail.times_of(line, start))
            if _process(other) == _process(record):
                into.append((start, start + len(line) + 1))
                event = understand(other)
                count += 1
                if begun and isinstance(event, Login | BadLogin | TlsFailed):
                    break
                begun = begun or isinstance(
                    event, Accepted | StartTls | Usage | SessionEnded | ConnectionClosed | Fatal
                )
        return record.time - _PRELUDE

    def _lines_before(self, record: Record) -> Iterator[tuple[bool, int, bytes]]:
        """The lines that may be of the same process, backwards, with their offsets; True: some minutes before
        at the most.
        """
        mark = b"[%d]:" % (record.pid or 0)
        high, low = record.offset, self._mail.between(record.time - _PRELUDE, record.time)[0]
        for near in (True, False):
            data = self._mail.read(low, high)
            found = data.rfind(mark)
            while found >= 0:
                start, stop = data.rfind(b"\n", 0, found) + 1, data.find(b"\n", found)
                yield near, low + start, data[start:stop]
                found = data.rfind(mark, 0, start)
            high, low = low, self._mail.line_start(max(0, low - _BACKWARDS))

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
