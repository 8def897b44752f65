"""When a line was written: the stamps of the formats that mail servers have.

- RFC 3164 (`Nov 22 08:15:56 host …`; rsyslog's RSYSLOG_TraditionalFileFormat): no year and no zone. The year
  comes from the moment that the line cannot be later than, the zone from the host. A fraction or a year after
  the day is read where a daemon writes one.
- RFC 3339 (`2026-11-22T08:15:56.123456+01:00 host …`; rsyslog's RSYSLOG_FileFormat).
- RFC 5424 (`<22>1 2026-11-22T08:15:56.123Z host …`), with or without the `<22>`, which the others may have.
- slapd 2.6 `logfile-format debug` (openldap servers/slapd/logging.c): seconds and nanoseconds, or five digits
  of microseconds, in hexadecimal, and the thread (`69216fcc.0f9e1a2b 0x7f21d4bff6c0 conn=…`).
"""

from __future__ import annotations

import datetime
import math
import operator
import re
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cyrtui.pattern import pattern

DAY: Final = 86400.0
_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()
_LEAP_GAP: Final = 9  # from 1896-02-29 to 1904-02-29, and again around 2100
_SLACK: Final = 120.0  # how far the clocks of a line and of a file's mtime may stand apart
_STEP_BACK: Final = 1700.0  # an hour told twice, or a year that ended, seen in the order of lines
_CACHED: Final = 8192

_PRI: Final = pattern(rb"<(\d{1,3})>")
_ISO: Final = pattern(
    rb"(?:1 )?(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?(?:[ \t]|\Z)"
)
_BSD: Final = pattern(
    rb"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}(\d{1,2}) (?:(\d{4}) )?"
    rb"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[ \t]|\Z)"
)
_HEX: Final = pattern(rb"([0-9a-f]{8,10})\.([0-9a-f]{8}|[0-9a-f]{5}) 0x[0-9a-f]{1,16} ")
_MONTHS: Final = {
    name: number
    for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)
}
HEAD: Final = 64
"""No stamp is longer than this many bytes."""


class Stamp(NamedTuple):
    """`time` in seconds since the epoch; `length` in bytes of what precedes the host or, for slapd, the text.

    `worked_out` tells that the stamp alone did not say the year or the offset from UTC. `priority` is the
    number of `<PRI>` (RFC 5424 section 6.2.1: facility * 8 + severity), `syslog5424` tells that the rest of
    the line is in the order of RFC 5424, `bare` that no host and no ident follow.
    """

    time: float
    whole_seconds: bool
    length: int
    worked_out: bool = False
    priority: int | None = None
    syslog5424: bool = False
    bare: bool = False


