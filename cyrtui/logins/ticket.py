"""A trace as text, for a ticket or a mail."""

from __future__ import annotations

from datetime import datetime, tzinfo

from cyrtui.logins.trace import LoginTrace
from cyrtui.wording import distance


def as_ticket(trace: LoginTrace, zone: tzinfo | None) -> str:
    """The verdict, every line with its distance in time, and the remedy; ends with a newline."""
    when = datetime.fromtimestamp(trace.end, zone).astimezone().isoformat(sep=" ", timespec="seconds")
    client = trace.client
    where = (client.address or client.name) if client else None
    lines = [
        f"{trace.outcome.upper()}  {trace.user or 'nobody named'}  {trace.service}[{trace.pid}]"
        f"  from {where or 'unknown'}  {when}",
        trace.explanation + (f" [{trace.cause}]" if trace.cause else ""),
    ]
    if trace.ldap is not None:
        conn = "none" if trace.ldap.conn is None else str(trace.ldap.conn)
        lines.append(f"slapd's connection: {conn} ({trace.ldap.confidence})")
        if trace.ldap.candidates:
            lines.append("it may be one of: " + ", ".join(map(str, trace.ldap.candidates)))
    before = None
    for number, event in enumerate(trace.events):
        stamp = datetime.fromtimestamp(event.time, zone)
        shown = f"{stamp:%H:%M:%S}" if event.whole_seconds else f"{stamp:%H:%M:%S.%f}"[:-3]
        gap = "" if before is None else distance(event.time - before)
        before = event.time
        mark = "*" if number in trace.evidence else " "
        lines.append(f"{mark} {event.source:<5} {shown:<12} {gap:>9}  {event.text}")
    if trace.remedy:
        lines.append(f"Remedy: {trace.remedy}")
    return "\n".join(lines) + "\n"
