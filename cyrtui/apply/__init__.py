"""The safe edit: from a candidate text to a server that runs on it, verified, or to the old state again."""
