"""Everything about one mailbox, in words: the lines of the Spool screen's detail side."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from cyrtui.inert import inert
from cyrtui.spool.mailbox_name import as_owner, parts
from cyrtui.wording import counted, moment

if TYPE_CHECKING:
    from cyrtui.spool.acl import AclEntry
    from cyrtui.spool.layout import SpoolLayout
    from cyrtui.spool.mailbox import MailboxFacts, MessageFiles, QuotaFacts
    from cyrtui.spool.mailbox_index import IndexHeader
    from cyrtui.spool.spool import PartitionFacts
    from cyrtui.spool.usage import Usage

Gravity = Literal["plain", "warning", "failed", "muted"]

_STANDINGS: Final = {
    "listed": "in mailboxes.db",
    "orphaned": "not in mailboxes.db: only the directory is there",
    "unlisted": "mailboxes.db is not readable: only the directory speaks",
}
# What fits beside the word where the detail is narrowest.
_PATH_WIDTH: Final = 36


class FactLine(NamedTuple):
    """A word at the left, and what it says; `more` stands below it, in as many lines as it needs."""

    word: str
    text: str
    gravity: Gravity = "plain"
    more: str | None = None


def size_words(number: int | None) -> str:
    """As `df -h` and `du -h` say sizes, 1K being 1024 bytes: 301K, 4.1M, 81G. Empty for None."""
    if number is None:
        return ""
    if number < 1024:
        return f"{number}B"
    value = float(number)
    for unit in "KMGTP":
        value /= 1024
        if value < 1023.5 or unit == "P":
            return f"{value:.1f}{unit}" if value < 9.95 else f"{value:,.0f}{unit}"
    return ""


def ago_words(then: int | None, now: float) -> str:
    """`now`, `5 min ago`, `2 h ago`, `3 d ago`, `3 w ago`, `2 y ago`; empty for None."""
    if then is None:
        return ""
    seconds = now - then
    if seconds < -60:
        return "in future"
    for unit, name in ((365.25 * 86400, "y"), (7 * 86400, "w"), (86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} ago"
    return "now"


def describe(facts: MailboxFacts, layout: SpoolLayout, zone: tzinfo | None, now: float) -> list[FactLine]:
    """The lines, what is wrong first."""
    summary, mailbox = facts.summary, facts.summary.mailbox
    lines = [
        FactLine("✖" if facts.faults else "!", one, "failed" if facts.faults else "warning")
        for one in facts.problems
    ]
    lines += _path(mailbox.partition.directory, mailbox.directory)
    lines += [
        FactLine("", f"{inert(place)}  {_what_is_there(place, facts)}", "muted")
        for place in mailbox.directories[1:]
    ]
    if summary.counters is not None:
        lines += _counters(summary.counters, summary.unseen, zone, now)
    lines += _quota(facts.quota)
    if facts.files is not None:
        lines.append(_files(facts.files))
    lines += _acl(facts)
    lines += _names(facts, layout, zone)
    if facts.flags:
        lines.append(FactLine("keywords", " ".join(facts.flags)))
    if (index := summary.counters) is not None:
        flags = f"{index.answered:,} answered, {index.flagged:,} flagged, {index.deleted:,} deleted"
        size = f" ({size_words(index.deleted_bytes)})" if index.deleted_bytes else ""
        lines.append(FactLine("flags", flags + size))
        checked = "checksum right" if index.has_crc else "no checksum in this version"
        words = f"v{index.minor_version}, {counted(index.records, 'record')}, {checked}"
        lines.append(FactLine("index", words, "muted"))
    return lines


def _path(root: str, directory: str) -> list[FactLine]:
    """On two lines when it is long: half a path is none."""
    whole = inert(directory)
    if len(whole) <= _PATH_WIDTH or not directory.startswith(f"{root}/"):
        return [FactLine("path", whole)]
    return [FactLine("path", f"{inert(root)}/"), FactLine("", f"  {inert(directory[len(root) + 1 :])}")]


def _names(facts: MailboxFacts, layout: SpoolLayout, zone: tzinfo | None) -> list[FactLine]:
    """What it is called, and by whom it is known."""
    mailbox = facts.summary.mailbox
    lines = []
    if mailbox.name is None:
        lines.append(FactLine("name", "none is known", "warning"))
    else:
        lines.append(FactLine("internal", inert(mailbox.name)))
        found = parts(mailbox.name, layout)
        if found.deleted_at is not None:
            words = f"{moment(found.deleted_at, zone)}; cyr_expire removes it in time"
            lines.append(FactLine("deleted", words, "warning"))
        elif found.owner is not None:
            lines.append(FactLine("people see", as_owner(mailbox.name, layout)))
    gravity: Gravity = "plain" if facts.uniqueid else "warning"
    lines.append(FactLine("uniqueid", inert(facts.uniqueid or "none"), gravity))
    from cyrtui.spool.mailboxes_db import TYPES

    kinds = ", ".join(TYPES.get(letter, letter) for letter in mailbox.kind)
    words = "by its unique id" if mailbox.layout == "uuid" else "by its name"
    words += f", {_STANDINGS[mailbox.standing]}" + (f"; {kinds}" if kinds else "")
    lines.append(FactLine("kept", words, "plain" if mailbox.standing == "listed" else "warning"))
    return lines


def _what_is_there(place: str, facts: MailboxFacts) -> str:
    mailbox = facts.summary.mailbox
    if place == mailbox.archive:
        return "(archived messages)"
    kinds = [kind for kind, root in mailbox.partition.meta.items() if place.startswith(root)]
    return f"({', '.join(kinds)})" if kinds else ""


def _counters(index: IndexHeader, unseen: int | None, zone: tzinfo | None, now: float) -> list[FactLine]:
    unseen_words = "unseen: each reader has his own" if unseen is None else f"{unseen:,} unseen"
    size = f"{index.bytes:,} bytes" + (f" ({size_words(index.bytes)})" if index.bytes >= 1024 else "")
    modseq = f", modseq {index.highest_modseq}" if index.highest_modseq is not None else ""
    when = "never"
    if index.last_append:
        when = f"{moment(index.last_append, zone)}, {ago_words(index.last_append, now)}"
    lines = [
        FactLine("messages", f"{index.exists:,}, {unseen_words}, {size}"),
        FactLine("last append", when),
        FactLine("uids", f"last uid {index.last_uid}, uidvalidity {index.uidvalidity}{modseq}"),
    ]
    if index.records > index.exists:
        waiting = f"{index.records - index.exists:,} expunged"
        if index.expunged_bytes:
            waiting += f", {size_words(index.expunged_bytes)}"
        lines.append(FactLine("waiting", f"{waiting}, kept until cyr_expire"))
    return lines


def _files(files: MessageFiles) -> FactLine:
    words = counted(files.number, "message file")
    if files.expunged:
        words += f", {files.expunged:,} of them expunged"
    if files.arriving:
        words += f", {files.arriving:,} just arriving"
    if files.orphans or files.missing:
        words += f", {len(files.orphans):,} unknown to the index, {len(files.missing):,} missing"
    return FactLine("disk", words, "failed" if files.missing else "warning" if files.orphans else "plain")


def _quota(quota: QuotaFacts | None) -> list[FactLine]:
    if quota is None:
        return [FactLine("quota", "counts for no quota root", "muted")]
    root = inert(quota.root)
    if quota.quota is None:
        return [FactLine("quota", f"root {root}, not readable", "failed")]
    lines = []
    for number, one in enumerate(quota.quota.resources):
        is_size = one.name in {"storage", "annotation-storage"}
        if number and one.limit is None:
            continue
        used = size_words(one.used) if is_size else f"{one.used:,}"
        limit = "no limit" if one.limit is None else size_words(one.limit) if is_size else f"{one.limit:,}"
        words = f"{used} of {limit}" if one.limit is not None else f"{used}, {limit}"
        full = one.limit is not None and one.used >= one.limit
        share = f" ({one.used * 100 // one.limit}%)" if one.limit else ""
        head = f"root {root}: " if not number else f"{one.name}: "
        lines.append(
            FactLine("quota" if not number else "", f"{head}{words}{share}", "failed" if full else "plain")
        )
    return lines


def _acl(facts: MailboxFacts) -> list[FactLine]:
    if facts.acl is None:
        return [FactLine("ACL", "not known", "warning")]
    if not facts.acl:
        return [FactLine("ACL", "empty: only administrators have rights", "muted")]
    lines: list[FactLine] = []
    for one in facts.acl:
        words = f"{'-' if one.negative else ''}{one.identifier} {one.rights}".rstrip()
        gravity: Gravity = "warning" if one.negative else "plain"
        lines.append(FactLine("" if lines else "ACL", words, gravity, _explained(one)))
    return lines


def _explained(one: AclEntry) -> str | None:
    """What the rights allow, letter by letter; of a full set that it is one."""
    if not one.rights:
        return None
    from cyrtui.spool.acl import LETTERS

    held = set(one.rights)
    if not one.negative and (held >= set("lrswipkxtea") or held >= set("lrswipcda")):
        return "everything"
    words = ", ".join(f"{letter} {LETTERS.get(letter, 'a right of the site')}" for letter in one.rights)
    return f"takes away: {words}" if one.negative else words


def describe_partition(facts: PartitionFacts) -> list[FactLine]:
    """A partition: where it is, and what room there is."""
    lines = [FactLine("!", one, "warning") for one in facts.problems]
    one = facts.partition
    lines.append(FactLine("path", inert(one.directory) + ("  (default partition)" if facts.default else "")))
    if one.archive:
        lines.append(FactLine("archive", inert(one.archive)))
    by_root: dict[str, list[str]] = {}
    for kind, root in one.meta.items():
        by_root.setdefault(root, []).append(kind)
    lines += [FactLine("metadata", f"{inert(root)}  ({', '.join(kinds)})") for root, kinds in by_root.items()]
    if facts.space is not None:
        space = facts.space
        share = space.available / space.size if space.size else 0.0
        words = f"{size_words(space.available)} free of {size_words(space.size)} ({share:.0%})"
        lines.append(FactLine("free space", words, _room(share)))
        if space.files:
            left = space.files - space.files_used
            lines.append(FactLine("inodes", f"{left:,} free of {space.files:,}", _room(left / space.files)))
    if facts.staged:
        words = f"{counted(facts.staged, 'file')} of deliveries under way, or left over"
        lines.append(FactLine("stage.", words, "muted"))
    return lines


def _room(share: float) -> Gravity:
    """How grave it is that only this share is free."""
    return "failed" if share < 0.02 else "warning" if share < 0.1 else "plain"


def space_words(facts: PartitionFacts) -> tuple[str, Gravity]:
    """`183 GB of 264 GB free`, and how grave it is."""
    if facts.space is None:
        return "free space cannot be seen", "warning"
    share = facts.space.available / facts.space.size if facts.space.size else 0.0
    words = f"{size_words(facts.space.available)} of {size_words(facts.space.size)} free"
    return words, _room(share)


def usage_lines(usage: Usage) -> list[FactLine]:
    """What a partition holds, in sum."""
    where = counted(usage.mailboxes, "mailbox", "mailboxes")
    lines = [FactLine("messages", f"{usage.messages:,} in {where}, {size_words(usage.bytes)}")]
    if usage.expunged:
        size = "" if usage.expunged_bytes is None else f", {size_words(usage.expunged_bytes)}"
        lines.append(FactLine("waiting", f"{usage.expunged:,} expunged{size}, kept until cyr_expire"))
    if usage.deleted:
        lines.append(FactLine("deleted", f"{counted(usage.deleted, 'mailbox', 'mailboxes')}, among these"))
    if usage.orphaned:
        words = f"{counted(usage.orphaned, 'directory', 'directories')} that mailboxes.db does not know"
        lines.append(FactLine("orphaned", words, "warning"))
    lines += [FactLine("✖", fault.sentence, "failed") for fault in usage.faults[:20]]
    if len(usage.faults) > 20:
        lines.append(FactLine("✖", f"and {len(usage.faults) - 20:,} more", "failed"))
    return lines
