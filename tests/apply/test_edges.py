"""What can be in the way of an apply: each has a sentence, and the file stays whole."""

from __future__ import annotations

import ctypes
import io
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cyrtui.access import Gate
from cyrtui.apply.applying import Applying, allowed
from cyrtui.apply.history import applied_edits, text_before
from cyrtui.apply.original import read_original
from cyrtui.apply.plan import make_plan
from cyrtui.apply.state import Who, who_now
from cyrtui.apply.work import LOCK, Work
from cyrtui.apply_command import ApplyOptions, apply
from cyrtui.errors import AccessDenied, CyrtuiError
from cyrtui.host.protocol import HostName
from cyrtui.host.tree import TreeHost
from tests.apply.bench import NEW, OLD, Bench, in_a_child
from tests.apply.test_plan import CYRUS, server
from tests.config.test_lint import BAD_CYRUS, BAD_IMAPD, GOOD_CYRUS, GOOD_IMAPD, host

__all__ = ["host"]

_NEW_MOUNTS = 0x20000


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, good=True)


def told(bench: Bench, place: str) -> str:
    """The last sentence of carrying an order out."""
    said: list[str] = []
    order = bench.work(place)
    work = Work(
        bench.gate,
        bench.host,
        order._order,
        place,
        lambda step: said.append(step.sentence),
        lambda _: "keep",
        bench.verify,
    )
    work.run()
    return said[-1]


def test_owner_mode_attributes_and_the_link_are_kept(bench: Bench) -> None:
    place = bench.lay()
    real = bench.tmp_path / "real"
    bench.path.rename(real)
    bench.path.symlink_to("real")
    os.chown(real, 12345, 23456)
    real.chmod(0o604)
    os.setxattr(real, "user.note", b"kept")
    # user 65534 may read it: u::rw-, u:65534:r--, g::---, m::r--, o::r--
    acl = bytes.fromhex("0200000001000600ffffffff02000400feff000004000000ffffffff")
    acl += bytes.fromhex("10000400ffffffff20000400ffffffff")
    try:
        os.setxattr(real, "system.posix_acl_access", acl)
    except OSError:
        acl = b""
    bench.number += 1
    place = bench.again()
    assert bench.work(place).run() == "applied"
    assert bench.path.is_symlink()
    (backup,) = bench.tmp_path.glob("real.2026*")
    for one, data in ((real, NEW), (backup, OLD)):
        facts = one.stat()
        assert one.read_bytes() == data
        assert (facts.st_uid, facts.st_gid, facts.st_mode & 0o707) == (12345, 23456, 0o604)
        assert os.getxattr(one, "user.note") == b"kept"
        if acl:
            assert os.getxattr(one, "system.posix_acl_access") == acl


def test_a_backup_never_overwrites_another(bench: Bench) -> None:
    place = bench.lay()
    taken = bench.tmp_path / "cyrus.conf.2026-11-26T010203"
    taken.write_bytes(b"precious")
    assert bench.work(place).run() == "applied"
    assert taken.read_bytes() == b"precious"
    assert (bench.tmp_path / f"{taken.name}-2").read_bytes() == OLD


def test_an_edit_by_another_program_is_never_overwritten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = bench.lay()
    bench.path.write_bytes(b"theirs")
    assert "was changed by another program since it was read" in told(bench, place)
    assert bench.path.read_bytes() == b"theirs"
    assert bench.backups() == []
    # and in the very last moment, between the comparison and the exchange
    exchange = Gate.exchange

    def late(gate: Gate, one: str, other: str) -> bool:
        if bench.path.read_bytes() == OLD:
            (bench.tmp_path / "theirs").write_bytes(b"theirs, late")
            (bench.tmp_path / "theirs").replace(bench.path)
        return exchange(gate, one, other)

    monkeypatch.setattr(Gate, "exchange", late)
    assert "was changed by another program" in told(bench, bench.lay())
    assert bench.path.read_bytes() == b"theirs, late"
    assert {one.name for one in bench.tmp_path.iterdir() if one.is_file()} == {"cyrus.conf", LOCK}


