"""The lint of what imapd.conf names on the disk: directories, files, certificates and keys."""

from __future__ import annotations

import os
import struct
import subprocess
import time
from pathlib import Path

import pytest

from cyrtui.config.certificate import misfit, validity
from cyrtui.config.lint import Finding, lint
from cyrtui.errors import FileUnreadable
from cyrtui.host.local import LocalHost
from cyrtui.host.permission import READ, SEARCH, denied
from cyrtui.host.tree import TreeHost

DAY = 86_400.0


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two self-signed certificates for 60 days, each with its key, and one key under a password."""
    place = tmp_path_factory.mktemp("pems")
    for name in ("one", "two"):
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        out = ("-keyout", f"{place}/{name}.key", "-out", f"{place}/{name}.pem")
        subprocess.run(
            ("openssl", "req", "-x509", *key, "-days", "60", "-subj", "/CN=imap.example.net", *out),
            check=True,
            capture_output=True,
        )
    locked = ("-aes256", "-passout", "pass:secret", "-out", f"{place}/locked.key")
    subprocess.run(("openssl", "ec", "-in", f"{place}/one.key", *locked), check=True, capture_output=True)
    return place


class At(TreeHost):
    """A tree at another time."""

    def __init__(self, root: Path, days: float) -> None:
        super().__init__(str(root))
        self._days = days

    def now(self) -> float:
        return time.time() + self._days * DAY


def of_pair(root: Path, certificate: str, key: str, days: float = 0.0) -> list[tuple[int, str, str]]:
    text = (
        "configdirectory: /\nallowplaintext: no\naltnamespace: no\nunixhierarchysep: no\n"
        f"delete_mode: delayed\nexpunge_mode: delayed\n"
        f"tls_server_cert: {certificate}\ntls_server_key: {key}\n"
    )
    found = lint({"/etc/imapd.conf": text.encode()}, At(root, days), version="3.6.1")
    return [(one.line, one.severity, one.code) for one in found if one.line > 1]


class TestCertificates:
    def test_a_pair_that_fits(self, pems: Path) -> None:
        assert of_pair(pems, "/one.pem", "/one.key") == []

    def test_a_key_of_another_certificate(self, pems: Path) -> None:
        assert of_pair(pems, "/one.pem", "/two.key") == [(8, "error", "key-mismatch")]

    def test_the_two_changed_places(self, pems: Path) -> None:
        assert of_pair(pems, "/one.key", "/one.pem") == [
            (7, "error", "certificate-unusable"),
            (8, "error", "key-unusable"),
        ]

    def test_a_key_under_a_password(self, pems: Path) -> None:
        assert of_pair(pems, "/one.pem", "/locked.key") == [(8, "error", "key-encrypted")]

    def test_a_key_that_one_may_not_read(self, pems: Path) -> None:
        class Closed(At):
            def read(self, path: str, limit: int = 1 << 20) -> bytes:
                if path == "/one.key":
                    raise FileUnreadable(path, f"{path} cannot be read: Permission denied.")
                return super().read(path, limit)

        text = "configdirectory: /\ntls_server_cert: /one.pem\ntls_server_key: /one.key\n"
        found = lint({"/etc/imapd.conf": text.encode()}, Closed(pems, 0), version="3.6.1")
        (said,) = [one for one in found if one.line == 3]
        assert (said.severity, said.code) == ("advice", "key-not-compared")
        assert "You may not read /one.key" in said.sentence

    def test_files_that_are_not_there(self, pems: Path) -> None:
        assert of_pair(pems, "/three.pem", "/three.key") == [
            (7, "error", "path-missing"),
            (8, "error", "path-missing"),
        ]

    @pytest.mark.parametrize(
        ("days", "severity", "code"),
        [
            (-2.0, "warning", "certificate-not-yet"),
            (35.0, "advice", "certificate-ends"),
            (50.0, "warning", "certificate-ends"),
            (61.0, "warning", "certificate-expired"),
        ],
    )
    def test_dates(self, pems: Path, days: float, severity: str, code: str) -> None:
        assert of_pair(pems, "/one.pem", "/one.key", days) == [(7, severity, code)]

    def test_what_is_no_certificate_has_no_dates(self) -> None:
        assert validity(b"") is None
        assert validity(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n") is None
        assert misfit(b"", b"") == ("key-unusable", "holds no private key")


class TestPermission:
    """As root, of a user who is not: what he may do."""

    def test_a_closed_directory_above_is_named(self, tmp_path: Path) -> None:
        closed = tmp_path / "live"
        closed.mkdir(0o700)
        (closed / "key").touch(0o644)
        tmp_path.chmod(0o755)
        why = denied(str(closed / "key"), "nobody", READ)
        assert why is not None
        assert "nobody may not search" in why

    @pytest.mark.parametrize(("mode", "free"), [(0o644, True), (0o640, False), (0o600, False)])
    def test_modes(self, mode: int, free: bool) -> None:
        path = Path(f"/tmp/cyrtui-permission-{os.getpid()}")
        path.touch()
        try:
            path.chmod(mode)
            assert (denied(str(path), "nobody", READ) is None) is free
        finally:
            path.unlink()

    def test_an_access_control_list_opens_what_the_mode_closes(self) -> None:
        import pwd

        path = Path(f"/tmp/cyrtui-acl-{os.getpid()}")
        path.touch(0o600)
        try:
            uid = pwd.getpwnam("nobody").pw_uid
            nobody = 0xFFFFFFFF
            entries = ((1, 6, nobody), (2, 4, uid), (4, 0, nobody), (16, 4, nobody), (32, 0, nobody))
            value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
            assert denied(str(path), "nobody", READ) is not None
            os.setxattr(path, "system.posix_acl_access", value)
            assert denied(str(path), "nobody", READ) is None
            assert denied(str(path), "nobody", READ | SEARCH) is not None
        finally:
            path.unlink()

    def test_root_and_strangers(self) -> None:
        assert denied("/etc/shadow", "root", READ) is None
        assert denied("/etc/shadow", "no-such-user-here", READ) is None
        assert denied("/no/such/file", "nobody", READ) is None

    def test_the_lint_says_so(self, pems: Path) -> None:
        found = self.of_local(pems)
        assert [(one.line, one.severity, one.code) for one in found if one.code == "path-closed"] == [
            (2, "error", "path-closed")
        ]
        assert "user nobody may not" in next(one.sentence for one in found if one.code == "path-closed")

    @staticmethod
    def of_local(pems: Path) -> tuple[Finding, ...]:
        text = f"configdirectory: /tmp\ntls_server_cert: {pems}/one.pem\n"
        text += "tls_server_key: disabled\ncyrus_user: nobody\n"
        return lint({"/etc/imapd.conf": text.encode()}, LocalHost(), version="3.12.3", ask_cyrus=False)
