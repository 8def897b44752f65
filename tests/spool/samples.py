"""The spools of real servers, kept beside what these servers themselves said of them."""

from __future__ import annotations

import gzip
import json
import re
import tarfile
from functools import cache
from pathlib import Path

RECORDINGS = Path(__file__).parent.parent / "recordings"
VERSIONS = ("2.2.13", "3.12.3")


@cache
def files(version: str) -> dict[str, bytes]:
    """Every file of the spool of that version by its path from the root, without a leading slash."""
    found: dict[str, bytes] = {}
    with tarfile.open(RECORDINGS / f"cyrus-{version}-spool" / "root.tar.gz") as archive:
        for member in archive:
            # A hard link (one message in two mailboxes) reads as what it links to.
            if (stream := archive.extractfile(member) if not member.isdir() else None) is not None:
                found[member.name.removeprefix("./")] = stream.read()
    return found


def named(version: str, name: str) -> dict[str, bytes]:
    """The files called `name` of that version, by their directory."""
    return {
        path.rpartition("/")[0]: data for path, data in files(version).items() if path.endswith(f"/{name}")
    }


def text(version: str, name: str) -> str:
    """What the server's own tool said: quota.txt, mboxlist.txt, mbexamine.txt, ..."""
    kept = RECORDINGS / f"cyrus-{version}-spool" / name
    return (
        kept.read_text("utf-8")
        if kept.exists()
        else gzip.decompress(Path(f"{kept}.gz").read_bytes()).decode()
    )


@cache
def examined(version: str) -> dict[str, str]:
    """What mbexamine printed of each mailbox, by the mailbox's directory."""
    parts = text(version, "mbexamine.txt").split("Examining ")[1:]
    found = (re.search(r"Path to mailbox: /(.+)", part) for part in parts)
    return {match[1]: part for match, part in zip(found, parts, strict=True) if match}


def statuses(version: str) -> dict[tuple[str, str], dict[str, int]]:
    """What IMAP STATUS said, by (user, the mailbox's name as the client wrote it)."""
    truth = json.loads(text(version, "truth.json"))
    found: dict[tuple[str, str], dict[str, int]] = {}
    for user, said in truth.items():
        for name, line in said.get("status", {}).items():
            words = line[line.rindex("(") + 1 : -1].split()
            found[user, name] = {key: int(value) for key, value in zip(words[::2], words[1::2], strict=True)}
    return found
