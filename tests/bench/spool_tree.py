"""A spool of many mailboxes and messages, as Cyrus would have laid it out, made as fast as files can be made.

The index files, headers and mailboxes.db are whole, checksums included. The message files are empty: nobody
who is measured looks into one, and a million of them are made and removed in a third of the time.
"""

from __future__ import annotations

import os
import stat
import struct
import uuid
import zlib
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path
from typing import Final, NamedTuple

from cyrtui.spool.mailbox_header import MAGIC

_TWOSKIP: Final = b"\xa1\x02\x8b\x0dtwoskip file\0\0\0\0"
_TIME: Final = 1_790_000_000


class Made(NamedTuple):
    """One mailbox: its internal name, its unique id, and where it is kept by name, below the partition."""

    name: str
    uniqueid: str
    directory: str


def plan(users: int, folders: int) -> list[Made]:
    """`users` times `folders` mailboxes, the INBOX among them; every third folder is below another one."""
    found: list[Made] = []
    for number in range(users):
        user = f"{'abcdefghijklmnopqrstuvwxyz'[number % 26]}user{number}"
        for folder in range(folders):
            below = "" if not folder else f".Folder {folder}" if folder % 3 else f".Folder {folder - 1}.Deep"
            name = f"user.{user}{below}"
            directory = f"{user[0]}/{name.replace('.', '/')}"
            found.append(
                Made(name, str(uuid.UUID(int=number * 1000 + folder + (folder + 1) * 2**100)), directory)
            )
    return found


def make(root: Path, mailboxes: Sequence[Made], messages: int) -> None:
    """configdirectory, imapd.conf and a partition kept by name, with `messages` in each mailbox."""
    (root / "etc").mkdir(parents=True)
    (root / "lib").mkdir()
    conf = f"configdirectory: {root}/lib\ndefaultpartition: default\npartition-default: {root}/mail\n"
    conf += "hashimapspool: yes\naltnamespace: no\nunixhierarchysep: no\n"
    (root / "etc/imapd.conf").write_text(conf)
    with Pool() as pool:
        pool.starmap(
            _fill, [(f"{root}/mail/{one.directory}", one, messages) for one in mailboxes], chunksize=50
        )
    write_database(root, mailboxes, by_name=True)


def by_unique_id(root: Path, mailboxes: Sequence[Made]) -> None:
    """Move every mailbox to the place that 3.6 and later give it, and say so in mailboxes.db."""
    for one in sorted(mailboxes, key=lambda one: -len(one.directory)):
        place = root / "mail/uuid" / one.uniqueid[0] / one.uniqueid[1]
        place.mkdir(parents=True, exist_ok=True)
        (root / "mail" / one.directory).rename(place / one.uniqueid)
    write_database(root, mailboxes, by_name=False)


def _fill(directory: str, one: Made, messages: int) -> None:
    os.makedirs(directory, exist_ok=True)
    size = 1000
    for uid in range(1, messages + 1):
        os.mknod(f"{directory}/{uid}.", 0o600 | stat.S_IFREG)
    header = bytearray(160)
    struct.pack_into(">10I", header, 0, 1, 0, 17, 160, 112, messages, _TIME, messages, 0, messages * size)
    struct.pack_into(">I", header, 44, _TIME)
    struct.pack_into(">I", header, 84, messages)
    struct.pack_into(">I", header, 124, messages)
    struct.pack_into(">I", header, 156, zlib.crc32(header[:156]))
    records = bytearray()
    for uid in range(1, messages + 1):
        record = bytearray(112)
        struct.pack_into(">4I", record, 0, uid, _TIME, _TIME, size)
        struct.pack_into(">I", record, 108, zlib.crc32(record[:108]))
        records += record
    owner = one.name.split(".")[1]
    dlist = f"%(T e N {{{len(one.name)}+}}\r\n{one.name} I {one.uniqueid} A %({owner} lrswipkxtecdan))\n"
    for name, data in (
        ("cyrus.index", bytes(header + records)),
        ("cyrus.cache", b"\0" * 4 + b"x" * 100 * messages),
        ("cyrus.header", MAGIC + dlist.encode()),
    ):
        Path(directory, name).write_bytes(data)


def write_database(root: Path, mailboxes: Sequence[Made], *, by_name: bool) -> None:
    """mailboxes.db in the form of 3.6: twoskip, with a record by unique id and one by name for each."""
    kind = "el" if by_name else "e"
    pairs: list[tuple[bytes, bytes]] = []
    for one in mailboxes:
        owner = one.name.split(".")[1]
        rest = f"P default V {_TIME} C 1 F 1 M {_TIME} A %({owner} lrswipkxtecdan))"
        by_id = f"%(T {kind} N {{{len(one.name)}+}}\r\n{one.name} {rest}"
        pairs.append((f"I{one.uniqueid}".encode(), by_id.encode()))
        pairs.append(
            (f"N{one.name}".encode().replace(b".", b"\x1f"), f"%(T {kind} I {one.uniqueid} {rest}".encode())
        )
    pairs.sort()
    (root / "lib/mailboxes.db").write_bytes(_twoskip(pairs))


def _twoskip(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The records in a chain of one level, which is all that a reader from first to last follows."""
    body = bytearray()
    at = 64 + len(_record(b"=", b"", b"", 0))
    body += _record(b"=", b"", b"", at)
    for number, (key, value) in enumerate(pairs, 1):
        at += len(_record(b"+", key, value, 0))
        body += _record(b"+", key, value, 0 if number == len(pairs) else at)
    head = _TWOSKIP + struct.pack(">I4QI", 1, 1, len(pairs), 64 + len(body), 64 + len(body), 0)
    return head + struct.pack(">I", zlib.crc32(head)) + bytes(body)


def _record(kind: bytes, key: bytes, value: bytes, following: int) -> bytes:
    head = struct.pack(">cBHI2Q", kind, 1, len(key), len(value), following, 0)
    tail = key + value
    tail += b"\0" * (-len(tail) % 8)
    return head + struct.pack(">2I", zlib.crc32(head), zlib.crc32(tail)) + tail
