"""Attempts judged by what stands near them, for logs too long to be weighed as a whole.

`TraceBook` weighs every attempt of all logs. Where only some attempts are asked for, the lines within some
seconds of each are enough to tell whose look-up was whose: a story that moves a look-up by more than a few
seconds is too unlikely to matter. What is learned of DNs comes from these attempts alone, and less is taken
for certain where the whole log might know better, until it was asked (`prove`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence, Set
from typing import Final, NamedTuple

from cyrtui.logins.correlate import CROWD, Correlator, Link
from cyrtui.logins.learned import FIRM, TOGETHER, Directory, Evidence, Known, Learned, Pair
from cyrtui.logins.lookups import Fate, Lookup
from cyrtui.logins.needs import EARLY, NEVER
from cyrtui.logins.sessions import Draft
from cyrtui.logins.weighing import with_hints, with_names
from cyrtui.logins.window import PLAUSIBLE, SOLID, Solution, Window, block_of, window_of

LEAST: Final = 4.0
"""Seconds before and after an attempt whose attempts are weighed along, where very much goes on."""
REACH: Final = 6.0
"""Seconds before the first of these in which the look-ups may have ended that are weighed."""
_COMPANY: Final = 2.0
_BESIDE: Final = 6.0
"""The cost below which a look-up is seen beside an attempt, as when names are learned."""
_LATE: Final = 3.0
"""Seconds after a look-up within which its attempt is nearly always answered."""
_MANY: Final = 50
_MISTAKABLE: Final = 0.003
_SEEN: Final = 0.0003


class Sample(NamedTuple):
    """Attempts that surely asked the directory and answers that it surely gave, and how many of them seem to
    have had no other side.
    """

    attempts: int = 0
    attempts_alone: int = 0
    found: int = 0
    found_alone: int = 0

    @property
    def enough(self) -> bool:
        """False if these are too few to tell how common that is."""
        return self.attempts >= _MANY and self.found >= _MANY

    @property
    def strange(self) -> bool:
        """Whether one may be taken for another's: where too little is seen, the worse is assumed.

        Where much goes on, most attempts whose own is missing have another's beside them: so what is seen to
        be alone is the least part.
        """
        if not self.enough:
            return True
        alone = (self.attempts_alone + 1) / self.attempts, (self.found_alone + 1) / self.found
        seen = self.attempts_alone / self.attempts * self.found_alone / self.found
        return alone[0] * alone[1] > _MISTAKABLE or seen > _SEEN

    def with_more(self, more: Sample) -> Sample:
        return Sample(*map(sum, zip(self, more, strict=True)))


class Claim(NamedTuple):
    """That a DN is a user's, because it is there whenever he is, near his attempts.

    `lookups` are the connections for it there, each with the users whose it could have been.
    """

    user: str
    dn: str
    lookups: Sequence[tuple[Lookup, frozenset[str | None]]]

    def holds(self, later: Mapping[Lookup, Set[str | None]]) -> bool:
        """As `Learned` concludes, where nothing else asked for the DN.

        `later` has the users besides who logged in so late after a look-up that they were not weighed.
        """
        seen, beside = 0, Counter[str]()
        for lookup, found in self.lookups:
            users = found | later.get(lookup, set())
            if users and None not in users and len(users) <= CROWD:
                seen += 1
                beside.update(user for user in users if user is not None)
        others = max((count for user, count in beside.items() if user != self.user), default=0)
        return seen >= TOGETHER and beside[self.user] >= 0.95 * seen and others <= 0.6 * seen


class _Reliable(NamedTuple):
    """Of what was learned near some attempts, what the whole log would say too."""

    learned: Learned
    holds: Callable[[str, str], bool]

    def names(self, dn: str) -> frozenset[str] | None:
        return self.learned.names(dn)

    def of_user(self, user: str) -> Known | None:
        known = self.learned.of_user(user)
        return known if known is not None and self.holds(user, known.dn) else None

    def owners(self, dn: str) -> set[str]:
        return {user for user in self.learned.owners(dn) if self.holds(user, dn)}

    def is_proxy(self, dn: str) -> bool:
        return self.learned.is_proxy(dn)


class NearbyCorrelator(Correlator):
    """Links some attempts, each within the seconds around it."""

    def __init__(self, directory: Directory | None = None) -> None:
        super().__init__(directory)
        self.near = LEAST
        self.sample = Sample()
        self._near: dict[Draft, tuple[Window, int, list[int]]] = {}
        self._counted: set[Draft | Lookup] = set()
        self._company: dict[Lookup, frozenset[str | None]] = {}
        self._noted: set[tuple[str, int]] = set()
        self._evidences: list[Evidence] = []
        self._proven: set[Pair] = set()
        self._unproven: dict[Draft, Pair] = {}
        self._bare: dict[Draft, tuple[int | None, float]] = {}
        self._in_doubt = False
        self._others: set[str] = set()
        self._claimants: set[str] = set()

    def learn(self, drafts: Sequence[Draft]) -> None:
        """Learn names from these, and how common it is here that one side has no other."""
        for draft in drafts:
            self._learn_from(draft)
        needs = [need for draft in drafts if (need := self._need(draft)) is not None]
        if any(need.user is None for need in needs):
            # whose those are may follow from what is known of the others
            self._claimants.update(need.user for need in needs if need.user is not None)

    def absorb(self, other: NearbyCorrelator, users: Set[str]) -> None:
        """Take over what another one, that was `beside` this one, learned of `users`."""
        for evidence in other._evidences:
            self.learned.replace(None, evidence)
        self._evidences += other._evidences
        self._company.update(each for each in other._company.items() if not users.isdisjoint(each[1]))
        self._others |= users
        self._claimants |= users

    def beside(self, other: NearbyCorrelator) -> None:
        """What `other` has seen is not to be counted again."""
        self._noted = other._noted

    def count(self, drafts: Sequence[Draft]) -> None:
        """Learn the latter only."""
        for draft in drafts:
            around = self._around(draft)
            if around is not None:
                window, row, rows = around
                self._count(draft, window, row, Solution(window, rows, window.costs))
                del self._near[draft]

    def decide(self, drafts: Sequence[Draft]) -> None:
        """Find the look-ups of these by all that was learned."""
        self._coherent = not self.sample.strange
        for draft in drafts:
            self._decide_one(draft)

    def decide_again(self, drafts: Sequence[Draft]) -> None:
        """The same, once it was proven or doubted what depends on more than is near."""
        open_ones = self._in_doubt or self._others
        for draft in [each for each in drafts if open_ones or each in self._unproven]:
            self._decide_one(draft)

    def claims(self) -> list[Claim]:
        """What more certainty depends on: each is to be proven by whoever can search all of slapd's log."""
        pairs = set(self._unproven.values())
        for user in self._claimants:
            known = self.learned.of_user(user)
            if known is not None and known.firm:
                pairs.add((user, known.dn))
        return [
            Claim(user, dn, [each for each in self._company.items() if each[0].dn == dn])
            for user, dn in sorted(pairs)
            if not self.reliable(user, dn)
        ]

    def may_be_certain(self, draft: Draft, lines: Container[int]) -> bool:
        """True if by all that was learned, proven or not, a look-up with one of `lines` is the attempt's."""
        around = self._around(draft)
        if around is None:
            return False
        window, row, rows = around
        learned = Learned()
        for evidence in self._evidences:
            learned.replace(None, evidence)
        firm = Solution(window, rows, with_names(window, learned))
        column = firm.column(row)
        return (
            column is not None
            and firm.regret(row) >= SOLID
            and any(line.offset in lines for line in window.lookups[column].lines)
        )

    def options(self, draft: Draft) -> list[Lookup]:
        """The look-ups that may be an attempt's by what was seen, likely or not."""
        around = self._around(draft)
        if around is None:
            return []
        window, row, _rows = around
        return [window.lookups[column] for column in window.costs[row]]

    def taken(self, user: str) -> set[int]:
        """The lines, by their offsets, of the look-ups given to attempts of `user` for a DN that is his."""
        return {
            line.offset
            for draft, link in self.links.items()
            if (need := self._need(draft)) is not None
            and need.user == user
            and link.lookup is not None
            and link.lookup.dn is not None
            and self.reliable(user, link.lookup.dn)
            for line in link.lookup.lines
        }

    def rivals(self, draft: Draft, lines: Container[int]) -> set[str]:
        """The users who may well have a look-up that has one of `lines`, or that is given to `draft`."""
        around = self._around(draft)
        if around is None:
            return set()
        window, row, _rows = around
        link = self.links.get(draft)
        wanted = {
            column
            for column in window.costs[row]
            if (link is not None and window.lookups[column] is link.lookup)
            or any(line.offset in lines for line in window.lookups[column].lines)
        }
        return {
            user
            for column in wanted
            for other in window.of_lookup[column]
            if window.costs[other].get(column, NEVER) < _BESIDE
            and (user := window.needs[other].user) is not None
        }

    def prove(self, claim: Claim) -> None:
        """The claim holds everywhere."""
        self._proven.add((claim.user, claim.dn))

    def doubt(self, claim: Claim) -> None:
        """The claim may not hold elsewhere: that the DN is there whenever the user is says nothing then."""
        evidence = Evidence()
        evidence.dn_seen[claim.dn] = 20 * (len(claim.lookups) + 1)
        self.learned.replace(None, evidence)
        self._in_doubt = True

    def _around(self, draft: Draft) -> tuple[Window, int, list[int]] | None:
        found = self._near.get(draft)
        if found is not None or self._need(draft) is None:
            return found
        low, high = draft.time - self.near, draft.time + self.near
        needs = [
            need
            for block in range(block_of(low), block_of(high) + 1)
            for other in self._drafts.get(block, ())
            if low <= other.time <= high and (need := self._need(other)) is not None
        ]
        low, high = low - REACH, high + EARLY + 1.0
        lookups = [
            lookup
            for block in range(block_of(low), block_of(high) + 1)
            for lookup in self._lookups.get(block, ())
            if lookup.end is not None and low <= lookup.end.time <= high
        ]
        window = window_of(needs, lookups, {})
        row = next(index for index, need in enumerate(window.needs) if need.draft is draft)
        found = self._near[draft] = window, row, window.part(row)[0]
        return found

    def _learn_from(self, draft: Draft) -> None:
        around = self._around(draft)
        if around is None:
            return
        window, row, rows = around
        solution = Solution(window, rows, window.costs)
        evidence = Evidence()
        need = window.needs[row]
        if need.longest <= self.near + REACH:
            # else the whole log may have so many DNs there that they tell nothing
            self._note_neighbours(evidence, window, row)
        column = solution.column(row)
        self._bare[draft] = column, solution.regret(row)
        if need.user is not None:
            evidence.user_attempts[need.user] += 1
            dn = None if column is None else window.lookups[column].dn
            if dn is not None and self._bare[draft][1] >= SOLID:
                evidence.settled[need.user, dn] += 1
        for index, lookup in enumerate(window.lookups):
            if (
                lookup.end is not None
                and 1.0 - self.near <= lookup.end.time - draft.time <= max(_COMPANY, self.near - _LATE)
                and (place := (lookup.end.path, lookup.end.offset)) not in self._noted
            ):
                self._noted.add(place)
                self._note_company(evidence, window, index)
                self._company[lookup] = self._users_beside(window, index)
        evidence.proxies = frozenset(
            lookup.bound_as for lookup in window.lookups if lookup.bound_as and lookup.fate is not Fate.OPEN
        )
        evidence.worked = frozenset(
            lookup.bound_as for lookup in window.lookups if lookup.bound_as and lookup.fate is Fate.GRANTED
        )
        self.learned.replace(None, evidence)
        self._evidences.append(evidence)
        self._count(draft, window, row, solution)

    def _users_beside(self, window: Window, column: int) -> frozenset[str | None]:
        """The users whose a look-up could have been, None for those who are not named, as `_note_company`."""
        if window.lookups[column].fate is not Fate.GRANTED:
            return frozenset()
        rows = window.of_lookup[column]
        return frozenset(window.needs[row].user for row in rows if window.costs[row][column] < _BESIDE)

    def _count(self, draft: Draft, window: Window, row: int, solution: Solution) -> None:
        """How common it is that attempts leave no look-up, and look-ups no attempt.

        Of all that is near, this counts what may belong together with the attempt, directly or by others, and
        what belongs to nothing.
        """
        attempts, attempts_alone, found, found_alone = self.sample
        rows, columns = window.part(row)
        taken = {solution.column(each) for each in rows}
        mine = set(rows)
        for each, need in enumerate(window.needs):
            if (
                (each in mine or not window.costs[each])
                and need.alone >= 5.0
                and abs(need.at.time - draft.time) <= self.near - 1.0
                and need.draft not in self._counted
            ):
                self._counted.add(need.draft)
                attempts += 1
                attempts_alone += each not in mine or solution.column(each) is None
        connected = set(columns)
        for column, lookup in enumerate(window.lookups):
            if (
                (column in connected or not window.of_lookup[column])
                and lookup.fate in {Fate.GRANTED, Fate.DENIED}
                and lookup.end is not None
                and abs(lookup.end.time - draft.time) <= max(_COMPANY, self.near - _LATE)
                and lookup not in self._counted
            ):
                self._counted.add(lookup)
                found += 1
                found_alone += column not in taken
        self.sample = Sample(attempts, attempts_alone, found, found_alone)

    def _decide_one(self, draft: Draft) -> None:
        around = self._around(draft)
        if around is None:
            return
        window, row, rows = around
        named = with_names(window, self.learned)
        firm = Solution(window, rows, named)
        best = firm
        if firm.column(row) is None or firm.regret(row) < SOLID:
            best = Solution(window, rows, with_hints(window, rows, named, self.learned))
        column = best.column(row)
        solid = (
            column is not None
            and firm.column(row) == column
            and firm.regret(row) >= SOLID
            and self._trusted(window, row, column)
        )
        self._unproven.pop(draft, None)
        if column is not None and solid:
            user, dn = window.needs[row].user, window.lookups[column].dn
            solid = self._sure(window, row, rows, column)
            if solid:
                # of who is not named it follows from the DN who it was
                user = self.learned.user_of(dn) if user is None and dn is not None else None
            if user is not None and dn is not None and not self.reliable(user, dn):
                self._unproven[draft] = user, dn
        regret = best.regret(row)
        others: tuple[Lookup, ...] = ()
        if regret < PLAUSIBLE and not solid:
            others = tuple(window.lookups[each] for each in best.candidates(row))
        self._set(draft, Link(None if column is None else window.lookups[column], regret, solid, others))

    def _trusted(self, window: Window, row: int, column: int) -> bool:
        """Where look-ups are missing and others there, the whole log tells how likely one is another's."""
        return super()._trusted(window, row, column) and not (self.sample.enough and self.sample.strange)

    def _sure(self, window: Window, row: int, rows: list[int], column: int) -> bool:
        """That a DN is there whenever the user is proves nothing: elsewhere it may be without him."""
        user, dn = window.needs[row].user, window.lookups[column].dn
        if not self._others and user is not None and dn is not None and self.reliable(user, dn):
            return True
        draft = window.needs[row].draft
        if draft not in self._bare:
            bare = Solution(window, rows, window.costs)
            self._bare[draft] = bare.column(row), bare.regret(row)
        alone, regret = self._bare[draft]
        if alone == column and regret >= SOLID:
            return True
        if not self._others:
            return False
        sure = Solution(window, rows, with_names(window, _Reliable(self.learned, self.reliable)))
        return sure.column(row) == column and sure.regret(row) >= SOLID

    def reliable(self, user: str, dn: str) -> bool:
        """True if look-ups that left no choice, or a search of all of slapd's log, say whose DN it is."""
        return (user, dn) in self._proven or self.learned.settled(user, dn) >= FIRM
