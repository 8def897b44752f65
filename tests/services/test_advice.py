"""Advice: what is open to the world in clear text, and what has been replaced."""

import pytest

from cyrtui.services.board import ServiceBoard, observe_services
from tests.services.builders import MASTER, FakeHost, listener, master, snapshot

WHOLE = """START {
r cmd="ctl_cyrusdb -r"
}
EVENTS {
c cmd="ctl_cyrusdb -c" period=30
e cmd="cyr_expire -E 3" at=0400
}
"""


def advice(
    services: str,
    *,
    rest: str = WHOLE,
    imapd_conf: bytes = b"configdirectory: /x\n",
    address: str = "0.0.0.0",
) -> list[str]:
    files = {
        "/etc/cyrus.conf": f"SERVICES {{\n{services}\n}}\n{rest}".encode(),
        "/etc/imapd.conf": imapd_conf,
    }
    ports = (143, 110, 993, 24, 119)
    seen = snapshot([master()], [listener(address, port, MASTER) for port in ports])
    found = observe_services(FakeHost(files, seen))
    assert isinstance(found, ServiceBoard)
    return [one.sentence for one in found.advice]


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ('pop3 cmd="pop3d" listen="0.0.0.0:110" maxchild=5', "pop3 opens clear-text POP3 to the world"),
        ('news cmd="nntpd" listen="0.0.0.0:119" maxchild=5', "news opens clear-text NNTP to the world"),
        ('imap cmd="imapd -U 30" listen="0.0.0.0:143" maxchild=5', "imap opens clear-text IMAP to the world"),
    ],
)
def test_clear_text_to_the_world(service: str, said: str) -> None:
    assert advice(service) == [said]


def test_passwords_that_cross_it() -> None:
    service = 'imap cmd="imapd" listen="0.0.0.0:143" maxchild=5'
    conf = b"configdirectory: /x\nallowplaintext: yes\n"
    assert advice(service, imapd_conf=conf) == [
        "imap opens clear-text IMAP to the world; allowplaintext lets passwords cross it unprotected"
    ]
    # an option of this service alone
    assert (
        len(advice(service, imapd_conf=b"configdirectory: /x\nimap_allowplaintext: no\n")[0].split(";")) == 1
    )


def test_what_is_not_open_or_not_clear_needs_none() -> None:
    assert advice('imaps cmd="imapd -s" listen="993" maxchild=5') == []
    assert advice('imap cmd="imapd" listen="localhost:imap" maxchild=5', address="127.0.0.1") == []


def test_no_limit() -> None:
    assert advice('imaps cmd="imapd -s" listen="993"') == [
        "imaps has no maxchild: nothing limits the number of its processes"
    ]


def test_what_has_been_replaced_and_what_is_missing() -> None:
    service = 'imaps cmd="imapd -s" listen="993" maxchild=5'
    rest = 'START {\ni cmd="idled"\n}\nEVENTS {\nd cmd="ctl_deliver -E 3" at=0400\n}\n'
    assert advice(service, rest=rest) == [
        "i: since Cyrus 2.5 idled belongs into DAEMON, where cyrmaster keeps it running",
        "d: ctl_deliver -E has been replaced by cyr_expire -E since Cyrus 2.2",
        "START has no ctl_cyrusdb -r: the databases are not recovered after a crash",
        "EVENTS has no ctl_cyrusdb -c: no checkpoint and no copy of the databases is ever made",
    ]
    assert "Nothing runs cyr_expire: deliver.db grows, and deleted mail stays on the disk" in advice(
        service, rest=""
    )
