"""`cyrtui apply` on a real Cyrus: good edits with a client connected, and failures seen only at run time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.lab import Lab
from tests.lab.__main__ import CONSOLE_ENVIRONMENT
from tests.lab.configuration import CERTIFICATE, PRIVATE_KEY
from tests.lab.directory import TOTO
from tests.lab.faults import occupied

CHECKOUT = Path(__file__).resolve().parents[1]
STATE: Final = "/run/cyrtui"
ENVIRONMENT = {"PYTHONPATH": str(CHECKOUT), "CYRTUI_STATE_DIRECTORY": STATE, **CONSOLE_ENVIRONMENT}
SERVICES = "SERVICES {\n"
EXTRA = '        extra cmd="imapd" listen="localhost:1143" maxchild=5\n'

# Logs in, then answers each line of its input with what the server says to a NOOP.
CLIENT = """
import socket, sys
stream = socket.create_connection(("127.0.0.1", 143), 10).makefile("rwb", buffering=0)
def ask(words):
    stream.write(b"a " + words + b"\\r\\n")
    while (line := stream.readline()) and not line.startswith(b"a "): pass
    return line.decode().strip() or "gone"
stream.readline()
print(ask(b"LOGIN %b %b" % tuple(word.encode() for word in sys.stdin.readline().split())), flush=True)
for _ in sys.stdin:
    try:
        print(ask(b"NOOP"), flush=True)
    except OSError:
        print("gone", flush=True)
"""


class Client:
    """A client with an IMAP session that stays open."""

    def __init__(self, lab: Lab) -> None:
        self._process = lab.popen(
            [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert "a OK" in self._ask(f"{TOTO.uid} {TOTO.password}")

    def alive(self) -> bool:
        return "a OK" in self._ask("noop")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _ask(self, words: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{words}\n".encode())
        self._process.stdin.flush()
        return self._process.stdout.readline().decode()


@pytest.fixture(scope="module")
def server(lab: Lab) -> Iterator[Lab]:
    """The lab, with its files and its Cyrus as they were when all is done."""
    kept = {path: lab.read(path) for path in ("/etc/cyrus.conf", "/etc/imapd.conf")}
    lab.restart_cyrus()
    yield lab
    for path, text in kept.items():
        lab.write(path, text)
    lab.restart_cyrus()


# Python and the program are loaded once; each line is the arguments of one run, as JSON.
COMMANDS = """
import contextlib, io, json, sys
from cyrtui.cli import main
for line in sys.stdin:
    out, words = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(words):
        status = main(json.loads(line))
    print(json.dumps([status, out.getvalue(), words.getvalue()]), flush=True)
