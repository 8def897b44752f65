"""Real log files for the tests, on a host whose clock stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cyrtui.host.local import LocalHost
from cyrtui.host.protocol import HostName

NOW = 1795335356.0
"""2026-11-22T08:15:56Z"""


class FilesHost(LocalHost):
    """This machine's files, with a zone and a time of the test's own."""

    def __init__(self, zone: str = "UTC") -> None:
        super().__init__()
        self.time = NOW
        self._zone = zone

    @property
    def name(self) -> HostName:
        return HostName("mx", "local", self._zone)

    def now(self) -> float:
        return self.time


def append(path: Path, data: bytes) -> None:
    """Add bytes at the end, as a logger does."""
    with path.open("ab") as file:
        file.write(data)


def bsd(time: float) -> bytes:
    """A stamp of RFC 3164, in UTC."""
    return datetime.fromtimestamp(int(time), UTC).strftime("%b %e %H:%M:%S").encode()


def iso(time: float) -> bytes:
    """A stamp of RFC 3339 with microseconds, in UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").encode()
