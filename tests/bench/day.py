"""`cyrtui trace` on a day of 300,000 logins: one user's, against a search of the same files for the name; and
the totals, against how long lnav takes to load the files.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from tests.bench.measured import Measured
from tests.lab.packages import ensure
from tests.logins.day import Day, DayLogs, write_day

_RUNS: Final = 5
_MIB: Final = 1024.0


def day() -> list[Measured]:
    """The whole process, page cache warm; the two sides take turns."""
    with tempfile.TemporaryDirectory() as name:
        logs = write_day(Day(), Path(name), truth=True)
        files = [str(path) for path in (logs.mail, logs.auth, logs.slapd)]
        return [*_one_user(_usual(logs), files), *_everyone(files)]


def _one_user(user: str, files: list[str]) -> list[Measured]:
    ratios, most = _in_turn(["grep", "-c", user, *files], _trace(files, user, "--json"))
    what = "trace USER, a day of 300,000 logins / grep -c"
    return [
        Measured(what, statistics.median(ratios), "x", 2.0, _remark(files, ratios)),
        Measured("its memory", most, "MiB", 200.0),
    ]


def _everyone(files: list[str]) -> list[Measured]:
    ensure(["lnav"])
    # quietly: without -q it writes every line to its output, which takes several times as long
    ratios, most = _in_turn(["lnav", "-n", "-q", *files], _trace(files, "--summary"))
    what = "trace --summary, a day of 300,000 logins / lnav -nq"
    return [
        Measured(what, statistics.median(ratios), "x", 1 / 3, _remark(files, ratios)),
        Measured("its memory, both processes at most", 2 * most, "MiB", 200.0),
    ]


def _trace(files: list[str], *words: str) -> list[str]:
    command = [sys.executable, "-m", "cyrtui", "trace", *words]
    for option, path in zip(("--mail-log", "--auth-log", "--slapd-log"), files, strict=True):
        command += [option, path]
    return command


def _in_turn(theirs: list[str], ours: list[str]) -> tuple[list[float], float]:
    """How many times as long ours took, each time; and the most memory that a process held, in MiB."""
    _run(theirs)
    _run(ours)
    ratios, most = [], 0.0
    for _ in range(_RUNS):
        other, _memory = _run(theirs)
        took, memory = _run(ours)
        ratios.append(took / other)
        most = max(most, memory)
    return ratios, most


def _remark(files: list[str], ratios: list[float]) -> str:
    megabytes = sum(os.path.getsize(path) for path in files) / 1e6
    return f"{megabytes:.0f} MB, {min(ratios):.2f} to {max(ratios):.2f}"


def _usual(logs: DayLogs) -> str:
    """A user with the median number of attempts."""
    counts = Counter(each.user for each in logs.truth if each.kind != "unknown")
    ranked = sorted(counts.items(), key=lambda item: (item[1], item[0]))
    return ranked[len(ranked) // 2][0]


def _run(command: list[str]) -> tuple[float, float]:
    """Seconds from start to exit, and the most memory that the process held, or one of its own, in MiB."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _pid, _status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    process.returncode = 0
    return took, usage.ru_maxrss / _MIB
