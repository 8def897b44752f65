"""Which look-up in the directory was whose.

No identifier is shared between the logs, so this is an assignment problem. Time is cut into blocks; each is
solved as one, with a margin of its neighbours' lines around it, which makes the answer a function of the
lines alone, live and over history. Each block is solved twice: first without names, for the pairs that
leave no choice and so teach whose DN is whose; then with what has been learned everywhere. Where look-ups
are missing from slapd's log and others are there, what is left alone then tells how much a pair proves.

A pair is solid when every other story would have to leave a line unexplained or is some 3,000 times less
likely, and when that does not rest on a DN looking like a user, nor on the order of lines in one second.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

from cyrtui.logins.chances import Chances
from cyrtui.logins.learned import Directory, Evidence, Learned
from cyrtui.logins.lookups import Fate, Lookup
from cyrtui.logins.needs import AFTER_CLIENT, EARLY, Need, need_of
from cyrtui.logins.sessions import Draft
from cyrtui.logins.tallies import tally
from cyrtui.logins.weighing import answers_to, with_doubts, with_hints, with_names
from cyrtui.logins.window import (
    BLOCK,
    MARGIN,
    PLAUSIBLE,
    SOLID,
    Costs,
    Options,
    Solution,
    Window,
    block_of,
    window_of,
)

CROWD: Final = 12
"""Users or DNs from which on being beside one another says nothing."""
# how long before an attempt its look-up may have ended
_REACH: Final = AFTER_CLIENT + 1.0


class Link(NamedTuple):
    """What was found for an attempt. `lookup` None: probably none, though `candidates` may be its own."""

    lookup: Lookup | None
    regret: float
    solid: bool
    candidates: tuple[Lookup, ...] = ()


class Correlator:
    """Keeps attempts and look-ups by time, and the links between them. Holds no clock."""

    def __init__(self, directory: Directory | None = None) -> None:
        self.learned = Learned(directory)
        self.chances = Chances()
        self.links: dict[Draft, Link] = {}
        self._needs: dict[Draft, Need | None] = {}
        self._options: Options = {}
        self._drafts: dict[int, list[Draft]] = defaultdict(list)
        self._lookups: dict[int, list[Lookup]] = defaultdict(list)
        self._place: dict[Lookup, int] = {}
        self._evidence: dict[int, Evidence] = {}
        self._weighed: dict[int, dict[Draft, Link]] = {}
        self._names: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
        self._blocks_of: dict[str, set[int]] = defaultdict(set)
        self._stale: set[int] = set()
        self._solved: dict[int, float] = {}
        self._claims: dict[Lookup, set[Draft]] = {}
        self._unanswered: set[str] = set()
        self._coherent = True
        self._working: frozenset[str] = frozenset()

    # --- what there is ------------------------------------------------------------------------------

    def add(self, draft: Draft) -> None:
        """A new attempt."""
        self._drafts[block_of(draft.time)].append(draft)
        self.touch(draft)

    def touch(self, draft: Draft) -> None:
        """Something of the attempt has changed."""
        self._needs.pop(draft, None)
        self._options.pop(draft, None)
        self._spoil(draft.time, draft.time)

    def place(self, lookup: Lookup) -> None:
        """A look-up is new, or has grown."""
        end = lookup.end
        if end is None:
            return
        block = block_of(end.time)
        old = self._place.get(lookup)
        wanted = lookup.looks_like_ldapdb
        if old is not None and (old != block or not wanted):
            self._lookups[old].remove(lookup)
            self._spoil(old * BLOCK, (old + 1) * BLOCK)
            del self._place[lookup]
            old = None
        if wanted:
            if old is None:
                self._lookups[block].append(lookup)
                self._place[lookup] = block
            # it may have ended elsewhere in the same block before it grew
            self._spoil(block * BLOCK, (block + 1) * BLOCK)

    def _spoil(self, low: float, high: float) -> None:
        """Whatever has an attempt or a look-up from `low` to `high` in its window is to be solved again."""
        first, last = block_of(low - MARGIN - EARLY - 1.0), block_of(high + MARGIN + _REACH)
        self._stale.update(range(first, last + 1))

    def forget(self, before: float) -> None:
        """Let go of attempts and look-ups that lie before `before`, seconds since the epoch."""
        last = block_of(before) - 1
        for block in [each for each in self._drafts if each <= last]:
            for draft in self._drafts.pop(block):
                self._unlink(draft)
                self._needs.pop(draft, None)
                self._options.pop(draft, None)
        for block in [each for each in self._lookups if each <= last]:
            for lookup in self._lookups.pop(block):
                self._place.pop(lookup, None)
                self._claims.pop(lookup, None)
        for block in [each for each in self._evidence if each <= last]:
            self.learned.retire(self._evidence.pop(block))
            users, dns = self._names.pop(block, (frozenset(), frozenset()))
            for name in users | dns:
                self._blocks_of[name].discard(block)
                if not self._blocks_of[name]:
                    del self._blocks_of[name]
            self._stale.discard(block)
        for block in [each for each in self._weighed if each <= last]:
            del self._weighed[block]
            self.chances.replace(block, None)
        self._stale = {block for block in self._stale if block > last}
        self._solved = {block: when for block, when in self._solved.items() if block > last}

    def forget_lookups(self, before: float) -> None:
        """Let go of look-ups before `before` that belong to no attempt."""
        last = block_of(before) - 1
        for block, found in self._lookups.items():
            if block <= last:
                kept = [lookup for lookup in found if lookup in self._claims]
                for lookup in found:
                    if lookup not in self._claims:
                        self._place.pop(lookup, None)
                self._lookups[block] = kept

    # --- solving ------------------------------------------------------------------------------------

    def solve(self, now: float, *, at_rest: bool = False) -> set[Draft]:
        """Bring links up to date; returns the attempts whose link, or what follows from it, may be another
        now.

        A block into which lines still come is not solved more than once a second of `now`; `at_rest` says
        that none come at present.
        """
        changed: set[Draft] = set()
        hot = {
            block
            for block in self._stale
            if not at_rest
            and (block + 1) * BLOCK + MARGIN > now
            and 0.0 <= now - self._solved.get(block, -1.0) < 1.0
        }
        for block in self._stale:
            for draft in self._drafts.get(block, ()):
                self._options.pop(draft, None)
        for block in self._stale - hot:
            self._solved[block] = now
        fresh = self._stale - hot
        stale = {block for block in fresh if self._drafts.get(block)}
        again = set(stale)
        for block in sorted(fresh - stale):
            if block in self._evidence:
                again |= self._learn(block, Evidence(), frozenset(), frozenset())
        self._stale = hot
        prepared: dict[int, Window] = {}
        for block in sorted(stale):
            prepared[block] = window = self._window(block)
            again |= self._study(block, window)
        again |= self._ask()
        coherent, working = self.learned.coherent, self.learned.working
        if coherent != self._coherent or working != self._working:
            self._coherent, self._working = coherent, working
            again |= set(self._drafts)
        named: dict[int, Costs] = {}
        for block in sorted(again):
            if self._drafts.get(block):
                if block not in prepared:
                    prepared[block] = self._window(block)
                named[block] = with_names(prepared[block], self.learned)
                self._weigh(block, prepared[block], named[block])
            else:
                self._weighed.pop(block, None)
                self.chances.replace(block, None)
        for block in sorted(again | self._reconsider()):
            if self._drafts.get(block):
                changed |= self._decide(block, prepared.get(block), named.get(block))
        return changed

    def _reconsider(self) -> set[int]:
        """The blocks for which the chances of look-ups that are missing, or another's, are not what they
        were.
        """
        everywhere, names = self.chances.settle()
        if everywhere:
            return set(self._drafts)
        return {
            near
            for name in names
            for block in self._blocks_of.get(name, ())
            for near in range(block - 1, block + 2)
        }

    def _ask(self) -> set[int]:
        """The blocks in which a DN occurs that the directory has answered for since."""
        again: set[int] = set()
        if self._unanswered:
            answered = {dn for dn in self._unanswered if self.learned.names(dn) is not None}
            self._unanswered -= answered
            for dn in answered:
                again |= self._blocks_of.get(dn, set())
        return again

    def _need(self, draft: Draft) -> Need | None:
        if draft not in self._needs:
            self._needs[draft] = need_of(draft, draft.process.auth_of(draft))
        return self._needs[draft]

    def _window(self, block: int) -> Window:
        low, high = block * BLOCK - MARGIN, (block + 1) * BLOCK + MARGIN
        needs = [
            need
            for index in range(block_of(low), block_of(high) + 1)
            for draft in self._drafts.get(index, ())
            if low <= draft.time <= high and (need := self._need(draft)) is not None
        ]
        low, high = low - _REACH, high + EARLY + 1.0
        lookups = [
            lookup
            for index in range(block_of(low), block_of(high) + 1)
            for lookup in self._lookups.get(index, ())
            if lookup.end is not None and low <= lookup.end.time <= high
        ]
        return window_of(needs, lookups, self._options)

    def _study(self, block: int, window: Window) -> set[int]:
        """Gather the block's evidence about names; returns the blocks for which that matters."""
        evidence = Evidence()
        users: set[str] = set()
        dns: set[str] = set()
        for rows, columns in window.parts(block):
            solution = Solution(window, rows, window.costs)
            for row in rows:
                need = window.needs[row]
                if block_of(need.at.time) != block:
                    continue
                self._note_neighbours(evidence, window, row)
                if need.user is not None:
                    users.add(need.user)
                    evidence.user_attempts[need.user] += 1
                column = solution.column(row)
                dn = None if column is None else window.lookups[column].dn
                if need.user is not None and dn is not None and solution.regret(row) >= SOLID:
                    evidence.settled[need.user, dn] += 1
            for column in columns:
                if (dn := window.lookups[column].dn) is not None:
                    dns.add(dn)
        for column, lookup in enumerate(window.lookups):
            end = lookup.end
            if end is not None and block_of(end.time) == block:
                self._note_company(evidence, window, column)
        evidence.proxies = frozenset(
            lookup.bound_as for lookup in window.lookups if lookup.bound_as and lookup.fate is not Fate.OPEN
        )
        evidence.worked = frozenset(
            lookup.bound_as for lookup in window.lookups if lookup.bound_as and lookup.fate is Fate.GRANTED
        )
        return self._learn(block, evidence, frozenset(users), frozenset(dns))

    def _note_neighbours(self, evidence: Evidence, window: Window, row: int) -> None:
        """Which DNs could have been this attempt's."""
        need = window.needs[row]
        dns = {window.lookups[column].dn for column, cost in window.costs[row].items() if cost < 6.0}
        dns.discard(None)
        if need.user is None or not dns or len(dns) > CROWD:
            return
        evidence.user_seen[need.user] += 1
        for dn in dns:
            if dn is not None:
                evidence.user_beside[need.user, dn] += 1

    def _note_company(self, evidence: Evidence, window: Window, column: int) -> None:
        """Which users could have been this look-up's."""
        dn = window.lookups[column].dn
        if dn is None or window.lookups[column].fate is not Fate.GRANTED:
            return
        rows = [row for row in window.of_lookup[column] if window.costs[row][column] < 6.0]
        users = {window.needs[row].user for row in rows}
        if not users or None in users or len(users) > CROWD:
            return
        evidence.dn_seen[dn] += 1
        for user in users:
            if user is not None:
                evidence.beside[user, dn] += 1

    def _learn(self, block: int, evidence: Evidence, users: frozenset[str], dns: frozenset[str]) -> set[int]:
        for name in users | dns:
            self._blocks_of[name].add(block)
        old_users, old_dns = self._names.get(block, (frozenset(), frozenset()))
        for name in (old_users | old_dns) - (users | dns):
            self._blocks_of[name].discard(block)
        self._names[block] = (users, dns)
        self._unanswered |= {dn for dn in dns if self.learned.names(dn) is None}
        changed_users, changed_dns = self.learned.replace(self._evidence.get(block), evidence)
        self._evidence[block] = evidence
        again: set[int] = set()
        for name in changed_users | changed_dns:
            again |= self._blocks_of.get(name, set())
        return again

    def _weigh(self, block: int, window: Window, named: Costs) -> None:
        """Find the best links of this block's attempts by all that is known of names, and count what is left
        alone.
        """
        links: dict[Draft, Link] = {}
        pairs: dict[int, int] = {}
        reached: set[int] = set()
        for rows, columns in window.parts(block):
            reached.update(columns)
            firm = Solution(window, rows, named)
            pairs.update(firm.pairs())
            mine = [row for row in rows if block_of(window.needs[row].at.time) == block]
            weak = [row for row in mine if firm.column(row) is None or firm.regret(row) < SOLID]
            best = firm if not weak else Solution(window, rows, with_hints(window, rows, named, self.learned))
            for row in mine:
                column = best.column(row)
                regret = best.regret(row)
                solid = (
                    column is not None
                    and firm.column(row) == column
                    and firm.regret(row) >= SOLID
                    and self._trusted(window, row, column)
                )
                others: tuple[Lookup, ...] = ()
                if regret < PLAUSIBLE and not solid:
                    others = tuple(window.lookups[each] for each in best.candidates(row))
                link = Link(None if column is None else window.lookups[column], regret, solid, others)
                links[window.needs[row].draft] = link
        # look-ups of this block may be those of attempts in the next
        for column, lookup in enumerate(window.lookups):
            end, near = lookup.end, window.of_lookup[column]
            if near and column not in reached and end is not None and block_of(end.time) == block:
                rows, columns = window.part(near[0])
                reached.update(columns)
                pairs.update(Solution(window, rows, named).pairs())
        self._weighed[block] = links
        self.chances.replace(block, tally(block, window, named, pairs, self.learned))

    def _decide(self, block: int, window: Window | None, named: Costs | None) -> set[Draft]:
        """Set the links of this block's attempts, as sure as the chances let them be."""
        changed: set[Draft] = set()
        links = self._weighed.get(block, {})
        doubted = self._doubted(block, window, named) if any(link.solid for link in links.values()) else set()
        for draft, link in links.items():
            changed |= self._set(draft, link._replace(solid=False) if draft in doubted else link)
            if draft.user is None or (link.lookup is not None and link.lookup.fate is Fate.DENIED):
                # whose DN it is, or that the user has one, may be known by now
                changed.add(draft)
        for draft in self._drafts.get(block, ()):
            if draft not in links and draft in self.links:
                changed |= self._unlink(draft)
        return changed

    def _doubted(self, block: int, window: Window | None, named: Costs | None) -> set[Draft]:
        """The attempts whose link is not solid where look-ups are missing and others are there."""
        found: set[Draft] = set()
        window = window or self._window(block)
        named = named or with_names(window, self.learned)
        links = self._weighed[block]
        for rows, _columns in window.parts(block):
            solid = [
                row for row in rows if (link := links.get(window.needs[row].draft)) is not None and link.solid
            ]
            doubts = with_doubts(window, rows, named, self.learned, self.chances) if solid else None
            if doubts is None:
                continue
            doubt = Solution(window, rows, doubts)
            for row in solid:
                draft, column = window.needs[row].draft, doubt.column(row)
                if (
                    column is None
                    or window.lookups[column] is not links[draft].lookup
                    or doubt.regret(row) < SOLID
                ):
                    found.add(draft)
        return found

    def _trusted(self, window: Window, row: int, column: int) -> bool:
        """Where leaving no choice has proved wrong elsewhere, it takes a known name to be sure."""
        if self._coherent:
            return True
        user, dn = window.needs[row].user, window.lookups[column].dn
        if user is None or dn is None:
            return False
        names = self.learned.names(dn)
        if names is not None:
            return answers_to(user, names)
        known = self.learned.of_user(user)
        return known is not None and known.well and known.dn == dn

    def _set(self, draft: Draft, link: Link) -> set[Draft]:
        old = self.links.get(draft)
        if (
            old is not None
            and old.lookup is link.lookup
            and old.solid == link.solid
            and (old.regret >= PLAUSIBLE) == (link.regret >= PLAUSIBLE)
            and old.candidates == link.candidates
        ):
            return set()
        changed = self._unlink(draft)
        self.links[draft] = link
        if link.lookup is not None:
            claims = self._claims.setdefault(link.lookup, set())
            claims.add(draft)
            changed |= claims
        return changed | {draft}

    def _unlink(self, draft: Draft) -> set[Draft]:
        link = self.links.pop(draft, None)
        if link is None:
            return set()
        if link.lookup is not None:
            claims = self._claims.get(link.lookup, set())
            claims.discard(draft)
            if not claims:
                self._claims.pop(link.lookup, None)
            return {draft} | claims
        return {draft}

    def contested(self, draft: Draft) -> bool:
        """True if two blocks gave one look-up to two attempts."""
        link = self.links.get(draft)
        return link is not None and link.lookup is not None and len(self._claims.get(link.lookup, ())) > 1

    def claimants(self, lookup: Lookup) -> set[Draft]:
        """The attempts that were given `lookup`."""
        return self._claims.get(lookup, set())
