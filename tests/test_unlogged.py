"""What is in no log, told from configurations alone; the states of services are proven in the lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyrtui.config.imapd_conf import parse_imapd_conf
from cyrtui.host.tree import TreeHost
from cyrtui.services.board import ServiceBoard, observe_services
from cyrtui.unlogged import _refused, unlogged

CYRUS = """\
SERVICES {
  imap  cmd="imapd" listen="imap"
  pop3  cmd="pop3d" listen="pop3"
  imaps cmd="imapd -s" listen="imaps"
  lmtp  cmd="lmtpd" listen="/run/lmtp"
}
"""


@pytest.mark.parametrize(
    ("imapd", "services"),
    [
        ("allowplaintext: no\n", "imap and pop3 refuse a password"),
        ("allowplaintext: yes\n", None),
        ("allowplaintext: yes\nimap_allowplaintext: no\n", "imap refuses a password"),
        ("configdirectory: /x\n", "imap and pop3 refuse a password"),
    ],
)
def test_who_refuses_passwords_in_the_clear(tmp_path: Path, imapd: str, services: str | None) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/cyrus.conf").write_text(CYRUS)
    (tmp_path / "etc/imapd.conf").write_text(imapd)
    host = TreeHost(str(tmp_path))
    board = observe_services(host)
    assert isinstance(board, ServiceBoard)
    found = list(_refused(board, {"/etc/imapd.conf": parse_imapd_conf(host.read, "/etc/imapd.conf")}))
    assert [one.cause for one in found] == (["plaintext-refused"] if services else [])
    if services:
        assert found[0].explanation.startswith(services)
    assert unlogged(host, "/etc/cyrus.conf") == (), "a copied tree has no processes to be full"
