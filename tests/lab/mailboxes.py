"""The mailboxes of the article's tree, made as an administrator makes them, with some mail in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.clients import Attempt, attempts
from tests.lab.directory import ADMIN, Person
from tests.lab.errors import LabError

if TYPE_CHECKING:
    from tests.lab.stack import Lab

# Below user.NAME, in modified UTF-7 as they go over the wire: `Re&AOc-us` is `Reçus`.
FOLDERS: dict[str, tuple[str, ...]] = {
    "toto": ("Sent", "Trash"),
    "julien": (
        "BugTraq",
        "Drafts",
        "Golf",
        "La Sauce",
        "Lists",
        "Lists.Full Disclosure",
        "Lists.Netfilter",
        "Lists.Netfilter.devel",
        "Rapports_Systemes",
        "SQT Group",
        "Spam",
        "Trash",
        "sent-mail",
    ),
    "jerome": ("Brouillons", "Corbeille", "Exemple", "Trash", "sent", "Re&AOc-us", "Re&AOc-us.&AMk-t&AOk-"),
    "bogdana": ("Draft", "INBOX", "INBOX.Trash", "Sent", "Spam", "Trash"),
    "franck": ("Drafts", "Junk", "Sent", "Trash"),
    "njm": ("Drafts", "Junk", "Sent", "Trash"),
    "jeannot": (),
    "alice": ("&TgB1KA-", "Tom &- Jerry"),
}
# In KiB, as SETQUOTA counts.
QUOTAS = {"julien": 102400, "toto": 1024, "jeannot": 10}
MESSAGES = {"INBOX": 3, "INBOX.Lists.Netfilter": 5, "INBOX.La Sauce": 1, "INBOX.Sent": 2}
SCRIPT = b"""\
require ["fileinto"];
# rule:[netfilter]
if anyof (header :contains "To" "netfilter", header :contains "Cc" "netfilter")
{
        fileinto "INBOX.Lists.Netfilter";
}
"""


def message(person: Person, number: int) -> bytes:
    """A small message with a subject of its own."""
    return (
        f"From: root@testdomain.info\r\nTo: {person.uid}@testdomain.info\r\nSubject: Message {number}\r\n"
        f"Date: Tue, 10 May 2011 13:{number:02d}:28 +0200\r\n\r\n"
        + "A line of some text, to have a size.\r\n"
        * number
    ).encode("ascii")


def folders_of(uid: str) -> tuple[str, ...]:
    """The internal names of a person's mailboxes, the inbox first."""
    return (f"user.{uid}", *(f"user.{uid}.{name}" for name in FOLDERS.get(uid, ())))


def make_mailboxes(lab: Lab) -> None:
    """CREATE and SETQUOTA as cyrus, then APPEND as each owner; a sieve script for one of them."""
    owners = [person for person in lab.people if person is not ADMIN]
    create: list[tuple[bytes, bytes | None]] = []
    for person in owners:
        create += [(f'CREATE "{name}"'.encode("ascii"), None) for name in folders_of(person.uid)]
        if person.uid in QUOTAS:
            create.append(
                (f'SETQUOTA "user.{person.uid}" (STORAGE {QUOTAS[person.uid]})'.encode("ascii"), None)
            )
    _do(lab, [Attempt(ADMIN.uid, ADMIN.password, commands=tuple(create), timeout=60 + len(create) * 0.2)])
    errands = []
    for person in owners:
        if person.uid not in FOLDERS:
            continue
        names = {"INBOX"} | {f"INBOX.{name}" for name in FOLDERS[person.uid]}
        append = [
            (f'APPEND "{name}"'.encode("ascii"), message(person, number))
            for name, count in MESSAGES.items()
            if name in names
            for number in range(1, count + 1)
        ]
        errands.append(Attempt(person.uid, person.password, commands=tuple(append), timeout=60))
    julien = next(person for person in owners if person.uid == "julien")
    put = b'PUTSCRIPT "netfilter" {%d+}\r\n%s' % (len(SCRIPT), SCRIPT)
    errands.append(
        Attempt(
            julien.uid,
            julien.password,
            "sieve",
            "PLAIN",
            commands=((put, None), (b'SETACTIVE "netfilter"', None)),
        )
    )
    _do(lab, errands)


def _do(lab: Lab, errands: list[Attempt]) -> None:
    for outcome in attempts(lab, errands):
        if not outcome.ok or "(then: " in outcome.reply:
            raise LabError(
                f"The lab's mailboxes could not be made: as {outcome.attempt.user} "
                f"over {outcome.attempt.service} the server said '{outcome.reply}'.\n{lab.tail()}"
            )
