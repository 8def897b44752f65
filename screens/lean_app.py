"""The base of the console's application: what it paints is paid for, and whatever happens it leaves cleanly.

`LeanApp` sets Textual 8.2.8 up for a terminal at the far end of SSH: only cells that change are written (see
glass), a slow line gets the newest picture and never a queue of old ones, nothing moves, hovers or blinks,
text is never parsed as markup unless asked for, and nothing writes a file.
"""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NoReturn

from rich.color import ColorSystem
from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual._path import CSSPathType
from textual._types import AnimationLevel
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import Monochrome, NoColor
from textual.geometry import Offset
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import Input

from cyrtui.inert import inert

from .glass import Glass
from .keys_first import KeysFirst
from .line_filter import InertFilter
from .terminal import ConsoleDriver, LastResort, erasing_of, install_exit_signals

# Below this many bytes a frame cannot be seen half done, and the brackets of synchronized output cost more.
_TEARS: Final = 512
_SYNC_START: Final = "\x1b[?2026h"
_SYNC_END: Final = "\x1b[?2026l"
# How often a key is followed up from the focused widget to the application: once for its binding, once for
# what that sends, once for what comes of this (a focus, or a screen that is to have it).
_FOLLOWED: Final = 3
_KEY_PATIENCE: Final = 1.0


