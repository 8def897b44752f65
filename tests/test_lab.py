"""The lab proves itself: what it promises is what a real client and the real logs show."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.lab import Lab, LabError, LabOptions, packages
from tests.lab.clients import Attempt, Worker, as_person, attempts, login, traffic
from tests.lab.configuration import CYRUS_CONF, PRIVATE_KEY
from tests.lab.directory import FIXED, HASHED, NOBODY, ORDINARY, TOTO
from tests.lab.errors import CommandFailed, NotInTime
from tests.lab.faults import FAULTS, fault
from tests.lab.fixture import LabFactory
from tests.lab.mailboxes import folders_of
from tests.lab.namespace import processes
from tests.lab.sockets import listeners
from tests.lab.stack import MASTER_PID
from tests.lab.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[1]
OTHER = LabOptions(stamps="rfc3339", layout="legacy")
DEBUG = LabOptions(debug=True)
BARE = LabOptions(mailboxes=False)
MACHINE = (
    "/etc/cyrus.conf",
    "/etc/imapd.conf",
    "/etc/rsyslog.conf",
    "/etc/hosts",
    "/etc/ldap",
    "/etc/ssl/certs/imap",
    "/var/spool/cyrus",
    "/var/spool/sieve",
    "/var/lib/cyrus",
    "/var/lib/ldap",
    "/run/cyrus",
    "/run/slapd",
    "/dev/log",
    "/var/log/syslog",
    "/var/log/mail.info",
    "/var/log/auth.log",
    "/var/log/slapd.log",
    "/usr/sbin/ctl_cyrusdb",
    "/usr/sbin/policy-rc.d",
)


def portrait(path: Path) -> list[tuple[str, object, object, object]]:
    """A file or tree, so exactly that any touch shows."""
    if not os.path.lexists(path):
        return [(str(path), None, None, None)]
    found: list[tuple[str, object, object, object]] = []
    for one in sorted([path, *path.rglob("*")] if path.is_dir() else [path]):
        state = one.lstat()
        digest = hashlib.sha256(one.read_bytes()).hexdigest() if one.is_file() else ""
        found.append((str(one), state.st_ino, (state.st_mode, state.st_uid, state.st_mtime_ns), digest))
    return found


def in_namespace(link: Path) -> list[int]:
    """The processes whose PID namespace is the given one."""
    found = []
    for pid in processes():
        try:
            if Path(f"/proc/{pid}/ns/pid").readlink() == link:
                found.append(pid)
        except OSError:
            continue
    return found


def mailboxes(lab: Lab) -> dict[str, dict[str, object]]:
    """What Cyrus' own tool says of every mailbox."""
    said = lab.run(["/usr/lib/cyrus/bin/ctl_mboxlist", "-d"], user="cyrus").stdout
    listed: dict[str, dict[str, object]] = json.loads(said)
    return listed


# -- the machine ---------------------------------------------------------------------------------------------


def test_the_machine_is_left_as_it_was_and_no_process_is_left() -> None:
    # what the first lab on a machine installs, stays there
    packages.ensure()
    before = {path: portrait(Path(path)) for path in MACHINE}
    ports = sorted((one.address, one.port) for one in listeners(os.getpid()))
    name = os.uname().nodename
    with Lab() as lab:
        directory = lab.inside.directory
        space = Path(f"/proc/{lab.inside.first}/ns/pid").readlink()
        outcomes = attempts(
            lab, [as_person(TOTO), as_person(TOTO, "imaps"), as_person(TOTO, "sieve", "PLAIN")]
        )
        assert [outcome.result for outcome in outcomes] == ["ok", "ok", "ok"]
        assert len(lab.inside.members()) > 5
        assert lab.run(["hostname"]).stdout == "samchiel\n"
        assert sorted((one.address, one.port) for one in listeners(os.getpid())) == ports
    assert in_namespace(space) == []
    assert not directory.exists()
    assert os.uname().nodename == name
    assert {path: portrait(Path(path)) for path in MACHINE} == before


