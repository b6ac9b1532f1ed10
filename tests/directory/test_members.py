"""Members out of an existing directory: the same again changes nothing, clashes are told, who is gone is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.directory.conftest import Importing
from tests.support.slapd import PEOPLE, Slapd

pytestmark = pytest.mark.needs("slapd")

NONE = {"added": 0, "updated": 0, "unchanged": 0, "gone": 0, "disabled": 0, "error": 0}


@pytest.fixture
def importing(staffed: CommandLine, people: Slapd) -> Importing:
    return Importing(staffed, people, "member", "import")


def members(line: CommandLine) -> dict[str, tuple[str, str, bool]]:
    return {
        each["login"]: (each["display_name"], each["email"], each["disabled"]) for each in line.json("member", "list")
    }


def test_the_same_twice_changes_nothing(importing: Importing) -> None:
    planned = importing("--dry-run")
    assert (planned["dry_run"], planned["counts"]) == (True, NONE | {"added": 2})
    assert "dana" not in members(importing.line)
    assert importing()["counts"] == NONE | {"added": 2}
    found = members(importing.line)
    assert found["dana"] == ("Dana Park", "dana@corp.example", False)
    assert found["evan"] == ("Evan Müller", "evan@corp.example", False)
    changes = importing.line.json("audit", "list", "--member", "dana")
    again = importing()
    assert (again["counts"], again["members"]) == (NONE | {"unchanged": 2}, [])
    assert members(importing.line) == found
    assert importing.line.json("audit", "list", "--member", "dana") == changes


def test_what_changed_there_changes_here(importing: Importing) -> None:
    importing()
    importing.slapd.change("dana", cn="Dana Lee", mail="")
    importing.slapd.add("fay", cn="Fay", mail="fay@corp.example")
    assert importing()["counts"] == NONE | {"added": 1, "updated": 1, "unchanged": 1}
    assert members(importing.line)["dana"] == ("Dana Lee", "", False)


def test_other_attributes_and_a_filter(importing: Importing) -> None:
    importing.slapd.change("evan", employeeNumber="E7", displayName="Evan M.")
    found = importing("--map", "login=employeeNumber,name=displayName", "--filter", "(employeeNumber=*)")
    assert found["counts"] == NONE | {"added": 1}
    assert members(importing.line)["e7"] == ("Evan M.", "evan@corp.example", False)


def test_what_cannot_be_a_member_is_told_and_stops_nobody(importing: Importing) -> None:
    importing.slapd.add("alice", cn="Another Alice")
    importing.slapd.add("DANA.", cn="Odd", mail="no address")
    importing.slapd.add("two", employeeNumber="same")
    importing.slapd.add("three", employeeNumber="Same")
    found = importing(code=3)
    wrong = {each["login"]: each["code"] for each in found["members"] if each["result"] == "error"}  # type: ignore[attr-defined]
    assert wrong == {"alice": "name-taken", "dana.": "invalid-value"}
    assert found["counts"] == NONE | {"added": 4, "error": 2}
    assert members(importing.line)["alice"] == ("", "", False), "the one who was here is untouched"
    again = importing("--map", "login=employeeNumber", "--filter", "(employeeNumber=*)", code=3)
    assert [each["code"] for each in again["members"] if each["result"] == "error"] == ["name-taken"] * 2  # type: ignore[attr-defined]
    nobody = importing("--map", "login=description", "--filter", "(uid=dana)", code=3)
    assert [(each["dn"], each["code"]) for each in nobody["members"] if each["dn"]] == [  # type: ignore[attr-defined]
        (f"uid=dana,{PEOPLE}", "invalid-name")
    ]


def test_who_is_gone_is_reported_and_disabled_on_request(importing: Importing) -> None:
    importing.slapd.add("gina")
    importing()
    importing.line("member", "set", "gina", "postmaster=yes")
    importing.slapd.delete("dana")
    importing.slapd.delete("gina")
    assert importing()["counts"] == NONE | {"gone": 2, "unchanged": 1}
    assert not members(importing.line)["dana"][2]
    importing("--disable-gone", code=2)
    assert not members(importing.line)["dana"][2], "without a terminal nobody is disabled unasked"
    found = importing("--disable-gone", "--yes")
    assert found["counts"] == NONE | {"gone": 1, "disabled": 1, "unchanged": 1}
    after = members(importing.line)
    assert after["dana"][2] and not after["gina"][2], "postmasters are never disabled by an import"
    assert not any(after[login][2] for login in ("alice", "bob", "carol")), "nor who was added here"
    importing.slapd.add("dana", mail="dana@corp.example", cn="Dana Park")
    [back] = [each for each in importing()["members"] if each["login"] == "dana"]  # type: ignore[attr-defined]
    assert back["code"] == "disabled" and "member enable dana" in back["message"]


def test_tls_is_verified(importing: Importing) -> None:
    refused = importing(uri=importing.slapd.ldaps, code=1)
    assert "certificate" in str(refused["error"])
    assert "dana" not in members(importing.line)
    found = importing("--ca", str(importing.slapd.ca), uri=importing.slapd.ldaps)
    assert found["counts"] == NONE | {"added": 2}


@pytest.mark.parametrize(
    ("more", "password", "code", "said"),
    [
        ((), "wrong", 1, "password"),
        (("--filter", "(uid=*"), "root-password", 2, "filter"),
        (("--map", "phone=mobile"), "root-password", 2, "login, email or name"),
        (("--map", "login"), "root-password", 2, "FIELD=ATTRIBUTE"),
        (("--base", "ou=nowhere,dc=corp,dc=example"), "root-password", 1, "could not be asked"),
    ],
)
def test_what_cannot_be_asked(importing: Importing, more: tuple[str, ...], password: str, code: int, said: str) -> None:
    assert said in str(importing(*more, password=password, code=code)["error"])


def test_a_directory_that_is_no_address_or_down(importing: Importing, tmp_path: Path) -> None:
    assert "ldaps://" in str(importing(uri="corp.example", code=2)["error"])
    assert "could not be asked" in str(importing(uri="ldap://127.0.0.1:1", code=1)["error"])
    secret = tmp_path / "secret"
    secret.write_text("root-password\n")
    line = importing.line("member", "import", *importing.arguments()[2:-1], "--password-file", secret)
    assert "added: 2" in line.out
