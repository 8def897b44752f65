"""What OpenLDAP is asked: whose entry a DN is, and in which form its password is stored.

One thread asks; what it learned is kept for a while, and `AskedDirectory` answers from that at once. Nothing
is ever written, and no password is kept, logged or shown: of a readable one only its form is remembered.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from cyrtui.errors import CyrtuiError, FileUnreadable
from cyrtui.host.protocol import Host
from cyrtui.inert import inert
from cyrtui.pattern import pattern
from cyrtui.settings import Settings

if TYPE_CHECKING:
    from ldap3 import Connection

PasswordForm = Literal["clear", "hashed", "missing"]

NAME_ATTRIBUTES: Final = (
    "uid", "mail", "mailAlternateAddress", "cn", "sAMAccountName", "userPrincipalName",
)  # fmt: skip
"""What authz-regexp usually looks for. More names than one logs in with do no harm; one too few does."""
TIMEOUT: Final = 3.0
KEPT_SECONDS: Final = 600.0
_UNKNOWN_SECONDS: Final = 60.0
_AFTER_FAILURE: Final = 30.0
_KEPT: Final = 20_000
_ASKED_AT_ONCE: Final = 1000
_SCHEME: Final = pattern(rb"\{([A-Za-z0-9._/-]+)\}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class DirectoryError(CyrtuiError):
    """The directory cannot be asked; the sentence says which and why."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Who asks. Its representation leaves the password out."""

    dn: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    names: frozenset[str] | None
    password: PasswordForm | None
    until: float


def form_of(values: Sequence[bytes]) -> PasswordForm | None:
    """The form in which userPassword is stored, by RFC 2307's `{SCHEME}`; None: there is no value.

    `clear` if any value is clear text: SASL's mechanisms need one such.
    """
    if not values:
        return None
    schemes = [_SCHEME.match(value) for value in values]
    clear = any(scheme is None or scheme[1].upper() == b"CLEARTEXT" for scheme in schemes)
    return "clear" if clear else "hashed"


class AskedDirectory:
    """A `Directory` (see `cyrtui.logins.learned`) that asks slapd in a thread of its own.

    `uris` are tried in order. Certificates are always verified, against `ca_file` or else the system's; a
    password is sent over TLS or to this machine only. Passwords' forms are asked for only by a `bind`, and
    `missing` is said only where that bind could read the password of an entry beside it.

    `timeout` is seconds for connecting, and again for each answer.
    """

    def __init__(
        self,
        uris: Sequence[str],
        *,
        bind: Bind | None = None,
        ca_file: str | None = None,
        attributes: Sequence[str] = NAME_ATTRIBUTES,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problem: str | None = None
        self._uris = tuple(uris)
        self._bind = bind
        self._ca_file = ca_file
        self._attributes = list(attributes)
        self._timeout = timeout
        self._clock = clock
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._asked: set[str] = set()
        self._queue: queue.Queue[str | None] = queue.Queue(_ASKED_AT_ONCE)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self._readable: set[str] = set()
        self._silent_until = 0.0

    # --- answers at once ------------------------------------------------------------------------------

    def names(self, dn: str) -> frozenset[str] | None:
        """The names that log in to the entry, lower case; None: not known, not readable, or not yet."""
        answer = self._known(dn)
        return None if answer is None else answer.names

    def password(self, dn: str) -> PasswordForm | None:
        """How the entry's userPassword is stored; None: not known, not readable, or not yet."""
        answer = self._known(dn)
        return None if answer is None else answer.password

    def _known(self, dn: str) -> _Answer | None:
        with self._lock:
            answer = self._answers.get(dn)
            now = self._clock()
            if (answer is None or answer.until <= now) and dn not in self._asked:
                self._ask_later(dn, now)
            return answer

    def _ask_later(self, dn: str, now: float) -> None:
        """Put it into the queue; where that is full, or slapd was out of reach just now, leave it."""
        if self._stop.is_set() or now < self._silent_until:
            return
        try:
            self._queue.put_nowait(dn)
        except queue.Full:
            return
        self._asked.add(dn)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="directory", daemon=True)
            self._thread.start()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until all that was asked is answered or given up; False when that takes longer."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                if not self._asked:
                    return True
            self._stop.wait(0.01)
        return False

    def stop(self) -> None:
        """Ask nothing more; a question under way ends within its timeout. Idempotent, from any thread."""
        self._stop.set()
        # where it is full the thread is awake, and looks at `_stop` next
        with suppress(queue.Full):
            self._queue.put_nowait(None)

    # --- the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            dn = self._queue.get()
            if dn is None:
                break
            self._answer(dn)
        if self._connection is not None:
            self._close(self._connection)

    def _answer(self, dn: str) -> None:
        try:
            found = None if self._clock() < self._silent_until else self._search(dn)
            if found is not None:
                self.problem = None
        except DirectoryError as error:
            self.problem = str(error)
            self._silent_until = self._clock() + _AFTER_FAILURE
            found = None
        with self._lock:
            self._asked.discard(dn)
            if found is not None:
                self._answers[dn] = found
                self._answers.move_to_end(dn)
                while len(self._answers) > _KEPT:
                    self._answers.popitem(last=False)

    def _search(self, dn: str) -> _Answer:
        from ldap3 import BASE
        from ldap3.core.exceptions import LDAPException, LDAPInvalidDnError

        connection = self._connection or self._connect()
        self._connection = connection
        asked = [*self._attributes, *(["userPassword"] if self._bind is not None else [])]
        try:
            connection.search(
                dn, "(objectClass=*)", BASE, attributes=asked, time_limit=int(self._timeout) + 1
            )
            entries = [each for each in connection.response or () if each.get("type") == "searchResEntry"]
            raw = entries[0]["raw_attributes"] if entries else {}
            # what was read is not to lie about
            connection.response = None
            connection.request = None
        except LDAPInvalidDnError:
            return _Answer(None, None, self._clock() + KEPT_SECONDS)
        except (LDAPException, OSError) as error:
            self._connection = None
            self._close(connection)
            raise DirectoryError(
                f"The directory did not answer about an entry: {inert(str(error))[:200]}"
            ) from error
        names = frozenset(
            value.decode("utf-8", "replace").lower()
            for name in self._attributes
            for value in raw.get(name, ())
        )
        form = self._form(dn, raw.get("userPassword", ())) if entries else None
        keep = KEPT_SECONDS if names else _UNKNOWN_SECONDS
        # an entry that cannot be read, or without these names, says nothing about who logs in to it
        return _Answer(names or None, form, self._clock() + keep)

    def _form(self, dn: str, values: Sequence[bytes]) -> PasswordForm | None:
        form = form_of(values)
        beside = dn.partition(",")[2]
        if form is not None:
            # that somebody may read his own says nothing about the others
            if self._bind is not None and _canonical(dn) != _canonical(self._bind.dn):
                self._readable.add(beside)
        elif beside in self._readable:
            return "missing"
        return form

    def _connect(self) -> Connection:
        problems = []
        for uri in self._uris:
            try:
                return self._connect_to(uri)
            except DirectoryError as error:
                problems.append(str(error))
        raise DirectoryError(" ".join(problems) or "No directory is named.")

    def _connect_to(self, uri: str) -> Connection:
        import ssl

        from ldap3 import Connection, Server, Tls
        from ldap3.core.exceptions import LDAPException

        shown = inert(uri)
        secure, local = _secure(uri), _is_here(uri)
        connection: Connection | None = None
        try:
            tls = Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=self._ca_file)
            server = Server(uri, tls=tls, connect_timeout=self._timeout, get_info="NO_INFO")
            connection = Connection(
                server,
                user=self._bind.dn if self._bind else None,
                password=self._bind.password if self._bind else None,
                # a whole number: ldap3 packs it as one for the kernel
                receive_timeout=max(1, round(self._timeout)),
                raise_exceptions=False,
                check_names=False,
                read_only=True,
                auto_referrals=False,
            )
            connection.open()
            if self._bind is not None and not (secure or local) and not connection.start_tls():
                self._close(connection)
                raise DirectoryError(f"{shown} offers no TLS, and a password is not sent without it.")
            if self._bind is not None and not connection.bind():
                why = inert(str((connection.result or {}).get("description", "refused")))
                self._close(connection)
                raise DirectoryError(f"{shown} does not let {inert(self._bind.dn)} in: {why}.")
        except (LDAPException, OSError) as error:
            if connection is not None:
                self._close(connection)
            raise DirectoryError(f"{shown} cannot be asked: {inert(str(error))[:200]}") from error
        return connection

    @staticmethod
    def _close(connection: Connection) -> None:
        from ldap3.core.exceptions import LDAPException

        # it may be gone already
        with suppress(LDAPException, OSError):
            connection.unbind()
        if connection.socket is not None:
            connection.socket.close()


