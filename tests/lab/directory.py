"""The people of the directory: none of their DNs contains their uid."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.lab.configuration import ARTICLE_PASSWORD

SUFFIX = "dc=example,dc=net"
PEOPLE = f"ou=people,{SUFFIX}"
ROOT_DN = f"cn=admin,{SUFFIX}"
AUTHZ_TO = "ldap:///dc=example,dc=net??sub?(objectclass=inetOrgPerson)"


@dataclass(frozen=True, slots=True)
class Person:
    """An entry, and what its owner would type."""

    uid: str
    cn: str
    password: str
    stored: str | None
    authz_to: str | None = None

    @property
    def dn(self) -> str:
        return f"cn={self.cn},{PEOPLE}"

    @property
    def can_login(self) -> bool:
        """DIGEST-MD5 and auxprop compare clear text: a hash or nothing at all lets nobody in."""
        return self.stored == self.password


def hashed(password: str, salt: bytes = b"\x8f\x01Lab") -> str:
    digest = hashlib.sha1(password.encode() + salt).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode("ascii")


def _person(uid: str, cn: str, password: str) -> Person:
    return Person(uid=uid, cn=cn, password=password, stored=password)


ADMIN = Person("cyrus", "cyrus administrator", ARTICLE_PASSWORD, ARTICLE_PASSWORD, authz_to=AUTHZ_TO)
TOTO = _person("toto", "toto tata", ARTICLE_PASSWORD)
HASHED = Person("mireille", "person 713", "an-honest-password", hashed("an-honest-password"))
BARE = Person("gaston", "person 714", "nothing-is-stored", None)
ORDINARY = (
    TOTO,
    _person("julien", "person 706", "golf et sauce 1"),
    _person("jerome", "person 707", "brouillons-2"),
    _person("bogdana", "person 708", "motdepasse:3"),
    _person("franck", "person 709", 'quote"and\\slash'),
    _person("njm", "person 710", "éàü-latin"),
    _person("jeannot", "person 711", "lapin0000"),
    _person("alice", "person 712", "wonderland!"),
)
FIXED = (ADMIN, *ORDINARY, HASHED, BARE)
NOBODY = Person("quidam", "not in the directory", "whatever-it-is", None)


def generated(count: int) -> tuple[Person, ...]:
    """As many further people as asked for, all able to log in."""
    return tuple(_person(f"user{n:05d}", f"person {10000 + n}", f"password-{n}") for n in range(1, count + 1))


def people(count: int = 0) -> tuple[Person, ...]:
    return (*FIXED, *generated(count))


def ldif(everyone: tuple[Person, ...]) -> str:
    """The whole directory for slapadd."""
    return "\n".join(_entries(everyone))


def _entries(everyone: tuple[Person, ...]) -> Iterator[str]:
    yield f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n"
    yield f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n"
    for person in everyone:
        lines = [
            f"dn: {person.dn}",
            "objectClass: inetOrgPerson",
            f"cn: {person.cn}",
            f"sn: {person.cn.rpartition(' ')[2]}",
            f"uid: {person.uid}",
        ]
        if person.stored is not None:
            lines.append(f"userPassword:: {base64.b64encode(person.stored.encode()).decode('ascii')}")
        if person.authz_to is not None:
            lines.append(f"authzTo: {person.authz_to}")
        yield "\n".join(lines) + "\n"
