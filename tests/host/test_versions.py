"""The version of a running cyrmaster, from what it has mapped."""

from pathlib import Path

from cyrtui.host.facts import Process
from cyrtui.host.versions import VersionReader

MASTER = Process(50, 1, "cyrmaster", (), "cyrus", 1.0)
TABLE = (
    b"\x7fELF\0"
    + b"\0".join((b"cyrus_mkdir", b"", b"3.6.1-Debian-3.6.1-4+deb12u5", b"", b"2.5.0", b"3.6.0", b""))
    + b"\0"
)


def server(at: Path, *, maps: str, **files: bytes) -> str:
    directory = at / "50"
    (directory / "root/lib").mkdir(parents=True)
    (directory / "maps").write_text(maps)
    for name, data in files.items():
        place = directory / "exe" if name == "exe" else directory / "root/lib" / name.replace("_so", ".so.0")
        place.write_bytes(data)
    return str(at)


def test_it_is_the_latest_beside_those_of_the_options(tmp_path: Path) -> None:
    maps = "7f-80 r--p 00000000 fe:00 1 /lib/libc.so.6\n7f-80 r--p 0 fe:00 2   /lib/libcyrus_min.so.0\n"
    reader = VersionReader(server(tmp_path, maps=maps, libcyrus_min_so=TABLE))
    assert reader.of([MASTER]) == ((50, "3.6.1-Debian-3.6.1-4+deb12u5"),)


def test_a_program_that_has_everything_in_itself(tmp_path: Path) -> None:
    reader = VersionReader(server(tmp_path, maps="", exe=b"\0v2.2.13-Debian-2.2.13-19\0OpenSSL 0.9.8o\0"))
    assert reader.of([MASTER]) == ((50, "2.2.13-Debian-2.2.13-19"),)


def test_it_is_read_once(tmp_path: Path) -> None:
    reader = VersionReader(server(tmp_path, maps="", exe=b"\x003.4.2\0"))
    assert reader.of([MASTER]) == ((50, "3.4.2"),)
    (tmp_path / "50/exe").unlink()
    assert reader.of([MASTER]) == ((50, "3.4.2"),)
    again = Process(50, 1, "cyrmaster", (), "cyrus", 2.0)
    assert reader.of([again]) == ()


def test_nothing_to_be_read_and_nothing_said(tmp_path: Path) -> None:
    assert VersionReader(str(tmp_path)).of([MASTER]) == ()
    assert VersionReader(server(tmp_path, maps="", exe=b"no version here\0")).of([MASTER]) == ()


def test_a_child_before_its_exec_is_not_asked(tmp_path: Path) -> None:
    reader = VersionReader(server(tmp_path, maps="", exe=b"\x003.4.2\0"))
    child = Process(51, 50, "cyrmaster", (), "cyrus", 3.0)
    assert reader.of([MASTER, child]) == ((50, "3.4.2"),)
