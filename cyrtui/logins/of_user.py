"""One user's attempts out of long logs, without reading most of their lines.

The mail log is searched for the name, as bytes. Of each attempt that has it, the lines of its process and
what all three logs hold around it become records; the rest never does. Attempts that name nobody (2.x, a
failed AUTHENTICATE) are looked for where slapd's log has a DN that may be the user's.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from cyrtui.errors import FileUnreadable
from cyrtui.logins.events import BadLogin
from cyrtui.logins.filters import TraceFilter
from cyrtui.logins.learned import FIRM
from cyrtui.logins.mail_search import LoggedAttempt, MailSearch
from cyrtui.logins.names import canonical_dn, canonical_user
from cyrtui.logins.near_lines import NearLines
from cyrtui.logins.nearby import Sample
from cyrtui.logins.nearby_book import NearbyBook
from cyrtui.logins.needs import AFTER_CLIENT
from cyrtui.logins.proof import Proof
from cyrtui.logins.trace import Confidence, LoginTrace, TraceKey
from cyrtui.logins.window import MARGIN
from cyrtui.logs.record import LogRole
from cyrtui.logs.slices import SlicedLog
from cyrtui.pattern import pattern

_TYPED: Final = pattern(r"[A-Za-z0-9][A-Za-z0-9._@+/-]*")
_BACK: Final = (-2.0, AFTER_CLIENT + 4.0)
"""Seconds that an attempt's line may come after slapd's."""
_EXCHANGED: Final = 2 * AFTER_CLIENT
"""Seconds between two look-ups of which an attempt may have the one or the other."""
_SAMPLES: Final = 7
_RIVALS: Final = 60
_OF_RIVALS: Final = 1000
"""Users, and attempts of theirs, from which on it is too much to learn their names."""
_MANY: Final = 400
"""Attempts of one user from which on the logs may as well be read as a whole."""


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
        self._user = canonical_user(user)
        self._search = MailSearch(self._mail, user)
        self._now = now
        self._lines = NearLines(logs, self._search, slow)
        self._proof = Proof(logs, self._search)

    def traces(self) -> list[LoginTrace] | None:
        """The attempts of the user, and others; None if they are too many, or if not all is decided."""
        attempts = list(self._search.attempts())
        if len(attempts) > _MANY:
            return None
        book = self.judge(attempts, self._lines.near())
        traces = None if book is None else book.write(self._now)
        if book is None or traces is None or LogRole.SLAPD not in self._logs:
            return traces
        if len(attempts) < FIRM or not self._search.unnamed:
            # a DN of which nobody's name was learned is nobody's
            return traces
        dns = {trace.ldap.dn for trace in traces if trace.ldap is not None and trace.ldap.dn is not None}
        his = self._his(book, attempts, dns)
        if not dns or his is None:
            return None
        free = self._free(book, his, traces)
        if len(free) > _MANY:
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
        del book
        return self._decided([*attempts, *more.values()], more.keys(), his, free)

    def _his(
        self, book: NearbyBook, attempts: list[LoggedAttempt], dns: Collection[str]
    ) -> Collection[str] | None:
        """Those of `dns` that the whole log may say are the user's; None if that cannot be told.

        It can only say so of one that is there often enough, and seldom with anybody else.
        """
        known = book.known(self._user)
        if known is None or not book.reliable(self._user, known.dn):
            if book.near < MARGIN:
                # what the whole log is cut into has as much around each attempt
                wide = self._lines.book(attempts, [], MARGIN)
                if not wide.learn({each.key for each in attempts}, set()):
                    return None
                known = wide.known(self._user)
            if known is None or not known.firm:
                return ()
        return {dn for dn in dns if canonical_dn(dn) == known.dn} or None

    def _free(self, book: NearbyBook, dns: Collection[str], traces: list[LoginTrace]) -> dict[int, float]:
        """Lines of slapd's with one of `dns` that an attempt which names nobody may have led to; their times.

        What is an attempt's that names the user is not free. If that attempt is his, and the DN, it needs one
        of the look-ups near it, and so none is free if there are as many of the ones as of the others.
        """
        open_ones = self._proof.unexplained(dns, traces)
        taken = book.taken(self._user)
        free = sorted(time for offset, time in open_ones.items() if offset not in taken)
        return {
            offset: time
            for offset, time in open_ones.items()
            if bisect_left(free, time - _EXCHANGED) < bisect_right(free, time + _EXCHANGED)
        }

    def _decided(
        self,
        attempts: list[LoggedAttempt],
        unnamed: Collection[TraceKey],
        dns: Collection[str],
        free: Mapping[int, float],
    ) -> list[LoginTrace] | None:
        """The traces of these; None if one of those that are `unnamed` may have asked for one of `dns`.

        `free` are the lines of slapd's with one of these that may be theirs.
        """
        book = self.judge(attempts, self._lines.near())
        traces = None if book is None else book.write(self._now)
        if book is None or traces is None:
            return None
        told = {trace.key: trace for trace in traces}
        open_ones = {key for key in unnamed if _undecided(told[key], dns, book.may_have(key, free))}
        if not open_ones:
            return traces
        # whose the look-ups near them are may tell
        unsure = open_ones | {
            key for key, trace in told.items() if not _certain(trace) and book.may_have(key, free)
        }
        rivals = {user for key in unsure for user in book.rivals(key, free)} - {self._user}
        del book
        others = None if len(rivals) > _RIVALS else self._search.attempts_of(rivals, _OF_RIVALS)
        if others is None:
            return None
        # what the whole log is cut into has as much around each attempt
        book = self.judge(attempts, MARGIN, others)
        traces = None if book is None else book.write(self._now)
        if book is None or traces is None:
            return None
        told = {trace.key: trace for trace in traces}
        if any(_undecided(told[key], dns, book.may_be_certain(key, free)) for key in unnamed):
            return None
        return traces

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

    def judge(
        self,
        attempts: list[LoggedAttempt],
        near: float,
        others: Mapping[str, list[LoggedAttempt]] | None = None,
    ) -> NearbyBook | None:
        """A book in which these are decided; None if a line makes no attempt after all.

        `near` are the seconds around each that are weighed. `others` are all attempts, by user, of those
        whose names are wanted too.
        """
        beside = [
            each for one in attempts if isinstance(one.event, BadLogin) for each in self._lines.welcomed(one)
        ]
        book = self._lines.book([*attempts, *beside], attempts, near)
        if not book.learn({each.key for each in attempts}, {each.key for each in beside}):
            return None
        for user, his in (others or {}).items():
            # one after the other: what is near them may be much
            more = self._lines.book(his, [], near)
            if not book.learn_more(more, {each.key for each in his}, {user}):
                return None
        if not book.sample.enough:
            book.sample = book.sample.with_more(self._sampled(attempts))
        book.decide()
        if claims := book.claims():
            self._proof.look_for(claims)
            for claim in claims:
                if self._proof.holds(claim):
                    book.prove(claim)
                else:
                    book.doubt(claim)
            book.decide_again()
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
                sample = sample.with_more(
                    self._lines.book(others, [], self._lines.near()).count({each.key for each in others})
                )
            if sample.enough:
                break
        return sample


def _certain(trace: LoginTrace) -> bool:
    return trace.ldap is not None and trace.ldap.confidence is Confidence.CERTAIN


def _undecided(trace: LoginTrace, dns: Collection[str], may_have: bool) -> bool:
    """True of an attempt that names nobody if it may have asked for one of `dns` after all."""
    if trace.user is not None:
        return False
    if trace.ldap is not None and _certain(trace):
        return trace.ldap.dn in dns
    return may_have
