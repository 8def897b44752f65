"""saslauthd's refusals and the attempts that they led to."""

from __future__ import annotations

from itertools import count

import pytest

from cyrtui.logins.book import TraceBook
from cyrtui.logs.record import LogRole, Record

AT = 1_795_335_356.0
_OFFSETS = count(step=1000)


def refusal(time: float, user: str = "bob", service: str = "imap") -> Record:
    text = f"auth failure: [user={user}] [service={service}] [realm=] [mech=ldap] [reason=Unknown]"
    text = f"{' ' * 16}: {text}"
    return _record(LogRole.AUTH, time, "saslauthd", 812, text)


def badlogin(time: float, pid: int, user: str = "bob", ident: str = "cyrus/imap") -> Record:
    text = (
        f"badlogin: localhost [::1] plaintext ({user}) [SASL(-13): authentication failure: checkpass failed]"
    )
    return _record(LogRole.MAIL, time, ident, pid, text)


def _record(role: LogRole, time: float, ident: str, pid: int, text: str) -> Record:
    offset = next(_OFFSETS)
    path = f"/var/log/{role}"
    return Record(
        role, AT + time, whole_seconds=True, host="mx", ident=ident, pid=pid, text=text, path=path,
        offset=offset, end=offset + 99, parsed=True,
    )  # fmt: skip


def told(*records: Record) -> list[list[float]]:
    """For each attempt, in their order, the seconds of saslauthd's lines in it."""
    book = TraceBook()
    book.feed(records)
    book.settle(AT + 3600)
    traces = sorted(book.traces(), key=lambda trace: trace.key)
    return [[event.time - AT for event in trace.events if event.source == "auth"] for trace in traces]


@pytest.mark.parametrize("late", [False, True])
def test_each_goes_to_the_attempt_behind_it(late: bool) -> None:
    heard = [refusal(0), refusal(2), refusal(2, "eve")]
    tried = [badlogin(0, 7), badlogin(3, 8), badlogin(5, 9, "eve"), badlogin(60, 7)]
    assert told(*(tried + heard if late else heard + tried)) == [[0.0], [2.0], [2.0], []]


def test_another_service_s_is_another_attempt_s() -> None:
    assert told(refusal(0, service="sieve"), badlogin(1, 7)) == [[]]
    assert told(refusal(0, service="pop"), badlogin(1, 7, ident="cyrus/pop3s")) == [[0.0]]
    assert told(refusal(0, "BOB"), badlogin(1, 7, "bob@example.net")) == [[0.0]]


def test_what_comes_behind_an_attempt_or_long_before_did_not_lead_to_it() -> None:
    assert told(badlogin(0, 7), refusal(2)) == [[]]
    assert told(refusal(0), badlogin(8, 7)) == [[]]


def test_it_is_told_with_its_reason() -> None:
    book = TraceBook()
    book.feed([refusal(0), badlogin(0, 7)])
    book.settle(AT + 3600)
    (trace,) = book.traces()
    assert (trace.cause, trace.also) == ("password-mismatch", ("unknown-user", "directory-unreachable"))
    assert "(auth failure: [user=bob] " in trace.explanation
    assert "[reason=Unknown])" in trace.explanation
    assert {trace.events[number].source for number in trace.evidence} == {"auth", "mail"}
