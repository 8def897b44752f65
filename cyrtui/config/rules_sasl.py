"""The sasl_ options of imapd.conf: names and values that Cyrus SASL knows, and a complete ldapdb."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from cyrtui.config.finding import Finding
from cyrtui.config.imapd_conf import ImapdConf, Setting
from cyrtui.config.nearest import nearest
from cyrtui.config.subject import Subject
from cyrtui.errors import FileUnreadable
from cyrtui.inert import inert

# SASL options.html, plugins' documentation, and lib/imapoptions for those that Cyrus knows itself
_KNOWN: Final = frozenset(
    {
        "authdaemond_path",
        "auto_transition",
        "auxprop_plugin",
        "canon_user_plugin",
        "keytab",
        "ldapdb_canon_attr",
        "ldapdb_id",
        "ldapdb_mech",
        "ldapdb_pw",
        "ldapdb_rc",
        "ldapdb_starttls",
        "ldapdb_uri",
        "log_level",
        "maximum_layer",
        "mech_list",
        "minimum_layer",
        "ntlm_server",
        "ntlm_v2",
        "opiekeys",
        "option",
        "otp_mda",
        "plugin_list",
        "pwcheck_method",
        "reauth_timeout",
        "saslauthd_path",
        "sasldb_path",
        "scram_iteration_counter",
        "scram_secret_generate",
        "sql_database",
        "sql_engine",
        "sql_hostnames",
        "sql_insert",
        "sql_passwd",
        "sql_select",
        "sql_statement",
        "sql_update",
        "sql_user",
        "sql_usessl",
        "sql_verbose",
        "srp_mda",
        "srvtab",
    }
)
_VERIFIERS: Final = frozenset(
    {"auxprop", "auxprop-hashed", "saslauthd", "pwcheck", "authdaemond", "kerberos_v4", "alwaystrue"}
)
_MECHANISMS: Final = frozenset(
    {
        "ANONYMOUS",
        "CRAM-MD5",
        "DIGEST-MD5",
        "EXTERNAL",
        "GS2-IAKERB",
        "GS2-KRB5",
        "GSS-SPNEGO",
        "GSSAPI",
        "KERBEROS_V4",
        "LOGIN",
        "NTLM",
        "OAUTHBEARER",
        "OTP",
        "PASSDSS-3DES-1",
        "PLAIN",
        "SCRAM-SHA-1",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-224",
        "SCRAM-SHA-224-PLUS",
        "SCRAM-SHA-256",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-384",
        "SCRAM-SHA-384-PLUS",
        "SCRAM-SHA-512",
        "SCRAM-SHA-512-PLUS",
        "SRP",
        "XOAUTH2",
    }
)
# A mechanism with which the proxy user has no password.
_WITHOUT_PASSWORD: Final = frozenset({"EXTERNAL", "GSSAPI", "GSS-SPNEGO"})
_SCHEMES: Final = frozenset({"ldap", "ldaps", "ldapi"})
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1", None, ""})
_PLUGIN_DIRECTORIES: Final = ("/usr/lib/sasl2", "/usr/lib64/sasl2", "/usr/local/lib/sasl2")


def sasl(subject: Subject) -> Iterator[Finding]:
    """Misspelt SASL options, verifiers and mechanisms, and what ldapdb lacks."""
    for path, conf in subject.imapd.items():
        prefixes = tuple(f"{name.lower()}_" for name in subject.services_of(path))
        for setting in conf.settings:
            name = next(
                (setting.option[len(one) :] for one in prefixes if setting.option.startswith(one)), None
            )
            yield from _setting(setting, name or setting.option)
        yield from _ldapdb(subject, conf)


def _setting(setting: Setting, name: str) -> Iterator[Finding]:
    if not name.startswith("sasl_"):
        return
    option = name.removeprefix("sasl_")
    if option not in _KNOWN and (close := nearest(option, _KNOWN)):
        yield _warning(
            setting,
            "unknown-sasl-option",
            f"Cyrus SASL knows no {name}, and does not say so.",
            f"Did you mean sasl_{close}?",
        )
    words = setting.value.split()
    known, word, what = {
        "pwcheck_method": (_VERIFIERS, str.lower, "password verifier"),
        "mech_list": (_MECHANISMS, str.upper, "mechanism"),
    }.get(option, (frozenset[str](), str, ""))
    for one in words if known else ():
        if word(one) not in known:
            close = nearest(one, known)
            yield _warning(
                setting,
                "unknown-sasl-value",
                f"{setting.option}: “{inert(one)}” is no {what} that Cyrus SASL has.",
                f"Did you mean {close}?" if close else "Take it out.",
            )


def _warning(setting: Setting, code: str, sentence: str, remedy: str) -> Finding:
    return Finding(setting.path, setting.line, "warning", code, sentence, remedy)


def _ldapdb(subject: Subject, conf: ImapdConf) -> Iterator[Finding]:
    plugin = conf.setting("sasl_auxprop_plugin")
    given = [one for one in conf.settings if one.option.startswith("sasl_ldapdb_")]
    if plugin is None or "ldapdb" not in plugin.value.split():
        if given and plugin is not None:
            yield Finding(
                given[0].path,
                given[0].line,
                "advice",
                "ldapdb-unused",
                f"sasl_auxprop_plugin on line {plugin.line} does not name ldapdb: its options do nothing.",
                "Write sasl_auxprop_plugin: ldapdb, or take the options out.",
            )
        return
    uri = conf.setting("sasl_ldapdb_uri")
    if uri is None:
        yield Finding(
            plugin.path,
            plugin.line,
            "error",
            "ldapdb-incomplete",
            "sasl_ldapdb_uri is not set: ldapdb does not start, and nobody can log in.",
            "Add sasl_ldapdb_uri: ldap://localhost, or wherever slapd is.",
        )
    else:
        yield from _uri(conf, uri)
    mechanism = conf.setting("sasl_ldapdb_mech")
    if mechanism is None or mechanism.value.upper() not in _WITHOUT_PASSWORD:
        lacking = [one for one in ("sasl_ldapdb_id", "sasl_ldapdb_pw") if conf.setting(one) is None]
        if lacking:
            yield _warning(
                plugin,
                "ldapdb-incomplete",
                f"Not set: {' and '.join(lacking)}. slapd refuses ldapdb, and nobody can log in.",
                f"Add {' and '.join(lacking)}.",
            )
    if mechanism is None:
        yield Finding(
            plugin.path,
            plugin.line,
            "advice",
            "ldapdb-no-mech",
            "sasl_ldapdb_mech is not set: ldapdb asks slapd at each login which mechanisms it has.",
            "Add sasl_ldapdb_mech: DIGEST-MD5, or what slapd offers.",
        )
    elif mechanism.value.upper() not in _MECHANISMS:
        close = nearest(mechanism.value, _MECHANISMS)
        yield _warning(
            mechanism,
            "unknown-sasl-value",
            f"sasl_ldapdb_mech: “{mechanism.value}” is no mechanism that Cyrus SASL has: nobody can log in.",
            f"Did you mean {close}?" if close else "Write DIGEST-MD5, or what slapd offers.",
        )
    starttls = conf.setting("sasl_ldapdb_starttls")
    if starttls is not None and starttls.value not in ("try", "demand"):
        yield _warning(
            starttls,
            "ldapdb-starttls",
            f"sasl_ldapdb_starttls: “{starttls.value}” is neither try nor demand: ldapdb does not use TLS.",
            "Write demand.",
        )
    if not _plugin_there(subject):
        yield Finding(
            plugin.path,
            plugin.line,
            "error",
            "ldapdb-not-installed",
            "The ldapdb plugin of Cyrus SASL is not installed: nobody can log in.",
            "Install it (Debian: libsasl2-modules-ldap).",
        )


def _uri(conf: ImapdConf, setting: Setting) -> Iterator[Finding]:
    for one in setting.value.split():
        try:
            parts = urlsplit(one)
            host = parts.hostname
        except ValueError:
            parts, host = urlsplit(""), None
        if parts.scheme.lower() not in _SCHEMES:
            yield Finding(
                setting.path,
                setting.line,
                "error",
                "ldapdb-uri",
                f"sasl_ldapdb_uri: “{inert(one)}” is no LDAP URI: nobody can log in.",
                "Write ldap://HOST, ldaps://HOST or ldapi:///.",
            )
        elif (
            parts.scheme.lower() == "ldap"
            and host not in _HERE
            and conf.setting("sasl_ldapdb_starttls") is None
        ):
            yield Finding(
                setting.path,
                setting.line,
                "advice",
                "ldapdb-clear",
                f"Passwords come from {inert(host or '')} over the network in the clear.",
                "Add sasl_ldapdb_starttls: demand, or write ldaps://.",
            )


def _plugin_there(subject: Subject) -> bool:
    """Whether libldapdb is among the plugins; True where no directory of plugins can be seen."""
    seen = False
    places = list(_PLUGIN_DIRECTORIES)
    with suppress(FileUnreadable):
        names = subject.host.listdir("/usr/lib")
        places += [f"/usr/lib/{one}/sasl2" for one in names if "-linux-gnu" in one]
    for place in places:
        try:
            names = subject.host.listdir(place)
        except FileUnreadable:
            continue
        seen = seen or any(name.startswith("lib") and ".so" in name for name in names)
        if any(name.startswith("libldapdb.") for name in names):
            return True
    return not seen or subject.host.name.kind == "recording"
