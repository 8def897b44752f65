"""From lines to causes: what one attempt shows, and what its neighbours make of it."""

from __future__ import annotations

import string

import pytest

from cyrtui.logins.diagnose import Neighbourhood
from cyrtui.logins.rules import BROKEN_OFF, DIED_UNSERVED, RULES, SLOW, UNEXPLAINED, Rule
from tests.logins.lines import BASE, Script, only, person, texts

CODES = {
    "password-mismatch", "password-not-cleartext", "password-unreadable", "unknown-user",
    "proxy-authorization-denied", "proxy-bind-failed", "directory-unreachable", "directory-slow",
    "directory-error", "auxprop-plugin-missing", "mechanism-unavailable", "saslauthd-unreachable",
    "tls-key-unusable", "tls-handshake-failed", "plaintext-refused", "user-denied", "too-many-logins",
    "maxchild-reached", "mailbox-damaged", "service-crashing", "service-not-listening", "port-in-use",
    "config-error", "client-gone",
}  # fmt: skip
WORDS = {
    "user", "service", "mechanism", "dn", "proxy", "text", "file", "reason", "what", "seconds",
}  # fmt: skip


@pytest.mark.parametrize("rule", [*RULES, SLOW, BROKEN_OFF, DIED_UNSERVED, UNEXPLAINED])
def test_a_rule_speaks_in_known_codes_and_words(rule: Rule) -> None:
    assert {rule.cause, *rule.also} <= CODES
    for text in (rule.says, rule.remedy):
        assert text.endswith((".", "}"))
        assert {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name} <= WORDS


