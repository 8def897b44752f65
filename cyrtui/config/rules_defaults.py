"""Options that are not set and whose default has changed: an upgrade gives the same file another meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cyrtui.config.finding import Finding
from cyrtui.config.options import OptionTable, series
from cyrtui.config.subject import Subject

# Those whose change is seen by users or takes mail away; the others change how Cyrus does what it always did.
_BITE: Final = ("allowplaintext", "altnamespace", "unixhierarchysep", "delete_mode", "expunge_mode")


def defaults(subject: Subject) -> Iterator[Finding]:
    """One piece of advice an imapd.conf, on all such options together; only where the version is known."""
    if subject.table.index is None:
        return
    for path, conf in subject.imapd.items():
        if path not in subject.given:
            continue
        changed = [
            words for name in _BITE if conf.setting(name) is None and (words := _changed(subject.table, name))
        ]
        if changed:
            yield Finding(
                conf.path,
                1,
                "advice",
                "default-changed",
                f"Not set, and not what it was in older versions: {'; '.join(changed)}.",
                "Set them to what you mean, so that an upgrade changes nothing.",
            )


def _changed(table: OptionTable, name: str) -> str | None:
    """The default now and before, where there was another before; None where it was never another."""
    option = table.get(name)
    index = table.index
    if option is None or index is None:
        return None
    for earlier in range(index - 1, -1, -1):
        before = table.at(name, earlier)
        if before is not None and before.default != option.default:
            since = table.releases[earlier + 1]
            return f"{name} is {_word(option.default)} since {series(since)} ({_word(before.default)} before)"
    return None


def _word(default: str | None) -> str:
    return {"0": "no", "1": "yes", None: "unset"}.get(default, default or "unset")
