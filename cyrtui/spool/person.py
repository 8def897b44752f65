"""What belongs to a user beside his mailboxes: sieve scripts, subscriptions, what he has read of others'."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from cyrtui.errors import CyrtuiError, FileMissing, FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.spool.describe import FactLine, Gravity, size_words
from cyrtui.spool.layout import owner_of, sieve_directories, user_file
from cyrtui.spool.mailbox import Mailbox
from cyrtui.spool.mailbox_name import shown
from cyrtui.spool.sieve import SieveFile, SieveScript, sieve_scripts
from cyrtui.spool.tree import Group
from cyrtui.wording import counted, moment

if TYPE_CHECKING:
    from cyrtui.spool.browse import Numbers
    from cyrtui.spool.spool import Spool

_FILE_LIMIT: Final = 16 << 20
_SOURCE_LIMIT: Final = 1 << 20
_SCRIPTS_LIMIT: Final = 1000
_LINKS: Final = ("defaultbc", "default")


class SieveListing(NamedTuple):
    """The scripts, with their bytecode in `directory` (None: there is none, or they are in home directories);
    `problem` says why something cannot be seen. `sources` has the path of each source: a file or, since
    3.6, a message of the user's mailbox #sieve."""

    directory: str | None
    scripts: tuple[SieveScript, ...]
    dangling: str | None
    problem: str | None
    sources: Mapping[str, str] = MappingProxyType({})


def _inbox(spool: Spool, group: Group) -> tuple[str, str | None] | None:
    """The internal name and the unique id of a user's INBOX."""
    mailbox: Mailbox | None = group.inbox
    if group.kind != "user" or mailbox is None or mailbox.name is None:
        return None
    name = owner_of(mailbox.name, domains=spool.layout.domains)
    if name is None:
        return None
    return name, mailbox.uniqueid if mailbox.name == name else spool.id_of(name)


def sieve_of(spool: Spool, group: Group) -> SieveListing:
    """The sieve scripts of a user, in whichever of the places they are."""
    inbox = _inbox(spool, group)
    if inbox is None:
        return SieveListing(None, (), None, "Only users have sieve scripts.")
    if spool.layout.sievedir is None:
        words = "sieveusehomedir: scripts are in the home directories of the users."
        return SieveListing(None, (), None, words)
    problem, place = None, None
    files: list[SieveFile] = []
    for directory in sieve_directories(spool.layout, *inbox):
        try:
            names = spool.host.scan(directory).others
        except FileMissing:
            continue
        except FileUnreadable as error:
            problem = str(error)
            continue
        place, files = directory, _sieve_files(spool.host, directory, names)
        break
    paths = {one.name: f"{place}/{one.name}" for one in files}
    try:
        kept = _kept_as_messages(spool.host, group)
    except CyrtuiError as error:
        problem, kept = str(error), {}
    for name, (path, date) in kept.items():
        if name not in paths:
            paths[name] = path
            files.append(SieveFile(name, date))
    found = sieve_scripts(files)
    sources = {one.name: paths[one.source] for one in found.scripts if one.source is not None}
    return SieveListing(place, found.scripts, found.dangling, problem, sources)


def _kept_as_messages(host: Host, group: Group) -> dict[str, tuple[str, float]]:
    """Since 3.6 a script's source is a message of the mailbox #sieve, and its subject the script's name.

    Name of the source -> its path, and when it came in seconds since the epoch.
    """
    from cyrtui.spool.messages import list_messages, read_fields

    found: dict[str, tuple[str, float]] = {}
    for mailbox in group.mailboxes:
        if "f" not in mailbox.kind:
            continue
        messages = list_messages(host, mailbox)[:_SCRIPTS_LIMIT]
        fields = read_fields(host, mailbox, [one.uid for one in messages], lambda: False)
        for one in messages:
            subject = fields[one.uid].subject
            if subject and fields[one.uid].missing is None:
                path = f"{mailbox.directory}/{one.uid}."
                found.setdefault(f"{subject}.script", (path, float(one.date)))
    return found


def _sieve_files(host: Host, directory: str, names: tuple[str, ...]) -> list[SieveFile]:
    """A link is told by the file that it leads to: a host reads files, not links."""
    by_identity: dict[tuple[int, int], str] = {}
    files: list[SieveFile] = []
    for name in sorted(names, key=lambda one: one in _LINKS):
        try:
            facts = host.stat(f"{directory}/{name}")
        except FileUnreadable:
            if name in _LINKS:
                files.append(SieveFile(name, 0.0, "a script that is not there"))
            continue
        target = by_identity.setdefault(facts.identity, name)
        files.append(SieveFile(name, facts.mtime, target if target != name else None))
    return files


