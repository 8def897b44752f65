"""What all screens of the console share: the line on top, the line of keys below, and being told of news."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widget import Widget

from .standing import standing_pieces
from .widgets.cells import Cell, text_of
from .widgets.clock import Clock
from .widgets.status_line import StatusLine

# The screens by their keys, and the cells that help and quit take beside them.
_PAGES = (("1", "Overview"), ("2", "Logins"), ("3", "Logs"), ("4", "Spool"), ("5", "Config"))
_RIGHT = 15

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from cyrtui.console import Console, LogsStep
    from cyrtui.services.board import NoBoard, ServiceBoard

    from .app import ConsoleApp


def sheet(name: str) -> PurePath:
    """Where the style sheet of a screen is."""
    return Path(__file__).parent / f"../styles/{name}.tcss"


class Page(Screen[None]):
    """One of the console's screens. It shows what the core found, and asks for nothing by itself."""

    NAME: ClassVar[str] = ""
    HELP_TEXT: ClassVar[str] = ""
    """What this screen is for, shown above its keys when help is asked for."""
    SHEETS: ClassVar[list[PurePath]] = []
    """The style sheets that it has beside the application's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "explain", "Help", show=False),
    ]

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield StatusLine(id="standing")
            yield Clock(self.core.host_now, self.core.zone, id="clock")
        yield from self.body()
        yield StatusLine(self.key_line(), (("? help  q quit", "muted"),), id="keys")

    def body(self) -> Iterable[Widget]:
        """The widgets between the two lines."""
        raise NotImplementedError

    @property
    def core(self) -> Console:
        return self.owner.core

    @property
    def owner(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Say it in a corner. What is said holds text from outside: it is no markup unless one says so."""
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def key_line(self) -> Sequence[Cell]:
        """The keys that matter most, for the last line."""
        own: list[Cell] = []
        for key, meaning in self.own_keys():
            own += [(" " + key, "accent"), (f" {meaning}", "muted")]
        pages: list[Cell] = []
        for key, name in _PAGES:
            pages += [(key, "accent"), (f" {name} ", "strong" if name == self.NAME else "muted")]
        room = self.app.size.width - _RIGHT
        if sum(len(text_of(cell)) for cell in (*pages, *own)) > room:
            # the names of the other screens give way to this one's own keys; help has them
            pages = []
            for key, name in _PAGES:
                pages += [(key, "accent"), (f" {name} ", "strong") if name == self.NAME else " "]
        return [*pages, *own]

    def own_keys(self) -> Sequence[tuple[str, str]]:
        """The keys of this screen, as pairs of key and meaning."""
        return ()

    def on_mount(self) -> None:
        self.standing_changed()

    def on_resize(self, event: events.Resize) -> None:
        """Room for other keys on the last line."""
        if self.composed:
            self.query_one("#keys", StatusLine).show(self.key_line())

    @property
    def composed(self) -> bool:
        """Whether the widgets are there: news may come before them."""
        return bool(self.query("#keys"))

    def on_screen_resume(self) -> None:
        """Show what happened while another screen was in front."""
        if self.composed:
            self.standing_changed()
            self.caught_up()

    def standing_changed(self) -> None:
        """The first line says something else."""
        left, right = standing_pieces(self.core, self.owner.board)
        self.query_one("#standing", StatusLine).show(left, right)

    def caught_up(self) -> None:
        """Show everything as it is now."""

    def services_seen(self, board: ServiceBoard | NoBoard) -> None:
        """The services were looked at again."""

    def logs_moved(self, step: LogsStep) -> None:
        """Lines came, or traces changed."""

    def action_explain(self) -> None:
        """What the screen is for, and every key of it."""
        from .help import HelpScreen

        self.app.push_screen(HelpScreen(self.NAME, self.HELP_TEXT, self.owner.keys_of(self)))
