"""Records for the traces: merged history, its beginning, the years of old logs, and what comes live."""

from __future__ import annotations

import shutil
from pathlib import Path

from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.records import RecordFeed
from cyrtui.logs.sources import LogSource, LogSources
from tests.logs.files import NOW, FilesHost, append, bsd, iso

RECORDINGS = Path(__file__).parents[1] / "recordings"


def sources_in(directory: Path) -> LogSources:
    return LogSources(
        tuple(LogSource(str(directory / f"{role}.log"), frozenset({role}), "a test") for role in LogRole), ()
    )


def all_of(feed: RecordFeed) -> list[Record]:
    records: list[Record] = []
    more = True
    while more:
        found, more = feed.poll()
        records += found
    return records


def test_a_real_server_in_the_order_of_time(tmp_path: Path) -> None:
    for name, role in (("mail.info", "mail"), ("auth.log", "auth"), ("slapd.log", "slapd")):
        shutil.copyfile(RECORDINGS / "cyrus-2.4.22" / name, tmp_path / f"{role}.log")
    records = all_of(RecordFeed(FilesHost(), sources_in(tmp_path)))
    assert len(records) == 463 + 18 + 1503
    assert [record.time for record in records] == sorted(record.time for record in records)
    assert len({(record.path, record.offset) for record in records}) == len(records)
    raw = (tmp_path / "mail.log").read_bytes()
    for record in records:
        if record.role is LogRole.MAIL:
            assert raw[record.offset : record.end].endswith(record.text.encode() + b"\n")


def test_history_begins_at_a_time(tmp_path: Path) -> None:
    for number in range(20000):
        append(tmp_path / "mail.log", bsd(NOW - 20000 + number) + b" mx x[1]: text %d\n" % number)
    feed = RecordFeed(FilesHost(), sources_in(tmp_path), since=NOW - 100)
    assert [record.text for record in all_of(feed)] == [f"text {number}" for number in range(19900, 20000)]
    assert feed.skipped == ()
    append(tmp_path / "mail.log", bsd(NOW - 500) + b" mx x[1]: a late line\n")
    assert [record.text for record in all_of(feed)] == ["a late line"]


def test_history_is_cut_off_at_a_size_and_says_so(tmp_path: Path) -> None:
    lines = [bsd(NOW) + b" mx x[1]: text %d\n" % number for number in range(1000)]
    append(tmp_path / "mail.log", b"".join(lines))
    feed = RecordFeed(FilesHost(), sources_in(tmp_path), limit=len(lines[-1]) * 3)
    assert [record.text for record in all_of(feed)] == ["text 997", "text 998", "text 999"]
    assert feed.skipped == (str(tmp_path / "mail.log"),)


def test_only_the_lines_that_are_wanted_are_taken_apart(tmp_path: Path) -> None:
    append(
        tmp_path / "mail.log",
        iso(NOW) + b" mx x[1]: login: a\n\tits second line\n" + bsd(NOW) + b" mx x[1]: b\n",
    )
    feed = RecordFeed(
        FilesHost(), sources_in(tmp_path), wanted=lambda _, line: b"login" in line or line[:1] == b"\t"
    )
    records = all_of(feed)
    assert [(record.text, record.time) for record in records] == [
        ("login: a", NOW),
        ("␉its second line", NOW),
    ]


def test_a_log_of_three_years_without_years(tmp_path: Path) -> None:
    year = 365 * 86400
    times = [NOW - 3 * year + number * 3 * year / 40000 for number in range(40000)]
    append(tmp_path / "mail.log", b"".join(bsd(time) + b" mx x[1]: " + b"y" * 60 + b"\n" for time in times))
    records = all_of(RecordFeed(FilesHost(), sources_in(tmp_path)))
    assert [record.time for record in records] == [int(time) for time in times]


def test_the_last_half_line_can_be_had(tmp_path: Path) -> None:
    append(tmp_path / "mail.log", bsd(NOW) + b" mx x[1]: whole\n" + bsd(NOW + 1) + b" mx x[1]: half")
    feed = RecordFeed(FilesHost(), sources_in(tmp_path))
    assert [record.text for record in all_of(feed)] == ["whole"]
    assert [(record.text, record.time) for record in feed.unfinished()] == [("half", NOW + 1)]


def test_a_slow_log_does_not_hold_back_the_others_once_it_is_read(tmp_path: Path) -> None:
    append(tmp_path / "mail.log", bsd(NOW) + b" mx x[1]: a\n")
    feed = RecordFeed(FilesHost(), sources_in(tmp_path))
    assert [record.text for record in all_of(feed)] == ["a"]
    assert len(feed.problems) == 2
    append(tmp_path / "auth.log", bsd(NOW - 50) + b" mx x[1]: b\n")
    assert [record.text for record in all_of(feed)] == ["b"]
    feed.close()
