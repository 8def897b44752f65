"""The attempts of a whole mail log, counted without making a record of each of its lines.

What the lines of ordinary sessions say is read off by one pattern: who logged in, where TLS was begun, where
a session ended. Processes that have a line of more weight (damage, a death, a word of the SASL library that
explains a failure) are named, so that their lines can be read in full, by `Process`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
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
from cyrtui.logins.needs import WITHOUT_LOOKUP
from cyrtui.logins.rules import RULES
from cyrtui.logins.sessions import Line, Process
from cyrtui.logins.trace import TraceEvent
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.slices import SlicedLog
from cyrtui.logs.whole_log import Shape, Unclear, pieces
from cyrtui.pattern import pattern

# possessive where nothing need be gone back to
_CLIENT: Final = rb"(?:[^\s\[\]]++ ?)?\[[^\]\s]*+\]"
_LOGIN: Final = (
    rb"login: " + _CLIENT + rb" ([!-~]++) [A-Za-z0-9_-]{1,64}+(\+TLS)? User logged in"
    rb"(?: SESSIONID=<[!-;=?-~]*+>)?(?=\n)"
)
_STARTTLS: Final = (
    rb"starttls: \S++ with cipher \S++ \(\d++/\d++ bits(?: new| reused)?(?: client)?\)"
    rb"(?: no authentication)?(?=\n)"
)
# The first words of the other lines that say something. Lines that are only kept beside an attempt are not
# among them.
_WORDS: Final = (
    rb"USAGE |badlogin:|login:|starttls:|STARTTLS |TLS |Error |error |unable |Private |verify |"
    rb"accepted |executed(?=\n)|refused |SASL |user |Too |Lost |session |counts:|auditlog: traffic|graceful |"
    rb"DISCONNECT:|IOERROR:|DBERROR|twoskip:|skiplist:|Fatal |event=|conn="
)
# What gives weight to a line that begins with any other word.
_HOLDS: Final = (
    b" failed: ",
    b"error initializing TLS",
    b"required OpenSSL options",
    b": Logins must be at least ",
    b", closing connection",
)
_PROCESS: Final = rb"([^\n\]]++\]): "
_STRICTLY: Final = pattern(rb"(?:[^\s:]{1,255} +)?[^\s\[\]:]{1,128}\[\d{1,10}\]")
_OTHER_WORD: Final = b"~"
_BAD_LOGINS: Final = (
    pattern(r"badlogin: (?P<client>[^\[\]]*\[[^\[\]]*\]) ([\w-]{1,64}) \(([^\s()]+)\) \[([^\[\]]*)\]\Z"),
    pattern(
        r"badlogin: (?P<client>[^\[\]]*\[[^\[\]]*\]) (plaintext) ([^\s()\[\]]+) (SASL\(-?\d+\): [^()\[\]]*)\Z"
    ),
    pattern(r"badlogin: (?P<client>[^\[\]]*\[[^\[\]]*\]) ([\w-]{1,64})() \[([^\[\]]*)\]\Z"),
)
_KNOWN: Final = 20_000

Key = bytes
"""Host, ident and pid of a process, as its lines have them."""


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
        self.processes: dict[Key, Process] = {key: Process(_key_of(key)) for key in apart}
        self._log = log
        self._covers = covers
        self._shape = shape
        stamp = shape.second + shape.rest[:-1]
        start = rb"\n(" + stamp + rb") " + _PROCESS
        strange = rb"\n(?!" + stamp + rb" [^\s:]++ )[^\n]++"
        self._lines = re.compile(
            start + rb"(?:" + _LOGIN + rb"|(" + _STARTTLS + rb")|(" + _WORDS + rb")([^\n]*+))|" + strange
        )
        self._every = re.compile(start + rb"([^\n]*+)")
        self._strange = re.compile(strange)
        self._names: Counter[bytes] = Counter()
        self._held: dict[Key, bytes] = {}
        self._times: dict[bytes, float] = {}
        self._at = self._stop = 0
        self._to_minute = shape.length - 3
        self._zone_at = shape.length if shape.whole_seconds else 26
        self._service: dict[Key, str] = {}
        self._events: dict[str, LoginEvent | None] = {}
        self._kinds: dict[tuple[int, str, str], int] = {}

    def count(self, low: int, high: int) -> None:
        """Count what is in [low, high), where lines begin."""
        for at, data, end in pieces(self._log, low, high):
            self._times.clear()
            self._at, self._stop = at, at + end
            if self.processes:
                self._read_apart(data, end)
            lines = self._found(data, end)
            if not all(map(itemgetter(0), lines)):
                self._check_strange(data, end)
                lines = [line for line in lines if line[0]]
            self._take(lines)
        for name, number in self._names.items():
            self.users[name.decode()] += number
        self._names.clear()

    # --- pieces -------------------------------------------------------------------------------------

    def _check_strange(self, data: bytes, end: int) -> None:
        """Lines that do not begin as all others do: they may say anything, or go on where another ended."""
        for found in self._strange.finditer(data, 0, end):
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
            if not data.startswith(b"\n\n", begin) and self._strange.match(data, begin) is None:
                break
        before = self._every.match(data, begin)
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
            found = self._strange.match(data, at, end)
            if found is None or self._unfinished(found):
                return text
            record = self._log.record(found[0][1:], self._at + at + 1, 0.0)
            if record.parsed:
                return text
            text += record.text
            at = found.end()

    def _found(self, data: bytes, end: int) -> list[tuple[bytes, ...]]:
        """The lines that say something, as (stamp, process, user, TLS, starttls, word, rest)."""
        places = []
        for held in _HOLDS:
            at = data.find(held, 0, end)
            while at >= 0:
                start = data.rfind(b"\n", 0, at)
                if self._lines.match(data, start) is None:
                    places.append(start)
                at = data.find(held, data.find(b"\n", at), end)
        if not places:
            return self._lines.findall(data, 0, end)
        lines = [(found.start(), found.groups(b"")) for found in self._lines.finditer(data, 0, end)]
        for start in set(places):
            found = self._every.match(data, start)
            if found is not None:
                lines.append((start, (found[1], found[2], b"", b"", b"", _OTHER_WORD, found[3])))
        lines.sort()
        return [line for _, line in lines]

    def _take(self, lines: list[tuple[bytes, ...]]) -> None:
        held = self._held
        if self.processes:
            lines = [line for line in lines if line[1] not in self.processes]
        self._learn_times([line[0] for line in lines if line[5] and line[5] != b"USAGE "])
        for stamp, key, user, tls, starttls, word, rest in lines:
            if user:
                if key in held:
                    before = held.pop(key)
                    if not tls:
                        self._break_off(before, key)
            elif starttls:
                if key in held:
                    self._break_off(held[key], key)
                held[key] = stamp
            elif word == b"USAGE " and key not in held:
                # the end of a session that came to something
                pass
            else:
                self._other(stamp, key, rest if word == _OTHER_WORD else word + rest)
        logins = [line for line in lines if line[2]]
        if not logins:
            return
        stamps = {line[0] for line in logins}
        if self._covers is None:
            # which minutes there are, and the two ends, is all that counts
            minutes = {stamp[: self._to_minute]: stamp for stamp in stamps}
            self.welcomes.update({int(self._time(stamp) // 60) for stamp in minutes.values()})
            if len({stamp[:6] + stamp[self._zone_at :] for stamp in minutes.values()}) == 1:
                stamps = {min(stamps), max(stamps)}
        else:
            self._learn_times([line[0] for line in logins])
            self.welcomes.update({int(self._time(stamp) // 60) for stamp in stamps})
            stamps = {stamp for stamp in stamps if self._covers(self._time(stamp))}
            logins = [line for line in logins if line[0] in stamps]
        if logins:
            for stamp in stamps:
                self._reach(self._time(stamp))
            self._names.update([line[2] for line in logins])
            for key, number in Counter([line[1] for line in logins]).items():
                self.services[self._service_of(key)] += number

    def _read_apart(self, data: bytes, end: int) -> None:
        for found in self._every.finditer(data, 0, end):
            process = self.processes.get(found[2])
            if process is None:
                continue
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
            service = self._service[key] = service_of(_key_of(key)[1])
        return service

    def _event(self, key: Key, text: str) -> LoginEvent | None:
        """What a line says; lines that are the same but for their process are understood once."""
        known = f"{self._service_of(key)} {text}"
        if known not in self._events:
            if len(self._events) > _KNOWN:
                self._events.clear()
            event = understand(_record(key, text))
            if isinstance(event, LdapEvent | SlapdState | SaslauthdFailure):
                raise Unclear
            self._events[known] = None if isinstance(event, MasterEvent) else event
        return self._events[known]

    def _other(self, stamp: bytes, key: Key, line: bytes) -> None:
        if self._service_of(key) in MASTERS:
            return
        text = inert(line)
        if text.startswith("event="):
            raise Unclear
        if text.startswith("badlogin:") and self._failed(stamp, key, text):
            return
        event = self._event(key, text)
        match event:
            case BadLogin():
                self._fail(stamp, key, self.failures.kind(event), event.user)
            case Login():
                self._end(key, broken=not event.tls)
                time = self._time(stamp)
                self.welcomes.add(int(time // 60))
                if self._covers is None or self._covers(time):
                    self._reach(time)
                    self.services[self._service_of(key)] += 1
                    self.users[event.user or ""] += 1
            case TlsFailed(stage="handshake"):
                self._end(key, broken=True)
                self._fail(stamp, key, self.failures.kind(event), None)
            case Accepted() | Usage() | SessionEnded() | ConnectionClosed():
                self._end(key, broken=True)
            case StartTls():
                self._end(key, broken=True)
                self._held[key] = stamp
            case SaslText():
                if decides(event.text):
                    self.special.add(key)
            case None | Note() | Opened() | Audit() | TlsTrouble() | Refused():
                pass
            case _:
                self.special.add(key)

    def _end(self, key: Key, *, broken: bool) -> None:
        before = self._held.pop(key, None)
        if before is not None and broken:
            self._break_off(before, key)

    def _break_off(self, stamp: bytes, key: Key) -> None:
        """TLS that was begun at `stamp` came to nothing."""
        time = self._time(stamp)
        if self._covers is None or self._covers(time):
            self.broken_off[self._service_of(key)] += 1
            self._reach(time)

    def _failed(self, stamp: bytes, key: Key, text: str) -> bool:
        """Take a `badlogin` of one of the usual forms, which differ in the user and the client alone."""
        for number, form in enumerate(_BAD_LOGINS):
            found = form.match(text)
            if found is None:
                continue
            user = found[3] or None
            if user in {"-notset-", "(null)"}:
                return False
            known = number, found[2], found[4]
            kind = self._kinds.get(known)
            if kind is None:
                event = understand(_record(key, text))
                if not isinstance(event, BadLogin) or event.user != user:
                    return False
                if len(self._kinds) > _KNOWN:
                    self._kinds.clear()
                kind = self._kinds[known] = self.failures.kind(event)
            self._fail(stamp, key, kind, user)
            return True
        return False

    def _fail(self, stamp: bytes, key: Key, kind: int, user: str | None) -> None:
        self._end(key, broken=False)
        time = self._time(stamp)
        if self._covers is None or self._covers(time):
            self._reach(time)
        self.failures.add(time, kind, user, self._service_of(key))


def _key_of(key: Key) -> tuple[str, str, int]:
    host, _, rest = key.rpartition(b" ")
    ident, _, pid = rest[:-1].rpartition(b"[")
    return inert(host.rstrip(b" ")), inert(ident), int(pid)


def _record(key: Key, text: str) -> Record:
    host, ident, pid = _key_of(key)
    return Record(
        LogRole.MAIL,
        0.0,
        whole_seconds=True,
        host=host,
        ident=ident,
        pid=pid,
        text=text,
        path="",
        offset=0,
        end=0,
    )


def heard_in(log: SlicedLog, shape: Shape) -> Iterator[tuple[Key, TraceEvent]]:
    """The lines of auth.log that may decide why attempts failed, with their processes.

    Raises `Unclear` where it has lines of services themselves, of slapd's connections, or of saslauthd's.
    """
    stamp = shape.second + shape.rest[:-1]
    every = re.compile(rb"\n(" + stamp + rb") " + _PROCESS + rb"([^\n]*+)")
    for at, data, end in pieces(log, 0, log.size):
        if any(data.find(word, 0, end) >= 0 for word in _NOT_IN_AUTH):
            raise Unclear
        for word in _DECIDING:
            place = data.find(word, 0, end)
            while place >= 0:
                start = data.rfind(b"\n", 0, place)
                found = every.match(data, start)
                if found is None:
                    raise Unclear
                text = inert(found[3])
                event = understand(_record(found[2], text)._replace(role=LogRole.AUTH))
                if isinstance(event, SaslauthdFailure):
                    raise Unclear
                if event is not None and decides(text):
                    time = log.times_of(found[1] + b" ", at + start)
                    yield (
                        found[2],
                        TraceEvent("auth", time, shape.whole_seconds, text, log.path, at + start + 1),
                    )
                place = data.find(word, data.find(b"\n", place), end)


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
