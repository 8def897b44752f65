"""A copied tree (`--root DIR`): the files of a server without the server."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from cyrtui.errors import FileMissing, FileUnreadable, ObservationError
from cyrtui.host.facts import Connection, DirectoryEntries, FileFacts, FileSystemSpace, Snapshot
from cyrtui.host.local import (
    list_directory,
    read_regular,
    read_start,
    scan_directory,
    stat_file,
)
from cyrtui.host.protocol import HostName, LogFile, ResolvedListen, Watch
from cyrtui.inert import inert

if TYPE_CHECKING:
    from cyrtui.host.conf_lint import ConfLint

_LINKS_AT_MOST = 40


class TreeHost:
    """The files below one directory, read as if that directory were `/`.

    A symlink in the tree is followed inside the tree, as the server it was copied from would: an absolute
    target starts at the tree's root, and `..` never leaves it.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)
        if not os.path.isdir(self._root):
            raise FileMissing(
                self._root, f"{inert(self._root)} is not a directory; --root needs a copied tree."
            )
        self._name = HostName(inert(self._hostname()), "tree")

    def _hostname(self) -> str:
        try:
            words = self.read("/etc/hostname").split()
        except FileUnreadable:
            words = []
        return words[0].decode("utf-8", "backslashreplace") if words else os.path.basename(self._root) or "/"

    def inside(self, path: str) -> str:
        """The real path of a path of the tree, every symlink followed inside it.

        Raises `FileUnreadable` when symlinks go round in circles.
        """
        pending = [part for part in path.split("/") if part not in ("", ".")][::-1]
        done: list[str] = []
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                done = done[:-1]
                continue
            here = os.path.join(self._root, *done, part)
            try:
                target = os.readlink(here)
            except (OSError, ValueError):
                done.append(part)
                continue
            links += 1
            if links > _LINKS_AT_MOST:
                raise FileUnreadable(path, f"{inert(path)} cannot be read: its symlinks go round in circles.")
            if target.startswith("/"):
                done = []
            pending += [step for step in target.split("/") if step not in ("", ".")][::-1]
        return os.path.join(self._root, *done)

    @property
    def name(self) -> HostName:
        return self._name

    def now(self) -> float:
        return time.time()

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        return read_regular(self.inside(path), path, limit)

    def stat(self, path: str) -> FileFacts:
        if path.startswith("journal:"):
            from cyrtui.host.journal import journal_facts

            return journal_facts(path)
        return stat_file(self.inside(path), path)

    def listdir(self, path: str) -> tuple[str, ...]:
        return list_directory(self.inside(path), path)

    def read_head(self, path: str, length: int) -> bytes:
        return read_start(self.inside(path), path, length)

    def scan(self, path: str) -> DirectoryEntries:
        # a symlink leads where it would on the server, which is seldom where it leads here
        return scan_directory(self.inside(path), path, lambda name: self.inside(f"{path}/{name}"))

    def space(self, path: str) -> FileSystemSpace:
        raise FileUnreadable(path, "A copied tree does not say how much room there is on the server.")

    def open_log(self, path: str) -> LogFile:
        from cyrtui.host.local_logs import LocalLogFile

        if path.startswith("journal:"):
            from cyrtui.host.journal import open_journal
            from cyrtui.host.journal_names import DIRECTORIES

            return open_journal(path, [self.inside(one) for one in DIRECTORIES], only=True)
        return LocalLogFile(self.inside(path), shown=path)

    def watch(self, paths: Sequence[str]) -> Watch:
        from cyrtui.host.local_logs import LocalWatch, with_journal

        names = [path if path.startswith("journal:") else self.inside(path) for path in paths]
        return LocalWatch(with_journal(names, self._root))

    def snapshot(self) -> Snapshot:
        raise ObservationError("A copied tree has no processes and no sockets; only its files can be read.")

    def connections(self, ports: Collection[int], limit: int = 2000) -> tuple[Connection, ...]:
        raise ObservationError("A copied tree has no connections; only its files can be read.")

    def resolve(self, node: str | None, service: str, proto: str) -> tuple[ResolvedListen, ...]:
        port = self._port(service, "udp" if proto.startswith("udp") else "tcp")
        if port is None:
            return ()
        found = [address for address in self._addresses(node) if _fits(address, proto)]
        return tuple(ResolvedListen(address, port) for address in found)

    def _port(self, service: str, transport: str) -> int | None:
        if service.isascii() and service.isdigit():
            return int(service) if int(service) < 65536 else None
        for words in self._words("/etc/services"):
            if len(words) >= 2 and service in (words[0], *words[2:]):
                number, _, protocol = words[1].partition("/")
                if protocol == transport and number.isdigit():
                    return int(number)
        return None

    def _addresses(self, node: str | None) -> list[str]:
        if node is None:
            return ["0.0.0.0", "::"]
        if ":" in node or node.replace(".", "").isdigit():
            return [node]
        return [words[0] for words in self._words("/etc/hosts") if node in words[1:]]

    def _words(self, path: str) -> list[list[str]]:
        try:
            text = self.read(path).decode("utf-8", "backslashreplace")
        except FileUnreadable:
            return []
        return [words for line in text.splitlines() if (words := line.partition("#")[0].split())]

    def denied(self, path: str, user: str, wanted: int) -> str | None:
        return None

    def conf_lint(self, imapd_conf: bytes, cyrus_conf: bytes) -> ConfLint | None:
        return None

    def close(self) -> None:
        """Nothing is held open."""


def _fits(address: str, proto: str) -> bool:
    wanted = proto[-1:]
    return wanted not in ("4", "6") or (wanted == "6") == (":" in address)
