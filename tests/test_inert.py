"""Text from outside is shown, never obeyed."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from cyrtui.inert import inert


def test_an_escape_sequence_can_be_seen_and_does_nothing() -> None:
    assert inert(b"\x1b]52;c;ZXZpbA==\x07 \x9b31m") == "␛]52;c;ZXZpbA==␇ \\x9b31m"


def test_c1_controls_and_bidirectional_overrides_are_spelled_out() -> None:
    assert inert("a\x9b31m\u202etxt.exe") == "a\\u{9b}31m\\u{202e}txt.exe"


def test_accents_wide_characters_and_markup_stay() -> None:
    assert inert("Été 日本 [bold]x[/nope]") == "Été 日本 [bold]x[/nope]"


def test_a_character_that_is_asked_for_is_kept() -> None:
    assert inert("a\tb\x1b", keep="\t") == "a\tb␛"


@given(st.one_of(st.binary(), st.text()))
def test_nothing_live_is_left_whatever_comes(value: bytes | str) -> None:
    for character in inert(value):
        assert unicodedata.category(character) not in ("Cc", "Cs")
        assert unicodedata.bidirectional(character) not in ("LRO", "RLO", "LRE", "RLE", "PDF", "LRI", "RLI")


@given(st.text())
def test_it_changes_nothing_twice(value: str) -> None:
    assert inert(inert(value)) == inert(value)
