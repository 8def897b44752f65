"""The totals of a whole log's attempts, without making records of most of its lines.

On a busy server nearly all logins go well at once, and nothing but their number is asked for: they are
counted in the bytes of the mail log. Of slapd's log only the look-ups are read that failed, took long, or are
told in part (`slapd_oddities`). What a failed attempt may owe to one of those follows, mostly, from their
being near or not: `causes` asks the same rules as `TraceBook` does for everything that may have been. What
stays open, and the minutes in which the directory was slow, is read line by line, with what stands around it,
by a `TraceBook`.

So numbers of attempts, outcomes, services, users named in the mail log, and nearly all causes are those that
reading every line gives. What may differ:

- A cause in what is read in excerpts may be less known than to whoever has read the whole day, and learned
  from it whose DN is whose. Logins at slow times are counted as slow as far as an excerpt shows it.
- A user who was denied counts as known if he logged in at any time that is read; whoever reads every line
  asks whether his entry was read for certain by then.
- An attempt of which the server says that no password was found is taken for that, where each denied look-up
  near it has an attempt of its own.
- Users whom only the directory names (2.x, a failed AUTHENTICATE) are not counted; `unnamed` tells how many
  attempts name nobody.
- A process is not forgotten here: one that began TLS, and says so long after, counts.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from cyrtui.errors import FileUnreadable
from cyrtui.logins.excerpts import Answer, Excerpts
from cyrtui.logins.filters import TraceFilter
from cyrtui.logins.judging import PARTS, Judged, Judging
from cyrtui.logins.lookups import Fate
from cyrtui.logins.mail_lines import Key
from cyrtui.logins.mail_totals import MailTotals, heard_in
from cyrtui.logins.names import canonical_users
from cyrtui.logins.nearness import Nearness
from cyrtui.logins.slapd_oddities import OddityFinder, OddLookup, first_proxy
from cyrtui.logins.summary import Summary
from cyrtui.logins.trace import TraceEvent
from cyrtui.logs.record import LogRole
from cyrtui.logs.slices import SlicedLog
from cyrtui.logs.whole_log import Unclear, keep_pages, shape_of
from cyrtui.shared_work import WorkFailed, shared

_PART: Final = 12 << 20
_MOST_PARTS: Final = 200
_LEAST_SLOW: Final = 1.3
"""Seconds: a look-up that took so long has a step of a tenth of one, or ends in another second."""
_KNOWN_AND_DENIED: Final = 100
"""Attempts of users who logged in at other times: where the proxy was denied for many, all are to be read."""


class OfEveryone(NamedTuple):
    """The totals, and how many of the attempts that did not succeed name nobody."""

    summary: Summary
    unnamed: int


def of_everyone_in(
    logs: Mapping[LogRole, SlicedLog],
    wanted: TraceFilter,
    now: float,
    *,
    before: float,
    after: float,
    slow: float = 2.0,
) -> OfEveryone | None:
    """The totals over the attempts that are wanted; None if the logs must be read line by line.

    That is so where archives are to be read as well (`since` less `before` seconds is earlier than a log
    begins), where lines have a form that is not looked for here, where much failed with nobody getting
    through, and where a file is cut short meanwhile. Of what is wanted only the range of time and `failed`
    are regarded. Lines count from `before` seconds before the range until `after` seconds after it. `now` is
    the host's time; a login is slow from `slow` seconds on. Closes the logs.
    """
    collecting = gc.isenabled()
    # what is made here is let go of by its last user, and looking for circles in it takes a tenth of the time
    gc.disable()
    keep_pages()
    try:
        if LogRole.MAIL not in logs or slow < _LEAST_SLOW:
            return None
        since = wanted.since
        if since is not None and any((log.begins or now) > since - before for log in logs.values()):
            return None
        found = _Everyone(logs, wanted, now, before, after, slow).totals()
    except (FileUnreadable, Unclear, WorkFailed):
        # who reads them line by line knows, or says why not
        return None
    else:
        return None if any(log.shrunk for log in logs.values()) else found
    finally:
        if collecting:
            gc.enable()
        for log in logs.values():
            log.close()


class _Everyone:
    def __init__(
        self,
        logs: Mapping[LogRole, SlicedLog],
        wanted: TraceFilter,
        now: float,
        before: float,
        after: float,
        slow: float,
    ) -> None:
        self._logs = logs
        self._wanted = wanted
        self._now = now
        self._slow = slow
        timed = wanted.since is not None or wanted.until is not None
        self._covers: Callable[[float], bool] | None = wanted.covers if timed else None
        self._begin = None if wanted.since is None else wanted.since - before
        self._end = None if wanted.until is None else wanted.until + after
        self._proxy: tuple[str, float] | None = None
        self._summary = Summary()
        self._unnamed = 0
        self._users: set[str] = set()

    def totals(self) -> OfEveryone:
        """The totals. Raises `Unclear`, `WorkFailed` and `FileUnreadable`."""
        odd = self._read()
        mail, summary = self._mail, self._summary
        if not self._wanted.failed:
            summary.first, summary.last = mail.first, mail.last
            summary.ok += mail.services.total()
            summary.incomplete += mail.broken_off.total()
            summary.by_service.update(mail.services)
            summary.by_service.update(mail.broken_off)
            summary.by_user.update(mail.users)
            self._blame("client-gone", mail.broken_off.total())
        self._judge_and_read(odd)
        return OfEveryone(summary, self._unnamed)

    # --- all of the logs ----------------------------------------------------------------------------

    def _stretch(self, log: SlicedLog) -> tuple[int, int]:
        low = 0 if self._begin is None else log.between(self._begin, self._begin)[0]
        high = log.size if self._end is None else log.between(self._end, self._end)[1]
        return low, high

    def _read(self) -> list[OddLookup]:
        """Count the mail log's attempts, and find what is odd in slapd's; in the order of time."""
        slapd = self._logs.get(LogRole.SLAPD)
        if slapd is None or not slapd.size:
            self._count_mail()
            return []
        shape = shape_of(slapd)
        if shape is None:
            raise Unclear
        self._proxy = first_proxy(slapd)
        finder = OddityFinder(slapd, shape, "" if self._proxy is None else self._proxy[0], self._slow)
        low, high = self._stretch(slapd)
        step = max(_PART, -(-(high - low) // _MOST_PARTS))
        borders = [low, *(slapd.line_start(at) for at in range(low + step, high, step)), high]
        found = shared(
            len(borders) - 1,
            lambda number: finder.look(borders[number], borders[number + 1]),
            self._count_mail,
        )
        return sorted(finder.join(found), key=lambda lookup: lookup.end)

    def _count_mail(self) -> None:
        log = self._logs[LogRole.MAIL]
        shape = shape_of(log)
        if shape is None:
            raise Unclear
        low, high = self._stretch(log)
        heard = list(self._heard())
        apart: set[Key] = {key for key, _ in heard}
        while True:
            self._mail = MailTotals(log, shape, self._covers, apart)
            self._mail.count(low, high)
            if not self._mail.special:
                break
            apart |= self._mail.special
        for key, at in heard:
            self._mail.processes[key].hear(at)

    def _heard(self) -> Iterator[tuple[Key, TraceEvent]]:
        log = self._logs.get(LogRole.AUTH)
        if log is not None and log.size:
            shape = shape_of(log)
            if shape is None:
                raise Unclear
            yield from heard_in(log, shape)

    # --- attempts -----------------------------------------------------------------------------------

    def _judging(self, odd: list[OddLookup]) -> Judging:
        mail = self._mail
        self._users |= canonical_users(mail.users)
        worked = None if self._proxy is None else self._proxy[1]
        drafts = [draft for process in mail.processes.values() for draft in process.drafts]
        near = Nearness(odd, mail.welcomes, self._users, worked)
        return Judging(near, mail.failures, drafts, self._covers, failed=self._wanted.failed)

    def _blame(self, cause: str | None, number: int = 1) -> None:
        if cause is not None and number:
            self._summary.by_cause[cause] += number

    # --- excerpts -----------------------------------------------------------------------------------

    def _judge_and_read(self, odd: list[OddLookup]) -> None:
        """Judge what failed, while what stands around slow look-ups is read; then read what stands around
        the attempts that are not decided yet.
        """
        proxy = None if self._proxy is None else self._proxy[0]
        excerpts = Excerpts(self._logs, proxy, self._users, self._slow, self._now)
        if not self._wanted.failed:
            excerpts.add_slow([lookup for lookup in odd if lookup.slow])
        slow, judged = self._judge_by_two(excerpts, self._judging(odd))
        for each in judged:
            self._summary.include(each.summary)
            self._unnamed += each.unnamed
        known_ones = 0
        for asked, around in [open_one for each in judged for open_one in each.open]:
            # one that may have been granted turns on which look-up was its own
            known = around.known and Fate.GRANTED not in around.fates
            known_ones += known
            excerpts.add(asked, far=not around.welcome, known=known)
        if known_ones > _KNOWN_AND_DENIED:
            raise Unclear
        work = excerpts.work(_never)
        for answer in shared(len(work), lambda number: work[number]()):
            for cause, number in answer.causes.items():
                self._blame(cause, number)
        self._blame("directory-slow", slow)

    def _judge_by_two(self, excerpts: Excerpts, judging: Judging) -> tuple[int, list[Judged]]:
        """How many logins were slow, and what was judged. Excerpts take longest: they come first."""
        work = excerpts.work(self._covers)

        def part(number: int) -> Answer | Judged:
            return work[number]() if number < len(work) else judging.judge(number - len(work))

        found = shared(len(work) + PARTS, part)
        slow = sum(each.slow for each in found if isinstance(each, Answer))
        return slow, [each for each in found if isinstance(each, Judged)]


def _never(_time: float) -> bool:
    return False
