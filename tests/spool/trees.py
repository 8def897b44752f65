"""Trees of directories and files for the tests of layouts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cyrtui.config.imapd_conf import parse_imapd_conf
from cyrtui.errors import FileMissing
from cyrtui.spool.layout import SpoolLayout, layout_of


def layout(text: str, *, modern_names: bool = False) -> SpoolLayout:
    """The layout of an imapd.conf; configdirectory and the default partition are there already."""
    before = (
        "configdirectory: /var/lib/cyrus\ndefaultpartition: default\npartition-default: /var/spool/mail\n"
    )

    def read(path: str) -> bytes:
        if path != "/etc/imapd.conf":
            raise FileMissing(path, f"{path} does not exist.")
        return (before + text).encode()

    return layout_of(parse_imapd_conf(read, "/etc/imapd.conf"), modern_names=modern_names)


def fill(root: Path, files: Iterable[str]) -> Path:
    """Empty files below `root`; what ends in a slash is a directory."""
    for name in files:
        path = root / name.lstrip("/")
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root
