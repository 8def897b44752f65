"""Whether a path is certain to be missing on a host."""

from __future__ import annotations

import os

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.facts import FileFacts
from cyrtui.host.protocol import Host


def facts_of(host: Host, path: str) -> FileFacts | None:
    """What stat says; None where it is missing or cannot be looked at."""
    try:
        return host.stat(path)
    except FileUnreadable:
        return None


def is_missing(host: Host, path: str) -> bool:
    """Whether a path is not there for certain.

    A recording holds few files, so that nothing can be said of the others; a copied tree tells of a path only
    where it has the directory that the path should be in.
    """
    if host.name.kind == "recording":
        return False
    try:
        host.stat(path)
    except FileMissing:
        if host.name.kind == "local":
            return True
        try:
            host.listdir(os.path.dirname(path) or "/")
        except FileUnreadable:
            return False
        return True
    except FileUnreadable:
        return False
    return False
