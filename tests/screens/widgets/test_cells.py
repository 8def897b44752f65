"""Texts cut and folded into cells, whatever they are made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cyrtui.screens.widgets.cells import cut, fit, fold

texts = st.text(st.sampled_from("ab [/]漢🙂é\u0301…"), max_size=60)


def test_what_fits_stays_and_what_does_not_ends_in_an_ellipsis() -> None:
    assert cut("julien", 6) == "julien"
    assert cut("julien", 5) == "juli…"
    assert cut("漢字漢字", 5) == "漢字…"
    assert cut("julien", 0) == ""


def test_numbers_stand_at_the_right() -> None:
    assert fit("12", 5, "right") == "   12"
    assert fit("12", 5) == "12   "


@given(texts, st.integers(0, 40))
def test_a_fitted_text_has_exactly_its_cells(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width


def test_a_huge_text_is_cut_without_being_measured() -> None:
    assert fit("漢" * 50_000_000, 9) == "漢漢漢漢…"


def test_a_note_is_folded_at_blanks() -> None:
    note = '"lmtp" is no name in /etc/services; it will not listen. Say 24 or add it.'
    assert fold(note, 40, 4) == [
        '"lmtp" is no name in /etc/services; it',
        "will not listen. Say 24 or add it.",
    ]
    assert fold(note, 40, 1) == ['"lmtp" is no name in /etc/services; it…']
    assert fold("x" * 25, 10, 4) == ["x" * 10, "x" * 10, "x" * 5]


@given(texts, st.integers(2, 30), st.integers(1, 4))
def test_folded_lines_fit(text: str, width: int, most: int) -> None:
    lines = fold(text, width, most)
    assert 1 <= len(lines) <= most
    assert all(cell_len(line) <= width for line in lines)
