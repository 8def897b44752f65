"""How states, exposures and places of services are written on every screen."""

from __future__ import annotations

from .widgets.cells import CellStyle

STATES: dict[str, tuple[str, CellStyle]] = {
    "listening": ("·", "ok"),
    "partly": ("!", "warning"),
    "not-listening": ("✖", "failed"),
    "full": ("✖", "failed"),
    "crashing": ("✖", "failed"),
    "undeclared": ("!", "warning"),
    "foreign": ("✖", "failed"),
    "unknown": ("?", "muted"),
}
EXPOSURES = {"world": "world", "network": "network", "host": "this host", "unix": "unix", None: "-"}


def place(address: str, port: int | None) -> str:
    """Where a socket waits, short: *:993, [::]:993, 127.0.0.1:143, a path."""
    if port is None:
        return address
    shown = {"0.0.0.0": "*", "::": "[::]"}.get(address, f"[{address}]" if ":" in address else address)
    return f"{shown}:{port}"
