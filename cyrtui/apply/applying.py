"""The console's side of an apply: give the order, follow the steps, answer an offer."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO, Final

import cyrtui
from cyrtui.access import Gate
from cyrtui.apply.events import Result, Step
from cyrtui.apply.plan import ApplyPlan
from cyrtui.apply.state import Order, Unfinished, clear_away, make_state, new_id, save_order, who_now
from cyrtui.apply.work import Decision
from cyrtui.errors import AccessDenied, CyrtuiError
from cyrtui.inert import inert
from cyrtui.settings import Settings

_LOOK_EVERY: Final = 250
"""Milliseconds."""
COUNTDOWN: Final = 20.0
"""Seconds in which somebody may say no, when nothing listens any more."""


class Applying:
    """An apply under way, in a process of its own. `steps` belongs to one thread, `decide` to any.

    `result` is None until the last step; `touched` says whether the file may have been replaced.
    """

    def __init__(self, gate: Gate, place: str, *, resume: bool = False) -> None:
        self._gate = gate
        self._place = place
        self._process = self._start(resume=resume)
        self.result: Result | None = None
        self.touched = resume
        self._left = False

    def steps(self) -> Iterator[Step]:
        """The steps as they are done, until the last one. Blocks in between.

        Where the process itself is killed another one goes on with what is left to do.
        """
        for attempt in range(3):
            yield from self._read()
            if self._left or self.result is not None or not os.path.isdir(self._place):
                return
            if attempt < 2:
                yield Step(time.time(), "waiting", "The process that applied it was killed; another goes on.")
                self._process = self._start(resume=True)

    def decide(self, decision: Decision) -> None:
        """Answer an offer."""
        stream = self._process.stdin
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.write(decision.encode() + b"\n")
                stream.flush()

    def leave(self) -> None:
        """Go away: it goes on by itself, and restores what fails. `steps` ends, in whatever thread."""
        self._left = True
        self._close(self._process.stdin)

    def _read(self) -> Iterator[Step]:
        stream = self._process.stdout
        if stream is None:
            return
        ready = select.poll()
        ready.register(stream, select.POLLIN)
        begun = b""
        while not self._left:
            if not ready.poll(_LOOK_EVERY):
                continue
            more = os.read(stream.fileno(), 1 << 16)
            if not more:
                break
            *lines, begun = (begun + more).split(b"\n")
            yield from filter(None, map(self._step, lines))
        self._close(stream)
        if not self._left:
            self._process.wait()
            self._close(self._process.stdin)

    def _step(self, line: bytes) -> Step | None:
        try:
            step = Step(**json.loads(line))
        except (ValueError, TypeError):
            return None
        self.result = step.result or self.result
        self.touched = self.touched or step.step == "replacing"
        return step._replace(lines=tuple(step.lines))

    @staticmethod
    def _close(stream: IO[bytes] | None) -> None:
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()

    def _start(self, *, resume: bool) -> subprocess.Popen[bytes]:
        above = os.path.dirname(os.path.dirname(os.path.abspath(cyrtui.__file__)))
        paths = [above, *filter(None, [os.environ.get("PYTHONPATH")])]
        words = [sys.executable, "-P", "-m", "cyrtui.apply.watchdog", self._place]
        return self._gate.start_detached(
            [*words, "resume"] if resume else words, {"PYTHONPATH": os.pathsep.join(paths)}
        )


def begin(
    gate: Gate, settings: Settings, plan: ApplyPlan, *, attended: bool = False, countdown: float = COUNTDOWN
) -> Applying:
    """Begin to apply a plan that is ready, in a process that outlives this one.

    `attended`: after a failure somebody is asked (an `offer` step) and answers with `decide`; after
    `countdown` seconds in which nothing listens it is restored without an answer. Otherwise a failure is
    restored at once.
    Raises `AccessDenied` where it cannot be begun, `CyrtuiError` for a plan that is not ready.
    """
    if plan.refusal is not None:
        raise CyrtuiError(plan.refusal)
    allowed(plan)
    state = make_state(gate, settings)
    clear_away(gate, state)
    order = _order(settings, plan, attended=attended, countdown=countdown)
    return Applying(gate, save_order(gate, state, order))


def go_on(gate: Gate, found: Unfinished) -> Applying:
    """Go on with an apply that was cut off. Raises `AccessDenied`."""
    return Applying(gate, found.place, resume=True)


def allowed(plan: ApplyPlan) -> None:
    """Raise `AccessDenied`, naming the right that is missing, where this process may not write the file."""
    original = plan.original
    directory = os.path.dirname(original.target)
    me = who_now().user
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        raise AccessDenied(f"{inert(directory)} is on a read-only file system: nothing can be written there.")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise AccessDenied(
            f"User {me} may not make files in {inert(directory)}, which a backup and a safe replacement "
            "take. Run cyrtui as root, for instance by sudo."
        )
    if os.geteuid() != 0 and original.uid != os.geteuid():
        raise AccessDenied(
            f"{inert(original.path)} belongs to user {original.uid}, and user {me} cannot give a new file "
            "to him. Run cyrtui as root, for instance by sudo."
        )
    if os.geteuid() != 0 and original.gid not in (os.getegid(), *os.getgroups()):
        raise AccessDenied(
            f"{inert(original.path)} belongs to group {original.gid}, of which user {me} is no member: "
            "the new file would not keep it. Run cyrtui as root, for instance by sudo."
        )


def _order(settings: Settings, plan: ApplyPlan, *, attended: bool, countdown: float) -> Order:
    original, ways = plan.original, plan.ways
    name = new_id()
    directory, base = os.path.split(original.target)
    return Order(
        id=name,
        time=time.time(),
        who=who_now(),
        path=original.path,
        target=original.target,
        kind=plan.kind,
        identity=original.identity,
        mode=original.mode,
        uid=original.uid,
        gid=original.gid,
        backup=plan.backup,
        temporary=f"{directory}/.{base}.cyrtui-{name}",
        need=plan.effect.need,
        reload=ways.reload.words if ways.reload else None,
        restart=ways.restart.words if ways.restart else None,
        cyrus_conf=plan.cyrus_conf,
        broken_before=plan.broken_before,
        master=plan.master,
        diff=plan.diff,
        settings={name: (one.value, one.origin) for name, one in settings.values.items()},
        attended=attended,
        countdown=countdown,
        candidate=plan.candidate,
        original=original.data,
    )
