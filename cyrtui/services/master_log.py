"""cyrmaster's own words in the mail log.

Source of the texts: master/master.c and master/masterconf.c of 2.2 to 3.12. From 2.5 on a service is named
with its address family (`imap/ipv4`). How loud a text is differs, so that only the text is looked at.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from cyrtui.logs.record import Record
from cyrtui.pattern import pattern
from cyrtui.services.runs import Run, RunKeeper

WordKind = Literal[
    "disabled",  # listen, proto or getaddrinfo: the service is off until the next SIGHUP
    "bind",  # one socket could not be opened, bound or listened to
    "create",  # no socket at all could be made
    "too-many-failures",  # its children died at once, five times: the socket is closed
    "abnormal",  # a child died without having served anybody
    "exited",  # a child ended with a status or by a signal
    "exec",  # its program could not be started
    "ignored",  # on SIGHUP: an entry that at the start would have been fatal
    "fatal",  # the words before `exiting`
    "child-fatal",  # a child's own `Fatal error:`
    "child-tls",  # a child cannot make TLS: certificate, key or their pair
    "child-error",  # another error of a child that is worth showing
    "started",
    "hup",
    "reconfigured",
    "stopping",
    "exiting",
]

# These say why a service does not listen, those later in the list only where nothing else does.
_EXPLAINING: Final[tuple[WordKind, ...]] = ("too-many-failures", "disabled", "bind", "ignored", "create")
# What a forked child says before it becomes a program carries the child's pid.
_BY_CHILDREN: Final[frozenset[WordKind]] = frozenset({"exec", "child-fatal", "child-tls", "child-error"})

_NAME: Final = r"(?P<service>[A-Za-z0-9]+)(?:/(?P<family>[a-z0-9]+))?"
_TEXTS: Final[tuple[tuple[WordKind, str], ...]] = (
    (
        "too-many-failures",
        rf"(?:ERROR: )?too many failures for service {_NAME},"
        r" disabling (?P<detail>until next SIGHUP|for .+)",
    ),
    ("bind", rf"unable to (?:bind|listen) to {_NAME} socket: (?P<detail>.+)"),
    ("bind", rf"unable to open {_NAME} socket: (?P<detail>.+)"),
    ("create", rf"unable to create {_NAME} listener socket: (?P<detail>.+)"),
    ("disabled", r"(?P<detail>.+), disabling (?P<service>[A-Za-z0-9]+)"),
    (
        "abnormal",
        rf"service {_NAME} pid (?P<child>\d+) in \w+ state: (?P<detail>terminated abnormally|exited)",
    ),
    (
        "exited",
        r"process type:(?:SERVICE|DAEMON) name:(?P<service>\S+) path:\S+ age:\S+ pid:(?P<child>\d+)"
        r" (?P<detail>exited, status \d+|signaled to death by .+)",
    ),
    (
        "exited",
        r"process (?P<child>\d+) (?P<detail>exited, status [1-9]\d*|exited, signaled to death by .+)",
    ),
    ("exec", r"(?:couldn't|can't) exec (?P<detail>.+)"),
    ("ignored", r"WARNING: (?P<detail>.*'(?P<service>[^']*)') -- ignored"),
    ("started", r"(?P<detail>process started|ready for work)"),
    ("hup", r"got SIGHUP"),
    ("reconfigured", r"Services reconfigured\..*"),
    (
        "stopping",
        r"(?P<detail>attempting clean shutdown.*|exiting on SIG.*|All children have exited.*)",
    ),
    ("exiting", r"exiting"),
    (
        "fatal",
        r"(?P<detail>configuration file .+ on line \d+|can't open configuration file .+|can't run startup"
        r"|cannot find executable for (?:service|daemon|waitdaemon) '(?P<service>[^']*)'"
        r"|unable to find command(?: or port)? for .+|multiple entries for .+"
        r"|can(?:'t|not) get exclusive lock on .+)",
    ),
)
_SHAPES: Final = tuple((kind, pattern(shape)) for kind, shape in _TEXTS)
_CHILD_FATAL: Final = pattern(r"Fatal error: (?P<detail>.+)", re.IGNORECASE)
_CHILD_TLS: Final = pattern(
    r"(?P<detail>unable to get (?:private key|certificate) from .+|Private key .+ does not match public .+"
    r"|TLS server engine: .+|error initializing TLS|\w+: required OpenSSL options not present)"
)
_CHILD_ERROR: Final = pattern(r"(?P<detail>(?:IO|DB|SYNC|QUOTA)ERROR\b.*|LOSTQUOTA\b.*|DBMSG\b.*)")
_CHILD_TEXTS: Final[tuple[tuple[WordKind, re.Pattern[str]], ...]] = (
    ("child-fatal", _CHILD_FATAL),
    ("child-tls", _CHILD_TLS),
    ("child-error", _CHILD_ERROR),
)
# These name no file.
_VAGUE: Final = ("TLS server engine", "error initializing")
# Words kept of cyrmaster, and of its children's errors.
_KEPT: Final = 4000
_KEPT_OF_CHILDREN: Final = 2000
# A syslog stamp may be a second late, and the start of a process is known to a few hundredths only.
_SLACK: Final = 2.0


class MasterWord(NamedTuple):
    """One thing said, in [time, time + 1) where the stamp has `whole_seconds`.

    `service` and `family` (ipv4, ipv6, unix) where it names them; `child` is the pid it is about, `detail`
    the part that says why, `text` the whole text of the line, `path` and `offset` (bytes) its place.
    """

    kind: WordKind
    time: float
    whole_seconds: bool
    pid: int | None
    service: str | None
    family: str | None
    child: int | None
    detail: str
    text: str
    path: str
    offset: int


class MasterLog(NamedTuple):
    """What cyrmaster said, in the order of the log. `paths` are the files read, `since` the time of the first
    line in them (None: they held no line), so that "nothing was said" can be told from "nothing is left".

    `runs` are those of the programs of START and EVENTS; `served` says when a process of a service last made
    TLS with a client.
    """

    words: tuple[MasterWord, ...]
    paths: tuple[str, ...] = ()
    since: float | None = None
    runs: tuple[Run, ...] = ()
    served: Mapping[str, float] = MappingProxyType({})

    def last(self, *kinds: WordKind) -> MasterWord | None:
        return next((word for word in reversed(self.words) if word.kind in kinds), None)


def is_master(ident: str) -> bool:
    """Whether a line's ident is cyrmaster's: `cyrus/master`, `master`; never Postfix's own master."""
    *prefix, last = ident.split("/")
    return last in ("master", "cyrmaster") and not any("postfix" in part for part in prefix)


