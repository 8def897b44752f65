"""How dear one look at the services is on a busy host."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.bench.measured import Measured

CHILDREN: Final = 500
CLIENTS: Final = 10_000
_ROOT: Final = Path(__file__).parent.parent.parent
_NAMESPACES: Final = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def look(children: int = CHILDREN, clients: int = CLIENTS) -> dict[str, Any]:
    """What `tests.bench.services_host` measured in namespaces of its own."""
    words = [*_NAMESPACES, sys.executable, "-m", "tests.bench.services_host", str(children), str(clients)]
    done = subprocess.run(words, cwd=_ROOT, check=True, capture_output=True, text=True, timeout=180)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def services() -> list[Measured]:
    """Processor time of a refresh of the Overview with 500 children and 10,000 connections."""
    found = look()
    seen = f"{found['busy']} of {found['children']} children busy"
    return [
        Measured(
            "services, a refresh that looks at all processes", found["settling"] * 1000, "ms", 150.0, seen
        ),
        Measured("services, any other refresh", found["later"] * 1000, "ms", 150.0),
        Measured("services, the first look", found["first"] * 1000, "ms", None, "with what it imports"),
        Measured("services, one in full", found["detail"] * 1000, "ms", 150.0, "2,000 connections at most"),
    ]
