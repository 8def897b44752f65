"""Numbers as people say them."""

from zoneinfo import ZoneInfo

import pytest

from cyrtui.wording import clock, counted, distance, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3725, "1h 2m"),
        (86400, "1d"),
        (273_600, "3d 4h"),
        (86405, "1d"),
    ],
)
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "+ 0 ms"),
        (0.0124, "+ 12 ms"),
        (-0.002, "- 2 ms"),
        (0.9996, "+ 1.0 s"),
        (3.05, "+ 3.0 s"),
        (125, "+ 2m 5s"),
    ],
)
def test_distances(seconds: float, words: str) -> None:
    assert distance(seconds) == words


def test_counted() -> None:
    assert (counted(1, "line"), counted(12_000, "line"), counted(2, "entry", "entries")) == (
        "1 line",
        "12,000 lines",
        "2 entries",
    )


def test_clock_is_in_the_hosts_zone() -> None:
    moment = 1_795_332_040.5
    assert clock(moment, ZoneInfo("UTC")) == "07:20:40"
    assert clock(moment, ZoneInfo("Europe/Paris"), fraction=True) == "08:20:40.500"
