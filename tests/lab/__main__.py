"""The lab by hand: python -m tests.lab up, down, status, run, console, fault, traffic."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from tests.lab.clients import traffic
from tests.lab.configuration import Layout, Stamps
from tests.lab.errors import LabError
from tests.lab.faults import FAULTS, fault
from tests.lab.namespace import birth_of
from tests.lab.stack import LOGS, MASTER_PID, RSYSLOG_PID, SLAPD_PID, Lab, LabOptions

STATE = Path(os.environ.get("CYRTUI_LAB_STATE", "/run/cyrtui-lab.json"))
CHECKOUT = Path(__file__).resolve().parents[2]
# How the console restarts Cyrus in there: Debian's own script does it without systemd.
CONSOLE_ENVIRONMENT = {
    "CYRTUI_RESTART_COMMAND": "/etc/init.d/cyrus-imapd restart",
    "CYRTUI_RELOAD_COMMAND": "/etc/init.d/cyrus-imapd reload",
    "CYRTUI_STATE_DIRECTORY": "/run/cyrtui",
}


def remembered() -> Lab | None:
    """The lab that an earlier `up` has made, if it still lives."""
    try:
        state = json.loads(STATE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if birth_of(state["first"]) != state["birth"]:
        return None
    return Lab.attach(
        LabOptions(**state["options"]), Path(state["directory"]), state["first"], state["birth"]
    )


def running() -> Lab:
    lab = remembered()
    if lab is None:
        raise LabError("No lab is up. Bring one up with 'python -m tests.lab up'.")
    return lab


def bring_up(options: LabOptions) -> Lab:
    if remembered() is not None:
        raise LabError("A lab is up already. See 'python -m tests.lab status', or take it down with 'down'.")
    forget()
    lab = Lab(options, stay=True).up()
    state = {
        "first": lab.inside.first,
        "birth": lab.inside.birth,
        "directory": str(lab.inside.directory),
        "options": asdict(options),
    }
    STATE.write_text(json.dumps(state) + "\n", encoding="utf-8")
    return lab


def take_down(lab: Lab) -> None:
    lab.down()
    STATE.unlink(missing_ok=True)


def forget() -> None:
    """Clear away what a lab that was killed has left."""
    if not STATE.exists():
        return
    left = Path(json.loads(STATE.read_text(encoding="utf-8"))["directory"])
    if left.is_dir():
        shutil.rmtree(left)
    STATE.unlink()


def describe(lab: Lab) -> str:
    lines = [f"The lab is up in {lab.inside.directory}, its first process is {lab.inside.first}."]
    lines.append(f"Time stamps: {lab.options.stamps}; layout of the spool: {lab.options.layout}.")
    for name, pidfile in (("rsyslog", RSYSLOG_PID), ("slapd", SLAPD_PID), ("cyrmaster", MASTER_PID)):
        pid = lab.pid_in(pidfile)
        lines.append(f"{name:10} {'does not run' if pid is None else f'runs, process {pid} inside'}")
    found = sorted(lab.listeners(), key=lambda one: (one.port, one.address))
    lines += [f"listens    {one.address} port {one.port}, {one.waiting} waiting" for one in found]
    lines += [f"{name:10} {lab.path(path)}" for name, path in LOGS.items()]
    return "\n".join(lines)


def options_of(arguments: argparse.Namespace) -> LabOptions:
    return LabOptions(
        stamps=arguments.stamps, layout=arguments.layout, users=arguments.users, debug=arguments.debug
    )


def do_up(arguments: argparse.Namespace) -> int:
    print(describe(bring_up(options_of(arguments))))
    return 0


def do_down(_arguments: argparse.Namespace) -> int:
    lab = remembered()
    if lab is None:
        forget()
        print("No lab is up.")
        return 0
    take_down(lab)
    print("The lab is down, and nothing of it is left.")
    return 0


def do_status(_arguments: argparse.Namespace) -> int:
    lab = remembered()
    print("No lab is up." if lab is None else describe(lab))
    return 1 if lab is None else 0


def do_run(arguments: argparse.Namespace) -> int:
    words = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not words:
        raise LabError("'run' wants a command: python -m tests.lab run -- ss -ltn")
    return run_here(running(), words, user=arguments.user)


def run_here(lab: Lab, words: Sequence[str], *, user: str | None = None) -> int:
    """Run a command inside, on this terminal: as root in the checkout, as another user in `/`."""
    path = os.pathsep.join(part for part in (str(CHECKOUT), os.environ.get("PYTHONPATH", "")) if part)
    environment = {
        "PYTHONPATH": path,
        **{k: v for k, v in CONSOLE_ENVIRONMENT.items() if k not in os.environ},
    }
    # below /root, where a checkout may lie, nobody else can go
    with lab.popen(words, user=user, env=environment, cwd=CHECKOUT if user is None else None) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # The terminal has sent it to the program inside too; that one decides.
                continue


def do_console(arguments: argparse.Namespace) -> int:
    lab = remembered()
    with ExitStack() as later:
        if lab is None:
            lab = bring_up(options_of(arguments))
            if not arguments.keep:
                later.callback(take_down, lab)
        if arguments.rate > 0:
            words = ("--seconds", "604800", "--quiet", "--rate", str(arguments.rate))
            background = subprocess.Popen(
                [sys.executable, "-m", "tests.lab", "traffic", *words],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            later.callback(background.wait)
            later.callback(background.terminate)
        return run_here(lab, [sys.executable, "-m", "cyrtui", *arguments.argv])


def do_fault(arguments: argparse.Namespace) -> int:
    lab = running()
    with fault(lab, arguments.name) as made:
        attempt = made.attempt
        print(f"{made.name}: {made.sentence}.")
        print(
            f"To meet it: {attempt.user} over {attempt.service} with {attempt.mechanism}. Enter undoes it.",
            flush=True,
        )
        try:
            input()
        except (KeyboardInterrupt, EOFError):
            print()
    print("Undone.")
    return 0


def do_traffic(arguments: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        closing(traffic(running(), arguments.seconds, arguments.rate, arguments.seed)) as outcomes,
    ):
        for outcome in outcomes:
            if not arguments.quiet:
                attempt = outcome.attempt
                print(
                    f"{outcome.end:%H:%M:%S.%f} {attempt.user} {attempt.service} {attempt.mechanism} "
                    f"{attempt.kind}: {outcome.result} {outcome.reply}",
                    flush=True,
                )
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    def add_options(one: argparse.ArgumentParser) -> None:
        one.add_argument(
            "--stamps", choices=get_args(Stamps), default="rfc3164", help="time stamps of the logs"
        )
        one.add_argument(
            "--layout", choices=get_args(Layout), default="uuid", help="layout of the spool on disk"
        )
        one.add_argument("--users", type=int, default=0, metavar="N", help="so many users more")
        one.add_argument(
            "--debug", action="store_true", help="debug: yes and sasl_log_level: 7 in imapd.conf"
        )

    up = add("up", "Bring the lab up; it stays until 'down'.")
    add_options(up)
    up.set_defaults(do=do_up)
    add("down", "Take it down: its processes and its directory.").set_defaults(do=do_down)
    add("status", "Say what runs and where.").set_defaults(do=do_status)
    run = add("run", "Run a command inside, on this terminal.")
    run.add_argument("--user", help="as this user, 'cyrus' for instance")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    run.set_defaults(do=do_run)
    console = add("console", "Open the console on the lab, with logins going on behind it.")
    add_options(console)
    console.add_argument("--keep", action="store_true", help="leave the lab up afterwards")
    console.add_argument(
        "--rate", type=float, default=1.0, help="logins a second in the background; 0 for none"
    )
    console.add_argument("argv", nargs="*", metavar="ARGUMENT", help="for the console, after '--'")
    console.set_defaults(do=do_console)
    one_fault = add("fault", "Make a failure in the running lab until Enter is pressed.")
    one_fault.add_argument("name", choices=sorted(FAULTS), metavar="NAME", help=", ".join(sorted(FAULTS)))
    one_fault.set_defaults(do=do_fault)
    logins = add("traffic", "Real logins of all sorts.")
    logins.add_argument("--seconds", type=float, default=30.0)
    logins.add_argument("--rate", type=float, default=2.0, help="attempts a second")
    logins.add_argument("--seed", type=int, default=1)
    logins.add_argument("--quiet", action="store_true")
    logins.set_defaults(do=do_traffic)
    return parser


def as_root(arguments: Sequence[str]) -> None:
    """Namespaces need root: go on under sudo when it asks for no password."""
    if os.geteuid() == 0 or shutil.which("sudo") is None:
        return
    if subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        os.chdir(CHECKOUT)
        os.execvp("sudo", ["sudo", "-n", "--preserve-env", sys.executable, "-m", "tests.lab", *arguments])


def main() -> int:
    arguments = build_parser().parse_args()
    as_root(sys.argv[1:])
    try:
        status: int = arguments.do(arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
