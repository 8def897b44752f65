"""A window on numbered items, painted line by line: what tables, logs and timelines have in common.

Only items that are visible are asked for, only lines that changed are painted again, and nothing is laid out
by Textual when the number of items changes: `virtual_size` is set behind its back (in 8.2.8 it asks for a
layout of the whole screen at every change), and so are the scroll position and the bar.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from .cells import CellStyle, fit
from .components import component_style

Item = TypeVar("Item")

MARKER = "› "
NO_MARKER = "  "


class LineWindow(ScrollView, Generic[Item], can_focus=True):
    """A scrolling list of items numbered from `first` up to, not including, `end`, with a cursor.

    Subclasses say what the items are (`first`, `end`, `item`) and how they look (`height_of`, `paint`), and
    call `rearrange()` when anything of it changes.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--cursor",
        "line--header",
        "line--note",
        "line--found",
        "line--muted",
        "line--strong",
        "line--ok",
        "line--warning",
        "line--failed",
        "line--accent",
        "line--mail",
        "line--auth",
        "line--slapd",
    }

    DEFAULT_CSS = """
    LineWindow {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        & > .line--cursor { text-style: bold; }
        & > .line--header { text-style: bold; color: $text-muted; }
        & > .line--note { color: $text-muted; }
        & > .line--found { text-style: bold reverse; }
        & > .line--muted { color: $text-muted; }
        &:ansi > .line--muted { text-style: dim; }
        &:ansi > .line--note { text-style: dim; }
        & > .line--strong { text-style: bold; }
        & > .line--ok { color: $text-success; }
        & > .line--warning { color: $text-warning; }
        & > .line--failed { color: $text-error; text-style: bold; }
        & > .line--accent { color: $text-accent; }
        & > .line--mail { color: $text-primary; }
        & > .line--auth { color: $text-warning; }
        & > .line--slapd { color: $text-secondary; }
        &:focus > .line--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold;
        }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_up", "Up", show=False),
        Binding("down,j", "cursor_down", "Down", show=False),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page_down", "Page down", show=False),
        Binding("home,g", "first_item", "First", show=False),
        Binding("end,G", "last_item", "Last", show=False),
        Binding("enter", "open_item", "Open", show=False),
    ]

    header_lines = 0
    """How many lines stand above the items."""

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        # a repaint of the whole widget for every line that the mouse crosses, otherwise
        self.set_reactive(Widget.auto_links, False)  # noqa: FBT003
        # there from the start, or its coming lays out the screen once more
        self.set_reactive(Widget.show_vertical_scrollbar, True)  # noqa: FBT003
        self._resizing = False
        self._top = 0
        self._cursor = 0
        self._lines: list[tuple[int, int]] = []
        self._items: dict[int, Item] = {}
        self._painted: list[Hashable] = []
        self._looks: Hashable = None

    # What a subclass says

    @property
    def first(self) -> int:
        """The number of the first item."""
        return 0

    @property
    def end(self) -> int:
        """One more than the number of the last item."""
        raise NotImplementedError

    def item(self, number: int) -> Item:
        """The item of a number in [first, end)."""
        raise NotImplementedError

    def height_of(self, item: Item, width: int) -> int:
        """How many lines an item takes, at least 1."""
        return 1

    def key_of(self, number: int, item: Item) -> Hashable:
        """All that the look of an item depends on, besides `looks()`."""
        return item

    def looks(self) -> Hashable:
        """What the look of every item depends on; a change repaints all."""
        return None

    def paint(self, number: int, item: Item, part: int, width: int) -> list[Segment]:
        """One line of an item, without the cursor's colours and padding; what is too long is cut."""
        raise NotImplementedError

    def header(self, line: int, width: int) -> list[Segment]:
        """One of the header_lines lines that stand above the items."""
        return []

    def cursor_moved(self) -> None:
        """The cursor stands on another item, or on none."""

    def opened(self, number: int) -> None:
        """Enter or a double click on an item."""

    def user_scrolls(self, up: bool) -> None:
        """The user is about to move the window or the cursor."""

    # Where things are

    @property
    def cursor(self) -> int | None:
        """The number of the item under the cursor, or None without items."""
        return self._cursor if self.first <= self._cursor < self.end else None

    @property
    def top(self) -> int:
        """The number of the item on the first line."""
        return self._top

    @property
    def body_height(self) -> int:
        """Lines for items."""
        return max(0, self.container_size.height - self.header_lines)

    @property
    def body_width(self) -> int:
        """Cells of a line, without the scroll bar."""
        return self.container_size.width - self.scrollbar_size_vertical

    def _height(self, number: int) -> int:
        return self.height_of(self.item(number), self.body_width)

    def _top_for_last(self, number: int, lines: int) -> int:
        """The top item that makes `number` the last one within `lines` lines."""
        top, used = number, self._height(number)
        while top > self.first and used + (above := self._height(top - 1)) <= lines:
            top -= 1
            used += above
        return top

    def _last_top(self) -> int:
        """The furthest that the window scrolls down by itself."""
        return self._top_for_last(self.end - 1, self.body_height) if self.end > self.first else self.first

    def style(self, name: CellStyle | str | None) -> Style:
        """The style of the component class `line--NAME`, without what it does not set."""
        return Style.null() if name is None else component_style(self, f"line--{name}")

    # Arranging and painting

    def rearrange(self) -> None:
        """Find out which items stand on which lines, and paint the lines that changed."""
        height, width = self.body_height, self.body_width
        if not height or width <= 0:
            return
        first, end = self.first, self.end
        self._top = max(first, min(self._top, end - 1))
        self._cursor = max(first, min(self._cursor, end - 1))
        lines: list[tuple[int, int]] = []
        items: dict[int, Item] = {}
        number = self._top
        while len(lines) < height and number < end:
            item = items[number] = self.item(number)
            lines.extend((number, part) for part in range(self.height_of(item, width)))
            number += 1
        del lines[height:]
        self._lines, self._items = lines, items
        cursor = self.marked
        painted: list[Hashable] = [
            (self.key_of(number, items[number]), part, number == cursor) for number, part in lines
        ]
        painted.extend([None] * (height - len(painted)))
        looks = (self.looks(), width)
        if looks != self._looks or len(painted) != len(self._painted):
            self.refresh(self.container_size.region)
        else:
            changed = [
                y for y, (new, old) in enumerate(zip(painted, self._painted, strict=True)) if new != old
            ]
            if changed:
                self.refresh(*(Region(0, y + self.header_lines, self.body_width, 1) for y in changed))
        self._painted, self._looks = painted, looks
        self._place_bar()

    @property
    def marked(self) -> int | None:
        """The number of the item that is shown as under the cursor."""
        return self.cursor

    def _place_bar(self) -> None:
        height = self.container_size.height
        reach = max(self._last_top(), self._top) - self.first
        position = float(self._top - self.first)
        self.set_reactive(Widget.virtual_size, Size(self.body_width, reach + height))
        self.set_reactive(Widget.scroll_y, position)
        self.set_reactive(Widget.scroll_target_y, position)
        if self.show_vertical_scrollbar:
            bar = self.vertical_scrollbar
            bar.window_virtual_size = reach + height
            bar.window_size = height
            bar.position = position

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """Lines are moved sideways by those who paint them."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The wheel or the bar moved the window."""
        top = self.first + round(new_value)
        if top != self._top:
            # with more room than before the position is cut to what is left to scroll: nobody moved it
            if not self._resizing:
                self.user_scrolls(up=top < self._top)
            self._top = top
            self.rearrange()

    def render_line(self, y: int) -> Strip:
        """A line of the widget, `y` counted from its top."""
        width = self.body_width
        base = self.rich_style
        if y < self.header_lines:
            return self._strip(self.header(y, width), width, base + self.style("header"))
        row = y - self.header_lines
        if row >= len(self._lines):
            return Strip.blank(width, base)
        number, part = self._lines[row]
        segments = self.paint(number, self._items[number], part, width)
        if number == self.marked:
            # dim letters cannot be read on the cursor's colours
            cursor = self.style("cursor") + Style(dim=False)
            segments = [Segment(text, (style + cursor) if style else cursor) for text, style, _ in segments]
            base += cursor
        return self._strip(segments, width, base)

    @staticmethod
    def _strip(segments: list[Segment], width: int, base: Style) -> Strip:
        return Strip(Segment.apply_style(segments, base)).adjust_cell_length(width, base)

    def marker(self, number: int, part: int = 0) -> Segment:
        """The sign of the cursor that needs no colour."""
        return Segment(MARKER if number == self.marked and part == 0 else NO_MARKER)

    def segment(self, text: str, name: CellStyle | str | None = None) -> Segment:
        """A text in the style of a component class."""
        return Segment(text, self.style(name))

    def fitted(self, text: str, width: int, name: CellStyle | str | None = None) -> Segment:
        """A text in exactly `width` cells."""
        return Segment(fit(text, width), self.style(name))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Lines of all items and the header, as far as a viewport reaches (for `height: auto`)."""
        used = self.header_lines
        for number in range(self.first, self.end):
            used += self.height_of(self.item(number), width)
            if used >= viewport.height:
                break
        return used

    # Moving

    def move_cursor(self, number: int) -> None:
        """Put the cursor on an item, and the window where it shows."""
        if self.end <= self.first:
            return
        number = max(self.first, min(number, self.end - 1))
        moved = number != self._cursor
        self._cursor = number
        if number < self._top:
            self._top = number
        elif self.body_height and number >= self._top:
            self._top = max(self._top, self._top_for_last(number, self.body_height))
        self.rearrange()
        if moved:
            self.cursor_moved()

    def _whole(self) -> int:
        """How many items are shown whole, at least one."""
        lines = [number for number, _ in self._lines]
        whole = len(set(lines))
        if whole > 1 and lines.count(lines[-1]) < self._height(lines[-1]):
            whole -= 1
        return max(1, whole)

    def action_cursor_up(self) -> None:
        """To the item above."""
        self.user_scrolls(up=True)
        self.move_cursor(self._cursor - 1)

    def action_cursor_down(self) -> None:
        """To the item below."""
        self.user_scrolls(up=False)
        self.move_cursor(self._cursor + 1)

    def action_page_down(self) -> None:
        """A page down; the last line of the old page is the first of the new one."""
        self.user_scrolls(up=False)
        self._page(min(self._top + max(1, self._whole() - 1), max(self._last_top(), self._top)), self.end - 1)

    def action_page_up(self) -> None:
        """A page up; the first line of the old page is the last of the new one."""
        self.user_scrolls(up=True)
        if self.end <= self.first:
            return
        top = self._top_for_last(self._top, self.body_height)
        self._page(top if top < self._top else max(self.first, self._top - 1), self.first)

    def _page(self, top: int, otherwise: int) -> None:
        if self.end <= self.first:
            return
        cursor = self._cursor + top - self._top if top != self._top else otherwise
        self._top = top
        self.move_cursor(max(cursor, top))

    def action_first_item(self) -> None:
        """To the first item."""
        self.user_scrolls(up=True)
        self.move_cursor(self.first)

    def action_last_item(self) -> None:
        """To the last item."""
        self.user_scrolls(up=False)
        self.move_cursor(self.end - 1)

    def action_open_item(self) -> None:
        """Open the item under the cursor."""
        if self.marked is not None:
            self.opened(self.marked)

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there; a double click opens."""
        row = event.y - self.gutter.top - self.header_lines
        if 0 <= row < len(self._lines):
            self.user_scrolls(up=True)
            self.move_cursor(self._lines[row][0])
            if event.chain > 1:
                self.action_open_item()

    def _size_updated(
        self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True
    ) -> bool:
        # Textual paints right after this and sends the event of the new size later: too late for one picture.
        before = self.container_size
        self._resizing = True
        try:
            changed = super()._size_updated(size, virtual_size, container_size, layout)
        finally:
            self._resizing = False
        if self.container_size != before:
            self.resized()
        return changed

    def resized(self) -> None:
        """More or less room: the cursor stays in sight."""
        if self.cursor is not None and self.marked is not None:
            self.move_cursor(self._cursor)
        else:
            self.rearrange()

    def on_mount(self) -> None:
        """Arrange what was given before."""
        self.rearrange()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._looks = None

    def get_selection(self, selection: Selection) -> None:
        """None: text is selected by the terminal."""
