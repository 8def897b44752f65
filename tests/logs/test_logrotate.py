"""Where logrotate moves archives, and that they are the log's past from there too."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cyrtui.host.tree import TreeHost
from cyrtui.logs.follow import LogFollower
from cyrtui.logs.logrotate import olddirs
from cyrtui.logs.record import LogRole
from cyrtui.logs.sources import LogSource, LogSources, find_sources
from cyrtui.logs.store import LineStore
from tests.lab import Lab
from tests.logs.files import FilesHost, append, iso

MAIL = frozenset({LogRole.MAIL})


def tree(place: Path, **files: str) -> TreeHost:
    for name, text in files.items():
        path = place / "etc" / name.replace("__", "/").replace("_", ".", 1 if name == "logrotate_conf" else 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return TreeHost(str(place))


@pytest.mark.parametrize(
    ("conf", "mail", "expected"),
    [
        ("", "/var/log/mail.info {\n olddir old\n}\n", "/var/log/old"),
        ("", '"/var/log/mail.info" /var/log/x {\n olddir /srv/logs\n}\n', "/srv/logs"),
        ("", "/var/log/mail.info\n/var/log/mail.err\n{\n\tolddir ../archive\n}\n", "/var/archive"),
        ("", "/var/log/mail.*{\n olddir old\n}\n", "/var/log/old"),
        ("", "/var/log/mail.info { olddir old\n}\n", "/var/log/old"),
        ("", "/var/log/mail.info\n{ olddir = old\n}\n", "/var/log/old"),
        ("olddir=/all\n", "/var/log/mail.info {\n daily\n}\n", "/all"),
        ("", "/var/log/x { daily\n}\n/var/log/mail.info {\n olddir old\n}\n", "/var/log/old"),
        ("", "/var/*.info {\n olddir old\n}\n", None),
        ("", "# /var/log/mail.info {\n# olddir old\n# }\n", None),
        ("olddir /all\n", "/var/log/mail.info {\n daily\n}\n", "/all"),
        ("olddir /all\n", "/var/log/mail.info {\n noolddir\n}\n", None),
        (
            "",
            "/var/log/mail.info {\n postrotate\n  olddir no\n  }\n endscript\n olddir yes\n}\n",
            "/var/log/yes",
        ),
        ("", "/var/log/mail.info {\n olddir 'half\n}\n", "/var/log/'half"),
        ("", "{ } {\n}\n}\nolddir\n", None),
    ],
)
def test_the_directory_of_the_archives(tmp_path: Path, conf: str, mail: str, expected: str | None) -> None:
    host = tree(tmp_path, logrotate_conf=f"weekly\n{conf}include /etc/logrotate.d\n", logrotate__mail=mail)
    (tmp_path / "etc/logrotate").rename(tmp_path / "etc/logrotate.d")
    assert olddirs(host, ["/var/log/mail.info"]).get("/var/log/mail.info") == expected


def test_taboo_files_and_endless_inclusion(tmp_path: Path) -> None:
    place = tmp_path / "etc/logrotate.d"
    place.mkdir(parents=True)
    (place / "rsyslog.dpkg-old").write_text("/var/log/mail.info {\n olddir wrong\n}\n")
    (place / "zz").write_text("include /etc/logrotate.conf\n/var/log/mail.info {\n olddir right\n}\n")
    (tmp_path / "etc/logrotate.conf").write_text("include /etc/logrotate.d\n")
    assert olddirs(TreeHost(str(tmp_path)), ["/var/log/mail.info"]) == {
        "/var/log/mail.info": "/var/log/right"
    }
    assert olddirs(TreeHost(str(tmp_path / "etc")), ["/var/log/mail.info"]) == {}


def test_the_sources_know_it(tmp_path: Path) -> None:
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "var/log/mail.info").write_bytes(b"")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/logrotate.conf").write_text("/var/log/mail.info {\n olddir old\n}\n")
    found = find_sources(TreeHost(str(tmp_path)))
    mail = found.of(LogRole.MAIL)
    assert mail is not None
    assert mail.olddir == "/var/log/old"


def test_archives_that_cannot_be_listed_are_said(tmp_path: Path) -> None:
    append(tmp_path / "mail.log", iso(1795683600.0) + b" mx x[1]: now\n")
    source = LogSource(str(tmp_path / "mail.log"), MAIL, "a test", olddir=str(tmp_path / "none"))
    store = LineStore(FilesHost(), LogSources((source,), ()))
    store.open()
    while store.poll().more or not store.backfill(0.1).done:
        pass
    assert any(f"{tmp_path}/none does not exist" in sentence for sentence in store.problems)
    store.close()


def test_the_real_logrotate_moves_them_and_no_line_is_lost(tmp_path: Path, lab: Lab) -> None:
    assert lab.options.stamps == "rfc3164"  # the lab brings logrotate's package
    log, old = tmp_path / "mail.log", tmp_path / "old"
    old.mkdir()
    conf, state = tmp_path / "logrotate.conf", tmp_path / "state"
    conf.write_text(f"{log} {{\n rotate 9\n olddir old\n create\n compress\n delaycompress\n}}\n")
    for path in (tmp_path, old, conf):
        path.chmod(0o755 if path.is_dir() else 0o644)
    host, number = FilesHost(), 0
    follower = LogFollower(host, str(log), olddir=str(old))
    seen: list[bytes] = []
    for turn in range(4):
        for _ in range(50):
            append(log, iso(1795683600.0 + number) + b" mx x[1]: text %d\n" % number)
            number += 1
        if turn % 2 == 0:  # so that two rotations lie between two looks
            seen += follower.poll().lines
        if turn < 3:
            subprocess.run(["logrotate", "-f", "-s", str(state), str(conf)], check=True, cwd="/")
    seen += follower.poll().lines
    follower.close()
    assert sorted(os.listdir(old)) == ["mail.log.1", "mail.log.2.gz", "mail.log.3.gz"]
    assert [int(one.rsplit(b" ", 1)[1]) for one in seen] == list(range(number))
    source = LogSource(str(log), MAIL, "a test", olddir=str(old))
    store = LineStore(host, LogSources((source,), ()))
    store.open()
    view = store.view(MAIL)
    while store.poll().more or not store.backfill(0.1).done:
        pass
    assert [int(raw.rsplit(b" ", 1)[1]) for raw in view.raw(view.first, view.end)] == list(range(number))
    assert store.problems == ()
    store.close()
