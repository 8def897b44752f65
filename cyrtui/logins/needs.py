"""What an attempt needs of the directory, and what it costs to believe that a look-up was the one.

Costs are negative log likelihoods in nats: 0 is what usually happens, 3 one time in twenty, 7 one in a
thousand. The numbers come from recorded servers (the reply of slapd and Cyrus' own line are milliseconds
apart; slapd may write its line after Cyrus has written its own) and lean to the side of doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from math import log1p
from typing import Final, NamedTuple

from cyrtui.logins.events import BadLogin, Login, SaslText
from cyrtui.logins.grammar import service_of
from cyrtui.logins.lookups import Fate, Lookup
from cyrtui.logins.names import canonical_user
from cyrtui.logins.sessions import Draft
from cyrtui.logins.trace import TraceEvent
from cyrtui.pattern import pattern

NEVER: Final = float("inf")

AT_ONCE: Final = 5.0
"""Seconds that an answer may come after slapd's, for mechanisms that need no more of the client."""
AFTER_CLIENT: Final = 15.0
"""The same where the client must send another message first (DIGEST-MD5 when it succeeds, SCRAM)."""
EARLY: Final = 1.0
"""Seconds that slapd's line may come after Cyrus' own."""
PAUSE: Final = 3.0
"""failedloginpause, in seconds. pop3d alone sleeps before it logs a failed AUTH or APOP; the others after
it.
"""


class Ending(Enum):
    """How an attempt ended, as far as it tells how its look-up ended."""

    WELCOME = "ok"
    WRONG = "authentication failure"
    NOBODY = "user not found"
    BROKEN = "generic failure"
    UNAVAILABLE = "remote authentication server unavailable"
    TURNED_AWAY = "authorization failure"
    OTHER = "something else"


_FATES: Final[dict[Ending, dict[Fate, float]]] = {
    Ending.WELCOME: {Fate.GRANTED: 0.0, Fate.OPEN: 2.0},
    Ending.WRONG: {
        Fate.GRANTED: 0.0, Fate.BIND_FAILED: 0.0, Fate.ERROR: 2.0, Fate.EMPTY: 3.0, Fate.OPEN: 2.0,
    },
    # SASL up to 2.1.23 says "user not found" whatever went wrong
    Ending.NOBODY: {
        Fate.GRANTED: 0.0, Fate.EMPTY: 0.0, Fate.DENIED: 0.5, Fate.BIND_FAILED: 0.5, Fate.ERROR: 0.5,
        Fate.NO_BIND: 1.0, Fate.TLS_REFUSED: 0.5, Fate.BUSY: 1.0, Fate.OPEN: 2.0,
    },
    Ending.BROKEN: {
        Fate.DENIED: 0.0, Fate.TLS_REFUSED: 0.0, Fate.ERROR: 0.5, Fate.NO_BIND: 0.5, Fate.BIND_FAILED: 2.0,
        Fate.OPEN: 2.0,
    },
    Ending.UNAVAILABLE: {Fate.BUSY: 0.0, Fate.NO_BIND: 0.5, Fate.OPEN: 1.0, Fate.ERROR: 2.0},
    Ending.TURNED_AWAY: {Fate.GRANTED: 0.0, Fate.OPEN: 2.0},
    Ending.OTHER: dict.fromkeys(Fate, 1.0),
}  # fmt: skip

_ALONE: Final = {
    Ending.WELCOME: 7.0,
    Ending.WRONG: 7.0,
    Ending.NOBODY: 6.0,
    Ending.TURNED_AWAY: 6.0,
    Ending.BROKEN: 5.0,
    Ending.OTHER: 3.0,
    Ending.UNAVAILABLE: 0.5,
}

_FAMILIES: Final = {
    "plaintext": "plain", "plain": "plain", "login": "plain", "basic": "plain",
    "cram-md5": "cram", "digest-md5": "digest", "digest": "digest",
    "apop": "bare", "ntlm": "bare", "otp": "bare",
}  # fmt: skip
_WITHOUT_DIRECTORY: Final = frozenset({"anonymous", "kpop", "nopassword", "external", "gssapi", "gss-spnego"})
_CODES_BEFORE_LOOKUP: Final = frozenset({-4, -5, -6, -7, -16})
_WORDS_BEFORE_LOOKUP: Final = frozenset(
    {
        "invalid user",
        "anonymous login refused",
        "error base64 decoding string",
        "expected string",
        "proxy authz attempted on non-Murder backend",
    }
)
_STAND_IN: Final = pattern(r"user (.*) is not allowed to proxy\Z")
WITHOUT_LOOKUP: Final = (
    "cannot connect to saslauthd",
    "unknown password verifier",
    "Couldn't find mech",
    "could not find auxprop plugin",
)


