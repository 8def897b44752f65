"""Every login explained, against the real stack; the truth is told by Cyrus' own processes, not by logs."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import pytest

from cyrtui.host.local import LocalHost
from cyrtui.logins.book import TraceBook
from cyrtui.logins.trace import Confidence, LoginTrace
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.records import RecordFeed
from cyrtui.logs.sources import LogSource, LogSources
from tests.lab import Lab
from tests.lab.clients import Attempt, Kind, Mechanism, Outcome, Service, Worker, as_person, login
from tests.lab.configuration import Stamps
from tests.lab.directory import BARE, HASHED, ORDINARY, TOTO, Person, generated
from tests.lab.faults import accept_queue, fault
from tests.lab.fixture import LabFactory
from tests.lab.stack import LOGS, LabOptions
from tests.lab.telling import Told, telling, told
from tests.logins.measuring import UidDirectory

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
AT_ONCE = 20
WIDTH = 60
LOGINS = 330
USERS = 30
RATE = 3.5

FAILING: tuple[Kind, ...] = ("wrong-password", "unknown-user", "hashed-password", "no-password")


@dataclass(frozen=True)
class Proof:
    """What was tried, what the processes told of it, and the records of the three logs."""

    outcomes: list[Outcome]
    truth: list[Told]
    records: list[Record]
    people: tuple[Person, ...]


def wanted(seed: int) -> list[Attempt]:
    """The same number of each failure, a quarter of all; the rest succeeds."""
    chance = random.Random(seed)
    everyone = generated(USERS)
    kinds: list[Kind] = ["ok"] * (LOGINS * 3 // 4)
    kinds += [FAILING[number % len(FAILING)] for number in range(LOGINS - len(kinds))]
    chance.shuffle(kinds)
    return [_attempt(chance, kind, chance.choice(everyone)) for kind in kinds]


def _attempt(chance: random.Random, kind: Kind, person: Person) -> Attempt:
    service: Service = chance.choice(("imap", "imap", "imaps", "sieve"))
    mechanism: Mechanism = chance.choice(("LOGIN", "LOGIN", "PLAIN", "CRAM-MD5", "DIGEST-MD5"))
    if service == "sieve":
        mechanism = "PLAIN"
    host = chance.choice(("127.0.0.1", "::1"))
    user, password = {
        "ok": (person.uid, person.password),
        "wrong-password": (person.uid, "not-the-password"),
        "unknown-user": (f"nobody{chance.randrange(20)}", "whatever"),
        "hashed-password": (HASHED.uid, HASHED.password),
        "no-password": (BARE.uid, BARE.password),
    }[kind]
    return Attempt(user, password, service, mechanism, kind, host, stay=chance.uniform(5.0, 9.0))


def records_of(lab: Lab) -> list[Record]:
    """All records of a lab's logs, merged by time as the program merges them."""
    sources = LogSources(
        tuple(LogSource(str(lab.path(LOGS[role])), frozenset({role}), "the lab's") for role in LogRole), ()
    )
    feed = RecordFeed(LocalHost(), sources, limit=None)
    found: list[Record] = []
    more = True
    while more or not feed.caught_up:
        records, more = feed.poll()
        found += records
    assert feed.problems == ()
    feed.close()
    return found


def traces_of(records: Sequence[Record], uids: dict[str, str] | None = None) -> list[LoginTrace]:
    """The traces of some records; with the directory's answers or without."""
    book = TraceBook(directory=None if uids is None else UidDirectory(uids))
    book.feed(records)
    book.settle(records[-1].time + 3600)
    return list(book.traces())


def paced(lab: Lab, wanted: Sequence[Attempt]) -> list[Outcome]:
    """Try them at about `RATE` a second, as people come: at no even distance."""
    chance = random.Random(len(wanted))
    due = time.monotonic()
    with Worker(lab, width=WIDTH) as worker:
        futures: list[Future[Outcome]] = []
        for one in wanted:
            due += chance.expovariate(RATE)
            time.sleep(max(0.0, due - time.monotonic()))
            futures.append(worker.submit(one))
        return [future.result() for future in futures]


def tried(lab: Lab, seed: int) -> Proof:
    """Hundreds of logins, two dozen clients at once all the time."""
    before = lab.read("/etc/cyrus.conf")
    lab.write("/etc/cyrus.conf", before.replace("maxchild=10", "maxchild=60"))
    try:
        with telling(lab) as mark:
            outcomes = paced(lab, wanted(seed))
            truth = told(lab, mark)
    finally:
        lab.write("/etc/cyrus.conf", before)
    return Proof(outcomes, truth, records_of(lab), lab.people)


