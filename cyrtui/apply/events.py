"""What is told while a candidate is applied: steps as they are done, and the outcome."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

StepName = Literal[
    "begun",  # the process that carries it out has started
    "locked",  # no other console can begin an apply
    "backup",  # the backup is on the disk
    "replacing",  # the file is about to be replaced
    "replaced",  # the file is the candidate
    "reload",
    "restart",
    "verify",
    "waiting",  # what the verification waits for
    "verified",
    "failed",  # the verification failed; `lines` say why
    "offer",  # somebody is asked whether to restore; `seconds` until it is done without an answer
    "restoring",
    "finished",  # the last one
]
Result = Literal["applied", "refused", "restored", "kept", "not-restored"]
"""applied and verified; refused (nothing touched); failed and restored; failed and left by somebody's wish;
failed and not restored."""

EXIT_CODES: Final[dict[Result, int]] = {
    "applied": 0,
    "refused": 2,
    "restored": 3,
    "kept": 4,
    "not-restored": 4,
}


class Step(NamedTuple):
    """One step at `time` (seconds since the epoch). `lines` are of the log, or of a command's output.

    `result` is that of the last step, None for the others; `seconds` is how long an offer stands where
    nothing listens any more (None: something does, and one has ten minutes).
    """

    time: float
    step: StepName
    sentence: str
    lines: tuple[str, ...] = ()
    result: Result | None = None
    seconds: float | None = None
    nothing_listens: bool = False
