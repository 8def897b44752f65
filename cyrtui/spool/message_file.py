"""A message's file: its header fields, decoded and made inert.

From, Subject and Date mostly stand in the first KiB or two; the reader takes what it is given, cut off or
not.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cyrtui.inert import inert

# What is worth reading of a file for a list; and what a header may have at most before it is cut.
LIST_BYTES: Final = 4096
HEADER_LIMIT: Final = 256 << 10
_FIELDS: Final = ("from", "subject", "date")


class MessageHeaders(NamedTuple):
    """The header fields in their order, as (name, value), decoded, inert and on one line each; `whole` False
    when the blank line behind them is not in the data; `body_at` the byte where the body begins, then."""

    fields: tuple[tuple[str, str], ...]
    whole: bool
    body_at: int

    def get(self, name: str) -> str | None:
        """The first field of that name."""
        wanted = name.lower()
        return next((value for field, value in self.fields if field.lower() == wanted), None)

    @property
    def sent(self) -> float | None:
        """The Date field in seconds since the epoch, None where it is missing or none."""
        from email.utils import mktime_tz, parsedate_tz

        try:
            taken = parsedate_tz(self.get("date") or "")
            return None if taken is None else float(mktime_tz(taken))
        except (ValueError, OverflowError, IndexError, TypeError):
            return None


def read_headers(data: bytes, *, only: tuple[str, ...] | None = None) -> MessageHeaders:
    """The header fields that `data` begins with; `only` these (lower case), or all. Never raises."""
    data = data[:HEADER_LIMIT]
    end, body_at, whole = _end(data)
    fields: list[tuple[str, str]] = []
    for line in _unfolded(data[:end]):
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            # An mbox "From " line, or what is no header: shown, not lost, where all fields are wanted.
            if only is None and line.strip():
                fields.append(("", inert(line.strip())))
            continue
        field = name.decode("ascii", "backslashreplace")
        if only is None or field.lower() in only:
            fields.append((inert(field), _decoded(value.strip())))
    return MessageHeaders(tuple(fields), whole, body_at)


def for_list(data: bytes) -> MessageHeaders:
    """From, Subject and Date of the message that `data` begins with. Never raises."""
    return read_headers(data, only=_FIELDS)


def _end(data: bytes) -> tuple[int, int, bool]:
    """Where the fields end, where the body begins, and whether the blank line is there."""
    if data.startswith((b"\r\n", b"\n")):
        return 0, data.index(b"\n") + 1, True
    ends = [(at, at + len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    if ends:
        at, behind = min(ends)
        return at, behind, True
    # A field that was cut off may say something else than it does: it is left out.
    last = max(data.rfind(b"\n"), 0)
    while last and data[last + 1 : last + 2] in {b" ", b"\t"}:
        last = max(data.rfind(b"\n", 0, last), 0)
    return last, len(data), False


def _unfolded(data: bytes) -> list[bytes]:
    lines: list[bytearray] = []
    for line in data.split(b"\n"):
        text = line.removesuffix(b"\r")
        if lines and text[:1] in {b" ", b"\t"}:
            lines[-1] += b" " + text.strip()
        else:
            lines.append(bytearray(text))
    return [bytes(line) for line in lines]


def _decoded(value: bytes) -> str:
    text = value.decode("utf-8", "backslashreplace")
    if "=?" not in text:
        return inert(text)
    from email.errors import MessageError
    from email.header import decode_header, make_header

    try:
        return inert(str(make_header(decode_header(text))))
    except (MessageError, LookupError, ValueError, TypeError, AssertionError):
        # A charset that nobody knows, or bytes that are not of it: as it is written.
        return inert(text)
