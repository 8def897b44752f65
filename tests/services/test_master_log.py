import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyrtui.services.master_log import (
    MasterLog,
    MasterWord,
    WordKeeper,
    explain,
    failures,
    in_force,
    is_master,
    last_fatal,
    read_master_log,
    reason_for,
    tls_failure,
)
from tests.services.builders import MASTER, RECORDINGS, moment, records, said

LOG_3_6 = records((RECORDINGS / "master" / "cyrus-3.6.log").read_text().splitlines())
LOG_2_2 = records((RECORDINGS / "master" / "cyrus-2.2.13.log").read_text().splitlines())


def until(clock: str) -> MasterLog:
    """What the 3.6 server's log held at a time."""
    return read_master_log([record for record in LOG_3_6 if record.time <= moment(clock)])


def word_of(text: str) -> MasterWord:
    (word,) = read_master_log(said(f"10:00:00 {text}")).words
    return word


class TestRealLog:
    def test_a_crash_loop(self) -> None:
        words = in_force(until("07:24:03"), 23071)
        word = explain("imaps", words)
        assert word is not None
        assert (word.kind, word.family, word.detail) == ("too-many-failures", "ipv4", "until next SIGHUP")
        assert len(failures("imaps", words, 0)) == 5
        fatal = last_fatal("imaps", words)
        assert fatal is not None
        assert fatal.detail == "imaps: required OpenSSL options not present"

    def test_after_a_sighup_only_the_new_words_hold(self) -> None:
        words = in_force(until("07:24:04"), 23071)
        word = explain("imaps", words)
        assert word is not None
        assert (word.kind, word.detail, word.family) == ("bind", "Permission denied", "ipv4")
        assert failures("imaps", words, 0) == ()
        assert explain("imap", words) is None

    def test_another_cyrmasters_words_do_not_hold(self) -> None:
        assert in_force(until("07:26:30"), 4711) == ()

    @pytest.mark.parametrize(
        ("clock", "kind", "detail"),
        [
            ("07:25:14", "ignored", "unable to find command or port for service 'imapx'"),
            ("07:25:16", "disabled", "Servname not supported for ai_socktype"),
            ("07:25:23", "disabled", "invalid proto 'sctp'"),
            ("07:25:25", "bind", "Address already in use"),
        ],
    )
    def test_reasons(self, clock: str, kind: str, detail: str) -> None:
        word = reason_for("imapx", [record for record in LOG_3_6 if record.time <= moment(clock)])
        assert word is not None
        assert (word.kind, word.detail, word.time) == (kind, detail, moment(clock))
        source = LOG_3_6[0].path
        assert (word.path, word.text) == (source, next(r.text for r in LOG_3_6 if r.offset == word.offset))

    @pytest.mark.parametrize(
        ("clock", "text"),
        [
            ("07:24:50", "configuration file /etc/cyrus.conf: bad character '-' in name on line 5"),
            ("07:25:06", "cannot find executable for service 'imapx'"),
        ],
    )
    def test_what_ended_it(self, clock: str, text: str) -> None:
        word = until(clock).last("fatal")
        assert word is not None
        assert word.text == text
        assert in_force(until(clock))[-1].kind == "exiting"

    def test_a_2_2_server_that_starts(self) -> None:
        log = read_master_log(LOG_2_2)
        assert [word.kind for word in log.words] == ["started", "started"]
        assert log.since == LOG_2_2[0].time


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "kind", "service", "family"),
        [
            ("unable to bind to imap socket: Address already in use", "bind", "imap", None),
            ("unable to listen to imap/ipv6 socket: x", "bind", "imap", "ipv6"),
            ("unable to open imap/ipv6 socket: Address family not supported", "bind", "imap", "ipv6"),
            ("unable to create imap listener socket: Permission denied", "create", "imap", None),
            (
                "too many failures for service imap, disabling until next SIGHUP",
                "too-many-failures",
                "imap",
                None,
            ),
            (
                "ERROR: too many failures for service imap/ipv4, disabling for 10 seconds",
                "too-many-failures",
                "imap",
                "ipv4",
            ),
            ("invalid listen '/x' (too long), disabling lmtp", "disabled", "lmtp", None),
            ("service imap pid 7 in READY state: terminated abnormally", "abnormal", "imap", None),
            ("WARNING: multiple entries for service 'imap' -- ignored", "ignored", "imap", None),
            ("couldn't exec /usr/lib/cyrus/bin/imapd: Permission denied", "exec", None, None),
            ("process 12 exited, status 75", "exited", None, None),
            ("process 12 exited, signaled to death by 11", "exited", None, None),
            (
                "process type:SERVICE name:imap path:/x age:0.1s pid:12 signaled to death by signal 11"
                " (Segmentation fault, core dumped)",
                "exited",
                "imap",
                None,
            ),
            ("can't open configuration file /etc/cyrus.conf: No such file", "fatal", None, None),
        ],
    )
    def test_known(self, text: str, kind: str, service: str | None, family: str | None) -> None:
        word = word_of(text)
        assert (word.kind, word.service, word.family, word.text) == (kind, service, family, text)

    @pytest.mark.parametrize(
        "text",
        [
            "process 12 exited, status 0",
            "process type:SERVICE name:imap path:/x age:0.1s pid:12 exited normally",
            "couldn't find somewhere to write prometheus report to"
            " - disabling master prometheus report until next reload",
            "about to exec /usr/lib/cyrus/bin/imapd",
        ],
    )
    def test_of_no_matter(self, text: str) -> None:
        assert read_master_log(said(f"10:00:00 {text}")).words == ()

    def test_whatever_comes_before_exiting_is_fatal(self) -> None:
        log = read_master_log(said("10:00:00 something quite new", "10:00:00 exiting"))
        assert [(word.kind, word.detail) for word in log.words] == [
            ("fatal", "something quite new"),
            ("exiting", "exiting"),
        ]

    def test_a_bind_explains_more_than_the_create_behind_it(self) -> None:
        word = reason_for(
            "imap",
            said(
                "10:00:00 unable to bind to imap/ipv4 socket: A",
                "10:00:00 unable to create imap listener socket: A",
            ),
        )
        assert word is not None
        assert word.kind == "bind"

    def test_the_family_that_is_asked_for(self) -> None:
        words = in_force(read_master_log(said("10:00:00 unable to bind to imap/ipv6 socket: A")))
        assert explain("imap", words, "ipv4") is None
        assert explain("imap", words, "ipv6") is not None

    def test_words_from_before_the_start_do_not_hold(self) -> None:
        log = read_master_log(said("10:00:00 x, disabling lmtp"))
        assert in_force(log, MASTER, moment("10:00:01")) != ()
        assert in_force(log, MASTER, moment("10:05:00")) == ()


