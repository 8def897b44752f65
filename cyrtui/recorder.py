"""Making a recording of a live server.

What goes in is what the console asks a host for: the configuration files (passwords masked), cyrmaster's
process files, the logs from a little before the start on with their real timing, and snapshots of processes
and sockets. The secrets of the configuration are blotted out of the log lines too, and command lines are kept
of Cyrus's, slapd's and syslog's own processes only.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from cyrtui import __version__
from cyrtui.config.cyrus_conf import parse_cyrus_conf
from cyrtui.config.passwords import mask_text, secrets_in
from cyrtui.errors import FileUnreadable, ObservationError
from cyrtui.host.conf_lint import ConfLint
from cyrtui.host.facts import Connection, DirectoryEntries, FileFacts, FileSystemSpace, Process, Snapshot
from cyrtui.host.journal_names import is_journal
from cyrtui.host.processes import MASKED, mask_argv
from cyrtui.host.protocol import Host, HostName, LogFile, ResolvedListen, Watch
from cyrtui.host.recording_format import Header, encode, header_line, pack, snapshot_data
from cyrtui.inert import inert
from cyrtui.logs.follow import LogFollower
from cyrtui.logs.logrotate import olddirs
from cyrtui.logs.overrides import overrides_of
from cyrtui.logs.sources import find_sources
from cyrtui.pattern import pattern
from cyrtui.services.board import observe_services
from cyrtui.settings import Settings
from cyrtui.wording import counted, span

_POLL: Final = 0.1
_FLUSH_EVERY: Final = 1.0
# Shorter ones would blot out words that are none.
_SECRET_BYTES: Final = 6
_BLOT: Final = b"***"
_CYRUS: Final = pattern(r"cyrus|master\Z|slapd|saslauthd|syslog|(?:imap|pop3|lmtp|http|nntp|timsieve)d\Z")


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """`seconds` to record (None: until stopped), seconds between snapshots, bytes of each log from before."""

    seconds: float | None = None
    every: float = 2.0
    history: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Recorded:
    """What went in: seconds, lines, snapshots, bytes of the file, and sentences about what could not."""

    seconds: float
    lines: int
    snapshots: int
    size: int
    problems: tuple[str, ...]

    def sentence(self, out: str) -> str:
        """What to tell the user."""
        words = (
            f"{inert(out)}: {span(self.seconds)}, {counted(self.lines, 'line')}, "
            f"{counted(self.snapshots, 'snapshot')}, {self.size:,} bytes. "
            "Passwords of the configuration are masked; names of users and clients are not."
        )
        return "\n".join((words, *self.problems))


class _Noting:
    """A host that notes what it is asked, for the recording to know it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.files: dict[str, bytes] = {}
        self.directories: dict[str, None] = {}
        self.resolved: dict[tuple[str | None, str, str], tuple[ResolvedListen, ...]] = {}

    @property
    def name(self) -> HostName:
        return self._host.name

    def now(self) -> float:
        return self._host.now()

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        data = self._host.read(path, limit)
        self.files[path] = data
        return data

    def stat(self, path: str) -> FileFacts:
        return self._host.stat(path)

    def listdir(self, path: str) -> tuple[str, ...]:
        found = self._host.listdir(path)
        self.directories[path] = None
        return found

    def read_head(self, path: str, length: int) -> bytes:
        return self._host.read_head(path, length)

    def scan(self, path: str) -> DirectoryEntries:
        return self._host.scan(path)

    def space(self, path: str) -> FileSystemSpace:
        return self._host.space(path)

    def open_log(self, path: str) -> LogFile:
        return self._host.open_log(path)

    def watch(self, paths: Sequence[str]) -> Watch:
        return self._host.watch(paths)

    def snapshot(self) -> Snapshot:
        return self._host.snapshot()

    def connections(self, ports: Collection[int], limit: int = 2000) -> tuple[Connection, ...]:
        return self._host.connections(ports, limit)

    def resolve(self, node: str | None, service: str, proto: str) -> tuple[ResolvedListen, ...]:
        found = self._host.resolve(node, service, proto)
        self.resolved[node, service, proto] = found
        return found

    def denied(self, path: str, user: str, wanted: int) -> str | None:
        return self._host.denied(path, user, wanted)

    def conf_lint(self, imapd_conf: bytes, cyrus_conf: bytes) -> ConfLint | None:
        return self._host.conf_lint(imapd_conf, cyrus_conf)

    def close(self) -> None:
        self._host.close()


