"""master's lines, slapd's, auth.log's, and the key=value lines to come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyrtui.logins import grammar_master
from cyrtui.logins.events import (
    Audit,
    BadLogin,
    ChildExited,
    Client,
    ConfigBroken,
    LdapAccept,
    LdapAttributes,
    LdapBind,
    LdapBindId,
    LdapBound,
    LdapClosed,
    LdapExtended,
    LdapOther,
    LdapProxy,
    LdapResult,
    LdapSaslFailure,
    LdapSearch,
    LdapTls,
    LdapUnbind,
    Login,
    LoginEvent,
    MasterState,
    SaslauthdFailure,
    SaslText,
    ServiceTrouble,
    SlapdState,
)
from cyrtui.logins.grammar import understand
from cyrtui.logins.grammar_logfmt import read_logfmt
from cyrtui.logins.grammar_slapd import read_slapd
from cyrtui.logs.record import LogRole, Record

LOCAL = Client("localhost", "127.0.0.1")

MASTER: list[tuple[str, str, LoginEvent]] = [
    ("started", "process started", MasterState("started", "process started")),
    ("ready", "ready for work", MasterState("ready", "ready for work")),
    ("hangup", "got SIGHUP", MasterState("hangup", "got SIGHUP")),
    (
        "reconfigured",
        "Services reconfigured. 4 out of 5 (max 2147483637) services structures are now in use",
        MasterState(
            "reconfigured",
            "Services reconfigured. 4 out of 5 (max 2147483637) services structures are now in use",
        ),
    ),
    (
        "stopping",
        "attempting clean shutdown on signal",
        MasterState("stopping", "attempting clean shutdown on signal"),
    ),
    ("stopping-old", "exiting on SIGTERM/SIGINT", MasterState("stopping", "exiting on SIGTERM/SIGINT")),
    (
        "stopped",
        "All children have exited, closing down",
        MasterState("stopped", "All children have exited, closing down"),
    ),
    ("exiting", "exiting", MasterState("stopped", "exiting")),
    (
        "locked",
        "cannot get exclusive lock on pidfile (is another master still running?)",
        MasterState("locked", "cannot get exclusive lock on pidfile (is another master still running?)"),
    ),
    ("child-old", "process 5033 exited, status 0", ChildExited(5033, 0)),
    ("child-old", "process 5033 exited, signaled to death by 11", ChildExited(5033, None, "11")),
    (
        "child",
        "process type:SERVICE name:imaps path:/usr/lib/cyrus/bin/imapd age:0.020s pid:24592 exited, "
        "status 78",
        ChildExited(24592, 78, None, "imaps", "SERVICE"),
    ),
    (
        "child",
        "process type:EVENT name:checkpoint path:/usr/sbin/ctl_cyrusdb age:0.1s pid:7 exited normally",
        ChildExited(7, 0, None, "checkpoint", "EVENT"),
    ),
    (
        "child",
        "process type:SERVICE name:imap path:/usr/lib/cyrus/bin/imapd age:9.1s pid:8 signaled to death by "
        "signal 11 (Segmentation fault, core dumped)",
        ChildExited(8, None, "signal 11 (Segmentation fault, core dumped)", "imap", "SERVICE"),
    ),
    (
        "abnormal",
        "service imaps/ipv4 pid 24592 in READY state: terminated abnormally",
        ServiceTrouble("imaps", "abnormal", "terminated abnormally", 24592),
    ),
    (
        "not-recycled",
        "service imap/ipv6 pid 77 in state 2 has not yet been recycled since SIGHUP was sent (30s ago)",
        ServiceTrouble(
            "imap", "not-recycled", "has not yet been recycled since SIGHUP was sent (30s ago)", 77
        ),
    ),
    (
        "disabled",
        "too many failures for service imap/ipv4, disabling until next SIGHUP",
        ServiceTrouble(
            "imap", "disabled", "too many failures for service imap/ipv4, disabling until next SIGHUP"
        ),
    ),
    (
        "disabled",
        "ERROR: too many failures for service imap/ipv4, disabling for 10 seconds",
        ServiceTrouble(
            "imap", "disabled", "too many failures for service imap/ipv4, disabling for 10 seconds"
        ),
    ),
    (
        "bind",
        "unable to bind to imapx/ipv4 socket: Address already in use",
        ServiceTrouble("imapx", "bind", "Address already in use"),
    ),
    (
        "bind",
        "unable to bind to imap socket: Permission denied",
        ServiceTrouble("imap", "bind", "Permission denied"),
    ),
    (
        "listen",
        "unable to create imaps listener socket: Permission denied",
        ServiceTrouble("imaps", "listen", "Permission denied"),
    ),
    (
        "listen",
        "unable to listen to imaps/ipv4 socket: Address already in use",
        ServiceTrouble("imaps", "listen", "Address already in use"),
    ),
    (
        "unresolved",
        "Servname not supported for ai_socktype, disabling lmtp",
        ServiceTrouble("lmtp", "unresolved", "Servname not supported for ai_socktype"),
    ),
    (
        "unresolved",
        "invalid proto 'sctp', disabling imapx",
        ServiceTrouble("imapx", "unresolved", "invalid proto 'sctp'"),
    ),
    (
        "executable",
        "cannot find executable for service 'imapx'",
        ServiceTrouble("imapx", "executable", "cannot find executable"),
    ),
    (
        "ignored",
        "WARNING: unable to find command or port for service 'imapx' -- ignored",
        ServiceTrouble("imapx", "unresolved", "unable to find command or port"),
    ),
    (
        "fork",
        "can't fork process to run service imap/ipv4: Cannot allocate memory",
        ServiceTrouble("imap", "fork", "Cannot allocate memory"),
    ),
    (
        "configuration",
        "configuration file /etc/cyrus.conf: bad character '-' in name on line 5",
        ConfigBroken("configuration file /etc/cyrus.conf: bad character '-' in name on line 5"),
    ),
]


@pytest.mark.parametrize(("form", "text", "event"), MASTER)
def test_master(form: str, text: str, event: LoginEvent) -> None:
    found = grammar_master.TABLE.find(text)
    assert found is not None
    assert (found[0].name, found[1]) == (form, event)


def test_every_form_of_master_has_its_example() -> None:
    assert {form.name for form in grammar_master.TABLE.forms} == {name for name, _text, _event in MASTER}


DN = "cn=toto tata,ou=people,dc=example,dc=net"

SLAPD: list[tuple[str, LoginEvent]] = [
    (
        "conn=40 fd=16 ACCEPT from IP=[::1]:58180 (IP=[::]:389)",
        LdapAccept(40, "[::1]:58180", "[::]:389"),
    ),
    (
        "conn=7 fd=9 ACCEPT from PATH=/run/slapd/ldapi (PATH=/run/slapd/ldapi)",
        LdapAccept(7, "/run/slapd/ldapi", "/run/slapd/ldapi"),
    ),
    ("conn=1 fd=9 TLS established tls_ssf=256 ssf=256", LdapTls(1, 256)),
    (
        "conn=1 fd=9 TLS established tls_ssf=256 ssf=256 tls_proto=TLSv1.3 tls_cipher=TLS_AES_256_GCM_SHA384",
        LdapTls(1, 256),
    ),
    ('conn=40 op=0 BIND dn="" method=163', LdapBind(40, 0, "", 163)),
    ('conn=40 op=1 BIND authcid="cyrus" authzid="cyrus"', LdapBindId(40, 1, "cyrus", "cyrus")),
    (
        f'conn=40 op=1 BIND dn="{DN}" mech=DIGEST-MD5 sasl_ssf=128 ssf=128',
        LdapBound(40, 1, DN, "DIGEST-MD5"),
    ),
    (
        f'conn=40 op=1 BIND dn="{DN}" mech=DIGEST-MD5 bind_ssf=128 ssf=128',
        LdapBound(40, 1, DN, "DIGEST-MD5"),
    ),
    ("conn=3 op=0 BIND anonymous mech=implicit bind_ssf=0 ssf=0", LdapBound(3, 0, "", "implicit")),
    (
        "conn=40 op=0 RESULT tag=97 err=14 text=SASL(0): successful result: ",
        LdapResult(40, 0, 97, 14, "SASL(0): successful result: "),
    ),
    (
        "conn=40 op=1 RESULT tag=97 err=49 qtime=0.000012 etime=0.000203 text=SASL(-13): user not found: "
        "no secret",
        LdapResult(40, 1, 97, 49, "SASL(-13): user not found: no secret", None, 0.000012, 0.000203),
    ),
    ("conn=40 op=2 RESULT oid= err=0 text=", LdapResult(40, 2, None, 0, "")),
    (
        "conn=40 op=3 SEARCH RESULT tag=101 err=0 nentries=1 text=",
        LdapResult(40, 3, 101, 0, "", 1),
    ),
    (
        "conn=40 op=3 SEARCH RESULT tag=101 err=0 qtime=0.000010 etime=0.000373 nentries=1 text=",
        LdapResult(40, 3, 101, 0, "", 1, 0.00001, 0.000373),
    ),
    (f'conn=40 op=2 PROXYAUTHZ dn="{DN}"', LdapProxy(40, 2, DN)),
    (
        f'conn=40 op=3 SRCH base="{DN}" scope=0 deref=0 filter="(objectClass=*)"',
        LdapSearch(40, 3, DN, 0, "(objectClass=*)"),
    ),
    (
        "conn=40 op=3 SRCH attr=userPassword cmusaslsecretPLAIN",
        LdapAttributes(40, 3, ("userPassword", "cmusaslsecretPLAIN")),
    ),
    ("conn=40 op=2 EXT oid=1.3.6.1.4.1.4203.1.11.3", LdapExtended(40, 2, "1.3.6.1.4.1.4203.1.11.3")),
    ("conn=40 op=2 WHOAMI", LdapExtended(40, 2, "WHOAMI")),
    ("conn=40 op=0 STARTTLS", LdapExtended(40, 0, "STARTTLS")),
    ("conn=40 op=4 UNBIND", LdapUnbind(40, 4)),
    ("conn=40 fd=16 closed", LdapClosed(40, None)),
    ("conn=40 fd=16 closed (connection lost)", LdapClosed(40, "connection lost")),
    (f'conn=8 op=1 MOD dn="{DN}"', LdapOther(8, f'MOD dn="{DN}"')),
    (f'conn=8 op=1 ADD dn="{DN}"', LdapOther(8, f'ADD dn="{DN}"', change=True)),
    ("conn=8 op=2 do_extended: get_ctrls failed", LdapOther(8, "do_extended: get_ctrls failed")),
    (
        "connection_input: conn=1000 deferring operation: binding",
        LdapOther(1000, "connection_input: conn=1000 deferring operation: binding"),
    ),
    (
        "SASL [conn=1002] Failure: no secret in database",
        LdapSaslFailure(1002, "no secret in database"),
    ),
    (
        'conn=5 op=0 [IP=10.0.0.1 NAME=mx USERNAME=bob] BIND dn="" method=163',
        LdapBind(5, 0, "", 163),
    ),
    ("slapd starting", SlapdState("starting")),
    ("daemon: shutdown requested and initiated.", SlapdState("stopping")),
    ("slapd stopped.", SlapdState("stopped")),
]


@pytest.mark.parametrize(("text", "event"), SLAPD)
def test_slapd(text: str, event: LoginEvent) -> None:
    assert read_slapd(text) == event


@settings(deadline=None)
@given(st.text(max_size=200))
def test_slapd_reads_anything(text: str) -> None:
    read_slapd(text)
    read_slapd(f"conn=1 op=1 {text}")
    read_slapd(f'conn=1 op=1 BIND dn="{text}')


def test_logfmt_login() -> None:
    line = (
        'event=login.good r.sessionid=cyrus-1-2-3 r.clienthost="localhost [127.0.0.1]" u.username=bob '
        "login.mech=PLAIN login.tls=1"
    )
    assert read_logfmt(line) == Login(LOCAL, "bob", "PLAIN", tls=True, session_id="cyrus-1-2-3")


def test_logfmt_badlogin() -> None:
    line = (
        'event=login.bad r.clienthost="localhost [127.0.0.1]" u.username=~null~ login.mech=CRAM-MD5 '
        'error="SASL(-13): authentication failure: incorrect \\"digest\\" response"'
    )
    assert read_logfmt(line) == BadLogin(
        LOCAL,
        None,
        "CRAM-MD5",
        -13,
        "authentication failure",
        'incorrect "digest" response',
        numbered=True,
    )


def test_logfmt_escapes_are_undone_and_made_harmless() -> None:
    line = 'event=login.bad r.clienthost="[10.1.2.3]" u.username="jos\\x{c3}\\x{a9}\\x{1b}[2J" error="x"'
    event = read_logfmt(line)
    assert isinstance(event, BadLogin)
    assert event.user == "josé␛[2J"


def test_logfmt_audit() -> None:
    assert read_logfmt("event=auditlog.delete sessionid=s1 mailbox=user.x") == Audit(
        "delete", (("sessionid", "s1"), ("mailbox", "user.x"))
    )


@pytest.mark.parametrize(
    "line",
    ["event=", "event=other.thing a=b", 'event=login.bad error="never ends', "event=login.good x", "event"],
)
def test_logfmt_of_anything_else_says_nothing(line: str) -> None:
    assert read_logfmt(line) is None


@settings(deadline=None)
@given(st.text(max_size=200))
def test_logfmt_reads_anything(text: str) -> None:
    read_logfmt(f"event=login.bad {text}")


def record(role: LogRole, ident: str, pid: int | None, text: str) -> Record:
    return Record(
        role=role,
        time=0.0,
        whole_seconds=True,
        host="samchiel",
        ident=ident,
        pid=pid,
        text=text,
        path="/var/log/x",
        offset=0,
        end=len(text),
    )


@pytest.mark.parametrize(
    ("role", "ident", "pid", "text", "event"),
    [
        (LogRole.AUTH, "cyrus/imap", 4891, "DIGEST-MD5 client step 2", SaslText("DIGEST-MD5 client step 2")),
        (LogRole.AUTH, "imtest", 7, "NTLM client step 1", None),
        (LogRole.AUTH, "sshd", 7, "Failed password for root", None),
        (LogRole.AUTH, "slapd", 7, "auxpropfunc error invalid parameter supplied", None),
        (
            LogRole.AUTH,
            "saslauthd",
            812,
            "do_auth         : auth failure: [user=bob] [service=imap] [realm=] [mech=pam] [reason=PAM "
            "auth error]",
            SaslauthdFailure("bob", "imap", "", "pam", "PAM auth error"),
        ),
        (
            # as Debian 12's saslauthd 2.1.28 writes it
            LogRole.AUTH,
            "saslauthd",
            263,
            "                : auth failure: [user=toto] [service=imap] [realm=] [mech=shadow] "
            "[reason=Invalid username]",
            SaslauthdFailure("toto", "imap", "", "shadow", "Invalid username"),
        ),
        (LogRole.MAIL, "cyrus/imap", 4891, "DIGEST-MD5 client step 2", None),
        (LogRole.MAIL, "cyrus/master", 5, "exiting", MasterState("stopped", "exiting")),
        (LogRole.MAIL, "cyrmaster", 5, "exiting", MasterState("stopped", "exiting")),
        (LogRole.MAIL, "cyrus/imap", 5, "exiting", None),
        (LogRole.MAIL, "cyrus/imap", None, "accepted connection", None),
        (LogRole.MAIL, "slapd", 9, "conn=40 op=4 UNBIND", LdapUnbind(40, 4)),
        (LogRole.SLAPD, "ldap-main", 9, "conn=40 op=4 UNBIND", LdapUnbind(40, 4)),
    ],
)
def test_who_speaks_decides_how_it_is_read(
    role: LogRole, ident: str, pid: int | None, text: str, event: LoginEvent | None
) -> None:
    assert understand(record(role, ident, pid, text)) == event


@settings(deadline=None)
@given(
    st.text(max_size=120),
    st.sampled_from(["", "login: ", "badlogin: ", "starttls: ", "USAGE ", "event=login.bad "]),
)
def test_any_text_is_read_without_an_error(text: str, head: str) -> None:
    for role in LogRole:
        understand(record(role, "cyrus/imap", 1, head + text))
        understand(record(role, "cyrus/master", 1, head + text))
