"""From when on all logs of a server are read together.

An attempt to log in is told by three logs. Where only the end of a large log is read, the others must not be
taken from an earlier time on, or their attempts would seem to have met no directory.
"""

from __future__ import annotations

from typing import Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.journal_names import is_journal
from cyrtui.host.protocol import Host
from cyrtui.logs.archives import archives_of
from cyrtui.logs.seek import first_stamp
from cyrtui.logs.sources import LogSource, LogSources
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


def archived_before(host: Host, source: LogSource) -> float | None:
    """The time at which a log begins, if it has archives of what was before; None if it has none.

    A log that is empty begins when its file was written last. That of the journal is the time of its last
    part, where there is more.
    """
    archives = archives_of(host, source.path, source.olddir)
    try:
        if not is_journal(source.path) and not archives.newest_first():
            return None
        file = host.open_log(source.path)
    except FileUnreadable:
        return None
    finally:
        archives.close()
    try:
        clock = StampClock(source.zone or host.name.zone, file.mtime())
        found = first_stamp(file, 0, clock)
        return found[1].time if found is not None else file.mtime()
    except FileUnreadable:
        return None
    finally:
        file.close()
