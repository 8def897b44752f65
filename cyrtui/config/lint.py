"""The lint of cyrus.conf and imapd.conf: all that Cyrus would die on, ignore or misread, by line.

Nothing here changes anything: files are read through the host, so that a copied tree is judged by its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from cyrtui.config import (
    rules_defaults,
    rules_options,
    rules_paths,
    rules_programs,
    rules_sasl,
    rules_services,
    rules_tls,
)
from cyrtui.config.cyrus_conf import CYRUS_CONF
from cyrtui.config.finding import Finding, of_fault
from cyrtui.config.imapd_conf import IMAPD_CONF
from cyrtui.config.installed import installed_version
from cyrtui.config.options import release_of
from cyrtui.config.subject import Subject
from cyrtui.host.protocol import Host

__all__ = ["Finding", "lint"]

_RULES: Final[tuple[Callable[[Subject], Iterable[Finding]], ...]] = (
    rules_options.options,
    rules_programs.programs,
    rules_services.services,
    rules_paths.paths,
    rules_tls.tls,
    rules_sasl.sasl,
    rules_defaults.defaults,
)


def lint(
    files: Mapping[str, bytes],
    host: Host,
    *,
    version: str | None = None,
    cyrus_conf: str = CYRUS_CONF,
    imapd_conf: str = IMAPD_CONF,
    ask_cyrus: bool = True,
) -> tuple[Finding, ...]:
    """What is wrong in `files` (path -> bytes), by file and line; those given together are one configuration.

    `version` is that of Cyrus, such as 3.6.1; None: the one that is installed on the host, and where that
    cannot be told only what holds for every version. Where only one kind of file is given, the other is read
    from `cyrus_conf` or `imapd_conf` on the host, and is not spoken of. With `ask_cyrus` the `cyr_info
    conf-lint` of the host is asked too, where there is one of that version; it writes to the mail log, so
    that whoever lints at every key leaves it out. Never raises for what stands in a file.
    """
    installed = installed_version(host) if version is None or ask_cyrus else None
    subject = Subject(files, host, version or installed, cyrus_conf, imapd_conf)
    found = list(_all(subject))
    if ask_cyrus and installed is not None and release_of(installed) == subject.release:
        from cyrtui.config.rules_cyrus_says import cyrus_says

        found += cyrus_says(subject, found)
    kept = dict.fromkeys(one for one in found if one.file in subject.spoken_of)
    return tuple(sorted(kept, key=lambda one: (one.file, one.line, one.gravity)))


def _all(subject: Subject) -> Iterator[Finding]:
    if subject.cyrus is not None:
        yield from map(of_fault, subject.cyrus.faults)
    for conf in subject.imapd.values():
        yield from map(of_fault, conf.faults)
    for rule in _RULES:
        yield from rule(subject)
