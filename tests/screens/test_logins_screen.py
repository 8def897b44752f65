"""The Logins screen: its filters, what it reads further back, and what it says that is in no log."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from cyrtui.console import Console
from cyrtui.host.tree import TreeHost
from cyrtui.logins.earlier import Progress
from cyrtui.logins.filters import TraceFilter
from cyrtui.screens.app import ConsoleApp
from cyrtui.screens.logins import LoginsScreen
from cyrtui.screens.logs import LogsScreen
from cyrtui.screens.widgets.line_table import LineTable
from cyrtui.screens.widgets.log_view import LogView
from cyrtui.settings import load_settings
from tests.logins.day import NAMES, Day, write_day

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


async def test_a_trace_opened_after_another_was_closed_has_its_own_name_above_it() -> None:
    async with console_app(MOMENT) as (app, pilot):
        screen = await at_logins(app, pilot)
        await pilot.press("x")
        table = screen.query_one("#attempts", LineTable)
        for _ in range(3):
            await pilot.press("down", "enter")
            await pilot.pause()
            trace = app.core.trace(table.cursor_key)
            assert trace is not None
            assert f"{trace.user or 'nobody named'} · {trace.service}[{trace.pid}]" in picture(app)
            await pilot.press("escape")
            await pilot.pause()


async def test_what_is_in_no_log_stands_above_the_table_and_n_tells_the_remedy() -> None:
    async with console_app(MOMENT) as (app, pilot):
        screen = await at_logins(app, pilot)
        # lmtp does not listen either, but nobody logs in to it
        assert [one.service for one in app.core.unlogged] == ["imap"]
        first = app.core.unlogged[0]
        assert first.cause == "maxchild-reached"
        assert f"! {first.explanation[:50]}" in picture(app)
        await pilot.press("n")
        await pilot.pause()
        shown = " ".join(picture(app).split())
        assert first.remedy[:60] in shown
        await pilot.press("escape")
        await pilot.pause()
        assert not screen.has_class("-open")
        assert screen.query_one("#attempts", LineTable).has_focus
        await ask(pilot, "svc:imaps")
        assert "processes as it may" not in picture(app), "imaps is not full"


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copied server with an hour of logins in the archive, and one in the logs."""
    root = tmp_path_factory.mktemp("server")
    (root / "var/log").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc/cyrus.conf").write_text('SERVICES {\n  imap cmd="imapd" listen="imap"\n}\n')
    (root / "etc/imapd.conf").write_text("configdirectory: /var/lib/cyrus\n")
    day = Day(seed=9, attempts=60, users=5, seconds=7200.0, whole_seconds=False)
    write_day(day, root / "var/log")
    for name in NAMES:
        place = root / "var/log" / name
        lines = place.read_bytes().splitlines(keepends=True)
        edge = datetime.fromtimestamp(day.begin + 3600.0, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
        old = [line for line in lines if line[: len(edge)] < edge]
        place.write_bytes(b"".join(lines[len(old) :]))
        (root / "var/log" / f"{name}.1").write_bytes(b"".join(old))
    return root


@asynccontextmanager
async def on_files(root: Path) -> AsyncIterator[tuple[ConsoleApp, Pilot[int], LoginsScreen]]:
    settings = load_settings({}, environment={}, system_file="/nonexistent")
    app = ConsoleApp(Console(TreeHost(str(root)), settings, None))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.caught_up)
        yield app, pilot, await at_logins(app, pilot)


async def test_a_user_is_read_for_in_the_archives_and_o_reads_for_everyone(rotated: Path) -> None:
    async with on_files(rotated) as (app, pilot, screen):
        followed = rows(screen)
        assert f"{followed} attempts since" in picture(app)
        user = next(trace.user for trace in app.core.traces() if trace.user is not None)
        mine = sum(trace.user == user for trace in app.core.traces())
        await ask(pilot, f"user:{user}")
        await until(pilot, lambda: app.core.attempts(TraceFilter(user=user)).since is None)
        await until(pilot, lambda: rows(screen) > mine)
        assert " since " not in picture(app).splitlines()[1]
        await pilot.press("end", "enter")
        await pilot.pause()
        assert "mail.log.1" in str(app.core.trace(screen.query_one("#attempts", LineTable).cursor_key))
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert rows(screen) == followed
        await pilot.press("o")
        await until(pilot, lambda: rows(screen) > followed)
        await pilot.press("o")
        await until(pilot, lambda: app.core.attempts(TraceFilter()).since is None)
        await pilot.press("o")
        await until(pilot, lambda: "archives hold is there" in picture(app))


async def test_attempts_that_are_not_up_to_date_are_said_not_to_be(
    rotated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_files(rotated) as (app, _, screen):
        assert app.core.lag < 5.0
        monkeypatch.setattr(Console, "lag", 4000.0)
        screen.standing_changed()
        assert "logins 1h 6m behind" in picture(app)


async def test_going_on_below_the_last_row_reads_further_back(rotated: Path) -> None:
    async with on_files(rotated) as (_, pilot, screen):
        before = rows(screen)
        await pilot.press("end", "down")
        await until(pilot, lambda: rows(screen) > before)


async def test_a_user_without_an_attempt_is_said_to_have_none(rotated: Path) -> None:
    async with on_files(rotated) as (app, pilot, screen):
        await ask(pilot, "user:'[b]n o\x1bbody'")
        await until(pilot, lambda: "in all that the logs hold." in picture(app))
        assert "No attempt of [b]n o" in picture(app)
        assert rows(screen) == 0


async def test_reading_further_back_is_stopped_by_escape(
    rotated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, stopped = threading.Event(), threading.Event()

    def read_earlier(
        _core: Console, _wanted: TraceFilter, goal: float, stop: threading.Event, tell: Callable[..., None]
    ) -> None:
        tell(Progress(0.0, 0.5))
        going.set()
        assert stop.wait(20.0), "escape stops it"
        stopped.set()

    monkeypatch.setattr(Console, "read_earlier", read_earlier)
    async with on_files(rotated) as (app, pilot, screen):
        before = rows(screen)
        await pilot.press("o")
        await until(pilot, going.is_set)
        await until(pilot, lambda: "50% … esc stops" in picture(app))
        await pilot.press("escape")
        await until(pilot, stopped.is_set)
        await pilot.pause()
        assert "esc stops" not in picture(app)
        assert rows(screen) == before


async def test_from_an_archived_trace_to_its_line_and_back_also_where_it_must_be_read_anew(
    rotated: Path,
) -> None:
    async with on_files(rotated) as (app, pilot, screen):
        await pilot.press("o")
        await until(pilot, lambda: app.core.attempts(TraceFilter()).read)
        await pilot.press("end", "enter", "home")
        await pilot.pause()
        trace = app.core.trace(screen.query_one("#attempts", LineTable).cursor_key)
        assert trace is not None
        first = trace.events[0]
        assert first.path.endswith(".log.1")
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, LogsScreen))
        lines = app.screen.query_one(LogView)
        await until(
            pilot, lambda: not lines.following and lines.item(lines.cursor_line or 0).text == first.text
        )
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        assert screen.query_one("#attempts", LineTable).cursor_key == trace.key
        # nothing is known of it any more
        assert app.core._earlier is not None
        app.core._earlier._stretch = None
        assert app.core.trace(trace.key) is None
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, LogsScreen))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and screen.has_class("-open"))
        assert screen.query_one("#attempts", LineTable).cursor_key == trace.key
