"""A moment as people type it: `13:11`, `2026-05-10 13:11`, `May 10 13:11`, `yesterday 9:00`, `-10m`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

from cyrtui.errors import CyrtuiError
from cyrtui.inert import inert
from cyrtui.pattern import pattern

FORMS: Final = "13:11, 2026-05-10 13:11, May 10 13:11, yesterday 13:11, -10m, -2h, -1d"
_BACK: Final = pattern(r"([+-])(\d{1,7})\s*(s|sec|m|min|h|d|w)\Z", re.IGNORECASE)
_SECONDS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905
_CLOCK: Final = r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?"
_TIME: Final = pattern(rf"{_CLOCK}\Z")
_ISO: Final = pattern(rf"(?:(\d{{4}})-)?(\d\d)-(\d\d)(?:[T ]+{_CLOCK})?(Z|[+-]\d\d:?\d\d)?\Z", re.IGNORECASE)
_NAMED: Final = pattern(rf"([a-z]{{3}})[a-z]* +(\d{{1,2}})(?: +(\d{{4}}))?(?: +{_CLOCK})?\Z", re.IGNORECASE)
_DAY: Final = pattern(rf"(today|yesterday)(?: +{_CLOCK})?\Z", re.IGNORECASE)


class MomentError(CyrtuiError):
    """What was typed is no time; the sentence says which forms there are."""


def parse_moment(text: str, now: float, zone: tzinfo | None, standing: float | None = None) -> float:
    """The moment meant, in seconds since the epoch. Raises `MomentError`.

    `standing` is the time of the line that one stands on: steps as `-10m` are from there, and a time without
    a day is of that day. Without it they are from `now`, and a time that is still to come is yesterday's; a
    day without a year that is still to come is last year's. `zone` is the host's (None: this machine's).
    """
    text = " ".join(text.split())
    if (found := _BACK.match(text)) is not None:
        step = int(found[2]) * _SECONDS[found[3].lower()]
        return (now if standing is None else standing) + (step if found[1] == "+" else -step)
    here = datetime.fromtimestamp(now, zone)
    try:
        return _at(text, here, zone, standing)
    except (ValueError, OverflowError, OSError) as error:
        raise MomentError(f"“{inert(text[:40])}” is no time ({error}). There are: {FORMS}.") from error


def _at(text: str, here: datetime, zone: tzinfo | None, standing: float | None) -> float:
    if (found := _TIME.match(text)) is not None:
        day = here if standing is None else datetime.fromtimestamp(standing, zone)
        moment = _with_clock(day, found.groups())
        if standing is None and moment > here:
            moment = _with_clock(day - timedelta(days=1), found.groups())
        return moment.timestamp()
    if (found := _DAY.match(text)) is not None:
        day = here - timedelta(days=found[1].lower() == "yesterday")
        return _with_clock(day, found.groups()[1:]).timestamp()
    if (found := _ISO.match(text)) is not None:
        if found[8] is not None:
            return datetime.fromisoformat(text.upper().replace(" ", "T")).timestamp()
        return _on(found[1], int(found[2]), int(found[3]), found.groups()[3:7], here)
    if (found := _NAMED.match(text)) is not None and found[1].lower() in _MONTHS:
        month = _MONTHS.index(found[1].lower()) + 1
        return _on(found[3], month, int(found[2]), found.groups()[3:7], here)
    raise ValueError("it is none of the known forms")


def _on(year: str | None, month: int, day: int, clock: tuple[str | None, ...], here: datetime) -> float:
    if year is not None:
        return _with_clock(here.replace(year=int(year), month=month, day=day), clock).timestamp()
    # 29 February may be some years back.
    for earlier in range(9):
        try:
            moment = _with_clock(here.replace(year=here.year - earlier, month=month, day=day), clock)
        except ValueError:
            if (month, day) != (2, 29):
                raise
            continue
        if moment <= here:
            return moment.timestamp()
    raise ValueError("there is no such day")


def _with_clock(day: datetime, clock: tuple[str | None, ...]) -> datetime:
    hour, minute, second, fraction = (*clock, None, None, None, None)[:4]
    return day.replace(
        hour=int(hour or 0),
        minute=int(minute or 0),
        second=int(second or 0),
        microsecond=int((fraction or "0").ljust(6, "0")),
        fold=0,
    )
