"""The promise of the logs, against the real rsyslog and the real logrotate: every line, exactly once."""

from __future__ import annotations

import bz2
import gzip
import lzma
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
import watchfiles

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
XZ = "compress; compresscmd /usr/bin/xz; compressext .xz; compressoptions -1"
BZ2 = "compress; compresscmd /bin/bzip2; compressext .bz2"
ZSTD = "compress; compresscmd /usr/bin/zstd; compressext .zst; compressoptions -q --rm"
KINDS = {
    "create": "create; compress; delaycompress; POSTROTATE",
    "copytruncate": f"copytruncate; {BZ2}; delaycompress",
    "dateext": f"create; dateext; dateformat -%Y%m%d-%s; {XZ}; delaycompress; POSTROTATE",
    "extension": "create; dateext; dateformat -%s; extension .log; compress; delaycompress; POSTROTATE",
    "compress": f"create; {ZSTD}; nodelaycompress; POSTROTATE",
}
FACILITIES = dict(zip(KINDS, range(16, 16 + len(KINDS)), strict=True))
LEAVE_NOTHING_OUT = ("create", "dateext", "extension")
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
        for path in (self.path, *self.archives()):
            found.update(map(int, NUMBER.findall(unpacked(path))))
        return found

    def archives(self) -> list[Path]:
        return [path for path in self.path.parent.glob(f"{self.name}[.-]*") if path != self.path]


def unpacked(path: Path) -> bytes:
    """By the tools of the formats themselves, not by what is tested."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
    by_suffix = {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}
    return by_suffix[path.suffix](data) if path.suffix in by_suffix else data


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
    assert len(log.archives()) == ROTATIONS
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
    packed = [path for path in log.archives() if path.suffix in {".gz", ".xz", ".bz2", ".zst"}]
    assert len(packed) >= ROTATIONS - 1
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


def test_a_watch_that_works_and_stays_silent_loses_nothing(lab: Lab) -> None:
    """As over NFS: the lines are written where this kernel's inotify on the directory does not see it.

    A file of an overlay whose upper layer is written behind its back is one.
    """
    place = "/run/silent"
    lab.path(place).mkdir()
    lab.run(["mount", "-t", "tmpfs", "none", place])
    # what is mounted in there is seen from here through one of its processes only
    inside = Path(f"/proc/{lab.inside.first}/root{place}")
    for name in ("lower", "upper", "work", "merged"):
        (inside / name).mkdir()
    behind, shown = inside / "upper" / "mail.log", inside / "merged" / "mail.log"
    behind.write_bytes(b"<0000000> login:\n")
    layers = f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work"
    lab.run(["mount", "-t", "overlay", "-o", layers, "none", f"{place}/merged"])
    host, seen = LocalHost(), Counter[int]()
    follower, watch = LogFollower(host, str(shown)), host.watch([str(shown)])
    told = watchfiles.watch(
        shown.parent, watch_filter=None, recursive=False, rust_timeout=300, yield_on_timeout=True
    )
    try:
        look(follower, seen)
        assert next(told) == set()
        for number in range(1, 40):
            with behind.open("ab") as file:
                file.write(b"<%07d> login:\n" % number)
            if number in {1, 20}:
                assert next(told) == set(), "this watch is not silent, so it proves nothing"
                lab.wait(lambda: watch.wait(1.0), "the watch to look all the same", timeout=10)
                look(follower, seen)
                assert set(seen) == set(range(number + 1))
        lab.wait(lambda: watch.wait(1.0), "the watch to look all the same", timeout=10)
        look(follower, seen)
        assert seen == Counter(range(40))
    finally:
        told.close()
        watch.close()
        follower.close()
        lab.run(["umount", f"{place}/merged", place])
