"""The proc files in which Cyrus's processes say whom they serve (lib/proc.c).

Up to 2.4 `clienthost[<tab>user[<tab>mailbox]]`, from 2.5 on `service<tab>clienthost<tab>user<tab>mailbox<tab>
command`. A process has one from the moment a client is connected until it waits for the next; a process that
was killed leaves its own behind.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert


class ProcFile(NamedTuple):
    """Whom a process serves; an empty text where the file does not say. `service` is None up to 2.4.

    `path` is the file's, empty where it is not known.
    """

    pid: int
    service: str | None
    client: str
    user: str
    mailbox: str
    command: str
    path: str = ""


def parse_proc_file(pid: int, data: bytes) -> ProcFile:
    """Read a proc file; one that is cut short (2.4 writes in place) gives what is there."""
    fields = [inert(field) for field in data.partition(b"\n")[0].split(b"\t")]
    # a client host always holds its address in brackets, a service's name never does
    service = None if "[" in fields[0] or len(fields) < 2 else fields.pop(0)
    client, user, mailbox, command = (*fields, "", "", "", "")[:4]
    return ProcFile(pid, service, client, user, mailbox, command)


def read_proc_files(host: Host, directory: str, alive: Container[int]) -> dict[int, ProcFile]:
    """The proc files of the processes in `alive`, by pid; those of other pids are left from the dead.

    Raises `FileUnreadable` where the directory cannot be listed; a file that goes away meanwhile is skipped.
    """
    found: dict[int, ProcFile] = {}
    for name in host.listdir(directory):
        if not name.isdecimal() or int(name) not in alive:
            continue
        try:
            data = host.read(f"{directory}/{name}", 1 << 16)
        except FileUnreadable:
            continue
        found[int(name)] = parse_proc_file(int(name), data)._replace(path=f"{directory}/{name}")
    return found
