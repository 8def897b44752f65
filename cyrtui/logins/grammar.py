"""A `Record` -> what it says about logins, or None. The only door to the grammars."""

from __future__ import annotations

from typing import Final

from cyrtui.logins import grammar_cyrus, grammar_master
from cyrtui.logins.events import LoginEvent
from cyrtui.logins.grammar_logfmt import STARTS, read_logfmt
from cyrtui.logins.grammar_sasl import read_sasl
from cyrtui.logins.grammar_slapd import read_slapd
from cyrtui.logs.record import LogRole, Record

MASTERS: Final = frozenset({"master", "cyrmaster"})


def service_of(ident: str) -> str:
    """The name of the service in cyrus.conf: the last part of `cyrus/imaps`."""
    return ident.rpartition("/")[2]


def is_slapd(record: Record) -> bool:
    """True for a line of slapd's own, whatever file it stands in (`slapd`, `slapd-mail`, `slapd@mail`)."""
    return record.ident.startswith("slapd") or (
        record.role is LogRole.SLAPD and record.text.startswith("conn=")
    )


def understand(record: Record) -> LoginEvent | None:
    """What the line says; None if it says nothing about logins. Never raises, whatever the text holds."""
    text = record.text
    if is_slapd(record):
        return None if record.role is LogRole.AUTH and "conn=" not in text[:24] else read_slapd(text)
    if record.pid is None:
        return None
    service = service_of(record.ident)
    if service in MASTERS:
        event = grammar_master.TABLE.read(text)
        if event is not None:
            return event
    elif text.startswith(STARTS):
        return read_logfmt(text)
    else:
        found = grammar_cyrus.TABLE.read(text)
        if found is not None:
            return found
    if record.role is LogRole.AUTH:
        return read_sasl(service, text)
    return None