class WordKeeper:
    """Takes cyrmaster's words, and those of its children's that matter here, out of the mail log as it comes.

    What is kept is bounded. One thread may feed it; `log` is a value that any thread may read.
    """

    def __init__(self, paths: Sequence[str] = ()) -> None:
        self._paths = tuple(paths)
        self._words: deque[tuple[int, MasterWord]] = deque(maxlen=_KEPT)
        self._of_children: deque[tuple[int, MasterWord]] = deque(maxlen=_KEPT_OF_CHILDREN)
        self._before: dict[int | None, tuple[Record, bool]] = {}
        self._since: float | None = None
        self._runs = RunKeeper()
        self._served: dict[str, float] = {}
        self._number = self._sorted = 0
        self._all: tuple[MasterWord, ...] = ()
        self.log = MasterLog((), self._paths)

    def feed(self, records: Iterable[Record]) -> None:
        """Take records of the mail log, in their order."""
        changed = False
        for record in records:
            if self._since is None:
                self._since, changed = record.time, True
            changed = (record.parsed and self._take(record)) or changed
        if changed:
            if self._sorted != self._number:
                self._sorted = self._number
                both = sorted((*self._words, *self._of_children), key=lambda numbered: numbered[0])
                self._all = tuple(word for _, word in both)
            self.log = MasterLog(self._all, self._paths, self._since, self._runs.runs(), dict(self._served))

    def _take(self, record: Record) -> bool:
        name = record.ident.rpartition("/")[2]
        if not is_master(record.ident):
            run = self._runs.take(name, record)
            if record.text.startswith("starttls: "):
                self._served[name] = record.time
                return True
            word = _child_word(name, record)
            if word:
                self._keep(self._of_children, word)
            return run or word is not None
        word = _master_word(record)
        if word and word.kind == "exiting" and record.pid in self._before:
            # whatever it says just before it gives up is why; only the priority tells it apart
            cause, known = self._before[record.pid]
            if not known:
                self._keep(self._words, _word("fatal", cause, detail=cause.text))
        self._before[record.pid] = (record, word is not None)
        while len(self._before) > 100:
            # children that have not become a program yet speak under this name too
            del self._before[next(iter(self._before))]
        run = self._runs.end(record)
        if word:
            self._keep(self._words, word)
        return run or word is not None

    def _keep(self, where: deque[tuple[int, MasterWord]], word: MasterWord) -> None:
        self._number += 1
        where.append((self._number, word))


