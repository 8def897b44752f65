"""The three ways in: wheel, sdist and editable install, each in a fresh virtual environment.

What is built is a copy of the tree as git would commit it, so nothing is left in the checkout and nothing
that git ignores is taken for a part of the program. The dependencies are those of requirements.lock.
"""

import csv
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.terminal.pty_console import PtyConsole

ROOT = Path(__file__).parent.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
INFORMATION = f"cyrtui-{VERSION}.dist-info"


def run(*argv: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """What a command prints; its words are the failure's words when it fails."""
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        pytest.fail(f"{argv} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Venv:
    """A virtual environment, entered as an administrator does: by its programs' paths, from anywhere."""

    directory: Path
    elsewhere: Path
    """An empty directory, for the programs to be started from."""

    @property
    def python(self) -> Path:
        return self.directory / "bin/python"

    @property
    def cyrtui(self) -> Path:
        return self.directory / "bin/cyrtui"

    @property
    def site_packages(self) -> Path:
        return self.directory / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this test run's: no PYTHONPATH, no settings, no activated environment."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.elsewhere),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }

    def pip_install(self, *what: str | Path) -> None:
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.python)
        run(*pip, "install", *what, cwd=self.elsewhere)

    def say(self, *argv: str | Path) -> str:
        return run(*argv, cwd=self.elsewhere, env=self.environment)

    def importable(self, *names: str) -> list[str]:
        """Those of the names that a program of this environment can import."""
        code = "import sys, importlib.util as u\nprint(*(n for n in sys.argv[1:] if u.find_spec(n)))"
        return self.say(self.python, "-c", code, *names).split()


def fresh_venv(directory: Path) -> Venv:
    """A new environment with the locked dependencies and without cyrtui."""
    elsewhere = directory / "elsewhere"
    elsewhere.mkdir(parents=True)
    run(sys.executable, "-m", "venv", "--without-pip", directory / "venv", cwd=elsewhere)
    venv = Venv(directory / "venv", elsewhere)
    venv.pip_install("--require-hashes", "-r", ROOT / "requirements.lock")
    return venv


def build(kind: str, source: Path, work: Path) -> Path:
    """Build a `wheel` or an `sdist` with the locked setuptools, of a copy: building leaves its traces."""
    copy = shutil.copytree(source, work / "tree", symlinks=True)
    command = (sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", work / "dist")
    run(*command, copy, cwd=work)
    (made,) = (work / "dist").iterdir()
    return made


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as git would commit it, the two symbolic links included as links."""
    copy = tmp_path_factory.mktemp("source") / "cyrtui"
    # a checkout may belong to someone else than the one who tests it, with sudo for instance
    listed = run(
        *("git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"),
        *("--cached", "--others", "--exclude-standard"),
        cwd=ROOT,
    )
    for name in filter(None, listed.split("\0")):
        if os.path.lexists(ROOT / name):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    return copy


@pytest.fixture(scope="module")
def program_files(source: Path) -> set[str]:
    """Every file of the program in the source tree, by the path that it shall have once installed."""
    found = set()
    for top, installed in (("cyrtui", "cyrtui"), ("screens", "cyrtui/screens"), ("styles", "cyrtui/styles")):
        for path in (source / top).rglob("*"):
            if path.is_file() and not path.is_symlink():
                found.add(f"{installed}/{path.relative_to(source / top)}")
    return found


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", source, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Venv, set[str]]:
    """An environment with the wheel, and the names that this added to its site-packages."""
    venv = fresh_venv(tmp_path_factory.mktemp("installed"))
    before = set(os.listdir(venv.site_packages))
    venv.pip_install("--no-deps", "--no-index", wheel)
    return venv, set(os.listdir(venv.site_packages)) - before


@pytest.fixture(scope="module")
def editable(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Venv, Path]:
    """An environment in which a tree of its own is installed, and that tree."""
    directory = tmp_path_factory.mktemp("editable")
    tree = shutil.copytree(source, directory / "tree", symlinks=True)
    venv = fresh_venv(directory)
    venv.pip_install("--no-deps", "--editable", tree)
    return venv, tree


def demo_opens_and_ends(venv: Venv) -> None:
    """Start the demo on a terminal of its own, look at it, and leave it."""
    with PtyConsole(
        [str(venv.cyrtui), "demo"], columns=80, rows=24, env=venv.environment, cwd=venv.elsewhere
    ) as console:
        console.wait_for("SERVICES", within=60)
        console.press("q")
        assert console.wait_exit(within=30) == 0
        assert console.is_restored() == []
    assert list(venv.elsewhere.iterdir()) == []


def test_the_links_are_links_in_the_tree_that_is_built(source: Path) -> None:
    assert os.readlink(source / "cyrtui/screens") == "../screens"
    assert os.readlink(source / "cyrtui/styles") == "../styles"


def test_the_wheel_holds_every_file_of_the_program_and_nothing_else(
    wheel: Path, program_files: set[str]
) -> None:
    files = {name for name in contents(wheel) if not name.startswith(f"{INFORMATION}/")}
    assert files == program_files
    assert {"cyrtui/screens/app.py", "cyrtui/styles/app.tcss", "cyrtui/demo.cyrtui"} <= files
    assert {Path(name).suffix for name in files} == {".py", ".typed", ".cyrtui", ".tcss", ".json"}


def test_the_wheel_brings_one_name_to_site_packages(installed: tuple[Venv, set[str]]) -> None:
    venv, added = installed
    assert added == {"cyrtui", INFORMATION}
    with (venv.site_packages / INFORMATION / "RECORD").open(encoding="utf-8", newline="") as record:
        recorded = {row[0] for row in csv.reader(record)}
    inside = {name.split("/")[0] for name in recorded if not name.startswith("../")}
    outside = {name for name in recorded if name.startswith("../")}
    assert inside == {"cyrtui", INFORMATION}
    assert outside == {"../../../bin/cyrtui"}


def test_screens_and_styles_are_importable_only_below_cyrtui(installed: tuple[Venv, set[str]]) -> None:
    names = ("cyrtui.screens", "cyrtui.screens.app", "cyrtui.styles")
    assert installed[0].importable(*names, "screens", "styles", "tests") == list(names)


def test_the_installed_program_says_its_version(installed: tuple[Venv, set[str]]) -> None:
    assert installed[0].say(installed[0].cyrtui, "--version") == f"cyrtui {VERSION}\n"


def test_the_console_starts_from_the_wheel(installed: tuple[Venv, set[str]]) -> None:
    demo_opens_and_ends(installed[0])


def test_the_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    run("tar", "--extract", "--file", sdist, cwd=tmp_path)
    rebuilt = build("wheel", tmp_path / f"cyrtui-{VERSION}", tmp_path)
    assert rebuilt.name == wheel.name
    assert contents(rebuilt) == contents(wheel)


def test_an_editable_install_runs_the_tree_itself(editable: tuple[Venv, Path]) -> None:
    venv, tree = editable
    code = "import cyrtui.screens.app as app, os; print(os.path.realpath(app.__file__))"
    assert venv.say(venv.python, "-c", code) == f"{tree / 'screens/app.py'}\n"
    names = ("cyrtui.screens", "cyrtui.styles")
    assert venv.importable(*names, "screens", "styles", "tests") == list(names)


def test_the_console_starts_from_an_editable_install(editable: tuple[Venv, Path]) -> None:
    demo_opens_and_ends(editable[0])
