"""The console on the real server: what it shows is what runs, listens, logs in and is logged."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cyrtui.host.recording_format import unpack
from tests.lab import Lab, LabOptions
from tests.lab.clients import Attempt, Outcome, as_person, attempts, login
from tests.lab.configuration import ARTICLE_PASSWORD
from tests.lab.directory import NOBODY, ORDINARY, TOTO
from tests.lab.waiting import wait_until
from tests.terminal.consoles import ROOT, at_rest, console, cost
from tests.terminal.lab_consoles import as_user, consoles, in_lab
from tests.terminal.pty_console import PtyConsole

WIDE: Final = 220
BY_NAME = {person.uid: person for person in ORDINARY}


def session_of(outcome: Outcome) -> str:
    """What identifies a successful login in the mail log."""
    found = re.search(r"SESSIONID=<([^>]+)>", outcome.reply)
    assert found, outcome
    return found[1]


# -- Overview ------------------------------------------------------------------------------------------------


def _service(shown: PtyConsole, name: str) -> tuple[str, str]:
    """The line of a service, and the one below it."""
    lines = shown.lines()
    place = next(number for number, line in enumerate(lines) if re.match(rf"[› ] . {name} ", line))
    return lines[place], lines[place + 1]


def test_the_overview_shows_what_really_listens_and_why_lmtp_does_not(lab: Lab) -> None:
    there = {(one.address, one.port) for one in lab.listeners()}
    assert {("::1", 143), ("127.0.0.1", 143), ("0.0.0.0", 993), ("::", 993)} < there
    with in_lab(lab) as shown:
        shown.wait_for("1 of 4 need attention")
        shown.wait_for("cyrmaster disabled it at")
        at_rest(shown)
        for name, places, exposure in (
            ("imap", ("[::1]:143", "127.0.0.1:143"), "this host"),
            ("imaps", ("*:993", "[::]:993"), "world"),
            ("sieve", ("[::1]:4190", "127.0.0.1:4190"), "this host"),
        ):
            line, _ = _service(shown, name)
            assert all(place in line for place in places)
            assert exposure in line
            assert line.endswith(" listening")
            assert "not listening" not in line
        line, reason = _service(shown, "lmtp")
        assert line.endswith("not listening")
        said = [one for one in lab.new_lines("mail") if "disabling lmtp" in one][-1]
        assert '"lmtp" is no name in /etc/services; cyrmaster disabled it at' in reason
        assert said.split()[2] in reason, "the time is that of master's own line"
        header = shown.lines()[0]
        assert "samchiel" in header
        assert "OPERATOR" in header
        shown.press("q")
        assert shown.wait_exit() == 0
        assert shown.is_restored() == []
    assert consoles(lab) == []


def test_a_service_that_stops_and_comes_back_is_seen(lab: Lab) -> None:
    with in_lab(lab) as shown:
        shown.wait_for("1 of 4 need attention")
        lab.stop_cyrus()
        shown.wait_for("master is not running")
        shown.wait_for(lambda text: len(re.findall(r"not listening$", text, re.MULTILINE)) == 4)
        lab.start_cyrus()
        shown.wait_for("1 of 4 need attention")
        assert "master is not running" not in shown.text()


# -- logs and logins -----------------------------------------------------------------------------------------


def test_a_login_is_seen_in_the_logs_at_once(lab: Lab) -> None:
    with in_lab(lab, columns=WIDE) as shown:
        shown.wait_for("need attention")
        shown.press("3")
        shown.wait_for("following")
        for service in ("imap", "imaps"):
            outcome = login(lab, as_person(BY_NAME["franck"], service))
            assert outcome.ok
            shown.wait_for(f"franck plaintext{'+TLS' if service == 'imaps' else ''} User logged in")
            shown.wait_for(session_of(outcome)[:40])
        login(lab, as_person(NOBODY))
        shown.wait_for("badlogin: localhost [127.0.0.1] plaintext (quidam)")
        shown.wait_for('PROXYAUTHZ dn="cn=person 709,ou=people')


def _connection_of(lab: Lab, mark: dict[str, int], dn: str) -> str:
    """The number of the slapd connection that acted for a DN."""
    lab.wait_log("slapd", f'PROXYAUTHZ dn="{dn}"', since=mark)
    lab.wait_log("slapd", "UNBIND", since=mark)
    numbers = {
        found[1]
        for line in lab.new_lines("slapd", mark)
        if f'PROXYAUTHZ dn="{dn}"' in line and (found := re.search(r"conn=(\d+)", line))
    }
    assert len(numbers) == 1
    return numbers.pop()


def test_totos_login_opens_as_one_trace_with_his_connection_to_slapd(lab: Lab) -> None:
    with in_lab(lab, columns=WIDE) as shown:
        shown.wait_for("need attention")
        mark = lab.mark()
        outcome = login(lab, as_person(TOTO))
        assert outcome.ok
        connection = _connection_of(lab, mark, TOTO.dn)
        shown.press("2")
        newest = re.compile(rf"[› ] · {outcome.end:%H:%M:%S} toto +imap ")
        shown.wait_for(lambda text: newest.match(text.splitlines()[3]) is not None)
        shown.press("home", "enter")
        shown.wait_for("toto logged in from localhost")
        # the trace grows as its lines come, and the picture as its bytes do
        for line in (
            f'conn={connection} op=2 PROXYAUTHZ dn="{TOTO.dn}"',
            f"conn={connection} op=2 WHOAMI",
            "login: localhost [127.0.0.1] toto plaintext User logged in",
            session_of(outcome),
        ):
            shown.wait_for(line)
        text = shown.text()
        assert re.search(r"^· toto · imap\[\d+\] · [\d:]{8} .* (certain|likely)$", text, re.MULTILINE)
        others = set(re.findall(r"conn=(\d+)", text)) - {connection}
        assert others == set(), "one attempt, one connection"
        # and on to that line in the log
        shown.press("end", "l")
        shown.wait_for("standing still")
        shown.wait_for(lambda text: re.search(r"^› M .* toto ", text, re.MULTILINE) is not None)


def test_a_wrong_password_is_told_with_its_remedy(lab: Lab) -> None:
    with in_lab(lab) as shown:
        shown.wait_for("need attention")
        assert not login(lab, Attempt("julien", "not-his-password", kind="wrong-password")).ok
        shown.press("2", "x")
        shown.wait_for(
            lambda text: re.search(r"^[› ] ✖ [\d:]{8} julien .* wrong password", text, re.M) is not None
        )
        shown.press("1")
        shown.wait_for("login failed in the last hour: wrong password")


# -- who may do what -----------------------------------------------------------------------------------------


def test_read_only_says_so_and_records_nothing(lab: Lab, tmp_path: Path) -> None:
    with in_lab(lab, "--read-only") as shown:
        shown.wait_for("READ-ONLY")
        shown.wait_for("need attention")
        assert "OPERATOR" not in shown.lines()[0]
    out = tmp_path / "out.cyrtui"
    for words in (["--read-only", "record", str(out)], ["record", str(out), "--read-only"]):
        done = lab.run([sys.executable, "-m", "cyrtui", *words], cwd=ROOT, check=False)
        assert done.status == 2
        assert "This run is read-only" in done.stderr
        assert not out.exists()


def test_nobody_sees_what_he_may_and_is_told_what_he_may_not(lab: Lab) -> None:
    with as_user(lab, "nobody") as shown:
        shown.wait_for("ATTENTION")
        shown.wait_for("/var/log/mail.info cannot be read: permission denied")
        at_rest(shown)
        text = shown.text()
        assert "Traceback" not in text
        # sockets are to be seen by anybody
        for name, place in (("imap", "127.0.0.1:143"), ("imaps", "*:993"), ("sieve", "127.0.0.1:4190")):
            line, _ = _service(shown, name)
            assert place in line
            assert line.endswith(" listening")
        assert "group adm could" in text, "it says what would help"
        shown.press("3")
        shown.wait_for(lambda text: re.search(r"\A.*\n.*(?:problem|permission denied)", text) is not None)
        shown.press("q")
        assert shown.wait_exit() == 0
        assert shown.is_restored() == []


def test_the_console_in_the_lab_goes_with_its_terminal(lab: Lab) -> None:
    with in_lab(lab) as shown:
        shown.wait_for("need attention")
        assert len(consoles(lab)) == 1
        shown.hang_up()
        wait_until(lambda: consoles(lab) == [], "the console to end with its terminal", timeout=10)


# -- rotation ------------------------------------------------------------------------------------------------

ROTATE = """
/var/log/mail.info /var/log/auth.log /var/log/slapd.log {
    rotate 4
    missingok
    create 0640 root adm
    su root root
    sharedscripts
    postrotate
        kill -HUP $(cat /run/rsyslogd.pid)
    endscript
}
"""


@pytest.fixture
def own_lab() -> Iterator[Lab]:
    """A lab whose logs nobody else reads from their beginning."""
    with Lab(LabOptions(mailboxes=False)) as lab:
        yield lab


def test_nothing_is_lost_on_the_glass_when_the_logs_are_rotated(own_lab: Lab) -> None:
    lab = own_lab
    lab.write("/etc/logrotate.test", ROTATE)
    everyone = [person for person in ORDINARY if person.password.isascii()]
    with in_lab(lab, columns=WIDE) as shown:
        shown.wait_for("need attention")
        shown.press("3", "m")
        shown.wait_for("LOGS  mail")
        shown.wait_for("following")
        sessions = []
        for round_ in range(3):
            sessions += [session_of(one) for one in attempts(lab, [as_person(person) for person in everyone])]
            if round_ < 2:
                lab.run(["logrotate", "--force", "--state", "/var/lib/logrotate.test", "/etc/logrotate.test"])
                assert lab.path(f"/var/log/mail.info.{round_ + 1}").exists()
        lab.wait_log("mail", sessions[-1])
        shown.send(b"/SESSIONID\r&")
        shown.wait_for("only SESSIONID")
        # while rsyslog was told to open its new files, more may have come to the old ones
        kept = "".join(lab.read(f"/var/log/mail.info{end}") for end in (".2", ".1", ""))
        assert all(session in kept for session in sessions)
        expected = sum("SESSIONID" in line for line in kept.splitlines())
        shown.wait_for(lambda text: re.search(rf" {expected:,} lines?\b", text) is not None)
        assert "lost" not in shown.lines()[1]
        shown.wait_for(sessions[-1])
        shown.send(b"\x1b")
        shown.settle()
        shown.send(b"/" + sessions[0].encode() + b"\r&")
        shown.wait_for(lambda text: f"only {sessions[0]}" in text and " 1 line " in text)


# -- recordings ----------------------------------------------------------------------------------------------


def _texts(path: Path) -> list[bytes]:
    """Everything that a recording says, unpacked: the lines as they are, and what they hold as bytes."""
    lines = gzip.decompress(path.read_bytes()).splitlines()
    objects = [json.loads(line) for line in lines]
    return [*lines, *(unpack(one) for one in objects if "text" in one or "bytes" in one)]


@pytest.fixture(scope="module")
def recorded(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of the lab with a few logins in it, ended by ctrl+c."""
    out = tmp_path_factory.mktemp("recording") / "samchiel.cyrtui"
    with in_lab(lab, "record", str(out), "--every", "1") as shown:
        shown.wait_for("recording: ")
        mark = lab.mark()
        assert login(lab, as_person(TOTO)).ok
        assert not login(lab, Attempt("jerome", "guessed-by-somebody", "imaps", kind="wrong-password")).ok
        assert not login(lab, as_person(NOBODY)).ok
        lab.wait_log("mail", "plaintext (quidam)", since=mark)
        said = re.search(r"recording: \S+, ([\d,]+) lines", shown.text())
        assert said
        shown.wait_for(lambda text: _lines(text) > int(said[1].replace(",", "")))
        seconds = _seconds(shown.text())
        shown.wait_for(lambda text: _seconds(text) >= seconds + 3)
        shown.press("ctrl+c")
        assert shown.wait_exit() == 0
        # wherever the terminal broke the line
        text = "".join(shown.text().split())
        assert "Passwordsoftheconfigurationaremasked" in text
        assert "Traceback" not in text
        assert shown.is_restored() == []
    return out


