"""However a console ends, its process is gone, its status says why, and the terminal is as it was."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .pty_console import PtyConsole

ROOT = Path(__file__).parents[2]
GONE = 128 + signal.SIGHUP


@contextmanager
def leaving(
    what: str, *arguments: str, controlling: bool = True, stdin_pipe: bool = False
) -> Iterator[PtyConsole]:
    argv = [sys.executable, "-m", "tests.terminal.apps.leaving", what, *arguments]
    with PtyConsole(
        argv, columns=80, rows=24, cwd=ROOT, controlling=controlling, stdin_pipe=stdin_pipe
    ) as console:
        console.wait_for("READY")
        yield console


def test_q_leaves_with_success_and_restores_the_terminal() -> None:
    with leaving("plain") as console:
        assert 1049 in console.modes
        assert 25 not in console.modes
        console.press("q")
        assert console.wait_exit() == 0
        assert console.is_restored() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_with_its_number_and_restores_the_terminal(number: signal.Signals) -> None:
    with leaving("plain") as console:
        console.signal(number)
        assert console.wait_exit() == 128 + number
        assert console.is_restored() == []


@pytest.mark.parametrize("controlling", [True, False])
def test_it_ends_when_the_terminal_disappears(controlling: bool) -> None:
    with leaving("plain", controlling=controlling) as console:
        console.hang_up()
        assert console.wait_exit() == GONE


def test_it_ends_when_its_input_ends_and_restores_the_terminal() -> None:
    with leaving("plain", stdin_pipe=True) as console:
        console.end_input()
        assert console.wait_exit() == GONE
        assert console.is_restored() == []


def test_a_defect_ends_it_with_1_shows_where_and_restores_the_terminal() -> None:
    with leaving("crash") as console:
        before = len(console.output)
        console.press("x")
        assert console.wait_exit() == 1
        assert console.is_restored() == []
        words = bytes(console.output[before:])
        assert b"RuntimeError: boom 7" in words
        assert b"action_act" in words
        assert b"hunter2" not in words
        assert b"\x1b]52" not in words


def test_a_worker_that_never_ends_does_not_keep_the_process() -> None:
    with leaving("stuck") as console:
        console.press("q")
        assert console.wait_exit() == 0
        assert console.is_restored() == []


def test_a_busy_event_loop_does_not_keep_the_process_from_a_signal() -> None:
    with leaving("busy") as console:
        console.press("x")
        console.settle()
        console.signal(signal.SIGTERM)
        assert console.wait_exit() == 128 + signal.SIGTERM
        assert console.is_restored() == []


def test_a_second_signal_ends_it_at_once() -> None:
    with leaving("busy") as console:
        console.press("x")
        console.settle()
        console.signal(signal.SIGTERM)
        console.pump(0.2)
        console.signal(signal.SIGHUP)
        assert console.wait_exit() == 128 + signal.SIGHUP
        assert console.is_restored() == []


def test_a_terminal_that_takes_nothing_does_not_keep_the_process_from_a_signal() -> None:
    with leaving("flood") as console:
        console.stall(1.0)
        console.signal(signal.SIGTERM)
        assert console.wait_exit(reading=False) == 128 + signal.SIGTERM


def test_a_stalled_terminal_is_owed_one_picture_and_not_all_that_it_missed() -> None:
    with leaving("flood") as console:
        console.stall(3.0)
        console.press("q")
        before = console.written
        assert console.wait_exit() == 0
        # what the kernel and one write held back, not three seconds of two hundred pictures of a kilobyte
        assert console.written - before < 100_000


def test_what_must_not_be_cut_in_two_is_finished_first(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with leaving("held", str(path)) as console:
        while not path.exists():
            console.pump(0.05)
        console.press("q")
        assert console.wait_exit(within=20) == 0
        assert path.read_text() == "finished"
        assert console.is_restored() == []


def test_a_stopped_console_gives_the_terminal_back_and_takes_it_again() -> None:
    with leaving("plain") as console:
        console.signal(signal.SIGTSTP)
        console.pump(0.5)
        assert console.is_restored() == []
        before = console.written
        console.signal(signal.SIGCONT)
        console.pump(1.0)
        assert 1049 in console.modes
        assert b"READY" in bytes(console.output[before:])
        console.press("q")
        assert console.wait_exit() == 0
        assert console.is_restored() == []


def test_another_size_is_painted_whole_and_so_is_the_same_one() -> None:
    with leaving("plain") as console:
        console.settle()
        for columns, rows in ((100, 30), (40, 10), (40, 10)):
            before = console.written
            console.resize(columns, rows)
            # the kernel does not tell of a size that is the same; a terminal that went there and back does
            console.signal(signal.SIGWINCH)
            console.settle()
            assert b"READY" in bytes(console.output[before:])
            assert console.lines()[0] == "READY"


@pytest.mark.parametrize("term", ["linux", "vt100", "dumb", "no-such-terminal", "screen", "tmux-256color"])
def test_it_runs_on_every_kind_of_terminal(term: str) -> None:
    env = dict(os.environ) | {"TERM": term, "COLORTERM": ""}
    argv = [sys.executable, "-m", "tests.terminal.apps.widgets", "table"]
    with PtyConsole(argv, columns=80, rows=24, env=env, cwd=ROOT) as console:
        console.wait_for("user90")
        console.settle()
        assert b"38;2" not in console.output
        console.press("down", "pagedown", "q")
        assert console.wait_exit() == 0
        assert console.is_restored() == []


def test_without_colour_only_weight_and_the_marker_are_left() -> None:
    env = dict(os.environ) | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "tests.terminal.apps.widgets", "table"]
    with PtyConsole(argv, columns=80, rows=24, env=env, cwd=ROOT) as console:
        console.wait_for("user90")
        console.settle()
        used = {
            code for codes in re.findall(rb"\x1b\[([0-9;]*)m", console.output) for code in codes.split(b";")
        }
        assert used <= {b"", b"0", b"1", b"2", b"4", b"7", b"22", b"39", b"49"}
        assert console.lines()[2].startswith("› ")
