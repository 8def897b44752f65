"""What is wrong with a configuration file, as something to show beside the line."""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "advice"]


class Fault(NamedTuple):
    """One fault. `line` counts from 1 (0: the file as a whole); `sentence` is inert text.

    error: Cyrus refuses the file, or a service cannot work with it; warning: Cyrus silently ignores or
    misreads something; advice: it works, but hardly as it was meant. `code` names the kind of fault, `remedy`
    says what to do.
    """

    path: str
    line: int
    severity: Severity
    sentence: str
    code: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.severity}: {self.sentence}"
