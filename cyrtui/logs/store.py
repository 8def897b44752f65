"""The logs of a server, for the screens: the last screen at once, a million lines a log, followed live.

One worker thread calls `open`, `poll` and `backfill`; any thread may make views, read them and search.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, Literal

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.logs.archives import archives_of
from cyrtui.logs.follow import HalfLine, Lines, LogFollower, Loss, Opened
from cyrtui.logs.generation import tail_start
from cyrtui.logs.index import SourceIndex
from cyrtui.logs.match import FilterError, LineFilter
from cyrtui.logs.past import PastReader
from cyrtui.logs.record import LogRole
from cyrtui.logs.rotation import turn_of
from cyrtui.logs.search import search_view
from cyrtui.logs.shown import LineReader, ShownLine
from cyrtui.logs.sources import LogSources
from cyrtui.logs.view import LineView

if TYPE_CHECKING:
    from cyrtui.logs.archive_cache import ArchiveCache

__all__ = [
    "Backfill",
    "FilterError",
    "LineFilter",
    "LineStore",
    "LineView",
    "Polled",
    "ShownLine",
]

LINES_AT_MOST: Final = 1_000_000
"""Lines of one log that are kept; older ones are not loaded."""
TAIL_BYTES: Final = 64 << 10
PAST_LINES: Final = 200_000
"""Lines of one log that are read before and after a moment of the past."""
_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True)
class Polled:
    """What a `poll` brought: how many new lines, and whether polling again at once brings more."""

    lines: int
    more: bool


@dataclass(frozen=True, slots=True)
class Backfill:
    """How far the earlier lines have been read in: `fraction` from 0 to 1, `done` when nothing is left.

    `moved` tells that lines were read in, or taken into a view, this time.
    """

    fraction: float
    done: bool
    moved: bool = False


class LineStore:
    """The lines of some logs, and views of them. `limit` is how many lines of each log are kept.

    `cache` is where compressed archives may be kept unpacked.
    """

    def __init__(
        self,
        host: Host,
        sources: LogSources,
        limit: int = LINES_AT_MOST,
        cache: ArchiveCache | None = None,
    ) -> None:
        self.sources = sources
        self._host = host
        self._reader = LineReader(host.name.zone)
        self._archives = [archives_of(host, one.path, one.olddir, cache) for one in sources.sources]
        self._owns_archives = True
        self._indexes = self._make_indexes(limit)
        start = partial(tail_start, length=TAIL_BYTES)
        self._followers: Sequence[LogFollower | PastReader] = [
            LogFollower(host, one.path, start, one.olddir) for one in sources.sources
        ]
        self._views: weakref.WeakSet[LineView] = weakref.WeakSet()
        self._losses: list[Loss] = []

    def _make_indexes(self, limit: int) -> list[SourceIndex]:
        now, zone = self._host.now(), self._host.name.zone
        pairs = zip(self.sources.sources, self._archives, strict=True)
        return [SourceIndex(source, zone, now, limit, archives) for source, archives in pairs]

    def at_time(self, time: float, limit: int = PAST_LINES) -> LineStore:
        """The same logs around a moment of their past: `limit` lines a log before it and after it.

        The files of the past are shared with this store, which must be closed later. It is followed to the
        end of the logs as it is now, and no further.
        """
        store = LineStore(self._host, self.sources, limit)
        store._archives, store._owns_archives = self._archives, False
        store._indexes = store._make_indexes(2 * limit)
        store._followers = [
            PastReader(self._host, source, archives, time, limit)
            for source, archives in zip(self.sources.sources, self._archives, strict=True)
        ]
        return store

    # The worker's part

    def open(self) -> Polled:
        """Read the last part of every log."""
        polled = self.poll()
        for index in self._indexes:
            index.begin_archives()
        self._look_for_archives(self._indexes)
        return polled

    def _look_for_archives(self, indexes: Sequence[SourceIndex]) -> None:
        """What begins with its first byte may have archives; whoever has none keeps nobody waiting."""
        for index in indexes:
            if not index.complete and not index.unread_bytes:
                index.read_back()

    def _to_poll(self) -> Iterator[tuple[LogFollower | PastReader, SourceIndex]]:
        """Every log; of the past, only the one that has been read least far: what comes is in order."""
        pairs = list(zip(self._followers, self._indexes, strict=True))
        past = [(one, index) for one, index in pairs if isinstance(one, PastReader) and not one.done]
        if past:
            yield min(past, key=lambda pair: pair[0].reached)
        yield from (pair for pair in pairs if isinstance(pair[0], LogFollower))

    def poll(self) -> Polled:
        """Take in what the logs have got since the last time."""
        changed: dict[SourceIndex, int] = {}
        arrived: list[SourceIndex] = []
        count, more = 0, False
        now = self._host.now()
        for follower, index in list(self._to_poll()):
            batch = follower.poll()
            more |= batch.more
            before = index.end
            for event in batch.events:
                number = index.end
                match event:
                    case Opened(generation, start, first=True):
                        index.begin(generation, start)
                        if not index.complete:
                            arrived.append(index)
                    case Lines():
                        number = index.add_lines(event, now)
                    case HalfLine():
                        number = index.add_half(event, now)
                    case Loss():
                        self._losses.append(event)
                        self._reader.forget()
                        index.add_note(event.sentence, now)
                    case _:
                        continue
                changed[index] = min(number, changed.get(index, number))
            count += index.end - before
        self._look_for_archives(arrived)
        arrived = [index for index in arrived if not index.complete]
        for view in self._all_views() if changed else ():
            view.take_new(changed)
            for index in arrived:
                view.begin_again(index)
        more |= any(isinstance(one, PastReader) and not one.done for one in self._followers)
        return Polled(count, more)

    def backfill(self, budget: float = 0.02) -> Backfill:
        """Read in earlier lines, and take them into the views, for about `budget` seconds."""
        deadline = time.monotonic() + budget
        moved = False
        while True:
            busy = [view for view in self._all_views() if view.extend_back()]
            if not busy and not self._read_back():
                break
            moved = True
            if time.monotonic() >= deadline:
                break
        unread = sum(index.unread_bytes for index in self._indexes)
        views = self._all_views()
        done = all(index.complete for index in self._indexes) and all(view.complete for view in views)
        fractions = [view.progress for view in views]
        known = sum(index.end - index.first for index in self._indexes) * 150
        fractions.append(known / (known + unread) if unread else 1.0)
        return Backfill(min(fractions), done, moved)

    def _read_back(self) -> bool:
        """One slice of the log that has been read back least far in time."""
        for index in sorted(
            (one for one in self._indexes if not one.complete), key=_first_time, reverse=True
        ):
            lost = index.lost_bytes
            try:
                went_on = index.read_back()
            except FileUnreadable:
                continue
            if index.lost_bytes > lost:
                self._tell_of_loss(index, index.lost_bytes - lost)
            if went_on:
                for view in self._all_views():
                    view.grown_back(index)
                return True
        return False

    def _tell_of_loss(self, index: SourceIndex, lost: int) -> None:
        path = index.source.path
        sentence = (
            f"{lost:,} bytes of the earlier part of {inert(path)} went away before they could be indexed."
        )
        self._losses.append(Loss(path, sentence, lost))
        number = index.end
        index.add_note(sentence, self._host.now())
        for view in self._all_views():
            view.take_new({index: number})

    def close(self) -> None:
        """Let go of the files. Lines that were not looked at before cannot be read any more."""
        for follower in self._followers:
            follower.close()
        for archives in self._archives if self._owns_archives else ():
            archives.close()

    @property
    def placed(self) -> bool:
        """Whether the moment that `at_time` was asked for has been found in every log."""
        past = [one for one in self._followers if isinstance(one, PastReader)]
        return all(one.done or one.reached > -inf for one in past)

    def unloaded_from(self, *, earlier: bool) -> float | None:
        """The time at which the lines end that are loaded, where the logs have earlier (or later) ones.

        None where there are none, or while those before are still being read in.
        """
        if earlier:
            if not all(index.complete for index in self._indexes):
                return None
            cut = [one for one in self._indexes if one.truncated and one.end > one.first]
            return max((one.time(one.first) for one in cut), default=None)
        past = [one for one in self._followers if isinstance(one, PastReader) and one.cut]
        return min((one.reached for one in past), default=None)

    # Everyone's part

    def view(self, roles: frozenset[LogRole], match: LineFilter | None = None) -> LineView:
        """A view of the logs of these roles, merged by time; with `match`, of the lines that match only.

        It has its last lines at once unless it must look for matches; `poll` and `backfill` do the rest, as
        long as someone holds the view. Raises `FilterError`.
        """
        view = LineView(self._indexes, roles, match, self._reader)
        if match is None:
            for _ in range(8):
                if view.end - view.first >= _AT_ONCE or not view.extend_back(_AT_ONCE):
                    break
        with self._reader.lock:
            self._views.add(view)
        return view

    def search(
        self,
        view: LineView,
        what: LineFilter,
        start: int,
        direction: Literal[1, -1],
        stop: threading.Event,
        *,
        wait: bool = False,
    ) -> int | None:
        """The first line of a view that matches, from number `start` on in a direction, or None.

        To be called in a worker of its own; it ends with None soon after `stop` is set. With `wait` it waits
        for lines that are still being read in. Raises `FilterError`.
        """
        return search_view(view, what.matcher(), start, direction, stop, wait=wait)

    def find(self, view: LineView, path: str, offset: int, time: float | None = None) -> int | None:
        """The number in a view of the line that begins at `offset` of the log at `path`, if it is there.

        `path` may be an archive's. After a rotation two files have had that name: `time`, as in the line's
        record, tells which is meant.
        """
        for index in self._indexes:
            if index.source.path == path or _was(index.source.path, path):
                with index.lock:
                    line = index.number_at(offset, time)
                return None if line is None else view.number_of(index, line)
        return None

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about logs that cannot be read now."""
        archives = [problem for one in self._archives for problem in one.problems]
        return (*(one.problem for one in self._followers if one.problem is not None), *archives)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What is lost, or may be, since the store was opened."""
        return tuple(self._losses)

    @property
    def lost_bytes(self) -> int:
        """Bytes that are certainly lost since the store was opened."""
        return sum(loss.lost for loss in self._losses)

    @property
    def truncated_sources(self) -> tuple[str, ...]:
        """The paths of the logs whose older lines are not loaded, because there are too many."""
        return tuple(one.source.path for one in self._indexes if one.truncated)

    def _all_views(self) -> list[LineView]:
        with self._reader.lock:
            return list(self._views)


def _was(log: str, archive: str) -> bool:
    """Whether a path is one that rotation makes of a log's."""
    return turn_of(log.rpartition("/")[2], archive.rpartition("/")[2]) is not None


def _first_time(index: SourceIndex) -> float:
    return index.time(index.first) if index.end > index.first else float("inf")
