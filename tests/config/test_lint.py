"""The lint of both files: real files without a false alarm, and bad edits, each named at its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.config.lint import Finding, lint
from cyrtui.host.tree import TreeHost
from tests.lab import configuration

CONFIGURATIONS = Path(__file__).parent.parent / "recordings" / "configurations"
CYRUS_CONF = "/etc/cyrus.conf"
IMAPD_CONF = "/etc/imapd.conf"
PROGRAMS = (
    "imapd",
    "pop3d",
    "nntpd",
    "httpd",
    "lmtpd",
    "timsieved",
    "notifyd",
    "idled",
    "ctl_cyrusdb",
    "ctl_deliver",
    "cyr_expire",
    "tls_prune",
    "master",
)
SERVICES = "imap 143/tcp\nimaps 993/tcp\npop3 110/tcp\npop3s 995/tcp\nnntp 119/tcp\nsieve 4190/tcp\n"

# What the bad edits are made to: lines 1 to 13, and 1 to 9.
GOOD_CYRUS = """\
START {
  recover cmd="ctl_cyrusdb -r"
}
SERVICES {
  imap  cmd="imapd -U 30" listen="localhost:imap" prefork=0 maxchild=10
  imaps cmd="imapd -s -U 30" listen="imaps" prefork=0 maxchild=10
  sieve cmd="timsieved" listen="localhost:sieve" prefork=0 maxchild=10
}
EVENTS {
  checkpoint cmd="ctl_cyrusdb -c" period=30
  delprune cmd="cyr_expire -E 3" at=0401
}
"""
GOOD_IMAPD = """\
configdirectory: /var/lib/cyrus
defaultpartition: default
partition-default: /var/spool/cyrus/mail
allowplaintext: no
altnamespace: no
unixhierarchysep: no
delete_mode: delayed
expunge_mode: delayed
tls_server_cert: /etc/ssl/imap.pem
tls_server_key: /etc/ssl/imap.key
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> TreeHost:
    """A copied tree with the programs of Cyrus and the names of its ports."""
    tree = tmp_path_factory.mktemp("tree")
    for directory in ("usr/lib/cyrus/bin", "usr/sbin", "etc", "run/cyrus/socket", "var/lib/cyrus"):
        (tree / directory).mkdir(parents=True)
    for directory in ("usr/lib/cyrus/bin", "usr/sbin"):
        for name in (*PROGRAMS, "cyrus"):
            (tree / directory / name).touch(0o755)
    (tree / "etc/services").write_text(SERVICES)
    (tree / "etc/hosts").write_text("127.0.0.1 localhost\n")
    return TreeHost(str(tree))


def both(host: TreeHost, cyrus: str, imapd: str, version: str | None = "3.6.1") -> tuple[Finding, ...]:
    return lint({CYRUS_CONF: cyrus.encode(), IMAPD_CONF: imapd.encode()}, host, version=version)


def grave(found: tuple[Finding, ...]) -> list[tuple[str, int, str, str]]:
    return [(one.file, one.line, one.severity, one.code) for one in found if one.severity != "advice"]


class TestRealConfigurations:
    @pytest.mark.parametrize(
        ("name", "version"),
        [
            ("cyrus-2.2.13", "2.2.13"),
            ("cyrus-2.4.22", "2.4.22"),
            ("cyrus-3.12.3", "3.12.3"),
            ("debian-12", "3.6.1"),
            ("debian-12", None),
        ],
    )
    def test_no_wrong_error(self, host: TreeHost, name: str, version: str | None) -> None:
        cyrus, imapd = ((CONFIGURATIONS / name / file).read_text() for file in ("cyrus.conf", "imapd.conf"))
        found = both(host, cyrus, imapd, version)
        assert [str(one) for one in found if one.severity == "error"] == []
        # what is said is true: clear-text services for the world, and a name that no Cyrus knows
        known = {"exposed-without-tls", "exposed-plaintext", "unknown-option"}
        assert {one.code for one in found if one.severity == "warning"} <= known
        assert [one.line for one in found if one.code == "unknown-option"] == [17] * (name == "debian-12")

    def test_the_article(self, host: TreeHost) -> None:
        found = both(host, configuration.CYRUS_CONF, configuration.IMAPD_CONF)
        assert grave(found) == [
            (CYRUS_CONF, 9, "warning", "port-name-unknown"),
            (IMAPD_CONF, 31, "warning", "unknown-option"),
        ]
        assert "“lmtp” is no name in /etc/services" in found[0].sentence
        assert [one.line for one in found if one.code == "option-renamed"] == [12, 27, 29]

    def test_what_the_bad_edits_are_made_to(self, host: TreeHost) -> None:
        assert both(host, GOOD_CYRUS, GOOD_IMAPD) == ()


