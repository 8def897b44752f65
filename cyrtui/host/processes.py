"""The processes of this machine, from /proc (proc(5)).

Read directly: psutil opens more files a process than are needed here, and asks NSS for user names, which may
wait for a directory server that is down.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from cyrtui.errors import ObservationError
from cyrtui.host.facts import Process
from cyrtui.inert import inert
from cyrtui.pattern import pattern

# What stands where a password stood.
MASKED: Final = "***"

PROC: Final = "/proc"
_USERS: Final = "/etc/passwd"
# A command line or a user that changed after the process was first seen is noticed this much later, seconds.
_REREAD_AFTER: Final = 10.0
# A command line can be megabytes long; nobody reads more than this of one.
_LONGEST_ARGV: Final = 16 << 10

# Options whose argument is a password, by program. Written apart (-w secret) or together (-wsecret).
_IMTEST: Final = (
    "imtest",
    "pop3test",
    "nntptest",
    "lmtptest",
    "smtptest",
    "sivtest",
    "mupdatetest",
    "synctest",
)
_LDAP: Final = (
    "ldapsearch",
    "ldapmodify",
    "ldapadd",
    "ldapdelete",
    "ldapmodrdn",
    "ldapwhoami",
    "ldapcompare",
)
_PASSWORD_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys((*_IMTEST, "httptest"), ("-w",)),
    **dict.fromkeys((*_LDAP, "ldapexop", "ldapvc"), ("-w",)),
    "ldappasswd": ("-w", "-s", "-a"),
    "slappasswd": ("-s",),
    "cyradm": ("-w",),
    "testsaslauthd": ("-p",),
    "saslpasswd2": ("-p",),
    "mysql": ("-p",),
    "mysqldump": ("-p",),
    "mariadb": ("-p",),
    "sshpass": ("-p",),
    "curl": ("-u", "-U"),
    "swaks": ("-ap",),
    "openssl": ("-passin", "-passout", "-pass", "-k"),
    "redis-cli": ("-a",),
}
# mysql's -p takes its password only when it stands together with it.
_TOGETHER_ONLY: Final = frozenset({"mysql", "mysqldump", "mariadb"})
_NAMED_LIKE_ONE: Final = r"[A-Za-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api-?key|auth-pass|pw)"
_LONG_OPTION: Final = pattern(rf"--?{_NAMED_LIKE_ONE}|[{{,\"']*{_NAMED_LIKE_ONE}[\"']?[:=]", re.IGNORECASE)
_ASSIGNMENT: Final = pattern(rf"([-{{,\"']*{_NAMED_LIKE_ONE}[\"']?[:=]).+", re.IGNORECASE | re.DOTALL)
_URI: Final = pattern(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@\"'<>]*:)[^\s/?#\"'<>]+@")


def mask_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """The words of a command line with passwords replaced by `***`.

    A password is the argument of a known program's option (`ldapsearch -w`), of any option that is named like
    one (`--password`), an assignment (`password=...`), or part of a URI. A word that holds a whole command
    line (`sh -c "..."`) is looked through as one.
    """
    masked: list[str] = []
    options: tuple[str, ...] = ()
    together_only = False
    hide_next = False
    for word in argv:
        if hide_next:
            hide_next = False
            masked.append(MASKED)
            continue
        program = word.rpartition("/")[2]
        if program in _PASSWORD_OPTIONS:
            options = _PASSWORD_OPTIONS[program]
            together_only = program in _TOGETHER_ONLY
        shown, hide_next = _masked_word(word, options, together_only=together_only)
        masked.append(shown)
    return tuple(masked)


def _masked_word(word: str, options: tuple[str, ...], *, together_only: bool) -> tuple[str, bool]:
    """One word masked, and whether the next one is a password."""
    if not word.startswith("-") and any(space in word for space in " \t\n"):
        pieces = re.split(r"(\s+)", word)
        return "".join(_woven(mask_argv(pieces[::2]), pieces[1::2])), False
    if word in options:
        return word, not together_only
    together = all(len(option) == 2 for option in options)
    for option in options:
        if together and word.startswith(option):
            return option + MASKED, False
    if _LONG_OPTION.fullmatch(word):
        return word, True
    assigned = _ASSIGNMENT.fullmatch(word)
    if assigned:
        return assigned[1] + MASKED, False
    return _URI.sub(rf"\g<1>{MASKED}@", word), False


def _woven(words: Sequence[str], spaces: Sequence[str]) -> list[str]:
    return [piece for pair in zip(words, [*spaces, ""], strict=True) for piece in pair]


class _Known(NamedTuple):
    """What is kept of a process between two readings; `key` tells whether the pid is still the same one."""

    key: tuple[int, bytes]
    process: Process
    ppid: int
    read_at: float


class ProcessReader:
    """Reads all processes, and of those it knows only what can change. Safe to use from several threads."""

    def __init__(self, proc: str | os.PathLike[str] = PROC) -> None:
        self._proc = os.fspath(proc)
        self._known: dict[int, _Known] = {}
        self._users: dict[int, str] = {}
        self._users_of: tuple[int, int] | None = None
        self._booted: float | None = None
        self._lock = threading.Lock()

    def read(self) -> tuple[Process, ...]:
        """All processes by pid. Raises `ObservationError` where /proc cannot be read."""
        with self._lock:
            try:
                pids = sorted(int(name) for name in os.listdir(self._proc) if name.isdecimal())
            except OSError as error:
                raise ObservationError(
                    f"The processes cannot be seen: {self._proc}: {os.strerror(error.errno or 0)}."
                ) from error
            now = time.monotonic()
            self._read_users()
            known: dict[int, _Known] = {}
            for pid in pids:
                found = self._one(pid, now)
                if found:
                    known[pid] = found
            self._known = known
            return tuple(entry.process for entry in known.values())

    def _one(self, pid: int, now: float) -> _Known | None:
        """One process, None when it ended meanwhile."""
        try:
            text = _slurp(f"{self._proc}/{pid}/stat", 1024)
        except OSError:
            return None
        # pid (comm) state ppid ... starttime is field 22; comm may hold blanks and parentheses
        head, _, tail = text.rpartition(b")")
        fields = tail.split()
        if len(fields) < 20:
            return None
        comm, ppid, ticks = head.partition(b"(")[2], int(fields[1]), int(fields[19])
        known = self._known.get(pid)
        if (
            known
            and known.key == (ticks, comm)
            and known.ppid == ppid
            and now - known.read_at < _REREAD_AFTER
        ):
            return known
        process = Process(
            pid,
            ppid,
            inert(comm),
            self._argv(pid),
            self._user(pid),
            round(self._boot_time() + ticks / os.sysconf("SC_CLK_TCK"), 2),
        )
        return _Known((ticks, comm), process, ppid, now)

    def _argv(self, pid: int) -> tuple[str, ...]:
        try:
            raw = _slurp(f"{self._proc}/{pid}/cmdline", _LONGEST_ARGV)
        except OSError:
            return ()
        words = raw.rstrip(b"\0").split(b"\0") if raw else []
        return mask_argv([inert(word) for word in words])

    def _user(self, pid: int) -> str | None:
        # not the owner of /proc/PID: that is root for a process that gave up root, as cyrmaster does
        try:
            status = _slurp(f"{self._proc}/{pid}/status", 4096)
        except OSError:
            return None
        found = re.search(rb"^Uid:\s+\d+\s+(\d+)", status, re.MULTILINE)
        if not found:
            return None
        uid = int(found[1])
        return self._users.get(uid, str(uid))

    def _read_users(self) -> None:
        """User names from /etc/passwd alone: NSS may ask the directory server that is down."""
        try:
            facts = os.stat(_USERS)
            if self._users_of == (facts.st_ino, facts.st_mtime_ns):
                return
            lines = _slurp(_USERS, 4 << 20).splitlines()
        except OSError:
            return
        self._users_of = (facts.st_ino, facts.st_mtime_ns)
        self._users = {}
        for line in lines:
            fields = line.split(b":")
            if len(fields) > 2 and fields[2].isdigit():
                self._users.setdefault(int(fields[2]), inert(fields[0]))

    def _boot_time(self) -> float:
        """When the machine was booted, seconds since the epoch (btime of /proc/stat)."""
        if self._booted is None:
            try:
                found = re.search(rb"^btime (\d+)", _slurp(f"{self._proc}/stat", 4 << 20), re.MULTILINE)
            except OSError:
                found = None
            if not found:
                raise ObservationError(f"{self._proc}/stat does not tell when the machine was started.")
            self._booted = float(found[1])
        return self._booted


def _slurp(path: str, limit: int) -> bytes:
    """At most `limit` bytes of a file, in as few system calls as can be."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, limit)
        while data and len(data) < limit:
            more = os.read(fd, limit - len(data))
            if not more:
                break
            data += more
        return data
    finally:
        os.close(fd)


_reader = ProcessReader()


def read_processes() -> tuple[Process, ...]:
    """The processes of this machine, by pid. Raises `ObservationError`."""
    return _reader.read()
