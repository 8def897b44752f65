"""The logs: what following costs, how fast a line is on the glass, and how far back one looks how fast."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.measured import Measured
from tests.terminal.pty_console import PtyConsole

ROOT: Final = Path(__file__).parent.parent.parent
GIB: Final = 1 << 30
LINES: Final = 10_000_000
_LINE: Final = " mx cyrus/imap[%d]: login: localhost [127.0.0.1] user%d DIGEST-MD5 User logged in\n"


def _row(what: str, value: float, unit: str, budget: float | None, remark: str = "") -> Measured:
    return Measured(what, value, unit, budget, remark)


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")


def _write_long(path: Path, size: int, began: float, step: float = 0.01) -> int:
    """A log of so many bytes, its lines `step` seconds apart; how many lines it has."""
    lines = 0
    random.seed(1)
    with path.open("wb") as file:
        while file.tell() < size:
            block = [
                _stamp(began + (lines + at) * step)
                + _LINE % (random.randrange(99999), random.randrange(9999))
                for at in range(10_000)
            ]
            file.write("".join(block).encode())
            lines += len(block)
    return lines


def _write_short(path: Path, lines: int, began: float) -> None:
    """So many short lines."""
    with path.open("wb") as file:
        for block in range(lines // 10_000):
            head = (_stamp(began + block) + " mx cyrus/imap[1]: ").encode()
            file.write(b"".join(head + b"%d\n" % at for at in range(10_000)))


@contextmanager
def _server(place: Path) -> Iterator[dict[str, str]]:
    """The environment for a console whose logs are below `place`."""
    conf = place / "cyrus.conf"
    conf.write_text("START {\n}\nSERVICES {\n}\nEVENTS {\n}\n")
    for role in ("mail", "auth", "slapd"):
        (place / f"{role}.log").touch()
    yield dict(os.environ) | {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "CYRTUI_CYRUS_CONF": str(conf),
        "CYRTUI_IMAPD_CONF": str(conf),
        "CYRTUI_READ_ONLY": "1",
        **{f"CYRTUI_{role.upper()}_LOG": str(place / f"{role}.log") for role in ("mail", "auth", "slapd")},
    }


CONSOLE: Final = [sys.executable, "-m", "cyrtui"]
_WRITER: Final = """
import sys, time
from datetime import datetime, UTC
path, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
with open(path, "ab", buffering=0) as out:
    began, sent = time.time(), 0
    while (now := time.time()) < began + seconds:
        due = int((now - began) * rate) - sent
        if due > 0:
            head = datetime.now(UTC).isoformat(timespec="microseconds")
            lines = [f"{head} mx cyrus/imap[1]: badger {sent + at} of many\\n" for at in range(due)]
            out.write("".join(lines).encode())
            sent += due
        time.sleep(0.005)
"""


def following(rate: int = 2000, seconds: float = 15.0) -> list[Measured]:
    """The console on the Logs screen while 2,000 lines a second are written; then single lines, timed."""
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as environment:
        log = Path(name) / "mail.log"
        _write_short(log, 10_000, time.time() - 60)
        with PtyConsole(CONSOLE, columns=120, rows=40, cwd=ROOT, env=environment) as console:
            console.wait_for("Overview")
            console.press("3")
            console.wait_for("following")
            console.pump(3)
            with subprocess.Popen([sys.executable, "-c", _WRITER, str(log), str(rate), str(seconds + 4)]):
                console.pump(2)
                cpu, written = console.cpu_seconds(), console.written
                console.pump(seconds)
                cpu, written = console.cpu_seconds() - cpu, console.written - written
            console.pump(3)
            waits = sorted(_until_seen(console, log, number) for number in range(100))
    remark = f"median {median(waits) * 1000:.0f} ms, {len(waits)} lines, one at a time"
    return [
        _row(f"following {rate:,} lines/s, processor", cpu / seconds * 100, "%", 30.0),
        _row(f"following {rate:,} lines/s, to the terminal", written / seconds / 1024, "KiB/s", None),
        _row("a line on the glass, 99th percentile", waits[98] * 1000, "ms", 250.0, remark),
    ]


def megabyte_lines(keys: int = 40) -> list[Measured]:
    """How long a key takes on the Logs screen while lines of a megabyte come, against lines as usual."""
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as environment:
        log = Path(name) / "mail.log"
        _write_short(log, 10_000, time.time() - 60)
        with PtyConsole(CONSOLE, columns=120, rows=40, cwd=ROOT, env=environment) as console:
            console.wait_for("Overview")
            console.press("3")
            console.wait_for("following")
            console.pump(3)
            usual = sorted(_until_answered(console, log, 100, turn) for turn in range(keys))
            huge = sorted(_until_answered(console, log, 1 << 20, turn) for turn in range(keys))
    remark = f"slowest {huge[-1] * 1000:.0f} ms against {usual[-1] * 1000:.0f} ms"
    return [_row("a key while megabyte lines come / usual ones", sum(huge) / sum(usual), "", 2.0, remark)]


def _until_answered(console: PtyConsole, log: Path, length: int, turn: int) -> float:
    """A line is written, the help is opened a little later."""
    with log.open("ab") as file:
        line = f"{_stamp(time.time())} mx cyrus/imap[1]: {turn} "
        file.write(line.encode() + random.randbytes(length // 2).hex().encode() + b"\n")
    console.pump(random.random() * 0.3)
    began = time.monotonic()
    console.press("?")
    console.wait_for("What it does")
    took = time.monotonic() - began
    console.press("escape")
    console.wait_for("following")
    return took


def _until_seen(console: PtyConsole, log: Path, number: int) -> float:
    console.pump(0.1 + random.random() * 0.4)
    mark = f"needle{number:05}"
    with log.open("ab") as file:
        file.write(f"{_stamp(time.time())} mx cyrus/imap[1]: {mark} of the bench\n".encode())
    began = time.monotonic()
    console.wait_for(mark)
    return time.monotonic() - began


def _last_screen(environment: dict[str, str], mark: str) -> float:
    began = time.monotonic()
    with PtyConsole(CONSOLE, columns=120, rows=40, cwd=ROOT, env=environment) as console:
        console.wait_for("Overview")
        console.press("3")
        console.wait_for(mark)
        return time.monotonic() - began


def long_log(runs: int = 5) -> list[Measured]:
    """A log of 1 GiB against an empty one; then to a time in it, plain and compressed."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        long, short = Path(one), Path(other)
        began = time.time() - 90_000.0
        count = _write_long(long / "mail.log", GIB, began, 0.0095)
        last = f"{_stamp(time.time())} mx cyrus/imap[1]: the very last line\n".encode()
        for place in (long, short):
            with (place / "mail.log").open("ab") as file:
                file.write(last)
        with _server(long) as with_long, _server(short) as with_short:
            pairs = [
                (_last_screen(with_long, "very last"), _last_screen(with_short, "very last"))
                for _ in range(runs)
            ]
        more = median(pair[0] for pair in pairs) - median(pair[1] for pair in pairs)
        rows = [_row("1 GiB log to its last screen, more than empty", more, "s", 0.3, f"{count:,} lines")]
        return rows + _seeks(long / "mail.log", began, began + count * 0.0095)


