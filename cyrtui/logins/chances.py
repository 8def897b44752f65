"""How often a look-up is missing from slapd's log, and how often there is one that no attempt made.

An attempt whose own look-up is missing may have another's beside it: another program asks through the same
proxy (an SMTP server, say), for the same user even, at the same moment. That the DN is the user's proves
nothing then. How likely such a coincidence is follows from the logs themselves: from the attempts of known
users that have no look-up, and from the look-ups that are left over when each attempt has its own.

What is said here leans to the side of doubt: little seen is taken for more than it may be.
"""

from __future__ import annotations

from collections import Counter
from math import exp, floor, log, sqrt
from typing import Final, NamedTuple, TypeVar

from cyrtui.logins.tallies import Kind, Tally
from cyrtui.logins.window import BLOCK

USUAL: Final = 12.0
"""Nats that it costs to leave an attempt and a look-up alone, as a rule."""
_MISSING: Final = 7.0
"""Nats of these for the attempt."""
_ENOUGH: Final = 2.5
"""Nats that need not be asked for, since these chances are upper bounds: 1/250 is enough."""
_STEP: Final = 0.25
_SOME: Final = 25.0
"""Seconds near attempts without a stray from which on these say anything."""
_OWN: Final = 20.0
"""Attempts of a user that weigh as much as all users' share of missing look-ups."""
# seconds over which the stamps of a pair are spread: what their costs add up to
WHOLE, CLIENT, FINE = log(1.2), log(1.1), log(0.045)

_Name = TypeVar("_Name")


class _Whole(NamedTuple):
    """Of all users and DNs together, in steps: nats for a missing look-up, seconds of log, and how many of
    them are near attempts; by family, the strays a second of one DN, those that come with an attempt of its
    user, and all.
    """

    missing: float
    seconds: float
    near: float
    anyhow: dict[str, float]
    company: dict[str, float]
    together: dict[str, float]

    def anyhow_of(self, family: str) -> float:
        return self.anyhow.get(family) or 0.5 / self.seconds

    def company_of(self, family: str) -> float:
        return self.company.get(family) or 0.5 / (_SOME + self.near)


