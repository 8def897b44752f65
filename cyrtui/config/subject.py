"""What is linted: the files given, and what stands beside them on the host."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from cyrtui.config.cyrus_conf import CYRUS_CONF, CyrusConf, Tokenizer, parse_cyrus_conf
from cyrtui.config.cyrus_entries import Entry
from cyrtui.config.imapd_conf import IMAPD_CONF, ImapdConf, parse_imapd_conf
from cyrtui.config.options import OptionTable, Release, release_of
from cyrtui.errors import FileUnreadable, ObservationError
from cyrtui.host.protocol import Host
from cyrtui.inert import inert

ConfKind = Literal["cyrus.conf", "imapd.conf"]

_SECTION: Final = re.compile(rb"^\s*(?:START|SERVICES|EVENTS|DAEMON)\b\s*\{?", re.MULTILINE | re.IGNORECASE)
_OPTION: Final = re.compile(rb"^\s*@?[A-Za-z0-9_-]+:", re.MULTILINE)


def kind_of(path: str, data: bytes) -> ConfKind:
    """Which of the two grammars a file is of: by its name where that tells, else by what stands in it."""
    name = path.rpartition("/")[2].lower()
    if "imapd" in name:
        return "imapd.conf"
    if name.startswith("cyrus") or "master" in name:
        return "cyrus.conf"
    return "cyrus.conf" if len(_SECTION.findall(data)) > len(_OPTION.findall(data)) else "imapd.conf"


@dataclass(frozen=True)
class Subject:
    """One configuration. `given` are the files to speak of, by path; the others are read from the host."""

    given: Mapping[str, bytes]
    host: Host
    version: str | None
    cyrus_conf: str = CYRUS_CONF
    imapd_conf: str = IMAPD_CONF

    @cached_property
    def release(self) -> Release | None:
        return release_of(self.version)

    @property
    def shown_version(self) -> str:
        """The version in short, for a sentence; empty where it is not known."""
        return ".".join(map(str, self.release)) if self.release else ""

    @cached_property
    def table(self) -> OptionTable:
        return OptionTable(self.version)

    def before(self, *release: int) -> bool:
        """Whether the version is known and older than this one."""
        return self.release is not None and self.release < (*release, 0, 0)[:3]

    def since(self, *release: int) -> bool:
        """Whether the version is this one or newer; one that is not known is taken for a new one."""
        return not self.before(*release)

    def read(self, path: str) -> bytes:
        """A file as it is given, else as it stands on the host. Raises `FileUnreadable`."""
        return self.given[path] if path in self.given else self.host.read(path)

    @cached_property
    def kinds(self) -> Mapping[str, ConfKind]:
        return {path: kind_of(path, data) for path, data in self.given.items()}

    @cached_property
    def cyrus(self) -> CyrusConf | None:
        """The cyrus.conf: the one given, else the host's; None where it cannot be read."""
        path = next((path for path, kind in self.kinds.items() if kind == "cyrus.conf"), self.cyrus_conf)
        tokenizer: Tokenizer = "substring" if self.before(2, 5) else "words"
        try:
            return parse_cyrus_conf(self.read(path), path, tokenizer)
        except FileUnreadable:
            return None

    @cached_property
    def usual_imapd_conf(self) -> str:
        """The imapd.conf of the services that name none (-C): the one given, else the host's."""
        named = {entry.config_file for entry in self.cyrus.services} if self.cyrus is not None else set()
        given = [path for path, kind in self.kinds.items() if kind == "imapd.conf" and path not in named]
        return self.imapd_conf if self.imapd_conf in given or not given else given[0]

    def imapd_of(self, entry: Entry) -> ImapdConf | None:
        """The imapd.conf that the processes of a service read; None where it cannot be read."""
        return self.imapd.get(entry.config_file or self.usual_imapd_conf)

    @cached_property
    def imapd(self) -> Mapping[str, ImapdConf]:
        """The imapd.conf files by path: those given, and those that the services read, if readable."""
        paths = [path for path, kind in self.kinds.items() if kind == "imapd.conf"]
        if self.cyrus is not None:
            paths += [entry.config_file or self.usual_imapd_conf for entry in self.cyrus.services]
        found: dict[str, ImapdConf] = {}
        for path in dict.fromkeys(paths or [self.imapd_conf]):
            try:
                found[path] = parse_imapd_conf(self.read, path, continuation=self.since(2, 3))
            except FileUnreadable:
                continue
        return found

    @cached_property
    def spoken_of(self) -> frozenset[str]:
        """The files that findings may name: those given, with what they include."""
        names = {inert(path) for path in self.given}
        for path, conf in self.imapd.items():
            if path in self.given:
                names |= set(conf.files)
        return frozenset(names)

    @cached_property
    def first_free_port(self) -> int:
        """The lowest port that a process without privilege may take (ip(7), ip_unprivileged_port_start)."""
        try:
            return int(self.host.read("/proc/sys/net/ipv4/ip_unprivileged_port_start"))
        except (FileUnreadable, ValueError):
            return 1024

    @cached_property
    def unprivileged_master(self) -> tuple[str | None, frozenset[int]]:
        """The user of a running cyrmaster that may not take low ports, and the ports that are held now."""
        if self.host.name.kind != "local":
            return None, frozenset()
        try:
            seen = self.host.snapshot()
        except ObservationError:
            return None, frozenset()
        held = frozenset(one.port for one in seen.listeners if one.port is not None)
        masters = {pid for pid, _ in seen.versions}
        for process in seen.processes:
            if process.pid in masters and self._reads_this(process.argv):
                free = process.user in (None, "root") or self._may_bind(process.pid)
                return (None if free else process.user), held
        return None, held

    def _reads_this(self, argv: Sequence[str]) -> bool:
        """Whether a cyrmaster was started on the cyrus.conf that is linted."""
        given = argv[argv.index("-M") + 1 :][:1] if "-M" in argv else [CYRUS_CONF]
        return self.cyrus is not None and list(given) == [self.cyrus.path]

    def _may_bind(self, pid: int) -> bool:
        """Whether a process has CAP_NET_BIND_SERVICE, bit 10 of capabilities(7)."""
        try:
            status = self.host.read(f"/proc/{pid}/status")
        except FileUnreadable:
            return False
        found = re.search(rb"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
        return bool(found and int(found[1], 16) & 1 << 10)

    def services_of(self, path: str) -> tuple[str, ...]:
        """The services of cyrus.conf that read this imapd.conf."""
        entries = self.cyrus.services if self.cyrus is not None else ()
        return tuple(entry.name for entry in entries if (entry.config_file or self.usual_imapd_conf) == path)
