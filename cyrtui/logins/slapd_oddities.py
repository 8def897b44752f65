"""What is out of the ordinary in slapd's log: look-ups that failed, took long, or are told only in part.

Nearly all look-ups on a busy server go well within one second, and their lines stand together: one pattern
steps over them at some hundred nanoseconds a line. Only of the others a `Lookup` is made, from its own lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import floor
from typing import Final, NamedTuple

from cyrtui.inert import inert
from cyrtui.logins.events import LdapEvent, SlapdState
from cyrtui.logins.grammar import understand
from cyrtui.logins.grammar_slapd import read_slapd
from cyrtui.logins.lookups import Fate, Lookup
from cyrtui.logins.trace import TraceEvent
from cyrtui.logs.line_pattern import LinePattern
from cyrtui.logs.record import Record
from cyrtui.logs.slices import SlicedLog
from cyrtui.logs.stamps import HEAD
from cyrtui.logs.whole_log import Shape, Unclear, pieces
from cyrtui.pattern import pattern

_NEAR: Final = 48 << 10
"""Bytes on either side of an odd line in which the other lines of its connection are looked for at once."""
_LATE: Final = 4 << 10
"""Bytes by which the lines of one connection are out of order, mostly."""
_FARTHER: Final = (64 << 10, 512 << 10, 4 << 20)
_AGAIN: Final = 1 << 20
"""Bytes after which the same name is another connection's."""
_FIRST: Final = 4 << 20
_KNOWN: Final = 4096
_OPERATION, _ACCEPT = b"oA"
_ENTRY: Final = b" SEARCH RESULT tag=101 err=0"
# possessive throughout: nothing is gone back to, which halves the time
_TIMES: Final = rb"(?: qtime=0\.0\d++ etime=0\.0\d++)?"
_READ: Final = rb"SEARCH RESULT tag=101 err=0" + _TIMES + rb" nentries=[1-9]"
_STEP: Final = rb"[BPEWU]|SRCH |do_|RESULT (?:tag=97 err=(?:0|14)|oid=\S*+ err=0)" + _TIMES + rb" text="
_NAME: Final = rb"\S++ slapd[^\s\[\]:]*+\[\d++\]"
_FIRST_NAME: Final = pattern(rb" (" + _NAME + rb"): conn=")
_DENIED: Final = pattern(
    rb"op=\d+ RESULT tag=(?!97 )\d+ err=(?:47|123)" + _TIMES + rb"(?: nentries=\d+)? text="
)
_MANY_OPS: Final = pattern(rb"op=(?:1[3-9]|[2-9]\d|\d{3,}) ")


class OddLookup(NamedTuple):
    """A look-up that may be ldapdb's and did not go as most do.

    `name` are host, pid and conn, `offset` is where one of its lines stands. `begin` and `end` are seconds
    since the epoch; `slow` tells that it surely took long.
    """

    name: bytes
    offset: int
    begin: float
    end: float
    fate: Fate
    slow: bool


class Oddities(NamedTuple):
    """Of one stretch of the log. `begun` are the names of connections that ended elsewhere, or not at all;
    they were judged here. `ended` began elsewhere: by name with an offset.
    """

    lookups: list[OddLookup]
    begun: set[bytes]
    ended: dict[bytes, int]


def first_proxy(log: SlicedLog) -> tuple[str, float] | None:
    """(DN, time) of the first look-up that was granted, whose proxy's DN is known."""
    lookups: dict[tuple[str, int | None, int], Lookup] = {}
    for record in _first_records(log):
        event = understand(record)
        if not isinstance(event, LdapEvent):
            continue
        key = record.host, record.pid, event.conn
        lookup = lookups.get(key)
        if lookup is None:
            lookup = lookups[key] = Lookup((record.host, record.pid or 0, event.conn, 0))
        at = TraceEvent("slapd", record.time, record.whole_seconds, record.text, record.path, record.offset)
        lookup.feed(event, at)
        if lookup.looks_like_ldapdb and lookup.fate is Fate.GRANTED and lookup.bound_as:
            return lookup.bound_as, record.time
    return None


