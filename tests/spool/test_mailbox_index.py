"""cyrus.index: against what mbexamine said of real ones, and packed headers of every version."""

from __future__ import annotations

import re
import struct
import zlib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cyrtui.spool.damage import Damaged, UnknownFormat
from cyrtui.spool.mailbox_index import (
    EXPUNGED,
    FIRST_WITH_CRC,
    HEADER_SIZES,
    RECORD_SIZES,
    SEEN,
    IndexHeader,
    count_unseen,
    read_index_header,
    read_records,
    records_there,
)
from tests.spool import samples

_NUMBER = st.integers(0, 2**32 - 1)
_LONG = st.integers(0, 2**64 - 1)


def _field(said: str, name: str) -> int:
    found = re.search(rf"{name}: *\(?(\d+)", said)
    assert found, name
    return int(found[1])


@pytest.mark.parametrize("version", samples.VERSIONS)
def test_headers_and_records_are_what_mbexamine_said(version: str) -> None:
    indexes = samples.named(version, "cyrus.index")
    said_of = samples.examined(version)
    assert indexes.keys() == said_of.keys()
    assert len(indexes) >= 28
    for directory, data in indexes.items():
        said, header = said_of[directory], read_index_header(data)
        assert header.minor_version == _field(said, "Minor Version")
        assert header.exists == _field(said, "Number of Messages")
        assert header.bytes == _field(said, "Mailbox Size")
        assert header.last_append == _field(said, "Last Append Date")
        assert (header.uidvalidity, header.last_uid) == (
            _field(said, "UIDValidity"),
            _field(said, "Last UID"),
        )
        assert header.generation == _field(said, "Generation Number")
        counted = [_field(said, name) for name in ("Deleted", "Answered", "Flagged")]
        assert [header.deleted, header.answered, header.flagged] == counted
        assert header.size == len(data)
        if version.startswith("3"):
            assert header.highest_modseq == _field(said, "Highest Mod Sequence")
            assert header.expunged_bytes == _field(said, "Expunged Size")
            assert header.unseen == count_unseen(data, header)
        records = list(read_records(data, header))
        assert all(record.intact for record in records)
        kept = [record for record in records if not record.expunged]
        assert sum(record.size for record in kept) == header.bytes
        written = re.findall(r"UID:(\d+) +INT_DATE:(\d+) SENTDATE:(-?\d+).*? SIZE:(\d+)", said)
        assert [(record.uid, record.internal_date, record.size) for record in kept] == [
            (int(uid), int(date), int(size)) for uid, date, _, size in written
        ]


def _packed(minor: int, words: dict[int, int], longs: dict[int, int]) -> bytes:
    size = HEADER_SIZES[minor]
    data = bytearray(size)
    for at, value in {8: minor, 12: size, 16: RECORD_SIZES[minor], **words}.items():
        struct.pack_into(">I", data, at, value)
    for at, value in longs.items():
        struct.pack_into(">Q", data, at, value)
    if minor >= FIRST_WITH_CRC:
        struct.pack_into(">I", data, size - 4, zlib.crc32(data[: size - 4]))
    return bytes(data)


@st.composite
def _headers(draw: st.DrawFn, minors: tuple[int, ...] = tuple(HEADER_SIZES)) -> tuple[bytes, dict[str, int]]:
    minor = draw(st.sampled_from(minors))
    number = {
        name: draw(_NUMBER)
        for name in ("generation", "last_append", "last_uid", "pop3_last_login", "uidvalidity", "deleted")
    }
    number["records"] = draw(_NUMBER)
    number["exists"] = draw(st.integers(0, number["records"])) if minor >= 12 else number["records"]
    number["bytes"] = draw(_LONG if minor >= 8 else _NUMBER)
    places = {"generation": 0, "records": 20, "last_append": 24, "last_uid": 28, "pop3_last_login": 40}
    places |= {"uidvalidity": 44, "deleted": 48}
    if minor >= 12:
        places["exists"] = 60 if minor >= 19 else 84
    words = {at: number[name] for name, at in places.items()}
    if minor >= 14:
        number["unseen"] = words[124] = draw(_NUMBER)
    longs = {32: number["bytes"]} if minor >= 8 else {}
    if minor < 8:
        words[36] = number["bytes"]
    else:
        number["highest_modseq"] = longs[72 if minor >= 19 else 68] = draw(_LONG)
    return _packed(minor, words, longs), number