IMAP = 'imap  cmd="imapd -U 30" listen="localhost:imap" prefork=0 maxchild=10'
BAD_CYRUS = [
    # what stands there, what is written in its place, line, severity, code
    ("START {", "START\n{", 1, "error", "section-brace"),
    ("SERVICES {", "SERVICE {", 4, "warning", "section-unknown"),
    ("SERVICES {", "sERVICES {", 4, "warning", "section-unknown"),
    ("EVENTS {", "EVENTS { # x", 9, None, None),
    ("}\nEVENTS", "}\n}\nEVENTS", 9, "error", "brace-unmatched"),
    ("}\nEVENTS", "EVENTS", 8, "error", "bad-character"),
    (IMAP, "im-ap" + IMAP[4:], 5, "error", "bad-character"),
    (
        'cmd="imapd -U 30" listen="localhost:imap"',
        'cmd="imapd -U 30 listen="localhost:imap"',
        5,
        "error",
        "bad-character",
    ),
    ('cmd="imapd -U 30"', 'cmd="imapd #-U 30"', 5, "error", "hash-in-quotes"),
    ("maxchild=10\n  imaps", 'maxchild="10\n  imaps', 5, "error", "quote-missing"),
    ("prefork=0 maxchild=10\n  imaps", "prefork=0 maxchild\n  imaps", 5, "error", "bad-character"),
    ("prefork=0 maxchild=10\n  imaps", "prefork=0 max-child=10\n  imaps", 5, "error", "bad-character"),
    ("prefork=0 maxchild=10\n  imaps", "prefork=0 maxchld=10\n  imaps", 5, "warning", "unknown-key"),
    ("prefork=0 maxchild=10\n  imaps", "prefork=0 prefork=2 maxchild=10\n  imaps", 5, "warning", "key-twice"),
    ("prefork=0 maxchild=10\n  imaps", "prefork=none maxchild=10\n  imaps", 5, "warning", "bad-number"),
    ("prefork=0 maxchild=10\n  imaps", "prefork=0 maxchild=0\n  imaps", 5, "error", "maxchild-zero"),
    ("prefork=0 maxchild=10\n  imaps", "prefork=0 maxchild=ten\n  imaps", 5, "error", "maxchild-zero"),
    ("prefork=0 maxchild=10\n  imaps", "babysit=maybe maxchild=10\n  imaps", 5, "warning", "bad-switch"),
    ("prefork=0 maxchild=10\n  imaps", "proto=tpc maxchild=10\n  imaps", 5, "error", "bad-proto"),
    (IMAP, IMAP.replace(' listen="localhost:imap"', ""), 5, "error", "entry-incomplete"),
    (IMAP, IMAP.replace('cmd="imapd -U 30" ', ""), 5, "error", "entry-incomplete"),
    (IMAP, IMAP.replace("imapd -U", "imap -U"), 5, "error", "executable-missing"),
    (IMAP, IMAP.replace("imapd -U", "/usr/bin/imapd -U"), 5, None, None),
    (IMAP, IMAP.replace("imapd -U", "/usr/sbin/impad -U"), 5, "error", "executable-missing"),
    (IMAP, IMAP.replace("-U 30", "-U30"), 5, "error", "merged-option"),
    (IMAP, IMAP.replace("-U 30", "-Z"), 5, "warning", "unknown-switch"),
    (IMAP, IMAP.replace("-U 30", "-C /etc/other.conf"), 5, "error", "config-file-missing"),
    (IMAP, IMAP.replace("localhost:imap", "localhost:imapp"), 5, "warning", "port-name-unknown"),
    (IMAP, IMAP.replace("localhost:imap", "localhost:"), 5, "error", "bad-listen"),
    (IMAP, IMAP.replace("localhost:imap", "[::1"), 5, "error", "bad-listen"),
    (IMAP, IMAP.replace("localhost:imap", "localhost:70143"), 5, "warning", "bad-port"),
    (IMAP, IMAP.replace("localhost:imap", "/run/cyrus/socket/imap"), 5, None, None),
    (
        IMAP,
        IMAP.replace("localhost:imap", "/run/cyrus/sockets/imap"),
        5,
        "warning",
        "socket-directory-missing",
    ),
    (IMAP, IMAP.replace("localhost:imap", "/run/cyrus/socket/" + "x" * 100), 5, "error", "socket-path-long"),
    ("sieve cmd", "imap cmd", 7, "error", "service-twice"),
    ('listen="localhost:sieve"', 'listen="localhost:imap"', 7, "error", "port-twice"),
    ('listen="localhost:sieve"', 'listen="imap"', 7, "error", "port-twice"),
    (
        'listen="localhost:imap" prefork=0 maxchild=10\n  imaps',
        'listen="imap" maxchild=10\n  imaps',
        5,
        None,
        None,
    ),
    ('-c" period=30', '-c" period=half', 10, "warning", "bad-number"),
    ("at=0401", "at=2460", 11, "warning", "bad-time"),
    ("at=0401", "at=4am", 11, "warning", "number-cut"),
    ("delprune cmd=", 'delprune cron="1 4 * * *" cmd=', 11, "warning", "key-not-in-version"),
    ("cyr_expire -E 3", "cyr_expires -E 3", 11, "warning", "executable-missing"),
    ("ctl_cyrusdb -r", "ctl_cyrus -r", 2, "error", "executable-missing"),
    (
        "}\nEVENTS",
        '}\nSERVICES {\n  more cmd="imapd" listen="1143"\n}\nEVENTS',
        9,
        "warning",
        "section-twice",
    ),
    ("}\nEVENTS", '}\nimap2 cmd="imapd" listen="1143"\nEVENTS', 9, "warning", "outside-section"),
    ("SERVICES {\n", "SERVICES {\n  " + "x" * 4100 + "\n", 5, "warning", "line-too-long"),
    ("  imaps cmd", "  imap\0s cmd", 6, "warning", "nul-byte"),
]
BAD_IMAPD = [
    ("allowplaintext: no", "allowplaintext no", 4, "error", "bad-option-name"),
    ("allowplaintext: no", "allowplaintext : no", 4, "error", "bad-option-name"),
    ("allowplaintext: no", "allow plaintext: no", 4, "error", "bad-option-name"),
    ("allowplaintext: no", "allowplaintext:", 4, "error", "empty-value"),
    ("allowplaintext: no", "allowplaintext: No", 4, "error", "bad-value"),
    ("allowplaintext: no", "allowplaintext: maybe", 4, "error", "bad-value"),
    ("allowplaintext: no", "allowplaintxt: no", 4, "warning", "unknown-option"),
    ("allowplaintext: no", "allowplaintext: no # for now", 4, "warning", "comment-in-value"),
    ("allowplaintext: no", "allowplaintext: no\naltnamespace: no", 6, "error", "option-twice"),
    ("allowplaintext: no", "allowplaintext: no\nALTNAMESPACE: no", 6, "error", "option-twice"),
    ("allowplaintext: no", "@include: /etc/imapd.conf", 4, "error", "include-twice"),
    ("allowplaintext: no", "@include: /etc/cyrus/more.conf", 4, "error", "include-unreadable"),
    ("allowplaintext: no", "@includes: /etc/more.conf", 4, "error", "unknown-directive"),
    ("allowplaintext: no", "sieve_maxscripts: five", 4, "error", "bad-value"),
    ("allowplaintext: no", "sieve_maxscripts: 5 ", 4, None, None),
    ("allowplaintext: no", "timeout: 30 minutes", 4, "error", "bad-value"),
    ("allowplaintext: no", "timeout: 1h30", 4, None, None),
    ("allowplaintext: no", "virtdomains: yes", 4, None, None),
    ("allowplaintext: no", "virtdomains: user", 4, "error", "bad-value"),
    ("allowplaintext: no", "duplicate_db: berkeley-nosync", 4, "error", "bad-value"),
    ("allowplaintext: no", "httpmodules: caldav carddev", 4, "error", "bad-value"),
    ("allowplaintext: no", "imap_allowplaintext: jein", 4, "error", "bad-value"),
    ("allowplaintext: no", "tls_require_cert: no", 4, "warning", "option-not-in-version"),
    ("allowplaintext: no", "prometheus_service_update_freq: 10s", 4, "warning", "option-not-in-version"),
    ("allowplaintext: no", "tls_cert_file: /etc/x", 4, "warning", "option-overruled"),
    ("allowplaintext: no", "metapartition-two: /var/x", 4, "warning", "partition-orphan"),
    ("allowplaintext: no", "partition-two: /var/spool/cyrus/mail/", 4, "warning", "partition-shared"),
    ("allowplaintext: no", "partition-two: spool/two", 4, "warning", "path-relative"),
    ("allowplaintext: no", "sasl_ldapdb_ur: ldap://localhost", 4, "warning", "unknown-sasl-option"),
    ("allowplaintext: no", "sasl_pwcheck_method: auxpropp", 4, "warning", "unknown-sasl-value"),
    ("allowplaintext: no", "sasl_mech_list: PLAIN DIGESTMD5", 4, "warning", "unknown-sasl-value"),
    ("allowplaintext: no", "sasl_auxprop_plugin: ldapdb", 4, "error", "ldapdb-incomplete"),
    (
        "configdirectory: /var/lib/cyrus",
        "configdirectory: var/lib/cyrus",
        1,
        "error",
        "configdirectory-relative",
    ),
    ("configdirectory: /var/lib/cyrus", "configdirectory: /var/lib/cyrs", 1, "error", "path-missing"),
    ("configdirectory: /var/lib/cyrus\n", "", 1, "error", "configdirectory-missing"),
    ("defaultpartition: default", "defaultpartition: first", 2, "error", "partition-missing"),
    ("defaultpartition: default", "defaultpartition: de-fault", 2, "error", "partition-name"),
    ("tls_server_cert: /etc/ssl/imap.pem\n", "", 9, "warning", "tls-half"),
    ("expunge_mode: delayed", "expunge_mode: \\\n  delayd", 8, "error", "bad-value"),
    ("altnamespace: no", "# note \\\naltnamespace: no", 5, "warning", "comment-continued"),
]


