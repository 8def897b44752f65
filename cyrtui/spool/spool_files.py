"""The small files of a spool: index, header, quota, seen; looked at again where a writer was at one.

Nothing is locked. What cannot be read comes back as a `Fault`, never as an exception.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.spool.damage import Damaged
from cyrtui.spool.databases import read_database
from cyrtui.spool.layout import SpoolLayout, quota_path, quota_roots_above, user_file
from cyrtui.spool.mailbox import Fault, Mailbox, QuotaFacts, fault_of
from cyrtui.spool.mailbox_header import SIZE_LIMIT, MailboxHeader, read_mailbox_header
from cyrtui.spool.mailbox_index import HEADER_LIMIT, IndexHeader, read_index_header
from cyrtui.spool.quota_file import Quota, read_quota
from cyrtui.spool.seen import SeenState, UidSet, read_seen

LOOKS: Final = 4
BETWEEN: Final = 0.01
_DATABASE_LIMIT: Final = 1 << 30
_T = TypeVar("_T")


class SpoolFiles:
    """`problems` are sentences on what is not known of the whole spool, `faults` of files of the whole."""

    def __init__(self, host: Host, layout: SpoolLayout) -> None:
        self.host = host
        self.layout = layout
        self.problems: list[str] = []
        self.faults: list[Fault] = []
        # the seen file that was read last: mailboxes of one owner come one after another
        self._seen_file: tuple[object, dict[str, SeenState]] | None = None
        self._quotas: tuple[object, dict[str, bytes]] | None = None

    def exists(self, path: str) -> bool:
        """Whether something has this name; what may not be looked at counts as there."""
        try:
            self.host.stat(path)
        except FileMissing:
            return False
        except FileUnreadable:
            return True
        return True

    def index_of(self, mailbox: Mailbox) -> tuple[IndexHeader | None, Fault | None]:
        """What its cyrus.index counts, in one short read; and what is wrong, where that is not to be had."""
        return self._looked(mailbox.index_path, _index, HEADER_LIMIT)

    def header_of(self, mailbox: Mailbox) -> tuple[MailboxHeader | None, Fault | None]:
        """What its cyrus.header says, and what is wrong with it."""
        return self._looked(mailbox.header_path, _header, SIZE_LIMIT + 1)

    def quota_of(self, mailbox: Mailbox, header: MailboxHeader | None) -> QuotaFacts | None:
        """The quota that a mailbox counts for: the root of its cyrus.header, else the nearest with a file.

        None: it counts for none.
        """
        if header is not None:
            return None if header.quota_root is None else self.quota_root(header.quota_root)
        for root in quota_roots_above(mailbox.name or "", domains=self.layout.domains):
            found = self.quota_root(root)
            if found.quota is not None or (found.fault is not None and found.fault.kind != "missing"):
                return found
        return None

    def quota_root(self, root: str) -> QuotaFacts:
        """What a quota root has, by its internal name, wherever quotas are kept."""
        path = self.layout.quotas_db or quota_path(self.layout, root)
        if path is None:
            fault = Fault(
                "missing", "", "No quota file can be found: configdirectory is not set, or this is no root."
            )
            return QuotaFacts(root, None, None, fault)
        if self.layout.quotas_db is None:
            quota, problem = self._looked(path, _quota, 1 << 20)
            return QuotaFacts(root, path, quota, problem)
        values, problem = self._quota_values(path)
        value = values.get(root)
        if value is None:
            fault = problem or Fault("missing", path, f"{inert(path)} has no quota root {inert(root)}.")
            return QuotaFacts(root, path, None, fault)
        try:
            return QuotaFacts(root, path, _quota(value), None)
        except Damaged as error:
            return QuotaFacts(root, path, None, fault_of(error, path))

    def _quota_values(self, path: str) -> tuple[dict[str, bytes], Fault | None]:
        """The whole of quotas.db, read anew when it has changed."""
        try:
            facts = self.host.stat(path)
            mark = (facts.identity, facts.size, facts.mtime)
            if self._quotas is None or self._quotas[0] != mark:
                data = self.host.read(path, _DATABASE_LIMIT)
                found = {key.decode("utf-8", "surrogateescape"): value for key, value in read_database(data)}
                self._quotas = (mark, found)
            return self._quotas[1], None
        except (FileUnreadable, Damaged) as error:
            return {}, fault_of(error, path)

    def seen_by(self, inbox: str, inbox_id: str | None, uniqueid: str) -> tuple[UidSet | None, Fault | None]:
        """The uids that the owner of an INBOX has seen in a mailbox: none where he has no seen file."""
        for path in user_file(self.layout, inbox, inbox_id, "seen"):
            try:
                facts = self.host.stat(path)
            except FileMissing:
                continue
            except FileUnreadable as error:
                return None, fault_of(error, path)
            mark = (path, facts.identity, facts.size, facts.mtime)
            if self._seen_file is None or self._seen_file[0] != mark:
                states, fault = self._looked(path, read_seen, _DATABASE_LIMIT)
                if states is None:
                    return None, fault
                self._seen_file = (mark, states)
            state = self._seen_file[1].get(uniqueid)
            return (state.uids if state is not None else UidSet([])), None
        return UidSet([]), None

    def _looked(self, path: str, parse: Callable[[bytes], _T], length: int) -> tuple[_T | None, Fault | None]:
        """What `parse` makes of the head of a file, looked at again where it seems damaged."""
        for look in range(LOOKS):
            try:
                return parse(self.host.read_head(path, length)), None
            except FileUnreadable as error:
                return None, fault_of(error, path)
            except Damaged as error:
                damage = error
            if look + 1 < LOOKS:
                time.sleep(BETWEEN)
        return None, fault_of(damage, path)

    def _problem(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)

    def _fault(self, fault: Fault) -> None:
        if fault not in self.faults:
            self.faults.append(fault)


def _index(data: bytes) -> IndexHeader:
    return read_index_header(data)


def _header(data: bytes) -> MailboxHeader:
    return read_mailbox_header(data)


def _quota(data: bytes) -> Quota:
    return read_quota(data)