@settings(max_examples=150, deadline=None)
@given(_headers())
def test_a_header_of_every_version_reads_as_it_was_packed(packed: tuple[bytes, dict[str, int]]) -> None:
    data, number = packed
    header = read_index_header(data)
    assert {name: getattr(header, name) for name in number} == number
    assert (header.unseen is None) == (header.minor_version < 14)


@settings(max_examples=100, deadline=None)
@given(_headers(tuple(minor for minor in HEADER_SIZES if minor >= FIRST_WITH_CRC)), st.data())
def test_one_flipped_bit_under_a_checksum_is_found(
    packed: tuple[bytes, dict[str, int]], data: st.DataObject
) -> None:
    bit = data.draw(st.integers(0, len(packed[0]) * 8 - 1))
    flipped = bytearray(packed[0])
    flipped[bit // 8] ^= 1 << bit % 8
    # made into a version that has none (12 into 8), nothing is left that could tell
    assume(HEADER_SIZES.get(int.from_bytes(flipped[8:12], "big")) is None or flipped[11] >= FIRST_WITH_CRC)
    with pytest.raises(Damaged):
        read_index_header(bytes(flipped))


@settings(max_examples=60, deadline=None)
@given(_headers(), st.data())
def test_a_header_cut_anywhere_is_said_to_be_cut(
    packed: tuple[bytes, dict[str, int]], data: st.DataObject
) -> None:
    length = data.draw(st.integers(0, len(packed[0]) - 1))
    with pytest.raises(Damaged, match=r"it is empty|ends") as caught:
        read_index_header(packed[0][:length])
    assert caught.value.where == f"byte {length}"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from((0, 5, 6, 10, 12, 19, 20)))
def test_any_bytes_end_in_a_header_or_a_sentence(data: bytes, minor: int) -> None:
    data = data[:8] + struct.pack(">I", minor) + data[12:]
    try:
        header = read_index_header(data)
    except Damaged:
        return
    assert sum(1 for _ in read_records(data, header)) == records_there(header, len(data))
    count_unseen(data, header, ())


@pytest.mark.parametrize("minor", [0, 5, 11, 18, 20, 4294967295])
def test_a_foreign_minor_version_is_refused_by_its_name(minor: int) -> None:
    with pytest.raises(UnknownFormat, match=f"minor version {minor} is none that this program reads"):
        read_index_header(bytes(8) + struct.pack(">I", minor) + bytes(200))


def _with_records(header: IndexHeader, count: int) -> bytes:
    """The header of a 3.12 index and records of which each third is seen and each fourth is expunged."""
    data = bytearray(header.start_offset + count * header.record_size)
    for number in range(count):
        at = header.start_offset + number * header.record_size
        flags = SEEN * (number % 3 == 0) | EXPUNGED * (number % 4 == 0)
        struct.pack_into(">I", data, at, number + 1)
        struct.pack_into(">I", data, at + 32, flags)
        struct.pack_into(
            ">I", data, at + header.record_size - 4, zlib.crc32(data[at : at + header.record_size - 4])
        )
    return bytes(data)


def test_records_are_read_as_far_as_the_file_goes() -> None:
    header = read_index_header(_packed(19, {20: 1000, 60: 12}, {}))
    data = _with_records(header, 16)
    assert records_there(header, len(data)) == 16
    for cut in range(0, header.record_size * 2, 7):
        short = data[: len(data) - cut]
        assert [one.uid for one in read_records(short, header)] == list(
            range(1, 17 - -(-cut // header.record_size))
        )
    assert count_unseen(data, header) == sum(
        1 for one in read_records(data, header) if not one.seen and not one.expunged
    )
    assert count_unseen(data, header) == 8


def test_a_record_whose_checksum_fails_says_so() -> None:
    header = read_index_header(_packed(17, {20: 4, 84: 4}, {}))
    data = bytearray(_with_records(header, 4))
    data[header.start_offset + 2 * header.record_size + 13] ^= 1
    assert [one.intact for one in read_records(data, header)] == [True, True, False, True]


def test_unseen_before_2_4_needs_the_seen_file() -> None:
    data = next(data for data in samples.named("2.2.13", "cyrus.index").values() if len(data) > 1000)
    header = read_index_header(data)
    assert count_unseen(data, header) is None
    uids = [one.uid for one in read_records(data, header)]
    assert count_unseen(data, header, {uids[0], uids[-1]}) == header.exists - 2
