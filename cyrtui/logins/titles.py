"""What each cause is called where there is room for a few words only."""

from __future__ import annotations

from typing import Final

TITLES: Final = {
    "password-mismatch": "wrong password",
    "password-not-cleartext": "password stored hashed",
    "password-unreadable": "password not readable",
    "unknown-user": "no such user",
    "proxy-authorization-denied": "proxy not allowed",
    "proxy-bind-failed": "proxy cannot bind",
    "directory-unreachable": "directory unreachable",
    "directory-slow": "directory slow",
    "directory-error": "directory error",
    "auxprop-plugin-missing": "auxprop plugin missing",
    "mechanism-unavailable": "mechanism unavailable",
    "saslauthd-unreachable": "saslauthd unreachable",
    "tls-key-unusable": "TLS key unusable",
    "tls-handshake-failed": "TLS handshake failed",
    "plaintext-refused": "plaintext refused",
    "user-denied": "user denied",
    "too-many-logins": "too many logins",
    "maxchild-reached": "maxchild reached",
    "mailbox-damaged": "mailbox damaged",
    "service-crashing": "service crashing",
    "service-not-listening": "service not listening",
    "port-in-use": "port in use",
    "config-error": "configuration error",
    "client-gone": "client gone",
}


def cause_title(cause: str | None) -> str:
    """A few words for a cause code; for none, that it is not known."""
    return "cause unknown" if cause is None else TITLES.get(cause, cause)
