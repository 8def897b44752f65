"""1,829 lines of a 3.6 server that went through some forty kinds of failure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache

import pytest

from cyrtui.logins.book import TraceBook
from cyrtui.logins.trace import Confidence, LoginTrace
from tests.logins.reading import RECORDINGS, three_in_one

RAW = (RECORDINGS / "cyrus-3.6.1" / "three-logs.log").read_bytes()


@cache
def traces() -> tuple[LoginTrace, ...]:
    book = TraceBook()
    for log in three_in_one(RAW).values():
        book.feed(log)
    book.settle(1795348800.0)
    return tuple(reversed(book.traces()))


def at(clock: str, mechanism: str | None = "any") -> LoginTrace:
    """The trace of that time of day."""
    (found,) = [
        trace
        for trace in traces()
        if datetime.fromtimestamp(trace.end, UTC).strftime("%H:%M:%S") == clock
        and mechanism in {"any", trace.mechanism}
    ]
    return found


def test_every_login_and_badlogin_line_is_a_trace_with_what_it_says() -> None:
    lines = re.findall(
        rb"(\S+)\[(\d+)\]: (?:(login): \S+ \[\S+\] (\S+) (\S+?)(\+TLS)? User"
        rb"|(badlogin): \S+ \[\S+\] (\S+)(?: \((\S+)\))?)",
        RAW,
    )
    expected = []
    for ident, pid, good, user, mechanism, tls, _bad, bad_mechanism, bad_user in lines:
        service = ident.decode().rpartition("/")[2]
        if good:
            expected.append((service, int(pid), user.decode(), mechanism.decode(), bool(tls)))
        else:
            name = bad_user.decode() or None
            expected.append(
                (service, int(pid), None if name == "-notset-" else name, bad_mechanism.decode(), False)
            )
    told = [
        (
            trace.service,
            trace.pid,
            trace.user if trace.user_from == "mail" else None,
            trace.mechanism,
            trace.tls is not None,
        )
        for trace in traces()
        if trace.mechanism is not None
    ]
    assert told == expected
    assert len(told) > 70


@pytest.mark.parametrize(
    ("clock", "mechanism", "cause", "also"),
    [
        ("07:20:53", "any", "password-mismatch", ("password-not-cleartext",)),
        ("07:20:54", "any", "unknown-user", ()),
        ("07:20:56", "any", "unknown-user", ()),
        ("07:21:00", "any", "password-mismatch", ("password-not-cleartext",)),
        ("07:21:02", "CRAM-MD5", "password-unreadable", ()),
        ("07:21:02", "PLAIN", "user-denied", ()),
        ("07:22:00", "any", "proxy-authorization-denied", ("unknown-user",)),
        ("07:22:02", "any", "proxy-bind-failed", ()),
        ("07:22:05", "any", "proxy-bind-failed", ()),
        ("07:22:07", "any", "proxy-bind-failed", ()),
        ("07:22:13", "plaintext", "directory-unreachable", ()),
        ("07:22:18", "CRAM-MD5", "directory-error", ()),
        ("07:22:20", "any", "auxprop-plugin-missing", ()),
        ("07:22:21", "any", "auxprop-plugin-missing", ("mechanism-unavailable",)),
        ("07:22:22", "any", "saslauthd-unreachable", ()),
        ("07:23:04", "any", "plaintext-refused", ("mechanism-unavailable",)),
        ("07:23:07", "any", "mechanism-unavailable", ()),
        ("07:23:10", "any", "mechanism-unavailable", ()),
        ("07:23:21", "any", "user-denied", ()),
        ("07:23:51", "any", "tls-key-unusable", ()),
        ("07:23:59", "any", "tls-handshake-failed", ("client-gone",)),
        ("07:24:00", "any", "client-gone", ("tls-handshake-failed",)),
        ("07:26:16", "any", "mailbox-damaged", ()),
        ("07:26:19", "any", "mailbox-damaged", ()),
    ],
)
def test_causes(clock: str, mechanism: str, cause: str, also: tuple[str, ...]) -> None:
    trace = at(clock, mechanism)
    assert (trace.cause, trace.also) == (cause, also)
    assert trace.evidence


def test_a_login_that_is_turned_away_afterwards_has_failed() -> None:
    both = [trace for trace in traces() if trace.end == at("07:23:21").end - 1]
    assert sorted((trace.outcome, trace.cause or "") for trace in both) == [
        ("failed", "too-many-logins"),
        ("ok", ""),
    ]


def test_a_process_that_dies_is_no_login_but_a_damaged_mailbox_is() -> None:
    assert at("07:26:16").outcome == "failed"
    assert at("07:26:19").outcome == "ok"
    # what kills the process a second later is the next client's start
    assert at("07:26:21").outcome == "ok"


def test_tls_that_came_to_nothing_is_incomplete() -> None:
    trace = at("07:24:00")
    assert (trace.outcome, trace.user, trace.mechanism) == ("incomplete", None, None)
    assert trace.tls is not None
    assert trace.tls.version == "TLSv1.3"


def test_evidence_points_at_the_lines_that_prove_it() -> None:
    trace = at("07:22:05")
    proof = [trace.events[number].text for number in trace.evidence]
    assert any("tag=97 err=49" in text for text in proof)
    assert any(text.startswith("badlogin:") for text in proof)
    key = at("07:23:56")
    assert "key values mismatch" in " ".join(key.events[number].text for number in key.evidence)
    assert "key values mismatch" in key.explanation


def test_what_is_linked_is_linked_to_the_only_connection_of_its_moment() -> None:
    sure = [trace.ldap for trace in traces() if trace.ldap and trace.ldap.confidence is Confidence.CERTAIN]
    assert len(sure) > 50
    assert len({(link.pid, link.conn) for link in sure}) == len(sure)
