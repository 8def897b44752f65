"""However the console begins and ends: the terminal is restored, the status says why, nothing was written."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .consoles import ROOT, at_rest, console, copied_tree, cost, environment, paused_demo
from .hostile import hostile_tree
from .pty_console import PtyConsole

GONE = 128 + signal.SIGHUP
AUDIT = Path(__file__).parent / "audit"
LEAVES_ALTERNATE_SCREEN = b"\x1b[?1049l"

# Where somebody may be when the end comes: the keys that lead there.
PLACES = {"overview": "", "trace": "2", "search": "3/needle", "help": "?", "palette": "\x10th"}


# -- ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_ctrl_q_leaves_from_anywhere(place: str) -> None:
    with paused_demo(80, 24) as shown:
        shown.send(PLACES[place].encode())
        shown.settle()
        shown.press("ctrl+q")
        assert shown.wait_exit() == 0
        assert shown.is_restored() == []
        assert b"Traceback" not in shown.output


@pytest.mark.parametrize("page", ["1", "2", "3"])
def test_q_leaves_from_every_screen(page: str) -> None:
    with paused_demo(80, 24) as shown:
        cost(shown, page)
        shown.press("q")
        assert shown.wait_exit() == 0
        assert shown.is_restored() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_with_its_number(tmp_path: Path, number: signal.Signals) -> None:
    # on a tree, since following real files has threads of its own
    with console("--root", copied_tree(tmp_path), columns=80, rows=24) as shown:
        shown.wait_for("wrong password")
        shown.send(b"3/needle")
        at_rest(shown)
        shown.signal(number)
        assert shown.wait_exit() == 128 + number
        assert shown.is_restored() == []
        assert b"Traceback" not in shown.output


@pytest.mark.parametrize("controlling", [True, False])
def test_it_ends_when_the_terminal_disappears(tmp_path: Path, controlling: bool) -> None:
    with console("--root", copied_tree(tmp_path), columns=80, rows=24, controlling=controlling) as shown:
        shown.wait_for("wrong password")
        at_rest(shown)
        shown.hang_up()
        assert shown.wait_exit() == GONE


def _written(shown: PtyConsole, number: int) -> None:
    """Wait until so many bytes have come."""
    deadline = time.monotonic() + 20
    while shown.written < number:
        assert time.monotonic() < deadline, f"{shown.written} of {number} bytes came:\n{shown.text()}"
        shown.pump(0.005)


def test_it_ends_when_the_terminal_disappears_in_the_middle_of_the_start(tmp_path: Path) -> None:
    tree = copied_tree(tmp_path)
    with console("--root", tree, columns=80, rows=24, controlling=False) as shown:
        shown.hang_up()
        assert shown.wait_exit() != 0, "there was no terminal at all"
    for number in (1, 200, 700, 1500):
        with console("--root", tree, columns=80, rows=24, controlling=False) as shown:
            _written(shown, number)
            shown.hang_up()
            assert shown.wait_exit() == GONE


@pytest.mark.parametrize("written", [1, 200, 700, 1500])
def test_q_may_come_at_any_moment_of_the_start(written: int) -> None:
    with console("demo", columns=80, rows=24) as shown:
        _written(shown, written)
        shown.press("q")
        assert shown.wait_exit() == 0
        assert shown.is_restored() == []
        assert b"Traceback" not in shown.output


@pytest.mark.parametrize("written", [1, 200, 700])
def test_a_signal_may_come_at_any_moment_of_the_start(written: int) -> None:
    with console("demo", columns=80, rows=24) as shown:
        _written(shown, written)
        shown.signal(signal.SIGTERM)
        assert shown.wait_exit() == 128 + signal.SIGTERM
        assert shown.is_restored() == []
        assert b"Traceback" not in shown.output


def test_q_typed_before_there_is_a_picture_is_not_lost() -> None:
    with console("demo", columns=80, rows=24) as shown:
        shown.press("q")
        assert shown.wait_exit() == 0
        assert shown.is_restored() == []


# -- beginnings ----------------------------------------------------------------------------------------------


def _nothing(tree: Path) -> None:
    shutil.rmtree(tree / "etc")


def _dangling(tree: Path) -> None:
    (tree / "etc/cyrus.conf").unlink()
    (tree / "etc/cyrus.conf").symlink_to("/nowhere")


@pytest.mark.parametrize("spoil", [_nothing, _dangling])
def test_a_configuration_that_is_not_there_is_a_sentence_and_status_2(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(copied_tree(tmp_path))
    with console("--root", tmp_path, columns=80, rows=24) as shown:
        assert shown.wait_exit() == 2
        assert shown.is_restored() == []
        output = bytes(shown.output)
        sentence = output.index(b"cyrtui: /etc/cyrus.conf does not exist. ")
        assert sentence > output.rfind(LEAVES_ALTERNATE_SCREEN), "it stands on the terminal that is left"
        assert b"Traceback" not in output


def _directory(tree: Path) -> None:
    (tree / "etc/cyrus.conf").unlink()
    (tree / "etc/cyrus.conf").mkdir()


def _pipe(tree: Path) -> None:
    (tree / "etc/cyrus.conf").unlink()
    os.mkfifo(tree / "etc/cyrus.conf")


def _endless(tree: Path) -> None:
    with (tree / "etc/cyrus.conf").open("ab") as file:
        file.truncate(5 << 20)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(_directory, "not a regular file"), (_pipe, "not a regular file"), (_endless, "larger than")],
)
def test_a_configuration_that_cannot_be_used_is_a_sentence_and_status_2(
    tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(copied_tree(tmp_path))
    with console("--root", tmp_path, columns=80, rows=24) as shown:
        assert shown.wait_exit() == 2
        assert shown.is_restored() == []
        sentence = shown.output.index(f"cyrtui: /etc/cyrus.conf is {words}".encode())
        assert sentence > bytes(shown.output).rfind(LEAVES_ALTERNATE_SCREEN)
        assert b"Traceback" not in shown.output


@pytest.mark.parametrize("seed", range(2))
def test_garbage_in_every_file_is_no_traceback(tmp_path: Path, seed: int) -> None:
    import random

    chance = random.Random(seed)
    tree = copied_tree(tmp_path)
    for path in [*(tree / "etc").iterdir(), *(tree / "var/log").iterdir()]:
        path.write_bytes(chance.randbytes(20_000))
    with console("--root", tree, columns=80, rows=24) as shown:
        shown.wait_for("/etc/cyrus.conf:")
        at_rest(shown)
        for key in ("2", "3", "1"):
            cost(shown, key)
            assert shown.poll() is None
        shown.press("q")
        assert shown.wait_exit() == 0
        assert b"Traceback" not in shown.output


SIZES = ((100, 12), (120, 40), (80, 24), (60, 9), (40, 6))


@pytest.mark.parametrize(("columns", "rows"), SIZES[:2])
def test_the_first_and_the_last_line_are_there_whatever_the_size(
    tmp_path: Path, columns: int, rows: int
) -> None:
    with console("--root", hostile_tree(tmp_path), columns=columns, rows=rows) as shown:
        shown.wait_for("SERVICES")
        at_rest(shown)
        for columns_, rows_ in ((columns, rows), *SIZES[2:]):
            shown.resize(columns_, rows_)
            for page in ("1", "2", "3"):
                cost(shown, page)
                assert shown.lines()[0].startswith(" cyrt")
                # where its own keys need the room, a screen leaves the names of the others out
                name = ("Overview", "Logins", "Logs")[int(page) - 1]
                assert re.match(rf"1 .*{name} .*\? help  q quit$", shown.lines()[-1])


def test_every_size_at_any_time() -> None:
    with paused_demo(80, 24) as shown:
        for columns, rows in ((1, 1), (200, 60), (20, 3), (80, 24), (3, 100), (120, 40)):
            shown.resize(columns, rows)
            shown.settle()
            assert shown.poll() is None
            shown.press("2", "3", "1")
            shown.settle(quiet=0.2)
        assert "SERVICES" in shown.lines()[1]
        shown.press("q")
        assert shown.wait_exit() == 0


# -- nothing written -----------------------------------------------------------------------------------------


def test_no_file_is_written_and_no_program_started(tmp_path: Path) -> None:
    tree = copied_tree(tmp_path / "tree")
    home = tmp_path / "home"
    places = {name: home / name for name in ("config", "cache", "data", "state", "runtime", "tmp", "here")}
    for place in places.values():
        place.mkdir(parents=True)
    before = _listing(tmp_path)
    ours, theirs = os.pipe()
    env = environment(
        HOME=str(home),
        TMPDIR=str(places["tmp"]),
        PYTHONPATH=f"{AUDIT}:{ROOT}",
        PYTHONDONTWRITEBYTECODE="1",
        AUDIT_FD=str(theirs),
        **{f"XDG_{name.upper()}_HOME": str(places[name]) for name in ("config", "cache", "data", "state")},
        XDG_RUNTIME_DIR=str(places["runtime"]),
    )
    for arguments in (["demo"], ["--root", str(tree)]):
        argv = [sys.executable, "-m", "cyrtui", *arguments]
        with PtyConsole(argv, env=env, cwd=places["here"], pass_fds=(theirs,)) as shown:
            shown.wait_for(lambda text: "ATTENTION" in text and "reading the logs" not in text)
            shown.press("space")
            _everywhere(shown)
            assert shown.wait_exit() == 0
            assert shown.is_restored() == []
    os.close(theirs)
    with os.fdopen(ours) as file:
        notes = [json.loads(line) for line in file]
    assert notes.count(["began"]) == 2
    assert [note for note in notes if note != ["began"] and not _allowed(note)] == []
    assert _listing(tmp_path) == before


def _everywhere(shown: PtyConsole) -> None:
    """Every screen, a trace, its line in the logs, a search, the filter, help, the palette, another theme."""
    at_rest(shown)
    for keys in (
        ["tab", "down", "enter"],
        ["1", "shift+tab", "enter"],
        ["2", "x", "down", "enter", "y", "l"],
        ["enter"],
        ["3", "/", *"login", "enter"],
        ["n", "N", "&"],
        ["m", "w", "right", "f", "ctrl+l"],
        ["?"],
        ["escape"],
        ["ctrl+p"],
        [*"theme"],
        ["enter"],
        ["down", "enter"],
        ["ctrl+p"],
        [*"screenshot"],
        ["enter"],
        ["escape"],
        ["escape"],
        ["ctrl+c", "ctrl+z"],
    ):
        shown.press(*keys)
        shown.settle(quiet=0.3)
    assert shown.poll() is None
    shown.press("ctrl+q")


def _allowed(note: list[str]) -> bool:
    """The terminal, and nothing: the bit bucket."""
    event, *arguments = note
    return event == "open" and arguments[0].strip("'").startswith(("/dev/tty", "/dev/null", "/dev/pts/"))


def _listing(place: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in [place, *place.rglob("*")]}


def test_the_audit_itself_sees_what_is_written(tmp_path: Path) -> None:
    import subprocess

    ours, theirs = os.pipe()
    program = f"open({str(tmp_path / 'x')!r}, 'w').close(); import os; os.mkdir({str(tmp_path / 'y')!r})"
    subprocess.run(
        [sys.executable, "-c", program],
        env=environment(PYTHONPATH=str(AUDIT), AUDIT_FD=str(theirs)),
        pass_fds=(theirs,),
        check=True,
    )
    os.close(theirs)
    with os.fdopen(ours) as file:
        events = [json.loads(line)[0] for line in file]
    assert events == ["began", "open", "os.mkdir"]
