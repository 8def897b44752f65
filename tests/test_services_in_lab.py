"""What `cyrtui status` says of a real Cyrus in every state that a service can get into."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cyrtui.services.board import OBSERVE_EVERY
from tests.lab import Lab
from tests.lab.clients import as_person, attempts
from tests.lab.configuration import CYRUS_CONF, PRIVATE_KEY
from tests.lab.directory import TOTO
from tests.lab.errors import NotInTime
from tests.lab.faults import MAXCHILD, WAITING, full_maxchild, occupied, port_taken, unreadable_tls_key
from tests.lab.stack import CYRUS_PORTS, MASTER_PID

CHECKOUT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {"PYTHONPATH": str(CHECKOUT)}
NO_IPV6 = [one for one in CYRUS_PORTS if one[0] != "::1"]

# Python's files may be closed to that user: one look at the copied tree `/` has everything imported before.
AS_NOBODY = """
import contextlib, io, os, sys
import cyrtui.cli, cyrtui.host.local, cyrtui.host.local_logs, cyrtui.host.processes, cyrtui.host.sockets
import cyrtui.host.socket_diag, cyrtui.host.versions, encodings.idna, grp, pwd
with contextlib.redirect_stdout(io.StringIO()):
    cyrtui.cli.main(["status", "--json", "--root", "/"])
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
sys.exit(cyrtui.cli.main(["status", "--json"]))
"""


def status(lab: Lab, *, code: int | None = None) -> dict[str, Any]:
    """`cyrtui status --json` inside."""
    done = lab.run(
        [sys.executable, "-m", "cyrtui", "status", "--json"], env=ENVIRONMENT, cwd=CHECKOUT, check=False
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.status == found["exit_code"], done.stderr
    if code is not None:
        assert done.status == code, found["sentences"]
    return found


def text(lab: Lab) -> str:
    """`cyrtui status` inside."""
    words = [sys.executable, "-m", "cyrtui", "status"]
    return lab.run(words, env=ENVIRONMENT, cwd=CHECKOUT, check=False).stdout


def service(found: dict[str, Any], name: str) -> dict[str, Any]:
    """One service of a status."""
    one: dict[str, Any] = next(one for one in found["services"] if one["name"] == name)
    return one


@contextmanager
def cyrus_conf(lab: Lab, text: str) -> Iterator[None]:
    """cyrus.conf with another text, which cyrmaster has not read; at the end everything is as before."""
    lab.write("/etc/cyrus.conf", text)
    try:
        yield
    finally:
        lab.write("/etc/cyrus.conf", CYRUS_CONF)
        lab.restart_cyrus()


def test_the_articles_server(lab: Lab) -> None:
    lab.restart_cyrus()
    found = status(lab, code=2)
    assert found["status"] == "critical"
    assert {one["name"]: (one["state"], one["exposure"]) for one in found["services"]} == {
        "imap": ("listening", "host"),
        "imaps": ("listening", "world"),
        "lmtp": ("not-listening", None),
        "sieve": ("listening", "host"),
    }
    lmtp = service(found, "lmtp")
    assert lmtp["reason"].startswith('"lmtp" is no name in /etc/services; cyrmaster disabled it at ')
    assert lmtp["log_line"] == "Servname not supported for ai_socktype, disabling lmtp"
    assert (found["unexpected"], found["unseen"], found["stale"]) == ([], [], None)
    imaps = service(found, "imaps")
    assert {(one["address"], one["port"]) for one in imaps["listeners"]} == {("0.0.0.0", 993), ("::", 993)}
    assert (imaps["maxchild"], imaps["backlog"], imaps["backlog_limit"]) == (10, 0, 64)


def test_what_is_known_of_the_master(lab: Lab) -> None:
    master = status(lab)["master"]
    packaged = lab.run(["dpkg-query", "-W", "-f", "${Version}", "cyrus-imapd"]).stdout
    assert master["version"].startswith(packaged.partition("-")[0])
    assert master["version"] in lab.run(["/usr/sbin/cyrmaster", "-V"]).stdout
    assert (master["pid_file"], master["backlog"], master["user"]) == (MASTER_PID, 32, "cyrus")
    assert master["pid"] == lab.pid_in(MASTER_PID)


def test_the_listen_backlog_that_master_was_given(lab: Lab) -> None:
    lab.stop_cyrus()
    try:
        lab.run(["cyrmaster", "-d", "-p", MASTER_PID, "-l", "7"])
        lab.wait_listening(CYRUS_PORTS, "cyrmaster")
        found = status(lab)
        assert found["master"]["backlog"] == 7
        assert service(found, "imap")["backlog_limit"] == 14
    finally:
        lab.restart_cyrus()


def test_the_text_is_a_monitoring_plug_ins(lab: Lab) -> None:
    first, *rest = text(lab).splitlines()
    said, _, figures = first.partition(" | ")
    assert said.startswith("CYRUS CRITICAL - lmtp does not listen: ")
    assert "imap_children=" in figures
    performance = dict(one.split("=") for one in figures.split())
    assert performance["lmtp_children"] == "0;;;0;3"
    assert performance["imaps_queue"] == "0;;;0;64"
    assert not any("|" in line for line in rest)


def test_a_port_that_another_program_holds_is_named_with_it(lab: Lab) -> None:
    with port_taken(lab):
        imap = service(status(lab, code=2), "imap")
        assert imap["state"] == "foreign"
        assert "python" in imap["reason"]
        assert "holds 127.0.0.1:143" in imap["reason"] or "holds [::1]:143" in imap["reason"]
        assert "Address already in use" in imap["log_line"]
    assert service(status(lab), "imap")["state"] == "listening"


def test_one_address_that_another_program_holds(lab: Lab) -> None:
    lab.stop_cyrus()
    try:
        with occupied(lab, ["listen", "143", "127.0.0.1"]):
            lab.start_cyrus(expected=[one for one in CYRUS_PORTS if one != ("127.0.0.1", 143)])
            found = status(lab)
            imap = service(found, "imap")
            assert imap["state"] == "partly"
            assert "holds 127.0.0.1:143" in imap["reason"]
            assert any(sentence.startswith("imap listens in part") for sentence in found["sentences"])
    finally:
        lab.restart_cyrus()


def test_maxchild_reached_is_seen_while_no_log_says_so(lab: Lab) -> None:
    lab.restart_cyrus()
    attempts(lab, [as_person(TOTO)])
    mark = lab.mark()
    with full_maxchild(lab):
        found = status(lab, code=2)
        imap = service(found, "imap")
        assert imap["state"] == "full"
        assert imap["reason"] == (
            f"all {MAXCHILD} processes that maxchild allows on 127.0.0.1:143 are busy,"
            f" and {WAITING} clients wait"
        )
        assert imap["backlog"] == WAITING
        crowded = next(one for one in imap["listeners"] if one["address"] == "127.0.0.1")
        assert (crowded["children"], crowded["busy"]) == (MAXCHILD, MAXCHILD)
        clients = {(one["user"], one["address"]): one["count"] for one in imap["clients"]}
        assert clients[None, "127.0.0.1"] == MAXCHILD
        assert not [line for line in lab.new_lines("mail", mark) if "master" in line or "maxchild" in line]
    assert service(status(lab), "imap")["state"] == "listening"


def test_two_looks_are_less_than_two_seconds_apart() -> None:
    assert OBSERVE_EVERY < 2.0 - 0.15


def test_a_master_that_was_stopped(lab: Lab) -> None:
    lab.stop_cyrus()
    try:
        found = status(lab, code=2)
        assert found["master"]["running"] is False
        assert found["master"]["reason"].startswith("cyrmaster was stopped at ")
        assert found["sentences"][0] == found["master"]["reason"]
        assert {one["state"] for one in found["services"]} == {"not-listening"}
        assert text(lab).startswith("CYRUS CRITICAL - cyrmaster was stopped at ")
    finally:
        lab.start_cyrus()


def test_a_master_that_ended_itself_over_its_configuration(lab: Lab) -> None:
    broken = CYRUS_CONF.replace("        sieve ", "        si-eve ")
    with cyrus_conf(lab, broken):
        lab.reload_cyrus()
        lab.wait(lambda: lab.pid_in(MASTER_PID) is None, "cyrmaster to give up")
        found = status(lab, code=2)
        assert "cyrmaster ended itself at " in found["master"]["reason"]
        assert "bad character '-' in name on line 10" in found["master"]["reason"]
        assert found["faults"][0]["line"] == 10
        lab.wait(lambda: not lab.processes_of("cyrus"), "the end of Cyrus' processes")


def test_a_master_without_privilege_after_a_sighup(lab: Lab) -> None:
    more = CYRUS_CONF.replace(
        "SERVICES {\n", 'SERVICES {\n        second cmd="imapd" listen="110" maxchild=3\n'
    )
    with cyrus_conf(lab, more):
        mark = lab.mark()
        lab.reload_cyrus()
        lab.wait_log("mail", "unable to create second listener socket", since=mark)
        second = service(status(lab, code=2), "second")
        assert second["state"] == "not-listening"
        assert "cyrmaster runs as cyrus and was not allowed to open port 110 at " in second["reason"]
        assert "only a restart brings it back, no SIGHUP" in second["reason"]
        assert second["log_line"] == "unable to bind to second/ipv6 socket: Permission denied" or (
            second["log_line"] == "unable to bind to second/ipv4 socket: Permission denied"
        )


def test_clear_text_that_is_open_to_the_world_is_advice(lab: Lab) -> None:
    more = CYRUS_CONF.replace('"localhost:imap"', '"imap"').replace(
        "SERVICES {\n", 'SERVICES {\n        second cmd="imapd" listen="110" maxchild=3\n'
    )
    with cyrus_conf(lab, more):
        lab.restart_cyrus(expected=[("0.0.0.0", 143), ("0.0.0.0", 110)])
        found = status(lab)
        assert {one["name"]: one["message"].partition(";")[0] for one in found["advice"]} == {
            "imap": "imap opens clear-text IMAP to the world",
            "second": "second opens clear-text IMAP to the world",
        }
        assert all("allowplaintext lets passwords" in one["message"] for one in found["advice"])
        assert not any("clear-text" in sentence for sentence in found["sentences"])


def test_a_service_whose_processes_die_over_a_certificate(lab: Lab) -> None:
    before = lab.read("/etc/imapd.conf")
    lab.write(
        "/etc/imapd.conf",
        "".join(line for line in before.splitlines(keepends=True) if not line.startswith("tls_server_cert")),
    )
    try:
        lab.restart_cyrus()
        mark = lab.mark()
        attempts(lab, [as_person(TOTO, "imaps")])
        lab.wait_log("mail", "too many failures for service imaps/ipv4", since=mark)
        imaps = service(status(lab, code=2), "imaps")
        assert imaps["state"] == "crashing"
        assert (
            'its processes died at their start ("imaps: required OpenSSL options not present")'
            in imaps["reason"]
        )
        assert "a restart (no SIGHUP: it may not open ports below 1024 now)" in imaps["reason"]
        assert imaps["log_line"] == "too many failures for service imaps/ipv4, disabling until next SIGHUP"
    finally:
        lab.write("/etc/imapd.conf", before)
        lab.restart_cyrus()


def test_a_service_whose_processes_may_not_read_the_key(lab: Lab) -> None:
    with unreadable_tls_key(lab):
        attempts(lab, [as_person(TOTO, "imaps")])
        lab.wait_log("mail", "error initializing TLS")
        imaps = service(status(lab, code=2), "imaps")
        assert imaps["state"] == "crashing"
        assert f"unable to get private key from '{PRIVATE_KEY}'" in imaps["reason"]
    attempts(lab, [as_person(TOTO, "imaps")])
    assert service(status(lab), "imaps")["state"] == "listening"


def test_edited_but_not_restarted(lab: Lab) -> None:
    lab.restart_cyrus()
    moved = CYRUS_CONF.replace('listen="imaps"', 'listen="localhost:imaps"')
    with cyrus_conf(lab, moved):
        found = status(lab)
        imaps = service(found, "imaps")
        assert imaps["state"] == "undeclared"
        assert (
            "cyrmaster waits on 0.0.0.0:993 and [::]:993, but cyrus.conf says localhost:imaps"
            in imaps["reason"]
        )
        assert "after cyrmaster had read it" in imaps["reason"]
        assert found["stale"].startswith("/etc/cyrus.conf was changed at ")
        assert found["stale"] in found["sentences"]


def test_an_edit_that_moves_no_socket_is_pointed_out_as_well(lab: Lab) -> None:
    lab.restart_cyrus()
    with cyrus_conf(lab, CYRUS_CONF.replace("maxchild=3", "maxchild=4")):
        assert "cyrmaster has not read it since" in status(lab)["stale"]
        # stamps of whole seconds: a SIGHUP in the second of the edit may have come before it
        changed = lab.path("/etc/cyrus.conf").stat().st_mtime
        os.utime(lab.path("/etc/cyrus.conf"), (changed - 2, changed - 2))
        lab.reload_cyrus()
        lab.wait_log("mail", "Services reconfigured")
        assert status(lab)["stale"] is None


def test_services_that_are_declared_no_more(lab: Lab) -> None:
    lab.restart_cyrus()
    lines = [line for line in CYRUS_CONF.splitlines(keepends=True) if "timsieved" not in line]
    with cyrus_conf(lab, "".join(lines)):
        found = status(lab)
        assert [one["name"] for one in found["services"]] == ["imap", "imaps", "lmtp"]
        assert {one["listeners"][0]["port"] for one in found["unexpected"]} == {4190}
        assert {one["state"] for one in found["unexpected"]} == {"undeclared"}


def test_without_the_ipv6_address_of_this_host(lab: Lab) -> None:
    lab.run(["ip", "-6", "addr", "del", "::1/128", "dev", "lo"])
    try:
        lab.restart_cyrus(expected=NO_IPV6)
        imap = service(status(lab), "imap")
        assert imap["state"] == "partly"
        assert "Cannot assign requested address" in imap["reason"]
        assert [one["address"] for one in imap["listeners"]] == ["127.0.0.1"]
    finally:
        lab.run(["ip", "-6", "addr", "add", "::1/128", "dev", "lo"])
        lab.restart_cyrus()


def test_what_prometheus_is_told_is_compared_too(lab: Lab) -> None:
    before = lab.read("/etc/imapd.conf")
    lab.set_option("prometheus_enabled", "yes")
    try:
        lab.restart_cyrus()
        lab.wait(lambda: lab.path("/var/lib/cyrus/stats/master.txt").exists(), "cyrmaster's figures")
        assert status(lab)["stale"] is None
        with cyrus_conf(lab, CYRUS_CONF.replace("maxchild=10", "maxchild=12")):
            # the stamp of the file says nothing of the edit, as after a copy with its times kept
            os.utime(lab.path("/etc/cyrus.conf"), (1e9, 1e9))
            assert status(lab)["stale"] == (
                "cyrmaster works with maxchild=10 for imap, and /etc/cyrus.conf says otherwise"
            )
    finally:
        lab.write("/etc/imapd.conf", before)
        lab.restart_cyrus()


def test_without_root_what_can_be_known_is_told_and_what_cannot_is_said(lab: Lab) -> None:
    lab.restart_cyrus()
    done = lab.run([sys.executable, "-c", AS_NOBODY], env=ENVIRONMENT, cwd=CHECKOUT, check=False)
    found = json.loads(done.stdout)
    assert {one["name"]: one["state"] for one in found["services"]} == {
        "imap": "listening",
        "imaps": "listening",
        "lmtp": "not-listening",
        "sieve": "listening",
    }
    assert service(found, "lmtp")["reason"].startswith('"lmtp" is no name in /etc/services')
    assert found["master"]["pid"] == lab.pid_in(MASTER_PID)
    unseen = "\n".join(found["unseen"])
    assert "/etc/imapd.conf cannot be read: permission denied (user cyrus or group mail could)" in unseen
    assert "Which process holds" in unseen
    assert "/var/log/mail.info" in unseen


def test_the_schedule_that_master_has_begun(lab: Lab) -> None:
    lab.restart_cyrus()
    lab.wait_log("mail", "done checkpointing")
    found = {f"{one['section']} {one['name']}": one for one in status(lab)["schedule"]}
    assert list(found) == [
        "START recover",
        "START delprune",
        "START tlsprune",
        "EVENTS checkpoint",
        "EVENTS delprune",
        "EVENTS tlsprune",
    ]
    assert found["START recover"]["last"]["line"] == "done recovering cyrus databases"
    checkpoint = found["EVENTS checkpoint"]
    assert (checkpoint["when"], checkpoint["state"]) == ("every 30 minutes", "ok")
    assert checkpoint["last"]["line"] == "done checkpointing cyrus databases"
    assert found["EVENTS delprune"]["when"] == "daily at 04:01"
    assert "T04:01:00" in found["EVENTS delprune"]["next"]


def test_a_checkpoint_that_fails_is_a_warning(lab: Lab) -> None:
    # an option that Cyrus dies on, while the running master has read the file already
    before = lab.read("/etc/imapd.conf")
    try:
        mark = lab.mark()
        lab.write("/etc/imapd.conf", before + "quotawarnkb: many\n")
        lab.reload_cyrus()
        lab.wait_log("mail", "name:checkpoint", since=mark)
        found = status(lab)
        checkpoint = next(one for one in found["schedule"] if one["name"] == "checkpoint")
        assert checkpoint["state"] == "failed"
        assert "exited, status 78" in checkpoint["reason"]
        assert any(sentence.startswith("checkpoint (EVENTS) failed: ") for sentence in found["sentences"])
    finally:
        lab.write("/etc/imapd.conf", before)
        lab.restart_cyrus()


@pytest.fixture(autouse=True)
def _as_it_was(lab: Lab) -> Iterator[None]:
    """Every test leaves the server as the article has it."""
    yield
    assert lab.read("/etc/cyrus.conf") == CYRUS_CONF
    try:
        lab.wait_listening(CYRUS_PORTS, "cyrmaster", timeout=5)
    except NotInTime:
        lab.restart_cyrus()
        raise


def test_a_low_port_that_a_reload_cannot_take_is_linted(lab: Lab) -> None:
    more = CYRUS_CONF.replace("SERVICES {", 'SERVICES {\n  imap2 cmd="imapd" listen="localhost:144"', 1)
    lab.write("/etc/cyrus.conf", more)
    try:
        words = [sys.executable, "-m", "cyrtui", "lint"]
        said = lab.run(words, env=ENVIRONMENT, cwd=CHECKOUT, check=False).stdout
    finally:
        lab.write("/etc/cyrus.conf", CYRUS_CONF)
    (line,) = [line for line in said.splitlines() if "SIGHUP" in line]
    assert line.startswith(
        "/etc/cyrus.conf:7: advice: cyrmaster runs as cyrus and may not take port 144 at a"
    )
    assert "imap2 listens after a restart only." in line
