"""Evolution Data Server asks the directory: completion of an address, a number, a wrong password."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.directory import Directory, mail
from tests.conformance.gnome import gnome
from tests.ldap.served import BASE

pytestmark = pytest.mark.needs("evolution")

PROGRAM = Path(__file__).with_name("evolution_ldap_client.py")


def person(number: int) -> list[str]:
    return [f"Given{53 - number:02} {'nN'[number % 2]}ame{number:02}", mail(number), f"+1 415 555 01{number:02}"]


def test_completion_and_numbers(directory: Directory) -> None:
    with gnome(PROGRAM, str(directory.site.port), "none", directory.dn, directory.secret, BASE) as client:
        client.ask("open")
        assert client.ask("complete", typed="given4") == {"found": sorted(map(person, range(4, 14)))}
        assert client.ask("complete", typed="PERSON17@") == {"found": [person(17)]}
        assert client.ask("complete", typed="nobody at all") == {"found": []}
        assert client.ask("number", digits="5550111") == {"found": [person(11)]}


def test_a_wrong_password(directory: Directory) -> None:
    with gnome(PROGRAM, str(directory.site.port), "none", directory.dn, "wrong", BASE) as client:
        client.ask("open")
        assert "error" in client.ask("complete", typed="given4")
    assert directory.search("(mail=*)", "mail").code == 0, "it does not try until the login is locked"
