"""The services as a form: one thing changes, every other byte stays."""

from pathlib import Path

import pytest

from cyrtui.config.document import lines_of
from cyrtui.editing.service_form import (
    FormRow,
    add_service,
    change_value,
    parse_addition,
    remove_service,
    service_rows,
)
from cyrtui.errors import ConfigurationError

CONF = (Path(__file__).parents[1] / "recordings/configurations/debian-12/cyrus.conf").read_bytes()


def row(service: str, name: str, data: bytes = CONF) -> FormRow:
    return next(one for one in service_rows(data) if (one.service, one.name) == (service, name))


def changed(new: bytes) -> tuple[bytes, bytes]:
    """The one line that changed: before and after."""
    pairs = [pair for pair in zip(lines_of(CONF), lines_of(new), strict=True) if pair[0] != pair[1]]
    assert len(pairs) == 1
    return pairs[0]


def test_each_service_with_its_values_and_switches() -> None:
    found = row("imap", "imap")
    assert (found.kind, found.value, found.meaning) == ("service", "imapd -U 30", "the IMAP server")
    assert (row("imap", "maxchild").value, row("imap", "maxchild").is_set) == ("100", True)
    assert (row("imap", "proto").default, row("imap", "proto").is_set) == ("tcp", False)
    limit = row("imap", "-U")
    assert (limit.value, limit.takes_argument, limit.is_set) == ("30", True, True)
    assert row("imap", "-s").value == ""


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("maxchild", "200", b'cmd="imapd -U 30" listen="imap" prefork=0 maxchild=200'),
        ("maxchild", "", b'cmd="imapd -U 30" listen="imap" prefork=0'),
        ("proto", "tcp4", b'cmd="imapd -U 30" listen="imap" prefork=0 maxchild=100 proto=tcp4'),
        ("listen", "127.0.0.1:143", b'cmd="imapd -U 30" listen="127.0.0.1:143" prefork=0 maxchild=100'),
        ("-U", "50", b'cmd="imapd -U 50" listen="imap" prefork=0 maxchild=100'),
        ("-U", "", b'cmd="imapd" listen="imap" prefork=0 maxchild=100'),
        ("-s", "on", b'cmd="imapd -U 30 -s" listen="imap" prefork=0 maxchild=100'),
        ("-C", "/etc/i2.conf", b'cmd="imapd -U 30 -C /etc/i2.conf" listen="imap" prefork=0 maxchild=100'),
    ],
)
def test_a_value_or_a_switch_is_changed(name: str, value: str, wanted: bytes) -> None:
    new = change_value(CONF, row("imap", name), value)
    assert changed(new)[1].rstrip(b"\n").endswith(b"\t" + wanted)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("maxchild", "many", "maxchild is a number; “many” is none."),
        ("listen", "", "A service cannot be without listen="),
        ("-U", "a lot", "-U takes one word"),
        ("-T", "x", "-T takes a number"),
        ("listen", 'a"b', 'No value of cyrus.conf can hold "'),
        ("cmd", "imapd # -s", "No value of cyrus.conf can hold #"),
    ],
)
def test_what_the_file_cannot_hold_is_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words.replace("(", r"\(")):
        change_value(CONF, row("imap", name), value)


def test_services_are_added_and_removed() -> None:
    new = add_service(CONF, *parse_addition("imaps"))
    assert row("imaps", "listen", new).value == "imaps"
    assert row("imaps", "-s", new).value == "on"
    assert remove_service(new, "imaps") == CONF
    assert parse_addition("imap2 1143 imapd -U 30") == ("imap2", "imapd -U 30", "1143")
    with pytest.raises(ConfigurationError, match="Type one of"):
        parse_addition("gopher")
    with pytest.raises(ConfigurationError, match="already"):
        add_service(CONF, *parse_addition("imap"))


def test_half_a_file_makes_half_a_form() -> None:
    assert service_rows(b"") == ()
    assert service_rows(b'SERVICES {\n imap cmd="imapd -U')[0].service == "imap"
    assert all(one.service == "x" for one in service_rows(b"SERVICES {\n x listen=1\n}\n"))
