"""A certificate and its key, both PEM (RFC 7468): until when it is valid, and whether they fit."""

from __future__ import annotations

import base64
import binascii
import re
from calendar import timegm
from datetime import datetime
from typing import Final

from cyrtui.host.memory_file import memory_files, name_of

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0


def validity(pem: bytes) -> tuple[float, float] | None:
    """(from, until) of the first certificate, seconds since the epoch; None where there is none to be read.

    Certificate and Validity: RFC 5280 section 4.1; tags and lengths: X.690.
    """
    found = _PEM.search(pem)
    if found is None:
        return None
    try:
        der = base64.b64decode(found[1], validate=False)
        inside = _inside(_inside(der, 0), 0)
        at = 0
        if inside[0] == _VERSION:
            at = _next(inside, at)
        # serial number, signature, issuer
        for _ in range(3):
            at = _next(inside, at)
        times = _inside(inside, at)
        return _time(times, 0), _time(times, _next(times, 0))
    except (IndexError, ValueError, binascii.Error):
        return None


def _head(data: bytes, at: int) -> tuple[int, int]:
    """(where the content of the element at `at` begins, where it ends)."""
    length = data[at + 1]
    if length < 0x80:
        return at + 2, at + 2 + length
    count = length & 0x7F
    begin = at + 2 + count
    return begin, begin + int.from_bytes(data[at + 2 : begin], "big")


def _inside(data: bytes, at: int) -> bytes:
    if data[at] != _SEQUENCE:
        raise ValueError("no sequence")
    begin, end = _head(data, at)
    return data[begin:end]


def _next(data: bytes, at: int) -> int:
    return _head(data, at)[1]


def _time(data: bytes, at: int) -> float:
    begin, end = _head(data, at)
    text = data[begin:end].decode("ascii")
    if data[at] == _UTC_TIME:
        # two digits of a year: 1950 to 2049
        text = ("19" if text[:2] >= "50" else "20") + text
    elif data[at] != _GENERALIZED_TIME:
        raise ValueError("no time")
    return float(timegm(datetime.strptime(text, "%Y%m%d%H%M%SZ").timetuple()))


def misfit(certificate: bytes, key: bytes) -> tuple[str, str] | None:
    """(code, words) of what keeps OpenSSL from using the two together; None: they fit.

    The bytes are handed over as anonymous files; nothing is written to a disk.
    """
    if b"ENCRYPTED" in key.partition(b"-----END")[0]:
        return "key-encrypted", "is protected by a password, which Cyrus cannot give"
    if b"PRIVATE KEY-----" not in key:
        return "key-unusable", "holds no private key"
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # what this machine's policy says of short keys is not what is asked
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        with memory_files(certificate, key) as opened:
            names = [name_of(one) for one in opened]
            context.load_cert_chain(names[0], names[1], password=lambda: b"")
    except ssl.SSLError as error:
        reason = error.reason or ""
        if "MISMATCH" in reason:
            return "key-mismatch", "is not the key of the certificate"
        return "key-unusable", f"cannot be used with the certificate ({reason.lower().replace('_', ' ')})"
    except OSError:
        return None
    return None
