"""What cyrmaster says of a change: the mail log from the moment on at which it was made."""

from __future__ import annotations

from typing import Final, NamedTuple

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.logs.overrides import overrides_of
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import LogSource, find_sources
from cyrtui.services.master_log import MasterWord
from cyrtui.services.reading import read_service_log
from cyrtui.settings import Settings

_MOST_READ: Final = 8 << 20
_OF_JOURNAL: Final = 1 << 18


class LogMark(NamedTuple):
    """Where the mail log ended when the change was made: what stands behind it is about the change."""

    source: LogSource | None
    identity: tuple[int, int] | None
    size: int
    time: float


def mark_log(host: Host, settings: Settings) -> LogMark:
    """The end of the mail log at this moment."""
    source = find_sources(host, overrides_of(settings), with_olddirs=False).of(LogRole.MAIL)
    if source is None or source.problem:
        return LogMark(None, None, 0, host.now())
    try:
        facts = host.stat(source.path)
    except FileUnreadable:
        return LogMark(None, None, 0, host.now())
    return LogMark(source, facts.identity, facts.size, host.now())


def words_since(host: Host, mark: LogMark) -> tuple[MasterWord, ...]:
    """What cyrmaster and its children said since the mark."""
    if mark.source is None:
        return ()
    try:
        facts = host.stat(mark.source.path)
    except FileUnreadable:
        return ()
    same = facts.identity == mark.identity and facts.size >= mark.size
    journal = mark.source.path.startswith("journal:")
    limit = min(facts.size - mark.size + 4096, _MOST_READ) if same else _MOST_READ
    limit = _OF_JOURNAL if journal else limit
    log = read_service_log(host, mark.source, max(limit, 1))
    if same and not journal:
        return tuple(word for word in log.words if word.offset >= mark.size)
    return tuple(word for word in log.words if word.time >= mark.time - 1.0)
