"""Nothing of what strangers write into logs and files is obeyed by the terminal, or ends the console."""

from __future__ import annotations

import base64
import re
from functools import partial
from pathlib import Path

import pytest

from .consoles import at_rest, console, cost
from .hostile import LIVE, hostile_tree, obeyed
from .pty_console import PtyConsole

# What `y` says to the terminal on purpose: a trace for the clipboard, in base64.
_COPIED = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07")


def test_the_check_itself_sees_what_is_live() -> None:
    for word in LIVE:
        assert obeyed(b"\x1b[1mbefore " + word + b" after\x1b[m")
    assert obeyed(b"\x1b[3;4H\x1b[38;2;1;2;3mfine\x1b[K\x1b[?25l") == []


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
def test_nothing_of_it_reaches_the_terminal_raw(tmp_path: Path, columns: int, rows: int) -> None:
    with console("--root", hostile_tree(tmp_path), columns=columns, rows=rows) as shown:
        shown.wait_for("wrong password")
        at_rest(shown)
        assert "␛]52;c;ZXZpbA==␇[/nope]" in shown.lines()[0], "what is live is shown, not dropped"
        _overview(shown)
        _logins(shown)
        _logs(shown)
        assert obeyed(bytes(shown.output)) == []
        shown.press("q")
        assert shown.wait_exit() == 0
        assert shown.is_restored() == []


def _seen(shown: PtyConsole, *keys: str) -> str:
    """What was to be seen after each of these keys, all together."""
    seen = set(shown.lines())
    for key in keys:
        shown.press(key)
        # an escape is one only when nothing follows it at once
        shown.settle(quiet=0.4 if key == "escape" else 0.1)
        seen |= set(shown.lines())
    return "\n".join(seen)


def _to_the_end(shown: PtyConsole) -> str:
    """What was to be seen on all pages from here on."""
    seen = []
    for _ in range(30):
        before = shown.lines()[1:]
        seen.append(_seen(shown, "pagedown"))
        if shown.lines()[1:] == before:
            return "\n".join(seen)
    raise AssertionError(f"there is no end to it:\n{shown.text()}")


def _overview(shown: PtyConsole) -> None:
    text = _to_the_end(shown) + _seen(shown, "tab") + _to_the_end(shown) + _seen(shown, "?", "escape")
    for word in ("␛[6n", "[/nope]", "[@click=app.quit]click[/]", "\\xff\\xfe\\xfd"):
        assert word in text


def _logins(shown: PtyConsole) -> None:
    cost(shown, "2")
    text = _seen(shown, *["pagedown", "enter", "end", "escape"] * 6, "x", "home", "ctrl+p")
    for word in ("[/nope]", "[bold]bold", "日本語", "␀nul"):
        assert word in text
    text = _seen(shown, *"[/nope]", "escape")
    assert "[/nope]" in text


def _logs(shown: PtyConsole) -> None:
    cost(shown, "3")
    _seen(
        shown,
        "m",
        *["pageup"] * 7,
        "w",
        "pageup",
        "pageup",
        "w",
        "right",
        "right",
        "end",
        "s",
        "pageup",
        "u",
        "a",
    )
    for needle in ("[/nope]", "ZXZpbA", "日本"):
        cost(shown, "/")
        shown.send(b"\x7f" * 12 + needle.encode())
        cost(shown, "enter")
        assert needle in shown.lines()[1]
        _seen(shown, "n", "N", "&", "w")
        shown.wait_for(partial(_below_the_title, needle))
        cost(shown, "w", "&", "escape", "end")


def _below_the_title(needle: str, text: str) -> bool:
    return any(needle in line for line in text.splitlines()[2:])


def test_what_is_copied_is_harmless_too(tmp_path: Path) -> None:
    with console("--root", hostile_tree(tmp_path)) as shown:
        shown.wait_for("wrong password")
        at_rest(shown)
        cost(shown, "2")
        before = len(shown.output)
        for _ in range(30):
            shown.press("down", "y")
            shown.settle(quiet=0.1)
        said = bytes(shown.output[before:])
        copied = [base64.b64decode(found).decode() for found in _COPIED.findall(said)]
        assert len(copied) >= 20
        for text in copied:
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
        assert obeyed(_COPIED.sub(b"", said)) == []


def test_lines_that_come_while_it_looks_are_harmless_too(tmp_path: Path) -> None:
    tree = hostile_tree(tmp_path / "a")
    more = {path: path.read_bytes() for path in (tree / "var/log").iterdir()}
    with console("--root", tree) as shown:
        shown.wait_for("wrong password")
        at_rest(shown)
        for page in ("3", "2", "1"):
            cost(shown, page)
            for path, data in more.items():
                with path.open("ab") as file:
                    file.write(data[-200_000:])
            at_rest(shown)
        assert obeyed(bytes(shown.output)) == []
        assert shown.poll() is None
