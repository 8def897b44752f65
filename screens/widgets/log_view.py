"""A log of any length on the glass: following its end, or standing still while it grows.

While following, the window is full and ends with the last line. That costs little more than the new lines:
the glass tells the terminal to scroll.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, tzinfo
from typing import ClassVar, Final

from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from .cells import ELLIPSIS
from .line_window import LineWindow
from .shown_lines import LineView, ShownLine

_ROLES: Final = {"mail": "M", "auth": "A", "slapd": "S"}
_LEVELS: Final = {"error": "failed", "warning": "warning", "good": "ok", "debug": "muted"}
_SIDEWAYS: Final = 16


class LogView(LineWindow[ShownLine]):
    """Lines of a LineView. Call `view_changed()` after the view changed, at most four times a second."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "toggle_follow", "Follow", show=False),
        Binding("w", "toggle_wrap", "Wrap", show=False),
        Binding("left", "sideways(-1)", "Left", show=False),
        Binding("right", "sideways(1)", "Right", show=False),
    ]

    class FollowChanged(Message):
        """The view follows the end or has stopped to; `new_lines` have come below since it stopped."""

        def __init__(self, view: LogView, *, following: bool, new_lines: int) -> None:
            super().__init__()
            self.view = view
            self.following = following
            self.new_lines = new_lines

        @property
        def control(self) -> LogView:
            """The view."""
            return self.view

    class LineOpened(Message):
        """A line was opened."""

        def __init__(self, view: LogView, number: int) -> None:
            super().__init__()
            self.view = view
            self.number = number

        @property
        def control(self) -> LogView:
            """The view."""
            return self.view

    class EndReached(Message):
        """Somebody wants to go on above the first line (`up`), or below the last."""

        def __init__(self, view: LogView, *, up: bool) -> None:
            super().__init__()
            self.view = view
            self.up = up

        @property
        def control(self) -> LogView:
            """The view."""
            return self.view

    class LineHighlighted(Message):
        """The cursor stands on another line."""

        def __init__(self, view: LogView, number: int) -> None:
            super().__init__()
            self.view = view
            self.number = number

        @property
        def control(self) -> LogView:
            """The view."""
            return self.view

    def __init__(
        self,
        view: LineView | None = None,
        *,
        zone: tzinfo | None = None,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._view = view
        self._zone = zone
        self._following = True
        self._paused_at = 0
        self._told = 0
        self._began = view.first if view is not None else 0
        self._wrapped = False
        self._sideways = 0
        self._needle = ""
        self._fractions = False

    # What is shown

    @property
    def first(self) -> int:
        return 0 if self._view is None else self._view.first

    @property
    def end(self) -> int:
        return 0 if self._view is None else self._view.end

    def item(self, number: int) -> ShownLine:
        if self._view is None:
            raise IndexError(number)
        return self._view.line(number)

    @property
    def following(self) -> bool:
        """Whether the end is followed."""
        return self._following

    @property
    def wrapped(self) -> bool:
        """Whether long lines are folded instead of cut."""
        return self._wrapped

    @property
    def cursor_line(self) -> int | None:
        """The number of the line under the cursor; while following, of the last line; None without lines."""
        if self.end <= self.first:
            return None
        return self.end - 1 if self._following else self.cursor

    @property
    def marked(self) -> int | None:
        """The cursor shows only when it stands still."""
        return None if self._following else self.cursor

    @property
    def needle(self) -> str:
        """What is shown as found; empty for nothing. One in small letters is found in capitals too."""
        return self._needle

    @needle.setter
    def needle(self, needle: str) -> None:
        self._needle = needle
        self.rearrange()

    @property
    def zone(self) -> tzinfo | None:
        """Where times are shown; None for local time."""
        return self._zone

    @zone.setter
    def zone(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self.rearrange()

    def show(self, view: LineView) -> None:
        """Show another view, from its end."""
        self._view = view
        self._fractions = False
        self._sideways = 0
        self._began = view.first
        # an empty view begins where it will grow from, not where the one before stood
        self._top = view.first
        self._painted = []
        self._to_end()
        self._follow(following=True)
        self.rearrange()

    def view_changed(self) -> None:
        """The view has other lines than before."""
        if self._view is None:
            return
        began, self._began = self._began, self.first
        if self._following:
            if self._top >= self.end or (self.first < began and self._top <= began and self._end_fits()):
                # older lines came to a window that had nothing above it
                self._to_end()
            elif not self._end_fits():
                self._top = self._last_top()
            self.rearrange()
            return
        self.rearrange()
        if (missed := max(0, self.end - self._paused_at)) != self._told:
            self._told = missed
            self.post_message(self.FollowChanged(self, following=False, new_lines=missed))

    def goto(self, number: int) -> None:
        """Stand still with the cursor on a line, in the middle of the window if it was not in sight."""
        if self.end <= self.first:
            return
        number = max(self.first, min(number, self.end - 1))
        self._follow(following=False)
        if not any(line == number for line, _ in self._lines):
            self._top = min(self._top_for_last(number, max(1, self.body_height // 2)), self._last_top())
        self._cursor = number
        self.move_cursor(number)
        self.cursor_moved()

    def goto_found(self, number: int) -> None:
        """Stand on a line that holds what was searched, moved sideways to where that is in sight."""
        if self._view is not None and self._needle and not self._wrapped and self.first <= number < self.end:
            body, room = _body(self.item(number)), self.body_width - self._prefix()
            hit = (body.lower() if self._needle == self._needle.lower() else body).find(self._needle)
            if hit >= 0 and not self._sideways <= hit <= self._sideways + room - len(self._needle) - 1:
                self._sideways = 0 if hit + len(self._needle) < room else hit - room // 3
        self.goto(number)

    # Following

    def _to_end(self) -> None:
        if self.body_height and self.end > self.first:
            self._top = self._last_top()
        self._cursor = self.end - 1

    def _end_fits(self) -> bool:
        if self._top < self.first:
            return False
        left = self.body_height
        for number in range(self._top, self.end):
            left -= self._height(number)
            if left < 0:
                return False
        return True

    def _follow(self, *, following: bool) -> None:
        if following == self._following:
            return
        self._following = following
        self._paused_at = self.end
        self._told = 0
        if not following:
            self._cursor = self.end - 1
        self.post_message(self.FollowChanged(self, following=following, new_lines=0))

    def user_scrolls(self, up: bool) -> None:
        if up and self._following:
            self._follow(following=False)
            self._cursor = self._lines[-1][0] if self._lines else self.end - 1
        elif not self._following and self.cursor == (self.first if up else self.end - 1):
            self.post_message(self.EndReached(self, up=up))

    def cursor_moved(self) -> None:
        if self.cursor is not None:
            self.post_message(self.LineHighlighted(self, self.cursor))

    def opened(self, number: int) -> None:
        self.post_message(self.LineOpened(self, number))

    def action_open_item(self) -> None:
        """Open the line under the cursor; while following, that is the last one."""
        if self.cursor_line is not None:
            self.opened(self.cursor_line)

    def action_last_item(self) -> None:
        """To the end, and follow it."""
        self._to_end()
        self._follow(following=True)
        self.rearrange()

    def action_cursor_down(self) -> None:
        """To the line below; nothing while following."""
        if not self._following:
            super().action_cursor_down()

    def action_page_down(self) -> None:
        """A page down; nothing while following."""
        if not self._following:
            super().action_page_down()

    def action_toggle_follow(self) -> None:
        """Follow the end, or stop to."""
        if self._following:
            self._follow(following=False)
            self.rearrange()
        else:
            self.action_last_item()

    def action_toggle_wrap(self) -> None:
        """Fold long lines, or cut them at the edge."""
        self._wrapped = not self._wrapped
        self._sideways = 0
        if self._following:
            self._to_end()
            self.rearrange()
        else:
            self.move_cursor(self._cursor)

    def action_sideways(self, way: int) -> None:
        """Look at more of the ends of long lines (1), or back (-1)."""
        if self._wrapped:
            return
        room = self.body_width - self._prefix()
        longest = max((_length(item) for item in self._items.values()), default=0)
        self._sideways = max(0, min(self._sideways + way * _SIDEWAYS, longest - room + 1))
        self.rearrange()

    def resized(self) -> None:
        """More or less room: stay at the end, or with the cursor."""
        if self._following:
            self._to_end()
            self.rearrange()
        else:
            self.move_cursor(self._cursor)

    # Looks

    def _prefix(self) -> int:
        return 2 + 2 + (13 if self._fractions else 9)

    def looks(self) -> Hashable:
        if not self._fractions and any(item.time % 1 for item in self._items.values()):
            self._fractions = True
        return self._sideways, self._needle, self._wrapped, self._fractions, self._zone

    def key_of(self, number: int, item: ShownLine) -> Hashable:
        return _Look(item, self._day_before(number, item))

    def _day_before(self, number: int, item: ShownLine) -> str:
        """The date, on the first line and where it differs from the line before."""
        day = _day(item.time, self._zone)
        if number > self.first and _day(self.item(number - 1).time, self._zone) == day:
            return ""
        return day

    def height_of(self, item: ShownLine, width: int) -> int:
        if not self._wrapped:
            return 1
        return len(self._chunks(item, width - self._prefix()))

    def _chunks(self, item: ShownLine, room: int) -> list[str]:
        """The line folded; never more than the window holds."""
        room = max(8, room)
        most = max(1, self.body_height)
        bounded = _body(item, room * most)
        if bounded.isascii():
            chunks = [bounded[at : at + room] for at in range(0, len(bounded), room)] or [""]
        else:
            chunks = chop_cells(bounded, room)[:most] or [""]
        if sum(map(len, chunks)) < _length(item):
            chunks[-1] = chunks[-1][:-1] + ELLIPSIS
        return chunks

    def paint(self, number: int, item: ShownLine, part: int, width: int) -> list[Segment]:
        prefix, room = self._prefix(), width - self._prefix()
        role = item.role if item.role in _ROLES else "muted"
        if part:
            segments = [Segment(" " * prefix)]
        else:
            segments = [
                self.marker(number),
                self.segment(_ROLES.get(item.role, "?") + " ", role),
                self.segment(_clock(item.time, self._zone, fractions=self._fractions) + " ", "muted"),
            ]
            if day := self._day_before(number, item):
                segments.append(self.segment(day + " ", "accent"))
                room -= len(day) + 1
        if self._wrapped:
            chunks = self._chunks(item, width - prefix)
            start = sum(map(len, chunks[:part]))
            segments.extend(self._body_segments(item, role, start, start + len(chunks[part])))
            return segments
        at = self._sideways
        # composed characters are several to a cell; nothing shown lies behind this
        body = self._body_segments(item, role, 0, (at + room) * 8 + 64)
        strip = Strip(body)
        more = strip.cell_length > at + room
        segments.extend(strip.crop(at, at + room - 1 if more else at + room))
        if more:
            segments.append(self.segment(ELLIPSIS, "muted"))
        return segments

    def _body_segments(self, item: ShownLine, role: str, start: int, stop: int) -> list[Segment]:
        tag = _length(item) - len(item.text)
        body = _body(item, stop + len(self._needle))
        stop = min(stop, len(body))
        level = _LEVELS.get(str(item.level or ""))
        segments: list[Segment] = []

        def add(first: int, last: int, extra: Style | None) -> None:
            for low, high, style in ((0, tag, self.style(role)), (tag, stop, self.style(level))):
                if (a := max(first, low, start)) < (b := min(last, high, stop)):
                    segments.append(Segment(body[a:b], style if extra is None else style + extra))

        at = start
        if self._needle:
            found = self.style("found")
            size = len(self._needle)
            haystack = body.lower() if self._needle == self._needle.lower() else body
            # lower() may change the length of a text (U+0130): then rather mark nothing than the wrong part
            while len(haystack) == len(body):
                hit = haystack.find(self._needle, max(0, at - size + 1))
                if hit < 0:
                    break
                add(at, hit, None)
                add(max(at, hit), hit + size, found)
                at = max(at + 1, hit + size)
        add(at, stop, None)
        return segments


class _Look:
    """A line with its date, compared by equality of both; lines need not be hashable."""

    __slots__ = ("day", "line")

    def __init__(self, line: ShownLine, day: str) -> None:
        self.line = line
        self.day = day

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Look) and self.day == other.day and self.line == other.line

    def __hash__(self) -> int:
        return hash(self.day)


def _tag(item: ShownLine) -> str:
    if not item.ident:
        return ""
    return f"{item.ident}: " if item.pid is None else f"{item.ident}[{item.pid}]: "


def _body(item: ShownLine, most: int | None = None) -> str:
    """The line without its stamp, as syslog writes it; no more than its first `most` characters."""
    tag = _tag(item)
    return tag + item.text if most is None else (tag + item.text[:most])[:most]


def _length(item: ShownLine) -> int:
    return len(_tag(item)) + len(item.text)


def _day(seconds: float, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(seconds, zone).strftime("%b %d")


def _clock(seconds: float, zone: tzinfo | None, *, fractions: bool) -> str:
    stamp = datetime.fromtimestamp(seconds, zone).strftime("%H:%M:%S")
    if not fractions:
        return stamp
    # rounded to microseconds first, as a fraction such as .001 lies just below in binary
    thousandths = int(round(seconds % 1, 6) * 1000)
    return f"{stamp}.{thousandths:03d}" if seconds % 1 else stamp + "    "
