"""A place of its own for the lab's processes: private mounts, network, host name, IPC and process numbers.

Inside, the real paths and ports are used; outside, nothing of the machine is touched. The lab's directory
mirrors the tree: what a process inside sees as /var/log/mail.info is DIRECTORY/var/log/mail.info.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.lab.errors import CommandFailed, LabError
from tests.lab.waiting import wait_until

HOSTNAME = "samchiel"
HOLDER = Path(__file__).with_name("holder.py")
# Copies of the machine's own, changed freely: (path, copied or empty).
COPIED = ("/etc", "/usr/sbin")
EMPTY = ("/run", "/var/log", "/var/lib/cyrus", "/var/lib/ldap", "/var/spool/cyrus", "/var/spool/sieve")
HOSTS = """\
127.0.0.1 localhost
127.0.0.1 samchiel.testdomain.info samchiel imap.testdomain.info
::1 localhost ip6-localhost ip6-loopback
"""
# Names the first process: so the directory of a lab that was killed can be told from that of a living one.
OWNER = "first-process.json"
NAMESPACES = ("--mount", "--net", "--uts", "--ipc", "--pid")


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ran inside and ended."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


def parent_of(pid: int) -> int | None:
    """The parent's number, or None when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[1])


def birth_of(pid: int) -> int | None:
    """When the process started, in ticks since boot: with its number this names a process for good."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


class Namespace:
    """The holder of the namespaces, and the ways in."""

    def __init__(self, directory: Path, first: int, *, launcher: subprocess.Popen[str] | None = None) -> None:
        self.directory = directory
        self.first = first
        birth = birth_of(first)
        if birth is None:
            raise LabError(f"The lab's first process {first} is gone. Bring the lab up again.")
        self.birth = birth
        self._launcher = launcher

    # -- making and ending ---------------------------------------------------------------

    @classmethod
    def make(cls, directory: Path, *, stay: bool) -> Namespace:
        """Lay out the directory and start the holder; with `stay` it outlives this program."""
        if os.geteuid() != 0:
            raise LabError("The lab makes mount and network namespaces, which needs root. Run this as root.")
        for program in ("unshare", "nsenter", "setpriv", "mount", "ip"):
            if shutil.which(program) is None:
                raise LabError(f"The lab needs the program '{program}', which is not on this machine.")
        lay_out(directory)
        plan = {
            "hostname": HOSTNAME,
            "dev": str(directory / "dev"),
            "binds": [[str(directory / path.lstrip("/")), path] for path in (*COPIED, *EMPTY)],
            "stay": stay,
        }
        (directory / "holder.log").touch()
        with (directory / "holder.log").open("wb") as log:
            launcher = subprocess.Popen(
                [
                    "unshare",
                    *NAMESPACES,
                    "--fork",
                    "--kill-child",
                    "--mount-proc",
                    sys.executable,
                    "-I",
                    str(HOLDER),
                    json.dumps(plan),
                ],
                stdin=subprocess.DEVNULL if stay else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert launcher.stdout is not None
        with launcher.stdout as answer:
            said = answer.readline()
        if said != "ready\n":
            launcher.kill()
            launcher.wait()
            if launcher.stdin is not None:
                launcher.stdin.close()
            why = (directory / "holder.log").read_text(encoding="utf-8", errors="replace").strip()
            raise LabError(
                f"The lab's namespaces could not be made (no right to mount in a container?). It said: {why}"
            )
        made = cls(directory, _only_child(launcher.pid), launcher=launcher)
        (directory / OWNER).write_text(json.dumps([made.first, made.birth]), encoding="ascii")
        return made

    def end(self) -> None:
        """Kill the holder, and with it everything inside; comes back when nothing of it is left."""
        if self.alive():
            os.kill(self.first, signal.SIGKILL)
        if self._launcher is not None:
            if self._launcher.stdin is not None:
                self._launcher.stdin.close()
            try:
                self._launcher.wait(timeout=20)
            except subprocess.TimeoutExpired:
                raise LabError(
                    f"The lab's processes did not end within 20 s of killing their first ({self.first})."
                ) from None
        wait_until(lambda: not self.alive(), f"the end of the lab's first process {self.first}", timeout=20)

    def alive(self) -> bool:
        return birth_of(self.first) == self.birth

    # -- files ------------------------------------------------------------

    def path(self, inside: str | Path) -> Path:
        """Where a file of the lab is, seen from outside."""
        path = os.path.normpath(inside)
        if path == "/var/run" or path.startswith("/var/run/"):
            path = path.removeprefix("/var")
        for place in (*COPIED, *EMPTY):
            if path == place or path.startswith(f"{place}/"):
                return self.directory / path.lstrip("/")
        if path == "/dev" or path.startswith(("/dev/", "/proc/")):
            return Path(f"/proc/{self.first}/root{path}")
        return Path(path)

    def members(self) -> list[int]:
        """Every process inside, by its number outside, the first one included."""
        try:
            mine = Path(f"/proc/{self.first}/ns/pid").readlink()
        except OSError:
            return []
        found = []
        for pid in processes():
            try:
                if Path(f"/proc/{pid}/ns/pid").readlink() == mine:
                    found.append(pid)
            except OSError:
                continue
        return found

    # -- running ------------------------------------------------------------

    def entry(self, argv: Sequence[str | Path], *, user: str | None, cwd: str | Path | None) -> list[str]:
        """The argument list that runs `argv` inside. It dies with nsenter, so a deadline really ends it."""
        if not self.alive():
            raise LabError("The lab is not up: its first process is gone. Bring it up again.")
        line = ["nsenter", f"--target={self.first}", *NAMESPACES, "--", "setpriv", "--pdeathsig=KILL"]
        if user is not None:
            line += [f"--reuid={user}", f"--regid={_group_of(user)}", "--init-groups"]
        return [*line, "--", "env", f"--chdir={cwd or '/'}", "--", *(str(word) for word in argv)]

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
        """Run a command inside, wait for it, and raise unless it succeeded (or `check` is false)."""
        words = tuple(str(word) for word in argv)
        with subprocess.Popen(
            self.entry(words, user=user, cwd=cwd),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=None if env is None else {**os.environ, **env},
        ) as process:
            try:
                stdout, stderr = process.communicate(input or "", timeout=timeout)
            except subprocess.TimeoutExpired:
                kill(process)
                stdout, stderr = process.communicate()
                raise CommandFailed(words, None, stdout + stderr) from None
            except BaseException:
                kill(process)
                raise
        if check and process.returncode != 0:
            raise CommandFailed(words, process.returncode, stdout + stderr)
        return Finished(words, process.returncode, stdout, stderr)

    def popen(
        self,
        argv: Sequence[str | Path],
        *,
        user: str | None = None,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        pass_fds: Collection[int] = (),
        start_new_session: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a command inside with the caller's own file descriptors, a pseudo-terminal's for instance."""
        return subprocess.Popen(
            self.entry(argv, user=user, cwd=cwd),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=None if env is None else {**os.environ, **env},
            pass_fds=tuple(pass_fds),
            start_new_session=start_new_session,
        )


