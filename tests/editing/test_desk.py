"""The desk: which files there are, the lint of texts that are nowhere yet, and what is not written over."""

import shutil
from pathlib import Path

import pytest

from cyrtui.access import Gate, open_gate
from cyrtui.editing.desk import Candidate, EditingDesk
from cyrtui.errors import AccessDenied, CyrtuiError
from cyrtui.host.local import LocalHost
from cyrtui.host.tree import TreeHost
from cyrtui.settings import load_settings

RECORDED = Path(__file__).parents[1] / "recordings/configurations/cyrus-3.12.3"
OPERATOR = open_gate(read_only=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """cyrus.conf with a service of its own imapd.conf, and an imapd.conf that includes another file."""
    for name in ("cyrus.conf", "imapd.conf"):
        shutil.copy(RECORDED / name, tmp_path / name)
    conf = (tmp_path / "cyrus.conf").read_text()
    (tmp_path / "cyrus.conf").write_text(conf.replace("lmtpd -a", f"lmtpd -a -C {tmp_path}/lmtp.conf"))
    imapd = (tmp_path / "imapd.conf").read_text()
    (tmp_path / "imapd.conf").write_text(f"{imapd}@include: {tmp_path}/more.conf\n")
    (tmp_path / "more.conf").write_text("sasl_minimum_layer: 0\n")
    (tmp_path / "lmtp.conf").write_text(imapd)
    return tmp_path


def desk_of(place: Path, gate: Gate | None = OPERATOR) -> EditingDesk:
    environment = {f"CYRTUI_{name}_CONF": str(place / f"{name.lower()}.conf") for name in ("CYRUS", "IMAPD")}
    return EditingDesk(
        LocalHost(), load_settings({}, environment=environment, system_file="/nonexistent"), gate
    )


def test_every_file_that_the_server_reads(place: Path) -> None:
    found = [(Path(sheet.path).name, sheet.role) for sheet in desk_of(place).open()]
    assert found == [
        ("cyrus.conf", "cyrus.conf"),
        ("imapd.conf", "imapd.conf"),
        ("lmtp.conf", "of a service"),
        ("more.conf", "included"),
    ]


def test_a_text_is_linted_with_the_others_as_they_are_typed(place: Path) -> None:
    desk = desk_of(place)
    texts = {sheet.path: sheet.data or b"" for sheet in desk.open()}
    before = {(one.file, one.code) for one in desk.lint(texts)}
    more, imapd = str(place / "more.conf"), str(place / "imapd.conf")
    texts[more] += b"timeout: 60\n"
    found = next(one for one in desk.lint(texts) if one.code == "option-twice")
    assert (found.file, found.line) == (more, 2)
    assert f"line 12 of {imapd}" in found.sentence
    # without the first one it is right
    texts[imapd] = texts[imapd].replace(b"timeout: 30\npop", b"pop")
    assert {(one.file, one.code) for one in desk.lint(texts)} == before


def test_a_file_that_changed_on_the_disk_is_seen_and_never_written_over(place: Path) -> None:
    desk = desk_of(place)
    sheet = desk.open()[0]
    assert desk.reread(sheet) is None
    Path(sheet.path).write_text("START {\n}\n")
    now = desk.reread(sheet)
    assert now is not None
    assert now.data == b"START {\n}\n"
    with pytest.raises(CyrtuiError, match="was changed on the disk since it was read here"):
        desk.plan(Candidate(sheet.path, sheet.data, b""))
    Path(sheet.path).unlink()
    gone = desk.reread(sheet)
    assert gone is not None
    assert gone.problem.endswith("does not exist.")


def test_a_read_only_run_and_a_copied_tree_are_viewers(place: Path) -> None:
    desk = desk_of(place, None)
    sheet = desk.open()[0]
    assert desk.why_viewer == "viewer: this run is read-only"
    for refused in (
        lambda: desk.reveal(sheet.path),
        lambda: desk.plan(Candidate(sheet.path, sheet.data, b"")),
    ):
        with pytest.raises(AccessDenied, match="read-only"):
            refused()
    assert desk.unfinished() == ()
    tree = EditingDesk(
        TreeHost(str(place)), load_settings({}, environment={}, system_file="/nonexistent"), OPERATOR
    )
    assert tree.why_viewer == "viewer: a copied tree"
    assert [sheet.problem != "" for sheet in tree.open()] == [True, True]
    assert tree.edits() == ()
