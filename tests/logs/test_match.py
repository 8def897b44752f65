"""Searching bytes: words and expressions, capitals, and lines that begin where another ends."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.logs.generation import split_lines
from cyrtui.logs.match import FilterError, LineFilter


@pytest.mark.parametrize(
    ("text", "regex", "line", "found"),
    [
        ("badlogin", False, b"x BadLogin: y", True),
        ("BadLogin", False, b"x badlogin: y", False),
        ("é", False, "été".encode(), True),
        ("a.c", False, b"abc", False),
        ("a.c", True, b"ABC", True),
        (r"\Sx", True, b"AX", True),
        ("A.c", True, b"abc", False),
        ("^b", True, b"ab", False),
    ],
)
def test_small_letters_find_capitals(text: str, regex: bool, line: bytes, found: bool) -> None:
    assert LineFilter(text, regex=regex).matcher().matches(line) is found
    assert LineFilter(text, regex=regex, inverse=True).matcher().matches(line) is not found


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (LineFilter(""), "empty"),
        (LineFilter("a\nb"), "newline"),
        (LineFilter("a(b", regex=True), "missing .* at character 2"),
        (LineFilter("\x1b[(", regex=True), "␛"),
        (LineFilter("a{99999999999999999999}", regex=True), "regular expression"),
    ],
)
def test_what_cannot_be_searched_for_is_said(wanted: LineFilter, words: str) -> None:
    with pytest.raises(FilterError, match=words):
        wanted.matcher()


def test_spans_of_what_is_shown() -> None:
    assert LineFilter("ab").spans("xABab") == [(1, 3), (3, 5)]
    assert LineFilter("b*", regex=True).spans("abba") == [(1, 3)]


@given(
    st.lists(st.text("abA \n", max_size=8), max_size=20),
    st.text("abA ", min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_a_block_of_lines_is_searched_as_each_line(
    texts: list[str], needle: str, regex: bool, inverse: bool
) -> None:
    lines = [text.replace("\n", "").encode() for text in texts]
    data = b"".join(line + b"\n" for line in lines)
    starts, _ = split_lines(data, 0)
    matcher = LineFilter(needle, regex=regex, inverse=inverse).matcher()
    flags = re.IGNORECASE if needle == needle.lower() else 0
    expected = [
        number
        for number, line in enumerate(lines)
        if (re.search(re.escape(needle.encode()), line, flags) is not None) is not inverse
    ]
    assert matcher.lines(data, starts) == expected
    assert [number for number, line in enumerate(lines) if matcher.matches(line)] == expected
