"""Carrying an apply out: lock, backup, replace, reload or restart, verify, and the way back.

This runs in a process of its own, in a session of its own (see `cyrtui.apply.watchdog`), so that it goes on
when the console and its line are gone. Each step is on the disk before the next begins: whoever finds an
apply that was cut off can tell by the file itself and by the steps what is left to do.
"""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal

from cyrtui.access import Gate, Ran
from cyrtui.apply.events import Result, Step, StepName
from cyrtui.apply.history import record
from cyrtui.apply.log_mark import LogMark, mark_log
from cyrtui.apply.original import digest_of
from cyrtui.apply.replacing import ChangedUnderUs, back_up, file_digest, swap_in, write_beside
from cyrtui.apply.state import Order, steps_of
from cyrtui.apply.verify import Checked, Problem, Verification
from cyrtui.errors import AccessDenied, CyrtuiError, ObservationError
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.services.observed import choose_master, find_masters
from cyrtui.settings import Settings
from cyrtui.wording import counted

Decision = Literal["restore", "keep"]
Say = Callable[[Step], None]
Decide = Callable[[float | None], Decision]
Verify = Callable[..., Checked]
"""How a server is verified: `verify_server`, unless a test stands in for it."""

LOCK: Final = ".cyrtui.lock"
_COMMAND_SECONDS: Final = 300.0
# Changed lines of one edit that go to syslog.
_AUDITED: Final = 200


def verify_server(
    host: Host,
    order: Order,
    mark: LogMark,
    before: tuple[int, float] | None,
    *,
    reloaded: bool,
    say: Callable[[str], None],
) -> Checked:
    """Verify the server as it is now."""
    return Verification(
        host, order.cyrus_conf, mark, before, frozenset(order.broken_before), reloaded=reloaded, say=say
    ).run()


