"""Finding the line of a time in a file of any length, without reading the file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from cyrtui.host.protocol import LogFile
from cyrtui.logs.generation import line_before
from cyrtui.logs.packed import PackedFile
from cyrtui.logs.stamps import HEAD, Stamp, StampClock

_PROBE: Final = 4 << 10
_FARTHEST: Final = 1 << 20
_NEAR: Final = 32 << 10
_SAMPLES: Final = 48
_SMALL: Final = 8 << 20


def seek_time(file: LogFile, clock: StampClock, time: float) -> int:
    """The offset of the first line that is not earlier than `time`; the file's size if there is none.

    The lines must stand in the order of time, as far as 32 KiB. `clock` has the zone; of stamps without a
    year it is worked out from the end of the file. A compressed file must be indexed, or is first. Raises
    `FileUnreadable`.
    """
    size = file.size()
    clock.latest = file.mtime()
    samples = time_samples(file, clock, size)
    at = bisect_right(samples, time, key=lambda sample: sample[1])
    # Lines of the very same second may stand before the sample that has it.
    while at and samples[at - 1][1] >= time:
        at -= 1
    low = samples[at - 1][0] if at else 0
    high = samples[at][0] if at < len(samples) else size
    latest = samples[at][1] if at < len(samples) else file.mtime()
    clock.latest = latest
    while high - low > _NEAR:
        middle = (low + high) // 2
        found = first_stamp(file, middle, clock)
        if found is None or found[1].time >= time:
            high = middle
        else:
            low = middle
    start = line_before(file, low + 1) if low else 0
    for offset, line in _lines(file, start, size):
        stamp = clock.stamp(line)
        if stamp is not None and stamp.time >= time:
            return offset
    return size


def first_stamp(file: LogFile, offset: int, clock: StampClock) -> tuple[int, Stamp] | None:
    """The first line with a stamp that begins at or after `offset`, looked for in the next MiB."""
    probe = _PROBE
    while True:
        data = file.pread(probe, offset)
        found = stamp_in(data, offset, clock)
        if found is not None:
            return found
        if len(data) < probe or probe >= _FARTHEST:
            return None
        probe *= 16


def stamp_in(data: bytes, offset: int, clock: StampClock) -> tuple[int, Stamp] | None:
    """The first line with a stamp that begins in `data`, which stands at `offset`."""
    at = 0 if offset == 0 else data.find(b"\n") + 1
    while at > 0 or offset == 0:
        stamp = clock.stamp(data[at : at + HEAD])
        if stamp is not None:
            return offset + at, stamp
        at = data.find(b"\n", at) + 1
        if at <= 0:
            break
    return None


def time_samples(file: LogFile, clock: StampClock, size: int) -> list[tuple[int, float]]:
    """Offsets and times along the file, from its end back: each says the year for the one before."""
    heads = dict(file.samples) if isinstance(file, PackedFile) and size > _SMALL else {}
    packed = bool(heads)
    offsets = list(heads) if packed else [size * part // _SAMPLES for part in range(_SAMPLES)]
    found: list[tuple[int, float]] = []
    for offset in reversed(offsets):
        stamp = stamp_in(heads[offset], offset, clock) if packed else first_stamp(file, offset, clock)
        if stamp is None:
            continue
        if not stamp[1].worked_out and not packed:
            return []
        if found and (stamp[0] >= found[-1][0] or stamp[1].time > found[-1][1]):
            continue
        clock.latest = stamp[1].time
        found.append((stamp[0], stamp[1].time))
    found.reverse()
    return found


def _lines(file: LogFile, start: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The beginnings of the lines from `start` on, with their offsets."""
    while start < size:
        data = file.pread(_NEAR * 2, start)
        if not data:
            return
        at = 0
        while (newline := data.find(b"\n", at)) >= 0:
            yield start + at, data[at : at + HEAD]
            at = newline + 1
        if at == 0:
            # A line that is longer than this: only its beginning is looked at.
            yield start, data[:HEAD]
            at = len(data)
            while data and (newline := data.find(b"\n")) < 0:
                start, at = start + at, 0
                data = file.pread(_NEAR * 2, start)
                at = len(data)
            if not data:
                return
            at = newline + 1
        start += at
