"""`cyrtui status`: text, JSON and exit codes, on recordings, on copied trees and on servers made up."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cyrtui.host.facts import Snapshot
from cyrtui.host.recording_format import Header, encode, header_line, snapshot_data
from cyrtui.services.board import NoBoard, ServiceBoard, observe_services
from cyrtui.services.master_log import MasterLog, read_master_log
from cyrtui.status import Status, as_json, as_text, judge
from tests.services.builders import (
    MASTER,
    NOON,
    PORTS,
    SQUEEZE,
    SQUEEZE_CONF,
    FakeHost,
    listener,
    master,
    netstat,
    process,
    resolve,
    said,
    snapshot,
)

ROOT = Path(__file__).parent.parent
SERVICES = "".join(f"{name} {port}/tcp\n" for name, port in PORTS.items())
STATES = {"listening", "partly", "not-listening", "full", "crashing", "undeclared", "foreign", "unknown"}


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cyrtui", "status", *argv],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def recording(at: Path, seen: Snapshot, log: str, *, changed: float) -> str:
    """A recording of the Squeeze server with one of its netstat pictures."""
    path = at / "squeeze.cyrtui"
    asked = [("localhost", "imap"), (None, "imaps"), ("localhost", "lmtp"), ("localhost", "sieve")]
    rows = [
        [node, port, "tcp", [[one.address, one.port] for one in resolve(node, port, "tcp")]]
        for node, port in asked
    ]
    files = (
        ("/etc/cyrus.conf", SQUEEZE_CONF.decode(), changed),
        ("/etc/imapd.conf", (SQUEEZE / "imapd.conf").read_text(), NOON - 9000),
        ("/etc/services", SERVICES, NOON - 9000),
    )
    with gzip.open(path, "wb") as out:
        out.write(header_line(Header("samchiel", "UTC", NOON, "test")))
        for name, text, mtime in files:
            out.write(encode({"t": 0.0, "file": name, "text": text, "stat": [0o100644, 0, 0, mtime]}))
        out.write(encode({"t": 0.0, "resolve": rows}))
        out.write(encode({"t": 0.0, "log": "/var/log/mail.info", "text": log}))
        out.write(encode({"t": 0.0, "dir": "/var/lib/cyrus/proc"}))
        out.write(encode({"t": 0.0, "snapshot": snapshot_data(seen)}))
        out.write(encode({"t": 1.0, "end": True}))
    return str(path)


def test_the_picture_before_the_restart(tmp_path: Path) -> None:
    seen = snapshot([master(26003)], netstat("netstat-default.txt"))
    log = "Nov 22 11:00:00 samchiel cyrus/master[26003]: ready for work\n"
    done = run("--json", "--recording", recording(tmp_path, seen, log, changed=NOON - 60))
    found = json.loads(done.stdout)
    assert (done.returncode, found["exit_code"], found["status"]) == (2, 2, "critical")
    assert {one["name"]: (one["state"], one["exposure"]) for one in found["services"]} == {
        "imap": ("undeclared", "world"),
        "imaps": ("not-listening", None),
        "lmtp": ("not-listening", None),
        "sieve": ("listening", "host"),
    }
    places = {(one["address"], one["port"]) for row in found["unexpected"] for one in row["listeners"]}
    assert places == {("0.0.0.0", 110), ("::", 110), ("0.0.0.0", 119), ("::", 119)}
    assert found["stale"].startswith("/etc/cyrus.conf was changed at 11:59:00, and cyrmaster has not read it")
    assert "imap opens clear-text IMAP to the world" in found["advice"][0]["message"]


def test_the_picture_after_the_restart(tmp_path: Path) -> None:
    seen = snapshot([master()], netstat("netstat-restricted.txt"))
    log = (
        f"Nov 22 11:00:00 samchiel cyrus/master[{MASTER}]: Servname not supported for ai_socktype, disabling"
        " lmtp\nNov 22 11:59:00 samchiel cyrus/ctl_cyrusdb[9]: done checkpointing cyrus databases\n"
    )
    path = recording(tmp_path, seen, log, changed=NOON - 7200)
    found = json.loads(run("--json", "--recording", path).stdout)
    assert {one["name"]: (one["state"], one["exposure"]) for one in found["services"]} == {
        "imap": ("listening", "host"),
        "imaps": ("listening", "world"),
        "lmtp": ("not-listening", None),
        "sieve": ("listening", "host"),
    }
    assert (found["unexpected"], found["stale"], found["unseen"]) == ([], None, [])
    text = run("--recording", path)
    assert text.returncode == 2
    assert text.stdout.startswith(
        'CYRUS CRITICAL - lmtp does not listen: "lmtp" is no name in /etc/services; cyrmaster disabled it at'
        " 11:00:00 | imap_children=0;;;0;10 imap_queue=0;;;0;64 "
    )
    assert text.stderr == ""


def test_a_recording_is_looked_at_as_it_was_at_its_end(tmp_path: Path) -> None:
    path = recording(tmp_path, snapshot([master()], netstat("netstat-restricted.txt")), "", changed=0)
    with gzip.open(path, "rb") as file:
        lines = file.read().splitlines(keepends=True)
    gone = encode({"t": 0.9, "snapshot": snapshot_data(snapshot([]))})
    with gzip.open(path, "wb") as out:
        out.write(b"".join([*lines[:-1], gone, lines[-1]]))
    assert json.loads(run("--json", "--recording", path).stdout)["master"]["running"] is False


def test_a_copied_tree_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/cyrus.conf").write_bytes(SQUEEZE_CONF)
    done = run("--json", "--root", str(tmp_path))
    found = json.loads(done.stdout)
    assert (done.returncode, found["status"], found["master"]["running"]) == (3, "unknown", None)
    assert {one["state"] for one in found["services"]} == {"unknown"}
    assert run("--root", str(tmp_path)).stdout.startswith("CYRUS UNKNOWN - A copied tree has no processes")


@pytest.mark.parametrize(
    "argv", [["--root", "/nonexistent"], ["--recording", "/etc/hostname"], ["--config", "/nonexistent"]]
)
def test_what_cannot_be_opened_is_unknown(argv: list[str]) -> None:
    done = run(*argv)
    assert done.returncode == 3
    assert done.stdout.startswith("CYRUS UNKNOWN - ")
    assert json.loads(run("--json", *argv).stdout)["status"] == "unknown"


def test_no_cyrus_conf_is_unknown(tmp_path: Path) -> None:
    done = run("--root", str(tmp_path))
    assert (done.returncode, done.stdout) == (3, "CYRUS UNKNOWN - /etc/cyrus.conf does not exist.\n")


def test_wrong_usage_is_no_alarm() -> None:
    done = run("--nonsense")
    assert (done.returncode, done.stdout) == (3, "")
    assert "usage: cyrtui" in done.stderr


# What is made of a board

CONF = b"""START {
 recover cmd="ctl_cyrusdb -r"
}
SERVICES {
 imap cmd="imapd -s" listen="127.0.0.1:143" maxchild=2
}
EVENTS {
 checkpoint cmd="ctl_cyrusdb -c" period=30
 delprune cmd="cyr_expire -E 3" at=0401
}
"""
RAN = (
    "11:00:00 got SIGHUP",
    "11:58:00 process type:EVENT name:checkpoint path:/x/ctl_cyrusdb age:1s pid:9 exited normally",
)


def board(
    *words: str,
    listeners: bool = True,
    running: bool = True,
    children: int = 0,
    queue: int = 0,
    conf: bytes = CONF,
    changed: float = NOON - 7200,
) -> ServiceBoard:
    pids = range(31, 31 + children)
    processes = [master(), *(process(pid, "imapd", ppid=MASTER) for pid in pids)] if running else []
    sockets = [listener("127.0.0.1", 143, MASTER, *pids, queue=queue)] if listeners else []
    on = FakeHost(
        {"/etc/cyrus.conf": conf, "/etc/imapd.conf": b"configdirectory: /x\n"},
        snapshot(processes, sockets),
        changed=changed,
    )
    found = observe_services(on, log=read_master_log(said(*(words or RAN)), ["/m"]))
    assert isinstance(found, ServiceBoard)
    return found


def status(found: ServiceBoard | NoBoard) -> Status:
    standing, sentences = judge(found)
    return Status("mail", None, found, standing, sentences, ())


def test_all_is_well() -> None:
    found = status(board())
    assert (found.standing, found.exit_code, found.sentences) == ("ok", 0, ())
    assert as_text(found).startswith(
        "CYRUS OK - 1 service listens as declared | imap_children=0;;;0;2 imap_queue=0;;;0;32\n"
    )


def test_full_is_critical() -> None:
    found = status(board(children=2, queue=3))
    assert (found.standing, found.exit_code) == ("critical", 2)
    first = as_text(found).splitlines()[0]
    assert first == (
        "CYRUS CRITICAL - imap is full: all 2 processes that maxchild allows on 127.0.0.1:143 are busy, and 3"
        " clients wait | imap_children=2;;;0;2 imap_queue=3;;;0;32"
    )


def test_an_edit_that_was_not_read_is_a_warning() -> None:
    found = status(board(changed=NOON - 60))
    assert (found.standing, found.exit_code) == ("warning", 1)
    assert found.sentences[0].startswith("/etc/cyrus.conf was changed at ")


def test_a_checkpoint_that_failed_is_a_warning() -> None:
    found = status(
        board(
            "11:00:00 got SIGHUP",
            "11:58:00 process type:EVENT name:checkpoint path:/x/ctl_cyrusdb age:1s pid:9 exited, status 75",
        )
    )
    assert (found.exit_code, found.sentences) == (1, ("checkpoint (EVENTS) failed: exited, status 75",))


def test_without_a_master_only_that_is_said() -> None:
    found = status(board(running=False, listeners=False))
    assert found.exit_code == 2
    assert len(found.sentences) == 1
    assert json.loads(as_json(found))["master"]["running"] is False


def test_advice_is_no_alarm() -> None:
    found = status(board(conf=CONF.replace(b" maxchild=2", b"")))
    assert found.exit_code == 0
    assert "advice: imap has no maxchild: nothing limits the number of its processes" in as_text(found)
    assert "imap_children=0;;;0; " in as_text(found)


def test_a_bar_in_a_sentence_does_not_begin_performance_data() -> None:
    found = status(board())._replace(standing="critical", sentences=("a | b", "c | d"))
    first, second, *_ = as_text(found).splitlines()
    assert first.count("|") == 1
    assert first.startswith("CYRUS CRITICAL - a ¦ b (and 1 more) | imap_children=")
    assert second == "c ¦ d"


def test_no_board() -> None:
    found = status(NoBoard("/etc/cyrus.conf cannot be read: permission denied."))
    assert found.exit_code == 3
    assert as_text(found) == "CYRUS UNKNOWN - /etc/cyrus.conf cannot be read: permission denied.\n"


def test_the_fields_that_are_promised() -> None:
    found: dict[str, Any] = json.loads(as_json(status(board(children=1))))
    (one,) = found["services"]
    promised = {"name", "cmd", "listen", "proto", "state", "exposure", "listeners", "children", "maxchild"}
    assert promised | {"backlog", "reason"} <= set(one)
    assert one["state"] in STATES
    assert (one["listeners"][0]["address"], one["listeners"][0]["port"]) == ("127.0.0.1", 143)
    assert (one["children"], one["maxchild"], one["backlog"], one["exposure"]) == (1, 2, 0, "host")
    assert found["master"]["started"].startswith("2026-11-22T1")
    assert found["unexpected"] == []


def test_nothing_known_of_the_log_is_not_nothing_said() -> None:
    on = FakeHost(
        {"/etc/cyrus.conf": CONF, "/etc/imapd.conf": b"configdirectory: /x\n"}, snapshot([master()])
    )
    found = observe_services(on, log=MasterLog(()))
    assert judge(found)[1] == ("imap does not listen: nothing waits on 127.0.0.1:143; no log was read",)
