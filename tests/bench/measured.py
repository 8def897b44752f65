"""A number that was measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """One number with its unit, and the budget that it should stay under (None: there is none)."""

    what: str
    value: float
    unit: str
    budget: float | None
    remark: str = ""

    @property
    def holds(self) -> bool:
        return self.budget is None or self.value <= self.budget
