"""What an edit changes, as a unified diff in which no password stands."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from cyrtui.config.document import lines_of
from cyrtui.config.passwords import mask_text
from cyrtui.inert import inert

_CONTEXT: Final = 3
_NO_END: Final = "\\ No newline at end of file"


def masked_diff(path: str, old: bytes, new: bytes) -> tuple[str, ...]:
    """The lines of a unified diff (diff -u), inert; empty where nothing changes.

    A password is `***` on both sides: a line that holds a new one is shown as changed all the same.
    """
    before, after = lines_of(old), lines_of(new)
    if before == after:
        return ()
    name = inert(path)
    shown = [f"--- {name}", f"+++ {name} (candidate)"]
    masked_before, masked_after = (lines_of(mask_text(path, data)) for data in (old, new))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        shown.append(f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                shown += _lines(" ", masked_before[i1:i2])
                continue
            shown += _lines("-", masked_before[i1:i2])
            shown += _lines("+", masked_after[j1:j2])
    return tuple(shown)


def _span(start: int, stop: int) -> str:
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _lines(mark: str, lines: list[bytes]) -> Iterator[str]:
    for line in lines:
        yield mark + inert(line.removesuffix(b"\n"), keep="\t")
        if not line.endswith(b"\n"):
            yield _NO_END
