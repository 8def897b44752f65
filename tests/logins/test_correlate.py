"""Small situations in which the right answer can be argued by hand."""

from __future__ import annotations

import pytest

from cyrtui.logins.trace import Confidence
from tests.logins.lines import PROXY, Script, only, person
from tests.logins.measuring import UidDirectory

CERTAIN, LIKELY, AMBIGUOUS = Confidence.CERTAIN, Confidence.LIKELY, Confidence.AMBIGUOUS


def taught(script: Script, users: dict[str, str], *, begin: float = 1000.0, rounds: int = 2) -> None:
    """Lonely logins of each user, from which his DN can be learned."""
    for round_number in range(rounds):
        for number, (user, dn) in enumerate(users.items()):
            time = begin + round_number * 500 + number * 30
            script.granted(time, 5000 + int(time), dn)
            script.ok(time, user, pid=700 + number)


@pytest.mark.parametrize("whole", [True, False])
def test_one_attempt_and_one_look_up(whole: bool) -> None:
    script = Script(whole_seconds=whole)
    script.granted(1.0, 1000, person(701))
    script.ok(1.02, "toto")
    link = only(script.traces()).ldap
    assert link is not None
    assert (link.conn, link.pid, link.dn, link.confidence) == (1000, 900, person(701), CERTAIN)


def test_two_unknown_users_in_one_second_are_not_certain() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.granted(1, 1001, person(702))
    script.ok(1, "toto", pid=1)
    script.ok(1, "julien", pid=2)
    for trace, conn in zip(script.traces(), (1000, 1001), strict=True):
        assert trace.ldap is not None
        assert trace.ldap.confidence is not CERTAIN
        assert trace.ldap.conn == conn


def test_a_known_user_settles_the_other_too() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.granted(1, 1001, person(702))
    script.ok(1, "julien", pid=2)
    script.ok(1, "toto", pid=1)
    taught(script, {"toto": person(701)})
    julien, toto = script.traces()[:2]
    assert julien.ldap is not None
    assert toto.ldap is not None
    assert (julien.ldap.conn, julien.ldap.confidence) == (1001, CERTAIN)
    assert (toto.ldap.conn, toto.ldap.confidence) == (1000, CERTAIN)


def test_the_directory_settles_it_at_once() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.granted(1, 1001, person(702))
    script.ok(1, "julien", pid=2)
    script.ok(1, "toto", pid=1)
    julien, toto = script.traces(directory=UidDirectory({person(701): "toto", person(702): "julien"}))
    assert julien.ldap is not None
    assert toto.ldap is not None
    assert (julien.ldap.conn, julien.ldap.confidence) == (1001, CERTAIN)
    assert (toto.ldap.conn, toto.ldap.confidence) == (1000, CERTAIN)


def test_what_a_dn_looks_like_tips_the_scales_but_proves_nothing() -> None:
    script = Script()
    script.granted(1, 1000, "cn=toto tata,ou=people,dc=example,dc=net")
    script.granted(1, 1001, "cn=julien petit,ou=people,dc=example,dc=net")
    script.ok(1, "julien", pid=2)
    script.ok(1, "toto", pid=1)
    julien, toto = script.traces()
    assert julien.ldap is not None
    assert toto.ldap is not None
    assert (julien.ldap.conn, toto.ldap.conn) == (1001, 1000)
    assert julien.ldap.confidence is not CERTAIN
    assert toto.ldap.confidence is not CERTAIN


def test_the_mechanism_tells_two_look_ups_apart() -> None:
    script = Script()
    script.granted(1, 1000, person(701), attributes="userPassword cmusaslsecretCRAM-MD5")
    script.granted(1, 1001, person(702), attributes="userPassword cmusaslsecretDIGEST-MD5")
    script.ok(1, "julien", "DIGEST-MD5", pid=2)
    script.ok(1, "toto", "CRAM-MD5", pid=1)
    julien, toto = script.traces()
    assert julien.ldap is not None
    assert toto.ldap is not None
    assert (julien.ldap.conn, julien.ldap.confidence) == (1001, CERTAIN)
    assert (toto.ldap.conn, toto.ldap.confidence) == (1000, CERTAIN)


