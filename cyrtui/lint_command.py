"""`cyrtui lint`: what is wrong in cyrus.conf and imapd.conf, as lines of a compiler or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, TextIO

from cyrtui.config.finding import Finding
from cyrtui.config.installed import installed_version
from cyrtui.config.lint import lint
from cyrtui.host.protocol import Host
from cyrtui.settings import Settings

CLEAN: Final = 0
WARNINGS: Final = 1
ERRORS: Final = 2


def lint_files(
    host: Host,
    settings: Settings,
    paths: Sequence[str],
    version: str | None,
    *,
    json_wanted: bool,
    out: TextIO,
    words: TextIO,
) -> int:
    """Lint the files, or the two that are configured; the exit status: 0 clean, 1 warnings, 2 errors.

    Files given together are one configuration. Advice alone is clean. Raises `FileUnreadable`.
    """
    cyrus_conf, imapd_conf = settings.path("cyrus_conf"), settings.path("imapd_conf")
    files = {path: host.read(path) for path in paths or (cyrus_conf, imapd_conf)}
    found = lint(files, host, version=version, cyrus_conf=cyrus_conf, imapd_conf=imapd_conf)
    for one in found:
        out.write(_json(one) if json_wanted else f"{one} {one.remedy}".rstrip() + "\n")
    for sentence in _unsaid(host, version or installed_version(host)):
        print(f"cyrtui: {sentence}", file=words)
    gravity = min((one.gravity for one in found), default=ERRORS)
    return {0: ERRORS, 1: WARNINGS}.get(gravity, CLEAN)


def _unsaid(host: Host, version: str | None) -> list[str]:
    """What this lint could not look at, so that nobody takes its silence for an answer."""
    found = []
    if version is None:
        found.append(
            "The version of Cyrus is not known, so that only what holds for every version is said; "
            "--for 3.6.1 names it."
        )
    if host.name.kind == "tree":
        found.append(
            "In a copied tree a path is checked only where its directory was copied too; permissions are not."
        )
    if host.name.kind == "recording":
        found.append("In a recording paths, permissions and certificates cannot be checked.")
    return found


def _json(one: Finding) -> str:
    return (
        json.dumps(
            {
                "file": one.file,
                "line": one.line,
                "severity": one.severity,
                "code": one.code,
                "sentence": one.sentence,
                "remedy": one.remedy,
            },
            ensure_ascii=False,
        )
        + "\n"
    )
