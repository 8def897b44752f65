"""Who waits for whom: background work stands still while a key is being answered, and never for long."""

from __future__ import annotations

import threading
import time

import pytest

from cyrtui.screens import keys_first
from cyrtui.screens.keys_first import KeysFirst

from .recorded import console_app


def _standing(first: KeysFirst) -> threading.Thread:
    worker = threading.Thread(target=first.let_pass, daemon=True)
    worker.start()
    return worker


def test_a_worker_stands_still_until_what_was_typed_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_first, "_LONGEST", 600.0)
    first = KeysFirst()
    first.let_pass()
    before = time.monotonic()
    first.came()
    worker = _standing(first)
    first.shown(before)
    worker.join(0.1)
    assert worker.is_alive(), "the picture was that of an earlier key"
    first.shown(time.monotonic())
    worker.join(20)
    assert not worker.is_alive()


def test_a_key_that_nothing_answers_and_one_that_is_held_stop_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    first = KeysFirst()
    first.came()
    first.let_pass()
    monkeypatch.setattr(keys_first, "_LONGEST", 600.0)
    monkeypatch.setattr(keys_first, "_SHARE", 600.0)
    first._next = time.monotonic() + 600
    first.came()
    worker = _standing(first)
    worker.join(20)
    assert not worker.is_alive(), "it has had no time for itself since it waited last"


async def test_another_theme_reaches_the_screens_that_are_not_in_front() -> None:
    async with console_app(10.0) as (app, pilot):
        await pilot.press("2")
        await pilot.pause()
        dark = app.screen.background_colors
        app.theme = "textual-light"
        await pilot.pause()
        light = app.screen.background_colors
        assert light != dark
        for key in ("1", "3", "4", "5"):
            await pilot.press(key)
            await pilot.pause()
            assert app.screen.background_colors == light, key
