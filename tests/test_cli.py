"""The command line: options on either side of the subcommand, exit codes, sentences instead of tracebacks."""

import subprocess
import sys
from pathlib import Path

import pytest

from cyrtui.cli import build_parser

ROOT = Path(__file__).parent.parent


def run(*argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables}
    return subprocess.run(
        [sys.executable, "-m", "cyrtui", *argv],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    "argv", [["--read-only", "--root", "/x", "settings"], ["settings", "--root", "/x", "--read-only"]]
)
def test_common_options_stand_before_or_after_the_subcommand(argv: list[str]) -> None:
    options = build_parser().parse_args(argv)
    assert (options.command, options.root, options.read_only) == ("settings", "/x", True)


def test_an_option_before_is_not_undone_by_the_subcommand_after() -> None:
    options = build_parser().parse_args(["--config", "/a", "settings"])
    assert options.config == "/a"
    assert not hasattr(options, "read_only")


@pytest.mark.parametrize(
    "argv",
    [
        ["--nonsense"],
        ["nonsense"],
        ["record"],
        ["record", "x", "--seconds", "-1"],
        ["--root", "a", "--recording", "b"],
    ],
)
def test_wrong_usage_is_status_2_with_words_on_stderr(argv: list[str]) -> None:
    done = run(*argv)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage: cyrtui" in done.stderr


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--recording", "/nonexistent"], "/nonexistent does not exist"),
        (["--recording", "/etc/hostname"], "/etc/hostname is no recording of cyrtui"),
        (["--root", "/nonexistent"], "/nonexistent is not a directory"),
        (["--config", "/nonexistent"], "/nonexistent does not exist"),
        (["settings", "--config", "/etc/passwd"], "/etc/passwd is no TOML"),
    ],
)
def test_what_cannot_be_used_gets_a_sentence_and_status_2(argv: list[str], words: str) -> None:
    done = run(*argv)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"cyrtui: {words}")
    assert "Traceback" not in done.stderr


def test_a_tree_without_a_cyrus_conf_gets_a_sentence_and_status_2(tmp_path: Path) -> None:
    done = run("--root", str(tmp_path))
    assert done.returncode == 2
    assert "/etc/cyrus.conf does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_console_without_a_terminal_is_refused_with_a_sentence() -> None:
    done = run("demo")
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr


def test_recording_is_refused_when_read_only(tmp_path: Path) -> None:
    out = tmp_path / "out.cyrtui"
    for done in (run("--read-only", "record", str(out)), run("record", str(out), CYRTUI_READ_ONLY="1")):
        assert done.returncode == 2
        assert "This run is read-only" in done.stderr
        assert not out.exists()


def test_a_recording_that_cannot_be_written_to_its_end_is_a_sentence(tmp_path: Path) -> None:
    for name in ("etc", "var/log"):
        (tmp_path / "tree" / name).mkdir(parents=True)
    (tmp_path / "tree/etc/cyrus.conf").write_text("SERVICES {\n}\n")
    (tmp_path / "tree/var/log/mail.log").write_text("a line\n" * 5000)
    out = tmp_path / "out.cyrtui"
    done = subprocess.run(
        [
            *("prlimit", "--fsize=100", sys.executable, "-m", "cyrtui", "--root", str(tmp_path / "tree")),
            *("record", str(out), "--seconds", "1"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"{out} could not be written to its end: File too large" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_says_each_value_and_its_origin() -> None:
    done = run("settings", CYRTUI_MAIL_LOG="/tmp/m\x1b]0;x", CYRTUI_READ_ONLY="1")
    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "CYRTUI_MAIL_LOG in the environment" in lines["mail_log"]
    assert "\x1b" not in done.stdout
    assert lines["read_only"].split()[1:3] == ["true", "CYRTUI_READ_ONLY"]
    assert lines["cyrus_conf"].split()[1:] == ["/etc/cyrus.conf", "default"]


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = f"{sys.executable} -m cyrtui settings | true"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["status", "--json"], "status"),
        (["--root", "status", "trace", "settings"], "trace"),
        (["--read-only", "--config=x", "record", "out"], "record"),
        (["--root", "trace"], None),
        (["stauts", "trace"], None),
        (["--help", "trace"], None),
        ([], None),
    ],
)
def test_only_the_named_command_is_made(words: list[str], named: str | None) -> None:
    made = build_parser(words)._subparsers
    assert made is not None
    (commands,) = (one for one in made._group_actions if one.choices is not None)
    assert list(commands.choices or ()) == (
        [named] if named else ["demo", "record", "status", "trace", "lint", "apply", "spool", "settings"]
    )
