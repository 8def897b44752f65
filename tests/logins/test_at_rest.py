"""A clock that stands still (a paused recording) does not leave the newest attempts without their links."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cyrtui.logins.book import TraceBook
from cyrtui.logs.record import Record

from .reading import recorded

RECORDS: list[Record] = sorted(
    (record for records in recorded("cyrus-2.4.22").values() for record in records),
    key=lambda record: record.time,
)
NOW = RECORDS[-1].time


def told(sizes: list[int]) -> list[object]:
    """All traces after feeding in these portions, settled after each at one and the same moment."""
    book, at = TraceBook(), 0
    for size in sizes:
        book.feed(RECORDS[at : at + size])
        book.settle(NOW)
        at += size
    book.feed(RECORDS[at:])
    book.settle(NOW)
    book.settle(NOW, at_rest=True)
    return list(book.traces())


WHOLE = told([])


@settings(deadline=None, max_examples=12, derandomize=True)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=6))
def test_the_portions_do_not_matter_once_all_is_at_rest(sizes: list[int]) -> None:
    assert told(sizes) == WHOLE


def test_the_newest_attempts_have_their_links() -> None:
    assert sum(1 for trace in WHOLE if getattr(trace, "ldap", None) is not None) > len(WHOLE) // 2
