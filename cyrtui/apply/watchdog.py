"""The process that carries an apply out: `python -m cyrtui.apply.watchdog DIRECTORY [resume]`.

It is started in a session of its own, so that neither the death of the console nor that of its line ends it.
Steps go to standard output as JSON, one a line, for as long as somebody reads them; a line `restore` or
`keep` on standard input answers an offer. When that ends nobody is there any more: what fails is restored.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import Final

from cyrtui.access import open_gate, require
from cyrtui.apply.events import Step
from cyrtui.apply.state import load_order
from cyrtui.apply.work import Decision, Work
from cyrtui.errors import CyrtuiError

# Somebody who is there and does not answer while part of the server is down.
_LONGEST_OFFER: Final = 600.0
_UNREAD: Final = 1.0


def _say(step: Step) -> None:
    """Tell whoever reads; one who does not read is not waited for, as the steps are written down anyway."""
    left = json.dumps(step._asdict()).encode() + b"\n"
    try:
        while left and select.select([], [1], [], _UNREAD)[1]:
            left = left[os.write(1, left) :]
    except OSError:
        return


def _decide(seconds: float | None) -> Decision:
    """What the operator wants; without an answer the old file is restored."""
    deadline = time.monotonic() + (_LONGEST_OFFER if seconds is None else seconds)
    said = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([0], [], [], left)
        if not ready:
            return "restore"
        more = os.read(0, 100)
        said += more
        if b"keep\n" in said:
            return "keep"
        if not more or b"restore\n" in said:
            return "restore"
    return "restore"


def main(arguments: list[str]) -> int:
    """Carry out the order in a directory."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        # a handler, not SIG_IGN: what is started from here must not inherit it
        signal.signal(number, lambda *_: None)
    os.set_blocking(1, False)
    place = arguments[0]
    try:
        order = load_order(place)
        gate = require(open_gate(read_only=order.loaded_settings().read_only), "An apply")
        if gate.lock(f"{place}/alive", f"{os.getpid()}\n") is None:
            return 2
    except CyrtuiError:
        return 2
    from cyrtui.host.local import LocalHost

    work = Work(gate, LocalHost(), order, place, _say, _decide)
    if arguments[1:] == ["resume"]:
        work.resume()
    else:
        work.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
