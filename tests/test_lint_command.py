"""`cyrtui lint`: its lines, its JSON, its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cyrtui.cli import main

CYRUS = """\
START {
  recover cmd="ctl_cyrusdb -r"
}
SERVICES {
  imap cmd="imapd" listen="127.0.0.1:1143" maxchild=5
}
EVENTS {
  checkpoint cmd="ctl_cyrusdb -c" period=30
  delprune cmd="cyr_expire -E 3" at=0401
}
"""
IMAPD = "configdirectory: /var/lib/cyrus\ndelete_mode: delayed\nexpunge_mode: delayed\n"
IMAPD += "altnamespace: no\nunixhierarchysep: no\nallowplaintext: no\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/cyrus.conf").write_text(CYRUS)
    (tmp_path / "etc/imapd.conf").write_text(IMAPD)
    return tmp_path


def run(tree: Path, *words: str) -> int:
    return main(["--root", str(tree), "lint", *words])


def test_clean_says_nothing_on_stdout(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tree, "--for", "3.6.1") == 0
    out, words = capsys.readouterr()
    assert out == ""
    assert "permissions are not" in words


def test_warnings_and_errors_by_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "etc/imapd.conf").write_text(IMAPD + "allowplaintxt: no\n")
    assert run(tree, "--for", "3.6.1") == 1
    assert capsys.readouterr().out == (
        "/etc/imapd.conf:7: warning: Cyrus ignores allowplaintxt: 3.6.1 knows no such option. "
        "Did you mean allowplaintext?\n"
    )
    (tree / "etc/cyrus.conf").write_text(CYRUS.replace("maxchild=5", "maxchild"))
    assert run(tree, "--for", "3.6.1") == 2
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("/etc/cyrus.conf:5: error: The line ends in the argument “maxchild”:")


def test_named_files_are_one_configuration(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "new.conf").write_text(CYRUS.replace('"imapd"', '"imapd -s"'))
    (tree / "imapd.new").write_text(IMAPD)
    assert run(tree, "--json", "--for", "3.6", "/new.conf", "/imapd.new") == 2
    (found,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert list(found) == ["file", "line", "severity", "code", "sentence", "remedy"]
    assert (found["file"], found["line"], found["code"]) == ("/new.conf", 5, "tls-not-set-up")
    assert "/imapd.new" in found["sentence"]


def test_a_version_that_is_not_known_is_said(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tree) == 0
    assert "The version of Cyrus is not known" in capsys.readouterr().err


def test_what_cannot_be_linted(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tree, "/etc/none.conf") == 2
    assert "/etc/none.conf does not exist." in capsys.readouterr().err
    assert run(tree, "--for", "new") == 2
    assert "--for takes a version" in capsys.readouterr().err
