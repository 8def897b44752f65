"""The glass: Textual and nothing else. Installed as cyrtui.screens; it asks the core and shows what it gets."""
