"""The logs that the settings name, instead of those that would be found."""

from __future__ import annotations

from cyrtui.logs.record import LogRole
from cyrtui.settings import Settings


def overrides_of(settings: Settings) -> dict[LogRole, str]:
    """The paths of `mail_log`, `auth_log` and `slapd_log`, as far as they are set."""
    chosen = {role: settings.text(f"{role}_log") for role in LogRole}
    return {role: path for role, path in chosen.items() if path}
