"""The measurements. Each is a function that returns rows; the two sides of a comparison take turns.

They are of the wall clock, as users feel it: on a machine with other work the absolute ones are too high.
"""

from __future__ import annotations

import os
import pty
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench import logs
from tests.bench.day import day
from tests.bench.measured import Measured
from tests.bench.services import services
from tests.bench.spool import spool
from tests.lab import Lab
from tests.terminal.consoles import RECORDINGS, ROOT, environment, paused_demo
from tests.terminal.lab_consoles import consoles, in_lab
from tests.terminal.pty_console import PtyConsole

BARE: Final = (sys.executable, "-m", "tests.bench.bare_app")
DEMO: Final = (sys.executable, "-m", "cyrtui", "demo")
# What each puts on the screen: its first words, and for the demo its last.
BARE_WORDS: Final = b"bare"
DEMO_WORDS: Final = b"SERVICES"
DEMO_LAST: Final = b"does not listen"


# -- the first picture -------------------------------------------------------------------------------


def first_paint(runs: int = 15) -> list[Measured]:
    """From the start of the process until its first words have come to a terminal of 120x40."""
    bare: list[float] = []
    demo: list[float] = []
    whole: list[float] = []
    for _ in range(runs):
        bare += _seconds_until(BARE, [BARE_WORDS])
        first, last = _seconds_until(DEMO, [DEMO_WORDS, DEMO_LAST])
        demo.append(first)
        whole.append(last)
    ratio = statistics.median(demo) / statistics.median(bare)
    remark = f"{_milliseconds(demo)} against {_milliseconds(bare)} bare"
    return [
        Measured("first picture of the demo / bare Textual", ratio, "x", 1.5, remark),
        Measured("the demo's whole Overview", statistics.median(whole) * 1000, "ms", None),
    ]


def _milliseconds(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f} ms"


def _seconds_until(argv: Sequence[str], words: Sequence[bytes]) -> list[float]:
    """When each of the words came, in seconds; nothing else is done with the bytes, which would cost time."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    _set_size(theirs)
    began = time.monotonic()
    with subprocess.Popen(
        argv, cwd=ROOT, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        came: list[float] = []
        output = bytearray()
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(ours, selectors.EVENT_READ)
                while len(came) < len(words):
                    if not selector.select(began + 30 - time.monotonic()):
                        raise RuntimeError(f"{words!r} did not come within 30 s from {' '.join(argv)}")
                    output += os.read(ours, 65536)
                    while len(came) < len(words) and words[len(came)] in output:
                        came.append(time.monotonic() - began)
        finally:
            process.kill()
            os.close(ours)
    return came


def _set_size(terminal: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))


# -- idle --------------------------------------------------------------------------------------------


def idle(seconds: float = 20.0) -> list[Measured]:
    """The demo, paused: nothing happens at all."""
    with paused_demo() as shown:
        return _idle("the demo, paused", shown, shown.pid, seconds)


def idle_in_lab(seconds: float = 20.0) -> list[Measured]:
    """The console on the real server while nobody logs in: the clock, and looking at the services."""
    rows: list[Measured] = []
    with Lab() as lab, in_lab(lab) as shown:
        shown.wait_for("need attention")
        (pid,) = consoles(lab)
        for page, name in (("1", "Overview"), ("2", "Logins"), ("3", "Logs"), ("4", "Spool")):
            shown.press(page)
            shown.pump(3)
            rows += _idle(f"on a quiet server, {name}", shown, pid, seconds)
    return rows


def _idle(what: str, shown: PtyConsole, pid: int, seconds: float) -> list[Measured]:
    shown.pump(2)
    cpu, written = _cpu_seconds(pid), shown.written
    began = time.monotonic()
    shown.pump(seconds)
    took = time.monotonic() - began
    return [
        Measured(f"{what}: processor", (_cpu_seconds(pid) - cpu) / took * 100, "%", 2.0),
        Measured(f"{what}: to the terminal", (shown.written - written) / took, "B/s", 200.0),
    ]


def _cpu_seconds(pid: int) -> float:
    """Of all threads, in user and kernel mode; the kernel counts in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -- subcommands -------------------------------------------------------------------------------------


def subcommands(runs: int = 15) -> list[Measured]:
    """What a subcommand adds to Python's own start, on a server without a line in its logs.

    Milliseconds are those of this machine now; beside them stands the ratio to what importing Textual adds,
    measured in turn, of which 80 ms were 0.36 where the budget was set.
    """
    rows = []
    with _empty_server() as root:
        for words in (
            ["settings"],
            ["status"],
            ["status", "--json"],
            ["trace"],
            ["trace", "--summary", "--json"],
            ["spool", "--json"],
        ):
            argv = [sys.executable, "-m", "cyrtui", "--root", str(root), *words]
            plain: list[float] = []
            ours: list[float] = []
            textual: list[float] = []
            for _ in range(runs):
                textual.append(_run([sys.executable, "-c", "import textual.app"], (0,)))
                plain.append(_run([sys.executable, "-c", "pass"], (0,)))
                # a copied tree shows no listeners, and its logs no attempt: 3 and 1
                ours.append(_run(argv, (0, 1, 3)))
            added = (statistics.median(ours) - statistics.median(plain)) * 1000
            ratio = added / ((statistics.median(textual) - statistics.median(plain)) * 1000)
            remark = f"{_milliseconds(ours)} against {_milliseconds(plain)}"
            name = f"cyrtui {' '.join(words)}"
            rows.append(Measured(f"{name}: added to Python's start", added, "ms", 80.0, remark))
            rows.append(Measured(f"{name}: against importing Textual", ratio, "x", 0.36))
            glass = _modules_of_the_glass(argv)
            rows.append(
                Measured(f"{name}: modules of Textual and rich", len(glass), "", 0, " ".join(glass[:3]))
            )
    return rows


@contextmanager
def _empty_server() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        (root / "etc").mkdir()
        (root / "var/log").mkdir(parents=True)
        (root / "var/spool/cyrus/mail").mkdir(parents=True)
        for name in ("cyrus.conf", "imapd.conf"):
            shutil.copyfile(RECORDINGS / "squeeze" / name, root / "etc" / name)
        for name in ("mail.info", "auth.log", "slapd.log"):
            (root / "var/log" / name).touch()
        yield root


def _run(argv: Sequence[str], statuses: Collection[int]) -> float:
    began = time.monotonic()
    done = subprocess.run(
        argv, cwd=ROOT, env=environment(), capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    took = time.monotonic() - began
    if done.returncode not in statuses:
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.decode()}")
    return took


def _modules_of_the_glass(argv: Sequence[str]) -> list[str]:
    done = subprocess.run(
        [argv[0], "-X", "importtime", *argv[1:]],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    names = [
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    ]
    return [name for name in names if name.partition(".")[0] in ("textual", "rich")]


MEASURES: Final[dict[str, Callable[[], list[Measured]]]] = {
    "first-paint": first_paint,
    "subcommands": subcommands,
    "idle": idle,
    "idle-in-lab": idle_in_lab,
    "services": services,
    "spool": spool,
    "following": logs.following,
    "megabyte-lines": logs.megabyte_lines,
    "long-log": logs.long_log,
    "memory": logs.memory,
    "day": day,
}
