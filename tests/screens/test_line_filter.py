"""What the filter lets through is harmless, and what is harmless goes through untouched."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.widgets import Static

from cyrtui.screens.lean_app import LeanApp
from cyrtui.screens.line_filter import InertFilter, tame

BLACK = Color(0, 0, 0)


def test_controls_become_pictures_and_the_rest_of_what_is_live_a_replacement() -> None:
    assert tame("a\x1b]52;c;\x07b") == "a␛]52;c;␇b"
    assert tame("\x00\t\r\n\x1f") == "␀␉␍␊␟"
    assert tame("\x7f\x9b31m\x85") == "\ufffd\ufffd31m\ufffd"
    assert tame("\u202eevil\u2069 \ud800") == "\ufffdevil\ufffd \ufffd"


@given(st.text(st.characters()))
def test_nothing_live_is_left(text: str) -> None:
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", tame(text))
    assert len(tame(text)) == len(text)


def test_clean_segments_are_the_same_list_and_styles_stay() -> None:
    clean = [Segment("Été 2026 漢字 [b]", Style(bold=True))]
    assert InertFilter().apply(clean, BLACK) is clean
    dirty = [Segment("\x1b[31m", Style(bold=True)), Segment("ok")]
    assert InertFilter().apply(dirty, BLACK) == [Segment("␛[31m", Style(bold=True)), Segment("ok")]


class Careless(LeanApp):
    """An application that shows what it was given."""

    def compose(self) -> list[Static]:
        return [Static("evil \x1b]52;c;eA== and more", markup=False)]


async def test_the_application_filters_every_widget() -> None:
    async with Careless().run_test(size=(40, 3)) as pilot:
        strips = pilot.app.screen._compositor.render_strips()
        assert strips[0].text.startswith("evil ␛]52;c;eA== and")
