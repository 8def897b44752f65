"""Whether a service answers, asked of real sockets that say all sorts of things."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cyrtui.apply import greeting
from cyrtui.apply.greeting import Answer, greet
from cyrtui.services.declared import DeclaredService, ExpectedSocket
from tests.services.builders import FakeHost


@contextmanager
def server(path: str, says: bytes | None) -> Iterator[None]:
    """A service on a unix socket that says something and waits; None: it hangs up."""
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.bind(path)
        waiting.listen()

        def serve() -> None:
            try:
                client, _ = waiting.accept()
            except OSError:
                return
            with client:
                if says is not None:
                    client.sendall(says)
                    client.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def ask(tmp_path: Path, program: str, says: bytes | None, *switches: str) -> Answer:
    path = str(tmp_path / "sock")
    words = (program, *switches)
    where = ExpectedSocket("unix", path, None)
    service = DeclaredService(
        "one", program, words, program, path, "tcp", 0, None, None, 1, (where,), None, None
    )
    with server(path, says):
        (answer,) = greet(FakeHost({}, None), [(service, where)])
    return answer


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("imapd", b"* OK [CAPABILITY IMAP4rev1] mail Cyrus IMAP 3.6.1 server ready\r\n"),
        ("imapd", b"* PREAUTH hello\r\n"),
        ("pop3d", b"+OK mail Cyrus POP3 ready\r\n"),
        ("timsieved", b'"IMPLEMENTATION" "Cyrus timsieved"\r\n"SIEVE" "fileinto"\r\nOK "ready"\r\n'),
        ("lmtpd", b"220 mail Cyrus LMTP ready\r\n"),
        ("nntpd", b"200 mail ready\r\n"),
        ("mupdate", b'* AUTH "PLAIN"\r\n* OK MUPDATE "mail" "Cyrus" "3.6" "(master)"\r\n'),
        ("sync_server", b"* SASL PLAIN\r\n* STARTTLS\r\n* OK mail Cyrus sync server 3.6.1\r\n"),
        ("smmapd", b""),
    ],
)
def test_greetings(tmp_path: Path, program: str, says: bytes) -> None:
    assert ask(tmp_path, program, says).problem is None


def test_what_is_no_greeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def problem(program: str, says: bytes | None, *switches: str) -> str:
        (tmp_path / "sock").unlink(missing_ok=True)
        found = ask(tmp_path, program, says, *switches).problem
        assert found is not None
        return found.removeprefix(f"one on {tmp_path}/sock ")

    assert problem("imapd", b"* BYE \x1b[31mgo away\r\n") == "says “* BYE ␛[31mgo away” instead of greeting"
    assert problem("lmtpd", b"421 no\r\n") == "says “421 no” instead of greeting"
    assert problem("imapd", None) == "closed the connection before it said anything"
    assert problem("smmapd", None) == "closed the connection before it said anything"
    assert problem("imapd", b"* OK in clear text\r\n", "-s").startswith("makes no TLS: ")
    assert problem("imapd", None, "-s").startswith("makes no TLS: ")
    monkeypatch.setattr(greeting, "_SECONDS", 0.2)
    assert problem("imapd", b"* O") == "did not answer within 0 s"


def test_nobody_there(tmp_path: Path) -> None:
    where = ExpectedSocket("unix", str(tmp_path / "none"), None)
    service = DeclaredService(
        "one", "", ("imapd",), "imapd", "", "tcp", 0, None, None, 1, (where,), None, None
    )
    (answer,) = greet(FakeHost({}, None), [(service, where)])
    assert answer.problem == f"one on {tmp_path}/none does not answer: No such file or directory"
