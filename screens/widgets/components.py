"""Styles of component classes, for lines that are painted piece by piece."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


def component_style(widget: Widget, name: str) -> Style:
    """What a component class sets, and nothing else, with colours mixed as they stand on the widget.

    Textual's own partial style leaves `auto` and transparent colours unmixed; its whole one always has a
    background, which would cover that of a line under the cursor.
    """
    partial = widget.get_component_rich_style(name, partial=True)
    whole = widget.get_component_rich_style(name)
    return partial.without_color + Style.from_color(
        None if partial.color is None else whole.color, None if partial.bgcolor is None else whole.bgcolor
    )
