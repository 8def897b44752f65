"""What cyrus master logs about itself and its children (master/master.c, masterconf.c), 2.2.13 to 3.12."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

from cyrtui.logins.events import ChildExited, ConfigBroken, MasterEvent, MasterState, ServiceTrouble
from cyrtui.logins.forms import Form, Table

Match = re.Match[str]
Trouble = Literal[
    "abnormal", "disabled", "bind", "listen", "unresolved", "executable", "fork", "not-recycled"
]
State = Literal["started", "ready", "reconfigured", "hangup", "stopping", "stopped", "locked"]

_SERVICE: Final = r"(?P<service>[A-Za-z0-9_]+)(?:/(?:ipv4|ipv6|unix|unknown))?"


def _state(state: State) -> Callable[[Match], MasterEvent]:
    return lambda found: MasterState(state, found[0])


def _trouble(what: Trouble) -> Callable[[Match], MasterEvent]:
    def make(found: Match) -> MasterEvent:
        parts = found.groupdict()
        pid = parts.get("pid")
        return ServiceTrouble(parts["service"], what, parts.get("why") or found[0], int(pid) if pid else None)

    return make


def _exited(found: Match) -> MasterEvent:
    parts = found.groupdict()
    status = parts.get("status")
    if parts.get("normally") is not None:
        status = "0"
    return ChildExited(
        int(parts["pid"]),
        int(status) if status is not None else None,
        parts.get("signal"),
        parts.get("service"),
        parts.get("kind"),
    )


def _form(
    name: str,
    versions: str,
    pattern: str,
    make: Callable[[Match], MasterEvent | None],
    *,
    starts: str | None = None,
    holds: str = "",
) -> Form[MasterEvent]:
    return Form(name, versions, pattern, make, starts, holds)


TABLE: Final[Table[MasterEvent]] = Table(
    _form("started", "2.2–3.12, debug since 2.5", r"process started\Z", _state("started"), starts="process"),
    _form("ready", "2.2–3.12, debug since 2.5", r"ready for work\Z", _state("ready"), starts="ready"),
    _form("hangup", "2.2–3.12", r"got SIGHUP\Z", _state("hangup"), starts="got"),
    _form(
        "reconfigured",
        "2.2–3.12",
        r"Services reconfigured\..*\Z",
        _state("reconfigured"),
        starts="Services",
    ),
    _form(
        "stopping",
        "2.4–3.12",
        r"attempting clean shutdown on .*\Z",
        _state("stopping"),
        starts="attempting",
    ),
    _form("stopping-old", "2.2–2.4", r"exiting on SIGTERM/SIGINT\Z", _state("stopping"), starts="exiting"),
    _form(
        "stopped",
        "2.4–3.12",
        r"All children have exited, closing down\Z",
        _state("stopped"),
        starts="All",
    ),
    _form("exiting", "2.2–3.12", r"exiting\Z", _state("stopped"), starts="exiting"),
    _form(
        "locked",
        "2.2–3.12",
        r"(?:can't get exclusive lock on .*|cannot get exclusive lock on pidfile.*)\Z",
        _state("locked"),
        holds="exclusive lock",
    ),
    _form(
        "child-old",
        "2.2–2.4",
        r"process (?P<pid>\d+) exited, "
        r"(?:status (?P<status>\d+)|signaled to death by (?P<signal>.*?))\s*\Z",
        _exited,
        starts="process",
    ),
    _form(
        "child",
        "2.5–3.12",
        r"(?:unknown )?process (?:type:(?P<kind>\w+) )?(?:name:(?P<service>\S+) )?"
        r"(?:path:\S+ )?(?:age:\S+ )?"
        r"pid:(?P<pid>\d+) (?:exited, status (?P<status>\d+)|(?P<normally>exited normally|was killed)"
        r"|signaled to death by (?P<signal>.*?))\s*\Z",
        _exited,
        holds="process ",
    ),
    _form(
        "abnormal",
        "2.2–3.12",
        rf"service {_SERVICE} pid (?P<pid>\d+) in \w+ state: (?P<why>terminated abnormally)\Z",
        _trouble("abnormal"),
        starts="service",
    ),
    _form(
        "not-recycled",
        "2.5–3.12",
        rf"service {_SERVICE} pid (?P<pid>\d+) in state \d+ (?P<why>has not yet been recycled .*)\Z",
        _trouble("not-recycled"),
        starts="service",
    ),
    _form(
        "disabled",
        "2.2–3.12",
        rf"(?:ERROR: )?(?P<why>too many failures for service {_SERVICE}, disabling .*)\Z",
        _trouble("disabled"),
        holds="too many failures",
    ),
    _form(
        "bind",
        "2.2–3.12",
        rf"unable to bind to {_SERVICE} socket: (?P<why>.*)\Z",
        _trouble("bind"),
        starts="unable",
    ),
    _form(
        "listen",
        "2.2–3.12",
        rf"unable to (?:create|listen to|open) {_SERVICE}(?: listener)? socket: (?P<why>.*)\Z",
        _trouble("listen"),
        starts="unable",
    ),
    _form(
        "unresolved",
        "2.2–3.12",
        rf"(?P<why>.*), disabling {_SERVICE}\Z",
        _trouble("unresolved"),
        holds=", disabling ",
    ),
    _form(
        "executable",
        "2.2–3.12",
        r"(?P<why>cannot find executable) for service '(?P<service>.*)'\Z",
        _trouble("executable"),
        starts="cannot",
    ),
    _form(
        "ignored",
        "2.2–3.12",
        r"WARNING: (?P<why>unable to find command or port) for service '(?P<service>.*)' -- ignored\Z",
        _trouble("unresolved"),
        starts="WARNING:",
    ),
    _form(
        "fork",
        "2.2–3.12",
        rf"can't fork process to run service {_SERVICE}: (?P<why>.*)\Z",
        _trouble("fork"),
        starts="can't",
    ),
    _form(
        "configuration",
        "2.2–3.12",
        r"configuration file .*: .*\Z",
        lambda found: ConfigBroken(found[0]),
        starts="configuration",
    ),
)
