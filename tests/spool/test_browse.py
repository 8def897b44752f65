"""What the Spool screen asks of the core: tree, filter, order, numbers, details, messages, sieve scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cyrtui.access import open_gate
from cyrtui.errors import AccessDenied
from cyrtui.host.tree import TreeHost
from cyrtui.spool.browse import Progress, SpoolBrowser
from cyrtui.spool.describe import FactLine, ago_words, size_words, usage_lines
from cyrtui.spool.tree import TreeLine
from tests.spool.test_real_spools import unpacked


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked("3.12.3", tmp_path_factory.mktemp("browse"))


def _browser(root: Path) -> SpoolBrowser:
    browser = SpoolBrowser(TreeHost(str(root)), "/etc/imapd.conf")
    browser.open()
    told: list[bool] = []
    browser.find(lambda: told.append(browser.found), lambda: False)
    assert told[-1]
    return browser


@pytest.fixture(scope="module")
def browser(root: Path) -> SpoolBrowser:
    browser = _browser(root)
    reports: list[Progress] = []
    assert browser.measure_all(reports.append, lambda: False)
    return browser


def _labels(lines: list[TreeLine]) -> list[tuple[int, str]]:
    return [(line.depth, line.label) for line in lines]


def _line(browser: SpoolBrowser, *path: str) -> TreeLine:
    """The line of a user, or of a folder of his, by their labels."""
    lines = browser.tree.lines()
    at = next(place for place, line in enumerate(lines) if line.kind == "group" and line.label == path[0])
    if len(path) == 1:
        return lines[at]
    browser.tree.open(lines[at])
    try:
        return next(line for line in browser.tree.lines()[at + 1 :] if line.label == path[-1])
    finally:
        browser.tree.close(lines[at])


def test_users_are_shown_closed_and_open_into_their_folders(browser: SpoolBrowser) -> None:
    lines = browser.tree.lines()
    users = ["jean.dupont", "u30", "u31", "u32", "u33"]
    assert _labels(lines) == [
        (0, "default"),
        *((1, name) for name in users),
        (1, "Shared folders"),
        (1, "Deleted, not yet expired"),
    ]
    assert (browser.tree.users, browser.tree.count) == (5, 43)
    u31 = lines[3]
    browser.tree.open(u31)
    below = [line for line in browser.tree.lines() if line.group is u31.group and line.depth > 1]
    assert _labels(below) == [
        (2, "INBOX"),
        (2, "日本語"),
        (2, "Archives"),
        (3, "1999"),
        (4, "été"),
        (2, "Boîte aux lettres"),
        (2, "Liste +essai"),
        (2, "R&D"),
    ]
    archives = below[2]
    browser.tree.close(archives)
    assert "1999" not in [line.label for line in browser.tree.lines()]
    browser.tree.open(archives)
    browser.tree.close(u31)
    assert len(browser.tree.lines()) == len(lines)


def test_the_filter_finds_mailboxes_of_everybody_without_accents_and_case(browser: SpoolBrowser) -> None:
    found = [(line.depth, line.label) for line in browser.tree.lines("ETE")]
    assert found == [
        (0, "default"),
        (1, "u31"),
        (2, "Archives"),
        (3, "1999"),
        (4, "été"),
        (1, "u32"),
        (2, "www.example.org"),
        (3, "été.2005"),
    ]
    assert _labels(browser.tree.lines("jean")) == [(0, "default"), (1, "jean.dupont")]
    assert browser.tree.lines("nowhere") == []
    assert [line.label for line in browser.tree.lines("u31/arch")][-1] == "été"
    assert [line.label for line in browser.tree.lines("user.jean^dupont.sent")][-1] == "Sent"


def test_users_are_sorted_by_what_they_have(browser: SpoolBrowser) -> None:
    def users(key: str, *, reverse: bool = False) -> list[str]:
        lines = browser.tree.lines("", browser.worth(key), reverse=reverse)  # type: ignore[arg-type]
        return [line.label for line in lines if line.kind == "group"][:5]

    assert users("size") == ["u30", "u31", "u32", "jean.dupont", "u33"]
    assert users("messages", reverse=True) == ["u33", "jean.dupont", "u32", "u31", "u30"]
    # u32 has no quota: last, whichever way
    assert users("quota") == ["u33", "u31", "jean.dupont", "u30", "u32"]
    assert users("quota", reverse=True) == ["u30", "jean.dupont", "u31", "u33", "u32"]


def test_numbers_add_up_for_a_user(browser: SpoolBrowser) -> None:
    numbers = browser.numbers(_line(browser, "u33"))
    assert (numbers.messages, numbers.bytes, numbers.quota_limit) == (10, 4807, 4096)
    assert numbers.quota_share is not None
    assert numbers.quota_share > 1
    inbox = browser.numbers(_line(browser, "u33", "INBOX"))
    assert (inbox.messages, inbox.unseen) == (4, 2)


def test_numbers_are_read_only_when_asked_for(root: Path) -> None:
    fresh = _browser(root)
    line = _line(fresh, "u30")
    assert not fresh.numbers(line).known
    assert fresh.look((line,), lambda: False, again=False)
    assert fresh.numbers(line).messages == 75
    assert not fresh.numbers(_line(fresh, "u31")).known
    assert not fresh.look((line,), lambda: False, again=True), "nothing has changed"
    assert not fresh.measure_all(lambda _: None, lambda: True), "cancelled"


def _told(browser: SpoolBrowser, line: TreeLine) -> dict[str, FactLine]:
    return {one.word: one for one in browser.details(line, None, files=True) if one.word}


def test_everything_about_a_mailbox(browser: SpoolBrowser) -> None:
    told = _told(browser, _line(browser, "u30", "Sent"))
    assert told["messages"].text.startswith("4, 1 unseen, 15,196 bytes")
    assert told["path"].text == "/var/spool/cyrus/mail/"
    assert told["uniqueid"].text == "b162fa8b-5a31-43e8-88c9-cc9bab0ebd60"
    assert told["internal"].text == "user.u30.Sent"
    assert told["people see"].text == "INBOX/Sent"
    assert told["quota"].text == "root user.u30: 215K of 2.0M (10%)"
    assert told["disk"].text == "4 message files"
    assert told["ACL"].more == "everything"
    more = [one.more for one in browser.details(_line(browser, "u30", "Sent"), None, files=False) if one.more]
    assert any(words.startswith("l see the mailbox in lists, r read messages") for words in more)
    assert told["kept"].text == "by its unique id, in mailboxes.db; mail"
    assert told["index"].text == "v19, 4 records, checksum right"


def test_everything_about_a_user_and_the_deleted(browser: SpoolBrowser) -> None:
    told = _told(browser, _line(browser, "u31"))
    assert told["all"].text == "8 mailboxes, 44 messages, 137K"
    assert (
        told["subscribed"].more
        == "user/u31/Archives, user/u31/Archives/1999/été, user/u31/Liste +essai, user/u31/R&D"
    )
    assert told["seen file"].text.endswith("seen.db, of 1 mailbox")
    deleted = _line(browser, "Deleted, not yet expired", "u32/A supprimer")
    assert "cyr_expire removes it in time" in _told(browser, deleted)["deleted"].text


def test_damage_is_told_first(tmp_path: Path) -> None:
    root = unpacked("3.12.3", tmp_path)
    place = root / "var/spool/cyrus/mail/uuid/b/1/b162fa8b-5a31-43e8-88c9-cc9bab0ebd60"
    index = place / "cyrus.index"
    index.write_bytes(index.read_bytes()[:90])
    (place / "77.").write_bytes(b"From: nobody\r\n\r\n")
    browser = _browser(root)
    line = _line(browser, "u30", "Sent")
    browser.look((line, _line(browser, "u30")), lambda: False, again=False)
    assert browser.numbers(line).fault is not None
    assert browser.numbers(_line(browser, "u30")).fault is not None
    first = browser.details(line, None, files=True)[0]
    assert first.gravity == "failed"
    assert f"{line.key}/cyrus.index, byte 90: it ends inside its header" in first.text
    assert "reconstruct" in first.text


def test_messages_with_their_own_fields(browser: SpoolBrowser) -> None:
    mailbox = _line(browser, "u30", "INBOX").mailbox
    assert mailbox is not None
    messages = browser.messages(mailbox)
    assert len(messages) == 35
    assert [one.uid for one in messages] == sorted((one.uid for one in messages), reverse=True)
    assert sum(one.size for one in messages) == 114611
    assert sum(one.seen is False for one in messages) == 14
    fields = browser.fields(mailbox, [one.uid for one in messages], lambda: False)
    assert all(one.sender and one.subject and one.sent and not one.missing for one in fields.values())
    assert browser.fields(mailbox, [4000], lambda: False)[4000].missing == "its file is not there"
    header = browser.message(mailbox, messages[0].uid, body=False)
    assert {"From", "Subject", "Date"} <= {name for name, _ in header.lines}
    assert not header.cut


def test_a_body_is_for_operators_only(
    browser: SpoolBrowser, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = _line(browser, "u30", "INBOX").mailbox
    assert mailbox is not None
    uid = browser.messages(mailbox)[0].uid
    with pytest.raises(AccessDenied, match="body of a message"):
        browser.message(mailbox, uid, body=True)
    gate = open_gate(read_only=False)
    assert gate is not None
    said: list[str] = []
    monkeypatch.setattr(type(gate), "audit", lambda _, sentence: said.append(sentence))
    operator = SpoolBrowser(TreeHost(str(root)), "/etc/imapd.conf", gate)
    text = operator.message(mailbox, uid, body=True)
    assert len(text.lines) > 1
    assert not any(line.startswith("Subject:") for _, line in text.lines)
    assert said == [f"read the body of {mailbox.directory}/{uid}."]


def test_sieve_scripts_of_a_user(tmp_path: Path) -> None:
    root = unpacked("3.12.3", tmp_path)
    browser = _browser(root)
    group = _line(browser, "u30").group
    assert group is not None
    assert browser.sieve(group).scripts == ()
    assert group.inbox is not None
    uniqueid = group.inbox.uniqueid
    assert uniqueid is not None
    place = root / "var/spool/sieve/uuid" / uniqueid[0] / uniqueid[1] / uniqueid
    place.mkdir(parents=True)
    (place / "away.script").write_text('require "vacation";\n\x1b[31mkeep;\n')
    (place / "away.bc").write_bytes(b"CyrSBytecode\x22\0\0\0")
    os.utime(place / "away.bc", (1000, 1000))
    (place / "old.script").write_text("keep;\n")
    (place / "defaultbc").symlink_to("away.bc")
    listing = browser.sieve(group)
    assert [(one.name, one.active, one.stale) for one in listing.scripts] == [
        ("away", True, True),
        ("old", False, False),
    ]
    assert browser.sieve_source(listing.sources["away"]) == (
        'require "vacation";',
        "␛[31mkeep;",
        "",
    )
    told = browser.details(_line(browser, "u30"), None, files=False)
    sieve = next(one for one in told if one.word == "sieve")
    assert sieve.gravity == "warning"
    assert sieve.more is not None
    assert "older than its source" in sieve.more
    (place / "away.bc").unlink()
    assert browser.sieve(group).dangling is not None


def test_usage_in_words(browser: SpoolBrowser) -> None:
    usage = browser.usage("default", lambda _: None, lambda: False)
    assert usage_lines(usage)[0].text == "192 in 43 mailboxes, 520K"
    assert browser.partition_of(None) == "default"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (None, ""),
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1.0K"),
        (10239, "10K"),
        (1048575, "1.0M"),
        (5 << 40, "5.0T"),
    ],
)
def test_sizes(number: int | None, words: str) -> None:
    assert size_words(number) == words


def test_ages() -> None:
    assert [ago_words(then, 1e6) for then in (None, 999_990, 999_000, 900_000, 1_000_100)] == [
        "", "now", "16 min ago", "1 d ago", "in future",
    ]  # fmt: skip


def test_mailboxes_that_come_and_go_are_found_anew(tmp_path: Path) -> None:
    root = unpacked("2.2.13", tmp_path)
    browser = _browser(root)
    assert not browser.look_at_all()
    group = next(line for line in browser.tree.lines() if line.label == "u31")
    browser.tree.open(group)
    database = root / "var/lib/cyrus/mailboxes.db"
    database.unlink()
    database.write_bytes(b"user.u31\t0 default u31\tlrs\t\nuser.u99\t0 default u99\tlrs\t\n")
    assert browser.look_at_all()
    browser.find(lambda: None, lambda: False)
    assert not browser.look_at_all()
    lines = browser.tree.lines()
    assert "u99" in [line.label for line in lines]
    # what the database has forgotten is still on disk, and what stood open still does
    assert "R&D" in [line.label for line in lines]
    orphan = next(line for line in lines if line.label == "R&D").mailbox
    assert orphan is not None
    assert orphan.standing == "orphaned"
