"""Changing one thing in cyrus.conf or imapd.conf and nothing else: every other byte stays as it stands.

The functions take a file's bytes and give new ones; they know the grammar as the parsers do (masterconf.c,
libconfig.c). What the grammar cannot hold is refused with a `ConfigurationError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from cyrtui.config.cyrus_conf import CyrusConf, Entry, Section, Tokenizer, parse_cyrus_conf
from cyrtui.config.imapd_conf import ImapdConf, Setting, parse_imapd_conf
from cyrtui.config.master_lines import value_spans
from cyrtui.errors import ConfigurationError
from cyrtui.inert import inert

_LINES: Final = re.compile(rb"[^\n]*\n|[^\n]+")
_SPACE: Final = b" \t\r\v\f"
_NAME: Final = re.compile(r"[A-Za-z0-9]+")
_OPTION_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEAD: Final = re.compile(rb"[ \t\r\v\f]*@?[A-Za-z0-9_-]*:")


def lines_of(data: bytes) -> list[bytes]:
    """The lines with their ends; joined they are the file. Only a line feed ends a line."""
    return _LINES.findall(data)


# imapd.conf


def set_option(
    read: Callable[[str], bytes], path: str, option: str, value: str, *, continuation: bool = True
) -> tuple[str, bytes]:
    """Give an option a value: (the file in which it stands, that file's new bytes).

    An option that stands nowhere is added at the end of `path`. Raises `ConfigurationError` for what no
    imapd.conf can hold, and `FileUnreadable`.
    """
    new = _imapd_value(value)
    if not _OPTION_NAME.fullmatch(option):
        raise ConfigurationError(f"“{inert(option)}” is no name of an option: letters, digits, - and _ only.")
    conf = parse_imapd_conf(read, path, continuation=continuation)
    setting = _exact(conf, option)
    if setting is None:
        data = read(path)
        return path, _appended(data, f"{option}: ".encode() + new)
    data = read(setting.path)
    lines = lines_of(data)
    first, last = _extent(lines, setting.line - 1, continuation=continuation)
    text = b"".join(lines[first : last + 1])
    head = _HEAD.match(text)
    at = head.end() if head else 0
    if not continuation:
        begin, end = _trimmed(text, at)
    else:
        # white space and continuations in front of the value stay; those inside it go with it
        begin = at
        while True:
            begin = at + len(text[at:]) - len(text[at:].lstrip(b" \t\v\f"))
            skipped = re.match(rb"\\\n", text[begin:])
            if skipped is None:
                break
            at = begin + skipped.end()
        end = begin + len(text[begin:].rstrip(b"\n").rstrip(_SPACE))
    if begin == at and text[begin - 1 : begin] == b":":
        new = b" " + new if end <= begin else new
    lines[first : last + 1] = [text[:begin] + new + text[end:]]
    return setting.path, b"".join(lines)


def remove_option(
    read: Callable[[str], bytes], path: str, option: str, *, continuation: bool = True
) -> tuple[str, bytes]:
    """Take an option out, its continuation lines with it: (the file, its new bytes).

    Raises `ConfigurationError` where it is not set, and `FileUnreadable`.
    """
    conf = parse_imapd_conf(read, path, continuation=continuation)
    setting = _exact(conf, option)
    if setting is None:
        raise ConfigurationError(f"{inert(option)} is not set in {inert(path)}.")
    lines = lines_of(read(setting.path))
    first, last = _extent(lines, setting.line - 1, continuation=continuation)
    del lines[first : last + 1]
    return setting.path, b"".join(lines)


def _exact(conf: ImapdConf, option: str) -> Setting | None:
    return next((one for one in conf.settings if one.option == option.lower()), None)


def _imapd_value(value: str) -> bytes:
    if not value.strip():
        raise ConfigurationError("An option of imapd.conf cannot be empty: no service would start.")
    if value != value.strip(" \t\r\v\f"):
        raise ConfigurationError("Cyrus drops white space around a value; leave it out.")
    if "\n" in value or "\0" in value:
        raise ConfigurationError("A value of imapd.conf stands on one line.")
    if value.endswith("\\"):
        raise ConfigurationError("A backslash at the end would make the next line a part of the value.")
    return value.encode("utf-8", "surrogateescape")


def _extent(lines: list[bytes], first: int, *, continuation: bool) -> tuple[int, int]:
    """The first and the last physical line of what begins on line `first` (from 0)."""
    last = first
    while continuation and lines[last].endswith(b"\\\n") and last + 1 < len(lines):
        last += 1
    return first, last


def _trimmed(text: bytes, at: int) -> tuple[int, int]:
    rest = text[at:].rstrip(b"\n").rstrip(_SPACE)
    return at + len(rest) - len(rest.lstrip(_SPACE)), at + len(rest)


def _end_of(data: bytes) -> bytes:
    """The line end that the file uses."""
    return b"\r\n" if b"\r\n" in data else b"\n"


def _appended(data: bytes, line: bytes) -> bytes:
    end = _end_of(data)
    before = data if not data or data.endswith(b"\n") else data + end
    return before + line + end


# cyrus.conf


def set_value(
    data: bytes, section: Section, name: str, key: str, value: str, tokenizer: Tokenizer = "words"
) -> bytes:
    """Give a key of an entry a value; a key that is not there is added behind the last one.

    Raises `ConfigurationError` where there is no such entry, or the value cannot be written.
    """
    new = _cyrus_value(value)
    lines, index = _line_of(data, section, name, tokenizer)
    line = lines[index]
    spans = value_spans(line, tokenizer)
    found = next((one for one in spans if one[0] == key.encode()), None)
    if found is not None:
        _, begin, end, quoted = found
        text = new if quoted or _needs_no_quotes(new) else b'"' + new + b'"'
        lines[index] = line[:begin] + text + line[end:]
        return b"".join(lines)
    body = line.partition(b"#")[0].rstrip(b"\n").rstrip(_SPACE)
    written = new if _needs_no_quotes(new) else b'"' + new + b'"'
    lines[index] = body + b" " + key.encode() + b"=" + written + line[len(body) :]
    return b"".join(lines)


def remove_value(data: bytes, section: Section, name: str, key: str, tokenizer: Tokenizer = "words") -> bytes:
    """Take a key out of an entry, with the white space in front of it. Raises `ConfigurationError`."""
    lines, index = _line_of(data, section, name, tokenizer)
    line = lines[index]
    found = next((one for one in value_spans(line, tokenizer) if one[0] == key.encode()), None)
    if found is None:
        raise ConfigurationError(f"{inert(name)} has no {inert(key)}=.")
    _, begin, end, quoted = found
    start = begin - len(key) - 1 - quoted
    before = line[:start].rstrip(b" \t")
    lines[index] = before + line[end + quoted :]
    return b"".join(lines)


def remove_entry(data: bytes, section: Section, name: str, tokenizer: Tokenizer = "words") -> bytes:
    """Take the line of an entry out. Raises `ConfigurationError`."""
    lines, index = _line_of(data, section, name, tokenizer)
    del lines[index]
    return b"".join(lines)


def comment_entry(data: bytes, section: Section, name: str, tokenizer: Tokenizer = "words") -> bytes:
    """Make the line of an entry a comment, to be found again. Raises `ConfigurationError`."""
    lines, index = _line_of(data, section, name, tokenizer)
    line = lines[index]
    indent = len(line) - len(line.lstrip(b" \t"))
    lines[index] = line[:indent] + b"# " + line[indent:]
    return b"".join(lines)


def add_entry(
    data: bytes,
    section: Section,
    name: str,
    values: tuple[tuple[str, str], ...],
    tokenizer: Tokenizer = "words",
) -> bytes:
    """Add an entry behind the last one of its section, indented as that is.

    Raises `ConfigurationError` where the section is missing, the name is taken or cannot be written.
    """
    conf = parse_cyrus_conf(data, tokenizer=tokenizer)
    span = next((one for one in conf.sections if one.name == section), None)
    if span is None:
        raise ConfigurationError(f"cyrus.conf has no section {section}.")
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"“{inert(name)}” is no name: letters and digits only.")
    if _entry(conf, section, name) is not None:
        raise ConfigurationError(f"{section} has an entry {name} already.")
    words = [name.encode()]
    for key, value in values:
        new = _cyrus_value(value)
        words.append(key.encode() + b"=" + (b'"' + new + b'"' if key in ("cmd", "listen") else new))
        if key not in ("cmd", "listen") and not _needs_no_quotes(new):
            words[-1] = key.encode() + b'="' + new + b'"'
    own = [one for one in conf.entries if one.section == section]
    lines = lines_of(data)
    at = own[-1].line if own else span.first
    pattern = lines[own[-1].line - 1] if own else b"\t"
    indent = pattern[: len(pattern) - len(pattern.lstrip(b" \t"))]
    if not lines[at - 1].endswith(b"\n"):
        lines[at - 1] += _end_of(data)
    lines.insert(at, indent + b" ".join(words) + _end_of(data))
    return b"".join(lines)


def _line_of(data: bytes, section: Section, name: str, tokenizer: Tokenizer) -> tuple[list[bytes], int]:
    entry = _entry(parse_cyrus_conf(data, tokenizer=tokenizer), section, name)
    if entry is None:
        raise ConfigurationError(f"{section} has no entry {inert(name)}.")
    return lines_of(data), entry.line - 1


def _entry(conf: CyrusConf, section: Section, name: str) -> Entry | None:
    return next((one for one in conf.entries if one.section == section and one.name == name), None)


def _cyrus_value(value: str) -> bytes:
    wrong = next((one for one in '"#\n\0' if one in value), None)
    if wrong is not None:
        shown = {"\n": "a line end", "\0": "a NUL byte"}.get(wrong, wrong)
        raise ConfigurationError(f"No value of cyrus.conf can hold {shown}.")
    return value.encode("utf-8", "surrogateescape")


def _needs_no_quotes(value: bytes) -> bool:
    return bool(value) and not re.search(rb"\s", value) and not value.startswith(b'"')
