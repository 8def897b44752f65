"""The console inside the lab, on a terminal of ours."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab import Lab

from .consoles import ROOT, console, environment
from .pty_console import PtyConsole

# Python and this checkout may stand where only root comes: their directories are opened before the rights go.
AS_SOMEBODY_ELSE = """
import ctypes, os, pwd, sys
user = pwd.getpwnam(sys.argv[1])
sys.path[:] = [os.environ["PLACE"], *(place for place in sys.path if place)]
packages = [vars(module).get("__path__") for module in list(sys.modules.values())]
for paths in (sys.path, *(one for one in packages if type(one) is list)):
    places = [place or "." for place in paths if os.path.isdir(place or ".")]
    paths[:] = [f"/proc/self/fd/{os.open(place, os.O_PATH)}" for place in places]
os.setgroups([])
os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: else /proc/self is not one's own any more
sys.argv[:] = ["cyrtui", *sys.argv[2:]]
from cyrtui.cli import main
sys.exit(main())
"""


def _inside(lab: Lab) -> list[str]:
    """What goes before a command line: a session of its own in the lab, with our terminal."""
    return lab.inside.entry(["setsid", "--ctty", "--wait"], user=None, cwd=ROOT)


@contextmanager
def in_lab(
    lab: Lab, *arguments: str, columns: int = 120, variables: Mapping[str, str] | None = None
) -> Iterator[PtyConsole]:
    """The console inside the lab, as root, with more variables in its environment."""
    env = environment(**(variables or {}))
    with console(*arguments, prefix=_inside(lab), columns=columns, env=env, controlling=False) as shown:
        yield shown


@contextmanager
def as_user(lab: Lab, user: str, *arguments: str) -> Iterator[PtyConsole]:
    """The console inside the lab, as somebody else."""
    argv = [sys.executable, "-c", AS_SOMEBODY_ELSE, user, *arguments]
    with tempfile.TemporaryDirectory() as directory:
        # the style sheets are read by their path, and a checkout may stand where nobody else may look
        place = Path(directory)
        place.chmod(0o755)
        shutil.copytree(ROOT / "cyrtui", place / "cyrtui", ignore=shutil.ignore_patterns("__pycache__"))
        variables = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
        variables["PLACE"] = str(place)
        with PtyConsole(argv, prefix=_inside(lab), env=variables, cwd=place, controlling=False) as shown:
            yield shown


def consoles(lab: Lab) -> list[int]:
    """The lab's processes that are a console or a recorder, by their numbers outside."""
    found = []
    for pid in lab.inside.members():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"cyrtui" in words and b"setsid" not in words:
            found.append(pid)
    return found
