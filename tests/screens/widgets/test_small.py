"""The clock, the status line, the timeline."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from cyrtui.screens.widgets.clock import Clock
from cyrtui.screens.widgets.status_line import StatusLine
from cyrtui.screens.widgets.timeline import Step, Timeline

from .glances import OneWidget, Painted, lines_of


async def test_the_clock_shows_the_time_it_is_given() -> None:
    async with OneWidget(lambda: Clock(lambda: 1_795_348_800.9, UTC)).run_test(size=(20, 3)) as pilot:
        assert lines_of(pilot.app.query_one(Clock)) == ["12:00:00"]


async def test_the_clock_paints_when_the_second_turns() -> None:
    now = [1_795_348_800.0]
    async with OneWidget(lambda: Clock(lambda: now[0], UTC)).run_test(size=(20, 3)) as pilot:
        clock = pilot.app.query_one(Clock)
        painted = Painted(clock)
        clock._tick()
        await pilot.pause()
        assert painted.taken() == []
        now[0] += 1
        clock._tick()
        await pilot.pause()
        assert painted.taken() == [0]
        assert lines_of(clock) == ["12:00:01"]


async def test_the_left_of_a_status_line_gives_way_to_its_right() -> None:
    line = StatusLine([("LOGS ", "strong"), "[b]x[/b] and more than fits"], [("14 of 443", "muted")])
    async with OneWidget(lambda: line).run_test(size=(30, 3)) as pilot:
        assert lines_of(line) == ["LOGS [b]x[/b] and m… 14 of 443"]
        line.show(["SPOOL"])
        await pilot.pause()
        assert lines_of(line) == ["SPOOL                14 of 443"]
        painted = Painted(line)
        line.show(["SPOOL"])
        await pilot.pause()
        assert painted.taken() == []


class Steps(Timeline):
    """Remembers its messages."""

    def __init__(self) -> None:
        super().__init__(
            [
                Step("mail", "07:05:16.001", "", "TLSv1.3 TLS_AES_256_GCM_SHA384"),
                Step("slapd", "", "+ 12 ms", "conn=1004 from port 51812", remark="certain"),
                Step("mail", "", "+ 1 ms", "badlogin [/nope]", emphasised=True),
            ]
        )
        self.heard: list[Any] = []

    def on_timeline_step_opened(self, message: Timeline.StepOpened) -> None:
        self.heard.append(("opened", message.index))

    def on_timeline_step_highlighted(self, message: Timeline.StepHighlighted) -> None:
        self.heard.append(("highlighted", message.index))


async def test_a_timeline_stands_in_lanes_and_is_looked_at_sideways() -> None:
    async with OneWidget(Steps).run_test(size=(60, 6)) as pilot:
        steps = pilot.app.query_one(Steps)
        assert lines_of(steps)[:3] == [
            "› mail  07:05:16.001         TLSv1.3 TLS_AES_256_GCM_SHA384",
            "  slapd              + 12 ms conn=1004 from port 5… certain",
            "  mail                + 1 ms badlogin [/nope]",
        ]
        await pilot.press("down", "down", "enter")
        assert lines_of(steps)[2].startswith("› mail")
        assert steps.heard[-2:] == [("highlighted", 2), ("opened", 2)]
        steps.set_steps([Step("auth", "", "", "x" * 100)])
        await pilot.pause()
        assert lines_of(steps)[0] == "› auth " + "x" * 51 + "…"
        await pilot.press(*["right"] * 4)
        assert lines_of(steps)[0] == "› auth " + "x" * 51