def kill(process: subprocess.Popen[Any], number: int = signal.SIGKILL) -> None:
    """Kill a command that runs inside. Its parent, nsenter, then ends too."""
    children = [child for child in processes() if parent_of(child) == process.pid]
    for pid in children or [process.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def sweep(parent: Path, prefix: str) -> None:
    """Remove the directories of labs that were killed: their processes have gone, their files have not."""
    for directory in parent.glob(f"{prefix}*"):
        try:
            first, birth = json.loads((directory / OWNER).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        if birth_of(first) != birth:
            shutil.rmtree(directory, ignore_errors=True)


def lay_out(directory: Path) -> None:
    """The lab's own copy of what it changes, and empty directories for what it fills."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    (directory / "dev").mkdir()
    for path in COPIED:
        target = directory / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["cp", "--archive", "--reflink=auto", path, str(target)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"'{path}' could not be copied into the lab at {target}: {done.stderr.strip()}")
    for path in EMPTY:
        if not Path(path).is_dir():
            raise LabError(f"There is no directory {path} on this machine to mount the lab's own over.")
        (directory / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
    (directory / "etc/hostname").write_text(f"{HOSTNAME}\n", encoding="ascii")
    (directory / "etc/hosts").write_text(HOSTS, encoding="ascii")
    resolv = directory / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    resolv.write_text("# The lab has no way out; names come from /etc/hosts.\n", encoding="ascii")


def _group_of(user: str) -> str:
    try:
        return str(pwd.getpwnam(user).pw_gid)
    except KeyError:
        raise LabError(f"There is no user '{user}' on this machine to run a command of the lab as.") from None


def _only_child(pid: int) -> int:
    children = [child for child in processes() if parent_of(child) == pid]
    if len(children) != 1:
        raise LabError(f"The lab's launcher {pid} has {len(children)} children where one was expected.")
    return children[0]
