"""The book as screens and subcommands see it: growing, bounded, searchable."""

from __future__ import annotations

import random
from datetime import UTC

from hypothesis import given, settings
from hypothesis import strategies as st

from cyrtui.logins.book import GRACE, TraceBook
from cyrtui.logins.export import as_json
from cyrtui.logins.summary import summarize
from cyrtui.logins.trace import Confidence, LoginTrace
from cyrtui.logs.record import LogRole, Record
from tests.logins.generator import Server, generate
from tests.logins.lines import BASE, Script, only, person, texts
from tests.logins.reading import merged


def test_a_trace_grows_as_lines_come_and_says_when_it_is_open() -> None:
    script = Script(whole_seconds=False)
    script.ok(1.0, "toto")
    book = TraceBook()
    book.feed(script.lines)
    (key,) = book.settle(BASE + 1.1)
    first = book.get(key)
    assert first is not None
    assert (first.open, first.ldap, len(first.events)) == (True, None, 1)

    script.lines.clear()
    script.granted(0.99, 1000, person(701))
    book.feed(script.lines)
    assert book.settle(BASE + 2.2) == {key}
    second = book.get(key)
    assert second is not None
    assert second.ldap is not None
    # lines that tell another story may still come
    assert (second.open, second.ldap.confidence) == (True, Confidence.LIKELY)
    assert len(second.events) == 18

    assert book.settle(BASE + 1.0 + GRACE + 0.1) == {key}
    third = book.get(key)
    assert third is not None
    assert third.ldap is not None
    assert (third.open, third.ldap.confidence) == (False, Confidence.CERTAIN)
    assert not book.settle(BASE + 100)


def test_a_late_rival_takes_certainty_away() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.ok(1, "toto", pid=1)
    book = script.book(now=100)
    assert only(book.traces()).ldap is not None
    script.lines.clear()
    script.granted(1, 1001, person(702))
    book.feed(script.lines)
    (key,) = book.settle(BASE + 200)
    trace = book.get(key)
    assert trace is not None
    assert trace.ldap is not None
    assert trace.ldap.confidence is not Confidence.CERTAIN


def test_newest_first() -> None:
    script = Script()
    for number in range(5):
        script.ok(number, f"u{number}", pid=number + 1)
    assert [trace.user for trace in script.book().traces()] == ["u4", "u3", "u2", "u1", "u0"]


def test_from_a_line_to_its_trace() -> None:
    script = Script()
    script.mail(1, "accepted connection")
    script.granted(1, 1000, person(701))
    script.ok(1, "toto")
    script.mail(7, "accepted connection")
    book = script.book()
    (trace,) = book.traces()
    for record in script.lines[:-1]:
        assert book.trace_at(record.path, record.offset) == trace.key
    assert book.trace_at(script.lines[-1].path, script.lines[-1].offset) is None
    assert book.trace_at("/nowhere", 0) is None
    assert book.get(("/nowhere", 0, 0.0)) is None


def test_lines_at_the_same_place_of_rotated_files_are_told_apart_by_their_time() -> None:
    script = Script()
    old = script.ok(1, "toto")
    script.offsets.clear()
    new = script.ok(5000, "julien", pid=2)
    assert (old.path, old.offset) == (new.path, new.offset)
    book = script.book()
    for record, user in ((old, "toto"), (new, "julien")):
        key = book.trace_at(record.path, record.offset, record.time)
        assert key is not None
        found = book.get(key)
        assert found is not None
        assert found.user == user
    assert book.trace_at(old.path, old.offset, old.time + 600) is None


def test_the_oldest_make_room_and_are_counted() -> None:
    logs = generate(Server(seed=3, attempts=400, rate=2.0))
    gone: list[LoginTrace] = []
    book = TraceBook(max_traces=100, on_drop=gone.append)
    dropped_keys = set()
    line = merged(logs.records())
    for at in range(0, len(line), 200):
        batch = line[at : at + 200]
        book.feed(batch)
        dropped_keys |= {key for key in book.settle(batch[-1].time) if book.get(key) is None}
    kept = book.traces()
    assert len(kept) <= 100
    assert book.dropped == len(gone) == len(logs.truth) - len(kept)
    assert dropped_keys == {trace.key for trace in gone}
    assert max(trace.end for trace in gone) <= min(trace.end for trace in kept)


def test_memory_stays_bounded_without_a_mail_log() -> None:
    book = TraceBook(max_traces=50)
    script = Script()
    for number in range(6000):
        script.granted(number, 1000 + number, person(701))
        if number % 500 == 499:
            book.feed(script.lines)
            script.lines.clear()
            book.settle(BASE + number)
    assert len(book._lookups) < 1500
    assert sum(len(found) for found in book._correlator._lookups.values()) < 1500


def test_memory_stays_bounded_with_auth_lines_alone() -> None:
    book = TraceBook(max_traces=50)
    script = Script()
    for number in range(6000):
        script.auth(number, "DIGEST-MD5 client step 2", pid=number)
        if number % 500 == 499:
            book.feed(script.lines)
            script.lines.clear()
            book.settle(BASE + number)
    assert len(book._processes) < 1500


