"""Spools that are spread out: metapartitions, archives, partitions, domains, quotas in one database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cyrtui.errors import FileUnreadable
from cyrtui.host.facts import FileSystemSpace
from cyrtui.host.local import LocalHost
from cyrtui.host.tree import TreeHost
from cyrtui.spool.mailbox import MailboxFacts
from cyrtui.spool.spool import Spool, open_spool
from tests.spool.samples import files

OLD = "var/spool/cyrus/mail/u/user/u31"


def _conf(root: Path, text: str) -> Spool:
    (root / "etc").mkdir(exist_ok=True)
    before = "configdirectory: /var/lib/cyrus\naltnamespace: no\nunixhierarchysep: no\n"
    (root / "etc/imapd.conf").write_text(before + text)
    return open_spool(TreeHost(str(root)), "/etc/imapd.conf")


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _database(root: Path, *lines: str) -> None:
    """A flat mailboxes.db of 2.2; reading finds out what kind it is."""
    _put(root / "var/lib/cyrus/mailboxes.db", "".join(f"{line}\n" for line in sorted(lines)).encode())


def _mailbox(data: Path, meta: Path | None = None, archive: Path | None = None) -> None:
    """u31's INBOX of 2.2.13: 8 messages; every second one in the archive, where there is one."""
    for path, content in files("2.2.13").items():
        place, _, name = path.rpartition("/")
        if place == OLD:
            kept = meta if meta is not None and name.startswith("cyrus.") and name != "cyrus.cache" else data
            if archive is not None and name[:-1].isdecimal() and int(name[:-1]) % 2:
                kept = archive
            _put(kept / name, content)


def _facts(spool: Spool) -> dict[str | None, MailboxFacts]:
    return {one.name: spool.facts(one) for one in spool.mailboxes()}


def test_meta_and_archive(tmp_path: Path) -> None:
    _mailbox(tmp_path / "srv/a/u/user/u31", tmp_path / "srv/m/u/user/u31", tmp_path / "srv/z/u/user/u31")
    _database(tmp_path, "user.u31\t0 two u31\tlrs\t")
    spool = _conf(
        tmp_path,
        "hashimapspool: yes\ndefaultpartition: two\npartition-two: /srv/a\nmetapartition-two: /srv/m\n"
        "metapartition_files: header index\narchivepartition-two: /srv/z\n",
    )
    (facts,) = _facts(spool).values()
    assert facts.summary.messages == 8
    assert facts.files is not None
    assert (facts.files.number, facts.files.orphans, facts.files.missing) == (8, (), ())
    assert facts.summary.mailbox.directories == (
        "/srv/a/u/user/u31",
        "/srv/z/u/user/u31",
        "/srv/m/u/user/u31",
    )
    assert not spool.problems
    # without the database the directory is one of a mailbox only by the metapartition
    (tmp_path / "var/lib/cyrus/mailboxes.db").unlink()
    assert [one.name for one in spool.mailboxes()] == ["user.u31"]


def test_partitions_and_domains(tmp_path: Path) -> None:
    _mailbox(tmp_path / "srv/a/domain/e/example.net/b/user/bob")
    _mailbox(tmp_path / "srv/b/b/user/bob")
    _put(tmp_path / "var/lib/cyrus/domain/e/example.net/quota/b/user.bob", b"100\n1\n")
    _put(tmp_path / "srv/b/stage./123-1", b"")
    _database(
        tmp_path,
        "example.net!user.bob\t0 default bob@example.net\tlrs\t",
        "user.bob\t0 two bob\tlrs\t",
        "user.lost\t0 three bob\tlrs\t",
        "user.away\t1 other!two bob\tlrs\t",
    )
    spool = _conf(
        tmp_path,
        "hashimapspool: yes\nvirtdomains: userid\npartition-default: /srv/a\npartition-two: /srv/b\n",
    )
    found = _facts(spool)
    assert {name: one.summary.mailbox.partition.name for name, one in found.items()} == {
        "example.net!user.bob": "default",
        "user.bob": "two",
    }
    assert [one.name for one in spool.mailboxes(partition="two")] == ["user.bob"]
    assert spool.problems == [
        "mailboxes.db puts user.lost on partition three, which imapd.conf does not have: add partition-three."
    ]
    assert spool.named("user/bob@example.net")[0] != "user.bob"
    assert "example.net!user.bob" in spool.named("bob@example.net")
    # the header names u31's root, whose file is not here; the nearer one would be bob's
    quota = found["example.net!user.bob"].quota
    assert quota is not None
    assert quota.fault is not None
    assert any(
        "There is a quota root example.net!user.bob" in one for one in found["example.net!user.bob"].problems
    )
    partitions = {one.partition.name: one for one in spool.partitions()}
    assert (partitions["two"].staged, partitions["default"].staged) == (1, 0)
    assert partitions["default"].default
    assert partitions["two"].space is None


