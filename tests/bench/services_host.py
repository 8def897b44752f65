"""A host with many clients, made in namespaces of its own, and how dear one look at its services is there.

Run by unshare(1) with --net --mount --pid --fork --mount-proc, with the numbers of children and of clients.
A stand-in for cyrmaster has the same name, the same sockets, and children that each hold one listening
socket, their clients and a proc file. Prints one JSON object: processor seconds of the first look and of
those after it, and what was seen.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from cyrtui.host.facts import FileFacts
from cyrtui.host.local import LocalHost
from cyrtui.services.board import ServiceBoard, observe_services
from cyrtui.services.detail import service_detail
from cyrtui.services.master_log import MasterLog

_PORTS: Final = {"imap": 143, "imaps": 993}
_PR_SET_NAME: Final = 15
_LOOKS: Final = 10


class _Host(LocalHost):
    """This machine, with the configuration files of a directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def _own(self, path: str) -> str:
        mine = self._directory / path.removeprefix("/etc/")
        return str(mine) if path.startswith("/etc/") and mine.exists() else path

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        return super().read(self._own(path), limit)

    def stat(self, path: str) -> FileFacts:
        return super().stat(self._own(path))._replace(path=path)


def _name(name: str) -> None:
    """What the kernel calls this process from now on (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def _master(directory: Path, ready: int, children: int, clients: int) -> None:
    """Listen, and hand each child its clients; ends when it is killed."""
    _name("cyrmaster")
    listeners = {
        name: socket.create_server(("127.0.0.1", port), backlog=4096) for name, port in _PORTS.items()
    }
    os.write(ready, b"l")
    names = list(_PORTS)
    for number in range(children):
        name = names[number % len(names)]
        waiting = listeners[name]
        served = [waiting.accept()[0] for _ in range(clients // children)]
        held = [waiting.fileno(), *(one.fileno() for one in served)]
        # a sleeper in the place of imapd: what is measured reads /proc, and there it looks the same
        child = subprocess.Popen(["imapd", "86400"], executable="/bin/sleep", pass_fds=held)
        proc = f"{name}\tclient [10.0.{number % 250}.7]\tuser{number}\tuser.user{number}\tIdle\n"
        (directory / "proc" / str(child.pid)).write_text(proc)
        for one in served:
            one.close()
    os.write(ready, b"r")
    signal.pause()


def _until(ready: int, word: bytes) -> None:
    if os.read(ready, 1) != word:
        raise SystemExit("the stand-in for cyrmaster has ended")


def measure(children: int, clients: int) -> dict[str, object]:
    """Make the host, look at it, and tell how much processor time each look took, in seconds."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (clients + 4096, clients + 4096))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "proc").mkdir()
        (directory / "imapd.conf").write_text(f"configdirectory: {directory}\n")
        lines = "".join(
            f' {service} cmd="imapd" listen="127.0.0.1:{port}" maxchild={children}\n'
            for service, port in _PORTS.items()
        )
        (directory / "cyrus.conf").write_text(f"SERVICES {{\n{lines}}}\n")
        ready, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            _master(directory, tell, children, clients)
        os.close(tell)
        _until(ready, b"l")
        # every child takes as many of each service as it was given: the order of the ports is the children's
        share = clients // children
        ports = list(_PORTS.values())
        held = [
            socket.create_connection(("127.0.0.1", ports[number % len(ports)]))
            for number in range(children)
            for _ in range(share)
        ]
        _until(ready, b"r")
        host = _Host(directory)
        looks: list[float] = []
        found = None
        for _ in range(_LOOKS):
            began = time.process_time()
            found = observe_services(host, "/etc/cyrus.conf", MasterLog(()))
            looks.append(time.process_time() - began)
        if not isinstance(found, ServiceBoard):
            raise SystemExit(str(found))
        began = time.process_time()
        detail = service_detail(host, found, "imap")
        dear = time.process_time() - began
        for one in held:
            one.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return {
            "first": looks[0],
            "settling": max(looks[1:4]),
            "later": max(looks[4:]),
            "detail": dear,
            "children": sum(row.children or 0 for row in found.table.rows),
            "busy": sum(row.busy or 0 for row in found.table.rows),
            "states": [row.state for row in found.table.rows],
            "connected": detail.connected if detail else None,
        }


def main() -> int:
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
