"""`cyrtui spool`: its rows, its JSON, its exit status."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from cyrtui.cli import main
from tests.spool.samples import statuses
from tests.spool.test_real_spools import unpacked

MAIL = "var/spool/cyrus/mail"


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {version: unpacked(version, tmp_path_factory.mktemp("tree")) for version in ("2.2.13", "3.12.3")}


@pytest.fixture
def old(trees: dict[str, Path], tmp_path: Path) -> Path:
    """A tree of 2.2.13 that a test may damage."""
    return Path(shutil.copytree(trees["2.2.13"], tmp_path / "tree"))


class Said:
    """What a run printed, and its exit status."""

    def __init__(self, capsys: pytest.CaptureFixture[str], root: Path, *words: str) -> None:
        self.status = main(["spool", *words, "--root", str(root)])
        self.out, self.words = capsys.readouterr()

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def test_json_is_what_imap_said(trees: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for version, root in trees.items():
        said = Said(capsys, root, "--json")
        assert said.status == 0
        assert said.words == ""
        found = {one["name"]: one for one in said.objects}
        status = statuses(version)["u31", "INBOX"]
        inbox = found["user.u31"]
        assert (inbox["messages"], inbox["unseen"]) == (status["MESSAGES"], status["UNSEEN"])
        assert inbox["quota_root"] == "user.u31"
        assert inbox["quota"]["storage"]["limit"] == 120 * 1024
        assert inbox["partition"] == "default"
        assert inbox["path"].startswith("/var/spool/cyrus/mail/")
        assert inbox["acl"]["u31"]
        assert inbox["last_append"][10] == "T"
        assert inbox["files"] is None
        assert found["user.u31.Archives.1999"]["quota_root"] == "user.u31.Archives"
        assert found["shared.annonces"]["unseen"] is None


@pytest.mark.parametrize(
    "name",
    ["user.u31.&ZeVnLIqe-", "user/u31/&ZeVnLIqe-", "user/u31/日本語", "u31/日本語", "/user/u31/日本語/"],
)
def test_names_that_people_write(
    name: str, trees: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, trees["3.12.3"], name, "--json")
    assert [one["name"] for one in said.objects] == ["user.u31.&ZeVnLIqe-"]
    assert said.objects[0]["shown"] == "user/u31/日本語"
    assert said.objects[0]["files"] == {"number": 6, "expunged": 1, "orphans": [], "missing": []}


def test_a_name_and_what_is_below_it(trees: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    names = [one["name"] for one in Said(capsys, trees["2.2.13"], "user.u31.Archives", "--json").objects]
    assert names == [
        "user.u31.Archives",
        "user.u31.Archives.1999",
        "user.u31.Archives.1999.&AOk-t&AOk-",
    ]
    dotted = Said(capsys, trees["3.12.3"], "jean.dupont/v2.4 notes", "--json").objects
    assert [one["shown"] for one in dotted] == [
        "user/jean.dupont/v2.4 notes",
        "user/jean.dupont/v2.4 notes/liste 1.0",
    ]


def test_rows_are_aligned(trees: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, trees["3.12.3"], "u30")
    lines = said.out.splitlines()
    column = lines[0].index("MAILBOX")
    rows = lines[1 : lines.index("")]
    assert len(rows) == 9
    assert all(row[column:].startswith("user/u30") and row[column - 1] == " " for row in rows)
    assert "  quota     user/u30, 220 kB of 2.1 MB" in lines
    assert "  files     46 message files, 11 of them expunged and kept until cyr_expire" in lines
    assert "9 mailboxes, 75 messages, 220 kB by the indexes." in said.words


def test_no_such_mailbox(trees: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, trees["3.12.3"], "nobody")
    assert (said.status, said.out) == (1, "")
    assert "There is no mailbox nobody" in said.words
    assert "another mailbox for each user" in Said(capsys, trees["3.12.3"], "INBOX/Sent").words


@pytest.mark.parametrize(
    ("file", "damage", "sentence"),
    [
        (f"{MAIL}/u/user/u31/R&-D/cyrus.index", lambda data: data[:40], "it ends inside its header"),
        (f"{MAIL}/u/user/u31/R&-D/cyrus.index", lambda data: data[:200], "records need"),
        (f"{MAIL}/u/user/u31/R&-D/cyrus.index", lambda data: b"", "it is empty"),
        (
            f"{MAIL}/u/user/u31/R&-D/cyrus.index",
            lambda data: data[:8] + b"\0\0\0\x63" + data[12:],
            "minor version 99",
        ),
        (f"{MAIL}/u/user/u31/R&-D/cyrus.header", lambda data: data[:150], "cut off"),
        (f"{MAIL}/u/user/u31/R&-D/cyrus.header", lambda data: b"\0" * 500, "does not begin as"),
        ("var/lib/cyrus/quota/u/user.u31", lambda data: b"12", "cut off"),
        ("var/lib/cyrus/quota/u/user.u31", lambda data: b"none\nat all\n", "is no number"),
        ("var/lib/cyrus/user/u/u31.seen", lambda data: data[:30], "skiplist file"),
        ("var/lib/cyrus/mailboxes.db", lambda data: data[:3000], "skiplist file"),
    ],
)  # fmt: skip
def test_damage_has_a_sentence(
    file: str, damage: Any, sentence: str, old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = old / file
    path.write_bytes(damage(path.read_bytes()))
    said = Said(capsys, old, "--json")
    assert said.status == 1
    assert len(said.objects) == 29
    assert f"/{file}" in said.words
    assert sentence in said.words
    one = {one["name"]: one for one in said.objects}["user.u31.R&-D"]
    if "R&-D" in file:
        assert [fault["path"] for fault in one["faults"]] == [f"/{file}"]
        assert (one["messages"] is None) == (file.endswith("index") and "records" not in sentence)


def test_disk_against_the_database(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mail = old / MAIL
    shutil.copytree(mail / "u/user/u31/R&-D", mail / "u/user/u31/Left")
    shutil.rmtree(mail / "u/user/u33/Vide")
    (mail / "u/user/u31/R&-D/99.").touch()
    (mail / "u/user/u31/R&-D/1.").unlink()
    said = Said(capsys, old, "--json")
    assert said.status == 1
    found = {one["name"]: one for one in said.objects}
    assert found["user.u31.Left"]["standing"] == "orphaned"
    assert found["user.u33.Vide"]["messages"] is None
    assert found["user.u33.Vide"]["faults"][0]["kind"] == "missing"
    assert "user/u31/Left is orphaned: mailboxes.db has no user.u31.Left" in said.words
    assert "user/u33/Vide is not there, but mailboxes.db has user.u33.Vide" in said.words
    files = Said(capsys, old, "user.u31.R&-D", "--json").objects[0]["files"]
    assert (files["orphans"], files["missing"]) == ([99], [1])


def test_an_upgraded_tree_mixes_layouts_and_versions(
    trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Directories of 2.2.13 in the spool of 3.12.3 that its database does not know."""
    root = Path(shutil.copytree(trees["3.12.3"], tmp_path / "tree"))
    shutil.copytree(trees["2.2.13"] / MAIL / "u/user/u31", root / MAIL / "u/user/alt")
    (root / MAIL / "u/user/alt").rename(root / MAIL / "u/user/u99")
    said = Said(capsys, root, "--json")
    versions = {(one["index_version"], one["layout"], one["standing"]) for one in said.objects}
    assert versions == {(19, "uuid", "listed"), (6, "hashed", "orphaned")}
    assert {one["name"]: one["messages"] for one in said.objects}["user.u99.Archives.1999"] == 6


