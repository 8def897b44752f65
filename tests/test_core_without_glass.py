"""The core never imports Textual: asked of a fresh interpreter, module by module."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import cyrtui

ROOT = Path(__file__).parent.parent
SLOW = ("psutil", "watchfiles", "ldap3", "imapclient", "asyncio")


def core_modules() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages(cyrtui.__path__, "cyrtui.")]
    return [
        name for name in found if not name.startswith(("cyrtui.screens", "cyrtui.styles", "cyrtui.__main__"))
    ]


def imported_by(modules: list[str]) -> set[str]:
    """What is in sys.modules after importing `modules` in a fresh interpreter."""
    code = (
        "import importlib, json, sys\n"
        f"for module in {modules!r}: importlib.import_module(module)\n"
        "print(json.dumps(list(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


def test_importing_all_of_the_core_imports_no_glass() -> None:
    modules = core_modules()
    assert len(modules) > 20
    loaded = imported_by(modules)
    assert not loaded & {"textual", "rich", "cyrtui.screens"}


def test_importing_the_core_imports_nothing_slow() -> None:
    assert not imported_by(core_modules()) & set(SLOW)


def test_the_search_would_find_the_glass() -> None:
    assert "textual" in imported_by(["cyrtui.screens.app"])
