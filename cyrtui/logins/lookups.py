"""slapd's connections, put together from its lines: one `Lookup` for each that may be a look-up of ldapdb's.

ldapdb opens one connection for a look-up (plugins/ldapdb.c): SASL bind as the proxy, WhoAmI with the proxied
authorization control, a base search of the user's entry as that user, unbind. Lines of a connection may be
out of order, and conn numbers begin again when slapd does: the key is (host, slapd's pid, conn,
generation).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from cyrtui.logins.events import (
    LdapAccept,
    LdapAttributes,
    LdapBind,
    LdapBindId,
    LdapBound,
    LdapClosed,
    LdapEvent,
    LdapExtended,
    LdapOther,
    LdapProxy,
    LdapResult,
    LdapSearch,
    LdapUnbind,
    SlapdState,
)
from cyrtui.logins.grammar_slapd import read_slapd
from cyrtui.logins.names import canonical_dn
from cyrtui.logins.trace import TraceEvent

MAX_LINES: Final = 64
MAX_OPS: Final = 12
_SASL_ATTRIBUTE: Final = "cmusaslsecret"

LookupKey = tuple[str, int, int, int]


class Fate(Enum):
    """How a look-up ended."""

    OPEN = "no result yet, or its line is missing"
    GRANTED = "the entry was read as the user"
    EMPTY = "the search found nothing"
    DENIED = "the proxied authorization was denied"
    BIND_FAILED = "the proxy could not bind"
    NO_BIND = "closed without a bind"
    TLS_REFUSED = "StartTLS was refused"
    BUSY = "the directory was busy or unavailable"
    ERROR = "another error"

    # by identity: enum hashes the name, at each of the millions of comparisons
    __hash__ = object.__hash__


_SASL_BIND_IN_PROGRESS: Final = 14
_PROXY_ERRORS: Final = frozenset({47, 123})
_BUSY_ERRORS: Final = frozenset({51, 52})


_OF_ATTRIBUTE: Final = {
    "cmusaslsecretplain": "plain",
    "cmusaslsecretcram-md5": "cram",
    "cmusaslsecretdigest-md5": "digest",
    "authpassword": "scram",
}


@lru_cache(maxsize=256)
def _families(attributes: frozenset[str]) -> frozenset[str]:
    """The kinds of mechanism that the attributes asked for betray; several attempts of a session add up."""
    names = [name.lower() for name in attributes]
    return frozenset(
        _OF_ATTRIBUTE.get(name, name)
        for name in names
        if name in _OF_ATTRIBUTE or name.startswith(_SASL_ATTRIBUTE)
    )


class Lookup:
    """One connection. Times are those of slapd's lines.

    `foreign` is True once it does what ldapdb never does.
    """

    __slots__ = (
        *("key", "lines", "accepted", "closed", "unbound", "first", "last", "deciding"),
        *("bound_as", "authcid", "bind_asked", "dn", "dn_as_logged", "attributes", "families", "result"),
        *("starttls_ops", "search_ops", "root_ops", "slowest", "server_seconds", "foreign", "more", "_fate"),
    )

    def __init__(self, key: LookupKey, more: int = 0) -> None:
        self.key = key
        self.lines: list[TraceEvent] = []
        self.accepted: TraceEvent | None = None
        self.closed: TraceEvent | None = None
        self.unbound: TraceEvent | None = None
        self.first: TraceEvent | None = None
        self.last: TraceEvent | None = None
        self.deciding: TraceEvent | None = None
        self.bound_as: str | None = None
        self.authcid: str | None = None
        self.bind_asked = False
        self.dn: str | None = None
        self.dn_as_logged: str | None = None
        self.attributes: frozenset[str] = frozenset()
        self.families: frozenset[str] = frozenset()
        self.result: LdapResult | None = None
        self.starttls_ops: frozenset[int] = frozenset()
        self.search_ops: frozenset[int] = frozenset()
        self.root_ops: frozenset[int] = frozenset()
        self.slowest = 0.0
        self.server_seconds = 0.0
        self.foreign = False
        self.more = more
        self._fate: Fate | None = None

    @property
    def conn(self) -> int:
        return self.key[2]

    @property
    def pid(self) -> int:
        return self.key[1]

    def feed(self, event: LdapEvent, at: TraceEvent) -> None:
        """Take one line of this connection."""
        self._fate = None
        if self.foreign:
            self.more += 1
            if type(event) is LdapClosed:
                self.closed = at
            return
        lines = self.lines
        if len(lines) < MAX_LINES:
            lines.append(at)
        else:
            self.more += 1
        if self.first is None:
            self.first = at
        self.last = at
        take = _TAKES.get(type(event))
        if take is not None:
            take(self, event, at)
            self._shed()

    def _shed(self) -> None:
        if self.foreign:
            self.more += len(self.lines)
            self.lines.clear()

    def amend(self, at: TraceEvent) -> None:
        """Put a line, known by its place, in the place of its beginning: the rest of it stood on the next
        line.
        """
        if not any(line.path == at.path and line.offset == at.offset for line in self.lines):
            return
        lines = [at if line.path == at.path and line.offset == at.offset else line for line in self.lines]
        fresh = Lookup(self.key, more=self.more)
        for line in lines:
            event = read_slapd(line.text)
            if event is not None and not isinstance(event, SlapdState):
                fresh.feed(event, line)
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    @property
    def fate(self) -> Fate:
        """How it ended, as far as its lines say."""
        if self._fate is None:
            self._fate = self._find_fate()
        return self._fate

    def _find_fate(self) -> Fate:
        result = self.result
        if result is None:
            ended = self.closed is not None or self.unbound is not None
            return Fate.NO_BIND if ended and not self.bind_asked and self.dn is None else Fate.OPEN
        if result.err == 0:
            if result.tag == 101:
                return Fate.GRANTED if result.entries is None or result.entries > 0 else Fate.EMPTY
            return Fate.OPEN
        if result.err in _BUSY_ERRORS:
            return Fate.BUSY
        if result.tag == 97:
            return Fate.BIND_FAILED
        if result.op in self.starttls_ops:
            return Fate.TLS_REFUSED
        if result.err in _PROXY_ERRORS:
            return Fate.DENIED
        return Fate.EMPTY if result.tag == 101 and result.err == 32 else Fate.ERROR

    @property
    def looks_like_ldapdb(self) -> bool:
        """False for connections that are certainly not a password look-up of ldapdb's."""
        if self.foreign:
            return False
        secrets = self.attributes
        return not secrets or any(
            name.lower() in {"userpassword", "authpassword"} or name.startswith(_SASL_ATTRIBUTE)
            for name in secrets
        )

    @property
    def begin(self) -> TraceEvent | None:
        return self.accepted or self.first

    @property
    def end(self) -> TraceEvent | None:
        """The line after which the Cyrus process knew: the deciding result, else the last sign of life."""
        if self.fate is not Fate.OPEN and self.deciding is not None:
            return self.deciding
        return self.unbound or self.closed or self.last

    @property
    def seconds(self) -> float | None:
        """From the connection's begin to its deciding line."""
        begin, end = self.begin, self.end
        return None if begin is None or end is None else max(0.0, end.time - begin.time)


