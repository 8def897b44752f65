"""Bytes as a file that stands nowhere: memfd_create(2), named by /proc/self/fd; nothing is on a disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_files(*contents: bytes) -> Iterator[tuple[int, ...]]:
    """Descriptors of files with these contents; `name_of` names one, here and in a child that inherits it.

    Raises `OSError`.
    """
    opened: list[int] = []
    try:
        for data in contents:
            descriptor = os.memfd_create("cyrtui")
            opened.append(descriptor)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.lseek(descriptor, 0, os.SEEK_SET)
        yield tuple(opened)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def name_of(descriptor: int) -> str:
    """The path by which this process, or a child that inherits the descriptor, opens it anew."""
    return f"/proc/self/fd/{descriptor}"
