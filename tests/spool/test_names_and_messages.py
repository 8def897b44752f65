"""Names as people see them, sieve scripts, and the header fields of messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyrtui.config.imapd_conf import parse_imapd_conf
from cyrtui.spool.damage import Damaged
from cyrtui.spool.layout import layout_of
from cyrtui.spool.mailbox_name import Namespace, as_owner, decoded, encoded, internal, parts, shown
from cyrtui.spool.message_file import for_list, read_headers
from cyrtui.spool.sieve import SieveFile, read_bytecode_version, sieve_scripts
from tests.spool import samples


def _names(*lines: str) -> Namespace:
    text = "".join(f"{line}\n" for line in lines)
    return layout_of(parse_imapd_conf(lambda _: text.encode()), modern_names=False)


_UNIX = _names("unixhierarchysep: yes", "virtdomains: userid")
_DOTS = _names("unixhierarchysep: no")
_ALT = _names("altnamespace: yes", "unixhierarchysep: yes")


def test_names_as_mbpath_listed_them() -> None:
    listed = [line.split("\t")[0] for line in samples.text("3.12.3", "mbpath.txt").splitlines()]
    assert len(listed) > 40
    for name in listed:
        inside = internal(name, _UNIX)
        assert shown(inside, _UNIX) == decoded(name)
        assert internal(shown(inside, _UNIX), _UNIX) == inside


def test_what_people_see() -> None:
    assert shown("user.jean^dupont.v2^4 notes.&AMk-t&AOk-", _UNIX) == "user/jean.dupont/v2.4 notes/Été"
    assert shown("example.net!user.bob.R&-D", _UNIX) == "user/bob/R&D@example.net"
    assert internal("user/bob/R&D@example.net", _UNIX) == "example.net!user.bob.R&-D"
    assert shown("user.bob.a^b", _DOTS) == "user.bob.a^b"
    assert as_owner("user.bob.Sent.2004", _ALT) == "Sent/2004"
    assert as_owner("user.bob.Sent", _DOTS) == "INBOX.Sent"
    assert as_owner("user.bob", _ALT) == "INBOX"
    assert as_owner("shared.x", _ALT) == "Shared Folders/shared/x"
    gone = parts("DELETED.user.u32.A supprimer.6B02A6FF", _UNIX)
    assert (gone.owner, gone.folder, gone.deleted_at) == ("u32", ("A supprimer",), 0x6B02A6FF)
    assert parts("example.net!user.a^b.c", _UNIX).owner == "a.b@example.net"
    assert parts("user", _UNIX).owner is None
    assert "\x1b" not in shown("user.bob.\x1b[31m.&ABs-", _UNIX)


@pytest.mark.parametrize("text", ["&", "&AOk", "&AEE-", "&====-", "&2D0-"])
def test_what_is_no_proper_utf7_stays_as_it_is(text: str) -> None:
    assert decoded(text) == text


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_every_name_comes_back_from_utf7(text: str) -> None:
    assert decoded(encoded(text)) == text
    assert encoded(text).isascii()


def test_sieve_scripts() -> None:
    found = sieve_scripts(
        [
            SieveFile("vacation.script", 20.0),
            SieveFile("vacation.bc", 10.0),
            SieveFile("spam.script", 5.0),
            SieveFile("spam.bc", 6.0),
            SieveFile("lost.bc", 7.0),
            SieveFile("defaultbc", 8.0, "vacation.bc"),
            SieveFile("vacation.script.NEW", 9.0),
        ]
    )
    assert [(one.name, one.active, one.stale, one.source) for one in found.scripts] == [
        ("lost", False, False, None),
        ("spam", False, False, "spam.script"),
        ("vacation", True, True, "vacation.script"),
    ]
    assert found.dangling is None
    assert sieve_scripts([SieveFile("defaultbc", 1.0, "gone.bc")]).dangling == "gone"
    assert read_bytecode_version(b"CyrSBytecode\x1f\0\0\0rest") == 0x1F
    for length in range(16):
        with pytest.raises(Damaged):
            read_bytecode_version(b"CyrSBytecode\x1f\0\0\0"[:length])


def test_header_fields() -> None:
    data = (
        b"Received: from a\r\n\tby b;\r\n   today\r\nFrom: =?utf-8?B?w4l0w6k=?= <e@example.net>\r\n"
        b"subject: =?iso-8859-1?Q?=E9t=E9?=\r\n =?x-none?Q?a?=\x1b[31m\r\n"
        b"Date: Sun, 22 Nov 2026 08:25:35 +0100\r\n\r\nFrom: body\r\n"
    )
    found = for_list(data)
    assert [name for name, _ in found.fields] == ["From", "subject", "Date"]
    assert found.get("from") == "Été <e@example.net>"
    assert found.sent == 1795332335
    assert data[found.body_at :] == b"From: body\r\n"
    assert read_headers(data).fields[0] == ("Received", "from a by b; today")
    assert "\x1b" not in repr(read_headers(data))
    # cut inside the subject: what is left of it is not shown as the whole
    cut = for_list(data[: data.index(b"x-none")])
    assert [name for name, _ in cut.fields] == ["From"]
    assert not cut.whole


def test_real_messages_have_their_fields() -> None:
    messages = [
        data for path, data in samples.files("3.12.3").items() if path.endswith(".") and "/uuid/" in path
    ]
    assert len(messages) > 150
    for data in messages:
        found = for_list(data[:4096])
        assert found.whole
        assert found.get("subject") is not None
        assert found.sent is not None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.sampled_from((b"", b"Subject: =?utf-8?", b"Date: ", b"From: =?utf-8?B?")))
def test_any_bytes_are_some_header(data: bytes, before: bytes) -> None:
    found = for_list(before + data)
    assert all(value.isprintable() or value for _, value in found.fields if value)
    assert found.sent is None or isinstance(found.sent, float)
