"""The real console on a pty: on the packaged demo, or on the copied tree of a server that was recorded."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from .pty_console import PtyConsole

ROOT: Final = Path(__file__).parents[2]
RECORDINGS: Final = ROOT / "tests/recordings"
LOGS: Final[Mapping[str, str]] = {"mail": "mail.info", "auth": "auth.log", "slapd": "slapd.log"}
YEAR: Final = 2026
"""The year that the recorded lines are of; their stamps do not say it."""

_FOREIGN: Final = ("SSH_", "CYRTUI_", "TEXTUAL", "XDG_", "NO_COLOR")


def environment(**more: str) -> dict[str, str]:
    """This environment on a terminal with all colours, without what would make the console another one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "HOME": "/nonexistent"} | more


@contextmanager
def console(
    *arguments: str | Path,
    columns: int = 120,
    rows: int = 40,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    prefix: Sequence[str] = (),
    controlling: bool = True,
) -> Iterator[PtyConsole]:
    """`python -m cyrtui` with these arguments on a terminal."""
    argv = [sys.executable, "-m", "cyrtui", *map(str, arguments)]
    with PtyConsole(
        argv,
        columns=columns,
        rows=rows,
        env=environment() if env is None else env,
        cwd=cwd,
        prefix=prefix,
        controlling=controlling,
    ) as shown:
        yield shown


@contextmanager
def paused_demo(columns: int = 120, rows: int = 40) -> Iterator[PtyConsole]:
    """The demo when it has read everything and stands still."""
    with console("demo", columns=columns, rows=rows) as shown:
        shown.wait_for("READ-ONLY")
        shown.wait_for(lambda text: "ATTENTION" in text and "reading the logs" not in text)
        shown.press("space")
        shown.wait_for("paused")
        shown.settle()
        yield shown


def cost(shown: PtyConsole, *keys: str) -> int:
    """The bytes that come after these keys until all is quiet; a busy machine may be slow to begin."""
    before = shown.written
    shown.press(*keys)
    deadline = time.monotonic() + 2
    while shown.written == before and time.monotonic() < deadline:
        shown.pump(0.02)
    shown.settle()
    return shown.written - before


def at_rest(shown: PtyConsole) -> int:
    """Wait until the clock is all that moves; the bytes until then."""
    before = shown.written
    deadline = time.monotonic() + 30
    quiet = 0
    while quiet < 2:
        assert time.monotonic() < deadline, f"something moves all the time:\n{shown.text()}"
        quiet = quiet + 1 if shown.pump(0.5) < 100 else 0
    return shown.written - before


# Copied trees


def recorded_lines(log: str) -> list[bytes]:
    """The lines of a log of the recorded Cyrus 2.4.22 server, each with its newline."""
    return (RECORDINGS / "cyrus-2.4.22" / LOGS[log]).read_bytes().splitlines(keepends=True)


def at(moment: datetime, line: bytes) -> bytes:
    """A line with another time in its first fifteen bytes; one without a stamp is left alone."""
    return _stamp(moment) + line[15:] if _time_of(line) else line


def copied_tree(place: Path, *, until: float = 5.0) -> Path:
    """The tree of the recorded server, its lines moved so that the last one is `until` seconds old."""
    etc, logs = place / "etc", place / "var/log"
    etc.mkdir(parents=True)
    logs.mkdir(parents=True)
    for name in ("cyrus.conf", "imapd.conf"):
        shutil.copyfile(RECORDINGS / "squeeze" / name, etc / name)
    (etc / "hostname").write_text("imap2\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (etc / "services").write_text("imap2 143/tcp imap\nimaps 993/tcp\nsieve 4190/tcp\n")
    lines = {log: recorded_lines(log) for log in LOGS}
    last = max(moment for several in lines.values() for line in several if (moment := _time_of(line)))
    shift = datetime.fromtimestamp(time.time() - until) - last
    for log, several in lines.items():
        (logs / LOGS[log]).write_bytes(b"".join(_moved(line, shift) for line in several))
    return place


def append(tree: Path, log: str, *lines: bytes) -> None:
    """Write lines at the end of a log of a tree, as a server would: in one go, with the time that it is."""
    with (tree / "var/log" / LOGS[log]).open("ab", buffering=0) as file:
        file.write(b"".join(at(datetime.now(), line) for line in lines))


def _moved(line: bytes, shift: timedelta) -> bytes:
    moment = _time_of(line)
    return line if moment is None else at(moment + shift, line)


def _time_of(line: bytes) -> datetime | None:
    try:
        return datetime.strptime(f"{YEAR} {line[:15].decode('ascii')}", "%Y %b %d %H:%M:%S")
    except ValueError:
        return None


def _stamp(moment: datetime) -> bytes:
    return f"{moment:%b} {moment.day:2} {moment:%H:%M:%S}".encode("ascii")