class Passwords:
    """A directory that knows nothing but how passwords are stored."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def names(self, _dn: str) -> frozenset[str] | None:
        return None

    def password(self, _dn: str) -> str | None:
        return self.kind


def mistyped() -> Script:
    script = Script()
    script.granted(1, 1000, person(701))
    script.wrong(1, "toto")
    return script


def test_a_wrong_password_may_also_be_a_hashed_one() -> None:
    trace = only(mistyped().traces())
    assert (trace.cause, trace.also) == ("password-mismatch", ("password-not-cleartext",))
    proof = [trace.events[number].text for number in trace.evidence]
    assert proof == ["conn=1000 op=3 SEARCH RESULT tag=101 err=0 nentries=1 text=", texts(trace, "mail")[0]]


@pytest.mark.parametrize(
    ("kind", "cause"), [("hashed", "password-not-cleartext"), ("clear", "password-mismatch")]
)
def test_the_directory_decides_when_it_can_be_asked(kind: str, cause: str) -> None:
    trace = only(mistyped().traces(directory=Passwords(kind)))
    assert (trace.cause, trace.also) == (cause, ())


def test_the_directory_may_answer_later() -> None:
    class Late(Passwords):
        def password(self, _dn: str) -> str | None:
            return self.kind or None

    directory = Late("")
    book = mistyped().book(directory=directory)
    assert book.traces()[0].cause == "password-mismatch"
    directory.kind = "hashed"
    assert book.settle(BASE + 20_000) == {book.traces()[0].key}
    assert book.traces()[0].cause == "password-not-cleartext"


def test_an_unknown_user_alone_may_be_the_proxys_fault() -> None:
    script = Script()
    script.denied(1, 1000)
    script.broken(1, "nobody")
    trace = only(script.traces())
    assert (trace.cause, trace.also) == ("unknown-user", ("proxy-authorization-denied",))


def test_an_unknown_user_among_others_who_get_in_is_unknown() -> None:
    script = Script()
    script.denied(1, 1000)
    script.broken(1, "nobody")
    script.granted(300, 1001, person(701))
    script.ok(300, "toto", pid=2)
    trace = script.traces()[0]
    assert (trace.cause, trace.also) == ("unknown-user", ())


def test_everyone_denied_is_the_proxy() -> None:
    script = Script()
    for number, user in enumerate(("toto", "julien", "franck")):
        script.denied(1 + 60 * number, 1000 + number)
        script.broken(1 + 60 * number, user, pid=number + 1)
    assert {trace.cause for trace in script.traces()} == {"proxy-authorization-denied"}


def test_a_known_user_denied_is_the_proxy_even_alone() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.ok(1, "toto")
    script.granted(100, 1001, person(701))
    script.ok(100, "toto")
    script.denied(5000, 1002)
    script.broken(5000, "toto")
    trace = script.traces()[-1]
    assert (trace.cause, trace.also) == ("proxy-authorization-denied", ("unknown-user",))


def test_a_known_user_denied_while_others_get_in_is_not_called_unknown() -> None:
    script = Script()
    for number in range(3):
        script.granted(1 + 60 * number, 1000 + number, person(701))
        script.ok(1 + 60 * number, "toto")
    script.denied(200, 1010)
    script.broken(200, "toto")
    script.granted(260, 1011, person(702))
    script.ok(260, "julien", pid=2)
    trace = script.traces()[3]
    assert (trace.cause, trace.also) == ("proxy-authorization-denied", ("unknown-user",))


def test_a_database_that_does_its_ordinary_work_is_not_damaged() -> None:
    for text in (
        "twoskip: checkpointed /var/lib/cyrus/mailboxes.db (56 records, 16960 => 9912 bytes) in 0.1 seconds",
        "twoskip: delayed checkpoint not needed for /var/lib/cyrus/mailboxes.db (28440 29248)",
        "skiplist: checkpointed /var/lib/cyrus/mailboxes.db (2 records, 384 bytes) in 0 seconds",
    ):
        script = Script()
        script.ok(1, "toto")
        script.mail(1, text)
        assert only(script.traces()).cause is None


def test_a_process_that_cannot_write_its_proc_file_fails_the_client_whom_it_had_taken() -> None:
    """As a 3.6 server logged it: the login before went well, and its process took the next client."""
    script = Script()
    script.ok(1, "toto")
    script.mail(2, "USAGE toto user: 0.002862 sys: 0.000954")
    script.mail(9, "IOERROR: creating /var/lib/cyrus/proc/100.new: Permission denied")
    script.mail(9, "Fatal error: can't write proc file")
    before, died = script.traces()
    assert (before.user, before.outcome, before.cause) == ("toto", "ok", None)
    assert (died.user, died.outcome, died.cause) == (None, "failed", "service-crashing")
    assert "proc/100.new: Permission denied" in died.explanation
    assert [event.text for event in died.events][1:] == ["Fatal error: can't write proc file"]


def test_a_proc_file_that_fails_after_the_login_fails_that_session() -> None:
    script = Script()
    script.ok(1, "toto")
    script.mail(1, "IOERROR: creating /var/lib/cyrus/proc/100.new: No space left on device")
    trace = only(script.traces())
    assert (trace.outcome, trace.cause) == ("ok", "service-crashing")


def test_databases_that_were_not_recovered_are_a_matter_of_cyrus_conf() -> None:
    script = Script()
    script.ok(1, "toto")
    script.mail(1, "DBERROR: reading /v/cyrus/db/skipstamp, assuming the worst: No such file")
    trace = only(script.traces())
    assert (trace.outcome, trace.cause) == ("ok", "config-error")
    assert "ctl_cyrusdb -r" in trace.remedy


def test_names_tried_at_random_at_night_do_not_blame_a_proxy_that_works() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.ok(1, "toto")
    for number, user in enumerate(("admin", "test", "info", "webmaster")):
        script.denied(50_000 + 60 * number, 2000 + number)
        script.broken(50_000 + 60 * number, user, pid=5)
    causes = {(trace.cause, trace.also) for trace in script.traces(now=100_000)[1:]}
    assert causes == {("unknown-user", ("proxy-authorization-denied",))}


def test_another_proxy_that_works_says_nothing_about_this_one() -> None:
    script = Script()
    other = "cn=noproxy,ou=people,dc=example,dc=net"
    for number in range(2):
        script.granted(10 * number, 1000 + number, person(701))
        script.ok(10 * number, "toto", pid=1)
    script.denied(100, 1010, proxy=other)
    script.broken(100, "toto", pid=2)
    trace = script.traces()[-1]
    assert trace.cause == "proxy-authorization-denied"
    assert other in trace.explanation


def test_a_wrong_password_for_everyone_without_slapds_log_is_probably_the_proxys() -> None:
    script = Script()
    for number, user in enumerate(("toto", "julien", "franck")):
        script.wrong(1 + 60 * number, user, pid=number + 1)
    assert {trace.cause for trace in script.traces()} == {"proxy-bind-failed"}
    script.ok(300, "bogdana", pid=9)
    assert {trace.cause for trace in script.traces() if trace.outcome == "failed"} == {"password-mismatch"}


def test_slow_logins_are_ok_with_the_directory_to_blame() -> None:
    script = Script(whole_seconds=False)
    script.granted(1.0, 1000, person(701), until=4.5)
    script.ok(4.52, "toto")
    trace = only(script.traces())
    assert (trace.outcome, trace.cause) == ("ok", "directory-slow")
    assert "3.5 seconds" in trace.explanation
    assert trace.duration == pytest.approx(3.52)
    assert only(script.traces(slow=5.0)).cause is None


def test_whole_seconds_do_not_make_a_login_slow_that_may_have_been_quick() -> None:
    script = Script()
    script.granted(1, 1000, person(701), until=3)
    script.ok(3, "toto")
    assert only(script.traces()).cause is None
    script = Script()
    script.granted(1, 1000, person(701), until=4)
    script.ok(4, "toto")
    assert only(script.traces()).cause == "directory-slow"


def test_slapds_own_times_show_slowness_that_stamps_hide() -> None:
    script = Script()
    script.bound(1, 1000)
    for text in (
        f'op=2 PROXYAUTHZ dn="{person(701)}"',
        f'op=3 SRCH base="{person(701)}" scope=0 deref=0 filter="(objectClass=*)"',
        "op=3 SRCH attr=userPassword cmusaslsecretPLAIN",
        "op=3 SEARCH RESULT tag=101 err=0 qtime=0.000010 etime=2.400000 nentries=1 text=",
    ):
        script.slapd(3, f"conn=1000 {text}")
    script.closed(3, 1000)
    script.ok(3, "toto")
    trace = only(script.traces())
    assert trace.cause == "directory-slow"
    assert "2.4 seconds" in trace.explanation


def test_what_is_only_likely_says_so() -> None:
    script = Script()
    script.granted(1, 1000, "cn=toto tata,dc=example")
    script.granted(1, 1001, "cn=julien petit,dc=example")
    script.wrong(1, "toto", pid=1)
    script.wrong(1, "julien", pid=2)
    for trace in script.traces():
        assert trace.cause == "password-mismatch"
        assert trace.explanation.endswith("is likely, not certain.)")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("badlogin: [10.1.2.3] plaintext toto SASL(-24): remote authentication server unavailable: checkpass "
         "failed", "directory-unreachable"),
        ("badlogin: [10.1.2.3] PLAIN [SASL(-16): encryption needed to use mechanism: x]",
         "plaintext-refused"),
        ("badlogin: [10.1.2.3] plaintext to%to invalid user", "unknown-user"),
        ("badlogin: [10.1.2.3] plaintext  SASL(-1): generic failure: All-whitespace username.",
         "unknown-user"),
        ("badlogin: [10.1.2.3] plaintext toto SASL(-13): user not found: checkpass failed",
         "password-unreadable"),
        ("badlogin: [10.1.2.3] plaintext toto SASL(-1): generic failure: checkpass failed", "unknown-user"),
        ("badlogin: [10.1.2.3] plaintext toto SASL(-14): authorization failure: x", "user-denied"),
        ("badlogin: [10.1.2.3] PLAIN error base64 decoding string", "client-gone"),
        ("badlogin: [10.1.2.3] PLAIN SASL(-19): account disabled: x", "directory-error"),
        ("STARTTLS negotiation failed: [10.1.2.3]", "tls-handshake-failed"),
        ("error initializing TLS", "tls-key-unusable"),
    ],
)  # fmt: skip
def test_what_the_mail_log_alone_says(text: str, cause: str) -> None:
    script = Script()
    script.mail(1, text)
    trace = only(script.traces())
    assert (trace.outcome, trace.cause) == ("failed", cause)
    assert trace.ldap is None
    assert trace.events[trace.evidence[-1]].text == text


def test_old_sasl_says_user_not_found_whatever_went_wrong() -> None:
    """Up to 2.1.23 the plugin keeps LDAP's errors to itself; slapd's log does not."""
    script = Script()
    script.denied(1, 1000)
    script.mail(1, "badlogin: [10.1.2.3] plaintext toto SASL(-13): user not found: checkpass failed")
    trace = only(script.traces())
    assert trace.ldap is not None
    assert trace.ldap.conn == 1000
    assert trace.cause == "unknown-user"


def test_verdicts_follow_from_the_sums() -> None:
    neighbours = Neighbourhood()
    script = Script()
    script.wrong(1, "toto")
    script.wrong(2, "julien")
    first, second = (draft for draft in script.book()._drafts.values())
    assert not neighbours.verdict(BASE).welcome
    neighbours.note(first, (("welcome", "", ""),))
    neighbours.note(second, (("wrong", "julien", ""),))
    assert neighbours.changed_minutes()
    assert neighbours.verdict(BASE).welcome
    assert neighbours.verdict(BASE).wrong == 1
    neighbours.note(first, ())
    assert neighbours.changed_minutes()
    assert not neighbours.verdict(BASE).welcome
    assert not neighbours.changed_minutes()


def test_who_asks_for_mail_too_soon_is_turned_away_after_the_login() -> None:
    script = Script()
    script.granted(1, 1000, person(701))
    script.ok(1, "toto")
    script.mail(1, "toto: Logins must be at least 5 minutes apart")
    trace = only(script.traces())
    assert (trace.outcome, trace.cause) == ("failed", "too-many-logins")
    assert "at least 5 minutes apart" in trace.explanation
