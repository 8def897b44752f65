"""The lines of the logs as the screens see them: merged, filtered, searched, rotated, capped."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cyrtui.logs import index as index_module
from cyrtui.logs import store as store_module
from cyrtui.logs.lines import TEXT_CAP
from cyrtui.logs.match import FilterError, LineFilter
from cyrtui.logs.record import LogRole
from cyrtui.logs.shown import GONE
from cyrtui.logs.sources import LogSource, LogSources
from cyrtui.logs.store import LINES_AT_MOST, LineStore
from cyrtui.logs.view import LineView
from tests.logs.files import NOW, FilesHost, append, bsd, iso

ALL = frozenset(LogRole)
MAIL, AUTH, SLAPD = LogRole.MAIL, LogRole.AUTH, LogRole.SLAPD
RECORDINGS = Path(__file__).parents[1] / "recordings"
Opener = Callable[..., LineStore]


def sources_in(directory: Path) -> LogSources:
    return LogSources(
        tuple(LogSource(str(directory / f"{role}.log"), frozenset({role}), "a test") for role in LogRole), ()
    )


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that little is read at once, and files of some KiB are long ones."""
    monkeypatch.setattr(store_module, "TAIL_BYTES", 300)
    monkeypatch.setattr(index_module, "SLICE", 400)


def finish(store: LineStore) -> None:
    """Read all that there is."""
    while store.poll().more:
        pass
    while not store.backfill(0.5).done:
        store.poll()


def open_store(directory: Path, limit: int = LINES_AT_MOST) -> LineStore:
    store = LineStore(FilesHost(), sources_in(directory), limit)
    store.open()
    return store


def texts(view: LineView) -> list[str]:
    return [line.text for line in view.lines(view.first, view.end)]


def write(directory: Path, role: LogRole, *lines: bytes) -> None:
    append(directory / f"{role}.log", b"".join(line + b"\n" for line in lines))


def hours(directory: Path, count: int) -> list[str]:
    """Three logs, their lines spread over time unevenly; their texts in the order of time."""
    expected = []
    for number in range(count):
        time = NOW - 7200 + number * 0.4
        role = (MAIL, SLAPD, SLAPD, AUTH)[number % 4] if number % 40 < 30 else SLAPD
        stamp = iso(time) if role is SLAPD else bsd(time)
        shown_at = time if role is SLAPD else int(time)
        write(directory, role, stamp + b" mx x[1]: text %d" % number)
        expected.append((shown_at, list(LogRole).index(role), number))
    return [f"text {number}" for _, _, number in sorted(expected)]


@pytest.mark.usefixtures("small_steps")
def test_the_last_lines_are_there_at_once_and_the_earlier_ones_later(tmp_path: Path) -> None:
    expected = hours(tmp_path, 600)
    store = open_store(tmp_path)
    view = store.view(ALL)
    there = texts(view)
    assert 0 < len(there) < 30
    assert there == expected[-len(there) :]
    seen = {number: view.line(number).text for number in range(view.first, view.end)}
    finish(store)
    assert texts(view) == expected
    assert all(view.line(number).text == text for number, text in seen.items())
    assert texts(store.view(ALL)) == expected


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("roles", [{MAIL}, {SLAPD}, {MAIL, AUTH}])
def test_some_of_the_logs(tmp_path: Path, roles: set[LogRole]) -> None:
    hours(tmp_path, 200)
    store = open_store(tmp_path)
    merged, view = store.view(ALL), store.view(frozenset(roles))
    finish(store)
    every = merged.lines(merged.first, merged.end)
    assert texts(view) == [line.text for line in every if line.role in roles]
    number = next(at for at in range(merged.first, merged.end) if merged.line(at).role in roles)
    line = merged.line(number)
    found = store.find(view, line.path, line.offset)
    assert found is not None
    assert view.line(found) == line
    assert store.find(merged, line.path, line.offset) == number
    assert store.find(merged, line.path, line.offset + 1) is None
    assert store.find(merged, "/elsewhere", 0) is None


