"""One run of the console: what the screens ask, answered from a host.

`open`, `steps` and `close` belong to one worker, `observe` and `search` to workers of their own; what else is
here only hands out what these have found, and answers at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Final, Literal, cast

from cyrtui.access import Gate, require
from cyrtui.errors import FileMissing, FileUnreadable, FileUnusable
from cyrtui.host.protocol import Host, HostName, Watch
from cyrtui.host.recording import RATES, Played, Recording
from cyrtui.host.zone import zone_of
from cyrtui.inert import inert
from cyrtui.logins.last_hour import HOUR, HourKeeper, LastHour
from cyrtui.logins.titles import cause_title
from cyrtui.logs.record import LogRole
from cyrtui.settings import Settings
from cyrtui.wording import counted

# What reads and explains is imported by the workers that use it, after the first picture stands.
if TYPE_CHECKING:
    from cyrtui.attention import Attention
    from cyrtui.directory import AskedDirectory
    from cyrtui.editing.desk import EditingDesk
    from cyrtui.host.facts import Snapshot
    from cyrtui.login_notes import Note
    from cyrtui.logins.book import TraceBook
    from cyrtui.logins.earlier import EarlierAttempts, Known, Progress
    from cyrtui.logins.filters import TraceFilter
    from cyrtui.logins.trace import LoginTrace, TraceKey
    from cyrtui.logs.records import RecordFeed
    from cyrtui.logs.sources import LogSources
    from cyrtui.logs.store import LineStore, LineView
    from cyrtui.services.board import NoBoard, ServiceBoard
    from cyrtui.services.detail import ServiceDetail
    from cyrtui.services.master_log import WordKeeper
    from cyrtui.spool.browse import SpoolBrowser
    from cyrtui.unlogged import Unlogged

Mode = Literal["READ-ONLY", "OPERATOR"]

_STEP: Final = 0.25
_SLICE: Final = 0.02
# Attempts are looked for in so much of the end of each log.
_HISTORY_BYTES: Final = 24 << 20
_SCREENFUL: Final = 200
# For how many times as long as the last lines were made sense of, more lines are read before the next time.
_READING: Final = 3.0
_LINES_A_WRITE: Final = 1000


@dataclass(frozen=True, slots=True)
class LogsStep:
    """What a step brought: new lines, traces that are new or changed, whether more of the past was read.

    `caught_up` tells that everything that the logs held at the start has been read.
    """

    lines: int
    traces: frozenset[TraceKey]
    backfilled: bool
    caught_up: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a time was found: the view that has it, and the number of the first line not before it.

    `past` tells that the view is one around that time, which does not reach up to now.
    """

    view: LineView
    number: int
    past: bool


