"""auth.log: what the SASL library says from inside a Cyrus process, and what saslauthd says.

The library logs with the ident of the process that it lives in (lib/common.c, _sasl_syslog), so any line of
such a process belongs to its session. saslauthd/saslauthd-main.c: `do_auth         : auth failure: [user=…]`.
"""

from __future__ import annotations

from typing import Final

from cyrtui.logins.events import SaslauthdFailure, SaslText
from cyrtui.pattern import pattern

# the usual neighbours in auth.log; none of them serves mail
_STRANGERS: Final = frozenset(
    {
        "CRON", "cron", "login", "polkitd", "sshd", "sshd-session", "su", "sudo", "systemd", "systemd-logind",
        "dbus-daemon", "useradd", "usermod", "groupadd", "passwd", "chage", "gdm", "lightdm", "pkexec",
        "slapd", "slapadd", "slapcat", "slapindex", "slappasswd", "slaptest",
        "imtest", "pop3test", "sivtest", "lmtptest", "nntptest", "smtptest", "mupdatetest", "synctest",
        "ldapsearch", "ldapwhoami", "ldapmodify", "ldapadd", "ldapdelete", "ldappasswd", "ldapcompare",
    }
)  # fmt: skip

_FAILURE: Final = pattern(
    # the name of the function, padded; SASL 2.1.28 logs blanks in its place
    r"(?:do_auth)?\s*: auth failure: \[user=(.*?)\] \[service=(.*?)\] \[realm=(.*?)\] \[mech=(.*?)\] "
    r"\[reason=(.*?)\]\s*\Z"
)


def read_sasl(ident: str, text: str) -> SaslText | SaslauthdFailure | None:
    """A line of auth.log; None if its process is no mail server's."""
    if ident == "saslauthd":
        found = _FAILURE.match(text)
        if found is None:
            return None
        return SaslauthdFailure(found[1], found[2], found[3], found[4], found[5])
    if ident in _STRANGERS:
        return None
    return SaslText(text)