def _canonical(dn: str) -> str:
    """A DN without what makes no difference: blanks around separators, and case."""
    return re.sub(r"\s*([,=+])\s*", r"\1", dn.strip()).lower()


def _secure(uri: str) -> bool:
    return uri.lower().startswith("ldaps:")


def _is_here(uri: str) -> bool:
    """Whether what is sent there stays on this machine."""
    from urllib.parse import urlsplit

    parts = urlsplit(uri)
    return parts.scheme.lower() == "ldapi" or (parts.hostname or "").lower() in _LOOPBACK


def directory_of(host: Host, settings: Settings) -> AskedDirectory | None:
    """The directory of a live server, if it is to be asked (`ask_directory`) and known where it is.

    The URIs are those of the setting `ldap_uri`, or of sasl_ldapdb_uri in imapd.conf; the bind is anonymous
    unless `ldap_bind_dn` and `ldap_password_file` are set. Never asks for a recording or a copied tree.
    Raises `DirectoryError` when the password's file cannot be read.
    """
    if not settings.switch("ask_directory") or host.name.kind != "local":
        return None
    uris = settings.text("ldap_uri")
    if uris is None:
        from cyrtui.config.imapd_conf import parse_imapd_conf

        path = settings.path("imapd_conf")
        try:
            uris = parse_imapd_conf(host.read, path).value("sasl_ldapdb_uri")
        except FileUnreadable:
            return None
    if not uris or not uris.split():
        return None
    return AskedDirectory(uris.split(), bind=_bind_of(host, settings), ca_file=settings.text("ldap_ca_file"))


def _bind_of(host: Host, settings: Settings) -> Bind | None:
    dn, path = settings.text("ldap_bind_dn"), settings.text("ldap_password_file")
    if dn is None or path is None:
        return None
    try:
        password = host.read(path).rstrip(b"\r\n").decode("utf-8")
    except FileUnreadable as error:
        raise DirectoryError(f"The password for {inert(dn)} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise DirectoryError(
            f"{inert(path)} holds no UTF-8 text, so no password can be read of it."
        ) from error
    if not password:
        # a bind with a name and no password is an anonymous one that looks like success (RFC 4513, 5.1.2)
        raise DirectoryError(f"{inert(path)} is empty; put the password for {inert(dn)} in it.")
    return Bind(dn, password)