class Console:
    """What is known of one host in this run. `gate` is None when the run is read-only."""

    def __init__(self, host: Host, settings: Settings, gate: Gate | None) -> None:
        self.settings = settings
        self.gate = gate
        self.zone: tzinfo | None = zone_of(host)
        self._host = host
        self._closed = threading.Event()
        self._ready = threading.Event()
        self._opened = threading.Event()
        self._fresh_view = threading.Event()
        self._searches: set[threading.Event] = set()
        self._lock = threading.Lock()
        self._sources: LogSources | None = None
        self._store: LineStore | None = None
        self._past: LineStore | None = None
        self._stepped = 0.0
        self._feed: RecordFeed | None = None
        self._watch: Watch | None = None
        self._since: float | None = None
        self._archived: float | None = None
        self._earlier: EarlierAttempts | None = None
        self._directory: AskedDirectory | None = None
        self._book: TraceBook | None = None
        self._traces: tuple[LoginTrace, ...] = ()
        self._busy_since: float | None = None
        self._unsettled = False
        self._settled = 0.0, 0.0
        self._hour = HourKeeper()
        self._last_hour = LastHour(0, 0, 0, ())
        self._words: WordKeeper | None = None
        self._board: ServiceBoard | None = None
        self._seen: Snapshot | None = None
        self._unlogged: tuple[Unlogged, ...] = ()
        self._cut_off: tuple[str, ...] = ()
        self._spool: SpoolBrowser | None = None
        self._desk: EditingDesk | None = None

    # --- facts that never change ------------------------------------------------------------------

    @property
    def name(self) -> HostName:
        return self._host.name

    @property
    def mode(self) -> Mode:
        return "READ-ONLY" if self.gate is None else "OPERATOR"

    @property
    def ready(self) -> bool:
        """Whether the logs have been read up to now."""
        return self._ready.is_set()

    @property
    def opened(self) -> bool:
        """Whether the last lines of the logs are there to be shown."""
        return self._opened.is_set()

    def wait_ready(self, seconds: float) -> bool:
        """Wait; True as soon as the logs have been read up to now, or the console is stopped."""
        return self._ready.wait(seconds)

    def host_now(self) -> float:
        """The host's time, or the moment that a recording is played at."""
        return self._host.now()

    @property
    def spool(self) -> SpoolBrowser:
        """The session on the spool, made when it is first asked for."""
        if self._spool is None:
            from cyrtui.spool.browse import SpoolBrowser

            self._spool = SpoolBrowser(self._host, self.settings.path("imapd_conf"), self.gate)
        return self._spool

    # --- a recording ------------------------------------------------------------------------------

    @property
    def _recording(self) -> Recording | None:
        return self._host if isinstance(self._host, Recording) else None

    @property
    def played(self) -> Played | None:
        """Where the playing of a recording stands; None for any other host."""
        recording = self._recording
        return recording.clock.state() if recording and recording.loaded else None

    def toggle_pause(self) -> None:
        """Pause a recording, or let it go on."""
        if recording := self._recording:
            recording.clock.set_paused(not recording.clock.state().paused)

    def change_rate(self, way: int) -> None:
        """Play a recording at the next faster (1) or slower (-1) rate."""
        if recording := self._recording:
            place = RATES.index(recording.clock.state().rate) + way
            recording.clock.set_rate(RATES[max(0, min(place, len(RATES) - 1))])

    def skip(self, seconds: float) -> None:
        """Go forward in a recording at once."""
        if recording := self._recording:
            recording.clock.skip(seconds)

    # --- the logs: one worker ---------------------------------------------------------------------

    def check(self) -> None:
        """Raise `FileUnreadable` when there is no cyrus.conf, or nothing that could be one."""
        path = self.settings.path("cyrus_conf")
        try:
            self._host.read(path)
        except FileMissing as error:
            raise FileMissing(
                path,
                f"{error} cyrtui shows a Cyrus IMAP server: name its cyrus.conf with CYRTUI_CYRUS_CONF or in "
                "/etc/cyrtui.toml, or open a recording (`cyrtui demo` has one).",
            ) from error
        except FileUnusable as error:
            raise FileUnusable(
                path, f"{error} Name the server's cyrus.conf with CYRTUI_CYRUS_CONF or in /etc/cyrtui.toml."
            ) from error
        except FileUnreadable:
            # What else can be seen is worth seeing; the Overview says what cannot.
            pass

    def open(self) -> None:
        """Find the logs, and read the last part of each. Raises `CyrtuiError`."""
        if self._recording:
            self._recording.load()
            self.check()
        from cyrtui.directory import directory_of
        from cyrtui.logins.book import TraceBook
        from cyrtui.logins.earlier import EarlierAttempts
        from cyrtui.logs.archive_cache import ArchiveCache
        from cyrtui.logs.overrides import overrides_of
        from cyrtui.logs.records import RecordFeed
        from cyrtui.logs.sources import find_sources
        from cyrtui.logs.store import LineStore
        from cyrtui.logs.window import archived_before, common_start
        from cyrtui.services.master_log import WordKeeper

        sources = find_sources(self._host, overrides_of(self.settings))
        mail = sources.of(LogRole.MAIL)
        self._since = common_start(self._host, sources, _HISTORY_BYTES)
        self._directory = directory_of(self._host, self.settings)
        slow = self.settings.seconds("slow_login")
        self._earlier = EarlierAttempts(self._host, sources, slow=slow, directory=self._directory)
        self._book = TraceBook(directory=self._directory, slow=slow, on_drop=self._drop)
        self._words = WordKeeper([mail.path if mail else ""])
        self._feed = RecordFeed(self._host, sources, since=self._since, limit=_HISTORY_BYTES)
        self._watch = self._host.watch([source.path for source in sources.sources])
        self._sources = sources
        folder = self.settings.text("archive_cache")
        cache = ArchiveCache(folder, self.gate) if folder is not None else None
        self._store = LineStore(self._host, sources, cache=cache)
        self._store.open()
        self._opened.set()
        if self._since is None and mail is not None:
            self._archived = archived_before(self._host, mail)
        if self._host.name.kind == "local":
            from cyrtui.apply.state import unfinished

            cut_off = unfinished(self.settings)
            self._cut_off = tuple(f"{one.sentence} The next apply goes on with it." for one in cut_off)

    def steps(self) -> Iterator[LogsStep]:
        """Follow the logs until `stop`: a step each time that something came, at most four a second."""
        store, feed, watch, book, words = self._store, self._feed, self._watch, self._book, self._words
        if store is None or feed is None or watch is None or book is None or words is None:
            return
        # what can be shown is told before all that follows from it has been worked out
        yield LogsStep(0, frozenset(), backfilled=True, caught_up=False)
        while not self._closed.is_set():
            self._fresh_view.clear()
            polled = store.poll()
            records, traces, more = self._read_records(feed, book, words)
            back = store.backfill(_SLICE * 5)
            past = self._poll_past()
            first = not (self.ready or more or records)
            if first:
                self._ready.set()
            if polled.lines or traces or first or past or back.moved:
                yield LogsStep(polled.lines + past, traces, back.moved, self.ready)
            if self.ready and not (polled.more or more or past):
                self._rest(watch, idle=back.done)

    def _poll_past(self) -> int:
        """Read on around the moment of the past that is looked at; how many lines that brought."""
        past, lines = self._past, 0
        if past is not None:
            polled = past.poll()
            lines = polled.lines + (not past.backfill(_SLICE).done)
        return lines

    def _rest(self, watch: Watch, *, idle: bool) -> None:
        """Wait for news; what comes after a pause is told at once, and then at most four times a second."""
        rounds = 4 if idle else 0
        while rounds and not (watch.wait(_STEP) or self._fresh_view.is_set() or self._closed.is_set()):
            rounds -= 1
        if not self._fresh_view.is_set():
            since = time.monotonic() - self._stepped
            self._closed.wait(max(_SLICE, _STEP - since) if idle else _SLICE)
        self._stepped = time.monotonic()

    def _read_records(
        self, feed: RecordFeed, book: TraceBook, words: WordKeeper
    ) -> tuple[int, frozenset[TraceKey], bool]:
        self._busy_since = self._busy_since or time.monotonic()
        records, more = feed.poll()
        with self._lock:
            book.feed(records)
            self._unsettled = self._unsettled or bool(records)
            began = time.monotonic()
            if (
                # while very much is logged at once, most of the time is for reading it
                (more or records) and began - self._settled[0] < _READING * self._settled[1]
            ):
                traces: frozenset[TraceKey] = frozenset()
            else:
                traces = book.settle(self._host.now(), at_rest=not records)
                self._unsettled, ended = False, time.monotonic()
                self._settled = ended, ended - began
            if traces:
                self._traces = tuple(book.traces())
        if mail := [record for record in records if record.role is LogRole.MAIL]:
            words.feed(mail)
        since = self._archived if self._since is None else self._since
        self._last_hour = self._hour.count(self._traces, self._host.now(), since)
        if not (more or self._unsettled):
            self._busy_since = None
        return len(records), traces, more

    @property
    def lag(self) -> float:
        """For how many seconds the attempts shown have not been up to date: too much is logged at once."""
        busy = self._busy_since
        return time.monotonic() - busy if busy is not None and self.ready else 0.0

    def _drop(self, trace: LoginTrace) -> None:
        """An attempt that makes room for newer ones."""
        self._hour.drop(trace)
        if self._earlier is not None:
            self._earlier.make_room(trace)

    def stop(self) -> None:
        """End `steps` and every wait, from any thread. Idempotent."""
        self._closed.set()
        self._ready.set()
        if self._directory is not None:
            self._directory.stop()
        for search in tuple(self._searches):
            search.set()
        if self._watch is not None:
            self._watch.close()

    def close(self) -> None:
        """Let go of the files; after `steps` has ended, in its thread."""
        self.stop()
        for store in (self._past, self._store):
            if store is not None:
                store.close()
        if self._feed is not None:
            self._feed.close()

    def wait_closed(self, seconds: float) -> bool:
        """Wait; True as soon as the console is stopped."""
        return self._closed.wait(seconds)

    # --- services: another worker -----------------------------------------------------------------

    def observe(self) -> ServiceBoard | NoBoard:
        """Look at the services now, and at what keeps people out without a line in a log."""
        from cyrtui.services.board import ServiceBoard, observe_services
        from cyrtui.unlogged import look, unlogged_of

        # a log that cannot be read, or was not yet, has not said anything: not that it holds nothing
        log = self._words.log if self._words and self.without_mail_log() is None else None
        if log is not None and log.since is None and not self.ready:
            log = None
        before, self._seen = self._seen, look(self._host)
        board = observe_services(self._host, self.settings.path("cyrus_conf"), log, self._seen)
        self._board = board if isinstance(board, ServiceBoard) else None
        self._unlogged = unlogged_of(self._host, self._board, before, self._seen) if self._board else ()
        return board

    @property
    def unlogged(self) -> tuple[Unlogged, ...]:
        """What keeps people out, or refuses some, and is in no log, as of the last look; gravest first."""
        return self._unlogged

    def service_detail(self, name: str) -> ServiceDetail | None:
        """All that is known of one service; in a worker. None: cyrus.conf declares it no more."""
        from cyrtui.services.detail import service_detail

        board = self._board
        return service_detail(self._host, board, name) if board else None

    def attention(self, board: ServiceBoard | NoBoard | None) -> tuple[Attention, ...]:
        """What needs attention, gravest first."""
        if board is None and self._sources is None:
            return ()
        from cyrtui.attention import attention_lines

        notices: list[str] = []
        if self._sources is not None:
            notices += self._sources.notes
            notices += [f"No log of {role} was found." for role in self._sources.unfound]
        if self._recording:
            notices += self._recording.notices
        problems = [*self.log_problems(), *self._losses()]
        if self._directory is not None and self._directory.problem is not None:
            problems.append(self._directory.problem)
        return attention_lines(board, self._last_hour.causes, problems, notices, self._cut_off)

    # --- the configuration: workers of its own ------------------------------------------------------

    @property
    def desk(self) -> EditingDesk:
        """Where cyrus.conf and imapd.conf are edited."""
        if self._desk is None:
            from cyrtui.editing.desk import EditingDesk

            self._desk = EditingDesk(self._host, self.settings, self.gate)
        return self._desk

    # --- logins -----------------------------------------------------------------------------------

    def last_hour(self) -> LastHour:
        """Logins of the last hour."""
        return self._last_hour

    def traces(self) -> Sequence[LoginTrace]:
        """The attempts that are kept, newest first."""
        return self._traces

    def _followed_since(self) -> float | None:
        """From when on the attempts are followed; None: all that there are."""
        if self._book is not None and self._book.dropped and self._traces:
            return self._traces[-1].end
        return self._archived if self._since is None else self._since

    def attempts(self, wanted: TraceFilter) -> Known:
        """The attempts that are wanted: those that are followed, and those that `read_earlier` has read."""
        from cyrtui.logins.earlier import Known

        if self._earlier is None:
            return Known((), None, read=False, full=False, problems=(), nameless=0)
        return self._earlier.known(wanted, self._traces, self._followed_since())

    def login_notes(self, known: Known, wanted: TraceFilter) -> tuple[Note, ...]:
        """What must be said beside these attempts: what is in no log, and what could not be read."""
        from cyrtui.login_notes import login_notes

        return login_notes(self._unlogged, known, wanted)

    def unread(self, wanted: TraceFilter, *, further: bool = False) -> float | None:
        """Back to when the logs must be read for all attempts that are wanted (-inf: to their beginning).

        With `further`: back to when they are to be read next, where that was not asked for. None: nothing
        that is wanted is left to be read, as far as that is known.
        """
        reached = (
            self._earlier.reached(wanted, self._followed_since()) if self._earlier and self.ready else None
        )
        if reached is None or (wanted.since is not None and wanted.since >= reached):
            return None
        if wanted.since is not None:
            return wanted.since
        if wanted.user is not None or wanted.until is not None:
            return -math.inf
        newest = self._traces[0].end if self._traces else self._host.now()
        return reached - max(HOUR, newest - reached) if further else None

    def read_earlier(
        self, wanted: TraceFilter, goal: float, stop: threading.Event, tell: Callable[[Progress], None]
    ) -> None:
        """Read attempts from before those that are followed, back to `goal`; in a worker. See
        `EarlierAttempts.read`.
        """
        from cyrtui.logins.reading import AFTER

        if self._earlier is None or self._closed.is_set():
            return
        self._searches.add(stop)
        try:
            with self._lock:
                since = self._followed_since()
                if since is None:
                    return
                if self._book is not None and self._book.dropped:
                    boundary = math.nextafter(since, math.inf)
                else:
                    # the first attempts there lack what was logged before
                    boundary = since + max(0.0, min(AFTER, (self._host.now() - since) / 2))
                self._earlier.begin(wanted, boundary)
            self._earlier.read(goal, stop, tell)
        finally:
            self._searches.discard(stop)

    def trace(self, key: Hashable) -> LoginTrace | None:
        """The attempt of a key as it is now."""
        with self._lock:
            found = self._book.get(cast("TraceKey", key)) if self._book else None
        if found is None and self._earlier is not None:
            found = self._earlier.get(cast("TraceKey", key))
        return found

    def parse_filter(self, text: str) -> TraceFilter:
        """The filter of typed words. Raises `FilterError` or `MomentError`."""
        from cyrtui.logins.filters import parse_filter

        return parse_filter(text, self._host.now(), self.zone)

    def cause_title(self, cause: str | None) -> str:
        """A few words for a cause."""
        return cause_title(cause)

    # --- lines ------------------------------------------------------------------------------------

    def lines(self, roles: frozenset[LogRole], needle: str | None) -> LineView:
        """The lines of these logs, merged by time; with `needle`, those that hold it. After `ready` only."""
        if self._store is None:
            raise RuntimeError("the logs are not open")
        from cyrtui.logs.match import LineFilter

        view = self._store.view(roles, LineFilter(needle) if needle else None)
        self._fresh_view.set()
        return view

    def parse_moment(self, text: str, standing: float | None) -> float:
        """The moment that was typed; `standing` is the time of the line stood on. Raises `MomentError`."""
        from cyrtui.logs.when import parse_moment

        return parse_moment(text, self._host.now(), self.zone, standing)

    def go_to_moment(
        self,
        view: LineView,
        roles: frozenset[LogRole],
        needle: str | None,
        time: float,
        stop: threading.Event,
    ) -> Moment | None:
        """Where a time is, in `view` or else in the archives; None when stopped. In a worker."""
        number = view.at_time(time)
        if number is not None:
            return Moment(view, number, past=self._past is not None)
        return self._around(roles, needle, time, stop)

    def go_to_line(
        self, view: LineView, path: str, offset: int, time: float, stop: threading.Event
    ) -> Moment | None:
        """As `go_to_moment` among all lines, and the very line if it is found there. In a worker."""
        found = self.go_to_moment(view, frozenset(LogRole), None, time, stop)
        store = self._past if found is not None and found.past else self._store
        if found is None or store is None:
            return found
        number = store.find(found.view, path, offset, time)
        return found if number is None else replace(found, number=number)

    def unloaded_from(self, *, earlier: bool) -> float | None:
        """The time at which the lines that are loaded end, if the logs have earlier (or later) ones."""
        store = self._past or self._store
        return store.unloaded_from(earlier=earlier) if store is not None else None

    def go_beyond(
        self,
        view: LineView,
        number: int,
        roles: frozenset[LogRole],
        needle: str | None,
        time: float,
        stop: threading.Event,
    ) -> Moment | None:
        """Load the lines around `time`, where those of `view` end, and find its line `number` among them.

        None when stopped. In a worker.
        """
        line = view.line(number)
        found = self._around(roles, needle, time, stop)
        if found is None:
            return None
        begin = found.view.at_time(line.time)
        for other in range(begin if begin is not None else found.number, found.view.end):
            one = found.view.line(other)
            if (one.path, one.offset) == (line.path, line.offset):
                return replace(found, number=other)
            if one.time > line.time:
                break
        return found

    def _around(
        self, roles: frozenset[LogRole], needle: str | None, time: float, stop: threading.Event
    ) -> Moment | None:
        """A time among the lines around it, read from the files; None when stopped."""
        if self._store is None:
            return None
        from cyrtui.logs.match import LineFilter

        past = self._store.at_time(time)
        found = past.view(roles, LineFilter(needle) if needle else None)
        number = None
        while not (stop.is_set() or self._closed.is_set()):
            more = past.poll().more
            done = past.backfill(_SLICE).done
            number = found.at_time(time) if past.placed else None
            if not more and (done or number is not None):
                break
            if number is not None and found.end - number > _SCREENFUL:
                break
        else:
            past.close()
            return None
        self._past = past
        return Moment(found, found.first if number is None else number, past=True)

    def leave_past(self) -> None:
        """The past is not looked at any more."""
        self._past = None

    def copied(self, view: LineView, start: int, stop: int) -> str:
        """Lines of a view as their files have them, made inert, one after the other."""
        return "\n".join(inert(raw.decode("utf-8", "surrogateescape")) for raw in view.raw(start, stop))

    def save_lines(self, view: LineView, start: int, stop: int, path: str) -> str:
        """Write lines of a view to a new file, byte for byte; what was done in a sentence. In a worker.

        Raises `AccessDenied` in a read-only run, or when the file exists or cannot be made.
        """
        gate = require(self.gate, "Writing lines to a file")
        written = 0
        with gate.create_file(path) as file:
            for at in range(start, stop, _LINES_A_WRITE):
                lines = view.raw(max(at, view.first), min(at + _LINES_A_WRITE, stop))
                file.write(b"".join(line + b"\n" for line in lines))
                written += len(lines)
        return f"{counted(written, 'line')} written to {inert(path)}."

    def line_number(self, view: LineView, path: str, offset: int, time: float) -> int | None:
        """The number in a view of the line that begins there, if it has been read in."""
        return self._store.find(view, path, offset, time) if self._store else None

    def trace_of_line(self, view: LineView, number: int) -> TraceKey | None:
        """The attempt that a line belongs to."""
        line = view.line(number)
        return self.trace_at(line.path, line.offset, line.time)

    def trace_at(self, path: str, offset: int, time: float) -> TraceKey | None:
        """The attempt that has the line of that time at `offset` of `path`, among those that are known."""
        with self._lock:
            found = self._book.trace_at(path, offset, time) if self._book else None
        if found is None and self._earlier is not None:
            found = self._earlier.trace_at(path, offset, time)
        return found

    def is_before_followed(self, time: float) -> bool:
        """Whether attempts of that time are known only where they were read further back."""
        since = self._followed_since()
        return since is not None and time < since

    def search(self, view: LineView, needle: str, start: int, way: int, stop: threading.Event) -> int | None:
        """The next line that holds `needle`, from `start` on forwards (1) or backwards; in a worker."""
        if self._store is None or self._closed.is_set():
            return None
        from cyrtui.logs.match import LineFilter

        self._searches.add(stop)
        try:
            return self._store.search(view, LineFilter(needle), start, 1 if way > 0 else -1, stop, wait=True)
        finally:
            self._searches.discard(stop)

    def log_problems(self) -> Sequence[str]:
        """Sentences about logs that cannot be read now."""
        return self._store.problems if self._store else ()

    def _losses(self) -> Sequence[str]:
        return [loss.sentence for loss in self._store.losses] if self._store else ()

    def lost_lines(self) -> str | None:
        """What is certain to be lost of the logs since the start, in words."""
        lost = self._store.lost_bytes if self._store else 0
        return f"{counted(lost, 'byte')} of the logs were lost" if lost else None

    def without_mail_log(self) -> str | None:
        """Why no attempt can be seen: there is no mail log, or it cannot be read. None: it is read."""
        if self._sources is None:
            return None
        mail = self._sources.of(LogRole.MAIL)
        if mail is None:
            return "no mail log was found, so that no login can be seen"
        if any(problem.startswith(mail.path) for problem in self.log_problems()):
            return f"{inert(mail.path)} cannot be read, so that no login can be seen"
        return None

    def older_lines(self) -> str | None:
        """That older lines are not loaded, in words."""
        cut = self._store.truncated_sources if self._store else ()
        return "older ones are not loaded" if cut else None


def without_time(board: ServiceBoard | NoBoard) -> ServiceBoard | NoBoard:
    """A board that is equal to one seen at another moment with the same things on it."""
    from cyrtui.services.board import NoBoard

    return board if isinstance(board, NoBoard) else board.shown()
