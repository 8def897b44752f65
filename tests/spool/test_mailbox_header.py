"""cyrus.header of real mailboxes in both forms, cut, damaged and hostile; ACLs and dlists in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyrtui.spool.acl import AclEntry, read_acl, written
from cyrtui.spool.damage import Damaged
from cyrtui.spool.dlist import read_dlist
from cyrtui.spool.mailbox_header import MAGIC, read_mailbox_header
from tests.spool import samples


@pytest.mark.parametrize("version", samples.VERSIONS)
def test_headers_are_what_mbexamine_said(version: str) -> None:
    for directory, data in samples.named(version, "cyrus.header").items():
        said, header = samples.examined(version)[directory], read_mailbox_header(data)
        acl = re.search(r"Mailbox ACL: (.*)", said)
        flags = re.search(r"User Flags: (.*)", said)
        assert acl
        assert flags
        assert header.uniqueid == re.findall(r"Unique ID: (\S+)", said)[0]
        assert header.acl == read_acl(acl[1].encode())
        assert [flag for flag in header.flags if flag] == flags[1].replace("[none]", "").split()
        if version == "2.2.13":
            assert (header.name, header.kind) == (None, None)
        else:
            assert directory.endswith(f"/{header.uniqueid}")
            assert header.name is not None
            shown = header.name.replace(".", "/").replace("^", ".")
            assert said.startswith(f"{shown}...")
            assert header.kind == "e"


def _old(*lines: bytes) -> bytes:
    return MAGIC + b"".join(line + b"\n" for line in lines)


def test_the_old_form_in_its_variants() -> None:
    header = read_mailbox_header(
        _old(b"user.bob\t0123456789abcdef", b"a  c ", b"bob\tlrs\t-eve\tr\tgroup:x\t")
    )
    assert (header.quota_root, header.uniqueid, header.flags) == (
        "user.bob",
        "0123456789abcdef",
        ("a", None, "c"),
    )
    assert header.acl == (
        AclEntry("bob", "lrs"),
        AclEntry("eve", "r", negative=True),
        AclEntry("group:x", ""),
    )
    assert written(header.acl) == "bob lrs, -eve r, group:x"
    assert dict(header.acl[0].explained())["r"] == "read messages"
    without_root = read_mailbox_header(_old(b"\t0123456789abcdef", b"", b""))
    assert (without_root.quota_root, without_root.acl, without_root.flags) == (None, (), ())
    assert read_mailbox_header(_old(b"user.bob", b"", b"bob\tlrs\t")).uniqueid is None
    assert len(read_mailbox_header(_old(b"\tid", b"x " * 500, b"")).flags) == 128


def test_what_would_reach_the_terminal_is_inert() -> None:
    header = read_mailbox_header(_old(b"\tid", b"\x1b[31m", b"\x1b]52;c;x\x07\tl\x9b\t"))
    assert "\x1b" not in repr(header)
    assert header.acl[0].identifier == "␛]52;c;x␇"


@pytest.mark.parametrize("version", samples.VERSIONS)
def test_a_header_cut_anywhere_gives_a_sentence(version: str) -> None:
    data = max(samples.named(version, "cyrus.header").values(), key=len)
    for length in range(len(data)):
        with pytest.raises(Damaged, match=r"cyrus\.header, line \d.*reconstruct"):
            read_mailbox_header(data[:length])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from((b"", MAGIC, MAGIC + b"%(", MAGIC + b"%(I x ")))
def test_any_bytes_end_in_a_header_or_a_sentence(data: bytes, before: bytes) -> None:
    try:
        read_mailbox_header(before + data)
    except Damaged as error:
        assert str(error.at("/x")).startswith("/x: cyrus.header, ")


def test_dlist_values() -> None:
    text = b'%(a "b \\" c" L ({3}\r\nx)y NIL () %(k v)) e "")'
    assert read_dlist(text, "x", "y") == {"a": b'b " c', "L": [b"x)y", None, [], {"k": b"v"}], "e": b""}
    for hostile in (b"(" * 5000, b"%(" * 5000, b"%(a", b'"', b"{99999}\nx", b"%(a)", b"%((a) b)", b""):
        with pytest.raises(Damaged):
            read_dlist(hostile, "x", "y")
