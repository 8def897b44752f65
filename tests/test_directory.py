"""The directory is asked in the background, answers from memory, and tells no password to anybody."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cyrtui.directory import AskedDirectory, Bind, DirectoryError, PasswordForm, directory_of, form_of
from cyrtui.host.local import LocalHost
from cyrtui.host.tree import TreeHost
from cyrtui.settings import Settings, Value, load_settings
from tests.lab import Lab
from tests.lab.directory import ADMIN, BARE, HASHED, ORDINARY, PEOPLE, ROOT_DN, TOTO

ROOT = Path(__file__).parent.parent

ASK = """
import json, sys, warnings
warnings.filterwarnings("ignore")
from cyrtui.directory import AskedDirectory, Bind
asked = json.load(sys.stdin)
bind = Bind(*asked["bind"]) if asked["bind"] else None
directory = AskedDirectory([asked["uri"]], bind=bind)
first = [directory.names(dn) for dn in asked["dns"]]
assert directory.wait_idle(20)
told = [[sorted(directory.names(dn) or []), directory.password(dn)] for dn in asked["dns"]]
held = directory._connection
kept = repr([vars(one) for one in (directory, held, held and held.strategy) if one is not None])
directory.stop()
print(json.dumps({"first": [one is None for one in first], "told": told, "problem": directory.problem,
                  "inside": kept}))
"""


def ask_inside(lab: Lab, dns: list[str], bind: tuple[str, str] | None = None) -> dict[str, Any]:
    """What the lab's slapd lets us know, asked from inside the lab."""
    asked = json.dumps({"uri": "ldap://localhost", "bind": bind, "dns": dns})
    done = lab.run([sys.executable, "-c", ASK], input=asked, cwd=ROOT, timeout=60)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_names_are_asked_for_without_a_name_and_never_waited_for(lab: Lab) -> None:
    dns = [TOTO.dn, HASHED.dn, f"cn=nobody,{PEOPLE}", "no dn at all"]
    told = ask_inside(lab, dns)
    assert told["first"] == [True] * 4
    assert told["told"] == [
        [[TOTO.uid, TOTO.cn] if TOTO.uid < TOTO.cn else [TOTO.cn, TOTO.uid], None],
        [sorted([HASHED.uid, HASHED.cn]), None],
        [[], None],
        [[], None],
    ]
    assert told["problem"] is None


def test_a_password_is_known_by_its_form_only_and_only_to_a_bind_that_may_read_it(lab: Lab) -> None:
    julien = ORDINARY[1]
    dns = [julien.dn, HASHED.dn, BARE.dn]
    told = ask_inside(lab, dns, (ROOT_DN, ADMIN.password))
    assert [form for _, form in told["told"]] == ["clear", "hashed", "missing"]
    assert julien.password not in told["inside"]
    assert "SSHA" not in told["inside"]
    # who may read his own alone learns nothing of the others, not even that it is missing
    told = ask_inside(lab, dns, (HASHED.dn.replace(",", ", "), HASHED.password))
    assert [form for _, form in told["told"]] == [None, "hashed", None]


def test_a_wrong_password_is_a_sentence_without_it(lab: Lab) -> None:
    told = ask_inside(lab, [TOTO.dn], (ROOT_DN, "not-the-right-one"))
    assert told["told"] == [[[], None]]
    assert f"does not let {ROOT_DN} in" in told["problem"]
    assert "not-the-right-one" not in told["problem"]


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ([], None),
        ([b"secret"], "clear"),
        ([b"{CLEARTEXT}secret"], "clear"),
        ([b"{SSHA}abc"], "hashed"),
        ([b"{SSHA}abc", b"secret"], "clear"),
        ([b"{crypt}$6$x"], "hashed"),
        ([b"{ no scheme"], "clear"),
        ([b"\xff\x00"], "clear"),
    ],
)
def test_forms(values: list[bytes], form: PasswordForm | None) -> None:
    assert form_of(values) == form


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port that takes connections, with or without TLS, and never answers."""
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                taken = server.accept()[0]
                kept.append(context.wrap_socket(taken, server_side=True) if context else taken)
            except ssl.SSLError:
                continue
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for one in kept:
                one.close()


def problem_of(directory: AskedDirectory) -> str:
    assert directory.names(TOTO.dn) is None
    assert directory.wait_idle(20)
    directory.stop()
    assert directory.names(TOTO.dn) is None
    assert directory.problem is not None
    return directory.problem


def test_a_server_that_never_answers_holds_nobody_up() -> None:
    with listening() as port:
        problem = problem_of(AskedDirectory([f"ldap://127.0.0.1:{port}"], timeout=0.3))
    assert "did not answer" in problem


def test_nobody_there_is_a_sentence_for_each_that_was_tried() -> None:
    problem = problem_of(AskedDirectory(["ldap://127.0.0.1:1", "ldap://127.0.0.1:2"], timeout=0.3))
    assert "ldap://127.0.0.1:1 cannot be asked" in problem
    assert "ldap://127.0.0.1:2 cannot be asked" in problem


# what ldap3 calls is old, and it leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore:ssl.match_hostname:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 "
        f"-keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with listening(context) as port:
        uris = [f"ldaps://127.0.0.1:{port}"]
        assert "certificate verify failed" in problem_of(AskedDirectory(uris, timeout=0.5))
        # the same server with an authority that is known gets as far as being asked
        assert "did not answer" in problem_of(AskedDirectory(uris, timeout=0.5, ca_file=str(certificate)))


def test_a_password_does_not_leave_the_machine_without_tls() -> None:
    directory = AskedDirectory(["ldap://192.0.2.1"], bind=Bind("cn=x", "secret"), timeout=0.2)
    assert "secret" not in problem_of(directory)
    assert "secret" not in repr(vars(directory))


def settings(**values: Value) -> Settings:
    return load_settings(values, environment={}, system_file="/nonexistent")


def test_it_is_asked_only_when_wanted_and_only_of_a_live_server(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    conf = tmp_path / "etc/imapd.conf"
    conf.write_text("sasl_ldapdb_uri: ldap://one ldap://two\n")
    tree, live = TreeHost(str(tmp_path)), LocalHost()
    assert directory_of(tree, settings(ask_directory=True)) is None
    assert directory_of(live, settings(imapd_conf=str(conf))) is None
    found = directory_of(live, settings(imapd_conf=str(conf), ask_directory=True))
    assert found is not None
    assert vars(found)["_uris"] == ("ldap://one", "ldap://two")
    assert directory_of(live, settings(imapd_conf="/nonexistent", ask_directory=True)) is None
    other = directory_of(live, settings(ldap_uri="ldapi:///", imapd_conf=str(conf), ask_directory=True))
    assert other is not None
    assert vars(other)["_uris"] == ("ldapi:///",)
    live.close()


def test_a_password_file_that_is_empty_or_not_there_is_refused(tmp_path: Path) -> None:
    live = LocalHost()
    for content in (b"", b"\n", b"\xff"):
        (tmp_path / "password").write_bytes(content)
        with pytest.raises(DirectoryError):
            directory_of(
                live,
                settings(
                    ask_directory=True,
                    ldap_uri="ldapi:///",
                    ldap_bind_dn="cn=x",
                    ldap_password_file=str(tmp_path / "password"),
                ),
            )
    live.close()
