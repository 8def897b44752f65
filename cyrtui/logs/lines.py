"""One line of a log, as bytes, made into a `Record`.

The header is the one of rsyslog's file formats (RFC 3164 section 4.1, RSYSLOG_FileFormat) or of RFC 5424
section 6; where a daemon writes its file itself there may be no host. The tag is taken whole: rsyslog's
`programname` would cut `cyrus/imap` at the slash. `#012` and its like, which rsyslog writes for control
characters, stay as they are.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cyrtui.inert import inert
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.stamps import Stamp, StampClock
from cyrtui.pattern import pattern

TEXT_CAP: Final = 64 << 10
"""Bytes of a line that are read and shown; the rest is counted."""

_TAG: Final = pattern(rb"([^\s\[\]:]{1,128})(?:\[(\d{1,10})\])?:(?: |\Z)")
_HOST: Final = pattern(rb"(\S{1,255}) +")
_FIELDS: Final = pattern(
    rb"(\S{1,255}) (\S{1,128}) (\S{1,128}) (\S{1,64}) "
    rb'(?:-|(?:\[(?:[^\]\\"]|\\.|"(?:[^"\\]|\\.)*")*\])+)(?: (?:\xef\xbb\xbf)?|\Z)'
)


class Header(NamedTuple):
    """What stands before the text: `text_at` is where the text begins, in bytes."""

    stamp: Stamp
    host: bytes
    ident: bytes
    pid: int | None
    text_at: int


def read_header(line: bytes, clock: StampClock) -> Header | None:
    """The header of a line, or None if it has no stamp or no ident."""
    stamp = clock.stamp(line)
    if stamp is None:
        return None
    if stamp.bare:
        return Header(stamp, b"", b"slapd", None, stamp.length)
    if stamp.syslog5424:
        return _fields(line, stamp)
    begin, host = stamp.length, b""
    tag = _TAG.match(line, begin)
    if tag is None and (found := _HOST.match(line, begin)) is not None:
        host = found[1]
        tag = _TAG.match(line, found.end())
    if tag is None:
        return None
    pid = int(tag[2]) if tag[2] is not None else None
    return Header(stamp, host, tag[1], pid, tag.end())


def _fields(line: bytes, stamp: Stamp) -> Header | None:
    found = _FIELDS.match(line, stamp.length)
    if found is None:
        return None
    host, ident, process = found.group(1, 2, 3)
    pid = int(process) if process.isdigit() and len(process) <= 10 else None
    return Header(stamp, b"" if host == b"-" else host, ident, pid, found.end())


def parse_line(
    raw: bytes,
    *,
    role: LogRole,
    clock: StampClock,
    before: float,
    path: str = "",
    offset: int = 0,
    end: int | None = None,
    length: int | None = None,
) -> Record:
    """The record of one line. Never raises.

    `raw` is the line without its newline, or as much of it as was read; `length` is then how many bytes the
    line has. What exceeds `TEXT_CAP` is left out, and the text says how many bytes that is. `before` is the
    time of the line before it, in seconds since the epoch, for a line without a stamp.
    """
    length = len(raw) if length is None else length
    end = offset + length + 1 if end is None else end
    if length > TEXT_CAP:
        raw = _cut(raw[:TEXT_CAP])
    note = f" [{length - len(raw):,} more bytes are not shown]" if length > len(raw) else ""
    header = read_header(raw, clock)
    if header is None:
        stamp = clock.stamp(raw)
        time, whole = (stamp.time, stamp.whole_seconds) if stamp is not None else (before, True)
        return Record(role, time, whole, "", "", None, inert(raw) + note, path, offset, end, parsed=False)
    return Record(
        role,
        header.stamp.time,
        header.stamp.whole_seconds,
        inert(header.host),
        inert(header.ident),
        header.pid,
        inert(raw[header.text_at :]) + note,
        path,
        offset,
        end,
    )


def _cut(raw: bytes) -> bytes:
    """`raw` without the beginning of a UTF-8 character whose end has been cut off."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte & 0xC0 != 0x80:
            needed = 1 if byte < 0x80 else 2 if byte >> 5 == 6 else 3 if byte >> 4 == 14 else 4
            return raw[:-back] if needed > back and byte >= 0xC0 else raw
    return raw
