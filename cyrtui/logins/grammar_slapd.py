"""slapd's stats lines (loglevel stats, 256), OpenLDAP 2.4 to 2.7:
servers/slapd/{daemon,bind,result,search,…}.c.

2.5 and later add qtime and etime to results and `tls_proto`, `bind_ssf`; the words before them stay the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

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
    LdapSaslFailure,
    LdapSearch,
    LdapTls,
    LdapUnbind,
    SlapdState,
)
from cyrtui.pattern import pattern

Match = re.Match[str]

_HEAD: Final = pattern(r"conn=(\d{1,19}) (?:op=(\d{1,10})|fd=\d{1,10})(?: \[[^\]]*\])? ")
_ACCEPT: Final = pattern(r"ACCEPT from (?:IP|PATH)=(.*?)(?: \((?:IP|PATH)=(.*?)\))?\Z")
_TLS: Final = pattern(r"TLS established tls_ssf=(\d+)")
_RESULT: Final = pattern(
    r"(?:SEARCH )?RESULT (?:tag=(\d+)|oid=\S*) err=(\d+)(?: qtime=([\d.]+) etime=([\d.]+))?"
    r"(?: duration=\S+)?(?: nentries=(\d+))? text=(.*)\Z",
    re.DOTALL,
)
_BIND: Final = pattern(r'BIND dn="(.*)" method=(\d+)\Z')
_BIND_ID: Final = pattern(r'BIND authcid="(.*)" authzid="(.*)"\Z')
_BOUND: Final = pattern(r'BIND dn="(.*)" mech=(\S+)(?: .*)?\Z')
_BOUND_ANONYMOUS: Final = pattern(r"BIND anonymous mech=(\S+)")
_PROXY: Final = pattern(r'PROXYAUTHZ dn="(.*)"\Z')
_SEARCH: Final = pattern(r'SRCH base="(.*)" scope=(\d) deref=\d filter="(.*)"\Z', re.DOTALL)
_CLOSED: Final = pattern(r"closed(?: \((.*)\))?\Z")
_LOOSE: Final = pattern(r"connection_input: conn=(\d{1,19}) |SASL \[conn=(\d{1,19})\] (?:Failure|Error): ")
# operations that no lookup of a password consists of
_CHANGES: Final = ("ADD ", "DEL ", "MODRDN ", "CMP ", "PASSMOD", "ABANDON")

_STATES: Final = {
    "slapd starting": SlapdState("starting"),
    "daemon: shutdown requested and initiated.": SlapdState("stopping"),
    "slapd stopped.": SlapdState("stopped"),
}


def _seconds(text: str | None) -> float | None:
    # a line cut short may end in the middle of a number
    return float(text) if text is not None and text.count(".") <= 1 and text.strip(".") else None


def _result(conn: int, op: int, found: Match) -> LdapResult:
    tag, err, qtime, etime, entries, text = found.groups()
    return LdapResult(
        conn,
        op,
        int(tag) if tag else None,
        int(err),
        text,
        int(entries) if entries else None,
        _seconds(qtime),
        _seconds(etime),
    )


_BY_WORD: Final[dict[str, tuple[tuple[re.Pattern[str], Callable[[int, int, Match], LdapEvent]], ...]]] = {
    "ACCEPT": ((_ACCEPT, lambda conn, _op, found: LdapAccept(conn, found[1], found[2])),),
    "TLS": ((_TLS, lambda conn, _op, found: LdapTls(conn, int(found[1]))),),
    "RESULT": ((_RESULT, _result),),
    "SEARCH": ((_RESULT, _result),),
    "BIND": (
        (_BOUND, lambda conn, op, found: LdapBound(conn, op, found[1], found[2])),
        (_BIND, lambda conn, op, found: LdapBind(conn, op, found[1], int(found[2]))),
        (_BIND_ID, lambda conn, op, found: LdapBindId(conn, op, found[1], found[2])),
        (_BOUND_ANONYMOUS, lambda conn, op, found: LdapBound(conn, op, "", found[1])),
    ),
    "PROXYAUTHZ": ((_PROXY, lambda conn, op, found: LdapProxy(conn, op, found[1])),),
    "SRCH": ((_SEARCH, lambda conn, op, found: LdapSearch(conn, op, found[1], int(found[2]), found[3])),),
    "closed": ((_CLOSED, lambda conn, _op, found: LdapClosed(conn, found[1])),),
}


def read_slapd(text: str) -> LdapEvent | SlapdState | None:
    """What a line of slapd says; None for lines of neither a connection nor its own start and stop."""
    head = _HEAD.match(text)
    if head is None:
        return _loose(text)
    conn, op = int(head[1]), int(head[2] or -1)
    rest = text[head.end() :]
    word = rest.partition(" ")[0]
    for form, make in _BY_WORD.get(word, ()):
        found = form.match(rest)
        if found is not None:
            return make(conn, op, found)
    if word == "SRCH" and rest.startswith("SRCH attr="):
        return LdapAttributes(conn, op, tuple(rest[10:].split()))
    if word == "EXT" and rest.startswith("EXT oid="):
        return LdapExtended(conn, op, rest[8:])
    if word in {"WHOAMI", "STARTTLS"}:
        return LdapExtended(conn, op, word)
    if word == "UNBIND":
        return LdapUnbind(conn, op)
    return LdapOther(conn, rest, rest.startswith(_CHANGES))


def _loose(text: str) -> LdapEvent | SlapdState | None:
    if "conn=" in text[:40]:
        found = _LOOSE.match(text)
        if found is None:
            return None
        if found[1] is not None:
            return LdapOther(int(found[1]), text)
        return LdapSaslFailure(int(found[2]), text[found.end() :])
    return _STATES.get(text)