def source_lines(host: Host, path: str) -> tuple[str, ...]:
    """The lines of a script, inert: of a file, or of a message below its header. Raises `FileUnreadable`."""
    data = host.read(path, _SOURCE_LIMIT)
    if path.endswith("."):
        from cyrtui.spool.message_file import read_headers

        data = data[read_headers(data).body_at :]
    text = data.decode("utf-8", "backslashreplace")
    return tuple(inert(line.rstrip("\r"), keep="\t").expandtabs(8) for line in text.split("\n"))


def describe_group(spool: Spool, group: Group, numbers: Numbers, zone: tzinfo | None) -> list[FactLine]:
    """What there is to know of a user, or of the shared or deleted mailboxes as a whole; in a worker."""
    words = counted(len(group.mailboxes), "mailbox", "mailboxes")
    if numbers.known:
        words += f", {counted(numbers.messages or 0, 'message')}, {size_words(numbers.bytes)}"
    lines = [FactLine("✖", numbers.fault, "failed")] if numbers.fault else []
    lines.append(FactLine("all", words))
    inbox = _inbox(spool, group)
    if inbox is None:
        return lines
    if numbers.quota_used is not None:
        limit = "no limit" if numbers.quota_limit is None else f"of {size_words(numbers.quota_limit)}"
        full = numbers.quota_limit is not None and numbers.quota_used >= numbers.quota_limit
        words = f"{size_words(numbers.quota_used)} {limit}"
        lines.append(FactLine("quota", words, "failed" if full else "plain"))
    else:
        lines.append(FactLine("quota", "none for the whole of it", "muted"))
    lines += _sieve_lines(sieve_of(spool, group), zone)
    lines += _subscriptions(spool, *inbox)
    lines += _seen(spool, *inbox)
    return lines


def _sieve_lines(listing: SieveListing, zone: tzinfo | None) -> list[FactLine]:
    if listing.problem is not None:
        return [FactLine("sieve", listing.problem, "muted")]
    if not listing.scripts:
        return [FactLine("sieve", "no script", "muted")]
    lines: list[FactLine] = []
    for one in listing.scripts:
        state = "active" if one.active else "not active"
        words = f"{one.name}, {state}, changed {moment(one.modified, zone)}"
        gravity: Gravity = "warning" if one.stale else "plain"
        lines.append(FactLine("" if lines else "sieve", words, gravity, wrong_with(one)))
    if listing.dangling is not None:
        words = f"the active link leads to {listing.dangling}: no script runs"
        lines.append(FactLine("", words, "failed"))
    return lines


def wrong_with(one: SieveScript) -> str | None:
    """What is wrong with a script, in a sentence."""
    if one.stale:
        return "Its bytecode is older than its source: what runs is not what is written here."
    if one.source is None:
        return "Only the bytecode is there: its source is nowhere to be found."
    if one.bytecode is None and one.active:
        return "It is active, but there is no bytecode: it does not run."
    return None


def _file(spool: Spool, inbox: str, uniqueid: str | None, kind: str) -> tuple[str, bytes | None, str] | None:
    """The path of a user's file, what is in it, and why it cannot be read; None: there is none."""
    for path in user_file(spool.layout, inbox, uniqueid, kind):
        try:
            return path, spool.host.read(path, _FILE_LIMIT), ""
        except FileMissing:
            continue
        except CyrtuiError as error:
            return path, None, str(error)
    return None


def _subscriptions(spool: Spool, inbox: str, uniqueid: str | None) -> list[FactLine]:
    from cyrtui.spool.damage import Damaged
    from cyrtui.spool.subscriptions import read_subscriptions

    found = _file(spool, inbox, uniqueid, "sub")
    if found is None:
        return [FactLine("subscribed", "to nothing: there is no file", "muted")]
    path, data, problem = found
    if data is None:
        return [FactLine("subscribed", problem, "warning")]
    try:
        names = read_subscriptions(data, inbox.replace("user.", "", 1))
    except Damaged as error:
        return [FactLine("subscribed", str(error.at(inert(path))), "failed")]
    listed = ", ".join(shown(one, spool.layout) for one in names)
    words = f"to {counted(len(names), 'mailbox', 'mailboxes')}"
    return [FactLine("subscribed", words, "plain", listed or None)]


def _seen(spool: Spool, inbox: str, uniqueid: str | None) -> list[FactLine]:
    from cyrtui.spool.damage import Damaged
    from cyrtui.spool.seen import read_seen

    found = _file(spool, inbox, uniqueid, "seen")
    if found is None:
        return [FactLine("seen file", "none", "muted")]
    path, data, problem = found
    if data is None:
        return [FactLine("seen file", problem, "warning")]
    try:
        states = read_seen(data)
    except Damaged as error:
        return [FactLine("seen file", str(error.at(inert(path))), "failed")]
    return [FactLine("seen file", f"{inert(path)}, of {counted(len(states), 'mailbox', 'mailboxes')}")]
