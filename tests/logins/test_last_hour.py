"""The last hour counts every attempt of it, kept or not, and says where it is not the whole of an hour."""

from __future__ import annotations

from cyrtui.logins.last_hour import HourKeeper
from cyrtui.logins.trace import LoginTrace
from tests.logins.lines import BASE, Script, only

NOW = BASE + 7200.0


def attempts() -> list[LoginTrace]:
    """One every 40 seconds for an hour and a half, each third failed; newest first."""
    script = Script()
    script.ok(1, "toto")
    one = only(script.traces())
    return [
        one._replace(end=NOW - ago * 40.0, outcome="ok")
        if ago % 3
        else one._replace(end=NOW - ago * 40.0, outcome="failed", cause="password-mismatch")
        for ago in range(135)
    ]


def test_those_that_had_to_make_room_are_counted_with_those_that_are_kept() -> None:
    traces = attempts()
    whole = HourKeeper().count(traces, NOW, None)
    assert (whole.ok, whole.failed, whole.since) == (60, 31, None)
    assert whole.causes == (("wrong password", 31),)
    for kept in (0, 20, 70):
        keeper = HourKeeper()
        for trace in reversed(traces[kept:]):
            keeper.drop(trace)
        assert keeper.count(traces[:kept], NOW, None) == whole
    later = keeper.count([], NOW + 1800.0, None)
    assert later.ok + later.failed == 0, "they are older than the hour by then"


def test_an_hour_that_is_not_all_known_says_from_when_on() -> None:
    keeper = HourKeeper()
    assert keeper.count([], NOW, NOW - 7200.0).since is None
    assert keeper.count([], NOW, NOW - 1200.0).since == NOW - 1200.0


def test_what_is_remembered_of_them_is_bounded() -> None:
    keeper = HourKeeper()
    trace = attempts()[0]
    for minute in range(2000):
        keeper.drop(trace._replace(end=BASE + 60.0 * minute))
    assert len(keeper._gone) <= 4 * 60
    assert keeper.count([], BASE + 60.0 * 2000, None).failed == 60