# --- what each kind of line says: millions of them are fed, so that it is looked up by its class ---------


def _accept(lookup: Lookup, _event: LdapAccept, at: TraceEvent) -> None:
    lookup.accepted = at


def _close(lookup: Lookup, _event: LdapClosed, at: TraceEvent) -> None:
    lookup.closed = at


def _unbind(lookup: Lookup, _event: LdapUnbind, at: TraceEvent) -> None:
    lookup.unbound = at


def _bind(lookup: Lookup, event: LdapBind, _at: TraceEvent) -> None:
    lookup.bind_asked = True
    # ldapdb binds by SASL alone
    lookup.foreign = event.method == 128


def _bind_id(lookup: Lookup, event: LdapBindId, _at: TraceEvent) -> None:
    lookup.authcid = event.authcid


def _bound(lookup: Lookup, event: LdapBound, _at: TraceEvent) -> None:
    lookup.bound_as = canonical_dn(event.dn)
    lookup.foreign = event.mechanism.upper() == "SIMPLE"


def _proxy(lookup: Lookup, event: LdapProxy, _at: TraceEvent) -> None:
    lookup.dn, lookup.dn_as_logged = canonical_dn(event.dn), event.dn


def _search(lookup: Lookup, event: LdapSearch, _at: TraceEvent) -> None:
    if event.scope != 0:
        lookup.foreign = True
    elif event.base:
        lookup.search_ops |= {event.op}
        if lookup.dn is None:
            lookup.dn, lookup.dn_as_logged = canonical_dn(event.base), event.base
    else:
        lookup.root_ops |= {event.op}


def _attributes(lookup: Lookup, event: LdapAttributes, _at: TraceEvent) -> None:
    if event.op not in lookup.root_ops:
        lookup.attributes |= frozenset(event.names)
        lookup.families = _families(lookup.attributes)


def _extended(lookup: Lookup, event: LdapExtended, _at: TraceEvent) -> None:
    if event.what in {"STARTTLS", "1.3.6.1.4.1.1466.20037"}:
        lookup.starttls_ops |= {event.op}


def _result(lookup: Lookup, event: LdapResult, at: TraceEvent) -> None:
    lookup.foreign = event.op > MAX_OPS or event.tag in {103, 105, 107, 109, 111}
    if event.etime is not None:
        lookup.slowest = max(lookup.slowest, event.etime)
        lookup.server_seconds += event.etime
    if event.err == _SASL_BIND_IN_PROGRESS and event.tag == 97:
        return
    # the last one by operation decides, since lines may be out of order
    if event.op not in lookup.root_ops and (lookup.result is None or event.op >= lookup.result.op):
        lookup.result, lookup.deciding = event, at


def _other(lookup: Lookup, event: LdapOther, _at: TraceEvent) -> None:
    lookup.foreign = event.change


_TAKES: Final[dict[type, Callable[[Lookup, Any, TraceEvent], None]]] = {
    LdapAccept: _accept,
    LdapClosed: _close,
    LdapUnbind: _unbind,
    LdapBind: _bind,
    LdapBindId: _bind_id,
    LdapBound: _bound,
    LdapProxy: _proxy,
    LdapSearch: _search,
    LdapAttributes: _attributes,
    LdapExtended: _extended,
    LdapResult: _result,
    LdapOther: _other,
}
