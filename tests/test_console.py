"""The session that the screens ask: what is read together, and what a host without logs or rights says."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cyrtui.console import Console
from cyrtui.errors import FileMissing
from cyrtui.host.tree import TreeHost
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import find_sources
from cyrtui.logs.window import common_start
from cyrtui.services.board import ServiceBoard
from cyrtui.settings import load_settings

ARTICLE = Path(__file__).parent / "recordings" / "article"
SQUEEZE = Path(__file__).parent / "recordings" / "squeeze"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("etc", "var/log"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/hostname").write_text("samchiel\n")
    for name in ("cyrus.conf", "imapd.conf"):
        (tmp_path / "etc" / name).write_bytes((SQUEEZE / name).read_bytes())
    for name in ("mail.info", "auth.log", "slapd.log"):
        (tmp_path / "var/log" / name).write_bytes((ARTICLE / name).read_bytes())
    return tmp_path


@contextmanager
def opened(root: Path) -> Iterator[Console]:
    """The console on a copied tree, with everything read."""
    console = Console(
        TreeHost(str(root)), load_settings({}, environment={}, system_file="/nonexistent"), None
    )
    console.check()
    console.open()
    try:
        for _ in console.steps():
            if console.ready:
                break
        yield console
    finally:
        console.stop()
        console.close()


def test_the_articles_login_is_one_trace_of_21_lines(root: Path) -> None:
    with opened(root) as console:
        (trace,) = console.traces()
        assert (trace.user, trace.pid, trace.service, trace.outcome) == ("toto", 4891, "imap", "ok")
        assert trace.ldap is not None
        assert trace.ldap.conn == 40
        assert len(trace.events) == 21
        assert [event.source for event in trace.events].count("slapd") == 17
        assert console.trace(trace.key) == trace
        view = console.lines(frozenset(LogRole), None)
        assert view.end - view.first == 21
        for number in range(view.first, view.end):
            assert console.trace_of_line(view, number) == trace.key
            line = view.line(number)
            assert console.line_number(view, line.path, line.offset, line.time) == number


def test_lines_are_made_sense_of_at_rest_however_long_it_took_the_last_time(root: Path) -> None:
    with opened(root) as console:
        login = next(
            line for line in (root / "var/log/mail.info").read_text().splitlines() if "login:" in line
        )
        console._settled = time.monotonic(), 1e9
        with (root / "var/log/mail.info").open("a") as log:
            log.write(f"{login}\n")
        for _ in console.steps():
            if len(console.traces()) == 2:
                break
        assert console.lag == 0.0


def test_services_of_a_tree_are_declared_and_unknown(root: Path) -> None:
    with opened(root) as console:
        board = console.observe()
        assert isinstance(board, ServiceBoard)
        assert [(row.name, row.state) for row in board.table.rows] == [
            ("imap", "unknown"),
            ("imaps", "unknown"),
            ("lmtp", "unknown"),
            ("sieve", "unknown"),
        ]
        assert any("no processes" in line.sentence for line in console.attention(board))


def test_a_server_without_cyrus_conf_is_a_sentence(root: Path) -> None:
    (root / "etc/cyrus.conf").unlink()
    with pytest.raises(FileMissing, match=r"/etc/cyrus\.conf does not exist.*cyrtui demo"), opened(root):
        pass


def test_a_log_that_is_not_there_is_said(root: Path) -> None:
    (root / "var/log/slapd.log").unlink()
    with opened(root) as console:
        assert "No log of slapd was found." in [line.sentence for line in console.attention(None)]


def test_a_search_is_ended_with_the_console(root: Path) -> None:
    import threading

    with opened(root) as console:
        view = console.lines(frozenset(LogRole), None)
        assert console.search(view, "proxyauthz", view.end, -1, threading.Event()) is not None
        assert console.search(view, "nothing like it", view.end, -1, threading.Event()) is None
        console.stop()
        assert console.search(view, "proxyauthz", view.end, -1, threading.Event()) is None


def test_logs_are_read_together_from_when_the_shortest_reaches_back(root: Path) -> None:
    slapd = root / "var/log/slapd.log"
    line = "May 10 13:{:02}:{:02} samchiel slapd[2482]: conn=1 op=1 UNBIND\n"
    slapd.write_text("".join(line.format(minute, second) for minute in range(60) for second in range(60)))
    host = TreeHost(str(root))
    sources = find_sources(host)
    assert common_start(host, sources, 1 << 20) is None
    start = common_start(host, sources, 600 * len(line.format(0, 0)))
    whole = common_start(host, sources, 3599 * len(line.format(0, 0)))
    assert start is not None
    assert whole is not None
    assert start - whole == pytest.approx(2999, abs=2)
