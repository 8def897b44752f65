"""The Config screen on real configuration files: lint as one types, help, passwords, files, the form."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from cyrtui.access import open_gate
from cyrtui.console import Console
from cyrtui.screens.app import ConsoleApp
from cyrtui.screens.ask import AskScreen
from cyrtui.screens.config import ConfigScreen
from cyrtui.screens.config_form import ServiceFormScreen
from cyrtui.screens.service import ServiceScreen
from cyrtui.screens.widgets.conf_editor import ConfEditor
from cyrtui.screens.widgets.line_table import LineTable
from cyrtui.settings import load_settings
from tests.logs.files import FilesHost

from .picture import picture, same_as_kept
from .recorded import SIZES, console_app, until

RECORDED = Path(__file__).parents[1] / "recordings/configurations/cyrus-3.12.3"
PASSWORD = "highsecuritypassword"


@asynccontextmanager
async def config_screen(
    place: Path, *, read_only: bool = False
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int], ConfigScreen]]:
    for name in ("cyrus.conf", "imapd.conf"):
        if not (place / name).exists():
            shutil.copy(RECORDED / name, place / name)
    environment = {f"CYRTUI_{name}_CONF": str(place / f"{name.lower()}.conf") for name in ("CYRUS", "IMAPD")}
    settings = load_settings({}, environment=environment, system_file="/nonexistent")
    app = ConsoleApp(Console(FilesHost(), settings, open_gate(read_only=read_only)))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app.caught_up)
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, ConfigScreen) and looked(app.screen))
        assert isinstance(app.screen, ConfigScreen)
        yield app, pilot, app.screen


def looked(screen: ConfigScreen) -> bool:
    """Whether the lint has looked at the text as it is."""
    return screen.settled and "looking" not in picture(screen.app)


def editor_of(screen: ConfigScreen) -> ConfEditor:
    assert screen.editor is not None
    return screen.editor


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
class TestPictures:
    async def test_config(self, size: tuple[int, int]) -> None:
        async with console_app(75.0, size) as (app, pilot):
            await pilot.press("5")
            await until(pilot, lambda: isinstance(app.screen, ConfigScreen) and looked(app.screen))
            await pilot.press("f")
            await until(pilot, lambda: "SERVICES lmtp" in picture(app))
            same_as_kept(f"config-{size[0]}x{size[1]}", picture(app))

    async def test_the_services_as_a_form(self, size: tuple[int, int]) -> None:
        async with console_app(75.0, size) as (app, pilot):
            await pilot.press("5")
            await until(pilot, lambda: isinstance(app.screen, ConfigScreen) and looked(app.screen))
            await pilot.press("s")
            await until(pilot, lambda: isinstance(app.screen, ServiceFormScreen))
            await pilot.press("down", "enter", "down", "down")
            await pilot.pause()
            same_as_kept(f"services-{size[0]}x{size[1]}", picture(app))


async def test_what_is_typed_is_linted_beside_its_line(tmp_path: Path) -> None:
    async with config_screen(tmp_path) as (app, pilot, screen):
        editor = editor_of(screen)
        editor.go_to(4)
        await pilot.press("e", "home", "delete")
        await pilot.press(*"imap_")
        await until(pilot, lambda: screen.settled and any(row == 4 for row in editor.finding_rows))
        await until(pilot, lambda: "Bad character “_” in the name" in picture(app))
        assert "✖ 5" in picture(app)
        await pilot.press("home", "tab")
        assert editor.document.get_line(4).lstrip(" ").startswith("\timap_"), "a tab is text too"
        await pilot.press("escape", "u", "u", "u", "u")
        await until(pilot, lambda: screen.settled and not screen.changed)
        await pilot.press("U")
        await until(pilot, lambda: screen.changed)


async def test_from_finding_to_finding_and_help_under_the_cursor(tmp_path: Path) -> None:
    async with config_screen(tmp_path) as (app, pilot, screen):
        await pilot.press("tab")
        await until(pilot, lambda: editor_of(screen).path.endswith("imapd.conf"))
        await until(pilot, lambda: bool(editor_of(screen).finding_rows))
        rows = sorted(editor_of(screen).finding_rows)
        start = editor_of(screen).cursor_location[0]
        beyond = [row for row in rows if row > start] or rows
        await pilot.press("f8")
        assert editor_of(screen).cursor_location[0] == beyond[0]
        await pilot.press("f9")
        assert editor_of(screen).cursor_location[0] in rows
        editor_of(screen).go_to(10)
        await until(pilot, lambda: "allowplaintext: a switch" in picture(app))
        assert "If enabled, allows the use of cleartext passwords" in picture(app), "imapd.conf(5) has it"


async def test_passwords_are_covered_until_p_and_never_found_or_copied(tmp_path: Path) -> None:
    async with config_screen(tmp_path) as (app, pilot, screen):
        await pilot.press("tab")
        await until(pilot, lambda: "sasl_ldapdb_pw: •" in picture(app))
        editor = editor_of(screen)
        assert PASSWORD not in editor.text
        assert PASSWORD not in picture(app)
        await pilot.press("slash", *PASSWORD, "enter")
        await until(pilot, lambda: "not found" in picture(app))
        editor.go_to(19)
        await pilot.press("e", "ctrl+c")
        assert app.clipboard == "sasl_ldapdb_pw: ***\n"
        # what was copied here comes back whole
        await pilot.press("ctrl+k", "ctrl+k", "ctrl+v")
        await until(pilot, lambda: not screen.changed)
        # what is typed is covered as well, and put away with its length when it is covered anew
        await pilot.press("up", "end", *"XY")
        assert PASSWORD + "XY" in editor.whole_text
        assert "pw: •••" in picture(app)
        await pilot.press("escape", "p")
        await until(pilot, lambda: PASSWORD + "XY" in picture(app))
        await pilot.press("p")
        await until(
            pilot, lambda: "pw: •\n" in picture(app).replace(" \n", "\n") and "•••" not in picture(app)
        )
        await pilot.press("u", "u")
        await pilot.pause()
        assert PASSWORD not in picture(app)


async def test_a_read_only_run_is_a_viewer(tmp_path: Path) -> None:
    async with config_screen(tmp_path, read_only=True) as (app, pilot, screen):
        before = editor_of(screen).text
        assert "viewer: this run is read-only" in picture(app)
        await pilot.press("e", "x", "enter", "backspace", "ctrl+v", "ctrl+k", "u", "U", "a")
        await until(pilot, lambda: "Nothing can be applied here" in picture(app))
        assert "Nothing can be typed here" in picture(app)
        assert editor_of(screen).text == before
        assert screen.sheets[0].data == (RECORDED / "cyrus.conf").read_bytes()
        await pilot.press("tab")
        await until(pilot, lambda: "sasl_ldapdb_pw: •" in picture(app))
        await pilot.press("p")
        await until(pilot, lambda: "Showing passwords was refused" in picture(app))
        assert PASSWORD not in picture(app)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ServiceFormScreen))
        await pilot.press("n", "d")
        await until(pilot, lambda: "Nothing can be changed here" in picture(app))
        assert not screen.changed


async def test_a_file_that_may_not_be_read_says_which_group_could(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cyrtui.host.local import read_error

    read = FilesHost.read

    def refused(host: FilesHost, path: str, limit: int = 4 << 20) -> bytes:
        if path.endswith("imapd.conf"):
            raise read_error(path, PermissionError(13, "no"))
        return read(host, path, limit)

    monkeypatch.setattr(FilesHost, "read", refused)
    async with config_screen(tmp_path) as (app, pilot, _):
        await pilot.press("tab")
        await until(pilot, lambda: "group root could" in picture(app))


async def test_a_file_changed_on_the_disk_is_noticed(tmp_path: Path) -> None:
    async with config_screen(tmp_path) as (app, pilot, screen):
        path = tmp_path / "cyrus.conf"
        text = path.read_text()
        path.write_text(text + "# one\n")
        screen.look_now()
        await until(pilot, lambda: "# one" in editor_of(screen).text)
        assert "was changed on the disk" in picture(app)
        await pilot.press("e", "#", "escape")
        path.write_text(text + "# two\n")
        screen.look_now()
        await until(pilot, lambda: "R reads it anew" in picture(app))
        assert editor_of(screen).text.startswith("#"), "what was typed stays"
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("d")
        await until(pilot, lambda: "# two" in editor_of(screen).text and not screen.changed)


async def test_leaving_asks_when_something_is_not_applied(tmp_path: Path) -> None:
    async with config_screen(tmp_path) as (app, pilot, screen):
        await pilot.press("e", "#", "escape", "1")
        await until(pilot, lambda: not isinstance(app.screen, ConfigScreen))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert screen.changed
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("d")
        await until(pilot, lambda: app._exit)
    assert (tmp_path / "cyrus.conf").read_bytes() == (RECORDED / "cyrus.conf").read_bytes()


async def test_the_form_changes_the_text_and_undo_brings_it_back(tmp_path: Path) -> None:
    async with config_screen(tmp_path) as (app, pilot, screen):
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ServiceFormScreen))
        await pilot.press("enter", *["down"] * 5, "enter")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*["backspace"] * 3, *"7x", "enter")
        await until(pilot, lambda: "maxchild is a number" in picture(app))
        await pilot.press("backspace", "enter")
        await until(pilot, lambda: screen.changed)
        assert 'listen="imap" prefork=0 maxchild=7\n' in editor_of(screen).text
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"nntp", "enter")
        await until(pilot, lambda: "nntpd" in editor_of(screen).text)
        await pilot.press("d")
        await until(pilot, lambda: "nntpd" not in editor_of(screen).text)
        await pilot.press("u", "u", "u")
        await until(pilot, lambda: not screen.changed)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_from_a_service_to_its_line() -> None:
    async with console_app(75.0) as (app, pilot):
        app.screen.query_one("#services", LineTable).go_to("lmtp")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ServiceScreen))
        await until(pilot, lambda: "not listening" in picture(app))
        await pilot.press("c")
        await until(pilot, lambda: bool(app.screen_stack) and isinstance(app.screen, ConfigScreen))
        await until(pilot, lambda: "SERVICES lmtp" in picture(app))


async def test_hostile_bytes_are_shown_and_kept(tmp_path: Path) -> None:
    data = b"admins: \x1b]52;c;eA==\x07[/x]\xff\xc2\x9b\n\x0b\x00" + (RECORDED / "imapd.conf").read_bytes()
    (tmp_path / "imapd.conf").write_bytes(data)
    async with config_screen(tmp_path) as (app, pilot, screen):
        await pilot.press("tab")
        await until(pilot, lambda: "␛]52;c;eA==␇[/x]" in picture(app))
        shown = screen.shown
        assert shown is not None
        assert shown.data == data
        await pilot.press("e", "end", "x", "backspace")
        await pilot.pause()
        assert shown.data == data
