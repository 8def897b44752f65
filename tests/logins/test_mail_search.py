"""The mail log searched for a name: every line that names the user, however it is written, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyrtui.host.local_logs import LocalLogFile
from cyrtui.logins import mail_search
from cyrtui.logins.mail_search import MailSearch
from cyrtui.logs.record import LogRole
from cyrtui.logs.slices import SlicedLog

_HEAD = "May 10 13:11:28 mx cyrus/imap[4711]: "
_CLIENT = "host.example.net [198.51.100.7]"


def _login(user: str) -> str:
    return f"{_HEAD}login: {_CLIENT} {user} PLAIN User logged in\n"


def _search(folder: Path, text: str, user: str) -> tuple[list[str | None], MailSearch]:
    path = folder / "mail.log"
    path.write_bytes(text.encode())
    search = MailSearch(SlicedLog(LocalLogFile(str(path)), str(path), LogRole.MAIL, "UTC"), user)
    return [each.event.user for each in search.attempts()], search


@pytest.mark.parametrize("user", ["alice", "bob1975", "mueller.2024@example.net", "x-1"])
@pytest.mark.parametrize("piece", [1 << 20, 100])
@pytest.mark.parametrize("common", [400, 2])
def test_a_name_is_found_in_capitals_too(
    user: str, piece: int, common: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_search, "_PIECE", piece)
    monkeypatch.setattr(mail_search, "_COMMON", common)
    written = [user, user.upper(), user.title(), user.swapcase(), user[:-1] + user[-1].upper()]
    others = [f"{user}s", f"{user}2", user[:-1], "bob1976", "mueller.2024"]
    text = "".join(map(_login, (*others, *written, *others))) + _login(user)[:-1]
    for typed in (user, user.upper()):
        found, search = _search(tmp_path, text, typed)
        assert found == [*written, user]
        assert not search.unnamed


def test_a_letter_that_is_another_in_lower_case(tmp_path: Path) -> None:
    text = _login("\N{KELVIN SIGN}arl") + _login("karl") + _login("\N{LATIN SMALL LETTER LONG S}am")
    assert _search(tmp_path, text, "karl")[0] == ["\N{KELVIN SIGN}arl", "karl"]
    assert _search(tmp_path, text, "sam")[0] == ["\N{LATIN SMALL LETTER LONG S}am"]


def test_attempts_that_name_nobody_are_noted(tmp_path: Path) -> None:
    why = "[SASL(-13): authentication failure: checkpass failed]"
    lines = [
        f"{_HEAD}badlogin: {_CLIENT} PLAIN (alice) {why}\n",
        f"{_HEAD}badlogin: {_CLIENT} PLAIN {why}\n",
        f"{_HEAD}badlogin: {_CLIENT} plaintext alice SASL(-13): authentication failure: checkpass failed\n",
        f"{_HEAD}badlogin: {_CLIENT} PLAIN [SASL(-13): authentication failure: ] PLAIN (alice)]\n",
        f"{_HEAD}STARTTLS negotiation failed: {_CLIENT}\n",
    ]
    found, search = _search(tmp_path, "".join(lines), "alice")
    assert found == ["alice", "alice"]
    offsets = [sum(map(len, lines[:number])) for number in range(len(lines))]
    assert search.unnamed == [offsets[1], offsets[3]]
    at = found_at.record.time if (found_at := search.attempt(lines[1][:-1].encode(), offsets[1])) else 0.0
    assert [each.record.offset for each in search.unnamed_between(at, at + 1.0)] == search.unnamed
    assert list(search.unnamed_between(at + 1.0, at + 9.0)) == []
    assert search.tls_failures() == [offsets[4]]


def test_the_attempts_of_several_at_once(tmp_path: Path) -> None:
    users = ["carol", "ALICE", "bob+folder", "Bob", "mallory", "alicea", "\N{KELVIN SIGN}arl"]
    text = "".join(map(_login, users))
    search = _search(tmp_path, text, "carol")[1]
    found = search.attempts_of({"alice", "bob", "karl", "nobody"}, 100)
    assert found is not None
    assert {name: [each.event.user for each in mine] for name, mine in found.items()} == {
        "alice": ["ALICE"],
        "bob": ["bob+folder", "Bob"],
        "karl": ["\N{KELVIN SIGN}arl"],
        "nobody": [],
    }
    # what is found of some of their attempts would say too little
    assert search.attempts_of({"alice", "bob"}, 2) is None
