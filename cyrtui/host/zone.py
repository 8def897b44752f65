"""The time zone that a host's clocks and logs are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

    from cyrtui.host.protocol import Host


def zone_of(host: Host) -> tzinfo | None:
    """The time zone of a host; None stands for this machine's own."""
    name = host.name.zone
    if not name:
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
