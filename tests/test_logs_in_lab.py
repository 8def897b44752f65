"""The promise of the logs, against the real rsyslog and the real logrotate: every line, exactly once."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cyrtui.host.local import LocalHost
from cyrtui.logs.follow import LogFollower, Loss
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import LogSource, LogSources
from cyrtui.logs.store import LineStore
from tests.lab import Lab

COUNT = 200_000
RATE = 5_000
ROTATIONS = 20
PLACE = "/var/log/rotated"
SOCKET = "/run/rotated.sock"
PID = "/run/rotated.pid"
SENDER = Path(__file__).parent / "lab" / "log_sender.py"
NUMBER = re.compile(rb"<(\d{7})> login:")
KINDS = {
    "create": "create; compress; delaycompress; POSTROTATE",
    "copytruncate": "copytruncate; compress; delaycompress",
    "dateext": "create; dateext; dateformat -%Y%m%d-%s; compress; delaycompress; POSTROTATE",
    "compress": "create; compress; nodelaycompress; POSTROTATE",
}
FACILITIES = dict(zip(KINDS, range(16, 20), strict=True))
LEAVE_NOTHING_OUT = ("create", "dateext")
"""Of the others logrotate itself may lose lines: those written between copy and cut, or after compressing."""

RSYSLOG = f"""\
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{SOCKET}" RateLimit.Interval="0" FlowControl="on" UseSpecialParser="off")
main_queue(queue.type="LinkedList" queue.size="200000" queue.timeoutEnqueue="60000")
template(name="line" type="string" string="%timereported:::date-rfc3339% mx %syslogtag%%msg%\\n")
{{}}
"""


@dataclass
class Watched:
    """One log that is followed all the time, and once more by someone who seldom looks."""

    name: str
    path: Path
    seen: Counter[int] = field(default_factory=Counter)
    seldom: Counter[int] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)

    def standing(self) -> Counter[int]:
        """The numbers of the lines that stand in any of its files."""
        found: Counter[int] = Counter()
        for path in self.path.parent.glob(f"{self.name}.log*"):
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            found.update(map(int, NUMBER.findall(data)))
        return found


def look(follower: LogFollower, into: Counter[int], losses: list[Loss] | None = None) -> None:
    """Take in all that is there now."""
    more = True
    while more:
        batch = follower.poll()
        more = batch.more
        into.update(int(found[1]) for line in batch.lines if (found := NUMBER.search(line)))
        if losses is not None:
            losses.extend(batch.lost)


@contextmanager
def rsyslog(lab: Lab) -> Iterator[None]:
    """A second rsyslogd in the lab, for these logs alone; at the end all that it was sent is written."""
    rules = "\n".join(f"local{at - 16}.* {PLACE}/{name}.log;line" for name, at in FACILITIES.items())
    lab.write("/etc/rotated.conf", RSYSLOG.format(rules))
    blocks = [
        f"{PLACE}/{name}.log {{\n    rotate 100\n    missingok\n    {how}\n}}\n".replace(
            "; ", "\n    "
        ).replace("POSTROTATE", f"postrotate\n        /bin/kill -HUP $(cat {PID})\n    endscript")
        for name, how in KINDS.items()
    ]
    lab.write("/etc/rotated.logrotate", "".join(blocks))
    lab.path("/etc/rotated.logrotate").chmod(0o644)
    lab.path(PLACE).mkdir(mode=0o755)
    lab.run(["rsyslogd", "-f", "/etc/rotated.conf", "-i", PID])
    lab.wait(lambda: lab.path(SOCKET).exists(), "rsyslog to make its socket", timeout=10)
    try:
        yield
    finally:
        pid = lab.pid_in(PID)
        lab.run(["kill", f"-{signal.SIGTERM.value}", str(pid)])
        lab.wait(lambda: lab.pid_in(PID) is None, "rsyslog to write all and end", timeout=60)


def follow_all(host: LocalHost, logs: list[Watched], done: threading.Event) -> None:
    followers = [LogFollower(host, str(log.path)) for log in logs]
    watch = host.watch([str(log.path) for log in logs])
    last = False
    while True:
        for follower, log in zip(followers, logs, strict=True):
            look(follower, log.seen, log.losses)
        if last:
            break
        last = done.is_set()
        watch.wait(0.25)
    watch.close()
    for follower in followers:
        follower.close()


@pytest.fixture(scope="module")
def logs(lab: Lab) -> list[Watched]:
    """Twenty rotations of each kind while lines come; what was seen of them meanwhile."""
    watched = [Watched(name, lab.path(f"{PLACE}/{name}.log")) for name in KINDS]
    host, done = LocalHost(), threading.Event()
    rare = [LogFollower(host, str(log.path)) for log in watched]
    for follower, log in zip(rare, watched, strict=True):
        look(follower, log.seldom)
    thread = threading.Thread(target=follow_all, args=(host, watched, done))
    with rsyslog(lab):
        thread.start()
        numbers = [COUNT, RATE, COUNT // ROTATIONS, *FACILITIES.values()]
        with subprocess.Popen(
            [sys.executable, "-I", SENDER, lab.path(SOCKET), *map(str, numbers)],
            stdout=subprocess.PIPE,
            text=True,
        ) as sender:
            assert sender.stdout is not None
            for turn, _ in enumerate(sender.stdout, start=1):
                lab.run(["logrotate", "-f", "-s", "/run/rotated.state", "/etc/rotated.logrotate"])
                if turn % 3 == 0:
                    for follower, log in zip(rare, watched, strict=True):
                        look(follower, log.seldom)
        assert sender.returncode == 0
    for follower, log in zip(rare, watched, strict=True):
        look(follower, log.seldom)
        follower.close()
    done.set()
    thread.join(60)
    assert not thread.is_alive()
    return watched


def of(logs: list[Watched], name: str) -> Watched:
    return next(log for log in logs if log.name == name)


@pytest.mark.parametrize("name", KINDS)
def test_every_line_is_seen_exactly_once_through_twenty_rotations(logs: list[Watched], name: str) -> None:
    log = of(logs, name)
    archives = [path for path in log.path.parent.glob(f"{name}.log*") if path != log.path]
    assert len(archives) == ROTATIONS
    standing = log.standing()
    assert max(standing.values()) == 1
    if name in LEAVE_NOTHING_OUT:
        assert len(standing) == COUNT
    assert len(standing) > COUNT * 0.95
    assert not standing - log.seen, "lines that stand in a file were not seen"
    assert max(log.seen.values()) == 1, "lines were seen twice"
    assert log.seen.keys() <= set(range(COUNT))
    assert sum(loss.lost for loss in log.losses) == 0


@pytest.mark.parametrize("name", KINDS)
def test_who_looks_only_after_every_third_rotation_sees_every_line_too(
    logs: list[Watched], name: str
) -> None:
    log = of(logs, name)
    missed = log.standing() - log.seldom
    assert not missed, f"{len(missed)} lines that stand in a file were not seen"
    assert max(log.seldom.values()) == 1, "lines were seen twice"


@pytest.mark.parametrize("name", KINDS)
def test_the_archives_are_the_past_of_the_log(logs: list[Watched], name: str) -> None:
    log = of(logs, name)
    assert sum(path.suffix == ".gz" for path in log.path.parent.glob(f"{name}.log*")) >= ROTATIONS - 1
    source = LogSource(str(log.path), frozenset({LogRole.MAIL}), "a test")
    store = LineStore(LocalHost(), LogSources((source,), ()))
    store.open()
    view = store.view(frozenset({LogRole.MAIL}))
    while store.poll().more or not store.backfill(0.5).done:
        pass
    found = [int(NUMBER.search(raw)[1]) for raw in view.raw(view.first, view.end)]  # type: ignore[index]
    assert found == sorted(log.standing())
    assert store.problems == ()
    store.close()
