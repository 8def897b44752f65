"""The lint of both files, on the real samples and on files that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyrtui.config.lint import Finding, lint
from cyrtui.host.tree import TreeHost

CYRUS_CONF = "/etc/cyrus.conf"
IMAPD_CONF = "/etc/imapd.conf"
IMAPD = "configdirectory: /var/lib/cyrus\npartition-default: /var/spool/cyrus\ndefaultpartition: default\n"


@pytest.fixture
def host(tmp_path: Path) -> TreeHost:
    """A tree with the programs of Cyrus in it, and nothing else."""
    programs = tmp_path / "usr/lib/cyrus/bin"
    programs.mkdir(parents=True)
    for name in ("imapd", "pop3d", "lmtpd", "timsieved", "ctl_cyrusdb", "cyr_expire", "idled", "master"):
        (programs / name).touch(0o755)
    return TreeHost(str(tmp_path))


def of_imapd(host: TreeHost, text: str, version: str = "3.6.1") -> tuple[Finding, ...]:
    return lint({IMAPD_CONF: text.encode()}, host, version=version)


def of_cyrus(host: TreeHost, text: str, version: str = "3.6.1") -> tuple[Finding, ...]:
    return lint({CYRUS_CONF: text.encode()}, host, version=version)


def test_a_program_that_is_not_there_is_named_with_the_one_that_was_meant(host: TreeHost) -> None:
    found = of_cyrus(host, 'SERVICES {\n  imap cmd="imap -U 30" listen="143" maxchild=5\n}\n')
    assert [(one.line, one.severity, one.code) for one in found] == [(2, "error", "executable-missing")]
    assert "dies on SIGHUP" in found[0].sentence
    assert found[0].remedy == "Did you mean imapd?"


def test_an_option_is_judged_by_its_version(host: TreeHost) -> None:
    text = IMAPD + "tls_server_cert: /x\n"
    assert of_imapd(host, text) == ()
    old = of_imapd(host, text, "2.4.17")
    assert [(one.line, one.severity, one.code) for one in old] == [(4, "warning", "option-not-in-version")]


def test_a_misspelt_option_is_named_with_the_right_one(host: TreeHost) -> None:
    found = of_imapd(host, IMAPD + "allowplaintxt: no\n")
    assert [(one.line, one.severity, one.code) for one in found] == [(4, "warning", "unknown-option")]
    assert found[0].remedy == "Did you mean allowplaintext?"
