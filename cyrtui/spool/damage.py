"""What is wrong with a file of the spool.

The readers of the formats get bytes and know no path: whoever opened the file names it (`Damaged.at`).
"""

from __future__ import annotations

from typing import Final

from cyrtui.errors import CyrtuiError

RECONSTRUCT: Final = "`reconstruct` of this mailbox, as the cyrus user, makes it anew"


class Damaged(CyrtuiError):
    """A file that cannot be what it should be: its `kind` (cyrus.index), `where` (byte 12), `what` is wrong,
    `remedy` what to do. `str(error)` is one sentence of them; `path` is None until it is known."""

    def __init__(self, kind: str, where: str, what: str, remedy: str, path: str | None = None) -> None:
        # the name of most files is what kind they are
        file = kind if path is None else path if path.endswith(f"/{kind}") else f"{path}: {kind}"
        super().__init__(f"{file}, {where}: {what}; {remedy}")
        self.kind = kind
        self.where = where
        self.what = what
        self.remedy = remedy
        self.path = path

    def at(self, path: str) -> Damaged:
        """The same damage, of the file at `path`."""
        return type(self)(self.kind, self.where, self.what, self.remedy, path)


class UnknownFormat(Damaged):
    """The file is of a form that this program does not read: a later Cyrus, or another kind of database."""
