"""Work that two processes share."""

from __future__ import annotations

import os
import time

import pytest

from cyrtui.shared_work import WorkFailed, shared


def test_results_stand_in_order_and_both_take_part() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("with one processor there is one process")

    def work(number: int) -> tuple[int, int]:
        time.sleep(0.01)
        return number, os.getpid()

    found = shared(20, work)
    assert [number for number, _ in found] == list(range(20))
    assert len({pid for _, pid in found}) == 2


def test_something_else_is_done_first_by_this_process() -> None:
    done: list[int] = []
    assert shared(3, lambda number: number * 2, lambda: done.append(os.getpid())) == [0, 2, 4]
    assert done == [os.getpid()]
    assert shared(1, lambda number: number) == [0]


def test_without_another_process_all_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refused)
    opened = len(os.listdir("/proc/self/fd"))
    assert shared(5, lambda _number: os.getpid()) == [os.getpid()] * 5
    assert len(os.listdir("/proc/self/fd")) == opened


def test_what_fails_there_fails_here() -> None:
    this = os.getpid()

    def work(number: int) -> int:
        if os.getpid() != this:
            raise ValueError
        time.sleep(0.05)
        return number

    with pytest.raises(WorkFailed):
        shared(10, work)


def test_what_is_raised_here_ends_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    fork = os.fork

    def noted() -> int:
        child = fork()
        children.append(child)
        return child

    monkeypatch.setattr(os, "fork", noted)

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shared(10, lambda _number: time.sleep(60), interrupted)
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)
    assert len(children) == min(1, len(os.sched_getaffinity(0)) - 1)
