"""Attempts judged by what stands near them, for logs too long to be weighed as a whole.

`TraceBook` weighs every attempt of all logs. Where only some attempts are asked for, the lines within some
seconds of each are enough to tell whose look-up was whose: a story that moves a look-up by more than a few
seconds is too unlikely to matter. What is learned of DNs comes from these attempts alone, and less is taken
for certain where the whole log might know better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cyrtui.logins.book import TraceBook
from cyrtui.logins.correlate import Correlator, Link
from cyrtui.logins.events import LdapEvent
from cyrtui.logins.learned import FIRM, Directory, Evidence
from cyrtui.logins.lookups import Fate, Lookup
from cyrtui.logins.needs import EARLY
from cyrtui.logins.sessions import Draft
from cyrtui.logins.trace import LoginTrace, TraceEvent, TraceKey
from cyrtui.logins.weighing import with_hints, with_names
from cyrtui.logins.window import PLAUSIBLE, SOLID, Solution, Window, block_of, window_of

LEAST: Final = 4.0
"""Seconds before and after an attempt whose attempts are weighed along, where very much goes on."""
REACH: Final = 6.0
"""Seconds before the first of these in which the look-ups may have ended that are weighed."""
_COMPANY: Final = 2.0
_MANY: Final = 50
_MISTAKABLE: Final = 0.003


class NearbyCorrelator(Correlator):
    """Links some attempts, each within the seconds around it."""

    def __init__(self, directory: Directory | None = None) -> None:
        super().__init__(directory)
        self.near = LEAST
        self._near: dict[Draft, tuple[Window, int, list[int]]] = {}
        self._attempts = self._attempts_alone = self._found = self._found_alone = 0
        self._counted: set[Draft | Lookup] = set()

    def link(self, drafts: Sequence[Draft], others: Sequence[Draft]) -> None:
        """Find the look-ups of `drafts`, from which names are learned, and those of `others`."""
        for draft in drafts:
            self._learn_from(draft)
        self._coherent = self._nothing_strange()
        for draft in (*drafts, *others):
            self._decide_one(draft)
            self._near.pop(draft, None)

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
        self._note_neighbours(evidence, window, row)
        column = solution.column(row)
        if need.user is not None:
            evidence.user_attempts[need.user] += 1
            dn = None if column is None else window.lookups[column].dn
            if dn is not None and solution.regret(row) >= SOLID:
                evidence.settled[need.user, dn] += 1
        for index, lookup in enumerate(window.lookups):
            if lookup.end is not None and abs(lookup.end.time - draft.time) <= _COMPANY:
                self._note_company(evidence, window, index)
        evidence.proxies = frozenset(
            lookup.bound_as for lookup in window.lookups if lookup.bound_as and lookup.fate is not Fate.OPEN
        )
        evidence.worked = frozenset(
            lookup.bound_as for lookup in window.lookups if lookup.bound_as and lookup.fate is Fate.GRANTED
        )
        self.learned.replace(None, evidence)
        self._count(draft, window, rows, solution)

    def _count(self, draft: Draft, window: Window, rows: list[int], solution: Solution) -> None:
        """How common it is here that attempts leave no look-up, and look-ups no attempt."""
        for row in rows:
            need = window.needs[row]
            if (
                need.alone >= 5.0
                and abs(need.at.time - draft.time) <= self.near - 1.0
                and need.draft not in self._counted
            ):
                self._counted.add(need.draft)
                self._attempts += 1
                self._attempts_alone += solution.column(row) is None
        taken = {solution.column(row) for row in rows}
        for column, lookup in enumerate(window.lookups):
            if (
                lookup.fate in {Fate.GRANTED, Fate.DENIED}
                and lookup.end is not None
                and abs(lookup.end.time - draft.time) <= _COMPANY
                and lookup not in self._counted
            ):
                self._counted.add(lookup)
                self._found += 1
                self._found_alone += column not in taken

    def _nothing_strange(self) -> bool:
        """As `Learned.coherent`, of a sample: where too little is seen, the worse is assumed."""
        attempts, found = max(self._attempts, 1), max(self._found, 1)
        return (
            attempts >= _MANY
            and found >= _MANY
            and (self._attempts_alone + 1) / attempts * ((self._found_alone + 1) / found) <= _MISTAKABLE
        )

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
            and self._sure(window, row, rows, column)
        )
        regret = best.regret(row)
        others: tuple[Lookup, ...] = ()
        if regret < PLAUSIBLE and not solid:
            others = tuple(window.lookups[each] for each in best.candidates(row))
        self._set(draft, Link(None if column is None else window.lookups[column], regret, solid, others))

    def _sure(self, window: Window, row: int, rows: list[int], column: int) -> bool:
        """That a DN is there whenever the user is proves nothing: elsewhere it may be without him."""
        user, dn = window.needs[row].user, window.lookups[column].dn
        if user is not None and dn is not None and self.learned.settled(user, dn) >= FIRM:
            return True
        bare = Solution(window, rows, window.costs)
        return bare.column(row) == column and bare.regret(row) >= SOLID


class NearbyBook(TraceBook):
    """A book of which only some attempts are read."""

    _correlator: NearbyCorrelator

    def _correlate(self, directory: Directory | None) -> NearbyCorrelator:
        return NearbyCorrelator(directory)

    def look_around(self, seconds: float) -> None:
        """Weigh what was attempted within so many seconds of each attempt."""
        self._correlator.near = seconds

    def feed_connection(
        self, host: str, pid: int, conn: int, lines: Sequence[tuple[LdapEvent, TraceEvent]]
    ) -> None:
        """Take the lines of one connection of slapd's, understood already, in their order."""
        for event, at in lines:
            self._slapd(host, pid, event, at, conn)

    def judge(self, wanted: set[TraceKey], beside: set[TraceKey], now: float) -> list[LoginTrace] | None:
        """The traces of the `wanted` attempts; names are learned from them, and `beside` are linked along.

        None if the cause of one depends on what others met, and what they met is not seen here; or if a line
        that is wanted turned out to make no attempt, as one that goes on in the next line may.
        """
        if not wanted <= self._drafts.keys():
            return None
        for lookup in self._grown:
            self._correlator.place(lookup)
        self._grown.clear()
        drafts = [self._drafts[key] for key in sorted(wanted & self._drafts.keys(), key=_by_time)]
        others = [self._drafts[key] for key in sorted((beside - wanted) & self._drafts.keys(), key=_by_time)]
        self._correlator.link(drafts, others)
        for draft in self._drafts.values():
            self._writer.note(draft)
        self._neighbours.changed_minutes()
        traces = []
        for draft in drafts:
            trace, depends, _asks = self._writer.write(draft, now)
            if depends and not self._writer.others_fine(draft):
                return None
            traces.append(trace)
        return sorted(traces, key=lambda trace: (trace.end, trace.key))


def _by_time(key: TraceKey) -> tuple[float, str, int]:
    return key[2], key[0], key[1]
