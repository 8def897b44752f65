"""The name that somebody meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is nearest to a misspelt one, or None where none is near enough to be meant.

    Near is one slip (a letter too many, too few, another, or two that changed places) for every four letters.
    """
    wanted = name.lower()
    limit = max(1, len(wanted) // 4)
    best: tuple[int, str] | None = None
    for other in known:
        if abs(len(other) - len(wanted)) > limit:
            continue
        distance = _distance(wanted, other.lower(), limit)
        if distance <= limit and (best is None or (distance, other) < best):
            best = (distance, other)
    return best[1] if best else None


def _distance(one: str, other: str, limit: int) -> int:
    """Slips between two words (optimal string alignment); anything over `limit` where there are more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        following = [at]
        for place, its in enumerate(other, 1):
            cost = min(row[place] + 1, following[place - 1] + 1, row[place - 1] + (letter != its))
            if at > 1 and place > 1 and letter == other[place - 2] and one[at - 2] == its:
                cost = min(cost, before[place - 2] + 1)
            following.append(cost)
        if min(following) > limit:
            return limit + 1
        before, row = row, following
    return row[-1]
