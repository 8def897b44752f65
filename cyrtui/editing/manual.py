"""The words of the installed manual pages imapd.conf(5) and cyrus.conf(5), by option or by section and key.

The pages are roff(7) with the macros of man(7), as rst2man writes them (3.x) or older ones by hand.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert

_PLACES: Final = ("/usr/share/man/man5", "/usr/local/share/man/man5", "/usr/cyrus/man/man5")
_LARGEST: Final = 8 << 20
_OPTION: Final = re.compile(r"^(?:\.IP\s+\"?|\.B\s+)?\\fB(?P<name>[A-Za-z0-9_-]+):\\f[PR] ?(?P<default>.*)$")
_KEY: Final = re.compile(r"^(?:\.IP\s+\"?)?\\fB(?P<name>[a-z]+)=\\f[PR] ?(?P<default>.*)$")
_SECTION: Final = re.compile(r"^\.S[SH] \"?(?P<name>[A-Z]+)")
_FONT: Final = re.compile(r"\\f(?:[BIRP]|\(..|\[[^]]*\])")
_GLYPHS: Final = {
    r"\(ga": "`",
    r"\(aq": "'",
    r"\(oq": "‘",
    r"\(cq": "’",
    r"\(dq": '"',
    r"\(lq": "“",
    r"\(rq": "”",
    r"\(em": "—",
    r"\(en": "–",
    r"\(bu": "•",
    r"\(ha": "^",
    r"\(ti": "~",
    r"\-": "-",
    r"\e": "\\",
    r"\ ": " ",
    r"\&": "",
    r"\%": "",
    r"\|": "",
    r"\^": "",
    r"\:": "",
    "\\'": "'",
    r"\.": ".",
    "\\\\": "\\",
}
_ESCAPE: Final = re.compile(r"\\(?:\(..|.)")


class Manual:
    """The two pages of a host, each read when it is first asked for."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._options: dict[str, str] | None = None
        self._keys: dict[tuple[str, str], str] | None = None

    def option(self, name: str) -> str:
        """What imapd.conf(5) says of an option, in one paragraph; empty where it says nothing."""
        if self._options is None:
            self._options = dict(_entries(_page(self._host, "imapd.conf"), _OPTION))
        return self._options.get(name.lower(), "")

    def key(self, section: str, key: str) -> str:
        """What cyrus.conf(5) says of a key in a section; empty where it says nothing."""
        if self._keys is None:
            self._keys = dict(_keys(_page(self._host, "cyrus.conf")))
        return self._keys.get((section, key), "")


def _page(host: Host, name: str) -> list[str]:
    """The lines of a page; none where it is not installed, or cannot be unpacked."""
    for place in _PLACES:
        for suffix in (".gz", ""):
            try:
                data = host.read(f"{place}/{name}.5{suffix}", _LARGEST)
            except FileUnreadable:
                continue
            if suffix:
                try:
                    data = zlib.decompressobj(wbits=31).decompress(data, _LARGEST)
                except zlib.error:
                    continue
            return data.decode("utf-8", "replace").splitlines()
    return []


def _entries(lines: list[str], head: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """(name, text) of each entry; the text ends where the next entry, or a section, begins."""
    name, kept = "", list[str]()
    for line in lines:
        found = head.match(line)
        if found is None and not line.startswith((".SH", ".SS")):
            kept.append(line)
            continue
        if name and kept:
            yield name, _words(kept)
        name, kept = (found["name"].lower() if found else ""), []
    if name and kept:
        yield name, _words(kept)


def _keys(lines: list[str]) -> Iterator[tuple[tuple[str, str], str]]:
    """((section, key), text) of each key of each section."""
    section, own = "", list[str]()
    for line in [*lines, ".SH END"]:
        found = _SECTION.match(line)
        if found is None:
            own.append(line)
            continue
        for name, text in _entries(own, _KEY):
            yield (section, name), text
        section, own = found["name"], []


def _words(lines: list[str]) -> str:
    """Roff as plain words: no request, no font, no escape; paragraphs are joined."""
    words: list[str] = []
    for line in lines:
        text = line
        if text.startswith(('.\\"', "'")):
            continue
        if text.startswith("."):
            macro, _, rest = text[1:].partition(" ")
            if macro not in ("B", "I", "BR", "IR", "RB", "RI", "BI", "IB", "IP", "TP"):
                continue
            text = rest.replace('"', "") if macro != "IP" else ""
        text = _ESCAPE.sub(lambda one: _GLYPHS.get(one[0], one[0][-1:]), _FONT.sub("", text))
        if text.strip():
            words.append(text.strip())
    return inert(re.sub(r"\s+", " ", " ".join(words))).replace("``", "“").replace("’’", "”")