def _lines(text: str) -> int:
    found = re.findall(r"([\d,]+) lines", text)
    return int(found[-1].replace(",", "")) if found else 0


def _seconds(text: str) -> int:
    found = re.findall(r"recording: (?:(\d+)m )?(\d+)s", text)
    return int(found[-1][0] or 0) * 60 + int(found[-1][1]) if found else 0


def test_a_recording_is_whole_and_its_owners_alone(recorded: Path) -> None:
    assert recorded.stat().st_mode & 0o777 == 0o600
    last = json.loads(gzip.decompress(recorded.read_bytes()).splitlines()[-1])
    assert last["end"] is True


def test_no_password_of_the_configuration_is_in_a_recording(lab: Lab, recorded: Path) -> None:
    assert f"sasl_ldapdb_pw: {ARTICLE_PASSWORD}" in lab.read("/etc/imapd.conf")
    texts = _texts(recorded)
    assert any(b"sasl_ldapdb_pw: ***" in text for text in texts)
    assert any(b"toto plaintext" in text for text in texts)
    assert [text for text in texts if ARTICLE_PASSWORD.encode() in text] == []
    assert ARTICLE_PASSWORD.encode() not in recorded.read_bytes()


def test_a_recording_shows_the_same_services_and_logins(recorded: Path) -> None:
    with console("--recording", recorded) as shown:
        shown.wait_for("1 of 4 need attention")
        shown.press(".")
        shown.wait_for(" ended")
        # one, or more where the log still holds those of the tests before
        shown.wait_for(
            lambda text: re.search(r"logins? failed in the last hour: no such user", text) is not None
        )
        shown.wait_for("cyrmaster disabled it at")
        header = shown.lines()[0]
        assert "samchiel" in header
        assert "READ-ONLY" in header
        for name, place in (("imap", "127.0.0.1:143"), ("imaps", "*:993"), ("sieve", "127.0.0.1:4190")):
            line, _ = _service(shown, name)
            assert place in line
            assert line.endswith(" listening")
        assert "cyrmaster disabled it at" in _service(shown, "lmtp")[1]
        cost(shown, "2")
        rows = re.findall(r"^[› ] (.) [\d:]{8} (\w+) +(\w+) ", shown.text(), re.MULTILINE)
        assert rows[:3] == [("✖", "quidam", "imap"), ("✖", "jerome", "imaps"), ("·", "toto", "imap")]
        shown.press("q")
        assert shown.wait_exit() == 0


def test_a_recording_is_never_written_over(lab: Lab, recorded: Path) -> None:
    before = recorded.read_bytes()
    done = lab.run(
        [sys.executable, "-m", "cyrtui", "record", recorded, "--seconds", "1"], cwd=ROOT, check=False
    )
    assert done.status == 2
    assert "exists already" in done.stderr
    assert recorded.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_recording_is_whole_however_it_is_ended(lab: Lab, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out.cyrtui"
    with in_lab(lab, "record", str(out)) as shown:
        shown.wait_for("recording: ")
        for pid in consoles(lab):
            os.kill(pid, number)
        assert shown.wait_exit() == 0
    assert json.loads(gzip.decompress(out.read_bytes()).splitlines()[-1])["end"] is True
