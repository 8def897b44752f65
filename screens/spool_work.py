"""What the Spool screen has done in threads, and how it is told what came of it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import work
from textual.message import Message
from textual.worker import Worker, get_current_worker

from cyrtui.errors import CyrtuiError
from cyrtui.spool.browse import SpoolBrowser
from cyrtui.spool.describe import FactLine
from cyrtui.spool.tree import TreeLine

from .page import Page

if TYPE_CHECKING:
    from cyrtui.spool.browse import Progress
    from cyrtui.spool.usage import Usage, UsageProgress


class SpoolWork(Page):
    """A page whose workers read the spool."""

    @dataclass
    class Found(Message):
        """More mailboxes were found; `problem` says why not."""

        problem: str | None = None

    @dataclass
    class Looked(Message):
        """What stands behind some lines has been read; `anew`: mailboxes came or went."""

        changed: bool
        anew: bool = False

    @dataclass
    class Told(Message):
        """Everything about the line of a key."""

        key: str
        facts: list[FactLine]

    @dataclass
    class Measuring(Message):
        """How far the reading for a sort has come; None: it has ended."""

        progress: Progress | None

    @dataclass
    class Adding(Message):
        """How far adding up a partition has come."""

        partition: str
        progress: UsageProgress

    @dataclass
    class Added(Message):
        """A partition has been added up, or cannot be."""

        partition: str
        usage: Usage | None
        problem: str | None = None

    @property
    def browser(self) -> SpoolBrowser:
        return self.core.spool

    def _cancelled(self, worker: Worker[None]) -> Callable[[], bool]:
        """Whether the worker was cancelled; asked often, so that keys are answered before it goes on."""
        first = self.owner.keys_first

        def ask() -> bool:
            first.let_pass()
            return worker.is_cancelled

        return ask

    @work(thread=True, exclusive=True, group="find", exit_on_error=True)
    def _find(self) -> None:
        worker = get_current_worker()
        browser = self.browser
        try:
            first = not browser.opened
            if first:
                browser.open()
            self.post_message(self.Found())
            browser.find(lambda: self._post(self.Found()), self._cancelled(worker))
        except CyrtuiError as error:
            self.post_message(self.Found(str(error)))
            return
        if first:
            # what stays need not be gone through by each collection, which stops the glass
            gc.freeze()

    @work(thread=True, group="look", exit_on_error=True)
    def _look(self, lines: Sequence[TreeLine], *, again: bool) -> None:
        worker = get_current_worker()
        changed = self.browser.look(lines, self._cancelled(worker), again=again)
        anew = again and self.browser.look_at_all()
        self.post_message(self.Looked(changed or not again, anew))

    @work(thread=True, exclusive=True, group="tell", exit_on_error=True)
    def _tell(self, line: TreeLine, *, fresh: bool) -> None:
        worker = get_current_worker()
        # what few files tell comes at once; counting the message files of a large mailbox takes its time
        for files in (False, True) if fresh and line.mailbox is not None else (True,):
            try:
                facts = self.browser.details(line, self.core.zone, files=files)
            except CyrtuiError as error:
                facts = [FactLine("✖", str(error), "failed")]
            if worker.is_cancelled:
                return
            self.post_message(self.Told(line.key, facts))

    @work(thread=True, group="measure", exit_on_error=True)
    def _measure(self) -> None:
        worker = get_current_worker()
        self.browser.measure_all(
            lambda progress: self._post(self.Measuring(progress)), self._cancelled(worker)
        )
        self.post_message(self.Measuring(None))

    @work(thread=True, group="usage", exit_on_error=True)
    def _add_up(self, partition: str) -> None:
        worker = get_current_worker()
        try:
            usage = self.browser.usage(
                partition,
                lambda progress: self._post(self.Adding(partition, progress)),
                self._cancelled(worker),
            )
        except CyrtuiError as error:
            self.post_message(self.Added(partition, None, str(error)))
        else:
            self.post_message(self.Added(partition, usage))

    def _post(self, message: Message) -> None:
        self.post_message(message)
