"""Following one log by its name, through whatever is done to it.

The file is renamed and made anew (logrotate `create`), copied and truncated (`copytruncate`), deleted, made
again, cut, or not there yet. The rule: no line is handed out twice, none is missed that stands in one of the
files; where bytes are certain to be lost, they are counted and said. Works against the `Host` protocol alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.protocol import Host, LogFile
from cyrtui.inert import inert
from cyrtui.logs.generation import (
    HEAD_BYTES,
    TAIL_BYTES,
    Generation,
    open_generation,
    split_lines,
)
from cyrtui.logs.lines import TEXT_CAP
from cyrtui.logs.rotation import Siblings

POLL_BYTES: Final = 1 << 20
"""How much one `poll` reads, unless told otherwise; when there is more, it says so."""
HALF_AFTER: Final = 2.0
"""Seconds after which a last line without a newline is shown as it stands."""
OLD_FILES: Final = 4
_READ: Final = 256 << 10


class Lines(NamedTuple):
    """Whole lines, one after the other in one file: from `starts[0]` to `end`, in bytes.

    `lines` are their bytes without newlines; the first may be cut to `TEXT_CAP` when it is very long.
    """

    generation: Generation
    starts: array[int]
    end: int
    lines: list[bytes]


class HalfLine(NamedTuple):
    """A last line that has had no newline for `HALF_AFTER` seconds. If it is completed, `Lines` holds it."""

    generation: Generation
    start: int
    end: int
    line: bytes


class Opened(NamedTuple):
    """A file is read from `start` on; what lies before in the `first` file is older and not handed out."""

    generation: Generation
    start: int
    first: bool


class Loss(NamedTuple):
    """Something of the log is gone, or may be: the sentence says what; `lost` bytes certainly are."""

    path: str
    sentence: str
    lost: int


Event = Lines | HalfLine | Opened | Loss


class FollowBatch(NamedTuple):
    """What one `poll` found, in order. `more` tells that polling again at once finds more."""

    events: tuple[Event, ...]
    more: bool

    @property
    def lines(self) -> Iterator[bytes]:
        """The whole lines, without their newlines."""
        for event in self.events:
            if isinstance(event, Lines):
                yield from event.lines

    @property
    def lost(self) -> tuple[Loss, ...]:
        return tuple(event for event in self.events if isinstance(event, Loss))


def from_beginning(_file: LogFile) -> int:
    """Start at the first byte."""
    return 0


class LogFollower:
    """Follows the log at `path`; `start` says where in the file that is there first reading begins.

    `start` gets the open file and gives the offset of the beginning of a line. `olddir` is where rotation
    moves it to, if not to another name beside it. One thread may use it. The
    generations that it hands out stay readable until it lets go of them: `OLD_FILES` after the present one.
    `problem` is a sentence while the log cannot be read, None otherwise.
    """

    def __init__(
        self,
        host: Host,
        path: str,
        start: Callable[[LogFile], int] = from_beginning,
        olddir: str | None = None,
    ) -> None:
        self.path = path
        self.problem: str | None = None
        self._host = host
        self._start = start
        self._chain: list[Generation] = []
        self._files: list[LogFile] = []
        self._siblings = Siblings(host, path, olddir)
        self._empty_since: float | None = None
        self._waited = self._opened = False

    def poll(self, limit: int = POLL_BYTES) -> FollowBatch:
        """What has come since the last poll, of `limit` bytes at most.

        Never raises for what happens to the file: see `problem`.
        """
        events: list[Event] = []
        more = False
        try:
            if self._chain or self._open_first(events):
                more = self._poll_open(events, limit)
        except FileUnreadable as error:
            self.problem = str(error)
            if not self._chain:
                self.close()
        if self._chain:
            self._siblings.since = self._chain[-1].written
        return FollowBatch(tuple(events), more)

    def unfinished(self) -> tuple[HalfLine, ...]:
        """The last lines without a newline, as they stand. Raises `FileUnreadable`."""
        halves = [one for one in self._chain if one.line_start < one.scanned]
        return tuple(self._half(one) for one in halves)

    @staticmethod
    def _half(generation: Generation) -> HalfLine:
        start, end = generation.line_start, generation.scanned
        return HalfLine(generation, start, end, generation.file.pread(min(end - start, TEXT_CAP), start))

    def close(self) -> None:
        """Let go of every file. Idempotent."""
        for file in self._files:
            file.close()
        self._files.clear()
        self._chain.clear()

    def _open_first(self, events: list[Event]) -> bool:
        file: LogFile | None = None
        try:
            file = self._host.open_log(self.path)
            self._files.append(file)
            self.problem = None
        except FileMissing:
            self.problem = f"{inert(self.path)} is not there; it is read as soon as it appears."
        files = self._appeared(None, file) if self._waited else []
        if file is not None:
            files.append((file, 0 if files else self._start(file)))
        self._add(files, events)
        if files or not self._waited:
            self._siblings.look()
        self._waited = True
        return bool(files)

    def _poll_open(self, events: list[Event], limit: int) -> bool:
        try:
            if not self._chain[-1].scanned:
                self._was_filled(self._chain[-1], events)
            left = self._drain_all(events, limit)
        except FileUnreadable as error:
            if not self._follow_name(events):
                self.problem = str(error)
                return False
            left = limit
        if left <= 0:
            return True
        if self._follow_name(events):
            left = self._drain_all(events, left)
        self._tell_halves(events)
        self._let_go()
        return left <= 0

    def _drain_all(self, events: list[Event], left: int) -> int:
        """Read every file to its end, the oldest first; how many bytes of the allowance are left over."""
        number = 0
        while number < len(self._chain) and left > 0:
            generation = self._chain[number]
            try:
                left, whole = self._drain(generation, events, left)
            except FileUnreadable as error:
                if generation is self._chain[-1]:
                    raise
                self._chain.remove(generation)
                events.append(Loss(self.path, f"The end of a rotated file was not read: {error}", 0))
                continue
            if whole:
                number += 1
            else:
                self._cut(generation, events)
        return left

    def _drain(self, generation: Generation, events: list[Event], left: int) -> tuple[int, bool]:
        """Read one file; False when it is not the file any more that was read before."""
        while left > 0:
            known = generation.tail
            wanted = min(_READ, left)
            at = generation.scanned
            data = generation.file.pread(len(known) + wanted, at - len(known))
            if not data.startswith(known) or (generation.head and not generation.resembles(generation.file)):
                return left, False
            data = data[len(known) :]
            if not data:
                break
            left -= len(data)
            self._take(generation, events, data, at)
            if len(data) < wanted:
                break
        else:
            generation.seen = max(generation.seen, generation.file.size())
        return left, True

    def _take(self, generation: Generation, events: list[Event], data: bytes, at: int) -> None:
        if (short := HEAD_BYTES - len(generation.head)) > 0 and len(generation.head) == at:
            generation.head += data[:short]
        generation.tail = (generation.tail + data)[-TAIL_BYTES:]
        generation.scanned = at + len(data)
        generation.seen = max(generation.seen, generation.scanned)
        generation.quiet_since = self._host.now()
        generation.written = generation.file.mtime()
        generation.half_told = False
        newline = data.rfind(b"\n")
        if newline < 0:
            return
        end = at + newline + 1
        starts, lines = split_lines(data[: newline + 1], at)
        first = generation.line_start
        if first < at:
            starts[0] = first
            lines[0] = generation.file.pread(min(at - first, TEXT_CAP), first) + lines[0][:TEXT_CAP]
        whole = 1 if first + TEXT_CAP < at else 0
        generation.mark(starts[whole:], lines[whole:])
        generation.line_start = end
        events.append(Lines(generation, starts, end, lines))

    def _cut(self, generation: Generation, events: list[Event]) -> None:
        """The file is shorter than it was, or holds something else: find out what became of its lines."""
        at = self._chain.index(generation)
        if generation is not self._chain[-1]:
            # An archive that was overwritten is no part of the log any more.
            generation.kept = 0
            del self._chain[at]
            if (lost := generation.unread) > 0:
                events.append(Loss(self.path, f"A rotated file was cut. {self._what_is_lost(lost)}", lost))
            return
        file = generation.file
        kept = generation.shared_with(file)
        copy = self._siblings.copy_of(generation, self._chain)
        lost = 0
        if copy is not None:
            self._files.append(copy)
            generation.file, generation.seen = copy, copy.size()
            sentence = (
                f"{inert(self.path)} was copied and truncated; the copy has been read to its end. "
                "Lines written between copying and truncating, if any, are in no file."
            )
        else:
            lost = generation.unread
            sentence = f"{inert(self.path)} was {'cut' if kept else 'truncated'}. {self._what_is_lost(lost)}"
        if copy is None or generation.seen < generation.scanned:
            generation.kept = kept if copy is None else generation.seen
            del self._chain[at]
        events.append(Loss(self.path, sentence, lost))
        self._add(self._appeared(generation, file), events)
        self._add([(file, kept)], events)
        self._chain[-1].marks.extend(mark for mark in generation.marks if mark[0] < kept)
        self._siblings.look()

    def _add(self, files: list[tuple[LogFile, int]], events: list[Event]) -> None:
        for file, start in files:
            generation = open_generation(file, self.path, start, self._host.now())
            self._chain.append(generation)
            events.append(Opened(generation, start, first=not self._opened))
            self._opened = True

    @staticmethod
    def _what_is_lost(lost: int) -> str:
        said = f"{lost:,} bytes that were in it at the last look had not been read and are lost."
        if not lost:
            said = "What was in it at the last look had been read; lines written after that are lost, if any."
        return said

    def _follow_name(self, events: list[Event]) -> bool:
        """Whether another file has the name now; it is then read too, after the one before it."""
        current = self._chain[-1]
        try:
            if self._host.stat(self.path).identity == current.identity:
                self.problem = None
                return False
            file = self._host.open_log(self.path)
        except FileMissing:
            name = inert(self.path)
            self.problem = f"{name} is gone; its file is still read, and a new one as soon as it appears."
            return self._replace(current, None, events)
        for known in reversed(self._chain):
            if file.identity == known.identity:
                # The name was given back to a file that is read already.
                file.close()
                self._chain.remove(known)
                self._chain.append(known)
                return known is not current
        self._files.append(file)
        self.problem = None
        return self._replace(current, file, events)

    def _was_filled(self, empty: Generation, events: list[Event]) -> None:
        """Whether a file that was empty at every look was written, copied and truncated in between."""
        mtime = empty.file.mtime()
        if mtime == self._empty_since:
            return
        self._empty_since = mtime
        files = self._appeared(empty, empty.file)
        if files:
            self._chain.remove(empty)
            self._add(files, events)
            self._chain.append(empty)
            self._siblings.look()

    def _replace(self, old: Generation, new: LogFile | None, events: list[Event]) -> bool:
        """Go on with what the log was since `old`, and with `new`, its file now; False if that is nothing."""
        files = self._appeared(old, new)
        if new is not None:
            files.append((new, 0))
        self._add(files, events)
        if files:
            self._siblings.look()
        return bool(files)

    def _appeared(self, old: Generation | None, new: LogFile | None) -> list[tuple[LogFile, int]]:
        files = self._siblings.between(self._chain if old is None else [*self._chain, old], new)
        self._files += [file for file, _ in files]
        return files

    def _tell_halves(self, events: list[Event]) -> None:
        now = self._host.now()
        for number, generation in enumerate(reversed(self._chain)):
            quiet = now - generation.quiet_since >= HALF_AFTER or number > OLD_FILES
            if quiet and not generation.half_told and generation.line_start < generation.scanned:
                generation.half_told = True
                events.append(self._half(generation))

    def _let_go(self) -> None:
        """Close the oldest files when there are too many. What they held can no longer be shown."""
        del self._chain[: -OLD_FILES - 1]
        held = {id(generation.file) for generation in self._chain}
        surplus = [file for file in self._files if id(file) not in held]
        for file in surplus[: max(0, len(self._files) - OLD_FILES - 1)]:
            file.close()
            self._files.remove(file)