def check(found: tuple[Finding, ...], file: str, line: int, severity: str | None, code: str | None) -> None:
    if code is None:
        assert [one for one in found if one.severity != "advice"] == []
        return
    assert (file, line, severity, code) in grave(found), found
    assert all(one.sentence.endswith(".") and one.remedy for one in found)


@pytest.mark.parametrize(("old", "new", "line", "severity", "code"), BAD_CYRUS)
def test_bad_edits_of_cyrus_conf(
    host: TreeHost, old: str, new: str, line: int, severity: str | None, code: str | None
) -> None:
    assert old in GOOD_CYRUS
    check(both(host, GOOD_CYRUS.replace(old, new, 1), GOOD_IMAPD), CYRUS_CONF, line, severity, code)


@pytest.mark.parametrize(("old", "new", "line", "severity", "code"), BAD_IMAPD)
def test_bad_edits_of_imapd_conf(
    host: TreeHost, old: str, new: str, line: int, severity: str | None, code: str | None
) -> None:
    assert old in GOOD_IMAPD
    check(both(host, GOOD_CYRUS, GOOD_IMAPD.replace(old, new, 1)), IMAPD_CONF, line, severity, code)


def test_the_tables_are_large_enough() -> None:
    assert len([one for one in BAD_CYRUS if one[3]]) + len([one for one in BAD_IMAPD if one[3]]) >= 70


