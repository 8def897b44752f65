"""The message files of one mailbox held against its index: orphans and missing ones, while both change.

imapd writes a message's file before its record, and takes the record away before the file. So files are
listed first and the index is read after that; what then still disagrees is looked at once more.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from cyrtui.errors import CyrtuiError, FileMissing, FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.spool.mailbox import Mailbox, MessageFiles, fault_of
from cyrtui.spool.mailbox_index import UNLINKED, read_index_header, read_records

_INDEX_LIMIT: Final = 1 << 30
# A delivery that takes longer than this between its file and its record is none.
_ARRIVING: Final = 60.0


def message_files(host: Host, mailbox: Mailbox) -> MessageFiles:
    """Hold files and index against each other. What cannot be read is the `fault` of the answer."""
    try:
        files = _files(host, mailbox)
    except FileUnreadable as error:
        return MessageFiles(0, 0, (), (), fault=fault_of(error, mailbox.directory))
    try:
        present, gone = _uids(host, mailbox)
        missing = [uid for uid in present - files if not _exists(host, mailbox, uid)]
        strange = files - present - gone
        if missing or strange:
            # what came or went meanwhile stands in the index of now
            present, gone = _uids(host, mailbox)
            missing = [uid for uid in missing if uid in present]
            strange -= present | gone
    except CyrtuiError as error:
        return MessageFiles(len(files), 0, (), (), fault=fault_of(error, mailbox.index_path))
    orphans, arriving = _ages(host, mailbox, strange)
    return MessageFiles(
        len(files), len(files & gone), tuple(sorted(orphans)), tuple(sorted(missing)), arriving
    )


def _files(host: Host, mailbox: Mailbox) -> set[int]:
    """The uids that have a file, here or in the archive."""
    found = _numbers(host.scan(mailbox.directory).others)
    if mailbox.archive is not None:
        with suppress(FileMissing):
            found |= _numbers(host.scan(mailbox.archive).others)
    return found


def _numbers(names: tuple[str, ...]) -> set[int]:
    """12 of `12.`; uids are 32-bit numbers without a zero in front."""
    return {
        int(name[:-1])
        for name in names
        if name.endswith(".")
        and name[:-1].isdecimal()
        and name.isascii()
        and name[0] != "0"
        and len(name) < 12
    }


def _uids(host: Host, mailbox: Mailbox) -> tuple[set[int], set[int]]:
    """The uids of the index: those whose message is there, and those expunged whose file may still be."""
    data = host.read(mailbox.index_path, _INDEX_LIMIT)
    header = read_index_header(data)
    present: set[int] = set()
    gone: set[int] = set()
    for record in read_records(data, header, check=False):
        if not record.expunged:
            present.add(record.uid)
        elif not record.flags & UNLINKED:
            gone.add(record.uid)
    return present, gone | _waiting(host, mailbox)


def _waiting(host: Host, mailbox: Mailbox) -> set[int]:
    """What 2.3 keeps apart: cyrus.expunge has the form of an index."""
    path = f"{mailbox.partition.root('expunge').rstrip('/')}{mailbox.below}/cyrus.expunge"
    try:
        data = host.read(path, _INDEX_LIMIT)
    except FileUnreadable:
        return set()
    return {record.uid for record in read_records(data, read_index_header(data), check=False)}


def _exists(host: Host, mailbox: Mailbox, uid: int) -> bool:
    for directory in (mailbox.directory, mailbox.archive):
        if directory is not None:
            try:
                host.stat(f"{directory}/{uid}.")
            except FileUnreadable:
                continue
            return True
    return False


def _ages(host: Host, mailbox: Mailbox, uids: set[int]) -> tuple[list[int], int]:
    """Those that are really left over, and how many others are so new that they may be on their way."""
    orphans: list[int] = []
    arriving = 0
    now = host.now()
    live = host.name.kind == "local"
    for uid in uids:
        for directory in (mailbox.directory, mailbox.archive):
            if directory is None:
                continue
            try:
                facts = host.stat(f"{directory}/{uid}.")
            except FileUnreadable:
                continue
            if live and -_ARRIVING < now - facts.mtime < _ARRIVING:
                arriving += 1
            else:
                orphans.append(uid)
            break
    return orphans, arriving
