"""The application: workers that ask the core, and screens that show what they got."""

from __future__ import annotations

import gc
import sys
from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from cyrtui.errors import CyrtuiError

from .lean_app import LeanApp
from .overview import OverviewScreen
from .page import Page

# The core is imported by the workers that ask it, after the first picture stands.
if TYPE_CHECKING:
    from cyrtui.console import Console, LogsStep
    from cyrtui.services.board import NoBoard, ServiceBoard

    from .config import ConfigScreen
    from .logins import LoginsScreen
    from .logs import LogsScreen
    from .spool import SpoolScreen

# Seconds after which a thread that computes lets another one go on; Python's own 5 ms are felt at a key.
_SWITCH = 0.0005

# Seconds after the first picture.
_BRING_IN = 1.0

# Keys that Textual binds everywhere and that do nothing here.
_NOT_OURS = frozenset({"scroll_left", "scroll_right", "page_left", "page_right", "screen.copy_text"})


def _logins() -> LoginsScreen:
    from .logins import LoginsScreen

    return LoginsScreen()


def _logs() -> LogsScreen:
    from .logs import LogsScreen

    return LogsScreen()


def _spool() -> SpoolScreen:
    from .spool import SpoolScreen

    return SpoolScreen()


def _config() -> ConfigScreen:
    from .config import ConfigScreen

    return ConfigScreen()


