"""The attempts of a stretch of time, read from the logs from their beginning to their end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Protocol

from cyrtui.host.journal_names import is_journal
from cyrtui.host.protocol import Host
from cyrtui.logins.book import TraceBook
from cyrtui.logins.learned import Directory
from cyrtui.logins.trace import LoginTrace
from cyrtui.logs.record import Record
from cyrtui.logs.sources import LogSources

if TYPE_CHECKING:
    from collections.abc import Mapping

BEFORE: Final = 600.0
AFTER: Final = 120.0
"""Seconds before and after the wanted time whose lines may belong to an attempt within it."""
# Seconds that the answers of the directory are waited for.
_PATIENCE: Final = 30.0
# Whoever settles more often solves the same blocks of time again and again.
_SETTLED_AT_ONCE: Final = 40_000


class SlowDirectory(Directory, Protocol):
    """A directory whose answers come later, and can be waited for. `problem` is a sentence about them."""

    problem: str | None

    def wait_idle(self, seconds: float) -> bool:
        """Wait until all is answered; False if that takes longer."""
        ...


class Reading:
    """All attempts from `since` to `until`, and some around them; None is no bound.

    Times are seconds since the epoch. With `since` the rotated archives are read too, unless the host is a
    recording. `slow` is as in `TraceBook`; a `directory` is waited for, so that its answers count. `stopped`
    is asked often, and ends the reading early. One thread may use it; `close` lets go of the files.
    """

    def __init__(
        self,
        host: Host,
        sources: LogSources,
        *,
        since: float | None,
        until: float | None,
        slow: float,
        directory: SlowDirectory | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        from cyrtui.logs.records import RecordFeed

        self._host = host
        self._until = until
        self._slow = slow
        self._directory = directory
        self._stopped = stopped
        self._slowly = False
        self.reached = -math.inf
        since = None if since is None else since - BEFORE
        whole = since is None and not any(is_journal(one.path) for one in sources.sources)
        # of the journal only the last part is open at first: its past is reached like that of archives
        self._feed = RecordFeed(
            host,
            sources,
            since=since if since is not None or whole else 0.0,
            limit=None,
            archives=not whole and host.name.kind != "recording",
        )

    @property
    def begins(self) -> Mapping[str, float]:
        """By the paths of the logs, the times of the first lines in the oldest archives that were read."""
        return self._feed.begins

    @property
    def problems(self) -> list[str]:
        """Sentences about what could not be read, and about what was judged without the directory."""
        said = [*self._feed.problems, *(loss.sentence for loss in self._feed.losses)]
        if self._slowly:
            said.append("The directory answers too slowly: some names and passwords were judged without it.")
        if self._directory is not None and self._directory.problem is not None:
            said.append(self._directory.problem)
        return said

    def traces(self) -> Iterator[list[LoginTrace]]:
        """The attempts in lists, about oldest first; empty ones tell only that `reached` went on."""
        dropped: list[LoginTrace] = []
        book = TraceBook(on_drop=dropped.append, slow=self._slow, directory=self._directory)
        try:
            yield from self._told(book, dropped)
        finally:
            book.close()

    def _told(self, book: TraceBook, dropped: list[LoginTrace]) -> Iterator[list[LoginTrace]]:
        waiting = 0
        for records in self._records():
            book.feed(records)
            waiting += len(records)
            if records:
                self.reached = records[-1].time
            if waiting >= _SETTLED_AT_ONCE:
                waiting = 0
                self._ask(book, self.reached)
                book.settle(self.reached)
            yield dropped
            dropped.clear()
        if self._stopped():
            return
        self._ask(book, self._host.now())
        book.settle(self._host.now(), at_rest=True)
        yield [*dropped, *book.traces()]

    def _ask(self, book: TraceBook, now: float) -> None:
        """Let the book ask what it wants to know, and wait for the answers: here nobody looks on."""
        if self._directory is None:
            return
        book.settle(now)
        self._slowly = not self._directory.wait_idle(_PATIENCE) or self._slowly

    def _records(self) -> Iterator[list[Record]]:
        until = math.inf if self._until is None else self._until + AFTER
        more = True
        while more or not self._feed.caught_up:
            records, more = self._feed.poll(0.2)
            if self._stopped():
                return
            if records and records[0].time > until:
                yield self._feed.held(until)
                return
            yield records
        # in a copy, a last line without its newline may be whole; a piece of one continues nothing
        rest = [record for record in self._feed.unfinished() if record.parsed]
        if rest:
            yield sorted(rest, key=lambda record: record.time)

    def close(self) -> None:
        """Let go of the files. Idempotent."""
        self._feed.close()
