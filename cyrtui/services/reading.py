"""Cyrmaster's words in the mail log of a host, read once."""

from __future__ import annotations

from typing import Final

from cyrtui.host.protocol import Host
from cyrtui.logs.record import LogRole
from cyrtui.logs.records import RecordFeed
from cyrtui.logs.sources import LogSource, LogSources
from cyrtui.services.master_log import MasterLog, WordKeeper

# So much of the end of the log is read.
_LIMIT: Final = 8 << 20
# What `WordKeeper` takes holds one of these; the bytes are looked at before a line is taken apart.
_NEEDLES: Final = (b"master[", b"TLS", b"rror", b"OpenSSL", b"certificate", b"private key", b"LOSTQUOTA")
_PROGRAMS: Final = (b"ctl_", b"cyr_", b"tls_prune", b"squatter", b"ipurge", b"sync_client", b"quota")


def read_service_log(host: Host, source: LogSource, limit: int = _LIMIT) -> MasterLog:
    """What cyrmaster and its children said in the last `limit` bytes of the mail log.

    A log that cannot be read gives an empty one.
    """
    first = True

    def wanted(_role: LogRole, line: bytes) -> bool:
        nonlocal first
        if first:
            # its time says how far the log goes back
            first = False
            return True
        return any(needle in line for needle in _NEEDLES) or any(name in line for name in _PROGRAMS)

    keeper = WordKeeper([source.path])
    feed = RecordFeed(host, LogSources((source,), ()), limit=limit, wanted=wanted)
    try:
        while not feed.caught_up:
            records, _ = feed.poll(1.0)
            keeper.feed(record for record in records if record.role is LogRole.MAIL)
        records, _ = feed.poll(0.0)
        keeper.feed(record for record in records if record.role is LogRole.MAIL)
    finally:
        feed.close()
    return keeper.log
