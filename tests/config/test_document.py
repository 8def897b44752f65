"""Editing one value keeps every other byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cyrtui.config.cyrus_conf import parse_cyrus_conf
from cyrtui.config.document import (
    add_entry,
    comment_entry,
    lines_of,
    remove_entry,
    remove_option,
    remove_value,
    set_option,
    set_value,
)
from cyrtui.config.imapd_conf import parse_imapd_conf
from cyrtui.errors import ConfigurationError, FileMissing

CONFIGURATIONS = Path(__file__).parent.parent / "recordings" / "configurations"
FILES = sorted(CONFIGURATIONS.glob("*/*.conf"))


def reader(files: dict[str, bytes]) -> Callable[[str], bytes]:
    def read(path: str) -> bytes:
        if path not in files:
            raise FileMissing(path, f"{path} does not exist.")
        return files[path]

    return read


def comments(data: bytes) -> list[bytes]:
    """The lines that Cyrus takes for comments: a # behind a continued line is a part of that one's value."""
    lines = lines_of(data)
    return [
        one
        for before, one in zip([b"", *lines], lines, strict=False)
        if one.lstrip().startswith(b"#") and not before.endswith(b"\\\n")
    ]


def option_set(data: bytes, option: str, value: str, *, continuation: bool = True) -> bytes:
    path, new = set_option(reader({"/f": data}), "/f", option, value, continuation=continuation)
    assert path == "/f"
    return new


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
class TestRealFiles:
    def test_untouched_is_byte_for_byte(self, path: Path) -> None:
        data = path.read_bytes()
        assert b"".join(lines_of(data)) == data
        if path.name == "cyrus.conf":
            assert b"".join(parse_cyrus_conf(data).raw) == data

    def test_the_same_value_changes_nothing(self, path: Path) -> None:
        data = path.read_bytes()
        if path.name == "cyrus.conf":
            for entry in parse_cyrus_conf(data).entries:
                for key, value in entry.pairs:
                    assert set_value(data, entry.section, entry.name, key, value) == data
        else:
            for setting in parse_imapd_conf(reader({"/f": data}), "/f").settings:
                assert option_set(data, setting.option, setting.value) == data

    def test_one_value_changes_one_line(self, path: Path) -> None:
        data = path.read_bytes()
        if path.name == "cyrus.conf":
            entry = parse_cyrus_conf(data).services[0]
            new, line = set_value(data, "SERVICES", entry.name, "maxchild", "7"), entry.line
            assert parse_cyrus_conf(new).services[0].maxchild == 7
        else:
            setting = parse_imapd_conf(reader({"/f": data}), "/f").settings[0]
            new, line = option_set(data, setting.option, "/elsewhere"), setting.line
        before, after = lines_of(data), lines_of(new)
        assert [at for at, (one, two) in enumerate(zip(before, after, strict=True), 1) if one != two] == [
            line
        ]


