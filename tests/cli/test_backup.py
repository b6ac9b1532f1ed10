"""``backup``, ``restore``, ``audit``, ``subject``, ``feed``, as a postmaster types them."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from sharedbook import cli
from sharedbook.cli.terminal import json_keys
from tests.cli.conftest import CommandLine

MAIL = "minji@wyvern.example"


@pytest.fixture
def one(staffed: CommandLine) -> CommandLine:
    """A site with one contact."""
    staffed("contact", "add", "--name", "Minji Kim", "--email", MAIL, "--group", "customers")
    return staffed


def test_backup_and_restore(one: CommandLine, data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    answer = one("backup", folder)
    assert "1 contact" in answer.out and "site.key" in answer.err
    one("backup", folder, code=5)
    one("contact", "erase", MAIL, "--yes")
    assert "--replace" in one("restore", folder, code=5).err
    assert "--yes" in one("restore", folder, "--replace", code=2).err
    restored = one.json("restore", folder, "--replace", "--yes")
    assert sorted(restored) == sorted(json_keys.KEYS["backup"])
    assert (restored["contacts"], restored["erased_again"]) == (0, 1)
    assert one.json("contact", "list") == []
    assert [member["login"] for member in one.json("member", "list")] == ["alice", "bob", "carol"]
    (data_dir / "site.key").rename(tmp_path / "kept.key")
    assert "site.key" in one("restore", folder, "--replace", "--yes", code=1).err
    one("--as", "alice", "backup", tmp_path / "other", code=5)


def test_the_audit_is_listed_and_verified(one: CommandLine) -> None:
    one("contact", "erase", MAIL, "--yes")
    listed = one.json("audit", "list", "--contact", "1")
    assert [row["action"] for row in listed] == ["contact.add", "contact.erase"]
    assert "Minji" not in one("audit", "list").out and MAIL not in one("audit", "list").out
    assert one.json("audit", "list", "--since", "2100-01-01") == []
    assert {row["action"] for row in one.json("audit", "list", "--member", "bob")} >= {"member.add"}
    one("audit", "list", "--member", "nobody", code=4)
    (note,) = one.json("audit", "verify")["notes"]
    head = note.removeprefix("head: ")
    assert "intact" in one("audit", "verify", "--head", head).out
    one("audit", "verify", "--head", "0" * 64, code=1)
    one("--as", "alice", "audit", "list", code=5)


LONG = 4_000
"""Rows of a long log."""
_MANY = f"WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < {LONG}) INSERT INTO "


def test_a_long_log_is_whole_and_needs_no_more_memory(one: CommandLine, data_dir: Path) -> None:
    with contextlib.closing(sqlite3.connect(data_dir / "sharedbook.sqlite")) as database, database:
        database.execute(_MANY + "changes (at, kind, ref_id) SELECT 0, 'contact', i FROM n")
        database.execute(
            _MANY
            + "audit (at, actor, client, action, ids, chain) SELECT 0, 'x', 'cli', 'put', '{\"contact\":2}', 0 FROM n"
        )
    audit = one.json("audit", "list")
    table = one("audit", "list").out.splitlines()
    assert [str(row["id"]) for row in audit] == [line.split()[0] for line in table if not line.startswith("Id")]
    assert len(audit) > LONG
    changes = [json.loads(line)["seq"] for line in one("feed", "--since", 0).out.splitlines()]
    assert len(changes) > LONG and changes == sorted(set(changes))
    assert _peak("audit", "list", "--json") < 5e6 and _peak("audit", "list") < 5e6
    assert _peak("feed", "--since", "0") < 7e5


def _peak(*command: str) -> int:
    """Bytes in memory at once while a command writes to nobody."""
    with Path(os.devnull).open("w") as nobody, contextlib.redirect_stdout(nobody), pytest.raises(SystemExit):
        tracemalloc.start()
        try:
            cli.main(list(command))
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    return peak


def test_a_person_is_reported_and_erased(one: CommandLine, tmp_path: Path) -> None:
    report = tmp_path / "report.zip"
    assert one.json("subject", "report", MAIL, report)["items"] == [1]
    assert not report.stat().st_mode & 0o077
    with zipfile.ZipFile(report) as file:
        assert MAIL in file.read("contacts/1.vcf").decode()
    one("subject", "report", "nobody@wyvern.example", tmp_path / "none.zip", code=4)
    assert not (tmp_path / "none.zip").exists()
    assert one.json("subject", "erase", MAIL, "--dry-run")["items"] == [1]
    one("subject", "erase", MAIL, code=2)
    proof = tmp_path / "proof.json"
    assert one.json("subject", "erase", MAIL, "--yes", "--certificate", proof)["erased"] == [1]
    assert MAIL not in proof.read_text()
    one("erase", "verify", proof)
    one("subject", "erase", MAIL, "--yes", code=4)


def test_the_feed_is_json_lines(one: CommandLine) -> None:
    lines = [json.loads(line) for line in one("feed", "--since", "0").out.splitlines()]
    assert [sorted(line) for line in lines] == [["at", "id", "kind", "seq"]] * len(lines)
    one("contact", "set", "1", "title=x")
    (last,) = one("feed", "--since", lines[-1]["seq"]).out.splitlines()
    assert (json.loads(last)["kind"], json.loads(last)["id"]) == ("contact", 1)
    assert one("feed", "--since", "2100-01-01T00:00:00Z").out == ""
    one("feed", "--since", "1000000", code=2)
    one("feed", "--since", "yesterday", code=2)