"""
Apply = Callable[[str, str], tuple[int, dict[str, Any], dict[str, Any]]]


@pytest.fixture(scope="module")
def apply(server: Lab) -> Iterator[Apply]:
    """`cyrtui apply --yes --json` of a text to a path: its status, the plan and the result."""
    with server.popen(
        [sys.executable, "-c", COMMANDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=CHECKOUT,
    ) as process:

        def run(path: str, text: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
            server.write("/run/candidate", text)
            assert process.stdin
            assert process.stdout
            words = ["apply", "/run/candidate", path, "--yes", "--json"]
            process.stdin.write(json.dumps(words).encode() + b"\n")
            process.stdin.flush()
            status, out, said = json.loads(process.stdout.readline())
            objects = [json.loads(line) for line in out.splitlines()]
            assert objects, said
            return status, objects[0], objects[-1]

        yield run
        assert process.stdin
        process.stdin.close()


def ports(lab: Lab) -> set[int]:
    return {one.port for one in lab.listeners()}


def changed(lab: Lab, path: str, old: str, new: str) -> str:
    text = lab.read(path)
    assert old in text
    return text.replace(old, new)


def new_certificate(lab: Lab) -> str:
    """Another certificate and its key beside the first; imapd.conf that names them."""
    made = [CERTIFICATE.replace(".pem", "2.pem"), PRIVATE_KEY.replace(".key", "2.key")]
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-days", "400", "-subj", "/CN=imap.testdomain.info", "-out", made[0], "-keyout", made[1]]
    lab.run(words)
    lab.run(["chown", "cyrus:mail", made[1]])
    text = changed(lab, "/etc/imapd.conf", CERTIFICATE, made[0])
    return text.replace(PRIVATE_KEY, made[1])


def test_a_reload_that_closes_services_is_followed_by_a_restart(server: Lab, apply: Apply) -> None:
    whole = server.read("/etc/cyrus.conf")
    # somebody has taken the first service out by hand: the next SIGHUP will close another one
    server.write("/etc/cyrus.conf", whole.replace("        imap  ", "        #imap "))
    server.reload_cyrus()
    server.wait(lambda: 143 not in ports(server), "imap to be closed")
    text = changed(server, "/etc/cyrus.conf", "maxchild=10", "maxchild=11")
    status, plan, result = apply("/etc/cyrus.conf", text)
    assert (status, plan["need"], result["result"]) == (0, "reload", "applied")
    assert ports(server) >= {993, 4190}
    assert apply("/etc/cyrus.conf", whole)[0] == 0


LMTP = '        lmtpunix cmd="lmtpd" listen="/run/cyrus/socket/lmtp" maxchild=2\n'
# file, what stands there, what is written in its place, what it needs
GOOD = [
    ("cyrus", "prefork=0 maxchild=10", "prefork=0 maxchild=20", "reload"),
    ("cyrus", SERVICES, SERVICES + LMTP, "reload"),
    ("cyrus", SERVICES, SERVICES + EXTRA, "reload"),
    ("cyrus", "localhost:1143", "localhost:1144", "restart"),
    ("cyrus", "localhost:1144", "localhost:220", "restart"),
    (
        "cyrus",
        '        sieve           cmd="timsieved"',
        '        #sieve          cmd="timsieved"',
        "restart",
    ),
    ("cyrus", "prefork=0 maxchild=20", "prefork=1 maxchild=20", "reload"),
    ("imapd", "popminpoll: 1", "timeout: 45", "reload"),
    ("imapd", "certificate", "", "reload"),
    ("imapd", "umask: 077\n", "umask: 077\nproc_path: /run/cyrus/proc\n", "restart"),
    ("cyrus", "EVENTS {", "# what comes again and again\nEVENTS {", "nothing"),
]


def test_good_edits_are_applied_and_verified_with_clients_connected(server: Lab, apply: Apply) -> None:
    client = Client(server)
    for name, old, new, need in GOOD:
        path = f"/etc/{name}.conf"
        before = server.read(path)
        text = new_certificate(server) if old == "certificate" else changed(server, path, old, new)
        status, plan, result = apply(path, text)
        assert (status, result["result"], plan["need"]) == (0, "applied", need), (old, new, plan, result)
        assert server.read(path) == text
        assert server.read(plan["backup"]) == before
        if need == "restart":
            assert {one["service"] for one in plan["dropped"]} == {"imap"}
            client.close()
            client = Client(server)
        else:
            assert client.alive(), (old, new)
        if "1144" in new:
            assert ports(server) >= {143, 993, 1144}
            assert 1143 not in ports(server)
            assert {one["place"] for one in plan["goes"]} == {"127.0.0.1:1143", "[::1]:1143"}
        if "220" in new:
            assert "may not open port 220 for extra on SIGHUP" in " ".join(plan["reasons"])
        if "#sieve" in new:
            assert 4190 not in ports(server)
    client.close()


def test_a_port_that_is_taken_is_found_at_run_time_and_the_old_file_put_back(
    server: Lab, apply: Apply
) -> None:
    before = server.read("/etc/cyrus.conf")
    text = before.replace(SERVICES, SERVICES + EXTRA.replace("extra", "more"))
    text = text.replace("START {", 'START {\n        again cmd="/usr/sbin/tls_prune"')
    mark = server.mark()
    with occupied(server, ["listen", "1143", "127.0.0.1"]):
        status, plan, result = apply("/etc/cyrus.conf", text)
    assert (status, plan["need"], result["result"]) == (3, "restart", "restored")
    assert any(note.startswith("127.0.0.1:1143 is held by python") for note in plan["notes"])
    assert "unable to bind to more/ipv4 socket: Address already in use" in result["lines"]
    assert "python" in result["sentence"]
    assert server.read("/etc/cyrus.conf") == before
    client = Client(server)
    assert client.alive()
    client.close()
    said = server.wait_log("auth", "root replaced /etc/cyrus.conf (backup /etc/cyrus.conf.20", since=mark)
    edit = said.partition("edit ")[2].partition(":")[0]
    server.wait_log("auth", f'edit {edit}: +        more cmd="imapd" listen="localhost:1143"', since=mark)
    server.wait_log("auth", f"edit {edit}: root: /etc/cyrus.conf: restored:", since=mark)


def test_ciphers_that_do_not_exist_are_found_by_the_handshake(server: Lab, apply: Apply) -> None:
    before = server.read("/etc/imapd.conf")
    text = before.replace("tls_cipher_list: TLSv1+HIGH:!aNULL:@STRENGTH", "tls_cipher_list: NONSENSE")
    status, plan, result = apply("/etc/imapd.conf", text)
    assert (status, plan["need"], result["result"]) == (3, "reload", "restored")
    assert "imaps on 0.0.0.0:993 makes no TLS" in result["sentence"]
    assert "TLS server engine: cannot load cipher list 'NONSENSE'" in result["lines"]
    assert server.read("/etc/imapd.conf") == before


def test_a_stopped_cyrus_is_started(server: Lab, apply: Apply) -> None:
    server.stop_cyrus()
    text = changed(server, "/etc/cyrus.conf", "maxchild=3", "maxchild=4")
    status, plan, result = apply("/etc/cyrus.conf", text)
    assert (status, result["result"]) == (0, "applied")
    assert plan["sentence"] == "cyrmaster is not running: it will be started."


# A console with somebody in front of it: what he answers to the offers, and then the history.
ATTENDED = """
import json
from cyrtui.access import open_gate
from cyrtui.apply.applying import begin
from cyrtui.apply.history import applied_edits, text_before
from cyrtui.apply.original import read_original
from cyrtui.apply.plan import make_plan
from cyrtui.host.local import LocalHost
from cyrtui.settings import load_settings
settings, host, gate = load_settings({}), LocalHost(), open_gate(read_only=False)
def go(candidate, answer, countdown):
    plan = make_plan(host, settings, read_original("/etc/cyrus.conf"), candidate)
    applying = begin(gate, settings, plan, attended=True, countdown=countdown)
    for step in applying.steps():
        print(json.dumps(step._asdict()), flush=True)
        if step.step == "offer" and answer:
            applying.decide(answer)