class TestVersions:
    def test_an_option_is_judged_by_its_version(self, host: TreeHost) -> None:
        old = both(host, GOOD_CYRUS, GOOD_IMAPD, "2.4.17")
        assert [(one.line, one.severity) for one in old if one.code == "option-not-in-version"] == [
            (9, "warning"),
            (10, "warning"),
        ]

    def test_berkeley_was_a_value_once(self, host: TreeHost) -> None:
        text = GOOD_IMAPD + "duplicate_db: berkeley-nosync\n"
        assert "bad-value" not in {one.code for one in both(host, GOOD_CYRUS, text, "2.4.17")}
        assert "bad-value" in {one.code for one in both(host, GOOD_CYRUS, text, "3.0.18")}

    def test_a_service_may_have_its_own_value(self, host: TreeHost) -> None:
        text = GOOD_IMAPD + "imaps_allowplaintext: yes\nimapx_allowplaintext: yes\n"
        assert grave(both(host, GOOD_CYRUS, text)) == [(IMAPD_CONF, 12, "warning", "unknown-option")]

    def test_daemon_came_with_2_5(self, host: TreeHost) -> None:
        text = GOOD_CYRUS + 'DAEMON {\n  idled cmd="idled"\n}\n'
        assert grave(both(host, text, GOOD_IMAPD)) == []
        assert (CYRUS_CONF, 13, "warning", "section-unknown") in grave(both(host, text, GOOD_IMAPD, "2.4.17"))

    def test_2_2_knows_no_continuation_and_has_a_default_partition(self, host: TreeHost) -> None:
        text = "configdirectory: /var/lib/cyrus\nadmins: a \\\n  b\n"
        codes = {(one.line, one.code) for one in both(host, GOOD_CYRUS, text, "2.2.13")}
        assert {(3, "bad-option-name"), (1, "partition-missing")} <= codes

    def test_defaults_that_changed_are_one_piece_of_advice(self, host: TreeHost) -> None:
        text = GOOD_IMAPD.replace("altnamespace: no\n", "")
        found = [one for one in both(host, GOOD_CYRUS, text) if one.code == "default-changed"]
        assert [(one.severity, one.line) for one in found] == [("advice", 1)]
        assert "altnamespace is yes since 3.0 (no before)" in found[0].sentence


