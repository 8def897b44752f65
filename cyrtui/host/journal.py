"""The systemd journal as a log: `journalctl -o json` read, and written down as lines of a syslog file.

Under the path `journal:2,4,10` stand the lines of these facilities (RFC 5424 section 6.2.1), the last ones
first read and then followed; `journal:2,4,10#CURSOR` are those before an entry, `journal:2,4,10>CURSOR` those
after one, `journal:2,4,10@TIME` those from a time on (seconds since the epoch), all three as bytes of gzip.
journalctl(1) is run with an argument list, never by a shell, and only reads. Fields:
systemd.journal-fields(7); the JSON form: journalctl(1), -o json.
"""

from __future__ import annotations

import datetime
import gzip
import itertools
import json
import os
import stat
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.facts import FileFacts
from cyrtui.host.journal_names import PREFIX
from cyrtui.host.local import read_error
from cyrtui.inert import inert
from cyrtui.pattern import pattern

if TYPE_CHECKING:
    import subprocess

PROGRAMS: Final = ("/usr/bin/journalctl", "/bin/journalctl")
AT_FIRST: Final = 5_000
A_CHUNK: Final = 20_000
"""Entries that are read at once: when the journal is opened, and of each piece of its past."""
KEPT: Final = 16 << 20
_HEAD: Final = 256
_FIELDS: Final = "PRIORITY,SYSLOG_FACILITY,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_COMM,_HOSTNAME,MESSAGE"
_PATH: Final = pattern(r"journal:(\d+(?:,\d+)*)(?:([#>@])(.+))?\Z")
_NO_TAG: Final = pattern(rb"[\s\[\]:]+")
_AGAIN: Final = 2.0


def journal_facts(path: str) -> FileFacts:
    """What stat says of the journal: it is there, and always the same file."""
    return FileFacts(path, 0, time.time(), stat.S_IFREG | 0o440, 0, 0, _identity(path))


def _identity(path: str) -> tuple[int, int]:
    return (-1, zlib.crc32(path.encode("utf-8", "surrogateescape")))


def journal_files(directories: Iterable[str]) -> list[str]:
    """The journal files below the journal's directories on this machine."""
    found: list[str] = []
    for directory in directories:
        try:
            machines = [entry.path for entry in os.scandir(directory) if entry.is_dir()]
        except OSError:
            continue
        for place in (directory, *machines):
            try:
                found += [f"{place}/{name}" for name in os.listdir(place) if name.endswith(".journal")]
            except OSError:
                continue
    return found


def open_journal(path: str, directories: Sequence[str], *, only: bool) -> JournalFile | JournalPiece:
    """The journal in these directories of this machine; with `only` in no other ones.

    Raises `FileUnreadable` when it is not there, may not be read, or there is no journalctl.
    """
    found = _PATH.match(path)
    if found is None:
        raise FileUnreadable(path, f"{inert(path)} names no part of the journal.")
    program = next((one for one in PROGRAMS if os.access(one, os.X_OK)), None)
    if program is None:
        raise FileUnreadable(path, "The systemd journal cannot be read: there is no journalctl here.")
    files = journal_files(directories)
    closed = [one for one in files if not os.access(one, os.R_OK)]
    if not files:
        raise FileUnreadable(path, "There is no systemd journal that can be seen.")
    if len(closed) == len(files):
        raise read_error(closed[0], PermissionError(), shown="The systemd journal")
    command = [program, "--output=json", "--all", "--quiet", "--no-pager", f"--output-fields={_FIELDS}"]
    if only:
        command += [f"--directory={next(one for one in directories if journal_files([one]))}"]
    matches = [f"SYSLOG_FACILITY={number}" for number in found[1].split(",")]
    if found[2] is None:
        return JournalFile(path, command, matches)
    if found[2] == "#":
        return _before(path, command, matches, found[3])
    if found[2] == ">":
        return _from(path, [*command, f"--after-cursor={found[3]}", *matches])
    return _from(path, [*command, f"--since=@{float(found[3]):.0f}", *matches])


def _before(path: str, command: list[str], matches: list[str], cursor: str) -> JournalPiece:
    arguments = ["--reverse", f"--cursor={cursor}", f"--lines={A_CHUNK + 1}", *matches]
    with _running([*command, *arguments]) as out:
        entries = [entry for entry in _entries(out) if entry.get("__CURSOR") != cursor]
    entries.reverse()
    return JournalPiece(path, entries[-A_CHUNK:])


def _from(path: str, command: list[str]) -> JournalPiece:
    with _running(command) as out:
        return JournalPiece(path, list(itertools.islice(_entries(out), A_CHUNK)))


