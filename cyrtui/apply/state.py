"""Where applies are kept: one directory for each while it is under way, and the record of all that were made.

Everything is for its owner only. An apply under way has these files:

    order.json    what is to be done, by whom
    candidate     the bytes that the file gets
    original      the bytes that it had
    steps.jsonl   what was done so far, each step on the disk before the next begins
    alive         locked by the process that carries it out
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
import stat
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from cyrtui.access import FileLike, Gate
from cyrtui.apply.original import Identity
from cyrtui.errors import AccessDenied, CyrtuiError
from cyrtui.inert import inert
from cyrtui.settings import Settings, Sourced

SYSTEM_STATE: Final = "/var/lib/cyrtui"
_OURS: Final = "a directory of yours alone (mode 0700)"


def state_directory(settings: Settings) -> str:
    """The directory of the setting, else /var/lib/cyrtui for root and one in the home of anybody else."""
    wanted = settings.text("state_directory")
    if wanted:
        return wanted
    if os.geteuid() == 0:
        return SYSTEM_STATE
    home = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(home):
        home = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(home, "cyrtui")


@dataclass(frozen=True, slots=True)
class Who:
    """Who makes an edit: the user of the process, who logged in (behind sudo), and from where, if known."""

    user: str
    login: str
    origin: str | None = None

    def __str__(self) -> str:
        name = self.login if self.login == self.user else f"{self.login} (as {self.user})"
        return f"{name} from {self.origin}" if self.origin else name


def who_now() -> Who:
    """Who runs this process. The kernel's login uid comes first (it survives su and sudo), then SUDO_USER."""
    user = _name(os.geteuid())
    try:
        with open("/proc/self/loginuid", "rb") as file:
            uid = int(file.read())
        login = _name(uid) if uid != 0xFFFFFFFF else ""
    except (OSError, ValueError):
        login = ""
    login = login or inert(os.environ.get("SUDO_USER", "")) or _name(os.getuid())
    origin = inert(os.environ.get("SSH_CONNECTION", "").partition(" ")[0]) or None
    return Who(user, login, origin)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@dataclass(frozen=True, slots=True)
class Order:
    """One apply, with everything that the process which carries it out needs to know.

    `reload` and `restart` are words of commands (None: no way; an empty one is a SIGHUP). `expected` are the
    services that shall listen afterwards, `master` is (pid, start) of the cyrmaster that runs now. `attended`
    says that somebody is asked what to do after a failure; after `countdown` seconds in which nothing listens
    it is restored without an answer.
    """

    id: str
    time: float
    who: Who
    path: str
    target: str
    kind: str
    identity: Identity
    mode: int
    uid: int
    gid: int
    backup: str
    temporary: str
    need: str
    reload: tuple[str, ...] | None
    restart: tuple[str, ...] | None
    cyrus_conf: str
    broken_before: tuple[str, ...]
    master: tuple[int, float] | None
    diff: tuple[str, ...]
    settings: dict[str, Any]
    attended: bool
    countdown: float
    candidate: bytes = field(repr=False)
    original: bytes = field(repr=False)

    @property
    def directory(self) -> str:
        """The directory of the file itself."""
        return os.path.dirname(self.target)

    def like(self) -> FileLike:
        """Owner, mode and attributes as the file had them; attributes as it has them now."""
        return FileLike(self.uid, self.gid, self.mode, attributes_of(self.target))

    def loaded_settings(self) -> Settings:
        """The settings of the run that gave the order."""
        return Settings(
            {
                name: Sourced(tuple(value) if isinstance(value, list) else value, origin)
                for name, (value, origin) in self.settings.items()
            }
        )


def attributes_of(path: str) -> dict[str, bytes]:
    """The extended attributes of a file, access control lists among them.

    Raises `AccessDenied` where one cannot be read, as it could not be kept.
    """
    try:
        return {name: os.getxattr(path, name) for name in os.listxattr(path)}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS, errno.ENOENT):
            return {}
        reason = os.strerror(error.errno or 0)
        raise AccessDenied(f"The attributes of {inert(path)} cannot be read: {reason}.") from error


