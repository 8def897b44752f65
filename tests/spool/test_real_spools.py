"""The whole spools of real servers, read from copied trees: every count as the server itself told it."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

import pytest

from cyrtui.host.tree import TreeHost
from cyrtui.spool.mailbox import MailboxFacts
from cyrtui.spool.mailbox_name import parts
from cyrtui.spool.spool import Spool, open_spool
from cyrtui.spool.usage import UsageProgress, measure_usage
from tests.spool.samples import RECORDINGS, VERSIONS, statuses, text

_USERS = ("u30", "u31", "u32", "u33", "jean.dupont")


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def root(version: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of a version unpacked, with its imapd.conf in it."""
    return unpacked(version, tmp_path_factory.mktemp("spool"))


def unpacked(version: str, directory: Path) -> Path:
    with tarfile.open(RECORDINGS / f"cyrus-{version}-spool" / "root.tar.gz") as archive:
        archive.extractall(directory, filter="data")
    (directory / "etc").mkdir(exist_ok=True)
    (directory / "etc/imapd.conf").write_text(text(version, "imapd.conf"))
    return directory


@pytest.fixture(scope="module")
def spool(root: Path) -> Spool:
    return open_spool(TreeHost(str(root)), "/etc/imapd.conf")


@pytest.fixture(scope="module")
def all_facts(spool: Spool) -> dict[str, MailboxFacts]:
    found = [spool.facts(mailbox) for mailbox in spool.mailboxes()]
    assert not spool.problems
    assert not spool.faults
    return {one.summary.mailbox.name or "": one for one in found}


def test_every_mailbox_and_nothing_else(version: str, all_facts: dict[str, MailboxFacts]) -> None:
    lines = text(version, "mboxlist.txt")
    if lines.startswith("{"):
        said = json.loads(lines)
        # what was deleted at once is remembered without a place
        listed = {name: entry["partition"] for name, entry in said.items() if "partition" in entry}
    else:
        listed = {line.split("\t")[0]: line.split("\t")[1] for line in lines.splitlines()}
    found = {name: one.summary.mailbox.partition.name for name, one in all_facts.items()}
    assert found == {name: partition.split(" ")[-1] for name, partition in listed.items()}
    assert all(one.summary.mailbox.standing == "listed" for one in all_facts.values())


def test_places_are_those_of_mbpath(version: str, spool: Spool, all_facts: dict[str, MailboxFacts]) -> None:
    for line in text(version, "mbpath.txt").splitlines():
        name, _, path = line.partition("\t")
        found = [all_facts[one] for one in spool.named(name) if one in all_facts]
        assert found, name
        assert found[0].summary.mailbox.directory == path


def test_counts_are_those_of_imap(version: str, spool: Spool, all_facts: dict[str, MailboxFacts]) -> None:
    truth = json.loads(text(version, "truth.json"))
    compared = 0
    for (user, name), said in statuses(version).items():
        facts = _of_owner(spool, all_facts, user, name)
        summary = facts.summary
        compared += 1
        assert summary.messages == said["MESSAGES"], (user, name)
        assert summary.counters is not None
        assert summary.counters.last_uid + 1 == said["UIDNEXT"], (user, name)
        assert summary.counters.uidvalidity == said["UIDVALIDITY"], (user, name)
        size = said.get("SIZE", truth[user].get("sizes", {}).get(name))
        assert summary.bytes == size, (user, name)
        if summary.unseen is not None:
            assert summary.unseen == said["UNSEEN"], (user, name)
        assert (summary.unseen is None) == (_of_nobody(spool, facts)), (user, name)
    assert compared > 25


def _of_owner(spool: Spool, all_facts: dict[str, MailboxFacts], user: str, name: str) -> MailboxFacts:
    """The mailbox that a user calls so."""
    for found in all_facts.values():
        internal = found.summary.mailbox.name or ""
        levels = parts(internal, spool.layout)
        if levels.owner == user and levels.deleted_at is None:
            raw = internal.split(".")[2:]
            mine = spool.layout.separator.join(
                ["INBOX", *(one.replace("^", ".") if spool.layout.unixhierarchysep else one for one in raw)]
            )
            if mine == name:
                return found
    raise AssertionError(f"{user} has no {name}")


def _of_nobody(spool: Spool, facts: MailboxFacts) -> bool:
    return parts(facts.summary.mailbox.name or "", spool.layout).owner is None


def test_quotas_are_those_of_quota(version: str, spool: Spool, all_facts: dict[str, MailboxFacts]) -> None:
    rows = re.findall(
        r"^\s*(\d+)\s+\d+\s+(\d+)\s+(?:STORAGE )?(\S+)$", text(version, "quota.txt"), re.MULTILINE
    )
    assert len(rows) >= 4
    for limit, used, name in rows:
        root = spool.named(name)[0]
        members = [one for one in all_facts.values() if one.quota is not None and one.quota.root == root]
        assert members, root
        quota = members[0].quota
        assert quota is not None
        assert quota.quota is not None
        assert quota.quota.storage.limit == int(limit) * 1024
        assert quota.quota.storage.used // 1024 == int(used)
        # nothing else counts for it: inheritance as the server has it
        total = sum(one.summary.bytes or 0 for one in members)
        assert total == quota.quota.storage.used


def test_files_are_those_of_the_index(all_facts: dict[str, MailboxFacts]) -> None:
    for name, facts in all_facts.items():
        assert facts.files is not None, name
        assert not facts.files.orphans, name
        assert not facts.files.missing, name
        assert facts.files.number - facts.files.expunged == facts.summary.messages, name
        assert not facts.problems, name


def test_without_mailboxes_db_the_disk_tells_the_same(
    version: str, tmp_path: Path, all_facts: dict[str, MailboxFacts]
) -> None:
    root = unpacked(version, tmp_path)
    (root / "var/lib/cyrus/mailboxes.db").unlink()
    spool = open_spool(TreeHost(str(root)), "/etc/imapd.conf")
    found = {mailbox.name: mailbox for mailbox in spool.mailboxes()}
    # deleted mailboxes keep the name that they had in their header
    assert set(found) == set(all_facts)
    assert {mailbox.standing for mailbox in found.values()} == {"unlisted"}
    assert all(found[name].directory == one.summary.mailbox.directory for name, one in all_facts.items())
    assert "Names come from the directories" in spool.problems[0]


def test_usage_is_the_sum(spool: Spool, all_facts: dict[str, MailboxFacts]) -> None:
    seen: list[UsageProgress] = []
    usage = measure_usage(spool, spool.layout.partitions["default"], seen.append)
    assert usage.counted
    assert usage.mailboxes == len(all_facts)
    assert usage.messages == sum(one.summary.messages or 0 for one in all_facts.values())
    assert usage.bytes == sum(one.summary.bytes or 0 for one in all_facts.values())
    assert sum(one.bytes for one in usage.owners) == usage.bytes
    assert {one.owner for one in usage.owners} >= {None, "user.u30"}
    assert (seen[-1].done, seen[-1].total, seen[-1].left) == (usage.mailboxes, usage.mailboxes, 0.0)
    stopped = measure_usage(spool, spool.layout.partitions["default"], cancelled=lambda: True)
    assert not stopped.counted
