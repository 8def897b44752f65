"""The console's terminal: a driver that notices when it is gone, and a way out that always restores it.

Textual 8.2.8's Linux driver reads an end of file on stdin as "nothing yet" and asks again at once, for ever,
at the full speed of a processor. Its writer blocks the whole program while the terminal takes nothing, and
dies unseen when the terminal is gone. `ConsoleDriver` replaces both ends and leaves the rest to Textual.
"""

from __future__ import annotations

import contextlib
import curses
import os
import selectors
import signal
import sys
import termios
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, Final

from textual import events, messages
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from .sequences import Erasing

# The sequences of Textual's driver and of this one, undone: kitty keys, bracketed paste, line wrap, in-band
# resizing, every kind of mouse report, focus reports, scroll region, ink, alternate screen, cursor.
RESTORE: Final = (
    "\x1b[<u\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1016l\x1b[?1004l"
    "\x1b[?2026l\x1b[r\x1b[m\x1b[?1049l\x1b[?25h"
)
TERMINAL_GONE: Final = 128 + signal.SIGHUP
"""The exit status of a console whose terminal went away, however that was noticed."""

_WRITER_PATIENCE: Final = 1.0
_LAST_RESORT_SECONDS: Final = 3.0


def erasing_of(term: str) -> Erasing:
    """What erasing does on a terminal of this type, as terminfo says; the least if that does not know it."""
    try:
        curses.setupterm(term, 1)
    except curses.error:
        return Erasing()
    return Erasing(
        with_colour=curses.tigetflag("bce") == 1, characters=curses.tigetstr("ech") == b"\x1b[%p1%dX"
    )


class TerminalWriter:
    """Writes to the terminal in a thread of its own, which never makes the program wait.

    `on_drained` is called (in the thread) whenever everything given has been written; `on_gone` once, when
    the terminal cannot be written to any more. What is given after that is dropped.
    """

    def __init__(self, fileno: int, on_drained: Callable[[], None], on_gone: Callable[[], None]) -> None:
        self._fileno = fileno
        self._on_drained = on_drained
        self._on_gone = on_gone
        self._ready = threading.Condition()
        self._waiting: list[str] = []
        self._busy = False
        self._stopping = False
        self._gone = False
        self._thread: threading.Thread | None = None

    @property
    def backlogged(self) -> bool:
        """Whether something given is not yet written."""
        return self._busy or bool(self._waiting)

    def start(self) -> None:
        """Start writing (again)."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Give text to be written; returns at once."""
        if text and not self._gone:
            with self._ready:
                self._waiting.append(text)
                self._ready.notify()

    def flush(self) -> None:
        """Nothing: the thread writes as soon as it can."""

    def stop(self) -> None:
        """Write what was given and end; a terminal that takes nothing is waited for a second."""
        if self._thread is None:
            return
        with self._ready:
            self._stopping = True
            self._ready.notify()
        self._thread.join(_WRITER_PATIENCE)
        self._thread = None

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._waiting and not self._stopping:
                    self._ready.wait()
                data = "".join(self._waiting).encode("utf-8", "replace")
                self._waiting.clear()
                self._busy = bool(data)
                if not data:
                    return
            try:
                _write_all(self._fileno, data)
            except OSError:
                # EIO and its like: nobody is there to be told
                self._gone = True
                self._waiting.clear()
                self._on_gone()
            self._busy = False
            if not self._waiting:
                self._on_drained()


def _write_all(fileno: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fileno, view[:4096]) :]
        except BlockingIOError:
            # whoever shares the terminal made it non-blocking
            with selectors.SelectSelector() as selector:
                selector.register(fileno, selectors.EVENT_WRITE)
                selector.select(0.1)


