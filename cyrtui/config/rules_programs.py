"""Whether the programs of cyrus.conf are there: get_prog and verify_service_file of master/master.c."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Final

from cyrtui.config.cyrus_entries import Entry
from cyrtui.config.finding import Finding
from cyrtui.config.installed import program_directory
from cyrtui.config.nearest import nearest
from cyrtui.config.subject import Subject
from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert

_EFFECT: Final = {
    "SERVICES": ("error", "cyrmaster does not start, and dies on SIGHUP"),
    "DAEMON": ("error", "cyrmaster does not start, and dies on SIGHUP"),
    "START": ("error", "cyrmaster does not start"),
    "EVENTS": ("warning", "it never runs, and cyrmaster says so only in the log"),
}


def programs(subject: Subject) -> Iterator[Finding]:
    """Programs that are not there, or cannot be run."""
    conf = subject.cyrus
    if conf is None or subject.host.name.kind == "recording":
        return
    directory = program_directory(subject.host)
    for entry in conf.entries:
        if entry.words and not entry.broken:
            found = _program(subject.host, entry, directory)
            if found is not None:
                severity, effect = _EFFECT[entry.section]
                if entry.section == "START" and subject.before(2, 3):
                    severity, effect = "warning", "it does not run"
                sentence, remedy = found
                yield Finding(
                    conf.path,
                    entry.line,
                    "error" if severity == "error" else "warning",
                    "executable-missing",
                    f"{entry.name}: {sentence}: {effect}.",
                    remedy,
                )


def _program(host: Host, entry: Entry, directory: str | None) -> tuple[str, str] | None:
    """What is wrong with the program of an entry, and what to do; None: nothing is."""
    word = entry.words[0]
    if word.startswith("/"):
        path = word
    elif directory is None:
        return None
    else:
        path = f"{directory}/{word}"
    parent = path.rpartition("/")[0] or "/"
    try:
        facts = host.stat(path)
    except FileMissing:
        return _missing(host, word, path, parent)
    except FileUnreadable:
        return None
    if not stat.S_ISREG(facts.mode) or not facts.mode & stat.S_IXUSR:
        what = "is no program" if stat.S_ISREG(facts.mode) else "is no file"
        return f"{path} {what} that can be run", "Name the program itself."
    return None


def _missing(host: Host, word: str, path: str, parent: str) -> tuple[str, str] | None:
    try:
        names = host.listdir(parent)
    except FileUnreadable:
        if host.name.kind != "local":
            # the tree was copied without it
            return None
        names = ()
    close = nearest(word.rpartition("/")[2], names)
    remedy = f"Did you mean {inert(close)}?" if close else "Write the path of a program that is installed."
    return f"there is no {inert(path)}", remedy
