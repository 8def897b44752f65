"""Where the files of one mailbox contradict each other, or mailboxes.db: a sentence for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyrtui.inert import inert
from cyrtui.spool.layout import quota_path, quota_roots_above
from cyrtui.spool.mailbox import Mailbox, MailboxSummary, MessageFiles, QuotaFacts
from cyrtui.spool.mailbox_header import MailboxHeader
from cyrtui.wording import counted as said

if TYPE_CHECKING:
    from cyrtui.spool.spool import Spool


def disagreements(
    spool: Spool,
    mailbox: Mailbox,
    summary: MailboxSummary,
    header: MailboxHeader | None,
    quota: QuotaFacts | None,
    files: MessageFiles | None,
) -> tuple[str, ...]:
    """What does not fit together, the gravest first."""
    found: list[str] = []
    if mailbox.standing == "orphaned":
        found.append(_orphaned(spool, mailbox))
    if header is not None and mailbox.standing == "listed":
        found += _against_database(mailbox, header)
    if files is not None and files.fault is None:
        found += _files(files)
    if header is not None and mailbox.name is not None:
        found += _quota(spool, mailbox.name, header, quota)
    return tuple(found)


def _orphaned(spool: Spool, mailbox: Mailbox) -> str:
    where = inert(mailbox.directory)
    if mailbox.name is None:
        return (
            f"{where} is of no mailbox: mailboxes.db has none for it, and by imapd.conf no name leads there."
        )
    entry = spool.entry_of(mailbox.name)
    if entry is not None and not entry.gone:
        return (
            f"mailboxes.db has {inert(mailbox.name)}, but not in {where}: "
            "this directory may be an old copy that was left behind."
        )
    return (
        f"{where} is orphaned: mailboxes.db has no {inert(mailbox.name)}. Clients do not see it; "
        "`reconstruct` can bring it back, or it was left over from a deletion."
    )


def _against_database(mailbox: Mailbox, header: MailboxHeader) -> list[str]:
    found = []
    if header.name is not None and header.name != mailbox.name:
        found.append(
            f"cyrus.header says that this is {inert(header.name)}, mailboxes.db that it is "
            f"{inert(mailbox.name or '?')}; the server goes by mailboxes.db."
        )
    if header.uniqueid and mailbox.uniqueid and header.uniqueid != mailbox.uniqueid:
        found.append(
            f"The unique id is {inert(header.uniqueid)} in cyrus.header and {inert(mailbox.uniqueid)} in "
            "mailboxes.db: `reconstruct` of this mailbox makes them the same."
        )
    if mailbox.acl is not None and dict(_pairs(header)) != {
        one.identifier: (one.negative, frozenset(one.rights)) for one in mailbox.acl
    }:
        found.append(
            "The ACL of cyrus.header is not that of mailboxes.db; the server goes by mailboxes.db, and "
            "`reconstruct` of this mailbox makes them the same."
        )
    return found


def _pairs(header: MailboxHeader) -> list[tuple[str, tuple[bool, frozenset[str]]]]:
    return [(one.identifier, (one.negative, frozenset(one.rights))) for one in header.acl]


def _files(files: MessageFiles) -> list[str]:
    found = []
    if files.missing:
        have = "has" if len(files.missing) == 1 else "have"
        found.append(
            f"{said(len(files.missing), 'message')} of the index {have} no file ({_some(files.missing)}): "
            "whoever opens one gets an error; `reconstruct` takes them out of the index."
        )
    if files.orphans:
        found.append(
            f"{said(len(files.orphans), 'file')} of messages that the index does not know "
            f"({_some(files.orphans)}): nobody sees them; `reconstruct` brings them back."
        )
    return found


def _some(uids: tuple[int, ...]) -> str:
    more = f" and {len(uids) - 5} more" if len(uids) > 5 else ""
    return f"{', '.join(f'{uid}.' for uid in uids[:5])}{more}"


def _quota(spool: Spool, name: str, header: MailboxHeader, quota: QuotaFacts | None) -> list[str]:
    """A root nearer than the one of the header: mail is counted for the wrong one."""
    if spool.layout.quotas_db is not None:
        return []
    for root in quota_roots_above(name, domains=spool.layout.domains):
        if root == header.quota_root:
            return []
        path = quota_path(spool.layout, root)
        if path is not None and spool.exists(path):
            counts = f"counts for {inert(header.quota_root)}" if header.quota_root else "counts for no quota"
            return [
                f"There is a quota root {inert(root)}, but the mailbox {counts}: `quota -f` puts it right."
            ]
    return []
