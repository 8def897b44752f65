"""The failures that the lab can be asked for: each makes its state real, and undoes it at the end."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.clients import Attempt, Result, as_person
from tests.lab.configuration import PRIVATE_KEY
from tests.lab.directory import ADMIN, AUTHZ_TO, HASHED, NOBODY, ORDINARY, ROOT_DN, TOTO
from tests.lab.errors import LabError
from tests.lab.stack import CYRUS_PORTS, SLAPD_PID, Lab

OCCUPIER = Path(__file__).with_name("occupier.py")
MAXCHILD = 10
WAITING = 3
IMAP_PORT = 143
DENIED = ORDINARY[-1]


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure: how it is made, an attempt that meets it, and what is then to be seen.

    `seen` and `unseen` are (log, fragment) pairs that lines written since the attempt must and must not
    hold.
    """

    name: str
    sentence: str
    make: Callable[[Lab], AbstractContextManager[None]]
    attempt: Attempt
    result: Result
    reply: str
    seen: tuple[tuple[str, str], ...] = ()
    unseen: tuple[tuple[str, str], ...] = ()
    # What master says when it is started in this state; written before the attempt.
    at_start: tuple[tuple[str, str], ...] = ()


@contextmanager
def nothing(lab: Lab) -> Iterator[None]:
    """The attempt alone is the failure."""
    lab.inside.entry(["true"], user=None, cwd=None)
    yield


@contextmanager
def option_changed(lab: Lab, name: str, value: str) -> Iterator[None]:
    """imapd.conf with one option changed, and Cyrus restarted on it: its processes read it only once."""
    before = lab.read("/etc/imapd.conf")
    lab.set_option(name, value)
    try:
        lab.restart_cyrus()
        yield
    finally:
        lab.write("/etc/imapd.conf", before)
        lab.restart_cyrus()


def bad_ldapdb_password(lab: Lab) -> AbstractContextManager[None]:
    return option_changed(lab, "sasl_ldapdb_pw", "not-the-right-one")


def auxprop_misspelt(lab: Lab) -> AbstractContextManager[None]:
    return option_changed(lab, "sasl_auxprop_plugin", "ldapbd")


def plaintext_refused(lab: Lab) -> AbstractContextManager[None]:
    return option_changed(lab, "allowplaintext", "no")


@contextmanager
def saslauthd_refuses(lab: Lab) -> Iterator[None]:
    """Passwords are checked by a saslauthd that asks the system's own accounts, where no person is."""
    lab.path("/run/saslauthd").mkdir(mode=0o755, exist_ok=True)
    lab.run(["saslauthd", "-a", "shadow", "-m", "/run/saslauthd", "-n", "1"])
    try:
        lab.wait(lambda: lab.path("/run/saslauthd/mux").exists(), "saslauthd to make its socket")
        with option_changed(lab, "sasl_pwcheck_method", "saslauthd"):
            yield
    finally:
        lab.run(["kill", lab.read("/run/saslauthd/saslauthd.pid").strip()])


@contextmanager
def slapd_stopped(lab: Lab) -> Iterator[None]:
    lab.stop_slapd()
    try:
        yield
    finally:
        lab.start_slapd()


@contextmanager
def slapd_hung(lab: Lab) -> Iterator[None]:
    """slapd accepts connections (the kernel does) and answers nothing."""
    pid = lab.pid_in(SLAPD_PID)
    if pid is None:
        raise LabError("slapd does not run in the lab, so it cannot be made to hang. Start it first.")
    lab.run(["kill", "-STOP", str(pid)])
    try:
        yield
    finally:
        lab.run(["kill", "-CONT", str(pid)])


@contextmanager
def authzto_removed(lab: Lab) -> Iterator[None]:
    """The entry of `cyrus` may no longer act for others."""
    modify(lab, f"dn: {ADMIN.dn}\nchangetype: modify\ndelete: authzTo\n")
    try:
        yield
    finally:
        modify(lab, f"dn: {ADMIN.dn}\nchangetype: modify\nadd: authzTo\nauthzTo: {AUTHZ_TO}\n")


def modify(lab: Lab, change: str) -> None:
    """Change the directory as its administrator; the password goes through a file, not a command line."""
    secret = lab.path("/run/slapd/rootpw")
    secret.touch(mode=0o600)
    secret.write_text(ADMIN.password, encoding="ascii")
    try:
        lab.run(
            ["ldapmodify", "-x", "-H", "ldap://localhost", "-D", ROOT_DN, "-y", "/run/slapd/rootpw"],
            input=change,
        )
    finally:
        secret.unlink()