class Chances:
    """The sum of the tallies. What it says follows from the sums alone, in steps."""

    def __init__(self) -> None:
        self._tallies: dict[int, Tally] = {}
        self._asked: Counter[str] = Counter()
        self._unanswered: Counter[str] = Counter()
        self._strays: Counter[Kind] = Counter()
        self._near: Counter[Kind] = Counter()
        self._near_millis: Counter[str] = Counter()
        self._whole = _Whole(_MISSING, BLOCK, 0.0, {}, {}, {})
        self._touched: set[str] = set()
        self._of_kind: dict[Kind, float] = {}
        self._of_family: dict[str, float] = {}
        self._of_user: dict[str, float] = {}

    def replace(self, block: int, new: Tally | None) -> None:
        """Put `new` in the place of what the block said before."""
        old = self._tallies.pop(block, None)
        if new is not None:
            self._tallies[block] = new
        for said, sign in ((old, -1), (new, 1)):
            if said is None:
                continue
            _add(self._asked, said.asked, sign)
            _add(self._unanswered, said.unanswered, sign)
            _add(self._near, said.near, sign)
            _add(self._strays, said.strays, sign)
            _add(self._near_millis, said.near_millis, sign)
            self._touched.update(said.asked, said.near_millis, (dn for dn, _family in said.strays))

    def settle(self) -> tuple[bool, set[str]]:
        """Draw the conclusions. Returns whether all that was said before may be another now; else, of whom:
        users and DNs.
        """
        changed: set[str] = set()
        if not self._touched:
            return False, changed
        before, kinds, families, users = self._whole, self._of_kind, self._of_family, self._of_user
        touched, self._touched = self._touched, set()
        self._whole = now = self._conclude()
        if now == before:
            self._of_kind = {kind: said for kind, said in kinds.items() if kind[0] not in touched}
            self._of_user = {user: said for user, said in users.items() if user not in touched}
        else:
            self._of_kind, self._of_family, self._of_user = {}, {}, {}
        everywhere = False
        for family, old in families.items():
            everywhere = everywhere or _effect(before, old) != _effect(now, self.any_stray(family))
        for kind, old in kinds.items():
            if kind not in self._of_kind and _effect(before, old) != _effect(now, self.stray(kind)):
                changed.add(kind[0])
                everywhere = everywhere or "=" not in kind[0]
        for user, old in users.items():
            if user not in self._of_user and before.missing - old != now.missing - self.missing(user):
                changed.add(user)
        return everywhere, changed

    def _conclude(self) -> _Whole:
        heard = [block for block, said in self._tallies.items() if not said.silent]
        if not heard:
            return _Whole(_MISSING, BLOCK, 0.0, {}, {}, {})
        first, last = min(heard), max(heard)
        blocks, counts = 0, [0, 0, 0, 0]
        # where slapd's log has nothing at all, before it begins for instance, nothing is missing from it
        for block, said in self._tallies.items():
            if first <= block <= last:
                blocks += 1
                for place, count in enumerate(said.counts()):
                    counts[place] += count
        seconds = blocks * BLOCK
        near = 0.001 * self._near_millis.total()
        strays, seen = Counter[str](), Counter[str]()
        expected: dict[str, float] = {}
        for kind in sorted(self._strays):
            dn, family = kind
            strays[family] += self._strays[kind]
            if dn in self._near_millis:
                seen[family] += self._near[kind]
                share = self._near_seconds(dn) / self._far_seconds(dn, seconds)
                expected[family] = expected.get(family, 0.0) + (self._strays[kind] - self._near[kind]) * share
        return _Whole(
            # of users who are not known, another's look-up may stand in for one that is missing; but where
            # clocks differ, nobody is known
            min(_missing(counts[1], counts[0]), _missing(counts[3], counts[2])),
            _down(seconds),
            _down(max(1.0, near)),
            {
                family: _up((count + 0.5) / seconds / max(1, len(self._near_millis)))
                for family, count in strays.items()
            },
            {
                family: _up((max(0.0, count - expected[family]) + 0.5 * sqrt(count + 1.0)) / max(1.0, near))
                for family, count in seen.items()
            },
            {family: _up(_more(count) / seconds) for family, count in strays.items()},
        )

    def _near_seconds(self, dn: str) -> float:
        return 0.001 * self._near_millis[dn]

    def _far_seconds(self, dn: str, seconds: float) -> float:
        return max(seconds - self._near_seconds(dn), 0.1 * seconds)

    def missing(self, user: str | None) -> float:
        """Nats that it costs to believe that the look-up of this user's attempt is not in the log."""
        if user is None:
            return self._whole.missing
        found = self._of_user.get(user)
        if found is None:
            found, lost = self._whole.missing, self._unanswered[user]
            if lost > 0:
                share = (_more(lost) + _OWN * exp(-found)) / (self._asked[user] + 2.0 + _OWN)
                found = min(found, _step(-log(min(1.0, share))))
            self._of_user[user] = found
        return found

    def stray(self, kind: Kind) -> float:
        """Nats that it costs to believe that in one second there is a look-up of this kind that no attempt
        made.
        """
        found = self._of_kind.get(kind)
        if found is None:
            found = self._of_kind[kind] = _step(_ENOUGH - log(self._rate(kind)))
        return found

    def _rate(self, kind: Kind) -> float:
        """How many of a kind a second, near an attempt of its user."""
        whole, (dn, family) = self._whole, kind
        if "=" not in dn:
            return _more(self._strays[kind]) / whole.seconds
        near_seconds, far_seconds = self._near_seconds(dn), self._far_seconds(dn, whole.seconds)
        near, far = self._near[kind], self._strays[kind] - self._near[kind]
        # what is seen of one DN is added to what is usual, which weighs as much as half a stray
        anyhow = far + 0.5 + 0.7 * sqrt(far + 0.5)
        anyhow = max(anyhow / (far_seconds + 0.5 / whole.anyhow_of(family)), (far - 1.0) / far_seconds)
        more = max(0.0, near - far * near_seconds / far_seconds)
        company = (more + 2.0) / (near_seconds + 2.0 / whole.company_of(family))
        if near_seconds > 0.0:
            company = max(company, (more - 1.0) / near_seconds)
        return anyhow + company

    def any_stray(self, family: str) -> float:
        """The same for a look-up of a family, whatever its DN."""
        found = self._of_family.get(family)
        if found is None:
            rate = self._whole.together.get(family) or _more(0) / self._whole.seconds
            found = self._of_family[family] = _step(_ENOUGH - log(rate))
        return found


def _effect(whole: _Whole, stray: float) -> tuple[float, float]:
    """What of it can matter."""
    return min(stray, USUAL), max(0.0, USUAL + WHOLE - whole.missing - stray)


def _missing(lost: int, asked: int) -> float:
    return _MISSING if lost <= 0 else min(_MISSING, _step(-log(min(1.0, _more(lost) / (asked + 2.0)))))


def _more(count: float) -> float:
    """As many as there may be where `count` were seen."""
    return count + 1.0 + sqrt(count + 1.0)


def _step(nats: float) -> float:
    return floor(nats / _STEP) * _STEP


def _down(amount: float) -> float:
    return exp(_step(log(amount)))


def _up(amount: float) -> float:
    return exp(-_step(-log(amount)))


def _add(counts: Counter[_Name], more: Counter[_Name], sign: int) -> None:
    for name, count in more.items():
        counts[name] += sign * count
        if counts[name] <= 0:
            del counts[name]
