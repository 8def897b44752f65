"""The figures that cyrmaster itself writes for Prometheus (3.2 and later, `prometheus_enabled`).

They stand in `master.txt` of prometheus_stats_dir (configdirectory/stats), one line a figure, with its time
in milliseconds: `cyrus_master_active_children{service="imap",family="ipv4"} 6 1795342748349`. They are as old
as prometheus_service_update_freq (10 s) lets them become. So what can be seen itself is not taken from here,
only what cannot: the maxchild that cyrmaster works with, and children that nobody can count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cyrtui.config.imapd_conf import ImapdConf
from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.pattern import pattern

_LINE: Final = pattern(
    rb'cyrus_master_(active_children|ready_workers|max_children)\{service="([A-Za-z0-9]+)",family="(\w+)"\}'
    rb" (-?\d{1,18}) (\d{1,18})"
)


class Figures(NamedTuple):
    """What cyrmaster says of one service, over all its sockets, at `time` (seconds since the epoch).

    `active` children have a client, `ready` ones wait for one; `maxchild` holds for each socket (None: none).
    """

    active: int
    ready: int
    maxchild: int | None
    time: float

    @property
    def children(self) -> int:
        return self.active + self.ready


def parse_figures(data: bytes) -> dict[str, Figures]:
    """The figures by service; what is no such line is not looked at."""
    found: dict[str, dict[str, int]] = {}
    times: dict[str, int] = {}
    limits: dict[str, int] = {}
    for kind, service, _, value, time in _LINE.findall(data):
        name = service.decode("ascii")
        times[name] = max(times.get(name, 0), int(time))
        if kind == b"max_children":
            limits[name] = int(value)
        else:
            counts = found.setdefault(name, {})
            counts[kind.decode("ascii")] = counts.get(kind.decode("ascii"), 0) + max(int(value), 0)
    return {
        name: Figures(
            counts.get("active_children", 0),
            counts.get("ready_workers", 0),
            limits[name] if limits.get(name, -1) >= 0 else None,
            times[name] / 1000,
        )
        for name, counts in found.items()
    }


def read_figures(host: Host, imapd_conf: ImapdConf, started: float) -> Mapping[str, Figures]:
    """The figures of the cyrmaster that was started then; none where there are none or they are closed."""
    if not imapd_conf.switch("prometheus_enabled", default=False):
        return {}
    directory = imapd_conf.value("prometheus_stats_dir")
    if not directory:
        base = imapd_conf.value("configdirectory")
        directory = f"{base.rstrip('/')}/stats" if base else None
    if not directory:
        return {}
    try:
        data = host.read(f"{directory}/master.txt", 1 << 20)
    except FileUnreadable:
        return {}
    return {name: one for name, one in parse_figures(data).items() if one.time >= started - 1}
