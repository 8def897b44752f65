"""Log files of this machine, and being woken when they change."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cyrtui.errors import FileMissing, FileUnreadable
from cyrtui.host.local_logs import LocalLogFile, LocalWatch


def test_it_stays_the_same_file_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_bytes(b"first\n")
    file = LocalLogFile(str(path))
    path.rename(tmp_path / "mail.log.1")
    path.write_bytes(b"second\n")
    assert file.pread(100, 0) == b"first\n"
    assert file.pread(100, 6) == b""
    assert file.size() == 6
    archive = (tmp_path / "mail.log.1").stat()
    assert file.identity == (archive.st_dev, archive.st_ino)
    assert file.mtime() == archive.st_mtime
    file.close()


def test_after_it_was_closed_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_bytes(b"first\n")
    file = LocalLogFile(str(path), shown="/var/log/mail.log")
    file.close()
    file.close()
    for read in (file.size, file.mtime, lambda: file.pread(1, 0)):
        with pytest.raises(FileUnreadable, match=r"^/var/log/mail\.log is no longer held open\.$"):
            read()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        LocalLogFile(str(tmp_path / "nothing"))
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(FileUnreadable, match="is not a regular file"):
            LocalLogFile(str(path))


def told(watch: LocalWatch, path: Path) -> None:
    """Write until the watch tells of it without its heartbeat."""
    for _ in range(100):
        with path.open("ab") as file:
            file.write(b"x\n")
        if watch.wait(0.5):
            return
    raise AssertionError(f"the watch never told of {path.name}")


def test_it_wakes_up_for_what_is_written_and_for_a_new_file_of_the_name(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_bytes(b"")
    watch = LocalWatch([str(path)])
    told(watch, path)
    path.rename(tmp_path / "mail.log.1")
    told(watch, path)
    watch.close()


def test_a_directory_that_comes_later_is_watched_then(tmp_path: Path) -> None:
    path = tmp_path / "later" / "mail.log"
    watch = LocalWatch([str(path)])
    assert watch.wait(1.0)
    path.parent.mkdir()
    told(watch, path)
    watch.close()


def test_the_file_behind_a_symlink_is_watched(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "mail.log"
    real.write_bytes(b"")
    link = tmp_path / "mail.log"
    link.symlink_to(real)
    watch = LocalWatch([str(link)])
    told(watch, real)
    watch.close()


def test_a_symlink_that_leads_elsewhere_now_is_followed(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mail.log").write_bytes(b"")
    link = tmp_path / "mail.log"
    link.symlink_to(tmp_path / "old" / "mail.log")
    watch = LocalWatch([str(link)])
    told(watch, tmp_path / "old" / "mail.log")
    other = tmp_path / "mail.log.new"
    other.symlink_to(tmp_path / "new" / "mail.log")
    other.rename(link)
    told(watch, tmp_path / "new" / "mail.log")
    watch.close()


def test_closing_ends_a_wait_in_another_thread(tmp_path: Path) -> None:
    watch = LocalWatch([str(tmp_path / "mail.log")])

    def wait_on() -> None:
        while watch.wait(3600.0):
            pass

    waiter = threading.Thread(target=wait_on, daemon=True)
    waiter.start()
    watch.close()
    watch.close()
    waiter.join(60)
    assert not waiter.is_alive()
    assert not watch.wait(3600.0)


def test_a_directory_that_tells_nothing_is_looked_at_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As over NFS, or where no inotify watches are left."""

    def no_watches(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("watchfiles.watch", no_watches)
    monkeypatch.setattr("cyrtui.host.local_logs.HEARTBEAT", 0.05)
    watch = LocalWatch([str(tmp_path / "mail.log")])
    assert watch.wait(10)
    watch.close()