def test_hostile_names(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = old / MAIL / "u/user/u31" / "a\x1b]52;c;eA==\x07\u202e"
    shutil.copytree(old / MAIL / "u/user/u31/R&-D", evil)
    raw = os.fsencode(old / MAIL / "u/user/u31") + b"/caf\xe9"
    shutil.copytree(old / MAIL / "u/user/u31/R&-D", os.fsdecode(raw))
    said = Said(capsys, old)
    assert "\x1b" not in said.out + said.words
    assert "\u202e" not in said.out + said.words
    objects = Said(capsys, old, "--json")
    assert "\x1b" not in objects.out
    assert "\u202e" not in objects.out
    names = {one["name"] for one in objects.objects}
    assert "user.u31.a\x1b]52;c;eA==\x07\u202e" in names
    assert os.fsdecode(b"user.u31.caf\xe9") in names


def test_nothing_to_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Said(capsys, tmp_path).status == 3
    (tmp_path / "etc").mkdir()
    conf = tmp_path / "etc/imapd.conf"
    conf.write_text("configdirectory: /var/lib/cyrus\n")
    said = Said(capsys, tmp_path)
    assert (said.status, said.out) == (2, "")
    assert "names no partition" in said.words
    conf.write_text("configdirectory: /var/lib/cyrus\npartition-default: /srv/mail\n")
    said = Said(capsys, tmp_path)
    assert said.status == 3
    assert "/srv/mail does not exist" in said.words
