from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.config.imapd_conf import ImapdConf, parse_imapd_conf
from cyrtui.errors import FileMissing

SQUEEZE = Path(__file__).parent.parent / "recordings" / "squeeze" / "imapd.conf"
BASE = b"configdirectory: /var/lib/cyrus\n"


def read(files: dict[str, bytes] | bytes, *, continuation: bool = True) -> ImapdConf:
    by_path = {"/etc/imapd.conf": files} if isinstance(files, bytes) else files

    def reader(path: str) -> bytes:
        if path not in by_path:
            raise FileMissing(path, f"{path} does not exist.")
        return by_path[path]

    return parse_imapd_conf(reader, continuation=continuation)


def faults(conf: ImapdConf) -> list[tuple[str, int, str]]:
    return [(fault.path, fault.line, fault.severity) for fault in conf.faults]


class TestRealFile:
    conf = read(SQUEEZE.read_bytes())

    def test_no_faults(self) -> None:
        assert self.conf.faults == ()

    def test_values(self) -> None:
        assert self.conf.value("sasl_auxprop_plugin") == "ldapdb"
        assert self.conf.value("SASL_LDAPDB_URI") == "ldap://localhost"
        assert self.conf.switch("allowplaintext", default=False)
        assert not self.conf.switch("altnamespace", default=True)
        assert self.conf.value("timeout") is None

    def test_partitions(self) -> None:
        assert self.conf.partitions() == {"default": "/var/spool/cyrus/mail"}

    def test_old_names_answer_to_the_new_ones(self) -> None:
        key = "/etc/ssl/certs/imap/imap.privatekey.key"
        assert self.conf.value("tls_server_key") == self.conf.value("tls_key_file") == key
        assert self.conf.value("autocreate_quota") == "0"

    def test_proc_directory(self) -> None:
        assert self.conf.proc_directory() == "/var/lib/cyrus/proc"

    def test_the_password_is_not_shown(self) -> None:
        setting = self.conf.setting("sasl_ldapdb_pw")
        assert setting is not None
        assert (setting.value, setting.shown, setting.line) == ("highsecuritypassword", "***", 23)
        assert "highsecuritypassword" not in repr(self.conf)


class TestValues:
    def test_a_services_own_value_wins_in_either_order(self) -> None:
        conf = read(BASE + b"imap_timeout: 5\ntimeout: 30\npop3_poptimeout: 7\n")
        assert conf.value("timeout", "imap") == "5"
        assert conf.value("timeout", "imaps") == "30"

    def test_the_new_name_wins_over_an_old_one_of_the_service(self) -> None:
        conf = read(BASE + b"imap_tls_cert_file: /old\ntls_server_cert: /new\n")
        assert conf.value("tls_server_cert", "imap") == "/new"

    def test_the_old_name_tells_what_cyrus_takes(self) -> None:
        conf = read(BASE + b"tls_cert_file: /old\ntls_server_cert: /new\n")
        assert conf.value("tls_cert_file") == "/new"

    def test_option_names_are_lower_cased_and_values_trimmed(self) -> None:
        assert read(BASE + b"  AllowPlainText:\t yes \t\r\n").value("allowplaintext") == "yes"

    def test_a_hash_within_a_line_belongs_to_the_value(self) -> None:
        assert read(BASE + b"servername: mail # here\n").value("servername") == "mail # here"

    def test_configdirectory_is_replaced(self) -> None:
        conf = read(BASE + b"proc_path: {ConfigDirectory}/p\n")
        assert conf.proc_directory() == "/var/lib/cyrus/p"


