"""Every screen at both sizes, as pictures that people have looked at, and the ways between them."""

import pytest
from textual.widgets import Input

from cyrtui.screens.logins import LoginsScreen
from cyrtui.screens.logs import LogsScreen
from cyrtui.screens.widgets.line_table import LineTable
from cyrtui.screens.widgets.log_view import LogView
from cyrtui.screens.widgets.timeline import Timeline

from .picture import picture, same_as_kept
from .recorded import SIZES, console_app, until

# Somebody has been guessing a password, and the imap processes have run out.
MOMENT = 75.0


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
class TestPictures:
    async def test_overview(self, size: tuple[int, int]) -> None:
        async with console_app(MOMENT, size) as (app, pilot):
            await until(pilot, lambda: app.query_one("#attention", LineTable).end > 0)
            same_as_kept(f"overview-{size[0]}x{size[1]}", picture(app))

    async def test_logins_with_a_trace_open(self, size: tuple[int, int]) -> None:
        async with console_app(MOMENT, size) as (app, pilot):
            await pilot.press("2")
            await until(pilot, lambda: isinstance(app.screen, LoginsScreen))
            await pilot.press("x", "enter")
            await pilot.pause()
            same_as_kept(f"logins-{size[0]}x{size[1]}", picture(app))

    async def test_logs(self, size: tuple[int, int]) -> None:
        async with console_app(MOMENT, size) as (app, pilot):
            await pilot.press("3")
            await until(pilot, lambda: isinstance(app.screen, LogsScreen))
            await until(pilot, lambda: "3,264 lines" in picture(app))
            same_as_kept(f"logs-{size[0]}x{size[1]}", picture(app))

    async def test_help(self, size: tuple[int, int]) -> None:
        async with console_app(MOMENT, size) as (app, pilot):
            await pilot.press("2")
            await until(pilot, lambda: isinstance(app.screen, LoginsScreen))
            await pilot.press("f1")
            await pilot.pause()
            same_as_kept(f"help-{size[0]}x{size[1]}", picture(app))


async def test_the_lmtp_line_is_declared_but_not_listening_with_masters_reason() -> None:
    async with console_app(MOMENT) as (app, _):
        shown = picture(app)
        assert "not listening" in shown
        assert '"lmtp" is no name in /etc/services; cyrmaster disabled it at' in shown


async def test_from_a_trace_to_its_line_and_back() -> None:
    async with console_app(MOMENT) as (app, pilot):
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, LoginsScreen))
        await pilot.press("x", "down", "enter")
        await until(pilot, lambda: isinstance(app.focused, Timeline))
        logins = app.screen
        assert isinstance(logins, LoginsScreen)
        key = logins.query_one("#attempts", LineTable).cursor_key
        trace = app.core.trace(key)
        assert trace is not None
        assert trace.outcome != "ok"
        await pilot.press("home", "l")
        await until(pilot, lambda: isinstance(app.screen, LogsScreen))
        view = app.screen.query_one(LogView)
        await until(pilot, lambda: not view.following)
        number = view.cursor_line
        assert number is not None
        assert view.item(number).text == trace.events[0].text
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LoginsScreen))
        assert app.screen.query_one("#attempts", LineTable).cursor_key == key


async def test_search_finds_backwards_and_forwards_and_says_when_there_is_no_more() -> None:
    async with console_app(MOMENT) as (app, pilot):
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, LogsScreen))
        view = app.screen.query_one(LogView)
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"disabling", "enter")
        await until(pilot, lambda: not view.following)
        found = view.cursor_line
        assert found is not None
        assert "disabling lmtp" in view.item(found).text
        await pilot.press("n")
        await until(pilot, lambda: "no more matches" in picture(app))
        assert view.cursor_line == found


async def test_only_the_lines_that_match() -> None:
    async with console_app(MOMENT) as (app, pilot):
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, LogsScreen))
        view = app.screen.query_one(LogView)
        everything = view.end - view.first
        await pilot.press("slash", *"badlogin", "enter")
        await until(pilot, lambda: not view.following)
        await pilot.press("ampersand")
        await until(pilot, lambda: 0 < view.end - view.first < everything)
        lines = [view.item(number).text for number in range(view.first, view.end)]
        assert all("badlogin" in line for line in lines)


async def test_one_log_at_a_time() -> None:
    async with console_app(MOMENT) as (app, pilot):
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, LogsScreen))
        view = app.screen.query_one(LogView)
        for key, role in (("m", "mail"), ("u", "auth"), ("s", "slapd")):
            await pilot.press(key)
            await pilot.pause()
            assert view.end > view.first
            assert {str(view.item(number).role) for number in range(view.first, view.end)} == {role}


async def test_a_recording_is_paused_and_played_faster() -> None:
    async with console_app(MOMENT) as (app, pilot):
        await pilot.press("plus", "plus", "space")
        await pilot.pause()
        played = app.core.played
        assert played is not None
        assert (played.rate, played.paused) == (4.0, True)
        assert "paused" in picture(app)
        await pilot.press("minus", "space")
        played = app.core.played
        assert played is not None
        assert (played.rate, played.paused) == (2.0, False)


async def test_what_is_recorded_cannot_be_changed() -> None:
    async with console_app(MOMENT) as (app, _):
        assert app.core.mode == "READ-ONLY"
        assert "READ-ONLY" in picture(app)


async def test_what_a_screen_says_is_no_markup() -> None:
    async with console_app(MOMENT, (80, 24)) as (app, pilot):
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, LoginsScreen))
        app.screen.notify("/etc/[/nothing] [b cannot be read: [red]no[/]")
        await until(pilot, lambda: "/etc/[/nothing] [b cannot" in picture(app))
