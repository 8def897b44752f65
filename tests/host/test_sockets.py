"""Waiting sockets: this machine's own, and a made-up /proc."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cyrtui.errors import ObservationError
from cyrtui.host.facts import Listener
from cyrtui.host.socket_diag import diag_connections, diag_inet, diag_unix
from cyrtui.host.sockets import SocketReader, read_inet_table, read_listeners, read_unix_table


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def inode_of(one: socket.socket) -> int:
    return os.fstat(one.fileno()).st_ino


def found(listeners: list[Listener], one: socket.socket) -> Listener:
    (listener,) = (listener for listener in listeners if listener.inode == inode_of(one))
    return listener


class TestThisMachine:
    def test_a_listening_socket_and_its_queue(self, opened: ExitStack) -> None:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=5))
        port = server.getsockname()[1]
        for _ in range(2):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        listener = found(read_listeners()[0], server)
        assert (listener.family, listener.address, listener.port) == ("tcp", "127.0.0.1", port)
        assert (listener.queue, listener.queue_limit) == (2, 5)
        assert (listener.uid, listener.holders, listener.owner) == (os.getuid(), (os.getpid(),), os.getpid())

    def test_connections_are_no_listeners(self, opened: ExitStack) -> None:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = opened.enter_context(socket.create_connection(server.getsockname()))
        assert inode_of(client) not in {listener.inode for listener in read_listeners()[0]}

    def test_a_child_that_inherits_a_socket(self, opened: ExitStack) -> None:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        reader = SocketReader()
        assert found(reader.read()[0], server).holders == (os.getpid(),)
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[server.fileno()],
        )
        with child:
            assert child.stdout and child.stdin
            child.stdout.readline()
            listener = found(reader.read()[0], server)
            assert set(listener.holders) == {os.getpid(), child.pid}
            assert listener.owner == os.getpid()
            child.stdin.close()
        assert found(reader.read()[0], server).holders == (os.getpid(),)

    def test_a_socket_opened_later(self, opened: ExitStack) -> None:
        reader = SocketReader()
        for _ in range(4):
            reader.read()
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        assert found(reader.read()[0], server).holders == (os.getpid(),)

    def test_udp(self, opened: ExitStack) -> None:
        one = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        one.bind(("127.0.0.1", 0))
        listener = found(read_listeners()[0], one)
        assert (listener.family, listener.port, listener.queue) == ("udp", one.getsockname()[1], None)

    def test_unix_sockets(self, opened: ExitStack, tmp_path: Path) -> None:
        stream = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        stream.bind(str(tmp_path / "lmtp"))
        stream.listen(3)
        datagram = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagram.bind(str(tmp_path / "notify"))
        idle = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        idle.bind(str(tmp_path / "idle.77"))
        bound_only = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        bound_only.bind(str(tmp_path / "waits-not"))
        listeners = read_listeners()[0]
        assert found(listeners, stream).address == str(tmp_path / "lmtp")
        assert found(listeners, stream).holders == (os.getpid(),)
        assert found(listeners, datagram).address == str(tmp_path / "notify")
        assert not {inode_of(bound_only), inode_of(idle)} & {listener.inode for listener in listeners}

    @pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
    def test_ipv6(self, opened: ExitStack) -> None:
        server = opened.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
        listener = found(read_listeners()[0], server)
        assert (listener.family, listener.address) == ("tcp6", "::1")

    def test_the_kernel_and_its_tables_agree(self, opened: ExitStack, tmp_path: Path) -> None:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=5))
        opened.enter_context(socket.create_connection(server.getsockname()))
        datagram = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagram.bind(str(tmp_path / "notify"))
        (asked,) = (one for one in diag_inet("tcp") if one.inode == inode_of(server))
        (read,) = (one for one in read_inet_table("/proc/net/tcp", "tcp") if one.inode == inode_of(server))
        assert (asked.address, asked.port, asked.queue, asked.uid) == (
            read.address,
            read.port,
            read.queue,
            read.uid,
        )
        assert read.queue_limit is None
        for sockets in (diag_unix(), read_unix_table("/proc/net/unix")):
            assert inode_of(datagram) in {one.inode for one in sockets}


TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:008F 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 501 1
   1: 0100007F:008F 0100007F:D431 01 00000000:00000000 00:00000000 00000000   101        0 502 1
"""
TCP6 = (
    "  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n"
    "   0: 00000000000000000000000001000000:008F 00000000000000000000000000000000:0000 0A"
    " 00000000:00000000 00:00000000 00000000     0        0 503 1\n"
)
UDP = "  sl  local_address\n"
UNIX = """Num       RefCount Protocol Flags    Type St Inode Path
0000000000000001: 00000002 00000000 00010000 0001 01 504 /run/cyrus/socket/lmtp
0000000000000002: 00000003 00000000 00000000 0001 03 505 /run/cyrus/socket/lmtp
0000000000000003: 00000002 00000000 00000000 0002 01 506 /run/cyrus/socket/no\x1btify
0000000000000004: 00000002 00000000 00010000 0001 01 507 @abstract
0000000000000005: 00000002 00000000 00000000 0002 01 508 /run/cyrus/socket/idle.4711
"""


