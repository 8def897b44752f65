"""The switches that the services of Cyrus take: imapd(8), pop3d(8) and the others, and master/service.c.

All versions together: a switch that one version dropped is still ignored by it, as is any that it never knew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

# Letters as for getopt(3): one with a colon takes an argument.
_EVERY: Final = "C:U:T:DX"
_PROGRAMS: Final[Mapping[str, str]] = {
    "imapd": "sp:NqH",
    "pop3d": "skp:H",
    "nntpd": "srfp:",
    "lmtpd": "aqH",
    "lmtpproxyd": "aq",
    "timsieved": "H",
    "httpd": "sqp:H",
}


def unknown_switches(words: Sequence[str]) -> tuple[str, ...]:
    """The switches of a service's cmd that its program does not know; none for a program not known here."""
    if not words:
        return ()
    known = _PROGRAMS.get(words[0].rpartition("/")[2])
    if known is None:
        return ()
    letters = known + _EVERY
    found: list[str] = []
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or len(word) != 2:
            continue
        at = letters.find(word[1])
        if at < 0 or word[1] == ":":
            found.append(word)
        elif letters[at + 1 : at + 2] == ":" and rest:
            rest.pop(0)
    return tuple(found)
