"""How Cyrus is restarted and reloaded, by what is found on the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyrtui.apply.ways import Ways, find_ways
from cyrtui.host.facts import FileFacts
from cyrtui.services.observed import Master
from cyrtui.settings import load_settings
from tests.services.builders import FakeHost

MASTER = Master(240, 0.0, "cyrus", ("cyrmaster",), "/etc/imapd.conf", "/etc/cyrus.conf")
UNIT = b"[Service]\nExecStart=/usr/sbin/cyrmaster\n"
SYSTEMD = {"/run/systemd/system": b"", "/usr/bin/systemctl": b""}
PLACE = "/lib/systemd/system/cyrus-imapd.service"
CGROUP = b"0::/system.slice/cyrus-imapd.service\n"


class Host(FakeHost):
    def stat(self, path: str) -> FileFacts:
        return super().stat(path)._replace(mode=0o755)


def ways(files: dict[str, bytes], master: Master | None = MASTER, **flags: tuple[str, ...]) -> Ways:
    settings = load_settings(dict(flags), environment={}, system_file="/nonexistent", config=None)
    return find_ways(Host(files, None), settings, master)


def words(found: Ways) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    return (
        found.reload.words if found.reload else None,
        found.restart.words if found.restart else None,
    )


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_the_settings_come_first() -> None:
    found = ways({**SYSTEMD, PLACE: UNIT}, restart_command=("/r", "x"), reload_command=("/l",))
    assert words(found) == (("/l",), ("/r", "x"))
    assert found.restart is not None
    assert found.restart.source.startswith("the setting restart_command (")


def test_debians_unit_has_no_reload_so_that_it_is_a_sighup() -> None:
    files = {**SYSTEMD, PLACE: UNIT, "/proc/240/cgroup": CGROUP}
    found = ways(files)
    assert words(found) == ((), ("/usr/bin/systemctl", "restart", "cyrus-imapd.service"))
    assert found.reload is not None
    assert found.reload.shown == "SIGHUP to cyrmaster"
    dropin = {
        "/etc/systemd/system/cyrus-imapd.service.d/x.conf": b"[Service]\nExecReload=/bin/kill -HUP $MAINPID\n"
    }
    assert words(ways(files | dropin))[0] == ("/usr/bin/systemctl", "reload", "cyrus-imapd.service")


def test_a_unit_of_another_name_is_found_by_the_process() -> None:
    files = {
        **SYSTEMD,
        "/etc/systemd/system/mail.service": UNIT,
        "/proc/240/cgroup": b"1:name=systemd:/system.slice/mail.service\n",
    }
    assert words(ways(files))[1] == ("/usr/bin/systemctl", "restart", "mail.service")


def test_a_cyrmaster_that_systemd_did_not_start_is_none_of_its() -> None:
    session = b"0::/user.slice/user-0.slice/session-3.scope\n"
    found = ways({**SYSTEMD, PLACE: UNIT, "/proc/240/cgroup": session})
    assert words(found) == ((), None)
    assert found.problem is not None
    assert "was not started by systemd" in found.problem


def test_the_unit_starts_a_cyrmaster_that_does_not_run() -> None:
    found = ways({**SYSTEMD, PLACE: UNIT}, None)
    assert words(found) == (None, ("/usr/bin/systemctl", "restart", "cyrus-imapd.service"))


def test_the_script_of_2_2() -> None:
    found = ways({"/etc/init.d/cyrus2.2": b"case $1 in restart) ;; reload|force-reload) ;; esac"})
    assert words(found) == (("/etc/init.d/cyrus2.2", "reload"), ("/etc/init.d/cyrus2.2", "restart"))


def test_where_nothing_is_known_it_is_said() -> None:
    found = ways({})
    assert words(found) == ((), None)
    assert found.problem is not None
    assert "Set restart_command in /etc/cyrtui.toml" in found.problem
