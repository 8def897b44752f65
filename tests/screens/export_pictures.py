"""The README's pictures: Textual's own screenshots of the demo, as PNG.

python -m tests.screens.export_pictures
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import cairosvg

from .recorded import console_app, until

FOLDER = Path(__file__).parent / "pictures"
MOMENT = 75.0
_FONTS = re.compile(r"@font-face\s*\{[^}]*\}")


async def export(name: str, *keys: str, size: tuple[int, int] = (100, 30)) -> None:
    """The screen after some keys, as a PNG file in the folder of pictures."""
    async with console_app(MOMENT, size) as (app, pilot):
        for key in keys:
            await pilot.press(key)
            await until(pilot, lambda: True)
        await asyncio.sleep(0.5)
        svg = _FONTS.sub("", app.export_screenshot(title="cyrtui demo"))
    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    cairosvg.svg2png(svg.encode(), write_to=str(FOLDER / f"{name}.png"), output_width=1100)


async def main() -> None:
    await export("overview")
    await export("logins", "2", "x", "down", "down", "enter")
    await export("logs", "3")


if __name__ == "__main__":
    asyncio.run(main())
