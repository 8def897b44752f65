"""The second wall: no control character reaches the terminal from the text of a widget.

The first wall is cyrtui.inert, where text enters the core. Textual itself strips nothing, so whatever a
widget was given by mistake is caught here, on the way to the glass.

Textual 8.2.8 keeps its filters in the private list `App._filters`, which `App.get_line_filters()` reads for
every line that is rendered; `InertFilter` belongs at its end. Textual is pinned for this, among other things.
"""

from __future__ import annotations

import re
from typing import Final

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_REPLACEMENT: Final = "\ufffd"
_TABLE: Final[dict[int, str]] = {code: chr(0x2400 + code) for code in range(0x20)} | {
    code: _REPLACEMENT
    for span in (
        range(0x7F, 0xA0),  # DEL and the C1 controls
        range(0x2028, 0x202F),  # line and paragraph separators, bidirectional overrides
        range(0x2066, 0x206A),  # bidirectional isolates
        range(0xD800, 0xE000),  # lone surrogates, which no terminal encoding can carry
    )
    for code in span
}
_LIVE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def tame(text: str) -> str:
    """`text` with C0 controls as their pictures (U+2400 and up) and other live characters as U+FFFD."""
    if text.isprintable() or not _LIVE.search(text):
        return text
    return text.translate(_TABLE)


class InertFilter(LineFilter):
    """Makes control characters in every segment visible and harmless. Widths of cells stay Textual's."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, tamed; the same list when there was nothing to tame. `background` plays no part."""
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [Segment(tame(text), style) for text, style, _ in segments]
