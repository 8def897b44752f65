"""Attempts that did not succeed, by the hundred thousand, in a few bytes each."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from cyrtui.logins.events import BadLogin, Client, TlsFailed

_NOBODY = Client(None, None)


class Failure(NamedTuple):
    """One attempt: its time in seconds since the epoch, its event (without user and client, as all of its
    `kind` have it), the user that the line names, and the service.
    """

    time: float
    kind: int
    event: BadLogin | TlsFailed
    user: str | None
    service: str


class Failures:
    """Many of them, in the order in which they came."""

    def __init__(self) -> None:
        self._times = array("d")
        self._kinds = array("l")
        self._users = array("l")
        self._services = array("l")
        self._events: dict[BadLogin | TlsFailed, int] = {}
        self._names: dict[str | None, int] = {}
        self._service_names: dict[str, int] = {}

    def kind(self, event: BadLogin | TlsFailed) -> int:
        """The kind of this event, whose user and client do not matter."""
        bare: BadLogin | TlsFailed = (
            event._replace(client=_NOBODY, user=None)
            if isinstance(event, BadLogin)
            else event._replace(client=None)
        )
        return self._events.setdefault(bare, len(self._events))

    def add(self, time: float, kind: int, user: str | None, service: str) -> None:
        """Take one more."""
        self._times.append(time)
        self._kinds.append(kind)
        self._users.append(self._names.setdefault(user, len(self._names)))
        self._services.append(self._service_names.setdefault(service, len(self._service_names)))

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[Failure]:
        events, names, services = list(self._events), list(self._names), list(self._service_names)
        for time, kind, user, service in zip(
            self._times, self._kinds, self._users, self._services, strict=True
        ):
            yield Failure(time, kind, events[kind], names[user], services[service])
