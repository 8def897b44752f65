"""The key=value lines that follow 3.12: `event=login.good r.clienthost="…" u.username=… …`.

Source: imap/loginlog.c and lib/logfmt.c of 3.13. A value is quoted if it holds a space, `=`, `"`, `\\` or a
byte outside ASCII; inside quotes `\\n \\r \\t \\" \\\\ \\x{hh}` are escapes; NULL is `~null~`.
"""

from __future__ import annotations

import re
from typing import Final

from cyrtui.inert import inert
from cyrtui.logins.events import Audit, BadLogin, Login, ServiceEvent
from cyrtui.logins.grammar_cyrus import read_client
from cyrtui.logins.sasl_codes import read_detail
from cyrtui.pattern import pattern

STARTS: Final = "event="

_PAIR: Final = pattern(r'([A-Za-z0-9_.]{1,64})=("(?:[^"\\]|\\.)*"|[^ "]*)(?: |\Z)')
_ESCAPE: Final = pattern(r"\\(?:x\{([0-9A-Fa-f]{1,2})\}|(.))", re.DOTALL)
_PLAIN: Final = {"n": b"\n", "r": b"\r", "t": b"\t"}


def _unquote(value: str) -> str | None:
    if value == "~null~":
        return None
    if not value.startswith('"'):
        return value
    out = bytearray()
    at = 0
    body = value[1:-1]
    for found in _ESCAPE.finditer(body):
        out += body[at : found.start()].encode()
        if found[1] is not None:
            out.append(int(found[1], 16))
        else:
            out += _PLAIN.get(found[2], found[2].encode())
        at = found.end()
    out += body[at:].encode()
    return inert(bytes(out))


def read_fields(text: str) -> dict[str, str | None] | None:
    """The fields of a line, or None if it is not such a line from its first to its last character."""
    fields: dict[str, str | None] = {}
    at = 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            return None
        fields.setdefault(found[1], _unquote(found[2]))
        at = found.end()
    return fields


def read_logfmt(text: str) -> ServiceEvent | None:
    """The event of a key=value line; None for events that say nothing about a login."""
    fields = read_fields(text)
    if fields is None:
        return None
    event = fields.get("event") or ""
    if event.startswith("login."):
        return _login(event, fields)
    if event.startswith("auditlog."):
        return Audit(
            event.removeprefix("auditlog."),
            tuple((key, value) for key, value in fields.items() if value is not None and key != "event"),
        )
    return None


def _login(event: str, fields: dict[str, str | None]) -> ServiceEvent | None:
    client = read_client(fields.get("r.clienthost") or "")
    user = fields.get("u.username")
    mechanism = fields.get("login.mech") or fields.get("login.scheme")
    tls = fields.get("login.tls") == "1"
    if fields.get("login.anonymous") is not None:
        user, mechanism = "anonymous", "anonymous"
    if fields.get("login.nopassword") is not None:
        mechanism = "nopassword"
    if event == "login.good":
        session = fields.get("r.sessionid") or fields.get("sessionid")
        return Login(client, user, mechanism or "plaintext", tls, session)
    if event == "login.bad":
        code, error, detail = read_detail(fields.get("error") or "")
        user = user if user != "-notset-" else None
        numbered = (fields.get("error") or "").startswith("SASL(")
        return BadLogin(client, user, mechanism, code, error, detail, tls or None, numbered)
    return None