class LeanApp(App[int]):
    """An application that is cheap to look at over a slow line. Run it with `run_to_status()`."""

    ENABLE_COMMAND_PALETTE = True
    ALLOW_SELECT: ClassVar[bool] = False
    NOTIFICATION_TIMEOUT = 6
    CLOSE_TIMEOUT = 2.0
    # A scroll bar of a screen that comes up during a layout leaves Textual 8.2.8 with blank widgets: the
    # layout that it asks for is forgotten.
    DEFAULT_CSS = """
    LeanApp Screen { overflow: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "redraw", "Write the whole screen again", show=False)
    ]

    @dataclass
    class KeyFollowed(Message):
        """Goes the way of a key behind it; when it arrives, the key has been acted upon."""

        serial: int

    def __init__(self, *, css_path: CSSPathType | None = None) -> None:
        super().__init__(driver_class=ConsoleDriver, css_path=css_path)
        level: AnimationLevel = "none"
        self.animation_level = level
        self._disable_tooltips = True
        # Private, and the reason (with _display) why Textual is pinned; public is only the class of a filter.
        self._filters.append(InertFilter())
        if self.no_color or "SSH_CONNECTION" in os.environ:
            # The terminal's own sixteen colours: two bytes instead of seventeen, and its owner's choice.
            self.theme = "ansi-dark"
        if self.no_color:
            # chosen by the theme before it was set; greys are colours too
            self._filters = [one for one in self._filters if not isinstance(one, Monochrome)] + [NoColor()]
        self._glass = Glass(
            color_system=self.console._color_system or ColorSystem.STANDARD,
            erasing=erasing_of(os.environ.get("TERM") or "dumb"),
        )
        self.keys_first = KeysFirst()
        self._following = self._followed = self._painted = 0.0
        self._themed: Theme | None = None
        self._losses = 0
        self._owed = False
        self._last_resort = LastResort()
        self._leave_when_ready: int | None = None
        self._typed_ahead: deque[events.Event] = deque()
        self._to_follow = 0
        self._serial = 0
        self._key_limit: asyncio.TimerHandle | None = None

    # Leaving

    def run_to_status(self, *, mouse: bool = True) -> int:
        """Run until the user, a signal, an error or the loss of the terminal ends it; the exit status.

        0 as a rule; 128 + the signal's number; 129 when the terminal went away; 1 after an error, which has
        been printed to stderr. Workers that do not end are cut off three seconds later, with the process:
        leave it as soon as this returns. Call it in the main thread, once.
        """
        install_exit_signals(self._leave, self._abandon)
        try:
            self.run(mouse=mouse)
        finally:
            self._restore_terminal()
        return self.return_code or 0

    def unbroken(self) -> AbstractContextManager[None]:
        """While inside (in any thread) leaving waits: for work that must not be cut in two."""
        return self._last_resort.held()

    def exit(
        self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        if self._exit and self._return_code:
            return_code = self._return_code
        if isinstance(self._driver, ConsoleDriver):
            self._last_resort.arm(return_code, self._restore_terminal)
            if not self._dom_ready:
                # Textual, told to leave while it composes a screen, mounts it without its widgets
                self._leave_when_ready = self._leave_when_ready or return_code
                return
        super().exit(result, return_code, message)

    def on_ready(self) -> None:
        """Leave, if that was asked for before there was anything to leave."""
        if self._leave_when_ready is not None:
            self.exit(return_code=self._leave_when_ready)

    def _leave(self, status: int) -> None:
        loop = self._loop
        self._last_resort.arm(status, self._restore_terminal)
        if loop is None:
            self._abandon(status)
        loop.call_soon_threadsafe(lambda: self.exit(return_code=status))

    def _abandon(self, status: int) -> NoReturn:
        self._restore_terminal()
        os._exit(status)

    def _restore_terminal(self) -> None:
        if isinstance(self._driver, ConsoleDriver):
            self._driver.restore_now()

    def _fatal_error(self) -> None:
        """Leave after a defect. Textual would print every local variable, passwords among them."""
        words = inert(traceback.format_exc(), keep="\n")
        self._exit_renderables.append(Text(words, no_wrap=True, overflow="ignore"))
        if isinstance(self._driver, ConsoleDriver):
            self._last_resort.arm(1, self._restore_terminal)
        self._close_messages_no_wait()

    # Keys, one after the other
    #
    # Textual hands keys to the focused widget as fast as they come, but acts on their bindings only when they
    # have risen to the application. Of keys that come together, as they do over a slow line, letters would
    # overtake the backspace before them, and what is typed after `/` would not be for the search box yet.

    async def on_event(self, event: events.Event) -> None:
        """Hand on an event; a key only when all that the one before it brings about has been done."""
        if not isinstance(event, (events.Key, events.Paste)) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed_ahead.append(event)
        if self._key_limit is None:
            await self._next_key()

    async def _next_key(self) -> None:
        if self._key_limit is not None:
            self._key_limit.cancel()
            self._key_limit = None
        if self._typed_ahead:
            event = self._typed_ahead.popleft()
            await super().on_event(event)
            self._to_follow = _FOLLOWED
            # a widget that goes away takes with it what was on its way through it
            loop = asyncio.get_running_loop()
            self._key_limit = loop.call_later(_KEY_PATIENCE, self.call_later, self._next_key)
            self._following = event.time
            self._follow_key()

    def _follow_key(self) -> None:
        self._to_follow -= 1
        self._serial += 1
        message = self.KeyFollowed(self._serial)
        if self._exit or not (self.focused or self.screen).post_message(message):
            self.post_message(message)

    async def on_lean_app_key_followed(self, event: KeyFollowed) -> None:
        """A key has been acted upon, or what came of it has."""
        if event.serial == self._serial:
            if self._to_follow:
                self._follow_key()
            else:
                self._followed = self._following
                if self._painted > self._followed:
                    self.keys_first.shown(self._followed)
                if not self._typed_ahead:
                    self.screen.call_later(self._show_now)
                await self._next_key()

    # Painting

    def _show_now(self) -> None:
        """Show what a key did, without waiting for the time of the next picture."""
        if self._running and not self._batch_count:
            self.screen._on_timer_update()

    def refresh_css(self, animate: bool = True) -> None:
        """Style a screen that comes up. Textual parses every sheet for that, twice; it is needed only for
        another theme."""
        if self._themed is not self.current_theme:
            self._themed = self.current_theme
            super().refresh_css(animate)
            return
        screen = self.screen
        if screen._css_update_count != self._css_update_count:
            self.stylesheet.update(screen, animate=animate)
            if screen.is_mounted:
                screen._refresh_layout(self.size)
            screen._css_update_count = self._css_update_count

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        driver = self._driver
        if not isinstance(driver, ConsoleDriver) or not isinstance(renderable, (LayoutUpdate, ChopsUpdate)):
            super()._display(screen, renderable)
            return
        if self._running and not self._closed and not self._batch_count:
            self._glass.put(renderable)
            self._paint(driver)
        self.post_display_hook()

    def _paint(self, driver: Driver) -> None:
        """Write what changed, unless the terminal has not yet taken what was written before."""
        if not isinstance(driver, ConsoleDriver) or self._closed:
            return
        if driver.losses != self._losses:
            self._losses = driver.losses
            driver.when_drained = self._pay
            driver.when_typed = self.keys_first.came
            self._glass.forget()
        self._owed = driver.backlogged
        if self._owed:
            return
        text = self._glass.paint()
        if not text:
            return
        if self.cursor_position != Offset(0, 0):
            # where a terminal puts what an input method composes
            text += f"\x1b[{self.cursor_position.y + 1};{self.cursor_position.x + 1}H"
        if self._sync_available and len(text) > _TEARS:
            text = f"{_SYNC_START}{text}{_SYNC_END}"
        driver.write(text)
        self._painted = time.monotonic()
        self.keys_first.shown(self._followed)

    def _pay(self) -> None:
        if self._owed and self._driver is not None and self._running and not self._batch_count:
            self._paint(self._driver)

    def on_resize(self, event: events.Resize) -> None:
        """Paint again what the terminal lost; Textual does not when the size is the same as before."""
        if isinstance(self._driver, ConsoleDriver) and self._driver.losses != self._losses and self._losses:
            self._owed = True
            self.call_later(self._pay)

    def action_redraw(self) -> None:
        """Write every cell again, for a terminal that something else has written to."""
        self._glass.forget()
        self._owed = True
        self._pay()

    def _set_pointer_shape(self, shape: str) -> None:
        """Nothing: many terminals print the sequence, and the pointer is theirs."""

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A cursor stands still: blinking would be paid for as long as the box is open."""
        if isinstance(event.widget, Input):
            event.widget.cursor_blink = False

    # Nothing to be parsed, nothing to be saved

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        super().notify(
            inert(message, keep="\n"), title=inert(title), severity=severity, timeout=timeout, markup=markup
        )

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette's own commands: those of Textual that neither save a file nor rearrange the screen."""
        yield SystemCommand("Quit", "Leave the console", self.action_quit)
        yield SystemCommand("Redraw", "Write the whole screen again", self.action_redraw)
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)

    def save_screenshot(
        self, filename: str | None = None, path: str | None = None, time_format: str | None = None
    ) -> str:
        """Refused: the console writes no files."""
        raise NotImplementedError("The console saves no screenshots.")

    def deliver_screenshot(
        self, filename: str | None = None, path: str | None = None, time_format: str | None = None
    ) -> str | None:
        """Refused: the console writes no files."""
        return None

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Refused: the console writes no files."""

    def action_help_quit(self) -> None:
        """What ctrl+c does; Textual's own words for it are markup."""
        self.notify("Press q to leave, or ctrl+q from anywhere.")

    def action_suspend_process(self) -> None:
        """Refused: as a forced command over SSH there is no shell to come back from."""

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Refused: it would start a program."""
