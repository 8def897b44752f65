"""The Spool screen on the spool of a real server: tree, filter, details, messages, sums, what is private."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from cyrtui.access import Gate
from cyrtui.console import Console
from cyrtui.host.tree import TreeHost
from cyrtui.screens.app import ConsoleApp
from cyrtui.screens.widgets.line_table import LineTable
from cyrtui.settings import load_settings
from tests.spool.test_real_spools import unpacked

from .picture import picture, same_as_kept
from .recorded import SIZES, console_app, until

# Three days after the last message of the sample.
NOW = 1795335935.0 + 3 * 86400


class _Tree(TreeHost):
    """A copied tree at a moment that stands still."""

    def now(self) -> float:
        return NOW


class _Held(_Tree):
    """One whose cyrus.index files cannot be read while `free` is not set."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.free = threading.Event()
        self.free.set()

    def read_head(self, path: str, length: int) -> bytes:
        if path.endswith("cyrus.index"):
            assert self.free.wait(20)
        return super().read_head(path, length)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = unpacked("3.12.3", tmp_path_factory.mktemp("server"))
    (root / "etc/cyrus.conf").write_text('SERVICES {\n imap cmd="imapd" listen="imap"\n}\n')
    (root / "etc/timezone").write_text("Europe/Paris\n")
    (root / "etc/hostname").write_text("samchiel\n")
    return root


@asynccontextmanager
async def spool_app(
    root: Path, size: tuple[int, int] = (80, 24), gate: Gate | None = None, host: TreeHost | None = None
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int]]]:
    """The application with the Spool in front and every mailbox found."""
    settings = load_settings({}, environment={}, system_file="/nonexistent")
    app = ConsoleApp(Console(host or _Tree(str(root)), settings, gate))
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "5 users" in picture(app) and "so far" not in picture(app))
        yield app, pilot


async def _read(app: ConsoleApp, pilot: Pilot[int]) -> None:
    """Everything in sight has been read, and the detail is that of the cursor's line."""
    await until(pilot, lambda: " … " not in picture(app) and "…  " not in picture(app))


async def _go_to(app: ConsoleApp, pilot: Pilot[int], label: str) -> None:
    """Put the cursor on the line that says `label`, and wait until its detail is told."""
    table = app.screen.query_one("#spool-tree", LineTable)
    number = next(n for n in range(table.end) if str(table.item(n).cells[1]).find(label) >= 0)
    table.move_cursor(number)
    await until(pilot, lambda: label in str(app.screen.query_one("#spool-name")._left))  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_pictures(root: Path, size: tuple[int, int]) -> None:
    async with spool_app(root, size) as (app, pilot):
        await _go_to(app, pilot, "u30")
        await pilot.press("right")
        await until(pilot, lambda: "Drafts" in picture(app))
        await _go_to(app, pilot, "Projets 2005")
        await until(pilot, lambda: "5 message files" in picture(app))
        same_as_kept(f"spool-{size[0]}x{size[1]}", picture(app))
        await pilot.press("enter")
        await until(pilot, lambda: "5 messages" in picture(app) and "Person" in picture(app))
        await pilot.press("enter")
        await until(pilot, lambda: "header of uid" in picture(app))
        same_as_kept(f"mailbox-{size[0]}x{size[1]}", picture(app))


async def test_numbers_and_quotas_come_for_what_is_in_sight(root: Path) -> None:
    async with spool_app(root) as (app, pilot):
        await until(pilot, lambda: "117%" in picture(app))
        shown = picture(app)
        assert "75   215K █░░░░ 10%" in shown
        assert "u32                                    34    89K" in shown


async def test_the_filter_follows_the_typing_and_leaves_what_was_found_in_sight(root: Path) -> None:
    async with spool_app(root) as (app, pilot):
        await pilot.press("slash", *"ETE")
        await until(pilot, lambda: "été.2005" in picture(app))
        assert "jean.dupont" not in picture(app)
        assert "6 mailboxes below 2 owners" not in picture(app)
        await pilot.press("enter")
        await _go_to(app, pilot, "été.2005")
        await pilot.press("escape")
        await until(pilot, lambda: "Trash" in picture(app))
        table = app.screen.query_one("#spool-tree", LineTable)
        assert "été.2005" in str(table.item(table._cursor).cells[1])
        await pilot.press("left", "left", "left")
        assert "u32" in str(table.item(table._cursor).cells[1])


