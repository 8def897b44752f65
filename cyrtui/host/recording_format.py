"""The format of a recording: gzip around JSON lines, one object a line.

The first line is the header; every other line has `t`, seconds since `began`, never falling:

    {"cyrtui": "recording", "version": 1, "made_by": "0.1.0", "host": "samchiel", "zone": "Europe/Paris",
     "began": 1795332040.5}
    {"t": 0.0, "file": "/etc/cyrus.conf", "text": "...", "stat": [mode, uid, gid, mtime]}   passwords masked
    {"t": 0.0, "gone": "/run/cyrus/proc/4891"}
    {"t": 0.0, "dir": "/run/cyrus/proc"}                     a directory that is there, empty or not
    {"t": 0.0, "log": "/var/log/mail.info", "text": "whole lines\\n"}
    {"t": 2.0, "snapshot": {"processes": [...], "listeners": [...], "unseen": [...],
                           "versions": [[237, "3.6.1"]]}}
    {"t": 0.0, "resolve": [["localhost", "imap", "tcp", [["127.0.0.1", 143]]], ...]}
    {"t": 300.0, "end": true}

`bytes` (base64) stands in the place of `text` where the bytes are not UTF-8. A file without `end` was cut.
A reader refuses a version that it does not know, and ignores keys that it does not know.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from cyrtui.errors import RecordingError
from cyrtui.host.facts import Listener, Process, Snapshot
from cyrtui.inert import inert

VERSION: Final = 1
_LINE_LIMIT: Final = 64 << 20
_TOTAL_LIMIT: Final = 2 << 30


@dataclass(frozen=True, slots=True)
class Header:
    """Who recorded what: `began` in seconds since the epoch, `zone` an IANA name or None."""

    host: str
    zone: str | None
    began: float
    made_by: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line after the header: its time in seconds since the beginning, and its object."""

    t: float
    data: dict[str, Any]


def header_line(header: Header) -> bytes:
    """The first line of a recording."""
    return encode(
        {
            "cyrtui": "recording",
            "version": VERSION,
            "made_by": header.made_by,
            "host": header.host,
            "zone": header.zone,
            "began": header.began,
        }
    )


def encode(data: dict[str, Any]) -> bytes:
    """One object as one line."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"


def pack(data: bytes) -> dict[str, str]:
    """Bytes as `text`, or as `bytes` where they are not UTF-8."""
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"bytes": base64.b64encode(data).decode("ascii")}


def unpack(data: dict[str, Any]) -> bytes:
    """The bytes that `pack` packed. Raises KeyError, TypeError or ValueError for anything else."""
    if "bytes" in data:
        return base64.b64decode(data["bytes"], validate=True)
    text: str = data["text"]
    return text.encode("utf-8")


def snapshot_data(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as an object; its time is the line's `t`."""
    return {
        "processes": [[p.pid, p.ppid, p.name, list(p.argv), p.user, p.started] for p in snapshot.processes],
        "listeners": [
            [x.family, x.address, x.port, x.inode, x.uid, x.queue, x.queue_limit, list(x.holders), x.owner]
            for x in snapshot.listeners
        ],
        "unseen": list(snapshot.unseen),
        "versions": [list(one) for one in snapshot.versions],
    }


def snapshot_from(data: dict[str, Any], taken: float) -> Snapshot:
    """The snapshot that `snapshot_data` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    return Snapshot(
        taken,
        tuple(
            Process(
                int(pid),
                int(ppid),
                inert(name),
                tuple(map(inert, argv)),
                user and inert(user),
                float(started),
            )
            for pid, ppid, name, argv, user, started in data["processes"]
        ),
        tuple(
            Listener(
                family, inert(address), port, int(inode), uid, queue, limit, tuple(map(int, holders)), owner
            )
            for family, address, port, inode, uid, queue, limit, holders, owner in data["listeners"]
        ),
        tuple(map(inert, data["unseen"])),
        # not in recordings of 0.1.0 and before
        tuple((int(pid), inert(version)) for pid, version in data.get("versions", ())),
    )


class Reader:
    """Reads a recording line by line. `cut` is True afterwards if the file ends in the middle."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = gzip.GzipFile(fileobj=file, mode="rb")
        self._name = inert(name)
        self.cut = True
        self.header = self._header()

    def _header(self) -> Header:
        foreign = f"{self._name} is no recording of cyrtui. `cyrtui record OUT` makes one."
        try:
            line = self._file.readline(1 << 16)
            data = json.loads(line)
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise RecordingError(foreign) from error
        if not isinstance(data, dict) or data.get("cyrtui") != "recording":
            raise RecordingError(foreign)
        version = data.get("version")
        if version != VERSION:
            raise RecordingError(
                f"{self._name} is a recording of version {inert(str(version))}; this cyrtui reads version "
                f"{VERSION}. Open it with the cyrtui that made it ({inert(str(data.get('made_by')))})."
            )
        try:
            zone = data["zone"]
            return Header(
                inert(str(data["host"])),
                None if zone is None else str(zone),
                float(data["began"]),
                inert(str(data["made_by"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RecordingError(
                f"{self._name} is broken: its first line lacks {inert(str(error))}."
            ) from error

    def entries(self) -> Iterator[Entry]:
        """Every line after the header, in order. A file that is cut in the middle ends early with `cut` True.

        Raises `RecordingError`, naming the line, for a line that is no entry.
        """
        number, total, last = 1, 0, 0.0
        while True:
            number += 1
            try:
                line = self._file.readline(_LINE_LIMIT)
            except (EOFError, zlib.error, OSError):
                return
            total += len(line)
            if not line.endswith(b"\n"):
                if line and len(line) >= _LINE_LIMIT:
                    raise RecordingError(f"{self._name} is broken: line {number} does not end.")
                return
            if total > _TOTAL_LIMIT:
                raise RecordingError(
                    f"{self._name} unpacks to over {_TOTAL_LIMIT >> 30} GiB; it is not opened."
                )
            try:
                data = json.loads(line)
                t = float(data["t"])
            except (ValueError, KeyError, TypeError) as error:
                raise RecordingError(f"{self._name} is broken: line {number} is no entry.") from error
            if not last <= t < 1e9:
                raise RecordingError(f"{self._name} is broken: the time of line {number} goes backwards.")
            last = t
            yield Entry(t, data)
            if data.get("end"):
                self.cut = False
                return
