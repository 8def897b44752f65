"""What must be said beside a list of attempts, or the list would be taken for the whole truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cyrtui.inert import inert
from cyrtui.logins.earlier import Known
from cyrtui.logins.filters import TraceFilter
from cyrtui.logins.titles import cause_title
from cyrtui.unlogged import Unlogged
from cyrtui.wording import counted


class Note(NamedTuple):
    """One thing: what or whom it is about, in a word; its sentence; what to do.

    `title` names a cause in a few words, and is empty for what is none. A `grave` one may be why somebody
    cannot log in.
    """

    about: str
    title: str
    sentence: str
    remedy: str
    grave: bool

    def as_text(self) -> str:
        """For a ticket; ends with a newline."""
        title = f" [{self.title}]" if self.title else ""
        return f"{self.about}: {self.sentence}{title}\n" + (f"Remedy: {self.remedy}\n" if self.remedy else "")


def login_notes(unlogged: Sequence[Unlogged], known: Known, wanted: TraceFilter) -> tuple[Note, ...]:
    """The notes beside `known`, which are the attempts that `wanted` asks for; gravest first.

    What always refuses some clients is grave where it may be the answer: the wanted user's last login went
    well, or there is none.
    """
    last = known.traces[0] if known.traces else None
    unanswered = wanted.user is not None and (last is None or last.outcome == "ok")
    found = [*_unlogged(unlogged, wanted, unanswered=unanswered), *_unread(known, wanted)]
    return tuple(sorted(found, key=lambda note: not note.grave))


def _unlogged(unlogged: Sequence[Unlogged], wanted: TraceFilter, *, unanswered: bool) -> Iterator[Note]:
    for one in unlogged:
        if wanted.service is None or one.service is None or one.service == wanted.service:
            grave = one.how == "now" or unanswered
            title = cause_title(one.cause)
            yield Note(one.service or "everyone", title, inert(one.explanation), inert(one.remedy), grave)


def _unread(known: Known, wanted: TraceFilter) -> Iterator[Note]:
    for problem in known.problems:
        yield Note("logs", "", inert(problem), "", grave=True)
    if known.nameless:
        number = f"{'At least ' if known.read else ''}{counted(known.nameless, 'attempt')}"
        yield Note(
            "nobody named",
            "",
            f"{number} of this time that did not succeed "
            f"{'names' if known.nameless == 1 else 'name'} nobody, and may be {inert(wanted.user or '')}'s.",
            "Take the user out of the filter, and look at those that failed (x).",
            grave=False,
        )
