"""What is left alone when attempts and look-ups have been paired: what `Chances` are worked out from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from cyrtui.logins.learned import Learned
from cyrtui.logins.lookups import Lookup
from cyrtui.logins.window import BLOCK, Costs, Window, block_of

NEAR: Final = 0.5
"""Seconds from an attempt within which other look-ups of the same DN are counted by themselves: a client that
checks mail and sends some asks for the same user twice.
"""
_LIKELY: Final = 7.5
"""Nats up to which a pair is one; else an attempt without a look-up would be given any that is near."""

Kind = tuple[str, str]
"""A look-up's DN (or, without one, how it ended) and the mechanism that its attributes betray."""


def kind_of(lookup: Lookup) -> Kind:
    """What look-ups are counted by."""
    return lookup.dn or lookup.fate.name, min(lookup.families, default="")


class Tally:
    """What one block of time says: attempts of known users and those left without a look-up, look-ups left
    over, and for how many milliseconds of the block an attempt of the DN's user was near.

    `attempts` and `alone` are those of anybody. `silent`: slapd's log has nothing there.
    """

    __slots__ = ("alone", "asked", "attempts", "near", "near_millis", "silent", "strays", "unanswered")

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.unanswered: Counter[str] = Counter()
        self.attempts = self.alone = 0
        self.strays: Counter[Kind] = Counter()
        self.near: Counter[Kind] = Counter()
        self.near_millis: Counter[str] = Counter()
        self.silent = True

    def counts(self) -> tuple[int, int, int, int]:
        """Attempts of known users, those without a look-up, and both of anybody."""
        return self.asked.total(), self.unanswered.total(), self.attempts, self.alone


def tally(block: int, window: Window, named: Costs, pairs: dict[int, int], learned: Learned) -> Tally:
    """Count what is left alone in a block of the window, where `pairs` are the best ones by `named` costs."""
    found = Tally()
    found.silent = not window.lookups
    needs, lookups = window.needs, window.lookups
    dns = [None if need.user is None else learned.dn_of(need.user) for need in needs]
    answered = {row: column for row, column in pairs.items() if named[row][column] < _LIKELY}
    taken = set(answered.values())
    times: dict[str, list[float]] = {}
    for row, (need, dn) in enumerate(zip(needs, dns, strict=True)):
        counts = need.alone >= 5.0 and block_of(need.at.time) == block
        if counts:
            found.attempts += 1
            found.alone += row not in answered
        if dn is None or need.user is None:
            continue
        times.setdefault(dn, []).append(need.at.time)
        if counts:
            found.asked[need.user] += 1
            found.unanswered[need.user] += row not in answered
    for dn, at in times.items():
        found.near_millis[dn] = round(1000.0 * _near(at, block * BLOCK, (block + 1) * BLOCK))
    for column, lookup in enumerate(lookups):
        end = lookup.end
        if column in taken or end is None or block_of(end.time) != block:
            continue
        kind = kind_of(lookup)
        found.strays[kind] += 1
        if any(abs(end.time - time) <= NEAR for time in times.get(kind[0], ())):
            found.near[kind] += 1
    return found


def _near(times: Iterable[float], low: float, high: float) -> float:
    """How many seconds from `low` to `high` are near one of `times`, which are in order."""
    total, until = 0.0, low
    for time in times:
        begin, end = max(until, time - NEAR), min(high, time + NEAR)
        if end > begin:
            total += end - begin
            until = end
    return total
