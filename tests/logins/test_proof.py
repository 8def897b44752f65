"""A DN that is there whenever a user is: his for certain only where it is nowhere without him."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cyrtui.host.local_logs import LocalLogFile
from cyrtui.logins.filters import TraceFilter
from cyrtui.logins.of_user import of_user_in
from cyrtui.logins.trace import Confidence
from cyrtui.logs.record import LogRole
from cyrtui.logs.slices import SlicedLog
from tests.logins.lines import Script, person

ALICE = person(1)
MEETINGS = range(5)


def _logged(elsewhere: Callable[[Script], None]) -> Script:
    """Alice logs in five times, in one second with somebody else each time; many others do alone."""
    script = Script()
    for number in range(60):
        script.granted(10.0 * number, 100 + number, person(1000 + number))
        script.ok(10.0 * number, f"filler{number}", "PLAIN", pid=2000 + number)
    for number in MEETINGS:
        at = 705.0 + 100.0 * number
        script.granted(at, 300 + 2 * number, ALICE)
        script.granted(at, 301 + 2 * number, person(50 + number))
        for user in sorted(("alice", f"other{number}"), reverse=number % 2 == 0):
            script.ok(at, user, "PLAIN", pid=3000 + 2 * number + (user == "alice"))
    elsewhere(script)
    return script


def _nothing(_script: Script) -> None:
    pass


def _bound_as_herself(script: Script) -> None:
    for number in range(3):
        at = 2000.0 + number
        script.slapd(at, f"conn={900 + number} fd=9 ACCEPT from IP=[::1]:40000 (IP=[::1]:389)")
        script.slapd(at, f'conn={900 + number} op=0 BIND dn="{ALICE}" method=128')
        script.slapd(at, f'conn={900 + number} op=0 BIND dn="{ALICE}" mech=SIMPLE ssf=0')
        script.slapd(at, f"conn={900 + number} op=0 RESULT tag=97 err=0 text=")
        script.slapd(at, f"conn={900 + number} fd=9 closed")


def _entry_gone(script: Script) -> None:
    script.granted(2000.0, 900, ALICE, entries=0)


def _of_somebody_else(script: Script) -> None:
    for number in range(3):
        script.granted(2000.0 + 50.0 * number, 900 + number, ALICE)
        script.ok(2000.0 + 50.0 * number, "mallory", "PLAIN", pid=4000 + number)


def _of_nobody(script: Script) -> None:
    script.granted(2000.0, 900, ALICE)


def _late(script: Script) -> None:
    """The same one logs in half a minute after her last look-ups, which tells nothing."""
    script.granted(1135.0, 900, person(77), attributes="userPassword cmusaslsecretDIGEST-MD5")
    script.ok(1135.0, "digest", "DIGEST-MD5", pid=5000)


@pytest.mark.parametrize(
    ("elsewhere", "certain"),
    [
        (_nothing, True),
        (_bound_as_herself, True),
        (_entry_gone, True),
        (_late, True),
        (_of_somebody_else, False),
        (_of_nobody, False),
    ],
)
def test_a_dn_is_searched_for_everywhere(
    elsewhere: Callable[[Script], None], certain: bool, tmp_path: Path
) -> None:
    script = _logged(elsewhere)
    found = of_user_in(_files(script, tmp_path), TraceFilter(user="alice"), time.time(), before=600.0)
    assert found is not None
    near = {trace.key[2]: trace for trace in found.traces}
    whole = {trace.key[2]: trace for trace in script.traces() if trace.user == "alice"}
    assert near.keys() == whole.keys()
    assert len(near) == len(MEETINGS)
    for at, trace in near.items():
        told = whole[at].ldap
        assert trace.ldap is not None
        assert told is not None
        if certain:
            assert trace.ldap == told
            assert told.dn == ALICE
        assert (trace.ldap.confidence is Confidence.CERTAIN) == certain


def _files(script: Script, folder: Path) -> dict[LogRole, SlicedLog]:
    texts: dict[LogRole, list[str]] = {role: [] for role in LogRole}
    for record in sorted(script.lines, key=lambda record: record.time):
        stamp = f"{datetime.fromtimestamp(record.time, UTC):%b %e %H:%M:%S}"
        texts[record.role].append(f"{stamp} {record.host} {record.ident}[{record.pid}]: {record.text}\n")
    logs = {}
    for role, lines in texts.items():
        path = folder / f"{role}.log"
        path.write_text("".join(lines))
        logs[role] = SlicedLog(LocalLogFile(str(path)), f"/var/log/{role}.log", role, "UTC")
    return logs
