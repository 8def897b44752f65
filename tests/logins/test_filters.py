"""Which attempts are wanted: every condition alone and together, and the words for them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.errors import CyrtuiError
from cyrtui.logins.events import Client
from cyrtui.logins.filters import FilterError, TraceFilter, moment_of, parse_filter
from cyrtui.logins.trace import LoginTrace
from cyrtui.logs.when import MomentError
from tests.logins.lines import BASE, Script, only, person

NOW = BASE + 3600


def the_trace() -> LoginTrace:
    script = Script()
    script.granted(1, 1000, person(701))
    script.wrong(1, "julien")
    return only(script.traces())


FAILED = the_trace()
OTHERS = {
    "user": FAILED._replace(user="toto"),
    "nobody": FAILED._replace(user=None),
    "cause": FAILED._replace(cause="unknown-user"),
    "service": FAILED._replace(service="imaps"),
    "client": FAILED._replace(client=Client("host.example.net", "198.51.100.7")),
    "mapped": FAILED._replace(client=Client(None, "::ffff:198.51.100.8")),
    "six": FAILED._replace(client=Client(None, "2001:db8::5")),
    "socket": FAILED._replace(client=None),
    "later": FAILED._replace(end=BASE + 1000),
    "ok": FAILED._replace(outcome="ok", cause=None),
    "incomplete": FAILED._replace(outcome="incomplete", cause="client-gone"),
}


def left(text: str) -> set[str]:
    """The names of the traces that these words leave."""
    wanted = parse_filter(text, NOW, UTC)
    return {name for name, trace in {"failed": FAILED, **OTHERS}.items() if wanted.holds(trace)}


ALL = {"failed", *OTHERS}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ALL),
        ("user:julien", ALL - {"user", "nobody"}),
        ("JULIEN", ALL - {"user", "nobody"}),
        ("user:juli", set()),
        ("toto", {"user"}),
        ("cause:password-mismatch", ALL - {"cause", "ok", "incomplete"}),
        ("cause:password", ALL - {"cause", "ok", "incomplete"}),
        ("svc:imaps", {"service"}),
        ("service:IMAPS", {"service"}),
        ("from:198.51.100.7", {"client"}),
        ("from:198.51.100.0/24", {"client", "mapped"}),
        ("from:198.51.100.99/24", {"client", "mapped"}),
        ("from:2001:db8::/32", {"six"}),
        ("from:0.0.0.0/0", ALL - {"six", "socket"}),
        ("from:example.net", {"client"}),
        ("failed", ALL - {"ok", "incomplete"}),
        ("since:'10 min ago'", set()),
        ("since:50m", {"later"}),
        ("until:2026-11-22T07:21:00Z", ALL - {"later"}),
        ("user:julien cause:password svc:imap from:10.0.0.0/8 failed", {"failed", "later"}),
        ("user:julien user:toto", {"user"}),
    ],
)
def test_conditions(text: str, names: set[str]) -> None:
    assert left(text) == names


@pytest.mark.parametrize("text", ["colour:red", "user:", "from:1.2.3.4.5", "from:10.0.0.0/99", "user:'toto"])
def test_what_is_no_condition_gets_a_sentence(text: str) -> None:
    with pytest.raises(FilterError, match=r"is no .*\."):
        parse_filter(text, NOW, UTC)


def test_a_time_that_is_none_gets_a_sentence() -> None:
    with pytest.raises(MomentError):
        parse_filter("since:someday", NOW, UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10 min ago", 600), ("1 hour ago", 3600), ("2 Hours ago", 7200), ("90s", 90), ("10m", 600),
        ("3 days ago", 259200), ("1 week  ago", 604800), ("-10m", 600), ("45 seconds ago", 45),
    ],
)  # fmt: skip
def test_so_long_ago(text: str, seconds: float) -> None:
    assert moment_of(text, NOW, UTC) == NOW - seconds


def test_an_iso_time() -> None:
    when = datetime(2026, 5, 10, 13, 11, 28, tzinfo=UTC).timestamp()
    for text in ("2026-05-10T13:11:28Z", "2026-05-10T15:11:28+02:00", "2026-05-10 13:11:28"):
        assert moment_of(text, NOW, UTC) == when


@pytest.mark.parametrize(
    "text",
    [
        "user:julien cause:password svc:imaps from:198.51.100.0/24 failed",
        "from:2001:db8::1",
        "user:'a b' since:2026-11-22T08:00:00+00:00",
        "user:O\\'Neil from:example.net",
    ],
)
def test_words_are_read_as_they_are_written(text: str) -> None:
    wanted = parse_filter(text, NOW, UTC)
    assert parse_filter(wanted.words(UTC), NOW, UTC) == wanted


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("since:yesterday 14:00 julien", "since:'yesterday 14:00' user:julien"),
        ("julien since:May 10 13:11 until:May 10 14:11", "julien since:'May 10 13:11' until:'May 10 14:11'"),
        ("since:2026-05-10 13:11 failed", "since:'2026-05-10 13:11' failed"),
        ("since:10 min ago svc:imap", "since:'10 min ago' svc:imap"),
        ("since:yesterday", "since:'yesterday'"),
    ],
)
def test_a_time_needs_no_quotes(text: str, quoted: str) -> None:
    assert parse_filter(text, NOW, UTC) == parse_filter(quoted, NOW, UTC)


@pytest.mark.parametrize("text", ["jean claude", "since:10m until:20m", "cause:pass"])
def test_what_would_be_misunderstood_is_asked_for_anew(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text, NOW, UTC)


def test_nothing_asked_is_no_filter() -> None:
    assert not TraceFilter()
    assert not parse_filter("  ", NOW, UTC)
    assert parse_filter("failed", NOW, UTC)


@given(st.text(max_size=60))
def test_any_words_are_a_filter_or_get_a_sentence(text: str) -> None:
    try:
        wanted = parse_filter(text, NOW, UTC)
    except CyrtuiError as error:
        assert str(error).endswith(".")
    else:
        wanted.holds(FAILED)
        assert parse_filter(wanted.words(UTC), NOW, UTC) == wanted
