"""Fixtures of the whole suite: the lab is the real stack, and a test that asks for it fails without it."""

import compileall
import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.lab.fixture import lab, labs

__all__ = ["lab", "labs"]

# The same examples in every run, so that a run that passed passes again; `make fuzz` looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("fuzz", max_examples=1000)
settings.load_profile("fuzz" if os.environ.get("CYRTUI_FUZZ") else "steady")

ROOT = Path(__file__).parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Compile the program once, as an installation does: the tests start it some hundred times."""
    del config
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for place in ("cyrtui", "screens", "styles"):
            compileall.compile_dir(ROOT / place, quiet=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that need the lab come first: they take longest, and who gets one last is waited for."""
    slow = {item.path for item in items if {"lab", "labs"} & set(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: item.path not in slow)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes that are no text go by their argument: packed ones hold the time, and workers would differ."""
    return argname if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()) else None
