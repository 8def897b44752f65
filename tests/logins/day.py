"""A day of a busy server, straight into files: hundreds of thousands of logins with their truth.

What `generator` is for correlation, this is for size: the lines have the shapes of recorded servers (Cyrus
3.x in front, slapd 2.5 behind), several services and processes, 20 clients at once now and then, some
failing, and noise between them. A line costs a few microseconds; only a minute of the day is in memory at
a time.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import pi, sin
from pathlib import Path
from typing import Final, NamedTuple

from tests.logins.generator import BASE, PEOPLE, PROXY, SLAPD_PID, Kind, Truth

SECONDS: Final = 86_400.0
_LATE: Final = 90.0
"""No line of an attempt comes later than this after it began."""
_SERVICES: Final = ("imap", "imaps", "pop3", "pop3s", "sieve")
_SHARES: Final = (20, 60, 5, 10, 5)
_MECHANISMS: Final = ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "plaintext")
_MECHANISM_SHARES: Final = (50, 10, 5, 5, 30)
_STARTTLS: Final = "starttls: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits new) no authentication"
_ATTRIBUTES: Final = {
    "PLAIN": "cmusaslsecretPLAIN",
    "LOGIN": "cmusaslsecretPLAIN",
    "plaintext": "cmusaslsecretPLAIN",
    "CRAM-MD5": "cmusaslsecretCRAM-MD5",
    "DIGEST-MD5": "cmusaslsecretDIGEST-MD5",
}
_MAIL, _AUTH, _SLAPD = range(3)
NAMES: Final = ("mail.log", "auth.log", "slapd.log")


@dataclass(frozen=True, slots=True)
class Day:
    """What is written. `attempts` spread over `seconds` from `begin` on; `noise` is the share of all lines.

    `named` False is 2.x: a failed AUTHENTICATE names nobody, and connections are logged as accepted.
    `hung` are times of the directory, `hang` seconds each, in which every look-up takes some seconds.
    """

    seed: int = 1
    attempts: int = 300_000
    users: int = 30_000
    begin: float = BASE - BASE % SECONDS
    seconds: float = SECONDS
    whole_seconds: bool = True
    named: bool = True
    failures: float = 0.06
    noise: float = 0.15
    burst: int = 20
    hung: int = 2
    hang: float = 20.0
    proxy_denied: bool = False


class DayLogs(NamedTuple):
    """The three files, the truth of each attempt (its offset in the mail log), and the end of the day."""

    mail: Path
    auth: Path
    slapd: Path
    truth: list[Truth]
    end: float


_Line = tuple[float, int, int, str, Truth | None]


class _Writing:
    """One day being made. Lines wait in a heap until nothing earlier can come."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.random = random.Random(day.seed)
        self.lines: list[_Line] = []
        self.count = 0
        self.conn = 1000
        self.pid = 5000
        self.idle: dict[str, list[tuple[float, int]]] = {service: [] for service in _SERVICES}
        self.hangs = sorted(day.begin + self.random.uniform(0.1, 0.9) * day.seconds for _ in range(day.hung))

    def say(self, time: float, log: int, text: str, truth: Truth | None = None) -> None:
        self.count += 1
        self.lines.append((time, self.count, log, text, truth))

    def minutes(self) -> Iterator[list[_Line]]:
        """The lines of the day in the order in which they are written, a minute at a time."""
        day, rng = self.day, self.random
        users = [f"user{number:05d}" for number in rng.sample(range(100_000), day.users)]
        weights = [1.0 / (index + day.users / 20) for index in range(day.users)]
        total, sums = 0.0, []
        for weight in weights:
            total += weight
            sums.append(total)
        numbers = rng.sample(range(100_000, 999_999), day.users)
        self.dns = dict(zip(users, (f"cn=person {number},{PEOPLE}" for number in numbers), strict=True))
        steps = max(1, round(day.seconds / 60))
        # most log in by day, some at night
        shape = [1.0 - 0.6 * sin(2 * pi * (step + 0.25 * steps) / steps) for step in range(steps)]
        scale = day.attempts / sum(shape)
        owed = 0.0
        for step in range(steps):
            begin = day.begin + step * day.seconds / steps
            span = day.seconds / steps
            owed += shape[step] * scale
            count, owed = int(owed), owed - int(owed)
            times = [begin + rng.random() * span for _ in range(count)]
            if day.burst and rng.random() < 0.1 and count > day.burst:
                # they were all cut off at once, and come back at once
                together = begin + rng.random() * (span - 2.0)
                for index in range(day.burst):
                    times[index] = together + rng.random() * 1.5
            for now in sorted(times):
                self.attempt(now, rng.choices(users, cum_weights=sums)[0])
            self.lines.sort()
            upto = begin + span - 1.0
            at = next((i for i, line in enumerate(self.lines) if line[0] >= upto), len(self.lines))
            yield self.lines[:at]
            del self.lines[:at]
        yield self.lines

    def process(self, now: float, service: str) -> int:
        """A process that is free, or a new one."""
        idle = self.idle[service]
        if idle and idle[0][0] < now:
            return heapq.heappop(idle)[1]
        self.pid += self.random.randint(1, 4)
        return self.pid

    def attempt(self, now: float, user: str) -> None:
        rng, day = self.random, self.day
        chance = rng.random
        (service,) = rng.choices(_SERVICES, _SHARES)
        (mechanism,) = rng.choices(_MECHANISMS, _MECHANISM_SHARES)
        if service == "sieve" and mechanism == "plaintext":
            mechanism = "PLAIN"
        kind: Kind = "ok"
        if chance() < day.failures:
            kind = rng.choices(("wrong", "unknown", "no-password", "refused", "tls"), (60, 22, 4, 8, 6))[0]
        pid = self.process(now, service)
        head = f"mx cyrus/{service}[{pid}]: "
        if not day.named:
            self.say(now, _MAIL, f"{head}accepted connection")
        at = now + 0.002 + chance() * 0.06
        plus = ""
        client = f"host{pid % 251}.example.net [198.51.100.{pid % 251}]"
        if service in {"imaps", "pop3s"} or chance() < 0.5:
            if kind == "tls":
                self.say(
                    at, _MAIL, f"{head}STARTTLS negotiation failed: {client}", Truth(0, user, kind, "", None)
                )
                heapq.heappush(self.idle[service], (at + 1.0, pid))
                self.some_noise(at, user)
                return
            plus = "+TLS"
            self.say(at, _MAIL, head + _STARTTLS)
            if chance() < 0.003:
                # a probe, which goes away again
                heapq.heappush(self.idle[service], (at + 1.0, pid))
                return
            at += 0.001 + chance() * 0.08
        elif kind in {"tls", "refused"}:
            kind = "wrong"
        if kind == "unknown":
            user = f"nobody{rng.randint(1, 50)}"
        conn = None
        if kind != "refused":
            at, conn = self.lookup(at, user, mechanism, kind, head)
        at += 0.0003 + rng.expovariate(250.0)
        if mechanism == "DIGEST-MD5" and kind == "ok":
            at += rng.expovariate(12.0)
        truth = Truth(0, user, kind, mechanism, conn)
        if kind == "ok":
            session = f" SESSIONID=<mx-{pid}-{int(at)}-1-{self.count}>" if day.named else ""
            self.say(
                at, _MAIL, f"{head}login: {client} {user} {mechanism}{plus} User logged in{session}", truth
            )
            free = at + chance() * 60.0
            if day.named and chance() < 0.6:
                self.say(free, _MAIL, f"{head}USAGE {user} user: 0.00{pid % 10}000 sys: 0.004000")
        else:
            self.say(at, _MAIL, head + self.refusal(kind, client, user, mechanism), truth)
            free = at + 3.05
        heapq.heappush(self.idle[service], (free + 0.01, pid))
        self.some_noise(at, user)

    def refusal(self, kind: Kind, client: str, user: str, mechanism: str) -> str:
        if kind == "refused":
            mechanism = "PLAIN"
            why = "SASL(-16): encryption needed to use mechanism: security flags do not match required"
        elif kind == "unknown":
            why = "SASL(-1): generic failure: "
        elif kind == "no-password":
            why = "SASL(-13): user not found: checkpass failed"
        else:
            why = "SASL(-13): authentication failure: checkpass failed"
        if self.day.named:
            return f"badlogin: {client} {mechanism} ({user}) [{why}]"
        if mechanism == "plaintext":
            return f"badlogin: {client} plaintext {user} {why}"
        return f"badlogin: {client} {mechanism} [{why}]"

    def lookup(self, begin: float, user: str, mechanism: str, kind: Kind, head: str) -> tuple[float, int]:
        """One connection of ldapdb; returns when its result was there, and its number."""
        rng, chance = self.random, self.random.random
        self.conn += 1
        number, at = self.conn, begin
        fd = 9 + number % 23
        conn = f"mx slapd[{SLAPD_PID}]: conn={number} "

        def step(*texts: str) -> None:
            nonlocal at
            at += 0.0001 + chance() * 0.0008
            for text in texts:
                late = rng.expovariate(1000.0) if chance() < 0.2 else 0.0
                self.say(at + late, _SLAPD, conn + text)

        step(f"fd={fd} ACCEPT from IP=[::1]:{30000 + number % 30000} (IP=[::1]:389)")
        step('op=0 BIND dn="" method=163')
        step("op=0 RESULT tag=97 err=14 qtime=0.000009 etime=0.001897 text=SASL(0): successful result: ")
        if not self.day.named:
            for offset, which in ((0.0, 2), (0.0001, 2), (0.001, 3)):
                self.say(at + offset, _AUTH, f"{head}DIGEST-MD5 client step {which}")
        step('op=1 BIND dn="" method=163')
        step('op=1 BIND authcid="cyrus" authzid="cyrus"')
        step(f'op=1 BIND dn="{PROXY}" mech=DIGEST-MD5 bind_ssf=128 ssf=128')
        step("op=1 RESULT tag=97 err=0 qtime=0.000012 etime=0.001200 text=")
        if any(hang <= at < hang + self.day.hang for hang in self.hangs):
            at += rng.uniform(2.1, 5.0)
        if kind == "unknown" or self.day.proxy_denied:
            step(
                "op=2 RESULT tag=120 err=123 qtime=0.000014 etime=0.000128 "
                "text=not authorized to assume identity",
                "op=2 do_extended: get_ctrls failed",
            )
            done = at
            step("op=3 UNBIND")
            step(f"fd={fd} closed")
            return done, number
        dn = self.dns[user]
        step(f'op=2 PROXYAUTHZ dn="{dn}"', "op=2 EXT oid=1.3.6.1.4.1.4203.1.11.3", "op=2 WHOAMI")
        step("op=2 RESULT oid= err=0 qtime=0.000007 etime=0.000260 text=")
        step(
            f'op=3 PROXYAUTHZ dn="{dn}"',
            f'op=3 SRCH base="{dn}" scope=0 deref=0 filter="(objectClass=*)"',
            f"op=3 SRCH attr=userPassword {_ATTRIBUTES[mechanism]}",
        )
        step("op=3 SEARCH RESULT tag=101 err=0 qtime=0.000010 etime=0.000373 nentries=1 text=")
        done = at
        step("op=4 UNBIND")
        step(f"fd={fd} closed")
        return done, number

    def some_noise(self, now: float, user: str) -> None:
        """What else these logs hold: deliveries, mailboxes, other daemons, other clients of slapd."""
        rng, chance = self.random, self.random.random
        # an attempt has some 19 lines of its own
        lines = 19.0 * self.day.noise / max(0.05, 1.0 - self.day.noise)
        while chance() * lines < lines - 0.5 if lines > 1.0 else chance() < lines:
            at = now + chance() * 10.0
            which = chance()
            lines -= 1.0
            if which < 0.25:
                self.say(
                    at,
                    _MAIL,
                    f"mx cyrus/lmtp[{4000 + self.count % 7}]: Delivered: <{self.count}@example.net> "
                    f"to mailbox: user.{user}",
                )
            elif which < 0.4:
                self.say(
                    at,
                    _MAIL,
                    f"mx postfix/qmgr[812]: {self.count:X}: from=<a@example.org>, size=2817, "
                    "nrcpt=1 (queue active)",
                )
            elif which < 0.5:
                self.say(at, _MAIL, f"mx cyrus/imap[{self.pid}]: open: user {user} opened INBOX")
            elif which < 0.55:
                self.say(
                    at,
                    _MAIL,
                    f"mx cyrus/master[700]: process type:SERVICE name:imaps path:/usr/lib/cyrus/bin/imapd "
                    f"age:61.5s pid:{self.pid - 3} exited, status 0",
                )
            elif which < 0.7:
                self.say(
                    at,
                    _AUTH,
                    f"mx sshd[{rng.randint(10000, 60000)}]: Connection closed by "
                    "203.0.113.9 port 40222 [preauth]",
                )
            elif which < 0.8:
                self.say(
                    at,
                    _AUTH,
                    f"mx CRON[{rng.randint(10000, 60000)}]: pam_unix(cron:session): "
                    "session closed for user root",
                )
            else:
                self.stranger(at)
                lines -= 5.0

    def stranger(self, at: float) -> None:
        """Another program's look-up in the directory."""
        self.conn += 1
        conn = f"mx slapd[{SLAPD_PID}]: conn={self.conn} "
        for index, text in enumerate(
            (
                "fd=41 ACCEPT from IP=[::1]:30001 (IP=[::1]:389)",
                'op=0 BIND dn="" method=128',
                "op=0 RESULT tag=97 err=0 qtime=0.000004 etime=0.000051 text=",
                f'op=1 SRCH base="{PEOPLE}" scope=2 deref=0 filter="(mail=a@example.net)"',
                "op=1 SEARCH RESULT tag=101 err=0 qtime=0.000010 etime=0.000373 nentries=1 text=",
                "fd=41 closed (connection lost)",
            )
        ):
            self.say(at + index * 0.0003, _SLAPD, conn + text)


