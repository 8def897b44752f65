"""The logins of the last hour, counted: those that are kept, and those that had to make room since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cyrtui.logins.titles import cause_title

if TYPE_CHECKING:
    from cyrtui.logins.trace import LoginTrace, Outcome

HOUR: Final = 3600.0
_MINUTES: Final = 60


@dataclass(frozen=True, slots=True)
class LastHour:
    """Logins of the last hour by outcome; `causes` are titles with how many failed by each, most first.

    `ok_minutes` and `failed_minutes` count by minute, sixty of them, the current one last. `since` is from
    when on they were counted, where that is later than an hour ago.
    """

    ok: int
    failed: int
    incomplete: int
    causes: tuple[tuple[str, int], ...]
    ok_minutes: tuple[int, ...] = (0,) * _MINUTES
    failed_minutes: tuple[int, ...] = (0,) * _MINUTES
    since: float | None = None


class HourKeeper:
    """Counts. Attempts that are kept no more are remembered by the minute only."""

    def __init__(self) -> None:
        self._gone: dict[int, Counter[tuple[Outcome, str | None]]] = {}

    def drop(self, trace: LoginTrace) -> None:
        """This one will not be among those that are counted."""
        self._gone.setdefault(int(trace.end // 60), Counter())[trace.outcome, trace.cause] += 1
        if len(self._gone) > 4 * _MINUTES:
            for minute in sorted(self._gone)[: 2 * _MINUTES]:
                del self._gone[minute]

    def count(self, traces: Iterable[LoginTrace], now: float, known_since: float | None) -> LastHour:
        """The hour up to `now`. `traces` come newest first; `known_since` is from when on all are known, None
        where that is always.
        """
        since = now - HOUR
        outcomes: Counter[str] = Counter()
        causes: Counter[str] = Counter()
        minutes: dict[str, list[int]] = {"ok": [0] * _MINUTES, "failed": [0] * _MINUTES}

        def add(minute: int, outcome: Outcome, cause: str | None, number: int) -> None:
            outcomes[outcome] += number
            if outcome in minutes:
                # whole minutes of the clock, so that a column stands still until the minute is over
                ago = int(now // 60) - minute
                minutes[outcome][max(0, _MINUTES - 1 - max(ago, 0))] += number
            if outcome == "failed":
                causes[cause_title(cause)] += number

        for trace in traces:
            if trace.end < since:
                break
            add(int(trace.end // 60), trace.outcome, trace.cause, 1)
        for minute in [each for each in self._gone if each * 60 >= since]:
            for (outcome, cause), number in self._gone[minute].items():
                add(minute, outcome, cause, number)
        return LastHour(
            outcomes["ok"],
            outcomes["failed"],
            outcomes["incomplete"],
            tuple(causes.most_common()),
            tuple(minutes["ok"]),
            tuple(minutes["failed"]),
            known_since if known_since is not None and known_since > since + 60.0 else None,
        )
