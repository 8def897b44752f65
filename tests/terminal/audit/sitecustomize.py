"""Python reads this at its start when its directory is on PYTHONPATH.

Whatever changes a file, starts a program or opens a socket is written down, a JSON list a line, to the file
descriptor that AUDIT_FD names.
"""

import json
import os
import sys

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGING = {
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
    "os.chown", "os.utime", "os.setxattr", "os.removexattr", "os.kill", "os.killpg", "os.system", "os.exec",
    "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "subprocess.Popen", "pty.spawn", "shutil.copyfile",
    "shutil.move", "shutil.rmtree", "tempfile.mkstemp", "tempfile.mkdtemp", "socket.connect", "socket.bind",
    "socket.sendto", "sqlite3.connect", "webbrowser.open", "signal.pthread_kill",
}  # fmt: skip
_FD = int(os.environ.pop("AUDIT_FD", "-1"))


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        _, mode, flags = (*arguments, None, None, None)[:3]
        by_flags = isinstance(flags, int) and bool(flags & _WRITING)
        if not by_flags and not (isinstance(mode, str) and set(mode) & set("wax+")):
            return
    elif event not in _CHANGING:
        return
    os.write(_FD, json.dumps([event, *map(repr, arguments)]).encode() + b"\n")


if _FD >= 0:
    os.set_inheritable(_FD, False)  # noqa: FBT003 - its only form
    sys.addaudithook(_note)
    os.write(_FD, b'["began"]\n')
