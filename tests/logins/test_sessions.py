"""Which lines belong to which attempt of a process that serves many."""

from __future__ import annotations

from cyrtui.logs.record import LogRole
from tests.logins.lines import Script, only, texts

TLS = "starttls: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits new) no authentication"


def test_a_process_is_cut_at_each_attempt() -> None:
    script = Script()
    script.mail(1, "accepted connection")
    script.wrong(2, "toto")
    script.mail(5, "accepted connection")
    script.ok(6, "julien")
    script.mail(7, "open: user julien opened INBOX")
    script.mail(9, "USAGE julien user: 0.010000 sys: 0.000000")
    first, second = script.traces()
    assert texts(first) == ["accepted connection", script.lines[1].text]
    assert texts(second) == [record.text for record in script.lines[2:]]


def test_tries_of_one_connection_share_its_tls() -> None:
    script = Script()
    script.mail(1, "accepted connection")
    script.mail(1, TLS)
    script.wrong(2, "toto")
    script.wrong(6, "toto")
    script.mail(20, "accepted connection")
    script.wrong(21, "toto")
    tls = [trace.tls.version if trace.tls else None for trace in script.traces()]
    assert tls == ["TLSv1.3", "TLSv1.3", None]


def test_tls_of_a_client_who_left_is_not_the_next_ones() -> None:
    """3.x writes no line when it takes a client."""
    script = Script()
    script.mail(1, TLS)
    script.mail(30, "login: [10.1.2.3] toto plaintext User logged in SESSIONID=<s-1>")
    left, trace = script.traces()
    assert (left.outcome, left.cause, left.user) == ("incomplete", "client-gone", None)
    assert (trace.outcome, trace.tls, trace.session_id) == ("ok", None, "s-1")


def test_a_login_with_tls_whose_beginning_is_not_logged() -> None:
    script = Script()
    script.ok(1, "toto", "PLAIN+TLS")
    trace = only(script.traces())
    assert trace.mechanism == "PLAIN"
    assert trace.tls is not None
    assert trace.tls.version is None


def test_sasl_text_stands_before_its_badlogin() -> None:
    script = Script()
    script.ok(1, "julien")
    script.mail(2, "SASL Password verification failed")
    script.mail(
        2,
        "badlogin: [10.1.2.3] PLAIN (toto) [SASL(-13): authentication failure: Password verification failed]",
    )
    first, second = script.traces()
    assert len(first.events) == 1
    assert texts(second)[0] == "SASL Password verification failed"


def test_one_failure_to_set_up_tls_is_one_attempt() -> None:
    script = Script()
    for text in (
        "accepted connection",
        "unable to get private key from '/k.pem'",
        "TLS server engine: cannot load cert/key data",
        "error initializing TLS",
        "Fatal error: tls_init() failed",
    ):
        script.mail(1, text, service="imaps")
    trace = only(script.traces())
    assert (trace.service, trace.outcome, trace.cause, trace.user) == (
        "imaps",
        "failed",
        "tls-key-unusable",
        None,
    )
    assert len(trace.events) == 5


def test_lines_that_are_too_many_are_counted() -> None:
    script = Script()
    script.ok(1, "toto")
    for _ in range(100):
        script.mail(2, "open: user toto opened INBOX")
    trace = only(script.traces())
    assert len(trace.events) + trace.more_lines == 101
    assert trace.more_lines > 0


def test_a_long_prelude_keeps_its_beginning_and_its_end() -> None:
    script = Script()
    script.mail(1, "accepted connection")
    for _ in range(100):
        script.mail(1, "SASL Internal Error -4 in ../../lib/server.c near line 1765")
    script.mail(1, "SASL Couldn't find mech PLAIN")
    script.wrong(1, "toto")
    trace = only(script.traces())
    shown = texts(trace)
    assert shown[0] == "accepted connection"
    assert shown[-2] == "SASL Couldn't find mech PLAIN"
    assert len(shown) + trace.more_lines == 103


def test_auth_lines_go_to_the_attempt_that_they_led_to() -> None:
    script = Script()
    script.auth(1, "DIGEST-MD5 client step 2")
    script.auth(1, "DIGEST-MD5 client step 3")
    script.ok(1, "toto")
    script.auth(9, "DIGEST-MD5 client step 2")
    script.auth(9, "no secret in database")
    script.wrong(9, "julien")
    script.auth(9, "DIGEST-MD5 client step 2", pid=101)
    first, second = script.traces()
    assert texts(first, "auth") == ["DIGEST-MD5 client step 2", "DIGEST-MD5 client step 3"]
    assert texts(second, "auth") == ["DIGEST-MD5 client step 2", "no secret in database"]


def test_auth_lines_of_attempts_in_one_second_are_dealt_out() -> None:
    script = Script()
    for number in range(4):
        script.auth(1, f"DIGEST-MD5 client step {number}")
    script.ok(1, "toto")
    script.ok(1, "julien")
    first, second = script.traces()
    assert texts(first, "auth") == ["DIGEST-MD5 client step 0", "DIGEST-MD5 client step 1"]
    assert texts(second, "auth") == ["DIGEST-MD5 client step 2", "DIGEST-MD5 client step 3"]


def test_same_pid_on_another_host_or_service_is_another_process() -> None:
    script = Script()
    script.mail(1, "SASL no secret in database", service="imap")
    script.mail(2, "badlogin: [10.1.2.3] PLAIN authentication failure", service="sieve")
    trace = only(script.traces())
    assert len(trace.events) == 1


def test_a_stranger_with_mail_like_words_is_no_attempt() -> None:
    script = Script()
    script.line(LogRole.MAIL, 1, "cyrus/imap", None, "login: [10.1.2.3] toto plaintext User logged in")
    assert script.traces() == []
