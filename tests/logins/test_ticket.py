"""A trace as text for a ticket: the verdict, every line, the remedy."""

from zoneinfo import ZoneInfo

from cyrtui.logins.book import TraceBook
from cyrtui.logins.ticket import as_ticket
from cyrtui.logins.titles import TITLES, cause_title

from .reading import recorded


def test_the_articles_login_as_text() -> None:
    book = TraceBook()
    for records in recorded("article").values():
        book.feed(records)
    book.settle(records[-1].time + 60)
    (trace,) = book.traces()
    text = as_ticket(trace, ZoneInfo("Europe/Paris"))
    lines = text.splitlines()
    assert lines[0].startswith("OK  toto  imap[4891]  from 127.0.0.1")
    assert sum(line[2:7] in ("mail ", "auth ", "slapd") for line in lines) == 21
    assert "slapd's connection: 40" in text
    assert text.endswith("\n")


def test_every_cause_code_has_a_title() -> None:
    from cyrtui.logins.rules import RULES

    assert {rule.cause for rule in RULES} <= TITLES.keys()
    assert cause_title(None) == "cause unknown"
