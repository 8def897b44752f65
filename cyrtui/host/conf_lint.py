"""`cyr_info conf-lint` on a candidate: what Cyrus's own parser says of it.

cyr_info(8). The candidates are handed over as anonymous files (memfd_create(2)), so that a read-only run
writes nothing and no password stands in an argument list. The program only reads; at each run it
writes a line to the mail log for every old name of an option. Its exit status is 0 although it complains.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import Final

from cyrtui.host.memory_file import memory_files, name_of
from cyrtui.inert import inert

_PLACES: Final = (
    "/usr/lib/cyrus/bin",
    "/usr/lib/cyrus-imapd",
    "/usr/libexec/cyrus-imapd",
    "/usr/cyrus/sbin",
    "/usr/cyrus/bin",
    "/usr/local/sbin",
    "/usr/sbin",
)
_SECONDS: Final = 10.0
_KEY: Final = re.compile(r"([a-z0-9@_-]+):")
_FATAL: Final = re.compile(r"fatal error: (.*)")
_LINE: Final = re.compile(r"\bline (\d+)")
_CANDIDATE: Final = re.compile(
    r" (?:of|in) configuration file \S+|\bconfiguration file /proc/self/fd/\d+:? ?"
)


@dataclass(frozen=True, slots=True)
class ConfLint:
    """What it said: the options that it does not know, and what it died of, with the line if it named one."""

    unknown: tuple[str, ...]
    fatal: str | None
    line: int | None


def run_conf_lint(imapd_conf: bytes, cyrus_conf: bytes) -> ConfLint | None:
    """Ask the installed cyr_info; None where there is none (before 2.5), or it does not answer."""
    program = next((path for one in _PLACES if os.access(path := f"{one}/cyr_info", os.X_OK)), None)
    if program is None:
        return None
    try:
        with memory_files(imapd_conf, cyrus_conf) as opened:
            done = subprocess.run(
                [program, "-C", name_of(opened[0]), "-M", name_of(opened[1]), "conf-lint"],
                pass_fds=opened,
                # a relative @include is looked for where cyrmaster's children run
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode < 0:
        return ConfLint((), f"it crashes (signal {-done.returncode})", None)
    said = inert(done.stderr, keep="\n")
    found = _FATAL.search(said)
    # an older cyr_info that knows no conf-lint tells its usage
    if done.returncode and found is None:
        return None
    unknown = tuple(key[1] for line in inert(done.stdout, keep="\n").split("\n") if (key := _KEY.match(line)))
    if found is None:
        return ConfLint(unknown, None, None)
    line = _LINE.search(found[1])
    return ConfLint(unknown, _CANDIDATE.sub("", found[1]), int(line[1]) if line else None)
