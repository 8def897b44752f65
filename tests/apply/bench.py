"""A file that is edited as often as one likes, with a server that is verified as a test wants it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cyrtui.access import open_gate, require
from cyrtui.apply.original import Original, read_original
from cyrtui.apply.state import Order, Who, load_order, make_state, save_order
from cyrtui.apply.verify import Checked, Problem
from cyrtui.apply.work import Work
from cyrtui.errors import FileMissing
from cyrtui.host.protocol import LogFile
from cyrtui.settings import Settings, load_settings
from tests.services.builders import FakeHost, snapshot

OLD: Final = b"# the old one\n" * 400
NEW: Final = b"# the new one, which is longer\n" * 500
GOOD: Final = Checked((), (), nothing_listens=False, seen=1)
BAD: Final = Checked((Problem("imap does not listen.", ("bind",)),), (), nothing_listens=True, seen=0)


class Verdicts:
    """A server that is verified as the candidate deserves: it works with the old file, or with both."""

    def __init__(self, path: Path, *, good: bool) -> None:
        self._path, self._good = path, good

    def __call__(self, *_: Any, **__: Any) -> Checked:
        return GOOD if self._good or self._path.read_bytes() == OLD else BAD


def settings_of(tmp_path: Path, **more: str) -> Settings:
    flags = {"state_directory": str(tmp_path / "state"), "mail_log": str(tmp_path / "mail.log"), **more}
    return load_settings(flags, environment={}, system_file=str(tmp_path / "none"))


def order_of(tmp_path: Path, original: Original, settings: Settings, number: int) -> Order:
    return Order(
        id=f"order-{number}",
        time=1.0,
        who=Who("root", "mick"),
        path=original.path,
        target=original.target,
        kind="cyrus.conf",
        identity=original.identity,
        mode=original.mode,
        uid=original.uid,
        gid=original.gid,
        backup=f"{original.target}.2026-11-26T010203",
        temporary=f"{tmp_path}/.cyrus.conf.cyrtui-order",
        need="restart",
        reload=None,
        restart=("/bin/true",),
        cyrus_conf=original.path,
        broken_before=(),
        master=(1, 1.0),
        diff=(),
        settings={name: (one.value, one.origin) for name, one in settings.values.items()},
        attended=False,
        countdown=1.0,
        candidate=NEW,
        original=original.data,
    )


def in_a_child(work: Callable[[], None]) -> int:
    """Do something in a process of its own; its exit status, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 (nothing may come back into pytest's own process)
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Quiet(FakeHost):
    """A host without processes and without logs."""

    def open_log(self, path: str) -> LogFile:
        raise FileMissing(path, f"{path} does not exist.")


class Bench:
    """A file that is edited, and the record of it."""

    def __init__(self, tmp_path: Path, *, good: bool) -> None:
        self.tmp_path = tmp_path
        self.path = tmp_path / "cyrus.conf"
        self.settings = settings_of(tmp_path)
        self.host = Quiet({}, snapshot([]))
        self.gate = require(open_gate(read_only=False), "A test")
        self.verify = Verdicts(self.path, good=good)
        self.state = make_state(self.gate, self.settings)
        self.number = 0

    def lay(self) -> str:
        """The old file, and a new order to replace it."""
        for one in self.tmp_path.iterdir():
            if one.is_file():
                one.unlink()
        self.path.write_bytes(OLD)
        self.path.chmod(0o640)
        return self.again()

    def again(self) -> str:
        """A new order to replace the file as it stands."""
        self.number += 1
        original = read_original(str(self.path))
        order = order_of(self.tmp_path, original, self.settings, self.number)
        return save_order(self.gate, self.state, order)

    def settings_with(self, **more: str) -> Settings:
        """The settings, with some more."""
        return settings_of(self.tmp_path, **more)

    def work(self, place: str) -> Work:
        assert self.gate.lock(f"{place}/alive", "") is not None
        return Work(
            self.gate,
            self.host,
            load_order(place),
            place,
            lambda _step: None,
            lambda _seconds: "restore",
            self.verify,
        )

    def backups(self) -> list[Path]:
        return sorted(self.tmp_path.glob("cyrus.conf.2026*"))

    def check(self) -> None:
        """The file is whole, and where it is the new one the old one is in its backup."""
        now = self.path.read_bytes()
        assert now in (OLD, NEW)
        assert self.path.stat().st_mode & 0o777 == 0o640
        assert all(one.read_bytes() == OLD for one in self.backups())
        if now == NEW:
            assert len(self.backups()) == 1
