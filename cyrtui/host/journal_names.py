"""How the systemd journal is named where a log's path is asked for, and where its files lie."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "journal:"
DIRECTORIES: Final = ("/var/log/journal", "/run/log/journal")


def is_journal(path: str) -> bool:
    """Whether a path stands for the journal."""
    return path.startswith(PREFIX)
