"""Users and DNs, side by side: what a DN's values say about a user. Evidence, never proof."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from cyrtui.pattern import pattern

_ESCAPED: Final = pattern(r"\\([0-9A-Fa-f]{2}|.)")
_ATTRIBUTE: Final = pattern(r"\s*[A-Za-z0-9.-]+\s*=\s*")
_SEPARATOR: Final = pattern(r"\s*([,=+])\s*")
_LOOSE: Final = pattern(r"\s[,=+]|[,=+]\s")
_WORDS: Final = pattern(r"[^\W_]+")

EXACT: Final = 3.0
WORD: Final = 2.0
PART: Final = 1.0


def canonical_user(user: str) -> str:
    """The user without what Cyrus lets a client hang onto the name (`+folder`), in lower case."""
    name = user.lower()
    plus = name.find("+")
    return name[:plus] if plus > 0 else name


def canonical_users(users: Iterable[str]) -> set[str]:
    """`canonical_user` of many, which is faster for all of them at once."""
    found = set(map(str.lower, users))
    for name in [name for name in found if "+" in name]:
        found.remove(name)
        found.add(canonical_user(name))
    return found


@lru_cache(maxsize=8192)
def canonical_dn(dn: str) -> str:
    """slapd logs normalized or pretty DNs: case and blanks around separators do not matter."""
    dn = dn.strip()
    return (_SEPARATOR.sub(r"\1", dn) if _LOOSE.search(dn) else dn).lower()


@lru_cache(maxsize=8192)
def _leaf_values(dn: str) -> tuple[str, ...]:
    """The values of the first RDN, lower case, unescaped."""
    end = len(dn)
    at = 0
    while at < end:
        if dn[at] == "\\":
            at += 2
            continue
        if dn[at] == ",":
            break
        at += 1
    values = []
    for part in re.split(r"(?<!\\)\+", dn[:at]):
        bare = _ATTRIBUTE.sub("", part, count=1)
        values.append(
            _ESCAPED.sub(lambda found: found[1] if len(found[1]) == 1 else "?", bare).strip().lower()
        )
    return tuple(values)


@lru_cache(maxsize=65536)
def resemblance(user: str, dn: str) -> float:
    """How much the DN's own name looks like the user: 0, `PART`, `WORD` or `EXACT`."""
    name = canonical_user(user)
    local = name.partition("@")[0]
    if not local:
        return 0.0
    mine = set(_WORDS.findall(local))
    best = 0.0
    for value in _leaf_values(dn):
        words = _WORDS.findall(value)
        if value in {name, local}:
            return EXACT
        if (
            local in words
            or (len(mine) > 1 and mine <= set(words))
            or (
                len(words) > 1
                and local
                in {
                    words[0][0] + words[-1],
                    words[0] + words[-1],
                    words[-1] + words[0][0],
                    words[-1] + words[0],
                    "".join(words),
                }
            )
        ):
            best = max(best, WORD)
        elif len(local) >= 4 and any(
            word.startswith(local) or local.startswith(word) for word in words if len(word) >= 4
        ):
            best = max(best, PART)
    return best
