"""From an attempt under construction to the `LoginTrace` that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cyrtui.logins.correlate import Correlator, Link
from cyrtui.logins.diagnose import (
    Case,
    Neighbourhood,
    around,
    depends_on_neighbours,
    diagnose,
    met_by,
    outcome_of,
)
from cyrtui.logins.events import BadLogin, Login
from cyrtui.logins.grammar import service_of
from cyrtui.logins.lookups import Fate, Lookup
from cyrtui.logins.needs import Ending, asked_for, need_of
from cyrtui.logins.rules import OTHERS_FINE
from cyrtui.logins.saslauthd import Refusals
from cyrtui.logins.sessions import Draft
from cyrtui.logins.titles import cause_title
from cyrtui.logins.trace import Confidence, LdapLink, LoginTrace, Tls, TraceEvent
from cyrtui.logins.window import PLAUSIBLE

_BEFORE, _AUTH, _SLAPD, _ANSWER, _AFTER = range(5)


class Writer:
    """Writes traces. `slow` and `grace` are seconds; see `TraceBook`."""

    def __init__(
        self,
        correlator: Correlator,
        neighbours: Neighbourhood,
        refusals: Refusals,
        *,
        slow: float,
        grace: float,
    ) -> None:
        self._correlator = correlator
        self._neighbours = neighbours
        self._refusals = refusals
        self._slow = slow
        self._grace = grace

    def _auth_of(self, draft: Draft) -> tuple[TraceEvent, ...]:
        """The lines of auth.log: its own process's, and saslauthd's word about it."""
        own, refused = draft.process.auth_of(draft), self._refusals.of(draft)
        return tuple(sorted((*own, *refused), key=lambda at: at.time)) if refused else own

    def note(self, draft: Draft) -> None:
        """Tell the neighbours what this attempt met."""
        self._neighbours.note(draft, met_by(self._case(draft, self._auth_of(draft), None)))

    def password_known(self, draft: Draft) -> bool:
        """True if the directory has said by now how the password behind this attempt is stored."""
        return self._case(draft, self._auth_of(draft), None).password is not None

    def others_fine(self, draft: Draft) -> bool:
        """True if others got through near this attempt, so that no more need be known of what they met."""
        return around(self._case(draft, self._auth_of(draft), None), OTHERS_FINE)

    def write(self, draft: Draft, now: float) -> tuple[LoginTrace, bool, bool]:
        """The trace; whether its cause may change with what the neighbours meet, and with the directory's
        word.
        """
        still_open = now < draft.latest + self._grace
        auth = self._auth_of(draft)
        link = self._correlator.links.get(draft)
        ldap = self._ldap(draft, link, still_open=still_open)
        lookup = link.lookup if link is not None and ldap is not None and ldap.conn is not None else None
        user, user_from = self._user(draft, ldap)
        duration = _duration(draft, lookup, auth)
        case = self._case(draft, auth, user)
        case.slow_seconds = self._slow_seconds(draft, lookup, ldap)
        diagnosis = diagnose(case)
        shown = lookup if ldap is not None and ldap.confidence is not Confidence.AMBIGUOUS else None
        events = _timeline(draft, auth, shown)
        index = {(event.path, event.offset): number for number, event in enumerate(events)}
        explanation = diagnosis.explanation
        if diagnosis.also:
            explanation += f" It may also be: {', '.join(map(cause_title, diagnosis.also))}."
        if (
            ldap is not None
            and ldap.confidence is Confidence.LIKELY
            and diagnosis.cause
            and case.lookup is not None
        ):
            explanation += " (That the connection in slapd's log is this login's is likely, not certain.)"
        attempt = draft.attempt
        trace = LoginTrace(
            key=draft.key,
            user=user,
            user_from=user_from,
            service=service_of(draft.process.key[1]),
            host=draft.process.key[0],
            pid=draft.process.key[2],
            client=draft.client,
            start=min(event.time for event in events),
            end=draft.time,
            duration=duration,
            outcome=case.outcome,
            mechanism=attempt.mechanism if isinstance(attempt, Login | BadLogin) else None,
            tls=_tls(draft),
            session_id=attempt.session_id if isinstance(attempt, Login) else None,
            ldap=ldap,
            cause=diagnosis.cause,
            explanation=explanation,
            remedy=diagnosis.remedy,
            also=diagnosis.also,
            evidence=tuple(sorted({index[place] for place in diagnosis.evidence if place in index})),
            events=events,
            more_lines=draft.more + (shown.more if shown is not None else 0),
            open=still_open,
        )
        asks = case.ending is Ending.WRONG and case.fate is Fate.GRANTED and case.password is None
        return trace, depends_on_neighbours(case), asks and self._correlator.learned.can_ask

    def _case(self, draft: Draft, auth: Sequence[TraceEvent], user: str | None) -> Case:
        need = need_of(draft, tuple(auth))
        link = self._correlator.links.get(draft)
        fate, lookup = self._fate(draft, link)
        dn = lookup.dn if lookup is not None else None
        attempt = draft.attempt
        ending = need.ending if need is not None else _plain_ending(draft)
        return Case(
            draft,
            outcome_of(draft),
            ending,
            fate,
            lookup,
            user or (attempt.user if isinstance(attempt, Login | BadLogin) else None),
            service_of(draft.process.key[1]),
            self._correlator.learned.password(dn) if dn is not None else None,
            self._neighbours.verdict(draft.time),
            auth,
            None,
            proxy=self._proxy(link),
            proxy_worked=self._correlator.learned.proxy_worked(self._proxy(link)),
            entry_known=need is not None
            and need.user is not None
            and self._correlator.learned.of_user(need.user) is not None,
        )

    def _fate(self, draft: Draft, link: Link | None) -> tuple[Fate | None, Lookup | None]:
        """How the look-up ended, as far as that is sure enough to reason from."""
        if link is None or link.lookup is None:
            return None, None
        if not self._correlator.contested(draft) and (link.solid or link.regret >= PLAUSIBLE):
            return link.lookup.fate, link.lookup
        # whichever it was, it ended alike
        fates = {each.fate for each in (link.lookup, *link.candidates)}
        return (fates.pop(), None) if len(fates) == 1 else (None, None)

    def _proxy(self, link: Link | None) -> str:
        """The DN that the proxy bound as, if all that this attempt's look-up may be agree about it."""
        if link is None or link.lookup is None:
            return ""
        proxies = {each.bound_as for each in (link.lookup, *link.candidates)}
        return (proxies.pop() or "") if len(proxies) == 1 else ""

    def _ldap(self, draft: Draft, link: Link | None, *, still_open: bool) -> LdapLink | None:
        if link is None or (link.lookup is None and not link.candidates):
            return None
        lookup = link.lookup
        contested = self._correlator.contested(draft)
        if lookup is not None and not contested and link.solid:
            # lines that would tell another story may still be on their way
            confidence = Confidence.LIKELY if still_open else Confidence.CERTAIN
        elif lookup is not None and not contested and link.regret >= PLAUSIBLE:
            confidence = Confidence.LIKELY
        else:
            confidence = Confidence.AMBIGUOUS
        candidates: tuple[int, ...] = ()
        if confidence is Confidence.AMBIGUOUS:
            order = [lookup, *link.candidates] if lookup is not None else list(link.candidates)
            candidates = tuple(dict.fromkeys(each.conn for each in order if each is not None))
        if lookup is None:
            return LdapLink(None, None, None, confidence, candidates)
        return LdapLink(lookup.conn, lookup.pid, lookup.dn_as_logged, confidence, candidates, lookup.seconds)

    def _user(
        self, draft: Draft, ldap: LdapLink | None
    ) -> tuple[str | None, Literal["mail", "directory"] | None]:
        attempt = draft.attempt
        if not isinstance(attempt, Login | BadLogin):
            return None, None
        if attempt.user is not None:
            return attempt.user, "mail"
        if (name := asked_for(attempt)) is not None:
            return name, "mail"
        if ldap is not None and ldap.confidence is Confidence.CERTAIN:
            link = self._correlator.links[draft]
            dn = link.lookup.dn if link.lookup is not None else None
            user = self._correlator.learned.user_of(dn) if dn is not None else None
            if user is not None:
                return user, "directory"
        return None, None

    def _slow_seconds(self, draft: Draft, lookup: Lookup | None, ldap: LdapLink | None) -> float | None:
        """How long the directory took, if that is surely at least `slow`; None otherwise."""
        if lookup is None or ldap is None or ldap.confidence is Confidence.AMBIGUOUS:
            return None
        begin, end = lookup.begin, lookup.end
        if begin is None or end is None:
            return None
        span = end.time - begin.time
        surely = span - (1.0 if begin.whole_seconds else 0.0)
        if max(surely, lookup.server_seconds) < self._slow:
            return None
        return max(span, lookup.server_seconds)


