"""A program on a real terminal of a given size: every byte it writes is counted, and what they show is read.

The child gets a pty as its controlling terminal in a session of its own. What it writes goes to a `pyte`
screen, modes that it sets are noted, and its questions are answered as xterm answers them.

    with PtyConsole([sys.executable, "-m", "cyrtui"], columns=80, rows=24) as console:
        console.wait_for("Overview")
        console.press("2")
        console.settle()
        assert "LOGINS" in console.text()
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import selectors
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyte

KEYS: Final[Mapping[str, bytes]] = {
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "pageup": b"\x1b[5~",
    "pagedown": b"\x1b[6~",
    "delete": b"\x1b[3~",
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "shift+tab": b"\x1b[Z",
    "backspace": b"\x7f",
    "space": b" ",
    "f1": b"\x1bOP",
    "f2": b"\x1bOQ",
    "f3": b"\x1bOR",
    "f4": b"\x1bOS",
    "f5": b"\x1b[15~",
    "f6": b"\x1b[17~",
    "f7": b"\x1b[18~",
    "f8": b"\x1b[19~",
    "f9": b"\x1b[20~",
    "f10": b"\x1b[21~",
} | {f"ctrl+{chr(code + 96)}": bytes([code]) for code in range(1, 27) if code not in (9, 13)}

# One escape sequence, whole: CSI, a string (OSC, DCS, APC, PM, SOS) up to its end, or a two-character one.
_SEQUENCE: Final = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])", re.DOTALL
)
_MODES: Final = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
# What pyte prints or trips over instead of leaving it alone.
_NOT_FOR_PYTE: Final = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1b\[\?[0-9;]*u")
# Cursor visible, line wrap; all other modes are off in a fresh terminal.
_MODES_AT_REST: Final = frozenset({25, 7})


class PtyDeadlineError(AssertionError):
    """What was waited for did not come in time; the text shows the screen as it was."""


class _Screen(pyte.Screen):
    """pyte's screen, with the lines that SU and SD leave alone and private reports ignored."""

    def report_device_attributes(self, mode: int = 0, **_: object) -> None:
        """Questions are answered by PtyConsole."""

    def report_device_status(self, mode: int) -> None:
        """Questions are answered by PtyConsole."""


