"""What the base of the application takes out of Textual stays out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.widgets import Button

from cyrtui.screens.environment import quiet_textual
from cyrtui.screens.lean_app import LeanApp


class Plain(LeanApp):
    """An application with something to press."""

    def compose(self) -> ComposeResult:
        yield Button("press")


async def test_the_palette_offers_nothing_that_writes_a_file() -> None:
    async with Plain().run_test() as pilot:
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert titles == {"Quit", "Redraw", "Theme"}


async def test_no_screenshot_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    async with Plain().run_test() as pilot:
        pilot.app.action_screenshot(filename="shot.svg", path=str(tmp_path))
        assert pilot.app.deliver_screenshot(filename="shot.svg", path=str(tmp_path)) is None
        with pytest.raises(NotImplementedError):
            pilot.app.save_screenshot("shot.svg", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


async def test_a_notice_is_literal() -> None:
    async with Plain().run_test(notifications=True, size=(60, 20)) as pilot:
        pilot.app.notify("host [/nope] \x1b]52;c;eA==\x07", title="[bold]x")
        await pilot.pause()
        text = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
        assert "host [/nope] ␛]52;c;eA==␇" in text


async def test_text_is_not_selected_and_nothing_moves_or_explains_itself() -> None:
    async with Plain().run_test() as pilot:
        assert not pilot.app.ALLOW_SELECT
        assert pilot.app.animation_level == "none"
        assert pilot.app._disable_tooltips


def test_variables_that_make_textual_write_load_or_listen_are_taken_away() -> None:
    environ = {
        "TEXTUAL": "devtools,debug",
        "TEXTUAL_LOG": "/tmp/x",
        "TEXTUAL_DRIVER": "os:system",
        "TEXTUAL_SCREENSHOT": "1",
        "TEXTUAL_PRESS": "q",
        "TEXTUAL_ANIMATIONS": "full",
        "TEXTUAL_DISABLE_KITTY_KEY": "1",
        "TERM": "xterm",
    }
    quiet_textual(environ)
    assert environ == {
        "TEXTUAL_ANIMATIONS": "none",
        "TEXTUAL_FPS": "30",
        "TEXTUAL_SMOOTH_SCROLL": "0",
        "TEXTUAL_DISABLE_KITTY_KEY": "1",
        "TERM": "xterm",
    }


def test_the_environment_is_quiet_before_textual_reads_it() -> None:
    code = (
        "import os; os.environ['TEXTUAL_LOG'] = '/tmp/x'; import cyrtui.screens.lean_app; "
        "from textual.constants import LOG_FILE, MAX_FPS, TEXTUAL_ANIMATIONS; "
        "print(LOG_FILE, MAX_FPS, TEXTUAL_ANIMATIONS)"
    )
    words = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert words.split() == ["None", "30", "none"]
