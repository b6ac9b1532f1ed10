"""One contact's columns, tags, photo and past on the command line, on SQLite and on PostgreSQL."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\1\0\0\0\1" + b"pixels"
GIF = b"GIF89a\1\0\1\0 pixels"
JPEG = b"\xff\xd8\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0\xff\xd9"
HUGE_PNG = PNG.replace(b"\0\0\0\1\0\0\0\1", b"\0\1\0\0\0\1\0\0")


@pytest.fixture
def book(bare: CommandLine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Minji (1) and Ada (2) in customers, where bob may edit."""
    monkeypatch.setenv("SHAREDBOOK_DATABASE_URL", database_url)
    bare("init")
    bare("member", "add", "bob")
    bare("group", "add", "Customers")
    bare("grant", "add", "customers", "bob", "view,edit")
    add = ("contact", "add", "--group", "customers")
    bare(*add, "--name", "Minji Kim", "--email", "minji@example.com", "--email", "m@home.example")
    bare(*add, "--name", "Ada Lovelace", "--field", "tags=vip;press", "--field", "title=Countess")
    return bare


def card(book: CommandLine, tmp_path: Path, query: str) -> list[str]:
    """The lines of a contact's card."""
    book("export", query, "--format", "vcf", tmp_path / "card.vcf")
    return (tmp_path / "card.vcf").read_bytes().decode().split("\r\n")


def version(book: CommandLine, ref: str) -> int:
    return int(book.json("contact", "show", ref)["version"])


def test_unset(book: CommandLine, tmp_path: Path) -> None:
    before = card(book, tmp_path, "ada")
    fields = book.json("contact", "unset", "2", "title", "tags")["fields"]
    assert not {"title", "tags"} & fields.keys()
    gone = [line for line in before if line not in card(book, tmp_path, "ada")]
    assert gone == ["TITLE:Countess", "CATEGORIES:vip,press"]
    assert "unchanged" in book("contact", "unset", "2", "title").out
    book("contact", "unset", "1", "email.2")
    assert [each["value"] for each in book.json("contact", "show", "1")["emails"]] == ["minji@example.com"]
    for wrong, says in (
        ("colour", "no column"),
        ("name", "has a name"),
        ("uid", "cannot be"),
        ("title=x", "no column"),
    ):
        assert says in book("contact", "unset", "1", wrong, code=2).err
    book("contact", "unset", "1", "email", "--if-version", "1", code=5)
    assert book.json("contact", "show", "1")["emails"]


def test_tags(book: CommandLine, tmp_path: Path) -> None:
    before = card(book, tmp_path, "ada")
    assert "--yes" in book("contact", "tag", "1", "2", "+vip", code=2).err
    shown = book("contact", "tag", "1", "2", "+new, customer", "-press", "--dry-run").out
    assert "nothing is changed" in shown and "Ada Lovelace" in shown
    assert card(book, tmp_path, "ada") == before
    assert book.json("contact", "tag", "1", "2", "+new, customer", "-press", "--yes")["items"] == [1, 2]
    after = card(book, tmp_path, "ada")
    assert [line for line in after if line not in before] == ["CATEGORIES:vip,new\\, customer"]
    assert [line for line in before if line not in after] == ["CATEGORIES:vip,press"]
    assert book.json("contact", "show", "1")["fields"]["tags"] == "new, customer"
    at = version(book, "2")
    book("contact", "tag", "2", "+VIP", "-nothing")
    assert version(book, "2") == at
    book("contact", "tag", "--where", "tag:vip", "-vip")
    assert book.json("contact", "find", "tag:vip") == []
    for wrong in (("1",), ("1", "+"), ("1", "+a", "-a"), ("+a",)):
        book("contact", "tag", *wrong, code=2)
    book("--as", "bob", "contact", "tag", "1", "+bobs")
    book("grant", "revoke", "customers", "bob")
    book("grant", "add", "customers", "bob", "view")
    book("--as", "bob", "contact", "tag", "1", "+more", code=5)


