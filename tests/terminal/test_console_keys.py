"""Keys that come together, as over a slow line or pasted by tmux, do what they would have done one by one."""

from __future__ import annotations

from .consoles import cost, paused_demo


def test_a_search_typed_in_one_go() -> None:
    with paused_demo() as shown:
        shown.send(b"3/badlogin\r")
        shown.wait_for("searched badlogin")
        shown.settle()
        assert "badlogin" in next(line for line in shown.lines() if line.startswith("› "))


def test_letters_for_the_search_box_are_no_commands() -> None:
    with paused_demo() as shown:
        shown.send(b"3/quit&xmsuw?\r")
        shown.wait_for("quit&xmsuw?")
        shown.settle()
        assert shown.poll() is None
        assert "merged" in shown.lines()[1]


def test_a_backspace_takes_what_stood_before_it() -> None:
    with paused_demo() as shown:
        cost(shown, "3")
        shown.send(b"/logim\x7fn \x7f\x7f\x7finX\x7f")
        shown.settle()
        assert shown.lines()[-2] == "login"


def test_what_is_typed_after_the_end_of_a_search_is_a_command_again() -> None:
    with paused_demo() as shown:
        shown.send(b"3/login\r&2x?")
        shown.wait_for("What it does")
        shown.settle()
        assert shown.lines()[1].startswith("LOGINS  failed only")
        shown.send(b"q3q")
        assert shown.wait_exit() == 0


def test_screens_in_one_go_end_on_the_last() -> None:
    with paused_demo() as shown:
        # the help comes after all of them, however long they take
        shown.send(b"3" + b"12321312" * 5 + b"3?")
        shown.wait_for("What it does")
        cost(shown, "escape")
        assert shown.lines()[1].startswith("LOGS")


def test_a_command_of_the_palette_typed_in_one_go() -> None:
    with paused_demo() as shown:
        shown.send(b"\x10Quit")
        shown.wait_for("Leave the console")
        shown.settle()
        shown.press("enter")
        assert shown.wait_exit() == 0


def test_two_hundred_steps_in_one_go_are_two_hundred_steps() -> None:
    with paused_demo() as shown:
        cost(shown, "3")
        cost(shown, "home")
        third = shown.lines()[4]
        shown.send(b"\x1b[B" * 200 + b"\x1b[A" * 198)
        shown.settle()
        assert [line[2:] for line in shown.lines() if line.startswith("› ")] == [third[2:]]
