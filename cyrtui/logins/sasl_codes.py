"""SASL's numbers and the phrases that stand for them (sasl_errstring in cyrus-sasl lib/common.c)."""

from __future__ import annotations

import re
from typing import Final

from cyrtui.pattern import pattern

PHRASES: Final = {
    "generic failure": -1,
    "out of memory": -2,
    "overflowed buffer": -3,
    "no mechanism available": -4,
    "bad protocol / cancel": -5,
    "can't request information until later in exchange": -6,
    "invalid parameter supplied": -7,
    "transient failure (e.g., weak key)": -8,
    "integrity check failed": -9,
    "server failed mutual authentication step": -10,
    "authentication failure": -13,
    # the library prints -13 beside it, lest a client learn which names exist
    "user not found": -13,
    "authorization failure": -14,
    "mechanism too weak for this user": -15,
    "encryption needed to use mechanism": -16,
    "One time use of a plaintext password will enable requested mechanism for user": -17,
    "passphrase expired, has to be reset": -18,
    "account disabled": -19,
    "version mismatch with plug-in": -23,
    "remote authentication server unavailable": -24,
    "user exists, but no verifier for user": -26,
    "passphrase locked": -27,
    "requested change was not needed": -28,
    "passphrase is too weak for security policy": -29,
    "user supplied passwords are not permitted": -30,
    "sasl_setpass needs old password in order to perform password change": -31,
    "channel binding failure": -32,
    "error when parsing configuration file": -100,
}

# sasl_errdetail: "SASL(%d): %s: %s"; the detail may be empty
_DETAIL: Final = pattern(r"SASL\((-?\d{1,4})\): ([^:]*)(?:: ?(.*))?\Z", re.DOTALL)


def read_detail(text: str) -> tuple[int | None, str | None, str | None]:
    """(code, phrase, detail) of `SASL(-13): authentication failure: …`, or of a phrase that stands alone."""
    found = _DETAIL.match(text)
    if found is not None:
        return int(found[1]), found[2], found[3] or None
    return PHRASES.get(text), text or None, None
