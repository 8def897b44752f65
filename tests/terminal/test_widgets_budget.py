"""What the widgets write to a terminal of 120x40 with all colours, in bytes. Bytes are counted, not time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .apps.widgets import line
from .pty_console import PtyConsole

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[2]


@contextmanager
def showing(what: str) -> Iterator[PtyConsole]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SSH_", "NO_COLOR"))}
    env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TZ": "UTC"}
    argv = [sys.executable, "-m", "tests.terminal.apps.widgets", what]
    with PtyConsole(argv, columns=120, rows=40, env=env, cwd=ROOT) as console:
        console.wait_for("literal" if what != "modes" else "MODE")
        console.settle()
        yield console


def cost(console: PtyConsole, *keys: str) -> int:
    before = console.written
    console.press(*keys)
    console.settle()
    return console.written - before


def repainted(console: PtyConsole) -> list[str]:
    """The screen after every cell was written again: what it should have shown already."""
    assert cost(console, "ctrl+l") > 1000
    return console.lines()


@pytest.mark.parametrize("what", ["log", "table", "timeline", "modes"])
def test_a_start_is_one_picture(what: str) -> None:
    with showing(what) as console:
        assert console.written <= 15_000


def test_nothing_is_written_while_nothing_happens() -> None:
    with showing("log") as console:
        assert console.pump(2.5) == 0


def test_a_tick_of_the_clock_is_a_few_cells() -> None:
    with showing("clock") as console:
        ticks = 0
        while ticks < 3:
            before = console.written
            console.pump(1.0)
            ticks += console.written != before
            assert console.written - before <= 2 * 60


def test_a_page_of_the_log_is_a_picture() -> None:
    with showing("log") as console:
        top = console.lines()[1]
        assert cost(console, "pageup") <= 12_000
        assert top[2:].rstrip() in console.lines()[-1]
        assert cost(console, "pagedown") <= 12_000
        assert cost(console, "home") <= 12_000
        assert console.lines()[1].lstrip("› ").startswith("M ")
        assert cost(console, "end") <= 12_000


def test_a_step_in_the_log_is_two_lines() -> None:
    with showing("log") as console:
        cost(console, "up")
        assert cost(console, "up") <= 900
        assert sum(line.startswith("› ") for line in console.lines()) == 1


def test_following_ten_lines_a_second_costs_less_than_5_kb_a_second() -> None:
    with showing("log") as console:
        before = console.written
        console.press("b")
        console.wait_for("FED")
        console.settle()
        # a hundred lines in forty batches are ten seconds of a busy server
        assert (console.written - before) / 10 <= 5_000
        shown = console.lines()
        last = line(1_000_099)
        stamp = time.strftime("%H:%M:%S", time.gmtime(last.time))
        assert any(stamp in text and f"[{last.pid}]" in text for text in shown)
        assert shown == repainted(console)


def test_a_hundred_moves_of_the_mouse_over_a_table_cost_nothing() -> None:
    with showing("table") as console:
        before = console.written
        for number in range(100):
            console.mouse_move(number % 110, 3 + number % 35)
        console.settle()
        assert console.written - before <= 200


def test_a_step_in_a_table_is_two_lines_and_a_click_selects() -> None:
    with showing("table") as console:
        assert cost(console, "down") <= 600
        assert console.lines()[3].startswith("› ")
        console.click(10, 20)
        console.settle()
        assert console.lines()[20].startswith("› ")
        assert sum(line.startswith("› ") for line in console.lines()) == 1


def test_a_step_beyond_the_edge_of_a_table_scrolls_it() -> None:
    with showing("table") as console:
        cost(console, *["down"] * 37)
        assert console.lines()[39].startswith("› ")
        assert cost(console, "down") <= 900
        assert console.lines()[39].startswith("› ")
        assert console.lines() == repainted(console)


def test_a_row_on_top_of_a_table_is_one_line() -> None:
    with showing("table") as console:
        cost(console, "down", "down")
        row = console.lines()[4]
        assert cost(console, "n") <= 600
        assert console.lines()[5] == row
        assert console.lines() == repainted(console)


def test_a_mode_is_one_picture() -> None:
    with showing("modes") as console:
        assert cost(console, "2") <= 12_000
        assert console.lines()[0] == "TABLE MODE"
        assert cost(console, "1") <= 12_000
        assert console.lines()[0] == "LOG MODE"
        assert console.lines() == repainted(console)


def test_markup_is_shown_and_not_obeyed() -> None:
    with showing("log") as console:
        assert "[bold]literal[/bold]" in console.lines()[0]
