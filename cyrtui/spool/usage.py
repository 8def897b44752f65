"""How much is in a partition: mailboxes, messages and their bytes, owner by owner, with progress and cancel.

What is counted: the messages that clients see, and their sizes, as each cyrus.index counts them, which is
what quota counts too. No message file is looked at; that is what makes it fast. So it is not what the files
take on disk: blocks are rounded up, indexes, caches and expunged messages that wait for cyr_expire come to
it, and hard links of one message in several mailboxes take room once. What the file system has used stands in
`Spool.partitions()`; where the index knows them (3.10 and later) the bytes of expunged messages stand apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from cyrtui.spool.layout import Partition, owner_of
from cyrtui.spool.mailbox import Fault, Mailbox
from cyrtui.spool.spool import Spool

_EVERY: Final = 0.1


class OwnerUsage(NamedTuple):
    """What belongs to one user (`owner` is the internal name of his INBOX), or to nobody (None: shared)."""

    owner: str | None
    mailboxes: int
    messages: int
    bytes: int


class UsageProgress(NamedTuple):
    """`done` of `total` mailboxes (None while they are being found), after so many seconds."""

    done: int
    total: int | None
    messages: int
    bytes: int
    seconds: float

    @property
    def rate(self) -> float:
        """Mailboxes a second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that are left by that rate; None where it cannot be told yet."""
        if self.total is None or not self.done or self.rate <= 0:
            return None
        return (self.total - self.done) / self.rate


class Usage(NamedTuple):
    """What a partition holds by its indexes. `counted` is False where it was cancelled: then it is a part.

    `expunged_bytes` are those of expunged messages still on disk, None where no index tells. `orphaned` and
    `deleted` mailboxes (of DELETED) are among `mailboxes`. `faults` name what could not be counted.
    """

    partition: str
    mailboxes: int
    messages: int
    bytes: int
    expunged: int
    expunged_bytes: int | None
    orphaned: int
    deleted: int
    owners: tuple[OwnerUsage, ...]
    faults: tuple[Fault, ...]
    seconds: float
    counted: bool


def measure_usage(
    spool: Spool,
    partition: Partition,
    report: Callable[[UsageProgress], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Usage:
    """Add up a partition. `report` comes at most ten times a second, from this thread.

    Raises `FileUnreadable` where neither mailboxes.db nor the partition can be read.
    """
    began = time.monotonic()
    adding = _Adding(spool, partition)
    said = began

    def tell(done: int, total: int | None) -> None:
        nonlocal said
        now = time.monotonic()
        if report is not None and (now - said >= _EVERY or done == total):
            said = now
            report(UsageProgress(done, total, adding.messages, adding.bytes, now - began))

    places: list[Mailbox] = []
    stopped = False
    for mailbox in spool.mailboxes(partition=partition.name, cancelled=cancelled):
        places.append(mailbox)
        tell(0, None)
    for done, mailbox in enumerate(places, 1):
        if cancelled():
            stopped = True
            break
        adding.add(mailbox)
        tell(done, len(places))
    return adding.usage(time.monotonic() - began, counted=not (stopped or cancelled()))


class _Adding:
    def __init__(self, spool: Spool, partition: Partition) -> None:
        self._spool = spool
        self._partition = partition
        self._deleted_before = f"{spool.layout.deleted_prefix}."
        self._owners: dict[str | None, list[int]] = {}
        self._faults: list[Fault] = []
        self.mailboxes = self.messages = self.bytes = 0
        self.expunged = self.orphaned = self.deleted = 0
        self.expunged_bytes: int | None = None

    def add(self, mailbox: Mailbox) -> None:
        index, fault = self._spool.index_of(mailbox)
        if index is None:
            if fault is not None:
                self._faults.append(fault)
            return
        name = mailbox.name or ""
        owner = owner_of(name, domains=self._spool.layout.domains)
        self.mailboxes += 1
        self.messages += index.exists
        self.bytes += index.bytes
        self.expunged += index.records - index.exists
        self.orphaned += mailbox.standing == "orphaned"
        self.deleted += name.rpartition("!")[2].startswith(self._deleted_before)
        if index.expunged_bytes is not None:
            self.expunged_bytes = (self.expunged_bytes or 0) + index.expunged_bytes
        sums = self._owners.setdefault(owner, [0, 0, 0])
        sums[0] += 1
        sums[1] += index.exists
        sums[2] += index.bytes

    def usage(self, seconds: float, *, counted: bool) -> Usage:
        owners = sorted(
            (OwnerUsage(owner, *sums) for owner, sums in self._owners.items()),
            key=lambda one: (-one.bytes, one.owner or ""),
        )
        return Usage(
            self._partition.name,
            self.mailboxes,
            self.messages,
            self.bytes,
            self.expunged,
            self.expunged_bytes,
            self.orphaned,
            self.deleted,
            tuple(owners),
            tuple(self._faults),
            seconds,
            counted,
        )
