"""The gate: the only way to change anything, and a read-only run has none."""

import ast
import stat
from pathlib import Path

import pytest

from cyrtui.access import open_gate, require
from cyrtui.errors import AccessDenied

ROOT = Path(__file__).parent.parent
CHANGING = {
    "os": {
        "chmod",
        "chown",
        "fchmod",
        "fchown",
        "kill",
        "killpg",
        "link",
        "makedirs",
        "mkdir",
        "mkfifo",
        "mknod",
        "open",
        "popen",
        "posix_spawn",
        "remove",
        "removedirs",
        "rename",
        "renames",
        "replace",
        "rmdir",
        "setxattr",
        "symlink",
        "system",
        "truncate",
        "ftruncate",
        "unlink",
        "utime",
        "write",
        "execv",
        "execve",
        "execvp",
        "fork",
        "forkpty",
        "spawnv",
    },
    "shutil": {"copy", "copy2", "copyfile", "copytree", "move", "rmtree", "chown"},
    "tempfile": {"mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryFile", "TemporaryDirectory"},
    "subprocess": {"run", "Popen", "call", "check_call", "check_output"},
}
METHODS = {
    "write_text",
    "write_bytes",
    "unlink",
    "rename",
    "touch",
    "rmdir",
    "symlink_to",
    "hardlink_to",
    "chmod",
}
# Opening for reading needs flags; each of these was looked at.
ELSEWHERE = {
    "cyrtui/logins/book.py: ?.touch": "a session is touched, not a file",
    "cyrtui/logins/correlate.py: self.touch": "the same",
    "screens/terminal.py: os.write": "what is painted",
    "cyrtui/host/journal.py: subprocess.Popen": "journalctl, by its full path, which only reads",
    "cyrtui/host/conf_lint.py: subprocess.run": "cyr_info conf-lint, by its full path, which only reads",
    "cyrtui/host/memory_file.py: os.write": "a file in memory, which has no name on any disk",
    "cyrtui/apply/watchdog.py: os.write": "steps, to the pipe of the console that started it",
    "cyrtui/shared_work.py: os.fork": "a second process of its own, which reads logs",
    "cyrtui/shared_work.py: os.kill": "that process, and no other",
    "cyrtui/shared_work.py: os.write": "numbers, to a pipe between the two",
}
READING = {
    ("cyrtui/host/local.py", "os.open"),
    ("cyrtui/host/local_logs.py", "os.open"),
    ("cyrtui/host/processes.py", "os.open"),
    ("cyrtui/cli.py", "os.open"),
}


def changing_calls(path: Path) -> list[str]:
    """The calls in a module that could change something outside the process."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute):
            owner = called.value.id if isinstance(called.value, ast.Name) else ""
            if called.attr in CHANGING.get(owner, set()) or called.attr in METHODS:
                found.append(f"{owner or '?'}.{called.attr}")
            elif called.attr == "open" and owner not in ("gzip",) and _mode(node):
                found.append(f"{owner}.open")
        elif isinstance(called, ast.Name) and called.id == "open" and _mode(node):
            found.append("open")
        elif isinstance(called, ast.Name) and called.id in CHANGING["subprocess"]:
            found.append(called.id)
    return found


def _mode(node: ast.Call) -> bool:
    """Whether a call of open() is for anything but reading."""
    modes = [*node.args[:2], *(word.value for word in node.keywords if word.arg == "mode")]
    texts = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
    return any(set(text) <= set("rwaxbt+") and set(text) & set("wax+") for text in texts)


def test_nothing_outside_the_gate_changes_anything() -> None:
    offenders = []
    for folder in ("cyrtui", "screens"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(("cyrtui/screens", "cyrtui/styles")) or name == "cyrtui/access.py":
                continue
            offenders += [f"{name}: {call}" for call in changing_calls(path) if (name, call) not in READING]
    assert sorted(set(offenders) - ELSEWHERE.keys()) == []


def test_the_search_would_find_a_change(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import os, subprocess\nos.rename('a', 'b')\nopen('x', 'w')\nsubprocess.run(['id'])\np.touch()\n"
    )
    assert changing_calls(bad) == ["os.rename", "open", "subprocess.run", "p.touch"]


def test_only_the_gate_module_makes_gates() -> None:
    makers = [
        path.relative_to(ROOT).as_posix()
        for folder in ("cyrtui", "screens")
        for path in (ROOT / folder).rglob("*.py")
        if "Gate(" in path.read_text()
    ]
    assert makers == ["cyrtui/access.py"]


def test_a_read_only_run_has_no_gate() -> None:
    assert open_gate(read_only=True) is None
    with pytest.raises(AccessDenied, match=r"Recording was refused\. This run is read-only"):
        require(open_gate(read_only=True), "Recording")


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    gate = require(open_gate(read_only=False), "A file")
    path = tmp_path / "new"
    with gate.create_file(str(path)) as file:
        file.write(b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_exists_is_never_overwritten_not_even_through_a_symlink(tmp_path: Path) -> None:
    gate = require(open_gate(read_only=False), "A file")
    (tmp_path / "old").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("old", "link"):
        with pytest.raises(AccessDenied, match="exists already"):
            gate.create_file(str(tmp_path / name))
    assert (tmp_path / "old").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(AccessDenied, match="directory does not exist"):
        gate.create_file(str(tmp_path / "none/new"))
