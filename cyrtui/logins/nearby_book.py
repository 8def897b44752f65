"""A book of which only some attempts are read; see `NearbyCorrelator`."""

from __future__ import annotations

from collections.abc import Container, Sequence, Set

from cyrtui.logins.book import TraceBook
from cyrtui.logins.events import LdapEvent
from cyrtui.logins.learned import Directory, Known
from cyrtui.logins.nearby import Claim, NearbyCorrelator, Sample
from cyrtui.logins.sessions import Draft
from cyrtui.logins.trace import LoginTrace, TraceEvent, TraceKey


class NearbyBook(TraceBook):
    """A book of which only some attempts are read."""

    _correlator: NearbyCorrelator
    _wanted: Sequence[Draft] = ()
    _beside: Sequence[Draft] = ()

    def _correlate(self, directory: Directory | None) -> NearbyCorrelator:
        return NearbyCorrelator(directory)

    @property
    def near(self) -> float:
        """Seconds around each attempt within which others are weighed along."""
        return self._correlator.near

    @near.setter
    def near(self, seconds: float) -> None:
        self._correlator.near = seconds

    def feed_connection(
        self, host: str, pid: int, conn: int, lines: Sequence[tuple[LdapEvent, TraceEvent]]
    ) -> None:
        """Take the lines of one connection of slapd's, understood already, in their order."""
        for event, at in lines:
            self._slapd(host, pid, event, at, conn)

    def learn(self, wanted: Set[TraceKey], beside: Set[TraceKey]) -> bool:
        """Learn names from the `wanted` attempts, which can be decided then, with those `beside`.

        False if a line that is wanted makes no attempt after all, as one that goes on in the next line may.
        """
        if not wanted <= self._drafts.keys():
            return False
        for lookup in self._grown:
            self._correlator.place(lookup)
        self._grown.clear()
        self._wanted = self._drafts_of(wanted)
        self._beside = self._drafts_of(beside - wanted)
        self._correlator.learn(self._wanted)
        return True

    def learn_more(self, other: NearbyBook, attempts: Set[TraceKey], users: Set[str]) -> bool:
        """Learn names from `attempts` of `users`, which `other` has, too. False as above."""
        other._correlator.beside(self._correlator)
        learned = other.learn(attempts, set())
        self._correlator.absorb(other._correlator, users)
        return learned

    def count(self, attempts: Set[TraceKey]) -> Sample:
        """Of attempts that are not wanted themselves: how many of those around have no other side."""
        for lookup in self._grown:
            self._correlator.place(lookup)
        self._grown.clear()
        self._correlator.count(self._drafts_of(attempts))
        return self._correlator.sample

    @property
    def sample(self) -> Sample:
        """The same of the wanted ones; to be added to before all is decided."""
        return self._correlator.sample

    @sample.setter
    def sample(self, sample: Sample) -> None:
        self._correlator.sample = sample

    def decide(self) -> None:
        """Find the look-ups of what is wanted, and of what is beside it."""
        self._correlator.decide([*self._wanted, *self._beside])

    def decide_again(self) -> None:
        """The same, once claims were proven or doubted."""
        self._correlator.decide_again([*self._wanted, *self._beside])

    def claims(self) -> list[Claim]:
        """What more would be certain if it were proven."""
        return self._correlator.claims()

    def prove(self, claim: Claim) -> None:
        """The claim holds all through the logs."""
        self._correlator.prove(claim)

    def doubt(self, claim: Claim) -> None:
        """The claim does not hold, or cannot be proven."""
        self._correlator.doubt(claim)

    def may_have(self, key: TraceKey, lines: Container[int]) -> bool:
        """True if a look-up with one of these lines of slapd's, by their offsets, may be an attempt's."""
        options = self._correlator.options(self._drafts[key])
        return any(line.offset in lines for lookup in options for line in lookup.lines)

    def may_be_certain(self, key: TraceKey, lines: Container[int]) -> bool:
        """The same, once the names of all who might have such a look-up were learned: if it could be sure."""
        return self._correlator.may_be_certain(self._drafts[key], lines)

    def known(self, user: str) -> Known | None:
        """What was learned of a user."""
        return self._correlator.learned.of_user(user)

    def reliable(self, user: str, dn: str) -> bool:
        """True if the whole log would say too that the DN is the user's."""
        return self._correlator.reliable(user, dn)

    def taken(self, user: str) -> set[int]:
        """The lines of slapd's, by their offsets, that attempts of `user` need which name him."""
        return self._correlator.taken(user)

    def rivals(self, key: TraceKey, lines: Container[int]) -> set[str]:
        """The users whose names may decide about an attempt, and about look-ups with these lines."""
        return self._correlator.rivals(self._drafts[key], lines)

    def write(self, now: float) -> list[LoginTrace] | None:
        """The traces of the wanted attempts.

        None if the cause of one depends on what others met, and what they met is not seen here.
        """
        for draft in self._drafts.values():
            self._writer.note(draft)
        self._neighbours.changed_minutes()
        traces = []
        for draft in self._wanted:
            trace, depends, _asks = self._writer.write(draft, now)
            if depends and not self._writer.others_fine(draft):
                return None
            traces.append(trace)
        return sorted(traces, key=lambda trace: (trace.end, trace.key))

    def _drafts_of(self, keys: Set[TraceKey]) -> list[Draft]:
        return [self._drafts[key] for key in sorted(keys & self._drafts.keys(), key=_by_time)]


def _by_time(key: TraceKey) -> tuple[float, str, int]:
    return key[2], key[0], key[1]
