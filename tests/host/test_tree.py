"""A copied tree is read as if it were `/`, and never left."""

from pathlib import Path

import pytest

from cyrtui.errors import FileMissing, FileUnreadable, ObservationError
from cyrtui.host.protocol import ResolvedListen
from cyrtui.host.tree import TreeHost


@pytest.fixture
def tree(tmp_path: Path) -> TreeHost:
    root = tmp_path / "copy"
    (root / "etc").mkdir(parents=True)
    (root / "etc/hostname").write_text("samchiel\n")
    (root / "etc/services").write_text("imap2\t143/tcp\timap  # mail\nimaps 993/tcp\nsyslog 514/udp\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost\n")
    (root / "etc/imapd.conf").write_text("admins: cyrus\n")
    (tmp_path / "outside").write_text("not of the tree")
    return TreeHost(str(root))


def test_it_is_called_as_its_own_hostname_says(tree: TreeHost) -> None:
    assert (tree.name.name, tree.name.kind) == ("samchiel", "tree")


def test_symlinks_are_followed_inside_the_tree(tree: TreeHost, tmp_path: Path) -> None:
    etc = tmp_path / "copy/etc"
    (etc / "absolute").symlink_to("/etc/imapd.conf")
    (etc / "upwards").symlink_to("../../../../etc/imapd.conf")
    (etc / "escape").symlink_to(str(tmp_path / "outside"))
    assert tree.read("/etc/absolute") == tree.read("/etc/upwards") == b"admins: cyrus\n"
    assert tree.read("/../../etc/imapd.conf") == b"admins: cyrus\n"
    with pytest.raises(FileMissing):
        tree.read("/etc/escape")


def test_symlinks_in_circles_are_said(tree: TreeHost, tmp_path: Path) -> None:
    (tmp_path / "copy/etc/a").symlink_to("b")
    (tmp_path / "copy/etc/b").symlink_to("a")
    with pytest.raises(FileUnreadable, match="round in circles"):
        tree.read("/etc/a")


def test_a_pipe_is_refused_and_not_waited_for(tree: TreeHost, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "copy/etc/pipe")
    with pytest.raises(FileUnreadable, match="not a regular file"):
        tree.read("/etc/pipe")


def test_a_directory_in_the_place_of_a_file_is_refused(tree: TreeHost, tmp_path: Path) -> None:
    (tmp_path / "copy/etc/cyrus.conf").mkdir()
    with pytest.raises(FileUnreadable, match=r"^/etc/cyrus\.conf is not a regular file\.$"):
        tree.read("/etc/cyrus.conf")


@pytest.mark.parametrize("name", ["/etc/a\0b", "/etc/\ud800", "/\0/imapd.conf"])
def test_a_name_that_no_file_can_have_is_a_file_that_is_not_there(tree: TreeHost, name: str) -> None:
    for ask in (tree.read, tree.stat, tree.listdir, tree.open_log):
        with pytest.raises(FileMissing, match="no file can have such a name"):
            ask(name)
    tree.watch([name]).close()


def test_a_file_over_the_limit_is_refused(tree: TreeHost, tmp_path: Path) -> None:
    (tmp_path / "copy/etc/big").write_bytes(b"x" * 100)
    with pytest.raises(FileUnreadable, match="larger"):
        tree.read("/etc/big", limit=99)


def test_names_are_resolved_from_its_own_files(tree: TreeHost) -> None:
    assert tree.resolve("localhost", "imap", "tcp") == (
        ResolvedListen("127.0.0.1", 143),
        ResolvedListen("::1", 143),
    )
    assert tree.resolve("localhost", "imap", "tcp4") == (ResolvedListen("127.0.0.1", 143),)
    assert tree.resolve(None, "993", "tcp") == (ResolvedListen("0.0.0.0", 993), ResolvedListen("::", 993))
    assert tree.resolve("localhost", "lmtp", "tcp") == ()
    assert tree.resolve(None, "syslog", "tcp") == ()


def test_it_has_no_processes(tree: TreeHost) -> None:
    with pytest.raises(ObservationError, match="no processes"):
        tree.snapshot()


def test_a_root_that_is_no_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="is not a directory"):
        TreeHost(str(tmp_path / "none"))
