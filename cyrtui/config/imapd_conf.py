"""imapd.conf as every Cyrus program reads it.

Source of the format: imapd.conf(5) and config_read_file in lib/libconfig.c of 2.2 to 3.12. What Cyrus would
die on is read past, so that the file can be shown; it stands in `ImapdConf.faults`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from cyrtui.config.faults import Fault, Severity
from cyrtui.config.passwords import is_secret_option
from cyrtui.errors import FileUnreadable
from cyrtui.host.processes import MASKED
from cyrtui.inert import inert
from cyrtui.pattern import pattern

IMAPD_CONF: Final = "/etc/imapd.conf"
_SPACE: Final = b" \t\n\r\v\f"
_OPTION: Final = pattern(rb"@?[A-Za-z0-9_-]*")
# Cyrus nests includes as deep as it may open files; nobody means more than this
_DEEPEST: Final = 50

# Old name -> name since 2.5 (3.1.8 archive_days and conversations_expire_days, 3.8 quotawarn*, 3.12
# prometheus_update_freq): lib/imapoptions. Both are honoured; the new one wins.
RENAMED: Final = {
    "archive_days": "archive_after",
    "autocreate_sieve_compiled_script": "autocreate_sieve_script_compiled",
    "autocreateinboxfolders": "autocreate_inbox_folders",
    "autocreatequota": "autocreate_quota",
    "autocreatequotamsg": "autocreate_quota_messages",
    "autosievefolders": "autocreate_sieve_folders",
    "autosubscribe_all_sharedfolders": "autocreate_subscribe_sharedfolders_all",
    "autosubscribeinboxfolders": "autocreate_subscribe_folders",
    "autosubscribesharedfolders": "autocreate_subscribe_sharedfolders",
    "backup_retention_days": "backup_retention",
    "conversations_expire_days": "conversations_expire_after",
    "createonpost": "autocreate_post",
    "generate_compiled_sieve_script": "autocreate_sieve_script_compile",
    "ldap_sasl_authc": "ldap_id",
    "ldap_sasl_authz": "ldap_authz",
    "ldap_sasl_mech": "ldap_mech",
    "ldap_sasl_password": "ldap_password",
    "ldap_sasl_realm": "ldap_realm",
    "ldap_servers": "ldap_uri",
    "ldap_tls_cacert_dir": "ldap_ca_dir",
    "ldap_tls_cacert_file": "ldap_ca_file",
    "ldap_tls_cert": "ldap_client_cert",
    "ldap_tls_check_peer": "ldap_verify_peer",
    "ldap_tls_ciphers": "ldap_ciphers",
    "ldap_tls_key": "ldap_client_key",
    "prometheus_update_freq": "prometheus_service_update_freq",
    "quotawarn": "quotawarnpercent",
    "quotawarnkb": "quotawarnsize",
    "tls_ca_file": "tls_client_ca_file",
    "tls_ca_path": "tls_client_ca_dir",
    "tls_cert_file": "tls_server_cert",
    "tls_cipher_list": "tls_ciphers",
    "tls_key_file": "tls_server_key",
    "tlscache_db": "tls_sessions_db",
    "tlscache_db_path": "tls_sessions_db_path",
}
_NEWER: Final = {new: old for old, new in RENAMED.items()}


class Setting(NamedTuple):
    """One option as it stands in a file. `option` is in lower case; `line` (from 1) is where it starts.

    `raw` is the value, trimmed, continuation lines joined; it may be a secret: show `shown`.
    """

    option: str
    raw: bytes
    path: str
    line: int

    def __repr__(self) -> str:
        return f"Setting({self.option!r}, {self.path!r}, {self.line})"

    @property
    def value(self) -> str:
        """The value as inert text, secrets included."""
        return inert(self.raw, keep="\t")

    @property
    def shown(self) -> str:
        """The value for the eye: a secret is masked."""
        return MASKED if is_secret_option(self.option) else self.value


class ImapdConf(NamedTuple):
    """An imapd.conf with everything it includes, in reading order. `files` are all files that were read."""

    path: str
    files: tuple[str, ...]
    settings: tuple[Setting, ...]
    faults: tuple[Fault, ...]

    def setting(self, option: str, service: str | None = None) -> Setting | None:
        """What the process of `service` (a name of cyrus.conf) takes for `option`, under its old name too."""
        wanted = option.lower()
        names = [wanted, *(other for other in (_NEWER.get(wanted), RENAMED.get(wanted)) if other)]
        if wanted in RENAMED:
            names = [RENAMED[wanted], wanted]
        for name in names:
            for key in ([f"{service.lower()}_{name}"] if service else []) + [name]:
                for setting in self.settings:
                    if setting.option == key:
                        return setting
        return None

    def value(self, option: str, service: str | None = None) -> str | None:
        """The value that `service` takes, `{configdirectory}` in front replaced; None: the default."""
        found = self.setting(option, service)
        if found is None:
            return None
        value = found.value
        prefix = "{configdirectory}"
        if value.lower().startswith(prefix) and found.option != "configdirectory":
            return (self.value("configdirectory", service) or "") + value[len(prefix) :]
        return value

    def switch(self, option: str, default: bool, service: str | None = None) -> bool:
        """The value as config_parse_switch reads it, by its first letters (lower case only)."""
        value = self.value(option, service) or ""
        if value.startswith(("0", "n", "of", "f")):
            return False
        return True if value.startswith(("1", "y", "on", "t")) else default

    def partitions(self, kind: str = "partition") -> dict[str, str]:
        """Name -> directory; `kind` may also be metapartition, archivepartition or searchpartition."""
        prefix = f"{kind}-"
        found: dict[str, str] = {}
        for setting in self.settings:
            if setting.option.startswith(prefix):
                found.setdefault(setting.option[len(prefix) :], setting.value)
        return found

    def proc_directory(self, service: str | None = None) -> str | None:
        """Where the processes of `service` leave their proc files (proc_path, else configdirectory/proc)."""
        own = self.value("proc_path", service)
        if own:
            return own
        configdirectory = self.value("configdirectory", service)
        return f"{configdirectory.rstrip('/')}/proc" if configdirectory else None


def parse_imapd_conf(
    read: Callable[[str], bytes], path: str = IMAPD_CONF, *, continuation: bool = True
) -> ImapdConf:
    """Read an imapd.conf and what it includes, through `read`.

    `continuation` is False for 2.2, which knows no backslash at the end of a line. Raises `FileMissing` or
    `FileUnreadable` for `path` itself only; all else that is wrong becomes a fault.
    """
    reading = _Reading(read, continuation)
    reading.file(path, read(path), 0)
    reading.whole(inert(path))
    faults = tuple(reading.faults)
    return ImapdConf(inert(path), tuple(reading.files), tuple(reading.settings), faults)


class _Reading:
    def __init__(self, read: Callable[[str], bytes], continuation: bool) -> None:
        self.read = read
        self.continuation = continuation
        self.files: list[str] = []
        self.settings: list[Setting] = []
        self.faults: list[Fault] = []
        self.first: dict[str, Setting] = {}

    def _fault(self, path: str, line: int, severity: Severity, sentence: str, code: str, remedy: str) -> None:
        self.faults.append(Fault(path, line, severity, sentence, code, remedy))

    def file(self, path: str, data: bytes, depth: int) -> None:
        shown = inert(path)
        self.files.append(shown)
        for number, last, text in self._logical(data, shown):
            line = text.strip(_SPACE)
            if line.startswith(b"#"):
                if last > number:
                    self._fault(
                        shown,
                        number,
                        "warning",
                        f"The comment ends in a backslash: Cyrus takes line {last} for a part of it.",
                        "comment-continued",
                        "Take the backslash out.",
                    )
                continue
            if line:
                self._option(line, shown, number, depth)

    def _logical(self, data: bytes, path: str) -> Iterator[tuple[int, int, bytes]]:
        """(first line, last line, text) of each line as Cyrus sees it; a NUL byte ends a line."""
        kept: list[bytes] = []
        first = 1
        lines = re.findall(rb"[^\n]*\n|[^\n]+", data)
        for number, raw in enumerate(lines, 1):
            text, nul, _ = raw.partition(b"\0")
            if nul:
                self._fault(
                    path,
                    number,
                    "warning",
                    "The line holds a NUL byte: Cyrus does not read what follows it.",
                    "nul-byte",
                    "Take the NUL byte out.",
                )
            if not kept:
                first = number
            if self.continuation and text.endswith(b"\\\n"):
                kept.append(text[:-2])
                continue
            yield first, number, b"".join([*kept, text.removesuffix(b"\n")])
            kept = []
        if kept:
            self._fault(
                path,
                first,
                "warning",
                "The file ends in a backslash: Cyrus silently ignores this line.",
                "continued-nowhere",
                "Take the backslash out.",
            )

    def _option(self, line: bytes, path: str, number: int, depth: int) -> None:
        found = _OPTION.match(line)
        name = found[0] if found else b""
        option = name.decode("ascii").lower()
        rest = line[len(name) :]
        # an empty name trips an assertion in lib/hash.c
        if not option or not rest.startswith(b":"):
            sentence, remedy = _bad_name(option, rest)
            self._fault(path, number, "error", sentence, "bad-option-name", remedy)
            return
        raw = rest[1:].strip(_SPACE)
        if not raw:
            self._fault(
                path,
                number,
                "error",
                f"{option or 'The option'} has no value: no service starts.",
                "empty-value",
                "Write a value behind the colon, or take the line out.",
            )
        elif option == "@include":
            self._include(raw, path, number, depth)
        elif option.startswith("@"):
            self._fault(
                path,
                number,
                "error",
                f"{option} is no directive: no service starts.",
                "unknown-directive",
                "The one directive is @include: PATH.",
            )
        elif option in self.first:
            first = self.first[option]
            where = f"line {first.line}" + ("" if first.path == path else f" of {first.path}")
            self._fault(
                path,
                number,
                "error",
                f"{option} is set on {where} already: no service starts.",
                "option-twice",
                "Leave one of the two.",
            )
            self.settings.append(Setting(option, raw, path, number))
        else:
            setting = Setting(option, raw, path, number)
            self.first[option] = setting
            self.settings.append(setting)

    def _include(self, raw: bytes, path: str, number: int, depth: int) -> None:
        target = raw.decode("utf-8", "surrogateescape")
        shown = inert(raw)
        if shown in self.files:
            self._fault(
                path,
                number,
                "error",
                f"{shown} is included a second time: no service starts.",
                "include-twice",
                "Take this line out.",
            )
            return
        if depth >= _DEEPEST:
            self._fault(
                path,
                number,
                "error",
                f"{shown} is not read: includes nest over {_DEEPEST} deep.",
                "include-deep",
                "Include it from a file further up.",
            )
            return
        if not target.startswith("/"):
            self._fault(
                path,
                number,
                "warning",
                f"{shown} is no absolute path: Cyrus looks for it in the directory each program runs in.",
                "include-relative",
                "Write the whole path.",
            )
            return
        try:
            data = self.read(target)
        except FileUnreadable as error:
            self._fault(
                path,
                number,
                "error",
                f"The included file cannot be read: {error}",
                "include-unreadable",
                "Make the file, mend its path, or take the line out.",
            )
            return
        self.file(target, data, depth + 1)

    def whole(self, path: str) -> None:
        """What config_read finds wrong once it has read everything."""
        directory = self.first.get("configdirectory")
        if directory is None:
            self._fault(
                path,
                0,
                "error",
                "configdirectory is not set: no service starts.",
                "configdirectory-missing",
                "Add configdirectory: /var/lib/cyrus, or wherever it is.",
            )
        elif not directory.raw.startswith(b"/") or directory.raw == b"/":
            self._fault(
                directory.path,
                directory.line,
                "error",
                "configdirectory must be an absolute path other than /: no service starts.",
                "configdirectory-relative",
                "Write the whole path.",
            )
        partition = self.first.get("defaultpartition")
        if partition is None:
            return
        name = partition.value
        if not re.fullmatch("[A-Za-z0-9]*", name):
            self._fault(
                partition.path,
                partition.line,
                "error",
                "The name of defaultpartition may hold letters and digits only: no service starts.",
                "partition-name",
                "Write a name of letters and digits, here and behind partition-.",
            )
        elif f"partition-{name.lower()}" not in self.first:
            self._fault(
                partition.path,
                partition.line,
                "error",
                f"partition-{name.lower()} is not set: imapd and lmtpd do not start.",
                "partition-missing",
                f"Add partition-{name.lower()}: and a directory.",
            )


def _bad_name(option: str, rest: bytes) -> tuple[str, str]:
    """What is wrong with the name of an option, and what to do."""
    if not option:
        return (
            f"The line names no option: it starts with “{inert(rest[:1])}”; no service starts.",
            "Begin the line with the name of an option, or with a #.",
        )
    if not rest:
        return f"{option} has no colon behind it: no service starts.", f"Write {option}: and a value."
    if rest[:1].isspace():
        return (
            f"The colon must follow {option} without a space: no service starts.",
            f"Write {option}: and a value; a comment stands on a line of its own.",
        )
    return (
        f"Bad character “{inert(rest[:1])}” in the name of an option: no service starts.",
        "A name holds letters, digits, - and _ only.",
    )
