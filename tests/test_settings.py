"""Settings: who wins, and that each value knows where it came from."""

from pathlib import Path

import pytest

from cyrtui.errors import SettingsError
from cyrtui.settings import Settings, Value, load_settings


def load(
    tmp_path: Path,
    *,
    system: str = "",
    own: str = "",
    environment: dict[str, str] | None = None,
    flags: dict[str, Value] | None = None,
) -> Settings:
    (tmp_path / "system.toml").write_text(system)
    (tmp_path / "own.toml").write_text(own)
    return load_settings(
        flags or {},
        config=str(tmp_path / "own.toml"),
        environment=environment or {},
        system_file=str(tmp_path / "system.toml"),
    )


def test_later_sources_win_and_say_where_they_are(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        system='mail_log = "/a"\nauth_log = "/b"\nslapd_log = "/c"',
        own='auth_log = "/bb"\nslapd_log = "/cc"',
        environment={"CYRTUI_SLAPD_LOG": "/ccc"},
    )
    assert [settings.text(name) for name in ("mail_log", "auth_log", "slapd_log")] == ["/a", "/bb", "/ccc"]
    assert settings.values["mail_log"].origin.endswith("system.toml")
    assert settings.values["auth_log"].origin.endswith("own.toml")
    assert settings.values["slapd_log"].origin == "CYRTUI_SLAPD_LOG in the environment"
    assert settings.values["cyrus_conf"].origin == "default"


def test_read_only_cannot_be_taken_back(tmp_path: Path) -> None:
    settings = load(
        tmp_path, system="read_only = true", own="read_only = false", environment={"CYRTUI_READ_ONLY": "0"}
    )
    assert settings.read_only
    assert settings.values["read_only"].origin.endswith("system.toml")


def test_a_command_in_the_environment_is_split_as_a_shell_splits(tmp_path: Path) -> None:
    settings = load(tmp_path, environment={"CYRTUI_RESTART_COMMAND": "service 'cyrus imapd' restart; id"})
    assert settings.values["restart_command"].value == ("service", "cyrus imapd", "restart;", "id")


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("mail_logg = '/x'", 'there is no setting "mail_logg"'),
        ("mail_log = 3", "mail_log must be a string"),
        ("mail_log = ''", "not empty"),
        ("read_only = 'yes'", "read_only must be true or false"),
        ("restart_command = 'service x'", "restart_command must be a list of strings"),
        ("mail_log = ", "is no TOML"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_file(tmp_path: Path, own: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, own=own)
    assert words in str(caught.value)
    assert "own.toml" in str(caught.value)


def test_a_config_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        load_settings({}, config=str(tmp_path / "none.toml"), environment={})


def test_a_switch_in_the_environment_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="CYRTUI_READ_ONLY must be 1 or 0"):
        load_settings({}, environment={"CYRTUI_READ_ONLY": "perhaps"}, system_file="/nonexistent")


def test_seconds(tmp_path: Path) -> None:
    assert load(tmp_path).seconds("slow_login") == 2.0
    assert load(tmp_path, own='slow_login = "0.5"').seconds("slow_login") == 0.5
    for wrong in ("soon", "0", "-1", "inf", "nan", ""):
        settings = load(tmp_path, environment={"CYRTUI_SLOW_LOGIN": wrong or " "})
        with pytest.raises(SettingsError, match=r"CYRTUI_SLOW_LOGIN in the environment.*number of seconds"):
            settings.seconds("slow_login")
