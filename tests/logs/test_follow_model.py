"""The follower against a plain truth: what stands in the files is handed out, once."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cyrtui.logs.follow import LogFollower
from tests.logs.files import FilesHost, append

_ENDED = re.compile(rb"<(\d+)>\Z")
_STANDING = re.compile(rb"<(\d+)>\n")
_NAME = "mail.log"


class Rotation(RuleBasedStateMachine):
    """Every line begins and ends with a number of its own, as real ones begin with a stamp."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="cyrtui-follow-"))
        self.log = self.directory / _NAME
        self.next = 0
        self.written: set[int] = set()
        self.delivered: list[int] = []
        self.held: list[int] = []
        self.opened = False
        self.logger_has = False
        self.earlier: set[int] = set()
        self.dates = ""
        self.dated: list[str] = []
        self.turns = 0
        self.host = FilesHost()
        self.follower = LogFollower(self.host, str(self.log))

    def teardown(self) -> None:
        self.follower.close()
        for fd in self.held:
            os.close(fd)
        shutil.rmtree(self.directory)

    def archive(self, number: int) -> Path:
        """The archive that is so old: by `dateext` the newest has the greatest name, and keeps it."""
        if not self.dates:
            return self.directory / f"{_NAME}.{number}"
        name = self.dated[-number] if number <= len(self.dated) else "none"
        return self.directory / name

    def shift(self) -> None:
        """There is one archive more; the fourth is deleted."""
        if self.dates:
            self.turns += 1
            stamp = f"20261122-{1_795_335_356 + self.turns}"
            self.dated.append(f"mail-{stamp}.log" if self.dates == "extension" else f"{_NAME}-{stamp}")
            for name in self.dated[:-3]:
                for suffix in ("", ".gz"):
                    (self.directory / f"{name}{suffix}").unlink(missing_ok=True)
            del self.dated[:-3]
            return
        for number in (3, 2, 1):
            for suffix in ("", ".gz"):
                old = self.directory / f"{_NAME}.{number}{suffix}"
                if old.exists():
                    old.unlink() if number == 3 else old.rename(f"{self.archive(number + 1)}{suffix}")

    def filler(self, length: int) -> bytes:
        """Text that is like no other: lines of a log are known again by what they say."""
        return hashlib.shake_128(b"%d" % self.next).hexdigest(length // 2 + 1).encode()[:length]

    def line(self, length: int) -> bytes:
        self.next += 1
        self.written.add(self.next)
        return b"%08d " % self.next + self.filler(length) + b"<%d>\n" % self.next

    @initialize(exists=st.booleans(), dates=st.sampled_from(["", "dateext", "extension"]))
    def begin(self, exists: bool, dates: str) -> None:
        self.dates = dates
        if exists:
            append(self.log, self.line(5))

    @rule(lengths=st.lists(st.integers(0, 400), min_size=1, max_size=6))
    def append_lines(self, lengths: list[int]) -> None:
        if self.log.exists():
            append(self.log, b"".join(self.line(length) for length in lengths))

    @rule(length=st.integers(1, 300))
    def append_half(self, length: int) -> None:
        if self.log.exists():
            self.next += 1
            append(self.log, b"%08d " % self.next + self.filler(length))

    @rule(length=st.integers(0, 60))
    def append_to_the_renamed_file(self, length: int) -> None:
        """Until it gets its signal, the logger goes on writing to the file that it has open."""
        if self.logger_has:
            append(self.archive(1), self.line(length))

    @precondition(lambda self: self.log.exists())
    @rule(create=st.booleans())
    def rename(self, create: bool) -> None:
        self.shift()
        self.log.rename(self.archive(1))
        self.logger_has = True
        if create:
            self.log.touch()

    @rule()
    def compress(self) -> None:
        """The newest archive, as logrotate does it: the stamp of its file stays."""
        plain = self.archive(1)
        if not plain.exists() or plain.stat().st_size == 0:
            return
        self.logger_has = False
        moved = plain
        if not self.dates:
            self.shift()
            moved = self.archive(2)
        facts = moved.stat()
        packed = moved.with_name(f"{moved.name}.gz")
        packed.write_bytes(gzip.compress(moved.read_bytes()))
        os.utime(packed, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        if facts.st_ino in self.earlier:
            self.earlier.add(packed.stat().st_ino)
        moved.unlink()

    @rule()
    def create(self) -> None:
        self.log.touch()

    @precondition(lambda self: self.log.exists())
    @rule()
    def delete(self) -> None:
        self.log.unlink()

    @precondition(lambda self: self.log.exists())
    @rule()
    def copy_and_truncate(self) -> None:
        self.shift()
        shutil.copyfile(self.log, self.archive(1))
        self.logger_has = False
        os.truncate(self.log, 0)

    @precondition(lambda self: self.log.exists())
    @rule(part=st.floats(0, 1))
    def truncate(self, part: float) -> None:
        size = int(self.log.stat().st_size * part)
        # Fewer bytes than a stamp has tell one beginning of a file from another no more.
        os.truncate(self.log, size if size > 15 else 0)

    @rule()
    def poll(self) -> None:
        more = True
        while more:
            batch = self.follower.poll()
            more = batch.more
            for line in batch.lines:
                if (found := _ENDED.search(line)) is not None:
                    self.delivered.append(int(found[1]))
        if self.log.exists() and not self.opened:
            self.opened = True
            self.earlier = {path.stat().st_ino for path in self.directory.iterdir()} - {
                self.log.stat().st_ino
            }
        missing = self.standing() - set(self.delivered)
        assert not missing, f"not handed out: {sorted(missing)}"
        if self.log.exists():
            fd = os.open(self.log, os.O_RDONLY)
            if any(os.path.samestat(os.fstat(fd), os.fstat(other)) for other in self.held):
                os.close(fd)
            else:
                self.held.append(fd)
            if len(self.held) > 3:
                os.close(self.held.pop(0))

    def standing(self) -> set[int]:
        """The numbers of the lines that stand in a file which the follower holds, or can find."""
        texts = [os.pread(fd, 1 << 20, 0) for fd in self.held]
        if self.opened:
            files = [path for path in self.directory.iterdir() if path.stat().st_ino not in self.earlier]
            for path in files:
                data = path.read_bytes()
                texts.append(gzip.decompress(data) if path.suffix == ".gz" else data)
        return {int(found) for text in texts for found in _STANDING.findall(text)}

    @invariant()
    def never_twice(self) -> None:
        assert len(self.delivered) == len(set(self.delivered)), "a line was handed out twice"
        assert set(self.delivered) <= self.written


TestRotation = Rotation.TestCase
TestRotation.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True)