class TestImapd:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b"timeout: 30\n", b"timeout: 45\n"),
            (b"  TimeOut:30  \t\r\n# x\r\n", b"  TimeOut:45  \t\r\n# x\r\n"),
            (b"timeout:\t30", b"timeout:\t45"),
            (b"timeout: \\\n  30\n# x", b"timeout: \\\n  45\n# x"),
            (b"timeout: 3\\\n0 \nfoo: 1\n", b"timeout: 45 \nfoo: 1\n"),
            (b"#timeout: 30\n", b"#timeout: 30\ntimeout: 45\n"),
            (b"# x\r\nfoo: 1", b"# x\r\nfoo: 1\r\ntimeout: 45\r\n"),
            (b"", b"timeout: 45\n"),
        ],
    )
    def test_set(self, before: bytes, after: bytes) -> None:
        assert option_set(before, "timeout", "45") == after

    def test_an_included_file_is_the_one_that_changes(self) -> None:
        read = reader({"/f": b"a: 1\n@include: /g\n", "/g": b"# more\nb: 2 \n"})
        assert set_option(read, "/f", "b", "3") == ("/g", b"# more\nb: 3 \n")
        assert remove_option(read, "/f", "b") == ("/g", b"# more\n")

    def test_2_2_has_no_continuation(self) -> None:
        assert option_set(b"a: 1 \\\nb: 2\n", "b", "3", continuation=False) == b"a: 1 \\\nb: 3\n"

    @pytest.mark.parametrize("value", ["", " ", "a\nb", "a\\", " a", "a\0"])
    def test_what_cannot_be_written(self, value: str) -> None:
        with pytest.raises(ConfigurationError):
            option_set(b"a: 1\n", "a", value)

    @given(
        lines=st.lists(
            st.one_of(
                st.from_regex(rb"[ \t]{0,3}#[ -~]{0,12}", fullmatch=True),
                st.from_regex(
                    rb"[ \t]{0,2}[a-z]{1,3}:[ \t]{0,3}[!-~\x80-\xff]{1,8}[ \t]{0,3}", fullmatch=True
                ),
                st.just(b""),
                st.from_regex(rb"[a-z]{1,3}: ?[a-z]{0,4}\\", fullmatch=True),
            ),
            max_size=8,
        ),
        end=st.sampled_from([b"\n", b"\r\n"]),
        option=st.from_regex(r"[a-z]{1,3}", fullmatch=True),
        value=st.from_regex(r"[!-\[\]-~]{1,10}( [!-\[\]-~]{1,4})?", fullmatch=True),
    )
    def test_any_file(self, lines: list[bytes], end: bytes, option: str, value: str) -> None:
        data = end.join(lines) + end
        before = parse_imapd_conf(reader({"/f": data}), "/f")
        assume(all(one.line == 0 for one in before.faults))
        new = option_set(data, option, value)
        after = parse_imapd_conf(reader({"/f": new}), "/f")
        found = next(one for one in after.settings if one.option == option)
        assert found.raw == value.encode()
        others = [(one.option, one.raw) for one in before.settings if one.option != option]
        assert [(one.option, one.raw) for one in after.settings if one.option != option] == others
        assert comments(new) == comments(data)
        assert option_set(new, option, value) == new


CYRUS = b"""# mine\r
SERVICES {\r
\timap  cmd="imapd -U 30"  listen=imap prefork=0 maxchild="10"  # keep\r
\tlmtp cmd="lmtpd" listen="/run/lmtp"\r
}\r
EVENTS {\r
}\r
"""


