"""How soon the Spool screen answers keys while it finds, sorts and adds up, and how soon it comes up.

On a real terminal of 120x40, the spool of a million messages behind it. A key has been answered when the
cursor stands on another line.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench.measured import Measured
from tests.terminal.consoles import ROOT, environment
from tests.terminal.pty_console import PtyConsole

_RUNS: Final = 5
_AGAIN: Final = 6
_AT_REST: Final = 60
_PATIENCE: Final = 5.0
# Keys follow each other no faster than a held key does.
_BETWEEN: Final = 0.03
_STARTED: Final = 3.0


def spool_keys(root: Path) -> list[Measured]:
    """Of the spool below `root`, as made by `spool_tree`."""
    first: list[float] = []
    waits: dict[str, list[float]] = {"at rest": [], "finding": [], "adding up": [], "sorting": []}
    for _ in range(_RUNS):
        with _console(root) as shown:
            began = time.monotonic()
            shown.press("4")
            shown.wait_for(lambda text: text.count("▸") > 2)
            first.append(time.monotonic() - began)
            _press(shown, waits["finding"], lambda: "so far" not in shown.text())
            shown.pump(1)
            _press(shown, waits["at rest"], lambda: len(waits["at rest"]) % _AT_REST == _AT_REST - 1)
            for _again in range(_AGAIN):
                shown.press("u")
                shown.wait_for("adding up")
                _press(shown, waits["adding up"], lambda: "adding up" not in shown.text())
                # what was counted is shown once, and then counted anew
                shown.press("u")
                shown.wait_for("USAGE")
                shown.press("escape")
                shown.wait_for("last append")
            shown.press("o")
            shown.wait_for("sorting by")
            _press(shown, waits["sorting"], lambda: "sorting by" not in shown.text())
    rows = [Measured("key 4 to the first lines on the glass", statistics.median(first) * 1000, "ms", 300)]
    for when, took in waits.items():
        if not took:
            # it was over before a key could be pressed
            continue
        took.sort()
        late = sum(1 for one in took if one > 0.05)
        remark = (
            f"of {len(took)}: median {statistics.median(took) * 1000:.0f} ms, slowest {took[-1] * 1000:.0f}, "
            f"{late} over 50"
        )
        rows.append(
            Measured(f"a key {when}, 95th percentile", took[len(took) * 95 // 100] * 1000, "ms", 50, remark)
        )
    return rows


@contextmanager
def _console(root: Path) -> Iterator[PtyConsole]:
    settings = root / "cyrtui.toml"
    settings.write_text(f'imapd_conf = "{root}/etc/imapd.conf"\n', encoding="utf-8")
    argv = [sys.executable, "-m", "cyrtui", "--config", str(settings)]
    with PtyConsole(argv, columns=120, rows=40, cwd=ROOT, env=environment()) as shown:
        shown.wait_for("Overview")
        shown.pump(_STARTED)
        yield shown


def _press(shown: PtyConsole, waits: list[float], done: Callable[[], bool]) -> None:
    """Press down and up until `done`; the seconds until each was answered."""
    number = 0
    while not done():
        before = _under_cursor(shown)
        began = time.monotonic()
        shown.press("down" if number % 20 < 10 else "up")
        number += 1
        shown.wait_for(partial(_differs, shown, before), within=_PATIENCE)
        waits.append(time.monotonic() - began)
        shown.pump(_BETWEEN * random.random())


def _differs(shown: PtyConsole, before: str, _text: str) -> bool:
    return _under_cursor(shown) != before


def _under_cursor(shown: PtyConsole) -> str:
    """The line, wherever on the glass it stands: a line that comes above the table moves all of it."""
    return next((line[:30] for line in shown.lines() if line.startswith("›")), "")
