"""How often links are right, on generated logs with their truth: the promise that `certain` keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.logins.generator import Server, generate
from tests.logins.measuring import measure

# with 3 logins a second a match by time alone gets nine in ten right
BUSY = 3.0
CALM = 0.5


@pytest.mark.parametrize(
    ("server", "linked", "certain"),
    [
        (Server(seed=31, attempts=600, rate=CALM, burst=0.0), 0.99, 0.95),
        (Server(seed=32, attempts=600, rate=BUSY, burst=0.0), 0.97, 0.60),
        (Server(seed=33, attempts=600, rate=BUSY), 0.97, 0.60),
        (Server(seed=34, attempts=600, rate=BUSY, named=True), 0.97, 0.60),
        (Server(seed=35, attempts=600, rate=CALM, users=2000), 0.97, 0.60),
        (Server(seed=36, attempts=600, rate=BUSY, whole_seconds=False, burst=0.0), 0.99, 0.85),
        (Server(seed=37, attempts=600, rate=CALM, failures=0.8, authenticate=0.9), 0.97, 0.60),
    ],
)
def test_links_on_a_complete_log(server: Server, linked: float, certain: float) -> None:
    rates = measure(generate(server))
    assert rates.missing == 0
    assert rates.linked >= linked
    assert rates.certain >= certain
    assert rates.wrong_certain == 0
    assert rates.false_links == 0
    assert rates.user_wrong == 0


def test_with_the_directory_all_but_the_undecidable_is_linked() -> None:
    rates = measure(generate(Server(seed=38, attempts=600, rate=BUSY, burst=0.0)), directory=True)
    assert rates.linked >= 0.99
    assert rates.wrong_certain == 0


@pytest.mark.parametrize(
    "server",
    [
        # lines lost, look-ups not logged, and another program asking through the same proxy
        Server(seed=41, attempts=600, rate=BUSY, lost=0.02),
        Server(seed=42, attempts=600, rate=BUSY, strangers=0.3),
        Server(seed=43, attempts=600, rate=CALM, silent=0.1),
        Server(seed=44, attempts=600, rate=BUSY, silent=0.02, strangers=0.1, lost=0.01),
        Server(seed=45, attempts=600, rate=BUSY, latency=0.2, jitter=0.1, whole_seconds=False),
        Server(seed=46, attempts=600, rate=CALM, silent=1.0, strangers=1.0),
    ],
)
def test_what_is_called_certain_is_right_though_lines_are_missing(server: Server) -> None:
    rates = measure(generate(server))
    assert rates.missing == 0
    sure = rates.certain * rates.attempts
    assert rates.wrong_certain + rates.false_links <= 0.005 * max(sure, 1.0)


@pytest.mark.parametrize(
    ("server", "seeds", "directory", "certain"),
    [
        # another program asks for the very users who log in, and look-ups of these are missing
        (Server(attempts=600, rate=3.5, strangers=1.0, silent=0.3), (51, 52), True, 0.05),
        (Server(attempts=600, rate=6.0, strangers=0.5, silent=0.2), (54,), True, 0.05),
        (Server(attempts=600, rate=3.5, strangers=0.2, silent=0.1, whole_seconds=False), (57,), False, 0.6),
        # it asks for the user who logs in
        (Server(attempts=600, rate=1.0, company=0.3, silent=0.1, varied=True), (58,), True, 0.0),
        # none is missing: then nothing is another's
        (Server(attempts=600, rate=1.0, company=0.3, strangers=0.5, varied=True), (60,), False, 0.5),
        # none is another's
        (Server(attempts=600, rate=3.5, silent=0.3), (61,), True, 0.6),
    ],
)
def test_a_user_is_taken_for_himself_only_where_that_is_no_coincidence(
    server: Server, seeds: tuple[int, ...], directory: bool, certain: float
) -> None:
    found = [measure(generate(replace(server, seed=seed)), directory=directory) for seed in seeds]
    sure = sum(rates.certain * rates.attempts + rates.false_links for rates in found)
    assert sum(rates.wrong_certain + rates.false_links for rates in found) <= 0.005 * sure
    assert sure >= certain * sum(rates.attempts for rates in found)


@pytest.mark.parametrize(
    "server",
    [
        Server(seed=1, attempts=300, rate=BUSY, skew=-2.0),
        Server(seed=2, attempts=300, rate=CALM, skew=3.2),
        Server(seed=1, attempts=300, rate=BUSY, skew=0.5, whole_seconds=False),
    ],
)
def test_a_clock_that_is_wrong_makes_nothing_certain(server: Server) -> None:
    rates = measure(generate(server))
    assert rates.linked == 0.0
    assert rates.wrong_certain == rates.false_links == 0
    assert rates.user_wrong == 0
