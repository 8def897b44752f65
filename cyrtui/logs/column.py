"""A long row of numbers that grows at both ends, 8 bytes (or 1) an entry."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Generic, Literal, TypeVar, overload

Number = TypeVar("Number", int, float)


class Column(Generic[Number]):
    """Entries numbered from `first` up to, not including, `end`; the first to be appended is number `start`.

    A number stays with its entry. Entries can be dropped from the front; then nothing can be put there again.
    """

    __slots__ = ("_back", "_base", "_front")

    @overload
    def __init__(self: Column[int], typecode: Literal["q", "Q", "B"], start: int = 0) -> None: ...

    @overload
    def __init__(self: Column[float], typecode: Literal["d"], start: int = 0) -> None: ...

    def __init__(self, typecode: Literal["q", "Q", "B", "d"], start: int = 0) -> None:
        self._front: array[Number] = array(typecode)
        self._back: array[Number] = array(typecode)
        self._base = start

    @property
    def first(self) -> int:
        return self._base - len(self._front)

    @property
    def end(self) -> int:
        return self._base + len(self._back)

    def __len__(self) -> int:
        return len(self._front) + len(self._back)

    def __getitem__(self, number: int) -> Number:
        at = number - self._base
        return self._back[at] if at >= 0 else self._front[-at - 1]

    def __setitem__(self, number: int, value: Number) -> None:
        at = number - self._base
        if at >= 0:
            self._back[at] = value
        else:
            self._front[-at - 1] = value

    def part(self, start: int, stop: int) -> array[Number]:
        """A copy of the entries from `start` up to `stop`, both within the column."""
        low, high = start - self._base, stop - self._base
        if low >= 0:
            return self._back[low:high]
        front = self._front[max(0, -high) : -low]
        front.reverse()
        if high > 0:
            front.extend(self._back[:high])
        return front

    def append(self, values: Iterable[Number]) -> None:
        """Put `values` behind the last entry."""
        self._back.extend(values)

    def prepend(self, values: array[Number]) -> None:
        """Put `values` before the first entry, the last of them next to it."""
        front = values[:]
        front.reverse()
        self._front.extend(front)

    def replace_end(self, number: int, values: Sequence[Number]) -> None:
        """Put `values` in the place of the entries from `number` on; there are not fewer than there were."""
        known = self.end - number
        for at, value in enumerate(values[:known], number):
            self[at] = value
        self._back.extend(values[known:])

    def cut_front(self, number: int) -> None:
        """Drop the entries before `number`."""
        drop = number - self.first
        if drop <= 0:
            return
        if drop < len(self._front):
            del self._front[-drop:]
            return
        drop -= len(self._front)
        del self._front[:]
        del self._back[:drop]
        self._base += drop

    def find(self, value: Number) -> int | None:
        """The number of an entry that equals `value`."""
        for part, front in ((self._back, False), (self._front, True)):
            try:
                at = part.index(value)
            except ValueError:
                continue
            return self._base - at - 1 if front else self._base + at
        return None
