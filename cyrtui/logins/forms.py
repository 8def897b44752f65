"""The tables that the grammars are made of: one row a form of line, with the versions that write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Form(Generic[Event]):
    """One form of line.

    `versions` is for the reader: the releases whose source holds it. `starts` is the line's first word, the
    key of the table; a form without it is tried on every line that holds `holds`. `make` builds the event,
    or gives None if the text turns out to say something else.
    """

    name: str
    versions: str
    pattern: re.Pattern[str]
    make: Callable[[re.Match[str]], Event | None]
    starts: str | None = None
    holds: str = ""


@dataclass(frozen=True, slots=True)
class Table(Generic[Event]):
    """Forms by first word; `read` costs one dictionary look-up for a line that does not matter."""

    forms: tuple[Form[Event], ...]
    by_word: dict[str, tuple[Form[Event], ...]] = field(init=False)
    anywhere: tuple[Form[Event], ...] = field(init=False)

    def __post_init__(self) -> None:
        words: dict[str, list[Form[Event]]] = {}
        for form in self.forms:
            if form.starts is not None:
                words.setdefault(form.starts, []).append(form)
        object.__setattr__(self, "by_word", {word: tuple(forms) for word, forms in words.items()})
        object.__setattr__(self, "anywhere", tuple(form for form in self.forms if form.starts is None))

    def candidates(self, text: str) -> Iterable[Form[Event]]:
        yield from self.by_word.get(text[: text.find(" ")] if " " in text[:64] else text[:64], ())
        for form in self.anywhere:
            if form.holds in text:
                yield form

    def find(self, text: str) -> tuple[Form[Event], Event] | None:
        """The first form that fits, and its event."""
        for form in self.candidates(text):
            found = form.pattern.match(text)
            if found is not None:
                event = form.make(found)
                if event is not None:
                    return form, event
        return None

    def read(self, text: str) -> Event | None:
        found = self.find(text)
        return None if found is None else found[1]
