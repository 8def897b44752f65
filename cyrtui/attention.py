"""What needs somebody's attention, gravest first, each line with the place where more of it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cyrtui.services.board import NoBoard, ServiceBoard
from cyrtui.services.gravity import Gravity, gravity_of
from cyrtui.services.schedule import entry_sentence
from cyrtui.services.table import ServiceRow
from cyrtui.wording import counted

# services: `what` is the service's name, None for all of them. schedule: START, EVENTS and DAEMON.
Place = Literal["services", "schedule", "logins", "logs", "config"]
_ORDER: Final = ("critical", "warning", "note")


@dataclass(frozen=True, slots=True)
class Attention:
    """One line: how grave, the sentence, the screen that shows more (`what` names the thing there)."""

    gravity: Gravity
    sentence: str
    place: Place
    what: str | None = None


def attention_lines(
    board: ServiceBoard | NoBoard | None,
    causes: Sequence[tuple[str, int]],
    problems: Iterable[str],
    notices: Iterable[str],
    cut_off: Iterable[str] = (),
) -> tuple[Attention, ...]:
    """The list for the Overview screen.

    `causes` are titles of causes with the number of failed logins of the last hour, `problems` sentences
    about logs that cannot be read or lost something, `notices` what is good to know and harms nothing.
    `cut_off` are sentences about edits of the configuration that nobody brought to their end.
    """
    lines = [Attention("critical", sentence, "config") for sentence in cut_off]
    if isinstance(board, NoBoard):
        lines.append(Attention("critical", board.sentence, "services"))
    elif board is not None:
        lines += _services(board)
    lines += [Attention("critical", problem, "logs") for problem in problems]
    lines += [
        Attention("warning", f"{counted(number, 'login')} failed in the last hour: {title}", "logins")
        for title, number in causes
    ]
    lines += [Attention("note", notice, "logs") for notice in notices]
    return tuple(sorted(lines, key=lambda line: _ORDER.index(line.gravity)))


def _services(board: ServiceBoard) -> Iterable[Attention]:
    table = board.table
    if table.master is None and table.master_reason:
        grave: Gravity = "note" if any(row.state == "unknown" for row in table.rows) else "critical"
        yield Attention(grave, f"cyrmaster: {table.master_reason}", "services")
    for row in (*table.rows, *table.unexpected):
        found = gravity_of(row.state)
        # without cyrmaster nothing listens, and its own line says so
        if found is not None and (table.master is not None or row.state != "not-listening"):
            yield Attention(found, _sentence(row), "services", row.name)
    if table.stale:
        yield Attention("warning", table.stale, "services")
    for entry in board.schedule:
        if entry.state in ("failed", "overdue"):
            yield Attention("warning", entry_sentence(entry), "schedule", f"{entry.section} {entry.name}")
    for fault in board.conf.faults:
        grave = (
            "critical" if fault.severity == "error" else "warning" if fault.severity == "warning" else "note"
        )
        sentence = f"{board.conf.path}:{fault.line}: {fault.sentence}"
        yield Attention(grave, sentence, *_place_of(board, fault.line))
    for advice in board.advice:
        place = _place_of(board, advice.line) if advice.line is not None else ("schedule", None)
        yield Attention("note", advice.sentence, *place)
    for sentence in table.unseen:
        yield Attention("note", sentence, "services")


def _place_of(board: ServiceBoard, line: int) -> tuple[Place, str | None]:
    """Where more stands about the entry on a line of cyrus.conf."""
    for entry in board.conf.entries:
        if entry.line == line and entry.section != "SERVICES":
            return "schedule", f"{entry.section} {entry.name}"
    return "services", next((row.name for row in board.table.rows if row.line == line), None)


def _sentence(row: ServiceRow) -> str:
    name = row.name or "A socket of cyrmaster"
    if row.state == "full":
        waiting = f"; {counted(row.queue, 'client')} waiting" if row.queue else ""
        return f"{name} is full{waiting} (no log says so)"
    return {
        "not-listening": f"{name} does not listen",
        "partly": f"{name} listens on fewer addresses than declared",
        "crashing": f"{name}: its processes die",
        "undeclared": f"{name} listens and is not declared in cyrus.conf",
        "foreign": f"{name}: another program holds its port",
    }.get(row.state, f"{name}: {row.state}")
