"""Views against a plain truth: whatever is written, rotated, polled and read back, in whatever order."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cyrtui.logs import index as index_module
from cyrtui.logs import store as store_module
from cyrtui.logs.match import LineFilter
from cyrtui.logs.record import LogRole
from cyrtui.logs.records import RecordFeed
from cyrtui.logs.sources import LogSource, LogSources
from cyrtui.logs.store import LineStore
from cyrtui.logs.view import LineView
from tests.logs.files import FilesHost, append, iso

ALL = frozenset(LogRole)
WANTED = LineFilter("text 1")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["mail", "mail", "slapd", "slapd", "auth", "poll", "back", "rotate", "copy", "view", "pack"]
        ),
        st.integers(1, 12),
    ),
    max_size=40,
)


@contextmanager
def directory() -> Iterator[Path]:
    with (
        tempfile.TemporaryDirectory(prefix="cyrtui-store-") as name,
        patch.object(store_module, "TAIL_BYTES", 200),
        patch.object(index_module, "SLICE", 150),
    ):
        yield Path(name)


class Server:
    """Three logs whose lines are numbered in the order of their times."""

    def __init__(self, place: Path) -> None:
        self.host = FilesHost()
        self.place = place
        self.written: list[tuple[str, str]] = []
        self.archives = 0

    @property
    def sources(self) -> LogSources:
        found = [LogSource(str(self.log(role)), frozenset({role}), "a test") for role in LogRole]
        return LogSources(tuple(found), ())

    def log(self, role: str) -> Path:
        return self.place / f"{role}.log"

    def write(self, role: str, count: int) -> None:
        for _ in range(count):
            self.host.time += 0.25
            text = f"text {len(self.written)}"
            self.written.append((role, text))
            append(self.log(role), iso(self.host.time) + b" mx x[1]: " + text.encode() + b"\n")

    def rotate(self, role: str) -> None:
        self.archives += 1
        if self.log(role).exists():
            self.log(role).rename(f"{self.log(role)}.{self.archives}")

    def copy(self, role: str) -> None:
        self.archives += 1
        if self.log(role).exists():
            shutil.copyfile(self.log(role), f"{self.log(role)}.{self.archives}")
            self.log(role).open("wb").close()

    def pack(self) -> None:
        """Compress every archive, as logrotate does it: the stamps of the files stay."""
        for path in self.place.glob("*.log.?"):
            facts = path.stat()
            packed = Path(f"{path}.gz")
            packed.write_bytes(gzip.compress(path.read_bytes()))
            os.utime(packed, ns=(facts.st_atime_ns, facts.st_mtime_ns))
            path.unlink()


def texts(view: LineView) -> list[str]:
    return [line.text for line in view.lines(view.first, view.end) if line.kind == "line"]


@settings(max_examples=120, deadline=None)
@given(before=st.integers(0, 60), steps=STEPS)
@example(before=1, steps=[("rotate", 1), ("pack", 1)])
@example(before=1, steps=[("rotate", 1), ("mail", 1), ("copy", 1), ("rotate", 1), ("pack", 1)])
def test_a_view_has_every_line_once_and_in_order(before: int, steps: list[tuple[str, int]]) -> None:
    with directory() as place:
        server = Server(place)
        for role in ("mail", "slapd", "auth"):
            server.write(role, before)
        store = LineStore(server.host, server.sources)
        store.open()
        views: list[tuple[frozenset[LogRole], LineFilter | None, LineView]] = [(ALL, None, store.view(ALL))]
        rotations = 0
        for action, count in steps:
            if action in ("mail", "slapd", "auth"):
                server.write(action, count)
            elif action == "poll":
                store.poll()
            elif action == "back":
                store.backfill(0)
            elif action == "view":
                roles = frozenset(list(LogRole)[: 1 + count % 3])
                match = WANTED if count > 6 else None
                views.append((roles, match, store.view(roles, match)))
            elif action == "pack":
                server.pack()
            elif rotations < 4:
                rotations += 1
                (server.rotate if action == "rotate" else server.copy)("mail" if count % 2 else "slapd")
                store.poll()
        while store.poll().more or not store.backfill(0.2).done:
            pass
        assert store.lost_bytes == 0
        after = LineStore(server.host, server.sources)  # one that finds all of it in the archives
        after.open()
        views.append((ALL, None, after.view(ALL)))
        while after.poll().more or not after.backfill(0.2).done:
            pass
        for roles, match, view in views:
            expected = [text for role, text in server.written if role in roles]
            if match is not None:
                expected = [text for text in expected if "text 1" in text]
            assert texts(view) == expected
        store.close()
        after.close()


@settings(max_examples=60, deadline=None)
@given(before=st.integers(0, 60), steps=STEPS)
def test_a_feed_gives_every_record_once_and_in_order(before: int, steps: list[tuple[str, int]]) -> None:
    with directory() as place:
        server = Server(place)
        for role in ("slapd", "mail", "auth"):
            server.write(role, before)
        feed = RecordFeed(server.host, server.sources)
        records = []
        rotations = 0
        for action, count in steps:
            if action in ("mail", "slapd", "auth"):
                server.write(action, count)
            elif action in ("poll", "back"):
                records += feed.poll(0)[0]
            elif action in ("rotate", "copy") and rotations < 4 and feed.caught_up:
                rotations += 1
                (server.rotate if action == "rotate" else server.copy)("mail" if count % 2 else "slapd")
        for _ in range(2):  # history that was being read, then what came meanwhile
            more = True
            while more:
                found, more = feed.poll()
                records += found
        assert feed.caught_up
        assert sorted((record.role.value, record.text) for record in records) == sorted(server.written)
        for role in LogRole:
            mine = [record.text for record in records if record.role is role]
            assert mine == [text for one, text in server.written if one == role]
        history = [record.time for record in records[: 3 * before]]
        assert history == sorted(history)
        feed.close()
