"""Walking partitions: what is found, what is passed by, and that leaves are not listed."""

from __future__ import annotations

from pathlib import Path

from cyrtui.errors import FileUnreadable
from cyrtui.host.facts import DirectoryEntries, FileFacts
from cyrtui.host.tree import TreeHost
from cyrtui.spool.layout import SpoolLayout
from cyrtui.spool.walk import FoundDirectory, Walk
from tests.spool.trees import fill, layout

S = "var/spool/mail"


class _Counting(TreeHost):
    """A tree that notes which directories were listed, and may not list some."""

    def __init__(self, root: str, closed: str = "") -> None:
        self.listed: list[str] = []
        self.closed = closed
        super().__init__(root)

    def scan(self, path: str) -> DirectoryEntries:
        self.listed.append(path)
        if path == self.closed:
            raise FileUnreadable(path, f"{path} cannot be read: permission denied.")
        return super().scan(path)


def _walk(root: Path, found: SpoolLayout, closed: str = "") -> tuple[list[FoundDirectory], Walk, list[str]]:
    host = _Counting(str(root), closed)
    walk = Walk(host, found)
    seen = [one for partition in found.partitions.values() for one in walk.partition(partition)]
    return seen, walk, host.listed


def test_a_mixture_of_layouts(tmp_path: Path) -> None:
    fill(
        tmp_path,
        [
            f"{S}/uuid/a/b/abcdef/cyrus.header",
            f"{S}/b/user/bob/cyrus.header",
            f"{S}/b/user/bob/Sent/cyrus.header",
            f"{S}/x/user/wrong/cyrus.header",
            f"{S}/stage./123-1",
            f"{S}/lost+found/f",
            f"{S}/a/",
        ],
    )
    seen, walk, _ = _walk(tmp_path, layout("hashimapspool: yes\n"))
    assert [(one.directory, one.layout, one.name, one.uniqueid) for one in seen] == [
        (f"/{S}/uuid/a/b/abcdef", "uuid", None, "abcdef"),
        (f"/{S}/b/user", "hashed", None, None),
        (f"/{S}/b/user/bob", "hashed", "user.bob", None),
        (f"/{S}/b/user/bob/Sent", "hashed", "user.bob.Sent", None),
        (f"/{S}/x/user", "hashed", None, None),
        (f"/{S}/x/user/wrong", "hashed", None, None),
    ]
    assert not walk.problems


def test_leaves_are_not_listed(tmp_path: Path) -> None:
    names = [f"{S}/u/user/u{one}/cyrus.header" for one in range(20)]
    fill(tmp_path, [*names, f"{S}/u/user/u3/Sent/1."])
    seen, _, listed = _walk(tmp_path, layout("hashimapspool: yes\n"))
    assert len(seen) == 22
    directory = tmp_path / S / "u/user"
    if directory.stat().st_nlink == 22:
        assert listed == [f"/{S}", f"/{S}/u", f"/{S}/u/user", f"/{S}/u/user/u3"]
    else:
        assert len(listed) == 24


def test_links_that_count_nothing(tmp_path: Path) -> None:
    """A file system on which every directory has two links, whatever is in it, is listed to its end."""

    class Flat(_Counting):
        def stat(self, path: str) -> FileFacts:
            return super().stat(path)._replace(links=2)

    fill(tmp_path, [f"{S}/user/bob/Sent/1.", f"{S}/user/carl/Sent/1."])
    host = Flat(str(tmp_path))
    found = layout("")
    seen = list(Walk(host, found).partition(found.partitions["default"]))
    assert [one.name for one in seen] == ["user", "user.bob", "user.bob.Sent", "user.carl", "user.carl.Sent"]


def test_circles_and_partitions_within_another(tmp_path: Path) -> None:
    fill(tmp_path, [f"{S}/user/bob/Sent/1.", f"{S}/two/user/carl/1."])
    (tmp_path / S / "user/bob/again").symlink_to("/var/spool/mail/user")
    seen, walk, _ = _walk(tmp_path, layout("partition-two: /var/spool/mail/two\n"))
    assert [one.name for one in seen] == ["user", "user.bob", "user.bob.Sent", "user", "user.carl"]
    assert walk.problems == [f"/{S}/user/bob/again is not gone into: its directories go round in circles."]


def test_domains(tmp_path: Path) -> None:
    fill(tmp_path, [f"{S}/domain/e/example.net/b/user/bob/1.", f"{S}/b/user/bob/1."])
    seen, _, _ = _walk(tmp_path, layout("hashimapspool: yes\nvirtdomains: userid\n"))
    assert [one.name for one in seen if one.name] == ["user.bob", "example.net!user.bob"]


def test_what_cannot_be_listed_is_said(tmp_path: Path) -> None:
    fill(tmp_path, [f"{S}/user/bob/Sent/1.", f"{S}/user/carl/Sent/1."])
    seen, walk, _ = _walk(tmp_path, layout(""), closed=f"/{S}/user/bob")
    assert [one.name for one in seen] == ["user", "user.carl", "user.carl.Sent"]
    assert [str(one) for one in walk.refused] == [f"/{S}/user/bob cannot be read: permission denied."]