@contextmanager
def unreadable_tls_key(lab: Lab) -> Iterator[None]:
    """The private key belongs to root, and Cyrus may not read it."""
    key = lab.path(PRIVATE_KEY)
    shutil.chown(key, "root", "root")
    key.chmod(0o600)
    try:
        lab.restart_cyrus()
        yield
    finally:
        shutil.chown(key, "cyrus", "mail")
        key.chmod(0o400)
        lab.restart_cyrus()


@contextmanager
def occupied(lab: Lab, arguments: Sequence[str]) -> Iterator[None]:
    """Run the occupier inside, from its word that it is ready until the end."""
    with lab.popen(
        [sys.executable, "-I", OCCUPIER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise LabError(
                f"The program that was to be in the way could not: {' '.join(arguments)}.\n{lab.tail()}"
            )
        try:
            yield
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def accept_queue(lab: Lab, port: int) -> int:
    """The connections to a port that nobody serves yet."""
    return sum(one.waiting for one in lab.listeners() if one.port == port)


@contextmanager
def full_maxchild(lab: Lab) -> Iterator[None]:
    """As many connections as imap may have processes, and some more that wait."""
    with occupied(lab, ["connect", str(IMAP_PORT), "127.0.0.1", str(MAXCHILD + WAITING)]):
        lab.wait(
            lambda: accept_queue(lab, IMAP_PORT) == WAITING,
            f"{WAITING} connections to wait in imap's accept queue",
        )
        yield
    lab.wait(lambda: accept_queue(lab, IMAP_PORT) == 0, "imap's accept queue to become empty")


@contextmanager
def port_taken(lab: Lab) -> Iterator[None]:
    """Another program listens on imap's port when Cyrus starts."""
    lab.stop_cyrus()
    try:
        with occupied(lab, ["listen", str(IMAP_PORT), "127.0.0.1", "::1"]):
            lab.start_cyrus(expected=[one for one in CYRUS_PORTS if one[1] != IMAP_PORT])
            yield
    finally:
        lab.restart_cyrus()


@contextmanager
def user_denied(lab: Lab) -> Iterator[None]:
    """An administrator has shut one user out of imap."""
    lab.run(["/usr/lib/cyrus/bin/cyr_deny", "-s", "imap", DENIED.uid], user="cyrus")
    try:
        yield
    finally:
        lab.run(["/usr/lib/cyrus/bin/cyr_deny", "-a", DENIED.uid], user="cyrus")


ARTICLE = as_person(TOTO)
BADLOGIN = "badlogin: localhost [127.0.0.1] plaintext"
GRANTED = ("slapd", f'PROXYAUTHZ dn="{TOTO.dn}"')
FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault(
            "wrong_password",
            "somebody types a wrong password",
            nothing,
            Attempt(TOTO.uid, "not-the-password", kind="wrong-password"),
            "refused",
            "NO Login failed: authentication failure",
            seen=(
                ("mail", f"{BADLOGIN} (toto) [SASL(-13): authentication failure: checkpass failed]"),
                GRANTED,
                ("slapd", "nentries=1"),
            ),
        ),
        Fault(
            "unknown_user",
            "somebody logs in whom the directory does not know",
            nothing,
            as_person(NOBODY),
            "refused",
            "NO Login failed: generic failure",
            seen=(
                ("mail", f"{BADLOGIN} (quidam) [SASL(-1): generic failure: checkpass failed]"),
                ("slapd", "err=123"),
                ("slapd", "not authorized to assume identity"),
            ),
            unseen=(("slapd", "PROXYAUTHZ"), ("slapd", "quidam")),
        ),
        Fault(
            "hashed_password",
            "the password is right, but the directory holds a hash of it",
            nothing,
            as_person(HASHED),
            "refused",
            "NO Login failed: authentication failure",
            seen=(
                ("mail", f"{BADLOGIN} (mireille) [SASL(-13): authentication failure: checkpass failed]"),
                ("slapd", f'PROXYAUTHZ dn="{HASHED.dn}"'),
                ("slapd", "nentries=1"),
            ),
        ),
        Fault(
            "saslauthd_refuses",
            "saslauthd checks passwords, and does not know the person",
            saslauthd_refuses,
            ARTICLE,
            "refused",
            "NO Login failed: authentication failure",
            seen=(
                ("mail", f"{BADLOGIN} (toto) [SASL(-13): authentication failure: checkpass failed]"),
                ("auth", ": auth failure: [user=toto] [service=imap] [realm=] [mech=shadow]"),
            ),
            unseen=(("slapd", "ACCEPT"),),
        ),
        Fault(
            "slapd_stopped",
            "slapd does not run",
            slapd_stopped,
            ARTICLE,
            "refused",
            "NO Login failed: remote authentication server unavailable",
            seen=(("mail", f"{BADLOGIN} (toto) [SASL(-24): remote authentication server unavailable"),),
            unseen=(("slapd", "ACCEPT"),),
        ),
        Fault(
            "slapd_hung",
            "slapd takes connections and never answers",
            slapd_hung,
            Attempt(TOTO.uid, TOTO.password, timeout=3.0),
            "timeout",
            "no answer",
            unseen=(("mail", "login:"), ("slapd", "conn=")),
        ),
        Fault(
            "bad_ldapdb_password",
            "imapd.conf holds a wrong password for the proxy user",
            bad_ldapdb_password,
            ARTICLE,
            "refused",
            "NO Login failed: authentication failure",
            seen=(
                ("mail", f"{BADLOGIN} (toto) [SASL(-13): authentication failure: checkpass failed]"),
                ("slapd", "err=49"),
                ("slapd", "SASL(-13): authentication failure"),
            ),
            unseen=(("slapd", "PROXYAUTHZ"),),
        ),
        Fault(
            "authzto_removed",
            "the proxy user has no authzTo, so it may act for nobody",
            authzto_removed,
            ARTICLE,
            "refused",
            "NO Login failed: generic failure",
            seen=(
                ("mail", f"{BADLOGIN} (toto) [SASL(-1): generic failure: checkpass failed]"),
                ("slapd", f'BIND dn="{ADMIN.dn}" mech=DIGEST-MD5'),
                ("slapd", "err=123"),
            ),
            unseen=(("slapd", "PROXYAUTHZ"),),
        ),
        Fault(
            "auxprop_misspelt",
            "imapd.conf names an auxprop plugin that does not exist",
            auxprop_misspelt,
            ARTICLE,
            "refused",
            "NO Login failed: no mechanism available",
            seen=(
                ("mail", "SASL unknown password verifier(s) auxprop"),
                ("mail", f"{BADLOGIN} (toto) [SASL(-4): no mechanism available: checkpass failed]"),
            ),
            unseen=(("slapd", "ACCEPT"),),
        ),
        Fault(
            "unreadable_tls_key",
            "Cyrus may not read its private key",
            unreadable_tls_key,
            as_person(TOTO, "imaps"),
            "tls",
            "",
            seen=(
                ("mail", f"unable to get private key from '{PRIVATE_KEY}'"),
                ("mail", "TLS server engine: cannot load cert/key data"),
                ("mail", "error initializing TLS"),
            ),
            unseen=(("mail", "login:"), ("slapd", "ACCEPT")),
        ),
        Fault(
            "full_maxchild",
            "imap has as many processes as it may, all of them busy",
            full_maxchild,
            Attempt(TOTO.uid, TOTO.password, timeout=2.0),
            "timeout",
            "no answer",
            unseen=(("mail", "imap"), ("slapd", "ACCEPT")),
        ),
        Fault(
            "port_taken",
            "another program has imap's port when Cyrus starts",
            port_taken,
            ARTICLE,
            "refused",
            "220 another program has this port",
            unseen=(("mail", "login:"), ("slapd", "ACCEPT")),
            at_start=(
                ("mail", "unable to bind to imap/ipv4 socket: Address already in use"),
                ("mail", "unable to bind to imap/ipv6 socket: Address already in use"),
            ),
        ),
        Fault(
            "user_denied",
            "an administrator has denied one user the imap service",
            user_denied,
            as_person(DENIED),
            "refused",
            "NO Login failed: authorization failure",
            seen=(
                ("mail", f"user '{DENIED.uid}' denied access to service 'imap'"),
                ("mail", f"{BADLOGIN} ({DENIED.uid}) [SASL(-14): authorization failure"),
                ("slapd", f'PROXYAUTHZ dn="{DENIED.dn}"'),
            ),
        ),
        Fault(
            "plaintext_refused",
            "a password in clear is refused without TLS, and no log says so",
            plaintext_refused,
            ARTICLE,
            "refused",
            "NO Login only available under a layer",
            unseen=(("mail", "login:"), ("mail", "toto"), ("slapd", "ACCEPT")),
        ),
    )
}


@contextmanager
def fault(lab: Lab, name: str) -> Iterator[Fault]:
    """Make a failure by its name; its state is real within the `with`."""
    try:
        wanted = FAULTS[name]
    except KeyError:
        raise LabError(f"The lab knows no fault '{name}'. It knows: {', '.join(FAULTS)}.") from None
    with wanted.make(lab):
        yield wanted