class StampClock:
    """What is known about time where a log was written: its zone, and the latest moment its stamps may mean.

    `zone` is an IANA name; None, or a name that this machine does not know, is the zone of this machine.
    `latest` is the file's mtime, or the time of the line that follows: a stamp without a year lies in the
    last year in which its day does not begin more than a day after it; a local time that came twice, when
    summer time ended, is the second if that is not after it. Not thread-safe.
    """

    def __init__(self, zone: str | None, latest: float) -> None:
        self._zone: ZoneInfo | None = None
        if zone is not None:
            try:
                self._zone = ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError):
                self._zone = None
        self._latest = latest
        self._days: dict[tuple[int, int], tuple[int, float, bool]] = {}
        self._seconds: dict[bytes, tuple[float, bytes | None, bool]] = {}
        self._minutes: dict[bytes, tuple[bytes, float, bytes | None, bool]] = {}
        self._floor, self._ceiling = -math.inf, math.inf

    @property
    def latest(self) -> float:
        return self._latest

    @latest.setter
    def latest(self, value: float) -> None:
        self._latest = value
        if not self._floor <= value < self._ceiling:
            self._forget()

    def _forget(self) -> None:
        self._days.clear()
        self._seconds.clear()
        self._minutes.clear()
        self._floor, self._ceiling = -math.inf, math.inf

    def stamp(self, line: bytes) -> Stamp | None:
        """The stamp that `line` begins with, or None."""
        first = line[:1]
        begin, priority = 0, None
        if first == b"<":
            found = _PRI.match(line)
            if found is None:
                return None
            begin, priority = found.end(), int(found[1])
            first = line[begin : begin + 1]
        if first.isdigit():
            if (found := _ISO.match(line, begin, begin + HEAD)) is not None:
                return self._iso(found, priority)
            if (found := _HEX.match(line, begin, begin + HEAD)) is not None:
                return _hexadecimal(found, priority)
            return None
        if b"A" <= first <= b"z" and (found := _BSD.match(line, begin, begin + HEAD)) is not None:
            return self._bsd(found, priority)
        return _hexadecimal(found, priority) if (found := _HEX.match(line, begin, begin + HEAD)) else None

    def _iso(self, found: re.Match[bytes], priority: int | None) -> Stamp | None:
        year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
        zone = found[8]
        if hour > 23 or minute > 59 or second > 60:
            return None
        clock = hour * 3600 + minute * 60 + second
        try:
            if zone is None:
                whole = self._local(year, month, day, clock)
            else:
                whole = (datetime.date(year, month, day).toordinal() - _EPOCH) * DAY + clock
        except (ValueError, OverflowError, OSError):
            return None
        if zone is not None and zone != b"Z":
            offset = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
            whole += offset if zone[:1] == b"-" else -offset
        return Stamp(
            whole + _fraction(found[7]),
            found[7] is None,
            found.end(),
            zone is None,
            priority,
            found[0].startswith(b"1 "),
        )

    def _bsd(self, found: re.Match[bytes], priority: int | None) -> Stamp | None:
        month, day = _MONTHS[found[1]], int(found[2])
        hour, minute, second = map(int, found.group(4, 5, 6))
        if hour > 23 or minute > 59 or second > 60:
            return None
        clock = hour * 3600 + minute * 60 + second
        try:
            if found[3] is not None:
                whole = self._local(int(found[3]), month, day, clock)
            else:
                known = self._days.get((month, day)) or self._find_day(month, day)
                if known is None:
                    return None
                year, midnight, regular = known
                whole = midnight + clock if regular else self._local(year, month, day, clock)
        except (ValueError, OverflowError, OSError):
            return None
        return Stamp(
            whole + _fraction(found[7]), found[7] is None, found.end(), worked_out=True, priority=priority
        )

    def _find_day(self, month: int, day: int) -> tuple[int, float, bool] | None:
        """The last year in which this day may be meant, its midnight, and whether its clock runs evenly."""
        limit = self._latest + DAY
        try:
            newest = datetime.datetime.fromtimestamp(limit, datetime.UTC).year + 1
        except (ValueError, OverflowError, OSError):
            return None
        above = math.inf
        for year in range(newest, newest - 2 * _LEAP_GAP, -1):
            try:
                midnight = self._moment(year, month, day, 0)
            except (ValueError, OverflowError, OSError):
                continue
            if midnight > limit:
                above = midnight
                continue
            regular = self._is_regular(year, month, day, midnight)
            self._floor = max(self._floor, midnight - DAY)
            self._ceiling = min(self._ceiling, above - DAY)
            self._days[month, day] = (year, midnight, regular)
            return year, midnight, regular
        return None

    def _is_regular(self, year: int, month: int, day: int, midnight: float) -> bool:
        following = datetime.date(year, month, day) + datetime.timedelta(days=1)
        return self._moment(following.year, following.month, following.day, 0) - midnight == DAY

    def _local(self, year: int, month: int, day: int, clock: int) -> float:
        first = self._moment(year, month, day, clock)
        second = self._moment(year, month, day, clock, fold=1)
        return second if first < second <= self._latest + _SLACK else first

    def _moment(self, year: int, month: int, day: int, clock: int, *, fold: int = 0) -> float:
        leap = 1 if clock == DAY else 0
        minutes, seconds = divmod(clock - leap, 60)
        hour, minute = divmod(minutes, 60)
        local = datetime.datetime(year, month, day, hour, minute, seconds, tzinfo=self._zone, fold=fold)
        return local.timestamp() + leap

    def times(self, lines: Sequence[bytes], before: float) -> tuple[list[float], int]:
        """The time of each line, and how many lines at the beginning have no stamp.

        A line without a stamp has the time of the line before it, the first ones `before`. `latest` must not
        be earlier than the last line.
        """
        seconds = self._seconds
        if len(seconds) > _CACHED:
            seconds.clear()
        if len(self._minutes) > _CACHED:
            self._minutes.clear()
        times: list[float] = []
        add = times.append
        last, unstamped = before, 0
        relative = False
        for line in lines:
            known = seconds.get(line[:20]) or self._by_minute(line)
            if known is not None:
                base, after, exact = known
                if after is None:
                    relative = True
                    add(base)
                    last = base
                    continue
                if line[26:33] == after if exact else line[20:26] == after:
                    if not exact:
                        add(base)
                        last = base
                        continue
                    digits = line[20:26]
                    if digits.isdigit():
                        last = base + int(digits) / 1e6
                        add(last)
                        continue
            stamp = self.stamp(line[:HEAD])
            if stamp is None:
                if len(times) == unstamped:
                    unstamped += 1
            else:
                last = stamp.time
                relative |= stamp.worked_out
                self._remember(line, stamp)
            add(last)
        if relative and any(step > _STEP_BACK for step in map(operator.sub, times, islice(times, 1, None))):
            self._again_backwards(lines, times, before)
        return times, unstamped

    def _by_minute(self, line: bytes) -> tuple[float, bytes | None, bool] | None:
        """What `times` needs to know of a second that is new, if its minute is known."""
        if (found := self._minutes.get(line[:13])) is not None:
            second, blank, base, after, exact = line[13:15], line[15:16], *found[1:]
        elif (found := self._minutes.get(line[:17])) is not None:
            second, blank, base, after, exact = line[17:19], line[19:20], *found[1:]
        else:
            return None
        if blank != found[0] or not second.isdigit() or second > b"59":
            return None
        known = self._seconds[line[:20]] = (base + int(second), after, exact)
        return known

    def _remember(self, line: bytes, stamp: Stamp) -> None:
        """Keep what lets the next lines of the same minute be read fast."""
        if line[:1].isalpha():
            day = self._days.get((_MONTHS[line[:3]], int(line[4:6]))) if stamp.length == 16 else None
            if day is not None and day[2] and line[13:15] < b"60":
                self._minutes[line[:13]] = (b" ", stamp.time - int(line[13:15]), None, False)
        elif stamp.worked_out or line[10:11] != b"T" or not line[17:19] < b"60":
            return
        elif stamp.length == 33 and line[19:20] == b"." and line[26:27] in b"+-":
            whole = math.floor(stamp.time) - int(line[17:19])
            self._minutes[line[:17]] = (b".", float(whole), line[26:33], True)
        elif stamp.length == 26 and line[19:20] in b"+-":
            self._minutes[line[:17]] = (line[19:20], stamp.time - int(line[17:19]), line[20:26], False)

    def _again_backwards(self, lines: Sequence[bytes], times: list[float], before: float) -> None:
        """From the last line back: no line may be later than the line after it, but for a day or an hour."""
        latest = self._latest
        found: list[float | None] = [None] * len(lines)
        for number in range(len(lines) - 1, -1, -1):
            stamp = self.stamp(lines[number][:HEAD])
            if stamp is not None:
                found[number] = self.latest = stamp.time
        self.latest = latest
        last = before
        for number, time in enumerate(found):
            last = last if time is None else time
            times[number] = last


def _fraction(digits: bytes | None) -> float:
    return int(digits) / 10 ** len(digits) if digits else 0.0


def _hexadecimal(found: re.Match[bytes], priority: int | None) -> Stamp | None:
    part = int(found[2], 16) / (1e9 if len(found[2]) == 8 else 1e6)
    whole = int(found[1], 16)
    if part >= 1.0 or whole > 1 << 36:
        return None
    return Stamp(whole + part, whole_seconds=False, length=found.end(), priority=priority, bare=True)


def parse_stamp(line: bytes, clock: StampClock) -> Stamp | None:
    """The stamp at the beginning of one line as bytes, or None where none of the known formats is there."""
    return clock.stamp(line)
