"""The tables that the grammars are made of: one row a form of line, with the versions that write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

Event = TypeVar("Event")


class Form(NamedTuple, Generic[Event]):
    """One form of line.

    `versions` is for the reader: the releases whose source holds it. `pattern` is a regular expression for
    the whole line. `starts` is the line's first word, the key of the table; a form without it is tried on
    every line that holds `holds`. `make` builds the event, or gives None if the text turns out to say
    something else.
    """

    name: str
    versions: str
    pattern: str
    make: Callable[[re.Match[str]], Event | None]
    starts: str | None = None
    holds: str = ""


class Table(Generic[Event]):
    """Forms by first word; `read` costs one dictionary look-up for a line that does not matter.

    Patterns are compiled when they are first needed: most runs see few of them.
    """

    def __init__(self, *forms: Form[Event]) -> None:
        self.forms = forms
        self._by_word: dict[str, list[Form[Event]]] = {}
        self._anywhere = [form for form in forms if form.starts is None]
        self._compiled: dict[str, re.Pattern[str]] = {}
        for form in forms:
            if form.starts is not None:
                self._by_word.setdefault(form.starts, []).append(form)

    def _candidates(self, text: str) -> Iterator[Form[Event]]:
        yield from self._by_word.get(text[:64].partition(" ")[0], ())
        for form in self._anywhere:
            if form.holds in text:
                yield form

    def find(self, text: str) -> tuple[Form[Event], Event] | None:
        """The first form that fits, and its event."""
        for form in self._candidates(text):
            pattern = self._compiled.get(form.name)
            if pattern is None:
                pattern = self._compiled[form.name] = re.compile(form.pattern, re.DOTALL)
            found = pattern.match(text)
            if found is not None:
                event = form.make(found)
                if event is not None:
                    return form, event
        return None

    def read(self, text: str) -> Event | None:
        """The event of the first form that fits; None if none does."""
        found = self.find(text)
        return None if found is None else found[1]
