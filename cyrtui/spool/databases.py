"""Cyrus's own databases, read without a lock: flat, skiplist and twoskip, as pairs of key and value.

Sources of the formats: lib/cyrusdb_flat.c, cyrusdb_skiplist.c and cyrusdb_twoskip.c of Cyrus IMAP. A writer
may work on the file meanwhile. A twoskip file says where its last commit ends and what is behind it is left
alone; in a skiplist file an unfinished transaction may be seen. Berkeley, SQLite, LMDB and twom (3.13) files
are refused by name.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from mmap import mmap
from typing import Final, Literal, TypeAlias

from cyrtui.spool.damage import Damaged, UnknownFormat

Data: TypeAlias = "bytes | mmap"
Kind: TypeAlias = Literal["flat", "skiplist", "twoskip"]
Pairs: TypeAlias = Iterator[tuple[bytes, bytes]]

_MAGIC: Final = b"\xa1\x02\x8b\x0d"
_SKIPLIST: Final = _MAGIC + b"skiplist file\0\0\0"
_TWOSKIP: Final = _MAGIC + b"twoskip file\0\0\0\0"
_TWOM: Final = _MAGIC + b"twomfile"
_SQLITE: Final = b"SQLite format 3\0"
# Berkeley's magic numbers of a btree and a hash file stand at byte 12, in either byte order.
_BERKELEY: Final = frozenset(
    number.to_bytes(4, order) for number in (0x53162, 0x61561) for order in ("big", "little")
)
_REMEDY: Final = (
    "`cyr_dbtool FILE TYPE consistent`, as the cyrus user, checks it; a copy may stand in db.backup1"
)
_CONVERT: Final = "`cvt_cyrusdb` of the server's own Cyrus writes a flat copy of it"

_WORD: Final = struct.Struct(">I")
_LONG: Final = struct.Struct(">Q")


def database_kind(data: Data) -> Kind:
    """Which kind of database begins with these bytes; an empty file is a flat one without entries.

    Raises `UnknownFormat`, or `Damaged` when it is cut off inside its magic bytes.
    """
    head = bytes(data[:20])
    if head == _SKIPLIST:
        return "skiplist"
    if head == _TWOSKIP:
        return "twoskip"
    if head.startswith(_TWOM):
        raise UnknownFormat(
            "database", "byte 4", "it is a twom file (Cyrus 3.13), which is not read", _CONVERT
        )
    if head.startswith(_SQLITE):
        raise UnknownFormat("database", "byte 0", "it is an SQLite file, which is not read", _CONVERT)
    if head[12:16] in _BERKELEY:
        raise UnknownFormat("database", "byte 12", "it is a Berkeley database, which is not read", _CONVERT)
    if not head:
        return "flat"
    if _SKIPLIST.startswith(head) or _TWOSKIP.startswith(head):
        raise Damaged("database", f"byte {len(head)}", "it is cut off inside its first bytes", _REMEDY)
    first = bytes(data[:4096])
    if b"\t" not in first.partition(b"\n")[0]:
        raise UnknownFormat(
            "database", "byte 0", "it is of no kind that is read: flat, skiplist, twoskip", _CONVERT
        )
    return "flat"


def read_database(data: Data) -> Pairs:
    """Every key and its value, in the order of the file, each once.

    Raises `Damaged` or `UnknownFormat` where the damage is met; what came before it is right.
    """
    kind = database_kind(data)
    return {"flat": read_flat, "skiplist": read_skiplist, "twoskip": read_twoskip}[kind](data)


def read_flat(data: Data) -> Pairs:
    """Lines `key TAB value LF`; a byte that would break them is written as 0xff and itself with the high
    bit."""
    at, length, number = 0, len(data), 1
    while at < length:
        end = data.find(b"\n", at)
        if end < 0:
            raise Damaged("flat file", f"line {number}", "the last line is cut off", _REMEDY)
        key, tab, value = data[at:end].partition(b"\t")
        if not tab:
            raise Damaged("flat file", f"line {number}", "there is no TAB between key and value", _REMEDY)
        yield _unescaped(key), _unescaped(value)
        at, number = end + 1, number + 1


def _unescaped(text: bytes) -> bytes:
    if b"\xff" not in text:
        return text
    first, *rest = text.split(b"\xff")
    out, empty = [first], False
    for part in rest:
        if empty:
            # 0xff 0xff stands for 0xff itself; the second one was split at as well.
            out.append(part)
            empty = False
        elif part:
            out.append(bytes([part[0] & 0x7F]) + part[1:])
        else:
            out.append(b"\xff")
            empty = True
    return b"".join(out)


def read_skiplist(data: Data) -> Pairs:
    """The records of a skiplist file along its lowest chain."""
    length = len(data)
    if length < 48 + 12 + 4:
        raise _skiplist(length, "it ends inside its header")
    version, _, levels = struct.unpack_from(">3I", data, 20)
    if version != 1:
        raise UnknownFormat("skiplist file", "byte 20", f"version {version} is none that is read", _CONVERT)
    if not 1 <= levels <= 64:
        raise _skiplist(28, f"it says that it has {levels} levels")
    # The dummy record at 48: kind, two lengths of 0, then one pointer a level.
    at: int = _WORD.unpack_from(data, 48 + 12)[0]
    # A record has at least 24 bytes: more steps than that go round in a circle.
    for _ in range(length // 24 + 1):
        if not at:
            return
        if at % 4 or at + 24 > length:
            raise _skiplist(at, "a pointer leads out of the file")
        kind, key_length = struct.unpack_from(">2I", data, at)
        if kind not in {1, 2}:
            raise _skiplist(at, f"a record of kind {kind} stands where an entry should")
        value_at = at + 8 + (key_length + 3 & ~3)
        if value_at + 4 > length:
            raise _skiplist(at, "a key is longer than the file")
        value_length: int = _WORD.unpack_from(data, value_at)[0]
        next_at = value_at + 4 + (value_length + 3 & ~3)
        if next_at + 4 > length:
            raise _skiplist(at, "a value is longer than the file")
        yield data[at + 8 : at + 8 + key_length], data[value_at + 4 : value_at + 4 + value_length]
        at = _WORD.unpack_from(data, next_at)[0]
    raise _skiplist(at, "its records go round in a circle")


def _skiplist(at: int, what: str) -> Damaged:
    return Damaged("skiplist file", f"byte {at}", what, _REMEDY)


def read_twoskip(data: Data) -> Pairs:
    """The records of a twoskip file as of its last commit; every checksum is looked at."""
    if len(data) < 64:
        raise _twoskip(len(data), "it ends inside its header")
    version: int = _WORD.unpack_from(data, 20)[0]
    if version != 1:
        raise UnknownFormat("twoskip file", "byte 20", f"version {version} is none that is read", _CONVERT)
    if zlib.crc32(data[:60]) != _WORD.unpack_from(data, 60)[0]:
        raise _twoskip(60, "the header's checksum does not fit what it says")
    end: int = _LONG.unpack_from(data, 48)[0]
    if end > len(data):
        raise _twoskip(len(data), f"it ends here, but should have {end} bytes")
    kind, at, _, _ = _twoskip_record(data, 64, end)
    if kind != b"=":
        raise _twoskip(64, "its first record is none")
    for _ in range(end // 24 + 1):
        if not at:
            return
        kind, next_at, key, value = _twoskip_record(data, at, end)
        if kind == b"+":
            yield key, value
        elif kind != b"-":
            raise _twoskip(at, "a record stands where an entry should that is none")
        at = next_at
    raise _twoskip(at, "its records go round in a circle")


def _twoskip_record(data: Data, at: int, end: int) -> tuple[bytes, int, bytes, bytes]:
    """The record at `at`: its kind, the next one's place, its key and value."""
    if at % 8 or at + 24 > end or at < 64:
        raise _twoskip(at, "a pointer leads out of the file")
    kind, level, key_length, value_length = struct.unpack_from(">cBHI", data, at)
    place = at + 8
    if key_length == 0xFFFF:
        key_length = _long(data, place, end)
        place += 8
    if value_length == 0xFFFFFFFF:
        value_length = _long(data, place, end)
        place += 8
    pointers_at = place
    # The lowest level has two pointers, used in turn, so that one always is of the last commit.
    place += 8 * (level + 1) if kind in {b"+", b"="} else 8
    body = key_length + value_length
    body_end = place + 8 + (body + 7 & ~7)
    if body_end > end:
        raise _twoskip(at, "a record is longer than the file")
    head_crc, body_crc = struct.unpack_from(">2I", data, place)
    if zlib.crc32(data[at:place]) != head_crc:
        raise _twoskip(at, "a record's checksum does not fit what it says")
    if kind in {b"+"} and zlib.crc32(data[place + 8 : body_end]) != body_crc:
        raise _twoskip(place + 8, "the checksum of a key and its value does not fit")
    first: int = _LONG.unpack_from(data, pointers_at)[0]
    if kind in {b"+", b"="}:
        if level < 1:
            raise _twoskip(at, "a record has no level")
        second: int = _LONG.unpack_from(data, pointers_at + 8)[0]
        first = second if first >= end else first if second >= end else max(first, second)
    key_at = place + 8
    return kind, first, data[key_at : key_at + key_length], data[key_at + key_length : key_at + body]


def _long(data: Data, at: int, end: int) -> int:
    if at + 8 > end:
        raise _twoskip(at, "a length is cut off")
    return int(_LONG.unpack_from(data, at)[0])


def _twoskip(at: int, what: str) -> Damaged:
    return Damaged("twoskip file", f"byte {at}", what, _REMEDY)
