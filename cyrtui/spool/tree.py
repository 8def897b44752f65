"""The tree of the Spool screen: partition > user > mailboxes, as the lines that stand open.

Users are known by the names of their mailboxes alone; what is below one is put in order when it is opened.
Whoever fills it (a worker) and whoever shows it may be different threads: `add` only appends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from cyrtui.inert import inert
from cyrtui.spool.mailbox_name import Namespace, parts, shown, shown_level

if TYPE_CHECKING:
    from cyrtui.spool.mailbox import Mailbox

GroupKind = Literal["user", "shared", "deleted", "unnamed"]
LineKind = Literal["partition", "group", "mailbox", "level"]

_TITLES: Final = {
    "shared": "Shared folders",
    "deleted": "Deleted, not yet expired",
    "unnamed": "Without a name",
}
_ORDER: Final = {"user": 0, "shared": 1, "deleted": 2, "unnamed": 3}


class Group:
    """What stands below one line of a partition: a user's mailboxes, the shared ones, the deleted ones, or
    directories that nothing names. `label` is inert."""

    __slots__ = ("key", "kind", "label", "mailboxes", "order", "partition")

    def __init__(self, key: str, partition: str, kind: GroupKind, label: str) -> None:
        self.key = key
        self.partition = partition
        self.kind = kind
        self.label = label
        self.order = (_ORDER[kind], label.casefold(), key)
        self.mailboxes: list[Mailbox] = []

    @property
    def inbox(self) -> Mailbox | None:
        """The mailbox that stands for a user: his INBOX, if it is on this partition, else any of his."""
        return min(self.mailboxes, key=lambda one: (one.name or "").count("."), default=None)


class TreeLine(NamedTuple):
    """One line: `open` tells whether what is below it is shown, None where there is nothing below."""

    key: str
    kind: LineKind
    depth: int
    label: str
    open: bool | None
    partition: str
    group: Group | None = None
    mailbox: Mailbox | None = None

    @property
    def mailboxes(self) -> tuple[Mailbox, ...]:
        """What the numbers of this line are of: one mailbox, or all of a user."""
        if self.mailbox is not None:
            return (self.mailbox,)
        return tuple(self.group.mailboxes) if self.group is not None and self.kind == "group" else ()


def plain(text: str) -> str:
    """`text` in one case and without accents: whoever looks for Été may have no É on the keyboard."""
    if text.isascii():
        return text.lower()
    from unicodedata import combining, normalize

    return "".join(one for one in normalize("NFKD", text.casefold()) if not combining(one))


Worth = Callable[[Group], float | None]
"""What groups are sorted by, greatest first; None is not known."""


class SpoolTree:
    """Every mailbox by partition and group."""

    def __init__(self, names: Namespace, partitions: Iterable[str]) -> None:
        self._names = names
        self._partitions = tuple(partitions)
        self._groups: dict[str, Group] = {}
        self._closed: set[str] = set()
        self._opened: set[str] = set()
        self._words: dict[str, tuple[str, str]] = {}
        self.count = 0

    @property
    def users(self) -> int:
        return sum(1 for one in tuple(self._groups.values()) if one.kind == "user")

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(self._groups.values())

    def add(self, mailboxes: Iterable[Mailbox]) -> None:
        """More mailboxes were found."""
        for mailbox in mailboxes:
            self._group_of(mailbox).mailboxes.append(mailbox)
            self.count += 1

    def _group_of(self, mailbox: Mailbox) -> Group:
        partition, name = mailbox.partition.name, mailbox.name
        if name is None:
            kind: GroupKind = "unnamed"
            owner = ""
        else:
            found = parts(name, self._names)
            owner = found.owner or ""
            kind = "deleted" if found.deleted_at is not None else "user" if owner else "shared"
        key = f"{partition}\0{kind}\0{owner if kind == 'user' else ''}"
        group = self._groups.get(key)
        if group is None:
            label = inert(owner) if kind == "user" else _TITLES[kind]
            group = self._groups[key] = Group(key, partition, kind, label)
        return group

    # --- what stands open -------------------------------------------------------------------------

    def open(self, line: TreeLine) -> None:
        """Show what is below a line."""
        self._closed.discard(line.key)
        if line.kind == "group":
            self._opened.add(line.key)

    def close(self, line: TreeLine) -> None:
        """Do not show what is below a line."""
        self._opened.discard(line.key)
        if line.kind != "group":
            self._closed.add(line.key)

    def open_as(self, other: SpoolTree) -> None:
        """Show open what stands open in another tree of the same spool."""
        self._opened, self._closed = set(other._opened), set(other._closed)

    def reveal(self, key: str) -> None:
        """Open what a mailbox of this key stands below."""
        for group in self.groups:
            if any(one.directory == key for one in group.mailboxes):
                self._opened.add(group.key)
                self._closed.discard(f"partition\0{group.partition}")

    # --- lines ------------------------------------------------------------------------------------

    def lines(
        self,
        wanted: str = "",
        worth: Worth | None = None,
        *,
        reverse: bool = False,
        breathe: Callable[[], object] = lambda: None,
    ) -> list[TreeLine]:
        """The lines that stand open, or, with `wanted`, every mailbox whose name holds that text (in any
        case) with what it stands below. Groups are sorted by name, or by what they are worth, the greatest
        first. `breathe` is called once a group, so that somebody may do what is more urgent."""
        needle = plain(wanted.strip())
        by_partition: dict[str, list[Group]] = {name: [] for name in self._partitions}
        for group in self.groups:
            by_partition.setdefault(group.partition, []).append(group)
        lines: list[TreeLine] = []
        for partition, groups in by_partition.items():
            head = f"partition\0{partition}"
            is_open = bool(needle) or head not in self._closed
            line = TreeLine(head, "partition", 0, inert(partition), is_open, partition)
            below: list[TreeLine] = []
            if is_open:
                for group in self._sorted(groups, worth, reverse=reverse):
                    breathe()
                    below += self._lines_of(group, needle)
            if below or not needle:
                lines.append(line)
                lines += below
        return lines

    def _sorted(self, groups: list[Group], worth: Worth | None, *, reverse: bool) -> list[Group]:
        by_name = sorted(groups, key=lambda one: one.order)
        if worth is None and reverse:
            by_name.sort(key=lambda one: one.order[1:], reverse=True)
        if worth is not None:
            known = {one.key: worth(one) for one in by_name}
            # what is not known stands last, whichever way
            by_name.sort(
                key=lambda one: (
                    known[one.key] is None,
                    (known[one.key] or 0.0) * (1 if reverse else -1),
                )
            )
        return sorted(by_name, key=lambda one: one.order[0])

    def _lines_of(self, group: Group, needle: str) -> list[TreeLine]:
        mailboxes = group.mailboxes
        if needle:
            chosen = [one for one in mailboxes if needle in self._words_of(one)[0]]
            # the name of the user alone stands for all that he has: shown closed
            if not chosen:
                return []
            if group.kind == "user" and needle in plain(group.label):
                deeper = [one for one in chosen if needle in self._words_of(one)[1]]
                is_open = bool(deeper) or group.key in self._opened
                chosen = deeper if deeper and group.key not in self._opened else chosen
            else:
                is_open = True
        else:
            chosen, is_open = list(mailboxes), group.key in self._opened
        lines = [TreeLine(group.key, "group", 1, group.label, is_open, group.partition, group)]
        if is_open:
            lines += self._folders(group, chosen, whole=bool(needle))
        return lines

    def make_words(self, cancelled: Callable[[], bool]) -> None:
        """Make what a filter looks in, of every mailbox; in a worker, since it takes time."""
        for group in self.groups:
            for mailbox in tuple(group.mailboxes):
                self._words_of(mailbox)
            if cancelled():
                return

    def _words_of(self, mailbox: Mailbox) -> tuple[str, str]:
        """What a filter looks in, in one case and without accents: the whole name as people see it, and the
        folder's alone."""
        found = self._words.get(mailbox.directory)
        if found is None:
            if mailbox.name is None:
                words = plain(inert(mailbox.directory))
                found = words, words
            else:
                taken = parts(mailbox.name, self._names)
                levels = [shown_level(one, self._names) for one in taken.folder]
                folder = plain(self._names.separator.join(levels))
                deleted = taken.deleted_at is not None
                whole = self._deleted_name(mailbox) if deleted else shown(mailbox.name, self._names)
                # the internal name as well: who copies it from a log looks for it
                internal = "" if deleted else inert(mailbox.name).casefold()
                found = f"{plain(whole)}\n{internal}", folder
            self._words[mailbox.directory] = found
        return found

    def _folders(self, group: Group, mailboxes: list[Mailbox], *, whole: bool) -> list[TreeLine]:
        """The mailboxes as a tree; a level that is no mailbox has a line of its own."""
        if group.kind == "unnamed":
            return [
                TreeLine(one.directory, "mailbox", 2, inert(one.directory), None, group.partition, group, one)
                for one in sorted(mailboxes, key=lambda one: one.directory)
            ]
        if group.kind == "deleted":
            return self._deleted(group, mailboxes)
        placed: dict[tuple[str, ...], Mailbox | None] = {}
        for mailbox in mailboxes:
            found = parts(mailbox.name or "", self._names)
            path = found.folder if group.kind == "shared" else ("", *found.folder)
            if found.domain and group.kind != "user":
                path = (f"@{found.domain}", *path)
            if path in placed and placed[path] is not None:
                # the same name twice: on disk and in the database at different places
                path = (*path, mailbox.directory)
            placed[path] = mailbox
            start = 2 if group.kind == "user" else 1
            for length in range(start, len(path)):
                placed.setdefault(path[:length], None)
        children = {path[:-1] for path in placed if len(path) > (2 if group.kind == "user" else 1)}
        lines: list[TreeLine] = []
        shut: tuple[str, ...] | None = None
        for path in sorted(placed, key=lambda one: tuple(level.casefold() for level in one)):
            if shut is not None and path[: len(shut)] == shut:
                continue
            shut = None
            mailbox_here = placed[path]
            key = mailbox_here.directory if mailbox_here else "\0".join((group.key, *path))
            is_open = None
            if path in children:
                is_open = whole or key not in self._closed
                shut = None if is_open else path
            if group.kind == "user":
                label = shown_level(path[-1], self._names) if len(path) > 1 else "INBOX"
                depth = 2 + max(0, len(path) - 2)
            else:
                label = shown_level(path[-1], self._names)
                depth = 1 + len(path)
            if mailbox_here and path[-1] == mailbox_here.directory:
                label = f"again: {inert(path[-1])}"
            kind: LineKind = "mailbox" if mailbox_here else "level"
            lines.append(TreeLine(key, kind, depth, label, is_open, group.partition, group, mailbox_here))
        return lines

    def _deleted(self, group: Group, mailboxes: list[Mailbox]) -> list[TreeLine]:
        """Deleted mailboxes by the names that they had, the same name more than once."""
        lines = []
        for one in sorted(mailboxes, key=lambda one: (one.name or "").casefold()):
            label = self._deleted_name(one)
            lines.append(TreeLine(one.directory, "mailbox", 2, label, None, group.partition, group, one))
        return lines

    def _deleted_name(self, mailbox: Mailbox) -> str:
        """The name that it had: the user and his folder."""
        found = parts(mailbox.name or "", self._names)
        levels = [shown_level(level, self._names) for level in found.folder]
        return self._names.separator.join([inert(found.owner), *levels] if found.owner else levels)
