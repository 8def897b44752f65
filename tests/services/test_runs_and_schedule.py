"""START, EVENTS and DAEMON: runs taken from the log, and what follows from them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cyrtui.config.cyrus_conf import parse_cyrus_conf
from cyrtui.host.facts import Process
from cyrtui.services.master_log import read_master_log
from cyrtui.services.observed import Master
from cyrtui.services.schedule import ScheduledRow, entry_sentence, schedule
from tests.services.builders import MASTER, NOON, moment, process, records

CONF = b"""START {
        recover         cmd="/usr/sbin/ctl_cyrusdb -r"
        delprune        cmd="/usr/sbin/cyr_expire -E 3"
        idled           cmd="idled"
}
EVENTS {
        checkpoint      cmd="/usr/sbin/ctl_cyrusdb -c" period=30
        delprune        cmd="/usr/sbin/cyr_expire -E 3" at=0401
        news            cmd="/usr/local/bin/news" period=60
        once            cmd="tls_prune"
}
DAEMON {
        idle            cmd="idled"
}
"""
STARTED = NOON - 3600
AT_START = (
    "Nov 22 11:00:00 mail cyrus/ctl_cyrusdb[1]: recovering cyrus databases",
    "Nov 22 11:00:00 mail cyrus/ctl_cyrusdb[1]: done recovering cyrus databases",
    "Nov 22 11:00:01 mail cyrus/cyr_expire[2]: Expired 0 and expunged 0 out of 0 messages from 0 mailboxes",
    "Nov 22 11:00:01 mail cyrus/cyr_expire[2]: duplicate_prune: purged 0 out of 0 entries",
    "Nov 22 11:00:02 mail cyrus/ctl_cyrusdb[3]: checkpointing cyrus databases",
    "Nov 22 11:00:03 mail cyrus/ctl_cyrusdb[3]: done checkpointing cyrus databases",
    "Nov 22 11:00:03 mail cyrus/tls_prune[4]: tls_prune: purged 0 out of 0 entries",
)
BEFORE = ("Nov 22 03:00:00 mail cyrus/master[5]: got SIGHUP",)
MASTER_NOW = Master(MASTER, STARTED, "cyrus", (), "/etc/imapd.conf", "/etc/cyrus.conf")


def rows(
    *lines: str,
    now: float = NOON,
    started: float | None = STARTED,
    zone: ZoneInfo | None = None,
    children: tuple[Process, ...] = (),
    conf: bytes = CONF,
) -> dict[str, ScheduledRow]:
    log = read_master_log(records((*BEFORE, *lines)), ["/m"])
    master = None
    if started is not None:
        master = Master(MASTER, started, "cyrus", (), "/etc/imapd.conf", "/etc/cyrus.conf")
    found = schedule(parse_cyrus_conf(conf), log, master, children, now, zone or ZoneInfo("UTC"))
    return {f"{row.section} {row.name}": row for row in found}


def test_what_has_run_since_the_start() -> None:
    found = rows(*AT_START, now=moment("11:20:00"))
    recover = found["START recover"]
    assert (recover.state, recover.when) == ("ok", "once, at the start")
    assert recover.last is not None
    assert recover.last.word == "done recovering cyrus databases"
    checkpoint = found["EVENTS checkpoint"]
    assert (checkpoint.state, checkpoint.when) == ("ok", "every 30 minutes")
    assert checkpoint.next == moment("11:30:02")
    assert found["EVENTS once"].state == "ok"


def test_the_run_of_start_is_not_the_events() -> None:
    found = rows(*AT_START)
    first = found["START delprune"].last
    assert first is not None
    assert first.pid == 2
    assert (found["EVENTS delprune"].last, found["EVENTS delprune"].state) == (None, "idle")


def test_the_time_of_day_is_the_hosts() -> None:
    paris = rows(*AT_START, zone=ZoneInfo("Europe/Paris"))["EVENTS delprune"]
    assert paris.next is not None
    assert datetime.fromtimestamp(paris.next, UTC).strftime("%d %H:%M") == "23 03:01"
    assert rows(*AT_START)["EVENTS delprune"].when == "daily at 04:01"


def test_a_checkpoint_that_does_not_come_is_overdue() -> None:
    assert rows(*AT_START, now=moment("11:44:00"))["EVENTS checkpoint"].state == "ok"
    late = rows(*AT_START, now=moment("11:46:00"))["EVENTS checkpoint"]
    assert (late.state, late.reason) == ("overdue", "it was due and has not run")
    assert entry_sentence(late) == "checkpoint (EVENTS) is overdue: it was due and has not run"


def test_a_daily_event_that_does_not_come_is_overdue() -> None:
    early = moment("03:30:00")
    assert rows(now=moment("04:05:00"), started=early)["EVENTS delprune"].state == "idle"
    assert rows(now=moment("04:07:00"), started=early)["EVENTS delprune"].state == "overdue"
    ran = "Nov 22 04:01:00 mail cyrus/cyr_expire[9]: duplicate_prune: purged 0 out of 0 entries"
    # the first one of cyrmaster's life is START's
    start = "Nov 22 03:30:01 mail cyrus/cyr_expire[8]: duplicate_prune: purged 0 out of 0 entries"
    assert rows(start, ran, now=moment("04:07:00"), started=early)["EVENTS delprune"].state == "ok"
    assert rows(start, now=moment("04:07:00"), started=early)["EVENTS delprune"].state == "overdue"


def test_where_the_log_is_too_short_nothing_is_said_to_be_overdue() -> None:
    log = read_master_log(records(["Nov 22 11:50:00 mail cyrus/imap[7]: login: x"]), ["/m"])
    found = schedule(parse_cyrus_conf(CONF), log, MASTER_NOW, (), NOON, UTC)
    states = {f"{row.section} {row.name}": (row.state, row.reason) for row in found}
    assert states["EVENTS checkpoint"] == ("unknown", "the log does not go back to when it was due")
    assert states["START recover"] == ("unknown", "the log does not go back to cyrmaster's start")


def test_a_program_that_logs_nothing_is_not_overdue() -> None:
    found = rows(*AT_START, now=moment("14:00:00"))["EVENTS news"]
    assert (found.state, found.reason) == ("unknown", "news leaves no line in the log")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "cyrus/master[27013]: process type:EVENT name:checkpoint path:/usr/lib/cyrus/bin/ctl_cyrusdb "
            "age:0.017s pid:24629 exited, status 78",
            "exited, status 78",
        ),
        (
            "cyrus/master[27013]: process type:EVENT name:checkpoint path:/usr/lib/cyrus/bin/ctl_cyrusdb "
            "age:0.017s pid:24629 signaled to death by signal 11 (Segmentation fault)",
            "signaled to death by signal 11 (Segmentation fault)",
        ),
        ("cyrus/ctl_cyrusdb[77]: Fatal error: no space", "Fatal error: no space"),
    ],
)
def test_a_run_that_failed(line: str, problem: str) -> None:
    found = rows(*AT_START, f"Nov 22 11:30:02 mail {line}", now=moment("11:31:00"))["EVENTS checkpoint"]
    assert (found.state, found.reason) == ("failed", problem)
    assert found.last is not None
    assert found.last.first == moment("11:30:02")


def test_the_status_that_master_gives_a_run_that_spoke() -> None:
    lines = (
        "Nov 22 11:30:02 mail cyrus/ctl_cyrusdb[50]: checkpointing cyrus databases",
        "Nov 22 11:30:03 mail cyrus/ctl_cyrusdb[50]: DBERROR: archive /var/lib/cyrus/db: cyrusdb error",
        "Nov 22 11:30:03 mail cyrus/master[27013]: process 50 exited, status 75",
    )
    found = rows(*AT_START, *lines, now=moment("11:31:00"))["EVENTS checkpoint"]
    reason = "exited, status 75 (DBERROR: archive /var/lib/cyrus/db: cyrusdb error)"
    assert (found.state, found.reason) == ("failed", reason)
    well = "Nov 22 11:30:03 mail cyrus/master[27013]: process 50 exited, status 0"
    assert rows(*AT_START, *lines[:2], well, now=moment("11:31:00"))["EVENTS checkpoint"].state == "ok"


def test_a_run_after_a_failure_makes_it_good() -> None:
    failed = "Nov 22 11:30:02 mail cyrus/ctl_cyrusdb[50]: Fatal error: no space"
    good = "Nov 22 11:40:02 mail cyrus/ctl_cyrusdb[51]: done checkpointing cyrus databases"
    assert rows(*AT_START, failed, good, now=moment("11:41:00"))["EVENTS checkpoint"].state == "ok"


def test_daemons_are_looked_for_below_master() -> None:
    idled = process(40, "idled", "/usr/lib/cyrus/bin/idled", ppid=MASTER)
    assert rows(children=(idled,))["DAEMON idle"].reason == "runs as pid 40"
    gone = rows()["DAEMON idle"]
    assert (gone.state, gone.reason) == ("failed", "no idled runs below cyrmaster")


def test_without_a_master_nothing_is_run() -> None:
    found = rows(*AT_START, started=None)
    assert {row.state for name, row in found.items() if not name.startswith("START")} == {"unknown"}
    assert found["EVENTS checkpoint"].last is not None
    assert found["EVENTS checkpoint"].next is None


def test_passwords_in_commands_are_masked() -> None:
    conf = b'EVENTS {\n a cmd="ldapsearch -w secret" period=5\n}\n'
    assert rows(conf=conf)["EVENTS a"].cmd == "ldapsearch -w ***"


def test_where_the_log_does_not_reach_the_start_every_run_is_an_events() -> None:
    lines = ["Nov 22 04:01:00 mail cyrus/cyr_expire[9]: duplicate_prune: purged 0 out of 0 entries"]
    started = moment("00:00:00") - 86400 * 3
    master = Master(MASTER, started, "cyrus", (), "/etc/imapd.conf", "/etc/cyrus.conf")
    found = schedule(
        parse_cyrus_conf(CONF), read_master_log(records(lines)), master, (), NOON, ZoneInfo("UTC")
    )
    rows = {f"{row.section} {row.name}": row for row in found}
    assert rows["EVENTS delprune"].state == "ok"
    assert rows["EVENTS delprune"].last is not None
    start = rows["START delprune"]
    assert (start.last, start.reason) == (None, "the log does not go back to cyrmaster's start")
