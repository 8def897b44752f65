"""The clients that run inside the lab: a request a line comes in as JSON, a result a line goes out.

It is run by path (python -I client_worker.py WIDTH), inside the lab's namespaces, and uses the standard
library only. Passwords come in through the pipe and never stand on a command line. WIDTH requests run
side by side.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PORTS = {"imap": 143, "imaps": 993, "sieve": 4190}
AUTHORITY = "/etc/ssl/certs/imap/rootca-certificate.crt"
WRITING = threading.Lock()


class Refused(Exception):
    """The server said no; the text is its reply."""


def quoted(text: str) -> bytes:
    return b'"' + text.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def digest_md5(challenge: bytes, user: str, password: str, service: str, host: str) -> bytes:
    """RFC 2831's answer, without a security layer."""
    asked = {
        key.decode(): (plain or quoted_text).decode()
        for key, quoted_text, plain in re.findall(rb'([a-z-]+)=(?:"([^"]*)"|([^,"]*))', challenge)
    }
    realm, nonce, cnonce = asked.get("realm", ""), asked["nonce"], base64.b64encode(os.urandom(18)).decode()
    uri = f"{service}/{host}"
    secret = md5(f"{user}:{realm}:{password}".encode()) + f":{nonce}:{cnonce}".encode()
    first = md5(secret).hex()
    second = md5(f"AUTHENTICATE:{uri}".encode()).hex()
    response = md5(f"{first}:{nonce}:00000001:{cnonce}:auth:{second}".encode()).hex()
    return (
        f'charset=utf-8,username="{user}",realm="{realm}",nonce="{nonce}",nc=00000001,cnonce="{cnonce}",'
        f'digest-uri="{uri}",response={response},qop=auth'
    ).encode()


class Connection:
    """Lines over a socket, with or without TLS."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.deadline = time.monotonic() + float(request["timeout"])
        self.socket: socket.socket = socket.create_connection(
            (request["host"], PORTS[request["service"]]), timeout=float(request["timeout"])
        )
        self.buffer = b""
        self.tag = 0

    def secure(self) -> None:
        context = ssl.create_default_context(cafile=AUTHORITY if self.request["trust"] else None)
        self.socket = context.wrap_socket(self.socket, server_hostname="imap.testdomain.info")

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data + b"\r\n")

    def line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            self.socket.settimeout(max(0.01, self.deadline - time.monotonic()))
            got = self.socket.recv(8192)
            if not got:
                left = f" after {self.buffer!r}" if self.buffer else ""
                raise ConnectionError(f"the server closed the connection{left}")
            self.buffer += got
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    # -- IMAP ------------------------------------------------------------

    def command(self, text: bytes, answers: list[bytes] | None = None) -> str:
        """Send an IMAP command, answer its challenges in order, give back the tagged reply's text."""
        self.tag += 1
        tag = b"a%d" % self.tag
        self.send(tag + b" " + text)
        waiting = list(answers or [])
        while True:
            line = self.line()
            if line.startswith(b"+"):
                self.send(waiting.pop(0) if waiting else b"*")
            elif line.startswith(b"* BYE"):
                raise Refused(line.decode("utf-8", "replace"))
            elif line.startswith(tag + b" "):
                reply = line[len(tag) + 1 :].decode("utf-8", "replace")
                if not reply.startswith("OK"):
                    raise Refused(reply)
                return reply

    def literal(self, text: bytes, data: bytes) -> str:
        """A command that ends in a literal."""
        self.tag += 1
        tag = b"a%d" % self.tag
        self.send(tag + b" " + text + b" {%d}" % len(data))
        while not (line := self.line()).startswith(b"+"):
            if line.startswith(tag + b" "):
                raise Refused(line.decode("utf-8", "replace"))
        self.send(data)
        while not (line := self.line()).startswith(tag + b" "):
            pass
        reply = line[len(tag) + 1 :].decode("utf-8", "replace")
        if not reply.startswith("OK"):
            raise Refused(reply)
        return reply

    def authenticate(self, mechanism: str, user: str, password: str) -> str:
        """AUTHENTICATE with a mechanism that answers challenges."""
        self.tag += 1
        tag = b"a%d" % self.tag
        self.send(tag + b" AUTHENTICATE " + mechanism.encode())
        step = 0
        while True:
            line = self.line()
            if line.startswith(b"+"):
                challenge = base64.b64decode(line[1:].strip() or b"")
                self.send(base64.b64encode(self.respond(mechanism, step, challenge, user, password)))
                step += 1
            elif line.startswith(b"* BYE"):
                raise Refused(line.decode("utf-8", "replace"))
            elif line.startswith(tag + b" "):
                reply = line[len(tag) + 1 :].decode("utf-8", "replace")
                if not reply.startswith("OK"):
                    raise Refused(reply)
                return reply

    def respond(self, mechanism: str, step: int, challenge: bytes, user: str, password: str) -> bytes:
        if mechanism == "PLAIN":
            return f"\0{user}\0{password}".encode()
        if mechanism == "CRAM-MD5":
            answer = hmac.new(password.encode(), challenge, "md5").hexdigest()
            return f"{user} {answer}".encode()
        if mechanism == "DIGEST-MD5" and step == 0:
            service = "sieve" if self.request["service"] == "sieve" else "imap"
            return digest_md5(challenge, user, password, service, "samchiel")
        return b""

    def imap_login(self) -> str:
        user, password, mechanism = self.request["user"], self.request["password"], self.request["mechanism"]
        greeting = self.line()
        if not greeting.startswith(b"* OK"):
            raise Refused(greeting.decode("utf-8", "replace"))
        if self.request["starttls"]:
            self.command(b"STARTTLS")
            self.secure()
        if mechanism == "LOGIN":
            if all(32 <= ord(sign) < 127 for sign in user + password):
                return self.command(b"LOGIN " + quoted(user) + b" " + quoted(password))
            name, secret = user.encode(), password.encode()
            return self.command(b"LOGIN {%d}" % len(name), [name + b" {%d}" % len(secret), secret])
        return self.authenticate(mechanism, user, password)

    # -- ManageSieve ------------------------------------------------------------

    def sieve_reply(self) -> str:
        while True:
            line = self.line().decode("utf-8", "replace")
            if line.startswith("OK"):
                return line
            if line.startswith(("NO", "BYE")):
                raise Refused(line)

    def sieve_login(self) -> str:
        user, password, mechanism = self.request["user"], self.request["password"], self.request["mechanism"]
        self.sieve_reply()
        if self.request["starttls"]:
            self.send(b"STARTTLS")
            self.sieve_reply()
            self.secure()
            self.sieve_reply()
        if mechanism in ("PLAIN", "LOGIN"):
            answer = base64.b64encode(self.respond("PLAIN", 0, b"", user, password))
            self.send(b'AUTHENTICATE "PLAIN" {%d+}' % len(answer))
            self.send(answer)
            return self.sieve_reply()
        self.send(b'AUTHENTICATE "%s"' % mechanism.encode())
        step = 0
        while True:
            line = self.line()
            if line.startswith(b"OK"):
                return line.decode("utf-8", "replace")
            if line.startswith((b"NO", b"BYE")):
                raise Refused(line.decode("utf-8", "replace"))
            if line.startswith(b"{"):
                line = self.line()
            challenge = base64.b64decode(line.strip(b'"'))
            answer = base64.b64encode(self.respond(mechanism, step, challenge, user, password))
            self.send(b"{%d+}" % len(answer))
            self.send(answer)
            step += 1


