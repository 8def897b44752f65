"""How much a line matters, and what it is about, guessed from what it says.

Syslog files rarely keep the priority (only `<PRI>` does, RFC 5424 section 6.2.1), and slapd logs everything
at debug, so the level comes from the words that Cyrus, SASL and slapd use. It is for colour, never for a
verdict.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from cyrtui.logs.record import LogRole
from cyrtui.pattern import pattern


class Level(StrEnum):
    """The guess, from what needs a look to what is only noise."""

    ERROR = "error"
    WARNING = "warning"
    GOOD = "good"
    INFO = "info"
    DEBUG = "debug"


_ERROR: Final = pattern(
    r"\b(?:IOERROR|DBERROR|SYSERROR|FATAL|Fatal error|fatal error|ERROR|TLS server engine: cannot"
    r"|Segmentation fault|signaled to death|exited abnormally|unable to|Unable to|cannot |can't |could not "
    r"|couldn't |No such file|Permission denied|Connection refused|assertion failed|too busy|disabling"
    r"|terminating unexpectedly)"
)
_WARNING: Final = pattern(
    r"^badlogin:|\b(?:authentication failure|auth failure|authorization failure|WARNING|warning:|DENIED"
    r"|failed|TLS negotiation failure|not authorized|refused"
    r"|SASL \[conn=\d+\] (?:Failure|Error)|connection lost)"
)
_RESULT: Final = pattern(r"\bRESULT (?:tag=\d+|oid=\S*) err=(\d+)")
_GOOD: Final = pattern(r"^login: |^User logged in|\bPROXYAUTHZ dn=")
_DEBUG: Final = pattern(
    r"\bDIGEST-MD5 (?:client|server|common) |\bauxpropfunc error invalid parameter|\bdebug logging turned"
    r"|^accepted connection|\bcanonuser_plug_init\(\) failed|_sasl_plugin_load failed"
)
_EXPECTED: Final = frozenset({"0", "5", "6", "10", "14", "32"})
"""Result codes of ordinary work: success, compare false and true, referral, SASL bind, no such object."""


def guess_level(text: str, priority: int | None = None) -> Level:
    """The level of a line's text; a `priority` from `<PRI>` counts where it says more than debug."""
    if priority is not None and priority & 7 != 7:
        severity = priority & 7
        if severity <= 3:
            return Level.ERROR
        if severity == 4:
            return Level.WARNING
    text = text[:512]
    if (result := _RESULT.search(text)) is not None:
        return Level.INFO if result[1] in _EXPECTED else Level.WARNING
    if _DEBUG.search(text):
        return Level.DEBUG
    if _GOOD.search(text):
        return Level.GOOD
    if _WARNING.match(text):
        return Level.WARNING
    if _ERROR.search(text):
        return Level.ERROR
    return Level.WARNING if _WARNING.search(text) else Level.INFO


_MAIL: Final = frozenset(
    """
    imap imaps imapd imaplocal pop3 pop3s pop3d sieve timsieved managesieve lmtp lmtpd lmtpunix http
    https httpd nntp nntpd mupdate master cyrmaster ctl_cyrusdb ctl_deliver ctl_mboxlist cyr_expire
    tls_prune idled notifyd squatter reconstruct quota mbexamine mbpath ipurge cyr_synclog sync_client
    sync_server deliver cyr_deny promstatsd postfix sendmail exim exim4 dovecot sm-mta amavis opendkim
    """.split()  # noqa: SIM905
)
_AUTH: Final = frozenset(
    """
    saslauthd saslpasswd2 sshd sudo su login systemd-logind passwd polkitd pkexec
    """.split()  # noqa: SIM905
)
_TAG_BEFORE: Final = pattern(rb"[ >]([^\s\[\]:>]{1,128})(?:\[\d{1,10}\])?: ")
_SYSLOG5424: Final = pattern(rb"(?:<\d{1,3}>)?1 \d{4}-\S+ \S+ (\S{1,128}) ")
_HEXADECIMAL: Final = pattern(rb"[0-9a-f]{8,10}\.[0-9a-f]{5,8} 0x")
_HEAD: Final = 256


def role_of_ident(ident: str) -> LogRole | None:
    """Which log a program's lines belong to where one file holds several; None for other programs."""
    program, _, part = ident.partition("/")
    name = part.rpartition("/")[2] or program
    if name.startswith("slapd") or program.startswith("slapd"):
        return LogRole.SLAPD
    if name in _AUTH:
        return LogRole.AUTH
    if program.startswith("cyrus") or name in _MAIL or program in _MAIL:
        return LogRole.MAIL
    return None


class RoleReader:
    """Says of raw lines which log they belong to, by their tag; it remembers the idents that it has seen."""

    def __init__(self) -> None:
        self._known: dict[bytes, LogRole | None] = {}

    def role(self, line: bytes, before: LogRole | None) -> LogRole | None:
        """The role of one line as bytes; a line without a tag goes with the line before it."""
        head = line[:_HEAD]
        if head[:1] in (b" ", b"\t", b""):
            return before
        if (fields := _SYSLOG5424.match(head)) is not None:
            return self._of_ident(fields[1])
        if _HEXADECIMAL.match(head):
            return LogRole.SLAPD
        found = _TAG_BEFORE.search(head, 14)
        return before if found is None else self._of_ident(found[1])

    def _of_ident(self, ident: bytes) -> LogRole | None:
        if ident not in self._known:
            if len(self._known) > 4096:
                self._known.clear()
            self._known[ident] = role_of_ident(ident.decode("utf-8", "replace"))
        return self._known[ident]
