"""Members and contacts of a directory, kept in step on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.cli.conftest import CommandLine
from tests.directory.conftest import Importing
from tests.support.slapd import Slapd

pytestmark = pytest.mark.needs("slapd")


def test_both_kept_in_step(
    bare: CommandLine, people: Slapd, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHAREDBOOK_DATABASE_URL", database_url)
    bare("init")
    bare("group", "add", "Customers")
    contacts = Importing(bare, people, "import", "--group", "customers")
    members = Importing(bare, people, "member", "import")
    assert (contacts()["counts"]["added"], members()["counts"]["added"]) == (2, 2)
    assert (contacts()["counts"]["unchanged"], members()["counts"]["unchanged"]) == (2, 2)
    people.change("dana", cn="Dana Lee")
    people.delete("evan")
    again = contacts()
    assert again["counts"]["updated"] == 1 and len(again["gone"]) == 1
    assert members("--disable-gone", "--yes")["counts"]["updated"] == 1
    assert {each["login"]: each["disabled"] for each in bare.json("member", "list")} == {"dana": False, "evan": True}
    assert "kept by ldap://" in bare("contact", "set", "dana@corp.example", "title=Chief", code=5).err
