"""`cyrtui trace` from the outside: what it prints, word for word, and with which status it ends."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cyrtui.host.recording_format import Header, encode, header_line
from cyrtui.logins.book import TraceBook
from cyrtui.logins.export import as_json
from cyrtui.logs.record import LogRole
from tests.logins.reading import RECORDINGS, recorded, three_in_one

ROOT = Path(__file__).parent.parent
FIELDS = [
    "user", "service", "pid", "client", "start", "end", "outcome", "mechanism", "tls", "session_id", "ldap",
    "cause", "explanation", "remedy", "events",
]  # fmt: skip
NAMES = {LogRole.MAIL: "mail.info", LogRole.AUTH: "auth.log", LogRole.SLAPD: "slapd.log"}
VERSIONS = ["cyrus-2.2.13", "cyrus-2.4.22"]


def command(*argv: str | Path) -> list[str]:
    return [sys.executable, "-m", "cyrtui", "trace", *map(str, argv)]


ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "TZ": "UTC", "PYTHONUTF8": "1"}


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*argv),
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def logs(version: str) -> list[str | Path]:
    """The options that name the three logs of a recorded server."""
    return [word for role, name in NAMES.items() for word in (f"--{role}-log", RECORDINGS / version / name)]


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copied server with the article's logs."""
    place = tmp_path / "tree/var/log"
    place.mkdir(parents=True)
    for name in NAMES.values():
        (place / name).write_bytes((RECORDINGS / "article" / name).read_bytes())
    return tmp_path / "tree"


def the_same_in_python(version: str) -> list[dict[str, Any]]:
    book = TraceBook()
    for log in recorded(version).values():
        book.feed(log)
    book.settle(1795348800.0)
    traces = sorted(book.traces(), key=lambda one: (one.end, one.key[1]))
    return [as_json(one, UTC) for one in traces]


# --- JSON -------------------------------------------------------------------------------------------


