"""How Cyrus is restarted on this host, and how it is made to read its files again.

In this order: the settings restart_command and reload_command, the systemd unit that cyrmaster runs in, the
init script; a reload can also be a SIGHUP to cyrmaster. Nothing is run here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.pattern import pattern
from cyrtui.services.observed import Master
from cyrtui.settings import Settings

Action = Literal["reload", "restart"]

UNITS: Final = ("cyrus-imapd.service", "cyrus-imap.service", "cyrus.service", "cyrus-master.service")
SCRIPTS: Final = ("cyrus-imapd", "cyrus-imap", "cyrus2.4", "cyrus2.2", "cyrus21", "cyrus")
_UNIT_PLACES: Final = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_SYSTEMCTL: Final = ("/usr/bin/systemctl", "/bin/systemctl")
_CGROUP: Final = pattern(r"^[0-9]+:(?:name=systemd)?:(?:/[^/\n]+)*/([^/\n]+\.service)(?:/|$)", re.MULTILINE)
_EXEC_RELOAD: Final = pattern(rb"^[ \t]*ExecReload[ \t]*=[ \t]*(?!true[ \t]*$)\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Way:
    """One way: a command (its words), or a SIGHUP where there are none. `source` says where it comes from."""

    action: Action
    words: tuple[str, ...]
    source: str

    @property
    def shown(self) -> str:
        return inert(" ".join(self.words)) if self.words else "SIGHUP to cyrmaster"


@dataclass(frozen=True, slots=True)
class Ways:
    """How it is reloaded and restarted; None where no way is known, and `problem` then says what to do."""

    reload: Way | None
    restart: Way | None
    problem: str | None = None


def find_ways(host: Host, settings: Settings, master: Master | None) -> Ways:
    """The ways of this host. Never raises."""
    restart, reload_ = (_setting(settings, action) for action in ("restart", "reload"))
    problem: str | None = None
    unit, unit_problem = _unit(host, master)
    script = None if unit or _has_systemd(host) else _script(host)
    systemctl = next((path for path in _SYSTEMCTL if _exists(host, path)), _SYSTEMCTL[0])
    if restart is None:
        if unit:
            restart = Way("restart", (systemctl, "restart", unit), f"the systemd unit {unit}")
        elif script:
            restart = Way("restart", (script, "restart"), f"the init script {script}")
        else:
            problem = unit_problem or (
                "How Cyrus is restarted here is not known: it has no systemd unit and no init script. "
                'Set restart_command in /etc/cyrtui.toml, such as ["/usr/sbin/service", "cyrus", "restart"].'
            )
    if reload_ is None:
        if unit and _reloads(host, unit):
            reload_ = Way("reload", (systemctl, "reload", unit), f"the systemd unit {unit}")
        elif script and _knows_reload(host, script):
            reload_ = Way("reload", (script, "reload"), f"the init script {script}")
        elif master is not None:
            reload_ = Way("reload", (), "no other way is known")
    return Ways(reload_, restart, problem)


def _setting(settings: Settings, action: Literal["restart", "reload"]) -> Way | None:
    sourced = settings.values[f"{action}_command"]
    if not isinstance(sourced.value, tuple):
        return None
    return Way(action, sourced.value, f"the setting {action}_command ({sourced.origin})")


def _unit(host: Host, master: Master | None) -> tuple[str | None, str | None]:
    """The unit of cyrmaster; or why there is none that would do, in a sentence."""
    if not _has_systemd(host):
        return None, None
    known = next((unit for unit in UNITS if _unit_files(host, unit)), None)
    if master is None:
        return known, None
    try:
        text = host.read(f"/proc/{master.pid}/cgroup").decode("utf-8", "replace")
    except FileUnreadable:
        return known, None
    found = _CGROUP.search(text)
    own = found[1] if found else None
    # started from a login, it stands in that login's slice, below the unit of the user's own systemd
    if own and not own.startswith(("user@", "ssh", "cron")) and (own in UNITS or _unit_files(host, own)):
        return own, None
    return None, (
        f"cyrmaster (pid {master.pid}) was not started by systemd, so that systemctl cannot restart it. "
        "Set restart_command in /etc/cyrtui.toml, or start it by its unit."
    )


def _unit_files(host: Host, unit: str) -> list[str]:
    return [f"{place}/{unit}" for place in _UNIT_PLACES if _exists(host, f"{place}/{unit}")]


def _reloads(host: Host, unit: str) -> bool:
    """Whether the unit has an ExecReload=, in its file or in a drop-in."""
    files = _unit_files(host, unit)[:1]
    for place in _UNIT_PLACES:
        try:
            files += [f"{place}/{unit}.d/{name}" for name in host.listdir(f"{place}/{unit}.d")]
        except FileUnreadable:
            continue
    for path in files:
        try:
            if _EXEC_RELOAD.search(host.read(path)):
                return True
        except FileUnreadable:
            continue
    return False


def _script(host: Host) -> str | None:
    for place in ("/etc/init.d", "/etc/rc.d/init.d"):
        for name in SCRIPTS:
            try:
                if host.stat(f"{place}/{name}").mode & 0o111:
                    return f"{place}/{name}"
            except FileUnreadable:
                continue
    return None


def _knows_reload(host: Host, script: str) -> bool:
    try:
        return b"reload" in host.read(script)
    except FileUnreadable:
        return False


def _has_systemd(host: Host) -> bool:
    """Whether systemd runs the host (sd_booted(3))."""
    return _exists(host, "/run/systemd/system")


def _exists(host: Host, path: str) -> bool:
    try:
        host.stat(path)
    except FileUnreadable:
        return False
    return True
