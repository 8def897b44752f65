"""Whether a service answers: a connection to each of its sockets, TLS where it wants it, and its greeting.

Nothing secret is sent. Over TLS the handshake must succeed and the certificate that is served must be the one
in tls_server_cert; whether clients trust it is not asked here. STARTTLS is not tried.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from cyrtui.config.imapd_conf import IMAPD_CONF, ImapdConf, parse_imapd_conf
from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.pattern import pattern
from cyrtui.services.declared import DeclaredService, ExpectedSocket
from cyrtui.services.reasons import place

_SECONDS: Final = 10.0
_LONGEST: Final = 4096
_AT_ONCE: Final = 8

# What a daemon says first (RFC 3501, 1939, 5804, 2033, 3977, 3656, and imap/sync_server.c).
_GREETINGS: Final = {
    "imapd": pattern(rb"\* (?:OK|PREAUTH)\b"),
    "pop3d": pattern(rb"\+OK\b"),
    "timsieved": pattern(rb'(?s)"IMPLEMENTATION".*^OK\b', 8),
    "lmtpd": pattern(rb"220[ -]"),
    "nntpd": pattern(rb"20[01] "),
    "mupdate": pattern(rb"(?s)\* (?:AUTH|PARTIAL-STARTTLS|OK)\b.*\* OK\b"),
    "sync_server": pattern(rb"(?s)\* .*^\* OK\b", 8),
}
# With an answer that is complete and not the wanted one, to wait longer is no use.
_REFUSALS: Final = pattern(rb"\* (?:BYE|NO|BAD)\b|-ERR\b|(?m:^(?:NO|BYE)\b)|4\d\d[ -]|5\d\d[ -]")


class Answer(NamedTuple):
    """What one socket answered: `problem` is None where it is as it should be, `note` is worth to be told."""

    service: str
    place: str
    problem: str | None
    note: str | None = None


def greet(host: Host, services: Sequence[tuple[DeclaredService, ExpectedSocket]]) -> tuple[Answer, ...]:
    """Ask each of the sockets, several at once. Takes ten seconds at most for each. Never raises."""
    certificates = _certificates(host, [service for service, _ in services])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(lambda one: _greet(one[0], one[1], certificates.get(one[0].name)), services))


def _greet(service: DeclaredService, where: ExpectedSocket, certificate: bytes | None) -> Answer:
    shown = place(where.address, where.port)

    def answer(problem: str | None, note: str | None = None) -> Answer:
        return Answer(service.name, shown, f"{service.name} on {shown} {problem}" if problem else None, note)

    if where.family.startswith("udp"):
        return answer(None, f"{service.name} on {shown} is a UDP service: it has no greeting.")
    tls = "-s" in service.words[1:]
    shaking = False
    try:
        with _connected(where) as plain:
            if not tls:
                return answer(_spoken(plain, service.program, shown))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            shaking = True
            with context.wrap_socket(plain) as secured:
                shaking = False
                served = secured.getpeercert(binary_form=True)
                if certificate is not None and served != certificate:
                    return answer("serves another certificate than the one in tls_server_cert")
                return answer(_spoken(secured, service.program, shown))
    except TimeoutError:
        return answer(f"did not answer within {_SECONDS:.0f} s")
    except ssl.SSLError as error:
        return answer(f"makes no TLS: {inert(error.reason or str(error))}")
    except OSError as error:
        what = "makes no TLS" if shaking else "does not answer"
        return answer(f"{what}: {inert(error.strerror or str(error))}")
    except EOFError:
        return answer("closed the connection before it said anything")


def _spoken(stream: socket.socket, program: str, shown: str) -> str | None:
    """What is wrong with the greeting. A program without one must only not hang up at once."""
    wanted = _GREETINGS.get(program)
    stream.settimeout(_SECONDS if wanted else 0.5)
    said = b""
    try:
        while len(said) < _LONGEST:
            more = stream.recv(_LONGEST)
            if not more:
                raise EOFError(shown)
            said += more
            if wanted is None or wanted.match(said):
                return None
            if _REFUSALS.search(said):
                break
    except TimeoutError:
        if wanted is None:
            return None
        raise
    first = inert(said.split(b"\n", 1)[0].rstrip(b"\r")[:200])
    return f"says “{first}” instead of greeting"


def _connected(where: ExpectedSocket) -> socket.socket:
    if where.family == "unix":
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(_SECONDS)
        try:
            stream.connect(where.address)
        except OSError:
            stream.close()
            raise
        return stream
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(where.address, where.address)
    return socket.create_connection((address, where.port or 0), _SECONDS)


def _certificates(host: Host, services: Sequence[DeclaredService]) -> dict[str, bytes]:
    """The certificate that each service with TLS shall serve, as DER; none where it cannot be read."""
    found: dict[str, bytes] = {}
    confs: dict[str, ImapdConf | None] = {}
    for service in services:
        path = service.config_file or IMAPD_CONF
        if path not in confs:
            try:
                confs[path] = parse_imapd_conf(host.read, path)
            except FileUnreadable:
                confs[path] = None
        conf = confs[path]
        file = conf.value("tls_server_cert", service.name) if conf is not None else None
        if not file:
            continue
        try:
            text = host.read(file).decode("ascii", "replace")
            begin = text.index("-----BEGIN CERTIFICATE-----")
            end = text.index("-----END CERTIFICATE-----", begin)
            found[service.name] = ssl.PEM_cert_to_DER_cert(text[begin:end] + "-----END CERTIFICATE-----\n")
        except (FileUnreadable, ValueError):
            continue
    return found
