"""Recordings: what was written is played as it was, and what is no recording gets a sentence."""

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.errors import CyrtuiError, FileMissing, ObservationError, RecordingError
from cyrtui.host.facts import Listener, Process, Snapshot
from cyrtui.host.protocol import ResolvedListen
from cyrtui.host.recording import PlayClock, Recording, open_recording, read_recording
from cyrtui.host.recording_format import Header, encode, header_line, pack, snapshot_data, unpack

BEGAN = 1_795_332_040.5
MAIL = "/var/log/mail.info"


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def snapshot(port: int) -> Snapshot:
    process = Process(4890, 1, "cyrmaster", ("/usr/sbin/cyrmaster",), "cyrus", BEGAN - 60)
    listener = Listener("tcp", "127.0.0.1", port, 35, 0, 1, 32, (4890, 4891), 4890)
    return Snapshot(BEGAN, (process,), (listener,), ("something",))


def recorded(*extra: dict[str, object], end: bool = True) -> bytes:
    lines = [
        header_line(Header("samchiel", "Europe/Paris", BEGAN, "0.1.0")),
        encode({"t": 0.0, "file": "/etc/cyrus.conf", "text": "SERVICES {\n}\n", "stat": [0o100644, 0, 0, 5]}),
        encode({"t": 0.0, "log": MAIL, "text": "before\n"}),
        encode({"t": 0.0, "snapshot": snapshot_data(snapshot(143))}),
        encode({"t": 0.0, "resolve": [["localhost", "imap", "tcp", [["127.0.0.1", 143]]]]}),
        encode({"t": 0.5, "file": "/run/cyrus/proc/4891", "text": "imap\t-\n"}),
        encode({"t": 1.5, "log": MAIL, **pack(b"caf\xc3\xa9 \xff\n")}),
        encode({"t": 2.0, "gone": "/run/cyrus/proc/4891"}),
        encode({"t": 2.0, "snapshot": snapshot_data(snapshot(993))}),
        *(encode(entry) for entry in extra),
    ]
    return gzip.compress(b"".join(lines) + (encode({"t": 4.0, "end": True}) if end else b""))


def opened(data: bytes) -> tuple[Recording, Hand]:
    hand = Hand()
    return read_recording(io.BytesIO(data), "some.cyrtui", clock=hand), hand


def test_a_log_grows_as_it_grew() -> None:
    recording, hand = opened(recorded())
    log = recording.open_log(MAIL)
    assert log.pread(100, 0) == b"before\n"
    hand.time += 1.4
    assert log.size() == 7
    hand.time += 0.2
    assert log.pread(100, 7) == b"caf\xc3\xa9 \xff\n"
    assert log.mtime() == BEGAN + 1.5
    assert recording.now() == pytest.approx(BEGAN + 1.6)


def test_files_and_snapshots_are_those_of_the_moment() -> None:
    recording, hand = opened(recorded())
    assert recording.read("/etc/cyrus.conf") == b"SERVICES {\n}\n"
    assert recording.stat("/etc/cyrus.conf").mtime == 5
    assert [x.port for x in recording.snapshot().listeners] == [143]
    with pytest.raises(FileMissing, match="is not in the recording"):
        recording.listdir("/run/cyrus/proc")
    hand.time += 1
    assert recording.listdir("/run/cyrus/proc") == ("4891",)
    hand.time += 1
    with pytest.raises(FileMissing):
        recording.read("/run/cyrus/proc/4891")
    assert [x.port for x in recording.snapshot().listeners] == [993]
    assert recording.snapshot().processes == snapshot(993).processes
    assert recording.resolve("localhost", "imap", "tcp") == (ResolvedListen("127.0.0.1", 143),)
    assert recording.resolve("localhost", "lmtp", "tcp") == ()


def test_it_can_be_paused_and_played_faster_and_stops_at_its_end() -> None:
    hand = Hand()
    clock = PlayClock(60.0, clock=hand)
    hand.time += 2
    clock.set_rate(8.0)
    hand.time += 1
    assert clock.state().position == 10.0
    clock.set_paused(True)
    hand.time += 50
    assert (clock.state().position, clock.state().ended) == (10.0, False)
    clock.set_paused(False)
    clock.skip(5)
    assert clock.state().position == 15.0
    clock.skip(-5)
    assert clock.state().position == 15.0
    hand.time += 50
    assert (clock.state().position, clock.state().ended) == (60.0, True)


