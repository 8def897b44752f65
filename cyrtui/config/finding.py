"""What the lint finds, as something to show beside the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cyrtui.config.faults import Fault, Severity

_GRAVITY: Final = {"error": 0, "warning": 1, "advice": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or could be better. `line` counts from 1 (1 also for what has no line).

    error: Cyrus refuses the file, or a service cannot work with it; warning: Cyrus ignores or misreads
    something, or something will fail; advice: it works, but hardly as it was meant. `code` is short and stays
    the same from version to version; `sentence` says what is wrong and `remedy` what to do, both inert.
    """

    file: str
    line: int
    severity: Severity
    code: str
    sentence: str
    remedy: str = ""

    @property
    def gravity(self) -> int:
        """0 for an error, 1 for a warning, 2 for advice."""
        return _GRAVITY[self.severity]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.sentence}"


def of_fault(fault: Fault) -> Finding:
    """What a parser found, as a finding."""
    return Finding(fault.path, max(fault.line, 1), fault.severity, fault.code, fault.sentence, fault.remedy)