@pytest.mark.parametrize(("name", "data"), [("a.png", PNG), ("a.gif", GIF), ("a.jpg", JPEG)])
def test_a_photo_goes_in_and_out(book: CommandLine, tmp_path: Path, name: str, data: bytes) -> None:
    before = card(book, tmp_path, "ada")
    (tmp_path / name).write_bytes(data)
    assert "changed" in book("contact", "photo", "2", tmp_path / name).out
    assert "unchanged" in book("contact", "photo", "2", tmp_path / name).out
    kept = "".join(card(book, tmp_path, "ada")).replace(" ", "")
    assert base64.b64encode(data).decode() in kept
    saved = book.json("contact", "photo", "2", "--save", tmp_path / "out")
    assert saved["items"] == [2] and str(len(data)) in saved["notes"][0]
    assert (tmp_path / "out").read_bytes() == data
    assert book.json("contact", "why", "2", "photo")["value"].endswith(")")
    book("contact", "photo", "2", "--remove")
    assert card(book, tmp_path, "ada") == before
    assert "no photo" in book("contact", "photo", "2", "--save", tmp_path / "none", code=4).err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"", "not a JPEG"), (b"BM bitmap", "not a JPEG"), (PNG + bytes(2048), "MB"), (HUGE_PNG, "pixels")],
)
def test_a_photo_is_refused_as_a_put_is(
    book: CommandLine, tmp_path: Path, data: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHAREDBOOK_LIMITS_PHOTO_BYTES", "2048")
    (tmp_path / "photo").write_bytes(data)
    assert says in book("contact", "photo", "1", tmp_path / "photo", code=2).err
    book("contact", "photo", "1", code=2)
    book("contact", "photo", "1", tmp_path / "photo", "--remove", code=2)
    assert version(book, "1") == 1


def test_history_why_and_revert(book: CommandLine, tmp_path: Path) -> None:
    first = card(book, tmp_path, "minji")
    book("--as", "bob", "contact", "set", "1", "title=Head", "email.2=new@home.example")
    added, edited = book.json("contact", "history", "1")
    assert {"field": "name", "before": None, "after": "Minji Kim"} in added["changes"]
    assert edited["changes"] == [
        {"field": "email.2", "before": "m@home.example", "after": "new@home.example"},
        {"field": "title", "before": None, "after": "Head"},
    ]
    assert {"property": "TITLE", "before": None, "after": "TITLE:Head"} in edited["properties"]
    shown = book("contact", "history", "1").out
    assert "title: (none) -> Head" in shown and "bob" in shown
    origin = book.json("contact", "why", "1", "title")
    assert (origin["revision"]["actor"], origin["revision"]["client"], origin["value"]) == ("bob", "cli", "Head")
    assert "bob" in book("contact", "why", "1", "email.2").out
    assert "never had" in book("contact", "why", "1", "birthday", code=2).err
    book("contact", "owner", "set", "1", "--to", "bob")
    done = book.json("contact", "revert", "1", added["id"])
    assert (done["version"], done["owner"], done["notes"]) == (
        4,
        "bob",
        ["owner: changed since, and stays as it is now"],
    )
    assert card(book, tmp_path, "minji") == first
    assert [each["event"] for each in book.json("contact", "history", "1")] == ["added", "edited", "owner", "reverted"]
    assert "unchanged" in book("contact", "revert", "1", added["id"]).out
    assert "no revision" in book("contact", "revert", "2", added["id"], code=4).err


def test_owners_of_a_search(book: CommandLine) -> None:
    many = ("contact", "owner", "set", "--where", "-nobody", "--to", "bob")
    assert book.json(*many, "--dry-run")["count"] == 2
    assert book.json("contact", "list", "--owner", "bob") == []
    assert "--yes" in book(*many, code=2).err
    book(*many, "--yes")
    assert len(book.json("contact", "list", "--owner", "bob")) == 2
