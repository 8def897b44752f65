"""Lines as the glass shows them, read from their files when they are looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cyrtui.inert import inert
from cyrtui.logs.index import LinePlace, SourceIndex, read_place
from cyrtui.logs.levels import Level, guess_level
from cyrtui.logs.lines import TEXT_CAP, parse_line
from cyrtui.logs.record import LogRole, Record
from cyrtui.logs.stamps import StampClock

GONE: Final = "[this line is no longer in the file]"
NOT_KEPT: Final = "[this line is no longer kept]"
_SHOWN_AT_MOST: Final = 2048


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line on the glass: the fields of its `Record`, and a `level` guessed from its text.

    `kind` is `line`; `note` for a sentence of the program's own between the lines, such as what was lost;
    `gone` for a line whose text cannot be read any more.
    """

    role: LogRole
    time: float
    whole_seconds: bool
    host: str
    ident: str
    pid: int | None
    text: str
    level: Level
    path: str
    offset: int
    end: int
    parsed: bool
    kind: Literal["line", "note", "gone"] = "line"

    @property
    def record(self) -> Record:
        """The same as a `Record`."""
        return Record(
            self.role,
            self.time,
            self.whole_seconds,
            self.host,
            self.ident,
            self.pid,
            self.text,
            self.path,
            self.offset,
            self.end,
            self.parsed,
        )


class LineReader:
    """Reads lines and remembers the last ones. Thread-safe; `lock` guards everything that views publish."""

    def __init__(self, zone: str | None) -> None:
        self.lock = threading.RLock()
        self._zone = zone
        self._clocks: dict[str | None, StampClock] = {}
        self._known: OrderedDict[tuple[int, int, int], ShownLine] = OrderedDict()

    def shown(self, places: Sequence[tuple[SourceIndex, int]]) -> list[ShownLine]:
        """The lines at these places, in this order."""
        return [self._shown(index, number) for index, number in places]

    def forget(self) -> None:
        """Read everything anew: a file was cut."""
        with self.lock:
            self._known.clear()

    def _shown(self, index: SourceIndex, number: int) -> ShownLine:
        with index.lock:
            place = index.place(number)
        if place is None:
            return _without_text(LinePlace(min(index.source.roles), 0.0, None, 0, 0, None), index, NOT_KEPT)
        key = (id(index), number, place.end)
        with self.lock:
            known = self._known.get(key)
        if known is not None and known.time == place.time:
            return known
        line = self._read(index, place)
        with self.lock:
            self._known[key] = line
            if len(self._known) > _SHOWN_AT_MOST:
                self._known.popitem(last=False)
        return line

    def _read(self, index: SourceIndex, place: LinePlace) -> ShownLine:
        if place.note is not None:
            return _without_text(place, index, place.note)
        raw = read_place(place)
        if raw is None:
            return _without_text(place, index, GONE)
        path = place.generation.path if place.generation is not None else index.source.path
        length = place.end - place.offset - 1 if len(raw) > TEXT_CAP else len(raw)
        with self.lock:
            clock = self._clocks.setdefault(
                index.source.zone, StampClock(index.source.zone or self._zone, place.time)
            )
            clock.latest = place.time
            record = parse_line(
                raw,
                role=place.role,
                clock=clock,
                before=place.time,
                path=path,
                offset=place.offset,
                end=place.end,
                length=length,
            )
            stamp = clock.stamp(raw[:64])
        if abs(record.time - place.time) > 1e-3:
            return _without_text(place, index, GONE)
        return ShownLine(
            record.role,
            record.time,
            record.whole_seconds,
            record.host,
            record.ident,
            record.pid,
            record.text,
            guess_level(record.text, stamp.priority if stamp is not None else None),
            record.path,
            record.offset,
            record.end,
            record.parsed,
        )


def _without_text(place: LinePlace, index: SourceIndex, text: str) -> ShownLine:
    note = place.note is not None
    return ShownLine(
        place.role,
        place.time,
        whole_seconds=False,
        host="",
        ident="",
        pid=None,
        text=inert(text),
        level=Level.WARNING if note else Level.DEBUG,
        path=index.source.path,
        offset=place.offset,
        end=place.end,
        parsed=False,
        kind="note" if note else "gone",
    )
