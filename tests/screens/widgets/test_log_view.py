"""A log view follows, stands still, keeps its lines by number, and paints only what changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from cyrtui.screens.widgets.log_view import LogView

from .glances import OneWidget, Painted, lines_of

SIZE = (40, 10)
NOON = 1_795_348_800  # 2026-11-22T12:00:00Z


@dataclass(frozen=True)
class Line:
    """A line."""

    role: str
    time: float
    ident: str
    pid: int | None
    text: str
    level: str | None = "info"


class Lines:
    """Lines in a dictionary, so that they can be put in anywhere."""

    def __init__(self, first: int, end: int) -> None:
        self.version = 0
        self.first, self.end = first, first
        self.lines: dict[int, Line] = {}
        self.asked = 0
        self.append(end - first)

    def append(self, count: int) -> None:
        for number in range(self.end, self.end + count):
            self.lines[number] = Line("mail", NOON + number, "imap", 7, f"line {number}")
        self.end += count
        self.version += 1

    def line(self, number: int) -> Line:
        self.asked += 1
        return self.lines[number]


class View(LogView):
    """Remembers its messages."""

    def __init__(self, lines: Any) -> None:
        super().__init__(lines, zone=UTC)
        self.heard: list[Any] = []

    def on_log_view_follow_changed(self, message: LogView.FollowChanged) -> None:
        self.heard.append(("follow", message.following, message.new_lines))

    def on_log_view_line_opened(self, message: LogView.LineOpened) -> None:
        self.heard.append(("opened", message.number))


def app_of(lines: Any) -> OneWidget:
    return OneWidget(lambda: View(lines))


def view_of(app: Any) -> View:
    view = app.query_one(View)
    assert isinstance(view, View)
    return view


def numbers(view: View) -> list[int | None]:
    """The numbers of the lines shown, None for a blank one."""
    return [int(line.rpartition("line ")[2]) if "line" in line else None for line in lines_of(view)]


async def test_it_begins_at_the_end_and_follows() -> None:
    async with app_of(Lines(0, 1000)).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        assert view.following
        assert numbers(view) == list(range(990, 1000))
        assert lines_of(view)[0] == "  M 12:16:30 imap[7]: line 990"
        assert view.cursor_line == 999


async def test_a_million_lines_cost_what_is_seen() -> None:
    class Many:
        first, end, version = 0, 1_000_000, 0
        asked = 0

        def line(self, number: int) -> Line:
            self.asked += 1
            return Line("mail", NOON, "imap", 7, f"line {number}")

    lines = Many()
    async with app_of(lines).run_test(size=SIZE) as pilot:
        await pilot.press("home", "pagedown", "end", "pageup")
        assert numbers(view_of(pilot.app))[-1] == 999_990
        assert lines.asked < 1000


async def test_a_window_that_follows_ends_with_the_last_line_and_is_full() -> None:
    lines = Lines(0, 8)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        painted = Painted(view)
        for number in (8, 9):
            lines.append(1)
            view.view_changed()
            await pilot.pause()
            assert painted.taken() == [number], "a line that is added below paints no other"
        for count in (1, 8, 300):
            lines.append(count)
            view.view_changed()
            await pilot.pause()
            assert numbers(view) == list(range(lines.end - 10, lines.end))


async def test_going_up_stops_following_says_so_and_counts_what_comes() -> None:
    lines = Lines(0, 1000)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        await pilot.press("up")
        assert not view.following
        assert view.cursor_line == 998
        assert lines_of(view)[8].startswith("› M")
        lines.append(3)
        view.view_changed()
        await pilot.pause()
        assert numbers(view) == list(range(990, 1000))
        await pilot.press("G")
        assert numbers(view) == list(range(993, 1003))
        assert view.heard == [("follow", False, 0), ("follow", False, 3), ("follow", True, 0)]


async def test_a_page_up_is_a_page_and_pages_down_do_not_follow() -> None:
    lines = Lines(0, 1000)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        await pilot.press("pageup")
        assert numbers(view) == list(range(981, 991))
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert numbers(view) == list(range(990, 1000))
        assert not view.following
        await pilot.press("f")
        assert view.following


async def test_older_lines_that_are_read_in_do_not_move_what_is_shown() -> None:
    lines = Lines(500, 1000)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        await pilot.press("home")
        assert numbers(view) == list(range(500, 510))
        painted = Painted(view)
        for number in range(400, 500):
            lines.lines[number] = Line("mail", NOON + number, "imap", 7, f"line {number}")
        lines.first = 400
        lines.version += 1
        view.view_changed()
        await pilot.pause()
        # its date goes, as it is no more the first line of all
        assert painted.taken() == [0]
        assert numbers(view) == list(range(500, 510))
        assert view.cursor_line == 500
        await pilot.press("up")
        assert numbers(view)[0] == 499


async def test_a_late_line_that_is_put_in_repaints_what_it_pushed_down() -> None:
    lines = Lines(0, 1000)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        await pilot.press("up")
        painted = Painted(view)
        lines.lines[998], lines.lines[999] = replace(lines.lines[998], text="line 7"), lines.lines[998]
        view.view_changed()
        await pilot.pause()
        assert painted.taken() == [8, 9]
        assert numbers(view)[-2:] == [7, 998]


async def test_the_date_stands_where_the_day_changes() -> None:
    lines = Lines(0, 4)
    lines.lines[2] = replace(lines.lines[2], time=NOON + 86400)
    lines.lines[3] = replace(lines.lines[3], time=NOON + 86401)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        assert lines_of(view_of(pilot.app))[:4] == [
            "  M 12:00:00 Nov 22 imap[7]: line 0",
            "  M 12:00:01 imap[7]: line 1",
            "  M 12:00:00 Nov 23 imap[7]: line 2",
            "  M 12:00:01 imap[7]: line 3",
        ]


async def test_fractions_are_shown_where_there_are_any_and_all_times_line_up() -> None:
    lines = Lines(0, 3)
    lines.lines[1] = replace(lines.lines[1], time=NOON + 1.001, role="slapd")
    async with app_of(lines).run_test(size=SIZE) as pilot:
        assert lines_of(view_of(pilot.app))[1:3] == [
            "  S 12:00:01.001 imap[7]: line 1",
            "  M 12:00:02     imap[7]: line 2",
        ]


async def test_long_lines_are_cut_looked_at_sideways_or_folded() -> None:
    lines = Lines(0, 2)
    lines.lines[1] = replace(lines.lines[1], text="0123456789" * 4)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        assert lines_of(view)[1] == "  M 12:00:01 imap[7]: 0123456789012345…"
        await pilot.press("right")
        assert lines_of(view)[1] == "  M 12:00:01 7890123456789012345678901…"
        await pilot.press("left", "w")
        assert lines_of(view)[1:3] == [
            "  M 12:00:01 imap[7]: 01234567890123456",
            "             78901234567890123456789",
        ]


async def test_folded_lines_follow_and_page() -> None:
    lines = Lines(0, 60)
    for number in range(60):
        lines.lines[number] = replace(lines.lines[number], text="x" * 30 + f" line {number}")
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        await pilot.press("w")
        assert "line 59" in lines_of(view)[-1]
        await pilot.press("pageup")
        assert "line 55" in lines_of(view)[-1]
        await pilot.press("home")
        assert view.cursor_line == 0
        await pilot.press("end")
        lines.append(1)
        view.view_changed()
        await pilot.pause()
        assert any("line 60" in line for line in lines_of(view))


async def test_a_hostile_line_takes_no_time_and_is_shown_literally() -> None:
    lines = Lines(0, 3)
    lines.lines[1] = replace(lines.lines[1], text="[/nope] " + "漢" * 10_000_000)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        assert lines_of(view)[1] == "  M 12:00:01 imap[7]: [/nope] 漢漢漢漢…"
        await pilot.press("w", "up", "up", "pagedown")
        assert "漢漢漢漢漢" in lines_of(view)[5]


async def test_what_is_searched_is_marked_in_any_case_when_written_small() -> None:
    lines = Lines(0, 1)
    lines.lines[0] = replace(lines.lines[0], text="BadLogin badlogin", time=NOON)

    def marked(view: View) -> list[str]:
        return [segment.text for segment in view.render_line(0) if segment.style and segment.style.reverse]

    async with app_of(lines).run_test(size=(80, 3)) as pilot:
        view = view_of(pilot.app)
        view.needle = "badlogin"
        assert marked(view) == ["BadLogin", "badlogin"]
        view.needle = "BadLogin"
        assert marked(view) == ["BadLogin"]
        view.needle = ""
        assert marked(view) == []


async def test_going_to_a_line_stands_still_on_it() -> None:
    lines = Lines(0, 1000)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        view.goto(400)
        await pilot.pause()
        assert not view.following
        assert view.cursor_line == 400
        assert 400 in numbers(view)
        shown = numbers(view)
        view.goto(401)
        assert numbers(view) == shown
        await pilot.press("enter")
        assert view.heard[-1] == ("opened", 401)


async def test_an_empty_log_is_blank_and_no_key_fails() -> None:
    async with app_of(Lines(0, 0)).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        await pilot.press("up", "down", "pageup", "pagedown", "home", "end", "enter", "f", "w")
        assert view.cursor_line is None
        assert lines_of(view) == [""] * 10


async def test_older_lines_that_come_later_fill_the_window_from_its_end() -> None:
    lines = Lines(0, 0)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)

        def prepend(count: int) -> None:
            for number in range(lines.first - count, lines.first):
                lines.lines[number] = Line("mail", NOON + number, "imap", 7, f"line {number}")
            lines.first -= count
            view.view_changed()

        prepend(4)
        await pilot.pause()
        assert numbers(view) == [-4, -3, -2, -1, *[None] * 6]
        prepend(40)
        await pilot.pause()
        assert view.following
        assert numbers(view) == list(range(-10, 0))
        lines.append(2)
        view.view_changed()
        prepend(40)
        await pilot.pause()
        assert numbers(view) == list(range(-8, 2))


async def test_lines_that_are_dropped_at_the_beginning_take_the_window_along() -> None:
    lines = Lines(0, 100)
    async with app_of(lines).run_test(size=SIZE) as pilot:
        view = view_of(pilot.app)
        await pilot.press("home")
        lines.first = 50
        view.view_changed()
        await pilot.pause()
        assert numbers(view) == list(range(50, 60))
        assert view.cursor_line == 50