def test_a_test_run_that_is_killed_takes_its_lab_with_it(tmp_path: Path) -> None:
    program = """
        import pathlib, sys
        from tests.lab import Lab, LabOptions
        lab = Lab(LabOptions(mailboxes=False)).up()
        print(pathlib.Path(f"/proc/{lab.inside.first}/ns/pid").readlink(), lab.inside.directory, flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        space, directory = process.stdout.readline().split()
        assert len(in_namespace(Path(space))) >= 4
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: not in_namespace(Path(space)), "the lab of a killed run to end", timeout=10)
    with Lab(BARE):
        assert not Path(directory).exists(), "the next lab clears away what the killed one left"


# -- the article's server ------------------------------------------------------------------------------------


def test_the_articles_login_is_seen_in_the_logs(lab: Lab) -> None:
    mark = lab.mark()
    outcome = login(lab, Attempt("toto", "highsecuritypassword"))
    assert outcome.ok
    assert outcome.reply.startswith("OK User logged in")
    line = lab.wait_log("mail", "login: localhost [127.0.0.1] toto plaintext User logged in", since=mark)
    assert re.match(r"\w{3} [ \d]\d \d\d:\d\d:\d\d samchiel cyrus/imap\[\d+\]: login: ", line)
    lab.wait_log("slapd", "UNBIND", since=mark)
    slapd = "\n".join(lab.new_lines("slapd", mark))
    for fragment in (
        "ACCEPT from IP=[::1]:",
        "(IP=[::]:389)",
        'BIND dn="" method=163',
        "RESULT tag=97 err=14",
        'BIND authcid="cyrus" authzid="cyrus"',
        'BIND dn="cn=cyrus administrator,ou=people,dc=example,dc=net" mech=DIGEST-MD5',
        'PROXYAUTHZ dn="cn=toto tata,ou=people,dc=example,dc=net"',
        "WHOAMI",
        'SRCH base="cn=toto tata,ou=people,dc=example,dc=net" scope=0 deref=0 filter="(objectClass=*)"',
        "SRCH attr=userPassword cmusaslsecretPLAIN",
        "nentries=1",
    ):
        assert fragment in slapd


def test_the_digest_steps_are_in_auth_log_when_they_are_asked_for(lab: Lab, labs: LabFactory) -> None:
    quiet = lab.mark()
    assert login(lab, as_person(TOTO, "sieve", "PLAIN")).ok
    lab.wait_log("mail", "cyrus/sieve", since=quiet)
    assert [line for line in lab.new_lines("auth", quiet) if "DIGEST-MD5" in line] == []
    debug = labs(DEBUG)
    mark = debug.mark()
    outcomes = attempts(debug, [as_person(TOTO, "sieve", "PLAIN"), as_person(TOTO)])
    assert [outcome.result for outcome in outcomes] == ["ok", "ok"]
    debug.wait_log("auth", "DIGEST-MD5 client step 3", since=mark)
    debug.wait_log("mail", "SASL DIGEST-MD5 client step 3", since=mark)
    steps = [line.split(": ", 1)[1] for line in debug.new_lines("auth", mark) if "client step" in line]
    assert steps == ["DIGEST-MD5 client step 2", "DIGEST-MD5 client step 2", "DIGEST-MD5 client step 3"]


def test_what_listens_is_what_the_article_shows(lab: Lab) -> None:
    assert lab.read("/etc/cyrus.conf") == CYRUS_CONF
    cyrus = {(one.address, one.port) for one in lab.listeners() if one.port != 389}
    assert cyrus == {
        ("0.0.0.0", 993),
        ("127.0.0.1", 143),
        ("127.0.0.1", 4190),
        ("::", 993),
        ("::1", 143),
        ("::1", 4190),
    }
    lab.wait_log("mail", "Servname not supported for ai_socktype, disabling lmtp")
    events = "\n".join(lab.new_lines("mail"))
    assert "done recovering cyrus databases" in events
    assert "duplicate_prune: purged" in events


def test_the_key_is_for_cyrus_alone(lab: Lab) -> None:
    assert lab.run(["stat", "--format=%U %a", PRIVATE_KEY]).stdout == "cyrus 400\n"
    assert login(lab, as_person(TOTO, "imaps")).ok


def test_no_dn_holds_the_uid(lab: Lab) -> None:
    people = [person for person in FIXED if person.uid not in ("toto", "cyrus")]
    assert len(people) >= 8
    assert not any(person.uid in person.dn for person in people)
    found = lab.run(
        ["ldapsearch", "-x", "-LLL", "-H", "ldap://localhost", "-b", "dc=example,dc=net", "uid"]
    ).stdout
    for person in FIXED:
        assert f"dn: {person.dn}\nuid: {person.uid}\n" in found


def test_every_person_every_service_every_mechanism(lab: Lab) -> None:
    wanted = [as_person(person) for person in ORDINARY]
    for mechanism in ("LOGIN", "PLAIN", "CRAM-MD5", "DIGEST-MD5"):
        wanted += [
            Attempt("toto", TOTO.password, "imap", mechanism, host=host) for host in ("127.0.0.1", "::1")
        ]
        wanted += [Attempt("toto", TOTO.password, "imaps", mechanism)]
        wanted += [Attempt("toto", TOTO.password, "sieve", mechanism)]
    wanted += [Attempt("toto", TOTO.password, starttls=True)]
    for outcome in attempts(lab, wanted):
        assert outcome.ok, outcome
        assert outcome.start <= outcome.end


# -- time stamps and layouts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "stamp"),
    [
        (LabOptions(), r"[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d samchiel "),
        (OTHER, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(\+|-)\d\d:\d\d samchiel "),
    ],
    ids=["rfc3164", "rfc3339"],
)
def test_both_time_stamps(labs: LabFactory, options: LabOptions, stamp: str) -> None:
    lab = labs(options)
    mark = lab.mark()
    assert login(lab, as_person(TOTO)).ok
    lab.wait_log("mail", " toto plaintext", since=mark)
    for log in ("mail", "auth", "slapd"):
        lines = lab.new_lines(log)
        assert lines
        assert [line for line in lines if not re.match(stamp, line)] == []


def test_the_layout_of_today(lab: Lab) -> None:
    spool = lab.path("/var/spool/cyrus/mail")
    assert not (spool / "j/user").exists()
    found = {path.parent.name for path in spool.glob("uuid/?/?/*/cyrus.header")}
    assert found == {entry["uniqueid"] for entry in mailboxes(lab).values()}
    assert len(found) >= 48


def test_the_layout_of_the_article(labs: LabFactory) -> None:
    spool = labs(OTHER).path("/var/spool/cyrus/mail")
    for name in (
        "j/user/julien/La Sauce",
        "j/user/julien/Lists/Netfilter/devel",
        "b/user/bogdana/INBOX/Trash",
    ):
        assert (spool / name / "cyrus.header").is_file()
    assert len(list((spool / "j/user/julien/Lists/Netfilter").glob("[0-9]*."))) == 5
    assert not (spool / "uuid").exists()


@pytest.mark.parametrize("options", [LabOptions(), OTHER], ids=["uuid", "legacy"])
def test_the_mailboxes_are_made(labs: LabFactory, options: LabOptions) -> None:
    lab = labs(options)
    made = {name for name in mailboxes(lab) if "#sieve" not in name}
    assert made == {name for person in lab.people if person.uid != "cyrus" for name in folders_of(person.uid)}
    assert {"user.julien.SQT Group", "user.jerome.Re&AOc-us.&AMk-t&AOk-", "user.alice.&TgB1KA-"} < made
    assert lab.path("/var/lib/cyrus/quota/j/user.julien").is_file()


def test_more_users_can_be_asked_for() -> None:
    with Lab(LabOptions(users=30)) as lab:
        assert login(lab, as_person(lab.people[-1])).ok
        assert "user.user00030" in mailboxes(lab)


# -- faults --------------------------------------------------------------------------------------------------


def test_the_faults_are_those_that_were_asked_for() -> None:
    assert set(FAULTS) == {
        "wrong_password",
        "unknown_user",
        "hashed_password",
        "saslauthd_refuses",
        "slapd_stopped",
        "slapd_hung",
        "bad_ldapdb_password",
        "authzto_removed",
        "auxprop_misspelt",
        "unreadable_tls_key",
        "full_maxchild",
        "port_taken",
        "user_denied",
        "plaintext_refused",
    }


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows_what_its_table_says_and_is_undone(lab: Lab, name: str) -> None:
    start = lab.mark()
    with fault(lab, name) as made:
        for log, fragment in made.at_start:
            lab.wait_log(log, fragment, since=start)
        mark = lab.mark()
        outcome = login(lab, made.attempt)
        assert outcome.result == made.result, outcome
        assert made.reply in outcome.reply
        for log, fragment in made.seen:
            lab.wait_log(log, fragment, since=mark)
        for log, fragment in made.unseen:
            assert [line for line in lab.new_lines(log, mark) if fragment in line] == []
    after = login(lab, as_person(ORDINARY[-1] if name == "user_denied" else TOTO, made.attempt.service))
    assert after.ok, after


def test_full_maxchild_shows_in_the_accept_queue(lab: Lab) -> None:
    with fault(lab, "full_maxchild"):
        queues = {one.address: one.waiting for one in lab.listeners() if one.port == 143}
        assert queues == {"127.0.0.1": 3, "::1": 0}
        assert len(list(lab.path("/var/lib/cyrus/proc").iterdir())) == 10


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(LabError, match="knows no fault 'gremlins'"), fault(Lab(), "gremlins"):
        pass


# -- traffic -------------------------------------------------------------------------------------------------


def test_traffic_tells_the_truth(lab: Lab) -> None:
    mark = lab.mark()
    outcomes = list(traffic(lab, seconds=6, rate=8, seed=3))
    kinds = Counter(outcome.attempt.kind for outcome in outcomes)
    assert len(outcomes) > 20
    assert {"ok", "wrong-password", "unknown-user"} <= set(kinds)
    assert any(kind.startswith("tls-") for kind in kinds)
    assert [one for one in outcomes if one.ok != (one.attempt.kind == "ok")] == []
    ordered = sorted(outcomes, key=lambda one: one.start)
    assert any(later.start < earlier.end for earlier, later in pairwise(ordered))
    logged = [line for line in lab.new_lines("mail", mark) if ": login: " in line]
    assert len(logged) == kinds["ok"]


def test_passwords_are_on_no_command_line(lab: Lab) -> None:
    with Worker(lab) as worker:
        future = worker.submit(Attempt("toto", "a-secret-of-mine", kind="wrong-password"))
        texts = []
        for pid in processes():
            for name in ("cmdline", "environ"):
                try:
                    texts.append(Path(f"/proc/{pid}/{name}").read_bytes())
                except OSError:
                    continue
        assert not any(b"a-secret-of-mine" in text for text in texts)
        assert not future.result().ok


def test_the_hashed_and_the_unknown_are_what_they_seem() -> None:
    assert HASHED.stored is not None
    assert HASHED.stored.startswith("{SSHA}")
    assert not HASHED.can_login
    assert NOBODY not in FIXED


# -- inside --------------------------------------------------------------------------------------------------


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = os.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_a_program_inside_can_have_a_terminal_of_ours(lab: Lab, terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    with lab.popen(
        ["sh", "-c", "tty; tty </dev/tty && python3 -c 'import os; print(*os.openpty())'"], terminal=theirs
    ) as process:
        assert process.wait(timeout=10) == 0
    said = os.read(ours, 4096).decode()
    assert said.split("\r\n")[:2] == [os.ttyname(theirs), "/dev/tty"]


def test_a_command_that_does_not_end_is_ended(lab: Lab) -> None:
    with pytest.raises(CommandFailed, match="did not end in time"):
        lab.run(["sleep", "600"], timeout=0.3)
    assert "sleep 600" not in lab.run(["ps", "-eo", "args"]).stdout


def test_a_command_that_fails_says_so(lab: Lab) -> None:
    with pytest.raises(CommandFailed, match="ended with status 2"):
        lab.run(["ls", "/no/such/place"])
    assert lab.run(["ls", "/no/such/place"], check=False).status == 2
    with pytest.raises(NotInTime, match=r"Waited 0\.1 s for a line with 'no such line'"):
        lab.wait_log("mail", "no such line", timeout=0.1)


def test_commands_run_as_whom_one_asks_for(lab: Lab) -> None:
    assert lab.run(["id", "--user", "--name"], user="cyrus").stdout == "cyrus\n"
    assert lab.run(["cat"], input="été\n").stdout == "été\n"


def test_debians_own_script_restarts_cyrus(lab: Lab) -> None:
    before = lab.pid_in(MASTER_PID)
    lab.run(["/etc/init.d/cyrus-imapd", "restart"])
    lab.wait_listening([("127.0.0.1", 143), ("::", 993)], "cyrmaster")
    assert lab.pid_in(MASTER_PID) not in (None, before)
    assert login(lab, as_person(TOTO)).ok


def test_daemons_reload_and_restart(lab: Lab) -> None:
    master = lab.pid_in(MASTER_PID)
    lab.reload_cyrus()
    assert lab.pid_in(MASTER_PID) == master
    lab.restart_slapd()
    log = lab.path("/var/log/mail.info")
    log.rename(log.with_name("mail.info.1"))
    lab.reload_rsyslog()
    mark = lab.mark()
    assert login(lab, as_person(TOTO)).ok
    lab.wait_log("mail", " toto plaintext", since=mark)
    lab.restart_rsyslog()
    mark = lab.mark()
    assert login(lab, as_person(TOTO)).ok
    lab.wait_log("mail", " toto plaintext", since=mark)


def test_a_lab_that_is_down_says_so() -> None:
    with pytest.raises(LabError, match="not up"):
        Lab().run(["true"])


# -- by hand -------------------------------------------------------------------------------------------------


def by_hand(state: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.lab", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "CYRTUI_LAB_STATE": str(state)},
        input=said,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_by_hand(tmp_path: Path) -> None:
    state = tmp_path / "lab.json"
    assert by_hand(state, "status").returncode == 1
    up = by_hand(state, "up", "--stamps", "rfc3339", "--layout", "legacy")
    assert up.returncode == 0, up.stderr
    try:
        again = by_hand(state, "up")
        assert again.returncode == 1
        assert "A lab is up already" in again.stderr
        status = by_hand(state, "status")
        assert status.returncode == 0
        assert "layout of the spool: legacy" in status.stdout
        assert "listens    127.0.0.1 port 143" in status.stdout
        assert by_hand(state, "run", "--", "hostname").stdout == "samchiel\n"
        assert by_hand(state, "run", "--user", "cyrus", "--", "id", "-un").stdout == "cyrus\n"
        assert by_hand(state, "run", "--", "sh", "-c", "exit 7").returncode == 7
        told = by_hand(state, "fault", "slapd_stopped", said="\n")
        assert told.returncode == 0, told.stderr
        assert "slapd does not run" in told.stdout
        some = by_hand(state, "traffic", "--seconds", "1", "--rate", "5")
        assert some.returncode == 0, some.stderr
        assert len(some.stdout.splitlines()) >= 2
    finally:
        down = by_hand(state, "down")
    assert down.returncode == 0, down.stderr
    assert not state.exists()
    assert by_hand(state, "status").stdout == "No lab is up.\n"
