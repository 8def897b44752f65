"""One line of a log, taken apart as far as every line can be."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class LogRole(StrEnum):
    """What a log is read for. One file may serve several roles."""

    MAIL = "mail"
    AUTH = "auth"
    SLAPD = "slapd"


class Record(NamedTuple):
    """A line with its stamp and its ident.

    `time` is in seconds since the epoch; `whole_seconds` tells that the stamp had no fraction, so that the
    event lies in [time, time + 1). `ident` is what stands before `[pid]` (such as `cyrus/imap`), `text` what
    follows `: `, both inert (see cyrtui.inert). A line that has no stamp or ident of its own has `parsed`
    False, its whole text in `text`, and the time of the line before it. `path` and `offset` (bytes) say
    where the line starts; `end` is the offset of the line after it.
    """

    role: LogRole
    time: float
    whole_seconds: bool
    host: str
    ident: str
    pid: int | None
    text: str
    path: str
    offset: int
    end: int
    parsed: bool = True
