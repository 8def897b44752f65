"""What the switches of Cyrus's programs mean, in words: imapd(8), pop3d(8), lmtpd(8), timsieved(8), nntpd(8),
httpd(8), master(8), and the options that every service takes (master/service.c)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

Meaning = tuple[str, str]
"""A word of a cmd (with its argument) and what it means."""

# A switch that takes an argument has `{}` in its meaning, where the argument goes.
_EVERY: Final[Mapping[str, str]] = {
    "-C": "reads {} in the place of /etc/imapd.conf",
    "-U": "a process serves {} clients, then makes room for a new one",
    "-T": "an idle process ends after {} seconds",
    "-D": "waits for a debugger at its start (debug_command)",
    "-X": "waits for a debugger at its start",
}
_SERVERS: Final[Mapping[str, Mapping[str, str]]] = {
    "imapd": {
        "-s": "speaks TLS from the first byte (imaps)",
        "-p": "takes the connection for one that is encrypted outside, with strength {} bits",
        "-N": "asks for no password: whoever connects is believed (internal use)",
        "-H": "does not look up the names of its clients",
    },
    "pop3d": {
        "-s": "speaks TLS from the first byte (pop3s)",
        "-k": "speaks KPOP, which takes Kerberos 4 tickets",
        "-p": "takes the connection for one that is encrypted outside, with strength {} bits",
        "-H": "does not look up the names of its clients",
    },
    "nntpd": {
        "-s": "speaks TLS from the first byte (nntps)",
        "-r": "allows reading only",
        "-f": "takes articles from feeds only",
        "-p": "takes the connection for one that is encrypted outside, with strength {} bits",
    },
    "lmtpd": {
        "-a": "takes mail from anybody without asking for a login",
        "-H": "does not look up the names of its clients",
        "-q": "delivers over quota as well",
    },
    "timsieved": {
        "-H": "does not look up the names of its clients",
    },
    "httpd": {
        "-s": "speaks TLS from the first byte (https)",
        "-q": "stores over quota as well",
        "-p": "takes the connection for one that is encrypted outside, with strength {} bits",
        "-H": "does not look up the names of its clients",
    },
}
_PROGRAMS: Final[Mapping[str, str]] = {
    "imapd": "the IMAP server",
    "pop3d": "the POP3 server",
    "nntpd": "the NNTP server",
    "lmtpd": "takes mail for the mailboxes (LMTP)",
    "lmtpproxyd": "hands mail on to other servers of a murder (LMTP)",
    "timsieved": "takes Sieve scripts (ManageSieve)",
    "httpd": "the server for calendars, contacts and feeds (HTTP)",
    "mupdate": "keeps the list of mailboxes of a murder (MUPDATE)",
    "sync_server": "takes copies of mailboxes from a master (replication)",
    "notifyd": "passes notifications on",
    "proxyd": "hands IMAP on to other servers of a murder",
    "pop3proxyd": "hands POP3 on to other servers of a murder",
    "fud": "tells when a user read mail last (FUD)",
    "smmapd": "tells sendmail whether a mailbox takes mail",
    "ptloader": "looks up groups for access control lists",
}


def switches_of(program: str) -> Mapping[str, str]:
    """Each switch that a program takes (its name without a path) with its meaning; `{}` is its argument."""
    return {**_SERVERS.get(program, {}), **_EVERY}


def is_known(program: str) -> bool:
    """Whether the switches of a program are known here."""
    return program in _SERVERS


def explain_cmd(words: Sequence[str]) -> tuple[Meaning, ...]:
    """Each word of a service's cmd with what it means; an option's argument stands with it."""
    if not words:
        return ()
    program = words[0].rpartition("/")[2]
    found: list[Meaning] = [(words[0], _PROGRAMS.get(program, "a program that is not known here"))]
    known = {**_EVERY, **_SERVERS.get(program, {})}
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        meaning = known.get(word)
        if meaning is None:
            found.append(
                (word, "an option that is not known here" if word.startswith("-") else "an argument")
            )
        elif "{}" not in meaning:
            found.append((word, meaning))
        elif rest:
            argument = rest.pop(0)
            found.append((f"{word} {argument}", meaning.format(argument)))
        else:
            found.append((word, "needs an argument behind it"))
    return tuple(found)
