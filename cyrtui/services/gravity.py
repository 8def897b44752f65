"""How grave a state is: what the attention list is ordered by, and what a monitoring system is told."""

from __future__ import annotations

from typing import Final, Literal

from cyrtui.services.board import NoBoard, ServiceBoard
from cyrtui.services.table import State

Gravity = Literal["critical", "warning", "note"]

CRITICAL: Final[frozenset[State]] = frozenset({"not-listening", "full", "crashing", "foreign"})
_FINE: Final[frozenset[State]] = frozenset({"listening", "unknown"})


def gravity_of(state: State) -> Gravity | None:
    """None for what is as it should be, and for what cannot be seen."""
    if state in _FINE:
        return None
    return "critical" if state in CRITICAL else "warning"


def is_seen(board: ServiceBoard | NoBoard) -> bool:
    """Whether processes and sockets could be looked at."""
    return isinstance(board, ServiceBoard) and not (
        board.table.master is None and any(row.state == "unknown" for row in board.table.rows)
    )
