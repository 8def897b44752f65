"""One log followed through what is done to it, and what is said of it."""

from __future__ import annotations

import gzip
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from cyrtui.logs.follow import HALF_AFTER, HalfLine, LogFollower, Loss, Opened
from cyrtui.logs.generation import tail_start
from cyrtui.logs.lines import TEXT_CAP
from tests.logs.files import FilesHost, append


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "mail.log"


def follow(log: Path) -> tuple[FilesHost, LogFollower]:
    host = FilesHost()
    return host, LogFollower(host, str(log))


def lines(follower: LogFollower) -> list[bytes]:
    found: list[bytes] = []
    more = True
    while more:
        batch = follower.poll()
        found += batch.lines
        more = batch.more
    return found


def losses(follower: LogFollower) -> tuple[Loss, ...]:
    return follower.poll().lost


def test_a_file_that_appears_later(log: Path) -> None:
    _, follower = follow(log)
    assert lines(follower) == []
    assert follower.problem == f"{log} is not there; it is read as soon as it appears."
    append(log, b"one line\n")
    assert lines(follower) == [b"one line"]
    assert follower.problem is None


def test_a_half_line_waits_for_its_end(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"whole\nhalf")
    assert lines(follower) == [b"whole"]
    append(log, b" and")
    assert lines(follower) == []
    append(log, b" half\nnext\n")
    assert lines(follower) == [b"half and half", b"next"]


def test_a_half_line_that_stays_is_told_once(log: Path) -> None:
    host, follower = follow(log)
    append(log, b"whole\nhalf")
    assert not any(isinstance(event, HalfLine) for event in follower.poll().events)
    host.time += HALF_AFTER
    (half,) = follower.poll().events
    assert isinstance(half, HalfLine)
    assert (half.start, half.end, half.line) == (6, 10, b"half")
    host.time += HALF_AFTER
    assert follower.poll().events == ()
    append(log, b"!\n")
    assert lines(follower) == [b"half!"]


def test_what_is_written_to_the_renamed_file_is_read_too(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"first line\n")
    assert lines(follower) == [b"first line"]
    archive = log.rename(log.with_suffix(".log.1"))
    append(archive, b"late line\n")
    append(log, b"new line\n")
    assert lines(follower) == [b"late line", b"new line"]
    append(archive, b"very late line\n")
    assert lines(follower) == [b"very late line"]


def test_a_truncated_file_says_what_was_lost(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"a line of the log\nhalf a line")
    assert lines(follower) == [b"a line of the log"]
    os.truncate(log, 0)
    append(log, b"another line\n")
    batch = follower.poll()
    (loss,) = batch.lost
    assert loss.lost == len(b"half a line")
    assert loss.sentence == (
        f"{log} was truncated. 11 bytes that were in it at the last look had not been read and are lost."
    )
    assert list(batch.lines) == [b"another line"]


def test_a_truncated_file_that_was_read_says_what_may_be_lost(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"a line of the log\n")
    lines(follower)
    os.truncate(log, 0)
    (loss,) = losses(follower)
    assert loss.lost == 0
    assert "lines written after that are lost, if any" in loss.sentence


def test_a_file_rewritten_to_more_than_it_was_is_noticed(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"old line one\nold line two\n")
    lines(follower)
    os.truncate(log, 0)
    append(log, b"new line one\nnew line two\nnew line three\n")
    assert lines(follower) == [b"new line one", b"new line two", b"new line three"]


def test_a_file_rewritten_with_a_line_that_ends_alike_is_noticed(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"08:15:56 " + b"x" * 500 + b"\n")
    lines(follower)
    os.truncate(log, 0)
    append(log, b"08:15:57 " + b"x" * 500 + b"\n" + b"next\n")
    assert lines(follower) == [b"08:15:57 " + b"x" * 500, b"next"]


def test_the_copy_of_copytruncate_is_read_to_its_end(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"one line of many\n")
    lines(follower)
    append(log, b"not seen before it was copied\n")
    shutil.copyfile(log, log.with_suffix(".log.1"))
    os.truncate(log, 0)
    append(log, b"after\n")
    batch = follower.poll()
    assert list(batch.lines) == [b"not seen before it was copied", b"after"]
    (loss,) = batch.lost
    assert loss.lost == 0
    assert "copied and truncated; the copy has been read to its end" in loss.sentence