@pytest.fixture(scope="module", autouse=True)
def running(labs: LabFactory) -> Iterator[dict[Stamps, Future[Proof]]]:
    """A proof for each format of stamps, both being gained while other tests run."""
    formats: tuple[Stamps, ...] = ("rfc3164", "rfc3339")
    up = [labs(LabOptions(stamps=stamps, users=USERS)) for stamps in formats]
    with ThreadPoolExecutor(len(up)) as pool:
        yield {
            stamps: pool.submit(tried, lab, seed)
            for seed, (stamps, lab) in enumerate(zip(formats, up, strict=True))
        }


@pytest.fixture(scope="module")
def proofs(running: dict[Stamps, Future[Proof]]) -> dict[Stamps, Proof]:
    """Both proofs, when they are gained."""
    return {stamps: future.result() for stamps, future in running.items()}


def crowded(proof: Proof) -> float:
    """The share of the lines about logins that stand in the same second as another."""
    lines = {line.offset for line in proof.truth}
    times = [int(one.time) for one in proof.records if one.role is LogRole.MAIL and one.offset in lines]
    seconds = Counter(times)
    return sum(seconds[time] > 1 for time in times) / len(times)


CAUSES = {
    "wrong_password": ("password-mismatch", ("password-not-cleartext",)),
    "unknown_user": ("unknown-user", ()),
    "hashed_password": ("password-mismatch", ("password-not-cleartext",)),
    "slapd_stopped": ("directory-unreachable", ()),
    "saslauthd_refuses": ("password-mismatch", ("unknown-user", "directory-unreachable")),
    "bad_ldapdb_password": ("proxy-bind-failed", ()),
    "authzto_removed": ("proxy-authorization-denied", ("unknown-user",)),
    "auxprop_misspelt": ("auxprop-plugin-missing", ()),
    "unreadable_tls_key": ("tls-key-unusable", ()),
    "user_denied": ("user-denied", ()),
}
"""What leaves a line of the attempt; the other faults leave none, and are told by the services."""


class Hashed:
    """A directory that says of every entry that its password is a hash."""

    def names(self, _dn: str) -> frozenset[str] | None:
        return None

    def password(self, _dn: str) -> str | None:
        return "hashed"


@pytest.fixture(scope="module")
def usual(lab: Lab) -> None:
    """Some logins that go well come before every fault, as they do."""
    for _ in range(3):
        assert login(lab, as_person(TOTO)).ok
        assert login(lab, as_person(ORDINARY[1])).ok


@pytest.mark.usefixtures("usual")
@pytest.mark.parametrize("name", list(CAUSES))
def test_each_fault_is_named_by_its_code(lab: Lab, name: str) -> None:
    mark = lab.mark()
    with fault(lab, name) as made:
        assert login(lab, made.attempt).result == made.result
        for log, fragment in made.seen:
            lab.wait_log(log, fragment, since=mark)
        records = records_of(lab)
    found = [trace for trace in traces_of(records) if trace.key[1] >= mark["mail"]]
    assert [(trace.outcome, trace.cause, trace.also) for trace in found] == [("failed", *CAUSES[name])]
    assert found[0].remedy
    proof = [found[0].events[number].text for number in found[0].evidence]
    assert proof
    if name == "hashed_password":
        book = TraceBook(directory=Hashed())
        book.feed(records)
        book.settle(records[-1].time + 3600)
        assert book.traces()[0].cause == "password-not-cleartext"


UNLOGGED = {
    "slapd_hung": ("directory-unreachable", "slapd does not take the connections to its port 389"),
    "full_maxchild": ("maxchild-reached", "imap has as many processes as it may, and "),
    "port_taken": ("port-in-use", "Another program has the port of imap"),
    "plaintext_refused": ("plaintext-refused", "imap refuses a password that comes without TLS"),
}
"""What leaves no line: `trace` asks the host, and names it by its code on stderr."""