class PtyConsole:
    """A child on a pty. `columns` by `rows` cells; `env` replaces the environment (which must hold TERM).

    `prefix` goes before `argv`, for wrappers that exec what follows. With `controlling=False` the pty is not
    the child's controlling terminal, so that its loss sends no SIGHUP. With `stdin_pipe=True` stdin is a
    pipe, which `end_input()` closes; keys go through it too. The child inherits `pass_fds`.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        prefix: Sequence[str] = (),
        controlling: bool = True,
        stdin_pipe: bool = False,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.columns, self.rows = columns, rows
        self.written = 0
        """Bytes that the child has written to the terminal."""
        self.output = bytearray()
        """Those bytes."""
        self.modes: set[int] = set(_MODES_AT_REST)
        """DEC private modes that are on, such as 1049 (alternate screen) and 25 (cursor)."""
        self.kitty_depth = 0
        """How many kitty keyboard modes are pushed and not popped."""
        self.status: int | None = None
        """The exit status, negative for a signal, or None while the child runs."""
        self._screen = _Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._tail = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._slave = slave
        self.attributes_before = termios.tcgetattr(slave)
        environment = dict(os.environ) | {"TERM": "xterm-256color"} if env is None else dict(env)
        command = [*prefix, *argv]
        if controlling:
            # a session leader without a terminal gets the first one that it opens
            redirections = '>"$0" 2>&1' if stdin_pipe else '<>"$0" >&0 2>&0'
            command = ["/bin/sh", "-c", f'exec "$@" {redirections}', os.ttyname(slave), *command]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if stdin_pipe else subprocess.DEVNULL if controlling else slave,
            stdout=subprocess.DEVNULL if controlling else slave,
            stderr=subprocess.DEVNULL if controlling else slave,
            env=environment,
            cwd=cwd,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        self.pid = self._process.pid
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._master, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child by force if it still runs, and give everything back."""
        if self.poll() is None:
            self._process.kill()
            self._process.wait()
        self.end_input()
        self._selector.close()
        if self._master >= 0:
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = -1

    # What the child shows

    def lines(self) -> list[str]:
        """The lines on the screen, without blanks at their ends."""
        return [line.rstrip() for line in self._screen.display]

    def text(self) -> str:
        """The lines on the screen, joined."""
        return "\n".join(self.lines())

    def cell(self, column: int, row: int) -> pyte.screens.Char:
        """A cell with its colours and attributes; counted from 0."""
        return self._screen.buffer[row][column]

    def cursor(self) -> tuple[int, int]:
        """Column and row of the terminal's cursor, from 0."""
        return self._screen.cursor.x, self._screen.cursor.y

    # Time

    def pump(self, seconds: float) -> int:
        """Read what comes within `seconds`, or until the terminal is closed; the number of bytes."""
        before = self.written
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self._read(left):
            pass
        return self.written - before

    def settle(self, quiet: float = 0.4, within: float = 20.0) -> int:
        """Read until nothing has come for `quiet` seconds; the number of bytes that came.

        A child that has written nothing at all yet is waited for first.
        """
        before = self.written
        deadline = time.monotonic() + within
        while not self.written and time.monotonic() < deadline and self._read(0.1):
            pass
        while True:
            came = self.written
            if not self._read(quiet) or self.written == came:
                return self.written - before
            if time.monotonic() > deadline:
                raise PtyDeadlineError(f"not quiet for {quiet} s within {within} s:\n{self.text()}")

    def wait_for(self, what: str | Callable[[str], bool], within: float = 20.0) -> None:
        """Read until the screen holds the text, or satisfies the condition."""
        met = what if callable(what) else lambda text: what in text
        deadline = time.monotonic() + within
        while not met(self.text()):
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(min(left, 0.2)):
                raise PtyDeadlineError(f"{what!r} not seen within {within} s:\n{self.text()}")

    def stall(self, seconds: float) -> None:
        """Read nothing for a while, as a line that hangs does."""
        time.sleep(seconds)

    def wait_exit(self, within: float = 10.0, *, reading: bool = True) -> int:
        """Read (or not) until the child has ended; its status (negative for a signal)."""
        deadline = time.monotonic() + within
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise PtyDeadlineError(f"still running after {within} s:\n{self.text()}")
            if self._master >= 0 and reading:
                self._read(0.05)
            else:
                time.sleep(0.02)
        if self._master >= 0:
            while self._read(0.05, drain=True):
                pass
        assert self.status is not None
        return self.status

    def poll(self) -> int | None:
        """The exit status if the child has ended."""
        self.status = self._process.poll()
        return self.status

    def cpu_seconds(self) -> float:
        """Processor time that the child has used, in user and kernel mode, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self) -> int:
        """How many threads the child has."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    # What the user does

    def send(self, data: bytes) -> None:
        """Send bytes as if typed."""
        os.write(self._master if self._process.stdin is None else self._process.stdin.fileno(), data)

    def press(self, *keys: str) -> None:
        """Press keys by name (see KEYS); any other single character is typed."""
        for key in keys:
            self.send(KEYS[key] if key in KEYS else key.encode())

    def mouse_move(self, column: int, row: int) -> None:
        """Move the mouse, no button held (SGR report 35); columns and rows count from 0."""
        self.send(f"\x1b[<35;{column + 1};{row + 1}M".encode())

    def click(self, column: int, row: int) -> None:
        """Press and release the left button."""
        self.send(f"\x1b[<0;{column + 1};{row + 1}M".encode())
        self.send(f"\x1b[<0;{column + 1};{row + 1}m".encode())

    def wheel(self, column: int, row: int, *, down: bool = True) -> None:
        """Turn the wheel by one notch."""
        self.send(f"\x1b[<{65 if down else 64};{column + 1};{row + 1}M".encode())

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the kernel tells the child."""
        self.columns, self.rows = columns, rows
        self._screen.resize(rows, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: int) -> None:
        """Send a signal to the child."""
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """The terminal disappears."""
        self._selector.unregister(self._master)
        os.close(self._slave)
        os.close(self._master)
        self._slave = self._master = -1

    def end_input(self) -> None:
        """Close the child's stdin (only with `stdin_pipe`)."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def is_restored(self) -> list[str]:
        """What the child left changed on the terminal, in words; an empty list when all is as it was."""
        left = []
        if self.modes != _MODES_AT_REST:
            left.append(
                f"modes on {sorted(self.modes - _MODES_AT_REST)} off {sorted(_MODES_AT_REST - self.modes)}"
            )
        if self.kitty_depth > 0:
            left.append(f"{self.kitty_depth} kitty keyboard mode(s)")
        if termios.tcgetattr(self._slave) != self.attributes_before:
            left.append("line discipline (termios)")
        return left

    # The terminal's side

    def _read(self, seconds: float, *, drain: bool = False) -> bool:
        """Take what is there within `seconds`; False when the terminal is closed (or with `drain` silent)."""
        if self._master < 0:
            return False
        if not self._selector.select(seconds):
            return not drain
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.written += len(data)
        self.output += data
        self._show(data)
        return bool(data)

    def _show(self, data: bytes) -> None:
        data = self._tail + data
        # keep an unfinished sequence back for the next read
        last = data.rfind(b"\x1b")
        if last >= 0 and len(data) - last < 64 and not _SEQUENCE.match(data, last):
            data, self._tail = data[:last], data[last:]
        else:
            self._tail = b""
        for modes, way in _MODES.findall(data):
            for mode in modes.split(b";"):
                (self.modes.add if way == b"h" else self.modes.discard)(int(mode))
        self.kitty_depth += len(re.findall(rb"\x1b\[>[0-9;]*u", data)) - len(
            re.findall(rb"\x1b\[<[0-9]*u", data)
        )
        for sequence in _SEQUENCE.findall(data):
            self._answer(sequence)
        self._stream.feed(_NOT_FOR_PYTE.sub(b"", data))

    def _answer(self, sequence: bytes) -> None:
        reply = b""
        if match := re.fullmatch(rb"\x1b\[\?(\d+)\$p", sequence):
            known = {2026: 2, 2004: 2, 1049: 2, 25: 2}
            reply = b"\x1b[?%d;%d$y" % (int(match[1]), known.get(int(match[1]), 0))
        elif sequence in (b"\x1b[c", b"\x1b[0c"):
            reply = b"\x1b[?64;1;2;6;22c"
        elif sequence in (b"\x1b[>c", b"\x1b[>0c"):
            reply = b"\x1b[>41;380;0c"
        elif sequence == b"\x1b[6n":
            column, row = self.cursor()
            reply = b"\x1b[%d;%dR" % (row + 1, column + 1)
        if reply:
            with contextlib.suppress(OSError):
                os.write(self._master, reply)


def main(argv: Sequence[str]) -> int:
    """Run a program for two seconds and print what it shows and how much it wrote: a look by hand."""
    with PtyConsole(argv) as console:
        console.pump(2)
        print(console.text())
        print(console.written, "bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
