"""The stack itself: rsyslog, slapd and cyrus-imapd brought up and down inside the lab's namespaces."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.lab import certificates, configuration, packages
from tests.lab.configuration import Layout, Stamps
from tests.lab.directory import ldif, people
from tests.lab.errors import LabError
from tests.lab.namespace import OWNER, Finished, Namespace, birth_of, sweep
from tests.lab.sockets import Listener, listeners
from tests.lab.waiting import wait_until

MAIL_LOG = "/var/log/mail.info"
AUTH_LOG = "/var/log/auth.log"
SLAPD_LOG = "/var/log/slapd.log"
LOGS: Mapping[str, str] = {"mail": MAIL_LOG, "auth": AUTH_LOG, "slapd": SLAPD_LOG}

PREFIX = "cyrtui-lab-"
RSYSLOG_PID = "/run/rsyslogd.pid"
SLAPD_PID = "/run/slapd/slapd.pid"
MASTER_PID = "/run/cyrus-master.pid"
# The addresses and ports that the article's cyrus.conf opens; lmtp is not among them.
CYRUS_PORTS = (
    ("127.0.0.1", 143),
    ("::1", 143),
    ("0.0.0.0", 993),
    ("::", 993),
    ("127.0.0.1", 4190),
    ("::1", 4190),
)


@dataclass(frozen=True, slots=True)
class LabOptions:
    """What a lab can be asked for when it is made."""

    stamps: Stamps = "rfc3164"
    layout: Layout = "uuid"
    users: int = 0
    debug: bool = False
    mailboxes: bool = True


class Lab:
    """One stack in one set of namespaces. `with Lab() as lab:` brings it up and takes it down."""

    def __init__(
        self, options: LabOptions | None = None, *, directory: Path | None = None, stay: bool = False
    ) -> None:
        self.options = options or LabOptions()
        self.people = people(self.options.users)
        self._wanted = directory
        self._stay = stay
        self._inside: Namespace | None = None

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    @property
    def inside(self) -> Namespace:
        if self._inside is None:
            raise LabError("The lab is not up. Call up() first, or use it as a context manager.")
        return self._inside

    @classmethod
    def attach(cls, options: LabOptions, place: Path, first: int, birth: int) -> Self:
        """A lab that another program has brought up, by the number and birth of its first process."""
        if birth_of(first) != birth:
            raise LabError(f"The lab whose first process was {first} has gone. Bring it up again with 'up'.")
        lab = cls(options, directory=place, stay=True)
        lab._inside = Namespace(place, first)
        return lab

    # -- up and down ---------------------------------------------------------------

    def up(self) -> Self:
        """Install what is missing, make the namespaces, configure, start everything, make the mailboxes."""
        if self._inside is not None:
            raise LabError("The lab is up already.")
        packages.ensure()
        sweep(Path(tempfile.gettempdir()), PREFIX)
        place = self._wanted or Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            self._inside = Namespace.make(place, stay=self._stay)
            self.configure()
            self.start_rsyslog()
            self.start_slapd()
            self.start_cyrus()
            if self.options.mailboxes:
                from tests.lab.mailboxes import make_mailboxes

                make_mailboxes(self)
        except BaseException:
            self._discard(place)
            raise
        return self

    def down(self) -> None:
        """End every process of the lab and remove its directory. A lab that is down stays down."""
        if self._inside is not None:
            self._discard(self._inside.directory)

    def _discard(self, place: Path) -> None:
        inside, self._inside = self._inside, None
        # Without this mark a lab that comes up just now does not take the directory for an abandoned one.
        (place / OWNER).unlink(missing_ok=True)
        if inside is not None:
            inside.end()
        shutil.rmtree(place)

    def configure(self) -> None:
        """Write every file of the private /etc, and the directories that the daemons expect."""
        self.write("/etc/cyrus.conf", configuration.CYRUS_CONF)
        self.write(
            "/etc/imapd.conf", configuration.imapd_conf(layout=self.options.layout, debug=self.options.debug)
        )
        self.path("/etc/imapd.conf").chmod(0o640)
        shutil.chown(self.path("/etc/imapd.conf"), "cyrus", "mail")
        self.write("/etc/rsyslog.conf", configuration.rsyslog_conf(self.options.stamps))
        self.write("/etc/ldap/slapd.conf", configuration.SLAPD_CONF)
        self.path("/etc/ldap/slapd.conf").chmod(0o640)
        shutil.chown(self.path("/etc/ldap/slapd.conf"), "root", "openldap")
        self.path("/etc/sasl2").mkdir(exist_ok=True)
        self.write("/etc/sasl2/pluginviewer.conf", configuration.PLUGINVIEWER_CONF)
        for tool in configuration.TOOLS:
            link = self.path(f"/usr/sbin/{tool}")
            if not link.exists():
                link.symlink_to(f"/usr/lib/cyrus/bin/{tool}")
        for place, owner, group, mode in (
            ("/run/cyrus", "cyrus", "mail", 0o755),
            ("/run/cyrus/socket", "cyrus", "mail", 0o750),
            ("/run/slapd", "openldap", "openldap", 0o755),
            ("/run/lock", "root", "root", 0o1777),
            ("/var/lib/cyrus", "cyrus", "mail", 0o750),
            ("/var/lib/ldap", "openldap", "openldap", 0o700),
            ("/var/spool/cyrus", "cyrus", "mail", 0o755),
            ("/var/spool/cyrus/mail", "cyrus", "mail", 0o750),
            ("/var/spool/sieve", "cyrus", "mail", 0o755),
        ):
            self.path(place).mkdir(exist_ok=True)
            shutil.chown(self.path(place), owner, group)
            self.path(place).chmod(mode)
        certificates.make(self.inside)
        self.run(["/usr/lib/cyrus/bin/makedirs"], user="cyrus")
        self.run(
            ["slapadd", "-q", "-f", "/etc/ldap/slapd.conf"],
            user="openldap",
            input=ldif(self.people),
        )

    # -- the three programs ---------------------------------------------------------------

    def start_rsyslog(self) -> None:
        self.run(["rsyslogd", "-f", "/etc/rsyslog.conf", "-i", RSYSLOG_PID])
        self.wait(lambda: self.inside.path("/dev/log").exists(), "rsyslog to make /dev/log", timeout=10)

    def stop_rsyslog(self) -> None:
        self._stop("rsyslog", RSYSLOG_PID, signal.SIGTERM)

    def restart_rsyslog(self) -> None:
        self.stop_rsyslog()
        self.start_rsyslog()

    def reload_rsyslog(self) -> None:
        """Make rsyslog let go of renamed files, as logrotate does; it opens new ones for its next lines."""
        pid = self._signal("rsyslog", RSYSLOG_PID, signal.SIGHUP)
        held = Path(f"/proc/{self.inside.first}/root/proc/{pid}/fd")
        known = {*LOGS.values(), "/var/log/syslog"}

        def released() -> bool:
            links = [os.readlink(one) for one in held.iterdir() if os.path.lexists(one)]
            return all(link in known for link in links if link.startswith("/var/log/"))

        self.wait(released, "rsyslog to close the files that were renamed", timeout=10)

    def start_slapd(self) -> None:
        self.run(
            [
                "slapd",
                "-f",
                "/etc/ldap/slapd.conf",
                "-h",
                "ldap:///",
                "-l",
                "local4",
                "-u",
                "openldap",
                "-g",
                "openldap",
            ]
        )
        self.wait_listening((("0.0.0.0", 389), ("::", 389)), "slapd")

    def stop_slapd(self) -> None:
        self._stop("slapd", SLAPD_PID, signal.SIGTERM)

    def restart_slapd(self) -> None:
        self.stop_slapd()
        self.start_slapd()

    def start_cyrus(self, *, expected: Sequence[tuple[str, int]] = CYRUS_PORTS) -> None:
        """Start master, and wait until what is expected listens."""
        self.run(["cyrmaster", "-d", "-p", MASTER_PID])
        self.wait_listening(expected, "cyrmaster")

    def stop_cyrus(self) -> None:
        """End master and wait until its last child has gone: a port still held would spoil the next start."""
        self._stop("cyrmaster", MASTER_PID, signal.SIGTERM)
        self.wait(lambda: not self.processes_of("cyrus"), "the end of Cyrus' processes", timeout=20)

    def restart_cyrus(self, *, expected: Sequence[tuple[str, int]] = CYRUS_PORTS) -> None:
        if self.pid_in(MASTER_PID) is not None:
            self.stop_cyrus()
        self.start_cyrus(expected=expected)

    def reload_cyrus(self) -> None:
        """Make master read cyrus.conf again; its children end after the client they have."""
        mark = self.mark()
        self._signal("cyrmaster", MASTER_PID, signal.SIGHUP)
        self.wait_log("mail", "got SIGHUP", since=mark)

    # -- files and commands ---------------------------------------------------------------

    def path(self, inside: str | Path) -> Path:
        """Where a file of the lab is, seen from outside."""
        return self.inside.path(inside)

    def read(self, inside: str | Path) -> str:
        return self.path(inside).read_text(encoding="utf-8", errors="surrogateescape")

    def write(self, inside: str | Path, text: str) -> None:
        self.path(inside).write_text(text, encoding="utf-8", errors="surrogateescape")

    def set_option(self, name: str, value: str) -> None:
        """Change one option of imapd.conf; running processes keep the old value until they are replaced."""
        self.write("/etc/imapd.conf", configuration.set_option(self.read("/etc/imapd.conf"), name, value))

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        user: str | None = None,
        input: str | None = None,
        timeout: float = 30.0,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        check: bool = True,
    ) -> Finished:
        return self.inside.run(argv, user=user, input=input, timeout=timeout, env=env, cwd=cwd, check=check)

    def popen(
        self,
        argv: Sequence[str | Path],
        *,
        user: str | None = None,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        terminal: int | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        pass_fds: Collection[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a command inside; `terminal` is the file descriptor of its controlling terminal."""
        if terminal is not None:
            argv = ["setsid", "--ctty", "--wait", *argv]
            stdin = stdout = stderr = terminal
        return self.inside.popen(
            argv, user=user, stdin=stdin, stdout=stdout, stderr=stderr, env=env, cwd=cwd, pass_fds=pass_fds
        )

    # -- looking ------------------------------------------------------------

    def pid_in(self, pidfile: str) -> int | None:
        """The process that a pid file names, by its number inside, when it runs."""
        try:
            pid = int(self.read(pidfile).strip() or "0")
        except (OSError, ValueError):
            return None
        status = Path(f"/proc/{self.inside.first}/root/proc/{pid}/stat")
        try:
            fields = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else pid

    def processes_of(self, user: str) -> list[int]:
        """The lab's running processes of a user, by their numbers outside."""
        uid = pwd.getpwnam(user).pw_uid
        found = []
        for pid in self.inside.members():
            try:
                if Path(f"/proc/{pid}").stat().st_uid == uid and birth_of(pid) is not None:
                    found.append(pid)
            except OSError:
                continue
        return found

    def listeners(self) -> list[Listener]:
        """What listens inside, with the length of its accept queue."""
        return listeners(self.inside.first)

    def mark(self) -> dict[str, int]:
        """Where the logs end now; give it to new_lines() or wait_log() later."""
        return {name: self._size(path) for name, path in LOGS.items()}

    def new_lines(self, log: str, since: Mapping[str, int] | None = None) -> list[str]:
        """The lines of a log (mail, auth or slapd) since a mark, or all of them."""
        path = self.path(LOGS[log])
        if not path.exists():
            return []
        with path.open("rb") as stream:
            stream.seek(since[log] if since is not None else 0)
            return stream.read().decode("utf-8", "replace").splitlines()

    def tail(self, count: int = 12) -> str:
        """The ends of the logs, for the text of an error."""
        parts = []
        for name, path in LOGS.items():
            parts.append(f"--- the end of {path}:")
            parts += self.new_lines(name)[-count:]
        return "\n".join(parts)

    def _size(self, path: str) -> int:
        try:
            return self.path(path).stat().st_size
        except FileNotFoundError:
            return 0

    # -- waiting ------------------------------------------------------------

    def wait(self, condition: Callable[[], object], sentence: str, *, timeout: float = 15.0) -> None:
        wait_until(lambda: bool(condition()), sentence, timeout=timeout, evidence=self.tail)

    def wait_log(
        self, log: str, fragment: str, *, since: Mapping[str, int] | None = None, timeout: float = 15.0
    ) -> str:
        """Wait for a line that holds the fragment; gives the line back."""

        def find() -> str:
            return next((line for line in self.new_lines(log, since) if fragment in line), "")

        return wait_until(
            find, f"a line with '{fragment}' in {LOGS[log]}", timeout=timeout, evidence=self.tail
        )

    def wait_listening(self, wanted: Sequence[tuple[str, int]], who: str, *, timeout: float = 20.0) -> None:
        names = ", ".join(f"{address} port {port}" for address, port in wanted)

        def all_there() -> bool:
            there = {(one.address, one.port) for one in self.listeners()}
            return all(want in there for want in wanted)

        self.wait(all_there, f"{who} to listen on {names}", timeout=timeout)

    # -- signals ------------------------------------------------------------

    def _signal(self, name: str, pidfile: str, number: signal.Signals) -> int:
        pid = self.pid_in(pidfile)
        if pid is None:
            raise LabError(f"{name} does not run in the lab ({pidfile} names no process that lives).")
        self.run(["kill", f"-{number.name.removeprefix('SIG')}", str(pid)])
        return pid

    def _stop(self, name: str, pidfile: str, number: signal.Signals) -> None:
        self._signal(name, pidfile, number)
        self.wait(lambda: self.pid_in(pidfile) is None, f"the end of {name}", timeout=20)
