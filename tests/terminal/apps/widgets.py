"""The console's widgets on a bare application: its argument is log, table, timeline, clock or modes.

Keys of its own: `b` feeds the log 100 lines in 40 batches, `n` puts a row on top of the table, `1` and `2`
switch modes, `q` leaves.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from cyrtui.screens.lean_app import LeanApp
from cyrtui.screens.widgets.clock import Clock
from cyrtui.screens.widgets.line_table import Column, LineTable, Row
from cyrtui.screens.widgets.log_view import LogView
from cyrtui.screens.widgets.status_line import StatusLine
from cyrtui.screens.widgets.timeline import Step, Timeline

ROLES = ("mail", "auth", "slapd")
TEXTS = (
    "login: client.example.org [198.51.100.23] julien plaintext+TLS User logged in SESSIONID=<{0}>",
    "badlogin: [198.51.100.{0}] plaintext julien SASL(-13): authentication failure: checkpass failed",
    'conn={0} op=1 SRCH base="ou=people,dc=example,dc=org" scope=2 deref=0 filter="(uid=julien)"',
    "accepted connection",
    "starttls: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits new) no authentication {0}",
)
LEVELS = ("good", "warning", "info", "debug", "info")


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the log view wants it."""

    role: str
    time: float
    ident: str
    pid: int | None
    text: str
    level: str | None


def line(number: int) -> Line:
    """The line of a number: three lines a second, two of five with a fraction."""
    return Line(
        ROLES[number % 3],
        1_795_300_000 + number / 3 if number % 5 < 2 else 1_795_300_000 + number // 3,
        "cyrus/imaps" if number % 3 == 0 else "slapd",
        7000 + number % 50,
        TEXTS[number % 5].format(number % 250),
        LEVELS[number % 5],
    )


class Lines:
    """A view of numbered lines that are made when asked for."""

    def __init__(self, end: int, first: int = 0) -> None:
        self.first = first
        self.end = end
        self.version = 0

    def line(self, number: int) -> Line:
        """The line of a number."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        return line(number)

    def append(self, count: int) -> None:
        """More lines."""
        self.end += count
        self.version += 1


COLUMNS = (
    Column("time", "time", 8),
    Column("user", "user", 12, flex=1),
    Column("service", "service", 8),
    Column("from", "from", 15),
    Column("outcome", "outcome", 8),
    Column("cause", "cause", 16, flex=2),
    Column("took", "took", 6, align="right"),
)


class Attempts:
    """A hundred thousand rows, made when asked for; the newest has the highest key."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return self.count

    def row(self, index: int) -> Row:
        """The row at an index."""
        self.asked.add(index)
        key = self.count - index
        failed = key % 7 == 0
        return Row(
            key,
            (
                f"07:{key // 60 % 60:02d}:{key % 60:02d}",
                f"user{key % 97}",
                "imaps",
                f"198.51.100.{key % 250}",
                ("failed", "failed") if failed else ("ok", "ok"),
                "wrong password" if failed else "",
                f"{key % 90 / 100:.2f}s",
            ),
            note=None,
        )

    def index_of(self, key: Hashable) -> int | None:
        """Where a key is."""
        return self.count - key if isinstance(key, int) and 0 < key <= self.count else None


def step(number: int) -> Step:
    """A step of a timeline."""
    text = TEXTS[number % 5].format(number)
    return Step(ROLES[number % 3], f"07:05:16.{number:03d}", f"+ {number} ms", text, emphasised=number == 4)


class WidgetsApp(LeanApp):
    """One widget, as large as the screen allows."""

    CSS = """
    LogView, LineTable, Timeline { height: 1fr; }
    StatusLine { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("b", "batches", "Batches"),
        Binding("n", "newer", "Newer"),
    ]

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.lines = Lines(1_000_000)
        self.attempts = Attempts(100_000)

    def compose(self) -> ComposeResult:
        """The widget that was asked for, under a line that names it."""
        yield StatusLine([(f"{self.what.upper()} ", "strong"), "[bold]literal[/bold]"], [("right", "muted")])
        if self.what == "clock":
            yield Clock()
        elif self.what == "table":
            yield LineTable(COLUMNS)
        elif self.what == "timeline":
            yield Timeline([step(number) for number in range(60)])
        else:
            yield LogView(self.lines)

    def on_mount(self) -> None:
        """Fill the table."""
        if self.what == "table":
            self.query_one(LineTable).set_rows(self.attempts)

    async def action_batches(self) -> None:
        """Feed the log as a busy server would in ten seconds, and say so when all is painted."""

        async def feed() -> None:
            view = self.query_one(LogView)
            for batch in range(40):
                self.lines.append(2 + batch % 2)
                view.view_changed()
                await asyncio.sleep(0.06)
            self.query_one(StatusLine).show(["FED"])

        self.run_worker(feed())

    def action_newer(self) -> None:
        """Another row on top."""
        self.attempts.count += 1
        self.query_one(LineTable).set_rows(self.attempts)


class LogScreen(Screen[None]):
    """A log as a mode."""

    def compose(self) -> ComposeResult:
        """A log."""
        yield StatusLine(["LOG MODE"])
        yield LogView(Lines(1_000_000))


class TableScreen(Screen[None]):
    """A table as a mode."""

    def compose(self) -> ComposeResult:
        """A table."""
        yield StatusLine(["TABLE MODE"])
        yield LineTable(COLUMNS)

    def on_mount(self) -> None:
        """Fill it."""
        self.query_one(LineTable).set_rows(Attempts(100_000))


class ModesApp(LeanApp):
    """Two modes to switch between."""

    CSS = WidgetsApp.CSS
    MODES: ClassVar = {"log": LogScreen, "table": TableScreen}
    DEFAULT_MODE = "log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("1", "app.switch_mode('log')", "Log"),
        Binding("2", "app.switch_mode('table')", "Table"),
    ]


if __name__ == "__main__":
    app = ModesApp() if sys.argv[1] == "modes" else WidgetsApp(sys.argv[1])
    sys.exit(app.run_to_status())
