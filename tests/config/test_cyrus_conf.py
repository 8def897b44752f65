from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cyrtui.config.cyrus_conf import CyrusConf, parse_cyrus_conf

SQUEEZE = Path(__file__).parent.parent / "recordings" / "squeeze" / "cyrus.conf"


def services(*lines: str) -> CyrusConf:
    """The lines in a SERVICES section; the first is line 2 of the file."""
    return parse_cyrus_conf("\n".join(["SERVICES {", *lines, "}", ""]).encode())


def said(conf: CyrusConf) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.severity, fault.sentence) for fault in conf.faults]


def one_fault(conf: CyrusConf) -> tuple[int, str, str]:
    (fault,) = said(conf)
    return fault


class TestRealFile:
    conf = parse_cyrus_conf(SQUEEZE.read_bytes())

    def test_services_in_the_order_of_the_file(self) -> None:
        assert [(entry.name, entry.line) for entry in self.conf.services] == [
            ("imap", 7),
            ("imaps", 8),
            ("lmtp", 9),
            ("sieve", 10),
        ]

    def test_values(self) -> None:
        imap = self.conf.services[0]
        assert imap.listen == "localhost:imap"
        assert imap.words == ("imapd", "-U", "30")
        assert (imap.proto, imap.prefork, imap.maxchild, imap.program) == ("tcp", 0, 10, "imapd")
        assert imap.config_file is None

    def test_source_is_the_line_itself(self) -> None:
        assert self.conf.services[2].source.strip().startswith('lmtp            cmd="lmtpd"')

    def test_events(self) -> None:
        checkpoint, delprune, _ = self.conf.section("EVENTS")
        assert (checkpoint.period, checkpoint.at) == (30, None)
        assert delprune.at == (4, 1)

    def test_sections_and_no_faults(self) -> None:
        assert [(span.name, span.first, span.last) for span in self.conf.sections] == [
            ("START", 1, 5),
            ("SERVICES", 6, 11),
            ("EVENTS", 12, 16),
        ]
        assert self.conf.faults == ()


class TestEntries:
    def test_quotes_are_optional(self) -> None:
        (entry,) = services("imap cmd=imapd listen=imap").services
        assert (entry.cmd, entry.listen) == ("imapd", "imap")

    def test_the_first_of_a_key_counts(self) -> None:
        conf = services("imap cmd=imapd listen=imap listen=143")
        assert conf.services[0].listen == "imap"
        assert one_fault(conf)[1] == "warning"

    def test_a_hash_ends_the_line_even_in_quotes(self) -> None:
        conf = services('imap cmd="imapd # -U 30" listen="imap"')
        sentence = (
            "The # ends the line, inside quotes too. "
            'A " is missing: cyrmaster does not start, and dies on SIGHUP.'
        )
        assert (2, "error", sentence) in said(conf)

    @pytest.mark.parametrize(
        ("value", "expected"), [("-1", None), ("7", 7), ("7x", 7), ("many", 0), (" 5", 5), ("+3", 3)]
    )
    def test_maxchild_is_read_by_atoi(self, value: str, expected: int | None) -> None:
        (entry,) = services(f'imap cmd=imapd listen=imap maxchild="{value}"').services
        assert entry.maxchild == expected

    def test_a_maxchild_of_zero_is_an_error(self) -> None:
        assert one_fault(services("imap cmd=imapd listen=imap maxchild=ten"))[1] == "error"

    def test_udp_has_one_child(self) -> None:
        (entry,) = services("x cmd=a listen=/s proto=udp maxchild=9 prefork=4").services
        assert (entry.maxchild, entry.prefork) == (1, 1)

    def test_babysit_keeps_one_ready(self) -> None:
        (entry,) = services("x cmd=a listen=1 babysit=yes").services
        assert entry.prefork == 1

    def test_config_file_of_a_service(self) -> None:
        (entry,) = services('x cmd="imapd -s -C /etc/other.conf" listen=1').services
        assert entry.config_file == "/etc/other.conf"

    def test_text_is_made_inert(self) -> None:
        conf = parse_cyrus_conf(b'SERVICES {\nimap cmd="\x1b]52;c;aGk=\x07" listen=1\n}\n')
        assert "\x1b" not in conf.services[0].cmd + conf.services[0].source


