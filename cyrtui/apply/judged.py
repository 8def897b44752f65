"""The lint's verdict on a candidate, as it would stand in its place among the other files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from cyrtui.apply.original import Original
from cyrtui.config.cyrus_conf import parse_cyrus_conf
from cyrtui.config.finding import Finding
from cyrtui.config.imapd_conf import parse_imapd_conf
from cyrtui.config.lint import lint
from cyrtui.config.subject import ConfKind, kind_of
from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.settings import Settings

# Of what is an error these only keep one service from working; with the others nothing starts.
_ONE_SERVICE: Final = frozenset(
    {
        "ldapdb-incomplete",
        "ldapdb-not-installed",
        "ldapdb-uri",
        "certificate-unusable",
        "tls-not-set-up",
        "path-missing",
        "path-closed",
        "not-a-directory",
        "partition-shared",
    }
)


class Place(NamedTuple):
    """Where a file belongs: its grammar, the cyrus.conf and the imapd.conf that it is judged with.

    `included` says that it is a file that this imapd.conf includes."""

    kind: ConfKind
    cyrus_conf: str
    imapd_conf: str
    included: bool


class Judged(NamedTuple):
    """`findings` are the lint's on the candidate; `elsewhere` are errors that it makes in the other files;
    `standing` are those of the other files that are there already and that keep Cyrus from starting."""

    findings: tuple[Finding, ...]
    elsewhere: tuple[Finding, ...]
    standing: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What the candidate is refused for."""
        return (*(one for one in self.findings if one.severity == "error"), *self.elsewhere)


class _WithCandidate:
    """A host on which one file has another text."""

    def __init__(self, host: Host, path: str, data: bytes) -> None:
        self._host, self._path, self._data = host, path, data

    def __getattr__(self, name: str) -> object:
        return getattr(self._host, name)

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        return self._data if path == self._path else self._host.read(path, limit)


def with_file(host: Host, path: str, data: bytes) -> Host:
    """The host as it would be with `data` in the file `path`; all else is asked of the host itself."""
    return cast("Host", _WithCandidate(host, path, data))


def place_of(host: Host, settings: Settings, original: Original) -> Place:
    """Which grammar the file is read with, and which other files it belongs to."""
    cyrus_conf, imapd_conf = settings.path("cyrus_conf"), settings.path("imapd_conf")
    path = original.path
    if path == cyrus_conf:
        return Place("cyrus.conf", path, imapd_conf, included=False)
    if path == imapd_conf:
        return Place("imapd.conf", cyrus_conf, path, included=False)
    try:
        files = parse_imapd_conf(host.read, imapd_conf).files
    except FileUnreadable:
        files = ()
    if inert(path) in files:
        return Place("imapd.conf", cyrus_conf, imapd_conf, included=True)
    kind = kind_of(path, original.data)
    if kind == "cyrus.conf":
        return Place(kind, path, imapd_conf, included=False)
    return Place(kind, cyrus_conf, path, included=False)


def judge(host: Host, place: Place, original: Original, candidate: bytes, version: str | None) -> Judged:
    """Lint the candidate with the files that it belongs to. Never raises for what stands in a file."""
    new = _linted(host, place, original.path, candidate, version, ask_cyrus=True)
    own = inert(original.path)
    findings = (*_no_configuration(place, original, candidate), *(one for one in new if one.file == own))
    others = [one for one in new if one.file != own and one.severity == "error"]
    if not others:
        return Judged(findings, (), ())
    old = {
        (one.file, one.line, one.code)
        for one in _linted(host, place, original.path, original.data, version, ask_cyrus=False)
    }
    elsewhere = tuple(
        one for one in others if (one.file, one.line, one.code) not in old and one.code != "conf-lint"
    )
    standing = tuple(one for one in others if one not in elsewhere and one.code not in _ONE_SERVICE)
    return Judged(findings, elsewhere, standing)


def _no_configuration(place: Place, original: Original, candidate: bytes) -> Iterator[Finding]:
    """That the candidate is no configuration at all, for instance an empty file: Cyrus would take it."""
    own = inert(original.path)
    if b"\0" in candidate:
        line = candidate[: candidate.index(b"\0")].count(b"\n") + 1
        sentence = "The line holds a NUL byte: this is no text."
        yield Finding(own, line, "error", "nul-byte", sentence, "Take the right file.")
    if place.kind != "cyrus.conf" or parse_cyrus_conf(candidate).services:
        return
    if parse_cyrus_conf(original.data).services:
        sentence = "It has no service: cyrmaster would start and serve nobody."
        yield Finding(own, 1, "error", "no-services", sentence, "Take the right file, or stop Cyrus.")


def _linted(
    host: Host, place: Place, path: str, data: bytes, version: str | None, *, ask_cyrus: bool
) -> tuple[Finding, ...]:
    overlaid = with_file(host, path, data)
    files: dict[str, bytes] = {}
    for one in (place.cyrus_conf, place.imapd_conf):
        try:
            files[one] = overlaid.read(one)
        except FileUnreadable:
            continue
    if not place.included:
        files[path] = data
    return lint(
        files,
        overlaid,
        version=version,
        cyrus_conf=place.cyrus_conf,
        imapd_conf=place.imapd_conf,
        ask_cyrus=ask_cyrus,
    )
