"""A configuration file as text that can be edited, and back: byte for byte where nothing was typed.

An editor splits lines at every character that Python takes for a line's end, and a terminal obeys control
characters. So whatever is neither a plain character, a tab nor a line feed is held byte by byte: byte B as
the private character U+F0000 + B. Where each line ends in CR LF, the CR are taken out and put back.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from cyrtui.inert import LIVE_SPANS

_HELD: Final = 0xF0000
_PRIVATE: Final = (0xF0000, 0xFFFFD)
_UNSHOWN: Final = re.compile(
    "[\0-\x08\x0b-\x1f\x7f"
    + "".join(f"{chr(first)}-{chr(last)}" for first, last in (*LIVE_SPANS, _PRIVATE))
    + "]"
)
_BYTES: Final = re.compile(f"[{chr(_HELD)}-{chr(_HELD + 0xFF)}]+")


class SheetText(NamedTuple):
    """A file as text; `crlf` tells that each line ended in CR LF."""

    text: str
    crlf: bool


def to_text(data: bytes) -> SheetText:
    """The text to edit. Never raises."""
    crlf = b"\r\n" in data and data.count(b"\n") == data.count(b"\r\n")
    if crlf:
        data = data.replace(b"\r\n", b"\n")
    return SheetText(_UNSHOWN.sub(_hold, data.decode("utf-8", "surrogateescape")), crlf)


def to_bytes(text: str, *, crlf: bool = False) -> bytes:
    """The file's bytes; `to_text(to_bytes(text))` is the text again."""
    pieces: list[bytes] = []
    at = 0
    for held in _BYTES.finditer(text):
        pieces += [text[at : held.start()].encode("utf-8", "surrogatepass")]
        pieces += [bytes(ord(one) - _HELD for one in held[0])]
        at = held.end()
    data = b"".join([*pieces, text[at:].encode("utf-8", "surrogatepass")])
    return data.replace(b"\n", b"\r\n") if crlf else data


def typed(text: str) -> str:
    """What was pasted, as it may stand in the text: line ends become line feeds, what is live is held."""
    joined = text.replace("\r\n", "\n").replace("\r", "\n")
    return to_text(joined.encode("utf-8", "surrogatepass")).text


def _hold(found: re.Match[str]) -> str:
    return "".join(chr(_HELD + byte) for byte in found[0].encode("utf-8", "surrogateescape"))


def on_glass(text: str) -> str:
    """A line with a character that can be looked at in the place of each that cannot: as long as before."""
    if text.isascii() and text.isprintable():
        return text
    return _BYTES.sub(lambda found: "".join(map(_picture, found[0])), text)


def _picture(held: str) -> str:
    byte = ord(held) - _HELD
    return chr(0x2400 + byte) if byte < 0x20 else "\u2421" if byte == 0x7F else "\ufffd"
