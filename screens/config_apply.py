"""Applying an edit: what it will do, the steps as they are done, and the way back when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from cyrtui.apply.applying import Applying
from cyrtui.apply.events import Step
from cyrtui.apply.plan import ApplyPlan
from cyrtui.apply.state import Unfinished
from cyrtui.editing.desk import Candidate, EditingDesk
from cyrtui.errors import CyrtuiError
from cyrtui.wording import clock, counted

from .page import Page
from .told_lines import diff_cells, folded
from .widgets.cells import Cell, CellStyle, style_of
from .widgets.line_table import Column, LineTable
from .widgets.status_line import StatusLine

_COLUMNS = (Column("line", "", 40, flex=1),)
_RESULTS: dict[str, tuple[str, CellStyle]] = {
    "applied": ("✔ applied and verified", "ok"),
    "refused": ("✖ refused: nothing was touched", "failed"),
    "restored": ("! failed, and restored", "warning"),
    "kept": ("✖ failed, and left as it is", "failed"),
    "not-restored": ("✖ failed, and NOT restored", "failed"),
}


class ApplyScreen(Page):
    """`done` is called with the line of the file to look at, or None, when it is left."""

    NAME = "Apply"
    HELP_TEXT = (
        "What the edit changes and what applying it does. Nothing is touched before y. Then: backup, the "
        "file replaced in one step, reload or restart, and a look at what came back: listeners, "
        "processes, a greeting of each service, the words of cyrmaster. If not, the reasons stand here; r "
        "puts the old file back, restarts and verifies again; where nothing listens any more that happens by "
        "itself unless you press k. It goes on when the line breaks, or you leave."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "apply", "Apply it", show=False),
        Binding("r", "decide('restore')", "After a failure: put the old file back", show=False),
        Binding("k", "decide('keep')", "After a failure: keep the new file", show=False),
        Binding("escape,e", "back", "Back to the text", show=False),
    ]

    @dataclass
    class Planned(Message):
        """What it will do, or the sentence why it cannot be done."""

        plan: ApplyPlan | None
        problem: str

    @dataclass
    class Stepped(Message):
        """A step was done, or (None) there are no more."""

        step: Step | None
        problem: str = ""

    def __init__(
        self,
        desk: EditingDesk,
        candidate: Candidate | None,
        unfinished: Unfinished | None,
        done: Callable[[int | None], object],
    ) -> None:
        super().__init__()
        self._done = done
        self._desk = desk
        self._candidate = candidate
        self._unfinished = unfinished
        self._plan: ApplyPlan | None = None
        self._problem = ""
        self._applying: Applying | None = None
        self._begun = False
        self._ended = False
        self._steps: list[Step] = []
        self._offer: Step | None = None
        self._lines_of_errors: dict[int, int] = {}

    def body(self) -> Iterable[Widget]:
        yield StatusLine((("APPLY", "strong"),), id="apply-title", classes="title")
        yield LineTable(_COLUMNS, id="apply-lines")

    def own_keys(self) -> Sequence[tuple[str, str]]:
        if self._offer is not None:
            return (("r", "restore the old file now"), ("k", "keep the new one"))
        if self._begun and not self._ended:
            return ()
        if not self._begun and self._plan is not None and self._plan.ready and not self._problem:
            return (("y", "apply it"), ("e", "edit on"), ("esc", "leave it"))
        return (("esc", "back to the text"),)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#apply-lines", LineTable).focus()
        self.set_interval(1.0, self._count)
        self._tell()
        if self._unfinished is not None:
            self._begun = True
            self._follow(None)
        elif self._candidate is not None:
            self._look(self._candidate)

    def on_unmount(self) -> None:
        """It goes on without us."""
        if self._applying is not None:
            self._applying.leave()

    @work(thread=True, group="plan")
    def _look(self, candidate: Candidate) -> None:
        try:
            found = self.Planned(self._desk.plan(candidate), "")
        except CyrtuiError as error:
            found = self.Planned(None, str(error))
        self.post_message(found)

    def on_apply_screen_planned(self, event: Planned) -> None:
        self._plan, self._problem = event.plan, event.problem
        self._tell()

    def action_apply(self) -> None:
        """Begin."""
        plan = self._plan
        if plan is not None and plan.ready and not self._begun and not self._problem:
            self._begun = True
            self._tell()
            self._follow(plan)

    @work(thread=True, group="apply")
    def _follow(self, plan: ApplyPlan | None) -> None:
        try:
            if plan is not None:
                applying = self._desk.begin(plan)
            elif self._unfinished is not None:
                applying = self._desk.go_on(self._unfinished)
            else:
                return
            self._applying = applying
            for step in applying.steps():
                self.post_message(self.Stepped(step))
        except CyrtuiError as error:
            self.post_message(self.Stepped(None, str(error)))
            return
        self.post_message(self.Stepped(None))

    def on_apply_screen_stepped(self, event: Stepped) -> None:
        step = event.step
        if step is None:
            self._ended = True
            if not event.problem and (not self._steps or self._steps[-1].result is None):
                event.problem = "The process that applied it is gone, and nobody goes on: open Config again."
            self._problem = event.problem or self._problem
        else:
            self._steps.append(step)
            self._offer = step if step.step == "offer" else None
            self._ended = self._ended or step.result is not None
        self._tell()

    def action_decide(self, decision: str) -> None:
        """Answer the offer."""
        if self._offer is not None and self._applying is not None:
            self._offer = None
            self._applying.decide("restore" if decision == "restore" else "keep")
            self._tell()

    def _count(self) -> None:
        if self._offer is not None and self._offer.seconds is not None:
            self._title()

    def action_back(self) -> None:
        """Back to the text, unless it is under way."""
        if self._begun and not self._ended:
            self.notify("It is under way. 1 to 5 show the other screens meanwhile; q leaves, and it goes on.")
        else:
            self._leave(None)

    def _leave(self, line: int | None) -> None:
        self.dismiss(None)
        self._done(line)

    @on(LineTable.Opened, "#apply-lines")
    def _opened(self, event: LineTable.Opened) -> None:
        number = event.key[0] if isinstance(event.key, tuple) else -1
        line = self._lines_of_errors.get(number)
        if line is not None and (self._ended or not self._begun):
            self._leave(line)

    # What is told

    def _tell(self) -> None:
        if not self.is_mounted:
            return
        table = self.query_one("#apply-lines", LineTable)
        width = max(20, table.body_width - 3) if table.body_width > 0 else self.app.size.width - 4
        told = list(self._progress() if self._begun else self._what_it_does())
        self._lines_of_errors = {number: line for number, (_, line) in enumerate(told) if line is not None}
        indented = frozenset(
            number
            for number, (cell, _) in enumerate(told)
            if self._begun and style_of(cell) in ("warning", "muted")
        )
        rows = folded([cell for cell, _ in told], width, indented)
        table.set_rows(rows)
        if self._begun and rows:
            table.go_to(rows[-1].key)
        self._title()
        self.query_one("#keys", StatusLine).show(self.key_line())

    def _title(self) -> None:
        path = self._path()
        left: list[Cell] = [("APPLY", "strong"), f"  {path}"]
        right: list[Cell] = []
        result = self._steps[-1].result if self._steps else None
        if result is not None:
            right = [_RESULTS[result]]
        elif self._problem:
            right = [("✖ cannot be done", "failed")]
        elif self._offer is not None:
            right = [("✖ it failed: r restores", "failed")]
            if self._offer.seconds is not None:
                left_over = max(0, round(self._offer.time + self._offer.seconds - time.time()))
                right = [(f"✖ nothing listens: restored by itself in {left_over} s ", "failed")]
        elif self._begun:
            right = [("under way …", "accent")]
        elif self._plan is None:
            right = [("looking …", "muted")]
        elif self._plan.refusal is not None:
            right = [("✖ refused", "failed")]
        else:
            right = [("nothing is touched yet", "ok")]
        self.query_one("#apply-title", StatusLine).show(left, right)

    def _path(self) -> str:
        if self._candidate is not None:
            return self._candidate.path
        return self._unfinished.order.path if self._unfinished is not None else ""

    def _what_it_does(self) -> Iterator[tuple[Cell, int | None]]:
        """Lines to show with, for errors, the line of the file they stand on."""
        if self._problem:
            yield (self._problem, "failed"), None
        plan = self._plan
        if plan is None:
            return
        if plan.refusal is not None:
            if plan.errors:
                words = f"The lint finds {counted(len(plan.errors), 'error')} in it; nothing was touched."
                yield (words, "failed"), None
            else:
                yield (plan.refusal, "failed"), None
            for one in plan.errors:
                yield (f"✖ {one} {one.remedy}".rstrip(), "failed"), one.line
            if plan.errors:
                yield ("enter goes to the line", "muted"), None
        else:
            effect = plan.effect
            yield (effect.sentence, "warning" if effect.need == "restart" else "ok"), None
            for sentence in (*effect.reasons, *effect.notes):
                yield f"· {sentence}", None
            for change in effect.appears:
                yield (f"+ {change.place} ({change.service}) will listen", "ok"), None
            for change in effect.goes:
                yield (f"- {change.place} ({change.service}) goes away", "failed"), None
            if not (effect.appears or effect.goes or effect.need == "nothing"):
                yield "· no port appears or goes away", None
            if plan.way is not None:
                yield (f"by {plan.way.shown}: {plan.way.source}", "muted"), None
            yield (f"backup {plan.backup}", "muted"), None
            warned = [one for one in plan.findings if one.severity == "warning"]
            if warned:
                words = f"! the lint has {counted(len(warned), 'warning')} of it: f in the text shows each"
                yield (words, "warning"), None
        yield "", None
        for cell in diff_cells(plan.diff):
            yield cell, None

    def _progress(self) -> Iterator[tuple[Cell, int | None]]:
        """The steps, with the lines of the log where something failed."""
        for number, step in enumerate(self._steps):
            if number + 1 < len(self._steps) and self._steps[number + 1][2:4] == step[2:4]:
                # the outcome says it once more
                continue
            bad = step.step in ("failed", "offer", "restoring") or step.result not in (None, "applied")
            style: CellStyle | None = "failed" if bad else "ok" if step.result == "applied" else None
            words = f"{clock(step.time, self.core.zone)} {step.sentence}"
            yield (words if style is None else (words, style)), None
            if step.step != "backup":
                for line in step.lines:
                    yield (line, "warning" if bad else "muted"), None
        if self._problem:
            yield (self._problem, "failed"), None
        if self._offer is not None:
            yield ("Press r: the old file comes back, restarted and verified again.", "strong"), None
            if self._offer.seconds is not None:
                yield (
                    ("Nothing listens any more: unless you press k it comes back by itself.", "failed"),
                    None,
                )
