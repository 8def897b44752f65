"""Large logs with their truth: a simulated Cyrus server with ldapdb in front of slapd.

Times are simulated in microseconds of a real order of events; what the logs show of them (whole seconds or
RFC 3339) and in which order slapd's threads write their lines is then what makes the work of the correlator.
The shapes of the lines are those of recorded servers. Directory entries are `cn=person N`, which says nothing
about the uid.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from cyrtui.logs.record import LogRole, Record
from tests.logins.reading import records

BASE = 1795332000.0
PEOPLE = "ou=people,dc=example,dc=net"
PROXY = f"cn=cyrus administrator,{PEOPLE}"
SLAPD_PID = 4904

Kind = Literal["ok", "wrong", "unknown", "no-password", "refused", "stand-in", "tls"]


@dataclass(frozen=True, slots=True)
class Server:
    """What is simulated. `rate` is attempts a second; the shares are of all attempts.

    `strangers` are look-ups of another program through the same proxy (an SMTP server, say) for each
    attempt, and `company` such look-ups for the very user of an attempt, within moments of it (a client that
    sends mail and checks it); `varied` ones are of all mechanisms, some fail, and they are lost as others
    are. `lost` is the share of slapd's lines that never reached its log; `silent` the share of attempts whose
    look-up slapd did not log at all. `skew` is by how many seconds slapd's clock is ahead. `named` False is
    2.x: a failed AUTHENTICATE names nobody.
    """

    seed: int = 1
    attempts: int = 500
    users: int = 120
    rate: float = 0.5
    whole_seconds: bool = True
    named: bool = False
    failures: float = 0.25
    authenticate: float = 0.4
    stand_ins: float = 0.005
    burst: float = 0.05
    strangers: float = 0.0
    company: float = 0.0
    varied: bool = False
    lost: float = 0.0
    silent: float = 0.0
    skew: float = 0.0
    slow: float = 0.01
    latency: float = 0.004
    jitter: float = 0.001
    auth_lines: bool = True


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happened; `offset` is where the attempt's line stands in the mail log."""

    offset: int
    user: str
    kind: Kind
    mechanism: str
    conn: int | None


@dataclass(slots=True)
class Logs:
    """The three logs and the truth of each attempt that left a line."""

    mail: bytes
    auth: bytes
    slapd: bytes
    truth: list[Truth]
    end: float
    uid_of: dict[str, str] = field(default_factory=dict)

    def records(self) -> dict[LogRole, list[Record]]:
        return {
            role: records(raw, role, f"/var/log/{role}.log", latest=self.end + 60)
            for role, raw in (
                (LogRole.MAIL, self.mail),
                (LogRole.AUTH, self.auth),
                (LogRole.SLAPD, self.slapd),
            )
        }


@dataclass(slots=True)
class _Line:
    time: float
    written: float
    text: str
    truth: tuple[str, Kind, str, int | None] | None = None


_ATTRIBUTES = {
    "plaintext": "userPassword cmusaslsecretPLAIN",
    "PLAIN": "userPassword cmusaslsecretPLAIN",
    "LOGIN": "userPassword cmusaslsecretPLAIN",
    "CRAM-MD5": "userPassword cmusaslsecretCRAM-MD5",
    "DIGEST-MD5": "userPassword cmusaslsecretDIGEST-MD5",
}
_WRONG_DETAIL = {
    "plaintext": "checkpass failed",
    "PLAIN": "Password verification failed",
    "LOGIN": "checkpass failed",
    "CRAM-MD5": "incorrect digest response",
    "DIGEST-MD5": "client response doesn't match what we generated (tried bogus)",
}


