"""The desk on which the configuration of a host is edited: its files, their lint, help, and applying.

A screen calls `open`, `lint`, `reread` and `help_at` from workers: they read files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, cast

from cyrtui.access import Gate, require
from cyrtui.config.cyrus_conf import Tokenizer
from cyrtui.config.finding import Finding
from cyrtui.config.imapd_conf import parse_imapd_conf
from cyrtui.config.installed import installed_version
from cyrtui.config.lint import lint
from cyrtui.config.options import OptionTable
from cyrtui.config.subject import ConfKind, Subject
from cyrtui.editing.manual import Manual
from cyrtui.editing.option_help import Help, help_at
from cyrtui.errors import CyrtuiError, FileUnreadable
from cyrtui.host.facts import Snapshot
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.settings import Settings

if TYPE_CHECKING:
    from cyrtui.apply.applying import Applying
    from cyrtui.apply.history import AppliedEdit
    from cyrtui.apply.plan import ApplyPlan
    from cyrtui.apply.state import Unfinished

Role = Literal["cyrus.conf", "imapd.conf", "of a service", "included"]

_LOOK_EVERY: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as it was read. `data` is None where it cannot be read: then `problem` says why.

    `role` tells how it belongs to the server: cyrus.conf, the usual imapd.conf, a service's own (-C), or one
    that another includes.
    """

    path: str
    kind: ConfKind
    role: Role
    data: bytes | None
    problem: str = ""

    def __repr__(self) -> str:
        return f"Sheet({self.path!r}, {self.role!r})"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a file is to become. `read` is what the editor began with; None where that does not matter."""

    path: str
    read: bytes | None
    data: bytes

    def __repr__(self) -> str:
        return f"Candidate({self.path!r})"


class EditingDesk:
    """What the Config screen edits. `gate` is None in a read-only run: then files can be looked at only."""

    def __init__(self, host: Host, settings: Settings, gate: Gate | None) -> None:
        self.gate = gate
        self.host = host
        self.settings = settings
        self._cyrus_conf = settings.path("cyrus_conf")
        self._imapd_conf = settings.path("imapd_conf")
        self._manual = Manual(host)
        self._services: tuple[str, ...] = ()
        self._includes: frozenset[str] = frozenset()
        self._seen: Snapshot | None = None
        self._seen_at = 0.0

    @cached_property
    def version(self) -> str | None:
        """The version of Cyrus that will read the files; found once."""
        return installed_version(self.host)

    @cached_property
    def table(self) -> OptionTable:
        return OptionTable(self.version)

    @property
    def tokenizer(self) -> Tokenizer:
        """How the installed cyrmaster takes a line apart."""
        release = self.table.release
        return "substring" if release is not None and release < (2, 5, 0) else "words"

    @property
    def why_viewer(self) -> str | None:
        """Why nothing can be typed; None: it can."""
        if self.gate is None:
            return "viewer: this run is read-only"
        if self.host.name.kind != "local":
            return f"viewer: a {'copied tree' if self.host.name.kind == 'tree' else 'recording'}"
        return None

    def open(self) -> tuple[Sheet, ...]:
        """The files of the server, cyrus.conf first, then each imapd.conf with what it includes."""
        subject = Subject({}, self.host, self.version, self._cyrus_conf, self._imapd_conf)
        sheets = [self._sheet(self._cyrus_conf, "cyrus.conf", "cyrus.conf")]
        sheets.append(self._sheet(self._imapd_conf, "imapd.conf", "imapd.conf"))
        named: list[str] = []
        if subject.cyrus is not None:
            self._services = tuple(entry.name for entry in subject.cyrus.services)
            named = [entry.config_file for entry in subject.cyrus.services if entry.config_file]
        sheets += [self._sheet(path, "imapd.conf", "of a service") for path in named]
        for path in dict.fromkeys([self._imapd_conf, *named]):
            sheets += [self._sheet(other, "imapd.conf", "included") for other in self._included(path)]
        first: dict[str, Sheet] = {}
        for sheet in sheets:
            first.setdefault(sheet.path, sheet)
        found = tuple(first.values())
        self._includes = frozenset(sheet.path for sheet in found if sheet.role == "included")
        return found

    def _included(self, path: str) -> tuple[str, ...]:
        read: list[str] = []

        def reading(one: str) -> bytes:
            read.append(one)
            return self.host.read(one)

        try:
            parse_imapd_conf(reading, path)
        except FileUnreadable:
            return ()
        return tuple(one for one in read if one != path)

    def _sheet(self, path: str, kind: ConfKind, role: Role) -> Sheet:
        try:
            return Sheet(path, kind, role, self.host.read(path))
        except FileUnreadable as error:
            return Sheet(path, kind, role, None, str(error))

    def reread(self, sheet: Sheet) -> Sheet | None:
        """The file as it is now, if that is not what was read; None where nothing has changed."""
        now = self._sheet(sheet.path, sheet.kind, sheet.role)
        return None if (now.data, now.problem) == (sheet.data, sheet.problem) else now

    def lint(self, texts: Mapping[str, bytes]) -> tuple[Finding, ...]:
        """What is wrong in these texts as they would stand together; cyrmaster's own opinion is not asked."""
        roots = {path: data for path, data in texts.items() if path not in self._includes}
        return lint(
            roots,
            cast("Host", _Overlaid(self, texts)),
            version=self.version,
            cyrus_conf=self._cyrus_conf,
            imapd_conf=self._imapd_conf,
            ask_cyrus=False,
        )

    def snapshot(self) -> Snapshot:
        """What runs, looked at every ten seconds at most: the lint asks at every pause in typing."""
        if self._seen is None or time.monotonic() - self._seen_at > _LOOK_EVERY:
            self._seen, self._seen_at = self.host.snapshot(), time.monotonic()
        return self._seen

    def reveal(self, path: str) -> None:
        """The passwords of a file are about to be shown: the system's log tells who had that done.

        Raises `AccessDenied` in a read-only run.
        """
        from cyrtui.apply.state import who_now

        gate = require(self.gate, "Showing passwords")
        gate.audit(f"{who_now()} has the passwords of {inert(path)} shown")

    # Applying: the engine is cyrtui.apply

    def plan(self, candidate: Candidate) -> ApplyPlan:
        """What applying a candidate would do.

        Raises `CyrtuiError` where it cannot be done at all: the file changed under us, a right is missing.
        """
        from cyrtui.apply.applying import allowed
        from cyrtui.apply.original import read_original
        from cyrtui.apply.plan import make_plan

        require(self.gate, "Applying an edit")
        path = candidate.path
        original = read_original(path)
        if candidate.read is not None and original.data != candidate.read:
            raise CyrtuiError(
                f"{inert(path)} was changed on the disk since it was read here; nothing is written over it. "
                "Take your changes down, press R in the editor to read it anew, and make them again."
            )
        plan = make_plan(self.host, self.settings, original, candidate.data)
        allowed(plan)
        return plan

    def begin(self, plan: ApplyPlan) -> Applying:
        """Apply a plan that is ready; a failure is offered to be taken back. Raises `CyrtuiError`."""
        from cyrtui.apply.applying import begin

        return begin(require(self.gate, "Applying an edit"), self.settings, plan, attended=True)

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Applies that were cut off, oldest first; none in a run that may not go on with them."""
        if self.gate is None or self.host.name.kind != "local":
            return ()
        from cyrtui.apply.state import unfinished

        return unfinished(self.settings)

    def go_on(self, found: Unfinished) -> Applying:
        """Bring an apply that was cut off to its end. Raises `CyrtuiError`."""
        from cyrtui.apply.applying import go_on

        return go_on(require(self.gate, "Applying an edit"), found)

    def edits(self) -> tuple[AppliedEdit, ...]:
        """The edits that were applied, newest first. Raises `FileUnreadable`."""
        if self.host.name.kind != "local":
            return ()
        from cyrtui.apply.history import applied_edits

        return applied_edits(self.settings)

    def text_before(self, edit: AppliedEdit) -> bytes:
        """The file as it was before an edit. Raises `CyrtuiError`."""
        from cyrtui.apply.history import text_before

        return text_before(edit)

    def help_at(self, kind: ConfKind, line_at: Callable[[int], str], row: int, column: int) -> Help | None:
        """Help for what stands under the cursor."""
        return help_at(kind, line_at, row, column, self.table, self._services, self._manual)


class _Overlaid:
    """The host as it would be with the texts in their files."""

    def __init__(self, desk: EditingDesk, texts: Mapping[str, bytes]) -> None:
        self._desk, self._texts = desk, texts

    def __getattr__(self, name: str) -> object:
        return getattr(self._desk.host, name)

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        return self._texts[path] if path in self._texts else self._desk.host.read(path, limit)

    def snapshot(self) -> Snapshot:
        return self._desk.snapshot()