candidate = open("/run/candidate", "rb").read()
go(candidate, None, 0.5)
go(candidate, "keep", 60.0)
go(text_before(applied_edits(settings)[0]), None, 60.0)
"""


def test_when_nothing_listens_it_is_restored_unless_somebody_wants_to_keep_it(server: Lab) -> None:
    before = server.read("/etc/cyrus.conf")
    server.write("/run/candidate", before.replace("START {", 'START {\n        no cmd="/bin/false"'))
    done = server.run([sys.executable, "-c", ATTENDED], env=ENVIRONMENT, cwd=CHECKOUT, timeout=90)
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    failed = [step for step in steps if step["step"] == "failed"]
    assert [step["nothing_listens"] for step in failed] == [True, True]
    assert all("can't run startup" in step["lines"] for step in failed)
    assert [step["seconds"] for step in steps if step["step"] == "offer"] == [0.5, 60.0]
    assert [step["result"] for step in steps if step["result"]] == ["restored", "kept", "applied"]
    # the last one took the kept edit back out of the history, and started the server that lay dead
    assert server.read("/etc/cyrus.conf") == before
    client = Client(server)
    assert client.alive()
    client.close()


def begun(lab: Lab, text: str) -> subprocess.Popen[bytes]:
    """`cyrtui apply` on a line of its own, when the file has just become the candidate."""
    lab.write("/run/candidate", text)
    words = [sys.executable, "-m", "cyrtui", "apply", "/run/candidate", "/etc/cyrus.conf", "--yes", "--json"]
    process = lab.inside.popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=CHECKOUT,
        start_new_session=True,
    )
    lab.wait(lambda: lab.read("/etc/cyrus.conf") == text, "the candidate to be in its place")
    return process


def watchdogs(lab: Lab) -> list[int]:
    """The processes that carry an apply out, by their numbers outside."""
    found = []
    for pid in lab.inside.members():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"cyrtui.apply.watchdog" in words:
            found.append(pid)
    return found


def last_edit(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.read(f"{STATE}/history.jsonl").splitlines()[-1])
    return found


def taken_port(before: str) -> str:
    return before.replace(SERVICES, SERVICES + EXTRA.replace("extra", "late"))


def test_the_line_dies_while_it_is_verified_and_the_old_file_comes_back(server: Lab) -> None:
    before = server.read("/etc/cyrus.conf")
    with occupied(server, ["listen", "1143", "127.0.0.1"]):
        process = begun(server, taken_port(before))
        os.killpg(process.pid, signal.SIGHUP)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert watchdogs(server)
        server.wait(lambda: not watchdogs(server), "the watchdog to end", timeout=60)
    assert server.read("/etc/cyrus.conf") == before
    assert last_edit(server)["result"] == "restored"
    client = Client(server)
    assert client.alive()
    client.close()


def test_the_watchdog_is_killed_and_another_goes_on(server: Lab) -> None:
    before = server.read("/etc/cyrus.conf")
    with occupied(server, ["listen", "1143", "127.0.0.1"]):
        process = begun(server, taken_port(before))
        for pid in watchdogs(server):
            os.kill(pid, signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert b"was killed; another goes on" in out
    assert server.read("/etc/cyrus.conf") == before


def test_both_are_killed_and_the_next_apply_says_so_and_brings_it_to_its_end(server: Lab) -> None:
    before = server.read("/etc/cyrus.conf")
    with occupied(server, ["listen", "1143", "127.0.0.1"]):
        process = begun(server, taken_port(before))
        os.killpg(process.pid, signal.SIGKILL)
        for pid in watchdogs(server):
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        assert server.read("/etc/cyrus.conf") == taken_port(before)
        server.write("/run/candidate", before + "# one more\n")
        done = server.run(
            [sys.executable, "-m", "cyrtui", "apply", "/run/candidate", "/etc/cyrus.conf", "--yes"],
            env=ENVIRONMENT,
            cwd=CHECKOUT,
            check=False,
            timeout=60,
        )
    assert "by root, begun at" in done.stderr
    assert (
        "was cut off: the file was replaced, and nobody verified it. It is brought to its end" in done.stderr
    )
    assert "That apply did not end well" in done.stderr
    assert server.read("/etc/cyrus.conf") == before
    assert last_edit(server)["result"] == "restored"
