"""How well a book of traces knows the truth of generated logs."""

from __future__ import annotations

from dataclasses import dataclass

from cyrtui.logins.book import TraceBook
from cyrtui.logins.trace import Confidence
from tests.logins.generator import Logs


class UidDirectory:
    """A directory that answers for every DN that it knows."""

    def __init__(self, uid_of: dict[str, str]) -> None:
        self._uid_of = {dn.lower(): uid for dn, uid in uid_of.items()}

    def names(self, dn: str) -> frozenset[str] | None:
        uid = self._uid_of.get(dn)
        return None if uid is None else frozenset({uid})

    def password(self, _dn: str) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares: `linked` and `certain` of the attempts that had a look-up in the log, `right` of the certain
    ones.

    `false_links` counts links with certainty of attempts that had no look-up in the log at all.
    """

    attempts: int
    linked: float
    certain: float
    right: float
    wrong_certain: int
    false_links: int
    missing: int
    user_wrong: int
    users_found: int


def measure(logs: Logs, *, directory: bool = False) -> Rates:
    book = TraceBook(directory=UidDirectory(logs.uid_of) if directory else None, max_traces=10**9)
    for log in logs.records().values():
        book.feed(log)
    book.settle(logs.end + 3600)
    by_offset = {trace.key[1]: trace for trace in book.traces()}
    total = linked = certain = right = false_links = missing = user_wrong = users_found = 0
    for truth in logs.truth:
        trace = by_offset.get(truth.offset)
        if trace is None:
            missing += 1
            continue
        link = trace.ldap
        sure = link is not None and link.confidence is Confidence.CERTAIN
        if trace.user_from == "directory":
            users_found += 1
            user_wrong += trace.user != truth.user
        if truth.conn is None:
            false_links += sure
            continue
        total += 1
        hit = link is not None and link.conn == truth.conn
        linked += hit
        certain += sure
        right += sure and hit
    return Rates(
        total,
        linked / max(1, total),
        certain / max(1, total),
        right / max(1, certain),
        certain - right,
        false_links,
        missing,
        user_wrong,
        users_found,
    )