def test_without_an_exchange_the_file_is_compared_and_renamed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gate, "exchange", lambda *_: False)
    assert bench.work(bench.lay()).run() == "applied"
    assert bench.path.read_bytes() == NEW


def test_two_consoles(bench: Bench) -> None:
    place = bench.lay()
    held = bench.gate.lock(str(bench.tmp_path / LOCK), "mick since noon\n")
    assert held is not None
    said = told(bench, place)
    assert said.startswith(f"Another console is applying an edit in {bench.tmp_path} (mick since noon)")
    assert bench.path.read_bytes() == OLD
    os.close(held)


def test_a_full_disk_and_a_read_only_one(tmp_path: Path) -> None:
    def inside() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.unshare(_NEW_MOUNTS) == 0
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        small = tmp_path / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], check=True)
        bench = Bench(small, good=True)
        refused = 0
        for pages in range(14):
            place = bench.lay()
            fill = small / "fill"
            with fill.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass
            with fill.open("r+b") as file:
                file.truncate(max(fill.stat().st_size - pages * 4096, 0))
            said = told(bench, place)
            bench.check()
            if bench.path.read_bytes() == OLD:
                refused += 1
                assert "No space left on device" in said, said
                left = {one.name for one in small.iterdir() if one.is_file()}
                assert left <= {"cyrus.conf", "fill", LOCK}
        assert 0 < refused < 14
        bench.lay()
        (small / "imapd.conf").write_text("configdirectory: /var/lib/cyrus\n")
        subprocess.run(["mount", "--bind", str(small), str(small)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(small)], check=True)
        host, settings = server(tmp_path)
        original = read_original(str(bench.path))
        plan = make_plan(host, settings, original, NEW)
        with pytest.raises(AccessDenied, match=r"small is on a read-only file system"):
            allowed(plan)

    assert in_a_child(inside) == 0


def test_no_permission_says_which(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir(mode=0o755)
    host, settings = server(tmp_path / "etc")
    tmp_path.chmod(0o755)
    plan = make_plan(host, settings, read_original(str(tmp_path / "etc/cyrus.conf")), CYRUS.encode() + b"#\n")

    def as_nobody() -> None:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        with pytest.raises(AccessDenied, match=r"User nobody may not make files in .*/etc, which a backup"):
            allowed(plan)

    def theirs() -> None:
        os.chown(tmp_path / "etc", 65534, 65534)
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        with pytest.raises(AccessDenied, match=r"cyrus.conf belongs to user 0, and user nobody cannot give"):
            allowed(plan)

    for parent in tmp_path.parents:
        if parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(parent.stat().st_mode | 0o005)
    assert in_a_child(as_nobody) == 0
    assert in_a_child(theirs) == 0


def test_history_gives_the_old_text_back(bench: Bench) -> None:
    assert bench.work(bench.lay()).run() == "applied"
    (edit,) = applied_edits(bench.settings)
    assert (edit.result, edit.who, edit.path) == ("applied", Who("root", "mick"), str(bench.path))
    assert text_before(edit) == OLD
    assert (Path(bench.state) / "history.jsonl").stat().st_mode & 0o777 == 0o600
    bench.backups()[0].write_bytes(b"changed")
    with pytest.raises(CyrtuiError, match="was changed since it was made"):
        text_before(edit)


def test_who_made_it_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "mick")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    assert str(who_now()) == "mick (as root) from 192.0.2.7"


class LocalTree(TreeHost):
    """A copied tree that takes itself for this machine, with the files of a test in it."""

    def __init__(self, root: str, here: Path) -> None:
        self._here = str(here)
        super().__init__(root)

    def read(self, path: str, limit: int = 4 << 20) -> bytes:
        return Path(path).read_bytes() if path.startswith(self._here) else super().read(path, limit)

    @property
    def name(self) -> HostName:
        return HostName("mail", "local")


def bad_edits() -> Iterator[tuple[str, str]]:
    """(file, text) of each edit in the tables of the lint's own tests that is an error."""
    for name, text, table in (("cyrus.conf", GOOD_CYRUS, BAD_CYRUS), ("imapd.conf", GOOD_IMAPD, BAD_IMAPD)):
        for old, new, _, severity, _ in table:
            if severity == "error":
                yield name, text.replace(old, new, 1)