class TestWhatCyrusDiesOn:
    @pytest.mark.parametrize(
        ("line", "part"),
        [
            ('im-ap cmd="imapd" listen="imap"', "Bad character “-” in the name"),
            ('imap c.md="imapd" listen="imap"', "Bad character “.” in the argument “c”"),
            ('imap cmd="imapd" listen="imap" }', "Bad character “}” in the argument"),
            ("imap cmd", "The line ends in the argument “cmd”"),
            ('imap cmd="imapd listen=imap', 'A " is missing'),
            ("imap cmd=a listen=b " + "x=1 " * 63, "More than 64 arguments"),
        ],
    )
    def test_syntax(self, line: str, part: str) -> None:
        errors = [fault for fault in said(services(line)) if fault[1] == "error"]
        assert [(number, part in sentence) for number, _, sentence in errors] == [(2, True)]

    def test_what_can_be_read_of_a_broken_line_is_shown(self) -> None:
        (entry,) = services('im-ap cmd="imapd -s" bad"x listen="imaps"').section("SERVICES")
        assert (entry.name, entry.cmd, entry.listen, entry.broken) == ("im-ap", "imapd -s", "imaps", True)

    def test_lines_behind_a_broken_one_are_read(self) -> None:
        assert [entry.name for entry in services("a-b cmd=x", "imap cmd=y listen=z").section("SERVICES")] == [
            "a-b",
            "imap",
        ]

    def test_missing_listen(self) -> None:
        line, severity, sentence = one_fault(services("imap cmd=imapd"))
        assert (line, severity) == (2, "error")
        assert "no listen" in sentence

    def test_missing_both(self) -> None:
        assert "no cmd and listen" in one_fault(services("imap prefork=1"))[2]

    def test_same_name_twice(self) -> None:
        conf = services("imap cmd=imapd listen=imap", "imap cmd=imapd listen=imaps")
        assert one_fault(conf)[:2] == (3, "error")
        assert [entry.line for entry in conf.services] == [2]

    def test_unknown_protocol(self) -> None:
        assert "sctp" in one_fault(services("imap cmd=imapd listen=imap proto=sctp"))[2]

    @pytest.mark.parametrize("cmd", ["imapd -C/x", "imapd -U30", "imapd -s -Nx", "imapd -p 2 -sN"])
    def test_options_that_are_not_apart(self, cmd: str) -> None:
        assert cmd.rpartition(" ")[2] in one_fault(services(f'imap cmd="{cmd}" listen="imap"'))[2]

    @pytest.mark.parametrize("cmd", ["imapd -C /x -U 30", "imapd -s", "imapd -p 2 -s -", "x a-long -- -ab"])
    def test_options_that_are_apart(self, cmd: str) -> None:
        assert services(f'imap cmd="{cmd}" listen="imap"').faults == ()


