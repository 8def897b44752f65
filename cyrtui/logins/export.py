"""A `LoginTrace` as the JSON object that `trace --json` promises."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from cyrtui.logins.trace import LdapLink, LoginTrace


def iso(time: float, zone: tzinfo | None, *, whole: bool = False) -> str:
    """ISO 8601 with offset, in `zone` (None: this machine's); with microseconds unless the stamp had none."""
    moment = datetime.fromtimestamp(time, UTC).astimezone(zone)
    return moment.isoformat(timespec="seconds" if whole else "microseconds")


def as_json(trace: LoginTrace, zone: tzinfo | None = None) -> dict[str, Any]:
    """The object of one attempt; all values are JSON types."""
    whole = {event.time: event.whole_seconds for event in trace.events}
    return {
        "user": trace.user,
        "service": trace.service,
        "pid": trace.pid,
        "client": {
            "name": trace.client.name if trace.client else None,
            "address": trace.client.address if trace.client else None,
        },
        "start": iso(trace.start, zone, whole=whole.get(trace.start, False)),
        "end": iso(trace.end, zone, whole=whole.get(trace.end, False)),
        "outcome": trace.outcome,
        "mechanism": trace.mechanism,
        "tls": None
        if trace.tls is None
        else {"version": trace.tls.version, "cipher": trace.tls.cipher, "bits": trace.tls.bits},
        "session_id": trace.session_id,
        "ldap": _ldap(trace.ldap),
        "cause": trace.cause,
        "explanation": trace.explanation,
        "remedy": trace.remedy,
        "events": [
            {
                "source": event.source,
                "time": iso(event.time, zone, whole=event.whole_seconds),
                "text": event.text,
            }
            for event in trace.events
        ],
    }


def _ldap(link: LdapLink | None) -> dict[str, Any] | None:
    if link is None:
        return None
    return {
        "conn": link.conn,
        "dn": link.dn,
        "confidence": str(link.confidence),
        "candidates": list(link.candidates),
    }
