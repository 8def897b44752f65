"""A recording of a server, opened as a host and played.

The log lines appear as files that grow while the recording plays; everything that follows a live log follows
them in the same way. Configuration files, process files and snapshots are those of the moment that is played.
"""

from __future__ import annotations

import bisect
import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final

from cyrtui.errors import FileMissing, FileUnreadable, ObservationError, RecordingError
from cyrtui.host.facts import Connection, DirectoryEntries, FileFacts, FileSystemSpace, Snapshot
from cyrtui.host.protocol import HostName, LogFile, ResolvedListen, Watch
from cyrtui.host.recording_format import Entry, Header, Reader, snapshot_from, unpack
from cyrtui.inert import inert

if TYPE_CHECKING:
    from cyrtui.host.conf_lint import ConfLint

RATES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_TICK: Final = 0.25
_REGULAR: Final = 0o100644


@dataclass(frozen=True, slots=True)
class Played:
    """Where the playing stands: seconds from the start, seconds in all, how fast, whether paused."""

    position: float
    length: float
    rate: float
    paused: bool

    @property
    def ended(self) -> bool:
        return self.position >= self.length


class PlayClock:
    """The time within a recording: it runs at a rate, can be paused, and stops at the end. Thread-safe."""

    def __init__(self, length: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._length = length
        self._clock = clock
        self._base = 0.0
        self._anchor = clock()
        self._rate = 1.0
        self._paused = False
        self._lock = threading.Lock()

    def _position(self) -> float:
        run = 0.0 if self._paused else (self._clock() - self._anchor) * self._rate
        return min(self._base + run, self._length)

    def _settle(self) -> None:
        self._base, self._anchor = self._position(), self._clock()

    def state(self) -> Played:
        """Where it stands now."""
        with self._lock:
            return Played(self._position(), self._length, self._rate, self._paused)

    def set_paused(self, paused: bool) -> None:
        """Stop the time, or let it go on."""
        with self._lock:
            self._settle()
            self._paused = paused

    def set_rate(self, rate: float) -> None:
        """Seconds of the recording a second of ours."""
        with self._lock:
            self._settle()
            self._rate = rate

    def skip(self, seconds: float) -> None:
        """Go forward at once. Time never goes back: files that had grown would have to shrink."""
        with self._lock:
            self._settle()
            self._base = min(self._base + max(seconds, 0.0), self._length)


@dataclass(slots=True)
class _GrowingLog:
    """The bytes of one log, and from which moment on how many of them are there."""

    data: bytearray = field(default_factory=bytearray)
    times: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def append(self, t: float, data: bytes) -> None:
        self.data += data
        self.times.append(t)
        self.sizes.append(len(self.data))

    def size_at(self, position: float) -> int:
        index = bisect.bisect_right(self.times, position)
        return self.sizes[index - 1] if index else 0

    def written_at(self, position: float) -> float:
        index = bisect.bisect_right(self.times, position)
        return self.times[index - 1] if index else 0.0


@dataclass(slots=True)
class _Versions:
    """What one file held from which moment on; None where it was not there."""

    times: list[float] = field(default_factory=list)
    contents: list[tuple[bytes, list[float]] | None] = field(default_factory=list)

    def append(self, t: float, content: tuple[bytes, list[float]] | None) -> None:
        self.times.append(t)
        self.contents.append(content)

    def at(self, position: float) -> tuple[bytes, list[float]] | None:
        index = bisect.bisect_right(self.times, position)
        return self.contents[index - 1] if index else None


class Recording:
    """A recorded server as a `Host`. Made by `open_recording`."""

    def __init__(self, header: Header, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.header = header
        self.notices: tuple[str, ...] = ()
        self._name = HostName(header.host, "recording", header.zone)
        self._files: dict[str, _Versions] = {}
        self._logs: dict[str, _GrowingLog] = {}
        self._snapshots: list[tuple[float, dict[str, Any]]] = []
        self._resolved: dict[tuple[str | None, str, str], tuple[ResolvedListen, ...]] = {}
        self._numbers: dict[str, int] = {}
        self._directories: dict[str, float] = {}
        self._length = 0.0
        self._make_clock = clock
        self.clock = PlayClock(0.0, clock=clock)
        self.loaded = False
        self.rest: Callable[[], None] | None = None

    def load(self) -> None:
        """Read what follows the header, and begin to play. Raises `RecordingError`; does nothing twice."""
        rest, self.rest = self.rest, None
        if rest is not None:
            rest()

    def take(self, entry: Entry) -> None:
        """Add one entry, in order. Raises KeyError, TypeError or ValueError for one that is malformed."""
        data, t = entry.data, entry.t
        self._length = max(self._length, t)
        if "log" in data:
            self._logs.setdefault(str(data["log"]), _GrowingLog()).append(t, unpack(data))
        elif "file" in data:
            stat = [float(number) for number in data.get("stat", (_REGULAR, 0, 0, self.header.began))]
            if len(stat) != 4:
                raise ValueError("stat")
            self._files.setdefault(str(data["file"]), _Versions()).append(t, (unpack(data), stat))
        elif "dir" in data:
            self._directories.setdefault(str(data["dir"]).rstrip("/"), t)
        elif "gone" in data:
            self._files.setdefault(str(data["gone"]), _Versions()).append(t, None)
        elif "snapshot" in data:
            snapshot_from(data["snapshot"], self.header.began + t)
            self._snapshots.append((t, data["snapshot"]))
        elif "resolve" in data:
            for node, service, proto, found in data["resolve"]:
                self._resolved[node, str(service), str(proto)] = tuple(
                    ResolvedListen(inert(str(address)), int(port)) for address, port in found
                )

    def start(self) -> None:
        """Everything is taken: the playing begins."""
        names = sorted({*self._logs, *self._files})
        self._numbers = {name: number for number, name in enumerate(names, start=1)}
        self.clock = PlayClock(self._length, clock=self._make_clock)
        self.loaded = True

    def _position(self) -> float:
        return self.clock.state().position

    @property
    def name(self) -> HostName:
        return self._name

    def now(self) -> float:
        return self.header.began + self._position()

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        if path in self._logs:
            return bytes(self._logs[path].data[: min(limit, self._logs[path].size_at(self._position()))])
        return self._content(path)[0]

    def _content(self, path: str) -> tuple[bytes, list[float]]:
        versions = self._files.get(path)
        content = versions.at(self._position()) if versions else None
        if content is None:
            raise FileMissing(path, f"{inert(path)} is not in the recording.")
        return content

    def stat(self, path: str) -> FileFacts:
        if path in self._logs:
            log, position = self._logs[path], self._position()
            written = self.header.began + log.written_at(position)
            return FileFacts(path, log.size_at(position), written, _REGULAR, 0, 0, self._identity(path))
        data, (mode, uid, gid, mtime) = self._content(path)
        return FileFacts(path, len(data), mtime, int(mode), int(uid), int(gid), self._identity(path))

    def _identity(self, path: str) -> tuple[int, int]:
        return (0, self._numbers[path])

    def listdir(self, path: str) -> tuple[str, ...]:
        below = path.rstrip("/") + "/"
        position = self._position()
        names = {
            name[len(below) :].partition("/")[0]
            for name, versions in self._files.items()
            if name.startswith(below) and versions.at(position) is not None
        } | {name[len(below) :].partition("/")[0] for name in self._logs if name.startswith(below)}
        known = self._directories.get(path.rstrip("/"))
        if not names and (known is None or known > position):
            raise FileMissing(path, f"{inert(path)} is not in the recording.")
        return tuple(sorted(names))

    def read_head(self, path: str, length: int) -> bytes:
        return self.read(path, 1 << 30)[:length]

    def scan(self, path: str) -> DirectoryEntries:
        raise FileMissing(path, f"{inert(path)} is not in the recording; a recording has no spool.")

    def space(self, path: str) -> FileSystemSpace:
        raise FileMissing(path, "A recording does not say how much room there was on the server.")

    def open_log(self, path: str) -> LogFile:
        if path not in self._logs:
            raise FileMissing(path, f"{inert(path)} is not in the recording.")
        return _RecordedLog(self, path, self._logs[path], self._identity(path))

    def watch(self, paths: Sequence[str]) -> Watch:
        logs = [self._logs[path] for path in paths if path in self._logs]
        return _RecordingWatch(self, logs)

    def snapshot(self) -> Snapshot:
        position = self._position()
        index = bisect.bisect_right(self._snapshots, position, key=lambda item: item[0])
        if not index:
            raise ObservationError("The recording has no snapshot of processes and sockets at this moment.")
        t, data = self._snapshots[index - 1]
        return snapshot_from(data, self.header.began + t)

    def connections(self, ports: Collection[int], limit: int = 2000) -> tuple[Connection, ...]:
        raise ObservationError("A recording does not hold the connections that waited in the accept queues.")

    def resolve(self, node: str | None, service: str, proto: str) -> tuple[ResolvedListen, ...]:
        return self._resolved.get((node, service, proto), ())

    def denied(self, path: str, user: str, wanted: int) -> str | None:
        return None

    def conf_lint(self, imapd_conf: bytes, cyrus_conf: bytes) -> ConfLint | None:
        return None

    def close(self) -> None:
        """Nothing is held open."""


class _RecordedLog:
    """A log of the recording as a file that grows while it is played."""

    def __init__(self, host: Recording, path: str, log: _GrowingLog, identity: tuple[int, int]) -> None:
        self._host = host
        self._path = path
        self._log = log
        self._identity = identity

    @property
    def identity(self) -> tuple[int, int]:
        return self._identity

    def size(self) -> int:
        return self._log.size_at(self._host.clock.state().position)

    def pread(self, length: int, offset: int) -> bytes:
        end = min(self.size(), offset + length)
        return bytes(self._log.data[offset:end])

    def mtime(self) -> float:
        return self._host.header.began + self._log.written_at(self._host.clock.state().position)

    def close(self) -> None:
        """Nothing is held open."""


class _RecordingWatch:
    """Looks four times a second whether one of the logs has grown."""

    def __init__(self, host: Recording, logs: list[_GrowingLog]) -> None:
        self._host = host
        self._logs = logs
        self._closed = threading.Event()
        self._seen = self._sizes()

    def _sizes(self) -> list[int]:
        position = self._host.clock.state().position
        return [log.size_at(position) for log in self._logs]

    def wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not self._closed.is_set():
            sizes = self._sizes()
            if sizes != self._seen:
                self._seen = sizes
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._closed.wait(min(_TICK, left))
        return False

    def close(self) -> None:
        self._closed.set()


def open_recording(path: str, *, clock: Callable[[], float] = time.monotonic) -> Recording:
    """The recording in a file, at its beginning and playing.

    Raises `RecordingError` for a file that is broken, foreign or of another version, `FileUnreadable` for one
    that cannot be read. A recording that was cut short opens with a sentence in `notices`.
    """
    shown = inert(path)
    try:
        with open(path, "rb") as file:
            return read_recording(file, path, clock=clock)
    except FileNotFoundError as error:
        raise FileMissing(path, f"{shown} does not exist; --recording needs a recording.") from error
    except IsADirectoryError as error:
        raise RecordingError(
            f"{shown} is a directory; --recording needs a file made by `cyrtui record`."
        ) from error
    except OSError as error:
        raise FileUnreadable(path, f"{shown} cannot be read: {os.strerror(error.errno or 0)}.") from error


def read_recording(file: IO[bytes], path: str, *, clock: Callable[[], float] = time.monotonic) -> Recording:
    """The same for an open file; `path` is what it is called in sentences."""
    recording = begin_recording(file, path, clock=clock)
    recording.load()
    return recording


def begin_recording(file: IO[bytes], path: str, *, clock: Callable[[], float] = time.monotonic) -> Recording:
    """The same, with only the header read yet: `load` must be called before anything but `name` is asked for.

    The file must stay open until then.
    """
    reader = Reader(file, path)
    recording = Recording(reader.header, clock=clock)
    recording.rest = partial(_take_all, recording, reader, path)
    return recording


def _take_all(recording: Recording, reader: Reader, path: str) -> None:
    for number, entry in enumerate(reader.entries(), start=2):
        try:
            recording.take(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise RecordingError(
                f"{inert(path)} is broken: line {number} is no entry ({inert(str(error))})."
            ) from error
    if reader.cut:
        recording.notices = (
            f"This recording ends early: {inert(path)} is cut. What was recorded before is shown.",
        )
    recording.start()
