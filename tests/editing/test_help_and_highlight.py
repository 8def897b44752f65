"""Colours for both grammars, half-written lines included, and help for what is under the cursor."""

from pathlib import Path

import pytest

from cyrtui.config.options import OptionTable
from cyrtui.config.subject import ConfKind
from cyrtui.editing.highlight import section_of, tokens
from cyrtui.editing.manual import Manual
from cyrtui.editing.option_help import Help, help_at, option_help
from cyrtui.editing.search import Place, find
from cyrtui.host.local import LocalHost
from cyrtui.host.tree import TreeHost

RECORDED = sorted((Path(__file__).parents[1] / "recordings").glob("**/*.conf"))
PAGES = Path("/usr/share/man/man5")


def parts(kind: ConfKind, *lines: str) -> list[tuple[str, str]]:
    """The pieces of the last line with their names."""
    row = len(lines) - 1
    return [(lines[row][start:end], name) for start, end, name in tokens(kind, lines.__getitem__, row)]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_nothing_in_a_real_configuration_looks_wrong(path: Path) -> None:
    kind: ConfKind = "cyrus.conf" if "cyrus" in path.name else "imapd.conf"
    lines = path.read_text().split("\n")
    for row, line in enumerate(lines):
        found = tokens(kind, lines.__getitem__, row)
        assert all(0 <= start <= end <= len(line) for start, end, _ in found)
        assert not any(name == "bad" for _, _, name in found), line


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("SERVICES {", [("SERVICES", "section")]),
        ("SERVICE {", [("SERVICE", "bad")]),
        ("}", []),
        ("imap cmd=", [("imap", "name"), ("cmd", "key"), ("", "value")]),
        ('imap cmd="imapd -U', [("imap", "name"), ("cmd", "key"), ('"imapd -U', "bad")]),
        ("imap cm", [("imap", "name"), ("cm", "bad")]),
        ("imap lisen=imap", [("imap", "name"), ("lisen", "bad"), ("imap", "value")]),
        ('imap cmd="a # b"', [("imap", "name"), ("cmd", "key"), ('"a ', "bad"), ('# b"', "comment")]),
    ],
)
def test_lines_of_cyrus_conf_as_they_are_typed(line: str, wanted: list[tuple[str, str]]) -> None:
    assert parts("cyrus.conf", line) == wanted


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["adm"], [("adm", "option"), ("", "bad")]),
        (["admins cyrus"], [("admins", "bad"), (" cyrus", "bad")]),
        (["admins: a # b"], [("admins", "option"), (" a # b", "value")]),
        (["@include: /x"], [("@include", "directive"), (" /x", "value")]),
        (["admins: a \\", "# b"], [("# b", "value")]),
        (["# a \\", "admins: b"], [("admins: b", "comment")]),
        ([""], []),
    ],
)
def test_lines_of_imapd_conf_as_they_are_typed(lines: list[str], wanted: list[tuple[str, str]]) -> None:
    assert parts("imapd.conf", *lines) == wanted


def test_the_section_of_a_line() -> None:
    lines = ["START {", "a cmd=b", "}", "", "EVENTS {", "c"]
    assert [section_of(lines.__getitem__, row) for row in (1, 3, 5)] == ["START", None, "EVENTS"]


def help_for(name: str, version: str | None = "3.6.1") -> Help:
    found = option_help(name, OptionTable(version), ("imaps",), Manual(LocalHost()))
    assert found is not None
    return found


def test_an_options_type_default_and_since_when() -> None:
    assert help_for("allowplaintext").facts == (
        "a switch: yes or no (also 1, 0, on, off, t, f; small letters)",
        "default in 3.6.1: 0",
        "known to every version",
        "the default changed: 1, then 0 since 2.3",
    )
    assert "renamed: tls_server_cert since 2.5; both are honoured" in help_for("tls_cert_file").facts
    assert help_for("imaps_timeout").facts[0] == "for the service imaps only; it wins over timeout"
    assert help_for("timout").facts == ("no option of this version", "Did you mean timeout?")
    assert "3.6.1 does not know it" in help_for("tls_require_cert").facts[0]
    assert "default in 2.2.13: 1" in help_for("allowplaintext", "2.2.13").facts


def test_the_installed_manuals_own_words() -> None:
    if not (PAGES / "imapd.conf.5.gz").exists():
        pytest.fail("the lab's packages install imapd.conf(5)")
    assert help_for("allowplaintext").text.startswith("If enabled, allows the use of cleartext passwords on")
    assert "\\f" not in help_for("sievedir").text
    manual = Manual(LocalHost())
    assert "maximum number of instances" in manual.key("SERVICES", "maxchild")
    assert manual.key("EVENTS", "period") != manual.key("SERVICES", "prefork") != ""


def test_without_a_manual_or_with_a_broken_one_the_facts_remain(tmp_path: Path) -> None:
    place = tmp_path / "usr/share/man/man5"
    place.mkdir(parents=True)
    manual = Manual(TreeHost(str(tmp_path)))
    assert manual.option("timeout") == ""
    (place / "imapd.conf.5.gz").write_bytes(b"no gzip at all")
    (place / "cyrus.conf.5").write_text(".SH SERVICES\n\\fBcmd=\\fR<none>\n\\x1b[31mThe \\fIprogram\\fP.\n")
    manual = Manual(TreeHost(str(tmp_path)))
    assert manual.option("timeout") == ""
    assert manual.key("SERVICES", "cmd").endswith("The program.")
    assert "\x1b" not in manual.key("SERVICES", "cmd")


def test_help_under_the_cursor_of_cyrus_conf() -> None:
    lines = ["SERVICES {", '  imap cmd="imapd -s" listen=imap', "}"]
    manual = Manual(LocalHost())

    def at(row: int, column: int) -> Help | None:
        return help_at("cyrus.conf", lines.__getitem__, row, column, OptionTable("3.6.1"), (), manual)

    for column, title in ((0, "SERVICES imap"), (8, "cmd="), (14, "cmd="), (24, "listen=")):
        found = at(1, column)
        assert found is not None
        assert found.title == title
    command = at(1, 14)
    assert command is not None
    assert "-s: speaks TLS from the first byte (imaps)" in command.facts
    assert at(2, 0) is None


def test_search_goes_round_and_never_into_what_is_covered() -> None:
    lines = ["admins: cyrus", "pw: cyrus", "Cyrus"]
    assert find(lines, "cyrus", 0, 8, 1, {1: [(4, 9)]}) == Place(2, 0, 5, wrapped=False)
    assert find(lines, "cyrus", 2, 0, 1, {1: [(4, 9)]}) == Place(0, 8, 13, wrapped=True)
    assert find(lines, "cyrus", 0, 8, -1, {}) == Place(2, 0, 5, wrapped=True)
    assert find(lines, "cyrus", 0, 8, 1, {}) == Place(1, 4, 9, wrapped=False)
    assert find(lines, "Cyrus", 0, 0, 1, {}) == Place(2, 0, 5, wrapped=False)
    assert find(lines, "yr", 1, 0, 1, {1: [(4, 9)], 0: [(8, 13)], 2: [(0, 5)]}) is None
    assert find([], "x", 0, 0, 1, {}) is None
