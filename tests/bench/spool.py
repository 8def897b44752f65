"""A spool of a million messages: its whole usage against `du -s`, and what a screen lists first."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from tests.bench.measured import Measured
from tests.bench.spool_keys import spool_keys
from tests.bench.spool_tree import by_unique_id, make, plan

_USERS: Final = 1000
_FOLDERS: Final = 10
_MESSAGES: Final = 100
_RUNS: Final = 3

# One process each, so that its memory is its own: `usage` or `list`, the imapd.conf.
_LOOK: Final = """
import json, resource, sys, time
from cyrtui.host.local import LocalHost
from cyrtui.spool.browse import SpoolBrowser
from cyrtui.spool.usage import measure_usage
began = time.monotonic()
browser = SpoolBrowser(LocalHost(), sys.argv[2])
browser.open()
told = []
if sys.argv[1] == "usage":
    usage = measure_usage(browser.spool, browser.layout.partitions["default"])
    told = [usage.mailboxes, usage.messages, usage.bytes, len(usage.faults)]
else:
    def first():
        if not told:
            lines = browser.tree.lines()[:40]
            browser.look(lines, lambda: False, again=False)
            told.append(time.monotonic() - began)
    browser.find(first, lambda: False)
    told.append(sum(len(group.mailboxes) for group in browser.tree.groups))
seconds = time.monotonic() - began
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, told]))
"""


def spool() -> list[Measured]:
    """A tree of 10,000 mailboxes and 1,000,000 messages, in both layouts; the cache is warm."""
    found: list[Measured] = []
    directory = Path(tempfile.mkdtemp(prefix="cyrtui-bench-spool-"))
    try:
        mailboxes = plan(_USERS, _FOLDERS)
        make(directory, mailboxes, _MESSAGES)
        found += _layout(directory, "by name")
        by_unique_id(directory, mailboxes)
        found += _layout(directory, "by unique id")
        found += spool_keys(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return found


def _layout(root: Path, layout: str) -> list[Measured]:
    conf = f"{root}/etc/imapd.conf"
    du: list[float] = []
    usage: list[float] = []
    listing: list[float] = []
    first: list[float] = []
    memory = 0.0
    _du(root)
    for _ in range(_RUNS):
        du.append(_du(root))
        seconds, megabytes, told = _look("usage", conf)
        if told != [_USERS * _FOLDERS, _USERS * _FOLDERS * _MESSAGES, told[2], 0]:
            raise RuntimeError(f"the usage is not that of the tree: {told}")
        usage.append(seconds)
        memory = max(memory, megabytes)
        seconds, megabytes, told = _look("list", conf)
        if told[-1] != _USERS * _FOLDERS:
            raise RuntimeError(f"not every mailbox was listed: {told}")
        listing.append(seconds)
        first.append(told[0])
        memory = max(memory, megabytes)
    ratio = statistics.median(usage) / statistics.median(du)
    remark = f"{statistics.median(usage):.2f} s against {statistics.median(du):.2f} s"
    return [
        Measured(f"usage of 1,000,000 messages, {layout} / du -s", ratio, "x", 0.5, remark),
        Measured(f"the first screen of rows, {layout}", statistics.median(first) * 1000, "ms", 300),
        Measured(f"all 10,000 mailboxes found, {layout}", statistics.median(listing) * 1000, "ms", None),
        Measured(f"memory of finding and usage, {layout}", memory, "MB", 150),
    ]


def _du(root: Path) -> float:
    began = time.monotonic()
    subprocess.run(["du", "-s", f"{root}/mail"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _look(what: str, conf: str) -> tuple[float, float, list[Any]]:
    done = subprocess.run(
        [sys.executable, "-c", _LOOK, what, conf], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    seconds, megabytes, told = json.loads(done.stdout)
    return seconds, megabytes, told