@pytest.mark.parametrize(
    ("ident", "expected"),
    [
        ("cyrus/master", True),
        ("master", True),
        ("mail1/cyrus/cyrmaster", True),
        ("postfix/master", False),
        ("postfix-in/master", False),
        ("cyrus/imap", False),
    ],
)
def test_idents(ident: str, expected: bool) -> None:
    assert is_master(ident) is expected


@given(st.lists(st.text(max_size=80), max_size=6))
def test_any_text(texts: list[str]) -> None:
    lines = said(*("10:00:00 x" for _ in texts))
    log = read_master_log(line._replace(text=text) for line, text in zip(lines, texts, strict=True))
    assert len(log.words) <= 2 * len(texts)


class TestKeeper:
    def test_errors_of_children_push_no_word_of_master_out(self) -> None:
        keeper = WordKeeper(["/m"])
        keeper.feed(said("10:00:00 Servname not supported for ai_socktype, disabling lmtp"))
        flood = [
            f"Nov 22 10:00:01 mail cyrus/imap[{pid}]: IOERROR: opening /x: nothing" for pid in range(9000)
        ]
        keeper.feed(records(flood))
        assert explain("lmtp", in_force(keeper.log, MASTER)) is not None
        assert len(keeper.log.words) < 3000

    def test_fed_in_pieces_it_says_the_same(self) -> None:
        keeper = WordKeeper()
        for record in LOG_3_6:
            keeper.feed([record])
        assert keeper.log == read_master_log(LOG_3_6)
        assert keeper.log.runs

    def test_words_of_children_of_a_master_that_has_ended_do_not_hold(self) -> None:
        lines = [
            "Nov 22 10:00:00 mail cyrus/imaps[50]: error initializing TLS",
            "Nov 22 10:00:01 mail cyrus/master[1]: All children have exited, closing down",
            "Nov 22 10:00:01 mail cyrus/master[2]: ready for work",
            "Nov 22 10:00:02 mail cyrus/imap[60]: Fatal error: its own",
        ]
        words = in_force(read_master_log(records(lines)), 2, moment("10:00:01"))
        assert [word.text for word in words] == ["ready for work", "Fatal error: its own"]

    def test_why_tls_cannot_be_made_until_it_can(self) -> None:
        lines = [
            "Nov 22 10:00:00 mail cyrus/imaps[50]: unable to get private key from '/k': (null)",
            "Nov 22 10:00:00 mail cyrus/imaps[50]: TLS server engine: cannot load cert/key data",
            "Nov 22 10:00:00 mail cyrus/imaps[50]: error initializing TLS",
        ]
        log = read_master_log(records(lines))
        found = tls_failure("imaps", log.words, log.served)
        assert found is not None
        assert found.detail == "unable to get private key from '/k': (null)"
        assert tls_failure("pop3s", log.words, log.served) is None
        good = "Nov 22 10:00:05 mail cyrus/imaps[51]: starttls: TLSv1.3 with cipher X (256/256 bits new)"
        log = read_master_log(records([*lines, good]))
        assert tls_failure("imaps", log.words, log.served) is None
