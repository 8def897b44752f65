import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.errors import ObservationError
from cyrtui.host.processes import ProcessReader, mask_argv, read_processes


class TestThisMachine:
    def test_this_process(self) -> None:
        (me,) = (process for process in read_processes() if process.pid == os.getpid())
        assert me.ppid == os.getppid()
        assert me.argv[0] == Path("/proc/self/cmdline").read_text().split("\0")[0]
        assert time.time() - 3600 * 24 < me.started <= time.time() + 1
        assert me.user in {"root", os.environ.get("USER"), str(os.getuid())} or me.user

    def test_a_process_comes_and_goes(self) -> None:
        reader = ProcessReader()
        reader.read()
        with subprocess.Popen(
            [sys.executable, "-c", "print(flush=True); input()", "--password", "hush-hush"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as child:
            assert child.stdout and child.stdin
            child.stdout.readline()
            (seen,) = (process for process in reader.read() if process.pid == child.pid)
            assert seen.argv[-2:] == ("--password", "***")
            assert seen.ppid == os.getpid()
            child.stdin.write(b"\n")
        assert child.pid not in {process.pid for process in reader.read()}


class MadeUp:
    def __init__(self, directory: Path) -> None:
        self.path = directory
        (directory / "stat").write_text("cpu 1\nbtime 1700000000\n")

    def process(self, pid: int, *, comm: str = "imapd", argv: bytes = b"imapd\0-s\0", uid: int = 0) -> None:
        directory = self.path / str(pid)
        directory.mkdir(exist_ok=True)
        numbers = " ".join(["0"] * 17)
        (directory / "stat").write_text(f"{pid} ({comm}) S 7 {numbers} {os.sysconf('SC_CLK_TCK') * 5} 0")
        (directory / "cmdline").write_bytes(argv)
        (directory / "status").write_text(f"Name:\tx\nUid:\t0\t{uid}\t{uid}\t{uid}\n")


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUp:
    return MadeUp(tmp_path)


class TestProc:
    def test_one(self, made_up: MadeUp) -> None:
        made_up.process(12)
        (process,) = ProcessReader(made_up.path).read()
        assert (process.pid, process.ppid, process.name) == (12, 7, "imapd")
        assert (process.argv, process.user, process.started) == (("imapd", "-s"), "root", 1700000005.0)

    def test_the_effective_user_counts_and_may_have_no_name(self, made_up: MadeUp) -> None:
        made_up.process(12, uid=4294000000)
        assert ProcessReader(made_up.path).read()[0].user == "4294000000"

    def test_a_name_with_parentheses(self, made_up: MadeUp) -> None:
        made_up.process(12, comm="a) S 1 (b")
        (process,) = ProcessReader(made_up.path).read()
        assert (process.name, process.ppid) == ("a) S 1 (b", 7)

    def test_text_is_inert(self, made_up: MadeUp) -> None:
        made_up.process(12, comm="\x1bc", argv=b"\x1b[31m\0\xff")
        (process,) = ProcessReader(made_up.path).read()
        assert (process.name, process.argv) == ("␛c", ("␛[31m", "\\xff"))

    def test_another_program_under_the_same_pid(self, made_up: MadeUp) -> None:
        reader = ProcessReader(made_up.path)
        made_up.process(12, comm="cyrmaster", argv=b"cyrmaster\0")
        reader.read()
        made_up.process(12)
        assert reader.read()[0].argv == ("imapd", "-s")

    def test_a_kernel_thread_has_no_argv(self, made_up: MadeUp) -> None:
        made_up.process(12, argv=b"")
        assert ProcessReader(made_up.path).read()[0].argv == ()

    def test_a_process_that_ends_meanwhile(self, made_up: MadeUp) -> None:
        (made_up.path / "13").mkdir()
        made_up.process(12)
        assert [process.pid for process in ProcessReader(made_up.path).read()] == [12]

    def test_no_proc(self, tmp_path: Path) -> None:
        with pytest.raises(ObservationError, match="cannot be seen"):
            ProcessReader(tmp_path / "none").read()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ldapsearch -x -D cn=a -w hush -b dc=x", "ldapsearch -x -D cn=a -w *** -b dc=x"),
        ("/usr/bin/ldapsearch -whush", "/usr/bin/ldapsearch -w***"),
        ("ldapsearch -W -y /file", "ldapsearch -W -y /file"),
        ("ldappasswd -s new -a old", "ldappasswd -s *** -a ***"),
        ("imtest -m plain -a bob -w hush -p 143 host", "imtest -m plain -a bob -w *** -p 143 host"),
        ("imapd -s -U 30 -w x", "imapd -s -U 30 -w x"),
        ("testsaslauthd -u bob -p hush", "testsaslauthd -u bob -p ***"),
        ("mysql -u root -phush db", "mysql -u root -p*** db"),
        ("mysql -u root -p db", "mysql -u root -p db"),
        ("curl -u bob:hush https://x", "curl -u *** https://x"),
        ("tool --password hush --password=hush2", "tool --password *** --password=***"),
        ("tool --bind-pw=hush --token hush", "tool --bind-pw=*** --token ***"),
        ("tool --password-file /x", "tool --password-file /x"),
        ("tool PASSWORD=hush ldap://u:hush@h/x", "tool PASSWORD=*** ldap://u:***@h/x"),
        ("openssl x -passin pass:hush -key k", "openssl x -passin *** -key k"),
        ("sh -c 'ldapsearch -w hush  -b x'", "sh -c 'ldapsearch -w ***  -b x'"),
        ("cyrmaster -d -C /etc/imapd.conf", "cyrmaster -d -C /etc/imapd.conf"),
    ],
)
def test_masked(before: str, after: str) -> None:
    assert mask_argv(shlex.split(before)) == tuple(shlex.split(after))


def test_json_on_a_command_line() -> None:
    assert mask_argv(['{"user": "bob", "password": "hush"}', '{"password":"hush"}']) == (
        '{"user": "bob", "password": ***',
        '{"password":***',
    )


@given(st.lists(st.text(max_size=30), max_size=8))
def test_words_stay_words(argv: list[str]) -> None:
    assert len(mask_argv(argv)) == len(argv)


@given(st.lists(st.sampled_from(["ldapsearch", "-x", "-b", "dc=x", "sh -c x", ""]), max_size=5))
def test_the_password_never_shows(before: list[str]) -> None:
    for words in (["-w", "Zq9hush"], ["-wZq9hush"], ["--password", "Zq9hush"], ["ldap://a:Zq9hush@h"]):
        assert not any("Zq9" in word for word in mask_argv([*before, "ldapsearch", *words, *before]))
