"""An authority and the server's certificate, at the article's paths."""

from __future__ import annotations

import shutil

from tests.lab.configuration import AUTHORITY, CERTIFICATE, PRIVATE_KEY
from tests.lab.namespace import Namespace

NAMES = "DNS:imap.testdomain.info,DNS:localhost,DNS:samchiel,IP:127.0.0.1,IP:::1"
AUTHORITY_SUBJECT = "/C=FR/ST=France/L=Paris/O=testdomain/CN=testdomain Root Certificate"
SUBJECT = "/C=FR/ST=France/O=testdomain/CN=imap.testdomain.info"
PLACE = "/etc/ssl/certs/imap"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def make(inside: Namespace) -> None:
    """Self-signed authority, then a certificate signed by it; the key can be read by Cyrus alone."""
    place = inside.path(PLACE)
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    authority_key = f"{PLACE}/rootca.key"
    inside.run(
        (
            "openssl",
            "req",
            "-x509",
            *CURVE,
            "-days",
            "3650",
            "-subj",
            AUTHORITY_SUBJECT,
            "-keyout",
            authority_key,
            "-out",
            AUTHORITY,
        )
    )
    request = f"{PLACE}/request.pem"
    inside.run(
        (
            "openssl",
            "req",
            *CURVE,
            "-subj",
            SUBJECT,
            "-addext",
            f"subjectAltName={NAMES}",
            "-keyout",
            PRIVATE_KEY,
            "-out",
            request,
        )
    )
    inside.run(
        (
            "openssl",
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            AUTHORITY,
            "-CAkey",
            authority_key,
            "-set_serial",
            "4",
            "-days",
            "825",
            "-copy_extensions",
            "copy",
            "-out",
            CERTIFICATE,
        )
    )
    inside.path(request).unlink()
    key = inside.path(PRIVATE_KEY)
    shutil.chown(key, "cyrus", "mail")
    key.chmod(0o400)
    for name in (CERTIFICATE, AUTHORITY):
        inside.path(name).chmod(0o644)
