"""A program that is in the way, run inside the lab: it takes ports or holds connections until its input ends.

occupier.py listen PORT ADDRESS...        another program than Cyrus listens there, and says who it is
occupier.py connect PORT ADDRESS COUNT    so many connections are opened, and nothing is said over them
"""

from __future__ import annotations

import select
import socket
import sys

GREETING = b"220 another program has this port\r\n"


def listener(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind((address, port))
    one.listen(8)
    return one


def main() -> int:
    mode, port, rest = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    if mode == "listen":
        held = [listener(address, port) for address in rest]
    else:
        held = [socket.create_connection((rest[0], port), timeout=10) for _ in range(int(rest[1]))]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        watched = [sys.stdin.fileno(), *(held if mode == "listen" else [])]
        ready, _, _ = select.select(watched, [], [])
        if sys.stdin.fileno() in ready and not sys.stdin.read(1):
            return 0
        for one in held:
            if one in ready:
                client, _ = one.accept()
                with client:
                    client.sendall(GREETING)


if __name__ == "__main__":
    sys.exit(main())
