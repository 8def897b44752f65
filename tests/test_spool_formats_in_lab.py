"""Files that a real Cyrus wrote, read here and by its own tools: databases, indexes, headers, sieve."""

from __future__ import annotations

import re

import pytest

from cyrtui.host.tree import TreeHost
from cyrtui.spool.browse import SpoolBrowser
from cyrtui.spool.databases import database_kind, read_database
from cyrtui.spool.mailbox_header import read_mailbox_header
from cyrtui.spool.mailbox_index import count_unseen, read_index_header, read_records
from tests.lab import Lab

TOOLS = "/usr/lib/cyrus/bin"
# In an order that is nobody's, with what must be escaped, and with what is deleted and changed again.
CHANGES = [
    *(("set", f"user.p{number * 7919 % 199}.&AMk-t&AOk- 2", f"value {number}") for number in range(199)),
    *(("delete", f"user.p{number}.&AMk-t&AOk- 2", "") for number in range(0, 199, 3)),
    *(("set", f"user.p{number}.&AMk-t&AOk- 2", "x" * number) for number in range(1, 199, 5)),
    ("set", "of one letter", "x"),
]


def _shown(lab: Lab, path: str, kind: str) -> list[tuple[bytes, bytes]]:
    """What cyr_dbtool lists of a database."""
    said = lab.run([f"{TOOLS}/cyr_dbtool", path, kind, "show"], user="cyrus").stdout
    rows = [line.partition("\t") for line in said.splitlines()]
    return [
        (key.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for key, _, value in rows
    ]


@pytest.mark.parametrize("kind", ["flat", "skiplist", "twoskip"])
def test_databases_of_every_kind_list_what_their_own_tool_lists(lab: Lab, kind: str) -> None:
    path = f"/var/lib/cyrus/made-{kind}.db"
    # so much is changed that skiplist and twoskip files are written anew meanwhile
    for changes in (CHANGES[:150], CHANGES[150:]):
        batch = "".join(
            f'SET "{key}" "{value}"\n' if what == "set" else f'DELETE "{key}"\n'
            for what, key, value in changes
        )
        lab.run([f"{TOOLS}/cyr_dbtool", "-n", path, kind, "batch"], user="cyrus", input=batch)
    data = lab.path(path).read_bytes()
    assert database_kind(data) == kind
    found = list(read_database(data))
    assert len(found) > 120
    assert found == _shown(lab, path, kind)


def test_the_servers_own_mailboxes_db_lists_what_its_tool_lists(lab: Lab) -> None:
    path = "/var/lib/cyrus/mailboxes.db"
    before = list(read_database(lab.path(path).read_bytes()))
    assert before == _shown(lab, path, "twoskip")
    assert len(before) > 50


def test_indexes_and_headers_are_what_mbexamine_says(lab: Lab) -> None:
    said = lab.run([f"{TOOLS}/mbexamine", "user.julien*"], user="cyrus").stdout
    parts = said.split("Examining ")[1:]
    assert len(parts) > 3
    for part in parts:
        fields = {
            name: re.findall(rf"{name}: *\(?(\S*)", part)
            for name in (
                "Path to mailbox",
                "Unique ID",
                "Minor Version",
                "Last UID",
                "Mailbox Size",
                "Last Append Date",
            )
        }
        directory = re.findall(r"Path to mailbox: (.*)", part)[0]
        header = read_mailbox_header(lab.path(f"{directory}/cyrus.header").read_bytes())
        data = lab.path(f"{directory}/cyrus.index").read_bytes()
        index = read_index_header(data)
        assert header.uniqueid == fields["Unique ID"][0]
        assert header.name == part.partition("...")[0]
        assert str(index.minor_version) == fields["Minor Version"][0]
        assert str(index.last_uid) == fields["Last UID"][0]
        assert str(index.bytes) == fields["Mailbox Size"][0]
        assert str(index.last_append) == fields["Last Append Date"][0].rstrip(")")
        records = list(read_records(data, index))
        assert all(one.intact for one in records)
        assert [one.uid for one in records if not one.expunged] == [
            int(uid) for uid in re.findall(r"> UID:(\d+)", part)
        ]
        assert count_unseen(data, index) == index.unseen


def test_a_sieve_script_is_shown_from_the_mailbox_that_keeps_it(lab: Lab) -> None:
    browser = SpoolBrowser(TreeHost(str(lab.inside.directory)), "/etc/imapd.conf")
    browser.open()
    browser.find(lambda: None, lambda: False)
    julien = next(group for group in browser.tree.groups if group.label == "julien")
    listing = browser.sieve(julien)
    script = next(one for one in listing.scripts if one.name == "netfilter")
    assert (script.active, script.stale) == (True, False)
    assert browser.sieve_source(listing.sources["netfilter"])[0] == 'require ["fileinto"];'
