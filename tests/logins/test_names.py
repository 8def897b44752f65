from __future__ import annotations

import pytest

from cyrtui.logins.names import EXACT, PART, WORD, canonical_dn, canonical_user, resemblance


@pytest.mark.parametrize(
    ("user", "dn", "expected"),
    [
        ("toto", "uid=toto,ou=people,dc=example,dc=net", EXACT),
        ("TOTO", "cn=Toto,dc=example", EXACT),
        ("toto@example.net", "uid=toto,dc=example", EXACT),
        ("toto", "cn=toto tata,ou=people,dc=example,dc=net", WORD),
        ("jean.dupont", "cn=Dupont Jean,dc=example", WORD),
        ("jdupont", "cn=Jean Dupont,dc=example", WORD),
        ("dupontj", "cn=Jean Dupont,dc=example", WORD),
        ("toto", "cn=Other+uid=toto,dc=example", EXACT),
        ("francko", "cn=franck dubois,dc=example", PART),
        ("njm", "cn=person 706,ou=people,dc=example,dc=net", 0.0),
        # the tree above the entry says nothing about the user
        ("people", "cn=person 706,ou=people,dc=example,dc=net", 0.0),
        ("", "cn=toto,dc=example", 0.0),
        ("toto", "", 0.0),
    ],
)
def test_resemblance(user: str, dn: str, expected: float) -> None:
    assert resemblance(user, dn) == expected


def test_canonical_forms() -> None:
    assert canonical_user("Toto+Lists") == "toto"
    assert canonical_user("+") == "+"
    assert canonical_dn("CN=Toto Tata, OU=people,dc=Example") == "cn=toto tata,ou=people,dc=example"