def test_a_watch_wakes_when_a_log_grows() -> None:
    recording, hand = opened(recorded())
    watch = recording.watch([MAIL])
    assert not watch.wait(0)
    hand.time += 1.6
    assert watch.wait(0)
    assert not watch.wait(0)
    watch.close()
    assert not watch.wait(60)


def test_a_recording_that_is_cut_opens_with_a_word_about_it(tmp_path: Path) -> None:
    whole = recorded()
    recording, _ = opened(whole)
    assert recording.notices == ()
    recording, _ = opened(recorded(end=False))
    assert "ends early" in recording.notices[0]
    path = tmp_path / "cut.cyrtui"
    path.write_bytes(whole[: len(whole) - 20])
    assert "ends early" in open_recording(str(path)).notices[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is no recording"),
        (b"\x7fELF and more", "is no recording"),
        (gzip.compress(b"a log line\n"), "is no recording"),
        (gzip.compress(b'["cyrtui"]\n'), "is no recording"),
        (gzip.compress(b'{"cyrtui": "recording", "version": 99, "made_by": "7"}\n'), "of version 99"),
        (gzip.compress(b'{"cyrtui": "recording", "version": 1}\n'), "first line lacks"),
        (recorded({"t": 3.0, "snapshot": {"processes": 3}}), "line 10 is no entry"),
        (recorded({"t": 3.0, "log": MAIL}), "line 10 is no entry"),
        (recorded({"t": 3.0, "log": MAIL, "bytes": "é"}), "line 10 is no entry"),
        (recorded({"t": 1.0, "log": MAIL, "text": ""}), "goes backwards"),
        (recorded({"t": "soon"}), "line 10 is no entry"),
    ],
)
def test_what_is_broken_or_foreign_gets_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(RecordingError, match=words):
        opened(data)


def test_a_file_that_is_not_there_and_a_directory_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="does not exist"):
        open_recording(str(tmp_path / "none"))
    with pytest.raises(RecordingError, match="is a directory"):
        open_recording(str(tmp_path))


@given(st.binary(), st.integers(0, 2000), st.booleans())
def test_no_damage_ends_in_a_traceback(noise: bytes, where: int, packed: bool) -> None:
    whole = gzip.decompress(recorded()) if packed else recorded()
    damaged = whole[:where] + noise + whole[where + len(noise) :]
    recording = None
    try:
        recording, hand = opened(gzip.compress(damaged) if packed else damaged)
        hand.time += 3
        recording.snapshot()
        recording.read("/etc/cyrus.conf")
        recording.open_log(MAIL).pread(1 << 20, 0)
    except CyrtuiError as error:
        assert str(error)


@given(st.binary())
def test_any_bytes_can_be_recorded(data: bytes) -> None:
    assert unpack(pack(data)) == data


def test_a_moment_before_the_first_snapshot_has_none() -> None:
    recording = Recording(Header("samchiel", None, BEGAN, "0.1.0"))
    recording.start()
    with pytest.raises(ObservationError, match="no snapshot"):
        recording.snapshot()


def test_the_version_of_cyrus_is_kept_and_an_older_recording_has_none() -> None:
    known = Snapshot(BEGAN, (), (), (), ((237, "3.6.1-Debian"),))
    recording, hand = opened(recorded({"t": 3.0, "snapshot": snapshot_data(known)}))
    hand.time += 3.0
    assert recording.snapshot().versions == ((237, "3.6.1-Debian"),)
    old = snapshot_data(known)
    del old["versions"]
    recording, hand = opened(recorded({"t": 3.0, "snapshot": old}))
    hand.time += 3.0
    assert recording.snapshot().versions == ()


def test_a_directory_that_was_there_may_be_empty() -> None:
    recording, hand = opened(recorded({"t": 3.0, "dir": "/run/cyrus/proc"}))
    with pytest.raises(FileMissing):
        recording.listdir("/run/cyrus/proc")
    hand.time += 3.0
    assert recording.listdir("/run/cyrus/proc") == ()


def test_connections_are_not_in_a_recording() -> None:
    recording, _ = opened(recorded())
    with pytest.raises(ObservationError, match="does not hold the connections"):
        recording.connections([143])
