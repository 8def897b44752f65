"""Times as people type them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.logs.when import MomentError, parse_moment
from tests.logs.files import NOW

BERLIN = ZoneInfo("Europe/Berlin")


def shown(text: str, standing: float | None = None) -> str:
    return datetime.fromtimestamp(parse_moment(text, NOW, UTC, standing), UTC).isoformat(" ")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("08:11", "2026-11-22 08:11:00+00:00"),
        ("13:11", "2026-11-21 13:11:00+00:00"),
        ("8:15:56.5", "2026-11-21 08:15:56.500000+00:00"),
        ("2026-05-10 13:11", "2026-05-10 13:11:00+00:00"),
        ("  2026-05-10T13:11:09  ", "2026-05-10 13:11:09+00:00"),
        ("2026-05-10 13:11+02:00", "2026-05-10 11:11:00+00:00"),
        ("2026-05-10", "2026-05-10 00:00:00+00:00"),
        ("05-10 13:11", "2026-05-10 13:11:00+00:00"),
        ("12-24", "2025-12-24 00:00:00+00:00"),
        ("May 10 13:11", "2026-05-10 13:11:00+00:00"),
        ("December 24 2020 18:00", "2020-12-24 18:00:00+00:00"),
        ("feb 29 1:00", "2024-02-29 01:00:00+00:00"),
        ("yesterday 9:00", "2026-11-21 09:00:00+00:00"),
        ("today", "2026-11-22 00:00:00+00:00"),
        ("-10m", "2026-11-22 08:05:56+00:00"),
        ("-2 h", "2026-11-22 06:15:56+00:00"),
        ("-1w", "2026-11-15 08:15:56+00:00"),
    ],
)
def test_a_moment(text: str, moment: str) -> None:
    assert shown(text) == moment


def test_from_the_line_that_one_stands_on() -> None:
    standing = datetime(2026, 5, 10, 13, 11, 30, tzinfo=UTC).timestamp()
    assert shown("-30s", standing) == "2026-05-10 13:11:00+00:00"
    assert shown("+1h", standing) == "2026-05-10 14:11:30+00:00"
    assert shown("18:00", standing) == "2026-05-10 18:00:00+00:00"


def test_the_hosts_zone() -> None:
    assert parse_moment("2026-07-01 12:00", NOW, BERLIN) == datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp()
    assert parse_moment("2026-01-01 12:00", NOW, BERLIN) == datetime(2026, 1, 1, 11, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text", ["", "soon", "25:00", "12:60", "2026-02-30", "99-99", "Foo 10", "-99999999w"]
)
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(MomentError, match=r"is no time .*\. There are: 13:11, 2026-05-10 13:11"):
        parse_moment(text, NOW, UTC)


@given(st.text(max_size=30))
def test_anything_typed_is_a_time_or_an_error(text: str) -> None:
    with suppress(MomentError):
        assert isinstance(parse_moment(text, NOW, UTC), float)
