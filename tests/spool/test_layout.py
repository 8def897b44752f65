"""Names to directories and back, in every layout."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.spool.layout import (
    hash_directory,
    id_directory,
    name_of,
    named_directory,
    owner_of,
    quota_path,
    quota_roots_above,
    sieve_directories,
    user_file,
)
from tests.spool.trees import layout

ROOT = "/var/spool/mail"


@pytest.mark.parametrize(
    ("text", "name", "directory"),
    [
        ("", "user.bob", "/user/bob"),
        ("", "user.bob.Sent.2004", "/user/bob/Sent/2004"),
        ("hashimapspool: yes\n", "user.bob.Sent", "/b/user/bob/Sent"),
        ("hashimapspool: yes\n", "user.33", "/q/user/33"),
        ("hashimapspool: yes\n", "user.jean^dupont", "/j/user/jean^dupont"),
        # what 2.2.13 did, as its mbpath says
        ("hashimapspool: yes\n", "shared.annonces", "/a/shared/annonces"),
        ("hashimapspool: yes\n", "shared.R&AOk-unions 2005", "/r/shared/R&AOk-unions 2005"),
        ("hashimapspool: yes\n", "shared", "/s/shared"),
        ("hashimapspool: yes\n", "DELETED.user.bob.Sent.6B02A6FF", "/u/DELETED/user/bob/Sent/6B02A6FF"),
        ("hashimapspool: yes\nfulldirhash: yes\n", "user.bob", "/E/user/bob"),
        ("virtdomains: userid\n", "example.net!user.bob", "/domain/example.net/user/bob"),
        (
            "virtdomains: yes\nhashimapspool: yes\n",
            "example.net!user.bob.Sent",
            "/domain/e/example.net/b/user/bob/Sent",
        ),
    ],
)
def test_names_and_places(text: str, name: str, directory: str) -> None:
    found = layout(text)
    assert named_directory(found, ROOT, name) == ROOT + directory
    assert name_of(found, directory) == name


def test_full_hash_is_that_of_the_server() -> None:
    number = 0
    for byte in b"toto":
        number = (((number << 3) ^ (number >> 5)) ^ byte) % 2**32
    assert hash_directory("toto", full=True) == "ABCDEFGHIJKLMNOPQRSTUVW"[number % 23]
    assert hash_directory("toto.more", full=True) == hash_directory("toto", full=True)
    assert hash_directory("\udce9t\udce9", full=False) == "q"


@pytest.mark.parametrize("name", ["", "user..bob", "user.bob/../../etc", ".", "user.", "a\0b"])
def test_names_without_a_place(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        named_directory(layout(""), ROOT, name)


@pytest.mark.parametrize("name", ["", "a", "../../../etc/passwd", "ab/cd", "ab\n"])
def test_no_ids(name: str) -> None:
    with pytest.raises(ValueError, match="id"):
        id_directory(ROOT, name)


def test_directories_that_no_name_leads_to() -> None:
    hashed = layout("hashimapspool: yes\n")
    # under the wrong letter, and with a dot that would be two levels
    assert name_of(hashed, "/x/user/bob") is None
    assert name_of(hashed, "/b/user/bob/v1.5") is None
    assert (
        name_of(layout("hashimapspool: yes\nvirtdomains: yes\n"), "/domain/x/example.net/b/user/bob") is None
    )


@given(
    st.lists(st.text("abcXYZ019&^ -é", min_size=1), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "example.net!", "a!"]),
)
def test_every_place_has_its_name(levels: list[str], hashed: bool, full: bool, domain: str) -> None:
    found = layout(
        f"hashimapspool: {int(hashed)}\nfulldirhash: {int(full)}\nvirtdomains: {'yes' if domain else 'off'}\n"
    )
    name = domain + ".".join(levels)
    assert name_of(found, named_directory(found, "", name)) == name


def test_partitions() -> None:
    found = layout(
        "partition-two: /srv/two/\narchivepartition-two: /srv/slow\nmetapartition-two: /srv/meta\n"
        "metapartition_files: header index\nmetadir-cache-two: /srv/cache\n"
    )
    two = found.partitions["two"]
    assert (two.directory, two.archive) == ("/srv/two", "/srv/slow")
    assert (two.root("header"), two.root("index"), two.root("cache"), two.root("squat")) == (
        "/srv/meta",
        "/srv/meta",
        "/srv/cache",
        "/srv/two",
    )
    assert two.roots == ("/srv/two", "/srv/slow", "/srv/meta", "/srv/cache")
    assert found.partitions["default"].roots == (ROOT,)
    assert found.default == "default"


def test_names_people_write_by_version() -> None:
    assert (layout("").separator, layout("", modern_names=True).separator) == (".", "/")
    assert layout("unixhierarchysep: no\n", modern_names=True).separator == "."


def test_files_of_the_configdirectory() -> None:
    found = layout("virtdomains: yes\nsievedir: /var/spool/sieve\n")
    assert quota_path(found, "user.jean^dupont") == "/var/lib/cyrus/quota/j/user.jean^dupont"
    assert quota_path(found, "shared") == "/var/lib/cyrus/quota/s/shared"
    assert quota_path(found, "example.net!user.bob") == "/var/lib/cyrus/domain/e/example.net/quota/b/user.bob"
    assert quota_path(found, "example.net!") == "/var/lib/cyrus/domain/e/example.net/quota/root"
    assert quota_path(found, "../../etc/passwd") is None
    assert user_file(found, "user.bob", "abcdef", "seen") == (
        "/var/lib/cyrus/user/uuid/a/b/abcdef/seen.db",
        "/var/lib/cyrus/user/b/bob.seen",
    )
    assert user_file(found, "example.net!user.bob", None, "sub") == (
        "/var/lib/cyrus/domain/e/example.net/user/b/bob.sub",
    )
    assert sieve_directories(found, "user.bob", None) == ("/var/spool/sieve/b/bob",)
    assert sieve_directories(layout("sieveusehomedir: yes\n"), "user.bob", None) == ()
    assert layout("quota_db: skiplist\n").quotas_db == "/var/lib/cyrus/quotas.db"
    assert layout("").quotas_db is None


def test_owners_and_roots() -> None:
    assert owner_of("user.bob.Sent", domains=False) == "user.bob"
    assert owner_of("example.net!user.bob", domains=True) == "example.net!user.bob"
    assert owner_of("user", domains=False) is None
    assert owner_of("DELETED.user.bob.Sent.6B02A6FF", domains=False) is None
    assert quota_roots_above("example.net!user.bob.Sent", domains=True) == (
        "example.net!user.bob.Sent",
        "example.net!user.bob",
        "example.net!user",
        "example.net!",
    )