class Need(NamedTuple):
    """An attempt that may have asked the directory.

    `may_wait`: timsieved welcomes a user only when another session of his has ended, seconds later perhaps.
    """

    draft: Draft
    ending: Ending
    family: str | None
    user: str | None
    plaintext: bool
    client_speaks_last: bool
    may_wait: bool
    pause: tuple[float, float]
    alone: float
    steps: tuple[TraceEvent, ...]

    @property
    def at(self) -> TraceEvent:
        return self.draft.line.at

    @property
    def fates(self) -> frozenset[Fate]:
        """How its look-up may have ended."""
        return frozenset(_FATES[self.ending])

    @property
    def longest(self) -> float:
        """How many seconds after slapd's answer the server's own may come."""
        return AFTER_CLIENT if self.client_speaks_last or self.may_wait else AT_ONCE


def _ending(attempt: Login | BadLogin) -> Ending:
    if isinstance(attempt, Login):
        return Ending.WELCOME
    if attempt.error == "user not found" or attempt.detail == "no secret in database":
        return Ending.NOBODY
    match attempt.code:
        case -13:
            return Ending.WRONG
        case -1:
            return Ending.BROKEN
        case -24:
            return Ending.UNAVAILABLE
        case -14:
            return Ending.TURNED_AWAY
        case _:
            return Ending.OTHER


def asked_for(attempt: Login | BadLogin) -> str | None:
    """The user whose password was looked up: who wants to act for another proves his own identity first."""
    if isinstance(attempt, BadLogin) and attempt.detail:
        found = _STAND_IN.match(attempt.detail)
        if found is not None:
            return found[1]
    return attempt.user


def family_of(mechanism: str) -> str | None:
    """The kind of secret that a mechanism, in lower case, needs; None if that is not known."""
    return "scram" if mechanism.startswith("scram") else _FAMILIES.get(mechanism)


def need_of(draft: Draft, auth: tuple[TraceEvent, ...]) -> Need | None:
    """What `draft` needs; None if it cannot have asked the directory. `auth` are its lines of auth.log."""
    attempt = draft.attempt
    if not isinstance(attempt, Login | BadLogin):
        return None
    mechanism = (attempt.mechanism or "").lower()
    if mechanism in _WITHOUT_DIRECTORY:
        return None
    if isinstance(attempt, BadLogin):
        if attempt.code in _CODES_BEFORE_LOOKUP or attempt.error in _WORDS_BEFORE_LOOKUP:
            return None
        if "whitespace username" in (attempt.detail or ""):
            return None
        texts = [line.event.text for line in draft.before if isinstance(line.event, SaslText)]
        texts += [at.text for at in auth]
        if any(known in text for text in texts for known in WITHOUT_LOOKUP):
            return None
    ending = _ending(attempt)
    user = asked_for(attempt)
    family = family_of(mechanism)
    return Need(
        draft,
        ending,
        family,
        canonical_user(user) if user else None,
        mechanism in {"plaintext", "apop"},
        family == "scram" or (family == "digest" and ending is Ending.WELCOME),
        ending is Ending.WELCOME and "sieve" in service_of(draft.process.key[1]),
        _pause(attempt, service_of(draft.process.key[1])),
        _ALONE[ending] if family is not None else min(_ALONE[ending], 3.0),
        tuple(at for at in auth if " client step " in at.text),
    )


def price_of(lookup: Lookup) -> float:
    """What it costs to believe that a look-up was for no attempt of which there is a line."""
    if lookup.fate is Fate.TLS_REFUSED:
        return 4.0
    if lookup.fate is Fate.NO_BIND or not lookup.bind_asked:
        return 1.0
    return 5.0 if lookup.fate is not Fate.OPEN else 3.0


