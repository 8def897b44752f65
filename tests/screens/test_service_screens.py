"""A service in full, the schedule, and the ways there from the Overview."""

from functools import partial

import pytest
from textual.app import App

from cyrtui.attention import Attention
from cyrtui.screens.logs import LogsScreen
from cyrtui.screens.overview import OverviewScreen
from cyrtui.screens.schedule import ScheduleScreen
from cyrtui.screens.service import ServiceScreen
from cyrtui.screens.widgets.line_table import LineTable

from .picture import picture, same_as_kept
from .recorded import SIZES, console_app, until

# All imap processes are busy, and clients wait.
MOMENT = 75.0


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
class TestPictures:
    async def test_a_service(self, size: tuple[int, int]) -> None:
        async with console_app(MOMENT, size) as (app, pilot):
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ServiceScreen))
            await until(pilot, lambda: app.screen.query_one("#children", LineTable).end > 0)
            same_as_kept(f"service-{size[0]}x{size[1]}", picture(app))

    async def test_the_schedule(self, size: tuple[int, int]) -> None:
        async with console_app(MOMENT, size) as (app, pilot):
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, ScheduleScreen))
            await until(pilot, lambda: app.screen.query_one("#schedule", LineTable).end > 0)
            same_as_kept(f"schedule-{size[0]}x{size[1]}", picture(app))


async def test_a_full_service_with_its_clients_and_its_command_in_words() -> None:
    async with console_app(MOMENT) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ServiceScreen))
        await until(pilot, lambda: app.screen.query_one("#children", LineTable).end > 0)
        shown = picture(app)
        assert "all 10 processes that maxchild allows on 127.0.0.1:143 are busy" in shown
        assert "a process serves 30 clients, then makes room for a new one" in shown
        assert "10 of 10 processes, 10 busy, queue" in shown
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, OverviewScreen))


async def test_from_a_failure_of_a_service_to_its_line_in_the_log() -> None:
    async with console_app(MOMENT) as (app, pilot):
        overview = app.screen
        overview.query_one("#services", LineTable).go_to("lmtp")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ServiceScreen))
        failures = app.screen.query_one("#failures", LineTable)
        await until(pilot, lambda: failures.end > 0)
        failures.focus()
        await until(pilot, lambda: failures.has_focus)
        await pilot.press("enter")
        await until(pilot, partial(_in_front, app, LogsScreen.__name__))


def _in_front(app: App[int], name: str) -> bool:
    # while the mode is being changed there may be no screen at all
    return bool(app.screen_stack) and type(app.screen).__name__ == name


async def test_every_line_that_needs_attention_opens_its_place() -> None:
    async with console_app(MOMENT) as (app, pilot):
        table = app.screen.query_one("#attention", LineTable)
        await until(pilot, lambda: table.end > 1)
        for number in range(table.end):
            table.move_cursor(number)
            table.focus()
            await until(pilot, lambda: table.has_focus)
            line = table.cursor_key
            assert isinstance(line, Attention)
            await pilot.press("enter")
            wanted = {"logins": "LoginsScreen", "logs": "LogsScreen", "schedule": "ScheduleScreen"}
            name = wanted.get(line.place, "ServiceScreen" if line.what else "OverviewScreen")
            await until(pilot, partial(_in_front, app, name))
            await pilot.press("escape" if name in ("ServiceScreen", "ScheduleScreen") else "1")
            await until(pilot, lambda: isinstance(app.screen, OverviewScreen))


async def test_the_plots_show_the_logins_of_the_last_hour() -> None:
    async with console_app(MOMENT) as (app, pilot):
        await pilot.pause()
        hour = app.core.last_hour()
        assert (sum(hour.ok_minutes), sum(hour.failed_minutes)) == (hour.ok, hour.failed)
        assert len(hour.ok_minutes) == len(hour.failed_minutes) == 60
        line = next(line for line in picture(app).splitlines() if line.startswith("  ok "))
        assert "█" in line
        assert "failed" in line
