"""What can go wrong with the lab, in sentences."""

from __future__ import annotations


class LabError(Exception):
    """The lab could not do what was asked; the text says what happened, where, and what to do."""


class CommandFailed(LabError):
    """A command that had to succeed did not."""

    def __init__(self, argv: tuple[str, ...], status: int | None, output: str) -> None:
        what = "did not end in time" if status is None else f"ended with status {status}"
        super().__init__(f"'{' '.join(argv)}' {what}. It said: {output.strip() or 'nothing'}")
        self.argv = argv
        self.status = status
        self.output = output


class NotInTime(LabError):
    """A condition that had to come true did not, within its deadline."""
