"""The truth of each login, told by Cyrus' own processes: which local port they asked slapd from."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import CommandFailed, LabError
from tests.lab.stack import CYRUS_PORTS, MAIL_LOG, MASTER_PID, SLAPD_LOG, Lab

SOURCE = Path(__file__).with_name("telling.c")
LIBRARY = "/run/telling.so"
PLACE = "/run/telling.log"

_ACCEPT = re.compile(rb"slapd\[(\d+)\]: conn=(\d+) fd=\d+ ACCEPT from IP=\S+:(\d+) \(")
_LOGIN = re.compile(rb"\[(\d+)\]: ((?:bad)?login: .*)")


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the mail log about a login, by its offset, and the connections (pid, conn) made for it."""

    offset: int
    line: str
    connections: tuple[tuple[int, int], ...]


@contextmanager
def telling(lab: Lab) -> Iterator[Mapping[str, int]]:
    """Cyrus started anew so that it tells; yields the mark of the logs from which `told` can be asked."""
    library = lab.path(LIBRARY)
    command = ["gcc", "-Wall", "-Wextra", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandFailed(tuple(command), done.returncode, done.stderr)
    place = lab.path(PLACE)
    place.write_bytes(b"")
    place.chmod(0o666)
    lab.stop_cyrus()
    mark = lab.mark()
    try:
        lab.run(["env", f"LD_PRELOAD={LIBRARY}", "cyrmaster", "-d", "-p", MASTER_PID])
        lab.wait_listening(CYRUS_PORTS, "cyrmaster")
        yield mark
    finally:
        lab.restart_cyrus()


def told(lab: Lab, mark: Mapping[str, int]) -> list[Told]:
    """Every line about a login since the mark. Raises `LabError` if the log has other lines than were told.

    What a process did between two lines about a login belongs to the second. A port that was used again is
    told apart by the order of its uses.
    """
    conns: dict[int, list[tuple[int, int]]] = defaultdict(list)
    with lab.path(SLAPD_LOG).open("rb") as log:
        log.seek(mark["slapd"])
        for pid, conn, port in _ACCEPT.findall(log.read()):
            conns[int(port)].append((int(pid), int(conn)))
    lines: dict[int, list[tuple[str, tuple[tuple[int, int], ...]]]] = defaultdict(list)
    asked: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for raw in lab.path(PLACE).read_bytes().splitlines():
        number, _, what = raw.decode("utf-8", "replace").partition(" ")
        pid = int(number)
        if what.startswith("connect "):
            if used := conns[int(what.partition(" ")[2])]:
                asked[pid].append(used.pop(0))
        else:
            lines[pid].append((what, tuple(asked.pop(pid, ()))))
    return list(_match(lab, mark, lines))


def _match(
    lab: Lab, mark: Mapping[str, int], lines: dict[int, list[tuple[str, tuple[tuple[int, int], ...]]]]
) -> Iterator[Told]:
    offset = mark["mail"]
    with lab.path(MAIL_LOG).open("rb") as log:
        log.seek(offset)
        for raw in log:
            found = _LOGIN.search(raw)
            if found is not None:
                waiting = lines[int(found[1])]
                written = found[2].decode("utf-8", "replace").strip()
                if not waiting or waiting[0][0][:40].strip() != written[:40].strip():
                    raise LabError(f"The mail log has a line that no process told of: {written}")
                _, connections = waiting.pop(0)
                yield Told(offset, written, connections)
            offset += len(raw)
    if any(lines.values()):
        raise LabError("Processes told of lines that are not in the mail log.")
