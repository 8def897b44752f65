"""Work in equal parts, done by this process and by a second one that is forked from it.

Python runs one thread at a time; a second processor is used by a second process only. The parts are bytes in
a pipe: whoever is free takes the next one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final, TypeVar

_MOST: Final = 255
Result = TypeVar("Result")


class WorkFailed(Exception):
    """The second process did not come to its end, or a part failed there."""


def shared(
    parts: int, work: Callable[[int], Result], meanwhile: Callable[[], None] | None = None
) -> list[Result]:
    """`[work(0), …, work(parts - 1)]`; `meanwhile` is run here before this process takes part.

    The results must be such that pickle takes them. With one processor, or where no process can be made, all
    is done here. Whatever is raised here is raised, and ends the second process. Raises `WorkFailed`, and
    `ValueError` for over 255 parts.
    """
    if parts > _MOST:
        raise ValueError(f"{parts} are more parts than {_MOST}")
    take, give = os.pipe()
    os.write(give, bytes(range(parts)))
    os.close(give)
    ours, theirs = os.pipe()
    enough = parts > 1 or (parts == 1 and meanwhile is not None)
    child = _fork() if enough and _processors() > 1 else None
    if child is None:
        for end in (take, ours, theirs):
            os.close(end)
        if meanwhile is not None:
            meanwhile()
        return [work(number) for number in range(parts)]
    import pickle

    if child == 0:
        _second(take, ours, theirs, work)
    os.close(theirs)
    try:
        if meanwhile is not None:
            meanwhile()
        found = _take_parts(take, work)
        with os.fdopen(ours, "rb", closefd=False) as pipe:
            answer = pipe.read()
        status = os.waitpid(child, 0)[1]
        child = 0
    finally:
        os.close(take)
        os.close(ours)
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if status != 0:
        raise WorkFailed("the second process ended with an error")
    found.update(pickle.loads(answer))  # noqa: S301 - our own process wrote it
    return [found[number] for number in range(parts)]


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _fork() -> int | None:
    """As `os.fork`; None where there cannot be another process."""
    try:
        return os.fork()
    except (AttributeError, OSError):
        return None


def _take_parts(take: int, work: Callable[[int], Result]) -> dict[int, Result]:
    found: dict[int, Result] = {}
    while number := os.read(take, 1):
        found[number[0]] = work(number[0])
    return found


def _second(take: int, ours: int, theirs: int, work: Callable[[int], Result]) -> None:
    """The second process: never returns, and writes nothing but its answer."""
    import pickle

    status = 1
    try:
        os.close(ours)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        answer = pickle.dumps(_take_parts(take, work), pickle.HIGHEST_PROTOCOL)
        with os.fdopen(theirs, "wb") as pipe:
            pipe.write(answer)
        status = 0
    finally:
        # whatever it was: the first process goes on without
        os._exit(status)
