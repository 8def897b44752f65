"""The spool of a real Cyrus in both layouts, against what IMAP and quota say, while clients are at work."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab
from tests.lab.configuration import Layout
from tests.lab.fixture import LabFactory
from tests.lab.mailboxes import FOLDERS, QUOTAS
from tests.lab.stack import LabOptions

CHECKOUT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {"PYTHONPATH": str(CHECKOUT)}
PEOPLE = ("julien", "jerome", "toto", "alice")
LOOKS = 6

# Each thread works on a mailbox or two until standard input ends: append, mark, expunge, make and rename.
CLIENTS = r"""
import imaplib, json, sys, threading
people, over = json.loads(sys.argv[1]), threading.Event()
def work(user, password, folders):
    mail, number = imaplib.IMAP4("localhost"), 0
    mail.login(user, password)
    while not over.is_set():
        number += 1
        for folder in folders:
            text = b"From: a@b\r\nSubject: %d\r\n\r\n%s\r\n" % (number, b"x" * (number % 700))
            assert mail.append(folder, "(\\Seen)" if number % 3 else None, None, text)[0] == "OK"
            assert mail.select(folder)[0] == "OK"
            count = int(mail.response("EXISTS")[1][-1] or 0)
            if number % 4 == 0:
                mail.store("1", "+FLAGS", "(\\Deleted)")
                mail.expunge()
            elif number % 5 == 0:
                mail.store("1", "+FLAGS", "(\\Seen $Label1)")
        if number % 7 == 0:
            mail.create("INBOX.passing &AOk-")
            mail.append("INBOX.passing &AOk-", None, None, b"Subject: x\r\n\r\n")
            mail.select("INBOX")
            mail.rename("INBOX.passing &AOk-", "INBOX.passed")
            mail.delete("INBOX.passed")
    mail.logout()
threads = [threading.Thread(target=work, args=one) for one in people]
for one in threads: one.start()
print("at work", flush=True)
sys.stdin.read()
over.set()
for one in threads: one.join()
"""

STATUS = r"""
import imaplib, json, re, sys
found = {}
for user, password in json.loads(sys.argv[1]):
    mail = imaplib.IMAP4("localhost")
    mail.login(user, password)
    for line in mail.list()[1]:
        name = re.match(rb'\([^)]*\) "[^"]*" "?(.*?)"?$', line)[1].decode()
        status, reply = mail.status('"%s"' % name, "(MESSAGES UNSEEN SIZE UIDNEXT UIDVALIDITY)")
        assert status == "OK", reply
        found["user.%s%s" % (user, name[5:])] = dict(re.findall(r"([A-Z]+) (\d+)", reply[0].decode().rpartition("(")[2]))
    mail.logout()
print(json.dumps(found))
"""  # noqa: E501

# Python's files may be closed to that user: one look at the copied tree `/` has everything imported before.
AS_NOBODY = """
import contextlib, io, os, sys
import cyrtui.cli, cyrtui.host.local, grp, pwd
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    cyrtui.cli.main(["spool", "--json", "toto", "--root", "/"])
    cyrtui.cli.main(["spool", "--json"])
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
sys.exit(cyrtui.cli.main(["spool", "--json"]))
"""


@pytest.fixture(scope="module", params=["uuid", "legacy"])
def server(request: pytest.FixtureRequest, labs: LabFactory) -> Lab:
    """The article's server with the article's users and folders, in today's layout and in the old one."""
    layout: Layout = request.param
    return labs(LabOptions(layout=layout))