def test_the_users_of_failed_authenticates_are_learned_from_their_logins() -> None:
    script = Script()
    for number in range(3):
        script.granted(100 * number, 1000 + number, person(704))
        script.ok(100 * number, "bogdana")
    cram = "userPassword cmusaslsecretCRAM-MD5"
    script.granted(1000, 2000, person(704), attributes=cram)
    script.mail(
        1000, "badlogin: [10.1.2.3] CRAM-MD5 [SASL(-13): authentication failure: incorrect digest response]"
    )
    trace = script.traces()[-1]
    assert (trace.user, trace.user_from, trace.cause) == ("bogdana", "directory", "password-mismatch")


def test_an_attempt_without_a_name_stays_without_where_nobody_knows_the_dn() -> None:
    script = Script()
    script.granted(1, 2000, person(704), attributes="userPassword cmusaslsecretCRAM-MD5")
    script.mail(
        1, "badlogin: [10.1.2.3] CRAM-MD5 [SASL(-13): authentication failure: incorrect digest response]"
    )
    trace = only(script.traces())
    assert (trace.user, trace.user_from) == (None, None)
    assert trace.ldap is not None
    assert trace.ldap.dn == person(704)


def test_lines_without_a_stamp_join_only_the_line_right_before_them() -> None:
    script = Script()
    script.ok(1, "toto")
    first = script.lines[0]
    stray = Record(
        role=LogRole.MAIL,
        time=first.time,
        whole_seconds=True,
        host="",
        ident="",
        pid=None,
        text=" and more",
        path=first.path,
        offset=first.end + 7,
        end=first.end + 20,
        parsed=False,
    )
    script.lines.append(stray)
    assert texts(only(script.traces())) == [first.text]


def test_totals() -> None:
    script = Script()
    script.ok(1, "toto", pid=1)
    script.ok(2, "toto", pid=1)
    script.wrong(3, "julien", pid=2)
    script.mail(
        4, "starttls: TLSv1.3 with cipher X (256/256 bits new) no authentication", pid=3, service="imaps"
    )
    script.mail(5, "Connection reset by peer, closing connection", pid=3, service="imaps")
    summary = summarize(script.traces())
    assert summary.as_json(UTC) == {
        "total": 4,
        "ok": 2,
        "failed": 1,
        "incomplete": 1,
        "by_cause": {"client-gone": 1, "password-mismatch": 1},
        "by_service": {"imap": 3, "imaps": 1},
        "by_user": {"toto": 2, "julien": 1},
        "first": "2026-11-22T07:20:01.000000+00:00",
        "last": "2026-11-22T07:20:04.000000+00:00",
    }


def test_totals_of_nothing() -> None:
    assert summarize([]).as_json() == {
        "total": 0,
        "ok": 0,
        "failed": 0,
        "incomplete": 0,
        "by_cause": {},
        "by_service": {},
        "by_user": {},
        "first": None,
        "last": None,
    }


def test_only_the_twenty_most_frequent_users_are_told() -> None:
    script = Script()
    for number in range(30):
        for _ in range(number + 1):
            script.ok(number, f"u{number:02}", pid=number + 1)
    told = summarize(script.traces()).as_json()["by_user"]
    assert list(told) == [f"u{number:02}" for number in range(29, 9, -1)]


PIECES = [
    "login: [10.1.2.3] toto plaintext User logged in",
    "badlogin: [10.1.2.3] CRAM-MD5 [SASL(-13): authentication failure: x]",
    "accepted connection",
    "starttls: TLSv1.3 with cipher X (256/256 bits new) no authentication",
    "error initializing TLS",
    "Fatal error: tls_init() failed",
    "USAGE toto user: 1.0 sys: 1.0",
    "SASL x",
    "conn=1 fd=9 ACCEPT from IP=1 (IP=2)",
    'conn=1 op=1 BIND dn="x" mech=DIGEST-MD5 ssf=1',
    'conn=1 op=2 PROXYAUTHZ dn="cn=a\\,b,dc=c"',
    "conn=1 op=3 SEARCH RESULT tag=101 err=0 nentries=1 text=",
    "conn=99999999999 op=99 RESULT tag=120 err=123 text=",
    "conn=1 fd=9 closed",
    "slapd starting",
    "\x00\u202e[bold]",
    "",
]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.text(max_size=30), max_size=4))
def test_any_lines_at_all_make_traces_that_can_be_told(seed: int, strange: list[str]) -> None:
    rng = random.Random(seed)
    book = TraceBook(max_traces=rng.choice((3, 1000)))
    offset = 0
    for _ in range(rng.randint(1, 120)):
        text = rng.choice([*PIECES, *strange]) + rng.choice(("", "", *strange))
        record = Record(
            role=rng.choice(list(LogRole)),
            time=BASE + rng.choice((0.0, 0.5, 3.0, -40.0, 1e6)) + rng.random(),
            whole_seconds=rng.random() < 0.5,
            host="h",
            ident=rng.choice(("cyrus/imap", "slapd", "master", "")),
            pid=rng.choice((None, 1, 2)),
            text=text,
            path=rng.choice(("/a", "/b")),
            offset=offset,
            end=offset + 10,
            parsed=rng.random() < 0.9,
        )
        offset += 10
        book.feed([record])
        if rng.random() < 0.2:
            book.settle(record.time)
    book.settle(BASE + 1e7)
    for trace in book.traces():
        as_json(trace)
        assert all(0 <= number < len(trace.events) for number in trace.evidence)
        assert trace.explanation
