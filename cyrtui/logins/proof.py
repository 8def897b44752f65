"""Whether a DN is a user's all through the logs, of which only what is near his attempts was weighed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from cyrtui.logins.events import Login, SlapdState
from cyrtui.logins.grammar_slapd import read_slapd
from cyrtui.logins.lookups import Fate, Lookup
from cyrtui.logins.mail_search import LoggedAttempt, MailSearch
from cyrtui.logins.names import canonical_user
from cyrtui.logins.nearby import Claim
from cyrtui.logins.needs import AFTER_CLIENT, asked_for, family_of
from cyrtui.logins.trace import Confidence, LoginTrace, TraceEvent
from cyrtui.logs.haystack import Haystack
from cyrtui.logs.record import LogRole
from cyrtui.logs.slices import SlicedLog
from cyrtui.pattern import pattern

_SEEN: Final = 2.0
"""Seconds after a look-up whose attempts were weighed with it in any case."""
_AROUND: Final = 64 << 10
"""Bytes of slapd's log on either side of a line in which the rest of its connection is looked for."""
_PIECE: Final = 1 << 20
_STRANGERS: Final = 20
_MANY: Final = 1200
_CONNECTION: Final = pattern(rb"conn=(\d{1,19}) ")

_Found = list[tuple[int, bytes]]


class Proof:
    """All of slapd's log, searched for a DN when that is asked for. Raises `FileUnreadable`."""

    def __init__(self, logs: Mapping[LogRole, SlicedLog], search: MailSearch) -> None:
        self._mail = logs[LogRole.MAIL]
        self._slapd = logs.get(LogRole.SLAPD)
        self._search = search
        self._lines: dict[str, _Found] = {}

    def look_for(self, claims: Collection[Claim]) -> None:
        """Search for all DNs of these at once."""
        self._find({each.dn_as_logged or "" for claim in claims for each, _users in claim.lookups})

    def unexplained(self, dns: Collection[str], traces: Sequence[LoginTrace]) -> dict[int, float]:
        """Lines of slapd's with one of `dns` of which it is not certain that they are of one of `traces`.

        By their offsets, with their times; without those of other programs, unless there are very many.
        """
        slapd = self._slapd
        if slapd is None:
            return {}
        known = {
            line.offset
            for trace in traces
            if trace.ldap is not None and trace.ldap.confidence is Confidence.CERTAIN
            for line in trace.events
            if line.source == "slapd"
        }
        lines = {offset: line for dn in dns for offset, line in self._lines_with(dn) if offset not in known}
        found: dict[int, float] = {}
        of_ldapdb: dict[tuple[int, int], bool] = {}
        for offset, line in lines.items():
            head = _CONNECTION.search(line)
            if head is not None and len(lines) <= _MANY:
                key = int(head[1]), offset // _AROUND
                if key not in of_ldapdb:
                    of_ldapdb[key] = self._connection(slapd, key[0], offset).looks_like_ldapdb
                if not of_ldapdb[key]:
                    continue
            found[offset] = slapd.times_of(line, offset)
        return found

    def holds(self, claim: Claim) -> bool:
        """True if nobody asked for the DN but near the user's attempts, where no other user always was."""
        slapd = self._slapd
        if slapd is None or not claim.holds({each: self._later(each) for each, _users in claim.lookups}):
            return False
        found: dict[int, bytes] = {}
        for name in {each.dn_as_logged for each, _users in claim.lookups}:
            found.update(self._lines_with(name or ""))
        for lookup, _users in claim.lookups:
            known = {line.offset for line in lookup.lines}
            if known.isdisjoint(found):
                # it is logged in bytes that are not known here
                return False
            for offset in known:
                found.pop(offset, None)
        strangers: dict[int, int] = {}
        for offset, line in found.items():
            head = _CONNECTION.search(line)
            if head is None:
                return False
            strangers.setdefault(int(head[1]), offset)
        return len(strangers) <= _STRANGERS and all(
            self._is_another(slapd, conn, offset) for conn, offset in strangers.items()
        )

    def _lines_with(self, dn: str) -> _Found:
        """The lines of slapd's log with the DN in quotes, and where they begin."""
        self._find({dn})
        return self._lines[dn]

    def _find(self, dns: Collection[str]) -> None:
        needles = {dn: b'"%s"' % dn.encode("utf-8", "surrogateescape") for dn in dns if dn not in self._lines}
        self._lines.update((dn, []) for dn in needles)
        if self._slapd is None or not needles:
            return
        for at, data, size in self._slapd.pieces(0, self._slapd.size, _PIECE):
            hay = Haystack(data, size)
            for dn, needle in needles.items():
                self._lines[dn] += [
                    (at + start, data[start : stop - 1]) for start, stop in hay.lines_with(needle)
                ]

    def _connection(self, slapd: SlicedLog, conn: int, offset: int) -> Lookup:
        """The connection of the line at `offset`, as far as its lines are near."""
        low = slapd.line_start(max(0, offset - _AROUND))
        data = slapd.read(low, min(slapd.size, offset + _AROUND))
        lookup = Lookup(("", 0, conn, 0))
        for start, stop in Haystack(data).lines_with(b"conn=%d " % conn):
            line = data[start : stop - 1]
            record = slapd.record(line, low + start, slapd.times_of(line, low + start))
            event = read_slapd(record.text)
            if event is not None and not isinstance(event, SlapdState) and event.conn == conn:
                at = TraceEvent(
                    "slapd", record.time, record.whole_seconds, record.text, record.path, record.offset
                )
                lookup.feed(event, at)
        return lookup

    def _is_another(self, slapd: SlicedLog, conn: int, offset: int) -> bool:
        """True if a connection is none that read the entry as ldapdb does."""
        lookup = self._connection(slapd, conn, offset)
        return not lookup.looks_like_ldapdb or lookup.fate not in {Fate.GRANTED, Fate.OPEN}

    def _later(self, lookup: Lookup) -> set[str | None]:
        """The users whose look-up this may have been, though they were answered some seconds later."""
        if lookup.end is None:
            return set()
        low, high = self._mail.between(lookup.end.time + _SEEN, lookup.end.time + AFTER_CLIENT + 2.0)
        data = self._mail.read(low, high)
        users: set[str | None] = set()
        for start, stop in Haystack(data).lines_with(b"login: "):
            line = data[start : stop - 1]
            if any(word in line.lower() for word in (b"digest", b"scram")):
                attempt = self._search.attempt(line, low + start)
                if attempt is not None and _may_be_late(attempt, lookup.families):
                    name = asked_for(attempt.event)
                    users.add(canonical_user(name) if name else None)
        return users


def _may_be_late(attempt: LoggedAttempt, families: frozenset[str]) -> bool:
    """True if the client speaks last, as in `Need`, and `families` may be what the look-up was for."""
    family = family_of((attempt.event.mechanism or "").lower())
    if families and family not in families:
        return False
    return family == "scram" or (family == "digest" and isinstance(attempt.event, Login))