WORLD = GOOD_CYRUS.replace("localhost:imap", "imap")
LMTP = 'SERVICES {{\n  lmtp cmd="lmtpd{0}" listen="{1}" maxchild=10\n'
LDAPDB = "sasl_auxprop_plugin: ldapdb\nsasl_ldapdb_uri: {}\nsasl_ldapdb_mech: {}\n"
PROXY = "sasl_ldapdb_id: cyrus\nsasl_ldapdb_pw: secret\n"


class TestExposure:
    """What the world can reach: each rule beside the edit of the same place that is harmless."""

    @pytest.mark.parametrize(
        ("cyrus", "imapd", "found"),
        [
            (WORLD, GOOD_IMAPD, None),
            (
                WORLD.replace("  imaps cmd", "# "),
                GOOD_IMAPD.replace("tls_server_cert: ", "# ").replace("tls_server_key: ", "# "),
                (5, "exposed-without-tls"),
            ),
            (WORLD, GOOD_IMAPD.replace("plaintext: no", "plaintext: yes"), (5, "exposed-plaintext")),
            (WORLD, GOOD_IMAPD + "imap_allowplaintext: yes\n", (5, "exposed-plaintext")),
            (WORLD, GOOD_IMAPD + "imaps_allowplaintext: yes\n", None),
            (GOOD_CYRUS, GOOD_IMAPD.replace("plaintext: no", "plaintext: yes"), None),
            (GOOD_CYRUS.replace("SERVICES {\n", LMTP.format(" -a", "2024")), GOOD_IMAPD, (5, "lmtp-open")),
            (GOOD_CYRUS.replace("SERVICES {\n", LMTP.format("", "2024")), GOOD_IMAPD, None),
            (GOOD_CYRUS.replace("SERVICES {\n", LMTP.format(" -a", "127.0.0.1:2024")), GOOD_IMAPD, None),
        ],
    )
    def test_it(self, host: TreeHost, cyrus: str, imapd: str, found: tuple[int, str] | None) -> None:
        of_exposure = [
            (one.line, one.code)
            for one in both(host, cyrus, imapd)
            if one.code.startswith("exposed") or one.code == "lmtp-open"
        ]
        assert of_exposure == ([found] if found else [])


