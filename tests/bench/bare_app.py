"""The least that Textual can do: what the console's start is measured against."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class BareApp(App[None]):
    """One line of text."""

    def compose(self) -> ComposeResult:
        yield Static("bare")


if __name__ == "__main__":
    BareApp().run()
