"""What a log line says, once it is understood: one small class for each kind of line.

Everything is as logged. `user` None means that the line names nobody (or says `-notset-`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Client(NamedTuple):
    """Who connects: a host name where reverse DNS has one, and the address (None: a unix socket or
    unknown).
    """

    name: str | None
    address: str | None


# --- Cyrus daemons ---------------------------------------------------------------------------------


class Accepted(NamedTuple):
    """A process takes a client (`accepted connection`), or starts for its first one (`executed`)."""

    first: bool = False


class StartTls(NamedTuple):
    """TLS is up, by STARTTLS or from the first byte."""

    version: str
    cipher: str
    bits: int | None
    subject: str | None = None


class TlsFailed(NamedTuple):
    """The end of a try to bring TLS up. `stage`: `handshake` (with this client) or `setup` (with any)."""

    stage: Literal["handshake", "setup"]
    client: Client | None = None


class TlsTrouble(NamedTuple):
    """Why TLS cannot be set up: the file it stumbled over and the library's reason, where they are said."""

    text: str
    file: str | None = None
    reason: str | None = None


class Login(NamedTuple):
    """`login:`. The server knows who it is; the client may still be turned away afterwards."""

    client: Client
    user: str | None
    mechanism: str
    tls: bool
    session_id: str | None = None


class BadLogin(NamedTuple):
    """`badlogin:`. `code` is SASL's number, `error` its phrase for it, `detail` what follows the phrase.

    `numbered`: the line itself holds the number (`SASL(-13): …`), as pop3d's and timsieved's may not.
    """

    client: Client
    user: str | None
    mechanism: str | None
    code: int | None = None
    error: str | None = None
    detail: str | None = None
    tls: bool | None = None
    numbered: bool = False


class SaslText(NamedTuple):
    """A message of the SASL library, from auth.log or (imapd 2.5 and later) from the mail log."""

    text: str


class UserDenied(NamedTuple):
    """user_deny.db bars the user from the service; the badlogin follows."""

    user: str
    service: str


class TooManyConnections(NamedTuple):
    """A limit of maxlogins_per_* or popminpoll; comes after `login:`, and the client is refused."""

    detail: str


class Usage(NamedTuple):
    """`USAGE`: the end of an imapd or pop3d session, 2.4 and later."""

    user: str | None
    user_seconds: float
    system_seconds: float


class SessionEnded(NamedTuple):
    """A session is over: `session ended`, `counts:`, `auditlog: traffic`, a shutdown."""

    session_id: str | None = None
    user: str | None = None


class ConnectionClosed(NamedTuple):
    """The server gives up on a client (`…, closing connection`, `DISCONNECT`)."""

    reason: str


class Refused(NamedTuple):
    """TCP wrappers turned a client away."""

    who: str


class Opened(NamedTuple):
    """A mailbox was selected, or could not be; at priority debug."""

    user: str
    mailbox: str
    opened: bool


class Damage(NamedTuple):
    """IOERROR, DBERROR and the databases' own complaints."""

    text: str


class ProcFileFailed(NamedTuple):
    """The process has taken a client, and cannot write its file in proc/: it dies before it serves him."""

    text: str


class Fatal(NamedTuple):
    """The process dies of this."""

    text: str


class Audit(NamedTuple):
    """`auditlog: ACTION key=<value> …` of a session."""

    action: str
    fields: tuple[tuple[str, str], ...]


class Note(NamedTuple):
    """A line that belongs into a timeline and decides nothing. `before`: it comes before the attempt."""

    before: bool = False


# --- master ----------------------------------------------------------------------------------------


class MasterState(NamedTuple):
    """What master itself does; `text` is the line."""

    state: Literal["started", "ready", "reconfigured", "hangup", "stopping", "stopped", "locked"]
    text: str


class ChildExited(NamedTuple):
    """A child of master ended; `service` where the line says it (2.5 and later), `signal` as logged."""

    pid: int
    status: int | None
    signal: str | None = None
    service: str | None = None
    kind: str | None = None


