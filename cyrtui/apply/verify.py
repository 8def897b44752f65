"""Whether the server came back as cyrus.conf says: its sockets, its processes, its greetings, its words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from cyrtui.apply.greeting import greet
from cyrtui.apply.log_mark import LogMark, words_since
from cyrtui.config.listen import names_in_services
from cyrtui.errors import FileUnreadable, ObservationError
from cyrtui.host.protocol import Host
from cyrtui.services.board import NoBoard, ServiceBoard, observe_services
from cyrtui.services.declared import DeclaredService, ExpectedSocket, declare
from cyrtui.services.master_log import MasterLog, MasterWord
from cyrtui.services.observed import Master
from cyrtui.services.reasons import place
from cyrtui.services.table import ServiceRow
from cyrtui.wording import span

_PATIENCE: Final = 30.0
_HUP_PATIENCE: Final = 10.0
_SETTLE: Final = 1.0
_PAUSE: Final = 0.15
# START may recover large databases.
_START_PATIENCE: Final = 900.0
_GRACE: Final = 2.0
_GREET_AGAIN: Final = 8.0
_UP: Final = frozenset({"listening", "full"})
_BY_MASTER: Final = frozenset({"fatal", "bind", "disabled", "create", "too-many-failures", "exec", "ignored"})
_BY_CHILDREN: Final = frozenset({"child-fatal", "child-tls"})
_SERIOUS: Final = _BY_MASTER | _BY_CHILDREN
_LINES: Final = 20
_OF_TLS: Final = (
    "Over TLS the handshake and the certificate were looked at, not whether clients trust it; STARTTLS was "
    "not tried."
)


class Problem(NamedTuple):
    """One thing that is not as it should be, with the lines of the log that say so."""

    sentence: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome: no `problems`, and it is verified. `nothing_listens` says that no service is left.

    `restart_would_do` says that a SIGHUP did not do what a restart can: it did not reach cyrmaster, or
    cyrmaster could not open sockets that it can open when it starts.
    `notes` are what was not as usual, and what could not be looked at; `seen` counts sockets that answered.
    """

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    nothing_listens: bool
    seen: int
    restart_would_do: bool = False

    @property
    def good(self) -> bool:
        return not self.problems

    @property
    def lines(self) -> tuple[str, ...]:
        """All lines of the log that tell why."""
        return tuple(dict.fromkeys(line for one in self.problems for line in one.lines))[:_LINES]


def broken_services(board: ServiceBoard | NoBoard) -> frozenset[str]:
    """The services that do not listen as declared."""
    rows = board.table.rows if isinstance(board, ServiceBoard) else ()
    return frozenset(row.name for row in rows if row.name and row.state not in _UP)