@pytest.mark.usefixtures("usual")
@pytest.mark.parametrize("name", [*CAUSES, *UNLOGGED])
def test_trace_names_each_fault(lab: Lab, name: str) -> None:
    """As the on-call colleague asks: who it is, since when; he may have got in a moment before."""
    with fault(lab, name) as made:
        began = time.time()
        with ThreadPoolExecutor(1) as beside:
            attempt = beside.submit(login, lab, made.attempt)
            if name not in UNLOGGED:
                attempt.result()
            elif name == "slapd_hung":
                # the login hangs: whoever asks, asks while it does
                lab.wait(lambda: accept_queue(lab, 389) > 0, "a connection to wait for slapd")
            else:
                attempt.result()
            since = datetime.fromtimestamp(int(began), UTC).isoformat()
            words = [sys.executable, "-m", "cyrtui", "trace", "--json", "--since", since]
            words += ["--failed"] if name in CAUSES else []
            words += [] if name == "unreadable_tls_key" else [made.attempt.user]
            done = lab.run(words, env=ENVIRONMENT, cwd=ROOT, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if name in UNLOGGED:
        code, sentence = UNLOGGED[name]
        assert f"In no log: {code}: {sentence}" in done.stderr
    else:
        assert [(one["outcome"], one["cause"]) for one in found[-1:]] == [("failed", CAUSES[name][0])]
        assert done.status == 0


def held(proof: Proof) -> int:
    """How many clients were there at once, at most: from the connection to the end of the stay."""
    moves = [(one.start.timestamp(), 1) for one in proof.outcomes]
    moves += [(one.end.timestamp() + one.attempt.stay * one.ok, -1) for one in proof.outcomes]
    return max(accumulate(step for _, step in sorted(moves)))


def rates(proof: Proof, *, directory: bool) -> tuple[float, float, int]:
    """The shares of attempts with a look-up that were linked to it, and certainly; how many surely wrong."""
    uids = {person.dn.lower(): person.uid for person in proof.people} if directory else None
    traces = {trace.key[1]: trace for trace in traces_of(proof.records, uids)}
    linked = certain = wrong = 0
    for line in proof.truth:
        link = traces[line.offset].ldap
        right = link is not None and (link.pid, link.conn) in line.connections
        sure = link is not None and link.confidence is Confidence.CERTAIN
        linked += right
        certain += sure and right
        wrong += sure and not right
    assert all(len(line.connections) == 1 for line in proof.truth)
    return linked / len(proof.truth), certain / len(proof.truth), wrong


def test_the_recordings_are_what_they_are_meant_to_be(proofs: dict[Stamps, Proof]) -> None:
    for proof in proofs.values():
        assert held(proof) >= AT_ONCE
        assert len(proof.truth) >= 300
        results = Counter((one.attempt.kind, one.ok) for one in proof.outcomes)
        assert results[("ok", True)] > 0.7 * LOGINS
        assert all(results[(kind, False)] >= LOGINS // 16 for kind in FAILING)
        assert all(results[(kind, True)] == 0 for kind in FAILING)
        assert crowded(proof) >= 0.75


def test_whole_seconds_without_asking_the_directory(proofs: dict[Stamps, Proof]) -> None:
    linked, certain, wrong = rates(proofs["rfc3164"], directory=False)
    assert linked >= 0.97
    assert certain >= 0.60
    assert wrong <= 0.005 * certain * LOGINS


@pytest.mark.parametrize(("stamps", "directory"), [("rfc3164", True), ("rfc3339", False), ("rfc3339", True)])
def test_with_fine_stamps_or_the_directory(
    proofs: dict[Stamps, Proof], stamps: Stamps, directory: bool
) -> None:
    linked, certain, wrong = rates(proofs[stamps], directory=directory)
    assert linked >= 0.99
    assert certain >= 0.60
    assert wrong <= 0.005 * certain * LOGINS


@pytest.mark.parametrize("stamps", ["rfc3164", "rfc3339"])
def test_each_attempt_is_a_trace_and_its_failure_has_its_cause(
    proofs: dict[Stamps, Proof], stamps: Stamps
) -> None:
    proof = proofs[stamps]
    lines = {line.offset for line in proof.truth}
    traces = [trace for trace in traces_of(proof.records) if trace.key[1] in lines]
    assert len(traces) == len(lines)
    assert {trace.cause for trace in traces if trace.outcome == "ok"} <= {None}
    failed = [trace for trace in traces if trace.outcome == "failed"]
    meant = Counter(one.attempt.kind for one in proof.outcomes if not one.ok)
    users = Counter(one.attempt.user for one in proof.outcomes if not one.ok)
    # a failed AUTHENTICATE names nobody
    assert not Counter(trace.user for trace in failed if trace.user) - users
    causes = Counter(trace.cause for trace in failed)
    assert causes.total() == meant.total()
    assert causes["unknown-user"] == meant["unknown-user"]
    # without a stored password: a mechanism that needs none says that the password was wrong
    assert 0 < causes["password-unreadable"] <= meant["no-password"]
    assert causes.keys() == {"unknown-user", "password-unreadable", "password-mismatch"}
    for trace in failed:
        if trace.user is not None and trace.user.startswith("nobody"):
            assert trace.cause == "unknown-user", trace
        elif trace.cause == "password-mismatch":
            assert "password-not-cleartext" in trace.also
