"""Sends numbered lines to a syslog socket at a steady rate, and says on its standard output how far it is.

`python -I log_sender.py SOCKET COUNT RATE STEP FACILITY...`: COUNT lines for each facility (a number, as in
syslog.h), RATE a second for each; a line `STEP n` after every STEP lines. Standard library only.
"""

from __future__ import annotations

import socket
import sys
import time

SEVERITY = 6
FILLER = "login: localhost [127.0.0.1] alice DIGEST-MD5 User logged in SESSIONID=<cyrus-1-2-3>"


def main() -> int:
    path, count, rate, step, *facilities = sys.argv[1:]
    total, each, every = int(count), int(rate), int(step)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.connect(path)
        began = time.monotonic()
        for number in range(total):
            for facility in facilities:
                out.send(f"<{int(facility) * 8 + SEVERITY}>sender[1]: <{number:07}> {FILLER}".encode())
            if number % 50 == 0 and (ahead := began + number / each - time.monotonic()) > 0:
                time.sleep(ahead)
            if (number + 1) % every == 0:
                print("STEP", number + 1, f"{time.monotonic() - began:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
