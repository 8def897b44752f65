"""Patterns over pieces of logs: the library's code and Python's `re` find the same."""

from __future__ import annotations

import random
import re

import pytest

from cyrtui.logins.mail_lines import MailLines
from cyrtui.logins.slapd_oddities import _odd_lines
from cyrtui.logs import line_pattern
from cyrtui.logs.line_pattern import LinePattern
from cyrtui.logs.whole_log import _SHAPES
from tests.logins.generator import Server, generate

STRANGE = (b"\0", b"\xff\xfe", b"]", b"[", b": ", b"  ", b"\r", b"(", b"%n")
WORDS = rb"\n(\w++) (?:(a)|(b)([^\n]*+))"


def native(text: bytes) -> LinePattern:
    found = LinePattern(text)
    assert found.native, "libpcre2-8-0 is on every Debian"
    return found


def same(text: bytes, data: bytes, end: int, first: int = 1) -> int:
    """How many matches there are, which must be the same ones, as must be their groups from `first` on."""
    groups = range(first, re.compile(text).groups + 1)
    template = b"<" + b"\n".join(b"$%d" % number for number in groups) + b">"

    def told(places: list[int]) -> list[int]:
        return places[:2] + places[2 * first :]

    ours, theirs = LinePattern(text, native=False), native(text)
    found = [told(places) for places in theirs.matches(data, end)]
    # at the end `re` finds nothing once more
    all_ours = [told(places) for places in ours.matches(data, end)]
    assert found == [places for places in all_ours if places[0] < end or places in found]
    assert theirs.extract(data, end, template) == ours.extract(data, end, template)
    return len(found)


def test_random_bytes() -> None:
    rng = random.Random(7)
    total = 0
    for _ in range(1500):
        data = bytes(rng.choices(b"\n\nab x\0\xff", k=rng.randrange(120)))
        total += same(WORDS, data, rng.randrange(len(data) + 1))
    assert total > 100


def spoilt(data: bytes, rng: random.Random) -> bytes:
    """With lines cut, bytes changed and lines doubled."""
    found = []
    for line in data.split(b"\n"):
        kind, at = rng.random(), rng.randrange(len(line) + 1)
        if kind < 0.03:
            found.append(line[:at])
        elif kind < 0.06:
            found.append(line[:at] + rng.choice(STRANGE) + line[at:])
        else:
            found += [line] * (2 if kind < 0.08 else 1)
    return b"\n" + b"\n".join(found)


@pytest.mark.parametrize("whole_seconds", [True, False])
def test_the_patterns_that_read_whole_logs(whole_seconds: bool) -> None:
    shape = _SHAPES[not whole_seconds][1]
    logs = generate(
        Server(seed=3, attempts=120, users=30, rate=20.0, strangers=0.2, whole_seconds=whole_seconds)
    )
    lines = MailLines(shape)
    mail = [each._pattern.pattern for each in (lines._heads, lines._logins, lines._others)]
    writer = re.search(rb" (\S+ slapd\[\d+\])", logs.slapd)
    assert writer is not None
    slapd = [_odd_lines(shape, writer[1]), _odd_lines(shape, b"")]
    for seed in range(4):
        # the first two groups of slapd's are there for the pattern itself
        for texts, log, first in ((mail, logs.mail, 1), (slapd, logs.slapd, 3)):
            data = spoilt(log, random.Random(seed))
            for text in texts:
                assert same(text, data, data.rfind(b"\n"), first) > 20


def test_where_nothing_is_odd_all_is_stepped_over_at_once() -> None:
    shape = _SHAPES[0][1]
    head = b"\nNov 22 00:00:00 mx slapd[4904]: conn=%d "
    said = (
        b"fd=9 ACCEPT from IP=[::1]:31002 (IP=[::1]:389)",
        b'op=0 BIND dn="" method=163',
        b"op=0 RESULT tag=97 err=14 qtime=0.000009 etime=0.001897 text=SASL(0): successful result: ",
        b"op=3 SEARCH RESULT tag=101 err=0 qtime=0.000010 etime=0.000373 nentries=1 text=",
        b"fd=9 closed",
    )
    data = b"".join(head % conn + text for conn in range(1000, 1300) for text in said)
    for is_native in (True, False):
        found = LinePattern(_odd_lines(shape, b"mx slapd[4904]"), native=is_native).matches(data, len(data))
        # a second try from each line on would take time with the square of the size
        assert next(iter(found))[:2] == [0, len(data)]


def test_what_the_library_gives_up_is_done_all_the_same() -> None:
    text = rb"\n((?:a(?=b)|b|c)*)x"
    data = b"\nabx\n" + b"abc" * 400_000 + b"y\nbbx"
    theirs, ours = native(text), LinePattern(text, native=False)
    with pytest.raises(line_pattern._GaveUp):
        assert theirs._compiled is not None
        list(theirs._compiled.matches(data, len(data)))
    assert list(theirs.matches(data, len(data))) == list(ours.matches(data, len(data)))
    assert theirs.extract(data, len(data), b"$1\n") == b"ab\nbb\n"


def test_more_than_there_is_room_for() -> None:
    data = b"\n" + b"\n".join(b"k%d b%s" % (number, b"x" * 300) for number in range(9_000))
    assert native(WORDS).extract(data, len(data), b"$1$4$4;").count(b";") == 9_000


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_pattern, "_PCRE2", None)
    found = LinePattern(WORDS)
    assert not found.native
    assert found.extract(b"\nx a\ny bcd", 10, b"$1$2$4;") == b"xa;ycd;"


def test_what_is_no_pattern() -> None:
    with pytest.raises(re.error):
        LinePattern(rb"\n(")
