"""Stamps: every format, the year that is not written, summer time, and anything at all."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.logs.stamps import StampClock, parse_stamp

PARIS = ZoneInfo("Europe/Paris")


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def clock(latest: str = "2026-11-22T12:00:00+00:00", zone: str = "UTC") -> StampClock:
    return StampClock(zone, at(latest))


@pytest.mark.parametrize(
    ("line", "time", "whole", "rest"),
    [
        (b"Nov 22 08:15:56 mx imap: x", "2026-11-22T08:15:56+00:00", True, b"mx imap: x"),
        (b"May  3 01:02:03 mx imap: x", "2026-05-03T01:02:03+00:00", True, b"mx imap: x"),
        (b"Nov 22 08:15:56.250 mx imap: x", "2026-11-22T08:15:56.250+00:00", False, b"mx imap: x"),
        (b"Nov 22 2019 08:15:56 mx x", "2019-11-22T08:15:56+00:00", True, b"mx x"),
        (b"<22>Nov 22 08:15:56 mx x", "2026-11-22T08:15:56+00:00", True, b"mx x"),
        (b"2026-11-22T08:15:56.123456+01:00 mx x", "2026-11-22T08:15:56.123456+01:00", False, b"mx x"),
        (b"2026-11-22T08:15:56.5Z mx x", "2026-11-22T08:15:56.5+00:00", False, b"mx x"),
        (b"2026-11-22T08:15:56-03:30 mx x", "2026-11-22T08:15:56-03:30", True, b"mx x"),
        (b"2026-11-22T08:15:56 mx x", "2026-11-22T08:15:56+00:00", True, b"mx x"),
        (b"<22>1 2026-11-22T08:15:56.123Z mx x", "2026-11-22T08:15:56.123+00:00", False, b"mx x"),
        (b"1 2026-11-22T08:15:56Z mx x", "2026-11-22T08:15:56+00:00", True, b"mx x"),
        (b"69217030.1dcd6500 0x7f21d4bff6c0 conn=1", "2025-11-22T08:11:28.5+00:00", False, b"conn=1"),
        (b"69217030.7a120 0x7f21d4bff6c0 conn=1", "2025-11-22T08:11:28.5+00:00", False, b"conn=1"),
        (b"Dec 31 23:59:60 mx x", "2026-01-01T00:00:00+00:00", True, b"mx x"),
    ],
)
def test_formats(line: bytes, time: str, whole: bool, rest: bytes) -> None:
    stamp = parse_stamp(line, clock())
    assert stamp is not None
    assert (stamp.time, stamp.whole_seconds, line[stamp.length :]) == (at(time), whole, rest)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"Nov 22",
        b"Nov 22 08:15:5",
        b"Nov 31 08:15:56 mx",
        b"Nov 22 24:00:00 mx",
        b"Nov 22 08:60:00 mx",
        b"Nvo 22 08:15:56 mx",
        b"2026-02-29T08:15:56Z mx",
        b"2026-11-22T08:15:56+01:00mx",
        b"<22> Nov 22 08:15:56 mx",
        b"<2222>Nov 22 08:15:56 mx",
        b"69216fcc.ffffffff 0x1 x",
        b"\tsecond line of a message",
        b"0000-00-00T00:00:00Z x",
        b"\x00\xff\xfe",
    ],
)
def test_no_stamp(line: bytes) -> None:
    assert parse_stamp(line, clock()) is None


def test_the_year_is_the_last_in_which_the_day_is_not_over_a_day_ahead() -> None:
    one = clock("2026-03-10T12:00:00+00:00")
    assert one.stamp(b"Mar 11 11:00:00 mx").time == at("2026-03-11T11:00:00+00:00")  # type: ignore[union-attr]
    assert one.stamp(b"Mar 12 00:00:00 mx").time == at("2025-03-12T00:00:00+00:00")  # type: ignore[union-attr]
    assert one.stamp(b"Dec 31 23:59:59 mx").time == at("2025-12-31T23:59:59+00:00")  # type: ignore[union-attr]


def test_what_was_remembered_of_a_year_is_forgotten_when_it_has_gone_by() -> None:
    one = clock("2026-01-01T00:10:00+00:00")
    lines = [b"Dec 31 23:59:59 mx a: b", b"Jan  1 00:00:01 mx a: b"]
    assert one.times(lines, 0.0)[0] == [at("2025-12-31T23:59:59+00:00"), at("2026-01-01T00:00:01+00:00")]
    one.latest = at("2027-01-01T00:10:00+00:00")
    assert one.times(lines, 0.0)[0] == [at("2026-12-31T23:59:59+00:00"), at("2027-01-01T00:00:01+00:00")]


def test_29_february_belongs_to_a_leap_year() -> None:
    assert clock().stamp(b"Feb 29 01:00:00 mx").time == at("2024-02-29T01:00:00+00:00")  # type: ignore[union-attr]
    one = clock("2028-03-01T12:00:00+00:00")
    assert one.stamp(b"Feb 29 01:00:00 mx").time == at("2028-02-29T01:00:00+00:00")  # type: ignore[union-attr]


def test_a_log_over_several_new_years_is_dated_from_its_end() -> None:
    days = [b"Nov 30", b"Dec 31", b"Jan  1", b"Nov 29", b"Dec 20", b"Nov 10", b"Nov 22"]
    times, unstamped = clock().times([day + b" 10:00:00 mx a: b" for day in days], 0.0)
    years = [datetime.fromtimestamp(time, UTC).year for time in times]
    assert years == [2024, 2024, 2025, 2025, 2025, 2026, 2026]
    assert times == sorted(times)
    assert unstamped == 0


def test_winter_time_begins_and_an_hour_is_told_twice() -> None:
    hours = [
        b"01:59:58",
        b"02:00:00",
        b"02:30:00",
        b"02:59:59",
        b"02:00:00",
        b"02:30:00",
        b"02:59:59",
        b"03:00:00",
    ]
    one = StampClock("Europe/Paris", at("2026-10-25T12:00:00+01:00"))
    times, _ = one.times([b"Oct 25 " + hour + b" mx a: b" for hour in hours], 0.0)
    begin = at("2026-10-25T01:59:58+02:00")
    assert [time - begin for time in times] == [0, 2, 1802, 3601, 3602, 5402, 7201, 7202]


def test_the_second_of_two_equal_hours_is_known_by_the_time_of_writing() -> None:
    line = b"Oct 25 02:30:00 mx a: b"
    assert StampClock("Europe/Paris", at("2026-10-25T02:30:05+02:00")).times([line], 0.0)[0] == [
        at("2026-10-25T02:30:00+02:00")
    ]
    assert StampClock("Europe/Paris", at("2026-10-25T02:30:05+01:00")).times([line], 0.0)[0] == [
        at("2026-10-25T02:30:00+01:00")
    ]


def test_an_hour_that_does_not_exist_has_a_time_between_its_neighbours() -> None:
    one = StampClock("Europe/Paris", at("2026-03-29T12:00:00+02:00"))
    times, _ = one.times(
        [b"Mar 29 " + hour + b" mx a: b" for hour in (b"01:59:59", b"02:30:00", b"04:00:00")], 0.0
    )
    assert times == sorted(times)


def test_lines_without_a_stamp_have_the_time_before() -> None:
    lines = [b"\tx", b"", b"Nov 22 08:15:56 mx a: b", b"\tcontinued", b"2026-11-22T08:15:57.5Z mx a: b", b"x"]
    first, second = at("2026-11-22T08:15:56+00:00"), at("2026-11-22T08:15:57.5+00:00")
    assert clock().times(lines, 5.0) == ([5.0, 5.0, first, first, second, second], 2)


def test_an_unknown_zone_is_the_machines() -> None:
    assert StampClock("No/Where", 0.0).stamp(b"2026-11-22T08:15:56Z x") is not None
    assert StampClock("../../etc/passwd", 0.0).stamp(b"2026-11-22T08:15:56Z x") is not None


@given(st.binary(max_size=80), st.floats(allow_nan=False, min_value=-1e12, max_value=1e12))
def test_any_bytes_are_read_or_refused(line: bytes, latest: float) -> None:
    stamp = StampClock("Europe/Paris", latest).stamp(line)
    assert stamp is None or (math.isfinite(stamp.time) and 0 < stamp.length <= len(line))


_MOMENTS = st.datetimes(
    min_value=datetime(2026, 1, 1),
    max_value=datetime(2026, 11, 22),
)


def _bsd(moment: datetime) -> bytes:
    return moment.strftime("%b %e %H:%M:%S mx a: b").encode()


def _iso(moment: datetime) -> bytes:
    return moment.replace(tzinfo=PARIS).isoformat().encode() + b" mx a: b"


_LINES = st.one_of(
    _MOMENTS.map(_bsd),
    _MOMENTS.map(_iso),
    _MOMENTS.map(lambda moment: _iso(moment.replace(microsecond=0))),
    _MOMENTS.map(lambda moment: b"<22>1 " + _iso(moment)),
    _MOMENTS.map(lambda moment: _bsd(moment)[:17]),
    _MOMENTS.map(lambda moment: _iso(moment)[:21] + b"x" + _iso(moment)[22:]),
    st.binary(max_size=40),
)


@given(st.lists(_LINES, max_size=40))
def test_many_lines_have_the_times_that_each_has(lines: list[bytes]) -> None:
    lines = sorted(lines, key=lambda line: _time(line) or 0.0)
    one = StampClock("Europe/Paris", at("2026-11-23T00:00:00+00:00"))
    times, unstamped = one.times(lines, 0.0)
    expected, last = [], 0.0
    for line in lines:
        last = _time(line) or last
        expected.append(last)
    if all(later - earlier >= -1700 for earlier, later in pairwise(expected)):
        assert times == pytest.approx(expected, abs=2e-6)
    assert all(_time(line) is None for line in lines[:unstamped])
    assert unstamped == len(lines) or _time(lines[unstamped]) is not None


def _time(line: bytes) -> float | None:
    stamp = StampClock("Europe/Paris", at("2026-11-23T00:00:00+00:00")).stamp(line)
    return None if stamp is None else stamp.time
