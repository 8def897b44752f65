"""The attempts of a whole mail log, counted without making a record of each of its lines.

What the lines of ordinary sessions say is read off by one pattern: who logged in, where TLS was begun, where
a session ended. Processes that have a line of more weight (damage, a death, a word of the SASL library that
explains a failure) are named, so that their lines can be read in full, by `Process`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from cyrtui.inert import inert
from cyrtui.logins.events import (
    Accepted,
    Audit,
    BadLogin,
    ConnectionClosed,
    LdapEvent,
    Login,
    LoginEvent,
    MasterEvent,
    Note,
    Opened,
    Refused,
    SaslauthdFailure,
    SaslText,
    ServiceEvent,
    SessionEnded,
    SlapdState,
    StartTls,
    TlsFailed,
    TlsTrouble,
    Usage,
)
from cyrtui.logins.failures import Failures
from cyrtui.logins.grammar import MASTERS, service_of, understand
from cyrtui.logins.mail_lines import PROCESS, Key, LinesOf, MailLines, Telling, line_of, parts_of
from cyrtui.logins.needs import WITHOUT_LOOKUP
from cyrtui.logins.rules import RULES
from cyrtui.logins.sessions import Line, Process
from cyrtui.logins.trace import TraceEvent
from cyrtui.logs.haystack import Haystack
from cyrtui.logs.record import LogRole
from cyrtui.logs.slices import SlicedLog
from cyrtui.logs.whole_log import Shape, Unclear, pieces
from cyrtui.pattern import pattern

_STRICTLY: Final = pattern(rb"(?:[^\s:]{1,255} +)?[^\s\[\]:]{1,128}\[\d{1,10}\]")
_KNOWN: Final = 20_000


def decides(text: str) -> bool:
    """True of a line before an attempt that may decide why it failed."""
    bare = text.removeprefix("SASL ")
    return any(known in text for known in WITHOUT_LOOKUP) or any(
        rule.said is not None and rule.tls is None and re.match(rule.said, bare) for rule in RULES
    )


class MailTotals:
    """Counts the attempts in one mail log, whose lines have the shape `shape`.

    `covers` tells of a time whether attempts at it are wanted; None: all are. `apart` are processes
    that are not counted but whose lines are made into `processes`.

    After `count` there are `users` and `services` of successful logins, the times of the `first` and the
    `last` attempt, `welcomes` (minutes since the epoch in which somebody logged in), `broken_off` by service,
    and `failures`, those at other times included. If there are `special` processes, it is all to be done
    again with these apart. Raises `Unclear`, and `FileUnreadable`.
    """

    def __init__(
        self, log: SlicedLog, shape: Shape, covers: Callable[[float], bool] | None, apart: Iterable[Key] = ()
    ) -> None:
        self.users: Counter[str] = Counter()
        self.services: Counter[str] = Counter()
        self.first: float | None = None
        self.last: float | None = None
        self.welcomes: set[int] = set()
        self.failures = Failures()
        self.broken_off: Counter[str] = Counter()
        self.special: set[Key] = set()
        self.processes: dict[Key, Process] = {key: Process(parts_of(key)) for key in apart}
        self._log = log
        self._covers = covers
        self._shape = shape
        self._lines = MailLines(shape)
        self._names: Counter[bytes] = Counter()
        self._begun: dict[Key, bytes] = {}
        self._times: dict[bytes, float] = {}
        self._at = self._stop = 0
        self._to_minute = shape.length - 3
        self._zone_at = shape.length if shape.whole_seconds else 26
        self._service: dict[Key, str] = {}
        self._events: dict[str, LoginEvent | None] = {}
        self._kinds: dict[tuple[bytes, bool, bytes], int] = {}

    def count(self, low: int, high: int) -> None:
        """Count what is in [low, high), where lines begin."""
        for at, data, end in pieces(self._log, low, high):
            self._times.clear()
            self._at, self._stop = at, at + end
            of_processes = LinesOf(self._lines, data, end)
            if self.processes:
                self._read_apart(of_processes, data, end)
            if self._begun:
                self._go_on_with_tls(of_processes)
            others = self._lines.others(data, end)
            if others.strange:
                self._check_strange(data, end)
            self._count_logins(data, end)
            self._count_bad_logins(others.bad)
            self._take(others.telling, of_processes)
        named = zip(map(bytes.decode, self._names), self._names.values(), strict=True)
        users = Counter(dict(named))
        users.update(self.users)
        self.users = users
        self._names.clear()

    # --- pieces -------------------------------------------------------------------------------------

    def _check_strange(self, data: bytes, end: int) -> None:
        """Lines that do not begin as all others do: they may say anything, or go on where another ended."""
        for found in self._lines.strange.finditer(data, 0, end):
            line, start = found[0][1:], found.start()
            record = self._log.record(line, self._at + start + 1, self._time(line[:64]))
            if record.parsed:
                if understand(record) is not None:
                    raise Unclear
                continue
            if not self._unfinished(found):
                self._go_on(data, start, end)

    def _unfinished(self, found: re.Match[bytes]) -> bool:
        """True of a piece of the last line, which continues nothing."""
        return self._at + found.end() == self._log.size

    def _go_on(self, data: bytes, start: int, end: int) -> None:
        """The line at `start` goes on where another ended, and might make another one of it."""
        begin = start
        while True:
            begin = data.rfind(b"\n", 0, begin)
            if begin < 0:
                raise Unclear
            if not data.startswith(b"\n\n", begin) and self._lines.strange.match(data, begin) is None:
                break
        before = self._lines.every.match(data, begin)
        if before is None or before[2] in self.processes:
            return
        text = inert(before[3])
        whole = text + self._rest(data, before.end(), end)
        if self._event(before[2], text) is not None or self._event(before[2], whole) is not None:
            self.special.add(before[2])

    def _rest(self, data: bytes, at: int, end: int) -> str:
        """What follows, in lines of its own, on the line that ends at `at`."""
        text = ""
        while True:
            while at + 1 < end and data.startswith(b"\n\n", at):
                at += 1
            found = self._lines.strange.match(data, at, end)
            if found is None or self._unfinished(found):
                return text
            record = self._log.record(found[0][1:], self._at + at + 1, 0.0)
            if record.parsed:
                return text
            text += record.text
            at = found.end()

    def _count_logins(self, data: bytes, end: int) -> None:
        """Count the ordinary logins."""
        stamps, keys, users = self._lines.logins(data, end)
        if not self.processes.keys().isdisjoint(keys):
            apart = self.processes
            kept = [index for index, key in enumerate(keys) if key not in apart]
            stamps, keys, users = ([column[index] for index in kept] for column in (stamps, keys, users))
        if not stamps:
            return
        times = set(stamps)
        if self._covers is None:
            # which minutes there are, and the two ends, is all that counts
            minutes = {stamp[: self._to_minute]: stamp for stamp in times}
            self.welcomes.update({int(self._time(stamp) // 60) for stamp in minutes.values()})
            if len({stamp[:6] + stamp[self._zone_at :] for stamp in minutes.values()}) == 1:
                times = {min(times), max(times)}
        else:
            self._learn_times(stamps)
            self.welcomes.update({int(self._time(stamp) // 60) for stamp in times})
            times = {stamp for stamp in times if self._covers(self._time(stamp))}
            kept = [index for index, stamp in enumerate(stamps) if stamp in times]
            keys, users = ([column[index] for index in kept] for column in (keys, users))
        for stamp in times:
            self._reach(self._time(stamp))
        self._names.update(users)
        for key, number in Counter(keys).items():
            self.services[self._service_of(key)] += number

    def _count_bad_logins(self, lines: list[tuple[bytes, Key, bytes, bytes, bytes]]) -> None:
        """Take the attempts that failed in the usual way, which differ in the user and the client alone."""
        self._learn_times([line[0] for line in lines])
        times, kinds, apart, covers = self._times, self._kinds, self.processes, self._covers
        for stamp, key, mechanism, name, reason in lines:
            if key in apart:
                continue
            user = name.decode() or None
            kind = kinds.get((mechanism, user is None, reason))
            if kind is None:
                kind = self._kind_of(key, mechanism, user, reason)
            service = self._service_of(key)
            if service in MASTERS:
                continue
            time = times[stamp]
            if covers is None or covers(time):
                self._reach(time)
            self.failures.add(time, kind, user, service)

    def _kind_of(self, key: Key, mechanism: bytes, user: str | None, reason: bytes) -> int:
        named = "" if user is None else f" ({user})"
        event = understand(line_of(key, f"badlogin: [::1] {mechanism.decode()}{named} [{reason.decode()}]"))
        if not isinstance(event, BadLogin) or event.user != user:
            raise Unclear
        if len(self._kinds) > _KNOWN:
            self._kinds.clear()
        kind = self._kinds[mechanism, user is None, reason] = self.failures.kind(event)
        return kind

    def _take(self, lines: list[Telling], of_processes: LinesOf) -> None:
        if self.processes:
            lines = [line for line in lines if line.key not in self.processes]
        self._learn_times([line.stamp for line in lines])
        for line in lines:
            begun = line.begins_tls or self._other(line.stamp, line.key, line.text)
            if begun and not self._came_to_an_end(line.stamp, line.key, of_processes, line.place + 1):
                self._begun[line.key] = line.stamp

    def _go_on_with_tls(self, of_processes: LinesOf) -> None:
        """See what became of TLS that was begun in an earlier piece."""
        for key in of_processes.present(set(self._begun)):
            if self._came_to_an_end(self._begun[key], key, of_processes, 0):
                del self._begun[key]

    def _came_to_an_end(self, stamp: bytes, key: Key, of_processes: LinesOf, start: int) -> bool:
        """Find out what became of TLS begun at `stamp`, from the lines at `start` and after; False if they do
        not tell.
        """
        for found in of_processes.of(key, start):
            broken = self._lines.ends_tls(found[3])
            if broken is None and self._lines.tells(found[3]):
                broken = self._breaks_off(key, found[3])
            if broken is not None:
                if broken:
                    self._break_off(stamp, key)
                return True
        return False

    def _breaks_off(self, key: Key, line: bytes) -> bool | None:
        """True if the line says that the session ended before anybody logged in, False if there was an
        attempt; None if it says neither.
        """
        if self._service_of(key) in MASTERS:
            return None
        match self._event(key, inert(line)):
            case BadLogin():
                return False
            case Login() as login:
                return not login.tls
            case TlsFailed(stage="handshake"):
                return True
            case Accepted() | Usage() | SessionEnded() | ConnectionClosed() | StartTls():
                return True
            case _:
                return None

    def _read_apart(self, of_processes: LinesOf, data: bytes, end: int) -> None:
        keys = of_processes.present(set(self.processes))
        lines = [found for key in keys for found in of_processes.of(key)]
        lines.sort(key=lambda found: found.start())
        for found in lines:
            process = self.processes[found[2]]
            time, text = self._time(found[1]), inert(found[3])
            event = self._event(found[2], text)
            if rest := self._rest(data, found.end(), end):
                text += rest
                whole = self._event(found[2], text)
                event = whole if isinstance(whole, ServiceEvent) else event
            if isinstance(event, ServiceEvent):
                at = TraceEvent(
                    "mail",
                    time,
                    self._shape.whole_seconds,
                    text,
                    self._log.path,
                    self._at + found.start() + 1,
                )
                process.feed(Line(event, at))
            if isinstance(event, Login):
                self.welcomes.add(int(time // 60))

    # --- lines --------------------------------------------------------------------------------------

    def _learn_times(self, stamps: list[bytes]) -> None:
        """Work out many at once, which is much faster. They come in the order of the file."""
        ordered = list(dict.fromkeys(stamps))
        times = self._log.times([stamp + b" " for stamp in ordered], self._stop)
        self._times.update(zip(ordered, times, strict=True))

    def _time(self, stamp: bytes) -> float:
        time = self._times.get(stamp)
        if time is None:
            time = self._times[stamp] = self._log.times_of(stamp + b" ", self._stop)
        return time

    def _reach(self, time: float) -> None:
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)

    def _service_of(self, key: Key) -> str:
        service = self._service.get(key)
        if service is None:
            if _STRICTLY.fullmatch(key) is None:
                raise Unclear
            if len(self._service) > _KNOWN:
                self._service.clear()
            service = self._service[key] = service_of(parts_of(key)[1])
        return service

    def _event(self, key: Key, text: str) -> LoginEvent | None:
        """What a line says; lines that are the same but for their process are understood once."""
        known = f"{self._service_of(key)} {text}"
        if known not in self._events:
            if len(self._events) > _KNOWN:
                self._events.clear()
            event = understand(line_of(key, text))
            if isinstance(event, LdapEvent | SlapdState | SaslauthdFailure):
                raise Unclear
            self._events[known] = None if isinstance(event, MasterEvent) else event
        return self._events[known]

    def _other(self, stamp: bytes, key: Key, line: bytes) -> bool:
        """Take a line of more weight; True if it begins TLS."""
        if self._service_of(key) in MASTERS:
            return False
        text = inert(line)
        if text.startswith("event="):
            raise Unclear
        event = self._event(key, text)
        match event:
            case BadLogin():
                self._fail(stamp, key, self.failures.kind(event), event.user)
            case Login():
                time = self._time(stamp)
                self.welcomes.add(int(time // 60))
                if self._covers is None or self._covers(time):
                    self._reach(time)
                    self.services[self._service_of(key)] += 1
                    self.users[event.user or ""] += 1
            case TlsFailed(stage="handshake"):
                self._fail(stamp, key, self.failures.kind(event), None)
            case SaslText():
                if decides(event.text):
                    self.special.add(key)
            case None | Note() | Opened() | Audit() | TlsTrouble() | Refused() | StartTls():
                pass
            case Accepted() | Usage() | SessionEnded() | ConnectionClosed():
                # they tell of TLS only that nothing came of it
                pass
            case _:
                self.special.add(key)
        return isinstance(event, StartTls)

    def _break_off(self, stamp: bytes, key: Key) -> None:
        """TLS that was begun at `stamp` came to nothing."""
        time = self._time(stamp)
        if self._covers is None or self._covers(time):
            self.broken_off[self._service_of(key)] += 1
            self._reach(time)

    def _fail(self, stamp: bytes, key: Key, kind: int, user: str | None) -> None:
        time = self._time(stamp)
        if self._covers is None or self._covers(time):
            self._reach(time)
        self.failures.add(time, kind, user, self._service_of(key))


def heard_in(log: SlicedLog, shape: Shape) -> Iterator[tuple[Key, TraceEvent]]:
    """The lines of auth.log that may decide why attempts failed, with their processes.

    Raises `Unclear` where it has lines of services themselves, of slapd's connections, or of saslauthd's.
    """
    stamp = shape.second + shape.rest[:-1]
    every = re.compile(rb"\n(" + stamp + rb") " + PROCESS + rb"([^\n]*+)")
    for at, data, end in pieces(log, 0, log.size):
        haystack = Haystack(data, end)
        if any(haystack.find(word) >= 0 for word in _NOT_IN_AUTH):
            raise Unclear
        for word in _DECIDING:
            place = haystack.find(word)
            while place >= 0:
                start = data.rfind(b"\n", 0, place)
                found = every.match(data, start)
                if found is None:
                    raise Unclear
                text = inert(found[3])
                event = understand(line_of(found[2], text)._replace(role=LogRole.AUTH))
                if isinstance(event, SaslauthdFailure):
                    raise Unclear
                if event is not None and decides(text):
                    time = log.times_of(found[1] + b" ", at + start)
                    yield (
                        found[2],
                        TraceEvent("auth", time, shape.whole_seconds, text, log.path, at + start + 1),
                    )
                place = haystack.find(word, data.find(b"\n", place))


_NOT_IN_AUTH: Final = (b"]: login: ", b"]: badlogin: ", b"]: starttls: ", b"egotiation failed: ", b"]: conn=")
_DECIDING: Final = (
    b"saslauthd",
    b"auth failure",
    b"password verifier",
    b"auxprop plugin",
    b"find mech",
    b"worthy mechs",
    b"denied access",
)
