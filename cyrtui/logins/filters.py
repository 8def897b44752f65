"""Which attempts are wanted: conditions that must all hold, and the words that people type for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple

from cyrtui.errors import CyrtuiError
from cyrtui.inert import inert
from cyrtui.logins.titles import TITLES
from cyrtui.logins.trace import LoginTrace
from cyrtui.logs.when import MomentError, parse_moment
from cyrtui.pattern import pattern

# Most runs ask for no network: what networks need is imported when one does.
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    Network = IPv4Network | IPv6Network

FORMS: Final = "user:NAME cause:CODE svc:NAME from:ADDRESS[/BITS] since:TIME until:TIME failed"
_AGO: Final = pattern(r"(\d{1,7})\s*([smhdw]|sec|min|seconds?|minutes?|hours?|days?|weeks?)\s+ago\Z", re.I)
_BARE: Final = pattern(r"\d{1,7}\s*(?:[smhdw]|sec|min)\Z", re.I)
_MORE_WORDS: Final = 3
_MAPPED: Final = pattern(r"::ffff:(\d+\.\d+\.\d+\.\d+)\Z", re.I)
_NAMES: Final = {
    "user": "user",
    "cause": "cause",
    "svc": "service",
    "service": "service",
    "from": "client",
    "since": "since",
    "until": "until",
}


class FilterError(CyrtuiError):
    """What was typed is no filter; the sentence says which words there are."""


class TraceFilter(NamedTuple):
    """Conditions on attempts; None and False ask nothing.

    `user` is compared without regard to case and whole; `cause` is a code or its beginning up to a hyphen
    (`password` holds for `password-mismatch`); `client` is a network, or a part of the client's name.
    `since` and `until` are seconds since the epoch, and count by the time of the server's answer. `failed`
    leaves out what is incomplete, too.
    """

    user: str | None = None
    cause: str | None = None
    service: str | None = None
    client: Network | str | None = None
    since: float | None = None
    until: float | None = None
    failed: bool = False

    def __bool__(self) -> bool:
        return self != _ALL

    def covers(self, time: float) -> bool:
        """Whether the moment is in the range of time."""
        return (self.since is None or time >= self.since) and (self.until is None or time <= self.until)

    def holds(self, trace: LoginTrace) -> bool:
        """Whether this attempt is wanted."""
        return (
            (not self.failed or trace.outcome == "failed")
            and (self.since is None or trace.end >= self.since)
            and (self.until is None or trace.end <= self.until)
            and (self.user is None or (trace.user or "").casefold() == self.user.casefold())
            and (self.service is None or trace.service.casefold() == self.service.casefold())
            and (self.cause is None or f"{trace.cause or ''}-".startswith(f"{self.cause.casefold()}-"))
            and (self.client is None or self._is_from(trace, self.client))
        )

    @staticmethod
    def _is_from(trace: LoginTrace, wanted: Network | str) -> bool:
        if trace.client is None:
            return False
        if isinstance(wanted, str):
            return wanted.casefold() in (trace.client.name or "").casefold()
        address = _address(trace.client.address or "")
        return address is not None and address.version == wanted.version and address in wanted

    def told(self, zone: tzinfo | None) -> str:
        """As `words`, for the eye: times as short as they can be."""
        return self._words(lambda time: _brief(time, zone))

    def words(self, zone: tzinfo | None) -> str:
        """The words that `parse_filter` reads this from; times to the second, in the host's `zone`."""
        return self._words(lambda time: _typed(time, zone))

    def _words(self, written: Callable[[float], str]) -> str:
        from shlex import quote

        found = []
        for name, value in (
            ("user", self.user),
            ("cause", self.cause),
            ("svc", self.service),
            ("from", None if self.client is None else _shown(self.client)),
            ("since", None if self.since is None else written(self.since)),
            ("until", None if self.until is None else written(self.until)),
        ):
            if value is not None:
                found.append(f"{name}:{quote(value)}")
        return " ".join([*found, *(["failed"] if self.failed else [])])

    def select(self, traces: Iterable[LoginTrace]) -> list[LoginTrace]:
        """Those that are wanted, in their order."""
        return [trace for trace in traces if self.holds(trace)]


