"""Run the measurements and print a table: what, measured, budget, and whether it holds.

`python -m tests.bench [NAME...]` runs those named only. The exit status is 1 when a budget is missed.
"""

from __future__ import annotations

import compileall
import sys
from pathlib import Path

from tests.bench.measured import Measured
from tests.bench.measures import MEASURES


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are {', '.join(MEASURES)}", file=sys.stderr)
        return 2
    # as an installation does; an environment may forbid Python to keep what it compiles
    for place in ("cyrtui", "screens", "styles"):
        compileall.compile_dir(Path(__file__).parents[2] / place, quiet=2)
    missed = 0
    print(f"{'measurement':<52} {'measured':>14} {'budget':>14}")
    for name, measure in MEASURES.items():
        if names and name not in names:
            continue
        for row in measure():
            missed += not row.holds
            print(_line(row), flush=True)
    return 1 if missed else 0


def _line(row: Measured) -> str:
    budget = "" if row.budget is None else f"{row.budget:g} {row.unit}"
    sign = "" if row.holds else "  MISSED"
    return f"{row.what:<52} {row.value:>9.2f} {row.unit:<5} {budget:>14}{sign}  {row.remark}"


sys.exit(main(sys.argv[1:]))
