"""`cyrtui apply`: the safe edit without the glass."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TextIO

from cyrtui.access import READ_ONLY_SENTENCE, Gate
from cyrtui.apply.applying import Applying, allowed, begin, go_on
from cyrtui.apply.events import EXIT_CODES, Step
from cyrtui.apply.original import read_original
from cyrtui.apply.plan import ApplyPlan, make_plan
from cyrtui.apply.state import unfinished
from cyrtui.config.finding import Finding
from cyrtui.errors import AccessDenied, CyrtuiError
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.settings import Settings
from cyrtui.wording import clock

APPLIED: Final = 0
REFUSED_BY_LINT: Final = 1
USAGE: Final = 2
NOT_RESTORED: Final = 4
INTERRUPTED: Final = 130


class ApplyOptions(NamedTuple):
    """What was asked: the candidate's path, the file's, and how."""

    candidate: str
    file: str
    dry_run: bool
    yes: bool
    json: bool


def apply(
    host: Host,
    settings: Settings,
    gate: Gate | None,
    options: ApplyOptions,
    ask: Callable[[str], bool] | None,
    out: TextIO,
    words: TextIO,
) -> int:
    """Apply a candidate; the exit status (see `cyrtui apply --help`).

    `ask` puts a question to the operator; None where there is no terminal to ask on. Raises `CyrtuiError` for
    what makes it impossible before anything is touched.
    """
    if gate is None and not options.dry_run:
        raise AccessDenied(f"Applying an edit was refused. {READ_ONLY_SENTENCE}")
    if host.name.kind != "local":
        kind = "a copied tree" if host.name.kind == "tree" else "a recording"
        raise CyrtuiError(f"Nothing can be applied to {kind}: it is no running server.")
    show = _Shown(options, out, words)
    if gate is not None and not options.dry_run:
        _finish_others(gate, settings, show)
    original = read_original(_usual_name(settings, options.file))
    plan = make_plan(host, settings, original, host.read(options.candidate))
    show.plan(plan)
    if plan.unchanged:
        return APPLIED
    if plan.refused:
        return REFUSED_BY_LINT
    if plan.blocked is not None:
        return USAGE
    if options.dry_run or gate is None:
        try:
            allowed(plan)
        except AccessDenied as error:
            show.say(f"It could not be applied from here: {error}")
        show.say("Nothing was changed: this was a dry run.")
        return APPLIED
    allowed(plan)
    if not options.yes:
        if ask is None:
            raise CyrtuiError("There is no terminal to ask on: say --yes, or --dry-run. Nothing was changed.")
        if not ask("Apply it? [y/N] "):
            show.say("Nothing was changed.")
            return USAGE
    return _follow(begin(gate, settings, plan), show)


def _usual_name(settings: Settings, path: str) -> str:
    """The name under which Cyrus knows a file, where it is one of the two that are configured."""
    for name in ("cyrus_conf", "imapd_conf"):
        usual = settings.path(name)
        if os.path.realpath(usual) == os.path.realpath(path):
            return usual
    return path


def _follow(applying: Applying, show: _Shown) -> int:
    try:
        for step in applying.steps():
            show.step(step)
    except KeyboardInterrupt:
        show.say(
            "It goes on without you: it is verified, or the old file comes back; syslog says how it ends."
        )
        return INTERRUPTED
    finally:
        applying.leave()
    if applying.result is None and applying.touched:
        show.say("The process that applied it was killed, and nobody goes on. Start cyrtui apply again.")
        return NOT_RESTORED
    if applying.result is None:
        raise CyrtuiError("The process that applies it cannot be started; nothing was touched.")
    return EXIT_CODES[applying.result]


def _finish_others(gate: Gate, settings: Settings, show: _Shown) -> None:
    """An apply that was cut off is brought to its end first: verified, or restored."""
    for found in unfinished(settings):
        show.say(f"{found.sentence} It is brought to its end now.")
        status = _follow(go_on(gate, found), show)
        if status not in (APPLIED, USAGE):
            raise CyrtuiError("That apply did not end well: look at the server first. Nothing else was done.")


class _Shown:
    """Data to stdout, words to stderr; as JSON everything is data, one object a line."""

    def __init__(self, options: ApplyOptions, out: TextIO, words: TextIO) -> None:
        self._json = options.json
        self._out = out
        self._words = words

    def say(self, sentence: str) -> None:
        print(f"cyrtui: {sentence}", file=self._words, flush=True)

    def plan(self, plan: ApplyPlan) -> None:
        if self._json:
            self._object(_plan_object(plan))
            return
        for line in plan.diff:
            print(line, file=self._out)
        elsewhere = [one for one in plan.errors if one not in plan.findings]
        for finding in (*elsewhere, *plan.findings):
            if finding.severity != "advice":
                print(f"{finding} {finding.remedy}".rstrip(), file=self._out)
        if plan.refusal is not None:
            self._out.flush()
            self.say(plan.refusal)
            return
        effect = plan.effect
        print(effect.sentence, file=self._out)
        for sentence in (*effect.reasons, *effect.notes):
            print(f"  {sentence}", file=self._out)
        for word, changes in (("appears", effect.appears), ("goes away", effect.goes)):
            for change in changes:
                print(f"  {change.place} ({change.service}) {word}", file=self._out)
        if plan.way is not None:
            print(f"  by {plan.way.shown}: {plan.way.source}", file=self._out)
        print(f"  backup: {inert(plan.backup)}", file=self._out, flush=True)

    def step(self, step: Step) -> None:
        if self._json:
            self._object(
                {
                    "event": "result" if step.step == "finished" else "step",
                    "step": step.step,
                    "time": _iso(step.time),
                    "sentence": step.sentence,
                    "lines": list(step.lines),
                    **({"result": step.result, "exit_code": EXIT_CODES[step.result]} if step.result else {}),
                }
            )
            return
        last = step.step == "finished"
        stream = self._out if last else self._words
        mark = f"{step.result}: " if step.result else f"{clock(step.time, None)} "
        print(f"{mark}{step.sentence}", file=stream, flush=True)
        if step.step != "backup":
            for line in step.lines:
                print(f"  {line}", file=stream, flush=True)

    def _object(self, data: dict[str, Any]) -> None:
        print(json.dumps(data, ensure_ascii=False), file=self._out, flush=True)


def _plan_object(plan: ApplyPlan) -> dict[str, Any]:
    effect = plan.effect
    return {
        "event": "plan",
        "file": plan.original.path,
        "target": plan.original.target,
        "unchanged": plan.unchanged,
        "refusal": plan.refusal,
        "diff": list(plan.diff),
        "findings": [_finding(one) for one in plan.findings],
        "errors": [_finding(one) for one in plan.errors],
        "need": effect.need,
        "sentence": effect.sentence,
        "reasons": list(effect.reasons),
        "notes": list(effect.notes),
        "appears": [one._asdict() for one in effect.appears],
        "goes": [one._asdict() for one in effect.goes],
        "dropped": [{"service": one.service, "sessions": one.count} for one in effect.dropped],
        "command": list(plan.way.words) if plan.way is not None else None,
        "backup": plan.backup,
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "file": one.file,
        "line": one.line,
        "severity": one.severity,
        "code": one.code,
        "sentence": one.sentence,
        "remedy": one.remedy,
    }


def _iso(when: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(round(when, 3)).astimezone().isoformat(timespec="milliseconds")
