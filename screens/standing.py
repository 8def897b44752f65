"""The line on top of every screen: whose server this is, how it stands, and what may be done here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyrtui.wording import span

from .widgets.cells import Cell

if TYPE_CHECKING:
    from cyrtui.console import Console
    from cyrtui.services.board import NoBoard, ServiceBoard

# Seconds from which on it is said that what is shown is not up to date.
_BEHIND = 5.0


def standing_pieces(console: Console, board: ServiceBoard | NoBoard | None) -> tuple[list[Cell], list[Cell]]:
    """The pieces at the left (host, master) and at the right (recording, mode)."""
    left: list[Cell] = [(" cyrtui", "accent"), "  ", (console.name.name, "strong")]
    if board is not None and not hasattr(board, "sentence"):
        master = board.table.master
        if master is not None:
            up = span(console.host_now() - master.started)
            # without what the packager appended: `cyrtui status` has it all
            version = f"Cyrus {master.version.partition('-')[0]}  " if master.version else ""
            left += ["  ", version, (f"up {up}", "muted")]
        elif console.name.kind != "tree":
            left += ["  ", ("✖ master is not running", "failed")]
    right: list[Cell] = []
    played = console.played
    if played is not None:
        sign = "ended" if played.ended else "paused" if played.paused else f"x{played.rate:g}"
        where = f"{_minutes(played.position)}/{_minutes(played.length)}"
        right += [("REC ", "warning"), (f"{where} {sign}  ", "muted")]
    elif console.name.kind == "tree":
        right += [("COPIED TREE  ", "warning")]
    if console.lag >= _BEHIND:
        right.insert(0, (f"logins {span(console.lag)} behind  ", "warning"))
    right.append((f"{console.mode} ", "strong" if console.mode == "OPERATOR" else "ok"))
    return left, right


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
