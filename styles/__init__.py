"""The console's style sheets, one a screen and one for the application."""

from pathlib import Path

STYLES = Path(__file__).parent
