"""Finding passwords in configuration files and masking them.

Knows the forms that stand on a mail server: `option: value` (imapd.conf, saslauthd.conf, sasl2/*.conf),
`option = value` (Postfix, TOML), `option value` (slapd.conf, ldap.conf), `credentials=value` within a line
(syncrepl), LDIF (`olcRootPW:: base64`), and the password of a URI. Lines that are commented out count too: an
old password is often the present one. In doubt something is masked that need not be.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from cyrtui.host.processes import MASKED
from cyrtui.pattern import pattern

_MASK: Final = MASKED.encode()
# The end of an option's name, in lower case, that tells a secret; `key` alone names files in Cyrus.
_SECRET: Final = pattern(
    r"(?:.*[_.-])?(?:pw|pwd|pass|passwd|password|passphrase|secrets?|authtok|token|credentials)"
    r"|.*(?:password|passwd|secret|bindpw|rootpw|_pass)"
    r"|(?:.*[_.-])?(?:api|private|shared|hmac)[_-]?key|.*key[_-]?material"
    # attributes of a directory that hold passwords, old ones among them
    r"|cmusaslsecret.*|pwdhistory"
)
_OPTION: Final = pattern(
    rb"[ \t]*(?P<comment>[#;][#; \t]*)?(?P<name>@?[A-Za-z][A-Za-z0-9_.-]*)"
    rb"(?P<between>[ \t]*(?::[:<]?|=)[ \t]*|[ \t]+)(?P<value>[^\r\n]*)"
)
_INLINE: Final = pattern(
    rb"(?<![A-Za-z0-9])(?:credentials|secret|bindpw|password|passwd|pwd|pw)[ \t]*=[ \t]*"
    rb"(?P<value>\"[^\"\r\n]*\"?|'[^'\r\n]*'?|[^\s\"']\S*)",
    re.IGNORECASE,
)
# An authority ends at / ? or #, so a password that holds one of them bare is none to any reader of URIs.
_URI: Final = pattern(rb"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@\"'<>]*:(?P<value>[^\s/?#\"'<>]+)@")
# Words behind which a value may stand without : or =, also in a comment.
_BARE: Final = frozenset({"rootpw", "bindpw", "rootbindpw"})

_Span = tuple[int, int]


def is_secret_option(name: str) -> bool:
    """Whether the value of the option (or LDAP attribute, or directive) is a secret, by its name."""
    lower = name.lower().lstrip("@")
    return _SECRET.fullmatch(lower) is not None


def mask_text(path: str, data: bytes) -> bytes:
    """`data` with each secret replaced by `***`; every other byte stays, line ends included."""
    pieces: list[bytes] = []
    at = 0
    for start, end in secret_spans(path, data):
        pieces += [data[at:start], _MASK]
        at = end
    return b"".join([*pieces, data[at:]])


def secret_spans(path: str, data: bytes) -> list[tuple[int, int]]:
    """Where the secrets stand in `data`: from and up to, sorted, none over another, each within one line."""
    found: list[_Span] = []
    for start, end in sorted(span for spans in _secrets(path, data) for span in _visible(data, spans)):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        elif start < end:
            found.append((start, end))
    return found


def _visible(data: bytes, spans: list[_Span]) -> Iterator[_Span]:
    """The spans without the white space in front of a continued line."""
    yield spans[0]
    for start, end in spans[1:]:
        text = data[start:end]
        yield end - len(text.lstrip(b" \t")), end


def secrets_in(path: str, data: bytes) -> frozenset[bytes]:
    """The secrets themselves, to be blotted out elsewhere; base64 of LDIF both as it stands and decoded.

    Very short ones are among them; who blots them out decides what that would ruin.
    """
    found: set[bytes] = set()
    for spans in _secrets(path, data):
        value = b"".join(data[start:end] for start, end in spans)
        found |= {value, value.strip(b"\"'")}
        before = data[max(spans[0][0] - 4, 0) : spans[0][0]].rstrip(b" \t")
        if before.endswith(b"::"):
            try:
                found.add(base64.b64decode(value, validate=True))
            except binascii.Error:
                continue
    return frozenset(value for value in found if value)


def _secrets(path: str, data: bytes) -> Iterator[list[_Span]]:
    """Each secret as the spans of `data` that hold it: one a physical line."""
    for parts in _logical_lines(path, data):
        text = b"".join(data[start:end] for start, end in parts)
        for start, end in _in_line(text):
            yield _placed(parts, start, end)


def _placed(parts: list[_Span], start: int, end: int) -> list[_Span]:
    """Where a span of the joined line stands in the file."""
    spans = []
    at = 0
    for first, last in parts:
        low, high = max(start - at, 0), min(end - at, last - first)
        if low < high:
            spans.append((first + low, first + high))
        at += last - first
    return spans


def _logical_lines(path: str, data: bytes) -> Iterator[list[_Span]]:
    """Lines with their continuations, as the spans of their text without line ends and folding.

    imapd.conf continues behind a backslash; slapd.conf and LDIF with white space in front. A line that starts
    with white space behind a secret continues it in any file, unless it names an option of its own.
    """
    name = path.rpartition("/")[2].lower()
    folded = name.endswith(".ldif") or "slapd" in path.lower() or name == "ldap.conf"
    parts: list[_Span] = []
    backslash = False
    for line in re.finditer(rb"[^\n]*\n|[^\n]+", data):
        start, end = line.span()
        text = line[0].rstrip(b"\r\n")
        stop = start + len(text)
        indented = text[:1] in (b" ", b"\t") and text.strip() != b""
        if parts and (backslash or (indented and (folded or not _OPTION_LINE.match(text)))):
            lead = 1 if folded and indented and not backslash else 0
            parts.append((start + lead, stop))
        else:
            if parts:
                yield parts
            parts = [(start, stop)]
        backslash = text.endswith(b"\\") and end > stop
        if backslash:
            parts[-1] = (parts[-1][0], stop - 1)
    if parts:
        yield parts


_OPTION_LINE: Final = pattern(rb"[ \t]*[#;]|[ \t]*@?[A-Za-z][A-Za-z0-9_.-]*[ \t]*[:=]")


def _in_line(text: bytes) -> Iterator[_Span]:
    option = _OPTION.match(text)
    if option and is_secret_option(option["name"].decode("ascii")):
        name = option["name"].lower().decode("ascii")
        told = option["between"].strip() != b""
        # prose in a comment starts like this: “# password of the proxy user”
        if told or not option["comment"] or name in _BARE:
            start, end = option.span("value")
            value = option["value"].rstrip()
            end = start + len(value)
            if len(value) > 1 and value[:1] == value[-1:] and value[:1] in b"\"'":
                start, end = start + 1, end - 1
            if start < end:
                yield start, end
            return
    for form in (_INLINE, _URI):
        for found in form.finditer(text):
            yield found.span("value")
