"""Names of mailboxes: the internal one, and what people see.

Internally `user.bob.Sent`, `.` between levels, with `^` for a dot under unixhierarchysep; `dom.tld!user.bob`
with virtual domains; levels in modified UTF-7 (RFC 3501, 5.1.3); `DELETED.user.bob.Sent.6B02A6FF` once
deleted, the end being the time in hexadecimal. Source: imap/mboxname.c.
"""

from __future__ import annotations

import binascii
from typing import Final, NamedTuple, Protocol

from cyrtui.inert import inert
from cyrtui.pattern import pattern

_SHIFTED: Final = pattern(r"&([A-Za-z0-9+,]*)-")
_LONE_AND: Final = pattern(r"&(?![A-Za-z0-9+,]*-)|[^\x20-\x7e]")
_UNPRINTABLE: Final = pattern(r"[^\x20-\x7e]+|&")
_STAMP: Final = pattern(r"[0-9A-Fa-f]{8}(?:[0-9A-Fa-f]{0,8})")


class Namespace(Protocol):
    """What imapd.conf says of names; `cyrtui.spool.layout.SpoolLayout` is one. Without delayed deletion
    `deleted_prefix` is empty."""

    @property
    def altnamespace(self) -> bool: ...
    @property
    def unixhierarchysep(self) -> bool: ...
    @property
    def domains(self) -> bool: ...
    @property
    def shared_prefix(self) -> str: ...
    @property
    def deleted_prefix(self) -> str: ...
    @property
    def separator(self) -> str: ...


class Parts(NamedTuple):
    """An internal name taken apart: `levels` are internal still. `owner` is the user whose mailbox it is
    (with its domain), None for shared ones; `folder` the levels below the user's INBOX, or all levels of a
    shared one. `deleted_at`, in seconds since the epoch, None unless it is deleted."""

    domain: str | None
    owner: str | None
    folder: tuple[str, ...]
    levels: tuple[str, ...]
    deleted_at: int | None


def decoded(level: str) -> str:
    """One level, or more, out of modified UTF-7; a part that is not proper UTF-7 stays as it is written."""
    return _SHIFTED.sub(_shifted, level) if "&" in level else level


def _shifted(found: object) -> str:
    whole, inner = str(found[0]), str(found[1])  # type: ignore[index]
    if not inner:
        return "&"
    try:
        raw = binascii.a2b_base64(inner.replace(",", "/") + "=" * (-len(inner) % 4))
        text = raw.decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        return whole
    # A letter that needs no shift stays: no encoder writes it so, and two names must not look like one.
    return text if _encode_shifted(text) == whole and not (text.isascii() and text.isprintable()) else whole


def _encode_shifted(text: str) -> str:
    raw = text.encode("utf-16-be", "surrogatepass")
    return "&" + binascii.b2a_base64(raw, newline=False).rstrip(b"=").decode().replace("/", ",") + "-"


def encoded(text: str) -> str:
    """`text` in modified UTF-7."""
    if text.isascii() and text.isprintable() and "&" not in text:
        return text
    return _UNPRINTABLE.sub(lambda found: "&-" if found[0] == "&" else _encode_shifted(found[0]), text)


def parts(name: str, namespace: Namespace) -> Parts:
    """What an internal name consists of."""
    domain, mark, rest = name.partition("!") if namespace.domains else ("", "", name)
    if not mark:
        domain, rest = "", name
    levels = tuple(rest.split("."))
    below, deleted_at = levels, None
    prefix = namespace.deleted_prefix
    if (
        prefix
        and len(levels) > 2
        and ".".join(levels[:-1]).startswith(f"{prefix}.")
        and _STAMP.fullmatch(levels[-1])
    ):
        deleted_at = int(levels[-1][:8], 16)
        below = levels[prefix.count(".") + 1 : -1]
    owner = None
    folder = below
    if len(below) > 1 and below[0] == "user":
        owner = _dots(below[1], namespace) + (f"@{domain}" if domain else "")
        folder = below[2:]
    return Parts(domain or None, owner, folder, levels, deleted_at)


def _dots(level: str, namespace: Namespace) -> str:
    return level.replace("^", ".") if namespace.unixhierarchysep else level


def shown_level(level: str, namespace: Namespace) -> str:
    """One level as people see it, inert."""
    return inert(decoded(_dots(level, namespace)))


def shown(name: str, namespace: Namespace) -> str:
    """The name as administrators write it, decoded and inert: user/jean.dupont/Été@example.net."""
    found = parts(name, namespace)
    text = namespace.separator.join(shown_level(level, namespace) for level in found.levels)
    return f"{text}@{inert(found.domain)}" if found.domain else text


def as_owner(name: str, namespace: Namespace) -> str:
    """The name as its owner's mail program has it (INBOX/Sent, or Sent under altnamespace), inert; one of
    nobody as everybody has it."""
    found = parts(name, namespace)
    levels = [shown_level(level, namespace) for level in found.folder]
    if found.owner is None:
        return namespace.separator.join(
            [namespace.shared_prefix, *levels] if namespace.altnamespace else levels
        )
    if not levels:
        return "INBOX"
    return namespace.separator.join(levels if namespace.altnamespace else ["INBOX", *levels])


def internal(text: str, namespace: Namespace) -> str:
    """The internal name of what an administrator writes, decoded or in UTF-7; an internal one is left as it
    is unless unixhierarchysep makes a difference."""
    rest, mark, domain = text.rpartition("@")
    if not mark or "/" in domain or not rest:
        rest, domain = text, ""
    # What is in UTF-7 already has no other characters than ASCII, and every & in it begins a shift.
    levels = rest if not _LONE_AND.search(rest) else encoded(rest)
    if namespace.unixhierarchysep and "/" in levels:
        levels = levels.replace(".", "^").replace("/", ".")
    return f"{domain}!{levels}" if domain else levels
