"""Every form of line that Cyrus' daemons write about clients, each by a real or documented example."""

from __future__ import annotations

import pytest

from cyrtui.logins.events import (
    Accepted,
    Audit,
    BadLogin,
    Client,
    ConnectionClosed,
    Damage,
    Fatal,
    Login,
    LoginEvent,
    Note,
    Opened,
    ProcFileFailed,
    Refused,
    SaslText,
    SessionEnded,
    StartTls,
    TlsFailed,
    TlsTrouble,
    TooManyConnections,
    Usage,
    UserDenied,
)
from cyrtui.logins.grammar_cyrus import TABLE

LOCAL = Client("localhost", "127.0.0.1")
BARE = Client(None, "10.1.2.3")
NAMED = Client("client7.example.net", "10.1.2.4")
V6 = Client("localhost", "::1")
UNIX = Client(None, None)

WRONG = "SASL(-13): authentication failure: checkpass failed"


def bad(
    client: Client,
    user: str | None,
    mechanism: str,
    code: int | None,
    error: str | None,
    detail: str | None = None,
    *,
    numbered: bool | None = None,
) -> BadLogin:
    told = code is not None and detail is not None if numbered is None else numbered
    return BadLogin(client, user, mechanism, code, error, detail, numbered=told)


EXAMPLES: list[tuple[str, str, LoginEvent]] = [
    (
        "login",
        "login: localhost [127.0.0.1] toto plaintext User logged in",
        Login(LOCAL, "toto", "plaintext", tls=False),
    ),
    (
        "login",
        "login: [10.1.2.3] julien plaintext User logged in",
        Login(BARE, "julien", "plaintext", tls=False),
    ),
    (
        "login",
        "login: client7.example.net [10.1.2.4] julien CRAM-MD5 User logged in",
        Login(NAMED, "julien", "CRAM-MD5", tls=False),
    ),
    (
        "login",
        "login: localhost[127.0.0.1] u30 PLAIN User logged in",
        Login(LOCAL, "u30", "PLAIN", tls=False),
    ),
    (
        "login",
        "login: localhost [::1] jeannot plaintext User logged in",
        Login(V6, "jeannot", "plaintext", tls=False),
    ),
    (
        "login",
        "login: [unix socket] postman EXTERNAL User logged in",
        Login(UNIX, "postman", "EXTERNAL", tls=False),
    ),
    (
        "login",
        "login: localhost [127.0.0.1] u32 plaintext+TLS User logged in SESSIONID=<imap2-11368-1795335361-1>",
        Login(LOCAL, "u32", "plaintext", tls=True, session_id="imap2-11368-1795335361-1"),
    ),
    (
        "login",
        "login: localhost [127.0.0.1] bob SCRAM-SHA-1 User logged in "
        "SESSIONID=<cyrus-1795332082-22430-2-5925906679199792819>",
        Login(
            LOCAL, "bob", "SCRAM-SHA-1", tls=False, session_id="cyrus-1795332082-22430-2-5925906679199792819"
        ),
    ),
    (
        "login",
        "login: localhost [127.0.0.1] toto+Lists PLAIN+TLS User logged in",
        Login(LOCAL, "toto+Lists", "PLAIN", tls=True),
    ),
    (
        "login",
        "login: localhost [127.0.0.1] toto nopassword User logged in",
        Login(LOCAL, "toto", "nopassword", tls=False),
    ),
    (
        "login",
        "login: client7.example.net [10.1.2.4] bob Basic+TLS User logged in SESSIONID=<mx-7-9-1>",
        Login(NAMED, "bob", "Basic", tls=True, session_id="mx-7-9-1"),
    ),
    (
        "login-anonymous",
        "login: localhost [127.0.0.1] anonymous me@example.net",
        Login(LOCAL, "anonymous", "anonymous", tls=False),
    ),
    ("login-other-words", "login: localhost [127.0.0.1] toto kpop", Login(LOCAL, "toto", "kpop", tls=False)),
    (
        "login-other-words",
        "login: localhost [127.0.0.1] toto plaintext+TLS Plaintext login, please change your client",
        Login(LOCAL, "toto", "plaintext", tls=True),
    ),
    (
        "badlogin-anonymous",
        "badlogin: localhost [127.0.0.1] anonymous login refused",
        bad(LOCAL, "anonymous", "plaintext", None, "anonymous login refused"),
    ),
    (
        "badlogin-user-detail",
        f"badlogin: localhost [127.0.0.1] plaintext (bob) [{WRONG}]",
        bad(LOCAL, "bob", "plaintext", -13, "authentication failure", "checkpass failed"),
    ),
    (
        "badlogin-user-detail",
        "badlogin: localhost [127.0.0.1] PLAIN (-notset-) [SASL(-6): can't request information until "
        "later in exchange: Information that was requested is not yet available.]",
        bad(
            LOCAL,
            None,
            "PLAIN",
            -6,
            "can't request information until later in exchange",
            "Information that was requested is not yet available.",
        ),
    ),
    (
        "badlogin-user-detail",
        "badlogin: localhost [127.0.0.1] CRAM-MD5 (bogdana) [authentication failure]",
        bad(LOCAL, "bogdana", "CRAM-MD5", -13, "authentication failure"),
    ),
    (
        "badlogin-user-invalid",
        "badlogin: localhost [127.0.0.1] plaintext (to%to) invalid user",
        bad(LOCAL, "to%to", "plaintext", None, "invalid user"),
    ),
    (
        "badlogin-apop",
        "badlogin: localhost [127.0.0.1] APOP (<1896.697170952@samchiel>) SASL(-13): authentication failure: "
        "login incorrect",
        bad(LOCAL, None, "APOP", -13, "authentication failure", "login incorrect"),
    ),
    (
        "badlogin-kpop",
        "badlogin: localhost [127.0.0.1] kpop ? bob@EXAMPLE.NET krb_get_lrealm: no realm",
        bad(LOCAL, None, "kpop", None, "bob@EXAMPLE.NET krb_get_lrealm: no realm"),
    ),
    (
        "badlogin-mechanism-detail",
        "badlogin: localhost [127.0.0.1] CRAM-MD5 [SASL(-13): authentication failure: incorrect digest "
        "response]",
        bad(LOCAL, None, "CRAM-MD5", -13, "authentication failure", "incorrect digest response"),
    ),
    (
        "badlogin-mechanism-detail",
        "badlogin: localhost [127.0.0.1] CRAM-MD5 [SASL(-1): generic failure: ]",
        bad(LOCAL, None, "CRAM-MD5", -1, "generic failure", numbered=True),
    ),
    (
        "badlogin-mechanism-detail",
        "badlogin: localhost [127.0.0.1] XNONE [SASL(-4): no mechanism available: Couldn't find mech XNONE]",
        bad(LOCAL, None, "XNONE", -4, "no mechanism available", "Couldn't find mech XNONE"),
    ),
    (
        "badlogin-plain-detail",
        f"badlogin: localhost [127.0.0.1] plaintext toto {WRONG}",
        bad(LOCAL, "toto", "plaintext", -13, "authentication failure", "checkpass failed"),
    ),
    (
        "badlogin-plain-detail",
        "badlogin: localhost [127.0.0.1] plaintext toto tata SASL(-1): generic failure: checkpass failed",
        bad(LOCAL, "toto tata", "plaintext", -1, "generic failure", "checkpass failed"),
    ),
    (
        "badlogin-plain-detail",
        "badlogin: localhost [127.0.0.1] plaintext  SASL(-1): generic failure: All-whitespace username.",
        bad(LOCAL, "", "plaintext", -1, "generic failure", "All-whitespace username."),
    ),
    (
        "badlogin-plain-detail",
        f"badlogin: [unix socket] PLAIN {WRONG}",
        bad(UNIX, None, "PLAIN", -13, "authentication failure", "checkpass failed"),
    ),
    (
        "badlogin-plain-detail",
        f"badlogin: localhost [127.0.0.1] Basic bob {WRONG}",
        bad(LOCAL, "bob", "Basic", -13, "authentication failure", "checkpass failed"),
    ),
    (
        "badlogin-plain-invalid",
        "badlogin: localhost [127.0.0.1] plaintext jean.dupont invalid user",
        bad(LOCAL, "jean.dupont", "plaintext", None, "invalid user"),
    ),
    (
        "badlogin-plain-invalid",
        "badlogin: localhost [127.0.0.1] Digest bob proxy authz attempted on non-Murder backend",
        bad(LOCAL, "bob", "Digest", None, "proxy authz attempted on non-Murder backend"),
    ),
    (
        "badlogin-words",
        "badlogin: localhost[127.0.0.1] PLAIN authentication failure",
        bad(LOCAL, None, "PLAIN", -13, "authentication failure"),
    ),
    (
        "badlogin-words",
        "badlogin: localhost[127.0.0.1] PLAIN remote authentication server unavailable",
        bad(LOCAL, None, "PLAIN", -24, "remote authentication server unavailable"),
    ),
    (
        "badlogin-words",
        "badlogin: localhost[127.0.0.1] DIGEST-MD5 2 error base64 decoding string",
        bad(LOCAL, None, "DIGEST-MD5", None, "error base64 decoding string"),
    ),
    ("badlogin-words", "badlogin: localhost [127.0.0.1] CRAM-MD5", bad(LOCAL, None, "CRAM-MD5", None, None)),
    (
        "starttls",
        "starttls: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits new) no authentication",
        StartTls("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256),
    ),
    (
        "starttls",
        "starttls: TLSv1 with cipher DHE-RSA-AES256-SHA (128/256 bits reused) authenticated as julien; "
        "application protocol = imap",
        StartTls("TLSv1", "DHE-RSA-AES256-SHA", 128, "julien"),
    ),
    ("tls-negotiation", "STARTTLS negotiation failed: localhost [127.0.0.1]", TlsFailed("handshake", LOCAL)),
    ("tls-negotiation", "imaps TLS negotiation failed: localhost [127.0.0.1]", TlsFailed("handshake", LOCAL)),
    ("tls-negotiation", "[pop3d] STARTTLS failed: [10.1.2.3]", TlsFailed("handshake", BARE)),
    ("tls-negotiation", "STARTTLS failed: localhost[127.0.0.1]", TlsFailed("handshake", LOCAL)),
    ("tls-negotiation", "starttls failed: [10.1.2.3]", TlsFailed("handshake", BARE)),
    (
        "tls-negotiation",
        "TLS negotiation failed: client7.example.net [10.1.2.4]",
        TlsFailed("handshake", NAMED),
    ),
    ("tls-negotiation", "TLS negiation failed: [10.1.2.3]", TlsFailed("handshake", BARE)),
    ("tls-setup", "error initializing TLS", TlsFailed("setup")),
    ("tls-setup", "[pop3d] error initializing TLS", TlsFailed("setup")),
    (
        "tls-file",
        "unable to get private key from '/etc/ssl/key.pem': key values mismatch",
        TlsTrouble(
            "unable to get private key from '/etc/ssl/key.pem': key values mismatch",
            "/etc/ssl/key.pem",
            "key values mismatch",
        ),
    ),
    (
        "tls-file",
        "unable to get certificate from '/etc/ssl/cert.pem': (null)",
        TlsTrouble("unable to get certificate from '/etc/ssl/cert.pem': (null)", "/etc/ssl/cert.pem"),
    ),
    (
        "tls-pair",
        "Private key '/k.pem' does not match public key '/c.pem'",
        TlsTrouble("Private key '/k.pem' does not match public key '/c.pem'", "/k.pem"),
    ),
    (
        "tls-engine",
        "TLS server engine: cannot load cert/key data, may be a cert/key mismatch?",
        TlsTrouble("TLS server engine: cannot load cert/key data, may be a cert/key mismatch?"),
    ),
    (
        "tls-options",
        "imaps: required OpenSSL options not present",
        TlsTrouble("imaps: required OpenSSL options not present"),
    ),
    (
        "tls-verify",
        "verify error:num=20:unable to get local issuer certificate",
        TlsTrouble("verify error:num=20:unable to get local issuer certificate"),
    ),
    ("tls-parameters", "inittls: Loading hard-coded DH parameters", Note(before=True)),
    ("tls-parameters-old", "imapd:Loading hard-coded DH parameters", Note(before=True)),
    ("tls-accept", "SSL_accept() incomplete -> wait", Note(before=True)),
    ("accepted", "accepted connection", Accepted()),
    ("executed", "executed", Accepted(first=True)),
    ("refused", "refused connection from 198.51.100.23", Refused("198.51.100.23")),
    ("sasl", "SASL Password verification failed", SaslText("Password verification failed")),
    ("denied", "user 'bob' denied access to service 'imap'", UserDenied("bob", "imap")),
    ("too-many", "Too many open connections (1 of 1 for bob)", TooManyConnections("1 of 1 for bob")),
    (
        "too-soon",
        "bob: Logins must be at least 5 minutes apart",
        TooManyConnections("Logins must be at least 5 minutes apart"),
    ),
    ("lost-client", "Lost connection to client -- exiting", SessionEnded()),
    ("tls-negotiation-http", "Error negotiating TLS", TlsFailed("handshake")),
    ("usage", "USAGE toto user: 0.010948 sys: 0.000000", Usage("toto", 0.010948, 0.0)),
    ("usage", "USAGE user: 0.010948 sys: 0.000000", Usage(None, 0.010948, 0.0)),
    (
        "session-ended",
        "session ended: sessionid=<cyrus-1795335934-4961-1-12> userid=<u30> id.vendor=<> unselect=<1> ",
        SessionEnded("cyrus-1795335934-4961-1-12", "u30"),
    ),
    ("counts", "counts: retr=<0> top=<0> dele=<0>", SessionEnded()),
    ("traffic", "auditlog: traffic sessionid=<s-1> bytes_in=<120> bytes_out=<44>", SessionEnded("s-1")),
    (
        "audit",
        "auditlog: delete sessionid=<s-1> mailbox=<user.del> uniqueid=<4f2a>",
        Audit("delete", (("sessionid", "s-1"), ("mailbox", "user.del"), ("uniqueid", "4f2a"))),
    ),
    ("shutdown", "graceful shutdown", SessionEnded()),
    ("shutdown", "graceful shutdown initiated by unexpected process 77", SessionEnded()),
    ("closing", "idle for too long, closing connection", ConnectionClosed("idle for too long")),
    ("closing", "Connection reset by peer, closing connection", ConnectionClosed("Connection reset by peer")),
    (
        "disconnect",
        "DISCONNECT: client disconnected during upload of literal",
        ConnectionClosed("client disconnected during upload of literal"),
    ),
    ("open-failed", "open: user toto failed to open user.x", Opened("toto", "user.x", opened=False)),
    ("open", "open: user toto opened INBOX", Opened("toto", "INBOX", opened=True)),
    ("client-id", 'client id sessionid=<s> userid=<bob>: "name" "Thunderbird"', Note()),
    ("autocreate", "autocreateinbox: User bob, INBOX was successfully created", Note()),
    (
        "damage-io",
        "IOERROR: opening /var/spool/cyrus/mail/user/bob/cyrus.index: No such file or directory",
        Damage("IOERROR: opening /var/spool/cyrus/mail/user/bob/cyrus.index: No such file or directory"),
    ),
    (
        "damage-io",
        "IOERROR: creating /var/lib/cyrus/proc/415.new: Permission denied",
        ProcFileFailed("IOERROR: creating /var/lib/cyrus/proc/415.new: Permission denied"),
    ),
    (
        "damage-io",
        "IOERROR: opening /var/lib/cyrus/user_deny.db: No such file or directory",
        Note(before=True),
    ),
    (
        "damage-db",
        "DBERROR: error fetching mboxlist user.bob: cyrusdb error",
        Damage("DBERROR: error fetching mboxlist user.bob: cyrusdb error"),
    ),
    (
        "damage-db-old",
        "DBERROR db4: PANIC: fatal region error",
        Damage("DBERROR db4: PANIC: fatal region error"),
    ),
    (
        "damage-twoskip",
        "twoskip: file not large enough for header: /var/lib/cyrus/mailboxes.db",
        Damage("twoskip: file not large enough for header: /var/lib/cyrus/mailboxes.db"),
    ),
    (
        "damage-skiplist",
        "skiplist: checkpointed /var/lib/cyrus/mailboxes.db (0 records, 144 bytes) in 0 seconds",
        Note(),
    ),
    (
        "damage-skiplist",
        "skiplist: invalid magic header: /var/lib/cyrus/mailboxes.db",
        Damage("skiplist: invalid magic header: /var/lib/cyrus/mailboxes.db"),
    ),
    (
        "damage-twoskip",
        "twoskip: checkpointed /var/lib/cyrus/mailboxes.db (56 records, 16960 => 9912 bytes) in 0.1 seconds",
        Note(),
    ),
    (
        "damage-twoskip",
        "twoskip: delayed checkpoint not needed for /var/lib/cyrus/mailboxes.db (28440 29248)",
        Note(),
    ),
    ("fatal", "Fatal error: can't read mailboxes file", Fatal("can't read mailboxes file")),
    ("fatal", "Fatal error: tls_init() failed", TlsFailed("setup")),
]


@pytest.mark.parametrize(("form", "text", "event"), EXAMPLES)
def test_form(form: str, text: str, event: LoginEvent) -> None:
    found = TABLE.find(text)
    assert found is not None
    assert (found[0].name, found[1]) == (form, event)


def test_every_form_has_its_example() -> None:
    assert {form.name for form in TABLE.forms} == {name for name, _text, _event in EXAMPLES}


@pytest.mark.parametrize(
    ("text", "user"),
    [
        # the client chooses the name, the server what follows it
        (
            f"badlogin: [10.1.2.3] plaintext x SASL(-1): generic failure: y {WRONG}",
            "x SASL(-1): generic failure: y",
        ),
        (f"badlogin: [10.1.2.3] plaintext (x) [SASL(-1): y] {WRONG}", "(x) [SASL(-1): y]"),
        (f"badlogin: [10.1.2.3] plaintext (x) [SASL(-1): a: b]) [{WRONG}]", "x) [SASL(-1): a: b]"),
        ("badlogin: [10.1.2.3] plaintext bob invalid user invalid user", "bob invalid user"),
        ("login: [10.1.2.3] bob PLAIN User logged in PLAIN User logged in", "bob PLAIN User logged in"),
    ],
)
def test_a_name_that_looks_like_a_log_line_stays_a_name(text: str, user: str) -> None:
    event = TABLE.read(text)
    assert isinstance(event, Login | BadLogin)
    assert event.user == user


@pytest.mark.parametrize(
    "text",
    [
        "",
        "login:",
        "login: localhost",
        "badlogin: localhost [127.0.0.1]",
        "starttls: ",
        "Delivered: <m0@example.net> to mailbox: user.toto",
        "IOERROR: fstating sieve script /var/spool/sieve/t/toto/defaultbc: No such file or directory",
        "unable to get over it",
        "user 'bob",
    ],
)
def test_other_lines_say_nothing(text: str) -> None:
    assert TABLE.read(text) is None
