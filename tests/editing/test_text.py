"""A file as text and back, with the passwords held apart."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cyrtui.config.passwords import secret_spans
from cyrtui.editing.masking import HeldSecrets, covered, without_secrets
from cyrtui.editing.text import on_glass, to_bytes, to_text, typed

RECORDED = sorted((Path(__file__).parents[1] / "recordings").glob("**/*.conf"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_recorded_configuration_comes_back_byte_for_byte(path: Path) -> None:
    data = path.read_bytes()
    for form in (data, data.replace(b"\n", b"\r\n"), data.rstrip(b"\n")):
        text, crlf = to_text(form)
        assert to_bytes(text, crlf=crlf) == form
        held = HeldSecrets()
        masked = held.take_out(str(path), text)
        assert held.put_back(masked) == text
        assert "highsecuritypassword" not in masked


@given(st.binary(max_size=200))
@example(b"a\rb\r\nc\x0bd\x0ce\x1cf\xc2\x85g\xe2\x80\xa8h\0i")
@example("\U000f0041\U000f1000 \ud7ff".encode())
@example(b"\xed\xa0\x80\xff\n\n")
@example(b"pw: \xff\xfe\n")
def test_any_bytes_come_back(data: bytes) -> None:
    text, crlf = to_text(data)
    assert to_bytes(text, crlf=crlf) == data
    # an editor that splits where Python does sees the lines that Cyrus sees
    assert "\n".join(text.splitlines()) == text.removesuffix("\n") if text.strip("\n") else True
    assert len(on_glass(text)) == len(text)
    held = HeldSecrets()
    assert to_bytes(held.put_back(held.take_out("imapd.conf", text)), crlf=crlf) == data


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed() -> None:
    text = to_text(b"admins: \x1b]52;c;eA==\x07 \xff\n").text
    assert on_glass(text) == "admins: ␛]52;c;eA==␇ \ufffd\n"
    assert typed("a\r\nb\rc\x1b") == "a\nb\nc" + to_text(b"\x1b").text


def test_where_passwords_stand_and_how_they_are_copied() -> None:
    text = "admins: cyrus\nsasl_ldapdb_pw: gehéim\n# ldap_password: old one\n"
    spans = covered("/etc/imapd.conf", text)
    assert spans == {1: [(16, 22)], 2: [(17, 24)]}
    assert without_secrets(text, spans, 0, 0) == "admins: cyrus\nsasl_ldapdb_pw: ***\n# ldap_password: ***\n"
    part = "heim\n# ldap"
    assert without_secrets("éim\n# ldap", spans, 1, 19) == "***\n# ldap"
    assert without_secrets(part, {}, 1, 19) == part


@given(
    st.lists(
        st.sampled_from(
            [
                "sasl_ldapdb_pw: geheim",
                "  goes on",
                "\tpassword: x\\",
                "more\\",
                "",
                "# PassWord: old",
                "admins: cyrus",
                "ldap_uri: ldap://a:secret@host/",
                "tls_server_key: /k\\",
                "\r",
                "é credentials=“x”",
            ]
        ),
        max_size=12,
    ),
    st.sampled_from(["/etc/imapd.conf", "/etc/ldap/slapd.conf", "x.ldif"]),
)
def test_looking_at_few_lines_finds_what_looking_at_all_does(lines: list[str], path: str) -> None:
    text = "\n".join(lines)
    data = text.encode()
    shown = text.split("\n")
    found = [
        (row, shown[row][start:end]) for row, spans in covered(path, text).items() for start, end in spans
    ]
    everything = [
        (data.count(b"\n", 0, start), data[start:end].decode()) for start, end in secret_spans(path, data)
    ]
    assert found == everything


def test_the_same_password_twice_is_one_that_is_held() -> None:
    held = HeldSecrets()
    masked = held.take_out("imapd.conf", "a_password: secret\nb_password: secret\n")
    first, second = (line.partition(": ")[2] for line in masked.splitlines())
    assert first == second
    assert len(first) == 1
    # typed on behind it, and taken out once more
    longer = held.take_out("imapd.conf", masked.replace(first, f"{first}2", 1))
    assert len(longer) == len(masked)
    assert held.put_back(longer) == "a_password: secret2\nb_password: secret\n"
