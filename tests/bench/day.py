"""`cyrtui trace USER` on a day of 300,000 logins, against a search of the same files for the name."""

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
from tests.logins.day import Day, DayLogs, write_day

_RUNS: Final = 5
_MIB: Final = 1024.0


def day() -> list[Measured]:
    """The whole process, page cache warm; the two sides take turns."""
    with tempfile.TemporaryDirectory() as name:
        logs = write_day(Day(), Path(name), truth=True)
        user = _usual(logs)
        files = [str(path) for path in (logs.mail, logs.auth, logs.slapd)]
        trace = [sys.executable, "-m", "cyrtui", "trace", user, "--json"]
        for option, path in zip(("--mail-log", "--auth-log", "--slapd-log"), files, strict=True):
            trace += [option, path]
        search = ["grep", "-c", user, *files]
        _run(search)
        _run(trace)
        ratios, most = [], 0.0
        for _ in range(_RUNS):
            searched, _memory = _run(search)
            traced, memory = _run(trace)
            ratios.append(traced / searched)
            most = max(most, memory)
        megabytes = sum(os.path.getsize(path) for path in files) / 1e6
    remark = f"{megabytes:.0f} MB, {min(ratios):.2f} to {max(ratios):.2f}"
    return [
        Measured(
            "trace USER, a day of 300,000 logins / grep -c", statistics.median(ratios), "x", 2.0, remark
        ),
        Measured("its memory", most, "MiB", 200.0),
    ]


def _usual(logs: DayLogs) -> str:
    """A user with the median number of attempts."""
    counts = Counter(each.user for each in logs.truth if each.kind != "unknown")
    ranked = sorted(counts.items(), key=lambda item: (item[1], item[0]))
    return ranked[len(ranked) // 2][0]


def _run(command: list[str]) -> tuple[float, float]:
    """Seconds from start to exit, and the most memory that the process held, in MiB."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _pid, _status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    process.returncode = 0
    return took, usage.ru_maxrss / _MIB
