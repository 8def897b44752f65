"""What is told of a mailbox: where it is, what its index counts, and everything about one."""

from __future__ import annotations

from typing import Literal, NamedTuple

from cyrtui.errors import CyrtuiError, FileUnreadable
from cyrtui.spool.acl import Acl
from cyrtui.spool.layout import LayoutKind, Partition
from cyrtui.spool.mailbox_index import IndexHeader
from cyrtui.spool.quota_file import Quota

Standing = Literal["listed", "orphaned", "unlisted"]
"""`listed` in mailboxes.db; `orphaned`: a directory that mailboxes.db has no entry for; `unlisted`:
mailboxes.db could not be read, so that only the directory speaks."""

FaultKind = Literal["damaged", "unreadable", "missing"]
"""`damaged`: a file is not what it should be; `unreadable`: it may not be read; `missing`: it is not there.
"""


class Fault(NamedTuple):
    """What is wrong with a mailbox's files; `sentence` names the file and what to do."""

    kind: FaultKind
    path: str
    sentence: str


class Mailbox(NamedTuple):
    """A mailbox and its place. `name` is internal (user.bob.Sent) and None where neither database nor disk
    tells it; `directory` is where its messages are, or should be. `kind` are the letters of mailboxes.db and
    `acl` what it says; None where it says nothing.
    """

    name: str | None
    partition: Partition
    directory: str
    layout: LayoutKind
    uniqueid: str | None
    standing: Standing
    kind: str = ""
    acl: Acl | None = None

    @property
    def below(self) -> str:
        """Its path from a root of the partition on; with a slash in front."""
        root = self.partition.directory
        return self.directory if root == "/" else self.directory[len(root) :]

    @property
    def index_path(self) -> str:
        return f"{self.partition.root('index').rstrip('/')}{self.below}/cyrus.index"

    @property
    def header_path(self) -> str:
        return f"{self.partition.root('header').rstrip('/')}{self.below}/cyrus.header"

    @property
    def directories(self) -> tuple[str, ...]:
        """Every directory that it may have, the one with the messages first."""
        return tuple(dict.fromkeys(f"{root.rstrip('/')}{self.below}" for root in self.partition.roots))

    @property
    def archive(self) -> str | None:
        """Where its archived messages are."""
        root = self.partition.archive
        return f"{root.rstrip('/')}{self.below}" if root else None


class MailboxSummary(NamedTuple):
    """What cyrus.index counts: one row. `counters` is None, and `fault` says why, where it is not to be had.

    `unseen` is by its owner, and None where nobody's \\Seen is meant: in shared mailboxes each reader has
    his own. `mailbox` is the one asked for, with its directory corrected where it stood in the other layout.
    """

    mailbox: Mailbox
    counters: IndexHeader | None
    unseen: int | None
    fault: Fault | None

    @property
    def messages(self) -> int | None:
        return None if self.counters is None else self.counters.exists

    @property
    def bytes(self) -> int | None:
        return None if self.counters is None else self.counters.bytes

    @property
    def last_append(self) -> int | None:
        """Seconds since the epoch; None: never, or not known."""
        return None if self.counters is None else self.counters.last_append or None


class QuotaFacts(NamedTuple):
    """The quota that a mailbox counts for. `quota` is None, and `fault` says why, where its file is not to
    be had."""

    root: str
    path: str | None
    quota: Quota | None
    fault: Fault | None


class MessageFiles(NamedTuple):
    """The message files of a mailbox against its index.

    `number` of files, archived ones included; `expunged` of them belong to messages that were expunged and
    wait for cyr_expire. `orphans` are uids of files that the index does not know, `missing` uids of messages
    without a file. `arriving`: files of the last minute that the index does not know yet.
    """

    number: int
    expunged: int
    orphans: tuple[int, ...]
    missing: tuple[int, ...]
    arriving: int = 0
    fault: Fault | None = None


class MailboxFacts(NamedTuple):
    """Everything about one mailbox. `flags` are the user's flags; `problems` sentences, the worst first."""

    summary: MailboxSummary
    uniqueid: str | None
    acl: Acl | None
    flags: tuple[str, ...]
    quota: QuotaFacts | None
    files: MessageFiles | None
    faults: tuple[Fault, ...]
    problems: tuple[str, ...]


def fault_of(error: CyrtuiError, path: str) -> Fault:
    """What a reader's error is, for people."""
    from cyrtui.errors import FileMissing
    from cyrtui.inert import inert
    from cyrtui.spool.damage import Damaged

    if isinstance(error, Damaged):
        return Fault("damaged", path, str(error.at(inert(path))))
    if isinstance(error, FileMissing):
        return Fault("missing", path, str(error))
    kind: FaultKind = "unreadable" if isinstance(error, FileUnreadable) else "damaged"
    return Fault(kind, path, str(error))
