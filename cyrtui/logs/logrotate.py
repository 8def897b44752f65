"""Where logrotate moves the archives of a log: `olddir` of logrotate.conf(5).

Read are /etc/logrotate.conf and what it includes, as logrotate(8) reads them: directives outside a block hold
for the blocks after them, `noolddir` takes one back, and of the files in an included directory those with a
taboo extension are left out. Scripts (`postrotate` and the like) are passed over.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.pattern import pattern

CONF: Final = "/etc/logrotate.conf"
_SCRIPTS: Final = ("postrotate", "prerotate", "firstaction", "lastaction", "preremove")
_TABOO: Final = (
    ",v", ".bak", ".cfsaved", ".disabled", ".dpkg-bak", ".dpkg-del", ".dpkg-dist", ".dpkg-new", ".dpkg-old",
    ".dpkg-tmp", ".orig", ".rpmnew", ".rpmorig", ".rpmsave", ".swp", ".ucf-dist", ".ucf-new", ".ucf-old", "~",
)  # fmt: skip
"""The extensions that config.c of logrotate names; `tabooext` adds to them rarely enough to be left out."""
_DEEPEST: Final = 4
_VALUE: Final = pattern(r"\A\s*([a-z]+)\s*=\s*")


class _Reader:
    """The rules in the order of the files: the patterns of a block, and its `olddir`."""

    def __init__(self, host: Host) -> None:
        self.rules: list[tuple[tuple[str, ...], str | None]] = []
        self._host = host
        self._olddir: str | None = None

    def read(self, path: str, depth: int = 0) -> None:
        try:
            text = self._host.read(path).decode("utf-8", "replace")
        except FileUnreadable:
            return
        patterns: list[str] = []
        block: str | None = None
        inside = False
        script = False
        for words in _lines(text):
            first = words[0]
            if script:
                script = first != "endscript"
            elif first in _SCRIPTS:
                script = True
            elif first == "}" and inside:
                self.rules.append((tuple(patterns), block))
                patterns, inside = [], False
            elif first in ("olddir", "noolddir"):
                directory = words[1] if first == "olddir" and len(words) > 1 else None
                if inside:
                    block = directory
                else:
                    self._olddir = directory
            elif first == "include" and len(words) > 1 and not inside and depth < _DEEPEST:
                for other in self._included(words[1]):
                    self.read(other, depth + 1)
            elif not inside and (patterns or first.startswith(("/", "~", "*")) or first == "{"):
                patterns += [word for word in words if word != "{"]
                if words[-1] == "{":
                    block, inside = self._olddir, True

    def _included(self, path: str) -> Sequence[str]:
        try:
            names = self._host.listdir(path)
        except FileUnreadable:
            return [path]
        return [f"{path}/{name}" for name in names if not name.startswith(".") and not name.endswith(_TABOO)]


def _lines(text: str) -> Iterator[list[str]]:
    """The words of each line; a directive may stand behind the brace, and `=` before its value."""
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        before, brace, behind = bare.partition("{")
        for part in (f"{before} {brace}", behind) if brace else (bare,):
            plain = _VALUE.sub(r"\1 ", part)
            try:
                words = shlex.split(plain)
            except ValueError:
                words = plain.split()
            if words:
                yield words


def _matches(path: str, pattern: str) -> bool:
    """As glob(3): a star ends at a slash."""
    ours, theirs = path.split("/"), pattern.split("/")
    return len(ours) == len(theirs) and all(map(fnmatchcase, ours, theirs))


def olddirs(host: Host, paths: Sequence[str]) -> dict[str, str]:
    """For each of the logs that has one, the directory that logrotate moves its archives to."""
    reader = _Reader(host)
    reader.read(CONF)
    found: dict[str, str] = {}
    for path in paths:
        for patterns, olddir in reader.rules:
            if any(_matches(path, one) for one in patterns):
                if olddir is not None:
                    found[path] = posixpath.normpath(posixpath.join(posixpath.dirname(path), olddir))
                break
    return found