class TestWhatCyrusIgnores:
    @pytest.mark.parametrize(
        ("text", "line", "part"),
        [
            ("stray\n", 1, "stands in no section"),
            ("SERVICE {\n a cmd=b listen=c\n}\n", 1, "knows none of that name"),
            ("services {\n a cmd=b listen=c\n}\n", 1, "first letter must be a capital"),
            ("SERVICES {\n}\nSERVICES {\n a cmd=b listen=c\n}\n", 3, "another SERVICES stands above"),
            ("START { a cmd=b }\n", 1, "a section on one line"),
            ("START { a cmd=b\n}\n", 1, "beside the {"),
        ],
    )
    def test_ignored(self, text: str, line: int, part: str) -> None:
        faults = [fault for fault in said(parse_cyrus_conf(text.encode())) if part in fault[2]]
        assert [(number, severity) for number, severity, _ in faults] == [(line, "warning")]
        assert parse_cyrus_conf(text.encode()).services == ()

    def test_a_brace_on_the_next_line_hides_the_section(self) -> None:
        conf = parse_cyrus_conf(b"SERVICES\n{\n imap cmd=a listen=b\n}\n")
        assert conf.entries == ()
        assert said(conf)[0][:2] == (1, "error")

    def test_a_stray_brace_hides_all_below(self) -> None:
        conf = parse_cyrus_conf(b"}\nSERVICES {\n imap cmd=a listen=b\n}\n")
        assert conf.entries == ()
        assert {line for line, severity, _ in said(conf) if severity == "error"} == {1, 2}

    def test_the_first_letter_alone_counts(self) -> None:
        assert parse_cyrus_conf(b"Services {\n imap cmd=a listen=b\n}\n").services

    def test_an_entry_without_a_name(self) -> None:
        conf = services('"cmd="imapd" listen="imap"')
        assert [(entry.name, entry.listen) for entry in conf.services] == [("", "imap")]
        assert one_fault(conf)[1] == "warning"

    def test_unknown_key(self) -> None:
        assert "ignores “maxchildren”" in one_fault(services("a cmd=b listen=c maxchildren=3"))[2]

    def test_at_that_is_no_time(self) -> None:
        conf = parse_cyrus_conf(b"EVENTS {\n x cmd=y at=2561 period=5\n}\n")
        assert "every 5 minutes" in one_fault(conf)[2]

    def test_an_unclosed_section_is_read(self) -> None:
        conf = parse_cyrus_conf(b"SERVICES {\n imap cmd=a listen=b")
        assert len(conf.services) == 1
        assert one_fault(conf)[1] == "warning"

    def test_an_over_long_line_is_cut(self) -> None:
        conf = services("imap cmd=imapd listen=imap " + " " * 4100 + "x")
        assert any("4,095" in sentence for _, _, sentence in said(conf))


class TestSubstringTokenizer:
    """Cyrus up to 2.4 looks for `key=` anywhere in the line."""

    def read(self, line: str) -> CyrusConf:
        return parse_cyrus_conf(f"SERVICES {{\n{line}\n}}\n".encode(), tokenizer="substring")

    def test_a_key_inside_another_value(self) -> None:
        conf = self.read('imap cmd="x a:listen=143" listen="imap"')
        assert conf.services[0].listen == '143"'
        assert one_fault(conf)[1] == "warning"

    def test_junk_is_no_error(self) -> None:
        conf = parse_cyrus_conf(b'SERVICES {\nim-ap ?? cmd="imapd" listen="imap" }\n', tokenizer="substring")
        assert conf.services[0].listen == "imap"
        assert not [fault for fault in said(conf) if fault[1] == "error"]

    def test_the_same_name_on_another_port_is_no_duplicate(self) -> None:
        assert self.read("a cmd=x listen=1\na cmd=x listen=2").faults == ()

    def test_a_value_over_255_characters(self) -> None:
        assert [fault[1] for fault in said(self.read(f'a cmd="{"x" * 300}" listen=1'))] == ["error"]


@given(
    st.binary(max_size=600)
    | st.text('STARVICES{}imap=" \t\n#cmdlisten-0\\\r\0', max_size=400).map(str.encode)
)
@example(b'START {\n a c=d \n"')
def test_any_bytes_are_read_and_kept(data: bytes) -> None:
    for tokenizer in ("words", "substring"):
        conf = parse_cyrus_conf(data, tokenizer=tokenizer)
        assert b"".join(conf.raw) == data
        lines = len(conf.raw)
        assert all(1 <= entry.line <= lines for entry in conf.entries)
        assert all(0 <= fault.line <= lines and fault.sentence.isprintable() for fault in conf.faults)
