"""Waiting for a condition with a deadline: the only place of the lab that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.lab.errors import NotInTime

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T],
    sentence: str,
    *,
    timeout: float,
    evidence: Callable[[], str] | None = None,
    pause: float = 0.02,
) -> T:
    """Ask until the answer is true; give it back. `sentence` completes "waited N s for ..."."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            text = f"Waited {timeout:g} s for {sentence}, in vain."
            if evidence is not None:
                text += f"\n{evidence()}"
            raise NotInTime(text)
        time.sleep(pause)
