"""A line made into a record: real lines, hostile ones, and very long ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.logs.levels import Level, RoleReader, guess_level, role_of_ident
from cyrtui.logs.lines import TEXT_CAP, parse_line
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.stamps import StampClock
from tests.logs.files import NOW

RECORDINGS = Path(__file__).parents[1] / "recordings"


def read(raw: bytes, before: float = 7.0) -> Record:
    return parse_line(raw, role=LogRole.MAIL, clock=StampClock("UTC", NOW), before=before)


@pytest.mark.parametrize(
    ("raw", "host", "ident", "pid", "text"),
    [
        (b"Nov 22 08:15:57 mx cyrus/imap[12]: login: x", "mx", "cyrus/imap", 12, "login: x"),
        (b"Nov 22 08:15:57 mx slapd: starting", "mx", "slapd", None, "starting"),
        (b"Nov 22 08:15:57 slapd[7]: no host", "", "slapd", 7, "no host"),
        (b"Nov 22 08:15:57 mx slapd[7]: a#012#011b", "mx", "slapd", 7, "a#012#011b"),
        (b"Nov 22 08:15:57 fe80::1 a/b/c[7]: x", "fe80::1", "a/b/c", 7, "x"),
        (b"Nov 22 08:15:57 mx imap[7]:", "mx", "imap", 7, ""),
        (b"<22>1 2026-11-22T08:15:57Z mx cyrus 12 - - hey", "mx", "cyrus", 12, "hey"),
        (b'1 2026-11-22T08:15:57Z - a - id [x y="]\\""][z] \xef\xbb\xbf\xc3\xa9', "", "a", None, "é"),
        (b"6921701d.1dcd6500 0x7f21d4bff6c0 conn=1 op=2", "", "slapd", None, "conn=1 op=2"),
    ],
)
def test_headers(raw: bytes, host: str, ident: str, pid: int | None, text: str) -> None:
    record = read(raw)
    assert (record.host, record.ident, record.pid, record.text) == (host, ident, pid, text)
    assert record.parsed


@pytest.mark.parametrize(
    "raw",
    [b"", b"\tcontinued", b"nothing of the sort", b"Nov 22 08:15:57 mx last message repeated 2 times"],
)
def test_what_has_no_header_is_text(raw: bytes) -> None:
    record = read(raw)
    assert not record.parsed
    assert record.text.replace("␉", "\t") == raw.decode()
    assert (record.host, record.ident, record.pid) == ("", "", None)


def test_the_time_of_a_line_without_a_stamp_is_that_of_the_line_before() -> None:
    assert read(b"nothing").time == 7.0
    assert read(b"Nov 22 08:15:56 mx last message repeated 2 times").time == NOW


def test_a_user_name_cannot_reach_the_terminal() -> None:
    record = read(b"Nov 22 08:15:57 mx imap[1]: badlogin: x \x1b]52;c;eA==\x07 \xff\xc2\x9b")
    assert record.text == "badlogin: x ␛]52;c;eA==␇ \\xff\\u{9b}"


def test_of_a_megabyte_the_beginning_is_kept_and_the_rest_counted() -> None:
    head = b"Nov 22 08:15:57 mx imap[1]: "
    raw = head + "é".encode() * (1 << 19)
    record = read(raw)
    kept = (TEXT_CAP - len(head)) // 2 * 2
    assert record.text == "é" * (kept // 2) + f" [{len(raw) - len(head) - kept:,} more bytes are not shown]"
    assert record.end == len(raw) + 1


def test_what_was_not_even_read_is_counted_too() -> None:
    record = parse_line(
        b"x" * TEXT_CAP,
        role=LogRole.MAIL,
        clock=StampClock("UTC", NOW),
        before=0.0,
        offset=10,
        length=1 << 30,
    )
    assert record.text.endswith(f"x [{(1 << 30) - TEXT_CAP:,} more bytes are not shown]")


@given(st.binary(max_size=200))
def test_any_line_is_a_record(raw: bytes) -> None:
    record = read(raw)
    for text in (record.host, record.ident, record.text):
        assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 for sign in text)


@pytest.mark.parametrize(
    "path", sorted(RECORDINGS.glob("cyrus-2*/*.log")) + sorted(RECORDINGS.glob("cyrus-2*/mail.info"))
)
def test_every_line_of_a_real_server_has_host_ident_and_time(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    records = [read(line) for line in lines]
    assert lines
    assert all(record.parsed and record.ident and record.host for record in records)
    times = [record.time for record in records]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("login: localhost [127.0.0.1] njm plaintext User logged in", Level.GOOD),
        (
            "badlogin: x [1.2.3.4] plaintext toto SASL(-13): authentication failure: checkpass failed",
            Level.WARNING,
        ),
        (
            "badlogin: x [1.2.3.4] DIGEST-MD5 [SASL(-1): generic failure: unable to canonify user]",
            Level.WARNING,
        ),
        ("IOERROR: fstating sieve script /x/defaultbc: No such file or directory", Level.ERROR),
        ("conn=1 op=0 RESULT tag=97 err=49 text=", Level.WARNING),
        ("conn=1 op=0 RESULT tag=97 err=14 text=SASL(0): successful result: ", Level.INFO),
        ("DIGEST-MD5 client step 2", Level.DEBUG),
        ("auxpropfunc error invalid parameter supplied", Level.DEBUG),
        ("process 12 exited, signaled to death by 11", Level.ERROR),
        ("ready for work", Level.INFO),
    ],
)
def test_levels(text: str, level: Level) -> None:
    assert guess_level(text) is level


def test_a_priority_says_more_than_words() -> None:
    assert guess_level("ready for work", 2 * 8 + 3) is Level.ERROR
    assert guess_level("ready for work", 2 * 8 + 4) is Level.WARNING
    assert guess_level("IOERROR: x", 2 * 8 + 6) is Level.ERROR


@pytest.mark.parametrize(
    ("ident", "role"),
    [
        ("cyrus/imap", LogRole.MAIL),
        ("imaps", LogRole.MAIL),
        ("cyrus/anything", LogRole.MAIL),
        ("postfix/smtpd", LogRole.MAIL),
        ("slapd", LogRole.SLAPD),
        ("saslauthd", LogRole.AUTH),
        ("kernel", None),
    ],
)
def test_whose_line_it_is_where_one_file_holds_all(ident: str, role: LogRole | None) -> None:
    assert role_of_ident(ident) is role


def test_roles_of_raw_lines() -> None:
    reader = RoleReader()
    lines = [
        b"Nov 22 08:15:56 mx cyrus/imap[12]: login: slapd: x",
        b"2026-11-22T08:15:56.123456+01:00 mx slapd[4]: conn=1",
        b"<166>Nov 22 08:15:56 mx slapd[4]: conn=1",
        b"\tits second line: x",
        b"Nov 22 08:15:56 mx kernel: [1.2] imap: x",
        b"<22>1 2026-11-22T08:15:57Z mx saslauthd 12 - - hey: x",
        b"6921701d.1dcd6500 0x7f21d4bff6c0 conn=1 op=2",
    ]
    found: list[LogRole | None] = []
    for line in lines:
        found.append(reader.role(line, found[-1] if found else None))
    mail, auth, slapd = LogRole.MAIL, LogRole.AUTH, LogRole.SLAPD
    assert found == [mail, slapd, slapd, slapd, None, auth, slapd]
