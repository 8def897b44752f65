"""The lab as pytest fixtures. Where the lab cannot be, its tests fail: a skip would prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.lab.errors import LabError
from tests.lab.stack import Lab, LabOptions

LabFactory = Callable[[LabOptions], Lab]


@pytest.fixture(scope="session")
def labs() -> Iterator[LabFactory]:
    """Labs with the options that one asks for; each is brought up once and shared by the whole session."""
    up: dict[LabOptions, Lab] = {}
    with ExitStack() as later:

        def make(options: LabOptions) -> Lab:
            if options not in up:
                try:
                    up[options] = later.enter_context(Lab(options))
                except LabError as error:
                    pytest.fail(f"The lab could not be brought up: {error}", pytrace=False)
            return up[options]

        yield make


@pytest.fixture(scope="session")
def lab(labs: LabFactory) -> Lab:
    """The article's server, in the article's time stamps, with the layout of today."""
    return labs(LabOptions())
