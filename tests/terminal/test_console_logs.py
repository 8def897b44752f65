"""The Logs screen on real files: what it says of its lines is so, without a key being pressed again."""

from __future__ import annotations

from pathlib import Path

from .consoles import LOGS, append, at_rest, console, copied_tree, cost, paused_demo, recorded_lines


def test_the_number_of_lines_is_right_without_being_asked_again() -> None:
    with paused_demo() as shown:
        cost(shown, "3")
        title = shown.lines()[1]
        cost(shown, "1")
        cost(shown, "3")
        assert shown.lines()[1] == title


def test_the_lines_that_match_fill_the_window_at_once(tmp_path: Path) -> None:
    matching = sum(b"SESSIONID" in line for line in recorded_lines("mail"))
    assert matching > 40
    with console("--root", copied_tree(tmp_path), columns=200) as shown:
        shown.wait_for("wrong password")
        shown.send(b"3m")
        shown.wait_for("LOGS  mail")
        shown.wait_for("following")
        shown.send(b"/SESSIONID\r&")
        shown.wait_for(f" {matching} lines")
        shown.settle()
        body = shown.lines()[2:-1]
        assert all("SESSIONID" in line for line in body)
        last = [line for line in recorded_lines("mail") if b"SESSIONID" in line][-1].decode()
        assert last.split("SESSIONID=<")[1].split(">")[0] in body[-1]


def test_rotation_in_every_way_loses_nothing_on_the_glass(tmp_path: Path) -> None:
    tree = copied_tree(tmp_path)
    path = tree / "var/log" / LOGS["mail"]

    def line(number: int) -> bytes:
        return b"Nov 22 08:00:00 imap2 imap[7]: USAGE number-%d-of-them user: 0 sys: 0\n" % number

    with console("--root", tree) as shown:
        shown.wait_for("wrong password")
        shown.send(b"3m")
        shown.wait_for("LOGS  mail")
        at_rest(shown)
        shown.send(b"/-of-them\r&")
        shown.wait_for("only -of-them")
        number = 0
        for way in ("rename", "rename and write the old one", "recreate"):
            for _ in range(30):
                append(tree, "mail", line(number))
                number += 1
            shown.wait_for(f" {number} line")
            if way == "recreate":
                kept = path.read_bytes()
                path.unlink()
                path.with_name("mail.info.3").write_bytes(kept)
                path.touch()
                continue
            old = path.with_name(f"mail.info.{number}")
            path.rename(old)
            if way != "rename":
                # the server has not been told yet
                with old.open("ab") as file:
                    file.write(line(number))
                number += 1
            path.touch()
        append(tree, "mail", line(number))
        shown.wait_for(f"number-{number}-of-them")
        shown.wait_for(f" {number + 1} lines")
        assert "lost" not in shown.lines()[1]
