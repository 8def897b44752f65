"""Real clients, run inside the lab, and the truth about each attempt: what a log reader has to find again."""

from __future__ import annotations

import base64
import itertools
import json
import queue
import random
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from tests.lab.directory import BARE, HASHED, NOBODY, ORDINARY, Person
from tests.lab.errors import LabError
from tests.lab.namespace import kill

if TYPE_CHECKING:
    from tests.lab.stack import Lab

WORKER = Path(__file__).with_name("client_worker.py")
# A failed login costs three seconds (failedloginpause), and a hung directory costs the whole deadline.
PATIENCE = 20.0

Service = Literal["imap", "imaps", "sieve"]
Mechanism = Literal["LOGIN", "PLAIN", "CRAM-MD5", "DIGEST-MD5"]
Result = Literal["ok", "refused", "timeout", "tls", "unreachable", "closed"]
Kind = Literal[
    "ok",
    "wrong-password",
    "unknown-user",
    "hashed-password",
    "no-password",
    "tls-distrust",
    "tls-noise",
    "other",
]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login to be tried. `kind` is what it is meant to be, whatever the server makes of it."""

    user: str
    password: str
    service: Service = "imap"
    mechanism: Mechanism = "LOGIN"
    kind: Kind = "ok"
    host: str = "127.0.0.1"
    starttls: bool = False
    timeout: float = PATIENCE
    # Done after the login: each a command, and the literal that ends it if it has one.
    commands: tuple[tuple[bytes, bytes | None], ...] = ()
    # For how many seconds the client stays before it says LOGOUT.
    stay: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt, as its client saw it."""

    attempt: Attempt
    start: datetime
    end: datetime
    result: Result
    reply: str

    @property
    def ok(self) -> bool:
        return self.result == "ok"


def as_person(person: Person, service: Service = "imap", mechanism: Mechanism = "LOGIN") -> Attempt:
    """The attempt of somebody who types the right password."""
    kind: Kind
    if person is NOBODY:
        kind = "unknown-user"
    elif person.can_login:
        kind = "ok"
    else:
        kind = "hashed-password" if person.stored else "no-password"
    return Attempt(person.uid, person.password, service, mechanism, kind)


class Worker:
    """A client program inside the lab that tries many logins, `width` of them at once."""

    def __init__(self, lab: Lab, *, width: int = 8) -> None:
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[Attempt, Future[Outcome]]] = {}
        self._lock = threading.Lock()
        self._process = lab.inside.popen(
            [sys.executable, "-I", WORKER, str(width)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._reader = threading.Thread(target=self._read, name="lab-client-results", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            kill(self._process)
        self.close()

    def submit(self, attempt: Attempt) -> Future[Outcome]:
        """Have the attempt tried as soon as a place is free."""
        number = next(self._numbers)
        future: Future[Outcome] = Future()
        with self._lock:
            self._waiting[number] = (attempt, future)
        request = {
            "id": number,
            "user": attempt.user,
            "password": attempt.password,
            "service": attempt.service,
            "mechanism": attempt.mechanism,
            "host": attempt.host,
            "starttls": attempt.starttls,
            "timeout": attempt.timeout,
            "trust": attempt.kind != "tls-distrust",
            "noise": attempt.kind == "tls-noise",
            "stay": attempt.stay,
            "commands": [
                [_pack(text), None if data is None else _pack(data)] for text, data in attempt.commands
            ],
        }
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LabError(f"The lab's client program has ended before its work ({error}).") from None
        return future

    def close(self) -> None:
        """Let what was submitted end, then end the program."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._reader.join()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._lock:
                attempt, future = self._waiting.pop(answer["id"])
            future.set_result(
                Outcome(
                    attempt=attempt,
                    start=datetime.fromtimestamp(answer["start"], UTC),
                    end=datetime.fromtimestamp(answer["end"], UTC),
                    result=answer["result"],
                    reply=answer["reply"],
                )
            )
        with self._lock:
            left, self._waiting = self._waiting, {}
        for _, future in left.values():
            future.set_exception(LabError("The lab's client program ended before this attempt did."))


def attempts(lab: Lab, wanted: Sequence[Attempt], *, width: int = 8) -> list[Outcome]:
    """Try them, several at once; the outcomes come in the order of the attempts."""
    with Worker(lab, width=width) as worker:
        futures = [worker.submit(one) for one in wanted]
        return [future.result() for future in futures]


def login(lab: Lab, attempt: Attempt) -> Outcome:
    """Try one."""
    return attempts(lab, [attempt])[0]


def some_attempt(chance: random.Random) -> Attempt:
    """One attempt of the usual mixture: most succeed, each sort of failure comes up."""
    service: Service = chance.choice(("imap", "imap", "imaps", "sieve"))
    mechanism: Mechanism = chance.choice(("LOGIN", "LOGIN", "PLAIN", "CRAM-MD5", "DIGEST-MD5"))
    if service == "sieve":
        mechanism = "PLAIN"
    person = chance.choice(ORDINARY)
    if not person.password.isascii():
        mechanism = "LOGIN" if service != "sieve" else "PLAIN"
    host = chance.choice(("127.0.0.1", "::1"))
    dice = chance.random()
    if dice < 0.70:
        return Attempt(person.uid, person.password, service, mechanism, "ok", host)
    if dice < 0.80:
        return Attempt(person.uid, "not-the-password", service, mechanism, "wrong-password", host)
    if dice < 0.87:
        return Attempt(NOBODY.uid, NOBODY.password, service, mechanism, "unknown-user", host)
    if dice < 0.92:
        return Attempt(HASHED.uid, HASHED.password, service, mechanism, "hashed-password", host)
    if dice < 0.94:
        return Attempt(BARE.uid, BARE.password, service, mechanism, "no-password", host)
    kind: Kind = chance.choice(("tls-distrust", "tls-noise"))
    return Attempt(person.uid, person.password, "imaps", "LOGIN", kind, host)


def traffic(
    lab: Lab, seconds: float, rate: float, seed: int, *, width: int = 8
) -> Generator[Outcome, None, None]:
    """Mixed real logins at about `rate` a second, several at once; yields each as it ends.

    Closing the generator ends the clients at once.
    """
    chance = random.Random(seed)
    due = time.monotonic()
    until = due + seconds
    ended: queue.SimpleQueue[Future[Outcome]] = queue.SimpleQueue()
    running = 0
    with Worker(lab, width=width) as worker:
        while running or time.monotonic() < until:
            starting = time.monotonic() < until
            if starting and running < 2 * width and time.monotonic() >= due:
                worker.submit(some_attempt(chance)).add_done_callback(ended.put)
                running += 1
                due += chance.expovariate(rate)
            pause = min(due, until) - time.monotonic() if starting and running < 2 * width else 0.5
            try:
                future = ended.get(timeout=min(0.5, max(0.001, pause)))
            except queue.Empty:
                continue
            running -= 1
            yield future.result()


def _pack(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
