"""What works but would be better otherwise: advice, never an error, and never a reason for an alarm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cyrtui.config.cyrus_conf import CyrusConf, Entry
from cyrtui.config.imapd_conf import IMAPD_CONF, ImapdConf
from cyrtui.services.table import ServiceRow

_CLEAR: Final = {"imapd": "IMAP", "pop3d": "POP3", "nntpd": "NNTP"}
_OPEN: Final = {"world": "the world", "network": "its network"}


class Advice(NamedTuple):
    """One piece of advice about the entry `name` of cyrus.conf at `line` (None: about the whole file)."""

    name: str | None
    line: int | None
    sentence: str


def advise(
    conf: CyrusConf, rows: Sequence[ServiceRow], imapd_confs: Mapping[str, ImapdConf]
) -> tuple[Advice, ...]:
    """Advice on what is declared and who can reach it; `imapd_confs` by path, those that could be read."""
    found: list[Advice] = []
    entries = {entry.name: entry for entry in conf.services}
    for row in rows:
        entry = entries.get(row.name or "")
        if entry is not None:
            imapd_conf = imapd_confs.get(entry.config_file or IMAPD_CONF)
            found += [Advice(entry.name, entry.line, text) for text in _of_service(entry, row, imapd_conf)]
    for entry in conf.entries:
        if entry.section != "SERVICES":
            found += [Advice(entry.name, entry.line, text) for text in _of_command(entry)]
    found += [Advice(None, None, text) for text in _of_file(conf)]
    return tuple(found)


def _of_service(entry: Entry, row: ServiceRow, imapd_conf: ImapdConf | None) -> Iterator[str]:
    words = entry.words
    protocol = _CLEAR.get(entry.program)
    where = _OPEN.get(row.exposure or "")
    if protocol and where and "-s" not in words:
        if row.exposure == "world":
            yield f"{entry.name} opens clear-text {protocol} to {where}{_passwords(entry.name, imapd_conf)}"
        elif imapd_conf is not None and _allows_plaintext(entry.name, imapd_conf):
            yield f"{entry.name} opens clear-text {protocol} to {where}; {_PLAIN}"
    if entry.program == "lmtpd" and where and "-a" in words:
        yield f"{entry.name} takes mail from {where} without asking who sends it (-a)"
    elif entry.program == "lmtpd" and row.exposure == "world":
        yield f"{entry.name} opens LMTP to {where}; mail servers that deliver are seldom everywhere"
    if entry.program == "pop3d" and "-k" in words:
        yield f"{entry.name} uses -k (KPOP), which newer versions of Cyrus do not have"
    if entry.proto.startswith("tcp") and entry.value("maxchild") is None:
        yield f"{entry.name} has no maxchild: nothing limits the number of its processes"


_PLAIN: Final = "allowplaintext lets passwords cross it unprotected"


def _allows_plaintext(service: str, imapd_conf: ImapdConf) -> bool:
    return imapd_conf.switch("allowplaintext", default=False, service=service)


def _passwords(service: str, imapd_conf: ImapdConf | None) -> str:
    if imapd_conf is None or not _allows_plaintext(service, imapd_conf):
        return ""
    return f"; {_PLAIN}"


def _of_command(entry: Entry) -> Iterator[str]:
    words = entry.words
    if entry.program == "ctl_deliver" and "-E" in words:
        yield f"{entry.name}: ctl_deliver -E has been replaced by cyr_expire -E since Cyrus 2.2"
    if entry.program == "idled" and entry.section == "START":
        yield f"{entry.name}: since Cyrus 2.5 idled belongs into DAEMON, where cyrmaster keeps it running"


def _of_file(conf: CyrusConf) -> Iterator[str]:
    starts, events = conf.section("START"), conf.section("EVENTS")
    if not _has(starts, lambda entry: entry.program == "ctl_cyrusdb" and "-r" in entry.words):
        yield "START has no ctl_cyrusdb -r: the databases are not recovered after a crash"
    if not _has(events, lambda entry: entry.program == "ctl_cyrusdb" and "-c" in entry.words):
        yield "EVENTS has no ctl_cyrusdb -c: no checkpoint and no copy of the databases is ever made"
    if not _has((*starts, *events), lambda entry: entry.program == "cyr_expire" or "-E" in entry.words):
        yield "Nothing runs cyr_expire: deliver.db grows, and deleted mail stays on the disk"


def _has(entries: Sequence[Entry], wanted: Callable[[Entry], bool]) -> bool:
    return any(wanted(entry) for entry in entries)