class Verification:
    """One verification. `before` is (pid, start) of the cyrmaster that ran; after a reload it must be the
    same, after a restart another. `broken_before` are services of which nothing is expected."""

    def __init__(
        self,
        host: Host,
        cyrus_conf: str,
        mark: LogMark,
        before: tuple[int, float] | None,
        broken_before: frozenset[str],
        *,
        reloaded: bool,
        say: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self._host = host
        self._cyrus_conf = cyrus_conf
        self._mark = mark
        self._before = before
        self._broken_before = broken_before
        self._reloaded = reloaded
        self._say = say
        self._words: tuple[MasterWord, ...] = ()
        self._board: ServiceBoard | None = None
        self._problem: str | None = None
        self._notes: dict[str, None] = {}
        self._unheard = False

    def run(self) -> Checked:
        """Look until everything is as declared, or it is clear that it will not be."""
        begun = time.monotonic()
        self._wait(begun)
        problems = self._standing_problems()
        answered = 0
        if not problems:
            problems, answered = self._greetings()
        if not problems:
            # a cyrmaster that dies at once, and children that crash, need a moment for it
            time.sleep(max(_SETTLE - (time.monotonic() - begun), 0.0))
            self._look()
            problems = [*self._standing_problems(), *self._said()]
        board = self._board
        nothing = board is None or not any(row.listeners for row in board.table.rows)
        if self._mark.source is None:
            self._notes["The mail log was not found, so that cyrmaster's words were not looked at."] = None
        for name in sorted(self._broken_before & {row.name for row in (board.table.rows if board else ())}):
            row = board.row(name) if board else None
            if row is not None and row.state not in _UP:
                self._notes[f"{name} does not listen, as before: {row.reason}"] = None
        return Checked(
            tuple(problems),
            tuple(self._notes),
            nothing and bool(problems),
            answered,
            self._reloaded and (self._unheard or self._only_unbound()),
        )

    # -- looking ------------------------------------------------------------------------

    def _look(self) -> None:
        self._words = words_since(self._host, self._mark)
        paths = (self._mark.source.path,) if self._mark.source else ()
        try:
            board = observe_services(self._host, self._cyrus_conf, MasterLog(self._words, paths))
        except ObservationError as error:
            self._board, self._problem = None, str(error)
            return
        if isinstance(board, NoBoard):
            self._board, self._problem = None, board.sentence
        else:
            self._board, self._problem = board, None

    def _wait(self, begun: float) -> None:
        """Until nothing is missing any more, or will not come."""
        deadline = begun + _PATIENCE
        told = ""
        while True:
            self._look()
            now = time.monotonic()
            running = self._start_running()
            if running:
                deadline = max(deadline, min(now + _PATIENCE, begun + _START_PATIENCE))
            pending = self._pending()
            if not pending or now >= deadline:
                return
            if now - begun > _GRACE and not running and self._hopeless():
                return
            sentence = f"{running or pending} ({span(now - begun)})"
            if now - begun > 1.0 and sentence != told:
                told = sentence
                self._say(sentence)
            time.sleep(_PAUSE)

    def _pending(self) -> str | None:
        """What is waited for, in words; None: nothing is."""
        if self._board is None:
            return self._problem or "The server cannot be seen"
        table = self._board.table
        if table.master is None:
            return "Waiting for cyrmaster"
        if self._old_one_runs():
            return "Waiting for the old cyrmaster to end"
        if self._reloaded and not self._reread():
            return "Waiting for cyrmaster to read its files"
        missing = [row.name or "?" for row in self._wrong_rows()]
        if missing:
            return f"Waiting for {', '.join(missing)}"
        if table.unexpected:
            return "Waiting for closed sockets to go"
        return None

    def _hopeless(self) -> bool:
        """Whether to wait longer is no use, since cyrmaster has said why."""
        if self._board is None or self._old_one_runs():
            return False
        if self._board.table.master is None:
            # the old one says that it ends, too
            old = self._before[0] if self._before else None
            said = (word for word in self._words if word.kind in ("fatal", "exiting") and word.pid != old)
            return self._reloaded or any(said)
        rows = self._wrong_rows()
        return bool(rows) and all(row.word is not None for row in rows)

    def _old_one_runs(self) -> bool:
        """Whether, after a restart, the cyrmaster from before is still the one that runs."""
        master = self._board.table.master if self._board else None
        return not self._reloaded and _same(master, self._before)

    def _reread(self) -> bool:
        """Whether cyrmaster says that it has read its files again; without its log a moment must do."""
        if self._mark.source is None:
            return self._host.now() - self._mark.time > _GRACE
        if any(word.kind == "reconfigured" for word in self._words):
            return True
        # one that dies of it says no more
        return self._host.now() - self._mark.time > _HUP_PATIENCE

    def _start_running(self) -> str | None:
        """The entry of START that runs now, in words."""
        board = self._board
        if board is None or any(row.listeners for row in board.table.rows):
            return None
        programs = {entry.program[:15]: entry.name for entry in board.conf.section("START")}
        name = next((programs[one.name] for one in board.processes if one.name in programs), None)
        return f"{name} of START is running" if name else None

    def _wrong_rows(self) -> list[ServiceRow]:
        rows = self._board.table.rows if self._board else ()
        return [row for row in rows if row.state not in _UP and row.name not in self._broken_before]

    # -- judging ------------------------------------------------------------------------

    def _standing_problems(self) -> list[Problem]:
        board = self._board
        if board is None:
            return [Problem(self._problem or "The server cannot be seen.")]
        table = board.table
        fatal = tuple(word.text for word in self._words if word.kind in ("fatal", "exec"))
        if table.master is None:
            if self._reloaded:
                return [Problem("cyrmaster died of the SIGHUP.", fatal)]
            return [
                Problem(f"cyrmaster does not run: {table.master_reason or 'nothing is known of why'}.", fatal)
            ]
        if self._old_one_runs():
            return [
                Problem(f"cyrmaster (pid {table.master.pid}) was not restarted: it still is the old one.")
            ]
        if self._reloaded and self._before is not None and not _same(table.master, self._before):
            self._notes["cyrmaster was started anew meanwhile."] = None
        elif self._reloaded and self._mark.source and not any(word.kind == "hup" for word in self._words):
            self._unheard = True
            return [Problem("cyrmaster did not say that it got a SIGHUP: it has not read the file.")]
        found = []
        for row in self._wrong_rows():
            lines = (row.word.text,) if row.word else ()
            found.append(Problem(f"{row.name}: {row.state}: {row.reason}.", lines + self._lines_of(row.name)))
        for row in table.unexpected:
            where = ", ".join(place(one.address, one.port) for one in row.listeners)
            found.append(Problem(f"cyrmaster still waits on {where}, which cyrus.conf does not say."))
        return found

    def _only_unbound(self) -> bool:
        """Whether all that is wrong are sockets that cyrmaster could not open, and that nobody else holds."""
        rows = self._wrong_rows()
        return bool(rows) and all(
            row.word is not None
            and row.word.kind in ("bind", "create")
            and row.state != "foreign"
            and " holds " not in (row.reason or "")
            for row in rows
        )

    def _lines_of(self, service: str | None) -> tuple[str, ...]:
        return tuple(word.text for word in self._words if word.service == service and word.kind in _SERIOUS)

    def _said(self) -> list[Problem]:
        """Words of cyrmaster that it does not say of a working server.

        What a child says of its own troubles may be about one user's mailbox: it is noted, and no more.
        """
        board = self._board
        if board is None or board.table.master is None:
            return []
        # what the old processes say while they end is not about the new file
        since = 0.0 if self._reloaded else board.table.master.started - 1.0
        declared = {row.name for row in board.table.rows}
        daemons = {entry.name for entry in board.conf.section("DAEMON")}
        found: dict[str, list[str]] = {}
        for word in self._words:
            if word.time < since or word.service in self._broken_before:
                continue
            if word.kind in _BY_MASTER and (word.service is None or word.service in declared):
                found.setdefault(word.service or "cyrmaster", []).append(word.text)
            elif word.kind == "exited" and word.service in daemons:
                found.setdefault(word.service or "", []).append(word.text)
            elif word.kind in _BY_CHILDREN and word.service in declared:
                self._notes[f"{word.service} says in the log: {word.text}"] = None
        return [Problem(f"{who} is in trouble, by the log.", tuple(lines)) for who, lines in found.items()]

    def _greetings(self) -> tuple[list[Problem], int]:
        """Connect to each socket; what does not answer is asked again for a while."""
        left = self._sockets()
        answered = 0
        asked = False
        deadline = time.monotonic() + _GREET_AGAIN
        while True:
            answers = greet(self._host, left)
            for answer in answers:
                if answer.note:
                    self._notes[answer.note] = None
            wrong = {(one.service, one.place): one for one in answers if one.problem}
            answered += len(answers) - len(wrong)
            self._words = words_since(self._host, self._mark)
            explained = all(self._lines_of(name) for name, _ in wrong)
            if explained or time.monotonic() >= deadline:
                break
            if len(wrong) != len(answers) or not asked:
                self._say(f"Asking {', '.join(sorted({name for name, _ in wrong}))} again")
            asked = True
            left = [one for one in left if (one[0].name, place(one[1].address, one[1].port)) in wrong]
            time.sleep(0.5)
        problems = [
            Problem(f"{one.problem}.", self._lines_of(one.service)) for one in wrong.values() if one.problem
        ]
        return problems, answered

    def _sockets(self) -> list[tuple[DeclaredService, ExpectedSocket]]:
        """The sockets that shall greet: those of services that are not busy to the last process."""
        if self._board is None:
            return []
        found = []
        for service in self._declared():
            row = self._board.row(service.name)
            if row is None or not row.listeners or service.name in self._broken_before:
                continue
            if row.state == "full":
                self._notes[f"{service.name} is full, so that no greeting could be asked for."] = None
                continue
            found += [(service, socket) for socket in service.expected]
        if any("-s" in service.words[1:] for service, _ in found):
            self._notes[_OF_TLS] = None
        return found

    def _declared(self) -> tuple[DeclaredService, ...]:
        if self._board is None:
            return ()
        try:
            names = names_in_services(self._host.read("/etc/services"))
        except FileUnreadable:
            names = None
        return declare(self._board.conf, self._host.resolve, names)


def _same(master: Master | None, before: tuple[int, float] | None) -> bool:
    """Whether it is the same process; the time of a start is known to a second or so from one program to
    another."""
    return (
        master is not None
        and before is not None
        and (master.pid == before[0] and abs(master.started - before[1]) < 2.0)
    )
