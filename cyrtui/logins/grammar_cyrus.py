"""What imapd, pop3d, timsieved, lmtpd, httpd, nntpd, mupdate and sync_server log about clients, 2.2.13 to
3.12.

Read from the `syslog` calls in imap/imapd.c, pop3d.c, nntpd.c, httpd.c, lmtpengine.c, mupdate.c,
sync_server.c, tls.c, telemetry.c, global.c and timsieved/parser.c. Who tries to log in chooses the user
name: where a name is followed by something fixed, the last place where the fixed part fits ends the name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from cyrtui.logins.events import (
    Accepted,
    Audit,
    BadLogin,
    Client,
    ConnectionClosed,
    Damage,
    Fatal,
    Login,
    Note,
    Opened,
    ProcFileFailed,
    Refused,
    SaslText,
    ServiceEvent,
    SessionEnded,
    StartTls,
    TlsFailed,
    TlsTrouble,
    TooManyConnections,
    Usage,
    UserDenied,
)
from cyrtui.logins.forms import Form, Table
from cyrtui.logins.sasl_codes import read_detail
from cyrtui.pattern import pattern

Match = re.Match[str]

# [unix socket], [10.1.2.3], host.example.net [10.1.2.4], and timsieved's localhost[127.0.0.1]
_CLIENT: Final = r"(?P<client>\[unix socket\]|(?:[^\s\[\]]+ ?)?\[[^\]\s]*\])"
_CLIENT_PARTS: Final = pattern(r"(?:([^\s\[\]]+) ?)?\[([^\]]*)\]\Z")
_MECH: Final = r"(?P<mech>[A-Za-z0-9_-]{1,64})"
_AUDIT_FIELD: Final = pattern(r"([A-Za-z0-9_.]+)=<([^>]*)>")


def read_client(text: str) -> Client:
    """A client as Cyrus names it (get_clienthost in imap/global.c)."""
    found = _CLIENT_PARTS.match(text)
    if found is None:
        return Client(text.strip() or None, None)
    address = found[2] if found[2] not in {"unix socket", "unknown", ""} else None
    return Client(found[1], address)


def _named(user: str | None) -> str | None:
    return None if user in {"-notset-", "(null)", None} else user


def _login(found: Match) -> Login:
    return Login(
        read_client(found["client"]),
        _named(found["user"]),
        found["mech"],
        found["tls"] is not None,
        found["session"],
    )


def _login_bare(found: Match) -> Login:
    return Login(read_client(found["client"]), found["user"], found["mech"], found["tls"] is not None)


def _login_anonymous(found: Match) -> Login:
    return Login(read_client(found["client"]), "anonymous", "anonymous", tls=False)


def _bad(found: Match) -> BadLogin:
    parts = found.groupdict()
    why = parts.get("why") or ""
    code, error, detail = read_detail(why)
    user = _named(parts.get("user"))
    numbered = why.startswith("SASL(")
    return BadLogin(
        read_client(parts["client"]), user, parts.get("mech"), code, error, detail, numbered=numbered
    )


def _bad_anonymous(found: Match) -> BadLogin:
    # only the LOGIN command (and POP's USER) says this
    return BadLogin(read_client(found["client"]), "anonymous", "plaintext", None, "anonymous login refused")


def _starttls(found: Match) -> StartTls:
    return StartTls(found[1], found[2], int(found[3]), found[4])


def _handshake(found: Match) -> TlsFailed:
    return TlsFailed("handshake", read_client(found["client"]))


def _tls_setup(_found: Match) -> TlsFailed:
    return TlsFailed("setup")


def _tls_file(found: Match) -> TlsTrouble:
    reason = found[2] if found[2] != "(null)" else None
    return TlsTrouble(found[0], found[1], reason)


_UPKEEP: Final = pattern(r"(?:twoskip|skiplist): (?:checkpointed|delayed checkpoint|recovered|longlock) ")


# lib/proc.c and imap/proc.c; the file is PID, written as PID.new
_PROC_FILE: Final = pattern(r"IOERROR: (?:creating \S*/\d+\.new: |failed to create proc file)")


def _damage(found: Match) -> Damage | ProcFileFailed | Note | None:
    # 2.3 and 2.4 look for this optional database in every session, some of them hundreds of times
    if "user_deny.db: No such file" in found[0]:
        return Note(before=True)
    if "sieve script" in found[0] or found[0].startswith("IOERROR: not a sieve"):
        return None
    # what these databases say when they do their ordinary work (cyrusdb_twoskip.c, cyrusdb_skiplist.c)
    if _UPKEEP.match(found[0]):
        return Note()
    return ProcFileFailed(found[0]) if _PROC_FILE.match(found[0]) else Damage(found[0])


def _fatal(found: Match) -> Fatal | TlsFailed:
    return TlsFailed("setup") if "tls_init()" in found[1] else Fatal(found[1])


def _audit(found: Match) -> Audit:
    return Audit(found[1], tuple(_AUDIT_FIELD.findall(found[2])))


def _ended(found: Match) -> SessionEnded:
    fields = dict(_AUDIT_FIELD.findall(found[0]))
    return SessionEnded(fields.get("sessionid"), fields.get("userid"))


def _fixed(event: ServiceEvent) -> Callable[[Match], ServiceEvent]:
    return lambda _found: event


def _form(
    name: str,
    versions: str,
    pattern: str,
    make: Callable[[Match], ServiceEvent | None],
    *,
    starts: str | None = None,
    holds: str = "",
) -> Form[ServiceEvent]:
    return Form(name, versions, pattern, make, starts, holds)


_LOGINS: Final = (
    _form(
        "login",
        "2.2–3.12",
        rf"login: {_CLIENT} (?P<user>.*) {_MECH}(?P<tls>\+TLS)? User logged in"
        r"(?: SESSIONID=<(?P<session>.*)>)?\s*\Z",
        _login,
        starts="login:",
    ),
    _form(
        "login-anonymous",
        "2.2–3.12",
        rf"login: {_CLIENT} anonymous (?:.*)\Z",
        _login_anonymous,
        starts="login:",
    ),
    _form(
        "login-other-words",
        "2.2–2.4",
        rf"login: {_CLIENT} (?P<user>\S+) (?P<mech>plaintext|nopassword|kpop|KPOP|APOP|[A-Z0-9_-]{{3,20}})"
        r"(?P<tls>\+TLS)?(?: .*)?\Z",
        _login_bare,
        starts="login:",
    ),
)

_BADLOGINS: Final = (
    _form(
        "badlogin-anonymous",
        "2.2–3.12",
        rf"badlogin: {_CLIENT} anonymous login refused\Z",
        _bad_anonymous,
        starts="badlogin:",
    ),
    _form(
        "badlogin-user-detail",
        "3.2–3.12",
        rf"badlogin: {_CLIENT} {_MECH} \((?P<user>.*)\) \[(?P<why>.*)\]\Z",
        _bad,
        starts="badlogin:",
    ),
    _form(
        "badlogin-user-invalid",
        "3.2–3.12",
        rf"badlogin: {_CLIENT} {_MECH} \((?P<user>.*)\) (?P<why>invalid user)\Z",
        _bad,
        starts="badlogin:",
    ),
    _form(
        "badlogin-apop",
        "2.2–3.12",
        rf"badlogin: {_CLIENT} (?P<mech>APOP) \(<?[^()]*>?\) (?P<why>.*)\Z",
        _bad,
        starts="badlogin:",
    ),
    _form(
        "badlogin-kpop",
        "2.2–3.10",
        rf"badlogin: {_CLIENT} (?P<mech>kpop) (?:\?|(?P<user>\S+)) (?P<why>.*)\Z",
        _bad,
        starts="badlogin:",
    ),
    _form(
        "badlogin-mechanism-detail",
        "2.2–3.0",
        rf"badlogin: {_CLIENT} {_MECH} \[(?P<why>.*)\]\Z",
        _bad,
        starts="badlogin:",
    ),
    _form(
        "badlogin-plain-detail",
        "2.2–3.0, httpd to 3.12",
        rf"badlogin: {_CLIENT} {_MECH} (?:(?P<user>.*) )?(?P<why>SASL\(-?\d+\): .*)\Z",
        _bad,
        starts="badlogin:",
    ),
    _form(
        "badlogin-plain-invalid",
        "2.2–3.0, nntpd and httpd to 3.12",
        rf"badlogin: {_CLIENT} {_MECH} (?P<user>.*) "
        r"(?P<why>invalid user|proxy authz attempted on non-Murder backend)\Z",
        _bad,
        starts="badlogin:",
    ),
    _form(
        "badlogin-words",
        "timsieved 2.2–3.12, pop3d 2.2–3.0",
        rf"badlogin: {_CLIENT} {_MECH}(?: -?\d+)?(?: (?P<why>.*))?\Z",
        _bad,
        starts="badlogin:",
    ),
)

_TLS: Final = (
    _form(
        "starttls",
        "2.2–3.12",
        r"starttls: (\S+) with cipher (\S+) \((\d+)/\d+ bits(?: new| reused)?(?: client)?\)"
        r"(?: no authentication| authenticated as (.*?))?(?:; application protocol = .*)?\Z",
        _starttls,
        starts="starttls:",
    ),
    _form(
        "tls-negotiation",
        "2.2–3.12",
        r"(?:(?:\[\w+\] )?(?:STARTTLS|starttls|\w+ TLS|TLS) (?:negotiation |negiation )?failed: )"
        + _CLIENT
        + r"\s*\Z",
        _handshake,
        holds=" failed: ",
    ),
    _form(
        "tls-negotiation-http",
        "httpd 3.12",
        r"Error negotiating TLS\Z",
        _fixed(TlsFailed("handshake")),
        starts="Error",
    ),
    _form(
        "tls-setup",
        "2.2–3.12",
        r"(?:\[\w+\] )?error initializing TLS\Z",
        _tls_setup,
        holds="error initializing TLS",
    ),
    _form(
        "tls-file",
        "2.2–3.12",
        r"unable to get (?:certificate|private key) from '(.*?)'(?:: (.*))?\Z",
        _tls_file,
        starts="unable",
    ),
    _form(
        "tls-pair",
        "2.5–3.12",
        r"Private key '(.*?)' does not match public key '.*?'(?:: (.*))?\Z",
        _tls_file,
        starts="Private",
    ),
    _form(
        "tls-engine",
        "2.2–3.12",
        r"TLS server engine: cannot load .*\Z",
        lambda found: TlsTrouble(found[0]),
        starts="TLS",
    ),
    _form(
        "tls-options",
        "2.2–3.12",
        r"\w+: required OpenSSL options not present\Z",
        lambda found: TlsTrouble(found[0]),
        holds="required OpenSSL options",
    ),
    _form(
        "tls-verify",
        "2.2–3.12",
        r"verify error:num=\d+:.*\Z",
        lambda found: TlsTrouble(found[0]),
        starts="verify",
    ),
    _form("tls-parameters", "2.5–3.12", r"inittls: .*\Z", _fixed(Note(before=True)), starts="inittls:"),
    _form(
        "tls-parameters-old",
        "2.2–2.4",
        r"imapd:Loading .*\Z",
        _fixed(Note(before=True)),
        starts="imapd:Loading",
    ),
    _form("tls-accept", "2.2–2.4", r"SSL_accept\(\) .*\Z", _fixed(Note(before=True)), starts="SSL_accept()"),
)

_SESSION: Final = (
    _form(
        "accepted",
        "2.2–3.12, debug since 2.5",
        r"accepted connection\Z",
        _fixed(Accepted()),
        starts="accepted",
    ),
    _form(
        "executed",
        "2.2–3.12, debug since 2.5",
        r"executed\Z",
        _fixed(Accepted(first=True)),
        starts="executed",
    ),
    _form(
        "refused",
        "2.2–3.12",
        r"refused connection from (.*)\Z",
        lambda found: Refused(found[1]),
        starts="refused",
    ),
    _form("sasl", "imapd 2.5–3.12", r"SASL (.*)\Z", lambda found: SaslText(found[1]), starts="SASL"),
    _form(
        "denied",
        "2.3–3.12",
        r"user '(.*)' denied access to service '(.*)'\Z",
        lambda found: UserDenied(found[1], found[2]),
        starts="user",
    ),
    _form(
        "too-many",
        "2.5–3.12",
        r"Too many open connections \((.*)\)\Z",
        lambda found: TooManyConnections(found[1]),
        starts="Too",
    ),
    _form(
        "too-soon",
        "pop3d 2.5–3.12",
        r"(.*): (Logins must be at least \d+ minutes? apart)\Z",
        lambda found: TooManyConnections(found[2]),
        holds=": Logins must be at least ",
    ),
    _form(
        "usage",
        "2.4–3.12",
        r"USAGE (?:(.*) )?user: (\d+\.\d+) sys: (\d+\.\d+)\Z",
        lambda found: Usage(found[1], float(found[2]), float(found[3])),
        starts="USAGE",
    ),
    _form(
        "lost-client",
        "timsieved 2.3–3.12",
        r"Lost connection to client -- exiting\Z",
        _fixed(SessionEnded()),
        starts="Lost",
    ),
    _form("session-ended", "3.10–3.12", r"session ended: .*\Z", _ended, starts="session"),
    _form("counts", "pop3d 2.4–3.12", r"counts: .*\Z", _fixed(SessionEnded()), starts="counts:"),
    _form("traffic", "2.4–3.12", r"auditlog: traffic .*\Z", _ended, starts="auditlog:"),
    _form("audit", "2.4–3.12", r"auditlog: (\S+) (.*)\Z", _audit, starts="auditlog:"),
    _form(
        "shutdown",
        "2.5–3.12",
        r"graceful shutdown(?: initiated by .*)?\Z",
        _fixed(SessionEnded()),
        starts="graceful",
    ),
    _form(
        "closing",
        "2.2–3.12",
        r"(.*), closing connection\Z",
        lambda found: ConnectionClosed(found[1]),
        holds=", closing connection",
    ),
    _form(
        "disconnect",
        "3.0–3.12",
        r"DISCONNECT: (.*)\Z",
        lambda found: ConnectionClosed(found[1]),
        starts="DISCONNECT:",
    ),
    _form(
        "open-failed",
        "2.2–3.12, debug",
        r"open: user (.*?) failed to open (.*)\Z",
        lambda found: Opened(found[1], found[2], opened=False),
        starts="open:",
    ),
    _form(
        "open",
        "2.2–3.12, debug",
        r"open: user (.*?) opened (.*)\Z",
        lambda found: Opened(found[1], found[2], opened=True),
        starts="open:",
    ),
    _form("client-id", "2.2–3.12", r"client id[ :].*\Z", _fixed(Note()), starts="client"),
    _form("autocreate", "2.5–3.12", r"autocreateinbox: .*\Z", _fixed(Note()), starts="autocreateinbox:"),
    _form("damage-io", "2.2–3.12", r"IOERROR: .*\Z", _damage, starts="IOERROR:"),
    _form("damage-db", "2.2–3.12", r"DBERROR:? .*\Z", _damage, starts="DBERROR:"),
    _form("damage-db-old", "2.2–2.4", r"DBERROR .*\Z", _damage, starts="DBERROR"),
    _form("damage-twoskip", "2.5–3.12", r"twoskip: .*\Z", _damage, starts="twoskip:"),
    _form("damage-skiplist", "2.2–3.12", r"skiplist: .*\Z", _damage, starts="skiplist:"),
    _form("fatal", "2.2–3.12", r"Fatal error: (.*)\Z", _fatal, starts="Fatal"),
)

TABLE: Final[Table[ServiceEvent]] = Table(*_LOGINS, *_BADLOGINS, *_TLS, *_SESSION)
