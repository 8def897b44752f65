"""What a cyrus.conf holds: sections, entries and the values that cyrmaster takes from them.

Source: cyrus.conf(5) and, where the manual and the program differ, the program (add_start, add_service,
add_event and add_daemon in master/master.c; masterconf_getint and masterconf_getswitch in masterconf.c).
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from cyrtui.config.faults import Fault
from cyrtui.pattern import pattern

CYRUS_CONF: Final = "/etc/cyrus.conf"

Section = Literal["START", "SERVICES", "EVENTS", "DAEMON"]
# 2.5 and later split an entry into key=value words; 2.4 and earlier search the line for `key=`.
Tokenizer = Literal["words", "substring"]

SECTIONS: Final[tuple[Section, ...]] = ("START", "SERVICES", "EVENTS", "DAEMON")
PROTOS: Final = ("tcp", "tcp4", "tcp6", "udp", "udp4", "udp6")
KEYS: Final[dict[Section, frozenset[str]]] = {
    "START": frozenset({"cmd"}),
    "SERVICES": frozenset(
        {"cmd", "listen", "proto", "prefork", "maxchild", "maxfds", "maxforkrate", "babysit", "provide_uuid"}
    ),
    "EVENTS": frozenset({"cmd", "period", "at", "cron"}),
    "DAEMON": frozenset({"cmd", "maxfds", "maxforkrate", "wait"}),
}
_SPACE: Final = " \t\n\r\v\f"
NUMBER: Final = pattern(r"-?[0-9]+")


class Entry(NamedTuple):
    """One entry. `line` counts from 1; `source` is the text of its line, inert, without the line's end.

    `pairs` are the keys and values in the order in which they stand; of a key given twice cyrmaster takes
    the first. `broken` tells that cyrmaster could not read the line to its end.
    """

    section: Section
    name: str
    line: int
    source: str
    pairs: tuple[tuple[str, str], ...]
    broken: bool = False

    def value(self, key: str) -> str | None:
        """The value that cyrmaster takes for `key`, None where there is none."""
        return next((value for name, value in self.pairs if name == key), None)

    def number(self, key: str, default: int) -> int:
        """The value as masterconf_getint reads it: what does not start as a number is the default."""
        found = NUMBER.match(self.value(key) or "")
        return int(found[0]) if found else default

    def switch(self, key: str, default: bool = False) -> bool:
        """The value as masterconf_getswitch reads it: by its first letters, lower case only."""
        value = self.value(key) or ""
        if value.startswith(("0", "n", "of", "f")):
            return False
        return True if value.startswith(("1", "y", "on", "t")) else default

    @property
    def cmd(self) -> str:
        return self.value("cmd") or ""

    @property
    def listen(self) -> str:
        return self.value("listen") or ""

    @property
    def proto(self) -> str:
        value = self.value("proto")
        return "tcp" if value is None else value

    @property
    def prefork(self) -> int:
        """Children kept ready, for each socket of the service."""
        wanted = self.number("prefork", 0)
        if not self.proto.startswith("tcp"):
            return min(wanted, 1)
        return 1 if wanted == 0 and self.switch("babysit") else wanted

    @property
    def maxchild(self) -> int | None:
        """The most children for each socket of the service (one socket an address family); None: no limit."""
        if not self.proto.startswith("tcp"):
            return 1
        value = self.value("maxchild")
        # atoi, not masterconf_getint: a word is 0, and 0 means that no child is ever started
        found = None if value is None else re.match(r"[ \t\n\r\v\f]*([+-]?[0-9]+)", value)
        limit = -1 if value is None else int(found[1]) if found else 0
        return None if limit < 0 else limit

    @property
    def period(self) -> int:
        """Minutes between two runs of an event; 0: once, when cyrmaster starts."""
        return self.number("period", 0)

    @property
    def at(self) -> tuple[int, int] | None:
        """Hour and minute of a daily event; None where `at` is missing or is no time of day."""
        at = self.number("at", -1)
        return (at // 100, at % 100) if at >= 0 and at // 100 <= 23 and at % 100 <= 59 else None

    @property
    def words(self) -> tuple[str, ...]:
        """`cmd` as cyrmaster splits it: at white space; there is no quoting."""
        return tuple(word for word in re.split(f"[{_SPACE}]+", self.cmd) if word)

    @property
    def program(self) -> str:
        """The last part of the program's path, `imapd`; empty where there is no cmd."""
        return self.words[0].rpartition("/")[2] if self.words else ""

    @property
    def config_file(self) -> str | None:
        """The argument of `-C`; without one the program reads /etc/imapd.conf, whatever cyrmaster reads."""
        words = self.words
        for index, word in enumerate(words[1:], 1):
            if word == "-C":
                return words[index + 1] if index + 1 < len(words) else None
            if word.startswith("-C"):
                return word[2:]
        return None


class SectionSpan(NamedTuple):
    """Where a section stands: the lines of its name and of its `}` (the last line where that is missing)."""

    name: Section
    first: int
    last: int
    closed: bool


class CyrusConf(NamedTuple):
    """A whole cyrus.conf. `raw` are its lines with their ends: joined they are the file, byte for byte."""

    path: str
    raw: tuple[bytes, ...]
    sections: tuple[SectionSpan, ...]
    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...]

    def section(self, name: Section) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.section == name)

    @property
    def services(self) -> tuple[Entry, ...]:
        """The entries of SERVICES that cyrmaster takes: the first of a name, with a cmd and a listen."""
        taken: dict[str, Entry] = {}
        for entry in self.section("SERVICES"):
            if entry.cmd and entry.listen:
                taken.setdefault(entry.name, entry)
        return tuple(taken.values())
