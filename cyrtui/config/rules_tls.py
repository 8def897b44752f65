"""Certificate and key of imapd.conf: whether they can be used together, and for how long (imap/tls.c)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cyrtui.config.certificate import misfit, validity
from cyrtui.config.finding import Finding
from cyrtui.config.imapd_conf import ImapdConf, Setting
from cyrtui.config.presence import is_missing
from cyrtui.config.subject import Subject
from cyrtui.errors import FileUnreadable
from cyrtui.inert import inert
from cyrtui.wording import counted

_DAY: Final = 86_400.0
_SOON: Final = 30
_VERY_SOON: Final = 14


def tls(subject: Subject) -> Iterator[Finding]:
    """Half a pair, a pair that does not fit, and certificates that are or will soon be out of date."""
    for path, conf in subject.imapd.items():
        pairs: dict[tuple[Setting | None, Setting | None], None] = {}
        for service in (*subject.services_of(path), None):
            pair = _pair(subject, conf, service)
            pairs[pair] = None
        for certificate, key in pairs:
            yield from _judge(subject, certificate, key)


def _pair(subject: Subject, conf: ImapdConf, service: str | None) -> tuple[Setting | None, Setting | None]:
    old = subject.before(2, 5)
    names = ("tls_cert_file", "tls_key_file") if old else ("tls_server_cert", "tls_server_key")
    return conf.setting(names[0], service), conf.setting(names[1], service)


def _judge(subject: Subject, certificate: Setting | None, key: Setting | None) -> Iterator[Finding]:
    if certificate is None or key is None:
        half = certificate or key
        if half is not None and half.value.lower() != "disabled":
            lacking = (
                half.option.replace("cert", "key") if certificate else half.option.replace("key", "cert")
            )
            yield Finding(
                half.path,
                half.line,
                "warning",
                "tls-half",
                f"{half.option} is set and {lacking} is not: Cyrus offers no TLS.",
                f"Set {lacking} as well.",
            )
        return
    if "disabled" in (certificate.value.lower(), key.value.lower()):
        return
    pem = _read(subject, certificate)
    if pem is not None:
        yield from _dates(subject, certificate, pem)
        secret = _read(subject, key)
        if secret is None and not is_missing(subject.host, key.value):
            yield Finding(
                key.path,
                key.line,
                "advice",
                "key-not-compared",
                f"You may not read {inert(key.value)}: whether it fits the certificate is not known.",
                "Lint as root or as the user cyrus.",
            )
        if secret is not None:
            wrong = misfit(pem, secret)
            if wrong is not None:
                yield Finding(
                    key.path,
                    key.line,
                    "error",
                    wrong[0],
                    f"{key.option}: {key.value} {wrong[1]}: TLS fails for every client.",
                    "Name the key that the certificate was made with, without a password.",
                )


def _read(subject: Subject, setting: Setting) -> bytes | None:
    """The file; None where it is missing or closed to us, which is said elsewhere."""
    try:
        return subject.host.read(setting.value)
    except FileUnreadable:
        return None


def _dates(subject: Subject, setting: Setting, pem: bytes) -> Iterator[Finding]:
    times = validity(pem)
    if times is None:
        yield Finding(
            setting.path,
            setting.line,
            "error",
            "certificate-unusable",
            f"{setting.option}: {setting.value} holds no certificate: TLS fails for every client.",
            "Name a file with a certificate in PEM form (-----BEGIN CERTIFICATE-----).",
        )
        return
    first, last = times
    now = subject.host.now()
    day = inert(datetime.fromtimestamp(last, UTC).strftime("%Y-%m-%d"))
    days = int((last - now) // _DAY)
    if now < first:
        begins = datetime.fromtimestamp(first, UTC).strftime("%Y-%m-%d")
        yield Finding(
            setting.path,
            setting.line,
            "warning",
            "certificate-not-yet",
            f"The certificate is not valid before {begins}: clients refuse it.",
            "Use one that is valid now, or set the clock right.",
        )
    elif last < now:
        yield Finding(
            setting.path,
            setting.line,
            "warning",
            "certificate-expired",
            f"The certificate ended on {day}: clients refuse it.",
            "Have it renewed, and reload Cyrus.",
        )
    elif days <= _SOON:
        yield Finding(
            setting.path,
            setting.line,
            "warning" if days <= _VERY_SOON else "advice",
            "certificate-ends",
            f"The certificate ends in {counted(days, 'day')} ({day}).",
            "Have it renewed, and reload Cyrus.",
        )
