"""What Cyrus's own parser says of the files (`cyr_info conf-lint`), as far as ours did not say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cyrtui.config.finding import Finding
from cyrtui.config.imapd_conf import ImapdConf
from cyrtui.config.subject import Subject
from cyrtui.inert import inert


def cyrus_says(subject: Subject, found: Sequence[Finding]) -> Iterator[Finding]:
    """Findings for what is not among `found`: a fault is named once, in our words where we have them."""
    # none at all would be a fault of its own
    cyrus = b"".join(subject.cyrus.raw) if subject.cyrus is not None else b""
    for path, conf in subject.imapd.items():
        if path not in subject.given:
            continue
        said = subject.host.conf_lint(subject.given[path], cyrus)
        if said is None:
            continue
        if said.fatal is not None:
            if not any(one.severity == "error" for one in found):
                yield _fatal(subject, conf, said.fatal, said.line)
            continue
        named = {(one.file, one.line) for one in found}
        for key in said.unknown:
            setting = next((one for one in conf.settings if one.option == key), None)
            if setting is not None and (setting.path, setting.line) not in named:
                yield Finding(
                    setting.path,
                    setting.line,
                    "warning",
                    "conf-lint",
                    f"Cyrus's own check (cyr_info conf-lint) does not know {setting.option}.",
                    "Mend its name, or take the line out.",
                )


def _fatal(subject: Subject, conf: ImapdConf, sentence: str, line: int | None) -> Finding:
    """The death of the parser. In a cyrus.conf it speaks of quotes, names and arguments; else of options."""
    path = conf.path
    words = ('missing "', "bad character", "too many arguments")
    if subject.cyrus is not None and any(word in sentence for word in words):
        path = subject.cyrus.path
    return Finding(
        inert(path),
        line or 1,
        "error",
        "conf-lint",
        f"Cyrus's own check (cyr_info conf-lint) stops: {sentence}.",
        "Mend the line that it names.",
    )
