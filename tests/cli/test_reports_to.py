"""Whom a contact reports to: a link that follows visibility, names and erasure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine


@pytest.fixture
def book(staffed: CommandLine) -> CommandLine:
    """Minji (1) reports to Ada (2), who reports to Grace (3); bob views them."""
    add = ("contact", "add", "--group", "customers", "--name")
    staffed(*add, "Minji Kim", "--email", "minji@example.com")
    staffed(*add, "Ada Lovelace", "--email", "ada@example.com")
    staffed("contact", "set", "1", "reports_to=ada@example.com")
    staffed(*add, "Grace Hopper", "--email", "grace@example.com")
    staffed("contact", "set", "2", "reports_to=3", "note=unchanged")
    return staffed


def line(book: CommandLine, ref: str, folder: Path) -> list[str]:
    """The card's RELATED lines."""
    name = book.json("contact", "show", ref)["name"]
    book("export", f'"{name}"', folder / "one.vcf")
    return [each for each in (folder / "one.vcf").read_text().splitlines() if each.startswith("RELATED")]


def test_it_is_a_link_in_the_card_and_a_name_for_who_sees_it(book: CommandLine, tmp_path: Path) -> None:
    ada = book.json("contact", "show", "2")
    shown = book.json("contact", "show", "1")
    assert (shown["reports_to"], shown["fields"]["reports_to"]) == ({"id": 2, "name": "Ada Lovelace"}, ada["uid"])
    assert line(book, "1", tmp_path) == [f"RELATED;TYPE=manager:urn:uuid:{ada['uid']}"]
    assert "Ada Lovelace (2)" in book("contact", "show", "1").out
    book("contact", "set", "2", "name=Ada King")
    assert book.json("contact", "show", "1")["reports_to"]["name"] == "Ada King"
    assert book.json("contact", "show", "1")["version"] == 2
    book("contact", "share", "2", "off")
    hidden = book("--as", "bob", "contact", "show", "1", "--json")
    assert hidden.json["reports_to"] is None and "Ada" not in hidden.out
    book("--as", "bob", "contact", "set", "3", "reports_to=2", code=4)


def test_it_is_changed_and_taken_away(book: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "friend.vcf").write_text(
        "BEGIN:VCARD\nVERSION:4.0\nUID:zoe\nFN:Zoe\nRELATED;TYPE=friend:urn:uuid:a\nRELATED;TYPE=manager;VALUE=text:Max\n"
        "END:VCARD\n"
    )
    book("import", tmp_path / "friend.vcf", "--group", "customers")
    friend = ["RELATED;TYPE=friend:urn:uuid:a", "RELATED;TYPE=manager;VALUE=text:Max"]
    book("contact", "set", "zoe", "reports_to=2")
    uids = [book.json("contact", "show", each)["uid"] for each in ("2", "3")]
    assert line(book, "zoe", tmp_path) == [*friend, f"RELATED;TYPE=manager:urn:uuid:{uids[0]}"]
    book("contact", "set", "zoe", "reports_to=3")
    assert line(book, "zoe", tmp_path) == [*friend, f"RELATED;TYPE=manager:urn:uuid:{uids[1]}"]
    last = book.json("contact", "history", "zoe")[-1]
    assert last["changes"] == [{"field": "reports_to", "before": uids[0], "after": uids[1]}]
    book("contact", "unset", "zoe", "reports_to")
    assert line(book, "zoe", tmp_path) == friend
    assert book.json("contact", "show", "zoe")["reports_to"] is None
    made = book.json("contact", "add", "--name", "New", "--field", "reports_to=zoe")
    assert book.json("contact", "show", made["id"])["reports_to"]["name"] == "Zoe"


def test_nobody_reports_to_himself(book: CommandLine) -> None:
    for above in "123":
        assert "itself" in book("contact", "set", "3", f"reports_to={above}", code=2).err
    book("contact", "set", "1", "reports_to=nobody at all", code=4)


def test_files_have_it(book: CommandLine, tmp_path: Path) -> None:
    for name in ("all.csv", "all.vcf", "all.json"):
        file = tmp_path / name
        book("export", file)
        again = ("import", file, "--group", "customers", "--yes", "--duplicates")
        assert book.json(*again, "update")["counts"]["unchanged"] == 3
        book("contact", "unset", "1", "reports_to")
        assert book.json(*again, "fill")["counts"]["updated"] == 1
        assert book.json("contact", "show", "1")["reports_to"] == {"id": 2, "name": "Ada Lovelace"}
        assert len(line(book, "1", tmp_path)) == 1


def test_an_erased_superior_is_named_nowhere(book: CommandLine, tmp_path: Path, data_dir: Path) -> None:
    uid = book.json("contact", "show", "2")["uid"]
    book("contact", "erase", "2", "--yes")
    assert book.json("contact", "show", "1")["reports_to"] is None and line(book, "1", tmp_path) == []
    assert not any(uid.encode() in path.read_bytes() for path in data_dir.rglob("*") if path.is_file())
