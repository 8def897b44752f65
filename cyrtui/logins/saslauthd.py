"""saslauthd's refusals, dealt out to the attempts that they led to.

saslauthd logs whom it refused and for which service, in a process of its own (do_auth in saslauthd/
saslauthd-main.c); no pid ties that to imapd's line. The refusal comes first, the badlogin line behind it: at
once, or after the pause that a failed login costs.
"""

from __future__ import annotations

from bisect import insort
from typing import Final

from cyrtui.logins.events import BadLogin, SaslauthdFailure
from cyrtui.logins.sessions import Draft
from cyrtui.logins.trace import TraceEvent

PATIENCE: Final = 6.0
"""Seconds from a refusal within which the server has logged the failed attempt."""
_AT_MOST: Final = 256


class Refusals:
    """What saslauthd refused, by user, and the attempts of those users. Not thread-safe."""

    def __init__(self) -> None:
        self._heard: dict[str, list[tuple[float, int, str, TraceEvent]]] = {}
        self._drafts: dict[str, list[tuple[float, int, int, Draft]]] = {}
        self._count = 0

    def hear(self, event: SaslauthdFailure, at: TraceEvent) -> list[Draft]:
        """Take one refusal; returns the attempts whose lines may be others now."""
        user = event.user.lower()
        self._count += 1
        heard = self._heard.setdefault(user, [])
        insort(heard, (at.time, self._count, event.service.lower(), at))
        del heard[:-_AT_MOST]
        return [draft for _, _, _, draft in self._drafts.get(user, ()) if _near(at, draft)]

    def note(self, draft: Draft) -> list[Draft]:
        """Take one attempt; returns the attempts whose lines may be others now, itself not among them."""
        user = _user_of(draft)
        if user is None:
            return []
        drafts = self._drafts.setdefault(user, [])
        others = [other for _, _, _, other in drafts if abs(other.time - draft.time) <= PATIENCE]
        self._count += 1
        insort(drafts, (draft.time, draft.place, self._count, draft))
        del drafts[:-_AT_MOST]
        return others if user in self._heard else []

    def of(self, draft: Draft) -> tuple[TraceEvent, ...]:
        """The refusals that led to an attempt: in their order each to the first attempt behind it."""
        user = _user_of(draft)
        heard = self._heard.get(user) if user is not None else None
        if not heard or user is None:
            return ()
        left = list(heard)
        for _, _, _, other in self._drafts.get(user, ()):
            found = next(
                (one for one in left if _near(one[3], other) and _serves(other, one[2])),
                None,
            )
            if found is not None:
                left.remove(found)
            if other is draft:
                return (found[3],) if found is not None else ()
        return ()

    def forget(self, before: float) -> None:
        """Let go of what was before a time, in seconds."""
        for user, heard in list(self._heard.items()):
            heard[:] = [one for one in heard if one[0] >= before]
            if not heard:
                del self._heard[user]
        for user, drafts in list(self._drafts.items()):
            drafts[:] = [one for one in drafts if one[0] >= before]
            if not drafts:
                del self._drafts[user]


def _near(at: TraceEvent, draft: Draft) -> bool:
    return draft.time - PATIENCE <= at.time <= draft.latest


def _user_of(draft: Draft) -> str | None:
    attempt = draft.attempt
    if not isinstance(attempt, BadLogin) or attempt.user is None:
        return None
    # saslauthd is given the realm apart
    return attempt.user.lower().partition("@")[0] or None


def _serves(draft: Draft, service: str) -> bool:
    """Whether the process is of the SASL service: `imap` for imap and imaps, `pop` for pop3 and pop3s."""
    return draft.process.key[1].rpartition("/")[2].lower().startswith(service)