@contextmanager
def _running(command: list[str]) -> Iterator[Iterable[bytes]]:
    """What a journalctl says, line by line; it is ended behind that."""
    process = _start(command)
    try:
        if process.stdout is not None:
            yield process.stdout
    finally:
        _end(process)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    import subprocess

    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise FileUnreadable(
            PREFIX, f"The systemd journal cannot be read: {os.strerror(error.errno or 0)}."
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _entries(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def line_of(entry: dict[str, Any]) -> bytes:
    """An entry of journalctl's JSON as a line of syslog, with `<PRI>` and a stamp of RFC 3339 in UTC."""
    stamp = _digits(entry.get("__REALTIME_TIMESTAMP"), 1 << 56)
    when = datetime.datetime.fromtimestamp(stamp / 1_000_000, datetime.UTC)
    priority = _digits(entry.get("SYSLOG_FACILITY"), 127) * 8 + _digits(entry.get("PRIORITY"), 7)
    ident = _bytes(entry.get("SYSLOG_IDENTIFIER")) or _bytes(entry.get("_COMM")) or b"-"
    pid = _bytes(entry.get("SYSLOG_PID")) or _bytes(entry.get("_PID"))
    tag = _NO_TAG.sub(b"_", ident)[:128] + (b"[%s]" % pid if pid.isdigit() else b"")
    host = _NO_TAG.sub(b"_", _bytes(entry.get("_HOSTNAME"))) or b"-"
    text = _bytes(entry.get("MESSAGE")).rstrip(b"\n").replace(b"\n", b"#012")
    written = when.isoformat(timespec="microseconds").encode()
    return b"<%d>%s %s %s: %s\n" % (priority, written, host, tag, text)


def _digits(value: object, most: int) -> int:
    text = value[0] if isinstance(value, list) and value else value
    number = int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else 0
    return min(number, most)


def _bytes(value: object) -> bytes:
    """A field: a string, numbers of bytes where it is no UTF-8, or a list of these where it comes twice."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace")
    if isinstance(value, list) and value:
        if all(isinstance(one, int) and 0 <= one < 256 for one in value):
            return bytes(value)
        return _bytes(value[0])
    return b""


class JournalPiece:
    """Some of the journal's past as a file compressed by gzip.

    `cursor` is its first entry's and `last_cursor` its last one's, None without entries.
    """

    def __init__(self, path: str, entries: list[dict[str, Any]]) -> None:
        lines = b"".join(map(line_of, entries))
        self._packed = gzip.compress(lines, 1) if lines else b""
        self._identity = _identity(path)
        self.cursor = str(entries[0]["__CURSOR"]) if entries else None
        self.last_cursor = str(entries[-1]["__CURSOR"]) if entries else None
        self.written = _digits(entries[-1].get("__REALTIME_TIMESTAMP"), 1 << 56) / 1e6 if entries else 0.0

    @property
    def identity(self) -> tuple[int, int]:
        return self._identity

    def size(self) -> int:
        return len(self._packed)

    def pread(self, length: int, offset: int) -> bytes:
        return self._packed[offset : offset + length]

    def mtime(self) -> float:
        return self.written

    def close(self) -> None:
        """It is in memory only."""


class JournalFile:
    """The journal as a file that grows: its last entries, and what comes. Thread-safe.

    The lines are kept in memory, the last `KEPT` bytes of them; journalctl is run when it is first read.
    `cursor` is the first entry's, once it was read.
    """

    def __init__(self, path: str, command: list[str], matches: list[str]) -> None:
        self._path = path
        self._command = command
        self._matches = matches
        self._lock = threading.Lock()
        self._data = bytearray()
        self._head = b""
        self._dropped = 0
        self._written = time.time()
        self._begun = False
        self._closed = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._last: str | None = None
        self.cursor: str | None = None

    @property
    def identity(self) -> tuple[int, int]:
        return _identity(self._path)

    def size(self) -> int:
        self._begin()
        with self._lock:
            return self._dropped + len(self._data)

    def mtime(self) -> float:
        return self._written

    def pread(self, length: int, offset: int) -> bytes:
        """At most `length` bytes at `offset`. Raises `FileUnreadable` for what is not kept any more."""
        self._begin()
        with self._lock:
            if self._closed.is_set():
                raise FileUnreadable(self._path, "The systemd journal is no longer read.")
            if offset + length <= len(self._head):
                return self._head[offset : offset + length]
            if offset < self._dropped:
                raise FileUnreadable(self._path, "These lines of the journal are no longer kept.")
            at = offset - self._dropped
            return bytes(self._data[at : at + length])

    def close(self) -> None:
        """End journalctl. Idempotent."""
        self._closed.set()
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.terminate()

    def __del__(self) -> None:
        self.close()

    def _begin(self) -> None:
        with self._lock:
            if self._begun or self._closed.is_set():
                return
            self._begun = True
        with _running([*self._command, f"--lines={AT_FIRST}", *self._matches]) as out:
            for entry in _entries(out):
                self.cursor = self.cursor or str(entry.get("__CURSOR"))
                self._take(entry)
        threading.Thread(target=_follow, args=(self,), name="follow-journal", daemon=True).start()

    def _take(self, entry: dict[str, Any]) -> None:
        line = line_of(entry)
        with self._lock:
            self._last = str(entry.get("__CURSOR"))
            self._data += line
            self._written = _digits(entry.get("__REALTIME_TIMESTAMP"), 1 << 56) / 1e6
            if len(self._head) < _HEAD:
                self._head = (self._head + line)[:_HEAD]
            if len(self._data) > KEPT + (KEPT >> 2):
                cut = self._data.find(b"\n", len(self._data) - KEPT) + 1
                del self._data[:cut]
                self._dropped += cut

    def follow(self) -> None:
        """Take in what comes, until closed; should journalctl end, it is begun again where it stopped."""
        while not self._closed.is_set():
            behind = [f"--after-cursor={self._last}"] if self._last is not None else []
            process = _start([*self._command, "--follow", "--no-tail", *behind, *self._matches])
            with self._lock:
                self._process = process
            if self._closed.is_set():
                process.terminate()
            if process.stdout is not None:
                for entry in _entries(process.stdout):
                    self._take(entry)
            _end(process)
            self._closed.wait(_AGAIN)


def _follow(file: JournalFile) -> None:
    try:
        file.follow()
    except FileUnreadable:
        # journalctl went away: what was read stays, and nothing more comes.
        return
