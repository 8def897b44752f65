"""Which DN is whose: asked of the directory where it answers, else learned from look-ups that leave no
choice.

Each block of time gives its evidence: pairs (user, DN) that its lines alone settle, and how often a user
and a DN are seen together. What is known follows from the sums alone, so that it does not depend on the
order in which the blocks were looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

Pair = tuple[str, str]

FIRM: Final = 2
"""Independent look-ups that must agree before a user's DN counts as known."""
TOGETHER: Final = 4
"""Look-ups of a DN that must each have had the same user beside them, and no other user always."""


class Directory(Protocol):
    """What the directory can be asked. Both methods answer at once from what is known already, and never
    wait.
    """

    def names(self, dn: str) -> frozenset[str] | None:
        """The names that log in to the entry `dn` (uid, mail), lower case; None: not known, or not yet."""

    def password(self, dn: str) -> str | None:
        """`clear`, `hashed` or `missing`: how the entry's userPassword is stored; None: not known."""


class Evidence:
    """What one block of time says about names."""

    __slots__ = (
        *("settled", "beside", "dn_seen", "user_beside", "user_seen", "user_attempts", "proxies", "worked"),
    )

    def __init__(self) -> None:
        self.settled: Counter[Pair] = Counter()
        self.beside: Counter[Pair] = Counter()
        self.dn_seen: Counter[str] = Counter()
        self.user_beside: Counter[Pair] = Counter()
        self.user_seen: Counter[str] = Counter()
        self.user_attempts: Counter[str] = Counter()
        self.proxies: frozenset[str] = frozenset()
        self.worked: frozenset[str] = frozenset()


class Known(NamedTuple):
    """What is known of a user's DN. `firm`: enough look-ups agree for it to exclude others.

    `well`: it is there for most of all the user's attempts.
    """

    dn: str
    firm: bool
    well: bool = False


