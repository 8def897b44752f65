"""From when on all logs of a server are read together.

An attempt to log in is told by three logs. Where only the end of a large log is read, the others must not be
taken from an earlier time on, or their attempts would seem to have met no directory.
"""

from __future__ import annotations

from typing import Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.logs.sources import LogSources
from cyrtui.logs.stamps import StampClock

_PROBE: Final = 64 << 10


def common_start(host: Host, sources: LogSources, limit: int) -> float | None:
    """The time from which on `limit` bytes of the end of every log reach; None if they reach all of it.

    In seconds since the epoch. A log that cannot be read, or has no stamp there, does not count.
    """
    starts: list[float] = []
    for source in sources.sources:
        try:
            file = host.open_log(source.path)
        except FileUnreadable:
            continue
        try:
            size = file.size()
            if size <= limit:
                continue
            clock = StampClock(source.zone or host.name.zone, file.mtime())
            lines = file.pread(_PROBE, size - limit).split(b"\n")[1:-1]
            stamps = (clock.stamp(line[:64]) for line in lines)
            found = next((stamp for stamp in stamps if stamp is not None), None)
            if found is not None:
                starts.append(found.time)
        except FileUnreadable:
            continue
        finally:
            file.close()
    return max(starts, default=None)
