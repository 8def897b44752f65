"""The Config screen on a real Cyrus: an edit applied, one that fails at run time restored by one key."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.lab import Lab
from tests.lab.__main__ import CONSOLE_ENVIRONMENT
from tests.lab.faults import occupied
from tests.terminal.consoles import at_rest
from tests.terminal.lab_consoles import in_lab
from tests.terminal.pty_console import PtyConsole
from tests.test_apply_in_lab import ENVIRONMENT as APPLY_ENVIRONMENT
from tests.test_apply_in_lab import begun, taken_port, watchdogs

ENVIRONMENT = {"CYRTUI_STATE_DIRECTORY": "/run/cyrtui-config", **CONSOLE_ENVIRONMENT}
CONF = "/etc/cyrus.conf"


@pytest.fixture(scope="module")
def server(lab: Lab) -> Iterator[Lab]:
    """The lab, with its files and its Cyrus as they were when all is done."""
    kept = {path: lab.read(path) for path in (CONF, "/etc/imapd.conf")}
    lab.restart_cyrus()
    yield lab
    for path, text in kept.items():
        lab.write(path, text)
    lab.restart_cyrus()


def ports(lab: Lab) -> set[int]:
    return {one.port for one in lab.listeners()}


def open_config(shown: PtyConsole, then: str = "START") -> None:
    shown.wait_for("OPERATOR")
    shown.press("5")
    shown.wait_for(lambda text: "CONFIG" in text and "looking" not in text and then in text)
    at_rest(shown)


def test_an_edit_is_applied_and_a_failing_one_restored_by_one_key(server: Lab) -> None:
    before = server.read(CONF)
    with in_lab(server, variables=ENVIRONMENT) as shown:
        open_config(shown)
        shown.press("s")
        shown.wait_for("SERVICES  /etc/cyrus.conf")
        shown.press("n")
        shown.send(b"extra localhost:1143 imapd -U 30\r")
        shown.wait_for("5 services")
        shown.press("escape")
        shown.wait_for("CONFIG")
        assert server.read(CONF) == before, "nothing is written before y"
        shown.press("a")
        shown.wait_for("nothing is touched yet")
        for words in (
            "A reload is enough",
            "127.0.0.1:1143 (extra) will listen",
            '+        extra cmd="imapd',
        ):
            assert words in shown.text()
        shown.press("y")
        shown.wait_for("applied and verified")
        assert 1143 in ports(server)
        applied = server.read(CONF)
        assert "extra" in applied

        # the port of the next edit is held by somebody else, which shows at run time only
        shown.press("escape")
        shown.wait_for("CONFIG")
        shown.press("/")
        shown.send(b"1143\r")
        at_rest(shown)
        shown.press("e")
        shown.send(b"1144")
        shown.press("escape")
        shown.wait_for(lambda text: "not applied" in text and "EDITING" not in text)
        with occupied(server, ["listen", "1144", "127.0.0.1"]):
            shown.press("a")
            shown.wait_for("nothing is touched yet")
            shown.press("y")
            shown.wait_for("it failed: r restores", within=60)
            assert "unable to bind to extra/ipv4 socket: Address already in use" in shown.text()
            shown.press("r")
            shown.wait_for("failed, and restored", within=60)
        assert server.read(CONF) == applied
        assert {143, 993, 1143} <= ports(server)

        # both are in the history, and the first can be taken back from there
        shown.press("escape")
        shown.wait_for("CONFIG")
        shown.press("h")
        shown.wait_for("2 edits")
        shown.press("down")
        shown.wait_for('+        extra cmd="imapd -U 30" listen="localhost:1143"')
        shown.press("r")
        shown.wait_for("nothing is touched yet")
        shown.press("y")
        shown.wait_for("applied and verified", within=60)
        assert server.read(CONF) == before
        assert 1143 not in ports(server)


def test_what_master_would_die_on_is_refused_and_enter_goes_to_its_line(server: Lab) -> None:
    before = server.read(CONF)
    with in_lab(server, variables=ENVIRONMENT) as shown:
        open_config(shown)
        shown.press("/")
        shown.send(b"timsieved\r")
        at_rest(shown)
        shown.press("e")
        shown.send(b"timsievd")
        shown.wait_for("there is no ")
        shown.press("escape")
        shown.wait_for(lambda text: "EDITING" not in text)
        shown.press("a")
        shown.wait_for("The lint finds 1 error in it; nothing was touched.")
        shown.press("down", "enter")
        shown.wait_for("CONFIG")
        assert server.read(CONF) == before


def test_an_apply_that_was_cut_off_is_brought_to_its_end(server: Lab) -> None:
    before = server.read(CONF)
    with occupied(server, ["listen", "1143", "127.0.0.1"]):
        process = begun(server, taken_port(before))
        os.killpg(process.pid, signal.SIGKILL)
        for pid in watchdogs(server):
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        assert server.read(CONF) == taken_port(before)
        with in_lab(server, variables=APPLY_ENVIRONMENT) as shown:
            shown.wait_for("was cut off")
            open_config(shown, "carry it to its end now")
            shown.press("c")
            shown.wait_for("failed, and restored", within=60)
    assert server.read(CONF) == before
