"""Records written by hand, for tests of one thing at a time. Times are seconds after `BASE`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cyrtui.logins.book import TraceBook
from cyrtui.logins.learned import Directory
from cyrtui.logins.trace import LoginTrace
from cyrtui.logs.record import LogRole, Record

BASE = 1795332000.0
PROXY = "cn=cyrus administrator,ou=people,dc=example,dc=net"


@dataclass
class Script:
    """Writes the three logs line by line; each log's lines are to be written in their own order."""

    whole_seconds: bool = True
    lines: list[Record] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)

    def line(
        self, role: LogRole, time: float, ident: str, pid: int | None, text: str, *, path: str | None = None
    ) -> Record:
        path = path or f"/var/log/{role}.log"
        offset = self.offsets.get(path, 0)
        self.offsets[path] = offset + len(text) + 40
        stamp = BASE + (float(int(time)) if self.whole_seconds else time)
        record = Record(
            role=role,
            time=stamp,
            whole_seconds=self.whole_seconds,
            host="samchiel",
            ident=ident,
            pid=pid,
            text=text,
            path=path,
            offset=offset,
            end=offset + len(text) + 40,
        )
        self.lines.append(record)
        return record

    def mail(self, time: float, text: str, *, pid: int = 100, service: str = "imap") -> Record:
        return self.line(LogRole.MAIL, time, f"cyrus/{service}", pid, text)

    def auth(self, time: float, text: str, *, pid: int = 100, service: str = "imap") -> Record:
        return self.line(LogRole.AUTH, time, f"cyrus/{service}", pid, text)

    def slapd(self, time: float, text: str, *, pid: int = 900) -> Record:
        return self.line(LogRole.SLAPD, time, "slapd", pid, text)

    def bound(self, time: float, conn: int, *, proxy: str = PROXY, pid: int = 900) -> None:
        for text in (
            "fd=9 ACCEPT from IP=[::1]:40000 (IP=[::1]:389)",
            'op=0 BIND dn="" method=163',
            "op=0 RESULT tag=97 err=14 text=SASL(0): successful result: ",
            'op=1 BIND dn="" method=163',
            'op=1 BIND authcid="cyrus" authzid="cyrus"',
            f'op=1 BIND dn="{proxy}" mech=DIGEST-MD5 sasl_ssf=128 ssf=128',
            "op=1 RESULT tag=97 err=0 text=",
        ):
            self.slapd(time, f"conn={conn} {text}", pid=pid)

    def closed(self, time: float, conn: int, *, pid: int = 900) -> None:
        self.slapd(time, f"conn={conn} op=4 UNBIND", pid=pid)
        self.slapd(time, f"conn={conn} fd=9 closed", pid=pid)

    def granted(
        self,
        time: float,
        conn: int,
        dn: str,
        *,
        until: float | None = None,
        attributes: str = "userPassword cmusaslsecretPLAIN",
        entries: int = 1,
        proxy: str = PROXY,
        pid: int = 900,
    ) -> None:
        """A look-up that read the entry `dn`."""
        until = time if until is None else until
        self.bound(time, conn, proxy=proxy, pid=pid)
        for text in (
            f'op=2 PROXYAUTHZ dn="{dn}"',
            "op=2 EXT oid=1.3.6.1.4.1.4203.1.11.3",
            "op=2 WHOAMI",
            "op=2 RESULT oid= err=0 text=",
            f'op=3 PROXYAUTHZ dn="{dn}"',
            f'op=3 SRCH base="{dn}" scope=0 deref=0 filter="(objectClass=*)"',
            f"op=3 SRCH attr={attributes}",
            f"op=3 SEARCH RESULT tag=101 err=0 nentries={entries} text=",
        ):
            self.slapd(until, f"conn={conn} {text}", pid=pid)
        self.closed(until, conn, pid=pid)

    def denied(self, time: float, conn: int, *, proxy: str = PROXY, pid: int = 900) -> None:
        """A look-up whose proxied authorization was denied."""
        self.bound(time, conn, proxy=proxy, pid=pid)
        self.slapd(
            time, f"conn={conn} op=2 RESULT tag=120 err=123 text=not authorized to assume identity", pid=pid
        )
        self.slapd(time, f"conn={conn} op=2 do_extended: get_ctrls failed", pid=pid)
        self.closed(time, conn, pid=pid)

    def ok(self, time: float, user: str, mechanism: str = "plaintext", *, pid: int = 100) -> Record:
        return self.mail(time, f"login: [10.1.2.3] {user} {mechanism} User logged in", pid=pid)

    def wrong(self, time: float, user: str, *, pid: int = 100) -> Record:
        return self.mail(
            time,
            f"badlogin: [10.1.2.3] plaintext {user} SASL(-13): authentication failure: checkpass failed",
            pid=pid,
        )

    def broken(self, time: float, user: str, *, pid: int = 100) -> Record:
        return self.mail(
            time,
            f"badlogin: [10.1.2.3] plaintext {user} SASL(-1): generic failure: checkpass failed",
            pid=pid,
        )

    def book(
        self, *, now: float = 10_000.0, directory: Directory | None = None, slow: float = 2.0
    ) -> TraceBook:
        book = TraceBook(directory=directory, slow=slow)
        book.feed(self.lines)
        book.settle(BASE + now)
        return book

    def traces(
        self, *, now: float = 10_000.0, directory: Directory | None = None, slow: float = 2.0
    ) -> list[LoginTrace]:
        """The traces, oldest first."""
        return list(reversed(self.book(now=now, directory=directory, slow=slow).traces()))


def person(number: int) -> str:
    """A DN that says nothing about the uid."""
    return f"cn=person {number},ou=people,dc=example,dc=net"


def texts(trace: LoginTrace, source: str | None = None) -> list[str]:
    return [event.text for event in trace.events if source in {None, event.source}]


def only(traces: Iterable[LoginTrace]) -> LoginTrace:
    (trace,) = traces
    return trace