class TestLdapdb:
    @pytest.mark.parametrize(
        ("lines", "found"),
        [
            (LDAPDB.format("ldap://localhost", "DIGEST-MD5") + PROXY, []),
            (LDAPDB.format("ldap://localhost", "EXTERNAL"), []),
            (LDAPDB.format("ldap://localhost", "DIGEST-MD5"), [(11, "warning", "ldapdb-incomplete")]),
            (LDAPDB.format("localhost:389", "EXTERNAL"), [(12, "error", "ldapdb-uri")]),
            (LDAPDB.format("http://[x", "EXTERNAL"), [(12, "error", "ldapdb-uri")]),
            (LDAPDB.format("ldap://dir.example.net", "EXTERNAL"), [(12, "advice", "ldapdb-clear")]),
            (LDAPDB.format("ldaps://dir.example.net ldapi:///", "EXTERNAL"), []),
            (
                LDAPDB.format("ldap://dir.example.net", "EXTERNAL") + "sasl_ldapdb_starttls: yes\n",
                [(14, "warning", "ldapdb-starttls")],
            ),
            (
                LDAPDB.format("ldap://dir.example.net", "EXTERNAL") + "sasl_ldapdb_starttls: demand\n",
                [],
            ),
            (LDAPDB.format("ldapi:///", "DIGESTMD5") + PROXY, [(13, "warning", "unknown-sasl-value")]),
            (
                "sasl_auxprop_plugin: ldapdb\nsasl_ldapdb_uri: ldapi:///\n" + PROXY,
                [(11, "advice", "ldapdb-no-mech")],
            ),
            (
                "sasl_auxprop_plugin: sasldb\nsasl_ldapdb_uri: ldapi:///\n",
                [(12, "advice", "ldapdb-unused")],
            ),
        ],
    )
    def test_it(self, host: TreeHost, lines: str, found: list[tuple[int, str, str]]) -> None:
        said = both(host, GOOD_CYRUS, GOOD_IMAPD + lines)
        assert [(one.line, one.severity, one.code) for one in said] == found

    def test_a_plugin_that_is_not_installed(self, tmp_path: Path) -> None:
        plugins = tmp_path / "usr/lib/x86_64-linux-gnu/sasl2"
        plugins.mkdir(parents=True)
        (plugins / "libsasldb.so.2").touch()
        text = GOOD_IMAPD + LDAPDB.format("ldapi:///", "EXTERNAL")

        def codes() -> set[str]:
            return {one.code for one in both(TreeHost(str(tmp_path)), GOOD_CYRUS, text)}

        assert "ldapdb-not-installed" in codes()
        (plugins / "libldapdb.so.2").touch()
        assert "ldapdb-not-installed" not in codes()


def test_a_number_that_begins_with_0_is_octal(host: TreeHost) -> None:
    found = both(host, GOOD_CYRUS, GOOD_IMAPD + "sieve_maxscripts: 010\n")
    assert grave(found) == [(IMAPD_CONF, 11, "warning", "octal-number")]
    assert "for octal, which is 8." in found[0].sentence


class TestSecrets:
    def test_no_sentence_holds_a_password(self, host: TreeHost) -> None:
        text = (
            GOOD_IMAPD
            + "sasl_ldapdb_pw: hidden #1\nldap_password: hidden\nldap_password: hidden\nsasl_pw: hidden\n"
        )
        for one in both(host, GOOD_CYRUS, text):
            assert "hidden" not in f"{one.sentence} {one.remedy}"


class TestHostile:
    @given(cyrus=st.binary(max_size=300), imapd=st.binary(max_size=300))
    def test_anything_is_linted(self, host: TreeHost, cyrus: bytes, imapd: bytes) -> None:
        found = lint({CYRUS_CONF: cyrus, IMAPD_CONF: imapd}, host, version="3.6.1")
        for one in found:
            assert one.line >= 1
            assert (one.sentence + one.remedy).isprintable() or "\t" in one.sentence

    def test_escapes_are_inert(self, host: TreeHost) -> None:
        text = GOOD_IMAPD + "allow\x1b[2Jx: 1\nfoo\x1bbar: 1\nzz: a\nidlesocket: \x1b[31m\n"
        assert all("\x1b" not in str(one) + one.remedy for one in both(host, GOOD_CYRUS, text))
