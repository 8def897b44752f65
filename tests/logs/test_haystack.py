"""Bytes found in pieces of logs: as `bytes.find` finds them, with the C library's search or without."""

from __future__ import annotations

import random

import pytest

from cyrtui.logs import haystack
from cyrtui.logs.haystack import Haystack


@pytest.fixture(params=["memmem", "bytes.find"], autouse=True)
def search(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "bytes.find":
        monkeypatch.setattr(haystack, "_SEARCH", None)
    else:
        assert haystack._SEARCH is not None


def test_what_is_found_is_what_python_finds() -> None:
    rng = random.Random(5)
    for _ in range(300):
        data = bytes(rng.choices(b"ab\n\0", k=rng.randrange(60)))
        size = rng.randrange(len(data) + 3)
        needle = bytes(rng.choices(b"ab\0", k=rng.randint(1, 3)))
        hay = Haystack(data, size)
        for start in range(len(data) + 2):
            assert hay.find(needle, start) == data[:size].find(needle, start)
        assert len(list(hay.places(needle))) == data[:size].count(needle)
        lines = data[:size].splitlines(keepends=True)
        assert [data[low:high] for low, high in hay.lines_with(needle)] == [
            line for line in lines if needle in line
        ]


def test_nothing_is_found_in_nothing() -> None:
    assert list(Haystack(b"").lines_with(b"x")) == []
    assert Haystack(b"abc", 2).find(b"c") == -1
