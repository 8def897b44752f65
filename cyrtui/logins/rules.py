"""Why a login failed: the rules, in the order in which they are tried; the first that fits speaks.

A rule fits if everything that it names holds. What it can name:

    ending      the server's own word: welcome, wrong, nobody, broken, unavailable, turned-away, other
    code        SASL's number in the badlogin line
    error       a pattern for the phrase or text of the badlogin line; `detail` for what follows it
    said        a pattern for any line of this session before the answer (mail log or auth.log)
    afterwards  a pattern for any line of this session after the answer
    fate        how the look-up ended in slapd's log; `fate=NO_LOOKUP`: there is none
    around      what the neighbours in time met: `EVERYONE` (nobody got through), `OTHERS_FINE`, and where
                others got through, and this user too at other times: `KNOWN_BEFORE`
    password    how the directory says the password is stored (only when it can be asked)
    tls         `handshake` or `setup`
    outcome     `ok` or `failed`; a rule speaks of a login that went well only if it names `welcome`
    mechanism   a pattern for the mechanism

In the sentences {user}, {service}, {mechanism}, {dn}, {proxy}, {text} (slapd's own words), {file}, {reason},
{what} (the text that `said`, `afterwards`, `error` or `detail` found) and {seconds} stand for what the
lines say.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from cyrtui.logins.lookups import Fate
from cyrtui.logins.needs import Ending

NO_LOOKUP: Final = "none"
EVERYONE: Final = "everyone"
OTHERS_FINE: Final = "others"
KNOWN_BEFORE: Final = "known"

FateName = Fate | Literal["none"]


class Rule(NamedTuple):
    """One rule; see the head of this file. `also` are the causes that the same lines leave possible."""

    cause: str
    says: str
    remedy: str
    also: tuple[str, ...] = ()
    ending: tuple[Ending, ...] = ()
    code: tuple[int, ...] = ()
    error: str | None = None
    detail: str | None = None
    said: str | None = None
    afterwards: str | None = None
    fate: tuple[FateName, ...] = ()
    around: Literal["everyone", "others", "known"] | None = None
    password: str | None = None
    tls: str | None = None
    mechanism: str | None = None
    outcome: str | None = None


_PROC_REMEDY: Final = (
    "Make that directory (proc/ below configdirectory, or proc_path in imapd.conf) writable for the user "
    "cyrus, and see that its file system has room: df -h, df -i."
)

RULES: Final = (
    # --- TLS ----------------------------------------------------------------------------------------
    Rule(
        "tls-key-unusable",
        "The server cannot use its TLS key or certificate: {what}",
        "Make the file readable for the user cyrus (group ssl-cert), check the path in imapd.conf, and "
        "that key and certificate are a pair: openssl x509 -noout -pubkey -in CERTIFICATE and openssl pkey "
        "-pubout -in KEY print the same. Then restart Cyrus.",
        tls="setup",
        said=r"(?:unable to get (?:certificate|private key) from|Private key .* does not match) .*",
    ),
    Rule(
        "tls-key-unusable",
        "The server cannot set up TLS; its log does not say why.",
        "Check tls_server_cert and tls_server_key (before 2.5: tls_cert_file and tls_key_file) in "
        "imapd.conf: present, readable for the user cyrus, a pair.",
        tls="setup",
    ),
    Rule(
        "tls-handshake-failed",
        "Client and server did not come to a TLS connection: they share no protocol version or cipher, the "
        "client does not trust the certificate, or it was no TLS client at all (a probe).",
        "If this client should get in, look at the certificate's chain and date (openssl s_client -connect "
        "HOST:993 shows them), and at tls_versions and tls_ciphers in imapd.conf.",
        also=("client-gone",),
        tls="handshake",
    ),
    # --- the SASL library's own set-up ---------------------------------------------------------------
    Rule(
        "saslauthd-unreachable",
        "Passwords are to be checked by saslauthd, and it cannot be reached: {what}",
        "Start saslauthd, put the user cyrus into the group sasl, and check that both use the same "
        "socket; or set sasl_pwcheck_method: auxprop in imapd.conf.",
        said=r"cannot connect to saslauthd.*",
    ),
    Rule(
        "password-mismatch",
        "saslauthd refused the password of {user} ({what}). The password may be wrong, the user unknown, or "
        "what saslauthd asks out of reach.",
        "Where everybody is refused, look at what saslauthd asks (its mech= in this line) and at its "
        "configuration; testsaslauthd -u USER -p PASSWORD -s imap tries it by hand, best with an account for "
        "tests, since others see its arguments.",
        also=("unknown-user", "directory-unreachable"),
        ending=(Ending.WRONG, Ending.NOBODY, Ending.BROKEN),
        said=r"(?:do_auth)?\s*: auth failure:.*",
    ),
    Rule(
        "auxprop-plugin-missing",
        "The SASL library does not know how to check passwords as imapd.conf tells it to: {what}",
        "Install the plugin (libsasl2-modules-ldap for ldapdb) and check the spelling of "
        "sasl_pwcheck_method and sasl_auxprop_plugin in imapd.conf.",
        said=r"(?:unknown password verifier|could not find auxprop plugin).*",
    ),
    Rule(
        "mechanism-unavailable",
        "The client asked for the mechanism {mechanism}, which this server does not offer.",
        "Add it to sasl_mech_list in imapd.conf and install its plugin (libsasl2-modules), or set the "
        "client to another mechanism.",
        said=r"Couldn't find mech.*",
    ),
    Rule(
        "mechanism-unavailable",
        "The client asked for the mechanism {mechanism}, which this server does not offer.",
        "Add it to sasl_mech_list in imapd.conf and install its plugin (libsasl2-modules), or set the "
        "client to another mechanism.",
        code=(-4,),
        detail=r"Couldn't find mech.*",
    ),
    Rule(
        "auxprop-plugin-missing",
        "No way to check passwords is available to the SASL library.",
        "Install the plugin that sasl_auxprop_plugin names (libsasl2-modules-ldap for ldapdb) and check the "
        "spelling of sasl_pwcheck_method and sasl_auxprop_plugin in imapd.conf.",
        also=("mechanism-unavailable",),
        code=(-4,),
    ),
    Rule(
        "proxy-bind-failed",
        "Cyrus and slapd share no SASL mechanism, so the proxy cannot bind: {what}",
        "Compare sasl_ldapdb_mech in imapd.conf with what slapd offers (ldapsearch -x -H URI -s base -b '' "
        "supportedSASLMechanisms); PLAIN needs TLS or other security properties.",
        said=r"No worthy mechs found.*",
    ),
    # --- refused before anybody was asked ------------------------------------------------------------
    Rule(
        "plaintext-refused",
        "The client wanted to send a password in clear without TLS, and the server does not allow that for "
        "{mechanism}.",
        "Let the client use TLS, or, where the line is safe, set allowplaintext: yes and "
        "sasl_minimum_layer: 0.",
        code=(-16,),
    ),
    Rule(
        "plaintext-refused",
        "The server did not begin {mechanism}: without TLS it does not take a password in clear.",
        "Let the client use TLS, or, where the line is safe, set allowplaintext: yes in imapd.conf.",
        also=("mechanism-unavailable",),
        code=(-6,),
        mechanism=r"PLAIN|LOGIN",
    ),
    Rule(
        "mechanism-unavailable",
        "The server did not begin {mechanism}.",
        "Check sasl_mech_list in imapd.conf and that the mechanism's plugin is installed (libsasl2-modules).",
        also=("plaintext-refused",),
        code=(-6,),
    ),
    Rule(
        "mechanism-unavailable",
        "Anonymous login was asked for, and it is not allowed here.",
        "Nothing to do, unless anonymous login is wanted (allowanonymouslogin in imapd.conf).",
        error=r"anonymous login refused",
    ),
    Rule(
        "unknown-user",
        "{user} cannot be a user of this server: the name holds characters that are not allowed, or "
        "(POP3) has no mailbox.",
        "Check the name that the client sends; for POP3, create the mailbox user.{user}.",
        error=r"invalid user",
    ),
    Rule(
        "unknown-user",
        "The client sent an empty name.",
        "Enter a user name in the client.",
        detail=r"All-whitespace username.*",
    ),
    Rule(
        "user-denied",
        "{user} is barred from {service} (user_deny.db).",
        "cyr_deny -l lists who is barred, cyr_deny -a USER lets him in again (on Debian: cyrus cyr_deny -l).",
        said=r"user '.*' denied access to service.*",
    ),
    Rule(
        "user-denied",
        "A client that logged in as one user asked to act for another, and may not: {what}",
        "If that is wanted, name the user in proxyservers or admins in imapd.conf; else clear the "
        "authorization identity in the client's settings.",
        detail=r"user .* is not allowed to proxy",
    ),
    Rule(
        "user-denied",
        "The server knows who it is and does not let this user in: {what}",
        "Look at user_deny.db (cyr_deny -l, on Debian: cyrus cyr_deny -l), and at admins and proxyservers in "
        "imapd.conf.",
        code=(-14,),
        error=r".*",
    ),
    # --- the directory, by what slapd says -----------------------------------------------------------
    Rule(
        "proxy-bind-failed",
        "The proxy itself was refused by the directory, so nobody can log in: {text}",
        "Check sasl_ldapdb_id and sasl_ldapdb_pw in imapd.conf against that entry, whose password must be "
        "stored in clear (ldapwhoami -H URI -Y DIGEST-MD5 -U ID binds as Cyrus does); then restart Cyrus, "
        "since a running process keeps the old values.",
        ending=(Ending.WRONG, Ending.NOBODY, Ending.BROKEN),
        fate=(Fate.BIND_FAILED,),
    ),
    Rule(
        "proxy-authorization-denied",
        "The directory lets the proxy ({proxy}) act for nobody: everyone's login fails with it.",
        "Give the proxy's entry an authzTo that covers the users, and slapd authz-policy to; check "
        "authz-regexp. ldapwhoami -H URI -Y DIGEST-MD5 -U ID -X u:USER asks as Cyrus does.",
        also=("unknown-user",),
        fate=(Fate.DENIED,),
        around=EVERYONE,
    ),
    Rule(
        "proxy-authorization-denied",
        "The directory did not let the proxy ({proxy}) act for {user}, who does log in at other times: what "
        "the proxy may do has changed, or the entry.",
        "Check authzTo on the proxy's entry and slapd's authz-policy and authz-regexp; if others still log "
        "in, whether the entry of {user} is still there, once, and covered by that authzTo.",
        also=("unknown-user",),
        fate=(Fate.DENIED,),
        around=KNOWN_BEFORE,
    ),
    Rule(
        "unknown-user",
        "The directory has no user {user} that the proxy may act for; others log in meanwhile.",
        "Check the spelling; the entry must exist once below the base of authz-regexp, and the proxy's "
        "authzTo must cover it: ldapwhoami -H URI -Y DIGEST-MD5 -U ID -X u:USER asks as Cyrus does.",
        fate=(Fate.DENIED,),
        around=OTHERS_FINE,
    ),
    Rule(
        "unknown-user",
        "The directory would not let the proxy act for {user}: there is no such user, or the proxy may "
        "act for nobody (no other login nearby tells which).",
        "Check that the entry exists once below the base of authz-regexp; if everyone fails, check authzTo "
        "on the proxy's entry and authz-policy. ldapwhoami -H URI -Y DIGEST-MD5 -U ID -X u:USER asks as "
        "Cyrus does.",
        also=("proxy-authorization-denied",),
        fate=(Fate.DENIED,),
    ),
    Rule(
        "directory-error",
        "Cyrus demands StartTLS of slapd, and slapd does not offer it.",
        "Set up TLS in slapd, or remove sasl_ldapdb_starttls from imapd.conf.",
        fate=(Fate.TLS_REFUSED,),
    ),
    Rule(
        "directory-error",
        "The directory was busy or unavailable: {text}",
        "Look at slapd's log and load; limits and threads in its configuration.",
        fate=(Fate.BUSY,),
    ),
    Rule(
        "directory-error",
        "The directory answered with an error: {text}",
        "Look at slapd's log around this connection; access rules must let the user's own DN read its "
        "userPassword.",
        fate=(Fate.ERROR,),
    ),
    Rule(
        "password-unreadable",
        "The directory knows {user} ({dn}), but shows no password to him.",
        "Set userPassword on the entry, or let the entry read its own (access to attrs=userPassword by "
        "self read).",
        ending=(Ending.NOBODY,),
        fate=(Fate.GRANTED, Fate.EMPTY),
    ),
    Rule(
        "password-unreadable",
        "The directory let the proxy act for {user}, but the entry cannot be read as that user.",
        "Let the entry read itself (access rules of slapd, by self).",
        fate=(Fate.EMPTY,),
    ),
    Rule(
        "password-not-cleartext",
        "The password of {user} is stored hashed in the directory; {mechanism} through ldapdb can only "
        "compare clear text, so no password will do.",
        "Store it in clear (password-hash {{CLEARTEXT}}), or let saslauthd check passwords by binding.",
        ending=(Ending.WRONG,),
        fate=(Fate.GRANTED,),
        password="hashed",  # noqa: S106 - how it is stored, not what it is
    ),
    Rule(
        "password-mismatch",
        "Wrong password: the directory keeps a clear password for {user}, and what the client sent does "
        "not match.",
        "Reset the password, or correct what the client has saved.",
        ending=(Ending.WRONG,),
        fate=(Fate.GRANTED,),
        password="clear",  # noqa: S106 - how it is stored, not what it is
    ),
    Rule(
        "password-mismatch",
        "Wrong password: the directory found {user} and handed over the stored password; what the client "
        "sent did not match it.",
        "Reset the password, or correct what the client has saved. If no client and no mechanism gets in, "
        "see whether it is stored hashed.",
        also=("password-not-cleartext",),
        ending=(Ending.WRONG,),
        fate=(Fate.GRANTED,),
    ),
    # --- the directory, by what Cyrus says alone -----------------------------------------------------
    Rule(
        "directory-unreachable",
        "Cyrus could not reach the directory.",
        "Start slapd; check sasl_ldapdb_uri in imapd.conf (ldapsearch -x -H URI -s base -b '' tells "
        "whether it answers), a firewall, and for ldaps the certificate authority.",
        ending=(Ending.UNAVAILABLE,),
    ),
    Rule(
        "directory-unreachable",
        "The connection to the directory was closed before the proxy could bind.",
        "Look at slapd's log; check the proxy's mechanism and TLS towards slapd.",
        also=("proxy-bind-failed", "directory-error"),
        fate=(Fate.NO_BIND,),
    ),
    Rule(
        "proxy-bind-failed",
        "Every login fails with a wrong password: more likely than that everyone mistypes is that the "
        "proxy's own password is wrong. No line of slapd's for this login was found.",
        "Check sasl_ldapdb_id and sasl_ldapdb_pw; let slapd log its stats (loglevel stats) to be sure.",
        also=("password-mismatch", "password-not-cleartext"),
        ending=(Ending.WRONG,),
        fate=(NO_LOOKUP, Fate.OPEN),
        around=EVERYONE,
    ),
    Rule(
        "password-mismatch",
        "Wrong password, by the word of Cyrus; no line of slapd's tells more.",
        "Reset the password, or correct what the client has saved. slapd's stats (loglevel stats) would "
        "tell a wrong password from a hashed one of the proxy.",
        also=("password-not-cleartext", "proxy-bind-failed"),
        ending=(Ending.WRONG,),
    ),
    Rule(
        "password-unreadable",
        "No password was found for {user}: there is no such user, or no password that may be read.",
        "Check that the entry exists, has a userPassword, and may read its own.",
        also=("unknown-user",),
        ending=(Ending.NOBODY,),
    ),
    Rule(
        "proxy-authorization-denied",
        "Nobody's look-up in the directory succeeds, and no line of slapd's tells why.",
        "Let slapd log its stats (loglevel stats); check the proxy's authzTo, authz-policy and authz-regexp.",
        also=("directory-error", "unknown-user", "proxy-bind-failed"),
        ending=(Ending.BROKEN,),
        around=EVERYONE,
    ),
    Rule(
        "unknown-user",
        "The look-up of {user} in the directory failed, most often because there is no such user; no line of "
        "slapd's tells more.",
        "Check the spelling and the entry; let slapd log its stats (loglevel stats) to see more.",
        also=("proxy-authorization-denied", "directory-error"),
        ending=(Ending.BROKEN,),
    ),
    # --- after the server knew who it was ------------------------------------------------------------
    Rule(
        "too-many-logins",
        "{user} was known and then turned away: {what}",
        "Raise maxlogins_per_user or maxlogins_per_host, or end what holds the connections (before 3.10, "
        "files left in proc/ count too).",
        ending=(Ending.WELCOME,),
        afterwards=r"Too many open connections.*",
    ),
    Rule(
        "too-many-logins",
        "{user} was known and then turned away, since the last login was too short a time ago: {what}",
        "Let the client ask less often, or lower popminpoll in imapd.conf.",
        ending=(Ending.WELCOME,),
        afterwards=r".*: Logins must be at least .* apart",
    ),
    Rule(
        "service-crashing",
        "{user} was known, and then the process died, since it cannot write its file in proc/: {what}",
        _PROC_REMEDY,
        ending=(Ending.WELCOME,),
        afterwards=r"IOERROR: (?:creating \S*/\d+\.new: |failed to create proc file).*",
    ),
    Rule(
        "config-error",
        "{user} was known, but the databases were not recovered when the server started: {what}",
        'Let START of cyrus.conf run it (recover cmd="ctl_cyrusdb -r"), see that db/ below configdirectory '
        "is there, and restart Cyrus.",
        ending=(Ending.WELCOME,),
        afterwards=r"DBERROR: .*(?:skipstamp|assuming the worst).*",
    ),
    Rule(
        "mailbox-damaged",
        "{user} was known, but the server's files are damaged: {what}",
        "Look at the file named: its owner (cyrus:mail), its disk. A mailbox: reconstruct NAME as the user "
        "cyrus (on Debian: cyrus reconstruct NAME). A database: stop Cyrus, keep a copy, and put back "
        "db.backup1 or the last dump of ctl_mboxlist -d.",
        ending=(Ending.WELCOME,),
        afterwards=r"(?:IOERROR:|DBERROR|(?:twoskip|skiplist):(?! (?:checkpointed|delayed checkpoint|"
        r"recovered|longlock) )).*|Fatal error: can't read mailboxes file.*",
    ),
    Rule(
        "service-crashing",
        "{user} was known, and then the process died: {what}",
        "Look at that line; the client saw its connection break.",
        ending=(Ending.WELCOME,),
        afterwards=r"Fatal error: .*",
        outcome="failed",
    ),
    Rule(
        "client-gone",
        "The login failed, or was given up, in the exchange with the client: {what}",
        "Look at the client; nothing on the server asks for a change.",
        ending=(Ending.OTHER,),
        error=r"(?:bad protocol|error base64|expected string).*",
    ),
)

SLOW: Final = Rule(
    "directory-slow",
    "{user} logged in, but the directory took {seconds} seconds.",
    "Look at slapd: an index for the attribute in authz-regexp, load, name look-ups, the network to it.",
)

BROKEN_OFF: Final = Rule(
    "client-gone",
    "TLS was set up, and the client left without logging in: a probe, or a client that does not trust the "
    "certificate.",
    "If a user complains, check the certificate's chain, names and date as that client sees them.",
    also=("tls-handshake-failed",),
)

DIED_UNSERVED: Final = Rule(
    "service-crashing",
    "The process died before it served its client, since it cannot write its file in proc/: {what}",
    _PROC_REMEDY,
)

UNEXPLAINED: Final = Rule(
    "directory-error",
    "The login failed; the lines do not say why: {what}",
    "Look at the lines of this session, and let slapd log its stats (loglevel stats).",
)
