"""Fixtures of the whole suite: the lab is the real stack, and a test that asks for it fails without it."""

from tests.lab.fixture import lab, labs

__all__ = ["lab", "labs"]