async def test_users_are_sorted_and_the_sum_is_shown_by_user(root: Path) -> None:
    async with spool_app(root) as (app, pilot):
        await pilot.press("o")
        table = app.screen.query_one("#spool-tree", LineTable)
        await until(pilot, lambda: "u30" in str(table.item(1).cells[1]) and "by size" in picture(app))
        await pilot.press("r")
        await until(pilot, lambda: "u33" in str(table.item(1).cells[1]))
        await pilot.press("u")
        await until(pilot, lambda: "192 messages" in picture(app))
        await pilot.press("u")
        await until(pilot, lambda: "USAGE" in picture(app))
        assert "192 in 43 mailboxes, 520K" in picture(app)
        await pilot.press("escape")
        await until(pilot, lambda: "SPOOL" in picture(app))


async def test_adding_up_and_sorting_are_cancelled_by_a_key(root: Path) -> None:
    host = _Held(str(root))
    async with spool_app(root, host=host) as (app, pilot):
        await _read(app, pilot)
        host.free.clear()
        await pilot.press("u")
        await until(pilot, lambda: "adding up default" in picture(app))
        await pilot.press("c")
        host.free.set()
        await until(pilot, lambda: "cancelled; up to then default: " in picture(app))
        assert "shows it by user" not in picture(app)
        await pilot.press("u")
        await until(pilot, lambda: "u shows it by user" in picture(app))

    host = _Held(str(root))
    host.free.clear()
    async with spool_app(root, host=host) as (app, pilot):
        await pilot.press("o")
        await until(pilot, lambda: "c cancel" in picture(app))
        assert "by size" in picture(app)
        await pilot.press("c")
        host.free.set()
        await until(pilot, lambda: "by size" not in picture(app))
        assert "c cancel" not in picture(app)


async def test_a_body_is_shown_to_an_operator_and_to_nobody_else(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Gate, "audit", lambda _, sentence: said.append(sentence))
    for gate in (None, Gate()):
        async with spool_app(root, gate=gate) as (app, pilot):
            await _go_to(app, pilot, "jean.dupont")
            await pilot.press("enter")
            await until(pilot, lambda: "INBOX" in picture(app))
            await _go_to(app, pilot, "INBOX")
            await pilot.press("enter")
            await until(pilot, lambda: "8 messages" in picture(app))
            await pilot.press("b")
            if gate is None:
                await until(pilot, lambda: "read-only" in picture(app).lower().replace("read-only ", "", 1))
                assert "body of uid" not in picture(app)
                assert not said
            else:
                await until(pilot, lambda: "body of uid" in picture(app))
                assert len(said) == 1
            await pilot.press("escape", "escape")


async def test_sieve_scripts_are_shown_with_their_source(root: Path) -> None:
    uniqueid = "ef27996f-f143-4694-b7ee-c0b8be3d8c9e"
    place = root / f"var/spool/sieve/uuid/e/f/{uniqueid}"
    place.mkdir(parents=True)
    (place / "away.script").write_text('require "vacation";\nkeep; # [/bold]\n')
    (place / "away.bc").write_bytes(b"CyrSBytecode\x22\0\0\0")
    (place / "defaultbc").symlink_to("away.bc")
    async with spool_app(root) as (app, pilot):
        await _go_to(app, pilot, "u30")
        await pilot.press("s")
        await until(pilot, lambda: "keep; # [/bold]" in picture(app))
        assert "active" in picture(app)
        await pilot.press("escape")


async def test_without_an_imapd_conf_the_screen_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/cyrus.conf").write_text("SERVICES {\n}\n")
    settings = load_settings({}, environment={}, system_file="/nonexistent")
    app = ConsoleApp(Console(_Tree(str(tmp_path)), settings, None))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "/etc/imapd.conf does not exist" in picture(app))
        # and no key that needs a spool does any harm
        await pilot.press(
            "slash", "x", "enter", "o", "r", "u", "c", "s", "y", "right", "left", "enter", "escape"
        )
        assert "SPOOL" in picture(app)


async def test_on_a_recording_the_screen_says_what_it_does_not_hold() -> None:
    async with console_app(75.0) as (app, pilot):
        await pilot.press("4")
        await until(pilot, lambda: "is not in the recording" in picture(app))
        await pilot.press("enter", "u", "o", "1")


async def test_what_is_typed_while_the_screen_comes_up_is_typed_into_the_filter(root: Path) -> None:
    settings = load_settings({}, environment={}, system_file="/nonexistent")
    app = ConsoleApp(Console(_Tree(str(root)), settings, None))
    async with app.run_test(size=(80, 24)) as pilot:
        for key, text in (("4", "4"), ("slash", "/"), *((letter, letter) for letter in "jean")):
            app.post_message(events.Key(key, text))
        await until(pilot, lambda: "jean: 5 mailboxes" in picture(app) or "jean: 0 mailboxes" in picture(app))
