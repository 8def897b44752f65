import pytest

from cyrtui.config.cyrus_conf import parse_cyrus_conf
from cyrtui.config.listen import names_in_services, split_listen
from cyrtui.services.declared import DeclaredService, ExpectedSocket, declare
from tests.services.builders import SQUEEZE_CONF, resolve

SERVICES = frozenset({"imap", "imaps", "pop3", "sieve"})


def one(line: str) -> DeclaredService:
    (service,) = declare(parse_cyrus_conf(f"SERVICES {{\n{line}\n}}\n".encode()), resolve, SERVICES)
    return service


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("imap", (None, "imap")),
        ("localhost:imap", ("localhost", "imap")),
        (":imap", (None, "imap")),
        ("[::1]:143", ("::1", "143")),
        ("[127.0.0.1]", ("127.0.0.1", None)),
        ("localhost:", None),
        ("[::1]:", None),
        ("[::1]143", None),
        ("[::1", None),
    ],
)
def test_split(listen: str, expected: tuple[str | None, str | None] | None) -> None:
    assert split_listen(listen) == expected


def test_a_real_file() -> None:
    imap, imaps, lmtp, sieve = declare(parse_cyrus_conf(SQUEEZE_CONF), resolve, SERVICES)
    assert imap.expected == (ExpectedSocket("tcp6", "::1", 143), ExpectedSocket("tcp", "127.0.0.1", 143))
    assert imaps.expected == (ExpectedSocket("tcp", "0.0.0.0", 993), ExpectedSocket("tcp6", "::", 993))
    assert (lmtp.expected, lmtp.problem) == ((), '"lmtp" is no name in /etc/services')
    assert (sieve.port, sieve.maxchild, sieve.program) == (4190, 10, "timsieved")


def test_the_protocol_chooses_the_family() -> None:
    assert one("a cmd=x listen=imap proto=tcp4").expected == (ExpectedSocket("tcp", "0.0.0.0", 143),)
    assert one("a cmd=x listen=imap proto=udp6").expected == (ExpectedSocket("udp6", "::", 143),)


def test_a_unix_socket() -> None:
    assert one("a cmd=x listen=/run/lmtp").expected == (ExpectedSocket("unix", "/run/lmtp", None),)
    assert "too long" in (one(f"a cmd=x listen=/{'x' * 107}").problem or "")


@pytest.mark.parametrize(
    ("line", "problem", "port"),
    [
        ("a cmd=x listen=nowhere:imap", '"nowhere" has no address for tcp on this host', 143),
        ("a cmd=x listen=nowhere:77", '"nowhere" has no address for tcp on this host', 77),
        ("a cmd=x listen=lmtp", '"lmtp" is no name in /etc/services', None),
        ("a cmd=x listen=imap proto=sctp", '"sctp" is no protocol that cyrmaster knows', None),
        ("a cmd=x listen=localhost:", '"localhost:" names no port', None),
    ],
)
def test_problems(line: str, problem: str, port: int | None) -> None:
    service = one(line)
    assert (service.expected, service.problem, service.port) == ((), problem, port)


def test_without_etc_services_nothing_is_said_of_it() -> None:
    conf = parse_cyrus_conf(b"SERVICES {\na cmd=x listen=localhost:lmtp\n}\n")
    assert declare(conf, resolve)[0].problem == '"localhost:lmtp" stands for no address and port on this host'


def test_names_in_services() -> None:
    text = b"# imap 1/tcp\nimap2\t\t143/tcp\timap\t# Interim Mail\nbroken\nlmtp 24\n\xff 9/tcp\n"
    assert names_in_services(text) == {"imap2", "imap", "\ufffd"}
