"""An application to leave in every way: its argument says what it does besides waiting for `q`.

`plain` nothing; `crash` fails on `x` with a message that holds an escape sequence; `stuck` has a worker that
never ends; `busy` keeps the event loop busy on `x`; `flood` paints all the time; `held` is in the middle of
something for two seconds when told to leave, and prints that it finished.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cyrtui.screens.lean_app import LeanApp
from cyrtui.screens.widgets.status_line import StatusLine


class LeavingApp(LeanApp):
    """A line that says READY."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "quit", "Quit"), Binding("x", "act", "Act")]

    def __init__(self, what: str, path: str) -> None:
        super().__init__()
        self.what = what
        self.path = path
        self.count = 0

    def compose(self) -> ComposeResult:
        """The line."""
        yield StatusLine(["READY"])

    def on_mount(self) -> None:
        """Begin."""
        if self.what == "stuck":
            self.run_worker(self.wait_for_ever, thread=True)
        elif self.what == "flood":
            self.set_interval(0.005, self.flood)
        elif self.what == "held":
            self.run_worker(self.write_file, thread=True)

    def wait_for_ever(self) -> None:
        """What a read from a dead file server does."""
        threading.Event().wait(300)

    def write_file(self) -> None:
        """What must not be cut in two."""
        with self.unbroken():
            Path(self.path).write_text("begun")
            while not self._exit:
                time.sleep(0.01)
            time.sleep(4)
            Path(self.path).write_text("finished")

    def flood(self) -> None:
        """Paint everything."""
        self.count += 1
        self.query_one(StatusLine).show([f"READY {chr(65 + self.count % 26) * 200}"])
        self.action_redraw()

    def action_act(self) -> None:
        """Fail, or be busy."""
        if self.what == "crash":
            secret = "".join(["hun", "ter2"])  # a local variable, which no traceback may show
            raise RuntimeError(f"boom {len(secret)} \x1b]52;c;ZXZpbA==\x07")
        if self.what == "busy":
            self.query_one(StatusLine).show(["BUSY"])
            self.call_later(self.be_busy)

    def be_busy(self) -> None:
        """Keep the event loop."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(LeavingApp(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "").run_to_status())
