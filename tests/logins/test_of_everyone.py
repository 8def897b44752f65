"""The totals of long logs without reading every line: the same as when each is read."""

from __future__ import annotations

import io
import json
import os
import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cyrtui.host.local import LocalHost
from cyrtui.host.local_logs import LocalLogFile
from cyrtui.logins import of_everyone
from cyrtui.logins.book import TraceBook
from cyrtui.logins.filters import TraceFilter
from cyrtui.logins.of_everyone import of_everyone_in
from cyrtui.logins.summary import Summary
from cyrtui.logins.trace import LoginTrace
from cyrtui.logs import line_pattern, long_logs, whole_log
from cyrtui.logs.record import LogRole
from cyrtui.logs.slices import SlicedLog
from cyrtui.settings import load_settings
from cyrtui.trace_command import TraceOptions, log_flags, trace
from tests.logins.day import Day, write_day
from tests.logins.generator import BASE, Logs, Server, generate
from tests.logins.reading import RECORDINGS, records

Raw = dict[LogRole, bytes]
MAIL, AUTH, SLAPD = LogRole.MAIL, LogRole.AUTH, LogRole.SLAPD
WRITTEN = BASE + 864_000.0
EVERYTHING = TraceFilter()


def of_server(logs: Logs) -> Raw:
    return {MAIL: logs.mail, AUTH: logs.auth, SLAPD: logs.slapd}


def of_day(day: Day, folder: Path) -> Raw:
    logs = write_day(day, folder)
    return {MAIL: logs.mail.read_bytes(), AUTH: logs.auth.read_bytes(), SLAPD: logs.slapd.read_bytes()}


def traces_of(raw: Raw) -> Sequence[LoginTrace]:
    book = TraceBook(max_traces=1 << 40)
    for role, data in raw.items():
        book.feed(records(data, role, f"/var/log/{role}.log", latest=WRITTEN))
    book.settle(time.time())
    return book.traces()


def whole(
    raw: Raw, wanted: TraceFilter = EVERYTHING, traces: Sequence[LoginTrace] | None = None
) -> dict[str, Any]:
    totals = Summary()
    for each in traces or traces_of(raw):
        if wanted.holds(each):
            totals.add(each)
    return totals.as_json()


def sliced(raw: Raw, folder: Path) -> dict[LogRole, SlicedLog]:
    found = {}
    for role, data in raw.items():
        path = folder / f"{role}.log"
        path.write_bytes(data)
        os.utime(path, (WRITTEN, WRITTEN))
        found[role] = SlicedLog(LocalLogFile(str(path)), f"/var/log/{role}.log", role, "UTC")
    return found


def counted(raw: Raw, folder: Path, wanted: TraceFilter = EVERYTHING) -> dict[str, Any] | None:
    found = of_everyone_in(sliced(raw, folder), wanted, time.time(), before=600.0, after=120.0)
    return None if found is None else found.summary.as_json()


SERVERS = [
    Server(seed=1, attempts=160, users=40),
    Server(seed=2, attempts=160, users=40, rate=3.0, whole_seconds=False),
    Server(seed=3, attempts=160, users=40, rate=3.0, named=True),
    Server(seed=4, attempts=160, users=40, named=True, whole_seconds=False, slow=0.1),
    Server(seed=5, attempts=160, users=40, rate=1.0, named=True, lost=0.02, silent=0.05, strangers=0.1),
]


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: str(server.seed))
def test_servers(server: Server, tmp_path: Path) -> None:
    raw = of_server(generate(server))
    told, read = counted(raw, tmp_path), whole(raw)
    assert told is not None
    if not server.named:
        # users whom only the directory names are not counted
        assert sum(told.pop("by_user").values()) <= sum(read.pop("by_user").values())
    assert told == read


