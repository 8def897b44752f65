"""What must stand in the environment before Textual is imported, because it reads it only then.

Nothing here imports Textual. `quiet_textual()` runs before the first `import textual`; the package of the
screens calls it, so that no module of theirs can come first.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Final

# Variables of Textual that only say how a terminal is spoken to. All others can make it write files, load
# code, type keys or open a debugging port, and a console may be someone's only command over SSH.
_HARMLESS: Final = frozenset({"TEXTUAL_COLOR_SYSTEM", "TEXTUAL_DISABLE_KITTY_KEY"})

# Motion is paid for by the byte; 30 pictures a second are as many as a hand on the keyboard needs.
_DEFAULTS: Final = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_FPS": "30", "TEXTUAL_SMOOTH_SCROLL": "0"}


def quiet_textual(environ: MutableMapping[str, str] | None = None) -> None:
    """Take every TEXTUAL* variable that is not harmless out of `environ`, and set the lean defaults."""
    variables = os.environ if environ is None else environ
    for name in [name for name in variables if name.startswith("TEXTUAL") and name not in _HARMLESS]:
        del variables[name]
    variables.update(_DEFAULTS)
