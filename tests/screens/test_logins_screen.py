"""The Logins screen's filters: asked for in words, by the user under the cursor, and taken back."""

from __future__ import annotations

from textual.pilot import Pilot
from textual.widgets import Input

from cyrtui.screens.app import ConsoleApp
from cyrtui.screens.logins import LoginsScreen
from cyrtui.screens.widgets.line_table import LineTable

from .picture import picture
from .recorded import console_app, until

MOMENT = 75.0


async def at_logins(app: ConsoleApp, pilot: Pilot[int]) -> LoginsScreen:
    await pilot.press("2")
    await until(pilot, lambda: isinstance(app.screen, LoginsScreen))
    screen = app.screen
    assert isinstance(screen, LoginsScreen)
    return screen


async def ask(pilot: Pilot[int], words: str) -> None:
    await pilot.press("slash")
    pilot.app.screen.query_one("#asked", Input).value = words
    await pilot.press("enter")
    await pilot.pause()


def rows(screen: LoginsScreen) -> int:
    return screen.query_one("#attempts", LineTable).end


async def test_conditions_combine_and_are_shown_and_taken_back() -> None:
    async with console_app(MOMENT) as (app, pilot):
        screen = await at_logins(app, pilot)
        everything = app.core.traces()
        users = {trace.user for trace in everything if trace.user and trace.outcome == "failed"}
        user = sorted(users)[0]
        wanted = [trace for trace in everything if trace.user == user and trace.outcome == "failed"]
        await ask(pilot, f"user:{user} failed")
        assert 0 < rows(screen) == len(wanted) < len(everything)
        assert f"user:{user} failed only" in picture(app)
        await pilot.press("x")
        await pilot.pause()
        assert rows(screen) == sum(trace.user == user for trace in everything)
        await pilot.press("escape")
        await pilot.pause()
        assert rows(screen) == len(everything)


async def test_a_wrong_condition_is_said_and_can_be_mended() -> None:
    async with console_app(MOMENT) as (app, pilot):
        screen = await at_logins(app, pilot)
        await ask(pilot, "colour:red")
        assert rows(screen) == len(app.core.traces())
        box = screen.query_one("#asked", Input)
        assert (box.has_focus, box.value) == (True, "colour:red")
        await pilot.press("escape")
        await pilot.pause()
        assert not screen.has_class("-asking")
        assert screen.query_one("#attempts", LineTable).has_focus


async def test_f_follows_the_user_under_the_cursor_and_lets_go() -> None:
    async with console_app(MOMENT) as (app, pilot):
        screen = await at_logins(app, pilot)
        everything = app.core.traces()
        place = next(number for number, trace in enumerate(everything) if trace.user)
        await pilot.press(*["down"] * place)
        await pilot.press("f")
        await pilot.pause()
        assert rows(screen) == sum(trace.user == everything[place].user for trace in everything)
        await pilot.press("slash")
        assert screen.query_one("#asked", Input).value == f"user:{everything[place].user}"
        await pilot.press("escape", "f")
        await pilot.pause()
        assert rows(screen) == len(everything)