class MadeUp:
    """A /proc with the tables above, and processes that hold some of their inodes."""

    def __init__(self, directory: Path) -> None:
        self.path = directory
        (directory / "net").mkdir()
        for name, text in {"tcp": TCP, "tcp6": TCP6, "udp": UDP, "udp6": UDP, "unix": UNIX}.items():
            (directory / "net" / name).write_text(text)

    def process(self, pid: int, ppid: int, *inodes: int) -> None:
        fds = self.path / str(pid) / "fd"
        fds.mkdir(parents=True)
        (self.path / str(pid) / "stat").write_text(f"{pid} (a) b) S {ppid} 1 1 0")
        (fds / "0").symlink_to("/dev/null")
        for number, inode in enumerate(inodes, 3):
            (fds / str(number)).symlink_to(f"socket:[{inode}]")

    def read(self) -> dict[int, Listener]:
        return {listener.inode: listener for listener in read_listeners(self.path)[0]}


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUp:
    return MadeUp(tmp_path)


class TestTables:
    def test_what_waits(self, made_up: MadeUp) -> None:
        listeners = made_up.read()
        assert set(listeners) == {501, 503, 504, 506}
        assert (listeners[501].address, listeners[501].port, listeners[501].queue) == ("127.0.0.1", 143, 3)
        assert (listeners[503].address, listeners[503].family) == ("::1", "tcp6")
        assert (listeners[504].family, listeners[504].address) == ("unix", "/run/cyrus/socket/lmtp")

    def test_paths_are_inert(self, made_up: MadeUp) -> None:
        assert made_up.read()[506].address == "/run/cyrus/socket/no␛tify"

    def test_a_kernel_without_ipv6(self, made_up: MadeUp) -> None:
        (made_up.path / "net" / "tcp6").unlink()
        (made_up.path / "net" / "udp6").unlink()
        listeners, unseen = read_listeners(made_up.path)
        assert {listener.inode for listener in listeners} == {501, 504, 506}
        assert unseen == []

    def test_a_missing_table_is_said(self, made_up: MadeUp) -> None:
        (made_up.path / "net" / "tcp").unlink()
        (sentence,) = read_listeners(made_up.path)[1]
        assert sentence.startswith("The tcp sockets cannot be seen")

    def test_nothing_to_be_seen(self, tmp_path: Path) -> None:
        with pytest.raises(ObservationError):
            read_listeners(tmp_path)


class TestHolders:
    def test_the_parent_owns_what_its_children_hold(self, made_up: MadeUp) -> None:
        made_up.process(100, 1, 501, 503)
        made_up.process(50, 100, 501)
        made_up.process(120, 100, 501)
        listeners = made_up.read()
        assert (listeners[501].holders, listeners[501].owner) == ((50, 100, 120), 100)
        assert (listeners[503].holders, listeners[503].owner) == ((100,), 100)
        assert (listeners[504].holders, listeners[504].owner) == ((), None)

    def test_siblings_whose_parent_has_closed_it(self, made_up: MadeUp) -> None:
        made_up.process(100, 1)
        made_up.process(110, 100, 501)
        made_up.process(120, 100, 501)
        assert made_up.read()[501].owner == 110


class Closed(SocketReader):
    """The open files of some processes may not be looked at."""

    def __init__(self, proc: Path, *closed: int) -> None:
        super().__init__(proc)
        self.closed = closed

    def _sockets_of(self, pid: int) -> frozenset[int]:
        if pid in self.closed:
            raise PermissionError
        return super()._sockets_of(pid)