class TestCyrus:
    def test_set(self) -> None:
        assert set_value(CYRUS, "SERVICES", "imap", "maxchild", "20") == CYRUS.replace(b'"10"', b'"20"')
        assert set_value(CYRUS, "SERVICES", "imap", "prefork", "2") == CYRUS.replace(
            b"prefork=0", b"prefork=2"
        )
        assert set_value(CYRUS, "SERVICES", "imap", "cmd", "imapd -s") == CYRUS.replace(
            b"imapd -U 30", b"imapd -s"
        )

    def test_a_value_gets_quotes_when_it_needs_them(self) -> None:
        assert b'listen="a b" prefork' in set_value(CYRUS, "SERVICES", "imap", "listen", "a b")
        assert b'listen="" prefork' in set_value(CYRUS, "SERVICES", "imap", "listen", "")

    def test_a_new_key_stands_before_the_comment(self) -> None:
        new = set_value(CYRUS, "SERVICES", "imap", "proto", "tcp4")
        assert b'maxchild="10" proto=tcp4  # keep\r\n' in new

    def test_remove(self) -> None:
        new = remove_value(CYRUS, "SERVICES", "imap", "maxchild")
        assert new == CYRUS.replace(b' maxchild="10"', b"")
        assert remove_value(CYRUS, "SERVICES", "imap", "prefork") == CYRUS.replace(b" prefork=0", b"")
        assert b"lmtp" not in remove_entry(CYRUS, "SERVICES", "lmtp")
        assert comment_entry(CYRUS, "SERVICES", "lmtp") == CYRUS.replace(b"\tlmtp", b"\t# lmtp")

    def test_add(self) -> None:
        new = add_entry(
            CYRUS, "SERVICES", "imaps", (("cmd", "imapd -s"), ("listen", "imaps"), ("maxchild", "5"))
        )
        line = b'\timaps cmd="imapd -s" listen="imaps" maxchild=5\r\n'
        assert new == CYRUS.replace(b'"/run/lmtp"\r\n', b'"/run/lmtp"\r\n' + line)
        assert b'EVENTS {\r\n\tx cmd="y"\r\n}' in add_entry(CYRUS, "EVENTS", "x", (("cmd", "y"),))

    def test_2_4_finds_a_key_inside_a_value(self) -> None:
        data = b'SERVICES {\n a cmd="x prefork=1" listen=y prefork=2\n}\n'
        new = set_value(data, "SERVICES", "a", "prefork", "5", "substring")
        assert parse_cyrus_conf(new, tokenizer="substring").services[0].prefork == 5

    @pytest.mark.parametrize(
        "change",
        [
            lambda: set_value(CYRUS, "SERVICES", "imap", "cmd", 'a"b'),
            lambda: set_value(CYRUS, "SERVICES", "imap", "cmd", "a#b"),
            lambda: set_value(CYRUS, "SERVICES", "imap", "cmd", "a\nb"),
            lambda: set_value(CYRUS, "SERVICES", "none", "cmd", "a"),
            lambda: remove_value(CYRUS, "SERVICES", "imap", "period"),
            lambda: add_entry(CYRUS, "SERVICES", "imap", ()),
            lambda: add_entry(CYRUS, "SERVICES", "im-ap", ()),
            lambda: add_entry(CYRUS, "DAEMON", "x", ()),
        ],
    )
    def test_what_cannot_be_done(self, change: Callable[[], bytes]) -> None:
        with pytest.raises(ConfigurationError):
            change()

    @given(
        name=st.from_regex(r"[a-z][a-z0-9]{0,4}", fullmatch=True),
        indent=st.sampled_from(["", "  ", "\t"]),
        gap=st.sampled_from([" ", "   ", "\t "]),
        values=st.dictionaries(
            st.sampled_from(["cmd", "listen", "proto", "prefork", "maxchild", "babysit"]),
            st.tuples(st.from_regex(r"[!$-~]{1,6}", fullmatch=True), st.booleans()),
            min_size=1,
        ),
        tail=st.sampled_from(["", " ", "  # note", "#x"]),
        end=st.sampled_from(["\n", "\r\n"]),
        key=st.sampled_from(["cmd", "listen", "proto", "prefork", "maxchild", "babysit"]),
        value=st.from_regex(r"[!$-~ ]{0,8}", fullmatch=True),
    )
    def test_any_entry(
        self,
        name: str,
        indent: str,
        gap: str,
        values: dict[str, tuple[str, bool]],
        tail: str,
        end: str,
        key: str,
        value: str,
    ) -> None:
        words = gap.join(
            f'{one}="{text}"' if quoted else f"{one}={text}" for one, (text, quoted) in values.items()
        )
        line = f"{indent}{name}{gap}{words}{tail}"
        data = end.join(["# head", "SERVICES {", line, "}", "EVENTS {", "}"]).encode()
        old = dict(parse_cyrus_conf(data).entries[0].pairs)
        new = set_value(data, "SERVICES", name, key, value)
        (entry,) = parse_cyrus_conf(new).entries
        assert dict(entry.pairs) == {**old, key: value}
        before, after = lines_of(data), lines_of(new)
        assert before[:2] + before[3:] == after[:2] + after[3:]
        assert after[2].endswith((tail + end).encode())
        if key in old:
            assert set_value(new, "SERVICES", name, key, old[key]).replace(b'"', b"") == data.replace(
                b'"', b""
            )