def test_the_outcome_tells_two_look_ups_apart() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.denied(1, 1001)
    script.broken(1, "nobody", pid=2)
    script.ok(1, "toto", pid=1)
    nobody, toto = script.traces()
    assert nobody.ldap is not None
    assert toto.ldap is not None
    assert (nobody.ldap.conn, nobody.ldap.dn, nobody.ldap.confidence) == (1001, None, CERTAIN)
    assert (toto.ldap.conn, toto.ldap.confidence) == (1000, CERTAIN)


def test_two_failures_without_a_name_are_ambiguous_or_likely_and_say_so() -> None:
    script = Script()
    script.denied(1, 1000)
    script.denied(1, 1001)
    script.denied(1, 1002)
    script.broken(1, "nobody1", pid=1)
    script.broken(1, "nobody2", pid=2)
    for trace in script.traces():
        assert trace.ldap is not None
        assert trace.ldap.confidence is AMBIGUOUS
        assert len(trace.ldap.candidates) >= 2
        assert trace.ldap.conn == trace.ldap.candidates[0]
        # whichever it was, it was denied: the cause stands, the lines of slapd's are not shown
        assert trace.cause == "proxy-authorization-denied"
        assert trace.also == ("unknown-user",)
        assert not [event for event in trace.events if event.source == "slapd"]


def test_two_attempts_and_one_look_up_leave_it_open() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.ok(1, "toto", pid=1)
    script.ok(1, "julien", pid=2)
    confidences = {trace.ldap.confidence for trace in script.traces() if trace.ldap}
    assert confidences == {AMBIGUOUS}


def test_a_process_does_one_thing_after_the_other() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.granted(1, 1001, person(702))
    script.ok(1, "toto", pid=1)
    script.ok(1, "julien", pid=1)
    toto, julien = script.traces()
    assert toto.ldap is not None
    assert julien.ldap is not None
    assert (toto.ldap.conn, toto.ldap.confidence) == (1000, CERTAIN)
    assert (julien.ldap.conn, julien.ldap.confidence) == (1001, CERTAIN)


def test_a_look_up_before_the_client_came_is_another_ones() -> None:
    script = Script(whole_seconds=False)
    script.granted(1.0, 1000, person(701))
    script.mail(1.3, "accepted connection")
    script.ok(1.4, "toto")
    assert only(script.traces()).ldap is None


def test_the_steps_in_auth_log_say_when_it_asked() -> None:
    script = Script(whole_seconds=False)
    script.granted(1.0, 1000, person(701))
    script.granted(2.0, 1001, person(702))
    for step in (2, 2, 3):
        script.auth(1.001, f"DIGEST-MD5 client step {step}")
    script.ok(2.4, "toto", "DIGEST-MD5")
    link = only(script.traces()).ldap
    assert link is None
    script.lines.clear()
    script.granted(11.0, 1002, person(701), attributes="userPassword cmusaslsecretDIGEST-MD5")
    script.granted(12.0, 1003, person(702), attributes="userPassword cmusaslsecretDIGEST-MD5")
    for step in (2, 2, 3):
        script.auth(11.001, f"DIGEST-MD5 client step {step}")
    script.ok(12.4, "toto", "DIGEST-MD5")
    link = only(script.traces()).ldap
    assert link is not None
    assert link.conn == 1002


def test_cyrus_may_write_before_slapd_does() -> None:
    script = Script(whole_seconds=False)
    script.bound(1.0, 1000)
    script.broken(1.010, "nobody")
    script.slapd(1.012, "conn=1000 op=3 UNBIND")
    script.slapd(1.012, "conn=1000 op=2 RESULT tag=120 err=123 text=not authorized to assume identity")
    script.slapd(1.013, "conn=1000 fd=9 closed")
    trace = only(script.traces())
    assert trace.ldap is not None
    assert (trace.ldap.conn, trace.ldap.confidence, trace.cause) == (1000, CERTAIN, "unknown-user")


