"""Who looks after a contact: no right, known to searches, files and the history, and gone with the member."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine


@pytest.fixture
def book(staffed: CommandLine) -> CommandLine:
    """Minji (1) and Ada (2) in customers, where bob may edit; dora will be deleted."""
    staffed("member", "add", "dora")
    staffed("grant", "add", "customers", "dora", "view")
    for name in ("Minji Kim", "Ada Lovelace"):
        staffed("contact", "add", "--group", "customers", "--name", name, "--email", f"{name[:3].lower()}@example.com")
    return staffed


def found(book: CommandLine, *query: str) -> list[int]:
    return sorted(each["id"] for each in book.json("contact", "find", *query))


def test_a_contact_is_assigned_and_found(book: CommandLine) -> None:
    assert book.json("--as", "bob", "contact", "assign", "1", "2", "--to", "Dora", "--yes")["items"] == [1, 2]
    shown = book.json("contact", "show", "1")
    assert (shown["assigned"], shown["custom"], shown["owner"], shown["version"]) == (
        "dora",
        {"Assigned": ["dora"]},
        None,
        2,
    )
    assert found(book, "assigned:dora") == found(book, "--assigned", "DORA") == [1, 2]
    assert found(book, "--assigned", "bob") == found(book, "-assigned:*") == []
    book("contact", "assign", "--where", "minji", "--nobody")
    assert found(book, "-assigned:*") == [1]
    book("contact", "set", "1", "custom:assigned=BOB")
    assert [each["assigned"] for each in book.json("contact", "list", "--assigned", "bob")] == ["bob"]
    last = book.json("contact", "history", "1")[-1]
    assert (last["event"], last["changes"]) == (
        "custom",
        [{"field": "custom:Assigned", "before": None, "after": "bob"}],
    )
    assert book.json("contact", "why", "1", "custom:Assigned")["value"] == "bob"
    assert "contact.custom" in [each["action"] for each in book.json("audit", "list")]
    assert book.json("contact", "assign", "1", "--to", "bob")["count"] == 1
    assert book.json("contact", "show", "1")["version"] == 4, "the same again changes nothing"


def test_it_gives_no_right(book: CommandLine) -> None:
    book("contact", "assign", "1", "--to", "dora")
    book("--as", "dora", "contact", "set", "1", "title=x", code=5)
    book("--as", "dora", "contact", "assign", "1", "--nobody", code=5)
    book("contact", "assign", "1", "--to", "nobody", code=4)
    book("contact", "assign", "1", code=2)
    book("contact", "assign", "1", "--to", "bob", "--nobody", code=2)
    assert "no member eve" in book("contact", "set", "1", "custom:assigned=eve", code=2).err


def test_a_deleted_member_looks_after_nobody(book: CommandLine) -> None:
    book("contact", "assign", "1", "2", "--to", "dora", "--yes")
    book("contact", "delete", "2")
    book("member", "delete", "dora", "--unowned", "--yes")
    book("trash", "restore", "2")
    assert [each["assigned"] for each in book.json("contact", "list")] == [None, None]
    assert found(book, "assigned:*") == []
    steps = book.json("contact", "history", "1")
    assert steps[-1]["changes"] == [{"field": "custom:Assigned", "before": "dora", "after": None}]
    notes = book.json("contact", "revert", "1", steps[-2]["id"])["notes"]
    assert notes == ["dora is no longer a member: assigned to nobody"]
    assert book.json("contact", "show", "1")["assigned"] is None


def test_files_have_it(book: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "book.csv"
    book("contact", "assign", "1", "--to", "dora")
    book("export", file)
    book("contact", "assign", "1", "--to", "bob")
    again = ("import", file, "--group", "customers", "--duplicates", "update")
    assert book.json(*again, "--yes")["counts"]["updated"] == 1
    assert book.json("contact", "show", "1")["assigned"] == "dora"
    file.write_text("name,email,assigned\nGrace,grace@example.com,Bob\nEdsger,edsger@example.com,eve\n")
    for run in (("--dry-run",), ("--yes",)):
        report = book.json(*again, *run, code=3)
        assert (report["counts"]["added"], report["counts"]["error"]) == (1, 1)
        assert [(each["line"], each["column"], each["code"]) for each in report["problems"]] == [
            (3, "assigned", "invalid-value")
        ]
    assert found(book, "assigned:bob") == [3]
    template = tmp_path / "template.csv"
    book("template", template)
    assert (
        "custom:Assigned" in template.read_text()
        and book.json(*again[:1], template, *again[2:])["counts"]["added"] == 0
    )
    book("template", tmp_path / "template.xlsx")
