"""The Debian packages that the lab runs: installed when missing, without starting a daemon on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import CommandFailed, LabError

PACKAGES = (
    "cyrus-imapd",
    "cyrus-admin",
    "cyrus-clients",
    "slapd",
    "ldap-utils",
    "rsyslog",
    "libsasl2-modules",
    "libsasl2-modules-ldap",
    "sasl2-bin",
    "logrotate",
    "iproute2",
    "procps",
    "util-linux",
    "systemd-journal-remote",
    "openssl",
    "bzip2",
    "xz-utils",
    "zstd",
    "gcc",
    "libc6-dev",
)

# invoke-rc.d and deb-systemd-invoke ask this program before they start anything; 101 forbids it.
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = (
    "#!/bin/sh\n# Made for the test lab of cyrtui; removed when its packages are installed.\nexit 101\n"
)


def missing(packages: Sequence[str] = PACKAGES) -> tuple[str, ...]:
    """Those of the packages that dpkg does not call installed."""
    if shutil.which("dpkg-query") is None:
        raise LabError(
            "The lab runs Debian's packages, and this machine has no dpkg. Run it on Debian or Ubuntu."
        )
    answer = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {line.split()[0] for line in answer.stdout.splitlines() if line.endswith(" installed")}
    return tuple(name for name in packages if name not in installed)


def ensure(packages: Sequence[str] = PACKAGES) -> tuple[str, ...]:
    """Install what is missing; gives back what was installed."""
    wanted = missing(packages)
    if not wanted:
        return ()
    root = _as_root()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with _no_daemon_starts(root):
        _run([*root, "apt-get", "update", "-qq"], environment)
        _run(
            [
                *root,
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "install",
                "--yes",
                "-qq",
                "--no-install-recommends",
                *wanted,
            ],
            environment,
        )
    still = missing(packages)
    if still:
        raise LabError(
            f"apt-get said that it installed the packages, but these are not there: {', '.join(still)}."
        )
    return wanted


def _as_root() -> list[str]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise LabError(
            f"The lab needs Debian packages ({', '.join(missing())}); you are not root, and without sudo. "
            "Install them, or run this as root."
        )
    if subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode != 0:
        raise LabError(
            f"The lab needs Debian packages ({', '.join(missing())}) and 'sudo -n' wants a password. "
            "Install them by hand, or run this as root."
        )
    return ["sudo", "-n"]


@contextmanager
def _no_daemon_starts(root: list[str]) -> Iterator[None]:
    """Forbid the packages to start their daemons; an administrator's own policy is put back afterwards."""
    kept = POLICY.with_name("policy-rc.d.before-lab")
    had_one = POLICY.exists()
    if had_one:
        _run([*root, "cp", "--preserve=all", str(POLICY), str(kept)])
    with tempfile.NamedTemporaryFile("w", suffix=".policy-rc.d", encoding="ascii") as draft:
        draft.write(POLICY_TEXT)
        draft.flush()
        _run([*root, "install", "--mode=0755", draft.name, str(POLICY)])
    try:
        yield
    finally:
        if had_one:
            _run([*root, "mv", str(kept), str(POLICY)])
        else:
            _run([*root, "rm", "--force", str(POLICY)])


def _run(argv: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CommandFailed(tuple(argv), done.returncode, (done.stdout + done.stderr)[-2000:])
