"""The article's three log excerpts are one trace."""

from __future__ import annotations

from datetime import UTC

import pytest

from cyrtui.logins.book import TraceBook
from cyrtui.logins.export import as_json
from cyrtui.logins.trace import Confidence, LoginTrace
from cyrtui.logs.record import LogRole, Record
from tests.logins.reading import RECORDINGS, records

FOLDER = RECORDINGS / "article"
END = 1795348800.0


def article(slapd: str) -> list[list[Record]]:
    return [
        records((FOLDER / name).read_bytes(), role, f"/var/log/{name}")
        for role, name in (
            (LogRole.MAIL, "mail.info"),
            (LogRole.AUTH, "auth.log"),
            (LogRole.SLAPD, slapd),
        )
    ]


def the_trace(logs: list[list[Record]]) -> LoginTrace:
    book = TraceBook()
    for log in logs:
        book.feed(log)
    book.settle(END)
    (trace,) = book.traces()
    return trace


@pytest.mark.parametrize("slapd", ["slapd.log", "slapd-wrapped.log"])
def test_one_trace_with_all_its_lines(slapd: str) -> None:
    trace = the_trace(article(slapd))
    assert (trace.user, trace.service, trace.pid, trace.outcome) == ("toto", "imap", 4891, "ok")
    assert (trace.mechanism, trace.tls, trace.cause) == ("plaintext", None, None)
    assert trace.ldap is not None
    assert (trace.ldap.conn, trace.ldap.pid) == (40, 2482)
    assert trace.ldap.dn == "cn=toto tata,ou=people,dc=example,dc=net"
    assert trace.ldap.confidence is Confidence.CERTAIN
    sources = [event.source for event in trace.events]
    assert (sources.count("mail"), sources.count("auth"), sources.count("slapd")) == (1, 3, 17)
    assert trace.more_lines == 0


def test_every_line_is_there_word_for_word() -> None:
    logs = article("slapd.log")
    trace = the_trace(logs)
    written = sorted(record.text for log in logs for record in log)
    assert sorted(event.text for event in trace.events) == written
    assert len(written) == 21


def test_broken_lines_are_made_whole_again() -> None:
    whole = the_trace(article("slapd.log"))
    broken = the_trace(article("slapd-wrapped.log"))
    assert [event.text for event in broken.events] == [event.text for event in whole.events]


def test_broken_lines_may_arrive_one_by_one() -> None:
    book = TraceBook()
    for log in article("slapd-wrapped.log"):
        for record in log:
            book.feed([record])
            book.settle(record.time)
    book.settle(END)
    assert tuple(book.traces()) == (the_trace(article("slapd-wrapped.log")),)


def test_as_json_to_the_letter() -> None:
    told = as_json(the_trace(article("slapd.log")), UTC)
    events = told.pop("events")
    assert told == {
        "user": "toto",
        "service": "imap",
        "pid": 4891,
        "client": {"name": "localhost", "address": "127.0.0.1"},
        "start": "2026-05-10T13:11:28+00:00",
        "end": "2026-05-10T13:11:28+00:00",
        "outcome": "ok",
        "mechanism": "plaintext",
        "tls": None,
        "session_id": None,
        "ldap": {
            "conn": 40,
            "dn": "cn=toto tata,ou=people,dc=example,dc=net",
            "confidence": "certain",
            "candidates": [],
        },
        "cause": None,
        "explanation": "toto logged in from localhost.",
        "remedy": "",
    }
    assert len(events) == 21
    assert events[0] == {
        "source": "auth",
        "time": "2026-05-10T13:11:28+00:00",
        "text": "DIGEST-MD5 client step 2",
    }
    assert events[-1]["source"] == "mail"
