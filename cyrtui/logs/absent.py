"""What ought to be in the logs and is not: said once, with the reason where the configuration names it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.journal_names import is_journal
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.logs.levels import RoleReader
from cyrtui.logs.record import LogRole
from cyrtui.logs.slapd_logging import SlapdLogging

LOOKED_AT: Final = 256 << 10
"""Bytes of the end of a log in which lines are looked for."""


def absent_lines(
    host: Host, role: LogRole, path: str, slapd: Sequence[SlapdLogging], olddir: str | None = None
) -> str | None:
    """A sentence if the end of a log holds nothing of what it is read for. Never raises.

    The journal is not looked through for this, nor a log that was rotated just now.
    """
    if role is LogRole.AUTH or is_journal(path):
        return None
    try:
        file = host.open_log(path)
    except FileUnreadable:
        return None
    try:
        size = file.size()
        data = file.pread(LOOKED_AT, max(0, size - LOOKED_AT))
    except FileUnreadable:
        return None
    finally:
        file.close()
    if not size:
        from cyrtui.logs.archives import Archives

        return (
            None if Archives(host, path, olddir).newest_first() else _sentence(role, path, "is empty", slapd)
        )
    reader = RoleReader()
    wanted, what = b"", "of Cyrus"
    if role is LogRole.SLAPD:
        wanted, what = b"conn=", "about a connection"
    # one is enough: the last of the lines, mostly
    if any(wanted in line and reader.role(line, None) is role for line in reversed(data.splitlines())):
        return None
    return _sentence(role, path, f"has no line {what} in its last part", slapd)


def _sentence(role: LogRole, path: str, how: str, slapd: Sequence[SlapdLogging]) -> str:
    said = f"{inert(path)} {how}"
    if role is LogRole.MAIL:
        return f"{said}: either nothing happens, or Cyrus logs to somewhere else (the setting mail_log)."
    silent = next((one for one in slapd if one.without_stats), None)
    if silent is not None:
        return (
            f"{said}: {inert(silent.conf)} says {inert(silent.line or '')}, so that slapd logs nothing of a "
            "login. With the level stats it would."
        )
    return (
        f"{said}, so that what the directory answered to a login is not known. slapd needs the level stats."
    )


def masked_debug(where: str, facility: str) -> str:
    """The sentence for a selector that leaves out what slapd logs."""
    return (
        f"{inert(where)} leaves out debug of {inert(facility)}, and slapd logs all at the level debug: "
        f"what it says of a login is not written. It takes {inert(facility)}.*, or {inert(facility)}.debug."
    )