def _seeks(path: Path, began: float, ended: float) -> list[Measured]:
    from cyrtui.host.local_logs import LocalLogFile
    from cyrtui.logs.packed import PackedFile
    from cyrtui.logs.seek import seek_time
    from cyrtui.logs.stamps import StampClock

    random.seed(3)
    moments = [began + random.random() * (ended - began) for _ in range(60)]
    plain = LocalLogFile(str(path))
    clock = StampClock("UTC", ended)
    took = _each(moments, lambda moment: seek_time(plain, clock, moment))
    packed_path = path.with_suffix(".gz")
    with path.open("rb") as source, gzip.open(packed_path, "wb", compresslevel=1) as target:
        while block := source.read(1 << 20):
            target.write(block)
    before = _resident()
    packed = PackedFile(LocalLogFile(str(packed_path)), str(packed_path))
    start = time.monotonic()
    size = packed.size()
    indexed = time.monotonic() - start
    held = _resident() - before
    took_packed = _each(moments, lambda moment: seek_time(packed, clock, moment))
    packed.close()
    plain.close()
    return [
        _row("seek to a time in it, plain, 95th percentile", took[56] * 1000, "ms", 20.0, _slowest(took)),
        _row("its .gz, index of seek points", indexed, "s", None, f"{size:,} bytes unpacked"),
        _row("its .gz, memory of the seek points", held, "MiB", None),
        _row("seek to a time in its .gz, slowest of 60", took_packed[-1] * 1000, "ms", 150.0),
    ]


def _each(moments: Sequence[float], seek: Callable[[float], object]) -> list[float]:
    found = []
    for moment in moments:
        start = time.perf_counter()
        seek(moment)
        found.append(time.perf_counter() - start)
    return sorted(found)


def _slowest(took: list[float]) -> str:
    return f"median {median(took) * 1000:.1f} ms, slowest of {len(took)} {took[-1] * 1000:.1f} ms"


def _resident() -> float:
    """MiB of this process's memory."""
    with Path("/proc/self/status").open(encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def _memory_of(pid: int, of: str) -> float:
    with Path(f"/proc/{pid}/status").open(encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(of)) / 1024


def memory() -> list[Measured]:
    """The console on a log of ten million lines, until it has read in what it keeps."""
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as environment:
        _write_short(Path(name) / "mail.log", LINES, time.time() - LINES / 10_000)
        with PtyConsole(CONSOLE, columns=120, rows=40, cwd=ROOT, env=environment) as console:
            console.wait_for("Overview")
            console.press("3")
            console.wait_for("older ones are not loaded", within=120)
            console.pump(3)
            now, most = (_memory_of(console.pid, of) for of in ("VmRSS", "VmHWM"))
    return [_row("memory on a log of 10,000,000 lines, at most", most, "MiB", 120.0, f"{now:.0f} MiB then")]
