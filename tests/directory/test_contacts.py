"""Contacts out of an existing directory: it keeps them, the same again changes nothing, nobody edits them here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sharedbook.settings import Settings
from tests.carddav.dav import Client
from tests.cli.conftest import CommandLine
from tests.directory.conftest import Importing
from tests.support.ports import free_port
from tests.support.processes import Server
from tests.support.slapd import Slapd

pytestmark = pytest.mark.needs("slapd")


@pytest.fixture
def importing(staffed: CommandLine, people: Slapd) -> Importing:
    people.change("dana", telephoneNumber="+82 2-345-6789", mobile="+82 10-1111-2222", title="Head", o="Corp")
    return Importing(staffed, people, "import", "--group", "customers")


def counted(report: dict[str, Any]) -> dict[str, int]:
    return {result: count for result, count in report["counts"].items() if count}


def found(line: CommandLine) -> dict[str, Any]:
    return {each["name"]: each for each in line.json("contact", "list", "--group", "customers")}


def test_the_same_twice_changes_nothing(importing: Importing) -> None:
    assert counted(importing("--dry-run")) == {"added": 2}
    assert found(importing.line) == {}
    assert counted(importing()) == {"added": 2}
    before = found(importing.line)
    dana = before["Dana Park"]
    assert [each["value"] for each in dana["emails"]] == ["dana@corp.example"]
    assert {each["value"] for each in dana["phones"]} == {"+82 2-345-6789", "+82 10-1111-2222"}
    assert dana["organization"] == "Corp"
    assert counted(importing()) == {"unchanged": 2}
    assert found(importing.line) == before, "version and time of the last change, too"
    importing.line("import", "--group", "customers", code=2)
    importing.line("import", "x.csv", *importing.arguments(), code=2)


def test_what_changed_there_changes_here(importing: Importing) -> None:
    importing()
    importing.slapd.change("dana", cn="Dana Lee", mobile="", mail="lee@corp.example")
    importing.slapd.delete("evan")
    assert counted(importing("--dry-run")) == {"updated": 1}
    assert "Dana Park" in found(importing.line)
    report = importing()
    assert counted(report) == {"updated": 1}
    now = found(importing.line)
    assert report["gone"] == [now["Evan Müller"]["id"]], "reported, and still here"
    assert [each["value"] for each in now["Dana Lee"]["phones"]] == ["+82 2-345-6789"]
    assert [each["value"] for each in now["Dana Lee"]["emails"]] == ["lee@corp.example"]


def test_nobody_edits_them_here_until_they_are_detached(importing: Importing) -> None:
    importing()
    dana = str(found(importing.line)["Dana Park"]["id"])
    refused = importing.line("contact", "set", dana, "title=Chief", code=5)
    assert "kept by ldap://127.0.0.1" in refused.err and f"contact detach {dana}" in refused.err
    importing.line("--as", "bob", "contact", "detach", dana, code=5)
    importing.line("contact", "visibility", dana, "private")
    assert importing.line.json("contact", "show", dana)["source"].endswith("/dc=corp,dc=example")
    importing.line("contact", "detach", dana)
    importing.line("contact", "set", dana, "title=Chief")
    assert counted(importing()) == {"unchanged": 1, "skipped_duplicate": 1}
    assert importing.line.json("contact", "show", dana)["fields"]["title"] == "Chief"


def test_an_entry_that_fits_a_contact_of_ours_needs_a_decision(importing: Importing) -> None:
    importing.line("contact", "add", "--name", "Dana P.", "--email", "dana@corp.example", "--group", "customers")
    report = importing(code=3)
    assert counted(report) == {"added": 1, "needs_decision": 1}
    assert "by mail address" in report["problems"][0]["message"] and report["gone"] == []  # type: ignore[index]
    assert sorted(found(importing.line)) == ["Dana P.", "Evan Müller"]


def test_other_attributes(importing: Importing, tmp_path: Path) -> None:
    importing.slapd.change("dana", employeeType="Contractor")
    mapping = tmp_path / "map.toml"
    mapping.write_text('employeeType = "role"\n')
    importing("--map", str(mapping), "--filter", "(uid=dana)")
    dana = found(importing.line)["Dana Park"]
    assert importing.line.json("contact", "show", dana["id"])["fields"]["role"] == "Contractor"


def test_a_mail_client_is_refused_with_a_line_that_says_why(
    importing: Importing, data_dir: Path, tmp_path: Path
) -> None:
    importing()
    importing.line("grant", "add", "customers", "bob", "view,add,edit,delete")
    secret = importing.line.json("member", "app-password", "add", "bob", "test")["password"]
    port = free_port()
    env = {**Settings(data_dir=data_dir).as_environment(), "SHAREDBOOK_CARDDAV_LISTEN": f"127.0.0.1:{port}"}
    with Server([sys.executable, "-m", "radicale_storage.server"], env=env) as server:
        server.wait_for_line(f"^carddav listening on http://127.0.0.1:{port}$")
        client = Client(port, "bob", secret)
        [href] = [href for href, card in client.sync("/bob/customers/", data=True).cards().items() if "Dana" in card]
        card = client.get(href)
        assert client.put(href, card.body).status in (200, 201, 204), "the same bytes change nothing"
        edited = card.text.replace("TITLE:Head", "TITLE:Chief")
        refused = client.put(href, edited)
        assert (refused.status, refused.conditions) == (403, ["{DAV:}need-privileges"])
        assert "kept by ldap://127.0.0.1" in refused.line
        assert client.get(href).body == card.body