def attempt(request: dict[str, Any]) -> dict[str, Any]:
    """One login, from the connection to the server's answer."""
    connection: Connection | None = None
    start = time.time()
    stage = "connect"
    try:
        connection = Connection(request)
        if request["noise"]:
            stage = "tls"
            connection.send(b"GET / HTTP/1.0\r\n")
            connection.line()
        if request["service"] == "imaps":
            stage = "tls"
            connection.secure()
        stage = "login"
        reply = connection.sieve_login() if request["service"] == "sieve" else connection.imap_login()
        result = "ok"
    except Refused as no:
        result, reply = "refused", str(no)
    except TimeoutError:
        result, reply = "timeout", f"no answer within {request['timeout']} s ({stage})"
    except ssl.SSLError as error:
        result, reply = "tls", str(error)
    except OSError as error:
        result = "tls" if stage == "tls" else ("unreachable" if stage == "connect" else "closed")
        reply = str(error)
    end = time.time()
    reply = re.sub(r"\[CAPABILITY [^]]*\] ", "", reply)
    try:
        if connection is not None and result == "ok":
            finish(connection, request)
    except (OSError, Refused) as error:
        reply += f" (then: {error})"
    finally:
        if connection is not None:
            connection.close()
    return {"id": request["id"], "start": start, "end": end, "result": result, "reply": reply}


def finish(connection: Connection, request: dict[str, Any]) -> None:
    """What a client does once it is in; a login says LOGOUT, an errand says what it was told."""
    for words in request["commands"]:
        text, data = words
        raw = base64.b64decode(text)
        if request["service"] == "sieve":
            connection.send(raw)
            connection.sieve_reply()
        elif data is None:
            connection.command(raw)
        else:
            connection.literal(raw, base64.b64decode(data))
    if request["stay"]:
        time.sleep(request["stay"])
        connection.deadline = time.monotonic() + request["timeout"]
    if request["service"] == "sieve":
        connection.send(b"LOGOUT")
        connection.sieve_reply()
    else:
        connection.send(b"z LOGOUT")
        while not connection.line().startswith(b"z "):
            pass


def serve(line: str) -> None:
    request = json.loads(line)
    result = attempt(request)
    with WRITING:
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


def main() -> int:
    with ThreadPoolExecutor(max_workers=int(sys.argv[1])) as pool:
        waiting = [pool.submit(serve, line) for line in sys.stdin]
    for one in waiting:
        one.result()
    return 0


if __name__ == "__main__":
    sys.exit(main())
