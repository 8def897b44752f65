"""Why many attempts failed, by what was near each of them, in parts that two processes share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from cyrtui.logins.causes import Around, possible_causes
from cyrtui.logins.diagnose import outcome_of
from cyrtui.logins.events import BadLogin, Login
from cyrtui.logins.excerpts import Asked
from cyrtui.logins.failures import Failure
from cyrtui.logins.grammar import service_of
from cyrtui.logins.nearness import Kind, Nearness, kind_of, kind_of_failure
from cyrtui.logins.needs import asked_for
from cyrtui.logins.sessions import Draft
from cyrtui.logins.summary import Summary

PARTS: Final = 6


class Judged(NamedTuple):
    """The totals of some attempts, how many of them name nobody, and those of which several causes may be."""

    summary: Summary
    unnamed: int
    open: list[tuple[Asked, Around]]


class Judging:
    """Attempts that failed, and drafts of any outcome, with what is near them.

    `covers` tells of a time whether attempts at it are wanted, None: all are; `failed`: only those are that
    failed. Work is done by `judge`, for each number below `PARTS`.
    """

    def __init__(
        self,
        near: Nearness,
        failures: Iterable[Failure],
        drafts: Sequence[Draft],
        covers: Callable[[float], bool] | None,
        *,
        failed: bool,
    ) -> None:
        self._near = near
        self._failures = sorted(failures, key=lambda failure: failure.time)
        self._drafts = drafts
        self._covers = covers
        self._failed = failed
        self._kinds: dict[tuple[int, str], Kind] = {}
        for failure in self._failures:
            known = failure.kind, failure.service
            if known not in self._kinds:
                self._kinds[known] = kind_of_failure(failure)
        near.note(
            (self._kinds[failure.kind, failure.service], failure.time, failure.user)
            for failure in self._failures
        )
        near.note((kind_of(draft, draft.process.auth_of(draft)), draft.time, draft.user) for draft in drafts)

    def judge(self, number: int) -> Judged:
        """Judge one part of them."""
        found = Judged(Summary(), 0, [])
        unnamed = self._judge_failures(found, number)
        unnamed += sum(self._judge_draft(found, draft) for draft in self._drafts[number::PARTS])
        return found._replace(unnamed=unnamed)

    def _judge_failures(self, found: Judged, number: int) -> int:
        """Judge a part of those of which the line says all; how many name nobody."""
        size = -(-len(self._failures) // PARTS)
        failures = self._failures[number * size : (number + 1) * size]
        covers, kinds, around_of = self._covers, self._kinds, self._near.around
        if covers is not None:
            failures = [failure for failure in failures if covers(failure.time)]
        causes: dict[tuple[int, str, Around], set[str | None]] = {}
        blamed: list[str | None] = []
        users: list[str | None] = []
        unnamed = 0
        for time, number_of_kind, event, user, service in failures:
            kind = kinds[number_of_kind, service]
            if user is None:
                user = kind.asked  # noqa: PLW2901 - who asked, as far as anything says
                unnamed += user is None and isinstance(event, BadLogin)
            users.append(user)
            around = around_of(kind, time, user)
            known = number_of_kind, service, around
            possible = causes.get(known)
            if possible is None:
                possible = causes[known] = possible_causes(kind.draft, (), around)
            if len(possible) == 1:
                blamed.extend(possible)
            else:
                found.open.append((Asked(time, service, user, kind.mechanism), around))
        summary = found.summary
        summary.failed += len(failures)
        summary.by_service.update(failure.service for failure in failures)
        summary.by_user.update(user for user in users if user is not None)
        summary.by_cause.update(cause for cause in blamed if cause is not None)
        if failures:
            summary.first, summary.last = failures[0].time, failures[-1].time
        return unnamed

    def _judge_draft(self, found: Judged, draft: Draft) -> bool:
        """Judge an attempt of a process whose lines were read in full; True if it should name somebody, and
        does not.
        """
        outcome = outcome_of(draft)
        if (self._covers is not None and not self._covers(draft.time)) or (
            self._failed and outcome != "failed"
        ):
            return False
        attempt = draft.attempt
        mechanism = attempt.mechanism if isinstance(attempt, Login | BadLogin) else None
        user = draft.user or (asked_for(attempt) if isinstance(attempt, Login | BadLogin) else None)
        service = service_of(draft.process.key[1])
        found.summary.count(outcome, service, user, draft.time)
        auth = draft.process.auth_of(draft)
        around = self._near.around(kind_of(draft, auth), draft.time, user)
        possible = possible_causes(draft, auth, around)
        if len(possible) > 1:
            found.open.append((Asked(draft.time, service, user, mechanism), around))
        else:
            found.summary.by_cause.update(cause for cause in possible if cause is not None)
        return user is None and isinstance(attempt, BadLogin)
