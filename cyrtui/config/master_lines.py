"""How cyrmaster takes a line of cyrus.conf apart: fgets, split_args, masterconf_getstring in masterconf.c."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from cyrtui.config.faults import Severity
from cyrtui.inert import inert
from cyrtui.pattern import pattern

# char buf[4096] in masterconf.c, with its terminator
_BUFFER: Final = 4095
_MAX_ARGUMENTS: Final = 64
# char v[256] in the masterconf_getstring of 2.4 and earlier
_MAX_VALUE: Final = 255
_KEY: Final = pattern(rb"[A-Za-z0-9]*")
_WORD: Final = pattern(rb"[^ \t\n\r\v\f]*")

Pairs = tuple[tuple[bytes, bytes], ...]
Said = list[tuple[Severity, str, str, str]]
"""What is wrong: severity, sentence, code and remedy, as in `Fault`."""


class MasterLine(NamedTuple):
    """What is left of a line without white space in front, comment and end. `number` counts file lines."""

    number: int
    text: bytes


def master_lines(raw: Iterable[bytes]) -> tuple[MasterLine, ...]:
    """The lines as fgets hands them over: an over-long one comes in pieces, and a NUL byte ends one.

    A # starts a comment anywhere, inside quotes too.
    """
    found = []
    for number, line in enumerate(raw, 1):
        for start in range(0, len(line), _BUFFER):
            piece = line[start : start + _BUFFER].partition(b"\0")[0].removesuffix(b"\n")
            found.append(MasterLine(number, piece.lstrip().partition(b"#")[0]))
    return tuple(found)


def bad_character(character: bytes, where: str) -> tuple[Severity, str, str, str]:
    """A character that split_args or process_section refuses; empty: the end of the line."""
    what = f"Bad character “{inert(character)}”" if character else "The line ends"
    remedy = (
        "A name holds letters and digits only, with white space behind it."
        if where == "name"
        else 'Write key=value or key="value"; a comment in quotes cuts the line off as well.'
    )
    sentence = f"{what} in the {where}: cyrmaster does not start, and dies on SIGHUP."
    return "error", sentence, "bad-character", remedy


def split_arguments(text: bytes) -> tuple[Pairs, Said]:
    """key=value words as 2.5 and later read them, and what is wrong. Values have no escapes.

    cyrmaster stops at the first thing wrong; what can still be read behind it is returned all the same.
    """
    pairs: list[tuple[bytes, bytes]] = []
    said: Said = []
    rest = text.lstrip()
    while rest:
        found = _KEY.match(rest)
        key = found[0] if found else b""
        rest = rest[len(key) :]
        if not rest.startswith(b"="):
            said.append(bad_character(rest[:1], f"argument “{inert(key)}”" if key else "argument"))
            rest = _next_pair(rest)
            continue
        rest = rest[1:]
        if rest.startswith(b'"'):
            value, quote, rest = rest[1:].partition(b'"')
            if not quote:
                said.append(
                    (
                        "error",
                        'A " is missing: cyrmaster does not start, and dies on SIGHUP.',
                        "quote-missing",
                        'Close the value with a "; a # cuts the line off inside quotes too.',
                    )
                )
        else:
            word = _WORD.match(rest)
            value = word[0] if word else b""
            rest = rest[len(value) :]
        if len(pairs) == _MAX_ARGUMENTS:
            said.append(
                (
                    "error",
                    "More than 64 arguments: cyrmaster does not start, and dies on SIGHUP.",
                    "too-many-arguments",
                    "Take some out.",
                )
            )
        pairs.append((key, value))
        rest = rest.lstrip()
    return tuple(pairs), said[:1]


def _next_pair(text: bytes) -> bytes:
    found = re.search(rb"[ \t\n\r\v\f]([A-Za-z0-9]+=.*)", text, re.DOTALL)
    return found[1] if found else b""


def substring_values(text: bytes, keys: Iterable[str]) -> tuple[Pairs, Said]:
    """The values that 2.4 and earlier find: behind the first `key=` anywhere in the line."""
    found: list[tuple[int, bytes, bytes]] = []
    said: Said = []
    for name in sorted(keys):
        key = name.encode()
        at = text.find(key + b"=")
        if at < 0:
            continue
        if at and not text[at - 1 : at].isspace():
            where = inert(text[max(at - 8, 0) : at + len(key) + 9])
            said.append(
                (
                    "warning",
                    f"Cyrus up to 2.4 takes {name} from inside another word, here: “{where}”.",
                    "key-inside-word",
                    f"Put {name}= before the word that holds it.",
                )
            )
        value = text[at + len(key) + 1 :]
        if value.startswith(b'"'):
            value, quote, _ = value[1:].partition(b'"')
            if not quote or len(value) > _MAX_VALUE:
                said.append(
                    (
                        "error",
                        f'A " is missing behind {name}=: cyrmaster does not start.',
                        "quote-missing",
                        'Close the value with a ", within 255 characters.',
                    )
                )
                value = value[:_MAX_VALUE]
        else:
            word = _WORD.match(value)
            value = (word[0] if word else b"")[:_MAX_VALUE]
        found.append((at, key, value))
    return tuple((key, value) for _, key, value in sorted(found)), said


def value_spans(line: bytes, tokenizer: str) -> tuple[tuple[bytes, int, int, bool], ...]:
    """(key, begin, end, quoted) of each value in an entry's line, as offsets; quotes stand outside of them.

    Of a key that is given twice only the first is there: the one that counts.
    """
    body = line.partition(b"#")[0].partition(b"\0")[0]
    name = re.match(rb"\s*[A-Za-z0-9]*", body)
    at = name.end() if name else 0
    found: dict[bytes, tuple[bytes, int, int, bool]] = {}
    pattern = _PAIR_ANYWHERE if tokenizer == "substring" else _PAIR
    while (pair := pattern.search(body, at)) is not None:
        quoted = pair["quoted"] is not None
        begin, end = pair.span("quoted" if quoted else "bare")
        found.setdefault(pair["key"], (pair["key"], begin, end, quoted))
        # 2.4 and earlier find a key inside of a value too
        at = begin if tokenizer == "substring" else pair.end()
    return tuple(found.values())


_PAIR: Final = re.compile(rb'(?<=\s)(?P<key>[A-Za-z0-9]+)=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]*))')
_PAIR_ANYWHERE: Final = re.compile(rb'(?P<key>[A-Za-z0-9]+)=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]*))')
