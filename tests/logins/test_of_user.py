"""One user's attempts out of long logs: the same as when every line is read, and never surer than that."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from pathlib import Path

import pytest

from cyrtui.host.local import LocalHost
from cyrtui.host.local_logs import LocalLogFile
from cyrtui.logins.book import TraceBook
from cyrtui.logins.filters import TraceFilter
from cyrtui.logins.of_user import of_user_in
from cyrtui.logins.trace import Confidence, LoginTrace, TraceKey
from cyrtui.logs import long_logs
from cyrtui.logs.record import LogRole
from cyrtui.logs.slices import SlicedLog
from cyrtui.settings import load_settings
from cyrtui.trace_command import TraceOptions, log_flags, trace
from tests.logins.day import Day, write_day
from tests.logins.generator import BASE, Logs, Server, generate
from tests.logins.reading import RECORDINGS, recorded

_BEFORE = 600.0
NAMES = ((LogRole.MAIL, "mail.info"), (LogRole.AUTH, "auth.log"), (LogRole.SLAPD, "slapd.log"))

SERVERS = [
    Server(seed=71, attempts=200, rate=0.5, users=12, burst=0.0),
    # failures that name nobody: those of a user whose they may be are told by reading everything
    Server(seed=72, attempts=200, rate=0.5, users=12),
    Server(seed=77, attempts=200, rate=0.3, users=12),
    Server(seed=79, attempts=150, rate=0.2, users=8, whole_seconds=False),
    Server(seed=73, attempts=250, rate=3.0, users=12, named=True),
    Server(seed=74, attempts=200, rate=3.0, users=12, named=True, whole_seconds=False, strangers=0.2),
    Server(seed=75, attempts=200, rate=1.0, users=12, named=True, lost=0.02, silent=0.05, strangers=0.1),
    Server(seed=76, attempts=150, rate=1.0, users=12, named=True, silent=1.0, strangers=1.0),
    # most of those whose look-up is missing have another's beside them
    Server(seed=302, attempts=250, rate=3.0, users=15, named=True, silent=0.1, strangers=0.2),
]

# of these the first users have attempts that name nobody and are told fast
_TELL_UNNAMED = {72, 77, 79}


def sliced(logs: Logs, folder: Path) -> dict[LogRole, SlicedLog]:
    found = {}
    for role, data in ((LogRole.MAIL, logs.mail), (LogRole.AUTH, logs.auth), (LogRole.SLAPD, logs.slapd)):
        path = folder / f"{role}.log"
        if not path.exists():
            path.write_bytes(data)
        found[role] = SlicedLog(LocalLogFile(str(path)), f"/var/log/{role}.log", role, "UTC")
    return found


def read_as_a_whole(logs: Logs) -> dict[TraceKey, LoginTrace]:
    book = TraceBook()
    for records in logs.records().values():
        book.feed(records)
    book.settle(time.time())
    return {trace.key: trace for trace in book.traces()}


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: str(server.seed))
def test_the_answers_are_those_of_the_whole(server: Server, tmp_path: Path) -> None:
    logs = generate(server)
    whole = read_as_a_whole(logs)
    users = Counter(trace.user for trace in whole.values() if trace.user is not None)
    seen: Counter[str] = Counter()
    for user in list(users)[:4]:
        wanted = TraceFilter(user=user)
        mine = {key: trace for key, trace in whole.items() if wanted.holds(trace)}
        found = of_user_in(sliced(logs, tmp_path), wanted, time.time(), before=_BEFORE)
        if found is None:
            # then everything is read
            seen["whole"] += 1
            continue
        told = {trace.key: trace for trace in found.traces if wanted.holds(trace)}
        named = {key for key, trace in mine.items() if trace.user_from == "mail"}
        assert told.keys() == mine.keys()
        seen["unnamed"] += len(mine) - len(named)
        for key, near in told.items():
            compare(near, mine[key], seen)
    assert seen["traces"] + seen["whole"] > 3
    assert server.seed not in _TELL_UNNAMED or seen["unnamed"] > 0
    assert seen["same"] >= 0.7 * seen["traces"]


def compare(near: LoginTrace, whole: LoginTrace, seen: Counter[str]) -> None:
    seen["traces"] += 1
    if near == whole:
        seen["same"] += 1
        return
    for field in ("user", "service", "pid", "client", "outcome", "mechanism", "tls", "session_id"):
        assert getattr(near, field) == getattr(whole, field)
    seen["cause"] += near.cause != whole.cause
    mail = [[event for event in trace.events if event.source == "mail"] for trace in (near, whole)]
    assert mail[0] == mail[1]
    auth = [[event for event in trace.events if event.source == "auth"] for trace in (near, whole)]
    seen["auth"] += auth[0] != auth[1]
    if near.ldap is not None and near.ldap.confidence is Confidence.CERTAIN:
        assert whole.ldap is not None
        assert whole.ldap.confidence is Confidence.CERTAIN
        assert whole.ldap.conn == near.ldap.conn
    seen["less sure"] += (
        whole.ldap is not None
        and whole.ldap.confidence is Confidence.CERTAIN
        and (near.ldap is None or near.ldap.confidence is not Confidence.CERTAIN)
    )


def test_where_very_much_goes_on_only_seconds_around_each_are_weighed(tmp_path: Path) -> None:
    """Names of others are not known there; his own DN is searched for in all of slapd's log."""
    day = Day(seed=21, attempts=1200, users=100, begin=BASE, seconds=340.0, hung=0)
    paths = write_day(day, tmp_path)
    logs = Logs(paths.mail.read_bytes(), paths.auth.read_bytes(), paths.slapd.read_bytes(), [], paths.end)
    whole = read_as_a_whole(logs)
    users = Counter(trace.user for trace in whole.values() if trace.user is not None)
    seen: Counter[str] = Counter()
    sure = 0
    for user, _count in users.most_common()[10:15]:
        found = of_user_in(sliced(logs, tmp_path), TraceFilter(user=user), time.time(), before=_BEFORE)
        assert found is not None
        told = {trace.key: trace for trace in found.traces}
        mine = {key: trace for key, trace in whole.items() if trace.user == user}
        assert told.keys() == mine.keys()
        for key, near in told.items():
            compare(near, mine[key], seen)
            sure += near.ldap is not None and near.ldap.confidence is Confidence.CERTAIN
    assert seen["traces"] > 50
    assert sure >= 0.8 * seen["traces"]


@pytest.mark.parametrize("version", ["cyrus-2.2.13", "cyrus-2.4.22"])
def test_recorded_servers_say_the_same_as_long_logs(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the command itself, with logs that are taken for long ones."""
    book = TraceBook()
    for records in recorded(version).values():
        book.feed(records)
    book.settle(time.time())
    users = {each.user for each in book.traces() if each.user is not None and each.user_from == "mail"}
    assert users
    for user in sorted(users):
        told = []
        for least in (1 << 60, 0):
            monkeypatch.setattr(long_logs, "LONG", least)
            out, words = io.StringIO(), io.StringIO()
            paths = {role: str(RECORDINGS / version / name) for role, name in NAMES}
            settings = load_settings(log_flags(paths, local=True))
            trace(LocalHost(), settings, TraceOptions(user=user, json=True), out, words)
            told.append(
                [
                    (
                        each["start"],
                        each["end"],
                        each["user"],
                        each["outcome"],
                        each["cause"],
                        each["mechanism"],
                    )
                    for each in map(json.loads, out.getvalue().splitlines())
                ]
            )
        assert told[0] == told[1]
        assert told[0]