def _first_records(log: SlicedLog) -> Iterator[Record]:
    for at, _, end in log.pieces(0, log.line_start(min(log.size, _FIRST)), _NEAR):
        yield from log.records(at, at + end)


def _writer(log: SlicedLog) -> bytes:
    """Host, ident and pid of the first line of a connection: most others have them too."""
    found = _FIRST_NAME.search(log.read(0, min(log.size, _NEAR)))
    return b"" if found is None else found[1]


def _odd_lines(shape: Shape, writer: bytes) -> bytes:
    """The pattern that steps over look-ups that went well, and over lines that say nothing, to the next one.

    Groups 3 to 5: second, name and what of a line of a connection; group 6: a line that is none of those. All
    are without part in what is after the last such line.
    """
    second, rest = shape.second, shape.rest
    name = (rb"(?:" + re.escape(writer) + rb"|" + _NAME + rb")" if writer else _NAME) + rb": conn=\d++"
    # most lines are one process's; what is the same in all of them is compared faster when it is given
    usual = re.escape(writer) + rb": conn=" if writer else rb""
    begin = (
        rb"\n(" + second + rb")" + rest + usual + rb"(" + (rb"\d++" if writer else name) + rb") fd=\d++ ACC"
    )
    same = rest + usual + rb"\2 "
    # of whole seconds, that they are the same is seen where the look-up ends
    own = (rb"\n.{%d}" % shape.length if rest == b" " else rb"\n\1") + same
    either = rb"op=\d++ (?:" + _STEP + rb"|" + _READ + rb")[^\n]*+"
    steps = rb"(?:" + own + rb"op=\d++ (?:" + _STEP + rb")[^\n]*+)*+" + own + rb"op=\d++ " + _READ
    steps += rb"[^\n]*+(?:" + own + either + rb")*+"
    whole = begin + rb"[^\n]*+" + steps + rb"\n\1" + same + rb"fd=\d++ closed[^\n]*+"
    alone = rb"\n" + second + rest + name + rb" (?:" + either + rb"|fd=\d++ TLS [^\n]*+)"
    odd = rb"\n(" + second + rb")" + rest + rb"(" + name + rb") (fd=\d++ [Ac]|op=\d++ [^\n]*+)"
    # where nothing odd comes any more, nothing is tried again from the second line on
    return rb"(?:" + whole + rb"|" + alone + rb")*+(?:" + odd + rb"|\n([^\n]+)|(?![\s\S]))"


def _was_read(data: bytes, name: bytes, start: int, stop: int, tail: bytes) -> bool:
    """True if a connection that begins and ends at these places read an entry.

    `tail` is what stands before `data`, where it began if `start` is less than 0.
    """
    third, first = name + b" op=3" + _ENTRY, name + b" op=1" + _ENTRY
    if data.find(third, max(0, start), stop) >= 0:
        return True
    low, high = start - _LATE, stop + _LATE
    if low < 0:
        data = tail[low:] + data[:high]
        low, high = 0, len(data)
    return data.find(third, low, high) >= 0 or data.find(first, low, high) >= 0


