"""A table keeps its place, reads only what it shows, and paints only what changed."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from textual.pilot import Pilot

from cyrtui.screens.widgets.line_table import Column, LineTable, Row

from .glances import OneWidget, Painted, lines_of

COLUMNS = (
    Column("time", "time", 4),
    Column("user", "user", 6, flex=1),
    Column("size", "size", 5, align="right"),
)
SIZE = (30, 8)


def row(number: int, note: str | None = None) -> Row:
    return Row(number, (f"{number:04d}", f"user{number}", (f"{number * 3}", "muted")), note)


class Table(LineTable):
    """Remembers its messages."""

    def __init__(self) -> None:
        super().__init__(COLUMNS)
        self.heard: list[Any] = []

    def on_line_table_highlighted(self, message: LineTable.Highlighted) -> None:
        self.heard.append(("highlighted", message.key))

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        self.heard.append(("opened", message.key))


class Source:
    """Rows made when asked for, remembering which."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return self.count

    def row(self, index: int) -> Row:
        self.asked.add(index)
        return row(index)

    def index_of(self, key: Hashable) -> int | None:
        return key if isinstance(key, int) and 0 <= key < self.count else None


async def table_of(pilot: Pilot[int], rows: Any) -> Table:
    table = pilot.app.query_one(Table)
    table.set_rows(rows)
    await pilot.pause()
    return table


async def test_it_shows_titles_rows_and_a_marker_that_needs_no_colour() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n) for n in range(3)])
        assert lines_of(table) == [
            "  time user              size",
            "› 0000 user0                0",
            "  0001 user1                3",
            "  0002 user2                6",
            "",
            "",
            "",
            "",
        ]


async def test_markup_and_wide_letters_are_literal_and_cut() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        rows = [Row(1, ("[b]x[/b]", "[/nope]", "漢字漢字漢字")), Row(2, ("a",))]
        table = await table_of(pilot, rows)
        assert lines_of(table)[1:3] == ["› [b]… [/nope]          漢字…", "  a"]


async def test_only_rows_in_sight_are_read_of_a_hundred_thousand() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        source = Source(100_000)
        table = await table_of(pilot, source)
        await pilot.press("end")
        assert lines_of(table)[-1].startswith("› 999… user99999")
        assert len(source.asked) <= 40


async def test_the_cursor_stays_on_its_row_when_rows_come_on_top() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n) for n in range(100, 0, -1)])
        await pilot.press("down", "down")
        assert table.cursor_key == 98
        table.heard.clear()
        table.set_rows([row(n) for n in range(102, 0, -1)])
        await pilot.pause()
        assert table.cursor_key == 98
        assert lines_of(table)[1].startswith("  0102")
        assert lines_of(table)[5].startswith("› 0098")
        assert table.heard == []


async def test_a_window_away_from_the_top_does_not_move_when_rows_come_on_top() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n) for n in range(100, 0, -1)])
        await pilot.press("pagedown")
        shown = lines_of(table)[1:]
        table.set_rows([row(n) for n in range(103, 0, -1)])
        await pilot.pause()
        assert lines_of(table)[1:] == shown


async def test_a_row_that_goes_leaves_the_cursor_at_its_place() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n) for n in range(5)])
        await pilot.press("down")
        table.set_rows([row(n) for n in (0, 2, 3)])
        await pilot.pause()
        assert table.cursor_key == 2
        assert table.heard[-1] == ("highlighted", 2)
        table.set_rows([])
        await pilot.pause()
        assert table.heard[-1] == ("highlighted", None)
        await pilot.press("down", "up", "pagedown", "pageup", "home", "end", "enter")
        assert lines_of(table)[1:] == [""] * 7


async def test_only_lines_that_changed_are_painted() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n) for n in range(5)])
        painted = Painted(table)
        rows = [row(n) for n in range(5)]
        table.set_rows(rows)
        await pilot.pause()
        assert painted.taken() == []
        rows[3] = Row(3, ("new", "user3", "9"))
        table.set_rows(list(rows))
        await pilot.pause()
        assert painted.taken() == [4]
        await pilot.press("down")
        assert painted.taken() == [1, 2]


async def test_pages_overlap_by_a_line_and_end_at_the_ends() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n) for n in range(20)])
        await pilot.press("pagedown")
        assert lines_of(table)[1].startswith("› 0006")
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert lines_of(table)[-1].startswith("› 0019")
        await pilot.press("pageup")
        assert lines_of(table)[-1].startswith("› 0013")
        await pilot.press("pageup", "pageup", "pageup")
        assert lines_of(table)[1].startswith("› 0000")


async def test_notes_stand_below_their_rows_and_count() -> None:
    note = "it does not listen because its name is not to be found"
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n, note if n % 2 else None) for n in range(20)])
        assert lines_of(table)[1:6] == [
            "› 0000 user0                0",
            "  0001 user1                3",
            "    it does not listen",
            "    because its name is not",
            "    to be found",
        ]
        await pilot.press("down", "down", "down")
        assert lines_of(table)[2].startswith("› 0003")
        assert lines_of(table)[5].strip() == "to be found"
        await pilot.press("end")
        assert lines_of(table)[2].startswith("› 0019")
        await pilot.press("home")
        assert lines_of(table)[1].startswith("› 0000")


async def test_enter_and_a_double_click_open_and_a_click_selects() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n) for n in range(5)])
        await pilot.press("down", "enter")
        assert table.heard[-1] == ("opened", 1)
        await pilot.click(Table, offset=(5, 4))
        assert table.cursor_key == 3
        assert table.heard[-1] == ("highlighted", 3)
        await pilot.click(Table, offset=(5, 5), times=2)
        assert table.heard[-1] == ("opened", 4)


async def test_the_wheel_moves_the_window() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n) for n in range(50)])
        table._on_mouse_scroll_down(_wheel(table))
        await pilot.pause()
        assert lines_of(table)[1].startswith("  0002")


def _wheel(table: Table) -> Any:
    from textual.events import MouseScrollDown

    return MouseScrollDown(
        table, x=1, y=1, delta_x=0, delta_y=1, button=0, shift=False, meta=False, ctrl=False
    )


async def test_columns_share_the_room_and_give_way() -> None:
    table = LineTable(
        (Column("a", "a", 10, flex=1, min_width=5), Column("b", "b", 10), Column("c", "c", 4, flex=3))
    )
    assert table.widths(2 + 24 + 2 + 8) == [12, 10, 10]
    assert table.widths(2 + 24 + 2 - 3) == [7, 10, 4]
    assert table.widths(10) == [5, 10, 4]


async def test_it_can_be_as_high_as_its_rows() -> None:
    app = OneWidget(Table)
    app.CSS = "LineTable { height: auto; }"  # type: ignore[misc]
    async with app.run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(1), row(2, "why")])
        assert table.size.height == 4
        table.set_rows([row(1)])
        await pilot.pause()
        assert table.size.height == 2


async def test_more_room_shows_more_rows() -> None:
    async with OneWidget(Table).run_test(size=SIZE) as pilot:
        table = await table_of(pilot, [row(n) for n in range(30)])
        await pilot.press("end")
        await pilot.resize_terminal(40, 12)
        await pilot.pause()
        assert lines_of(table)[-1].startswith("› 0029")
        assert lines_of(table)[1].startswith("  0019")