def spool(lab: Lab, *words: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """`cyrtui spool --json` inside, by internal name."""
    done = lab.run(
        [sys.executable, "-m", "cyrtui", "spool", "--json", *words],
        env=ENVIRONMENT,
        cwd=CHECKOUT,
        check=False,
    )
    assert done.status == code, done.stderr
    assert code or not done.stderr, done.stderr
    return {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}


def passwords(lab: Lab) -> dict[str, str]:
    return {one.uid: one.password for one in lab.people if one.uid in PEOPLE}


def test_everything_is_as_imap_and_quota_say(server: Lab) -> None:
    known = passwords(server)
    work = [
        ("julien", known["julien"], ["INBOX", '"INBOX.La Sauce"']),
        ("jerome", known["jerome"], ['"INBOX.Re&AOc-us.&AMk-t&AOk-"']),
        ("toto", known["toto"], ["INBOX.Sent"]),
    ]
    clients = server.popen([sys.executable, "-c", CLIENTS, json.dumps(work)], stdin=-1, stdout=-1)
    with clients:
        assert clients.stdout is not None
        assert clients.stdin is not None
        assert clients.stdout.readline() == b"at work\n"
        for _ in range(LOOKS):
            found = spool(server)
            assert {f"user.{user}" for user in FOLDERS} <= set(found)
            assert not [one for one in found.values() if one["faults"] or one["problems"]]
        while_busy = spool(server, "user.julien.La Sauce")["user.julien.La Sauce"]["files"]
        assert not while_busy["orphans"]
        assert not while_busy["missing"]
        assert clients.poll() is None
        clients.stdin.close()
        assert clients.wait(20) == 0
    said = server.run([sys.executable, "-c", STATUS, json.dumps(list(known.items()))]).stdout
    status: dict[str, dict[str, str]] = json.loads(said)
    found = spool(server)
    # sieve scripts are a mailbox that IMAP does not list
    mail = {name for name, one in found.items() if "f" not in one["type"]}
    assert {name for name in mail if name.split(".")[1] in PEOPLE and name.startswith("user.")} == set(status)
    for name, told in status.items():
        one = found[name]
        counts = {
            "MESSAGES": one["messages"],
            "UNSEEN": one["unseen"],
            "SIZE": one["bytes"],
            "UIDNEXT": one["last_uid"] + 1,
            "UIDVALIDITY": one["uidvalidity"],
        }
        assert counts == {key: int(value) for key, value in told.items()}, name
        assert one["layout"] == ("uuid" if server.options.layout == "uuid" else "hashed")
    assert found["user.jerome.Re&AOc-us.&AMk-t&AOk-"]["shown"] == "user.jerome.Reçus.Été"
    assert int(status["user.julien.La Sauce"]["MESSAGES"]) > 1
    _quotas(server, found)


def _quotas(lab: Lab, found: dict[str, dict[str, Any]]) -> None:
    told = lab.run(["/usr/lib/cyrus/bin/quota"], user="cyrus").stdout
    rows = {
        root: (int(used), int(limit))
        for limit, used, root in re.findall(r"^\s*(\d+)\s+\d+\s+(\d+)\s+STORAGE (\S+)$", told, re.MULTILINE)
    }
    assert set(rows) == {f"user.{user}" for user in QUOTAS}
    for root, (used, limit) in rows.items():
        storage = found[root]["quota"]["storage"]
        assert (storage["used"] // 1024, storage["limit"] // 1024) == (used, limit)
        members = [one for one in found.values() if one["quota_root"] == root]
        assert sum(one["bytes"] for one in members) == storage["used"]


def test_places_are_those_of_mbpath(server: Lab) -> None:
    found = spool(server, "user.jerome")
    told = server.run(["/usr/lib/cyrus/bin/mbpath", *found], user="cyrus").stdout.split("\n")
    assert [one["path"] for one in found.values()] == [line for line in told if line]


def test_nobody_is_told_who_could(server: Lab) -> None:
    done = server.run([sys.executable, "-c", AS_NOBODY], env=ENVIRONMENT, cwd=CHECKOUT, check=False)
    assert (done.status, done.stdout) == (3, "")
    assert "permission denied" in done.stderr
    assert "user cyrus" in done.stderr
    assert "Traceback" not in done.stderr


OTHER_PLACES = """
import json, sys
from cyrtui.host.local import LocalHost
from cyrtui.spool.layout import user_file, sieve_directories
from cyrtui.spool.spool import open_spool
spool = open_spool(LocalHost(), "/etc/imapd-other.conf")
found = {}
for one in spool.listed():
    if "f" not in one.kind and one.name.startswith("user.j"):
        owner = ".".join(one.name.split(".")[:2])
        inbox = spool.id_of(owner) if one.layout == "uuid" else None
        found[one.name] = [
            one.archive, one.directory, one.header_path.rpartition("/")[0],
            sieve_directories(spool.layout, owner, inbox)[0],
            user_file(spool.layout, owner, inbox, "seen")[0].rpartition("/")[0],
        ]
print(json.dumps(found))
"""


@pytest.mark.parametrize("hashing", ["hashimapspool: yes\nfulldirhash: yes\n", "hashimapspool: no\n"])
def test_places_by_other_configurations(server: Lab, hashing: str) -> None:
    """Where Cyrus itself would look by other options: mbpath -a names each place without going there."""
    lines = server.read("/etc/imapd.conf").splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("hashimapspool")) + hashing
    text += "metapartition-default: /srv/meta\nmetapartition_files: header index\narchive_enabled: yes\n"
    server.write("/etc/imapd-other.conf", text + "archivepartition-default: /srv/archive\n")
    done = server.run([sys.executable, "-c", OTHER_PLACES], env=ENVIRONMENT, cwd=CHECKOUT)
    found: dict[str, list[str]] = json.loads(done.stdout)
    assert len(found) > 20
    mbpath = ["/usr/lib/cyrus/bin/mbpath", "-C", "/etc/imapd-other.conf", "-a", *found]
    told = [
        line.partition(": ")[2].rstrip("/") for line in server.run(mbpath, user="cyrus").stdout.splitlines()
    ]
    assert list(found.values()) == [told[at : at + 5] for at in range(0, len(told), 5)]
