"""Reading cyrus.conf as cyrmaster reads it, and saying what it would say.

Source of the format: master/masterconf.c of 2.2 to 3.12. A file that cyrmaster would die on is still read to
its end, so that it can be shown; what cyrmaster would do stands in `CyrusConf.faults`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from cyrtui.config.cyrus_entries import (
    CYRUS_CONF,
    KEYS,
    NUMBER,
    PROTOS,
    SECTIONS,
    CyrusConf,
    Entry,
    Section,
    SectionSpan,
    Tokenizer,
)
from cyrtui.config.faults import Fault, Severity
from cyrtui.config.master_lines import (
    MasterLine,
    bad_character,
    master_lines,
    split_arguments,
    substring_values,
)
from cyrtui.config.nearest import nearest
from cyrtui.inert import inert
from cyrtui.pattern import pattern

__all__ = ["CYRUS_CONF", "CyrusConf", "Entry", "Section", "SectionSpan", "Tokenizer", "parse_cyrus_conf"]

_NAME: Final = pattern(rb"[A-Za-z0-9]*")
_TO_SPACE: Final = pattern(rb"[^ \t\n\r\v\f]*")


def parse_cyrus_conf(data: bytes, path: str = CYRUS_CONF, tokenizer: Tokenizer = "words") -> CyrusConf:
    """Read a cyrus.conf. Never raises: what is wrong is in the result's `faults`, by line."""
    return _Reading(data, inert(path), tokenizer).result()


