"""The folder that archives may be kept in unpacked: used when it is right, never believed when it is not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cyrtui.access import open_gate
from cyrtui.host.local_logs import LocalLogFile
from cyrtui.logs import archive_cache as cache_module
from cyrtui.logs import packed as packed_module
from cyrtui.logs.archive_cache import MAGIC, SUFFIX, ArchiveCache
from cyrtui.logs.packed import PackedFile
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import LogSource, LogSources
from cyrtui.logs.store import LineStore
from cyrtui.logs.unpack import Unpacker
from tests.logs.files import NOW, FilesHost, append, iso

GATE = open_gate(read_only=False)
PACKS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
DATA = b"".join(iso(NOW + number) + b" mx x[1]: text %d\n" % number for number in range(20_000))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_module, "SPACING", 50_000)


def archive(place: Path, suffix: str = ".gz", data: bytes = DATA) -> str:
    path = place / f"mail.log.1{suffix}"
    path.write_bytes(PACKS[suffix](data))
    return str(path)


def opened(path: str, cache: ArchiveCache | None) -> PackedFile:
    return PackedFile(LocalLogFile(path), path, cache=cache)


def kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.parametrize("suffix", PACKS)
def test_what_was_unpacked_once_is_read_from_the_folder(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, folder = archive(tmp_path, suffix), tmp_path / "cache"
    first = opened(path, ArchiveCache(str(folder), GATE))
    assert first.size() == len(DATA)
    first.close()
    (file,) = kept(folder)
    assert file.name.endswith(SUFFIX)
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700

    def unpacked(_reader: Unpacker) -> bytes:
        raise AssertionError("the archive itself was unpacked")

    monkeypatch.setattr(Unpacker, "read", unpacked)
    os.rename(path, path.replace(".log.1", ".log.2"))  # as rotation does it
    again = opened(path.replace(".log.1", ".log.2"), ArchiveCache(str(folder), None))
    assert again.indexed
    assert again.size() == len(DATA)
    chance = random.Random(3)
    for _ in range(60):
        at, length = chance.randrange(len(DATA)), chance.choice([1, 1000, 120_000])
        assert again.pread(length, at) == DATA[at : at + length]
    assert again.pread(10, len(DATA)) == b""
    again.close()


def test_a_read_only_run_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    cache = ArchiveCache(str(folder), open_gate(read_only=True))
    file = opened(archive(tmp_path), cache)
    assert file.size() == len(DATA)
    file.close()
    assert not folder.exists()
    assert cache.problem is None


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _part_changed(data: bytes) -> bytes:
    return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]


def _nothing(_data: bytes) -> bytes:
    return b""


def _other_table(table: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        length, _ = struct.unpack(">II", data[-8:])
        return data[: -8 - length] + table + struct.pack(">II", len(table), zlib.crc32(table))

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        _cut,
        _part_changed,
        _nothing,
        lambda data: data.replace(MAGIC, b"cyrtui archive 9\n"),
        lambda data: data[:-1] + b"\xff",
        lambda data: data[:-8] + b"\xff" * 8,
        _other_table(b"{}"),
        _other_table(b"[]"),
        _other_table(b"\xff"),
        _other_table(b'{"size":12,"parts":[[0,17,99999999]]}'),
        _other_table(b'{"size":12,"parts":[["a",true,null]]}'),
        _other_table(b'{"size":12,"parts":7}'),
        _other_table(b'{"size":1e99,"parts":[]}'),
    ],
)
def test_a_file_that_is_not_right_is_not_believed(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path, folder = archive(tmp_path), tmp_path / "cache"
    opened(path, ArchiveCache(str(folder), GATE)).size()
    (file,) = kept(folder)
    file.write_bytes(spoil(file.read_bytes()))
    for gate in (None, GATE):
        reader = opened(path, ArchiveCache(str(folder), gate))
        assert reader.pread(len(DATA), 0) == DATA
        assert reader.size() == len(DATA)
        reader.close()


def test_a_file_that_goes_away_while_it_is_used(tmp_path: Path) -> None:
    path, folder = archive(tmp_path), tmp_path / "cache"
    opened(path, ArchiveCache(str(folder), GATE)).size()
    reader = opened(path, ArchiveCache(str(folder), GATE))
    assert reader.pread(10, 200_000) == DATA[200_000:200_010]
    kept(folder)[0].unlink()
    assert reader.pread(300_000, 100_000) == DATA[100_000:400_000]
    reader.close()


def test_a_folder_or_a_file_that_others_could_write_is_not_used(tmp_path: Path) -> None:
    path, folder = archive(tmp_path), tmp_path / "cache"
    opened(path, ArchiveCache(str(folder), GATE)).size()
    kept(folder)[0].chmod(0o622)
    assert not opened(path, ArchiveCache(str(folder), None)).indexed
    folder.chmod(0o777)
    cache = ArchiveCache(str(folder), GATE)
    assert cache.problem is not None
    assert "must be a directory of your own that nobody else may write to" in cache.problem
    assert opened(path, cache).size() == len(DATA)
    missing = ArchiveCache(str(tmp_path / "no/such"), GATE)
    assert missing.problem == (
        f"Unpacked archives are not kept: {tmp_path}/no/such cannot be made: No such file or directory."
    )
    assert opened(path, missing).size() == len(DATA)


def test_a_damaged_or_half_read_archive_is_not_kept(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    whole = gzip.compress(random.Random(1).randbytes(4 << 20))
    damaged = tmp_path / "mail.log.1.gz"
    damaged.write_bytes(whole[:-1000])
    file = opened(str(damaged), ArchiveCache(str(folder), GATE))
    assert 0 < file.size() < 4 << 20
    assert kept(folder) == []
    damaged.write_bytes(whole)
    half = opened(str(damaged), ArchiveCache(str(folder), GATE))
    half.pread(10, 0)
    assert len(kept(folder)) == 1
    assert not half.indexed
    half.close()
    assert kept(folder) == []


def test_the_oldest_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "ENTRIES", 3)
    folder = tmp_path / "cache"
    for number in range(6):
        path = archive(tmp_path, data=DATA[number * 1000 :])
        opened(path, ArchiveCache(str(folder), GATE)).size()
        newest = max(kept(folder), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (NOW + number, NOW + number))
    assert len(kept(folder)) == 3
    assert opened(path, ArchiveCache(str(folder), None)).indexed


def test_what_is_kept_has_a_limit_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    for number in range(6):
        path = archive(tmp_path, data=DATA[number * 1000 :])
        opened(path, ArchiveCache(str(folder), GATE)).size()
        newest = max(kept(folder), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (NOW + number, NOW + number))
    assert len(kept(folder)) == 6
    monkeypatch.setattr(cache_module, "BYTES", 2 * newest.stat().st_size + 1000)
    path = archive(tmp_path, data=DATA[7000:])
    opened(path, ArchiveCache(str(folder), GATE)).size()
    assert len(kept(folder)) == 3
    assert newest in kept(folder)


def test_the_store_says_what_is_wrong_with_the_folder(tmp_path: Path) -> None:
    append(tmp_path / "mail.log", iso(NOW) + b" mx x[1]: now\n")
    source = LogSource(str(tmp_path / "mail.log"), frozenset({LogRole.MAIL}), "a test")
    cache = ArchiveCache(str(tmp_path / "no/such"), GATE)
    store = LineStore(FilesHost(), LogSources((source,), ()), cache=cache)
    store.open()
    assert any("Unpacked archives are not kept" in sentence for sentence in store.problems)
    store.close()