def read_master_log(records: Iterable[Record], paths: Sequence[str] = ()) -> MasterLog:
    """Take cyrmaster's words (and its children's errors) out of the lines of the mail log."""
    keeper = WordKeeper(paths)
    keeper.feed(records)
    return keeper.log


def in_force(log: MasterLog, pid: int | None = None, started: float | None = None) -> tuple[MasterWord, ...]:
    """The words that hold now: of the running cyrmaster (`pid`, started at `started`), since its last SIGHUP.

    On SIGHUP it tries everything again and says again what fails. Without a pid: of the last one that spoke.
    """
    if pid is None:
        pid = next((word.pid for word in reversed(log.words) if word.kind not in _BY_CHILDREN), None)
        started = None
    earliest = -1.0 if started is None else started - _SLACK
    own: list[MasterWord] = []
    for word in log.words:
        if word.kind in ("stopping", "exiting") and word.pid != pid:
            # another cyrmaster's end: what came before was of its children
            own = [kept for kept in own if kept.pid == pid]
        # a child's word is known to be of this cyrmaster's child by the time alone
        if word.time >= earliest and (
            word.pid == pid or (word.kind in _BY_CHILDREN and (own or started is not None))
        ):
            own.append(word)
    last_hup = max((index for index, word in enumerate(own) if word.kind == "hup"), default=-1)
    return tuple(own[last_hup + 1 :])


def explain(service: str, words: Sequence[MasterWord], family: str | None = None) -> MasterWord | None:
    """The word that says why `service` (or its socket of one `family`) does not listen, if there is one."""
    of_service = [word for word in words if word.service == service]
    for kind in _EXPLAINING:
        for word in reversed(of_service):
            if word.kind == kind and (family is None or word.family in (None, family)):
                return word
    return None


def reason_for(service: str, lines: Iterable[Record], pid: int | None = None) -> MasterWord | None:
    """Why `service` does not listen, by the lines of the mail log: cyrmaster's word that is in force."""
    return explain(service, in_force(read_master_log(lines), pid))


def failures(service: str, words: Sequence[MasterWord], since: float) -> tuple[MasterWord, ...]:
    """The ends of children of `service` that cyrmaster takes for failures since then, one word a child."""
    found: dict[int | None, MasterWord] = {}
    for word in words:
        if word.service == service and word.kind in ("abnormal", "exited") and word.time >= since:
            found.setdefault(word.child, word)
    return tuple(found.values())


def last_fatal(service: str, words: Sequence[MasterWord]) -> MasterWord | None:
    """What a process of `service` said last before it died."""
    return next(
        (word for word in reversed(words) if word.kind == "child-fatal" and word.service == service), None
    )


def tls_failure(service: str, words: Sequence[MasterWord], served: Mapping[str, float]) -> MasterWord | None:
    """Why the processes of `service` cannot make TLS, unless one has since; the last cause in the log."""
    since = served.get(service, float("-inf"))
    of_service = [
        word for word in words if word.kind == "child-tls" and word.service == service and word.time > since
    ]
    of_service.reverse()
    return next((word for word in of_service if not word.detail.startswith(_VAGUE)), None) or next(
        iter(of_service), None
    )


def _master_word(record: Record) -> MasterWord | None:
    for kind, shape in _SHAPES:
        found = shape.fullmatch(record.text)
        if found:
            groups = found.groupdict()
            return _word(
                kind,
                record,
                detail=groups.get("detail") or record.text,
                service=groups.get("service"),
                family=groups.get("family"),
                child=int(groups["child"]) if groups.get("child") else None,
            )
    return None


def _child_word(name: str, record: Record) -> MasterWord | None:
    for kind, shape in _CHILD_TEXTS:
        found = shape.fullmatch(record.text)
        if found:
            return _word(kind, record, detail=found["detail"], service=name, child=record.pid)
    return None


def _word(
    kind: WordKind,
    record: Record,
    *,
    detail: str,
    service: str | None = None,
    family: str | None = None,
    child: int | None = None,
) -> MasterWord:
    return MasterWord(
        kind,
        record.time,
        record.whole_seconds,
        record.pid,
        service,
        family,
        child,
        detail,
        record.text,
        record.path,
        record.offset,
    )