class ConsoleDriver(LinuxDriver):
    """Textual's Linux driver with ears for a terminal that goes away, and without reports nobody needs.

    Of the mouse it asks for clicks, drags and the wheel, not for every move; it asks for no focus reports
    and no in-band resizing (which would bring mouse reports by the pixel).
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        self._out = TerminalWriter(
            sys.__stderr__.fileno() if sys.__stderr__ else 2, self._drained, self._lost
        )
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.losses = 0
        """How often what the terminal shows was lost: at every start, and at every change of its size."""
        self.when_drained: Callable[[], None] | None = None
        """Called in the event loop when everything written has gone out."""
        self.when_typed: Callable[[], None] | None = None
        """Called in the thread that reads keys, before they are made out."""
        self._in_use = False
        self._gone = False

    # LinuxDriver makes a WriterThread, starts, uses and stops it under this name; it gets ours instead.
    @property  # type: ignore[override]
    def _writer_thread(self) -> TerminalWriter:
        return self._out

    @_writer_thread.setter
    def _writer_thread(self, writer: object) -> None:
        pass

    @property
    def backlogged(self) -> bool:
        """Whether the terminal has not yet taken all that was written."""
        return self._out.backlogged

    def start_application_mode(self) -> None:
        self.losses += 1
        self._in_use = True
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.write("\x1b[?1004l")
        tell_textual = signal.getsignal(signal.SIGWINCH)

        def resized(number: int, frame: FrameType | None) -> None:
            # terminals rearrange what they show when their size changes, even if it changes back at once
            self.losses += 1
            if callable(tell_textual):
                tell_textual(number, frame)

        signal.signal(signal.SIGWINCH, resized)

    def stop_application_mode(self) -> None:
        if self._in_use:
            super().stop_application_mode()
            self._in_use = False

    def restore_now(self) -> None:
        """Give the terminal back from any thread, without waiting: for ends that cannot go the usual way."""
        if not self._in_use:
            return
        self._in_use = False
        if self.attrs_before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        if not self._gone:
            self._out.write(RESTORE)
            self._out.stop()

    def _get_terminal_size(self) -> tuple[int, int]:
        """The size that the terminal itself reports; COLUMNS and LINES are the shell's, and may be old."""
        for fileno in (self._out._fileno, self.fileno):
            with contextlib.suppress(OSError):
                width, height = os.get_terminal_size(fileno)
                if width and height:
                    return width, height
        return 80, 24

    def _enable_mouse_support(self) -> None:
        if self._mouse:
            self.write("\x1b[?1000h\x1b[?1002h\x1b[?1006h")

    def _disable_mouse_support(self) -> None:
        if self._mouse:
            self.write("\x1b[?1000l\x1b[?1002l\x1b[?1006l")

    def _query_in_band_window_resize(self) -> None:
        pass

    def process_message(self, message: Message) -> None:
        if not isinstance(message, (events.AppFocus, events.AppBlur, messages.InBandWindowResize)):
            super().process_message(message)

    def run_input_thread(self) -> None:
        """Read keys until told to end, or until there is nothing that could ever be read again."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(0.1):
                    try:
                        data = os.read(self.fileno, 4096)
                    except OSError:
                        data = b""
                    if not data:
                        self._lost()
                        break
                    if self.when_typed is not None:
                        self.when_typed()
                    self._forward(parser.feed(decode(data)))
                self._forward(parser.tick())
        with contextlib.suppress(EOFError, ParseError):
            for _ in parser.feed(""):
                pass

    def _forward(self, found: Iterable[Message]) -> None:
        for message in found:
            self.process_message(message)

    def _drained(self) -> None:
        if self.when_drained is not None:
            self._in_loop(self.when_drained)

    def _lost(self) -> None:
        if not self._gone:
            self._gone = True
            self._in_loop(lambda: self._app.exit(return_code=TERMINAL_GONE))

    def _in_loop(self, callback: Callable[[], None]) -> None:
        # the loop may be closed already; then the end has come anyway
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback)


class LastResort:
    """Ends the process when it has not ended by itself soon after it was told to.

    A worker that hangs in a read of a dead NFS server would otherwise keep the process, and the user's
    shell, waiting. Work that must not be cut in two holds it: `with last_resort.held(): ...`.
    """

    def __init__(self, seconds: float = _LAST_RESORT_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._holding = 0
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While inside (in any thread), the process is not ended by force."""
        with self._lock:
            self._holding += 1
        try:
            yield
        finally:
            with self._lock:
                self._holding -= 1

    def arm(self, status: int, restore: Callable[[], None]) -> None:
        """From now on the process has its seconds; then `restore()` is called and it ends with `status`."""
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(
                target=self._end, args=(status, restore), name="last-resort", daemon=True
            )
        self._thread.start()

    def _end(self, status: int, restore: Callable[[], None]) -> None:
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline or self._holding:
            time.sleep(0.05)
        restore()
        os._exit(status)


def install_exit_signals(leave: Callable[[int], None], abandon: Callable[[int], None]) -> None:
    """SIGTERM, SIGHUP and SIGINT `leave(128 + signal)` once, in the main thread; any after that `abandon` it.

    Plain handlers, not the event loop's, so that a busy loop hears them too. Call in the main thread.
    """
    told = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if told:
            abandon(128 + number)
        told = True
        leave(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, handle)
