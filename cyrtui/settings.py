"""cyrtui's own settings, and where each value came from.

Later sources win over earlier ones: the defaults, /etc/cyrtui.toml, the user's own cyrtui.toml (the file
named by --config stands in its place), CYRTUI_* in the environment, flags on the command line. `read_only` is
the exception: wherever it is true it stays true, so that an administrator's file cannot be overruled.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Final, NamedTuple

from cyrtui.errors import SettingsError
from cyrtui.inert import inert

SYSTEM_FILE: Final = "/etc/cyrtui.toml"
_KINDS: Final = {str: "a string", bool: "true or false", list: "a list of strings"}

Value = str | bool | tuple[str, ...] | None


class Setting(NamedTuple):
    """One documented setting: its name, what it is for, its kind (str, bool, list) and its default."""

    name: str
    meaning: str
    kind: type[str] | type[bool] | type[list[str]]
    default: Value


SETTINGS: Final = (
    Setting("cyrus_conf", "master's configuration", str, "/etc/cyrus.conf"),
    Setting("imapd_conf", "the services' configuration", str, "/etc/imapd.conf"),
    Setting("mail_log", "the log with mail.*; found by itself when not set", str, None),
    Setting("auth_log", "the log with auth; found by itself when not set", str, None),
    Setting("slapd_log", "the log with local4; found by itself when not set", str, None),
    Setting("ask_directory", "ask OpenLDAP whose entry a DN is; never in a recording", bool, default=False),
    Setting("ldap_uri", "where to ask it; sasl_ldapdb_uri of imapd.conf when not set", str, None),
    Setting("ldap_ca_file", "the authorities that its certificate is verified against", str, None),
    Setting("ldap_bind_dn", "the DN to ask it as; anonymous when not set", str, None),
    Setting("ldap_password_file", "the file with the password of ldap_bind_dn", str, None),
    Setting("archive_cache", "folder to keep compressed logs in unpacked; none when not set", str, None),
    Setting("slow_login", "seconds from which on a login is slow", str, "2"),
    Setting("read_only", "change nothing; true anywhere wins", bool, default=False),
    Setting("state_directory", "where applied edits are recorded; /var/lib/cyrtui for root", str, None),
    Setting("restart_command", "arguments of the command that restarts Cyrus", list, None),
    Setting("reload_command", "arguments of the command that makes master read its files again", list, None),
)
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}


class Sourced(NamedTuple):
    """A value and the words for where it came from, such as `default` or `/etc/cyrtui.toml`."""

    value: Value
    origin: str


class Settings(NamedTuple):
    """All settings of this run, by name."""

    values: Mapping[str, Sourced]

    def text(self, name: str) -> str | None:
        """The value of a setting of kind str."""
        value = self.values[name].value
        return value if isinstance(value, str) else None

    def seconds(self, name: str) -> float:
        """The value of a setting in seconds. Raises `SettingsError` where it is no number over 0."""
        text = self.text(name) or ""
        try:
            found = float(text)
        except ValueError:
            found = 0.0
        if not 0 < found < 86_400:
            origin = self.values[name].origin
            raise SettingsError(
                f"{name} is “{inert(text)}” ({origin}), and must be a number of seconds, such as 2 or 0.5."
            )
        return found

    def path(self, name: str) -> str:
        """The value of a setting that has a default path."""
        value = self.values[name].value
        if not isinstance(value, str):
            raise SettingsError(f"The setting {name} has no value.")
        return value

    def switch(self, name: str) -> bool:
        """The value of a setting of kind bool."""
        return self.values[name].value is True

    @property
    def read_only(self) -> bool:
        return self.values["read_only"].value is True


def load_settings(
    flags: Mapping[str, Value],
    *,
    config: str | None = None,
    environment: Mapping[str, str] | None = None,
    system_file: str = SYSTEM_FILE,
) -> Settings:
    """Settings from every source. `flags` holds only what was really given on the command line.

    Raises `SettingsError`, naming source and setting, for a file that is no TOML, an unknown name, or a
    value of the wrong kind; and for a --config file that is not there.
    """
    environment = os.environ if environment is None else environment
    found = {setting.name: Sourced(setting.default, "default") for setting in SETTINGS}
    for origin, layer in (
        (system_file, _file(system_file, must_exist=False)),
        (config or _user_file(), _file(config or _user_file(), must_exist=config is not None)),
        ("environment", _environment(environment)),
        ("command line", dict(flags)),
    ):
        for name, value in layer.items():
            if name == "read_only" and found[name].value is True:
                continue
            shown = f"CYRTUI_{name.upper()} in the environment" if origin == "environment" else origin
            found[name] = Sourced(value, inert(shown))
    return Settings(found)


def _user_file() -> str:
    """Where the XDG Base Directory Specification has it; platformdirs would be a tenth of the start."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(home):
        home = os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "cyrtui", "cyrtui.toml")


def _file(path: str, *, must_exist: bool) -> dict[str, Value]:
    name = inert(path)
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"{name} does not exist; --config needs a settings file.") from None
        return {}
    except OSError as error:
        # A home that cannot be searched holds no settings for this user; the system's file must be readable.
        if not must_exist and path != SYSTEM_FILE and isinstance(error, NotADirectoryError | PermissionError):
            return {}
        raise SettingsError(f"{name} cannot be read: {os.strerror(error.errno or 0)}.") from error
    # most runs have no settings file, and every subcommand would pay for the parser
    import tomllib

    try:
        data = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name} is no TOML: {inert(str(error))}. Mend or remove it.") from error
    return {key: _checked(key, value, name) for key, value in data.items()}


def _checked(key: str, value: object, origin: str) -> Value:
    setting = _BY_NAME.get(key)
    if setting is None:
        known = ", ".join(_BY_NAME)
        raise SettingsError(f'{origin}: there is no setting "{inert(key)}". The settings are: {known}.')
    if setting.kind is bool and isinstance(value, bool):
        return value
    if setting.kind is str and isinstance(value, str) and value:
        return value
    if setting.kind is list and isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return tuple(value)
    raise SettingsError(f"{origin}: {key} must be {_KINDS[setting.kind]}, and not empty.")


def _environment(environment: Mapping[str, str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for setting in SETTINGS:
        variable = f"CYRTUI_{setting.name.upper()}"
        text = environment.get(variable)
        if not text:
            continue
        if setting.kind is bool:
            found[setting.name] = _switch(text, variable)
        elif setting.kind is list:
            try:
                found[setting.name] = tuple(shlex.split(text))
            except ValueError as error:
                raise SettingsError(f"{variable} cannot be split into arguments: {error}.") from error
        else:
            found[setting.name] = text
    return found


def _switch(text: str, variable: str) -> bool:
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise SettingsError(f'{variable} must be 1 or 0 (or true, false), not "{inert(text)}".')
