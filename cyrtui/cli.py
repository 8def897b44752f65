"""`cyrtui` and its subcommands: arguments in, screens or text or JSON out, nothing else."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Final

from cyrtui import __version__
from cyrtui.errors import CyrtuiError, FileUnreadable, RecordingError
from cyrtui.settings import SETTINGS, Settings, Value, load_settings

if TYPE_CHECKING:
    from cyrtui.access import Gate
    from cyrtui.host.protocol import Host

USAGE: Final = 2
STATUS_UNKNOWN: Final = 3
TRACE_UNREADABLE: Final = 3
DEMO: Final = "demo.cyrtui"
_WITH_VALUE: Final = ("--root", "--recording", "--config")


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(
        add_help=False, argument_default=argparse.SUPPRESS, formatter_class=_formatter
    )
    group = common.add_argument_group("common options")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--root", metavar="DIR", help="read a copied tree below DIR instead of this machine")
    source.add_argument("--recording", metavar="FILE", help="open and play a recording made by cyrtui record")
    group.add_argument(
        "--read-only", action="store_true", help="change nothing: nothing that writes can be reached"
    )
    group.add_argument("--config", metavar="FILE", help="settings file in the place of your own cyrtui.toml")
    return common


def _formatter(prog: str) -> argparse.HelpFormatter:
    """argparse would import shutil for the width, for every argument."""
    try:
        width = os.get_terminal_size(1).columns
    except OSError:
        width = 80
    return argparse.HelpFormatter(prog, width=max(width - 2, 40))


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the command line; the common options stand before or after a subcommand.

    Where `words` name a subcommand it has this one only: half of its making is saved.
    """
    common = _common()
    parser = argparse.ArgumentParser(
        prog="cyrtui",
        description="A console for Cyrus IMAP with Cyrus SASL and OpenLDAP behind it. "
        "Without a subcommand it opens the console on this machine.",
        parents=[common],
        allow_abbrev=False,
        formatter_class=_formatter,
    )
    parser.add_argument("--version", action="version", version=f"cyrtui {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog="cyrtui")
    named = _named_command(words)
    for name in [named] if named else _COMMANDS:
        meaning, add_arguments = _COMMANDS[name]
        add_arguments(
            commands.add_parser(
                name,
                help=meaning,
                description=meaning,
                parents=[common],
                allow_abbrev=False,
                formatter_class=_formatter,
            )
        )
    return parser


def _named_command(words: Sequence[str]) -> str | None:
    """The subcommand that the words name, if nothing before it can be taken for one."""
    before = ""
    for word in words:
        if before not in _WITH_VALUE and not word.startswith("-"):
            return word if word in _COMMANDS else None
        if word in ("-h", "--help"):
            return None
        before = word
    return None


def _lint_arguments(lint: argparse.ArgumentParser) -> None:
    lint.add_argument("files", metavar="FILE", nargs="*", help="these; else the two that are configured")
    lint.add_argument("--for", dest="version", metavar="VERSION", help="as this version of Cyrus reads them")
    lint.add_argument("--json", action="store_true", help="one JSON object a line instead of text")


def _apply_arguments(apply: argparse.ArgumentParser) -> None:
    apply.add_argument("candidate", metavar="CANDIDATE", help="a file with the new text")
    apply.add_argument("file", metavar="FILE", help="the cyrus.conf or imapd.conf that gets this text")
    apply.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    apply.add_argument("--yes", action="store_true", help="do not ask")
    apply.add_argument("--json", action="store_true", help="one JSON object a line: plan, steps, result")


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def _record_arguments(record: argparse.ArgumentParser) -> None:
    record.add_argument("out", metavar="OUT", help="the new file; an existing one is never overwritten")
    record.add_argument(
        "--seconds", type=_positive, metavar="N", help="stop after N seconds (otherwise with ctrl+c)"
    )
    record.add_argument(
        "--every", type=_positive, default=2.0, metavar="N", help="seconds between two snapshots (default 2)"
    )
    record.add_argument(
        "--history",
        type=_positive,
        default=1024.0,
        metavar="KIB",
        help="how much of each log from before the start goes in, in KiB (default 1024)",
    )


def _status_arguments(status: argparse.ArgumentParser) -> None:
    status.add_argument("--json", action="store_true", help="one JSON object instead of text")


def _trace_arguments(trace: argparse.ArgumentParser) -> None:
    trace.add_argument("user", metavar="USER", nargs="?", help="the attempts of this user only")
    trace.add_argument("--since", metavar="T", help='such as "10 min ago", 13:11 or 2026-05-10T13:11:28')
    trace.add_argument("--until", metavar="T", help="the same")
    trace.add_argument("--failed", action="store_true", help="failed attempts only")
    trace.add_argument("--follow", action="store_true", help="go on with what comes, until ctrl+c")
    trace.add_argument("--summary", action="store_true", help="totals instead of attempts")
    trace.add_argument("--json", action="store_true", help="one JSON object a line instead of text")
    trace.add_argument("--full", action="store_true", help="every line of each attempt, and the remedy")
    for role in ("mail", "auth", "slapd"):
        trace.add_argument(f"--{role}-log", metavar="F", help=f"read this as the {role} log")


def _spool_arguments(spool: argparse.ArgumentParser) -> None:
    spool.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="this mailbox and those below it, with their files: user/bob, user.bob.Sent, bob",
    )
    spool.add_argument("--json", action="store_true", help="one JSON object a mailbox instead of rows")