def test_a_copy_that_was_compressed_at_once_is_read(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"seen\n")
    assert lines(follower) == [b"seen"]
    append(log, b"not seen before it was copied\n")
    log.with_suffix(".log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    os.truncate(log, 0)
    append(log, b"after\n")
    batch = follower.poll()
    assert list(batch.lines) == [b"not seen before it was copied", b"after"]
    (loss,) = batch.lost
    assert loss.lost == 0


def test_files_that_came_and_were_compressed_between_two_looks(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"seen\n")
    assert lines(follower) == [b"seen"]
    append(log, b"the end of the first\n")
    log.with_suffix(".log.2.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    log.with_suffix(".log.1.gz").write_bytes(gzip.compress(b"all of the second\n"))
    append(log, b"the third\n")
    assert lines(follower) == [b"the end of the first", b"all of the second", b"the third"]
    assert losses(follower) == ()


NAMES = [
    ("{}.log.2", "{}.log.1"),
    ("{}.log-20261121", "{}.log-20261122"),
    ("{}-20261121.log", "{}-20261122.log"),
    ("{}.2.log", "{}.1.log"),
    ("{}.log-2026-11-22T10:01", "{}.log-2026-11-22T10:02"),
]
"""What logrotate makes of a name: numbered, `dateext`, with `extension`, and a `dateformat` with the hour."""


@pytest.mark.parametrize(("older", "newer"), NAMES)
def test_two_rotations_between_two_looks(log: Path, older: str, newer: str) -> None:
    _, follower = follow(log)
    append(log, b"first file\n")
    lines(follower)
    log.rename(log.with_name(older.format(log.stem)))
    append(log, b"second file\n")
    log.rename(log.with_name(newer.format(log.stem)))
    append(log, b"third file\n")
    assert lines(follower) == [b"second file", b"third file"]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("names", NAMES)
def test_a_copy_is_found_whatever_rotation_calls_it(log: Path, names: tuple[str, str], suffix: str) -> None:
    append(log, b"seen\n")
    _, follower = follow(log)
    lines(follower)
    append(log, b"not seen before it was copied\n")
    data = log.read_bytes()
    copy = log.with_name(names[1].format(log.stem) + suffix)
    copy.write_bytes(gzip.compress(data) if suffix else data)
    os.truncate(log, 0)
    assert lines(follower) == [b"not seen before it was copied"]


def test_old_archives_are_not_read(log: Path) -> None:
    append(log.with_suffix(".log.1"), b"last week\n")
    _, follower = follow(log)
    append(log, b"today\n")
    assert lines(follower) == [b"today"]
    log.with_suffix(".log.1").rename(log.with_suffix(".log.2"))
    log.rename(log.with_suffix(".log.1"))
    append(log, b"tomorrow\n")
    assert lines(follower) == [b"tomorrow"]


def test_a_deleted_file_is_read_on_until_there_is_a_new_one(log: Path) -> None:
    _, follower = follow(log)
    with log.open("ab", buffering=0) as logger:
        logger.write(b"before\n")
        assert lines(follower) == [b"before"]
        log.unlink()
        logger.write(b"after\n")
        assert lines(follower) == [b"after"]
        assert follower.problem is not None
        assert "is gone" in follower.problem
        logger.write(b"last\n")
        append(log, b"new\n")
        assert lines(follower) == [b"last", b"new"]
    assert follower.problem is None


def test_a_directory_in_its_place_is_a_problem_not_an_end(log: Path) -> None:
    log.mkdir()
    _, follower = follow(log)
    assert lines(follower) == []
    assert follower.problem == f"{log} is not a regular file."
    log.rmdir()
    append(log, b"a line\n")
    assert lines(follower) == [b"a line"]


def test_much_at_once_is_read_in_parts(log: Path) -> None:
    _, follower = follow(log)
    whole = [b"%09d " % number + b"x" * 990 for number in range(3000)]
    append(log, b"\n".join(whole) + b"\n")
    first = follower.poll()
    assert first.more
    assert list(first.lines) + lines(follower) == whole


def test_a_line_of_many_megabytes_is_one_line_and_kept_short(log: Path) -> None:
    _, follower = follow(log)
    append(log, b"first\n" + b"x" * (3 << 20))
    assert lines(follower) == [b"first"]
    append(log, b"\nlast\n")
    batch = follower.poll()
    long, last = batch.lines
    assert last == b"last"
    assert TEXT_CAP <= len(long) <= 2 * TEXT_CAP


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (b"", 0),
        (b"short\n", 0),
        (b"a" * 90 + b"\n" + b"b" * 30 + b"\n", 91),
        (b"a" * 90 + b"\n" + b"b" * 90, 91),
        (b"a" * 90 + b"\n" + b"b" * 300 + b"\n", 91),
        (b"a" * 300 + b"\n", 0),
        (b"\n" * 200, 100),
    ],
)
def test_reading_begins_with_a_whole_line_near_the_end(log: Path, data: bytes, start: int) -> None:
    append(log, data)
    follower = LogFollower(FilesHost(), str(log), partial(tail_start, length=100))
    opened = follower.poll().events[0]
    assert isinstance(opened, Opened)
    assert opened.start == start


def test_no_more_than_some_files_are_held_open(log: Path) -> None:
    _, follower = follow(log)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(12):
        append(log, b"line %d\n" % number)
        assert lines(follower) == [b"line %d" % number]
        log.rename(log.with_suffix(f".log.{100 - number}"))
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 5
    follower.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_symlink_that_points_elsewhere_now(log: Path) -> None:
    first, second = log.with_name("first"), log.with_name("second")
    append(first, b"one\n")
    append(second, b"all of\nthe second\n")
    log.symlink_to(first)
    _, follower = follow(log)
    assert lines(follower) == [b"one"]
    append(first, b"two\n")
    new = log.with_name("new-link")
    new.symlink_to(second)
    new.rename(log)
    assert lines(follower) == [b"two", b"all of", b"the second"]
    append(second, b"three\n")
    assert lines(follower) == [b"three"]