class OddityFinder:
    """Looks for them in one log, whose lines have the shape `shape`; slow is what takes `slow` seconds.

    `proxy` is the DN that the proxy binds as. Methods raise `Unclear`, and `FileUnreadable`.
    """

    def __init__(self, log: SlicedLog, shape: Shape, proxy: str, slow: float) -> None:
        self._log = log
        self._shape = shape
        self._slow = slow
        self._long = floor(slow)
        self._bound = b' op=1 BIND dn="%s" mech=' % proxy.encode()
        self._odd = LinePattern(_odd_lines(shape, _writer(log)))
        self._seconds: dict[bytes, float] = {}
        self._known: dict[str, LdapEvent | SlapdState | None] = {}

    def look(self, low: int, high: int) -> Oddities:
        """What there is in [low, high), where lines begin."""
        found = Oddities([], set(), {})
        unclear: list[tuple[bytes, int]] = []
        open_at: dict[bytes, tuple[bytes, int]] = {}
        judged: set[bytes] = set()
        ended: set[bytes] = set()
        before_at, before = low, b""
        for at, data, end in pieces(self._log, low, high):
            tail = before[max(0, at - before_at - _NEAR) : at - before_at]
            before_at, before = at, data
            self._seconds.clear()
            denied: list[tuple[bytes, int]] = []
            for places in self._odd.matches(data, end):
                place, second_end, name_at, name_end, what_at, what_end, strange_at, strange_end = places[6:]
                if what_at < 0:
                    if strange_at >= 0:
                        self._strange(data[strange_at:strange_end], at + strange_at)
                    continue
                name, kind = data[name_at:name_end], data[what_end - 1]
                if data[what_at] == _OPERATION:
                    what = data[what_at:what_end]
                    self._result(found, unclear, judged, name, what, data, at, place, denied)
                elif kind == _ACCEPT:
                    if name in ended:
                        # its lines are out of order: this one comes after the last
                        ended.remove(name)
                        continue
                    if name in open_at:
                        unclear.append((name, open_at[name][1]))
                    judged.discard(name)
                    open_at[name] = data[place:second_end], at + place
                else:
                    begin = open_at.pop(name, None)
                    if name in judged:
                        continue
                    if begin is None and at + place < low + _NEAR:
                        found.ended[name] = at + place
                        continue
                    if begin is None:
                        ended.add(name)
                        judged.add(name)
                        self._judge(found, unclear, name, data, at, place)
                        continue
                    # most did go well, only that other lines stand between theirs, or a second began
                    start, second = begin[1] - at, data[place:second_end]
                    if not _was_read(data, name, start, place, tail) or (
                        second != begin[0] and self._apart(begin, (second, at + place)) >= self._long
                    ):
                        judged.add(name)
                        self._judge(found, unclear, name, data, at, place)
            times = self._log.times([data[place : place + HEAD] for _, place in denied], at + end)
            for (name, place), time in zip(denied, map(float, map(floor, times)), strict=True):
                found.lookups.append(OddLookup(name, at + place, time, time, Fate.DENIED, slow=False))
        self._judge_far(found.lookups, unclear)
        begun = {name: offset for name, (_, offset) in open_at.items() if name not in judged}
        self._judge_far(found.lookups, list(begun.items()))
        found.begun.update(begun)
        return found

    def join(self, parts: list[Oddities]) -> list[OddLookup]:
        """All that is odd, from that of stretches that follow each other."""
        lookups: list[OddLookup] = []
        begun: set[bytes] = set()
        unclear: list[tuple[bytes, int]] = []
        for part in parts:
            lookups += part.lookups
            # those that began were judged where they did
            unclear += [(name, offset) for name, offset in part.ended.items() if name not in begun]
            begun.difference_update(part.ended)
            begun.update(part.begun)
        # lines may be out of order, and one connection come up twice
        known: dict[bytes, int] = {}
        once = []
        for lookup in lookups:
            if abs(known.get(lookup.name, -_AGAIN) - lookup.offset) >= _AGAIN:
                once.append(lookup)
            known[lookup.name] = lookup.offset
        self._judge_far(once, unclear)
        return once

    def _judge_far(self, lookups: list[OddLookup], unclear: list[tuple[bytes, int]]) -> None:
        """Add those of which more had to be read."""
        known = {lookup.name: lookup.offset for lookup in lookups}
        for name, offset in unclear:
            if abs(known.get(name, -_AGAIN) - offset) < _AGAIN:
                continue
            known[name] = offset
            self._seconds.clear()
            lookup = self._lookup_far(name, offset)
            if lookup is not None:
                self._keep(lookups, name, lookup)

    # --- lines --------------------------------------------------------------------------------------

    def _time(self, second: bytes, offset: int, line: bytes = b"") -> float:
        time = self._seconds.get(second)
        if time is None:
            line = line or self._log.read(offset, min(offset + HEAD, self._log.size))
            time = self._seconds[second] = float(floor(self._log.times_of(line, offset)))
        return time

    def _apart(self, begin: tuple[bytes, int], end: tuple[bytes, int]) -> float:
        """Seconds from one stamp to another, each with the offset of its line."""
        if begin[0][:-2] == end[0][:-2]:
            return int(end[0][-2:]) - int(begin[0][-2:])
        return self._time(*end) - self._time(*begin)

    def _event(self, text: str) -> LdapEvent | SlapdState | None:
        _conn, _, rest = text.partition(" ")
        event = self._known.get(rest)
        if event is None:
            if len(self._known) > _KNOWN:
                self._known.clear()
            event = self._known[rest] = read_slapd(text)
        return event

    def _strange(self, line: bytes, offset: int) -> None:
        """A line that is none of a connection's: harmless, unless something else that matters writes here."""
        record = self._log.record(line, offset, self._log.times_of(line, offset))
        if not record.parsed:
            # the rest of a line before; how a look-up ended does not stand there
            return
        event = understand(record)
        if (
            record.pid is None
            or record.text.startswith("conn=")
            or not (event is None or isinstance(event, SlapdState | LdapEvent))
        ):
            raise Unclear

    def _result(
        self,
        found: Oddities,
        unclear: list[tuple[bytes, int]],
        judged: set[bytes],
        name: bytes,
        what: bytes,
        data: bytes,
        at: int,
        place: int,
        denied: list[tuple[bytes, int]],
    ) -> None:
        if name in judged or _MANY_OPS.match(what) is not None:
            # what ldapdb asks is not that much
            return
        bound = name + self._bound
        # lines of one connection may be out of order
        if _DENIED.match(what) is not None and (
            data.rfind(bound, max(0, place - _NEAR), place) >= 0
            or data.find(bound, place, place + _LATE) >= 0
        ):
            denied.append((name, place))
            judged.add(name)
            return
        judged.add(name)
        self._judge(found, unclear, name, data, at, place)

    # --- look-ups -----------------------------------------------------------------------------------

    def _judge(
        self,
        found: Oddities,
        unclear: list[tuple[bytes, int]],
        name: bytes,
        data: bytes,
        at: int,
        place: int,
    ) -> None:
        """Make a look-up of the connection's lines, if they all stand near."""
        low, high = max(0, place - _NEAR), min(len(data), place + _NEAR)
        lookup = self._lookup(name, data, at, low, high)
        if lookup.foreign:
            return
        if lookup.accepted is None or lookup.closed is None or high == len(data):
            unclear.append((name, at + place))
        else:
            self._keep(found.lookups, name, lookup)

    def _lookup(self, name: bytes, data: bytes, at: int, low: int, high: int) -> Lookup:
        lookup = Lookup(("", 0, 0, 0))
        wanted = name + b" "
        length = name.rindex(b"conn=")
        found = data.find(wanted, low, high)
        while found >= 0:
            start, stop = data.rfind(b"\n", 0, found) + 1, data.find(b"\n", found)
            stop = len(data) if stop < 0 else stop
            text = inert(data[found + length : stop])
            event = self._event(text)
            if event is not None and not isinstance(event, SlapdState):
                head = data[start : start + HEAD]
                whole = self._shape.whole_seconds
                time = (
                    self._time(head[: self._shape.length], at + start, head)
                    if whole
                    else self._log.times_of(head, at + start)
                )
                lookup.feed(event, TraceEvent("slapd", time, whole, text, self._log.path, at + start))
            found = data.find(wanted, stop, high)
        return lookup

    def _lookup_far(self, name: bytes, offset: int) -> Lookup | None:
        """The same, when its lines stand farther apart; None if it is none of ldapdb's."""
        log = self._log
        for reach in _FARTHER:
            low, high = max(0, offset - reach), min(log.size, offset + reach)
            lookup = self._lookup(name, log.read(low, high), low, 0, high - low)
            if lookup.foreign:
                return None
            if (lookup.accepted is not None or low == 0) and (lookup.closed is not None or high == log.size):
                return lookup
        # a connection that was there for so long was no look-up of a login's
        return lookup if lookup.accepted is not None else None

    def _keep(self, lookups: list[OddLookup], name: bytes, lookup: Lookup) -> None:
        begin, end = lookup.begin, lookup.end
        if begin is None or end is None or not lookup.looks_like_ldapdb:
            return
        surely = end.time - begin.time - (1.0 if begin.whole_seconds else 0.0)
        slow = max(surely, lookup.server_seconds) >= self._slow
        if lookup.fate is not Fate.GRANTED or slow:
            lookups.append(OddLookup(name, end.offset, begin.time, end.time, lookup.fate, slow))