class TestWithoutPrivilege:
    def test_a_child_alone_is_no_owner(self, made_up: MadeUp) -> None:
        made_up.process(100, 1, 501)
        made_up.process(110, 100, 501)
        listeners, unseen = Closed(made_up.path, 100).read()
        (imap,) = (listener for listener in listeners if listener.inode == 501)
        assert (imap.holders, imap.owner) == ((110,), None)
        assert len(unseen) == 1
        assert "cannot be seen" in unseen[0]

    def test_the_parent_of_two_holders_owns_it(self, made_up: MadeUp) -> None:
        made_up.process(100, 1, 501)
        made_up.process(110, 100, 501)
        made_up.process(120, 100, 501)
        listeners, _ = Closed(made_up.path, 100).read()
        assert [listener.owner for listener in listeners if listener.inode == 501] == [100]

    def test_a_daemon_below_init_owns_its_socket(self, made_up: MadeUp) -> None:
        made_up.process(1, 0)
        made_up.process(100, 1, 501, 503, 504, 506)
        listeners, unseen = Closed(made_up.path, 1).read()
        assert {listener.owner for listener in listeners} == {100}
        assert unseen == []


class Counting(SocketReader):
    def __init__(self, proc: Path) -> None:
        super().__init__(proc)
        self.looked_at: list[int] = []

    def _sockets_of(self, pid: int) -> frozenset[int]:
        self.looked_at.append(pid)
        return super()._sockets_of(pid)


class TestThrift:
    def test_settled_processes_are_not_looked_at_again(self, made_up: MadeUp) -> None:
        made_up.process(100, 1, 501)
        reader = Counting(made_up.path)
        for _ in range(6):
            reader.read()
        before = len(reader.looked_at)
        made_up.process(130, 100, 501)
        (imap,) = (listener for listener in reader.read()[0] if listener.inode == 501)
        assert imap.holders == (100, 130)
        assert reader.looked_at[before:] == [130]

    def test_what_a_new_process_drops_is_noticed(self, made_up: MadeUp) -> None:
        made_up.process(100, 1, 501)
        reader = Counting(made_up.path)
        for _ in range(6):
            reader.read()
        made_up.process(130, 100, 501, 503)
        reader.read()
        (made_up.path / "130" / "fd" / "4").unlink()
        listeners = {listener.inode: listener for listener in reader.read()[0]}
        assert (listeners[501].holders, listeners[503].holders) == ((100, 130), ())

    def test_a_new_datagram_socket_is_not_looked_for_everywhere(self, made_up: MadeUp) -> None:
        made_up.process(100, 1, 501)
        reader = Counting(made_up.path)
        for _ in range(6):
            reader.read()
        before = len(reader.looked_at)
        udp = made_up.path / "net" / "udp"
        udp.write_text(UDP + TCP.splitlines()[1].replace(" 0A ", " 07 ").replace("501", "602") + "\n")
        assert [one.family for one in reader.read()[0] if one.inode == 602] == ["udp"]
        assert reader.looked_at[before:] == []

    def test_a_new_socket_is_looked_for_everywhere(self, made_up: MadeUp) -> None:
        made_up.process(100, 1, 501)
        reader = Counting(made_up.path)
        for _ in range(6):
            reader.read()
        tcp = made_up.path / "net" / "tcp"
        tcp.write_text(TCP + TCP.splitlines()[1].replace("501", "601").replace(":008F", ":03E1") + "\n")
        (made_up.path / "100" / "fd" / "9").symlink_to("socket:[601]")
        assert [listener.holders for listener in reader.read()[0] if listener.inode == 601] == [(100,)]


class TestConnections:
    def test_who_is_served_and_who_waits(self, opened: ExitStack) -> None:
        waiting = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = waiting.getsockname()[1]
        first = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        served, _ = waiting.accept()
        opened.enter_context(served)
        second = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        found = {one.peer_port: one for one in diag_connections([port], 10)}
        assert set(found) == {first.getsockname()[1], second.getsockname()[1]}
        assert found[first.getsockname()[1]].accepted
        assert not found[second.getsockname()[1]].accepted
        assert {(one.address, one.port, one.peer) for one in found.values()} == {
            ("127.0.0.1", port, "127.0.0.1")
        }

    def test_no_more_than_the_limit(self, opened: ExitStack) -> None:
        waiting = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = waiting.getsockname()[1]
        for _ in range(5):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert len(diag_connections([port], 3)) == 3

    def test_of_a_port_that_nobody_uses(self) -> None:
        assert diag_connections([1], 10) == []