@pytest.mark.usefixtures("small_steps")
def test_only_the_lines_that_match_as_they_come(tmp_path: Path) -> None:
    expected = hours(tmp_path, 300)
    store = open_store(tmp_path)
    view = store.view(ALL, LineFilter("text 1"))
    others = store.view(ALL, LineFilter(r"text \d*[02468]$", regex=True, inverse=True))
    finish(store)
    assert texts(view) == [text for text in expected if text.startswith("text 1")]
    assert texts(others) == [text for text in expected if text[-1] in "13579"]
    assert view.progress == 1.0
    version, end = view.version, view.end
    write(tmp_path, MAIL, bsd(NOW) + b" mx x[1]: nothing", bsd(NOW) + b" mx x[1]: text 1000")
    assert store.poll().lines == 2
    assert texts(view)[-1] == "text 1000"
    assert view.end == end + 1
    assert view.version != version


def test_a_late_line_is_put_where_its_time_says(tmp_path: Path) -> None:
    write(tmp_path, MAIL, *(bsd(NOW + second) + b" mx x[1]: mail %d" % second for second in range(10)))
    store = open_store(tmp_path)
    view = store.view(ALL)
    version = view.version
    write(tmp_path, SLAPD, iso(NOW + 5.5) + b" mx slapd[1]: late")
    store.poll()
    assert [text for text in texts(view) if text in ("mail 5", "late", "mail 6")] == [
        "mail 5",
        "late",
        "mail 6",
    ]
    assert view.line(view.changed_since(version)).text == "late"
    assert view.changed_since(view.version) == view.end


def test_equal_times_keep_the_order_of_the_logs_and_of_the_lines(tmp_path: Path) -> None:
    for role in (SLAPD, AUTH, MAIL):
        write(tmp_path, role, *(bsd(NOW) + b" mx x[1]: %s %d" % (role.encode(), at) for at in range(3)))
    expected = [f"{role} {at}" for role in LogRole for at in range(3)]
    store = open_store(tmp_path)
    assert texts(store.view(ALL)) == expected


def test_a_line_without_a_stamp_stays_with_the_line_before_it(tmp_path: Path) -> None:
    write(
        tmp_path, MAIL, bsd(NOW) + b" mx x[1]: one", b"\tsecond line of one", bsd(NOW + 1) + b" mx x[1]: two"
    )
    write(tmp_path, SLAPD, iso(NOW + 0.5) + b" mx slapd[1]: between")
    view = open_store(tmp_path).view(ALL)
    assert texts(view) == ["one", "␉second line of one", "between", "two"]
    assert [line.parsed for line in view.lines(view.first, view.end)] == [True, False, True, True]


@pytest.mark.usefixtures("small_steps")
def test_lines_without_any_stamp_are_shown_all_the_same(tmp_path: Path) -> None:
    lines = [b"line %d of no known format" % number for number in range(300)]
    write(tmp_path, MAIL, *lines)
    store = open_store(tmp_path)
    view = store.view(frozenset({MAIL}))
    finish(store)
    assert texts(view) == [line.decode() for line in lines]


