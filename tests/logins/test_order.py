"""Live and over history the answers are the same, whatever the batches and however the logs interleave."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cyrtui.logins.book import TraceBook
from cyrtui.logins.trace import LoginTrace
from cyrtui.logs.record import LogRole, Record
from tests.logins.generator import Logs, Server, generate
from tests.logins.reading import merged, recorded

AFTERWARDS = 3600.0

BUSY = [
    generate(Server(seed=21, attempts=60, rate=2.0, strangers=0.1, lost=0.01, burst=0.1)),
    generate(Server(seed=22, attempts=60, rate=3.0, whole_seconds=False, named=True, silent=0.05)),
]


def at_once(logs: Logs) -> tuple[LoginTrace, ...]:
    book = TraceBook()
    for log in logs.records().values():
        book.feed(log)
    book.settle(logs.end + AFTERWARDS)
    return tuple(book.traces())


HISTORY = [at_once(logs) for logs in BUSY]


def shuffled(logs: dict[LogRole, list[Record]], rng: random.Random) -> list[Record]:
    """The logs interleaved at random, each in its own order."""
    left = [list(reversed(log)) for log in logs.values() if log]
    out: list[Record] = []
    while left:
        # long runs of one log are as plausible as single lines
        log = rng.choice(left)
        run = min(len(log), rng.choice((1, 1, 3, 40)))
        out.extend(log.pop() for _ in range(run))
        left = [each for each in left if each]
    return out


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), which=st.integers(0, 1), by_time=st.booleans())
def test_batches_and_interleaving_do_not_matter(seed: int, which: int, by_time: bool) -> None:
    rng = random.Random(seed)
    logs = BUSY[which].records()
    line = merged(logs) if by_time else shuffled(logs, rng)
    book = TraceBook()
    now = 0.0
    while line:
        size = rng.choice((1, 2, 7, 50, 400))
        batch, line = line[:size], line[size:]
        book.feed(batch)
        if rng.random() < 0.6:
            now = max(now, max(record.time for record in batch) + rng.choice((0.0, 0.3, 2.0, 20.0)))
            book.settle(now)
    book.settle(BUSY[which].end + AFTERWARDS)
    assert tuple(book.traces()) == HISTORY[which]


@pytest.mark.parametrize("version", ["cyrus-2.2.13", "cyrus-2.4.22"])
def test_line_by_line_says_the_same_as_all_at_once(version: str) -> None:
    logs = recorded(version)
    live, history = TraceBook(), TraceBook()
    for record in merged(logs):
        live.feed([record])
        live.settle(record.time)
    for log in logs.values():
        history.feed(log)
    end = max(log[-1].time for log in logs.values()) + AFTERWARDS
    live.settle(end)
    history.settle(end)
    assert live.traces() == history.traces()


def test_settle_names_what_changed_and_nothing_else() -> None:
    logs = BUSY[0].records()
    book = TraceBook()
    shown: dict[object, LoginTrace] = {}
    for record in merged(logs):
        book.feed([record])
        for key in book.settle(record.time):
            trace = book.get(key)
            assert trace is not None
            assert shown.get(key) != trace
            shown[key] = trace
        assert len(shown) == len(book.traces())
    assert all(shown[trace.key] == trace for trace in book.traces())
    assert not book.settle(max(log[-1].time for log in logs.values() if log))
