"""Keys come before background work.

Threads of one interpreter take turns, and one that computes takes its turn from the one that answers a key.
Workers that compute for long ask here as often as they ask whether they were cancelled, and stand still while
a key is being answered.
"""

from __future__ import annotations

import time
from typing import Final

_LONGEST: Final = 0.06
"""Seconds that a worker waits for a key that changes nothing, or whose answer takes long."""
_SHARE: Final = 0.02
"""Seconds that a worker has for itself between two waits: a key that is held down must not stop it."""
_STEP: Final = 0.002


class KeysFirst:
    """Who waits for whom. Made once for an application; its methods may be called in any thread."""

    def __init__(self) -> None:
        self._came = 0.0
        self._until = 0.0
        self._next = 0.0

    def came(self) -> None:
        """Something was typed."""
        self._came = time.monotonic()
        self._until = self._came + _LONGEST

    def shown(self, followed: float) -> None:
        """A picture went out in which stands what was typed up to `followed`, by the monotonic clock."""
        if followed >= self._came:
            self._until = 0.0

    def let_pass(self) -> None:
        """Stand still while a key is being answered. For workers."""
        now = time.monotonic()
        if now >= self._until or now < self._next:
            return
        while now < self._until:
            time.sleep(_STEP)
            now = time.monotonic()
        self._next = now + _SHARE
