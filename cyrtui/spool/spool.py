"""The spool of a server: its partitions, its mailboxes wherever they are, and what their files say.

Everything is read, nothing is locked, and what changes or vanishes meanwhile is looked at once more before
it is called a fault.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from cyrtui.config.imapd_conf import ImapdConf
from cyrtui.errors import CyrtuiError, FileMissing, FileUnreadable
from cyrtui.host.facts import FileSystemSpace
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.spool.damage import RECONSTRUCT, Damaged
from cyrtui.spool.disagreements import disagreements
from cyrtui.spool.layout import STAGE, UUID, LayoutKind, Partition, id_directory, named_directory, owner_of
from cyrtui.spool.mailbox import Fault, Mailbox, MailboxFacts, MailboxSummary, fault_of
from cyrtui.spool.mailbox_index import FIRST_WITH_CRC, IndexHeader, count_unseen, read_index_header
from cyrtui.spool.seen import UidSet
from cyrtui.spool.spool_files import BETWEEN, LOOKS
from cyrtui.spool.spool_names import SpoolNames

_INDEX_LIMIT: Final = 1 << 30
# mailbox.h: \\Seen in the index is everybody's (annotation sharedseen).
_SHARED_SEEN: Final = 1 << 2


class PartitionFacts(NamedTuple):
    """A partition and the room it has. `staged`: files of deliveries under way, or left over from broken ones
    (stage.); `space` and `staged` are None where they cannot be seen, `problems` say why."""

    partition: Partition
    default: bool
    space: FileSystemSpace | None
    staged: int | None
    problems: tuple[str, ...]


class Spool(SpoolNames):
    """The spool by one imapd.conf; see `open_spool`."""

    def partitions(self) -> tuple[PartitionFacts, ...]:
        """Every partition of imapd.conf, with the room on its file system now."""
        return tuple(self._partition_facts(one) for one in self.layout.partitions.values())

    def _partition_facts(self, partition: Partition) -> PartitionFacts:
        problems: list[str] = []
        space = staged = None
        try:
            space = self.host.space(partition.directory)
        except FileUnreadable as error:
            problems.append(str(error))
        try:
            staged = len(self.host.scan(f"{partition.directory.rstrip('/')}/{STAGE}").others)
        except FileMissing:
            staged = 0
        except FileUnreadable as error:
            problems.append(str(error))
        return PartitionFacts(
            partition, partition.name == self.layout.default, space, staged, tuple(dict.fromkeys(problems))
        )

    def summary(self, mailbox: Mailbox) -> MailboxSummary:
        """One row. A mailbox whose directory stands in the other layout is found there."""
        index, fault = self.index_of(mailbox)
        if fault is not None and fault.kind == "missing":
            other = self._other_place(mailbox)
            if other is not None:
                mailbox = other
                index, fault = self.index_of(mailbox)
            if fault is not None and fault.kind == "missing":
                fault = self._why_missing(mailbox, fault)
        if index is not None and (cut := self._cut_off(mailbox, index)) is not None:
            fault = cut
        if index is None:
            return MailboxSummary(mailbox, None, None, fault)
        unseen, why = self._unseen(mailbox, index)
        return MailboxSummary(mailbox, index, unseen, fault or why)

    def still_listed(self, mailbox: Mailbox) -> Mailbox | None:
        """Where mailboxes.db has a mailbox now; None when it was deleted or renamed since it was listed."""
        if mailbox.standing != "listed":
            return mailbox if self.exists(mailbox.directory) else None
        if self.entries() is None:
            return mailbox
        entry = self.entry_of(mailbox.name or "")
        return None if entry is None else self._placed(entry)

    def _other_place(self, mailbox: Mailbox) -> Mailbox | None:
        """The same mailbox in the other layout, where it has an index there."""
        root = mailbox.partition.directory
        kind: LayoutKind = "hashed" if mailbox.layout == "uuid" else "uuid"
        try:
            if mailbox.layout == "uuid":
                place = named_directory(self.layout, root, mailbox.name or "")
            elif mailbox.uniqueid is not None:
                place = id_directory(root, mailbox.uniqueid)
            else:
                return None
        except ValueError:
            return None
        other = mailbox._replace(directory=place, layout=kind)
        return other if self.exists(other.index_path) else None

    def _why_missing(self, mailbox: Mailbox, fault: Fault) -> Fault:
        where = inert(mailbox.directory)
        if self.exists(mailbox.directory):
            return Fault("damaged", fault.path, f"{inert(fault.path)} is not there; {RECONSTRUCT}.")
        elsewhere = self._otherwise_hashed(mailbox)
        why = (
            f"it is in {inert(elsewhere)}. hashimapspool and fulldirhash are not what they were when it "
            "was made: put them back, or run `rehash` while the server is stopped."
            if elsewhere is not None
            else "the messages are gone, or on a disk that is not mounted."
        )
        sentence = f"{where} is not there, but mailboxes.db has {inert(mailbox.name or '?')}: {why}"
        return Fault("missing", mailbox.directory, sentence)

    def _otherwise_hashed(self, mailbox: Mailbox) -> str | None:
        """Where a mailbox stands by other hash directories than those of this imapd.conf."""
        for hashed, full in ((False, False), (True, False), (True, True)):
            other = self.layout._replace(hashed=hashed, full_hash=full)
            try:
                place = named_directory(other, mailbox.partition.directory, mailbox.name or "")
                if place != mailbox.directory:
                    self.host.stat(place)
                    return place
            except ValueError:
                return None
            except FileUnreadable:
                continue
        return None

    def _cut_off(self, mailbox: Mailbox, index: IndexHeader) -> Fault | None:
        """Whether the index ends before the records that it counts, now as before."""
        path = mailbox.index_path
        for look in range(LOOKS):
            try:
                size = self.host.stat(path).size
            except FileUnreadable:
                return None
            if size >= index.size:
                return None
            # imapd may have put a shorter one in its place
            again, _ = self.index_of(mailbox)
            if again is None:
                return None
            index = again
            if look + 1 < LOOKS:
                time.sleep(BETWEEN)
        what = f"it ends here, but its {index.records} records need {index.size} bytes"
        return fault_of(Damaged("cyrus.index", f"byte {size}", what, RECONSTRUCT), path)

    def _unseen(self, mailbox: Mailbox, index: IndexHeader) -> tuple[int | None, Fault | None]:
        """How many messages the owner has not seen. Since 3.2 the index counts them."""
        owner = owner_of(mailbox.name or "", domains=self.layout.domains)
        shared = index.minor_version >= FIRST_WITH_CRC and bool(index.options & _SHARED_SEEN)
        if owner is None and not shared:
            return None, None
        if index.unseen is not None:
            return index.unseen, None
        if not index.exists:
            return 0, None
        uids: UidSet | None = None
        if index.minor_version < FIRST_WITH_CRC:
            header, fault = self.header_of(mailbox)
            if header is None or header.uniqueid is None or owner is None:
                return None, fault
            uids, fault = self.seen_by(owner, self.id_of(owner), header.uniqueid)
            if fault is not None:
                return None, fault
        try:
            data = self.host.read(mailbox.index_path, _INDEX_LIMIT)
            return count_unseen(data, read_index_header(data), uids), None
        except CyrtuiError as error:
            return None, fault_of(error, mailbox.index_path)

    def facts(self, mailbox: Mailbox, *, files: bool = True) -> MailboxFacts:
        """Everything about one mailbox; with `files` its message files are counted, which takes longer."""
        from cyrtui.spool.message_files import message_files

        summary = self.summary(mailbox)
        mailbox = summary.mailbox
        header, header_fault = (None, None)
        if summary.fault is None or summary.fault.kind != "missing":
            header, header_fault = self.header_of(mailbox)
        quota = self.quota_of(mailbox, header) if mailbox.name else None
        counted = message_files(self.host, mailbox) if files and summary.counters is not None else None
        found = [
            summary.fault,
            header_fault,
            quota.fault if quota else None,
            counted.fault if counted else None,
        ]
        faults = tuple(dict.fromkeys(one for one in found if one is not None))
        return MailboxFacts(
            summary,
            (header.uniqueid if header else None) or mailbox.uniqueid,
            header.acl if header is not None else mailbox.acl,
            tuple(flag for flag in header.flags if flag) if header is not None else (),
            quota,
            counted,
            faults,
            (
                *(one.sentence for one in faults),
                *disagreements(self, mailbox, summary, header, quota, counted),
            ),
        )


def open_spool(host: Host, imapd_conf: str) -> Spool:
    """The spool that an imapd.conf of the host describes. Raises `FileUnreadable`, `ConfigurationError`."""
    from cyrtui.config.imapd_conf import parse_imapd_conf
    from cyrtui.errors import ConfigurationError
    from cyrtui.spool.layout import layout_of

    conf = parse_imapd_conf(host.read, imapd_conf)
    layout = layout_of(conf, modern_names=_modern_names(host, conf))
    if not layout.partitions:
        raise ConfigurationError(
            f"{inert(imapd_conf)} names no partition, so that no mailbox can be found: it needs "
            "partition-default, or the partition of defaultpartition."
        )
    return Spool(host, layout)


def _modern_names(host: Host, conf: ImapdConf) -> bool:
    """Whether altnamespace and unixhierarchysep are on where imapd.conf is silent: from 3.0 on."""
    if conf.setting("altnamespace") is not None and conf.setting("unixhierarchysep") is not None:
        return True
    from cyrtui.config.installed import installed_version
    from cyrtui.config.options import release_of

    release = release_of(installed_version(host))
    if release is not None:
        return release >= (3, 0, 0)
    # a copied tree: only 3.6 and later lay out by unique id
    return any(_has(host, f"{root}/{UUID}") for root in conf.partitions().values())


def _has(host: Host, path: str) -> bool:
    try:
        host.stat(path)
    except FileUnreadable:
        return False
    return True
