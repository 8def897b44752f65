"""kill -9 at every step of an apply: the file is always whole, and a backup is never lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from cyrtui.access import Gate
from cyrtui.apply.history import applied_edits
from cyrtui.apply.state import clear_away, unfinished
from cyrtui.apply.work import LOCK
from tests.apply.bench import OLD, Bench, in_a_child

# Whatever changes something outside the process goes through one of these.
CALLS: Final = (
    "open",
    "write",
    "fsync",
    "ftruncate",
    "fchmod",
    "fchown",
    "setxattr",
    "replace",
    "link",
    "unlink",
    "mkdir",
    "rmdir",
)


def killed_at(number: int, *, torn: bool) -> None:
    """From now on this process dies before the n-th call that changes anything, or in the midst of it."""
    calls = 0

    def counted(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*words: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                if torn and name == "write":
                    function(words[0], bytes(words[1])[: len(words[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*words, **more)

        return call

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name), name))
    for name in ("exchange", "name_new", "run"):
        setattr(Gate, name, counted(getattr(Gate, name), name))


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A directory that is brought to no disk some ten thousand times."""
    with TemporaryDirectory(dir="/dev/shm") as made:
        yield Path(made)


@pytest.mark.parametrize("good", [True, False])
def test_killed_at_every_step(in_memory: Path, good: bool) -> None:
    tmp_path = in_memory
    bench = Bench(tmp_path, good=good)
    killed = 0
    for number in count(1):
        for torn in (False, True) if good else (False,):
            place = bench.lay()

            def until_then(place: str = place, number: int = number, torn: bool = torn) -> None:
                work = bench.work(place)
                killed_at(number, torn=torn)
                assert work.run() == ("applied" if good else "restored")

            status = in_a_child(until_then)
            bench.check()
            if status == 0:
                break
            assert status == -signal.SIGKILL
            killed += 1
            if torn or number % 3 == 0:
                # and killed again while it is brought to its end
                def resumed(place: str = place, number: int = number) -> None:
                    work = bench.work(place)
                    killed_at(number % 11 + 1, torn=True)
                    work.resume()

                if unfinished(bench.settings):
                    killed += in_a_child(resumed) == -signal.SIGKILL
                    bench.check()
            for found in unfinished(bench.settings):
                assert "was cut off" in found.sentence
                assert bench.work(found.place).resume() in ("applied", "restored", "refused")
            bench.check()
            assert unfinished(bench.settings) == ()
            left = {one.name for one in tmp_path.iterdir() if one.is_file()}
            assert left - {one.name for one in bench.backups()} <= {"cyrus.conf", LOCK}
            if not good:
                assert bench.path.read_bytes() == OLD
        if status == 0:
            break
    clear_away(bench.gate, bench.state)
    assert os.listdir(bench.state) == ["history.jsonl"]
    assert {edit.result for edit in applied_edits(bench.settings)} == {"applied" if good else "restored"}
    # 300 in both together
    assert killed >= (150 if good else 80)
