"""Which lines of a mail log say something about logins, in millions of them, as patterns over its bytes.

Most attempts are two lines, TLS begun and a user logged in, that say no more than that. Those are counted as
they stand (`logins`); attempts that failed, and lines of more weight, are handed out one by one (`others`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from cyrtui.inert import inert
from cyrtui.logs.haystack import Haystack
from cyrtui.logs.line_pattern import LinePattern
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.whole_log import Shape
from cyrtui.pattern import pattern

# possessive where nothing need be gone back to
_CLIENT: Final = rb"(?:[^\s\[\]]++ ?)?\[[^\]\s]*+\]"
_LOGIN: Final = (
    rb"login: " + _CLIENT + rb" ([!-~]++) [A-Za-z0-9_-]{1,64}+(\+TLS)? User logged in"
    rb"(?: SESSIONID=<[!-;=?-~]*+>)?(?=\n)"
)
_BAD_LOGIN: Final = (
    rb"badlogin: [ -Z^-~]*+\[[ -Z^-~]*+\] ([A-Za-z0-9_-]{1,64}+) "
    rb"(?:\((?!-notset-\))([!-'*-~]++)\) )?+\[([ -Z^-~]*+)\](?=\n)"
)
_STARTTLS: Final = (
    rb"starttls: \S++ with cipher \S++ \(\d++/\d++ bits(?: new| reused)?(?: client)?\)"
    rb"(?: no authentication)?(?=\n)"
)
# The first words of the other lines that say something. Lines that are only kept beside an attempt are not
# among them.
_WORDS: Final = (
    rb"badlogin:|login:|starttls:|STARTTLS |TLS |Error |error |unable |Private |verify |"
    rb"accepted |executed(?=\n)|refused |SASL |user |Too |Lost |session |counts:|auditlog: traffic|graceful |"
    rb"DISCONNECT:|IOERROR:|DBERROR|twoskip:|skiplist:|Fatal |event=|conn="
)
# What gives weight to a line that begins with any other word.
_HOLDS: Final = (
    rb"[^\n]*?(?: failed: |error initializing TLS|required OpenSSL options|: Logins must be at least |"
    rb", closing connection)"
)
PROCESS: Final = rb"([^\n\]]++\]): "
_LINES_AHEAD: Final = 100
"""How far on the login is looked for that follows on TLS: lines of all processes."""
_ONE_BY_ONE: Final = 40
"""Processes whose lines are looked for each by itself; for more the whole piece is gone through once."""

Key = bytes
"""Host, ident and pid of a process, as its lines have them."""


class Telling(NamedTuple):
    """A line that says something: where it stands in its piece, and the parts of it.

    `begins_tls`: it tells that TLS was begun, on which no login followed directly.
    """

    place: int
    stamp: bytes
    key: Key
    text: bytes
    begins_tls: bool


class Logins(NamedTuple):
    """Ordinary logins, in columns of equal length."""

    stamps: list[bytes]
    keys: list[Key]
    users: list[bytes]


class Others(NamedTuple):
    """What says something in a piece, besides ordinary logins, in its order.

    `bad` are attempts that failed in the usual way: the stamp, the process, the mechanism, the user (empty if
    none is named) and the reason of each. `strange`: there are lines that begin as no others do.
    """

    telling: list[Telling]
    bad: list[tuple[bytes, Key, bytes, bytes, bytes]]
    strange: bool


class MailLines:
    """The patterns for a log whose lines have the shape `shape`."""

    def __init__(self, shape: Shape) -> None:
        stamp = shape.second + shape.rest[:-1]
        start = rb"\n(" + stamp + rb") " + PROCESS
        strange = rb"\n(?!" + stamp + rb" [^\s:]++ )[^\n]++"
        # a stamp of one length is stepped over faster than it is looked at
        ahead = rb"\n" + (rb".{%d}" % shape.length if shape.rest == b" " else stamp) + rb" \2: "
        foreign = rb"(?:\n(?!" + ahead[2:] + rb")[^\n]*+)"
        login = _bare(_LOGIN).replace(rb"(?:\+TLS)?", rb"\+TLS")
        attempt = rb"(?:" + login + rb"|" + _bare(_BAD_LOGIN) + rb")"
        followed = rb"(?=" + foreign + rb"{0,%d}+" % _LINES_AHEAD + ahead + attempt + rb")"
        self.every = pattern(start + rb"([^\n]*+)")
        self.strange = pattern(strange)
        self._heads = LinePattern(start)
        self._logins = LinePattern(start + _LOGIN)
        ordinary = rb"(?!" + _bare(_LOGIN) + rb"|" + _STARTTLS + followed + rb")"
        telling = rb"(" + _STARTTLS + rb")|((?:" + _WORDS + rb"|(?!USAGE )" + _HOLDS + rb")[^\n]*+)"
        self._others = LinePattern(
            start + ordinary + rb"(?:" + _BAD_LOGIN + rb"|" + telling + rb")|" + strange
        )
        self._login = pattern(_LOGIN)
        self._starttls = pattern(_STARTTLS)
        self._tells = pattern(rb"USAGE |" + _WORDS + rb"|" + _HOLDS)

    def logins(self, data: bytes, end: int) -> Logins:
        """The ordinary logins of a piece."""
        fields = self._logins.extract(data, end, b"$1\n$2\n$3\n").split(b"\n")
        fields.pop()
        return Logins(fields[0::3], fields[1::3], fields[2::3])

    def others(self, data: bytes, end: int) -> Others:
        """What else says something."""
        telling: list[Telling] = []
        bad: list[tuple[bytes, Key, bytes, bytes, bytes]] = []
        strange = False
        for places in self._others.matches(data, end):
            _, _, stamp, stamp_end, key, key_end, mechanism, mechanism_end = places[:8]
            if mechanism >= 0:
                user, user_end, reason, reason_end = places[8:12]
                name = data[user:user_end] if user >= 0 else b""
                bad.append(
                    (
                        data[stamp:stamp_end],
                        data[key:key_end],
                        data[mechanism:mechanism_end],
                        name,
                        data[reason:reason_end],
                    )
                )
                continue
            tls, tls_end, line, line_end = places[12:]
            if stamp < 0:
                strange = True
                continue
            begins_tls = tls >= 0
            text = data[tls:tls_end] if begins_tls else data[line:line_end]
            telling.append(Telling(places[0], data[stamp:stamp_end], data[key:key_end], text, begins_tls))
        return Others(telling, bad, strange)

    def ends_tls(self, line: bytes) -> bool | None:
        """False if the line is an ordinary login under TLS, True if it is one without, or begins TLS anew.

        None if it is another line.
        """
        login = self._login.match(line + b"\n")
        if login is not None:
            return login[2] is None
        return True if self._starttls.match(line + b"\n") is not None else None

    def tells(self, line: bytes) -> bool:
        """True of a line that says something, if only that a session ended."""
        return self._tells.match(line) is not None

    def keys(self, data: bytes, end: int) -> set[Key]:
        """The processes that have lines in a piece."""
        return set(self._heads.extract(data, end, b"$2\n").split(b"\n"))

    def places(self, data: bytes, end: int) -> dict[Key, list[int]]:
        """Where the lines of each process begin."""
        found = defaultdict(list)
        for place, _, _, _, key, key_end in self._heads.matches(data, end):
            found[data[key:key_end]].append(place)
        return found


class LinesOf:
    """The lines of single processes in one piece."""

    def __init__(self, lines: MailLines, data: bytes, end: int) -> None:
        self._lines = lines
        self._data = data
        self._end = end
        self._asked = 0
        self._places: dict[Key, list[int]] | None = None
        self._haystack = Haystack(data, end)

    def of(self, key: Key, start: int = 0) -> Iterator[re.Match[bytes]]:
        """Those at `start` and after: the stamp, the process and the text of each."""
        every, data, end = self._lines.every, self._data, self._end
        self._asked += 1
        if self._places is None and self._asked > _ONE_BY_ONE:
            self._places = self._lines.places(data, end)
        if self._places is not None:
            places = self._places.get(key, [])
            for number in range(bisect_left(places, start), len(places)):
                if (found := every.match(data, places[number], end)) is not None:
                    yield found
            return
        wanted = b" " + key + b": "
        at = self._haystack.find(wanted, start)
        while at >= 0:
            found = every.match(data, data.rfind(b"\n", 0, at), end)
            if found is not None and found[2] == key and found.start() >= start:
                yield found
            at = self._haystack.find(wanted, at + len(wanted))

    def present(self, keys: set[Key]) -> set[Key]:
        """Those of the processes that have lines here."""
        if len(keys) <= _ONE_BY_ONE // 4:
            return keys
        return keys & self._lines.keys(self._data, self._end)


def _bare(expression: bytes) -> bytes:
    """The same with groups that are not kept."""
    return re.sub(rb"(?<!\\)\((?!\?)", rb"(?:", expression)


def line_of(key: Key, text: str) -> Record:
    """A record with what a process said, at no time and place."""
    host, ident, pid = parts_of(key)
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


def parts_of(key: Key) -> tuple[str, str, int]:
    """Host, ident and pid."""
    host, _, rest = key.rpartition(b" ")
    ident, _, pid = rest[:-1].rpartition(b"[")
    return inert(host.rstrip(b" ")), inert(ident), int(pid)
