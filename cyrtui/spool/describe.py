"""Everything about one mailbox, in words: the lines of the Spool screen's detail side."""

from __future__ import annotations

from datetime import tzinfo
from typing import Literal, NamedTuple

from cyrtui.inert import inert
from cyrtui.spool.acl import LETTERS, AclEntry
from cyrtui.spool.layout import SpoolLayout
from cyrtui.spool.mailbox import MailboxFacts, MessageFiles, QuotaFacts
from cyrtui.spool.mailbox_index import IndexHeader
from cyrtui.spool.mailbox_name import as_owner, parts
from cyrtui.spool.mailboxes_db import TYPES
from cyrtui.spool.spool import PartitionFacts
from cyrtui.wording import counted, moment

Gravity = Literal["plain", "warning", "failed", "muted"]


class FactLine(NamedTuple):
    """A word at the left, and what it says; `more` stands below it, in as many lines as it needs."""

    word: str
    text: str
    gravity: Gravity = "plain"
    more: str | None = None


def size_words(number: int | None) -> str:
    """As people say sizes: 301 kB, 4.1 MB, 81 GB; thousands, as disks are sold. Empty for None."""
    if number is None:
        return ""
    if number < 1000:
        return f"{number} B"
    value = float(number)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        value /= 1000
        if value < 999.5 or unit == "PB":
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
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
        FactLine("✖" if facts.faults else "!", "", "failed" if facts.faults else "warning", one)
        for one in facts.problems
    ]
    lines.append(FactLine("path", inert(mailbox.directory)))
    for place in mailbox.directories[1:]:  # noqa: PERF401
        lines.append(FactLine("", f"{inert(place)}  {_what_is_there(place, facts)}", "muted"))
    lines.append(
        FactLine(
            "internal", inert(mailbox.name or "no name is known"), "plain" if mailbox.name else "warning"
        )
    )
    if mailbox.name is not None:
        found = parts(mailbox.name, layout)
        if found.deleted_at is not None:
            lines.append(
                FactLine(
                    "deleted", f"{moment(found.deleted_at, zone)}; cyr_expire removes it in time", "warning"
                )
            )
        elif found.owner is not None:
            lines.append(FactLine("people see", as_owner(mailbox.name, layout)))
    lines.append(
        FactLine("uniqueid", inert(facts.uniqueid or "none"), "plain" if facts.uniqueid else "warning")
    )
    kinds = ", ".join(TYPES.get(letter, letter) for letter in mailbox.kind)
    standing = {
        "listed": "in mailboxes.db",
        "orphaned": "not in mailboxes.db: only the directory is there",
        "unlisted": "mailboxes.db is not readable: only the directory speaks",
    }[mailbox.standing]
    layout_words = "by its unique id" if mailbox.layout == "uuid" else "by its name"
    lines.append(
        FactLine(
            "kept",
            f"{layout_words}, {standing}" + (f"; {kinds}" if kinds else ""),
            "plain" if mailbox.standing == "listed" else "warning",
        )
    )
    if summary.counters is not None:
        lines += _index(summary.counters, summary.unseen, zone, now)
    if facts.files is not None:
        lines += _files(facts.files)
    lines += _quota(facts.quota, layout)
    lines += _acl(facts)
    if facts.flags:
        lines.append(FactLine("keywords", " ".join(facts.flags)))
    return lines


def _what_is_there(place: str, facts: MailboxFacts) -> str:
    mailbox = facts.summary.mailbox
    if place == mailbox.archive:
        return "(archived messages)"
    kinds = [kind for kind, root in mailbox.partition.meta.items() if place.startswith(root)]
    return f"({', '.join(kinds)})" if kinds else ""


def _index(index: IndexHeader, unseen: int | None, zone: tzinfo | None, now: float) -> list[FactLine]:
    unseen_words = "unseen: each reader has his own" if unseen is None else f"{unseen:,} unseen"
    size = f"{index.bytes:,} bytes" + (f" ({size_words(index.bytes)})" if index.bytes >= 1000 else "")
    lines = [
        FactLine("messages", f"{index.exists:,}, {unseen_words}, {size}"),
        FactLine(
            "last append",
            f"{moment(index.last_append, zone)}, {ago_words(index.last_append, now)}"
            if index.last_append
            else "never",
        ),
        FactLine(
            "uids",
            f"last uid {index.last_uid}, uidvalidity {index.uidvalidity}"
            + (f", modseq {index.highest_modseq}" if index.highest_modseq is not None else ""),
        ),
        FactLine(
            "flags",
            f"{index.answered:,} answered, {index.flagged:,} flagged, {index.deleted:,} deleted"
            + (f" ({size_words(index.deleted_bytes)})" if index.deleted_bytes else ""),
        ),
    ]
    if index.records > index.exists:
        waiting = f"{index.records - index.exists:,} expunged"
        if index.expunged_bytes:
            waiting += f", {size_words(index.expunged_bytes)}"
        lines.append(FactLine("waiting", f"{waiting}, kept until cyr_expire"))
    checked = "checksum right" if index.has_crc else "no checksum in this version"
    lines.append(
        FactLine("index", f"v{index.minor_version}, {counted(index.records, 'record')}, {checked}", "muted")
    )
    return lines


def _files(files: MessageFiles) -> list[FactLine]:
    words = counted(files.number, "message file")
    if files.expunged:
        words += f", {files.expunged:,} of them expunged"
    if files.arriving:
        words += f", {files.arriving:,} just arriving"
    if files.orphans or files.missing:
        words += f", {len(files.orphans):,} unknown to the index, {len(files.missing):,} missing"
    return [FactLine("disk", words, "failed" if files.missing else "warning" if files.orphans else "plain")]


def _quota(quota: QuotaFacts | None, layout: SpoolLayout) -> list[FactLine]:
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
    held = set(one.rights)
    if not one.negative and (held >= set("lrswipkxtea") or held >= set("lrswipcda")):
        return "everything"
    words = ", ".join(f"{letter} {LETTERS.get(letter, 'a right of the site')}" for letter in one.rights)
    return f"takes away: {words}" if one.negative else words


def describe_partition(facts: PartitionFacts) -> list[FactLine]:
    """A partition: where it is, and what room there is."""
    lines = [FactLine("✖", "", "failed", one) for one in facts.problems]
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
