"""cyrus.index: a mailbox's counters and one record a message.

Big-endian 32-bit words unless said. Minor versions 6 and 7 (2.2), 8 to 10 (2.3), 12 (2.4), 13 (2.5, 3.0),
14 to 17 (3.2 to 3.8) and 19 (3.10, 3.12) are read; others are refused by name, since fields move. From 12 on
header and records end in a CRC32 of what precedes. Source of the format: imap/mailbox.h and mailbox.c.

Nothing here takes a lock: imapd may write while a file is read. A header that fails its CRC is worth reading
a second time before it is called damaged.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Container, Iterator
from typing import Final, NamedTuple, TypeAlias

from cyrtui.spool.damage import RECONSTRUCT, Damaged, UnknownFormat

Bytes: TypeAlias = "bytes | bytearray | memoryview"

# What must be read of a file for its header.
HEADER_LIMIT: Final = 160
HEADER_SIZES: Final = {
    6: 76,
    7: 76,
    8: 92,
    9: 96,
    10: 96,
    12: 128,
    13: 128,
    14: 160,
    15: 160,
    16: 160,
    17: 160,
    19: 160,
}
RECORD_SIZES: Final = {
    6: 60,
    7: 72,
    8: 80,
    9: 80,
    10: 88,
    12: 96,
    13: 104,
    14: 104,
    15: 104,
    16: 112,
    17: 112,
    19: 112,
}
FIRST_WITH_CRC: Final = 12
# A record of a foreign size is believed up to here; the known ones have at most 112.
_RECORD_LIMIT: Final = 1024

ANSWERED: Final = 1
FLAGGED: Final = 2
DELETED: Final = 4
DRAFT: Final = 8
SEEN: Final = 16
UNLINKED: Final = 1 << 30
EXPUNGED: Final = 1 << 31
_GONE: Final = UNLINKED | EXPUNGED

_KIND: Final = "cyrus.index"
_FIRST: Final = struct.Struct(">15I")  # bytes 0 to 60
_WORD: Final = struct.Struct(">I")
_LONG: Final = struct.Struct(">Q")
_RECORD: Final = struct.Struct(">4I16x5I")  # uid, internal and sent date, size; at 32 the flags


class IndexHeader(NamedTuple):
    """What the header says; times in seconds since the epoch, sizes in bytes, 0 is never; None where this
    minor version has no such field. `records` counts expunged messages too, `exists` does not."""

    minor_version: int
    generation: int
    start_offset: int
    record_size: int
    records: int
    exists: int
    bytes: int
    unseen: int | None
    last_append: int
    last_uid: int
    uidvalidity: int
    deleted: int
    answered: int
    flagged: int
    options: int
    leaked_cache: int
    pop3_last_login: int
    highest_modseq: int | None
    first_expunged: int | None
    last_repack: int | None
    header_file_crc: int | None
    recent_uid: int | None
    recent_time: int | None
    annotation_bytes: int | None
    deleted_bytes: int | None
    expunged_bytes: int | None
    has_crc: bool

    @property
    def size(self) -> int:
        """Bytes that the whole file has when every record is there."""
        return self.start_offset + self.records * self.record_size


class IndexRecord(NamedTuple):
    """One message: its file is `<uid>.`; `flags` the system's bits, `user_flags` 128 bits by the slots of
    cyrus.header; `seen` by the owner (None before 2.4, where only the seen file knows); `intact` False when
    its CRC fails."""

    uid: int
    internal_date: int
    sent_date: int
    size: int
    flags: int
    user_flags: int
    seen: bool | None
    expunged: bool
    modseq: int | None
    intact: bool


def read_index_header(data: Bytes) -> IndexHeader:
    """The header of the index in `data`, of which the first `HEADER_LIMIT` bytes are enough.

    Raises `UnknownFormat` for a minor version that is not read, `Damaged` for everything else.
    """
    length = len(data)
    if length < 12:
        what = "it is empty" if not length else f"it ends after {length} bytes, inside its header"
        raise Damaged(_KIND, f"byte {length}", what, RECONSTRUCT)
    minor: int = _WORD.unpack_from(data, 8)[0]
    size = HEADER_SIZES.get(minor)
    if size is None:
        raise UnknownFormat(
            _KIND, "byte 8", f"minor version {minor} is none that this program reads (6 to 10, 12 to 17, 19)",
            "a newer cyrtui may read it; `mbexamine` of the server's own Cyrus does",
        )  # fmt: skip
    if length < size:
        raise Damaged(
            _KIND, f"byte {length}", f"it ends inside its header, which has {size} bytes", RECONSTRUCT
        )
    if minor >= FIRST_WITH_CRC:
        written: int = _WORD.unpack_from(data, size - 4)[0]
        if zlib.crc32(data[: size - 4]) != written:
            raise Damaged(
                _KIND, f"byte {size - 4}", "the header's checksum does not fit what it says", RECONSTRUCT
            )
    return _header(data, minor, size)


def _header(data: Bytes, minor: int, size: int) -> IndexHeader:
    first = _FIRST.unpack_from(data)
    generation, _, _, start, record_size, records, last_append, last_uid, _, low, login, validity = first[:12]
    deleted, answered, flagged = first[12:15]
    if start < size:
        raise Damaged(
            _KIND, "byte 12", f"records are said to begin at byte {start}, inside the header", RECONSTRUCT
        )
    if not 60 <= record_size <= _RECORD_LIMIT:
        raise Damaged(_KIND, "byte 16", f"a record is said to have {record_size} bytes", RECONSTRUCT)

    def word(at: int, since: int) -> int | None:
        return int(_WORD.unpack_from(data, at)[0]) if minor >= since else None

    def long(at: int, since: int) -> int | None:
        return int(_LONG.unpack_from(data, at)[0]) if minor >= since else None

    moved = minor >= 19
    exists = word(60 if moved else 84, 12)
    options, leaked = struct.unpack_from(">2I", data, 64 if moved else 60)
    if exists is not None and exists > records:
        raise Damaged(_KIND, "byte 20", f"it counts {exists} messages but {records} records", RECONSTRUCT)
    quota = long(32, 8)
    return IndexHeader(
        minor_version=minor,
        generation=generation,
        start_offset=start,
        record_size=record_size,
        records=records,
        exists=records if exists is None else exists,
        bytes=low if quota is None else quota,
        unseen=word(124, 14),
        last_append=last_append,
        last_uid=last_uid,
        uidvalidity=validity,
        deleted=deleted,
        answered=answered,
        flagged=flagged,
        options=options,
        leaked_cache=leaked,
        pop3_last_login=login,
        highest_modseq=long(72 if moved else 68, 8),
        first_expunged=word(88, 12),
        last_repack=word(92, 12),
        header_file_crc=word(96, 12),
        recent_uid=word(104, 12),
        recent_time=word(108, 12),
        annotation_bytes=word(116, 13),
        deleted_bytes=long(136, 19),
        expunged_bytes=long(144, 19),
        has_crc=minor >= FIRST_WITH_CRC,
    )


def records_there(header: IndexHeader, length: int) -> int:
    """How many of the header's records a file of `length` bytes really holds: fewer when it was cut off."""
    return max(0, min(header.records, (length - header.start_offset) // header.record_size))


def read_records(
    data: Bytes, header: IndexHeader, *, first: int = 0, check: bool = True
) -> Iterator[IndexRecord]:
    """The records in `data`, from the record number `first` on, expunged ones too, in the order of the file.

    Ends where the data end, whatever the header says (`records_there`). Never raises.
    """
    minor, size, at = (
        header.minor_version,
        header.record_size,
        header.start_offset + first * header.record_size,
    )
    checked = check and minor >= FIRST_WITH_CRC
    modseq_at = 80 if minor >= 10 and size >= 88 else 72 if minor in {8, 9} and size >= 80 else None
    knows_seen = minor >= 12
    for _ in range(first, records_there(header, len(data))):
        one = bytes(data[at : at + size])
        uid, internal, sent, length, flags, *user = _RECORD.unpack_from(one)
        yield IndexRecord(
            uid,
            internal,
            sent,
            length,
            flags,
            user[0] | user[1] << 32 | user[2] << 64 | user[3] << 96,
            bool(flags & SEEN) if knows_seen else None,
            bool(flags & _GONE) if knows_seen else False,
            None if modseq_at is None else _LONG.unpack_from(one, modseq_at)[0],
            not checked or zlib.crc32(one[:-4]) == _WORD.unpack_from(one, size - 4)[0],
        )
        at += size


def count_unseen(data: Bytes, header: IndexHeader, seen: Container[int] | None = None) -> int | None:
    """How many messages of the index in `data` are unseen by the owner.

    Since 2.4 the records know; before, `seen` has the uids that the owner's seen file names, and None (nobody
    knows) comes back without it. Expunged messages do not count.
    """
    count, size, start = records_there(header, len(data)), header.record_size, header.start_offset
    if header.minor_version < FIRST_WITH_CRC:
        if seen is None:
            return None
        unpack, places = _WORD.unpack_from, range(start, start + count * size, size)
        return sum(unpack(data, at)[0] not in seen for at in places)
    # One column of the records at once; the byte order is turned in the mask instead of in each value.
    with memoryview(data) as view:
        unseen, mask = 0, SEEN | _GONE
        if size % 4:
            unpack = _WORD.unpack_from
            return sum(not unpack(view, at + 32)[0] & mask for at in range(start, start + count * size, size))
        native = int.from_bytes(mask.to_bytes(4, "big"), sys.byteorder)
        with (
            view[start : start + count * size] as rows,
            rows.cast("I") as words,
            words[8 :: size // 4] as flags,
        ):
            for one in flags:
                if not one & native:
                    unseen += 1
        return unseen