def test_the_article_as_json_to_the_letter() -> None:
    done = run(*logs("article"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (told,) = objects(done)
    assert list(told) == FIELDS
    events = told.pop("events")
    assert told == {
        "user": "toto",
        "service": "imap",
        "pid": 4891,
        "client": {"name": "localhost", "address": "127.0.0.1"},
        "start": "2026-05-10T13:11:28+00:00",
        "end": "2026-05-10T13:11:28+00:00",
        "outcome": "ok",
        "mechanism": "plaintext",
        "tls": None,
        "session_id": None,
        "ldap": {
            "conn": 40,
            "dn": "cn=toto tata,ou=people,dc=example,dc=net",
            "confidence": "certain",
            "candidates": [],
        },
        "cause": None,
        "explanation": "toto logged in from localhost.",
        "remedy": "",
    }
    assert len(events) == 21
    assert all(list(event) == ["source", "time", "text"] for event in events)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_attempt_of_a_recorded_server_is_an_object_with_its_truth(version: str) -> None:
    done = run(*logs(version), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = objects(done)
    truth = [json.loads(line) for line in (RECORDINGS / version / "truth.jsonl").read_text().splitlines()]
    left_a_line = [each for each in truth if each["login_lines"]]
    assert len(told) == len(left_a_line) > 80
    keys = ("service", "pid", "outcome", "mechanism")
    assert Counter(tuple(one[key] for key in keys) for one in told) == Counter(
        tuple(each[key] for key in keys) for each in left_a_line
    )
    links = {(one["ldap"]["conn"], one["pid"]) for one in told if one["ldap"]}
    # of some, nobody knows which it was
    assert links >= {(each["conn"], each["pid"]) for each in left_a_line if each["conn"] is not None}
    assert [one["end"] for one in told] == sorted(one["end"] for one in told)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_printed_is_what_the_core_says(version: str) -> None:
    printed = objects(run(*logs(version), "--json"))
    said = the_same_in_python(version)
    assert sorted(map(json.dumps, printed)) == sorted(map(json.dumps, said))


def test_a_36_server_from_one_file(tmp_path: Path) -> None:
    raw = (RECORDINGS / "cyrus-3.6.1/three-logs.log").read_bytes()
    parts: dict[LogRole, list[str]] = {role: [] for role in LogRole}
    for line in raw.decode("utf-8", "surrogateescape").splitlines():
        facility, _, rest = line.partition(" ")
        known = {"auth": LogRole.AUTH, "authpriv": LogRole.AUTH, "local4": LogRole.SLAPD}
        parts[known.get(facility.partition(".")[0], LogRole.MAIL)].append(rest)
    for role, lines in parts.items():
        (tmp_path / f"{role}.log").write_text("\n".join(lines) + "\n", "utf-8", "surrogateescape")
    named = [word for role in LogRole for word in (f"--{role}-log", tmp_path / f"{role}.log")]
    done = run(*named, "--json")
    told = objects(done)
    book = TraceBook()
    for log in three_in_one(raw).values():
        book.feed(log)
    book.settle(1795348800.0)
    assert (done.returncode, len(told)) == (0, len(book.traces()))
    assert {one["cause"] for one in told} >= {
        "password-mismatch", "unknown-user", "password-unreadable", "user-denied", "auxprop-plugin-missing",
        "proxy-authorization-denied", "proxy-bind-failed", "directory-unreachable", "directory-error",
        "saslauthd-unreachable", "plaintext-refused", "mechanism-unavailable", "tls-key-unusable",
        "tls-handshake-failed", "client-gone", "mailbox-damaged", "too-many-logins",
    }  # fmt: skip
    assert any(one["tls"] and one["tls"]["version"] == "TLSv1.3" for one in told)
    assert any(one["session_id"] for one in told)


# --- what is asked for ------------------------------------------------------------------------------


def test_one_user_without_regard_to_case_and_what_may_be_his() -> None:
    done = run(*logs("cyrus-2.4.22"), "--json", "ToTo")
    told = objects(done)
    assert {one["user"] for one in told} == {"toto"}
    assert len(told) == sum(one["user"] == "toto" for one in the_same_in_python("cyrus-2.4.22"))
    assert "name nobody, and may be ToTo's" in done.stderr


def test_failed_ones_only() -> None:
    told = objects(run(*logs("cyrus-2.4.22"), "--json", "--failed"))
    assert {one["outcome"] for one in told} == {"failed"}
    assert len(told) == sum(one["outcome"] == "failed" for one in the_same_in_python("cyrus-2.4.22"))


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-11-22T08:18:39Z", "2026-11-22T08:18:57Z"),
        ("2026-11-22T09:18:39+01:00", "2026-11-22 08:18:57"),
        ("Nov 22 2026 08:18:39", "2026-11-22T08:18:57+00:00"),
    ],
)
def test_a_span_of_time_holds_its_ends(since: str, until: str) -> None:
    told = objects(run(*logs("cyrus-2.4.22"), "--json", "--since", since, "--until", until))
    assert told == [
        one
        for one in the_same_in_python("cyrus-2.4.22")
        if "2026-11-22T08:18:39" <= one["end"] < "2026-11-22T08:18:58"
    ]
    assert {one["cause"] for one in told} == {"directory-unreachable"}


def test_so_long_ago(tree: Path) -> None:
    days = (datetime.now(UTC) - datetime(2026, 5, 10, 13, 11, 28, tzinfo=UTC)).days
    assert run("--root", tree, "--since", f"{days + 1} days ago").returncode == 0
    assert run("--root", tree, "--since", f"{days} days ago").returncode == 1
    assert run("--root", tree, f"--since=-{days + 1}d").returncode == 0


def test_text_is_one_line_an_attempt() -> None:
    done = run(*logs("cyrus-2.4.22"))
    lines = done.stdout.splitlines()
    assert len(lines) == len(the_same_in_python("cyrus-2.4.22"))
    assert lines[-1].split() == [
        "2026-11-22", "08:19:03", "failed", "toto", "imap", "127.0.0.1", "plaintext", "0.00s",
        "password-mismatch",
    ]  # fmt: skip


def test_full_text_is_every_line_and_the_remedy() -> None:
    done = run(*logs("article"), "--full")
    assert done.returncode == 0
    assert "toto logged in from localhost." in done.stdout
    assert len(re.findall(r"^[* ] slapd 13:11:28 ", done.stdout, re.MULTILINE)) == 17
    failed = run(*logs("cyrus-2.4.22"), "--full", "--failed", "bogdana")
    assert failed.stdout.count("Remedy: ") == failed.stdout.count("FAILED  bogdana") > 1


def test_the_summary_as_json_is_one_object() -> None:
    done = run(*logs("cyrus-2.4.22"), "--summary", "--json")
    (told,) = objects(done)
    said = the_same_in_python("cyrus-2.4.22")
    assert list(told) == [
        "total", "ok", "failed", "incomplete", "by_cause", "by_service", "by_user", "first", "last",
    ]  # fmt: skip
    assert told["total"] == len(said)
    assert told["failed"] == sum(one["outcome"] == "failed" for one in said)
    assert told["by_cause"] == dict(Counter(one["cause"] for one in said if one["cause"]))
    assert told["by_service"] == dict(Counter(one["service"] for one in said))
    assert len(told["by_user"]) == 20
    assert (told["first"][:19], told["last"][:19]) == (said[0]["end"][:19], said[-1]["end"][:19])


def test_the_summary_for_people() -> None:
    done = run(*logs("cyrus-2.4.22"), "--summary", "--failed")
    assert done.returncode == 0
    assert done.stdout.startswith("60 attempts: 0 ok, 60 failed, 0 incomplete\n")
    assert "       30  password-mismatch  (" in done.stdout


# --- how it ends ------------------------------------------------------------------------------------


def test_nothing_found_is_1() -> None:
    done = run(*logs("article"), "nobody-of-that-name")
    assert (done.returncode, done.stdout) == (1, "")
    done = run(*logs("article"), "nobody-of-that-name", "--summary", "--json")
    assert done.returncode == 1
    assert objects(done)[0]["total"] == 0


@pytest.mark.parametrize(
    "argv",
    [
        ["--nonsense"],
        ["one", "two"],
        ["--since"],
        ["--since", "some day"],
        ["--until", "99:99"],
        ["--since", "13:00", "--until", "2020-01-01"],
        ["--summary", "--follow"],
        ["--summary", "--full"],
        ["--follow", "--until", "13:00"],
        ["--json", "--full"],
    ],
)
def test_wrong_usage_is_2(tree: Path, argv: list[str]) -> None:
    done = run("--root", tree, *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cyrtui" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("role", list(LogRole))
def test_a_named_log_that_is_not_there_is_3(tree: Path, role: LogRole) -> None:
    done = run("--root", tree, f"--{role}-log", "/var/log/absent.log")
    assert (done.returncode, done.stdout) == (3, "")
    assert "/var/log/absent.log is not there" in done.stderr


def test_a_mail_log_that_cannot_be_read_is_3(tree: Path) -> None:
    (tree / "var/log/mail.info").unlink()
    done = run("--root", tree)
    assert (done.returncode, done.stdout) == (3, "")
    assert "No mail log was found" in done.stderr
    (tree / "var/log/mail.info").mkdir()
    assert run("--root", tree, "--mail-log", "/var/log/mail.info").returncode == 3


def test_a_recording_that_is_not_there_or_none_is_3(tmp_path: Path) -> None:
    assert run("--recording", tmp_path / "absent").returncode == 3
    (tmp_path / "foreign").write_text("nothing\n")
    assert run("--recording", tmp_path / "foreign").returncode == 3


def test_without_the_other_logs_it_says_so_and_goes_on(tree: Path) -> None:
    for name in ("auth.log", "slapd.log"):
        (tree / "var/log" / name).unlink()
    done = run("--root", tree, "--json")
    assert done.returncode == 0
    assert objects(done)[0]["ldap"] is None
    assert "No auth log was found" in done.stderr
    assert "No slapd log was found" in done.stderr


def test_the_archives_are_read_back_to_since(tree: Path) -> None:
    whole = {name: (tree / "var/log" / name).read_bytes() for name in NAMES.values()}
    plain = run("--root", tree, "--json", "--since", "2026-05-10 13:11:28")
    assert (plain.returncode, plain.stderr) == (0, "")
    for name, data in whole.items():
        log = tree / "var/log" / name
        when = log.stat().st_mtime
        lines = data.splitlines(keepends=True)
        part = max(1, len(lines) // 3)
        pieces = {"": lines[2 * part :], ".1": lines[part : 2 * part], ".2.gz": lines[:part]}
        for suffix, piece in pieces.items():
            path, text = tree / "var/log" / f"{name}{suffix}", b"".join(piece)
            path.write_bytes(gzip.compress(text) if suffix == ".2.gz" else text)
            os.utime(path, (when, when))
    rotated = run("--root", tree, "--json", "--since", "2026-05-10 13:11:28")
    assert (objects(rotated), rotated.stderr) == (objects(plain), "")
    earlier = run("--root", tree, "--since", "2026-05-09")
    assert earlier.returncode == 0
    assert "do not reach back to --since" in earlier.stderr


# --- hostile lines ----------------------------------------------------------------------------------


def test_what_the_logs_hold_is_shown_and_never_obeyed(tree: Path) -> None:
    log = tree / "var/log/mail.info"
    bad = b"May 10 13:12:00 samchiel cyrus/imap[77]: badlogin: x [192.0.2.7] plaintext "
    bad += b"(\x1b[2J\x07eve\xff\xc2\x9b) [SASL(-13): authentication failure: checkpass failed]\n"
    log.write_bytes(log.read_bytes() + bad + b"half a line \x1b[31m")
    for options in ([], ["--full"], ["--json"], ["--summary"]):
        done = run("--root", tree, *options)
        assert done.returncode == 0
        assert "eve" in done.stdout
        assert not {"\x1b", "\x07", "\x9b"} & set(done.stdout)
        assert "Traceback" not in done.stderr


def test_a_last_line_without_its_newline_counts(tree: Path) -> None:
    log = tree / "var/log/mail.info"
    log.write_bytes(log.read_bytes().rstrip(b"\n"))
    assert run("--root", tree).returncode == 0


def test_a_relative_path_is_of_this_directory(tree: Path) -> None:
    done = subprocess.run(
        [*command("--mail-log", "mail.info", "--auth-log", "auth.log", "--slapd-log", "./slapd.log")],
        cwd=tree / "var/log",
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


# --- follow -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "rotated"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_following_shows_what_comes_and_ends_quietly(
    tree: Path, number: signal.Signals, rotated: bool
) -> None:
    log = tree / "var/log/mail.info"
    line = log.read_bytes()
    if rotated:
        (tree / "var/log/mail.info.1").write_bytes(line.replace(b"May 10", b"May  9"))
    with subprocess.Popen(
        command("--root", tree, "--follow", "--json", "--since", "2026-01-01"),
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert json.loads(process.stdout.readline())["pid"] == 4891
            with log.open("ab") as file:
                file.write(line.replace(b"4891", b"4999").replace(b"toto", b"julien"))
            told = json.loads(process.stdout.readline())
            assert (told["pid"], told["user"]) == (4999, "julien")
            process.send_signal(number)
            assert process.wait(30) == 0
            assert process.stdout.read() == ""
            said = process.stderr.read()
            assert ("With --follow rotated archives are not read" in said) is rotated
            assert rotated or said == ""
        finally:
            process.kill()


def recording(path: Path) -> Path:
    """A moment in which the article's attempt happens, behind another that was over a minute before."""
    began = datetime(2026, 5, 10, 13, 11, 28, tzinfo=UTC).timestamp()
    lines = [header_line(Header("samchiel", "UTC", began, "0.1.0"))]
    for role, name in NAMES.items():
        old = (RECORDINGS / "article" / name).read_text()
        for new, was in (("13:10:28", "13:11:28"), ("[4000]", "[4891]"), ("conn=39 ", "conn=40 ")):
            old = old.replace(was, new)
        lines.append(encode({"t": 0.0, "log": f"/var/log/{role}.log", "text": old}))
    for role, name in NAMES.items():
        new = (RECORDINGS / "article" / name).read_text()
        lines.append(encode({"t": 0.4, "log": f"/var/log/{role}.log", "text": new}))
    path.write_bytes(gzip.compress(b"".join(lines) + encode({"t": 0.5, "end": True})))
    return path


def test_a_recording_is_played_to_its_end_at_once(tmp_path: Path) -> None:
    told = objects(run("--recording", recording(tmp_path / "r.cyrtui"), "--json"))
    assert [(one["pid"], one["ldap"]["conn"]) for one in told] == [(4000, 39), (4891, 40)]


def test_following_without_since_leaves_out_the_past_and_ends_with_a_recording(tmp_path: Path) -> None:
    done = run("--recording", recording(tmp_path / "r.cyrtui"), "--json", "--follow")
    assert (done.returncode, done.stderr) == (0, "")
    assert [(one["pid"], one["ldap"]["conn"]) for one in objects(done)] == [(4891, 40)]
    done = run("--recording", recording(tmp_path / "r.cyrtui"), "--json", "--follow", "--since", "1 hour ago")
    assert [one["pid"] for one in objects(done)] == [4000, 4891]


def test_it_starts_with_little(tmp_path: Path) -> None:
    """Neither the glass nor what is slow to import is needed."""
    code = (
        "import json, sys\n"
        f"sys.argv = ['cyrtui', 'trace', '--recording', {str(recording(tmp_path / 'r.cyrtui'))!r}]\n"
        "from cyrtui.cli import main\n"
        "main()\n"
        "print(json.dumps(list(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert len(done.stdout.splitlines()) == 2
    loaded = set(json.loads(done.stderr))
    assert not loaded & {"textual", "rich", "psutil", "watchfiles", "ldap3", "imapclient", "asyncio"}
    assert not {name for name in loaded if name.startswith("cyrtui.services")}