class Learned:
    """The sum of the evidence. `version` of a user or a DN changes when what is known of it does."""

    def __init__(self, directory: Directory | None = None) -> None:
        self._directory = directory
        self._settled: dict[str, Counter[str]] = {}
        self._users_of: dict[str, Counter[str]] = {}
        self._beside: dict[str, Counter[str]] = {}
        self._dn_seen: Counter[str] = Counter()
        self._user_beside: dict[str, Counter[str]] = {}
        self._user_seen: Counter[str] = Counter()
        self._user_attempts: Counter[str] = Counter()
        self._proxies: Counter[str] = Counter()
        self._worked: Counter[str] = Counter()
        self._known: dict[str, Known] = {}
        self._owners: dict[str, set[str]] = {}
        self._answers: dict[str, frozenset[str]] = {}
        self._answered: dict[str, str] = {}

    def replace(self, old: Evidence | None, new: Evidence) -> tuple[set[str], set[str]]:
        """Put `new` in the place of `old`. Returns the users and the DNs of which something else is known
        now.
        """
        users: set[str] = set()
        seen: set[str] = set()
        proxies = set(self._proxies)
        for evidence, sign in ((old, -1), (new, 1)):
            if evidence is None:
                continue
            for (user, dn), count in evidence.settled.items():
                _add(self._settled, user, dn, sign * count)
                _add(self._users_of, dn, user, sign * count)
                users.add(user)
            for (user, dn), count in evidence.beside.items():
                _add(self._beside, dn, user, sign * count)
                users.add(user)
            for (user, dn), count in evidence.user_beside.items():
                _add(self._user_beside, user, dn, sign * count)
                users.add(user)
            for dn, count in evidence.dn_seen.items():
                _tally(self._dn_seen, dn, sign * count)
            seen.update(evidence.dn_seen)
            seen.update(dn for _user, dn in evidence.beside)
            users.update(evidence.user_seen)
            for user, count in evidence.user_seen.items():
                _tally(self._user_seen, user, sign * count)
            for user, count in evidence.user_attempts.items():
                _tally(self._user_attempts, user, sign * count)
            users.update(evidence.user_attempts)
            for dn in evidence.proxies:
                _tally(self._proxies, dn, sign)
            for dn in evidence.worked:
                _tally(self._worked, dn, sign)
        for dn in seen:
            users |= self._concerned(dn)
        dns = proxies ^ set(self._proxies)
        for dn in dns:
            users.update(self._users_of.get(dn, ()))
        changed, owned = self._review(users)
        return changed, dns | owned

    def retire(self, evidence: Evidence) -> None:
        """Let go of a block's counts of who was seen beside whom; what it settled stays known."""
        kept = Evidence()
        kept.settled, kept.proxies, kept.worked = evidence.settled, evidence.proxies, evidence.worked
        self.replace(evidence, kept)

    def _concerned(self, dn: str) -> set[str]:
        """The users for whom it may matter how often `dn` was seen, and beside whom."""
        often = 0.9 * self._dn_seen[dn]
        beside = self._beside.get(dn, Counter())
        return {user for user, count in beside.items() if count >= often} | self._owners.get(dn, set())

    def _review(self, users: Iterable[str]) -> tuple[set[str], set[str]]:
        """Conclude anew about `users`; returns those of whom something else is known now, and their DNs."""
        changed: set[str] = set()
        dns: set[str] = set()
        for user in users:
            before = self._known.get(user)
            now = self._conclude(user)
            if now == before:
                continue
            changed.add(user)
            dns |= {known.dn for known in (before, now) if known is not None}
            if before is not None:
                self._owners.get(before.dn, set()).discard(user)
            if now is None:
                self._known.pop(user, None)
            else:
                self._known[user] = now
                self._owners.setdefault(now.dn, set()).add(user)
        return changed, dns

    def _conclude(self, user: str) -> Known | None:
        counts = {dn: n for dn, n in self._settled.get(user, Counter()).items() if dn not in self._proxies}
        total = sum(counts.values())
        if total:
            dn = max(sorted(counts), key=lambda each: counts[each])
            if counts[dn] >= FIRM and counts[dn] >= 0.9 * total:
                attempts = self._user_attempts[user]
                beside = self._user_beside.get(user, Counter())[dn]
                return Known(dn, firm=True, well=attempts >= 3 and beside >= 0.6 * attempts)
        companion = self._companion(user)
        if companion is not None and (not total or max(counts, key=lambda each: counts[each]) == companion):
            return Known(companion, firm=True)
        if total and counts[dn] > 0.6 * total:
            return Known(dn, firm=False)
        return None

    def _companion(self, user: str) -> str | None:
        """The DN that is there whenever the user is, and that is never there without him."""
        seen = self._user_seen[user]
        if seen < TOGETHER:
            return None
        mine = self._user_beside.get(user, Counter())
        for dn, count in sorted(mine.items(), key=lambda item: (-item[1], item[0]))[:2]:
            if count < 0.9 * seen or self._dn_seen[dn] < TOGETHER:
                continue
            others = self._beside.get(dn, Counter())
            if others[user] < 0.95 * self._dn_seen[dn]:
                continue
            next_user = max((n for name, n in others.items() if name != user), default=0)
            next_dn = max((n for name, n in mine.items() if name != dn), default=0)
            if next_user <= 0.6 * self._dn_seen[dn] and next_dn <= 0.6 * seen:
                return dn
        return None

    def of_user(self, user: str) -> Known | None:
        return self._known.get(user)

    def dn_of(self, user: str) -> str | None:
        """The user's DN, if the directory has told it or if it is firmly known."""
        dn = self._answered.get(user) or self._answered.get(user.partition("@")[0])
        if dn is not None:
            return dn
        known = self._known.get(user)
        return known.dn if known is not None and known.firm else None

    def settled(self, user: str, dn: str) -> int:
        """How many look-ups that left no choice were the user's and of this DN."""
        return self._settled.get(user, Counter())[dn]

    def owners(self, dn: str) -> set[str]:
        """The users whose DN this is, as far as it is known."""
        return self._owners.get(dn, set())

    def is_proxy(self, dn: str) -> bool:
        """True for the DN that the proxy itself binds as; it may stand in for any user (an authzid)."""
        return dn in self._proxies

    def proxy_worked(self, dn: str) -> bool:
        """True if the proxy that binds as `dn` has been let act for somebody."""
        return dn in self._worked

    @property
    def working(self) -> frozenset[str]:
        """The DNs of proxies that have been let act for somebody."""
        return frozenset(self._worked)

    def names(self, dn: str) -> frozenset[str] | None:
        """The directory's answer for `dn`, if there is one yet."""
        if self._directory is None:
            return None
        answer = self._answers.get(dn)
        if answer is None:
            answer = self._directory.names(dn)
            if answer is not None:
                self._answers[dn] = answer
                for name in answer:
                    self._answered[name] = min(dn, self._answered.get(name, dn))
        return answer

    @property
    def can_ask(self) -> bool:
        """True if there is a directory to ask."""
        return self._directory is not None

    def password(self, dn: str) -> str | None:
        """`clear`, `hashed` or `missing`, if the directory has said; see `Directory`."""
        return None if self._directory is None else self._directory.password(dn)

    def user_of(self, dn: str) -> str | None:
        """The one user of a DN that is firmly known, or None."""
        names = self.names(dn)
        if names is not None:
            return min(names, key=lambda name: ("@" in name, name)) if names else None
        firm = [user for user in self.owners(dn) if self._known[user].firm]
        return firm[0] if len(firm) == 1 else None

    @property
    def coherent(self) -> bool:
        """False when leaving no choice proves little: when look-ups that left none contradict each other
        about whose DN is whose.
        """
        torn = several = 0
        for user, counts in self._settled.items():
            total = sum(n for dn, n in counts.items() if dn not in self._proxies)
            if total >= FIRM:
                several += 1
                known = self._known.get(user)
                torn += known is None or not known.firm
        return torn < 3 or torn < 0.05 * several


def _add(into: dict[str, Counter[str]], key: str, name: str, count: int) -> None:
    counts = into.setdefault(key, Counter())
    _tally(counts, name, count)
    if not counts:
        del into[key]


def _tally(counts: Counter[str], name: str, count: int) -> None:
    counts[name] += count
    if counts[name] <= 0:
        del counts[name]