class Work:
    """One order being carried out. `place` is its directory, `state` that of all applies."""

    def __init__(
        self,
        gate: Gate,
        host: Host,
        order: Order,
        place: str,
        say: Say,
        decide: Decide,
        verify: Verify = verify_server,
    ) -> None:
        self._gate = gate
        self._host = host
        self._order = order
        self._place = place
        self._settings: Settings = order.loaded_settings()
        self._show = say
        self._decide = decide
        self._verify = verify
        self._backup: str | None = None
        self._held: int | None = None
        self._candidate = digest_of(order.candidate)
        self._original = digest_of(order.original)

    def run(self) -> Result:
        """Do everything from the beginning. Never raises what was to be expected: it is in the outcome."""
        order = self._order
        self._say("begun", f"Applying to {inert(order.path)}.")
        try:
            self._lock()
            self._backup = back_up(self._gate, order.temporary, order.backup, order.original, order.like())
            self._say("backup", f"The backup is {inert(self._backup)}.", (self._backup,))
            write_beside(self._gate, order.temporary, order.candidate, order.like())
            self._say("replacing", f"Replacing {inert(order.target)}.", must=True)
            swap_in(self._gate, order.temporary, order.target, self._original)
        except ChangedUnderUs as error:
            return self._refuse(str(error))
        except AccessDenied as error:
            # what comes after the exchange can fail too, and the file is the candidate then
            if file_digest(order.target) != self._candidate:
                return self._refuse(str(error))
        return self._replaced()

    def resume(self) -> Result:
        """Go on with an apply that was cut off: undo what was only begun, verify what was done."""
        order = self._order
        steps = {step["step"]: step for step in steps_of(self._place)}
        with contextlib.suppress(LookupError, TypeError):
            self._backup = str(steps["backup"]["lines"][0])
        try:
            self._lock()
        except AccessDenied as error:
            # it stays to be brought to its end another time
            self._show(Step(time.time(), "finished", str(error), result="refused"))
            return "refused"
        try:
            now, beside = file_digest(order.target), file_digest(order.temporary)
            if "restoring" in steps and now in (self._candidate, self._original):
                self._gate.remove(order.temporary)
                failed = steps.get("failed", {})
                return self._restore(str(failed.get("sentence", "")), tuple(failed.get("lines", ())))
            if now == self._original or ("replacing" not in steps and now != self._candidate):
                return self._refuse("It was cut off before the file was replaced.")
            if now == self._candidate and beside not in (None, self._candidate, self._original):
                # what came out was another program's edit, and was to go back
                self._gate.exchange(order.temporary, order.target)
                return self._refuse(f"{inert(order.target)} was changed by another program meanwhile.")
            self._gate.remove(order.temporary)
        except AccessDenied as error:
            return self._finish("not-restored", str(error))
        if now != self._candidate:
            return self._finish(
                "kept", f"{inert(order.target)} was changed by another program since: it was left as it is."
            )
        return self._replaced()

    # -- the steps ------------------------------------------------------------------------

    def _lock(self) -> None:
        order = self._order
        path = f"{order.directory}/{LOCK}"
        words = f"{order.who} since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(order.time))}\n"
        self._held = self._gate.lock(path, words)
        if self._held is None:
            raise AccessDenied(
                f"Another console is applying an edit in {inert(order.directory)} ({_lock_words(path)}): "
                "wait for its end, then read the file again."
            )
        self._say("locked", "No other console can apply an edit meanwhile.")

    def _refuse(self, why: str) -> Result:
        """Clear away what was only begun; the file was not touched."""
        for path in (self._order.temporary, self._backup):
            if path is not None:
                with contextlib.suppress(AccessDenied):
                    self._gate.remove(path)
        self._backup = None
        return self._finish("refused", why)

    def _replaced(self) -> Result:
        order = self._order
        self._say("replaced", f"{inert(order.path)} is the candidate.")
        self._audit(f"{order.who} replaced {order.target} (backup {self._backup}); verifying")
        changes = [line for line in order.diff[2:] if line[:1] in ("+", "-")]
        for line in changes[:_AUDITED]:
            self._audit(line)
        if len(changes) > _AUDITED:
            self._audit(f"and {len(changes) - _AUDITED} more lines, all of them in cyrtui's own history")
        if order.need == "nothing":
            return self._finish("applied", "Nothing had to be reloaded or restarted.")
        reloaded = order.need == "reload"
        checked = self._take_effect(order.reload if reloaded else order.restart, reloaded=reloaded)
        if checked.restart_would_do and order.restart is not None:
            # its table was mixed up by an earlier SIGHUP, or it may not open low ports
            self._say("failed", " ".join(one.sentence for one in checked.problems), checked.lines)
            self._say("waiting", "The reload did not do; a restart can.")
            checked = self._take_effect(order.restart, reloaded=False)
        if checked.good:
            self._say("verified", _good(checked), checked.notes)
            return self._finish("applied", _good(checked), checked.notes)
        sentence = " ".join(one.sentence for one in checked.problems)
        self._say("failed", sentence, checked.lines, nothing_listens=checked.nothing_listens)
        seconds = order.countdown if checked.nothing_listens else None
        if order.attended:
            offer = "Nothing listens any more. " if checked.nothing_listens else ""
            self._say("offer", f"{offer}The old file can be put back.", seconds=seconds)
        if order.attended and self._decide(seconds) == "keep":
            return self._finish("kept", f"Left as it is, by the operator's wish. {sentence}", checked.lines)
        return self._restore(sentence, checked.lines)

    def _take_effect(self, words: tuple[str, ...] | None, *, reloaded: bool) -> Checked:
        """Reload or restart, and verify."""
        before = self._master()
        mark = mark_log(self._host, self._settings)
        how = "SIGHUP to cyrmaster" if not words else inert(" ".join(words))
        self._say("reload" if reloaded else "restart", f"{'Reloading' if reloaded else 'Restarting'}: {how}.")
        told: tuple[str, ...] = ()
        try:
            if words:
                ran = self._gate.run(words, _COMMAND_SECONDS)
                told = _output(ran)
                if ran.status != 0:
                    end = "took too long" if ran.status is None else f"ended with status {ran.status}"
                    self._say("waiting", f"{how} {end}.", told)
            elif before is not None:
                self._gate.send_signal(before[0], signal.SIGHUP)
        except AccessDenied as error:
            told = (str(error),)
            self._say("waiting", str(error))
        self._say("verify", "Verifying: sockets, processes, greetings, and the log.")
        try:
            checked = self._verify(
                self._host,
                self._order,
                mark,
                before,
                reloaded=reloaded,
                say=lambda sentence: self._say("waiting", f"{sentence}."),
            )
        except (CyrtuiError, OSError) as error:
            problem = Problem(f"The server could not be looked at: {inert(str(error))}")
            checked = Checked((problem,), (), nothing_listens=False, seen=0)
        if checked.problems and told:
            first, *rest = checked.problems
            lines = (*first.lines, *(f"{how}: {line}" for line in told))
            checked = replace(checked, problems=(first._replace(lines=lines), *rest))
        return checked

    def _restore(self, why: str, lines: tuple[str, ...]) -> Result:
        order = self._order
        self._say("restoring", f"Putting the old {inert(order.path)} back.")
        try:
            # an apply that was cut off may have done this already
            if file_digest(order.target) != self._original:
                write_beside(self._gate, order.temporary, order.original, order.like())
                swap_in(self._gate, order.temporary, order.target, self._candidate)
        except ChangedUnderUs:
            with contextlib.suppress(AccessDenied):
                self._gate.remove(order.temporary)
            changed = "it was changed by another program meanwhile, and was left as it is"
            return self._finish("not-restored", f"{why} The old file was not put back: {changed}.", lines)
        except AccessDenied as error:
            return self._finish("not-restored", f"{why} The old file could not be put back: {error}", lines)
        if order.restart is None:
            return self._finish("not-restored", f"{why} The old file is back; restart Cyrus by hand.", lines)
        checked = self._take_effect(order.restart, reloaded=False)
        if checked.good:
            again = "the server serves again" if order.master else "the old state is back"
            return self._finish("restored", f"{why} The old file is back, and {again}.", lines)
        if order.master is None:
            return self._finish(
                "restored", f"{why} The old file is back; cyrmaster does not run with it, as before.", lines
            )
        problems = " ".join(one.sentence for one in checked.problems)
        return self._finish(
            "not-restored",
            f"{why} The old file is back, but the server is not: {problems}",
            (*lines, *checked.lines),
        )

    # -- telling ------------------------------------------------------------------------

    def _audit(self, sentence: str) -> None:
        """A line for syslog; what belongs to one edit has its name in common."""
        self._gate.audit(f"edit {self._order.id}: {inert(sentence)}")

    def _finish(self, result: Result, sentence: str, lines: tuple[str, ...] = ()) -> Result:
        order = self._order
        if result != "refused":
            record(self._gate, self._place, order, result, sentence, lines, self._backup)
            self._audit(f"{order.who}: {order.target}: {result}: {sentence}")
        self._say("finished", sentence, lines, result=result)
        with contextlib.suppress(AccessDenied):
            self._gate.remove_directory(self._place)
        return result

    def _say(
        self,
        step: StepName,
        sentence: str,
        lines: tuple[str, ...] = (),
        *,
        result: Result | None = None,
        seconds: float | None = None,
        nothing_listens: bool = False,
        must: bool = False,
    ) -> None:
        """Write a step down and tell it. Raises `AccessDenied` where it must be written and cannot be."""
        made = Step(
            time.time(),
            step,
            sentence,
            tuple(inert(line) for line in lines),
            result,
            seconds,
            nothing_listens,
        )
        if step != "waiting":
            try:
                self._gate.append(f"{self._place}/steps.jsonl", json.dumps(made._asdict()).encode() + b"\n")
            except AccessDenied:
                # a full disk must not stop the way back
                if must:
                    raise
        self._show(made)

    def _master(self) -> tuple[int, float] | None:
        """The cyrmaster that runs now; None also where that cannot be seen."""
        try:
            seen = self._host.snapshot()
        except ObservationError:
            return None
        master = choose_master(find_masters(seen), self._order.cyrus_conf)
        return (master.pid, master.started) if master else None


def _good(checked: Checked) -> str:
    return f"Verified: {counted(checked.seen, 'socket')} answered."


def _output(ran: Ran) -> tuple[str, ...]:
    """The last lines that a command wrote."""
    lines = [line for line in ran.output.decode("utf-8", "replace").splitlines() if line.strip()]
    return tuple(inert(line) for line in lines[-5:])


def _lock_words(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return inert(file.read(200).strip()) or "nobody knows whose"
    except OSError:
        return "nobody knows whose"
