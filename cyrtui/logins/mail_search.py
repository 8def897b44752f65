"""The mail log searched for a user's name, as bytes: his attempts, and those that name nobody."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from cyrtui.logins.events import BadLogin, Login
from cyrtui.logins.grammar import understand
from cyrtui.logins.names import canonical_user
from cyrtui.logins.needs import asked_for
from cyrtui.logins.trace import TraceKey
from cyrtui.logs.haystack import Haystack
from cyrtui.logs.record import Record
from cyrtui.logs.slices import SlicedLog
from cyrtui.logs.stamps import HEAD
from cyrtui.pattern import pattern

_PIECE: Final = 1 << 20
_HIGH: Final = pattern(rb"[^\n]*[\x80-\xff][^\n]*\n")
_CASELESS: Final = pattern(r"[^A-Za-z]{4,}")
_STRETCH: Final = 64 << 10
_HITS: Final = 5
"""Lines with a name for one attempt of all, from which on it is too common to be searched for."""
_SHAPES: Final = 4096
_COMMON: Final = 400
"""Lines of a piece from which on a part of a name is too common to be searched for."""
# 3.x writes `MECHANISM (user) [why]`, and the LOGIN command has always named its user
_NAMED: Final = pattern(rb"badlogin: [^\]\n]*\] (?:plaintext |[^ \n]* \()")

_Range = tuple[int, int]


class LoggedAttempt(NamedTuple):
    """The line of the mail log that makes an attempt, and what it says."""

    record: Record
    event: Login | BadLogin

    @property
    def key(self) -> TraceKey:
        return self.record.path, self.record.offset, self.record.time


class MailSearch:
    """One mail log, and a user to be searched for in it. Raises `FileUnreadable`."""

    def __init__(self, mail: SlicedLog, user: str) -> None:
        self._mail = mail
        self._user = user.casefold()
        self._name = self._user.encode()
        core = max(_CASELESS.findall(self._user), key=len, default="")
        self._core = core.encode()
        self._unnamed: list[int] = []
        self._tls: list[int] = []
        self._shapes: dict[tuple[bytes, bytes], bool] = {}

    def attempts(self) -> Iterator[LoggedAttempt]:
        """The attempts whose line names the user. Notes on the way where lines of attempts name nobody."""
        for at, data, size in self._mail.pieces(0, self._mail.size, _PIECE):
            hay = Haystack(data, size)
            for start, stop in self._lines_of_user(hay):
                line = data[start : stop - 1]
                attempt = self.attempt(line, at + start) if b"login" in line else None
                if attempt is not None and self._user in {
                    each.casefold() for each in (attempt.event.user, asked_for(attempt.event)) if each
                }:
                    yield attempt
            for found in hay.places(b"badlogin: "):
                if _NAMED.match(data, found) is None:
                    start = data.rfind(b"\n", 0, found) + 1
                    if self._names_nobody(data[start : data.find(b"\n", found)], at + start):
                        self._unnamed.append(at + start)
            self._tls += [at + start for start, _stop in hay.lines_with(b"egotiation failed: ")]

    def _lines_of_user(self, hay: Haystack) -> list[_Range]:
        """Lines that hold the name in capitals or not, and others."""
        data, size = hay.data, hay.size
        spans = self._lines_with_core(hay) if self._core else None
        if spans is None:
            spans = list(Haystack(data.lower(), size).lines_with(self._name))
        if not data.isascii():
            # there may be letters that are others in lower case
            spans = sorted({*spans, *(found.span() for found in _HIGH.finditer(data, 0, size))})
        return spans

    def _lines_with_core(self, hay: Haystack) -> list[_Range] | None:
        """The same by the part of the name that has no capitals; None if too many lines have that."""
        spans: list[_Range] = []
        for span in hay.lines_with(self._core):
            if len(spans) >= _COMMON:
                return None
            spans.append(span)
        return [(start, stop) for start, stop in spans if self._name in hay.data[start:stop].lower()]

    def attempt(self, line: bytes, offset: int) -> LoggedAttempt | None:
        """What the line at `offset` says, if it makes an attempt."""
        record = self._mail.record(line, offset, self._mail.times_of(line, offset))
        event = understand(record)
        return LoggedAttempt(record, event) if isinstance(event, Login | BadLogin) else None

    def next_from(self, offset: int) -> LoggedAttempt | None:
        """The first login behind `offset`, if it is not far."""
        start = self._mail.line_start(offset)
        data = self._mail.read(start, min(self._mail.size, start + _STRETCH))
        for low, high in Haystack(data).lines_with(b"login: "):
            found = (
                self.attempt(data[low : high - 1], start + low) if data[high - 1 : high] == b"\n" else None
            )
            if found is not None and isinstance(found.event, Login):
                return found
        return None

    def attempts_of(self, users: Collection[str], most: int) -> dict[str, list[LoggedAttempt]] | None:
        """The attempts of other users, as `canonical_user` writes them; None if they are more than `most`."""
        found: dict[str, list[LoggedAttempt]] = {user: [] for user in users}
        needles = {user: user.encode("utf-8", "surrogateescape") for user in users}
        left = dict.fromkeys(users, _HITS * most)
        for at, data, size in self._mail.pieces(0, self._mail.size, _PIECE):
            hay = Haystack(data.lower(), size)
            spans: set[_Range] = set()
            for user, needle in needles.items():
                for span in hay.lines_with(needle):
                    spans.add(span)
                    left[user] -= 1
                    if left[user] < 0:
                        break
            if not data.isascii():
                spans.update(match.span() for match in _HIGH.finditer(data, 0, size))
            for start, stop in sorted(spans):
                line = data[start : stop - 1]
                attempt = self.attempt(line, at + start) if b"login" in line else None
                name = None if attempt is None else asked_for(attempt.event)
                if attempt is not None and name and (mine := found.get(canonical_user(name))) is not None:
                    mine.append(attempt)
            if min(left.values(), default=0) < 0 or sum(map(len, found.values())) > most:
                return None
        return found

    def _names_nobody(self, line: bytes, offset: int) -> bool:
        """True if the line at `offset` is an attempt that failed and names nobody.

        Thousands of lines differ in time, process and client only: one of each shape is read.
        """
        head, _, text = line.partition(b": badlogin: ")
        pid, client = head.rfind(b"["), text.find(b"] ")
        if pid < 0 or client < 0 or not head[pid + 1 : -1].isdigit():
            return _is_unnamed(self.attempt(line, offset))
        shape = head[head.rfind(b" ", 0, pid) + 1 : pid], text[client:]
        known = self._shapes.get(shape)
        if known is None:
            if len(self._shapes) > _SHAPES:
                self._shapes.clear()
            known = self._shapes[shape] = _is_unnamed(self.attempt(line, offset))
        return known

    @property
    def unnamed(self) -> Sequence[int]:
        """Where the lines of attempts begin that name nobody, once all `attempts` were asked for."""
        return self._unnamed

    def unnamed_between(self, begin: float, end: float) -> Iterator[LoggedAttempt]:
        """Those of some time."""
        low, high = self._mail.between(begin, end)
        for start in self._unnamed[bisect_left(self._unnamed, low) : bisect_left(self._unnamed, high)]:
            line = self._mail.read(start, self._mail.line_end(start)).rstrip(b"\n")
            found = self.attempt(line, start)
            if found is not None and _is_unnamed(found) and begin <= found.record.time < end:
                yield found

    def tls_failures(self) -> list[int]:
        """Where the lines of handshakes that failed begin, once all `attempts` were asked for."""
        return self._tls

    def time_at(self, start: int) -> float:
        """The time of the line that begins at `start`."""
        return self._mail.times_of(self._mail.read(start, start + HEAD), start)


def _is_unnamed(attempt: LoggedAttempt | None) -> bool:
    return attempt is not None and isinstance(attempt.event, BadLogin) and asked_for(attempt.event) is None
