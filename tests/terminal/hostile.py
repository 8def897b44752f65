"""A server whose users, names and logs are made to hurt whoever looks at them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from .consoles import LOGS, at, copied_tree

CLIPBOARD: Final = b"\x1b]52;c;ZXZpbA==\x07"
LIVE: Final[Sequence[bytes]] = (
    CLIPBOARD,
    b"\x1b]0;a title\x1b\\",
    b"\x1b[5;31;7m",
    b"\x1b[002;003H",
    b"\x1b[6n",
    b"\x1b[>0q",
    b"\x1b[?1049l",
    b"\x1bc",
    b"\x1bP$q q\x1b\\",
    b"\x1b_an application's\x1b\\",
    b"\xc2\x9b5;31;7m",
    b"\x9b5;31;7m",
    b"\xc2\x9d52;c;ZXZpbA==\xc2\x9c",
    b"\x0e\x0f\x05",
    b"\x08\x08\x08",
    b"over\rwritten",
    b"\x00nul",
    b"\x7f",
)
"""What terminals obey. None of it may reach one."""
ODD: Final[Sequence[bytes]] = (
    b"[/nope]",
    b"[bold]bold[/bold]",
    b"[@click=app.quit]click[/]",
    b"[",
    b"]",
    b"\\[",
    b"$x ${y} {z} %s %n",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    "\u202e\u2066reversed".encode(),
    "日本語のメール".encode(),
    b"a" + "\u0301".encode() * 300,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467".encode(),
    "\u2028\u2029\u0085".encode(),
    b" " * 200,
    b"",
)
"""What may be shown, and must not be taken for anything but text."""
STAMP: Final = b"Nov 22 08:00:00"
MEGABYTE: Final = 1 << 20

# What the console itself says to a terminal: pens, places, erasing, scrolling, modes, and what it asks.
_OURS: Final = re.compile(
    rb"\x1b\[(?:[?<>=]?[0-9;:]*[hlmHABCDGJKXrSTLMPu]|\?[0-9;]*\$p|>[0-9;]*m|c)|\x1b[78]|\r\n"
)
# C0 but for what _OURS took away, DEL, and C1 as UTF-8 or as single bytes that are part of no character
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def hostile_tree(place: Path) -> Path:
    """A copied tree with all of this in every place where a stranger's words may stand."""
    tree = copied_tree(place)
    words = [*LIVE, *ODD]
    now = datetime.now()
    lines: dict[str, list[bytes]] = {log: [] for log in LOGS}
    for number, word in enumerate(words):
        pid = b"%d" % (3000 + number)
        client = b"localhost [127.0.0.1]"
        for log, text in (
            ("mail", b"imap[%s]: accepted connection" % pid),
            (
                "mail",
                b"imap[%s]: login: %s %s plaintext User logged in SESSIONID=<%s>" % (pid, client, word, word),
            ),
            (
                "mail",
                b"imap[%s]: badlogin: %s plaintext %s SASL(-13): %s: checkpass failed"
                % (pid, client, word, word),
            ),
            ("mail", b"imap[%s]: badlogin: %s[%s] %s (%s) [%s]" % (pid, word, word, word, word, word)),
            ("mail", b"im%sap[%s]: %s" % (word, pid, word)),
            ("mail", b"master[77]: service %s pid %s in READY state: terminated abnormally" % (word, pid)),
            ("auth", b"imap[%s]: DIGEST-MD5 %s" % (pid, word)),
            ("slapd", b'slapd[9]: conn=%s op=2 PROXYAUTHZ dn="cn=%s,ou=people"' % (pid, word)),
            ("slapd", b"slapd[9]: conn=%s op=2 RESULT tag=%s err=49 text=%s" % (pid, word, word)),
        ):
            lines[log].append(STAMP + b" imap2 %s\n" % text)
        lines["mail"].append(STAMP + b" %s imap[%s]: the host is odd\n" % (word, pid))
        lines["auth"].append(word + b"\n")
    huge = CLIPBOARD + b"x" * MEGABYTE + CLIPBOARD
    lines["mail"].append(
        STAMP + b" imap2 imap[99]: badlogin: localhost [127.0.0.1] plaintext %s SASL(-13): no\n" % huge
    )
    lines["slapd"].append(huge + b"\n")
    lines["auth"].append(b"no newline at the end " + CLIPBOARD)
    for log, several in lines.items():
        with (tree / "var/log" / LOGS[log]).open("ab") as file:
            file.write(b"".join(at(now, line) for line in several))
    conf = tree / "etc/cyrus.conf"
    services = b"".join(
        b'  odd%d cmd="imapd %s" listen="%s:%d" prefork="%s"\n' % (number, word, word, number, word)
        for number, word in enumerate(words)
    )
    text = conf.read_bytes().replace(b"SERVICES {", b"SERVICES {\n" + services)
    conf.write_bytes(text + b"%s {\n%s\n" % (words[0], b"\n".join(words)))
    with (tree / "etc/imapd.conf").open("ab") as file:
        file.write(b"".join(b"%s: %s\n" % (word, word) for word in words))
    (tree / "etc/hostname").write_bytes(b"imap" + CLIPBOARD + b"[/nope]\n")
    with (tree / "etc/services").open("ab") as file:
        file.write(b"".join(b"%s 7/tcp %s\n" % (word, word) for word in words))
    return tree


def obeyed(output: bytes) -> list[str]:
    """What a terminal would obey in this output though the console does not say such things."""
    left = _OURS.sub(b"", output).decode("utf-8", "surrogateescape")
    found = [word for word in LIVE if len(word) > 3 and word in output]
    return [repr(word) for word in found] + [
        repr(left[max(0, hit.start() - 20) : hit.end() + 20]) for hit in _CONTROLS.finditer(left)
    ]
