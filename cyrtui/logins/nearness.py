"""Which odd look-ups stand near a failed attempt, so that one of them may have been its own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from cyrtui.logins.causes import Around
from cyrtui.logins.diagnose import NEIGHBOURS
from cyrtui.logins.events import BadLogin, Client, Login
from cyrtui.logins.failures import Failure
from cyrtui.logins.lookups import Fate
from cyrtui.logins.names import canonical_user
from cyrtui.logins.needs import EARLY, NEVER, PAUSE, Ending, asked_for, need_of
from cyrtui.logins.sessions import Draft, Line, Process
from cyrtui.logins.slapd_oddities import OddLookup
from cyrtui.logins.trace import TraceEvent

_OWN: Final = 2.0
"""Seconds after a denied look-up in which its attempt's line comes; a second more where slapd is late."""
_SURE: Final = frozenset({Fate.GRANTED})
_WITH_ENTRY: Final = frozenset({Fate.DENIED, Fate.GRANTED})


class Kind(NamedTuple):
    """What all failures of one kind have in common.

    `fates` are how its look-up may have ended; `reach` is how many seconds before the attempt. `asked` is the
    user that the reason names.
    """

    draft: Draft
    ending: Ending | None
    fates: frozenset[Fate]
    reach: float
    mechanism: str | None
    asked: str | None


def kind_of(draft: Draft, auth: tuple[TraceEvent, ...]) -> Kind:
    """The kind of an attempt of which all lines are there."""
    attempt = draft.attempt
    need = need_of(draft, auth)
    reach = 0.0
    if need is not None:
        reach = need.longest + 1.0 + (PAUSE if need.pause[1] != NEVER else 0.0)
    named = isinstance(attempt, Login | BadLogin)
    return Kind(
        draft,
        None if need is None else need.ending,
        frozenset() if need is None else need.fates,
        reach,
        attempt.mechanism if isinstance(attempt, Login | BadLogin) else None,
        asked_for(attempt) if isinstance(attempt, Login | BadLogin) and named else None,
    )


def kind_of_failure(failure: Failure) -> Kind:
    """The kind of an attempt of an ordinary session, whose other lines say nothing about it."""
    event = failure.event
    event = event._replace(client=Client(None, None)) if isinstance(event, BadLogin) else event
    process = Process(("", failure.service, 0))
    at = TraceEvent("mail", failure.time, whole_seconds=True, text="", path="", offset=0)
    draft = Draft(("", 0, 0.0), process, Line(event, at), event, [], floor=None, more=0, place=0)
    process.drafts.append(draft)
    return kind_of(draft, ())


class Nearness:
    """Look-ups by time, and what is known of the time around an attempt.

    `welcomes` are the minutes since the epoch in which somebody logged in, `users` all who did, as
    `canonical_user` gives them. `worked` is
    when the proxy had been let act for somebody, if ever.
    """

    def __init__(
        self, odd: Iterable[OddLookup], welcomes: set[int], users: Iterable[str], worked: float | None
    ) -> None:
        # a slow one that was granted is not odd in how it ended
        lookups = [lookup for lookup in odd if lookup.fate is not Fate.GRANTED]
        self._ends = [lookup.end for lookup in lookups]
        self._fates = [lookup.fate for lookup in lookups]
        self._spare = list(self._fates)
        self._welcome = {minute + off for minute in welcomes for off in range(-NEIGHBOURS, NEIGHBOURS + 1)}
        self._calm: dict[tuple[frozenset[Fate], bool, bool], Around] = {}
        self._canonical: dict[str, str] = {}
        self._users = set(users)
        self._worked = worked

    def note(self, attempts: Iterator[tuple[Kind, float, str | None]]) -> None:
        """Take all failures, in the order of time: users whose entry may have been read, and the attempts
        that denied look-ups are most likely to belong to.
        """
        ends, spare = self._ends, self._spare
        for kind, time, user in attempts:
            if kind.ending is Ending.BROKEN:
                for at in range(bisect_left(ends, time - _OWN), bisect_right(ends, time + EARLY)):
                    if spare[at] is Fate.DENIED:
                        spare[at] = Fate.GRANTED
                        break
            elif kind.ending is not None and user is not None:
                self._users.add(self._name(user))

    def around(self, kind: Kind, time: float, user: str | None) -> Around:
        """What is known around an attempt at `time`."""
        low = bisect_left(self._ends, time - kind.reach)
        high = bisect_right(self._ends, time + EARLY + 1.0)
        welcome = int(time // 60) in self._welcome
        worked = self._worked is not None and self._worked <= time
        if low == high:
            calm = kind.fates, welcome, worked
            around = self._calm.get(calm)
            if around is None:
                around = self._calm[calm] = Around(_SURE & kind.fates, welcome, worked, known=False)
            return around
        fates = self._spare if kind.ending is Ending.NOBODY else self._fates
        near = _SURE.union(fates[low:high])
        known = Fate.DENIED in near and (
            not near <= _WITH_ENTRY or (user is not None and self._name(user) in self._users)
        )
        return Around(near & kind.fates, welcome, worked, known)

    def _name(self, user: str) -> str:
        name = self._canonical.get(user)
        if name is None:
            name = self._canonical[user] = canonical_user(user)
        return name
