"""Whatever pictures follow one another, a terminal that obeys what Glass writes shows the last one."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from cyrtui.screens.glass import Glass
from cyrtui.screens.sequences import Erasing

WIDTH, HEIGHT = 34, 9
STYLES = (
    "none",
    "bold",
    "red",
    "on blue",
    "green on #102030",
    "underline yellow",
    "reverse",
    "bold red on blue",
)
Piece = tuple[str, str]
Picture = list[list[Piece]]
RICH = Erasing(with_colour=True, characters=True)

pieces = st.tuples(
    st.one_of(
        st.text("ab .", min_size=1, max_size=20),
        st.sampled_from(["漢字", "e\u0301a", "─é", "x🙂y", " " * 20, "\x1b]52;c;eA==\x07", "a\nb"]),
    ),
    st.sampled_from(STYLES),
)
lines = st.lists(pieces, max_size=4)
pictures = st.lists(lines, min_size=HEIGHT, max_size=HEIGHT)


def strip_of(line: Sequence[Piece]) -> Strip:
    segments = [Segment(text, Style.parse(style)) for text, style in line]
    return Strip(segments).adjust_cell_length(WIDTH, Style.null())


def layout_of(picture: Picture) -> LayoutUpdate:
    return LayoutUpdate([[strip_of(line)] for line in picture], Region(0, 0, WIDTH, HEIGHT))


class _Screen(pyte.Screen):
    """pyte erases with all that the cursor carries; terminals with the background, or with nothing at all."""

    with_colour = True

    def _erasing(self, erase: Callable[..., None], how: int | None) -> None:
        carried = self.cursor.attrs
        plain = pyte.screens.Char(" ")
        self.cursor.attrs = plain._replace(bg=carried.bg) if self.with_colour else plain
        erase(how)
        self.cursor.attrs = carried

    def erase_in_line(self, how: int | None = 0, private: bool = False) -> None:
        self._erasing(super().erase_in_line, how)

    def erase_characters(self, count: int | None = None) -> None:
        self._erasing(super().erase_characters, count)


class Terminal:
    """A terminal that does not wrap, and what it shows in a form that can be compared."""

    def __init__(self, erasing: Erasing) -> None:
        self.screen = _Screen(WIDTH, HEIGHT)
        self.screen.with_colour = erasing.with_colour
        self.screen.reset_mode(7, private=True)
        self.stream = pyte.Stream(self.screen)

    def cells(self) -> list[list[tuple[object, ...]]]:
        return [[self._cell(self.screen.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)]

    @staticmethod
    def _cell(cell: pyte.screens.Char) -> tuple[object, ...]:
        blank = not cell.data.strip() and not cell.underscore and not cell.reverse
        # the letter's colour and weight cannot be seen on a blank
        look = () if blank else (cell.fg, cell.bold, cell.underscore, cell.reverse)
        return (unicodedata.normalize("NFC", cell.data), cell.bg, *look)


def shown_at_once(picture: Picture, erasing: Erasing) -> list[list[tuple[object, ...]]]:
    terminal = Terminal(erasing)
    glass = Glass(color_system=ColorSystem.TRUECOLOR, erasing=erasing)
    glass.put(layout_of(picture))
    terminal.stream.feed(glass.paint())
    return terminal.cells()


@pytest.mark.parametrize("erasing", [Erasing(), RICH])
@settings(max_examples=150, deadline=None)
@given(sequence=st.lists(pictures, min_size=2, max_size=4))
def test_a_sequence_of_pictures_ends_as_the_last_alone(erasing: Erasing, sequence: list[Picture]) -> None:
    terminal = Terminal(erasing)
    glass = Glass(color_system=ColorSystem.TRUECOLOR, erasing=erasing)
    for picture in sequence:
        glass.put(layout_of(picture))
        terminal.stream.feed(glass.paint())
    assert terminal.cells() == shown_at_once(sequence[-1], Erasing())
    assert glass.paint() == ""


words = st.text("abcdefgh", min_size=18, max_size=26)
full = st.lists(
    st.tuples(words, st.sampled_from(STYLES)).map(lambda piece: [piece]), min_size=40, max_size=40
)


@settings(max_examples=200, deadline=None)
@given(lines=full, by=st.integers(-4, 4), top=st.integers(0, 2), bottom=st.integers(7, HEIGHT))
def test_lines_that_move_end_where_they_belong(lines: Picture, by: int, top: int, bottom: int) -> None:
    frame = lines[30:]
    pictures = [
        [lines[10 + shift + y] if top <= y < bottom else frame[y] for y in range(HEIGHT)]
        for shift in (0, by, 0)
    ]
    terminal = Terminal(RICH)
    glass = Glass(color_system=ColorSystem.TRUECOLOR, erasing=RICH)
    for picture in pictures:
        glass.put(layout_of(picture))
        terminal.stream.feed(glass.paint())
        assert terminal.cells() == shown_at_once(picture, Erasing())


def test_what_terminals_measure_differently_does_not_move_the_rest() -> None:
    glass = Glass(color_system=ColorSystem.STANDARD, erasing=Erasing())
    glass.put(layout_of([[("🙂|e\u0301|", "none")]] * HEIGHT))
    written = glass.paint()
    assert "\x1b[2H🙂\x1b[2;3H|e\u0301\x1b[2;5H|" in written
    glass.put(layout_of([[("🙂|e\u0301!", "none")]] * HEIGHT))
    assert "\x1b[2H🙂\x1b[2;3H|e\u0301\x1b[2;5H!" in glass.paint()


def numbered(first: int) -> Picture:
    return [[(f"line {n} {chr(65 + n % 26) * 20}", "none")] for n in range(first, first + HEIGHT)]


def test_a_window_that_moves_by_a_line_is_scrolled_and_not_written_again() -> None:
    glass = Glass(color_system=ColorSystem.TRUECOLOR, erasing=RICH)
    glass.put(layout_of(numbered(100)))
    whole = glass.paint()
    glass.put(layout_of(numbered(101)))
    down = glass.paint()
    glass.put(layout_of(numbered(100)))
    up = glass.paint()
    assert len(whole) > 200
    assert len(down) < 80
    assert len(up) < 80


def test_only_cells_that_differ_are_written() -> None:
    glass = Glass(color_system=ColorSystem.STANDARD, erasing=Erasing())
    picture: Picture = [[("07:05:19 all is well here", "red")] for _ in range(HEIGHT)]
    glass.put(layout_of(picture))
    glass.paint()
    picture[3] = [("07:05:20 all is well here", "red")]
    glass.put(layout_of(picture))
    assert glass.paint() == "\x1b[4;7H\x1b[31m20\x1b[m"


def test_after_forgetting_every_line_is_written() -> None:
    glass = Glass(color_system=ColorSystem.STANDARD, erasing=Erasing())
    glass.put(layout_of(numbered(1)))
    first = glass.paint()
    assert glass.paint() == ""
    glass.forget()
    assert glass.paint() == first


def test_nothing_that_a_terminal_obeys_comes_from_a_text() -> None:
    glass = Glass(color_system=ColorSystem.STANDARD, erasing=Erasing())
    picture: Picture = [[("a\x1b]52;c;eA==\x07b\x9b31mc\r\n\x7f", "none")]] + [[] for _ in range(HEIGHT - 1)]
    glass.put(layout_of(picture))
    written = glass.paint()
    assert "␛]52;c;eA==␇b\ufffd31mc␍␊\ufffd" in written
    assert not set(written) & {"\x07", "\x9b", "\r", "\n", "\x7f"}


def test_links_are_not_written() -> None:
    glass = Glass(color_system=ColorSystem.STANDARD, erasing=Erasing())
    style = Style(link="https://example.org/evil")
    glass.put(LayoutUpdate([[Strip([Segment("click", style)])]], Region(0, 0, 5, 1)))
    assert glass.paint() == "\x1b[1Hclick"


def test_a_part_of_a_line_leaves_the_rest_alone() -> None:
    terminal = Terminal(RICH)
    glass = Glass(color_system=ColorSystem.STANDARD, erasing=Erasing())
    glass.put(layout_of(numbered(1)))
    terminal.stream.feed(glass.paint())
    left, right = Strip([Segment("LEFT ", Style.null())]), Strip([Segment("R" * 29, Style.null())])
    chops = [{0: left, 5: right} for _ in range(HEIGHT)]
    glass.put(ChopsUpdate(chops, [(2, 0, 5)], [[5, WIDTH] for _ in range(HEIGHT)]))
    terminal.stream.feed(glass.paint())
    assert terminal.screen.display[2].startswith("LEFT 3 DDD")
    assert terminal.screen.display[3].startswith("line 4 EEE")


def test_a_first_picture_with_holes_waits_for_what_fills_them() -> None:
    glass = Glass(color_system=ColorSystem.STANDARD, erasing=Erasing())
    left = Strip([Segment("LEFT ", Style.null())])
    chops: list[dict[int, Strip | None]] = [{0: left, 5: None} for _ in range(HEIGHT)]
    glass.put(ChopsUpdate(chops, [(2, 0, 5)], [[5, WIDTH] for _ in range(HEIGHT)]))
    assert glass.paint() == ""
    glass.put(layout_of(numbered(1)))
    assert "line 3 DDD" in glass.paint()


@settings(max_examples=100, deadline=None)
@given(
    picture=st.lists(
        st.lists(st.tuples(st.text("ab .", max_size=30), st.sampled_from(STYLES)), max_size=3),
        min_size=HEIGHT,
        max_size=HEIGHT,
    )
)
def test_a_picture_shows_its_texts_in_their_colours(picture: Picture) -> None:
    terminal = Terminal(RICH)
    glass = Glass(color_system=ColorSystem.TRUECOLOR, erasing=RICH)
    glass.put(layout_of(picture))
    terminal.stream.feed(glass.paint())
    for y, line in enumerate(picture):
        text = "".join(text for text, _ in line)[:WIDTH].ljust(WIDTH)
        assert terminal.screen.display[y] == text
        names = [name for text, name in line for _ in text][:WIDTH]
        for x, name in enumerate(names):
            cell, style = terminal.screen.buffer[y][x], Style.parse(name)
            backgrounds = {"on blue": "blue", "green on #102030": "102030", "bold red on blue": "blue"}
            assert cell.bg == backgrounds.get(name, "default")
            if cell.data != " ":
                assert (cell.bold, cell.underscore, cell.reverse) == (
                    bool(style.bold),
                    bool(style.underline),
                    bool(style.reverse),
                )
                assert cell.fg == (
                    "default"
                    if style.color is None
                    else {"yellow": "brown"}.get(str(style.color.name), style.color.name)
                )
