"""The figures that cyrmaster writes for Prometheus."""

from hypothesis import given
from hypothesis import strategies as st

from cyrtui.services.board import ServiceBoard, observe_services
from cyrtui.services.prometheus import Figures, parse_figures
from tests.services.builders import MASTER, NOON, FakeHost, listener, master, process, snapshot

STAMP = int((NOON - 4) * 1000)
TEXT = f"""\
# HELP cyrus_master_active_children The number of children servicing clients
# TYPE cyrus_master_active_children gauge
cyrus_master_active_children{{service="imap",family="ipv6"}} 1 {STAMP}
cyrus_master_active_children{{service="imap",family="ipv4"}} 4 {STAMP}
cyrus_master_active_children{{service="(null)",family="(null)"}} 9 {STAMP}
cyrus_master_ready_workers{{service="imap",family="ipv4"}} 2 {STAMP}
cyrus_master_max_children{{service="imap",family="ipv4"}} 10 {STAMP}
cyrus_master_max_children{{service="sieve",family="ipv4"}} -1 {STAMP}
cyrus_master_ready_workers{{service="sieve",family="ipv4"}} 0 {STAMP}
""".encode()
CONF = (
    b'SERVICES {\nimap cmd="imapd" listen="localhost:imap" maxchild=10\nother cmd="imapd" listen="8143"\n}\n'
)
IMAPD_CONF = b"configdirectory: /x\nprometheus_enabled: yes\n"


def test_figures() -> None:
    assert parse_figures(TEXT) == {
        "imap": Figures(5, 2, 10, NOON - 4),
        "sieve": Figures(0, 0, None, NOON - 4),
    }


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    assert isinstance(parse_figures(data + TEXT), dict)


def board(files: dict[str, bytes]) -> ServiceBoard:
    # two services with one command, and no open file to be seen: nobody can tell whose children these are
    child = process(31, "imapd", "imapd", ppid=MASTER)
    seen = snapshot([master(), child], [listener("127.0.0.1", 143), listener("::1", 143)])
    found = observe_services(
        FakeHost({"/etc/cyrus.conf": CONF, "/etc/imapd.conf": IMAPD_CONF, **files}, seen)
    )
    assert isinstance(found, ServiceBoard)
    return found


def test_they_count_what_cannot_be_counted_and_the_row_says_of_when() -> None:
    row = board({"/x/stats/master.txt": TEXT}).row("imap")
    assert row is not None
    assert (row.children, row.counted_at) == (7, NOON - 4)


def test_those_of_an_earlier_master_do_not_count() -> None:
    old = TEXT.replace(str(STAMP).encode(), str(int((NOON - 7200) * 1000)).encode())
    row = board({"/x/stats/master.txt": old}).row("imap")
    assert row is not None
    assert (row.children, row.counted_at) == (None, None)


def test_the_maxchild_that_master_works_with() -> None:
    changed = TEXT.replace(
        b'max_children{service="imap",family="ipv4"} 10', b'max_children{service="imap",family="ipv4"} 4'
    )
    assert board({"/x/stats/master.txt": changed}).table.stale == (
        "cyrmaster works with maxchild=4 for imap, and /etc/cyrus.conf says otherwise"
    )
    assert board({"/x/stats/master.txt": TEXT}).table.stale is None
