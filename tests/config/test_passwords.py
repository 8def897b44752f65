import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.config.passwords import is_secret_option, mask_text, secrets_in

IMAPD = "/etc/imapd.conf"
SLAPD = "/etc/ldap/slapd.conf"


@pytest.mark.parametrize(
    "name",
    [
        "sasl_ldapdb_pw",
        "imap_sasl_ldapdb_pw",
        "ldap_password",
        "ldap_sasl_password",
        "sasl_sql_passwd",
        "sql_passwd",
        "proxy_password",
        "backend1_password",
        "srs_secrets",
        "rootpw",
        "olcRootPW",
        "bindpw",
        "userPassword",
        "sambaNTPassword",
        "cmusaslsecretPLAIN",
        "ldap_default_authtok",
        "x_api_key",
    ],
)
def test_secret(name: str) -> None:
    assert is_secret_option(name)


@pytest.mark.parametrize(
    "name",
    [
        "sasl_pwcheck_method",
        "password-hash",
        "allowplaintext",
        "tls_server_key",
        "tls_key_file",
        "mboxkey_db",
        "http_jwt_key_dir",
        "search_stopword_path",
        "proxy_authname",
        "sasl_ldapdb_id",
        "smtpd_sasl_password_maps",
    ],
)
def test_no_secret(name: str) -> None:
    assert not is_secret_option(name)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (IMAPD, b"sasl_ldapdb_pw: top secret\r\nadmins: cyrus\n", b"sasl_ldapdb_pw: ***\r\nadmins: cyrus\n"),
        (IMAPD, b"  SASL_LDAPDB_PW :\thush", b"  SASL_LDAPDB_PW :\t***"),
        (IMAPD, b"#sasl_ldapdb_pw: old\n", b"#sasl_ldapdb_pw: ***\n"),
        (IMAPD, b"# password of the proxy user\n", b"# password of the proxy user\n"),
        (IMAPD, b"proxy_password: a\\\n  b\nadmins: c\n", b"proxy_password: ***\\\n  ***\nadmins: c\n"),
        (IMAPD, b"proxy_password: a\n  admins: c\n", b"proxy_password: ***\n  admins: c\n"),
        (IMAPD, b"ldap_uri: ldap://cn=x:hush@host/\n", b"ldap_uri: ldap://cn=x:***@host/\n"),
        (IMAPD, b"ldap_uri: ldap://h:389/a@b\n", b"ldap_uri: ldap://h:389/a@b\n"),
        (IMAPD, b"u: mysql://u:p@ss@host/db\n", b"u: mysql://u:***@host/db\n"),
        (SLAPD, b"rootpw {SSHA}abc=\n", b"rootpw ***\n"),
        (SLAPD, b'rootpw "two words"\n', b'rootpw "***"\n'),
        (SLAPD, b"# rootpw secret\n", b"# rootpw ***\n"),
        (SLAPD, b"rootpw\n  hush\nsuffix x\n", b"rootpw\n  ***\nsuffix x\n"),
        (SLAPD, b"password-hash {CLEARTEXT}\n", b"password-hash {CLEARTEXT}\n"),
        (
            SLAPD,
            b"access to attrs=userPassword by self read\n",
            b"access to attrs=userPassword by self read\n",
        ),
        (
            SLAPD,
            b'syncrepl rid=1 provider=ldap://p\n  bindmethod=simple credentials="a b" retry=60\n',
            b"syncrepl rid=1 provider=ldap://p\n  bindmethod=simple credentials=*** retry=60\n",
        ),
        (
            "/etc/rsyslog.d/db.conf",
            b'action(type="ommysql" server="db" uid="log" pwd="hush")\n',
            b'action(type="ommysql" server="db" uid="log" pwd=***)\n',
        ),
        ("/etc/postfix/ldap.cf", b"bind_pw = hush\n", b"bind_pw = ***\n"),
        ("/etc/ldap.conf", b"bindpw hush\nuri ldap://x\n", b"bindpw ***\nuri ldap://x\n"),
        ("/tmp/a.ldif", b"olcRootPW:: aHVzaA==\ncn: x\n", b"olcRootPW:: ***\ncn: x\n"),
        ("/tmp/a.ldif", b"userPassword:: aHV\n zaA==\ncn: x\n", b"userPassword:: ***\n ***\ncn: x\n"),
    ],
)
def test_masked(path: str, before: bytes, after: bytes) -> None:
    assert mask_text(path, before) == after


def test_secrets_of_a_file() -> None:
    data = b"sasl_ldapdb_pw: top secret\nldap_uri: ldaps://a:uripw@h\nproxy_password: one\\\ntwo\n"
    assert secrets_in(IMAPD, data) == {b"top secret", b"uripw", b"onetwo"}


def test_base64_counts_in_both_forms() -> None:
    data = b"userPassword:: " + base64.b64encode(b"hush-hush") + b"\n"
    assert secrets_in("/tmp/a.ldif", data) == {b"hush-hush", base64.b64encode(b"hush-hush")}


LINES = st.sampled_from(
    [
        b"admins: cyrus",
        b"# a comment",
        b"",
        b"\tindented",
        b"tls_server_key: /etc/key",
        b"partition-default: /var/spool",
        b"\xff\xfe",
        b"sasl_mech_list: PLAIN",
    ]
)
SECRETS = st.from_regex(rb"[A-Za-z0-9!$%^&*(){}@:;,.+-]{6,20}", fullmatch=True).map(
    lambda value: b"Zq9" + value
)
SECRET_LINES = st.tuples(
    st.sampled_from([b"sasl_ldapdb_pw: ", b"rootpw ", b"ldap_password:", b"bind_pw = "]), SECRETS
)


@given(st.lists(LINES | SECRET_LINES, max_size=12), st.sampled_from([b"\n", b"\r\n"]))
def test_only_secrets_change(lines: list[bytes | tuple[bytes, bytes]], end: bytes) -> None:
    data = b"".join((line if isinstance(line, bytes) else b"".join(line)) + end for line in lines)
    masked = mask_text(IMAPD, data)
    expected = b"".join((line if isinstance(line, bytes) else line[0] + b"***") + end for line in lines)
    # a line that starts with white space continues a secret in front of it, and is masked too
    assert re.sub(rb"(?m)^\t(\*\*\*|indented)", b"", masked) == re.sub(rb"(?m)^\tindented", b"", expected)
    hidden = {line[1] for line in lines if not isinstance(line, bytes)}
    found = secrets_in(IMAPD, data)
    assert all(any(secret in value for value in found) for secret in hidden)
    assert not any(secret in masked for secret in hidden)


@given(
    st.sampled_from([IMAPD, SLAPD, "/x.ldif"]),
    st.binary(max_size=400) | st.text("pw: =\\\n \tx@/#\"'", max_size=200).map(str.encode),
)
def test_any_bytes_keep_their_lines(path: str, data: bytes) -> None:
    masked = mask_text(path, data)
    assert masked.count(b"\n") == data.count(b"\n")
    for before, after in zip(data.split(b"\n"), masked.split(b"\n"), strict=True):
        assert before == after or b"***" in after
    if not secrets_in(path, data):
        assert masked == data