def write_day(day: Day, folder: Path, *, truth: bool = False) -> DayLogs:
    """Write the three logs of `day` into `folder`; the same for the same description."""
    stamp = _stamps(whole_seconds=day.whole_seconds)
    paths = [folder / name for name in NAMES]
    known: list[Truth] = []
    last = day.begin
    files = [path.open("wb") for path in paths]
    try:
        for lines in _Writing(day).minutes():
            texts: list[list[str]] = [[], [], []]
            for time, _number, log, text, what in lines:
                if truth and what is not None:
                    place = files[_MAIL].tell() + len("".join(texts[_MAIL]).encode())
                    known.append(Truth(place, what.user, what.kind, what.mechanism, what.conn))
                texts[log].append(f"{stamp(time)} {text}\n")
            last = lines[-1][0] if lines else last
            for file, mine in zip(files, texts, strict=True):
                file.write("".join(mine).encode())
    finally:
        for file in files:
            file.close()
    mail, auth, slapd = paths
    return DayLogs(mail, auth, slapd, known, last)


def _stamps(*, whole_seconds: bool) -> Callable[[float], str]:
    seconds: dict[int, str] = {}

    def stamp(time: float) -> str:
        second = int(time)
        text = seconds.get(second)
        if text is None:
            if len(seconds) > 1000:
                seconds.clear()
            moment = datetime.fromtimestamp(second, UTC)
            text = (
                f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"
                if whole_seconds
                else f"{moment:%Y-%m-%dT%H:%M:%S}"
            )
            seconds[second] = text
        return text if whole_seconds else f"{text}.{int((time - second) * 1e6):06d}+00:00"

    return stamp
