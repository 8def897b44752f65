"""The glass: Textual and nothing else. Installed as cyrtui.screens; it asks the core and shows it."""

from .environment import quiet_textual

# Textual reads its environment when it is imported, and every module of this package imports it.
quiet_textual()
