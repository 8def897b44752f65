"""Quota files of real servers, as their own `quota` counted them; damaged ones give a sentence."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyrtui.spool.damage import Damaged
from cyrtui.spool.quota_file import Resource, read_quota
from tests.spool import samples


def _roots(version: str) -> dict[str, bytes]:
    return {
        path.rpartition("/")[2]: data for path, data in samples.files(version).items() if "/quota/" in path
    }


def test_the_old_form_is_what_quota_said() -> None:
    roots = _roots("2.2.13")
    rows = re.findall(r"^ *(\d+) +\d+ +(\d+) (\S.*)$", samples.text("2.2.13", "quota.txt"), re.MULTILINE)
    assert len(rows) == len(roots) == 4
    for limit, used, root in rows:
        storage = read_quota(roots[root]).storage
        assert (storage.limit, storage.used // 1024) == (int(limit) * 1024, int(used))


def test_the_new_form_is_what_quota_said() -> None:
    roots = {name.replace(".", "/").replace("^", "."): data for name, data in _roots("3.12.3").items()}
    said = samples.text("3.12.3", "quota.txt")
    rows = re.findall(r"^ *(?:(\d+) +\d+ +)?(\d+) +([A-Z-]+) (\S.*)$", said, re.MULTILINE)
    assert len(rows) == 4 * len(roots) == 20
    for limit, used, name, root in rows:
        one = next(one for one in read_quota(roots[root]).resources if one.name == name.lower())
        assert one.used // (1024 if "storage" in one.name else 1) == int(used)
        assert one.limit == (int(limit) * 1024 if limit else None)


def test_forms_and_limits() -> None:
    assert read_quota(b"10\n-1\n").storage == Resource("storage", 10, None)
    assert read_quota(b"10 20").storage == Resource("storage", 10, 20480)
    assert read_quota(b"%(M (2 5))").resources == (Resource("storage", 0, None), Resource("message", 2, 5))


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"12", b"12\n", b"12\n20", b"x\n1\n", b"1\n\xff\n", b"%(S (1 2)", b"%(S (x))"]
)
def test_a_damaged_file_gives_a_sentence(data: bytes) -> None:
    with pytest.raises(Damaged, match=r"quota file, .*; `quota -f`"):
        read_quota(data)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80), st.sampled_from((b"", b"%(", b"%(S (", b"12\n")))
def test_any_bytes_end_in_a_quota_or_a_sentence(data: bytes, before: bytes) -> None:
    try:
        read_quota(before + data)
    except Damaged:
        return
