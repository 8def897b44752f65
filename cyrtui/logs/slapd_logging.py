"""Where slapd logs to and what, as far as its configuration says: slapd.conf(5), slapd-config(5)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final, NamedTuple

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.pattern import pattern

_STATS: Final = 256
_PLACES: Final = (
    "/etc/ldap/slapd.d/cn=config.ldif",
    "/etc/openldap/slapd.d/cn=config.ldif",
    "/etc/ldap/slapd.conf",
    "/etc/openldap/slapd.conf",
)
_LDIF: Final = pattern(r"olc(LogLevel|LogFile|LogFileFormat):(:?) *(.+)\Z", re.IGNORECASE)
_CONF: Final = pattern(r"(loglevel|logfile|logfile-format)()\s+(.+)\Z", re.IGNORECASE)
_WITH_STATS: Final = frozenset({"stats", "any", "-1"})


class SlapdLogging(NamedTuple):
    """What one configuration of slapd says; `conf` is its path. `levels` and `line` as written there.

    `logfile` is the file that slapd 2.6 writes itself, `utc` that its stamps are in UTC (`syslog-utc`).
    """

    conf: str
    line: str | None
    levels: tuple[str, ...]
    logfile: str | None
    utc: bool

    @property
    def without_stats(self) -> bool:
        """Whether the level is set, and to one that leaves out all that a login does."""
        return bool(self.levels) and not any(map(_has_stats, self.levels))


def _has_stats(level: str) -> bool:
    if level.lower() in _WITH_STATS:
        return True
    try:
        return bool(int(level, 0) & _STATS)
    except ValueError:
        return False


def read_slapd_logging(host: Host) -> tuple[SlapdLogging, ...]:
    """What the configurations that are there and can be read say. Never raises."""
    found = []
    for path in _PLACES:
        try:
            text = host.read(path, 1 << 20).decode("utf-8", "replace")
        except FileUnreadable:
            continue
        found.append(_read(path, text))
    return tuple(found)


def _decoded(value: str) -> str | None:
    """A value behind `::`, in base64 as RFC 2849 has it; None if it is none, or not a line of text."""
    try:
        plain = base64.b64decode(value, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return plain if plain.isprintable() else None


def _read(path: str, text: str) -> SlapdLogging:
    # A line that begins with a blank continues the one before it, in both formats.
    lines = re.sub(r"\r?\n[ \t]", "" if path.endswith(".ldif") else " ", text).splitlines()
    form = _LDIF if path.endswith(".ldif") else _CONF
    line: str | None = None
    levels: list[str] = []
    values: dict[str, str] = {}
    for one in lines:
        matched = form.match(one.strip())
        if matched is None:
            continue
        name, value = matched[1].lower().replace("logfileformat", "logfile-format"), matched[3].strip()
        if matched[2]:
            plain = _decoded(value)
            if plain is None:
                continue
            value = plain
        if name == "loglevel":
            line = line or (f"olcLogLevel: {value}" if matched[2] else one.strip())
            levels += value.split()
        else:
            values[name] = value.strip('"')
    return SlapdLogging(
        path,
        line,
        tuple(levels),
        values.get("logfile"),
        values.get("logfile-format", "").lower() == "syslog-utc",
    )
