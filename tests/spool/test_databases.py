"""The databases of real servers against what their tools listed; cut, flipped and hostile ones."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyrtui.spool.acl import acl_of_pairs, read_acl
from cyrtui.spool.damage import Damaged, UnknownFormat
from cyrtui.spool.databases import database_kind, read_database
from cyrtui.spool.mailboxes_db import MailboxEntry, read_mailboxes
from cyrtui.spool.seen import UidSet, read_seen, read_state
from cyrtui.spool.subscriptions import read_subscriptions
from tests.spool import samples

_OLD = samples.files("2.2.13")["var/lib/cyrus/mailboxes.db"]
_NEW = samples.files("3.12.3")["var/lib/cyrus/mailboxes.db"]
_SEEN = next(data for path, data in samples.files("3.12.3").items() if path.endswith("/seen.db"))


def test_mailboxes_of_2_2_are_what_ctl_mboxlist_listed() -> None:
    assert database_kind(_OLD) == "skiplist"
    rows = [line.split("\t", 2) for line in samples.text("2.2.13", "mboxlist.txt").splitlines()]
    assert list(read_mailboxes(_OLD)) == [
        MailboxEntry(name, None, partition, "e", read_acl(acl.encode())) for name, partition, acl in rows
    ]


def test_mailboxes_of_3_12_are_what_ctl_mboxlist_listed() -> None:
    assert database_kind(_NEW) == "twoskip"
    listed = json.loads(samples.text("3.12.3", "mboxlist.txt"))
    entries = list(read_mailboxes(_NEW))
    assert {one.name for one in entries if not one.gone} == {
        name for name, said in listed.items() if "d" not in said["mbtype"]
    }
    for one in entries:
        said = listed[one.name]
        assert (one.types, one.uniqueid) == (said["mbtype"], said["uniqueid"])
        assert one.partition == said.get("partition")
        assert (one.uidvalidity, one.mtime) == (int(said["uidvalidity"]), int(said["mtime"]))
        assert one.acl == acl_of_pairs({who: rights.encode() for who, rights in said.get("acl", {}).items()})


def _flat(*rows: tuple[bytes, bytes]) -> bytes:
    return b"".join(key + b"\t" + value + b"\n" for key, value in rows)


def test_mailboxes_in_the_forms_between() -> None:
    data = _flat(
        (b"$RACL$a", b""),
        (b"Info", b"%(A %(anyone lrs) I 0123456789abcdef P default V 5 M 7)"),
        (b"news.x", b"%(T n P default A %())"),
        (b"user.bob", b"1 other.example!default bob\tlrs\t"),
    )
    info, news, bob = read_mailboxes(data)
    assert (info.name, info.uniqueid, info.types, info.uidvalidity) == ("Info", "0123456789abcdef", "e", 5)
    assert (news.types, news.acl) == ("n", ())
    assert (bob.types, bob.server, bob.partition) == ("r", "other.example", "default")


@pytest.mark.parametrize("value", [b"", b"x", b"0", b"0 ", b"%(", b"%(T e", b"9" * 40 + b" default a\tb\t"])
def test_an_entry_that_means_nothing_is_named(value: bytes) -> None:
    with pytest.raises(Damaged, match=r"mailboxes\.db, entry user\.bob: .*ctl_mboxlist"):
        list(read_mailboxes(_flat((b"user.bob", value))))


def test_flat_values_are_unescaped() -> None:
    data = _flat((b"a\xff\x89b", b"\xff\x8a\xff\xff\xff\xff\xff\x80"))
    assert list(read_database(data)) == [(b"a\tb", b"\n\xff\xff\0")]
    assert list(read_database(b"")) == []


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xa1\x02\x8b\x0dtwomfile\0\0\0\0rest", "twom"),
        (b"SQLite format 3\0" + bytes(100), "SQLite"),
        (bytes(12) + struct.pack("<I", 0x53162) + bytes(100), "Berkeley"),
        (bytes(12) + struct.pack(">I", 0x61561) + bytes(100), "Berkeley"),
        (b"hello\n", "no kind"),
    ],
)
def test_other_databases_are_refused_by_name(data: bytes, kind: str) -> None:
    with pytest.raises(UnknownFormat, match=kind):
        list(read_database(data))


@pytest.mark.parametrize("data", [_OLD, _NEW, _SEEN], ids=["skiplist", "twoskip", "small"])
def test_a_database_cut_anywhere_gives_a_sentence(data: bytes) -> None:
    whole = list(read_database(data))
    # A skiplist file does not say where it ends: cut behind its last entry it is read, and read whole.
    for length in range(1, len(data), 1 if len(data) < 1000 else 61):
        found = []
        try:
            for pair in read_database(data[:length]):
                found.append(pair)  # noqa: PERF402
        except Damaged:
            assert found == whole[: len(found)]
        else:
            assert found == whole


@settings(max_examples=150, deadline=None)
@given(st.sampled_from((_OLD, _SEEN)), st.data())
def test_flipped_bytes_end_in_pairs_or_a_sentence(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        changed[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        count = sum(1 for _ in read_database(bytes(changed)))
    except Damaged:
        return
    assert count <= len(data)


def test_a_circle_ends() -> None:
    at = 48 + 12
    first = struct.unpack_from(">I", _OLD, at)[0]
    data = bytearray(_OLD)
    (key,) = struct.unpack_from(">I", data, first + 4)
    value_at = first + 8 + (key + 3 & ~3)
    (value,) = struct.unpack_from(">I", data, value_at)
    struct.pack_into(">I", data, value_at + 4 + (value + 3 & ~3), first)
    with pytest.raises(Damaged, match="round in a circle"):
        list(read_database(bytes(data)))


def test_seen_files_count_what_status_counted() -> None:
    """2.2 knows what is seen by its seen file alone: with it UNSEEN is what the server said."""
    from cyrtui.spool.mailbox_header import read_mailbox_header
    from cyrtui.spool.mailbox_index import count_unseen, read_index_header

    files, counted = samples.files("2.2.13"), 0
    for (user, name), said in samples.statuses("2.2.13").items():
        place = name.replace("INBOX", f"user.{user}", 1).replace(".", "/")
        directory = f"var/spool/cyrus/mail/u/{place}"
        if f"{directory}/cyrus.index" not in files:
            continue
        seen = read_seen(files[f"var/lib/cyrus/user/u/{user}.seen"])
        uniqueid = read_mailbox_header(files[f"{directory}/cyrus.header"]).uniqueid
        data = files[f"{directory}/cyrus.index"]
        state = seen.get(uniqueid or "")
        unseen = count_unseen(data, read_index_header(data), state.uids if state else ())
        assert unseen == said["UNSEEN"], name
        counted += 1
    assert counted >= 20


def test_unseen_of_3_12_is_what_status_counted() -> None:
    from cyrtui.spool.mailbox_header import read_mailbox_header
    from cyrtui.spool.mailbox_index import read_index_header

    headers = {
        read_mailbox_header(data).name: directory
        for directory, data in samples.named("3.12.3", "cyrus.header").items()
    }
    indexes = samples.named("3.12.3", "cyrus.index")
    for (user, name), said in samples.statuses("3.12.3").items():
        internal = name.replace("INBOX", f"user/{user}", 1).replace(".", "^").replace("/", ".")
        header = read_index_header(indexes[headers[internal]])
        assert (header.exists, header.unseen, header.bytes) == (
            said["MESSAGES"],
            said["UNSEEN"],
            said["SIZE"],
        )
        assert (header.last_uid + 1, header.uidvalidity) == (said["UIDNEXT"], said["UIDVALIDITY"])


def test_seen_states() -> None:
    state = read_state(b"1 10 20 30 1:3,6,8:10,4294967295:*", "x")
    assert (state.last_read, state.last_uid, state.last_change) == (10, 20, 30)
    assert state.uids.spans == ((1, 3), (6, 6), (8, 10), (4294967295, 4294967295))
    assert len(state.uids) == 8
    assert [uid for uid in range(12) if uid in state.uids] == [1, 2, 3, 6, 8, 9, 10]
    assert len(UidSet([(1, 4294967295), (5, 2)])) == 4294967295
    for value in (
        b"",
        b"2 0 0 0 ",
        b"1 0 0",
        b"1 a 0 0 1",
        b"1 0 0 0 1:",
        b"1 0 0 0 1,,2",
        b"1 0 0 0 99999999999",
    ):
        with pytest.raises(Damaged, match="seen file, mailbox x"):
            read_state(value, "x")


def test_subscriptions_of_both_servers() -> None:
    old = samples.files("2.2.13")["var/lib/cyrus/user/u/u31.sub"]
    below = [".Archives", ".Archives.1999.&AOk-t&AOk-", ".Liste +essai", ".R&-D"]
    assert list(read_subscriptions(old, "u31")) == [f"user.u31{name}" for name in below]
    new = next(
        data
        for path, data in samples.files("3.12.3").items()
        if path.endswith("/sub.db") and b"Archives" in data
    )
    assert list(read_subscriptions(new, "u31")) == [f"user.u31{name}" for name in below]
    assert read_subscriptions(new, "example.net!u31")[0] == "example.net!user.u31.Archives"
