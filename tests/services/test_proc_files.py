from hypothesis import given
from hypothesis import strategies as st

from cyrtui.services.proc_files import ProcFile, parse_proc_file, read_proc_files
from tests.services.builders import FakeHost


def test_since_2_5() -> None:
    data = b"imap\tlocalhost [127.0.0.1]\tbob\tuser.bob\tIdle\n"
    assert parse_proc_file(7, data) == ProcFile(7, "imap", "localhost [127.0.0.1]", "bob", "user.bob", "Idle")


def test_before_the_login() -> None:
    assert parse_proc_file(7, b"imap\tlocalhost [::1]\t\t\t\n") == ProcFile(
        7, "imap", "localhost [::1]", "", "", ""
    )


def test_up_to_2_4() -> None:
    data = b"localhost [127.0.0.1]\tbob\tuser.bob\n"
    assert parse_proc_file(7, data) == ProcFile(7, None, "localhost [127.0.0.1]", "bob", "user.bob", "")
    assert parse_proc_file(7, b"[10.0.0.1]\n") == ProcFile(7, None, "[10.0.0.1]", "", "", "")


def test_text_is_inert() -> None:
    assert parse_proc_file(7, b"imap\tx [1]\t\x1b[2Jbob\t\t\n").user == "␛[2Jbob"


def test_only_the_living_are_read() -> None:
    host = FakeHost({"/p/7": b"imap\th [1]\ta\t\t\n", "/p/8": b"imap\th [1]\tb\t\t\n", "/p/7.new": b""}, None)
    assert set(read_proc_files(host, "/p", {7, 9})) == {7}
    assert host.asked == ["/p/7"]


def test_a_file_that_goes_away() -> None:
    class Going(FakeHost):
        def listdir(self, path: str) -> tuple[str, ...]:
            return (*super().listdir(path), "9")

    host = Going({"/p/7": b"imap\th [1]\ta\t\t\n"}, None)
    assert set(read_proc_files(host, "/p", {7, 9})) == {7}


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert parse_proc_file(1, data).pid == 1