class _Simulation:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.random = random.Random(server.seed)
        self.mail: list[_Line] = []
        self.auth: list[_Line] = []
        self.slapd: list[_Line] = []
        self.conn = 1000
        self.accepts: list[tuple[float, int]] = []
        self.pids = 5000
        self.idle: list[tuple[float, int]] = []
        numbers = self.random.sample(range(10_000, 99_999), server.users)
        self.dns = {f"u{index}": f"cn=person {number},{PEOPLE}" for index, number in enumerate(numbers)}
        self.dns["admin"] = PROXY

    def run(self) -> Logs:
        server, rng = self.server, self.random
        names = [name for name in self.dns if name != "admin"]
        weights = [1.0 / (index + 4) for index in range(len(names))]
        now = BASE + 5.0
        made = 0
        while made < server.attempts:
            now += rng.expovariate(server.rate)
            user = rng.choices(names, weights)[0]
            times = rng.randint(2, 4) if rng.random() < server.burst else 1
            for _ in range(times):
                self.attempt(now + (rng.uniform(0, 0.02) if times > 1 else 0.0), user)
                made += 1
            if rng.random() < server.strangers:
                self.stranger(now + rng.uniform(-1.0, 1.0), rng.choices(names, weights)[0])
            if server.company and rng.random() < server.company:
                self.stranger(now + rng.choice((-1.0, 1.0)) * rng.expovariate(1 / 0.3), user)
        return self.logs(now)

    def stranger(self, now: float, user: str) -> None:
        """A look-up of another program, through the same proxy."""
        rng = self.random
        if not self.server.varied:
            self.lookup(now, user, "PLAIN", "ok")
            return
        mechanism = rng.choice(("PLAIN", "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"))
        kind: Kind = "unknown" if rng.random() < 0.15 else "ok"
        self.lookup(now, user, mechanism, kind, silent=rng.random() < self.server.silent)

    def process(self, now: float) -> int:
        for index, (free, pid) in enumerate(self.idle):
            if free < now:
                del self.idle[index]
                return pid
        self.pids += self.random.randint(1, 4)
        self.say(self.mail, now - 0.002, self.pids, "executed")
        return self.pids

    def say(
        self,
        log: list[_Line],
        time: float,
        pid: int,
        text: str,
        truth: tuple[str, Kind, str, int | None] | None = None,
    ) -> None:
        log.append(_Line(time, time, f"samchiel cyrus/imap[{pid}]: {text}", truth))

    def attempt(self, now: float, user: str) -> None:
        server, rng = self.server, self.random
        pid = self.process(now)
        if not server.named:
            self.say(self.mail, now, pid, "accepted connection")
        kind: Kind = "ok"
        if rng.random() < server.failures:
            kind = rng.choices(("wrong", "unknown", "no-password", "refused", "tls"), (60, 22, 4, 8, 6))[0]
        mechanism = "plaintext"
        if rng.random() < server.authenticate:
            mechanism = rng.choice(("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"))
        if kind == "ok" and mechanism == "PLAIN" and rng.random() < server.stand_ins * 10:
            kind = "stand-in"
        if kind == "unknown":
            user = f"nobody{rng.randint(1, 50)}"
        asked = now + 0.001 + rng.expovariate(1 / 0.03)
        if kind in {"refused", "tls"}:
            answered, conn = asked, None
        else:
            silent = rng.random() < server.silent
            whom = "admin" if kind == "stand-in" else user
            answered, conn = self.lookup(asked, whom, mechanism, kind, silent=silent, pid=pid)
        wait = rng.expovariate(1 / server.latency)
        if rng.random() < 0.01:
            wait += rng.uniform(0.05, 0.4)
        if mechanism == "DIGEST-MD5" and kind == "ok":
            wait += rng.expovariate(1 / 0.08)
        at = answered + 0.0003 + wait
        self.say(self.mail, at, pid, self.answer(kind, user, mechanism), (user, kind, mechanism, conn))
        free = at + (rng.uniform(0.02, 20.0) if kind in {"ok", "stand-in"} else 3.05)
        self.idle.append((free, pid))
        self.idle.sort()

    def answer(self, kind: Kind, user: str, mechanism: str) -> str:
        client = "localhost [127.0.0.1]"
        if kind in {"ok", "stand-in"}:
            return f"login: {client} {user} {mechanism} User logged in"
        if kind == "tls":
            return f"STARTTLS negotiation failed: {client}"
        if kind == "refused":
            detail = "SASL(-16): encryption needed to use mechanism: security flags do not match required"
            mechanism = "PLAIN"
        elif kind == "unknown":
            detail = "SASL(-1): generic failure: " + (
                _WRONG_DETAIL[mechanism] if mechanism == "plaintext" else ""
            )
        elif kind == "no-password":
            detail = f"SASL(-13): user not found: {_WRONG_DETAIL[mechanism]}"
        else:
            detail = f"SASL(-13): authentication failure: {_WRONG_DETAIL[mechanism]}"
        if self.server.named:
            return f"badlogin: {client} {mechanism} ({user}) [{detail}]"
        if mechanism == "plaintext":
            return f"badlogin: {client} plaintext {user} {detail}"
        return f"badlogin: {client} {mechanism} [{detail}]"

    def lookup(
        self,
        begin: float,
        user: str,
        mechanism: str,
        kind: Kind,
        *,
        silent: bool = False,
        pid: int | None = None,
    ) -> tuple[float, int]:
        """One connection of ldapdb; returns when its result was there, and its number."""
        rng, server = self.random, self.server
        at = begin
        self.conn += 1
        number = self.conn
        fd = rng.randint(9, 30)

        def step(*texts: str) -> None:
            nonlocal at
            at += rng.uniform(0.0001, 0.0009)
            for text in texts:
                if silent or rng.random() < server.lost:
                    continue
                late = rng.expovariate(1 / server.jitter) if rng.random() < 0.3 else 0.0
                if rng.random() < 0.005:
                    late += rng.uniform(0.005, 0.06)
                at_line = at + late + server.skew
                self.slapd.append(
                    _Line(at_line, at_line, f"samchiel slapd[{SLAPD_PID}]: conn={number} {text}")
                )

        def bind_steps() -> None:
            if pid is not None and server.auth_lines:
                for offset, number_of_step in ((0.0, 2), (0.0001, 2), (0.001, 3)):
                    self.say(self.auth, at + offset, pid, f"DIGEST-MD5 client step {number_of_step}")

        step(f"fd={fd} ACCEPT from IP=[::1]:{rng.randint(30000, 60000)} (IP=[::1]:389)")
        step('op=0 BIND dn="" method=163')
        step("op=0 RESULT tag=97 err=14 qtime=0.000009 etime=0.001897 text=SASL(0): successful result: ")
        bind_steps()
        step('op=1 BIND dn="" method=163')
        step('op=1 BIND authcid="cyrus" authzid="cyrus"')
        step(f'op=1 BIND dn="{PROXY}" mech=DIGEST-MD5 bind_ssf=128 ssf=128')
        step("op=1 RESULT tag=97 err=0 qtime=0.000012 etime=0.001200 text=")
        if rng.random() < server.slow:
            at += rng.uniform(1.0, 4.0)
        if kind == "unknown":
            step(
                "op=2 RESULT tag=120 err=123 qtime=0.000014 etime=0.000128 text=not authorized to assume "
                "identity",
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
            f"op=3 SRCH attr={_ATTRIBUTES[mechanism]}",
        )
        step("op=3 SEARCH RESULT tag=101 err=0 qtime=0.000010 etime=0.000373 nentries=1 text=")
        done = at
        step("op=4 UNBIND")
        step(f"fd={fd} closed")
        return done, number

    def logs(self, end: float) -> Logs:
        mail, offsets = self.write(self.mail)
        auth, _ = self.write(self.auth)
        slapd, _ = self.write(self.slapd)
        truth = [Truth(offset, *line.truth) for line, offset in offsets if line.truth is not None]
        logged = {int(line.text.split("conn=")[1].split(" ")[0]) for line in self.slapd}
        truth = [
            each
            if each.conn is None or each.conn in logged
            else Truth(each.offset, each.user, each.kind, each.mechanism, None)
            for each in truth
        ]
        return Logs(mail, auth, slapd, truth, end + 30.0, {dn: user for user, dn in self.dns.items()})

    def write(self, lines: Sequence[_Line]) -> tuple[bytes, list[tuple[_Line, int]]]:
        out = bytearray()
        offsets = []
        for line in sorted(lines, key=lambda each: each.written):
            offsets.append((line, len(out)))
            out += f"{self.stamp(line.time)} {line.text}\n".encode()
        return bytes(out), offsets

    def stamp(self, time: float) -> str:
        moment = datetime.fromtimestamp(time, UTC)
        if self.server.whole_seconds:
            return f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"
        return moment.isoformat(timespec="microseconds")


def generate(server: Server) -> Logs:
    """The logs of `server`, the same for the same description."""
    return _Simulation(server).run()
