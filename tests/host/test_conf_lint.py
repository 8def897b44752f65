"""What the installed cyr_info says of candidates: the real program."""

from __future__ import annotations

import os

import pytest

from cyrtui.config.lint import lint
from cyrtui.host.conf_lint import run_conf_lint
from cyrtui.host.local import LocalHost

GOOD = b"configdirectory: /var/lib/cyrus\npartition-default: /var/spool/cyrus/mail\n"
CYRUS = b'SERVICES {\n  imap cmd="imapd" listen="imap"\n}\n'


def test_unknown_options_are_named_and_no_value_of_them() -> None:
    said = run_conf_lint(GOOD + b"foo: secret\nsasl_x: y\nimap_timeout: 30\n", CYRUS)
    assert said is not None
    assert said.unknown == ("foo",)
    assert said.fatal is None
    assert "secret" not in repr(said)


@pytest.mark.parametrize(
    ("imapd", "cyrus", "line", "words"),
    [
        (GOOD + b"foo: 1\nfoo: 2\n", CYRUS, 4, "specified twice"),
        (GOOD + b"timeout: soon\n", CYRUS, 3, "unparsable duration"),
        (GOOD + b"x y: 1\n", CYRUS, 3, "invalid option name on line 3"),
        (GOOD, b'SERVICES {\n  imap cmd="imapd\n}\n', 2, 'missing "'),
        (b"@include: /no/such/file\n", CYRUS, None, "can't open configuration file /no/such/file"),
    ],
)
def test_what_it_dies_of(imapd: bytes, cyrus: bytes, line: int | None, words: str) -> None:
    said = run_conf_lint(imapd, cyrus)
    assert said is not None
    assert said.line == line
    assert words in (said.fatal or "")
    assert "/proc/self" not in (said.fatal or "")


def test_every_death_of_the_real_parser_is_an_error_of_ours_at_the_same_line() -> None:
    for text in (
        b"foo: 1\nFOO: 2\n",
        b"allowplaintext: No\n",
        b"allowplaintext: x\n",
        b"timeout: 1h30\n",
        b"timeout: 5x\n",
        b"timeout: 1.5h\n",
        b"timeout: 99999999d\n",
        b"sieve_maxscripts: 5k\n",
        b"sieve_maxscripts: 0x10\n",
        b"sieve_maxscripts: +5\n",
        b"sieve_maxscripts: 08\n",
        b"virtdomains: true\n",
        b"virtdomains: On\n",
        b"httpmodules: caldav  carddav\n",
        b"httpmodules: caldav,carddav\n",
        b"mboxlist_db: twoskip \n",
        b"mboxlist_db: lmdb\n",
        b"expunge_mode: default\n",
        b"popminpoll:\n",
        b"popminpoll : 1\n",
        b"pop-minpoll: 1\n",
        b"pop.minpoll: 1\n",
        b"@include /x\n",
        b"@foo: x\n",
        b"tls_cert_file: a\ntls_server_cert: b\n",
        b"imap_timeout: x\n",
        b": x\n",
        b"metapartition_files: header index\n",
        b"sieve_extensions: fileinto imapflags\n",
        b"sieve_extensions: fileinto nonsense\n",
        b"defaultpartition: a-b\n",
    ):
        data = GOOD + text
        said = run_conf_lint(data, CYRUS)
        assert said is not None
        host = LocalHost()
        found = lint({"/etc/imapd.conf": data}, host, ask_cyrus=False)
        fatal = {one.line for one in found if one.severity == "error" and one.code not in _OF_THE_DISK}
        # the process of one service dies of its own options, which cyr_info is not
        if text.startswith(b"imap_"):
            continue
        assert (said.fatal is not None) == bool(fatal), (text, said, found)
        if said.line is not None:
            assert said.line in fatal, (text, said, found)


_OF_THE_DISK = {"path-missing", "path-closed", "not-a-directory"}


def test_it_leaves_no_descriptor_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))
    run_conf_lint(GOOD, CYRUS)
    assert len(os.listdir("/proc/self/fd")) == before