_ALL: Final = TraceFilter()


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address of a client; an IPv4 one that came in through an IPv6 socket is the IPv4 one."""
    from ipaddress import ip_address

    mapped = _MAPPED.match(text)
    try:
        return ip_address(mapped[1] if mapped is not None else text)
    except ValueError:
        return None


def moment_of(text: str, now: float, zone: tzinfo | None) -> float:
    """The moment meant by `10 min ago`, `10m`, or a form of `parse_moment`. Raises `MomentError`."""
    words = " ".join(text.split())
    if (ago := _AGO.match(words)) is not None:
        unit = ago[2].lower()
        words = f"-{ago[1]}{unit if unit in ('sec', 'min') else unit[0]}"
    elif _BARE.match(words) is not None:
        words = f"-{words}"
    return parse_moment(words, now, zone)


def parse_filter(text: str, now: float, zone: tzinfo | None) -> TraceFilter:
    """The filter of words such as `user:julien cause:password svc:imaps from:198.51.100.0/24 failed`.

    A word without a colon is a user; a value with spaces stands in quotes, but for a time it need not: words
    behind `since:` and `until:` that belong to the time are taken to. Of a condition that is given twice the
    last counts. `now` and `zone` are the host's. Raises
    `FilterError` or `MomentError`.
    """
    from shlex import split

    try:
        words = split(text)
    except ValueError as error:
        raise FilterError(f"“{inert(text[:60])}” is no filter: a quote is not closed.") from error
    found = _ALL
    bare: str | None = None
    words.reverse()
    while words:
        word = words.pop()
        name, colon, value = word.partition(":")
        if word == "failed":
            found = found._replace(failed=True)
            continue
        meant = _NAMES.get(name.casefold()) if colon else "user"
        value = value if colon else word
        if meant is None or not value:
            raise FilterError(f"“{inert(word[:60])}” is no condition. There are: {FORMS}.")
        if not colon and bare is not None:
            raise FilterError(
                f"“{inert(bare[:30])}” and “{inert(word[:30])}” cannot both be the user: a name with spaces "
                "stands in quotes."
            )
        bare = word if not colon else bare
        if meant == "client":
            found = found._replace(client=_network(value))
        elif meant == "since":
            found = found._replace(since=_moment(value, words, now, zone))
        elif meant == "until":
            found = found._replace(until=_moment(value, words, now, zone))
        elif meant == "user":
            found = found._replace(user=value)
        elif meant == "cause":
            found = found._replace(cause=_cause(value))
        else:
            found = found._replace(service=value)
    if found.since is not None and found.until is not None and found.since > found.until:
        raise FilterError("“since” is later than “until”, so nothing can be between them.")
    return found


def _cause(value: str) -> str:
    """A cause code, or its beginning up to a hyphen. Raises `FilterError` for what is none."""
    if any(f"{code}-".startswith(f"{value.casefold()}-") for code in TITLES):
        return value
    words = ", ".join(dict.fromkeys(code.partition("-")[0] for code in TITLES))
    raise FilterError(f"“{inert(value[:60])}” is no cause. Causes begin with: {words}.")


def _moment(value: str, words: list[str], now: float, zone: tzinfo | None) -> float:
    """The moment that `value` begins to say, with as many of the next words (the last of `words`) as go on
    with it.
    """
    for more in range(min(_MORE_WORDS, len(words)), 0, -1):
        try:
            moment = moment_of(" ".join([value, *reversed(words[-more:])]), now, zone)
        except MomentError:
            continue
        del words[-more:]
        return moment
    return moment_of(value, now, zone)


def _shown(client: Network | str) -> str:
    if isinstance(client, str):
        return client
    return str(client.network_address if client.num_addresses == 1 else client)


def _typed(time: float, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(time, UTC).astimezone(zone).isoformat(timespec="seconds")


def _brief(time: float, zone: tzinfo | None) -> str:
    then = datetime.fromtimestamp(time, UTC).astimezone(zone)
    return f"{then:%Y-%m-%d %H:%M}" + (f":{then:%S}" if then.second else "")


def _network(value: str) -> Network | str:
    from ipaddress import ip_network

    try:
        return ip_network(value, strict=False)
    except ValueError as error:
        if "/" in value or value.replace(".", "").isdigit():
            raise FilterError(
                f"“{inert(value[:60])}” is no address and no network, such as 192.0.2.7 or 2001:db8::/32."
            ) from error
        return value