def _delay(gap: float, *, client_speaks: bool) -> float:
    """The cost of `gap` seconds between slapd's deciding line and Cyrus' own."""
    if gap < 0.0:
        return 2.0 * log1p(-gap / 0.005)
    if client_speaks:
        return 0.6 * log1p(gap / 0.05)
    # straight at first: of two look-ups under way at once, delays alone then favour neither pairing
    return 50.0 * gap if gap < 0.05 else 2.5 + 1.2 * log1p((gap - 0.05) / 0.05)


def _pause(attempt: Login | BadLogin, service: str) -> tuple[float, float]:
    """What it costs to believe that the line was written at once, and after a pause.

    pop3d and timsieved alone write SASL's phrase without its number; the name of the service tells them apart
    as far as admins name services after what they are.
    """
    if isinstance(attempt, Login) or attempt.code is None:
        return 0.0, NEVER
    if attempt.mechanism == "APOP":
        return 1.0, 0.0
    if attempt.numbered or attempt.mechanism == "plaintext":
        return 0.0, NEVER
    if "pop" in service:
        return 3.0, 0.0
    return (0.0, 3.0) if "sieve" in service else (0.7, 0.7)


class Asked(NamedTuple):
    """What the cost of a look-up depends on, read off once for a whole window."""

    begin: TraceEvent
    end: TraceEvent
    fate: Fate
    families: frozenset[str]
    attributes: bool
    price: float


def asked(lookup: Lookup) -> Asked | None:
    """The facts of a look-up; None before it has a line."""
    begin, end = lookup.begin, lookup.end
    if begin is None or end is None:
        return None
    return Asked(begin, end, lookup.fate, lookup.families, bool(lookup.attributes), price_of(lookup))


def costs_of(need: Need, columns: Sequence[Asked], low: int, high: int) -> dict[int, float]:
    """By column of [low, high), what it costs to believe that the look-up was made for `need`.

    Names are left aside. A column is left out where it cannot be, or where leaving both alone is cheaper.
    """
    known = _FATES[need.ending]
    family, alone, steps = need.family, need.alone, need.steps
    strange = family not in {None, "bare"}
    floor = need.draft.floor
    earliest = None if floor is None else floor.time
    found: dict[int, float] = {}
    for column in range(low, high):
        begin, end, fate, families, attributes, price = columns[column]
        cost = known.get(fate, NEVER)
        if cost == NEVER or (
            earliest is not None and begin.time + (1.0 if begin.whole_seconds else 0.05) <= earliest
        ):
            continue
        if families:
            if family is not None and family not in families:
                continue
        elif attributes and strange:
            cost += 3.0
        cost += _stamps(need, begin, end)
        # a dearer pair is worse than leaving both alone
        if cost < alone + price and (not steps or _steps_agree(need, begin, end)):
            found[column] = cost
    return found


def _stamps(need: Need, begin: TraceEvent, end: TraceEvent) -> float:
    """The cost of the stamps: the answer came at once, or after the pause."""
    at_once, paused = need.pause
    cost = NEVER if at_once == NEVER else at_once + _apart(need, begin, end, 0.0)
    return cost if paused == NEVER else min(cost, paused + _apart(need, begin, end, PAUSE))


def _apart(need: Need, begin: TraceEvent, end: TraceEvent, pause: float) -> float:
    """The cost of two stamps so far apart. A stamp in whole seconds may mean any moment of that second."""
    at, client = need.at, need.client_speaks_last
    longest = need.longest
    time = at.time - pause
    low = time - end.time - (1.0 if end.whole_seconds else 0.0)
    high = time - end.time + (1.0 if at.whole_seconds else 0.0)
    if high < -EARLY or low > longest:
        return NEVER
    if not (at.whole_seconds and end.whole_seconds):
        return _delay(min(max(0.002, low), high), client_speaks=client)
    apart = round(time - end.time)
    if apart == 0:
        return 0.0
    if apart < 0:
        # slapd was between two of its lines when the second ended
        return 3.0 if begin.time <= time else 5.5
    if client:
        return 2.0 + _delay(apart - 1.0, client_speaks=True)
    return 2.9 if apart == 1 else 2.9 + _delay(apart - 1.0, client_speaks=False)


def _steps_agree(need: Need, begin: TraceEvent, end: TraceEvent) -> bool:
    """False if auth.log shows that this process spoke to the directory at another time."""
    first, last = need.steps[0], need.steps[-1]
    slack = 1.0 if first.whole_seconds or begin.whole_seconds else 0.3
    return begin.time - slack <= last.time and first.time <= end.time + slack
