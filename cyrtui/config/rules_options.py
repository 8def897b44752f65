"""Options of imapd.conf and their values as each version takes them (config_read_file of lib/libconfig.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cyrtui.config.finding import Finding
from cyrtui.config.imapd_conf import RENAMED, ImapdConf, Setting
from cyrtui.config.nearest import nearest
from cyrtui.config.options import Option, series
from cyrtui.config.passwords import is_secret_option
from cyrtui.config.subject import Subject
from cyrtui.inert import inert

# names that end in what the administrator chose (config_partitiondir, mboxname_metapath and others)
_OPEN: Final = re.compile(
    r"(?:(?:meta|archive)?partition|search(?:tier)?partition|backuppartition|metadir-[a-z]+)-[a-z0-9]+"
    r"|[a-z0-9]+searchpartition-[a-z0-9]+|sasl_[a-z0-9_-]+"
)
_INT: Final = re.compile(r"[ \t\n\r\v\f]*[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_OCTAL: Final = re.compile(r"[ \t\n\r\v\f]*[+-]?0[0-7]+")
_DURATION: Final = re.compile(r"-?(?:[0-9]+[dhms])*[0-9]*")
_BYTESIZE: Final = re.compile(r"[ \t\n\r\v\f]*[+-]?[0-9]+(?:[ \t\n\r\v\f]*[kKmMgG][iI]?)?[ \t\n\r\v\f]*[bB]?")
_ON: Final = frozenset({"1", "yes", "t", "true"})
_OFF: Final = frozenset({"0", "no", "f", "false"})


def options(subject: Subject) -> Iterator[Finding]:
    """Unknown and misspelt names, renamed ones, and values that Cyrus refuses."""
    for path, conf in subject.imapd.items():
        services = subject.services_of(path)
        for setting in conf.settings:
            yield from _setting(subject, conf, setting, services)


def _setting(
    subject: Subject, conf: ImapdConf, setting: Setting, services: tuple[str, ...]
) -> Iterator[Finding]:
    name = setting.option
    option, service = subject.table.get(name), None
    if option is None:
        service = next((one for one in services if name.startswith(f"{one.lower()}_")), None)
        option = subject.table.get(name[len(service) + 1 :]) if service else None
    if option is None:
        if not _OPEN.fullmatch(name) and not (service and _OPEN.fullmatch(name[len(service) + 1 :])):
            yield _unknown(subject, setting)
        yield from _comment(setting)
        return
    yield from _comment(setting)
    refused = refusal(option, setting.value)
    if refused is not None:
        whom = f"no process of {service} starts" if service else "no service starts"
        yield Finding(setting.path, setting.line, "error", *_refused(option, setting, refused, whom))
    if option.kind == "INT" and _OCTAL.fullmatch(setting.value):
        yield Finding(
            setting.path,
            setting.line,
            "warning",
            "octal-number",
            f"{name}: Cyrus takes {setting.value} for octal, which is {int(setting.value, 8)}.",
            "Leave the 0 in front out.",
        )
    new = option.replaced_by or (RENAMED.get(option.name) if subject.since(2, 5) else None)
    if new and conf.setting(option.name) is not setting and subject.table.get(new) is not None:
        yield Finding(
            setting.path,
            setting.line,
            "warning",
            "option-overruled",
            f"Cyrus ignores {option.name}: {new}, its new name, is set as well.",
            "Take this line out.",
        )
    elif new and subject.table.get(new) is not None:
        since = f" since {option.deprecated_since}" if option.deprecated_since else ""
        yield Finding(
            setting.path,
            setting.line,
            "advice",
            "option-renamed",
            f"{option.name} is called {new}{since}; Cyrus takes the old name, with a warning at each start.",
            f"Write {new} in its place.",
        )


def _comment(setting: Setting) -> Iterator[Finding]:
    """imapd.conf knows no comment behind a value; a password may hold what looks like one."""
    value = setting.value
    at = max(value.find(" #"), value.find("\t#"))
    if at >= 0 and not is_secret_option(setting.option):
        yield Finding(
            setting.path,
            setting.line,
            "warning",
            "comment-in-value",
            f"Cyrus takes “{value[at + 1 :]}” for a part of the value of {setting.option}.",
            "Put the comment on a line of its own.",
        )


def _refused(option: Option, setting: Setting, refused: tuple[str, str], whom: str) -> tuple[str, str, str]:
    wanted, remedy = refused
    return "bad-value", f"{setting.option}: “{setting.shown}” is no {wanted}: {whom}.", remedy


def refusal(option: Option, value: str) -> tuple[str, str] | None:
    """What Cyrus would rather have (“number”) and how to mend it, where it refuses a value; else None."""
    if option.kind == "SWITCH" and not value.startswith(("0", "n", "of", "f", "1", "y", "on", "t")):
        return "switch", "Write yes or no, in small letters."
    if option.kind == "INT" and not _INT.fullmatch(value):
        return "number", "Write a whole number and nothing behind it."
    if option.kind == "DURATION" and not _DURATION.fullmatch(value):
        return "duration", "Write a number with d, h, m or s behind it, such as 30m or 1h30m."
    if option.kind == "BYTESIZE" and not _BYTESIZE.fullmatch(value):
        return "size", "Write a number with K, M or G behind it, such as 20M."
    if option.values:
        words = value.split() if option.kind == "BITFIELD" else [_switched(option, value)]
        known = {spelling for spellings in option.values for spelling in spellings}
        for word in words:
            if word not in known:
                close = nearest(word, known)
                meant = f" Did you mean {close}?" if close else ""
                allowed = ", ".join(spellings[0] for spellings in option.values)
                return f"value of it (“{inert(word)}”)" if len(words) > 1 else "value of it", (
                    f"It takes: {allowed}.{meant}"
                )
    return None


def _switched(option: Option, value: str) -> str:
    if option.kind != "ENUM":
        return value
    return "on" if value in _ON else "off" if value in _OFF else value


def _unknown(subject: Subject, setting: Setting) -> Finding:
    """What is said of a name that this version does not know: it came later, has gone, or is misspelt."""
    name, table = setting.option, subject.table
    version = subject.shown_version
    known = table.known_in(name)
    if known is not None and table.index is not None:
        later = all(table.at(name, index) is None for index in range(table.index))
        new = RENAMED.get(name)
        return Finding(
            setting.path,
            setting.line,
            "warning",
            "option-not-in-version",
            f"Cyrus {version} ignores {name}: "
            + (
                f"it came with {series(known[0])}."
                if later
                else f"{series(known[1])} was the last to know it."
            ),
            f"Write {new} in its place." if new and not later else "Take the line out.",
        )
    close = nearest(name, table.names())
    return Finding(
        setting.path,
        setting.line,
        "advice" if table.beyond and not close else "warning",
        "unknown-option",
        f"Cyrus ignores {name}: "
        + (f"{version} knows no such option." if version else "no version up to 3.12 knows such an option."),
        f"Did you mean {close}?" if close else "Mend its name, or take the line out.",
    )