def new_id() -> str:
    """A name for an apply, in the order of time."""
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{os.urandom(4).hex()}"


def make_state(gate: Gate, settings: Settings) -> str:
    """The state directory, made where it is missing. Raises `AccessDenied` where it is not ours alone."""
    path = state_directory(settings)
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for one in reversed(missing):
        gate.make_directory(one)
    path = missing[0] if missing else path
    if not ours_alone(path):
        raise AccessDenied(f"{inert(path)} must be {_OURS}: applies are recorded in it.")
    return path


def clear_away(gate: Gate, state: str) -> None:
    """Remove what applies that came to their end have left, because they were killed right then."""
    for name in sorted(os.listdir(state)):
        place = f"{state}/{name}"
        if os.path.isdir(place) and not is_alive(place):
            begun = os.path.isfile(f"{place}/order.json")
            if not begun or any(step["step"] == "finished" for step in steps_of(place)):
                gate.remove_directory(place)


def ours_alone(path: str) -> bool:
    """Whether a directory can be trusted: ours, and nobody else can write to it."""
    try:
        facts = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o022


def save_order(gate: Gate, state: str, order: Order) -> str:
    """Write an order down, on the disk when this returns; its directory. Raises `AccessDenied`."""
    place = f"{state}/{order.id}"
    gate.make_directory(place)
    data = {name: value for name, value in asdict(order).items() if name not in ("candidate", "original")}
    for name, content in (
        ("candidate", order.candidate),
        ("original", order.original),
        ("order.json", json.dumps(data).encode()),
    ):
        gate.append(f"{place}/{name}", content)
    gate.sync_directory(place)
    gate.sync_directory(state)
    return place


def load_order(place: str) -> Order:
    """An order that was written down. Raises `CyrtuiError` where it is not whole."""
    try:
        with open(f"{place}/order.json", "rb") as file:
            data: dict[str, Any] = json.load(file)
        for name in ("candidate", "original"):
            with open(f"{place}/{name}", "rb") as file:
                data[name] = file.read()
        data["who"] = Who(**data["who"])
        data["identity"] = Identity(**data["identity"])
        for name in ("reload", "restart", "broken_before", "master", "diff"):
            data[name] = None if data[name] is None else tuple(data[name])
        return Order(**{one.name: data[one.name] for one in fields(Order)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CyrtuiError(f"The apply in {inert(place)} cannot be read: it was never begun.") from error


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An apply whose process died before its end. `steps` are the names of what it had done."""

    place: str
    order: Order
    steps: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What to say of it."""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.order.time))
        what = "was replaced, and nobody verified it" if "replacing" in self.steps else "was not touched yet"
        return (
            f"An apply to {inert(self.order.path)} by {self.order.who}, begun at {when}, was cut off: "
            f"the file {what}."
        )


def unfinished(settings: Settings) -> tuple[Unfinished, ...]:
    """The applies that were cut off, oldest first. Never raises; without the right to look there are none."""
    state = state_directory(settings)
    found: list[Unfinished] = []
    try:
        names = sorted(os.listdir(state)) if ours_alone(state) else []
    except OSError:
        return ()
    for name in names:
        place = f"{state}/{name}"
        if not os.path.isfile(f"{place}/order.json") or is_alive(place):
            continue
        steps = steps_of(place)
        try:
            order = load_order(place)
        except CyrtuiError:
            continue
        if not any(step["step"] == "finished" for step in steps):
            found.append(Unfinished(place, order, tuple(step["step"] for step in steps)))
    return tuple(found)


def steps_of(place: str) -> list[dict[str, Any]]:
    """The steps that were written down; a line that is cut short is none."""
    found = []
    try:
        with open(f"{place}/steps.jsonl", "rb") as file:
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return []
    for line in lines:
        try:
            step = json.loads(line)
        except ValueError:
            continue
        if isinstance(step, dict) and "step" in step:
            found.append(step)
    return found


def is_alive(place: str) -> bool:
    """Whether a process is carrying the apply out."""
    try:
        with open(f"{place}/alive", "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except OSError:
        return False
    return False
