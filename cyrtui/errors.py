"""Errors that reach the user: each is a sentence that says what happened, where, and what to do."""

from __future__ import annotations


class CyrtuiError(Exception):
    """A failure that the program expected; `str(error)` is the sentence for the user."""


class FileUnreadable(CyrtuiError):
    """A file that exists or should exist could not be read; `path` names it."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


class FileMissing(FileUnreadable):
    """The file is not there."""


class FileUnusable(FileUnreadable):
    """What has the name is no file that is read: a directory, a FIFO, or far too large."""


class RecordingError(CyrtuiError):
    """A recording is broken, foreign, or of a version that this program does not read."""


class ConfigurationError(CyrtuiError):
    """A configuration file says something that cannot be used; the sentence names file and line."""


class SettingsError(CyrtuiError):
    """One of cyrtui's own settings cannot be used; the sentence says where it came from."""


class AccessDenied(CyrtuiError):
    """The run may not do this: it is read-only, or the system refused it."""


class ObservationError(CyrtuiError):
    """Processes or sockets could not be looked at."""