def test_pop3_sleeps_before_it_logs_a_failed_auth() -> None:
    script = Script()
    script.mail(15, "accepted connection", service="pop3")
    script.granted(15, 1000, person(704), attributes="userPassword cmusaslsecretCRAM-MD5")
    script.mail(18, "badlogin: localhost [127.0.0.1] CRAM-MD5 authentication failure", service="pop3")
    link = only(script.traces()).ldap
    assert link is not None
    assert (link.conn, link.confidence) == (1000, CERTAIN)


def test_who_acts_for_another_proves_his_own_identity() -> None:
    script = Script()
    taught(script, {"franck": person(705)})
    script.granted(1, 1000, PROXY)
    script.ok(1, "franck", "PLAIN")
    first = script.traces()[0]
    assert first.ldap is not None
    assert (first.ldap.conn, first.ldap.dn) == (1000, PROXY)


def test_plaintext_login_never_reads_another_users_entry() -> None:
    script = Script()
    taught(script, {"franck": person(705), "toto": person(701)}, rounds=10)
    script.granted(1, 1000, person(701))
    script.ok(1, "franck", "plaintext")
    assert script.traces()[0].ldap is None


def test_other_users_of_the_directory_are_left_alone() -> None:
    script = Script()
    for conn, bind in ((1, 'BIND dn="cn=nss,dc=example" method=128'), (2, 'BIND dn="" method=128')):
        script.slapd(1, f"conn={conn} fd=9 ACCEPT from IP=[::1]:40000 (IP=[::1]:389)")
        script.slapd(1, f"conn={conn} op=0 {bind}")
        script.slapd(1, f"conn={conn} op=0 RESULT tag=97 err=0 text=")
        script.slapd(1, f'conn={conn} op=1 SRCH base="dc=example" scope=2 deref=0 filter="(uid=toto)"')
        script.slapd(1, f"conn={conn} op=1 SEARCH RESULT tag=101 err=0 nentries=1 text=")
        script.closed(1, conn)
    script.ok(1, "toto")
    assert only(script.traces()).ldap is None


def test_a_slapd_that_starts_again_with_the_same_pid() -> None:
    """In a container its pid is always the same, and conn numbers begin again."""
    script = Script()
    script.granted(1, 1000, person(701))
    script.ok(1, "toto")
    script.slapd(100, "slapd starting")
    script.granted(101, 1000, person(702))
    script.ok(101, "julien")
    toto, julien = script.traces()
    assert toto.ldap is not None
    assert julien.ldap is not None
    assert (toto.ldap.dn, julien.ldap.dn) == (person(701), person(702))
    assert len([event for event in julien.events if event.source == "slapd"]) == 17


def test_look_ups_that_cost_a_mail_line_nothing_are_not_lost_on_the_wrong_user() -> None:
    """Another program asks through the same proxy for a user who logs in at the same moment."""
    script = Script()
    taught(script, {"toto": person(701), "julien": person(702)})
    script.granted(1, 1000, person(702))
    script.granted(1, 1001, person(701))
    script.ok(1, "toto")
    trace = script.traces()[0]
    assert trace.ldap is not None
    assert (trace.ldap.conn, trace.ldap.confidence) == (1001, CERTAIN)


def test_timsieved_may_welcome_a_user_long_after_the_look_up() -> None:
    """A second session of the same user waits until the first has ended; so it was seen on a 3.6."""
    script = Script(whole_seconds=False)
    script.granted(1.01, 1000, person(701))
    script.mail(8.73, "login: localhost [::1] toto PLAIN User logged in", pid=7, service="sieve")
    script.granted(30.01, 1001, person(701))
    script.mail(37.73, "login: localhost [::1] toto PLAIN User logged in", pid=8, service="imap")
    sieve, imap = script.traces()
    assert sieve.ldap is not None
    assert sieve.ldap.conn == 1000
    assert imap.ldap is None