class _Reading:
    def __init__(self, data: bytes, path: str, tokenizer: Tokenizer) -> None:
        self.path = path
        self.tokenizer = tokenizer
        # a line ends at a line feed alone, as for fgets
        self.raw = tuple(re.findall(rb"[^\n]*\n|[^\n]+", data))
        self.lines = master_lines(self.raw)
        self.entries: list[Entry] = []
        self.spans: list[SectionSpan] = []
        self.faults: list[Fault] = []
        self.read: set[int] = set()

    def result(self) -> CyrusConf:
        known = SECTIONS if self.tokenizer == "words" else SECTIONS[:3]
        for section in known:
            self._pass(section)
        self.entries.sort(key=lambda entry: entry.line)
        self._skipped(known)
        self._long_lines()
        for entry in self.entries:
            self._judge(entry)
        self._duplicates()
        faults = tuple(sorted(dict.fromkeys(self.faults), key=lambda fault: fault.line))
        return CyrusConf(self.path, self.raw, tuple(self.spans), tuple(self.entries), faults)

    def _fault(self, line: int, severity: Severity, sentence: str, code: str, remedy: str) -> None:
        self.faults.append(Fault(self.path, line, severity, sentence, code, remedy))

    def _pass(self, section: Section) -> None:
        """One reading of the file for one section, as masterconf_getsection does it."""
        level = 0
        wanted = section.encode()
        lines = iter(self.lines)
        for line in lines:
            text = line.text
            if not text:
                continue
            opens = (
                level == 0
                and text[:1] == wanted[:1]
                and text[: len(wanted)].upper() == wanted
                and not text[len(wanted) : len(wanted) + 1].isalnum()
            )
            level += text.count(b"{") - text.count(b"}")
            if not opens:
                continue
            self.read.add(line.number)
            rest = text[len(wanted) :].strip()
            if level == 1:
                if rest != b"{":
                    self._fault(
                        line.number,
                        "warning",
                        f"Cyrus ignores what stands beside the {{ of {section}.",
                        "section-text",
                        "Put it on a line of its own.",
                    )
                self._entries(section, line.number, lines)
            elif level == 0 and b"{" in rest:
                self._fault(
                    line.number,
                    "warning",
                    f"Cyrus ignores a section on one line: put each entry of {section} on a line of its own.",
                    "section-one-line",
                    "Put the {, each entry and the } on lines of their own.",
                )
            elif level == 0:
                self.read.discard(line.number)

    def _entries(self, section: Section, first: int, lines: Iterator[MasterLine]) -> None:
        last = first
        for line in lines:
            last = line.number
            self.read.add(line.number)
            if not line.text:
                continue
            if line.text.startswith(b"}"):
                if line.text.strip() != b"}":
                    self._fault(
                        line.number,
                        "warning",
                        "Cyrus ignores what stands behind the } of a section.",
                        "section-text",
                        "Put it on a line of its own.",
                    )
                self.spans.append(SectionSpan(section, first, last, closed=True))
                return
            if self._entry(section, line):
                self.spans.append(SectionSpan(section, first, last, closed=True))
                return
        self.spans.append(SectionSpan(section, first, last, closed=False))
        self._fault(
            last,
            "warning",
            f"The section {section} of line {first} is not closed with a }}: is the rest missing?",
            "section-open",
            "Put a } behind its last entry.",
        )

    def _entry(self, section: Section, line: MasterLine) -> bool:
        """Keep the entry of one line; tells whether the line also ends the section."""
        found = _NAME.match(line.text)
        name = found[0] if found else b""
        rest = line.text[len(name) + 1 :]
        follows = line.text[len(name) : len(name) + 1]
        source = inert(self.raw[line.number - 1].rstrip(b"\r\n"), keep="\t")
        if self.tokenizer == "substring":
            values, faults = substring_values(rest, KEYS[section])
            ends = b"}" in rest
        else:
            ends = False
            values, faults = split_arguments(rest)
            if name and follows and not follows.isspace():
                # shown with its whole name, although cyrmaster stops here
                whole = _TO_SPACE.match(line.text)
                name = whole[0] if whole else name
                values, faults = split_arguments(line.text[len(name) :])[0], [bad_character(follows, "name")]
        if not name:
            self._fault(
                line.number,
                "warning",
                f"The line names no entry: Cyrus skips the “{inert(line.text[:1])}” and takes an empty name.",
                "entry-name",
                "Begin the line with a name of letters and digits.",
            )
        for severity, sentence, code, remedy in faults:
            if code == "quote-missing" and b"#" in self.raw[line.number - 1]:
                words = f"The # ends the line, inside quotes too. {sentence}"
                self._fault(line.number, severity, words, "hash-in-quotes", "No value can hold a #.")
            else:
                self._fault(line.number, severity, sentence, code, remedy)
        broken = any(one[0] == "error" for one in faults)
        pairs = tuple((inert(key), inert(value)) for key, value in values)
        self.entries.append(Entry(section, inert(name), line.number, source, pairs, broken))
        return ends

    def _skipped(self, known: tuple[Section, ...]) -> None:
        """Say which lines no reading of the file has looked at."""
        level = 0
        unbalanced = False
        for line in self.lines:
            opened, closed = line.text.count(b"{"), line.text.count(b"}")
            if line.text and line.number not in self.read:
                word = inert(re.split(rb"[^A-Za-z0-9]", line.text, maxsplit=1)[0])
                if unbalanced:
                    if word.upper() in known and opened:
                        self._fault(
                            line.number,
                            "error",
                            f"Cyrus ignores the section {word}: a }} above it has no {{.",
                            "brace-unmatched",
                            "Take out the } that closes nothing.",
                        )
                elif level == 0:
                    self._fault(line.number, *self._outside(line.text, word, known))
            level += opened - closed
            unbalanced = unbalanced or level < 0

    def _outside(self, text: bytes, word: str, known: tuple[Section, ...]) -> tuple[Severity, str, str, str]:
        """What cyrmaster makes of a line that stands outside of every section it reads."""
        name = word.upper()
        if text.startswith(b"}"):
            return (
                "error",
                "This } has no {: Cyrus reads no section below it.",
                "brace-unmatched",
                "Take it out.",
            )
        if text.startswith(b"{"):
            return (
                "warning",
                "Cyrus ignores what stands in these braces: the name must stand before the {.",
                "section-unknown",
                "Put the name of the section before the {, on the same line.",
            )
        if name not in known:
            close = nearest(name, known)
            meant = f"Did you mean {close}?" if close else f"The sections are {', '.join(known)}."
            if b"{" in text:
                return (
                    "warning",
                    f"Cyrus ignores the section “{word}”: it knows none of that name.",
                    "section-unknown",
                    meant,
                )
            return (
                "warning",
                "Cyrus ignores this line: it stands in no section.",
                "outside-section",
                "Move it between the { and the } of a section.",
            )
        if b"{" not in text:
            return (
                "error",
                f"Cyrus ignores the section {name}: its {{ must stand on the same line.",
                "section-brace",
                f"Write {name} {{ on one line.",
            )
        if any(span.name == name for span in self.spans):
            return (
                "warning",
                f"Cyrus ignores this section: another {name} stands above it.",
                "section-twice",
                f"Move its entries into the first {name}.",
            )
        return (
            "warning",
            f"Cyrus ignores the section “{word}”: its first letter must be a capital.",
            "section-unknown",
            f"Write {name}.",
        )

    def _long_lines(self) -> None:
        numbers = Counter(line.number for line in self.lines)
        for number, pieces in numbers.items():
            if pieces > 1:
                self._fault(
                    number,
                    "warning",
                    "The line is over 4,095 bytes long: Cyrus reads its rest as another line.",
                    "line-too-long",
                    "Shorten the line; it cannot be continued on the next one.",
                )
        for number, line in enumerate(self.raw, 1):
            if b"\0" in line:
                self._fault(
                    number,
                    "warning",
                    "The line holds a NUL byte: Cyrus does not read what follows it.",
                    "nul-byte",
                    "Take the NUL byte out.",
                )

    def _judge(self, entry: Entry) -> None:
        """What cyrmaster does with an entry that it could read."""
        if entry.broken:
            return
        name, line = entry.name, entry.line
        if not entry.cmd or (entry.section == "SERVICES" and not entry.listen):
            missing = " and ".join(
                key for key in ("cmd", "listen") if not entry.value(key) and key in KEYS[entry.section]
            )
            self._fault(
                line,
                "error",
                f"{name} has no {missing}: cyrmaster does not start"
                + (" (on SIGHUP it skips the entry)." if entry.section != "START" else "."),
                "entry-incomplete",
                f"Add {missing.replace(' and ', '= and ')}= to the line.",
            )
        for key in dict.fromkeys(key for key, _ in entry.pairs):
            if key not in KEYS[entry.section]:
                close = nearest(key, KEYS[entry.section])
                self._fault(
                    line,
                    "warning",
                    f"Cyrus ignores “{key}”: {entry.section} has no such key.",
                    "unknown-key",
                    f"Did you mean {close}?" if close else "Take it out.",
                )
            elif sum(key == other for other, _ in entry.pairs) > 1:
                self._fault(
                    line,
                    "warning",
                    f"“{key}” is given more than once: Cyrus takes the first.",
                    "key-twice",
                    f"Leave one {key}= on the line.",
                )
        self._numbers(entry)
        if entry.section == "SERVICES":
            self._service(entry)
        elif entry.section == "EVENTS" and entry.value("at") is not None and entry.at is None:
            then = f"every {entry.period} minutes" if entry.period else "once, when cyrmaster starts"
            self._fault(
                line,
                "warning",
                f"at={entry.value('at')} is no time of day (HHMM): {name} runs {then}.",
                "bad-time",
                "Write four digits from 0000 to 2359.",
            )

    def _numbers(self, entry: Entry) -> None:
        for key in ("prefork", "maxfds", "maxforkrate", "period", "at"):
            value = entry.value(key)
            if value is not None and key in KEYS[entry.section] and not NUMBER.match(value):
                self._fault(
                    entry.line,
                    "warning",
                    f"{key}=“{value}” is no number: Cyrus uses its default instead.",
                    "bad-number",
                    f"Write {key}= and a number.",
                )
        for key in ("prefork", "maxchild", "maxfds", "maxforkrate", "period", "at"):
            found = NUMBER.match(entry.value(key) or "")
            if found and found[0] != entry.value(key) and key in KEYS[entry.section]:
                self._fault(
                    entry.line,
                    "warning",
                    f"{key}=“{entry.value(key)}”: Cyrus takes the {found[0]} and ignores what follows it.",
                    "number-cut",
                    f"Write {key}= and a number, nothing behind it.",
                )

    def _service(self, entry: Entry) -> None:
        name, line = entry.name, entry.line
        if entry.proto not in PROTOS and not entry.listen.startswith("/"):
            self._fault(
                line,
                "error",
                f"“{entry.proto}” is none of {', '.join(PROTOS)}: cyrmaster disables {name}.",
                "bad-proto",
                "Write proto=tcp, or take it out.",
            )
        if entry.maxchild == 0:
            self._fault(
                line,
                "error",
                f"maxchild=“{entry.value('maxchild')}” means that no process of {name} is ever started.",
                "maxchild-zero",
                "Write a number above 0, or take the service out.",
            )
        merged = _merged_option(entry.words)
        if merged:
            self._fault(
                line,
                "error",
                f"{merged} in cmd: every process of {name} dies at its start, for each option must stand"
                " alone and its argument behind a space.",
                "merged-option",
                f"Write {merged[:2]} {merged[2:]} in its place.",
            )

    def _duplicates(self) -> None:
        seen: dict[tuple[str, ...], Entry] = {}
        for entry in self.entries:
            if entry.section != "SERVICES" or not entry.cmd or not entry.listen:
                continue
            key = (entry.name,) if self.tokenizer == "words" else (entry.name, entry.listen, entry.proto)
            first = seen.setdefault(key, entry)
            if first is not entry:
                self._fault(
                    entry.line,
                    "error",
                    f"{entry.name} stands on line {first.line} already: cyrmaster does not start"
                    " (on SIGHUP it skips the second).",
                    "service-twice",
                    "Give it another name, or take one of the two out.",
                )


def _merged_option(words: tuple[str, ...]) -> str | None:
    """An option that master/service.c refuses: one with its argument, or another option, in the same word."""
    takes_next = False
    for word in words[1:]:
        is_option = word.startswith("-") and len(word) > 1
        if word == "--" and not takes_next:
            break
        if is_option and len(word) > 2:
            return word
        # -C, -U and -T take the next word whatever it is; that word is no option then
        takes_next = is_option and word in ("-C", "-U", "-T") and not takes_next
    return None
