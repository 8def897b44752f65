"""Text from outside, made harmless to look at.

Log lines, mailbox names, banners and file contents may hold terminal escapes; whoever tries to log in
chooses the user name that imapd logs. Everything that enters the core as text passes through here once.
Nothing is dropped: what a terminal would obey is replaced by something that can be seen.

C0 controls become their control pictures (U+2400 and up), DEL U+2421; C1 controls, the bidirectional
overrides, line and paragraph separators and lone surrogates become `\\u{..}`; bytes that are not UTF-8
become `\\xNN`.
Markup needs no change here: the screens never parse text as markup.
"""

from __future__ import annotations

from typing import Final

from cyrtui.pattern import pattern

_PICTURES: Final = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
# First and last of each span of characters that are spelled out.
LIVE_SPANS: Final = (
    (0x80, 0x9F),
    (0xAD, 0xAD),
    (0x61C, 0x61C),
    (0x180E, 0x180E),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0xE0000, 0xE007F),
)
_TABLE: Final = _PICTURES | {
    code: f"\\u{{{code:02x}}}" for first, last in LIVE_SPANS for code in range(first, last + 1)
}
# By its spans: spelled out one by one it would take as long to compile as a small module to load.
_LIVE: Final = pattern(
    "[\0-\x1f\x7f" + "".join(f"{chr(first)}-{chr(last)}" for first, last in LIVE_SPANS) + "]"
)


def inert(value: bytes | str, *, keep: str = "") -> str:
    """The text of `value` with everything live made visible; characters in `keep` (such as a tab) stay.

    Bytes are read as UTF-8; what is not UTF-8 shows as `\\xNN`. Never raises.
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if text.isascii() and text.isprintable():
        return text
    if not _LIVE.search(text):
        return text
    if keep:
        return _LIVE.sub(lambda found: found[0] if found[0] in keep else _TABLE[ord(found[0])], text)
    return text.translate(_TABLE)
