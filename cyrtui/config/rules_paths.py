"""Paths in imapd.conf: whether they are there, and whether user cyrus may use them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Final

from cyrtui.config.finding import Finding
from cyrtui.config.imapd_conf import ImapdConf, Setting
from cyrtui.config.presence import facts_of, is_missing
from cyrtui.config.subject import Subject
from cyrtui.host.permission import READ, SEARCH, WRITE
from cyrtui.inert import inert

# Without these no service works; without the others some part of one does not.
_NEEDED: Final = frozenset({"configdirectory"})
_DIRECTORIES: Final = frozenset(
    {"configdirectory", "sievedir", "proc_path", "mboxname_lockpath", "temp_path"}
)
_MADE_BY_CYRUS: Final = frozenset({"proc_path", "mboxname_lockpath"})
_PARTITIONS: Final = ("partition-", "metapartition-", "archivepartition-")
_SOCKETS: Final = frozenset({"lmtpsocket", "idlesocket", "notifysocket", "smmapd_socket"})
_FILES: Final = frozenset(
    {
        "tls_server_cert",
        "tls_server_key",
        "tls_server_ca_file",
        "tls_client_ca_file",
        "tls_cert_file",
        "tls_key_file",
        "tls_ca_file",
        "tls_client_cert",
        "tls_client_key",
        "tls_server_dhparam",
    }
)
_TLS_NEEDS: Final = frozenset({"tls_server_cert", "tls_server_key", "tls_cert_file", "tls_key_file"})
_CA_DIRECTORIES: Final = frozenset({"tls_client_ca_dir", "tls_ca_path", "tls_server_ca_dir"})
_DIR: Final = "{configdirectory}"


def paths(subject: Subject) -> Iterator[Finding]:
    """Paths that do not exist, are no directory, or are closed to user cyrus; partitions that clash."""
    for path, conf in subject.imapd.items():
        user = conf.value("cyrus_user") or "cyrus"
        prefixes = tuple(f"{name.lower()}_" for name in subject.services_of(path))
        for setting in conf.settings:
            yield from _path(subject, conf, setting, _generic(setting.option, prefixes), user)
        yield from _partitions(subject, conf)


def _generic(option: str, prefixes: tuple[str, ...]) -> str:
    """The name of an option without the service that it is for."""
    for prefix in prefixes:
        if option.startswith(prefix):
            return option[len(prefix) :]
    return option


def _path(subject: Subject, conf: ImapdConf, setting: Setting, name: str, user: str) -> Iterator[Finding]:
    kind = _kind(name)
    if kind is None or (name in _FILES and setting.value.lower() == "disabled"):
        return
    value = setting.value
    if value.lower().startswith(_DIR):
        value = (conf.value("configdirectory") or "") + value[len(_DIR) :]
    grave = name in _NEEDED or name in _TLS_NEEDS or name.startswith("partition-")
    if not value.startswith("/"):
        if kind != "socket" and name not in _NEEDED:
            yield _of(
                setting,
                "warning",
                "path-relative",
                f"{setting.option}: “{value}” is no absolute path.",
                "Write the whole path.",
            )
        return
    place = os.path.dirname(value) if kind == "socket" else value
    if is_missing(subject.host, place):
        if name in _MADE_BY_CYRUS and not is_missing(subject.host, os.path.dirname(place.rstrip("/"))):
            return
        what = "directory" if kind != "file" else "file"
        yield _of(
            setting,
            "error" if grave else "warning",
            "path-missing",
            f"{setting.option}: there is no {what} {inert(place)}{_effect(name)}.",
            f"Make it, for user {user}, or mend the path." if what == "directory" else "Mend the path.",
        )
        return
    facts = facts_of(subject.host, place)
    if facts is not None and kind != "file" and not stat.S_ISDIR(facts.mode):
        yield _of(
            setting,
            "error" if grave else "warning",
            "not-a-directory",
            f"{setting.option}: {inert(place)} is no directory.",
            "Name a directory.",
        )
        return
    wanted = {"file": READ, "ca": READ | SEARCH}.get(kind, READ | WRITE | SEARCH)
    why = subject.host.denied(place, user, wanted)
    if why is not None:
        yield _of(
            setting,
            "error" if grave else "warning",
            "path-closed",
            f"{setting.option}: {why}{_effect(name)}.",
            "Give user or group the right, by chgrp and chmod, or by putting the user into the group."
            if kind == "file"
            else f"chown it to {user}.",
        )


def _kind(name: str) -> str | None:
    """What an option names: a file, a directory, a socket (its directory must be there), or no path."""
    if name in _FILES:
        return "file"
    if name in _DIRECTORIES or name.startswith(_PARTITIONS):
        return "directory"
    if name in _CA_DIRECTORIES:
        return "ca"
    return "socket" if name in _SOCKETS else None


def _effect(name: str) -> str:
    if name in _NEEDED:
        return ": no service can work"
    if name in _TLS_NEEDS:
        return ": TLS fails for every client"
    return ": its mailboxes cannot be opened" if name.startswith("partition-") else ""


def _of(setting: Setting, severity: str, code: str, sentence: str, remedy: str) -> Finding:
    return Finding(
        setting.path, setting.line, "error" if severity == "error" else "warning", code, sentence, remedy
    )


def _partitions(subject: Subject, conf: ImapdConf) -> Iterator[Finding]:
    """Partitions that share a directory (config_check_partitions since 3.13), or belong to none."""
    held: dict[str, Setting] = {}
    for setting in conf.settings:
        name = setting.option
        if not name.startswith(_PARTITIONS):
            continue
        where = os.path.normpath(setting.value)
        first = held.get(where)
        if first is not None and name != first.option:
            refused = subject.release is not None and subject.since(3, 13)
            yield _of(
                setting,
                "error" if refused else "warning",
                "partition-shared",
                f"{name} and {first.option} on line {first.line} have one directory: "
                + ("no service starts." if refused else "mailboxes of the same name are mixed up."),
                "Give each its own directory.",
            )
        held.setdefault(where, setting)
        kind, _, partition = name.partition("-")
        if kind != "partition" and f"partition-{partition}" not in {one.option for one in conf.settings}:
            yield _of(
                setting,
                "warning",
                "partition-orphan",
                f"Cyrus ignores {name}: there is no partition-{partition}.",
                f"Add partition-{partition}, or mend the name.",
            )
    unset = conf.setting("defaultpartition") is None
    if subject.before(2, 3) and unset and "default" not in conf.partitions():
        yield Finding(
            conf.path,
            1,
            "error",
            "partition-missing",
            "partition-default is not set, and Cyrus 2.2 takes it for its default: no service starts.",
            "Add partition-default: and a directory.",
        )
