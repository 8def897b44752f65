"""What applying a candidate means, before anything is touched: diff, lint, and what will be done."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from cyrtui.apply.diff import masked_diff
from cyrtui.apply.effect import Effect, Now, effect_of, look_now
from cyrtui.apply.judged import Judged, Place, judge, place_of, with_file
from cyrtui.apply.original import Original
from cyrtui.apply.verify import broken_services
from cyrtui.apply.ways import Way, Ways, find_ways
from cyrtui.config.cyrus_conf import parse_cyrus_conf
from cyrtui.config.finding import Finding
from cyrtui.config.installed import installed_version
from cyrtui.config.subject import ConfKind
from cyrtui.errors import FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.services.declared import declare
from cyrtui.settings import Settings
from cyrtui.wording import counted


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """What will be done to make `original` become `candidate`.

    `diff` are the lines of a unified diff, inert, passwords masked. `findings` are the lint's on the
    candidate, `errors` what it is refused for (those it makes in other files among them). `way` is how it
    takes effect, `ways` both ways. `blocked` is a sentence that says why it cannot be done here at all.
    `backup` is the name that the backup will have, unless something has it already. `master` is (pid, start)
    of the running cyrmaster; `broken_before` are the services that do not listen now and that the candidate
    leaves as they are, so that they are not expected to listen afterwards.
    """

    original: Original
    candidate: bytes
    kind: ConfKind
    cyrus_conf: str
    version: str | None
    diff: tuple[str, ...]
    findings: tuple[Finding, ...]
    errors: tuple[Finding, ...]
    effect: Effect
    ways: Ways
    blocked: str | None
    backup: str
    master: tuple[int, float] | None
    broken_before: tuple[str, ...]

    def __repr__(self) -> str:
        return f"ApplyPlan({self.original.path!r}, {self.effect.need!r})"

    @property
    def unchanged(self) -> bool:
        """Whether the file holds the candidate's very bytes already."""
        return self.candidate == self.original.data

    @property
    def refused(self) -> bool:
        """Whether the lint refuses the candidate."""
        return bool(self.errors)

    @property
    def ready(self) -> bool:
        """Whether it can be applied."""
        return not self.refused and self.blocked is None and not self.unchanged

    @property
    def way(self) -> Way | None:
        """How the change takes effect; None where it needs nothing."""
        if self.effect.need == "nothing":
            return None
        return self.ways.reload if self.effect.need == "reload" else self.ways.restart

    @property
    def refusal(self) -> str | None:
        """Why it is not applied, in a sentence; None where it can be."""
        if self.unchanged:
            return f"{inert(self.original.path)} holds these very bytes already: there is nothing to apply."
        if self.refused:
            errors = counted(len(self.errors), "error")
            return f"The lint finds {errors} in the candidate; nothing was touched. {self.errors[0]}"
        return self.blocked


def make_plan(
    host: Host, settings: Settings, original: Original, candidate: bytes, now: float | None = None
) -> ApplyPlan:
    """Look at the candidate and the server, and say what applying it will do. Changes nothing, never raises.

    `now` is for the backup's name, in seconds since the epoch.
    """
    version = installed_version(host)
    place = place_of(host, settings, original)
    judged = judge(host, place, original, candidate, version)
    seen = look_now(host, place.cyrus_conf)
    effect = effect_of(host, place, original.path, original.data, candidate, version, seen)
    ways = find_ways(host, settings, seen.master)
    both_broken = bool(judged.standing) and _was_broken(host, place, original, version)
    if both_broken:
        effect = replace(effect, need="nothing", notes=(*effect.notes, _only_written(judged)))
    stamp = time.strftime("%Y-%m-%dT%H%M%S", time.localtime(now))
    return ApplyPlan(
        original,
        candidate,
        place.kind,
        place.cyrus_conf,
        version,
        masked_diff(original.path, original.data, candidate),
        judged.findings,
        judged.errors,
        _noted(effect, original),
        ways,
        _blocked(host, effect, ways, seen, judged),
        f"{original.target}.{stamp}",
        (seen.master.pid, seen.master.started) if seen.master else None,
        _broken_before(host, seen, place, original, candidate),
    )


def _broken_before(
    host: Host, seen: Now, place: Place, original: Original, candidate: bytes
) -> tuple[str, ...]:
    """The services that do not listen now, and that the candidate does not mend.

    Where cyrmaster does not run these are the ones whose listen= stands for no socket.
    """
    confs = []
    for data in (original.data, candidate):
        try:
            text = with_file(host, original.path, data).read(place.cyrus_conf)
        except FileUnreadable:
            text = b""
        confs.append(parse_cyrus_conf(text))
    if seen.board is not None and seen.master is not None:
        broken = broken_services(seen.board)
    else:
        broken = frozenset(one.name for one in declare(confs[0], host.resolve) if one.problem)
    old, new = ({one.name: (one.cmd, one.listen, one.proto) for one in conf.services} for conf in confs)
    return tuple(sorted(name for name in broken if old.get(name) == new.get(name)))


def _was_broken(host: Host, place: Place, original: Original, version: str | None) -> bool:
    """Whether the file as it stands is one that nothing would start with."""
    return bool(judge(host, place, original, original.data, version).errors)


def _only_written(judged: Judged) -> str:
    other = judged.standing[0]
    return f"The file is only written: Cyrus would not start, for {other.file} is broken too. {other}"


def _blocked(host: Host, effect: Effect, ways: Ways, seen: Now, judged: Judged) -> str | None:
    """Why the change cannot be made on this host, whatever stands in it."""
    if host.name.kind != "local":
        kind = "A copied tree" if host.name.kind == "tree" else "A recording"
        return f"{kind} is not a running server: nothing can be applied to it."
    if effect.need == "nothing":
        return None
    if seen.problem is not None:
        return f"The server cannot be seen, so that nothing could be verified: {seen.problem}"
    if judged.standing:
        other = judged.standing[0]
        return f"{other.file} is broken, and what is started now would die on it: mend it first. {other}"
    # a reload that goes wrong takes a restart to mend
    if ways.restart is None:
        return ways.problem
    if effect.need == "reload" and ways.reload is None:
        return "How cyrmaster is reloaded here is not known: set reload_command in /etc/cyrtui.toml."
    return None


def _noted(effect: Effect, original: Original) -> Effect:
    """The effect, with what is to be said of the file itself."""
    notes = [*effect.notes]
    if original.is_symlink:
        notes.append(
            f"{inert(original.path)} is a symlink and stays one: {inert(original.target)} is written."
        )
    if original.links > 1:
        others = counted(original.links - 1, "other name")
        notes.append(f"The file has {others} (hard links), which keep the old text.")
    return replace(effect, notes=tuple(notes))
