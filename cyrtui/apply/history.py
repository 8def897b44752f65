"""The record of applied edits: one JSON object a line in history.jsonl, for its owner only.

    {"id","time","who":{"user","login","origin"},"path","target","need","result","sentence","lines",
     "backup","diff","before","after"}

`time` is in seconds since the epoch, `diff` has no password in it, `before` and `after` are SHA-256 digests.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from typing import Final

from cyrtui.access import Gate
from cyrtui.apply.original import digest_of
from cyrtui.apply.state import Order, Who, state_directory
from cyrtui.errors import AccessDenied, CyrtuiError, FileMissing
from cyrtui.host.local import read_regular
from cyrtui.inert import inert
from cyrtui.settings import Settings

HISTORY: Final = "history.jsonl"
_LARGEST: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class AppliedEdit:
    """One edit that was made. `result` is one of `events.Result`; `diff` are lines, passwords masked."""

    id: str
    time: float
    who: Who
    path: str
    target: str
    need: str
    result: str
    sentence: str
    lines: tuple[str, ...]
    backup: str | None
    diff: tuple[str, ...]
    before: str
    after: str


def record(
    gate: Gate,
    place: str,
    order: Order,
    result: str,
    sentence: str,
    lines: tuple[str, ...],
    backup: str | None,
) -> None:
    """Write an edit down. A record that cannot be written does not stop anything: syslog has it too."""
    edit = AppliedEdit(
        order.id,
        order.time,
        order.who,
        order.path,
        order.target,
        order.need,
        result,
        sentence,
        tuple(inert(line) for line in lines),
        backup,
        order.diff,
        digest_of(order.original),
        digest_of(order.candidate),
    )
    with contextlib.suppress(AccessDenied):
        gate.append(f"{os.path.dirname(place)}/{HISTORY}", json.dumps(asdict(edit)).encode() + b"\n")


def applied_edits(settings: Settings) -> tuple[AppliedEdit, ...]:
    """All edits that were made, newest first; none where nothing was recorded. Raises `FileUnreadable`."""
    path = f"{state_directory(settings)}/{HISTORY}"
    try:
        data = read_regular(path, path, _LARGEST)
    except FileMissing:
        return ()
    # one that was cut off right behind its record is brought to its end, and recorded, once more
    found = {edit.id: edit for line in data.splitlines() if (edit := _edit(line)) is not None}
    return tuple(reversed(found.values()))


def text_before(edit: AppliedEdit) -> bytes:
    """The file as it was before an edit, from its backup: the candidate of an apply that takes it back.

    Raises `FileUnreadable` where the backup is gone, and `CyrtuiError` where it has other bytes by now.
    """
    if edit.backup is None:
        raise CyrtuiError("No backup was made of this edit: the file was not replaced.")
    data = read_regular(edit.backup, edit.backup, _LARGEST)
    if digest_of(data) != edit.before:
        raise CyrtuiError(f"{inert(edit.backup)} was changed since it was made: it is not what stood there.")
    return data


def _edit(line: bytes) -> AppliedEdit | None:
    """One line; None for what is cut short, or written by nobody of ours."""
    try:
        data = json.loads(line)
        data["who"] = Who(**data["who"])
        data["lines"], data["diff"] = tuple(data["lines"]), tuple(data["diff"])
        return AppliedEdit(**data)
    except (ValueError, TypeError, KeyError):
        return None
