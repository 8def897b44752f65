"""Patterns that are compiled at their first use."""

import re

import pytest

from cyrtui.pattern import pattern


def test_it_finds_what_the_compiled_one_finds() -> None:
    lazy, compiled = (
        pattern(r"(\d+) (?P<unit>[a-z]+)", re.IGNORECASE),
        re.compile(r"(\d+) (?P<unit>[a-z]+)", re.I),
    )
    text = "12 MB and 3 kb"
    for _ in range(2):
        found = lazy.search(text)
        assert found is not None
        assert found.groupdict() == {"unit": "MB"}
        assert [one.span() for one in lazy.finditer(text)] == [one.span() for one in compiled.finditer(text)]
        assert lazy.sub("x", text) == compiled.sub("x", text)
        assert lazy.split(text) == compiled.split(text)
        assert lazy.match("no") is None
    assert lazy.groups == 2
    assert lazy.groupindex == compiled.groupindex


def test_bytes_too() -> None:
    assert pattern(rb"a+").fullmatch(b"aaa") is not None


def test_a_wrong_one_is_told_when_it_is_used() -> None:
    wrong = pattern("(")
    with pytest.raises(re.error):
        wrong.match("x")
