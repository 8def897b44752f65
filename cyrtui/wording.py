"""Numbers as people say them: spans of time, sizes, counted things."""

from __future__ import annotations

from datetime import datetime, tzinfo


def span(seconds: float) -> str:
    """A span of time in its two largest units: 3d 4h, 12m 5s, 0s."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        number, left = divmod(left, unit)
        if number or (name == "s" and not parts):
            parts.append(f"{number}{name}")
        elif parts:
            break
    return " ".join(parts[:2])


def age(seconds: float) -> str:
    """A span of time in its largest unit from minutes on: `<1m`, 12m, 3h, 2d; it changes seldom."""
    left = max(0, int(seconds))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if left >= unit:
            return f"{left // unit}{name}"
    return "<1m"


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 line`, `2 lines`, `12,000 lines`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(octets: float) -> str:
    """A size in the unit that leaves few digits, by thousands as disks are sold: 512 B, 12 kB, 4.1 MB."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if octets < 999.5 or unit == "TB":
            return f"{octets:.1f} {unit}" if octets < 9.95 and unit != "B" else f"{octets:.0f} {unit}"
        octets /= 1000
    raise AssertionError


def clock(moment: float, zone: tzinfo | None, *, fraction: bool = False) -> str:
    """07:04:57, or 07:04:57.120 with `fraction`, in `zone` (None: this machine's)."""
    then = datetime.fromtimestamp(moment, zone)
    return f"{then:%H:%M:%S}.{then.microsecond // 1000:03}" if fraction else f"{then:%H:%M:%S}"


def dated(moment: float, now: float, zone: tzinfo | None) -> str:
    """07:04:57 of the day of `now`; of another day 05-10 07:04:57, of another year 2025-05-10 07:04."""
    then, here = (datetime.fromtimestamp(each, zone) for each in (moment, now))
    if then.date() == here.date():
        return f"{then:%H:%M:%S}"
    return f"{then:%m-%d %H:%M:%S}" if then.year == here.year else f"{then:%Y-%m-%d %H:%M}"


def moment(when: float, zone: tzinfo | None) -> str:
    """2026-05-10 13:11, in `zone` (None: this machine's)."""
    return f"{datetime.fromtimestamp(when, zone):%Y-%m-%d %H:%M}"


def distance(seconds: float) -> str:
    """The distance in time between two lines: `+ 12 ms`, `+ 3.1 s`, `+ 2m 5s`; backwards `- 2 ms`."""
    sign, size = ("+", seconds) if seconds >= 0 else ("-", -seconds)
    if size < 0.9995:
        return f"{sign} {size * 1000:.0f} ms"
    return f"{sign} {size:.1f} s" if size < 60 else f"{sign} {span(size)}"