_COMMANDS: Final[Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]]] = {
    "demo": ("open the console on the recording that is packaged with it", _no_arguments),
    "record": (
        "make a recording of this server: configuration, logs, processes and sockets",
        _record_arguments,
    ),
    "status": (
        "show the services and ports; exits 0 ok, 1 warning, 2 critical, 3 unknown, as a monitoring plug-in",
        _status_arguments,
    ),
    "trace": (
        "show every login attempt with its cause; exits 0 found, 1 nothing found, 2 usage, 3 unreadable",
        _trace_arguments,
    ),
    "lint": (
        "say what is wrong in cyrus.conf and imapd.conf, by line; exits 0 clean, 1 warnings, 2 errors",
        _lint_arguments,
    ),
    "apply": (
        "make FILE become CANDIDATE, verified or restored; exits 0 applied and verified, 1 refused by lint, "
        "2 usage, 3 failed and restored, 4 failed and not restored",
        _apply_arguments,
    ),
    "spool": (
        "show every mailbox with messages, size and quota; exits 0 fine, 1 damaged files or no such mailbox, "
        "2 usage, 3 unreadable",
        _spool_arguments,
    ),
    "settings": (
        "show every setting, its value and where it came from, and the logs that were found",
        _no_arguments,
    ),
}


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program. Returns the exit status; words go to stderr, data to stdout."""
    try:
        words = sys.argv[1:] if argv is None else argv
        options = build_parser(words).parse_args(argv)
    except SystemExit as ended:
        # to a monitoring system 2 would be an alarm about the server
        if ended.code == USAGE and "status" in words:
            return STATUS_UNKNOWN
        raise
    if options.command == "trace" and (wrong := _contradiction(options)):
        print(f"cyrtui: {wrong}", file=sys.stderr)
        return USAGE
    try:
        status = _run(options)
        # here, where a reader that has gone can still be dealt with
        sys.stdout.flush()
    except CyrtuiError as error:
        if options.command == "status":
            return _status_unknown(options, str(error))
        print(f"cyrtui: {error}", file=sys.stderr)
        told = options.command in ("trace", "spool")
        return TRACE_UNREADABLE if told and _is_unreadable(error) else USAGE
    except BrokenPipeError:
        # Whoever read our output has gone; nothing can be said to him, and nothing shall be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    return status


def _run(options: argparse.Namespace) -> int:
    from cyrtui.access import open_gate

    # Modules and widgets are made to stay: to look for garbage among them only delays the start. Whoever goes
    # on to work for long turns it on again.
    gc.disable()
    flags: dict[str, Value] = {"read_only": True} if getattr(options, "read_only", False) else {}
    if options.command == "trace":
        flags |= _log_flags(options)
    settings = load_settings(flags, config=getattr(options, "config", None))
    host = _host(options)
    try:
        if options.command == "record":
            return _record(options, settings, host, open_gate(read_only=settings.read_only))
        if options.command == "status":
            return _status(options, settings, host)
        if options.command == "trace":
            return _trace(options, settings, host)
        if options.command == "spool":
            return _spool(options, settings, host)
        if options.command == "lint":
            return _lint(options, settings, host)
        if options.command == "apply":
            return _apply(options, settings, host, open_gate(read_only=settings.read_only))
        if options.command == "settings":
            return _settings(settings, host)
        # What was recorded or copied is the past: there is nothing in it to change.
        return _console(settings, host, open_gate(read_only=settings.read_only or host.name.kind != "local"))
    finally:
        host.close()


def _host(options: argparse.Namespace) -> Host:
    if options.command == "demo":
        from importlib import resources

        from cyrtui.host.recording import begin_recording

        return begin_recording(
            BytesIO(resources.files("cyrtui").joinpath(DEMO).read_bytes()), "the packaged demo"
        )
    if recording := getattr(options, "recording", None):
        from cyrtui.host.recording import open_recording

        return open_recording(recording)
    if root := getattr(options, "root", None):
        from cyrtui.host.tree import TreeHost

        return TreeHost(root)
    from cyrtui.host.local import LocalHost

    return LocalHost()


def _record(options: argparse.Namespace, settings: Settings, host: Host, gate: Gate | None) -> int:
    import signal
    import threading

    from cyrtui.access import require
    from cyrtui.inert import inert
    from cyrtui.recorder import RecordPlan, record

    if host.name.kind == "recording":
        raise CyrtuiError("A recording cannot be recorded again; leave out --recording.")
    plan = RecordPlan(options.seconds, options.every, int(options.history * 1024))
    opened = require(gate, "Recording")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    say = _say if sys.stderr.isatty() else None
    with opened.create_file(options.out) as out:
        try:
            done = record(host, settings, plan, out, stop, say)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise CyrtuiError(
                f"{inert(options.out)} could not be written to its end: {reason}. What is in it is whole."
            ) from error
    print(f"{'' if say is None else chr(10)}{done.sentence(options.out)}", file=sys.stderr)
    return 0


def _say(words: str) -> None:
    print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _status(options: argparse.Namespace, settings: Settings, host: Host) -> int:
    from cyrtui.status import as_json, as_text, look

    found = look(host, settings)
    sys.stdout.write(as_json(found) if options.json else as_text(found))
    return found.exit_code


def _status_unknown(options: argparse.Namespace, sentence: str) -> int:
    from cyrtui.status import unknown

    sys.stdout.write(unknown(sentence, json_wanted=options.json))
    return STATUS_UNKNOWN


def _contradiction(options: argparse.Namespace) -> str | None:
    """What cannot be asked of `trace` together."""
    if options.summary and (options.follow or options.full):
        return "--summary is for what is there already, without --follow and --full."
    if options.follow and options.until is not None:
        return "--follow goes on until it is ended; leave out --until."
    if options.json and options.full:
        return "--json has every line of an attempt already; leave out --full."
    return None


def _is_unreadable(error: CyrtuiError) -> bool:
    return isinstance(error, FileUnreadable | RecordingError)


def _log_flags(options: argparse.Namespace) -> dict[str, Value]:
    from cyrtui.logs.record import LogRole
    from cyrtui.trace_command import log_flags

    local = not (getattr(options, "recording", None) or getattr(options, "root", None))
    return log_flags({role: getattr(options, f"{role}_log") for role in LogRole}, local=local)


def _trace(options: argparse.Namespace, settings: Settings, host: Host) -> int:
    from cyrtui.logs.record import LogRole
    from cyrtui.trace_command import TraceOptions, trace

    asked = TraceOptions(
        user=options.user,
        since=options.since,
        until=options.until,
        failed=options.failed,
        follow=options.follow,
        summary=options.summary,
        json=options.json,
        full=options.full,
        named=frozenset(role for role in LogRole if getattr(options, f"{role}_log")),
    )
    return trace(host, settings, asked, sys.stdout, sys.stderr)


def _spool(options: argparse.Namespace, settings: Settings, host: Host) -> int:
    from cyrtui.spool_command import list_spool

    return list_spool(
        host, settings, options.name, json_wanted=options.json, out=sys.stdout, words=sys.stderr
    )


def _lint(options: argparse.Namespace, settings: Settings, host: Host) -> int:
    from cyrtui.config.options import release_of
    from cyrtui.lint_command import lint_files

    if options.version is not None and release_of(options.version) is None:
        raise CyrtuiError("--for takes a version of Cyrus, such as 3.6 or 2.4.17.")
    return lint_files(
        host,
        settings,
        options.files,
        options.version,
        json_wanted=options.json,
        out=sys.stdout,
        words=sys.stderr,
    )


def _apply(options: argparse.Namespace, settings: Settings, host: Host, gate: Gate | None) -> int:
    from cyrtui.apply_command import ApplyOptions, apply

    asked = ApplyOptions(options.candidate, options.file, options.dry_run, options.yes, options.json)
    ask = _ask if sys.stdin.isatty() else None
    return apply(host, settings, gate, asked, ask, sys.stdout, sys.stderr)


def _ask(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _settings(settings: Settings, host: Host) -> int:
    from cyrtui.inert import inert
    from cyrtui.logs.overrides import overrides_of
    from cyrtui.logs.sources import find_sources

    for setting in SETTINGS:
        sourced = settings.values[setting.name]
        print(f"{setting.name:<16} {_shown(sourced.value):<28} {sourced.origin}")
    found = find_sources(host, overrides_of(settings))
    for source in found.sources:
        print(inert(f"{'log':<16} {source.path:<28} {source.why}"))
        if source.problem is not None:
            print(inert(f"{'':<16} {'':<28} {source.problem}"))
    for role in found.unfound:
        print(f"{'log':<16} {'-':<28} No {role} log was found; the setting {role}_log can name one.")
    for note in found.notes:
        print(inert(f"{'log':<16} {'-':<28} {note}"))
    return 0


def _shown(value: Value) -> str:
    from cyrtui.inert import inert

    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return inert(value if isinstance(value, str) else " ".join(value))


def _console(settings: Settings, host: Host, gate: Gate | None) -> int:
    from cyrtui.console import Console

    core = Console(host, settings, gate)
    if host.name.kind != "recording":
        core.check()
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CyrtuiError(
            "The console needs a terminal on stdin and stderr. Over ssh, ask for one with `ssh -t`; for "
            "scripts there are the subcommands (`cyrtui --help`)."
        )
    from cyrtui.screens.app import run_console

    return run_console(core)
