"""Regular expressions that are compiled when they are first used: most runs need few of the many."""

from __future__ import annotations

import re
from typing import AnyStr, Final, cast

_METHODS: Final = ("match", "search", "fullmatch", "finditer", "findall", "sub", "split")


class _Pattern:
    """Stands for a `re.Pattern`; after the first use its methods are the compiled one's own."""

    __slots__ = ("_flags", "_text", *_METHODS)

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        # Only a slot that is still empty, or a name that is none, comes here.
        compiled = re.compile(self._text, self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)

    def __repr__(self) -> str:
        return f"pattern({self._text!r}, {self._flags!r})"


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, but compiled at the first use of it. Raises `re.error` then, not now."""
    return cast("re.Pattern[AnyStr]", _Pattern(text, flags))