@pytest.mark.parametrize("whole_seconds", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_a_busy_time_in_parts_by_two_processes(
    whole_seconds: bool, named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Day(
        seed=9,
        attempts=250,
        users=60,
        seconds=130.0,
        failures=0.15,
        whole_seconds=whole_seconds,
        named=named,
        hung=1,
        hang=5.0,
    )
    raw = of_day(day, tmp_path)
    monkeypatch.setattr(of_everyone, "_PART", 100_000)
    told, read = counted(raw, tmp_path), whole(raw)
    assert told is not None
    assert read["by_cause"].keys() >= {"directory-slow", "unknown-user"}
    if not named:
        told.pop("by_user"), read.pop("by_user")
    assert told == read


@pytest.mark.parametrize("whole_seconds", [True, False])
def test_without_the_library_that_runs_patterns_faster(
    whole_seconds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = of_day(
        Day(seed=12, attempts=200, users=40, seconds=100.0, failures=0.2, whole_seconds=whole_seconds),
        tmp_path,
    )
    monkeypatch.setattr(line_pattern, "_PCRE2", None)
    assert counted(raw, tmp_path) == whole(raw)


SESSIONS = (
    b"accepted connection",
    *[b"starttls: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits new) no authentication"] * 4,
    b"starttls: TLSv1.3 with cipher X (256/256 bits new) something else",
    *[b"login: host1.example.net [198.51.100.1] user1 PLAIN+TLS User logged in SESSIONID=<mx-1-1-1-1>"] * 4,
    b"login: host1.example.net [198.51.100.1] user2 plaintext User logged in",
    b"badlogin: host1.example.net [198.51.100.1] PLAIN (user3) [SASL(-13): user not found: checkpass failed]",
    b"badlogin: host1.example.net [198.51.100.1] PLAIN (-notset-) [SASL(-5): bad protocol / cancel: x]",
    b"imaps TLS negotiation failed: host1.example.net [198.51.100.1]",
    b"USAGE user1 user: 0.001000 sys: 0.001000",
    b"Delivered: <a@example.net> to mailbox: user.user1",
    b"open: user user1 opened INBOX",
    b"SASL bad password",
    b"client step 1",
)


@pytest.mark.parametrize(("processes", "piece"), [(3, 2 << 20), (8, 3_000), (60, 6_000), (150, 40_000)])
def test_what_became_of_tls(
    processes: int, piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_log, "_PIECE", piece)
    for seed in range(6):
        rng = random.Random(seed)
        quiet = set(rng.sample(range(processes), processes // 3))
        said = []
        for number in range(900):
            process = rng.randrange(processes)
            if process in quiet and number > 300:
                # it died with TLS begun
                continue
            head = b"Nov 22 00:%02d:%02d mx cyrus/imap[%d]: " % (number // 60, number % 60, 100 + process)
            said.append(head + rng.choice(SESSIONS))
        raw = {MAIL: joined(said), AUTH: b"", SLAPD: b""}
        told, read = counted(raw, tmp_path), whole(raw)
        assert told is not None
        assert told["incomplete"] > 0
        assert told == read


def lines(raw: bytes) -> list[bytes]:
    return raw.split(b"\n")[:-1]


def joined(found: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in found)


def with_lines_missing(raw: Raw, rng: random.Random) -> Raw:
    return {role: joined([line for line in lines(data) if rng.random() > 0.03]) for role, data in raw.items()}


def cut_short(raw: Raw, rng: random.Random) -> Raw:
    return {role: data[: -rng.randint(1, 200)] for role, data in raw.items()}


def begun_later(raw: Raw, rng: random.Random) -> Raw:
    return {role: data[data.find(b"\n", rng.randint(0, len(data) // 3)) + 1 :] for role, data in raw.items()}


def with_carriage_returns(raw: Raw, _rng: random.Random) -> Raw:
    return {role: data.replace(b"\n", b"\r\n") for role, data in raw.items()}


def with_lines_that_go_on(raw: Raw, rng: random.Random) -> Raw:
    rests = (b"", b"\0\0\0of a crash", b"\xff\xfe more of it", b"half a line", b"   indented")

    def spoilt(data: bytes) -> bytes:
        found = []
        for line in lines(data):
            found.append(line)
            while rng.random() < 0.02:
                found.append(rng.choice(rests))
        return joined(found)

    return {role: spoilt(data) for role, data in raw.items()}


def of_two_hosts(raw: Raw, _rng: random.Random) -> Raw:
    renamed = re.sub(rb" mx (cyrus/\w+\[\d*[13579]\]: )", rb" mx2 \1", raw[MAIL])
    assert renamed != raw[MAIL]
    return {**raw, MAIL: renamed}


_SAID = (
    b"IOERROR: opening /var/spool/x: No such file or directory",
    b"IOERROR: creating /run/cyrus/proc/12.new: No space left on device",
    b"IOERROR: /var/user_deny.db: No such file",
    b"Fatal error: cannot open db",
    b"Fatal error: tls_init() failed",
    b"error initializing TLS",
    b"unable to get private key from '/etc/x': no",
    b"Too many open connections (max 10)",
    b"u1: Logins must be at least 5 minutes apart",
    b"SASL cannot connect to saslauthd server: No such file",
    b"idle for too long, closing connection",
    b"USAGE user1 user: 0.001000 sys: 0.001000",
    b"user 'user1' denied access to service 'imap'",
    b"accepted connection",
    b"TLS server engine: cannot load CA data",
    b"Lost connection to client -- exiting",
    b"login: [192.0.2.4] a b plaintext User logged in",
    b"login: [192.0.2.4] \xc3\xa4x PLAIN+TLS User logged in",
    b"login: [192.0.2.4] anonymous x",
    b"badlogin: host [192.0.2.4] PLAIN [SASL(-13): authentication failure: Password verification failed]",
    b"badlogin: [192.0.2.4] plaintext u5 SASL(-14): authorization failure: no",
    b"badlogin: [192.0.2.4] PLAIN (u1) [SASL(-24): remote authentication server unavailable: x]",
    b"badlogin: [192.0.2.4] GSSAPI (u1) [SASL(-5): bad protocol / cancel: x]",
    b"badlogin: [192.0.2.4] PLAIN (u1) [SASL(-14): authorization failure: user u2 is not allowed to proxy]",
)


def with_lines_of_weight(raw: Raw, rng: random.Random) -> Raw:
    found = []
    for line in lines(raw[MAIL]):
        found.append(line)
        if rng.random() < 0.05:
            found.append(line[: line.find(b"]: ") + 3] + rng.choice(_SAID))
    return {**raw, MAIL: joined(found)}


def with_words_of_the_library(raw: Raw, rng: random.Random) -> Raw:
    said = (
        b"DIGEST-MD5 client step 2",
        b"could not find auxprop plugin, was searching for 'ldapdb'",
        b"Couldn't find mech X",
        b"No worthy mechs found",
    )
    return {
        **raw,
        AUTH: joined(
            [
                line[: line.find(b"]: ") + 3] + rng.choice(said)
                for line in lines(raw[MAIL])
                if b": badlogin: " in line and rng.random() < 0.3
            ]
        ),
    }


def with_errors_of_the_directory(raw: Raw, rng: random.Random) -> Raw:

    def changed(line: bytes) -> bytes:
        if b"SEARCH RESULT tag=101" in line and rng.random() < 0.05:
            error = rng.choice((b"err=32", b"err=51", b"err=50"))
            return line.replace(b"err=0", error).replace(b"nentries=1", b"nentries=0")
        if b"op=1 RESULT tag=97 err=0" in line and rng.random() < 0.01:
            return line.replace(b"err=0", b"err=49")
        return line.replace(b"etime=0.0", b"etime=3.0") if rng.random() < 0.001 else line

    return {**raw, SLAPD: joined([changed(line) for line in lines(raw[SLAPD])])}


def with_users_who_are_gone(raw: Raw, _rng: random.Random) -> Raw:
    """Some who did log in are then denied."""
    users = sorted(set(re.findall(rb": login: \S+ \S+ (user\d+) ", raw[MAIL])))[:3]
    renamed = re.sub(
        rb"nobody(\d+)", lambda found: users[int(found[1]) % 3] if int(found[1]) < 26 else found[0], raw[MAIL]
    )
    assert renamed != raw[MAIL]
    return {**raw, MAIL: renamed}


def with_slapd_restarted(raw: Raw, _rng: random.Random) -> Raw:
    found = lines(raw[SLAPD])
    half = len(found) // 2
    stopped = found[half][: found[half].find(b"conn=")] + b"slapd stopped."
    later = [line.replace(b"slapd[4904]", b"slapd[777]") for line in found[half:]]
    return {**raw, SLAPD: joined([*found[:half], stopped, *later])}


CHANGES = [
    with_lines_missing,
    cut_short,
    begun_later,
    with_carriage_returns,
    with_lines_that_go_on,
    of_two_hosts,
    with_lines_of_weight,
    with_words_of_the_library,
    with_errors_of_the_directory,
    with_users_who_are_gone,
    with_slapd_restarted,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_logs_that_are_not_as_they_should(
    change: Callable[[Raw, random.Random], Raw], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = of_day(
        Day(seed=5, attempts=200, users=40, seconds=130.0, failures=0.15, hung=1, hang=5.0), tmp_path
    )
    raw = change(raw, random.Random(5))
    read = whole(raw)
    read_slow = read["by_cause"].pop("directory-slow", 0)
    for piece in (2 << 20, 20_000):
        monkeypatch.setattr(whole_log, "_PIECE", piece)
        told = counted(raw, tmp_path)
        assert told is not None
        # who has read all of a log knows more names
        assert told["by_cause"].pop("directory-slow", 0) <= read_slow
        assert told == read


def test_lines_of_no_known_form_are_left_to_who_reads_each(tmp_path: Path) -> None:
    raw = of_day(Day(seed=6, attempts=100, users=30, seconds=60.0, hung=0), tmp_path)
    login = next(line for line in lines(raw[MAIL]) if b"User logged in" in line)
    other = b"Nov 22 00:00:01 mx cyrus/imap[7]: event=login.good u.username=a"
    assert counted({**raw, MAIL: raw[MAIL].replace(login, login + b"\n" + other, 1)}, tmp_path) is None
    assert counted({**raw, MAIL: b""}, tmp_path) is None
    # from some line on without the host, and by a program of another name
    half = raw[SLAPD].find(b"\n", len(raw[SLAPD]) // 2)
    for name in (b" slapd[", b" mx openldap["):
        later = raw[SLAPD][half:].replace(b" mx slapd[", name)
        assert counted({**raw, SLAPD: raw[SLAPD][:half] + later}, tmp_path) is None


def test_connections_that_stay_for_hours_are_no_look_ups(tmp_path: Path) -> None:
    raw = of_day(Day(seed=10, attempts=300, users=30, seconds=200.0, hung=0), tmp_path)
    slapd = lines(raw[SLAPD])
    head = slapd[0][: slapd[0].find(b"conn=")]
    # one was there before the log begins, one goes on behind its end
    slapd.insert(1, head + b"conn=7 fd=8 ACCEPT from IP=[::1]:40000 (IP=[::1]:389)")
    slapd.insert(2, head + b'conn=7 op=0 BIND dn="cn=x" method=128')
    middle = slapd[len(slapd) // 2]
    slapd.insert(len(slapd) // 2, middle[: middle.find(b"conn=")] + b"conn=3 fd=9 closed (idletimeout)")
    raw = {**raw, SLAPD: joined(slapd)}
    assert counted(raw, tmp_path) == whole(raw)


def test_a_time_and_failures_alone(tmp_path: Path) -> None:
    day = Day(seed=7, attempts=300, users=60, seconds=3600.0, hung=0)
    raw = of_day(day, tmp_path)
    traces = traces_of(raw)
    for since, until, failed in (
        (1500.0, 2700.0, False),
        (1500.25, None, True),
        (None, 1800.0, False),
        (None, None, True),
    ):
        wanted = TraceFilter(
            since=None if since is None else day.begin + since,
            until=None if until is None else day.begin + until,
            failed=failed,
        )
        told = counted(raw, tmp_path, wanted)
        assert told == whole(raw, wanted, traces)
        assert told is not None
        assert told["total"] > 5
    early = TraceFilter(since=day.begin + 100.0)
    # archives may hold what is before
    assert counted(raw, tmp_path, early) is None


def test_a_log_that_is_cut_short_meanwhile(tmp_path: Path) -> None:
    raw = of_day(Day(seed=8, attempts=200, users=30, seconds=60.0, hung=0), tmp_path)
    logs = sliced(raw, tmp_path)
    os.truncate(tmp_path / "slapd.log", 10_000)
    assert of_everyone_in(logs, EVERYTHING, time.time(), before=600.0, after=120.0) is None


NAMES = ((MAIL, "mail.info"), (AUTH, "auth.log"), (SLAPD, "slapd.log"))


@pytest.mark.parametrize("version", ["cyrus-2.2.13", "cyrus-2.4.22"])
@pytest.mark.parametrize("failed", [False, True])
def test_recorded_servers_by_the_command(version: str, failed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With logs that are taken for long ones."""
    told = []
    for least in (1 << 60, 0):
        monkeypatch.setattr(long_logs, "LONG", least)
        out, words = io.StringIO(), io.StringIO()
        paths = {role: str(RECORDINGS / version / name) for role, name in NAMES}
        settings = load_settings(log_flags(paths, local=True))
        options = TraceOptions(summary=True, json=True, failed=failed)
        assert trace(LocalHost(), settings, options, out, words) == 0
        told.append(json.loads(out.getvalue()))
    # users whom only the directory names are not counted
    users = [each.pop("by_user") for each in told]
    assert all(number <= users[0][user] for user, number in users[1].items())
    assert told[0] == told[1]
    assert told[0]["failed"] > 10
