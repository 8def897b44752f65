"""A host with many connections, real ones, in a network of its own."""

from tests.bench.services import look


def test_every_child_is_counted_and_no_more_connections_are_listed_than_are_shown() -> None:
    found = look(children=40, clients=800)
    assert (found["children"], found["busy"], found["states"]) == (40, 40, ["listening", "listening"])
    assert found["connected"] == 400