def test_every_bad_edit_is_refused_with_1_and_the_file_untouched(host: TreeHost, tmp_path: Path) -> None:
    edits = list(bad_edits())
    assert len(edits) >= 40
    bench = Bench(tmp_path, good=True)
    tree = LocalTree(host._root, tmp_path)
    for name, text in edits:
        (tmp_path / "cyrus.conf").write_text(GOOD_CYRUS)
        (tmp_path / "imapd.conf").write_text(GOOD_IMAPD)
        (tmp_path / "candidate").write_text(text)
        path = tmp_path / name
        before = path.stat()
        out, words = io.StringIO(), io.StringIO()
        paths = {f"{one}_conf": str(tmp_path / f"{one}.conf") for one in ("cyrus", "imapd")}
        settings = bench.settings_with(**paths)
        options = ApplyOptions(str(tmp_path / "candidate"), str(path), dry_run=False, yes=True, json=False)
        assert apply(tree, settings, bench.gate, options, None, out, words) == 1, text
        assert f"{path}:" in words.getvalue()
        after = path.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert {one.name for one in tmp_path.iterdir()} == {"cyrus.conf", "imapd.conf", "candidate", "state"}


def test_a_read_only_run_refuses(bench: Bench) -> None:
    options = ApplyOptions("/c", "/f", dry_run=False, yes=True, json=False)
    with pytest.raises(AccessDenied, match=r"Applying an edit was refused\. This run is read-only"):
        apply(bench.host, bench.settings, None, options, None, io.StringIO(), io.StringIO())


def test_what_went_wrong_after_the_file_changed_again_is_not_restored_over_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, good=False)
    place = bench.lay()
    work = bench.work(place)
    theirs = b"theirs, while it was verified"

    def verify(*_: object, **__: object) -> object:
        found = bench.verify()
        bench.path.write_bytes(theirs)
        return found

    work._verify = verify  # type: ignore[assignment]
    assert work.run() == "not-restored"
    assert bench.path.read_bytes() == theirs
    assert replace(applied_edits(bench.settings)[0], sentence="").result == "not-restored"


def test_what_fails_behind_the_exchange_loses_no_backup(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = bench.lay()
    sync = Gate.sync_directory

    def failing(gate: Gate, path: str) -> None:
        if bench.path.read_bytes() == NEW:
            raise AccessDenied("Input/output error.")
        sync(gate, path)

    monkeypatch.setattr(Gate, "sync_directory", failing)
    assert bench.work(place).run() == "applied"
    bench.check()
    assert bench.path.read_bytes() == NEW


def test_a_step_that_cannot_be_written_down_is_not_done(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = bench.lay()

    def full(_gate: Gate, path: str, _data: bytes) -> None:
        raise AccessDenied(f"{path} cannot be written to: No space left on device.")

    monkeypatch.setattr(Gate, "append", full)
    assert bench.work(place).run() == "refused"
    assert bench.path.read_bytes() == OLD
    assert bench.backups() == []


def test_what_was_cut_off_waits_while_another_console_is_at_work(bench: Bench) -> None:
    place = bench.lay()
    held = bench.gate.lock(str(bench.tmp_path / LOCK), "mick since noon\n")
    assert held is not None
    work = bench.work(place)
    assert work.resume() == "refused"
    assert os.path.isdir(place)
    os.close(held)
    assert work.resume() == "refused"
    assert not os.path.isdir(place)


def test_who_leaves_is_not_held(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    place = bench.lay()
    started: list[subprocess.Popen[bytes]] = []

    def waiting(*_: object) -> subprocess.Popen[bytes]:
        words = ["sleep", "60"]
        started.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[0]

    monkeypatch.setattr(Gate, "start_detached", waiting)
    applying = Applying(bench.gate, place)
    thread = threading.Thread(target=lambda: list(applying.steps()))
    thread.start()
    applying.leave()
    thread.join(10)
    assert not thread.is_alive()
    assert started[0].poll() is None
    started[0].kill()
    started[0].wait()
