"""The past of a log: its archives, however rotated and compressed, as one stream with the live file."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cyrtui.errors import FileUnreadable
from cyrtui.host.local_logs import LocalLogFile
from cyrtui.logs import index as index_module
from cyrtui.logs import packed as packed_module
from cyrtui.logs import store as store_module
from cyrtui.logs import zstd as zstd_module
from cyrtui.logs.match import LineFilter
from cyrtui.logs.packed import PackedFile
from cyrtui.logs.record import LogRole
from cyrtui.logs.seek import seek_time
from cyrtui.logs.sources import LogSource, LogSources
from cyrtui.logs.stamps import StampClock
from cyrtui.logs.store import LineStore
from cyrtui.logs.view import LineView
from cyrtui.logs.zstd import library
from tests.logs.files import NOW, FilesHost, append, bsd, iso

ALL = frozenset(LogRole)
DAY = 86400.0
ZSTD = b"\x28\xb5\x2f\xfd"
Pack = Callable[[bytes], bytes]
PACKS: dict[str, Pack] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
ROTATED = {
    "numbers": ["mail.log.1", "mail.log.2.gz", "mail.log.3.gz", "mail.log.10.gz"],
    "dates": ["mail.log-20261121", "mail.log-20261120.xz", "mail.log-20261119.xz", "mail.log-20261101.xz"],
    "extension": ["mail-20261121.log", "mail-20261120.log.bz2", "mail-20261119.log.bz2", "mail-2026.log.bz2"],
    "mixed": ["mail.log.1", "mail.log-20261120.gz", "mail.log.old", "mail.log-20250101.xz"],
}


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "TAIL_BYTES", 300)
    monkeypatch.setattr(index_module, "SLICE", 400)


def line(number: int, time: float, stamp: Callable[[float], bytes] = iso) -> bytes:
    return stamp(time) + b" mx x[1]: text %d\n" % number


def pack(name: str, data: bytes) -> bytes:
    return PACKS.get(Path(name).suffix, bytes)(data)


def put(path: Path, data: bytes, written: float) -> None:
    path.write_bytes(pack(path.name, data))
    os.utime(path, (written, written))


def rotated(place: Path, names: list[str], each: int = 40, stamp: Callable[[float], bytes] = iso) -> int:
    """Archives a day each, newest first, and the live file; how many lines there are in all."""
    total = each * (len(names) + 1)
    for age, name in enumerate(["mail.log", *names]):
        first = total - each * (age + 1)
        times = [NOW - age * DAY - (each - at) * 10.0 for at in range(each)]
        data = b"".join(line(first + at, time, stamp) for at, time in enumerate(times))
        put(place / name, data, times[-1])
    return total


def sources(place: Path, *roles: LogRole) -> LogSources:
    found = [LogSource(str(place / f"{role}.log"), frozenset({role}), "a test") for role in roles]
    return LogSources(tuple(found), ())


def open_store(place: Path, *roles: LogRole, limit: int = 1_000_000) -> LineStore:
    store = LineStore(FilesHost(), sources(place, *(roles or (LogRole.MAIL,))), limit)
    store.open()
    return store


def finish(store: LineStore) -> None:
    while store.poll().more or not store.backfill(0.2).done:
        pass


def texts(view: LineView) -> list[str]:
    return [one.text for one in view.lines(view.first, view.end)]


@pytest.mark.parametrize("kind", ROTATED)
def test_archives_and_the_live_file_are_one_stream(tmp_path: Path, kind: str) -> None:
    total = rotated(tmp_path, ROTATED[kind])
    (tmp_path / "mail.log.swp").write_bytes(line(999, NOW))
    (tmp_path / "mailbox.log.1").write_bytes(line(998, NOW))
    store = open_store(tmp_path)
    view = store.view(ALL)
    finish(store)
    assert texts(view) == [f"text {number}" for number in range(total)]
    assert store.problems == ()
    append(tmp_path / "mail.log", line(total, NOW))
    store.poll()
    assert texts(view)[-1] == f"text {total}"
    store.close()


def test_years_are_worked_out_across_archives(tmp_path: Path) -> None:
    total = rotated(tmp_path, [f"mail.log.{age}.gz" for age in range(1, 400, 1)], each=1, stamp=bsd)
    for path in tmp_path.iterdir():  # a copied tree: what the files say of when they were written is gone
        os.utime(path, (NOW, NOW))
    store = open_store(tmp_path)
    view = store.view(ALL)
    finish(store)
    shown = view.lines(view.first, view.end)
    assert len(shown) == total
    assert [one.time for one in shown] == sorted(one.time for one in shown)
    assert shown[0].time == int(NOW - 399 * DAY - 10)


def test_several_logs_with_archives_are_merged(tmp_path: Path) -> None:
    expected = []
    for number in range(600):
        role = list(LogRole)[number * 7 % 3]
        name = f"{role}.log" + ("" if number >= 400 else ".1" if number >= 200 else ".2.gz")
        data = line(number, NOW - 600 + number)
        append(tmp_path / name, gzip.compress(data) if name.endswith("gz") else data)
        expected.append(f"text {number}")
    store = open_store(tmp_path, *LogRole)
    view, some = store.view(ALL), store.view(ALL, LineFilter("text 19"))
    finish(store)
    assert texts(view) == expected
    assert texts(some) == ["text 19", *(f"text 19{at}" for at in range(10))]
    store.close()


def test_a_rotation_in_the_middle_of_reading_back_neither_doubles_nor_skips(tmp_path: Path) -> None:
    total = rotated(tmp_path, ["mail.log.1", "mail.log.2.gz", "mail.log.3.gz"])
    store = open_store(tmp_path)
    view = store.view(ALL)
    for turn in range(4):
        store.backfill(0)
        for number in range(9, 1, -1):
            for suffix in ("", ".gz"):
                old = tmp_path / f"mail.log.{number}{suffix}"
                if old.exists():
                    old.rename(tmp_path / f"mail.log.{number + 1}.gz")
        one = tmp_path / "mail.log.1"
        facts = one.stat()
        put(tmp_path / "mail.log.2.gz", one.read_bytes(), facts.st_mtime)
        one.unlink()
        (tmp_path / "mail.log").rename(one)
        append(tmp_path / "mail.log", line(total + turn, NOW + turn))
        store.poll()
    finish(store)
    assert texts(view) == [f"text {number}" for number in range(total + 4)]
    assert store.lost_bytes == 0


def test_a_log_that_is_not_there_has_a_past_all_the_same(tmp_path: Path) -> None:
    total = rotated(tmp_path, ["mail.log.1", "mail.log.2.gz"])
    (tmp_path / "mail.log").unlink()
    store = open_store(tmp_path)
    view = store.view(ALL)
    finish(store)
    assert texts(view) == [f"text {number}" for number in range(total - 40)]
    append(tmp_path / "mail.log", b"".join(line(at, NOW) for at in range(total - 40, total)))
    finish(store)
    assert texts(view) == [f"text {number}" for number in range(total)]


def test_no_more_than_the_limit_is_read_of_archives(tmp_path: Path) -> None:
    rotated(tmp_path, ["mail.log.1", "mail.log.2.gz", "mail.log.3.gz"])
    store = open_store(tmp_path, limit=90)
    view = store.view(ALL)
    finish(store)
    assert 90 <= view.end - view.first < 110
    assert store.truncated_sources == (str(tmp_path / "mail.log"),)


def test_a_damaged_archive_is_read_as_far_as_it_goes_and_said(tmp_path: Path) -> None:
    rotated(tmp_path, ["mail.log.1", "mail.log.2.gz", "mail.log.3.gz"], each=2000)
    broken = tmp_path / "mail.log.2.gz"
    broken.write_bytes(broken.read_bytes()[:-2000])
    (tmp_path / "mail.log.4.gz").write_bytes(b"this is no gzip file at all")
    (tmp_path / "mail.log.5.zst").write_bytes(ZSTD)
    store = open_store(tmp_path)
    view = store.view(ALL)
    finish(store)
    shown = texts(view)
    assert shown[:2000] == [f"text {number}" for number in range(2000)]
    assert shown[-4000:] == [f"text {number}" for number in range(4000, 8000)]
    middle = shown[2000:-4000]
    assert 0 < len(middle) < 2000
    assert middle[:-1] == [f"text {2000 + at}" for at in range(len(middle) - 1)]
    said = " ".join(store.problems)
    assert "mail.log.2.gz ends in the middle: only its first" in said
    assert "mail.log.4.gz is damaged" in said


def test_an_archive_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    total = rotated(tmp_path, ["mail.log.1", "mail.log.2"])
    (tmp_path / "mail.log.1").unlink()
    (tmp_path / "mail.log.1").mkdir()
    store = open_store(tmp_path)
    view = store.view(ALL)
    finish(store)
    kept = [*range(40), *range(total - 40, total)]
    assert texts(view) == [f"text {number}" for number in kept]
    assert "mail.log.1" in " ".join(store.problems)


# Seeking


def test_a_time_is_found_wherever_it_is(tmp_path: Path) -> None:
    total = rotated(tmp_path, ROTATED["numbers"])
    store = open_store(tmp_path, limit=50)
    view = store.view(ALL)
    finish(store)
    assert view.at_time(NOW - 3 * DAY) is None
    for age in (4, 3, 2, 1, 0):
        for at in (0, 17, 39):
            number = total - 40 * (age + 1) + at
            time = NOW - age * DAY - (40 - at) * 10.0
            for asked in (time, time - 3):
                past = store.at_time(asked, limit=60)
                past.open()
                there = past.view(ALL)
                finish(past)
                found = there.at_time(asked)
                assert found is not None
                assert there.line(found).text == f"text {number}"
                shown = texts(there)
                first = int(shown[0].split()[1])
                assert shown == [f"text {first + place}" for place in range(len(shown))]
                assert first == max(0, number - 60) or number - first >= 60
                past.close()
    store.close()


def test_a_place_in_the_past_of_several_logs_is_merged(tmp_path: Path) -> None:
    for number in range(900):
        role = list(LogRole)[number * 7 % 3]
        name = f"{role}.log" + (".1" if number < 600 else "")
        append(tmp_path / name, line(number, NOW - 900 + number))
    store = open_store(tmp_path, *LogRole, limit=20)
    past = store.at_time(NOW - 900 + 300.0)
    past.open()
    view = past.view(ALL)
    finish(past)
    assert texts(view) == [f"text {number}" for number in range(900)]
    found = view.at_time(NOW - 600.0)
    assert found is not None
    assert view.line(found).text == "text 300"
    stop = threading.Event()
    assert past.search(view, LineFilter("text 12"), found, -1, stop) == view.first + 129
    past.close()
    store.close()


@pytest.mark.parametrize("stamp", [iso, bsd])
@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
def test_seeking_is_what_looking_at_every_line_would_be(
    tmp_path: Path, suffix: str, stamp: Callable[[float], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_module, "SPACING", 20_000)
    random.seed(7)
    times = sorted(NOW - random.random() * 700 * DAY for _ in range(8000))
    lines = [line(number, time, stamp) for number, time in enumerate(times)]
    for at in range(0, 8000, 13):
        lines[at] += b"\tno stamp here\n"
    lines[4000] = lines[4000][:-1] + b"x" * 200_000 + b"\n"
    path = tmp_path / f"mail.log.1{suffix}"
    put(path, b"".join(lines), times[-1])
    starts = [0]
    for one in lines:
        starts.append(starts[-1] + len(one))
    file = LocalLogFile(str(path))
    opened = PackedFile(file, str(path)) if suffix else file
    clock = StampClock("UTC", NOW)
    shown = times if stamp is iso else [float(int(time)) for time in times]
    for _ in range(40):
        number = random.randrange(8000)
        time = shown[number]
        first = shown.index(time)
        assert seek_time(opened, clock, round(time, 6) - 1e-5) == starts[first]
    assert seek_time(opened, clock, NOW + DAY) == starts[-1]
    assert seek_time(opened, clock, 0.0) == 0
    opened.close()


# Compressed files


@pytest.mark.parametrize("kept", [64 << 20, 100_000])
@pytest.mark.parametrize("suffix", PACKS)
def test_any_part_of_a_compressed_file(
    tmp_path: Path, suffix: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_module, "KEPT", kept)
    monkeypatch.setattr(packed_module, "SPACING", 50_000)
    monkeypatch.setattr(packed_module, "POINTS", 16)
    monkeypatch.setattr(packed_module, "_SAMPLES", 16)
    random.seed(5)
    data = b"".join(line(number, NOW, iso) + random.randbytes(20) for number in range(60_000))
    half = len(data) // 2
    (tmp_path / f"x{suffix}").write_bytes(pack(f"x{suffix}", data[:half]) + pack(f"x{suffix}", data[half:]))
    file = PackedFile(LocalLogFile(str(tmp_path / f"x{suffix}")), f"x{suffix}")
    assert file.pread(100, 0) == data[:100]
    assert not file.indexed
    assert file.size() == len(data)
    for _ in range(40):
        at, length = random.randrange(len(data)), random.choice([1, 1000, 300_000])
        assert file.pread(length, at) == data[at : at + length]
    assert file.pread(10, len(data)) == b""
    file.close()


def test_zstd_without_its_library_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zstd_module, "library", lambda: None)
    (tmp_path / "x.zst").write_bytes(ZSTD)
    file = LocalLogFile(str(tmp_path / "x.zst"))
    with pytest.raises(FileUnreadable, match=r"x\.zst is compressed by zstd, and there is no libzstd"):
        PackedFile(file, "x.zst")
    file.close()


def test_zstd_is_read_by_the_systems_library(tmp_path: Path) -> None:
    assert library() is not None, "Debian's dpkg itself needs libzstd.so.1"
    data = b"".join(line(number, NOW + number) for number in range(40_000))
    (tmp_path / "plain").write_bytes(data)
    done = subprocess.run(["zstd", "-q", str(tmp_path / "plain"), "-o", str(tmp_path / "x.zst")], check=False)
    assert done.returncode == 0
    packed = (tmp_path / "x.zst").read_bytes()
    (tmp_path / "x.zst").write_bytes(packed + packed)
    file = PackedFile(LocalLogFile(str(tmp_path / "x.zst")), "x.zst")
    assert file.size() == 2 * len(data)
    for at in (0, 1, 300_000, len(data) - 50, len(data) + 1_000_000):
        assert file.pread(100, at) == (data + data)[at : at + 100]
    (tmp_path / "x.zst").write_bytes(packed[:-100])
    cut = PackedFile(LocalLogFile(str(tmp_path / "x.zst")), "x.zst")
    assert 0 < cut.size() < len(data)
    assert cut.damage is not None
    (tmp_path / "x.zst").write_bytes(ZSTD + b"nonsense" * 9)
    broken = PackedFile(LocalLogFile(str(tmp_path / "x.zst")), "x.zst")
    assert broken.size() == 0
    assert broken.damage is not None
