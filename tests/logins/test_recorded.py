"""Logs of real 2.2.13 and 2.4.22 servers, with the truth of each attempt beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from cyrtui.logins.book import TraceBook
from cyrtui.logins.trace import Confidence, LoginTrace
from tests.logins.measuring import UidDirectory
from tests.logins.reading import RECORDINGS, recorded

VERSIONS = ["cyrus-2.2.13", "cyrus-2.4.22"]
END = 1795348800.0

# what the recorder meant to happen, and the causes that say so
CAUSES: dict[str, set[str | None]] = {
    "ok": {None},
    "admin-setup": {None},
    "ok-then-idle": {None},
    "ok-abrupt-close": {None},
    "ok-after-restart": {None},
    "upper-case-name": {None},
    "proxy-ok": {None},
    "wrong-password": {"password-mismatch"},
    # the logs cannot tell; what it may also be is said
    "hashed-password": {"password-mismatch"},
    "unknown-user": {"unknown-user"},
    "name-with-space": {"unknown-user"},
    "name-with-realm": {"unknown-user"},
    "eight-bit-name": {"unknown-user"},
    "invalid-name": {"unknown-user"},
    "ok-no-mailbox": {None, "unknown-user"},
    "proxy-refused": {"user-denied"},
    "mechanism-refused": {"plaintext-refused"},
    "bad-mechanism": {"mechanism-unavailable"},
    "anonymous-refused": {"mechanism-unavailable"},
    "slapd-stopped": {"directory-unreachable"},
}


@dataclass(frozen=True)
class Pair:
    """An attempt as it was, and as it was traced."""

    truth: dict[str, Any]
    trace: LoginTrace


@cache
def pairs(version: str) -> tuple[list[Pair], int]:
    """The attempts that left a line, and how many traces there are in all."""
    book = TraceBook()
    for log in recorded(version).values():
        book.feed(log)
    book.settle(END)
    offsets = [0]
    for line in (RECORDINGS / version / "mail.info").read_bytes().splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    traces = {trace.key[1]: trace for trace in book.traces()}
    truth = [json.loads(line) for line in (RECORDINGS / version / "truth.jsonl").read_text().splitlines()]
    found = [Pair(each, traces[offsets[each["line_no"] - 1]]) for each in truth if each["login_lines"]]
    return found, len(traces)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_attempt_is_one_trace(version: str) -> None:
    found, total = pairs(version)
    assert len(found) == total == len({pair.trace.key for pair in found})


@pytest.mark.parametrize("version", VERSIONS)
def test_outcome_service_process_and_mechanism(version: str) -> None:
    for pair in pairs(version)[0]:
        truth, trace = pair.truth, pair.trace
        assert (trace.outcome, trace.service, trace.pid, trace.mechanism) == (
            truth["outcome"],
            truth["service"],
            truth["pid"],
            truth["mechanism"],
        ), truth


@pytest.mark.parametrize("version", VERSIONS)
def test_the_user_is_right_where_anybody_is_named(version: str) -> None:
    for pair in pairs(version)[0]:
        truth, trace = pair.truth, pair.trace
        if truth["kind"] in {"proxy-refused", "eight-bit-name"}:
            # the log names who he really was, and the name as the server changed it
            assert trace.user in (truth.get("authcid"), "josi")
        elif trace.user is not None:
            assert trace.user == truth["user"]
        else:
            assert truth["outcome"] == "failed"
            assert truth["mechanism"] != "plaintext"


@pytest.mark.parametrize("version", VERSIONS)
def test_no_link_is_wrong_and_most_are_certain(version: str) -> None:
    sure = total = 0
    for pair in pairs(version)[0]:
        truth, link = pair.truth, pair.trace.ldap
        if truth["conn"] is None:
            continue
        total += 1
        assert link is not None, truth
        assert (link.conn, link.pid) == (truth["conn"], truth["slapd_pid"]), truth
        sure += link.confidence is Confidence.CERTAIN
    assert sure >= 0.75 * total


@pytest.mark.parametrize("version", VERSIONS)
def test_attempts_that_asked_nobody_have_no_look_up(version: str) -> None:
    asked_nobody = {"mechanism-refused", "slapd-stopped", "invalid-name", "eight-bit-name", "bad-mechanism"}
    kinds = set()
    for pair in pairs(version)[0]:
        kind = pair.truth["kind"].partition(" (")[0]
        if kind in asked_nobody:
            kinds.add(kind)
            assert pair.trace.ldap is None, pair.truth
    assert {"slapd-stopped", "invalid-name"} <= kinds


@pytest.mark.parametrize("version", VERSIONS)
def test_causes(version: str) -> None:
    for pair in pairs(version)[0]:
        kind = str(pair.truth["kind"]).partition(" (")[0]
        assert pair.trace.cause in CAUSES[kind], pair.truth
        assert (pair.trace.cause is None) == (pair.trace.outcome == "ok")
        if pair.trace.outcome == "failed":
            assert pair.trace.evidence
            assert pair.trace.explanation
            assert pair.trace.remedy
        if kind == "hashed-password":
            assert "password-not-cleartext" in pair.trace.also


def test_tls_of_the_secure_services() -> None:
    for pair in pairs("cyrus-2.4.22")[0]:
        tls = pair.trace.tls
        assert (tls is not None) == bool(pair.truth.get("tls")), pair.truth
        if tls is not None:
            assert (tls.version, tls.cipher, tls.bits) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256)


def test_conn_numbers_that_begin_again_are_told_apart() -> None:
    links = [pair.trace.ldap for pair in pairs("cyrus-2.2.13")[0] if pair.truth["conn"] == 1000]
    assert [link.pid for link in links if link is not None] == [4904, 5178]


def test_a_failed_authenticate_gets_its_user_from_the_directory() -> None:
    """2.x names nobody; slapd's DN does, once it is known whose it is."""
    logs = recorded("cyrus-2.4.22")
    uid_of = {
        f"cn=person {number},ou=people,dc=example,dc=net": user
        for number, user in ((701, "toto"), (703, "julien"), (704, "bogdana"), (705, "franck"))
    }
    book = TraceBook(directory=UidDirectory(uid_of))
    for log in logs.values():
        book.feed(log)
    book.settle(END)
    named = [trace for trace in book.traces() if trace.user_from == "directory"]
    assert len(named) >= 10
    assert {trace.mechanism for trace in named} >= {"CRAM-MD5", "DIGEST-MD5", "PLAIN"}
    offsets = {pair.trace.key: pair.truth["user"] for pair in pairs("cyrus-2.4.22")[0]}
    assert all(trace.user == offsets[trace.key] for trace in named)
