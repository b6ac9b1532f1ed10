"""One day of a postmaster, on SQLite and on PostgreSQL: the commands do the same on both."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine


def test_a_day(bare: CommandLine, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREDBOOK_DATABASE_URL", database_url)
    assert bare.json("demo")["contacts"] == 300
    bare("migrate")
    bare("group", "add", "New ones")
    (tmp_path / "in.csv").write_text("name,email\nMinji Kim,minji@example.com\nBroken,broken\n")
    done = bare.json("import", tmp_path / "in.csv", "--group", "new-ones", code=3)
    assert (done["counts"]["added"], done["counts"]["error"]) == (1, 1)
    assert [each["name"] for each in bare.json("contact", "find", "minji@example.com")] == ["Minji Kim"]
    bare("contact", "set", "minji@example.com", "title=Boss", "tags+=vip")
    bare("contact", "copy", "minji@example.com", "--to", "press")
    assert bare.json("--as", "carol", "contact", "show", "minji@example.com")["fields"]["title"] == "Boss"
    bare("contact", "visibility", "minji@example.com", "+@sales")
    bare("--as", "carol", "contact", "show", "minji@example.com", code=4)
    bare("member", "delete", "bob", "--give-to", "erin", "--yes")
    assert len(bare.json("contact", "find", "--owner", "erin")) == 24
    bare("team", "delete", "sales", "--yes")
    assert bare.json("contact", "show", "minji@example.com")["visibility"] == {"kind": "listed", "subjects": []}
    assert bare.json("contact", "delete", "--where", "company:hanbit", "--yes")["count"] == 0
    gone = bare.json("contact", "delete", "--where", "company:한빛물산", "--yes")["items"]
    assert len(gone) == 10
    bare("trash", "restore", str(gone[0]))
    erased = bare.json("trash", "empty", "--yes")
    assert (sorted(erased["erased"]), erased["clean"], erased["residue"]) == (sorted(gone[1:]), True, {})
    bare("export", "--group", "new-ones", tmp_path / "out.vcf")
    assert "TITLE:Boss" in (tmp_path / "out.vcf").read_text()
    bare("group", "delete", "new-ones", "--contacts", "trash", "--yes")
    assert bare.json("contact", "show", "minji@example.com")["groups"] == ["press"]
    assert all(each["ok"] for each in bare.json("doctor", "--offline"))