def _plain_ending(draft: Draft) -> Ending | None:
    if isinstance(draft.attempt, Login):
        return Ending.WELCOME
    return Ending.OTHER if isinstance(draft.attempt, BadLogin) else None


def _tls(draft: Draft) -> Tls | None:
    attempt = draft.attempt
    if isinstance(attempt, Login) and not attempt.tls:
        return None
    if draft.tls is not None:
        return Tls(draft.tls.version, draft.tls.cipher, draft.tls.bits)
    if isinstance(attempt, Login) or (isinstance(attempt, BadLogin) and attempt.tls):
        return Tls(None, None, None)
    return None


def _duration(draft: Draft, lookup: Lookup | None, auth: Sequence[TraceEvent]) -> float | None:
    """From the first sign that the server works on this attempt to its answer."""
    begins = [at.time for at in auth[:1]]
    if lookup is not None and lookup.begin is not None:
        begins.append(lookup.begin.time)
    return max(0.0, draft.time - min(begins)) if begins else None


def _timeline(draft: Draft, auth: Sequence[TraceEvent], lookup: Lookup | None) -> tuple[TraceEvent, ...]:
    """All lines in the order of time; what shares a stamp stands as it happens: TLS, directory, answer."""
    phased: list[tuple[float, int, int, TraceEvent]] = []

    def put(events: Sequence[TraceEvent], phase: int) -> None:
        phased.extend((at.time, phase, number, at) for number, at in enumerate(events))

    put([line.at for line in draft.before], _BEFORE)
    put(auth, _AUTH)
    if lookup is not None:
        put(lookup.lines, _SLAPD)
    if all(line.at is not draft.line.at for line in draft.before):
        put([draft.line.at], _ANSWER)
    put([line.at for line in draft.after], _AFTER)
    phased.sort(key=lambda item: item[:3])
    return tuple(item[3] for item in phased)
