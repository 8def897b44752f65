"""What a log view asks of the lines that it shows."""

from __future__ import annotations

from typing import Protocol


class ShownLine(Protocol):
    """A line as it is shown; two that are equal look the same."""

    @property
    def role(self) -> str:
        """mail, auth or slapd."""
        ...

    @property
    def time(self) -> float:
        """Seconds since the epoch; whole when the log says no fraction."""
        ...

    @property
    def ident(self) -> str:
        """What logged it, such as `cyrus/imaps`."""
        ...

    @property
    def pid(self) -> int | None:
        """Its process, if the line says so."""
        ...

    @property
    def text(self) -> str:
        """What it says."""
        ...

    @property
    def level(self) -> str | None:
        """error, warning, good, info or debug."""
        ...


class LineView(Protocol):
    """Lines with absolute numbers from `first` up to, not including, `end`.

    `first` falls when older lines are read in, `end` rises when new ones come; a number keeps its line,
    except near the end, where a late line of another log may be put in between.
    """

    @property
    def first(self) -> int: ...

    @property
    def end(self) -> int: ...

    @property
    def version(self) -> int:
        """Another one whenever anything changed."""
        ...

    def line(self, number: int) -> ShownLine:
        """The line of a number in [first, end)."""
        ...