class _Writer:
    """Writes entries as gzip, flushed often, so that a recording that is cut can still be opened."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._gzip = zlib.compressobj(9, zlib.DEFLATED, 31)
        self._flushed = time.monotonic()
        self.size = 0

    def line(self, data: bytes) -> None:
        self._write(self._gzip.compress(data))
        if time.monotonic() - self._flushed > _FLUSH_EVERY:
            self._flushed = time.monotonic()
            self._write(self._gzip.flush(zlib.Z_SYNC_FLUSH))

    def end(self) -> None:
        self._write(self._gzip.flush(zlib.Z_FINISH))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._out.write(view) :]
        self.size += len(data)


def record(
    host: Host,
    settings: Settings,
    plan: RecordPlan,
    out: BinaryIO,
    stop: threading.Event,
    say: Callable[[str], None] | None = None,
) -> Recorded:
    """Record `host` into `out` until `plan.seconds` are over or `stop` is set.

    `say` gets a line about the progress once a second. A disk that is full, or the like, raises OSError.
    """
    return _Recording(host, settings, plan, out).run(stop, say)


class _Recording:
    def __init__(self, host: Host, settings: Settings, plan: RecordPlan, out: BinaryIO) -> None:
        self._host = host
        self._settings = settings
        self._plan = plan
        self._writer = _Writer(out)
        self._began = host.now()
        self._clock = time.monotonic()
        self._files: dict[str, bytes] = {}
        self._resolved: dict[tuple[str | None, str, str], tuple[ResolvedListen, ...]] = {}
        self._directories: set[str] = set()
        self._secrets: set[bytes] = set()
        self._last: Snapshot | None = None
        self._lines = self._snapshots = 0
        self._problems: dict[str, None] = {}
        self._t = 0.0

    def _entry(self, data: dict[str, object]) -> None:
        self._writer.line(encode({"t": round(self._t, 3), **data}))

    def run(self, stop: threading.Event, say: Callable[[str], None] | None) -> Recorded:
        name = self._host.name
        self._writer.line(header_line(Header(name.name, name.zone, self._began, __version__)))
        self._observe(first=True)
        noting = _Noting(self._host)
        # what logrotate is told may hold anybody's passwords, in scripts: it stays out of the recording
        sources = find_sources(noting, overrides_of(self._settings), with_olddirs=False)
        self._note_files(noting)
        paths = list(dict.fromkeys(source.path for source in sources.sources))
        moved = olddirs(self._host, [path for path in paths if not is_journal(path)])
        followers = [LogFollower(self._host, path, self._history, moved.get(path)) for path in paths]
        looked = said = 0.0
        try:
            while True:
                for follower in followers:
                    self._follow(follower)
                ended = stop.wait(_POLL)
                self._t = time.monotonic() - self._clock
                if self._t - looked >= self._plan.every:
                    looked = self._t
                    self._observe(first=False)
                if say and self._t - said >= 1:
                    said = self._t
                    say(f"recording: {span(self._t)}, {counted(self._lines, 'line')}, ctrl+c ends")
                if ended or (self._plan.seconds is not None and self._t >= self._plan.seconds):
                    break
            for follower in followers:
                self._follow(follower)
                if follower.problem:
                    self._problems[follower.problem] = None
        finally:
            for follower in followers:
                follower.close()
        self._entry({"end": True})
        self._writer.end()
        return Recorded(self._t, self._lines, self._snapshots, self._writer.size, tuple(self._problems))

    # Logs

    def _history(self, file: LogFile) -> int:
        """Where the line begins that stands about `history` bytes before the end."""
        start = max(0, file.size() - self._plan.history)
        if start == 0:
            return 0
        chunk = file.pread(1 << 16, start - 1)
        newline = chunk.find(b"\n")
        return start + newline if newline >= 0 else start

    def _follow(self, follower: LogFollower) -> None:
        more = True
        while more:
            batch = follower.poll()
            more = batch.more
            lines = list(batch.lines)
            for loss in batch.lost:
                self._problems[loss.sentence] = None
            if lines:
                self._lines += len(lines)
                text = self._blotted(b"\n".join(lines) + b"\n")
                self._entry({"log": follower.path, **pack(text)})

    def _blotted(self, data: bytes) -> bytes:
        for secret in self._secrets:
            data = data.replace(secret, _BLOT)
        return data

    # Files, processes, sockets

    def _observe(self, *, first: bool) -> None:
        noting = _Noting(self._host)
        try:
            snapshot = self._host.snapshot()
        except ObservationError as error:
            self._problems[str(error)] = None
            snapshot = None
        observe_services(noting, self._settings.path("cyrus_conf"), snapshot=snapshot)
        if first:
            self._extra(noting)
        self._note_files(noting, complete=not first)
        if snapshot is not None:
            bare = snapshot._replace(taken=0.0, processes=tuple(map(_bare, snapshot.processes)))
            if bare != self._last:
                self._last = bare
                self._snapshots += 1
                self._entry({"snapshot": snapshot_data(bare)})

    def _extra(self, noting: _Noting) -> None:
        """Files that the console reads even where no service leads to them."""
        for path in (self._settings.path("imapd_conf"), "/etc/hostname"):
            try:
                noting.read(path)
            except FileUnreadable as error:
                self._problems[str(error)] = None

    def _note_files(self, noting: _Noting, *, complete: bool = False) -> None:
        for path, data in noting.files.items():
            found = {*secrets_in(path, data), *_secrets_of_commands(path, data)}
            self._secrets |= {secret for secret in found if len(secret) >= _SECRET_BYTES}
            if self._files.get(path) != data:
                self._files[path] = data
                self._entry(
                    {"file": path, "stat": self._stat(path), **pack(self._blotted(mask_text(path, data)))}
                )
        for path in noting.directories:
            if path not in self._directories:
                self._directories.add(path)
                self._entry({"dir": path})
        if complete:
            for path in [path for path in self._files if path not in noting.files and self._is_gone(path)]:
                del self._files[path]
                self._entry({"gone": path})
        fresh = {key: value for key, value in noting.resolved.items() if self._resolved.get(key) != value}
        if fresh:
            self._resolved |= fresh
            rows = [
                [node, service, proto, [[found.address, found.port] for found in value]]
                for (node, service, proto), value in fresh.items()
            ]
            self._entry({"resolve": rows})

    def _is_gone(self, path: str) -> bool:
        try:
            self._host.stat(path)
        except FileUnreadable:
            return True
        return False

    def _stat(self, path: str) -> list[float]:
        try:
            facts = self._host.stat(path)
        except FileUnreadable:
            return [0o100644, 0, 0, self._host.now()]
        return [facts.mode, facts.uid, facts.gid, facts.mtime]


def _secrets_of_commands(path: str, data: bytes) -> Iterator[bytes]:
    """Passwords among the arguments of cyrus.conf's commands."""
    if b"cmd" not in data or not path.endswith(".conf"):
        return
    for entry in parse_cyrus_conf(data, path).entries:
        for word, masked in zip(entry.words, mask_argv(entry.words), strict=True):
            if word != masked:
                yield word.removeprefix(masked.removesuffix(MASKED)).encode("utf-8")


def _bare(process: Process) -> Process:
    """A process without its arguments, if they are nobody's business."""
    return process if _CYRUS.search(process.name) or process.user == "cyrus" else process._replace(argv=())
