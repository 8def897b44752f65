"""A server without rsyslog: everything it logs goes to a running systemd-journald, and is read from there."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.lab import Lab, LabOptions
from tests.lab.clients import as_person, login
from tests.lab.directory import NOBODY, TOTO
from tests.lab.fixture import LabFactory
from tests.lab.stack import LOGS
from tests.terminal.consoles import ROOT

DAEMON = "/lib/systemd/systemd-journald"
SOCKET = "/run/systemd/journal/dev-log"
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
TRACE = (sys.executable, "-m", "cyrtui", "trace", "--json")


@contextmanager
def journald(lab: Lab) -> Iterator[None]:
    """journald instead of rsyslog, and slapd and Cyrus logging to it; the files of rsyslog are gone."""
    lab.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    for place in ("/run/systemd/journal", "/run/log/journal"):
        lab.path(place).mkdir(parents=True, exist_ok=True)
    lab.stop_rsyslog()
    for path in LOGS.values():
        lab.path(path).unlink(missing_ok=True)
    with lab.popen([DAEMON]) as daemon:
        try:
            lab.wait(lab.path(SOCKET).exists, "journald to make its socket")
            lab.path("/dev/log").unlink(missing_ok=True)
            lab.path("/dev/log").symlink_to(SOCKET)
            lab.restart_slapd()
            lab.restart_cyrus()
            yield
        finally:
            daemon.terminate()
            daemon.wait(timeout=10)


@pytest.fixture(scope="module")
def journal_lab(labs: LabFactory) -> Iterator[Lab]:
    # another number of users makes it a lab of its own: what is done to its logs must not meet others
    lab = labs(LabOptions(mailboxes=False, users=1))
    with journald(lab):
        yield lab


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_past_and_what_comes_are_read_from_a_journald_that_runs(journal_lab: Lab) -> None:
    lab = journal_lab
    assert login(lab, as_person(TOTO)).result == "ok"
    lab.wait(
        lambda: "login: localhost" in lab.run(["journalctl", "--no-pager", "-t", "cyrus/imap"]).stdout,
        "the login to come to the journal",
    )
    done = lab.run([*TRACE, TOTO.uid], env=ENVIRONMENT, cwd=ROOT)
    (found,) = objects(done.stdout)
    assert (found["user"], found["outcome"], found["service"]) == (TOTO.uid, "ok", "imap")
    assert found["ldap"]["dn"].lower() == TOTO.dn.lower()
    assert {event["source"] for event in found["events"]} == {"mail", "slapd"}

    told: list[str] = []
    came = threading.Event()
    with lab.popen(
        [*TRACE, "--follow"], env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as follower:

        def read() -> None:
            assert follower.stdout is not None
            for line in follower.stdout:
                told.append(line.decode())
                if NOBODY.uid in told[-1]:
                    came.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            # until it has read what is there, it would take a new attempt for an old one
            lab.wait(lambda: _says_it_follows(lab), "journalctl --follow to be started")
            assert login(lab, as_person(NOBODY)).result == "refused"
            lab.wait(came.is_set, "the failure to be told by --follow")
        finally:
            follower.terminate()
            reader.join(10)
    # an attempt that was not settled yet at the start may be told too
    failed = objects("".join(told))[-1]
    assert (failed["user"], failed["outcome"], failed["cause"]) == (NOBODY.uid, "failed", "unknown-user")


def _says_it_follows(lab: Lab) -> bool:
    return "--follow" in lab.run(["ps", "-eo", "args"]).stdout


def test_the_console_finds_it_and_says_why(journal_lab: Lab) -> None:
    done = journal_lab.run([sys.executable, "-m", "cyrtui", "settings"], env=ENVIRONMENT, cwd=ROOT)
    (line,) = [line for line in done.stdout.splitlines() if "journal:" in line]
    assert "The systemd journal is the mail and auth and slapd log" in line
