"""Every option of imapd.conf by version: type, allowed values, default, since when, renamed to what.

The table (options.json) was taken from lib/imapoptions of twelve releases, 2.2.13 to 3.12.3: facts only.
It is read when it is first asked for.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

Kind = Literal["STRING", "SWITCH", "INT", "ENUM", "STRINGLIST", "BITFIELD", "DURATION", "BYTESIZE"]
Release = tuple[int, int, int]

_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


def release_of(version: str | None) -> Release | None:
    """(3, 6, 1) of `3.6.1-Debian-3.6.1-4+deb12u5`; None for what names no version."""
    found = _VERSION.match(version or "")
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def series(release: str) -> str:
    """2.5 of 2.5.17: the table has the last release of each series."""
    return ".".join(release.split(".")[:2])


@dataclass(frozen=True, slots=True)
class Option:
    """One option as one version knows it.

    `default` is None where there is none; `values` are the allowed ones of ENUM, STRINGLIST and BITFIELD,
    each with its older spellings behind it. `since` is the first of the table's releases that knows the name.
    """

    name: str
    kind: Kind
    values: tuple[tuple[str, ...], ...]
    default: str | None
    since: str
    deprecated_since: str | None = None
    replaced_by: str | None = None


class OptionTable:
    """The options of one version; None stands for a version that is not known: every name of any release."""

    def __init__(self, version: str | None) -> None:
        data = _data()
        self.releases: tuple[str, ...] = tuple(data["versions"])
        self._types = data["types"]
        self._spans = data["options"]
        self.release = release_of(version)
        self.index = None if self.release is None else _nearest(self.releases, self.release)

    @property
    def beyond(self) -> bool:
        """Whether the version is newer than the table knows, so that an unknown name may be a new one."""
        last = release_of(self.releases[-1]) or (0, 0, 0)
        return self.release is not None and self.release[:2] > last[:2]

    def get(self, name: str) -> Option | None:
        """The option of that name (in lower case), if this version knows it."""
        return self.at(name, self.index)

    def at(self, name: str, index: int | None) -> Option | None:
        """The option as the release of that index in `releases` knows it; None: the newest that does."""
        spans = self._spans.get(name)
        if not spans:
            return None
        for first, last, default, kind, *more in reversed(spans):
            if index is None or first <= index <= last:
                deprecated, replaced = (*more, None, None)[:2]
                word, *values = self._types[kind]
                allowed = tuple(tuple(value.split("=")) for value in values)
                since = self.releases[spans[0][0]]
                return Option(name, word, allowed, default, since, deprecated, replaced)
        return None

    def known_in(self, name: str) -> tuple[str, str] | None:
        """The first and the last release that knows a name, whatever this version is."""
        spans = self._spans.get(name)
        return (self.releases[spans[0][0]], self.releases[spans[-1][1]]) if spans else None

    def defaults(self, name: str) -> tuple[tuple[str, str | None], ...]:
        """(release, default) wherever the default of an option changes, oldest first."""
        found: list[tuple[str, str | None]] = []
        for first, _, default, *_ in self._spans.get(name, ()):
            if not found or found[-1][1] != default:
                found.append((self.releases[first], default))
        return tuple(found)

    def names(self) -> tuple[str, ...]:
        """The names that this version knows, sorted."""
        return tuple(name for name in self._spans if self.get(name) is not None)


def _nearest(releases: tuple[str, ...], wanted: Release) -> int:
    """The release of the same series, else the last one before it (2.2.13 for what is older than all)."""
    best = 0
    for index, name in enumerate(releases):
        release = release_of(name) or (0, 0, 0)
        if release[:2] < wanted[:2] or (release[:2] == wanted[:2] and _fits(releases, index, wanted)):
            best = index
    return best


def _fits(releases: tuple[str, ...], index: int, wanted: Release) -> bool:
    """Of two releases of a series the first one that is no older than the wanted, else the last."""
    before = release_of(releases[index - 1]) if index else None
    return before is None or before[:2] != wanted[:2] or before < wanted


@cache
def _data() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "options.json"), "rb") as file:
        found: dict[str, Any] = json.load(file)
    return found
