"""What the Spool screen asks: one session on a spool, read as far as somebody looks at it.

`open`, `find`, `look`, `measure_all`, `facts` and `usage` read files and belong to workers; what else is
here hands out what these have found, and answers at once. One `SpoolBrowser` may be used by several workers:
each only adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from cyrtui.errors import FileUnreadable
from cyrtui.spool.tree import Group, SpoolTree, TreeLine

if TYPE_CHECKING:
    from cyrtui.access import Gate
    from cyrtui.host.protocol import Host
    from cyrtui.spool.describe import FactLine
    from cyrtui.spool.layout import SpoolLayout
    from cyrtui.spool.mailbox import Mailbox, MailboxSummary, QuotaFacts
    from cyrtui.spool.messages import MessageFields, MessageLine, MessageText
    from cyrtui.spool.person import SieveListing
    from cyrtui.spool.spool import PartitionFacts, Spool
    from cyrtui.spool.usage import Usage, UsageProgress

SortKey = Literal["name", "size", "messages", "last", "quota"]
SORT_KEYS: Final[tuple[SortKey, ...]] = ("name", "size", "messages", "last", "quota")
SORT_TITLES: Final[dict[SortKey, str]] = {
    "name": "name",
    "size": "size",
    "messages": "messages",
    "last": "last append",
    "quota": "quota used",
}

# So many mailboxes are found before the screen is told of them for the first time, and then at a time.
_FIRST: Final = 200
_BATCH: Final = 2000
_EVERY: Final = 0.1


class Numbers(NamedTuple):
    """What stands behind a line; None where it has not been read, or cannot be. `fault` is a sentence on the
    first thing that is wrong; `known` False while some of it has not been looked at."""

    messages: int | None = None
    unseen: int | None = None
    bytes: int | None = None
    last_append: int | None = None
    quota_used: int | None = None
    quota_limit: int | None = None
    fault: str | None = None
    known: bool = False

    @property
    def quota_share(self) -> float | None:
        """Used of the limit, 1.0 is all; None without a limit."""
        if self.quota_used is None or self.quota_limit is None:
            return None
        return self.quota_used / self.quota_limit if self.quota_limit else 1.0


class Progress(NamedTuple):
    """`done` of `total` after so many seconds; `left` are seconds by that rate, None where it cannot be
    told."""

    done: int
    total: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        return (self.total - self.done) / self.rate if self.done and self.rate else None


class SpoolBrowser:
    """One look at the spool of a host, by the imapd.conf at `imapd_conf`."""

    def __init__(self, host: Host, imapd_conf: str, gate: Gate | None = None) -> None:
        self._host = host
        self._gate = gate
        self._imapd_conf = imapd_conf
        self._spool: Spool | None = None
        self._tree: SpoolTree | None = None
        self._summaries: dict[str, MailboxSummary] = {}
        self._quotas: dict[str, QuotaFacts | None] = {}
        self._sums: dict[str, Numbers] = {}
        self._mark: object = None
        self.partitions: tuple[PartitionFacts, ...] = ()
        self.found = False
        """Whether every mailbox has been found."""
        self.problem: str | None = None

    @property
    def layout(self) -> SpoolLayout:
        """What imapd.conf says of places and names; after `open`."""
        return self.spool.layout

    @property
    def spool(self) -> Spool:
        if self._spool is None:
            raise RuntimeError("the spool is not open")
        return self._spool

    @property
    def tree(self) -> SpoolTree:
        if self._tree is None:
            raise RuntimeError("the spool is not open")
        return self._tree

    @property
    def opened(self) -> bool:
        return self._tree is not None

    @property
    def problems(self) -> Sequence[str]:
        """Sentences on what cannot be seen of the spool as a whole."""
        if self._spool is None:
            return ()
        return (
            *self._whole_problems,
            # of a copied tree nobody knows how much room there is
            *(
                problem
                for one in self.partitions
                for problem in one.problems
                if self._host.name.kind == "local"
            ),
        )

    @property
    def _whole_problems(self) -> tuple[str, ...]:
        return (*(one.sentence for one in self.spool.faults), *self.spool.problems)

    # --- finding: one worker ----------------------------------------------------------------------

    def open(self) -> None:
        """Read imapd.conf and look at the partitions. Raises `CyrtuiError`."""
        from cyrtui.spool.spool import open_spool

        spool = open_spool(self._host, self._imapd_conf)
        self._spool = spool
        self.partitions = spool.partitions()
        self._tree = SpoolTree(spool.layout, spool.layout.partitions)

    def find(self, tell: Callable[[], None], cancelled: Callable[[], bool]) -> None:
        """Find every mailbox. `tell` comes, from this thread, when there is something more to show.

        Raises `FileUnreadable` where nothing at all can be read.
        """
        self._mark = self._mark_of_database()
        tree = self.tree
        if self.found:
            # anew, and shown when it is whole
            tree = SpoolTree(self.layout, self.layout.partitions)
            tree.open_as(self.tree)
            tree.add(self.spool.mailboxes(cancelled=cancelled))
            if not cancelled():
                self._tree = tree
                self._sums.clear()
                tell()
                tree.make_words(cancelled)
            return
        batch: list[Mailbox] = []
        size, told = _FIRST, 0.0
        try:
            for mailbox in self.spool.mailboxes(cancelled=cancelled):
                batch.append(mailbox)
                if len(batch) >= size:
                    tree.add(batch)
                    batch, size = [], _BATCH
                    if time.monotonic() - told > _EVERY:
                        told = time.monotonic()
                        tell()
        finally:
            tree.add(batch)
            self.found = not cancelled()
            tell()
        # now, and not while somebody types
        tree.make_words(cancelled)

    def look_at_all(self) -> bool:
        """Look at the free space of the partitions again. True: mailboxes came or went since they were found.

        In a worker.
        """
        self.partitions = self.spool.partitions()
        return self.found and self._mark_of_database() != self._mark

    def _mark_of_database(self) -> object:
        """What changes when mailboxes.db does."""
        path = self.layout.mailboxes_db
        try:
            facts = None if path is None else self._host.stat(path)
        except FileUnreadable:
            return None
        return facts and (facts.identity, facts.size, facts.mtime)

    # --- looking: any worker ----------------------------------------------------------------------

    def look(self, lines: Iterable[TreeLine], cancelled: Callable[[], bool], *, again: bool) -> bool:
        """Read what stands behind these lines, unless it has been read; `again` anyway. True: it has
        changed."""
        changed = False
        for line in lines:
            if line.kind not in {"group", "mailbox"}:
                continue
            for mailbox in line.mailboxes:
                if cancelled():
                    return changed
                if again or mailbox.directory not in self._summaries:
                    changed |= self._read(mailbox)
            changed |= self._read_quota(line, again=again)
            if line.group is not None:
                self._sums.pop(line.group.key, None)
        return changed

    def _read(self, mailbox: Mailbox) -> bool:
        summary = self.spool.summary(mailbox)
        before = self._summaries.get(mailbox.directory)
        self._summaries[mailbox.directory] = summary
        return before != summary

    def _read_counters(self, mailbox: Mailbox) -> None:
        """Its counters alone, as far as they are in order: there may be a hundred thousand mailboxes."""
        counters, fault = self.spool.index_of(mailbox)
        if counters is None or fault is not None or counters.unseen is None:
            self._read(mailbox)
            return
        from cyrtui.spool.layout import owner_of
        from cyrtui.spool.mailbox import MailboxSummary

        owned = owner_of(mailbox.name or "", domains=self.layout.domains) is not None
        unseen = counters.unseen if owned else None
        self._summaries[mailbox.directory] = MailboxSummary(mailbox, counters, unseen, None)

    def _read_quota(self, line: TreeLine, *, again: bool) -> bool:
        """The quota of a user, or of a folder that is a root itself."""
        mailbox = line.group.inbox if line.kind == "group" and line.group is not None else line.mailbox
        if (
            mailbox is None
            or mailbox.name is None
            or (line.group is not None and line.group.kind == "deleted")
        ):
            return False
        if line.kind == "group" and (line.group is None or line.group.kind != "user"):
            return False
        root = self._root_of(line, mailbox)
        if root in self._quotas and not again:
            return False
        facts = self.spool.quota_root(root)
        found = None if facts.fault is not None and facts.fault.kind == "missing" else facts
        changed = self._quotas.get(root, False) != found
        self._quotas[root] = found
        return changed

    def _root_of(self, line: TreeLine, mailbox: Mailbox) -> str:
        name = mailbox.name or ""
        if line.kind == "group":
            from cyrtui.spool.layout import owner_of

            return owner_of(name, domains=self.layout.domains) or name
        return name

    def numbers(self, line: TreeLine) -> Numbers:
        """What is known of a line by now."""
        if line.kind == "group" and line.group is not None:
            return self._sum(line.group)
        if line.mailbox is None:
            return Numbers(known=True)
        return self._with_quota(self._of_mailbox(line.mailbox), line.mailbox.name or "")

    def _of_mailbox(self, mailbox: Mailbox) -> Numbers:
        summary = self._summaries.get(mailbox.directory)
        if summary is None:
            return Numbers()
        fault = summary.fault.sentence if summary.fault else None
        return Numbers(
            summary.messages, summary.unseen, summary.bytes, summary.last_append, fault=fault, known=True
        )

    def _with_quota(self, numbers: Numbers, root: str) -> Numbers:
        facts = self._quotas.get(root)
        if facts is None:
            return numbers
        if facts.quota is None:
            return numbers._replace(fault=numbers.fault or (facts.fault.sentence if facts.fault else None))
        storage = facts.quota.storage
        return numbers._replace(quota_used=storage.used, quota_limit=storage.limit)

    def _sum(self, group: Group) -> Numbers:
        kept = self._sums.get(group.key)
        if kept is not None and kept.known:
            return kept
        total = Numbers(0, 0, 0, None, known=True)
        for mailbox in tuple(group.mailboxes):
            one = self._of_mailbox(mailbox)
            if not one.known:
                return Numbers()
            total = Numbers(
                (total.messages or 0) + (one.messages or 0),
                (total.unseen or 0) + (one.unseen or 0),
                (total.bytes or 0) + (one.bytes or 0),
                max(total.last_append or 0, one.last_append or 0) or None,
                fault=total.fault or one.fault,
                known=True,
            )
        if group.kind == "user" and (inbox := group.inbox) is not None and inbox.name is not None:
            from cyrtui.spool.layout import owner_of

            root = owner_of(inbox.name, domains=self.layout.domains) or inbox.name
            total = self._with_quota(total, root)
        self._sums[group.key] = total
        return total

    def worth(self, key: SortKey) -> Callable[[Group], float | None] | None:
        """What users are sorted by; None: by their name."""
        if key == "name":
            return None

        def of(group: Group) -> float | None:
            numbers = self._sum(group)
            if not numbers.known:
                return None
            if key == "size":
                return numbers.bytes
            if key == "messages":
                return numbers.messages
            return numbers.last_append if key == "last" else numbers.quota_share

        return of

    def measure_all(self, report: Callable[[Progress], None], cancelled: Callable[[], bool]) -> bool:
        """Read what stands behind every user, to sort by it. `report` comes at most ten times a second, from
        this thread. False when it was cancelled."""
        groups = self.tree.groups
        total = sum(len(group.mailboxes) for group in groups)
        began = said = time.monotonic()
        done = 0
        for group in groups:
            for mailbox in tuple(group.mailboxes):
                if cancelled():
                    return False
                if mailbox.directory not in self._summaries:
                    self._read_counters(mailbox)
            line = TreeLine(group.key, "group", 1, group.label, None, group.partition, group)
            self._read_quota(line, again=False)
            # added up here, where nobody waits for it
            self._sums.pop(group.key, None)
            self._sum(group)
            done += len(group.mailboxes)
            now = time.monotonic()
            if now - said >= _EVERY:
                said = now
                report(Progress(done, total, now - began))
        return True

    # --- one mailbox, one partition ---------------------------------------------------------------

    def details(self, line: TreeLine, zone: tzinfo | None, *, files: bool) -> list[FactLine]:
        """Everything about what a line stands for, in words; in a worker.

        With `files` the message files of a mailbox are counted, which takes longer.
        """
        from cyrtui.spool.describe import FactLine, describe, describe_partition

        if line.mailbox is not None:
            facts = self.spool.facts(line.mailbox, files=files)
            return describe(facts, self.layout, zone, self._host.now())
        if line.kind == "group" and line.group is not None:
            from cyrtui.spool.person import describe_group

            return describe_group(self.spool, line.group, self._sum(line.group), zone)
        if line.kind == "partition":
            whole = [FactLine("!", problem, "warning") for problem in self._whole_problems]
            return whole + [
                fact
                for one in self.partitions
                if one.partition.name == line.partition
                for fact in describe_partition(one)
            ]
        return []

    # --- messages ---------------------------------------------------------------------------------

    def messages(self, mailbox: Mailbox) -> tuple[MessageLine, ...]:
        """The messages of a mailbox, the newest first; in a worker. Raises `CyrtuiError`."""
        from cyrtui.spool.messages import list_messages

        return list_messages(self._host, mailbox)

    def fields(
        self, mailbox: Mailbox, uids: Iterable[int], cancelled: Callable[[], bool]
    ) -> dict[int, MessageFields]:
        """From, Subject and Date of these messages; in a worker."""
        from cyrtui.spool.messages import read_fields

        return read_fields(self._host, mailbox, uids, cancelled)

    def message(self, mailbox: Mailbox, uid: int, *, body: bool) -> MessageText:
        """The header fields of a message, or its body; in a worker.

        Raises `FileUnreadable`, and `AccessDenied` when a read-only run asks for a body.
        """
        from cyrtui.spool.messages import message_body, message_headers

        if body:
            return message_body(self._host, mailbox, uid, self._gate)
        return message_headers(self._host, mailbox, uid)

    # --- a user's sieve scripts -------------------------------------------------------------------

    def sieve(self, group: Group) -> SieveListing:
        """The sieve scripts of a user; in a worker."""
        from cyrtui.spool.person import sieve_of

        return sieve_of(self.spool, group)

    def sieve_source(self, path: str) -> tuple[str, ...]:
        """The lines of a script's source, inert; in a worker. Raises `FileUnreadable`."""
        from cyrtui.spool.person import source_lines

        return source_lines(self._host, path)

    # --- a partition ------------------------------------------------------------------------------

    def usage(
        self, partition: str, report: Callable[[UsageProgress], None], cancelled: Callable[[], bool]
    ) -> Usage:
        """Add up a partition; in a worker. Raises `FileUnreadable`."""
        from cyrtui.spool.usage import measure_usage

        return measure_usage(self.spool, self.layout.partitions[partition], report, cancelled)

    def partition_of(self, line: TreeLine | None) -> str | None:
        """The partition that a line stands on, else the default one."""
        if line is not None:
            return line.partition
        default = self.layout.default
        return default if default in self.layout.partitions else next(iter(self.layout.partitions), None)
