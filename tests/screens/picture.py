"""What stands on the glass, as text that can be kept in a file and read in a difference.

First the lines of the screen, then for each line the pieces whose style is not the line's commonest one.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest
from rich.style import Style
from textual.app import App

FOLDER = Path(__file__).parent / "pictures"


def picture(app: App[int]) -> str:
    """The screen in front, with everything painted."""
    strips = app.screen._compositor.render_strips()
    lines = [strip.text.rstrip() for strip in strips]
    marks: list[str] = []
    for number, strip in enumerate(strips):
        at = 0
        for text, style, _ in strip:
            described = _describe(style)
            if described and text.strip():
                marks.append(
                    f"{number:>2} {at:>3}-{at + len(text.rstrip()):<3} {described}: {text.strip()[:24]}"
                )
            at += len(text)
    return "\n".join((*lines, "-- styles --", *marks)) + "\n"


def _describe(style: Style | None) -> str:
    """What an admin would notice: emphasis and signal colours, not the shade of the background."""
    if style is None:
        return ""
    words = [name for name in ("bold", "reverse", "underline") if getattr(style, name)]
    if style.color is not None and style.color.triplet is not None:
        red, green, blue = style.color.triplet
        if max(red, green, blue) - min(red, green, blue) > 40:
            words.append(
                "reddish"
                if red > green + 30 and red > blue + 30
                else "greenish"
                if green > red + 20 and green >= blue
                else "yellowish"
                if min(red, green) > blue + 40
                else "bluish"
            )
    return " ".join(words)


def same_as_kept(name: str, now: str) -> None:
    """Fail unless the picture kept as `name` is this one. CYRTUI_KEEP_PICTURES=1 keeps new ones instead."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("CYRTUI_KEEP_PICTURES") == "1":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
        return
    if not path.exists():
        pytest.fail(f"there is no picture {name}; keep one with CYRTUI_KEEP_PICTURES=1 and look at it")
    kept = path.read_text(encoding="utf-8")
    if now != kept:
        difference = difflib.unified_diff(kept.splitlines(), now.splitlines(), "kept", "now", lineterm="")
        pytest.fail(f"the picture {name} has changed:\n" + "\n".join(difference))
