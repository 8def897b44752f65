"""The console on the packaged demo at a moment that stands still: the same picture every time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

import cyrtui
from cyrtui.console import Console
from cyrtui.host.recording import Recording, read_recording
from cyrtui.screens.app import ConsoleApp
from cyrtui.services.board import ServiceBoard
from cyrtui.settings import load_settings

DEMO = Path(cyrtui.__file__).parent / "demo.cyrtui"
SIZES = ((80, 24), (120, 40))


def demo_at(seconds: float) -> Recording:
    """The demo's recording, standing still at a moment."""
    with DEMO.open("rb") as file:
        recording = read_recording(file, "the packaged demo", clock=lambda: 0.0)
    recording.clock.skip(seconds)
    return recording


def console_on(recording: Recording) -> Console:
    """The core on a recording, with default settings."""
    return Console(recording, load_settings({}, environment={}, system_file="/nonexistent"), None)


@asynccontextmanager
async def console_app(
    seconds: float, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int]]]:
    """The application with everything read that is there at that moment."""
    app = ConsoleApp(console_on(demo_at(seconds)))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.caught_up and _looked(app))
        yield app, pilot


def _looked(app: ConsoleApp) -> bool:
    """Whether the services were looked at with cyrmaster's words at hand."""
    board = app.board
    return isinstance(board, ServiceBoard) and any(row.word is not None for row in board.table.rows)


async def until(pilot: Pilot[int], met: Callable[[], bool]) -> None:
    """Let the application work until a condition holds; fail after ten seconds."""
    for _ in range(1000):
        await pilot.pause(0.01)
        if met():
            await pilot.pause()
            return
    raise AssertionError("the application did not come to what was waited for")


Press = Callable[..., Awaitable[None]]