def test_quotas_in_one_database(tmp_path: Path) -> None:
    _mailbox(tmp_path / "srv/a/user/u31")
    _database(tmp_path, "user.u31\t0 default u31\tlrs\t")
    _put(tmp_path / "var/lib/cyrus/quotas.db", b"user.u31\t%(S (1000 2))\n")
    spool = _conf(tmp_path, "partition-default: /srv/a\nquota_db: flat\n")
    quota = _facts(spool)["user.u31"].quota
    assert quota is not None
    assert quota.quota is not None
    assert (quota.quota.storage.used, quota.quota.storage.limit) == (1000, 2048)


def test_a_mailbox_that_is_laid_out_otherwise_than_the_database_says(tmp_path: Path) -> None:
    uniqueid = "2a7d7cf2-5fa4-4329-a299-863c4d634181"
    _mailbox(tmp_path / "srv/a/u/user/u31")
    (tmp_path / "srv/a/uuid").mkdir()
    _database(tmp_path, f"user.u31\t%(T e I {uniqueid} P default A %(u31 lrs))")
    spool = _conf(tmp_path, "hashimapspool: yes\npartition-default: /srv/a\n")
    listed = next(spool.mailboxes())
    assert listed.layout == "uuid"
    facts = spool.facts(listed)
    assert (facts.summary.mailbox.layout, facts.summary.messages) == ("hashed", 8)
    assert any(f"{uniqueid} in mailboxes.db" in one for one in facts.problems)


def test_deleted_meanwhile(tmp_path: Path) -> None:
    _mailbox(tmp_path / "srv/a/user/u31")
    _database(tmp_path, "user.u31\t0 default u31\tlrs\t", "user.u32\t0 default u31\tlrs\t")
    spool = _conf(tmp_path, "partition-default: /srv/a\n")
    gone = next(one for one in spool.mailboxes() if one.name == "user.u32")
    assert spool.still_listed(gone) is not None
    _database(tmp_path, "user.u31\t0 default u31\tlrs\t")
    assert spool.still_listed(gone) is None


def test_room_of_this_machine(tmp_path: Path) -> None:
    space = LocalHost().space(str(tmp_path))
    assert isinstance(space, FileSystemSpace)
    assert 0 < space.used + space.available <= space.size
    with pytest.raises(FileUnreadable, match="does not exist"):
        LocalHost().space(str(tmp_path / "none"))


def test_heads_of_files_and_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * 5000)
    os.mkfifo(tmp_path / "pipe")
    host = LocalHost()
    assert host.read_head(str(tmp_path / "long"), 160) == b"x" * 160
    for name in ("pipe", ""):
        with pytest.raises(FileUnreadable, match="is not a regular file"):
            host.read_head(f"{tmp_path}/{name}", 160)


def test_a_damaged_database_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _mailbox(tmp_path / "srv/a/user/u31")
    _put(tmp_path / "var/lib/cyrus/mailboxes.db", b"user.u31\t0 default u31\tlrs\t\nuser.u3")
    spool = _conf(tmp_path, "partition-default: /srv/a\n")
    reads: list[str] = []
    read = spool.host.read

    def counted(path: str, limit: int = 4 << 20) -> bytes:
        reads.append(path)
        return read(path, limit)

    monkeypatch.setattr(spool.host, "read", counted)
    assert [(one.name, one.standing) for one in spool.mailboxes()] == [("user.u31", "unlisted")]
    # a writer may have been at it: it is looked at again, but not for each mailbox
    before = reads.count("/var/lib/cyrus/mailboxes.db")
    assert spool.entry_of("user.u31") is None
    assert reads.count("/var/lib/cyrus/mailboxes.db") == before
    assert "the last line is cut off" in spool.faults[0].sentence
    _database(tmp_path, "user.u31\t0 default u31\tlrs\t")
    assert [(one.name, one.standing) for one in spool.mailboxes()] == [("user.u31", "listed")]


def test_hash_directories_of_another_configuration(tmp_path: Path) -> None:
    _mailbox(tmp_path / "srv/a/u/user/u31")
    _database(tmp_path, "user.u31\t0 default u31\tlrs\t")
    spool = _conf(tmp_path, "partition-default: /srv/a\nhashimapspool: no\n")
    fault = spool.summary(next(spool.mailboxes())).fault
    assert fault is not None
    assert fault.kind == "missing"
    assert (
        "it is in /srv/a/u/user/u31. hashimapspool and fulldirhash are not what they were" in fault.sentence
    )
