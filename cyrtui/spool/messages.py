"""The messages of one mailbox, newest last, with what their own header fields say.

The list comes from cyrus.index; From, Subject and Date from the first bytes of each file, read when it is
looked at. Bodies are private: they are read only on demand, and only where the run has a gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from cyrtui.access import Gate, require
from cyrtui.errors import CyrtuiError, FileMissing
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.spool.mailbox import Mailbox
from cyrtui.spool.mailbox_index import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    IndexRecord,
    read_index_header,
    read_records,
)
from cyrtui.spool.message_file import HEADER_LIMIT, LIST_BYTES, for_list, read_headers

_INDEX_LIMIT: Final = 1 << 30
_BODY_LIMIT: Final = 1 << 20
_MARKS: Final = (
    (FLAGGED, "F", "flagged"),
    (ANSWERED, "A", "answered"),
    (DRAFT, "D", "draft"),
    (DELETED, "T", "marked deleted"),
)


class MessageLine(NamedTuple):
    """One message of the index; sizes in bytes, `date` (of its arrival) in seconds since the epoch. `marks`:
    F flagged, A answered, D draft, T marked deleted; `seen` None before 2.4."""

    uid: int
    date: int
    size: int
    marks: str
    seen: bool | None
    intact: bool


class MessageFields(NamedTuple):
    """What the message's own header says, inert; `missing` where the file is not there or not readable."""

    sender: str
    subject: str
    sent: float | None
    missing: str | None = None


class MessageText(NamedTuple):
    """The header fields, or the body, of one message as lines to show; `cut` where there is more than is
    shown."""

    uid: int
    lines: tuple[tuple[str, str], ...]
    cut: bool


def list_messages(host: Host, mailbox: Mailbox) -> tuple[MessageLine, ...]:
    """The messages that clients see, the newest first; in a worker. Raises `CyrtuiError`."""
    data = host.read(mailbox.index_path, _INDEX_LIMIT)
    found = [_line(one) for one in read_records(data, read_index_header(data)) if not one.expunged]
    found.reverse()
    return tuple(found)


def _line(one: IndexRecord) -> MessageLine:
    marks = "".join(letter for bit, letter, _ in _MARKS if one.flags & bit)
    return MessageLine(one.uid, one.internal_date, one.size, marks, one.seen, one.intact)


def read_fields(
    host: Host, mailbox: Mailbox, uids: Iterable[int], cancelled: Callable[[], bool]
) -> dict[int, MessageFields]:
    """From, Subject and Date of these messages; in a worker."""
    found: dict[int, MessageFields] = {}
    for uid in uids:
        if cancelled():
            break
        try:
            headers = for_list(_head(host, mailbox, uid, LIST_BYTES))
            if not headers.whole and (headers.get("from") is None or headers.get("subject") is None):
                # long chains of Received stand before them
                headers = for_list(_head(host, mailbox, uid, HEADER_LIMIT))
        except CyrtuiError as error:
            words = "its file is not there" if isinstance(error, FileMissing) else "its file is not readable"
            found[uid] = MessageFields("", "", None, words)
            continue
        found[uid] = MessageFields(headers.get("from") or "", headers.get("subject") or "", headers.sent)
    return found


def _head(host: Host, mailbox: Mailbox, uid: int, length: int) -> bytes:
    try:
        return host.read_head(f"{mailbox.directory}/{uid}.", length)
    except FileMissing:
        if mailbox.archive is None:
            raise
        return host.read_head(f"{mailbox.archive}/{uid}.", length)


def message_headers(host: Host, mailbox: Mailbox, uid: int) -> MessageText:
    """All header fields of one message; in a worker. Raises `FileUnreadable`."""
    headers = read_headers(_head(host, mailbox, uid, HEADER_LIMIT))
    return MessageText(uid, headers.fields, not headers.whole)


def message_body(host: Host, mailbox: Mailbox, uid: int, gate: Gate | None) -> MessageText:
    """The body of one message as it is in the file, inert; in a worker, and only because somebody asked for
    it.

    Raises `AccessDenied` in a read-only run, `FileUnreadable`.
    """
    require(gate, "Reading the body of a message").audit(
        f"read the body of {inert(mailbox.directory)}/{uid}."
    )
    data = _head(host, mailbox, uid, HEADER_LIMIT + _BODY_LIMIT)
    body = data[read_headers(data).body_at :]
    lines = body[:_BODY_LIMIT].decode("utf-8", "backslashreplace").split("\n")
    return MessageText(
        uid, tuple(("", inert(line.rstrip("\r"), keep="\t")) for line in lines), len(body) >= _BODY_LIMIT
    )