class ServiceTrouble(NamedTuple):
    """What master says of one service. `what` is one of the words below; `reason` the rest of the line."""

    service: str
    what: Literal[
        "abnormal", "disabled", "bind", "listen", "unresolved", "executable", "fork", "not-recycled"
    ]
    reason: str
    pid: int | None = None


class ConfigBroken(NamedTuple):
    """Master cannot read its configuration (`bad character …`), or the options of one of its services."""

    text: str


# --- slapd -----------------------------------------------------------------------------------------


class LdapAccept(NamedTuple):
    """A client connects to slapd. `client` and `listener` are `address:port` or a path."""

    conn: int
    client: str
    listener: str | None


class LdapTls(NamedTuple):
    """TLS is up between the client and slapd."""

    conn: int
    ssf: int


class LdapBind(NamedTuple):
    """A bind is asked for: method 128 is simple, 163 is SASL."""

    conn: int
    op: int
    dn: str
    method: int


class LdapBindId(NamedTuple):
    """Whom a SASL bind is by, and for."""

    conn: int
    op: int
    authcid: str
    authzid: str


class LdapBound(NamedTuple):
    """A bind went well; `dn` is what the client is from now on."""

    conn: int
    op: int
    dn: str
    mechanism: str


class LdapResult(NamedTuple):
    """The result of an operation; `tag` None is an extended operation that went well. Times in seconds."""

    conn: int
    op: int
    tag: int | None
    err: int
    text: str
    entries: int | None = None
    qtime: float | None = None
    etime: float | None = None


class LdapProxy(NamedTuple):
    """The proxied authorization was granted: this operation runs as `dn`."""

    conn: int
    op: int
    dn: str


class LdapSearch(NamedTuple):
    """A search; `scope` 0 is the base alone."""

    conn: int
    op: int
    base: str
    scope: int
    filter: str


class LdapAttributes(NamedTuple):
    """The attributes that a search asks for; a long list comes in several lines."""

    conn: int
    op: int
    names: tuple[str, ...]


class LdapExtended(NamedTuple):
    """An extended operation by OID, or one of slapd's own words for it (`WHOAMI`, `STARTTLS`)."""

    conn: int
    op: int
    what: str


class LdapUnbind(NamedTuple):
    """The client says goodbye."""

    conn: int
    op: int


class LdapClosed(NamedTuple):
    """The connection is closed; `reason` where it was not the client's wish."""

    conn: int
    reason: str | None


class LdapOther(NamedTuple):
    """Any other line of a connection. `change`: an operation that ldapdb's lookups never ask for."""

    conn: int
    text: str
    change: bool = False


class LdapSaslFailure(NamedTuple):
    """The SASL library inside slapd refuses a bind."""

    conn: int
    text: str


class SlapdState(NamedTuple):
    """slapd itself starts or stops."""

    state: Literal["starting", "stopping", "stopped"]


# --- saslauthd -------------------------------------------------------------------------------------


class SaslauthdFailure(NamedTuple):
    """saslauthd refused a password; `reason` is its back end's."""

    user: str
    service: str
    realm: str
    mechanism: str
    reason: str


Attempt = Login | BadLogin | TlsFailed
LdapEvent = (
    LdapAccept
    | LdapTls
    | LdapBind
    | LdapBindId
    | LdapBound
    | LdapResult
    | LdapProxy
    | LdapSearch
    | LdapAttributes
    | LdapExtended
    | LdapUnbind
    | LdapClosed
    | LdapOther
    | LdapSaslFailure
)
MasterEvent = MasterState | ChildExited | ServiceTrouble | ConfigBroken
ServiceEvent = (
    Attempt
    | Accepted
    | StartTls
    | TlsTrouble
    | SaslText
    | UserDenied
    | TooManyConnections
    | Usage
    | SessionEnded
    | ConnectionClosed
    | Refused
    | Opened
    | Damage
    | ProcFileFailed
    | Fatal
    | Audit
    | Note
)
LoginEvent = ServiceEvent | MasterEvent | LdapEvent | SlapdState | SaslauthdFailure