@pytest.mark.usefixtures("small_steps")
def test_a_half_line_is_shown_and_becomes_whole(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    append(path, bsd(NOW) + b" mx x[1]: first\n" + bsd(NOW) + b" mx x[1]: half")
    host = FilesHost()
    store = LineStore(host, sources_in(tmp_path))
    store.open()
    view, matching = store.view(ALL), store.view(ALL, LineFilter("whole"))
    assert texts(view) == ["first"]
    host.time += 5
    store.poll()
    assert texts(view) == ["first", "half"]
    append(path, b" and whole\n")
    version = view.version
    store.poll()
    assert texts(view) == ["first", "half and whole"]
    assert view.version != version
    assert texts(matching) == ["half and whole"]


@pytest.mark.usefixtures("small_steps")
def test_lines_of_a_renamed_file_are_still_read_from_it(tmp_path: Path) -> None:
    write(tmp_path, MAIL, *(bsd(NOW) + b" mx x[1]: old %d" % at for at in range(50)))
    store = open_store(tmp_path)
    view = store.view(frozenset({MAIL}))
    (tmp_path / "mail.log").rename(tmp_path / "mail.log.1")
    write(tmp_path, MAIL, bsd(NOW) + b" mx x[1]: new")
    store.poll()
    finish(store)
    assert texts(view) == [f"old {at}" for at in range(50)] + ["new"]
    assert store.lost_bytes == 0


def test_a_line_is_found_again_in_the_file_that_it_was_in(tmp_path: Path) -> None:
    write(tmp_path, MAIL, bsd(NOW) + b" mx x[1]: old")
    store = open_store(tmp_path)
    view = store.view(frozenset({MAIL}))
    (tmp_path / "mail.log").rename(tmp_path / "mail.log.1")
    write(tmp_path, MAIL, bsd(NOW + 60) + b" mx x[1]: new")
    store.poll()
    path = str(tmp_path / "mail.log")
    assert store.find(view, path, 0, NOW) == view.first
    assert store.find(view, path, 0, NOW + 60) == store.find(view, path, 0) == view.first + 1
    assert store.find(view, path, 0, NOW + 1) is None


@pytest.mark.usefixtures("small_steps")
def test_lines_of_a_copied_and_truncated_file_are_read_from_the_copy(tmp_path: Path) -> None:
    write(tmp_path, MAIL, *(bsd(NOW) + b" mx x[1]: old %d" % at for at in range(50)))
    store = open_store(tmp_path)
    view = store.view(frozenset({MAIL}))
    shutil.copyfile(tmp_path / "mail.log", tmp_path / "mail.log.1")
    os.truncate(tmp_path / "mail.log", 0)
    write(tmp_path, MAIL, bsd(NOW) + b" mx x[1]: new")
    finish(store)
    shown = texts(view)
    assert shown[:50] == [f"old {at}" for at in range(50)]
    assert "was copied and truncated" in shown[50]
    assert view.line(view.first + 50).kind == "note"
    assert shown[51:] == ["new"]


@pytest.mark.usefixtures("small_steps")
def test_lines_of_a_truncated_file_say_that_they_are_gone(tmp_path: Path) -> None:
    write(tmp_path, MAIL, *(bsd(NOW) + b" mx x[1]: old %d" % at for at in range(50)))
    store = open_store(tmp_path)
    view = store.view(frozenset({MAIL}))
    known = view.end - view.first
    size = (tmp_path / "mail.log").stat().st_size
    os.truncate(tmp_path / "mail.log", 0)
    write(tmp_path, MAIL, bsd(NOW) + b" mx x[1]: new")
    finish(store)
    shown = texts(view)
    assert shown[:known] == [GONE] * known
    cut, new, unindexed = shown[known:]
    assert "was truncated" in cut
    assert new == "new"
    assert "went away before they could be indexed" in unindexed
    unread = size - known * (size // 50)
    assert abs(store.lost_bytes - unread) < 50
    assert [loss.sentence for loss in store.losses] == [cut, unindexed]
    assert not texts(store.view(frozenset({MAIL}), LineFilter("old")))


def test_text_that_was_written_over_is_not_shown_as_the_line(tmp_path: Path) -> None:
    write(tmp_path, MAIL, bsd(NOW) + b" mx x[1]: old", bsd(NOW + 1) + b" mx x[1]: also old")
    store = open_store(tmp_path)
    view = store.view(frozenset({MAIL}))
    with (tmp_path / "mail.log").open("r+b") as file:
        file.write(bsd(NOW + 9) + b" mx x[1]: NEW")
    assert texts(view) == [GONE, "also old"]


@pytest.mark.usefixtures("small_steps")
def test_very_long_lines_are_one_line_each(tmp_path: Path) -> None:
    long = b"y" * (TEXT_CAP * 3)
    for at in range(4):
        write(
            tmp_path,
            MAIL,
            bsd(NOW + at) + b" mx x[1]: %d " % at + long + b"needle",
            bsd(NOW + at) + b" mx x[1]: z",
        )
    store = open_store(tmp_path)
    view = store.view(frozenset({MAIL}))
    matching = store.view(frozenset({MAIL}), LineFilter("yneedle"))
    finish(store)
    shown = texts(view)
    assert [text[:3] for text in shown] == ["0 y", "z", "1 y", "z", "2 y", "z", "3 y", "z"]
    assert shown[0].endswith("more bytes are not shown]")
    assert [text[:3] for text in texts(matching)] == ["0 y", "1 y", "2 y", "3 y"]


def test_one_file_for_several_logs_and_others(tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    source = LogSource(str(path), frozenset({MAIL, SLAPD}), "a test", mixed=True)
    lines = [b"cyrus/imap[1]: a", b"slapd[1]: b", b"kernel: c", b"slapd[1]: d", b"postfix/smtpd[1]: e"]
    append(path, b"".join(bsd(NOW) + b" mx " + line + b"\n" for line in lines) + b"\tits second line\n")
    store = LineStore(FilesHost(), LogSources((source,), ()))
    store.open()
    assert texts(store.view(ALL)) == ["a", "b", "d", "e", "␉its second line"]
    assert texts(store.view(frozenset({SLAPD}))) == ["b", "d"]
    view = store.view(frozenset({MAIL}), LineFilter("a"))
    finish(store)
    assert texts(view) == ["a"]
    assert {line.role for line in view.lines(view.first, view.end)} == {MAIL}


@pytest.mark.usefixtures("small_steps")
def test_no_more_lines_are_kept_than_the_limit(tmp_path: Path) -> None:
    hours(tmp_path, 400)
    store = open_store(tmp_path, limit=50)
    view = store.view(frozenset({SLAPD}))
    finish(store)
    assert 50 <= view.end - view.first < 60
    assert set(store.truncated_sources) == {str(tmp_path / f"{role}.log") for role in LogRole}


def test_a_long_run_drops_its_oldest_lines(tmp_path: Path) -> None:
    store = open_store(tmp_path, limit=1000)
    write(tmp_path, AUTH, bsd(NOW) + b" mx x[1]: the oldest")
    store.poll()
    single, merged = store.view(frozenset({MAIL})), store.view(ALL)
    for part in range(10):
        write(tmp_path, MAIL, *(bsd(NOW + part) + b" mx x[1]: text %d" % at for at in range(1000)))
        while store.poll().more:
            pass
    kept = single.end - single.first
    assert 1000 <= kept <= 1000 + 1000 // 8 + 4096
    assert single.end == 10000
    assert store.truncated_sources == (str(tmp_path / "mail.log"),)
    assert single.line(single.first).text == f"text {(10000 - kept) % 1000}"
    assert [line.text for line in merged.lines(merged.end - 3, merged.end)] == [
        "text 997",
        "text 998",
        "text 999",
    ]
    with pytest.raises(IndexError):
        single.line(single.first - 1)


@pytest.mark.usefixtures("small_steps")
def test_search_in_both_directions(tmp_path: Path) -> None:
    hours(tmp_path, 300)
    store = open_store(tmp_path)
    view = store.view(ALL)
    finish(store)
    never = threading.Event()
    shown = texts(view)
    hits = [number for number, text in enumerate(shown, view.first) if "text 7" in text]
    wanted = LineFilter("text 7")
    for start in range(view.first, view.end):
        forward = next((hit for hit in hits if hit >= start), None)
        backward = next((hit for hit in reversed(hits) if hit <= start), None)
        assert store.search(view, wanted, start, 1, never) == forward
        assert store.search(view, wanted, start, -1, never) == backward
    assert store.search(view, LineFilter("nowhere"), view.end, -1, never) is None
    assert store.search(view, wanted, view.end + 100, -1, never) == hits[-1]
    matching = store.view(ALL, LineFilter("text 1"))
    finish(store)
    assert store.search(matching, LineFilter("text 299"), matching.first, 1, never) is None
    found = store.search(matching, LineFilter("text 150"), matching.end, -1, never)
    assert found is not None
    assert matching.line(found).text == "text 150"


def test_a_search_can_be_stopped(tmp_path: Path) -> None:
    hours(tmp_path, 10)
    store = open_store(tmp_path)
    stop = threading.Event()
    stop.set()
    view = store.view(ALL)
    assert store.search(view, LineFilter("text"), view.first, 1, stop) is None


@pytest.mark.usefixtures("small_steps")
def test_a_search_that_waits_goes_on_in_what_is_read_in_meanwhile(tmp_path: Path) -> None:
    hours(tmp_path, 300)
    store = open_store(tmp_path)
    view = store.view(ALL)
    found: list[int | None] = []
    never = threading.Event()

    def look() -> None:
        found.append(store.search(view, LineFilter("text 3"), view.end, -1, never, wait=True))
        found.append(store.search(view, LineFilter("no such text"), view.end, -1, never, wait=True))

    searcher = threading.Thread(target=look)
    searcher.start()
    finish(store)
    searcher.join(60)
    assert found[0] is not None
    assert view.line(found[0]).text.startswith("text 3")
    assert found[1:] == [None]


def test_a_filter_that_is_none_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(FilterError):
        store.view(ALL, LineFilter("(", regex=True))


def test_logs_that_are_not_there(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    view = store.view(ALL)
    assert (view.first, view.end, view.complete) == (0, 0, True)
    problems = store.problems
    assert [problem.partition(" is not there")[0] for problem in problems] == [
        str(tmp_path / f"{role}.log") for role in LogRole
    ]
    write(tmp_path, MAIL, bsd(NOW) + b" mx x[1]: here")
    store.poll()
    assert texts(view) == ["here"]
    assert store.problems == problems[1:]
    store.close()


def test_a_real_server(tmp_path: Path) -> None:
    for name, role in (("mail.info", MAIL), ("auth.log", AUTH), ("slapd.log", SLAPD)):
        shutil.copyfile(RECORDINGS / "cyrus-2.2.13" / name, tmp_path / f"{role}.log")
    store = open_store(tmp_path)
    view, bad = store.view(ALL), store.view(ALL, LineFilter("badlogin:"))
    finish(store)
    lines = view.lines(view.first, view.end)
    assert len(lines) == 318 + 18 + 1235
    assert all(line.parsed and line.kind == "line" for line in lines)
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    failures = [line for line in lines if "badlogin:" in line.text]
    assert failures
    assert bad.lines(bad.first, bad.end) == failures


def test_a_million_lines_a_log(tmp_path: Path) -> None:
    count = 1_000_000
    with (tmp_path / "mail.log").open("wb") as mail, (tmp_path / "slapd.log").open("wb") as slapd:
        for block in range(count // 1000):
            stamp = bsd(NOW - 2_000_000 + 2 * block)
            mail.write(
                b"".join(stamp + b" mx i[1]: m%d\n" % at for at in range(block * 1000, block * 1000 + 1000))
            )
            stamp = bsd(NOW - 2_000_000 + 2 * block + 1)
            slapd.write(
                b"".join(stamp + b" mx s[1]: s%d\n" % at for at in range(block * 1000, block * 1000 + 1000))
            )
    store = open_store(tmp_path, limit=2 * count)
    view = store.view(ALL)
    one = store.view(ALL, LineFilter("m1234"))
    finish(store)
    assert view.end - view.first == 2 * count
    for place in (0, 999, 1000, 1999, 2000, 777_777, 2 * count - 1):
        pair, rest = divmod(place, 2000)
        letter, at = ("m", rest) if rest < 1000 else ("s", rest - 1000)
        assert view.line(view.first + place).text == f"{letter}{pair * 1000 + at}"
    assert texts(one) == ["m1234", *(f"m{at}" for at in range(12340, 12350))] + [
        f"m{at}" for at in range(123400, 123500)
    ]
    never = threading.Event()
    found = store.search(view, LineFilter("s4711"), view.first, 1, never)
    assert found is not None
    assert view.line(found).text == "s4711"
