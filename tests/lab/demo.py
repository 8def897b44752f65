"""The packaged demo's recording: a bad quarter of an hour of a real server, in four minutes.

    python -m tests.lab.demo OUT

Real clients log in while, one after the other, slapd is stopped, the imap processes run out, slapd hangs,
and cyrus may no longer act for others. The recorder is the console's own, run inside the lab.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.lab import Lab, LabOptions
from tests.lab.clients import Attempt, as_person, attempts, traffic
from tests.lab.directory import NOBODY, TOTO
from tests.lab.faults import FAULTS

BEFORE: Final = 60.0
LENGTH: Final = 240.0
RATE: Final = 1.2
SEED: Final = 40
ROOT: Final = Path(__file__).parent.parent.parent


def _fault(lab: Lab, name: str, seconds: float) -> None:
    with FAULTS[name].make(lab):
        time.sleep(seconds)


def _toto(lab: Lab) -> None:
    attempts(lab, [as_person(TOTO, "imap")])


def _guessing(lab: Lab) -> None:
    """Somebody tries one account again and again, and one that is not there."""
    wrong = Attempt("julien", "not-the-password", "imaps", "LOGIN", "wrong-password")
    attempts(lab, [wrong, wrong, wrong, wrong, as_person(NOBODY, "imaps"), wrong, wrong], width=2)


def _script(lab: Lab) -> Sequence[tuple[float, Callable[[], None]]]:
    """What happens at which second of the recording."""
    return (
        (8, lambda: _toto(lab)),
        (25, lambda: _guessing(lab)),
        (60, lambda: _fault(lab, "full_maxchild", 25)),
        (110, lambda: _fault(lab, "slapd_stopped", 12)),
        (140, lambda: _toto(lab)),
        (160, lambda: _fault(lab, "slapd_hung", 5)),
        (190, lambda: _fault(lab, "authzto_removed", 8)),
        (220, lambda: _toto(lab)),
    )


def _traffic(lab: Lab, seconds: float, seed: int) -> threading.Thread:
    def run() -> None:
        for _ in traffic(lab, seconds, RATE, seed):
            pass

    thread = threading.Thread(target=run, name="traffic")
    thread.start()
    return thread


def make(out: Path) -> int:
    """Make the recording; the exit status of the recorder."""
    with tempfile.TemporaryDirectory() as directory, Lab(LabOptions(stamps="rfc3339")) as lab:
        inside = str(Path(directory) / "demo.cyrtui")
        _toto(lab)
        early = _traffic(lab, BEFORE, SEED)
        early.join()
        recorder = lab.popen(
            [sys.executable, "-m", "cyrtui", "record", inside, "--seconds", str(LENGTH)],
            cwd=ROOT,
        )
        began = time.monotonic()
        busy = _traffic(lab, LENGTH - 5, SEED + 1)
        for at, what in _script(lab):
            time.sleep(max(0.0, began + at - time.monotonic()))
            what()
        busy.join()
        status = recorder.wait(LENGTH + 60)
        out.write_bytes(Path(inside).read_bytes())
    return status


if __name__ == "__main__":
    try:
        sys.exit(make(Path(sys.argv[1])))
    except (IndexError, subprocess.TimeoutExpired) as error:
        sys.exit(f"{error}: python -m tests.lab.demo OUT")
