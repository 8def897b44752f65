"""The first process of the lab's namespaces: it mounts the lab's own directories and then only waits.

It runs as PID 1, so whatever ends it ends every process of the lab. Unless it is told to stay, it ends
when its standard input does: when the test run that holds the other end has gone, however it went.

It is run by path (python -I holder.py PLAN), in namespaces that `unshare` has made, and uses the standard
library only.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

NODES = ("null", "zero", "full", "random", "urandom", "tty")


def mount(*argv: str) -> None:
    subprocess.run(["mount", *argv], check=True, stdin=subprocess.DEVNULL)


def make_dev(place: Path) -> None:
    """A small /dev with a /dev/log to be; the machine's terminals stay reachable, new ones can be made."""
    mount("-t", "tmpfs", "-o", "mode=755,size=64m", "cyrtui-lab", str(place))
    for name in NODES:
        if Path("/dev", name).exists():
            (place / name).touch()
            mount("--bind", f"/dev/{name}", str(place / name))
    (place / "pts").mkdir()
    mount("--bind", "/dev/pts", str(place / "pts"))
    make_ptmx(place)
    (place / "shm").mkdir()
    (place / "shm").chmod(0o1777)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (place / name).symlink_to(f"/proc/self/fd{target}")
    mount("--move", str(place), "/dev")


def make_ptmx(place: Path) -> None:
    """The kernel looks for `pts` beside the node itself, so a bind-mounted ptmx would open nothing."""
    try:
        os.mknod(place / "ptmx", 0o666 | stat.S_IFCHR, os.makedev(5, 2))
        (place / "ptmx").chmod(0o666)
    except PermissionError:
        (place / "ptmx").symlink_to("pts/ptmx")


def prepare(plan: dict[str, object]) -> None:
    make_dev(Path(str(plan["dev"])))
    binds = plan["binds"]
    assert isinstance(binds, list)
    for source, target in binds:
        mount("--bind", source, target)
    socket.sethostname(str(plan["hostname"]))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, stdin=subprocess.DEVNULL)


def reap() -> None:
    """Collect the daemons that ended: nobody else can."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def hold(stay: bool) -> None:
    """Wait until the test run has gone (or for ever), collecting dead children."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    watched = [woken] if stay else [woken, 0]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if woken in ready:
            os.read(woken, 4096)
            reap()
        if 0 in ready and not os.read(0, 4096):
            return


def main() -> int:
    plan = json.loads(sys.argv[1])
    prepare(plan)
    os.chdir("/")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    quiet = os.open("/dev/null", os.O_RDWR)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    hold(bool(plan["stay"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
