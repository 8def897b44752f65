"""What names say: a user's known DN, the directory's answer, and, as a hint, how a DN reads; and how much a
pair proves.
"""

from __future__ import annotations

from typing import Protocol

from cyrtui.logins.chances import CLIENT, FINE, USUAL, WHOLE, Chances
from cyrtui.logins.learned import Known, Learned
from cyrtui.logins.lookups import Lookup
from cyrtui.logins.names import resemblance
from cyrtui.logins.needs import NEVER, Need
from cyrtui.logins.tallies import kind_of
from cyrtui.logins.window import Costs, Window, ranks


class Names(Protocol):
    """What is known of users and DNs; see `Learned`."""

    def names(self, dn: str) -> frozenset[str] | None: ...

    def of_user(self, user: str) -> Known | None: ...

    def owners(self, dn: str) -> set[str]: ...

    def is_proxy(self, dn: str) -> bool: ...


def answers_to(user: str, names: frozenset[str]) -> bool:
    """True if an entry with these names is the user's."""
    return user in names or user.partition("@")[0] in names


def with_names(window: Window, learned: Names) -> Costs:
    """The costs with what names say; pairs that names make hopeless are gone."""
    found = []
    for row, mine in enumerate(window.costs):
        need = window.needs[row]
        if need.user is None:
            found.append(mine)
            continue
        costs = {}
        for column, cost in mine.items():
            total = cost + name_cost(need, window.lookups[column], learned)
            if total < need.alone + window.prices[column]:
                costs[column] = total
        found.append(costs)
    return found


def name_cost(need: Need, lookup: Lookup, learned: Names) -> float:
    """What it costs to believe that the attempt's user is the one whose entry was read."""
    user, dn = need.user, lookup.dn
    if user is None or dn is None:
        return 0.0
    # a mechanism may carry an authorization identity: the directory is then asked for another user
    stand_in = not need.plaintext and (learned.is_proxy(dn) or dn == lookup.bound_as)
    names = learned.names(dn)
    if names is not None:
        if answers_to(user, names):
            return 0.0
        return NEVER if need.plaintext else 4.0 if stand_in else 9.0
    known = learned.of_user(user)
    if known is not None:
        if known.dn == dn:
            return 0.0
        if known.firm:
            return NEVER if need.plaintext else 4.0 if stand_in else 9.0
        return 5.5 if need.plaintext else 4.0
    if stand_in:
        return 3.0
    owners = learned.owners(dn)
    if any((owner := learned.of_user(name)) is not None and owner.firm for name in owners):
        return 6.0
    return 3.0 if owners else 1.0


def with_hints(window: Window, rows: list[int], named: Costs, learned: Names) -> Costs:
    """The costs with what may tip the scales but proves nothing: resemblance, and order in one second."""
    places = ranks(window, rows)
    found = list(named)
    for row in rows:
        need = window.needs[row]
        costs = {}
        for column, cost in named[row].items():
            lookup = window.lookups[column]
            hint = 0.0
            if need.user is not None and lookup.dn is not None and learned.of_user(need.user) is None:
                hint -= resemblance(need.user, lookup.dn)
            end = lookup.end
            if end is not None and need.at.whole_seconds and end.whole_seconds and need.at.time == end.time:
                apart = places[row] - places[-1 - column]
                hint += min(8.0, 1.3 * apart * apart)
            elif end is not None:
                # first come, first served
                hint += min(1.0, 200.0 * (need.at.time - end.time) ** 2)
            costs[column] = cost + hint
        found[row] = costs
    return found


def with_doubts(
    window: Window, rows: list[int], named: Costs, learned: Learned, chances: Chances
) -> Costs | None:
    """The costs by which a pair must hold where look-ups are missing and others are there; None: as usual.

    What a missing look-up and a stray one cost less than usual is laid upon the pair that they might make.
    """
    found = list(named)
    doubt = False
    strays: dict[int, tuple[float, float]] = {}
    for row in rows:
        need = window.needs[row]
        known = need.user is not None and learned.dn_of(need.user) is not None
        least = USUAL - chances.missing(need.user)
        spread = CLIENT if need.client_speaks_last else FINE
        costs: dict[int, float] = {}
        for column, cost in named[row].items():
            both = strays.get(column)
            if both is None:
                kind = kind_of(window.lookups[column])
                one = chances.stray(kind)
                both = strays[column] = one, one if "=" not in kind[0] else chances.any_stray(kind[1])
            more = least - (both[0] if known else both[1])
            if more + WHOLE > 0.0:
                end = window.lookups[column].end
                whole = need.at.whole_seconds or end is None or end.whole_seconds
                more += WHOLE if whole else spread
                if more > 0.0:
                    doubt = True
                    costs[column] = cost + more
        if costs:
            found[row] = {**named[row], **costs}
    return found if doubt else None
