"""`cyrtui trace`: the attempts to log in, as text, as JSON lines, or as totals."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from cyrtui.host.protocol import Host
from cyrtui.host.zone import zone_of
from cyrtui.inert import inert
from cyrtui.logins.book import TraceBook
from cyrtui.logins.export import as_json
from cyrtui.logins.filters import TraceFilter, moment_of
from cyrtui.logins.reading import AFTER, BEFORE, Reading
from cyrtui.logins.trace import LoginTrace, TraceKey
from cyrtui.logs.overrides import overrides_of
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import LogSources, find_sources
from cyrtui.settings import Settings, Value
from cyrtui.wording import counted

if TYPE_CHECKING:
    from threading import Event

    from cyrtui.directory import AskedDirectory
    from cyrtui.logins.summary import Summary
    from cyrtui.logs.records import RecordFeed

FOUND: Final = 0
NOTHING: Final = 1
USAGE: Final = 2
UNREADABLE: Final = 3

_STEP: Final = 0.25
# Keys of attempts that were shown are let go of with the attempts, now and then.
_SHOWN_KEPT: Final = 20_000


class TraceOptions(NamedTuple):
    """What was asked for. Times are as typed; paths are named for this run only."""

    user: str | None = None
    since: str | None = None
    until: str | None = None
    failed: bool = False
    follow: bool = False
    summary: bool = False
    json: bool = False
    full: bool = False
    named: frozenset[LogRole] = frozenset()


def log_flags(paths: Mapping[LogRole, str | None], *, local: bool) -> dict[str, Value]:
    """The settings that --mail-log, --auth-log and --slapd-log make; a relative path is of this directory.

    In a copied tree and in a recording paths are those of the server, from its root on.
    """
    flags: dict[str, Value] = {}
    for role, path in paths.items():
        if path:
            flags[f"{role}_log"] = os.path.abspath(path) if local else f"/{path.lstrip('/')}"
    return flags


def trace(host: Host, settings: Settings, options: TraceOptions, out: TextIO, words: TextIO) -> int:
    """Print the attempts of `host`; data to `out`, words to `words`. Returns the exit status.

    0: some were found; 1: none; 3: a log that is needed cannot be read. Raises `MomentError` for a time that
    is none.
    """
    if not options.follow:
        _play_to_the_end(host)
    zone = zone_of(host)
    now = host.now()
    wanted = TraceFilter(
        user=options.user,
        failed=options.failed,
        since=None if options.since is None else moment_of(options.since, now, zone),
        until=None if options.until is None else moment_of(options.until, now, zone),
    )
    if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
        print("cyrtui: --since is later than --until, so nothing can be between them.", file=words)
        return USAGE
    sources = find_sources(host, overrides_of(settings))
    if not _readable(sources, options.named, words):
        return UNREADABLE
    run = _Run(host, settings, sources, wanted, _printer(options, zone, out), out.flush, words)
    if options.follow:
        return run.follow(from_now=options.since is None)
    if options.summary:
        status = _summary(run, options, zone, out)
    else:
        status = run.history() if options.user is None else run.of_user()
    if (options.user is not None or options.failed) and options.until is None and not options.named:
        # whose last login went well may hang now
        out.flush()
        _say_unlogged(host, settings, words, nothing=status == NOTHING)
    return status


def _say_unlogged(host: Host, settings: Settings, words: TextIO, *, nothing: bool) -> None:
    """What keeps people out now and is in no log; and, where nothing was found, what refuses some clients."""
    if host.name.kind != "local":
        return
    from cyrtui.unlogged import unlogged

    for one in unlogged(host, settings.path("cyrus_conf")):
        if one.how == "now" or nothing:
            sentence = f"In no log: {one.cause}: {one.explanation} {one.remedy}"
            print(f"cyrtui: {inert(sentence)}", file=words)


def _play_to_the_end(host: Host) -> None:
    """The whole of a recording is history, unless it is followed."""
    if host.name.kind != "recording":
        return
    from cyrtui.host.recording import Recording

    if isinstance(host, Recording):
        host.clock.skip(math.inf)


def _readable(sources: LogSources, named: frozenset[LogRole], words: TextIO) -> bool:
    """Say which logs are not there; False when one is needed: the mail log, and each that was named."""
    needed = named | {LogRole.MAIL}
    good = True
    for source in sources.sources:
        if source.problem is not None:
            print(f"cyrtui: {inert(source.problem)}", file=words)
            good = good and not source.roles & needed
        elif named and not source.roles & named:
            print(f"cyrtui: {inert(source.why)}", file=words)
    for role in sources.unfound:
        what = f"No {role} log was found; --{role}-log or the setting {role}_log can name one."
        print(f"cyrtui: {what}", file=words)
        good = good and role not in needed
    return good


def _printer(options: TraceOptions, zone: tzinfo | None, out: TextIO) -> Callable[[LoginTrace], None]:
    def in_json(trace: LoginTrace) -> None:
        import json

        out.write(json.dumps(as_json(trace, zone), ensure_ascii=False) + "\n")

    def in_full(trace: LoginTrace) -> None:
        from cyrtui.logins.ticket import as_ticket

        out.write(inert(as_ticket(trace, zone), keep="\n") + "\n")

    def in_a_line(trace: LoginTrace) -> None:
        out.write(inert(one_line(trace, zone)) + "\n")

    return in_json if options.json else in_full if options.full else in_a_line


def one_line(trace: LoginTrace, zone: tzinfo | None) -> str:
    """An attempt in a line: time, outcome, user, service, client, mechanism, how long, and why."""
    when = datetime.fromtimestamp(trace.end, UTC).astimezone(zone)
    client = trace.client
    where = (client.address or client.name or "-") if client else "-"
    took = "-" if trace.duration is None else f"{trace.duration:.2f}s"
    why = "" if trace.cause is None else f"  {trace.cause}"
    return (
        f"{when:%Y-%m-%d %H:%M:%S}  {trace.outcome:<10}  {trace.user or '-':<12}  {trace.service:<6}  "
        f"{where:<15}  {trace.mechanism or '-':<10}  {took:>6}{why}"
    )


def _summary(run: _Run, options: TraceOptions, zone: tzinfo | None, out: TextIO) -> int:
    from cyrtui.logins.summary import Summary
    from cyrtui.logins.titles import cause_title

    totals = Summary()
    run.show = totals.add
    status = run.totals(totals)
    told = totals.as_json(zone)
    if options.json:
        import json

        out.write(json.dumps(told, ensure_ascii=False) + "\n")
        return status
    out.write(f"{counted(totals.total, 'attempt')}: {totals.ok:,} ok, {totals.failed:,} failed, ")
    out.write(f"{totals.incomplete:,} incomplete\n")
    if told["first"] is not None:
        out.write(f"from {told['first']} to {told['last']}\n")
    for title, name in (("cause", "by_cause"), ("service", "by_service"), ("user", "by_user")):
        if told[name]:
            out.write(f"\nby {title}\n")
        for key, count in told[name].items():
            more = f"  ({cause_title(key)})" if name == "by_cause" else ""
            out.write(f"{count:>9,}  {inert(key)}{more}\n")
    return status


class _Run:
    """The logs of a host read once, and the wanted attempts handed to `show`."""

    def __init__(
        self,
        host: Host,
        settings: Settings,
        sources: LogSources,
        wanted: TraceFilter,
        show: Callable[[LoginTrace], None],
        flush: Callable[[], None],
        words: TextIO,
    ) -> None:
        self.show = show
        self._flush = flush
        self._host = host
        self._settings = settings
        self._slow = settings.seconds("slow_login")
        self._sources = sources
        self._wanted = wanted
        self._words = words
        self._found = 0
        self._nameless = 0
        self._said: set[str] = set()

    # --- what is there ------------------------------------------------------------------------------

    def of_user(self) -> int:
        """One user's attempts; of long logs only the lines that matter are read, if that can be."""
        from cyrtui.logs.long_logs import long_logs

        # the directory may know better than what is near
        asks = self._settings.switch("ask_directory")
        logs = None if asks else long_logs(self._host, self._sources)
        found = None
        if logs is not None:
            from cyrtui.logins.of_user import of_user_in

            found = of_user_in(logs, self._wanted, self._host.now(), before=BEFORE, slow=self._slow)
        if found is None:
            return self.history()
        self._take(found.traces)
        self._nameless += found.nameless
        self._say_limits({}, at_least=True)
        return FOUND if self._found else NOTHING

    def totals(self, totals: Summary) -> int:
        """Fill `totals`, which the wanted attempts are shown to; of long logs only what matters is read."""
        from cyrtui.logs.long_logs import long_logs

        if self._wanted.user is not None:
            return self.of_user()
        logs = None if self._settings.switch("ask_directory") else long_logs(self._host, self._sources)
        if logs is None:
            return self.history()
        from cyrtui.logins.of_everyone import of_everyone_in

        found = of_everyone_in(
            logs, self._wanted, self._host.now(), before=BEFORE, after=AFTER, slow=self._slow
        )
        if found is None:
            return self.history()
        totals.become(found.summary)
        if totals.by_cause["directory-slow"]:
            self._say(
                "Logins that the directory made slow are counted by what stands near them in the logs: there "
                "may be a few more, of which only the whole of the logs could tell whose look-up was whose."
            )
        if found.unnamed:
            number = counted(found.unnamed, "attempt")
            self._say(
                f"{number} that did not succeed name nobody in the mail log, and count for no user here; "
                "`cyrtui trace USER` tells which of them were one user's, as far as slapd's log does."
            )
        return FOUND if totals.total else NOTHING

    def history(self) -> int:
        """Everything that the logs hold of the wanted time; oldest first."""
        directory = self._directory()
        reading = Reading(
            self._host,
            self._sources,
            since=self._wanted.since,
            until=self._wanted.until,
            slow=self._slow,
            directory=directory,
        )
        try:
            for traces in reading.traces():
                self._take(traces)
            for sentence in reading.problems:
                self._say(sentence)
            self._say_limits(reading.begins)
        finally:
            reading.close()
            if directory is not None:
                directory.stop()
        return FOUND if self._found else NOTHING

    def _directory(self) -> AskedDirectory | None:
        """The directory, if it is to be asked (`ask_directory`)."""
        if not self._settings.switch("ask_directory"):
            return None
        from cyrtui.directory import DirectoryError, directory_of

        try:
            return directory_of(self._host, self._settings)
        except DirectoryError as error:
            self._say(str(error))
            return None

    def _take(self, traces: list[LoginTrace]) -> None:
        for trace in sorted(traces, key=lambda trace: (trace.end, trace.key)):
            self._offer(trace)

    def _offer(self, trace: LoginTrace) -> None:
        if self._wanted.holds(trace):
            self._found += 1
            self.show(trace)
        elif self._wanted.user is not None and trace.user is None and trace.outcome != "ok":
            self._nameless += self._wanted._replace(user=None).holds(trace)

    # --- what comes ---------------------------------------------------------------------------------

    def follow(self, *, from_now: bool) -> int:
        """Attempts as they come, each once it is told to its end; until a signal, or a recording's end."""
        import signal
        import threading

        from cyrtui.logs.records import RecordFeed

        stop = threading.Event()
        before = {
            number: signal.signal(number, lambda *_: stop.set())
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        since = self._host.now() if self._wanted.since is None else self._wanted.since
        feed = RecordFeed(self._host, self._sources, since=since - BEFORE, limit=None)
        watch = self._host.watch([source.path for source in self._sources.sources])
        try:
            self._follow(feed, watch.wait, stop, from_now=from_now)
        finally:
            watch.close()
            feed.close()
            for number, handler in before.items():
                signal.signal(number, handler)
        return FOUND if self._found else NOTHING

    def _follow(
        self, feed: RecordFeed, wait: Callable[[float], bool], stop: Event, *, from_now: bool
    ) -> None:
        directory = self._directory()
        book = TraceBook(slow=self._slow, directory=directory)
        shown: set[TraceKey] = set()
        waiting: set[TraceKey] = set()
        passed = not from_now
        first: float | None = None
        while not stop.is_set():
            records, more = feed.poll(0.1)
            if first is None and records:
                first = records[0].time
                self._say_follow_begins(first)
            book.feed(records)
            ended = self._ended() and not (records or more)
            waiting |= book.settle(self._host.now(), at_rest=not records)
            if feed.caught_up and not passed:
                # what is over by now is the past
                passed = True
                shown |= {key for key in waiting if (kept := book.get(key)) is not None and not kept.open}
            if passed and feed.caught_up:
                self._show_closed(book, waiting, shown, all_of_them=ended)
            self._say_problems(feed)
            if ended:
                break
            if not (more or records):
                wait(_STEP)
        if directory is not None:
            directory.stop()

    def _say_follow_begins(self, first: float) -> None:
        since = self._wanted.since
        if since is None or first < since + 1:
            return
        from cyrtui.logs.archives import archives_of

        for source in self._sources.sources:
            archives = archives_of(self._host, source.path, source.olddir)
            rotated = archives.newest_first()
            archives.close()
            if rotated:
                self._say(
                    "With --follow rotated archives are not read: attempts are told from where the present "
                    "logs begin, which is after --since."
                )
                return

    def _show_closed(
        self, book: TraceBook, waiting: set[TraceKey], shown: set[TraceKey], *, all_of_them: bool
    ) -> None:
        found = [kept for key in waiting if (kept := book.get(key)) is not None]
        ready = [trace for trace in found if (all_of_them or not trace.open) and trace.key not in shown]
        waiting.intersection_update(trace.key for trace in found if trace.open)
        for trace in sorted(ready, key=lambda trace: (trace.end, trace.key)):
            shown.add(trace.key)
            self._offer(trace)
        if ready:
            self._flush()
        if len(shown) > _SHOWN_KEPT:
            shown.intersection_update({trace.key for trace in book.traces()})

    def _ended(self) -> bool:
        if self._host.name.kind != "recording":
            return False
        from cyrtui.host.recording import Recording

        return isinstance(self._host, Recording) and self._host.clock.state().ended

    # --- words --------------------------------------------------------------------------------------

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            print(f"cyrtui: {inert(sentence)}", file=self._words, flush=True)

    def _say_problems(self, feed: RecordFeed) -> None:
        for sentence in feed.problems:
            self._say(sentence)
        for loss in feed.losses:
            self._say(loss.sentence)

    def _say_limits(self, begins: Mapping[str, float], *, at_least: bool = False) -> None:
        """What is not told, and would be taken for told otherwise."""
        if self._nameless:
            number = counted(self._nameless, "attempt")
            self._say(
                f"{'At least ' if at_least else ''}{number} that did not succeed name nobody, and may be "
                f"{self._wanted.user}'s; `cyrtui trace --failed` without a user shows them."
            )
        since = self._wanted.since
        # a stamp may have whole seconds only
        too_late = [path for path, begin in begins.items() if since is not None and begin >= since + 1]
        if too_late:
            self._say(
                f"{' and '.join(too_late)} with the archives that are there do not reach back to --since; "
                "what was before they begin is not known."
            )
