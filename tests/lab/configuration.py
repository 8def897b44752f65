"""What the lab's programs are configured with: the article's own texts, and what stands around them.

The article's imapd.conf runs on Debian 12 as it stands but for `tls_cert_file` and `tls_key_file`, which
are called `tls_server_cert` and `tls_server_key` today. (`autocreatequota`, `tls_ca_file` and
`tls_cipher_list` are old names too, which Cyrus still takes, with a line in the mail log at the start of
every process.) The directories of proc and lock files are not named in it: they are below the
configdirectory then.

The article's cyrus.conf runs the tools as /usr/sbin/ctl_cyrusdb and so on. Debian 12 keeps them in
/usr/lib/cyrus/bin; the lab's own /usr/sbin has links there, so the file stays as it is. Its `lmtp`
service never listens, since /etc/services knows no `lmtp`: a real fault of the article, kept because the
console explains it.
"""

from __future__ import annotations

from typing import Literal

Stamps = Literal["rfc3164", "rfc3339"]
Layout = Literal["uuid", "legacy"]

ARTICLE_PASSWORD = "highsecuritypassword"

CERTIFICATE = "/etc/ssl/certs/imap/imap.certificate.pem"
PRIVATE_KEY = "/etc/ssl/certs/imap/imap.privatekey.key"
AUTHORITY = "/etc/ssl/certs/imap/rootca-certificate.crt"

CYRUS_CONF = """\
START {
        recover         cmd="/usr/sbin/ctl_cyrusdb -r"
        delprune        cmd="/usr/sbin/cyr_expire -E 3"
        tlsprune        cmd="/usr/sbin/tls_prune"
}
SERVICES {
        imap            cmd="imapd -U 30" listen="localhost:imap" prefork=0 maxchild=10
        imaps           cmd="imapd -s -U 30" listen="imaps" prefork=0 maxchild=10
        lmtp            cmd="lmtpd" listen="localhost:lmtp" prefork=0 maxchild=3
        sieve           cmd="timsieved" listen="localhost:sieve" prefork=0 maxchild=10
}
EVENTS {
        checkpoint      cmd="/usr/sbin/ctl_cyrusdb -c" period=30
        delprune        cmd="/usr/sbin/cyr_expire -E 3" at=0401
        tlsprune        cmd="/usr/sbin/tls_prune" at=0401
}
"""
TOOLS = ("ctl_cyrusdb", "cyr_expire", "tls_prune")

IMAPD_CONF = """\
configdirectory: /var/lib/cyrus
defaultpartition: default
partition-default: /var/spool/cyrus/mail
altnamespace: no
unixhierarchysep: no
reject8bit: no
munge8bit: yes
lmtp_downcase_rcpt: yes
admins: cyrus
allowanonymouslogin: no
popminpoll: 1
autocreatequota: 0
umask: 077
sieveusehomedir: false
sievedir: /var/spool/sieve
hashimapspool: true
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: ldapdb
sasl_auto_transition: no
sasl_ldapdb_uri: ldap://localhost
sasl_ldapdb_id: cyrus
sasl_ldapdb_pw: highsecuritypassword
sasl_ldapdb_mech: DIGEST-MD5
tls_server_cert: /etc/ssl/certs/imap/imap.certificate.pem
tls_server_key: /etc/ssl/certs/imap/imap.privatekey.key
tls_ca_file: /etc/ssl/certs/imap/rootca-certificate.crt
tls_session_timeout: 1440
tls_cipher_list: TLSv1+HIGH:!aNULL:@STRENGTH
lmtpsocket: /var/run/cyrus/socket/lmtp
idlemethod: poll
idlesocket: /var/run/cyrus/socket/idle
notifysocket: /var/run/cyrus/socket/notify
syslog_prefix: cyrus
"""

RSYSLOG_CONF = """\
# The lab's own: three logs, as the article reads them.
module(load="imuxsock" SysSock.RateLimit.Interval="0")
{stamps}
$FileOwner root
$FileGroup adm
$FileCreateMode 0640
$DirCreateMode 0755
$Umask 0022

auth,authpriv.*                 /var/log/auth.log
mail.*                          /var/log/mail.info
local4.*                        /var/log/slapd.log
*.*;auth,authpriv,mail,local4.none      /var/log/syslog
"""
STAMPS: dict[Stamps, str] = {
    "rfc3164": "$ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat",
    "rfc3339": "$ActionFileDefaultTemplate RSYSLOG_FileFormat",
}

SLAPD_CONF = """\
include         /etc/ldap/schema/core.schema
include         /etc/ldap/schema/cosine.schema
include         /etc/ldap/schema/inetorgperson.schema

pidfile         /run/slapd/slapd.pid
argsfile        /run/slapd/slapd.args
modulepath      /usr/lib/ldap
moduleload      back_mdb

loglevel        stats
password-hash   {CLEARTEXT}
authz-policy    to
authz-regexp    uid=([^,]*),cn=[^,]*,cn=auth ldap:///dc=example,dc=net??sub?(uid=$1)

database        mdb
suffix          "dc=example,dc=net"
directory       /var/lib/ldap
maxsize         1073741824
dbnosync
rootdn          "cn=admin,dc=example,dc=net"
rootpw          highsecuritypassword
index           objectClass eq
index           uid eq

access to attrs=userPassword
        by self write
        by anonymous auth
        by * none
access to *
        by self write
        by * read
"""

# Where saslpluginviewer looks for what the article tells it in /usr/lib/sasl2/pluginviewer.conf.
PLUGINVIEWER_CONF = "ldapdb_uri: ldap://localhost\n"


def imapd_conf(*, layout: Layout, debug: bool) -> str:
    """The article's imapd.conf; the older layout on disk and debug lines have to be asked for.

    The article's `DIGEST-MD5 client step` lines need both debug options on Debian 12. imapd then writes
    them to the mail log, as `SASL DIGEST-MD5 client step 2`; only timsieved still writes them to auth.log
    as the article has them.
    """
    text = IMAPD_CONF
    if layout == "legacy":
        text += "mailbox_legacy_dirs: yes\n"
    if debug:
        text += "debug: yes\nsasl_log_level: 7\n"
    return text


def rsyslog_conf(stamps: Stamps) -> str:
    return RSYSLOG_CONF.format(stamps=STAMPS[stamps])


def set_option(text: str, name: str, value: str) -> str:
    """An imapd.conf with one option changed, or added when it is not there."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.partition(":")[0].strip() == name:
            lines[number] = f"{name}: {value}"
            break
    else:
        lines.append(f"{name}: {value}")
    return "\n".join(lines) + "\n"
