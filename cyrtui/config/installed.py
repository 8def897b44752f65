"""Which version of Cyrus is installed on a host, and where its programs are. Nothing is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cyrtui.errors import FileUnreadable, ObservationError
from cyrtui.host.protocol import Host
from cyrtui.host.versions import version_in

PROGRAM_DIRECTORIES: Final = (
    "/usr/lib/cyrus/bin",
    "/usr/lib/cyrus-imapd",
    "/usr/libexec/cyrus-imapd",
    "/usr/cyrus/bin",
    "/usr/local/libexec",
    "/usr/local/cyrus/bin",
    "/usr/cyrus/libexec",
)
"""Where packages and `make install` put the programs of Cyrus, Debian's place first."""

_LIBRARIES: Final = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/cyrus/lib")
_LARGEST: Final = 32 << 20


def program_directory(host: Host) -> str | None:
    """The directory with the programs of Cyrus; None where there is none of the known ones."""
    for directory in PROGRAM_DIRECTORIES:
        try:
            if "imapd" in host.listdir(directory):
                return directory
        except FileUnreadable:
            continue
    return None


def installed_version(host: Host) -> str | None:
    """The version of the programs on the disk, else that of a running cyrmaster, else None.

    The disk comes first: these programs are the ones that will read the file.
    """
    for path in _holders(host):
        try:
            found = version_in(host.read(path, _LARGEST))
        except FileUnreadable:
            continue
        if found is not None:
            return found
    try:
        versions = host.snapshot().versions
    except ObservationError:
        return None
    return versions[0][1] if versions else None


def _holders(host: Host) -> Iterator[str]:
    """The files in which the version may stand."""
    for directory in _LIBRARIES:
        try:
            names = host.listdir(directory)
        except FileUnreadable:
            continue
        yield from (f"{directory}/{name}" for name in names if name.startswith("libcyrus_min.so"))
        for name in names:
            if name.endswith(("-linux-gnu", "-linux-gnueabihf", "-linux-gnueabi")):
                yield from (f"{directory}/{name}/libcyrus_min.so.0",)
    programs = program_directory(host)
    if programs is not None:
        yield f"{programs}/master"
