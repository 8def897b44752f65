"""Whether the logs are long enough, and plain enough, to be searched instead of read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cyrtui.errors import FileUnreadable
from cyrtui.host.journal_names import is_journal
from cyrtui.host.protocol import Host
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import LogSources

if TYPE_CHECKING:
    from cyrtui.logs.slices import SlicedLog

LONG: Final = 16 << 20
"""Bytes of all logs together from which on that is worth it."""


def long_logs(host: Host, sources: LogSources) -> dict[LogRole, SlicedLog] | None:
    """The logs by role, opened; None if they are short, or not all files of one role each."""
    if host.name.kind == "recording" or any(
        source.problem is not None or source.mixed or len(source.roles) != 1 or is_journal(source.path)
        for source in sources.sources
    ):
        return None
    files = []
    try:
        files = [host.open_log(source.path) for source in sources.sources]
        if sum(file.size() for file in files) >= LONG:
            from cyrtui.logs.slices import SlicedLog

            return {
                role: SlicedLog(file, source.path, role, source.zone or host.name.zone)
                for file, source in zip(files, sources.sources, strict=True)
                for role in source.roles
            }
    except FileUnreadable:
        # who reads them line by line says why
        pass
    for file in files:
        file.close()
    return None
