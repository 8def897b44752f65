"""Which file is which log, on the configurations that distributions ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyrtui.host.tree import TreeHost
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import LogSources, find_sources

DEBIAN_12 = """\
module(load="imuxsock") # provides support for local system logging
#module(load="immark")
$FileOwner root
$FileGroup adm
$IncludeConfig /etc/rsyslog.d/*.conf

*.*;auth,authpriv.none\t\t-/var/log/syslog
auth,authpriv.*\t\t\t/var/log/auth.log
cron.*\t\t\t\t-/var/log/cron.log
kern.*\t\t\t\t-/var/log/kern.log
mail.*\t\t\t\t-/var/log/mail.log
user.*\t\t\t\t-/var/log/user.log
*.emerg\t\t\t\t:omusrmsg:*
"""
DEBIAN_6 = """\
auth,authpriv.*         /var/log/auth.log
*.*;auth,authpriv.none      -/var/log/syslog
mail.*              -/var/log/mail.log
mail.info           -/var/log/mail.info
mail.warn           -/var/log/mail.warn
mail.err            /var/log/mail.err
*.=debug;\\
    auth,authpriv.none;\\
    news.none;mail.none -/var/log/debug
*.=info;*.=notice;*.=warn;\\
    auth,authpriv.none;\\
    cron,daemon.none;\\
    mail,news.none      -/var/log/messages
"""
RHEL = """\
global(workDirectory="/var/lib/rsyslog")
module(load="builtin:omfile" Template="RSYSLOG_TraditionalFileFormat")
include(file="/etc/rsyslog.d/*.conf" mode="optional")
*.info;mail.none;authpriv.none;cron.none                /var/log/messages
authpriv.*                                              /var/log/secure
mail.*                                                  -/var/log/maillog
cron.*                                                  /var/log/cron
*.emerg                                                 :omusrmsg:*
local7.*                                                /var/log/boot.log
"""
SUSE = """\
if  ( /* kernel up to warning except of firewall  */ \\
      ($syslogfacility-text == 'kern')      and      \\
      ($syslogseverity <= 4 /* warning */ ) and not  \\
      ($msg contains 'IN=' and $msg contains 'OUT=') \\
    ) or ( $syslogfacility-text == 'authpriv' ) then {
\t/dev/tty10
\t|/dev/xconsole
}
mail.*\t\t\t\t\t-/var/log/mail
mail.info\t\t\t\t-/var/log/mail.info
mail.warning\t\t\t\t-/var/log/mail.warn
*.=warning;*.=err\t\t\t-/var/log/warn
*.*;mail.none;news.none\t\t\t-/var/log/messages
local0.*;local1.*\t\t\t-/var/log/localmessages
local2.*;local3.*\t\t\t-/var/log/localmessages
local4.*;local5.*\t\t\t-/var/log/localmessages
local6.*;local7.*\t\t\t-/var/log/localmessages
"""


def tree(root: Path, files: dict[str, str]) -> TreeHost:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return TreeHost(str(root))


def paths(sources: LogSources) -> dict[str, tuple[str, bool]]:
    found = {role: sources.of(role) for role in LogRole}
    return {role: (source.path, source.mixed) for role, source in found.items() if source is not None}


@pytest.mark.parametrize(
    ("conf", "mail", "auth", "slapd"),
    [
        (DEBIAN_12, ("/var/log/mail.log", False), ("/var/log/auth.log", False), ("/var/log/syslog", True)),
        (DEBIAN_6, ("/var/log/mail.log", False), ("/var/log/auth.log", False), ("/var/log/syslog", True)),
        (RHEL, ("/var/log/maillog", False), ("/var/log/messages", True), ("/var/log/messages", True)),
        (SUSE, ("/var/log/mail", False), ("/var/log/messages", True), ("/var/log/localmessages", True)),
    ],
    ids=["debian12", "debian6", "rhel", "suse"],
)
def test_what_distributions_ship(
    tmp_path: Path, conf: str, mail: tuple[str, bool], auth: tuple[str, bool], slapd: tuple[str, bool]
) -> None:
    sources = find_sources(tree(tmp_path, {"etc/rsyslog.conf": conf}))
    assert paths(sources) == {"mail": mail, "auth": auth, "slapd": slapd}
    assert sources.unfound == ()


@pytest.mark.parametrize(
    "extra",
    [
        "local4.*    -/var/log/slapd.log\n",
        "local4.debug    -/var/log/slapd.log;RSYSLOG_TraditionalFileFormat\n& stop\n",
        'local4.* action(type="omfile" file="/var/log/slapd.log" template="RSYSLOG_FileFormat")\n',
        'local4.* {\n  action(type="omfile"\n    file="/var/log/slapd.log")\n  stop\n}\n',
        "if $syslogfacility-text == 'local4' then /var/log/slapd.log\n& ~\n",
        'if $syslogfacility-text == "local4" then {\n'
        '  action(type="omfile" file="/var/log/slapd.log")\n  stop\n}\n',
        "if $programname == 'slapd' then -/var/log/slapd.log\n& stop\n",
        ':programname, isequal, "slapd" /var/log/slapd.log\n& stop\n',
    ],
)
def test_a_log_of_its_own_for_slapd(tmp_path: Path, extra: str) -> None:
    host = tree(tmp_path, {"etc/rsyslog.conf": DEBIAN_12, "etc/rsyslog.d/slapd.conf": extra})
    source = find_sources(host).of(LogRole.SLAPD)
    assert source is not None
    assert (source.path, source.mixed) == ("/var/log/slapd.log", False)
    assert source.why == (
        "/var/log/slapd.log is the slapd log: /etc/rsyslog.d/slapd.conf:1 sends local4 to it."
    )


def test_a_file_for_local6_is_cyrus_own(tmp_path: Path) -> None:
    conf = DEBIAN_12 + "local6.debug /var/log/imapd.log\n"
    sources = find_sources(tree(tmp_path, {"etc/rsyslog.conf": conf}))
    assert paths(sources)["mail"] == ("/var/log/imapd.log", False)


def test_what_was_stopped_before_goes_nowhere_else(tmp_path: Path) -> None:
    conf = "mail.* /var/log/first\n& stop\nmail.* /var/log/second\n*.* /var/log/third\n"
    sources = find_sources(tree(tmp_path, {"etc/rsyslog.conf": conf}))
    assert paths(sources)["mail"] == ("/var/log/first", False)


def test_settings_come_first(tmp_path: Path) -> None:
    host = tree(tmp_path, {"etc/rsyslog.conf": DEBIAN_12, "srv/all.log": ""})
    sources = find_sources(host, {LogRole.SLAPD: "/srv/all.log", LogRole.MAIL: "/srv/all.log"})
    source = sources.of(LogRole.SLAPD)
    assert source is not None
    assert source is sources.of(LogRole.MAIL)
    assert source.roles == {LogRole.MAIL, LogRole.SLAPD}
    assert source.problem is None
    assert "the setting slapd_log names it" in source.why


def test_without_configuration_the_usual_names_are_tried(tmp_path: Path) -> None:
    host = tree(tmp_path, {"var/log/maillog": "", "var/log/secure": ""})
    sources = find_sources(host)
    assert paths(sources) == {"mail": ("/var/log/maillog", False), "auth": ("/var/log/secure", False)}
    assert sources.unfound == (LogRole.SLAPD,)


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    source = find_sources(tree(tmp_path, {"etc/rsyslog.conf": DEBIAN_12})).of(LogRole.MAIL)
    assert source is not None
    assert source.problem == "/var/log/mail.log is not there; it is read as soon as it appears."


def test_what_is_not_understood_is_said(tmp_path: Path) -> None:
    conf = (
        'template(name="T" type="string" string="/var/log/%HOSTNAME%.log")\n'
        "mail.* ?T\n"
        "if $msg contains 'login' then /var/log/logins\n"
        "\x1b[31m.* /var/log/x\n"
        "mail.bogus /var/log/y\n"
        "{{{{ ((((\n"
    )
    sources = find_sources(tree(tmp_path, {"etc/rsyslog.conf": conf}))
    assert sources.sources == ()
    assert sources.notes == (
        "/etc/rsyslog.conf:2 writes to files with changing names, which are not followed.",
        "/etc/rsyslog.conf:3 holds a condition that is not worked out.",
    )


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    conf = (
        "$IncludeConfig /etc/rsyslog.conf\n$IncludeConfig /etc/rsyslog.d/*.conf\nmail.* /var/log/mail.log\n"
    )
    host = tree(
        tmp_path, {"etc/rsyslog.conf": conf, "etc/rsyslog.d/a.conf": "$IncludeConfig /etc/rsyslog.d/a.conf\n"}
    )
    assert paths(find_sources(host))["mail"] == ("/var/log/mail.log", False)


# What is not there


NO_STATS = "dn: cn=config\nobjectClass: olcGlobal\nolcLogLevel: none\nolcArgsFile: /run/slapd/slapd.args\n"
STATS = b"Nov 22 08:15:56 mx slapd[1]: conn=1000 fd=12 ACCEPT from IP=127.0.0.1:1 (IP=0.0.0.0:389)\n"
START = b"Nov 22 08:15:56 mx slapd[1]: slapd starting\n"


def tree_with(root: Path, **files: str | bytes) -> LogSources:
    names = {
        "rsyslog": "etc/rsyslog.conf",
        "config": "etc/ldap/slapd.d/cn=config.ldif",
        "conf": "etc/ldap/slapd.conf",
        "slapd": "var/log/slapd.log",
        "slapd_old": "var/log/slapd.log.1",
        "own": "var/log/own.log",
        "mail": "var/log/mail.log",
    }
    for name, content in files.items():
        path = root / names[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return find_sources(TreeHost(str(root)))


@pytest.mark.parametrize("log", [START, b""])
@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("config", NO_STATS, "olcLogLevel: none"),
        ("config", NO_STATS.replace("none", "sync 64"), "olcLogLevel: sync 64"),
        ("config", NO_STATS.replace(": none", ":: bm9uZQ=="), "olcLogLevel: none"),
        ("conf", "include x\nloglevel\t0x40\n", "loglevel\t0x40"),
    ],
)
def test_a_slapd_that_logs_nothing_of_logins_is_said(
    tmp_path: Path, log: bytes, name: str, text: str, line: str
) -> None:
    found = tree_with(tmp_path, slapd=log, **{name: text})
    (note,) = found.notes
    shown = line.replace("\t", "␉")
    assert note.startswith("/var/log/slapd.log ")
    assert f"says {shown}, so that slapd logs nothing of a login. With the level stats it would." in note


@pytest.mark.parametrize("level", ["stats", "256", "0x100", "any", "-1", "sync stats"])
def test_a_level_with_stats_is_not_to_blame(tmp_path: Path, level: str) -> None:
    (note,) = tree_with(tmp_path, slapd=START, conf=f"loglevel {level}\n").notes
    assert note.endswith("is not known. slapd needs the level stats.")


def test_what_the_log_shows_counts_more_than_a_configuration_that_may_not_be_used(tmp_path: Path) -> None:
    assert tree_with(tmp_path, slapd=START + STATS, config=NO_STATS).notes == ()


def test_a_log_that_was_rotated_just_now_is_not_called_empty(tmp_path: Path) -> None:
    assert tree_with(tmp_path, slapd=b"", slapd_old=STATS, config=NO_STATS).notes == ()


def test_a_selector_without_debug_is_said(tmp_path: Path) -> None:
    found = tree_with(tmp_path, rsyslog="local4.info /var/log/slapd.log\n", slapd=START + STATS)
    (note,) = found.notes
    assert note.startswith("/etc/rsyslog.conf:1 leaves out debug of local4, and slapd logs all at")
    assert tree_with(tmp_path, rsyslog="local4.* /var/log/slapd.log\n").notes == ()
    assert tree_with(tmp_path, rsyslog="local4.debug /var/log/slapd.log\n").notes == ()


def test_a_mail_log_without_cyrus_is_said(tmp_path: Path) -> None:
    (note,) = tree_with(tmp_path, mail=b"Nov 22 08:15:56 mx kernel: x\n").notes
    assert note.startswith("/var/log/mail.log has no line of Cyrus in its last part")
    assert tree_with(tmp_path, mail=b"Nov 22 08:15:56 mx cyrus/imap[1]: x\n").notes == ()


OWN = b"2026-11-22T08:15:56.5Z mx slapd[1]: conn=1 op=0 BIND\n"


def test_a_value_in_base64_is_read(tmp_path: Path) -> None:
    config = "dn: cn=config\nolcLogFile:: %s\nolcLogLevel: stats\n"
    source = tree_with(tmp_path, own=OWN, config=config).of(LogRole.SLAPD)
    assert source is None
    source = tree_with(tmp_path, own=OWN, config=config % "L3Zhci9sb2cvb3duLmxvZw==").of(LogRole.SLAPD)
    assert source is not None
    assert source.path == "/var/log/own.log"


def test_the_file_that_slapd_writes_itself(tmp_path: Path) -> None:
    own = OWN
    conf = "logfile-format syslog-utc\nlogfile /var/log/own.log\nloglevel stats\n"
    found = tree_with(tmp_path, own=own, slapd=STATS, conf=conf)
    source = found.of(LogRole.SLAPD)
    assert source is not None
    assert (source.path, source.zone) == ("/var/log/own.log", "UTC")
    assert "/etc/ldap/slapd.conf names it as slapd's own logfile" in source.why
    (tmp_path / "var/log/own.log").unlink()
    elsewhere = find_sources(TreeHost(str(tmp_path))).of(LogRole.SLAPD)
    assert elsewhere is not None
    assert (elsewhere.path, elsewhere.zone) == ("/var/log/slapd.log", None)
