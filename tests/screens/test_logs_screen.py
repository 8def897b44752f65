"""The Logs screen on logs that have a past: going to a time, and copying lines."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from cyrtui.access import open_gate
from cyrtui.console import Console
from cyrtui.logs import index as index_module
from cyrtui.logs.store import LineStore
from cyrtui.screens.app import ConsoleApp
from cyrtui.screens.logs import LogsScreen
from cyrtui.screens.widgets.log_view import LogView
from cyrtui.settings import load_settings
from tests.logs.files import NOW, FilesHost, iso
from tests.screens.picture import picture
from tests.screens.recorded import until

HOUR = 3600.0


def write_logs(place: Path) -> None:
    """A line every ten seconds: the last hour in the live file, the two before in an archive."""
    lines = [
        iso(NOW - 3 * HOUR + 10 * at) + b" mx cyrus/imap[1]: line %d of ten\n" % at for at in range(1080)
    ]
    (place / "mail.log").write_bytes(b"".join(lines[720:]))
    (place / "mail.log.1.gz").write_bytes(gzip.compress(b"".join(lines[:720])))


@asynccontextmanager
async def logs_screen(
    place: Path, *, read_only: bool = False
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int], LogView]]:
    write_logs(place)
    environment = {
        f"CYRTUI_{role}_LOG": str(place / f"{role.lower()}.log") for role in ("MAIL", "AUTH", "SLAPD")
    }
    settings = load_settings({}, environment=environment, system_file="/nonexistent")
    core = Console(FilesHost(), settings, open_gate(read_only=read_only))
    app = ConsoleApp(core)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app.caught_up)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, LogsScreen))
        view = app.screen.query_one(LogView)
        await until(pilot, lambda: view.end > view.first)
        yield app, pilot, view


async def ask(pilot: Pilot[int], app: ConsoleApp, key: str, text: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.focused, Input))
    assert isinstance(app.focused, Input)
    app.focused.value = text
    await pilot.press("enter")


def went_on(app: ConsoleApp, view: LogView, text: str) -> bool:
    """Whether the line of that text is not the last one any more, or stands among the live ones."""
    live = "around" not in picture(app)
    return text_at_cursor(view) == text and (live or view.cursor_line != view.end - 1)


def text_at_cursor(view: LogView) -> str:
    number = view.cursor_line
    assert number is not None
    return view.item(number).text


async def test_to_a_time_among_the_lines_that_are_loaded(tmp_path: Path) -> None:
    async with logs_screen(tmp_path) as (app, pilot, view):
        await until(pilot, lambda: view.end - view.first == 1080)
        await ask(pilot, app, "t", "06:15:56")
        await until(pilot, lambda: not view.following)
        assert text_at_cursor(view) == "line 360 of ten"
        await ask(pilot, app, "t", "+10m")
        await until(pilot, lambda: text_at_cursor(view) == "line 420 of ten")
        assert "around" not in picture(app)


async def test_to_a_time_far_back_and_to_now_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LineStore.__init__, "__defaults__", (100, None))
    async with logs_screen(tmp_path) as (app, pilot, view):
        await ask(pilot, app, "t", "2026-11-22 05:30")
        await until(pilot, lambda: "around 2026-11-22 05:30" in picture(app))
        assert text_at_cursor(view) == "line 85 of ten"
        await ask(pilot, app, "slash", "line 11 ")
        await until(pilot, lambda: text_at_cursor(view) == "line 11 of ten")
        await pilot.press("m")
        await until(pilot, lambda: text_at_cursor(view) == "line 85 of ten")
        assert {str(view.item(number).role) for number in range(view.first, view.end)} == {"mail"}
        await pilot.press("f")
        await until(pilot, lambda: view.following and "around" not in picture(app))
        assert view.item(view.end - 1).text == "line 1079 of ten"


async def test_scrolling_on_past_what_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LineStore.__init__, "__defaults__", (100, None))
    monkeypatch.setattr(LineStore.at_time, "__defaults__", (300,))
    monkeypatch.setattr(index_module, "SLICE", 2000)
    async with logs_screen(tmp_path) as (app, pilot, view):
        await ask(pilot, app, "t", "2026-11-22 07:00")
        await until(pilot, lambda: "around 2026-11-22 07:00" in picture(app))
        assert text_at_cursor(view) == "line 625 of ten"
        seen = [625]
        for _ in range(20):
            await pilot.press("home")
            await until(pilot, lambda: text_at_cursor(view) == view.item(view.first).text)
            before = text_at_cursor(view)
            seen.append(int(before.split()[1]))
            if before == "line 0 of ten":
                break
            await pilot.press("up")
            await until(pilot, lambda: view.first != view.cursor_line)
            assert text_at_cursor(view) == before, "the cursor stays on its line"
        assert seen[-1] == 0
        assert len(seen) > 2
        await pilot.press("up")
        assert text_at_cursor(view) == "line 0 of ten"
        await until(pilot, lambda: view.end - view.first >= 300)
        turns = 0
        while "around" in picture(app) and turns < 20:
            turns += 1
            view.goto(view.end - 1)
            before = text_at_cursor(view)
            await pilot.press("down")
            await until(pilot, partial(went_on, app, view, before))
        assert turns > 2
        await until(pilot, lambda: "around" not in picture(app))
        assert view.item(view.end - 1).text == "line 1079 of ten"


async def test_what_was_found_far_to_the_right_is_in_sight(tmp_path: Path) -> None:
    async with logs_screen(tmp_path) as (app, pilot, view):
        long = b" mx cyrus/imap[1]: " + b"x" * 500 + b" Needle " + b"y" * 300 + b"\n"
        with (tmp_path / "mail.log").open("ab") as file:
            file.write(iso(NOW) + long + iso(NOW) + b" mx cyrus/imap[1]: the end\n")
        await until(pilot, lambda: view.item(view.end - 1).text == "the end")
        await ask(pilot, app, "slash", "needle")
        await until(pilot, lambda: not view.following)
        assert "Needle" in picture(app)
        await ask(pilot, app, "slash", "line 107")
        await until(pilot, lambda: text_at_cursor(view).startswith("line 107"))
        assert "line 107" in picture(app)


async def test_what_is_no_time_is_said(tmp_path: Path) -> None:
    async with logs_screen(tmp_path) as (app, pilot, view):
        await ask(pilot, app, "t", "[/soon]")
        await until(pilot, lambda: "“[/soon]” is no time" in picture(app))
        assert view.following
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press("escape")
        await until(pilot, lambda: app.focused is view)
        assert view.following


async def test_copying_to_the_clipboard_and_to_a_file(tmp_path: Path) -> None:
    async with logs_screen(tmp_path) as (app, pilot, view):
        await ask(pilot, app, "t", "08:05:56")
        await until(pilot, lambda: not view.following)
        await pilot.press("v", "down", "down", "y")
        await until(pilot, lambda: app.clipboard != "")
        copied = app.clipboard.splitlines()
        assert [line.partition("]: ")[2] for line in copied] == [
            f"line {at} of ten" for at in (1020, 1021, 1022)
        ]
        assert copied[0].startswith("2026-11-22T08:05:56.000000+00:00 mx cyrus/imap[1]")
        await pilot.press("v", "down")
        out = tmp_path / "out.txt"
        await ask(pilot, app, "Y", str(out))
        await until(pilot, lambda: out.exists() and out.read_bytes().count(b"\n") == 2)
        assert out.read_bytes().splitlines()[1].endswith(b"line 1023 of ten")
        await ask(pilot, app, "Y", str(out))
        await until(pilot, lambda: "exists already" in picture(app))


async def test_a_read_only_run_writes_no_file(tmp_path: Path) -> None:
    async with logs_screen(tmp_path, read_only=True) as (app, pilot, view):
        await pilot.press("Y")
        await until(pilot, lambda: "read-only" in picture(app))
        assert app.focused is view
        await pilot.press("up", "y")
        await until(pilot, lambda: app.clipboard.endswith("line 1079 of ten") or app.clipboard != "")