class TestLines:
    def test_continuation(self) -> None:
        conf = read(BASE + b"admins: cyrus \\\n  root\nallowplaintext: no\n")
        assert conf.value("admins") == "cyrus   root"
        setting = conf.setting("allowplaintext")
        assert setting is not None
        assert setting.line == 4

    def test_2_2_knows_no_continuation(self) -> None:
        conf = read(BASE + b"admins: cyrus \\\ntimeout: 3\n", continuation=False)
        assert conf.value("admins") == "cyrus \\"
        assert conf.value("timeout") == "3"

    def test_a_comment_that_swallows_an_option(self) -> None:
        conf = read(BASE + b"# see below \\\nallowplaintext: no\n")
        assert conf.value("allowplaintext") is None
        assert faults(conf) == [("/etc/imapd.conf", 2, "warning")]

    def test_a_file_that_ends_in_a_backslash_loses_the_line(self) -> None:
        conf = read(BASE + b"admins: cyrus \\\n")
        assert conf.value("admins") is None
        assert faults(conf) == [("/etc/imapd.conf", 2, "warning")]

    def test_the_last_line_needs_no_end(self) -> None:
        assert read(BASE + b"admins: cyrus").value("admins") == "cyrus"


class TestFaults:
    @pytest.mark.parametrize(
        "line",
        [
            b"sasl pwcheck: x",
            b"allowplaintext",
            b"allowplaintext :yes",
            b"timeout:   ",
            b"@import: /x",
            b"configdirectory: /again",
            b"t\xc3\xa9: x",
        ],
    )
    def test_fatal_lines(self, line: bytes) -> None:
        assert faults(read(BASE + line + b"\n")) == [("/etc/imapd.conf", 2, "error")]

    def test_no_configdirectory(self) -> None:
        assert faults(read(b"admins: cyrus\n")) == [("/etc/imapd.conf", 0, "error")]

    def test_relative_configdirectory(self) -> None:
        assert faults(read(b"configdirectory: var\n")) == [("/etc/imapd.conf", 1, "error")]

    def test_default_partition_without_a_directory(self) -> None:
        conf = read(BASE + b"defaultpartition: Big\npartition-default: /x\n")
        assert [fault.sentence for fault in conf.faults] == [
            "partition-big is not set: imapd and lmtpd do not start."
        ]


class TestIncludes:
    def test_included_values_and_places(self) -> None:
        conf = read(
            {"/etc/imapd.conf": BASE + b"@include: /etc/more.conf\n", "/etc/more.conf": b"\nadmins: cyrus\n"}
        )
        setting = conf.setting("admins")
        assert setting is not None
        assert (setting.path, setting.line) == ("/etc/more.conf", 2)
        assert conf.files == ("/etc/imapd.conf", "/etc/more.conf")

    def test_a_second_value_elsewhere(self) -> None:
        conf = read(
            {
                "/etc/imapd.conf": BASE + b"admins: a\n@include: /etc/more.conf\n",
                "/etc/more.conf": b"admins: b\n",
            }
        )
        assert conf.value("admins") == "a"
        assert faults(conf) == [("/etc/more.conf", 1, "error")]
        assert "line 2 of /etc/imapd.conf" in conf.faults[0].sentence

    def test_a_file_that_includes_itself(self) -> None:
        assert faults(read(BASE + b"@include: /etc/imapd.conf\n")) == [("/etc/imapd.conf", 2, "error")]

    def test_a_missing_file(self) -> None:
        conf = read(BASE + b"@include: /etc/none\n")
        assert "/etc/none does not exist." in conf.faults[0].sentence

    def test_endless_nesting_ends(self) -> None:
        files = {f"/{n}": f"@include: /{n + 1}\n".encode() for n in range(200)}
        conf = read({**files, "/etc/imapd.conf": BASE + b"@include: /0\n"})
        assert any("nest over" in fault.sentence for fault in conf.faults)

    def test_the_file_itself_must_be_there(self) -> None:
        with pytest.raises(FileMissing):
            read({})


@given(st.binary(max_size=500) | st.text("admins:_-@ \\\n\t#x0\r\0", max_size=300).map(str.encode))
def test_any_bytes_are_read(data: bytes) -> None:
    conf = read(data)
    for setting in conf.settings:
        assert setting.value.replace("\t", "").isprintable()
        assert conf.value(setting.option) is not None
