"""From the lines of one attempt, and what its neighbours met, to a cause, a sentence, a remedy and the
proof.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeVar

from cyrtui.logins.events import (
    BadLogin,
    Client,
    Fatal,
    Login,
    ProcFileFailed,
    SessionEnded,
    TlsFailed,
    TlsTrouble,
    TooManyConnections,
    Usage,
)
from cyrtui.logins.lookups import Fate, Lookup
from cyrtui.logins.needs import Ending
from cyrtui.logins.rules import (
    BROKEN_OFF,
    DIED_UNSERVED,
    EVERYONE,
    KNOWN_BEFORE,
    NO_LOOKUP,
    OTHERS_FINE,
    RULES,
    SLOW,
    UNEXPLAINED,
    Rule,
)
from cyrtui.logins.sessions import Draft
from cyrtui.logins.trace import Outcome, TraceEvent

NEIGHBOURS: Final = 10
"""Minutes on either side that count as neighbourhood."""
_FATAL_AFTER: Final = 1.0
_NAME: Final = 60
_DIED_AT_START: Final = "can't write proc file"


class Verdict(NamedTuple):
    """What everyone met around one minute. Numbers of distinct users are counted up to three.

    `granted` are the DNs of proxies that were let act for somebody; `denied` counts, by proxy, users for whom
    they were not; `known` are those of them who did log in near that minute.
    """

    welcome: bool
    granted: frozenset[str]
    denied: tuple[tuple[str, int], ...]
    wrong: int
    broken: int
    known: frozenset[str]


_Key = TypeVar("_Key")
Met = tuple[Literal["welcome", "known", "granted", "denied", "wrong", "broken"], str, str]
"""(what, user, DN of the proxy): what one attempt met; the DN is empty where it says nothing."""


class Neighbourhood:
    """What attempts met, by minute. Entries may change; verdicts follow from their sums alone."""

    def __init__(self) -> None:
        self._minutes: dict[int, Counter[Met]] = {}
        self._known: dict[int, Counter[str]] = {}
        self._entries: dict[Draft, tuple[int, tuple[Met, ...]]] = {}
        self._verdicts: dict[int, Verdict] = {}
        self._changed: set[int] = set()

    def note(self, draft: Draft, met: tuple[Met, ...]) -> None:
        """Say what `draft` met; the last word counts."""
        minute = int(draft.time // 60)
        old = self._entries.get(draft)
        if old == (minute, met):
            return
        if old is not None:
            self._count(old[0], old[1], -1)
        self._entries[draft] = (minute, met)
        self._count(minute, met, 1)

    def forget(self, draft: Draft) -> None:
        """Let go of an attempt; its minute keeps what it said."""
        self._entries.pop(draft, None)

    def forget_before(self, time: float) -> None:
        last = int(time // 60) - NEIGHBOURS
        for minute in [each for each in self._minutes if each < last]:
            del self._minutes[minute]
            self._known.pop(minute, None)
            self._verdicts.pop(minute, None)

    def _count(self, minute: int, met: tuple[Met, ...], by: int) -> None:
        minutes = self._minutes.setdefault(minute, Counter())
        known = self._known.setdefault(minute, Counter())
        for each in met:
            if each[0] == "known":
                _tally(known, each[1], by)
            else:
                _tally(minutes, each, by)
        self._changed.add(minute)

    def verdict(self, time: float) -> Verdict:
        minute = int(time // 60)
        found = self._verdicts.get(minute)
        if found is None:
            found = self._verdicts[minute] = self._judge(minute)
        return found

    def _judge(self, minute: int) -> Verdict:
        users: dict[str, set[str]] = {kind: set() for kind in ("welcome", "wrong", "broken")}
        granted: set[str] = set()
        denied: dict[str, set[str]] = {}
        turned_away: set[str] = set()
        around = range(minute - NEIGHBOURS, minute + NEIGHBOURS + 1)
        for near in around:
            for kind, user, proxy in self._minutes.get(near, ()):
                if kind == "granted":
                    granted.add(proxy)
                    continue
                if kind == "denied":
                    turned_away.add(user)
                found = denied.setdefault(proxy, set()) if kind == "denied" else users[kind]
                if len(found) < 3:
                    found.add(user)
        return Verdict(
            bool(users["welcome"]),
            frozenset(granted),
            tuple(sorted((proxy, len(found)) for proxy, found in denied.items())),
            len(users["wrong"]),
            len(users["broken"]),
            frozenset(
                user for user in turned_away if any(user in self._known.get(near, ()) for near in around)
            ),
        )

    def changed_minutes(self) -> set[int]:
        """The minutes whose verdict is another one since the last call."""
        affected = {
            near
            for minute in self._changed
            for near in range(minute - NEIGHBOURS, minute + NEIGHBOURS + 1)
            if near in self._verdicts
        }
        self._changed.clear()
        changed = set()
        for minute in affected:
            now = self._judge(minute)
            if now != self._verdicts[minute]:
                self._verdicts[minute] = now
                changed.add(minute)
        return changed


class Diagnosis(NamedTuple):
    """What is said of an attempt. `evidence` are (path, offset) of the lines that prove it."""

    cause: str | None
    explanation: str
    remedy: str
    also: tuple[str, ...] = ()
    evidence: tuple[tuple[str, int], ...] = ()


class Case:
    """One attempt as the rules see it. `fate` None: slapd's log has no look-up for it, or not surely.

    `proxy` is the DN that the proxy bound as, empty where that is not known; `proxy_worked`: it has been let
    act for somebody at some time. `entry_known`: an entry of this user's has been read at some time.
    """

    __slots__ = (
        *("draft", "outcome", "ending", "fate", "lookup", "user", "service", "password", "verdict", "auth"),
        *("slow_seconds", "entry_known", "proxy", "proxy_worked", "found", "what"),
    )

    def __init__(
        self,
        draft: Draft,
        outcome: Outcome,
        ending: Ending | None,
        fate: Fate | None,
        lookup: Lookup | None,
        user: str | None,
        service: str,
        password: str | None,
        verdict: Verdict,
        auth: Sequence[TraceEvent],
        slow_seconds: float | None,
        *,
        entry_known: bool,
        proxy: str,
        proxy_worked: bool,
    ) -> None:
        self.draft = draft
        self.outcome = outcome
        self.ending = ending
        self.fate = fate
        self.lookup = lookup
        self.user = user
        self.service = service
        self.password = password
        self.verdict = verdict
        self.auth = auth
        self.slow_seconds = slow_seconds
        self.entry_known = entry_known
        self.proxy = proxy
        self.proxy_worked = proxy_worked
        self.found: list[TraceEvent] = []
        self.what = ""


def outcome_of(draft: Draft) -> Outcome:
    """`login:` is the server's word that it knows the user; the client may still have been refused after
    it.
    """
    if draft.attempt is None:
        return "failed" if isinstance(draft.line.event, ProcFileFailed) else "incomplete"
    if not isinstance(draft.attempt, Login):
        return "failed"
    for line in draft.after:
        if isinstance(line.event, TooManyConnections):
            return "failed"
        if isinstance(line.event, Usage | SessionEnded):
            return "ok"
        if isinstance(line.event, Fatal) and line.at.time - draft.time <= _FATAL_AFTER:
            return "ok" if _DIED_AT_START in line.event.text else "failed"
    return "ok"


def met_by(case: Case) -> tuple[Met, ...]:
    """What this attempt tells its neighbours."""
    user = case.user or ""
    proxy = case.proxy
    met: list[Met] = []
    if case.ending is Ending.WELCOME:
        met += [("welcome", "", ""), ("known", user, "")]
    if case.fate is Fate.GRANTED:
        met.append(("granted", "", proxy))
    elif case.fate is Fate.DENIED:
        met.append(("denied", user, proxy))
    if case.ending is Ending.WRONG and case.fate is not Fate.GRANTED:
        met.append(("wrong", user, ""))
    elif case.ending in {Ending.BROKEN, Ending.NOBODY} and case.fate is not Fate.GRANTED:
        met.append(("broken", user, ""))
    return tuple(met)


def _tally(counts: Counter[_Key], key: _Key, by: int) -> None:
    counts[key] += by
    if counts[key] <= 0:
        del counts[key]


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


def around(case: Case, wanted: str) -> bool:
    """Whether what the neighbours met is as a rule wants it."""
    verdict = case.verdict
    if case.fate is Fate.DENIED:
        fine = case.proxy in verdict.granted
        # a user whose entry was read at other times does exist; and who tries names at random when nobody
        # else is about does not make the proxy one that never worked
        worked = case.proxy_worked or case.proxy in verdict.granted
        known = case.entry_known or (case.user or "") in verdict.known
        several = (dict(verdict.denied).get(case.proxy, 0) >= 2 and not worked) or known
    else:
        known = False
        fine = verdict.welcome or bool(verdict.granted)
        several = verdict.wrong >= 3 if case.ending is Ending.WRONG else verdict.broken >= 2
    if wanted == OTHERS_FINE:
        return fine
    if wanted == KNOWN_BEFORE:
        return fine and known
    return wanted == EVERYONE and not fine and several


def _attempt_fits(rule: Rule, case: Case) -> bool:
    attempt = case.draft.attempt
    if rule.tls is not None:
        return isinstance(attempt, TlsFailed) and attempt.stage == rule.tls
    if isinstance(attempt, TlsFailed) or attempt is None:
        return False
    if case.ending not in rule.ending and (rule.ending or case.ending is Ending.WELCOME):
        return False
    if rule.outcome is not None and rule.outcome != case.outcome:
        return False
    if rule.mechanism is not None and not _pattern(rule.mechanism).fullmatch(attempt.mechanism or ""):
        return False
    if rule.code or rule.error is not None or rule.detail is not None:
        if not isinstance(attempt, BadLogin):
            return False
        if rule.code and attempt.code not in rule.code:
            return False
        for pattern, text in ((rule.error, attempt.error), (rule.detail, attempt.detail)):
            if pattern is None:
                continue
            hit = _pattern(pattern).match(text or "")
            if hit is None:
                return False
            case.what = attempt.detail or hit[0]
    return True


def _fits(rule: Rule, case: Case) -> bool:
    case.found, case.what = [], ""
    if not _attempt_fits(rule, case):
        return False
    if rule.fate and (case.fate if case.fate is not None else NO_LOOKUP) not in rule.fate:
        return False
    if rule.password is not None and rule.password != case.password:
        return False
    if rule.around is not None and not around(case, rule.around):
        return False
    if rule.said is not None:
        lines = [line.at for line in case.draft.before if line.at is not case.draft.line.at]
        if not _lines_fit(rule.said, [*lines, *case.auth], case):
            return False
    return rule.afterwards is None or _lines_fit(
        rule.afterwards, [line.at for line in case.draft.after], case
    )


def _lines_fit(pattern: str, lines: Sequence[TraceEvent], case: Case) -> bool:
    wanted = _pattern(pattern)
    for at in lines:
        text = at.text.removeprefix("SASL ")
        hit = wanted.match(text)
        if hit is not None:
            case.found.append(at)
            case.what = case.what or hit[0]
    return bool(case.found)


def _fill(rule: Rule, case: Case) -> tuple[str, str]:
    lookup = case.lookup
    attempt = case.draft.attempt
    result = lookup.result if lookup is not None else None
    trouble = next((line.event for line in case.draft.before if isinstance(line.event, TlsTrouble)), None)
    words = {
        "user": _short(case.user or "this user"),
        "service": case.service,
        "mechanism": (attempt.mechanism if isinstance(attempt, Login | BadLogin) else None)
        or "this mechanism",
        "dn": (lookup.dn if lookup is not None else None) or "an entry not named",
        "proxy": case.proxy or "a DN not named",
        "text": (result.text.strip() or f"error {result.err}")
        if result is not None
        else "no result is logged",
        "file": (trouble.file if trouble is not None else None) or "a file not named",
        "reason": (trouble.reason if trouble is not None else None) or "no reason is logged",
        "what": (case.what or case.draft.line.at.text).removesuffix(": (null)").lstrip(" :"),
        "seconds": "" if case.slow_seconds is None else f"{case.slow_seconds:.1f}",
    }
    return rule.says.format(**words), rule.remedy.format(**words)


def _short(name: str) -> str:
    """A name that leaves room for what is said of it."""
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _proof(rule: Rule, case: Case) -> tuple[tuple[str, int], ...]:
    """(path, offset) of the lines that prove it: what the rule found, slapd's deciding line, and the
    answer.
    """
    lines = list(case.found)
    lookup = case.lookup
    if lookup is not None and (rule.fate or rule is SLOW):
        if lookup.deciding is not None:
            lines.append(lookup.deciding)
        if rule is SLOW and lookup.begin is not None:
            lines.append(lookup.begin)
    lines.append(case.draft.line.at)
    return tuple((at.path, at.offset) for at in lines)


def diagnose(case: Case) -> Diagnosis:
    """The first rule that fits. A login that went well has no cause, unless the directory was slow."""
    rule = _rule(case)
    if rule is None:
        return Diagnosis(None, _welcome(case), "")
    explanation, remedy = _fill(rule, case)
    return Diagnosis(rule.cause, explanation, remedy, rule.also, _proof(rule, case))


def _rule(case: Case) -> Rule | None:
    if case.draft.attempt is None:
        return DIED_UNSERVED if isinstance(case.draft.line.event, ProcFileFailed) else BROKEN_OFF
    for rule in RULES:
        if _fits(rule, case):
            return rule
    if case.outcome == "ok":
        return SLOW if case.slow_seconds is not None else None
    attempt = case.draft.attempt
    if isinstance(attempt, BadLogin):
        case.what = attempt.detail or attempt.error or case.draft.line.at.text
    return UNEXPLAINED


def _welcome(case: Case) -> str:
    client = case.draft.client
    return f"{case.user or 'A client'} logged in{_from(client)}."


def _from(client: Client | None) -> str:
    if client is None or (client.address is None and client.name is None):
        return ""
    return f" from {client.name or client.address}"


def depends_on_neighbours(case: Case) -> bool:
    """True if another verdict could lead to another cause."""
    return case.outcome == "failed" and (
        case.fate is Fate.DENIED
        or (case.fate in {None, Fate.OPEN} and case.ending in {Ending.WRONG, Ending.BROKEN})
    )
