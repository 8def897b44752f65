"""`cyrtui spool`: one row, or one JSON object, a mailbox; NAME with what is below it, and with its files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final, TextIO

from cyrtui.host.protocol import Host
from cyrtui.host.zone import zone_of
from cyrtui.inert import inert
from cyrtui.settings import Settings
from cyrtui.spool.acl import Acl
from cyrtui.spool.layout import split_domain
from cyrtui.spool.mailbox import Fault, Mailbox, MailboxFacts
from cyrtui.spool.mailbox_name import parts, shown
from cyrtui.spool.spool import Spool, open_spool
from cyrtui.wording import counted, moment, size

FINE: Final = 0
DAMAGED: Final = 1
UNREADABLE: Final = 3

_COLUMNS: Final = "  MESSAGES  UNSEEN      SIZE  LAST APPEND       QUOTA  MAILBOX"


def list_spool(
    host: Host, settings: Settings, name: str | None, *, json_wanted: bool, out: TextIO, words: TextIO
) -> int:
    """Print the mailboxes of `host`; data to `out`, words to `words`. Returns the exit status.

    0: all is well; 1: damaged files were met, each named in `words`, or there is no mailbox NAME; 3: what is
    there may not be read, all or in part. Raises `FileUnreadable` where nothing can be read, and
    `ConfigurationError`.
    """
    spool = open_spool(host, settings.path("imapd_conf"))
    run = _Run(spool, zone_of(host), out, words, json_wanted=json_wanted)
    top = None
    if name is not None:
        top = _meant(spool, name)
        if top is None:
            run.say(_no_such(spool, name))
            run.end()
            return DAMAGED
    return run.show(top)


def _meant(spool: Spool, text: str) -> str | None:
    """The internal name that somebody means: the first that is there, or has something below it."""
    entries = spool.entries()
    wanted = spool.named(text)
    for name in wanted if entries is not None else ():
        if any(one.name == name or one.name.startswith(f"{name}.") for one in entries or () if not one.gone):
            return name
    for name in wanted:
        if next(spool.mailboxes(below=name), None) is not None:
            return name
    return None


def _no_such(spool: Spool, text: str) -> str:
    if text.upper() == "INBOX" or text.upper().startswith(("INBOX.", "INBOX/")):
        separator = spool.layout.separator
        user = f"user{separator}NAME"
        return (
            f"INBOX is another mailbox for each user: write {user}, and {user}{separator}FOLDER for one "
            "below it."
        )
    user = f"user{spool.layout.separator}NAME"
    return (
        f"There is no mailbox {inert(text)}, and none below it; `cyrtui spool` has them all, "
        f"those of a user as {user}."
    )


class _Run:
    def __init__(
        self, spool: Spool, zone: tzinfo | None, out: TextIO, words: TextIO, *, json_wanted: bool
    ) -> None:
        self._spool = spool
        self._zone = zone
        self._out = out
        self._words = words
        self._json = json_wanted
        self._said: set[str] = set()
        self._damaged = self._unreadable = False

    def show(self, top: str | None) -> int:
        """Every mailbox, or those at and below `top` with their files."""
        number = messages = octets = 0
        own: list[MailboxFacts] = []
        for facts in self._facts(top):
            if not number and not self._json:
                self._out.write(_COLUMNS + "\n")
            number += 1
            messages += facts.summary.messages or 0
            octets += facts.summary.bytes or 0
            if top is not None and facts.summary.mailbox.name == top:
                own.append(facts)
            self._out.write(self._object(facts) if self._json else self._row(facts))
        if not self._json:
            for facts in own:
                self._out.write(self._detail(facts))
            total = (
                f"{counted(number, 'mailbox', 'mailboxes')}, {counted(messages, 'message')}, {size(octets)}"
            )
            print(f"cyrtui: {total} by the indexes.", file=self._words)
        return self.end()

    def end(self) -> int:
        """Say what is left to say of the whole. The exit status."""
        for fault in self._spool.faults:
            self._fault(fault)
        for sentence in self._spool.problems:
            self.say(sentence)
        return DAMAGED if self._damaged else UNREADABLE if self._unreadable else FINE

    def _facts(self, top: str | None) -> Iterator[MailboxFacts]:
        for mailbox in self._spool.mailboxes(below=top):
            facts = self._spool.facts(mailbox, files=top is not None)
            fault = facts.summary.fault
            if fault is not None and fault.kind in ("missing", "damaged"):
                # it may have been deleted or renamed since it was listed
                now = self._spool.still_listed(mailbox)
                if now is None:
                    continue
                if now.directory != mailbox.directory:
                    facts = self._spool.facts(now, files=top is not None)
            for one in facts.faults:
                self._fault(one)
            for sentence in facts.problems[len(facts.faults) :]:
                self.say(sentence)
            yield facts

    def _fault(self, fault: Fault) -> None:
        self._unreadable |= fault.kind == "unreadable"
        self._damaged |= fault.kind != "unreadable"
        self.say(fault.sentence)

    def say(self, sentence: str) -> None:
        """Once, however many mailboxes it concerns."""
        if sentence not in self._said:
            self._said.add(sentence)
            self._out.flush()
            print(f"cyrtui: {inert(sentence)}", file=self._words)

    # --- text -------------------------------------------------------------------------------------

    def _name(self, mailbox: Mailbox) -> str:
        return shown(mailbox.name, self._spool.layout) if mailbox.name else f"? {inert(mailbox.directory)}"

    def _row(self, facts: MailboxFacts) -> str:
        summary = facts.summary
        messages = "-" if summary.messages is None else f"{summary.messages:,}"
        unseen = "-" if summary.unseen is None else f"{summary.unseen:,}"
        octets = "-" if summary.bytes is None else size(summary.bytes)
        last = "-" if summary.last_append is None else moment(summary.last_append, self._zone)
        notes: list[str] = [summary.fault.kind] if summary.fault is not None else []
        if summary.mailbox.standing == "orphaned":
            notes.append("orphaned")
        note = f"  ({', '.join(notes)})" if notes else ""
        return (
            f"{messages:>10}  {unseen:>6}  {octets:>8}  {last:<16}  {_percent(facts):>5}  "
            f"{self._name(summary.mailbox)}{note}\n"
        )

    def _detail(self, facts: MailboxFacts) -> str:
        """What else there is to say of the one that was asked for."""
        summary, mailbox = facts.summary, facts.summary.mailbox
        rows = [("path", inert(place)) for place in mailbox.directories[:1]]
        rows += [("also", inert(place)) for place in mailbox.directories[1:]]
        rows.append(("uniqueid", inert(facts.uniqueid or "-")))
        rows.append(("partition", inert(mailbox.partition.name)))
        rows.append(("quota", self._quota_words(facts)))
        acl = facts.acl or ()
        for place, one in enumerate(acl):
            words = f"{inert(one.identifier)} {inert(one.rights)}{' (taken away)' if one.negative else ''}"
            rows.append(("" if place else "ACL", words))
        if (counters := summary.counters) is not None:
            uids = f"last uid {counters.last_uid}, uidvalidity {counters.uidvalidity}"
            rows.append(("index", f"version {counters.minor_version}, {uids}"))
        if facts.flags:
            rows.append(("flags", inert(" ".join(facts.flags))))
        if facts.files is not None and facts.files.fault is None:
            files = facts.files
            kept = f", {files.expunged} of them expunged and kept until cyr_expire" if files.expunged else ""
            rows.append(("files", f"{counted(files.number, 'message file')}{kept}"))
        name = f"\n{self._name(mailbox)}\n"
        return name + "".join(f"  {label:<9} {text}\n" for label, text in rows)

    def _quota_words(self, facts: MailboxFacts) -> str:
        if facts.quota is None:
            return "none"
        root = shown(facts.quota.root, self._spool.layout)
        if facts.quota.quota is None:
            return f"{root}, unknown"
        storage = facts.quota.quota.storage
        limit = "without a limit" if storage.limit is None else f"of {size(storage.limit)}"
        return f"{root}, {size(storage.used)} {limit}"

    # --- JSON -------------------------------------------------------------------------------------

    def _object(self, facts: MailboxFacts) -> str:
        import json

        summary, mailbox = facts.summary, facts.summary.mailbox
        counters = summary.counters
        name = mailbox.name
        deleted_at = parts(name, self._spool.layout).deleted_at if name else None
        found = {
            "name": name,
            "shown": self._name(mailbox),
            "partition": mailbox.partition.name,
            "path": mailbox.directory,
            "uniqueid": facts.uniqueid,
            "messages": summary.messages,
            "bytes": summary.bytes,
            "unseen": summary.unseen,
            "last_append": self._time(summary.last_append),
            "quota_root": facts.quota.root if facts.quota is not None else None,
            "acl": _acl_object(facts.acl),
            "quota": _quota_object(facts),
            "standing": mailbox.standing,
            "type": mailbox.kind or None,
            "layout": mailbox.layout,
            "domain": split_domain(name)[0] if name and self._spool.layout.domains else None,
            "deleted_at": self._time(deleted_at),
            "index_version": counters.minor_version if counters else None,
            "last_uid": counters.last_uid if counters else None,
            "uidvalidity": counters.uidvalidity if counters else None,
            "highest_modseq": counters.highest_modseq if counters else None,
            "expunged": counters.records - counters.exists if counters else None,
            "flags": list(facts.flags),
            "files": _files_object(facts),
            "faults": [
                {"kind": one.kind, "path": one.path, "sentence": one.sentence} for one in facts.faults
            ],
            "problems": list(facts.problems[len(facts.faults) :]),
        }
        text = json.dumps(found, ensure_ascii=False)
        # a name is told exactly; what a terminal would obey in it is escaped as JSON escapes
        return (text if inert(text) == text else json.dumps(found)) + "\n"

    def _time(self, seconds: int | None) -> str | None:
        if seconds is None:
            return None
        return datetime.fromtimestamp(seconds, UTC).astimezone(self._zone).isoformat()


def _percent(facts: MailboxFacts) -> str:
    quota = facts.quota.quota if facts.quota is not None else None
    if quota is None or quota.storage.limit is None:
        return "-"
    return f"{100 * quota.storage.used // quota.storage.limit}%" if quota.storage.limit else "0 left"


def _acl_object(acl: Acl | None) -> dict[str, str] | None:
    if acl is None:
        return None
    return {f"-{one.identifier}" if one.negative else one.identifier: one.rights for one in acl}


def _quota_object(facts: MailboxFacts) -> dict[str, dict[str, int | None]] | None:
    """{"storage": {"used", "limit"}, ...}: bytes and numbers; a limit of null is none."""
    if facts.quota is None or facts.quota.quota is None:
        return None
    return {one.name: {"used": one.used, "limit": one.limit} for one in facts.quota.quota.resources}


def _files_object(facts: MailboxFacts) -> dict[str, object] | None:
    files = facts.files
    if files is None or files.fault is not None:
        return None
    return {
        "number": files.number,
        "expunged": files.expunged,
        "orphans": list(files.orphans),
        "missing": list(files.missing),
    }