@contextmanager
def undisturbed() -> Iterator[None]:
    """What a reading makes will stay: it is not gone through for garbage, which would stop the glass."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class ConsoleApp(LeanApp):
    """The console on one host. `board` is what was seen last of its services."""

    TITLE = "cyrtui"
    # All at once: a screen with a sheet of its own has Textual read every sheet again when it comes up.
    CSS_PATH: ClassVar[list[str | PurePath]] = [
        f"../styles/{name}.tcss" for name in ("app", "overview", "logins", "logs", "service")
    ]
    MODES: ClassVar = {
        "overview": OverviewScreen,
        "logins": _logins,
        "logs": _logs,
        "spool": _spool,
        "config": _config,
    }
    DEFAULT_MODE = "overview"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1,f2", "page('overview')", "To the Overview", show=False),
        Binding("2,f3", "page('logins')", "To the Logins", show=False),
        Binding("3,f4", "page('logs')", "To the Logs", show=False),
        Binding("4,f5", "page('spool')", "To the Spool", show=False),
        Binding("5,f6", "page('config')", "To the Config", show=False),
        Binding("q", "quit", "Quit", show=False),
        Binding("space", "pause", "Recording: pause, or go on", show=False),
        Binding("plus", "faster(1)", "Recording: faster", show=False),
        Binding("minus", "faster(-1)", "Recording: slower", show=False),
        Binding("full_stop", "skip", "Recording: ten seconds on", show=False),
    ]

    @dataclass
    class ServicesSeen(Message):
        """The services were looked at."""

        board: ServiceBoard | NoBoard

    @dataclass
    class LogsMoved(Message):
        """Lines came, traces changed, or more of the past was read."""

        step: LogsStep

    @dataclass
    class Unusable(Message):
        """The console cannot go on; the sentence says why."""

        sentence: str

    def __init__(self, core: Console) -> None:
        super().__init__()
        self.core = core
        self.board: ServiceBoard | NoBoard | None = None
        self.last_words: str | None = None
        self.caught_up = False
        """Whether what the logs held at the start has come to the screens."""

    def on_ready(self) -> None:
        """The first picture stands: now the looking begins."""
        # a key waits that long at most until a worker lets go of the interpreter
        sys.setswitchinterval(_SWITCH)
        gc.freeze()
        gc.enable()
        self._follow_logs()
        self.set_timer(_BRING_IN, self._bring_in)
        # how long master has been up, and where a recording stands
        self.set_interval(1.0 if self.core.name.kind == "recording" else 10.0, self._tell_standing)

    undisturbed = staticmethod(undisturbed)

    def _page(self) -> Page | None:
        """The page in front, once it has its widgets; that under a dialog, else."""
        # while the mode is being changed there may be no screen at all
        for screen in (*self.screen_stack[-1:], *self.screen_stack[:1]):
            if isinstance(screen, Page):
                return screen if screen.composed else None
        return None

    # Workers

    @work(thread=True, group="logs", exit_on_error=True)
    def _follow_logs(self) -> None:
        worker = get_current_worker()
        with ExitStack() as reading:
            reading.enter_context(undisturbed())
            try:
                self.core.open()
            except CyrtuiError as error:
                self.post_message(self.Unusable(str(error)))
                return
            self.call_from_thread(self._watch_services)
            try:
                for step in self.core.steps():
                    if worker.is_cancelled:
                        return
                    self.post_message(self.LogsMoved(step))
                    if step.caught_up:
                        reading.close()
            finally:
                self.core.close()

    @work(thread=True, group="services", exit_on_error=True)
    def _watch_services(self) -> None:
        from cyrtui.console import without_time
        from cyrtui.services.board import OBSERVE_EVERY

        worker = get_current_worker()
        seen: object = None
        told = seen_with_logs = False
        while not worker.is_cancelled:
            board = self.core.observe()
            now = without_time(board), self.core.unlogged
            if now != seen:
                seen = now
                self.post_message(self.ServicesSeen(board))
            # the reasons stand in the logs: look again as soon as these have been read
            told = told or self.core.wait_ready(OBSERVE_EVERY)
            if self.core.wait_closed(OBSERVE_EVERY if told and seen_with_logs else 0):
                return
            seen_with_logs = told

    @work(thread=True, group="bring-in", exit_on_error=True)
    def _bring_in(self) -> None:
        """Import the other screens and what they ask, so that a key brings them at once."""
        import cyrtui.spool.person
        import cyrtui.spool.spool
        import cyrtui.spool.usage  # noqa: F401

        from .config import ConfigScreen
        from .logins import LoginsScreen
        from .logs import LogsScreen
        from .spool import SpoolScreen

        screens: tuple[type[Page], ...] = (LoginsScreen, LogsScreen, SpoolScreen, ConfigScreen)
        self.call_from_thread(self._read_sheets, [path for one in screens for path in one.SHEETS])

    def _read_sheets(self, paths: Sequence[PurePath]) -> None:
        """Read the style sheets that screens have of their own: for one that came with its screen, Textual
        would parse all of the others once more."""
        for path in paths:
            if not self.stylesheet.has_source(str(path), ""):
                self.stylesheet.read(path)
        self.stylesheet.parse()

    # News

    def on_console_app_services_seen(self, event: ServicesSeen) -> None:
        self.board = event.board
        if (page := self._page()) is not None:
            page.standing_changed()
            page.services_seen(event.board)

    def on_console_app_logs_moved(self, event: LogsMoved) -> None:
        self.caught_up = self.caught_up or event.step.caught_up
        if (page := self._page()) is not None:
            page.logs_moved(event.step)

    def on_console_app_unusable(self, event: Unusable) -> None:
        self.last_words = event.sentence
        self.exit(return_code=2)

    def _tell_standing(self) -> None:
        if (page := self._page()) is not None:
            page.standing_changed()

    # Going about

    def on_unmount(self) -> None:
        """However the end came: the workers' waits end."""
        self.core.stop()

    def exit(self, *args: object, **words: object) -> None:
        self.core.stop()
        super().exit(*args, **words)  # type: ignore[arg-type]

    async def action_quit(self) -> None:
        """Leave, but not without asking while something was typed that is not applied."""
        stack = self._screen_stacks.get("config", ())
        config = cast("ConfigScreen", stack[0]) if stack else None
        if config is None or not config.changed:
            await super().action_quit()
            return
        await self.switch_mode("config")
        config.ask_to_leave()

    def action_page(self, name: str) -> None:
        """Put a screen in front."""
        if isinstance(self.screen, Page):
            self.switch_mode(name)

    async def show_log_line_now(self, path: str, offset: int, time: float) -> None:
        await self.switch_mode("logs")
        cast("LogsScreen", self.screen).go_to(path, offset, time)

    def show_log_line(self, path: str, offset: int, time: float) -> None:
        """Show a line in the Logs screen."""
        self.call_later(self.show_log_line_now, path, offset, time)

    async def show_config_line_now(self, path: str, line: int) -> None:
        from .config import ConfigScreen

        await self.switch_mode("config")
        if isinstance(self.screen, ConfigScreen):
            self.screen.go_to_line(path, line)

    def show_config_line(self, path: str, line: int) -> None:
        """Show a line (from 1) of a configuration file in the Config screen."""
        self.call_later(self.show_config_line_now, path, line)

    async def show_trace_now(self, key: Hashable) -> None:
        await self.switch_mode("logins")
        cast("LoginsScreen", self.screen).open_trace(key)

    def show_trace(self, key: Hashable) -> None:
        """Show a trace in the Logins screen."""
        self.call_later(self.show_trace_now, key)

    async def show_trace_of_line_now(self, path: str, offset: int, time: float) -> None:
        await self.switch_mode("logins")
        cast("LoginsScreen", self.screen).look_for(path, offset, time)

    def show_trace_of_line(self, path: str, offset: int, time: float) -> None:
        """Show the attempt that a line of the past belongs to, which is to be read yet."""
        self.call_later(self.show_trace_of_line_now, path, offset, time)

    def keys_of(self, page: Page) -> Sequence[tuple[str, str]]:
        """Every key that does something on a screen, with what it does, for its help."""
        found: dict[str, str] = {}
        recorded = self.core.name.kind == "recording"
        for holder in (page, self.focused, self):
            for one in holder._bindings.key_to_bindings.values() if holder is not None else ():
                for binding in one:
                    words = binding.description
                    if not words or binding.action in _NOT_OURS:
                        continue
                    if recorded or not words.startswith("Recording:"):
                        key = self.get_key_display(binding)
                        found[words] = f"{found[words]} {key}" if words in found else key
        return [(keys, words) for words, keys in found.items()]

    # Recordings

    def action_pause(self) -> None:
        """Pause the recording, or let it go on."""
        self.core.toggle_pause()
        self._tell_standing()

    def action_faster(self, way: int) -> None:
        """Play the recording faster (1) or slower (-1)."""
        self.core.change_rate(way)
        self._tell_standing()

    def action_skip(self) -> None:
        """Ten seconds on in the recording."""
        self.core.skip(10.0)
        self._tell_standing()


def run_console(core: Console) -> int:
    """Put the console on the terminal; the exit status. The terminal is restored whatever happens."""
    app = ConsoleApp(core)
    status = app.run_to_status()
    if app.last_words is not None:
        print(f"cyrtui: {app.last_words}", file=sys.stderr)  # noqa: T201 - after the glass is gone
    return status
