"""The site's own fields on the command line, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine


@pytest.fixture
def book(bare: CommandLine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Minji (1) and Ada (2) in customers, where bob may edit and carol view; the fields Contract no. and Papers."""
    monkeypatch.setenv("SHAREDBOOK_DATABASE_URL", database_url)
    bare("init")
    for login in ("bob", "carol"):
        bare("member", "add", login)
    bare("group", "add", "Customers")
    bare("grant", "add", "customers", "bob", "view,edit,add,import,export")
    bare("grant", "add", "customers", "carol", "view")
    bare("field", "add", "Contract no.")
    bare("field", "add", "Papers", "--kind", "link", "--several")
    add = ("contact", "add", "--group", "customers")
    bare(*add, "--name", "Minji Kim", "--email", "minji@example.com")
    bare(*add, "--name", "Ada Lovelace", "--email", "ada@example.com", "--field", "custom:papers=https://a.example/1")
    return bare


def custom(book: CommandLine, ref: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = book.json("contact", "show", ref)["custom"]
    return found


def found(book: CommandLine, *query: str) -> list[int]:
    return [each["id"] for each in book.json("contact", "find", *query)]


def test_definitions(book: CommandLine) -> None:
    assert book.json("field", "list") == [
        {"name": "Assigned", "key": "assigned", "kind": "member", "several": False},
        {"name": "Contract no.", "key": "contract_no", "kind": "text", "several": False},
        {"name": "Papers", "key": "papers", "kind": "link", "several": True},
    ]
    assert "already" in book("field", "add", "CONTRACT NO", code=5).err
    for wrong, says in (("title", "column"), ("Tag", "search"), ("a=b", "cannot name"), ("1a", "cannot name")):
        assert says in book("field", "add", wrong, code=2).err
    book("--as", "bob", "field", "add", "Mine", code=5)
    assert "every site" in book("field", "remove", "assigned", "--yes", code=5).err
    book("field", "rename", "assigned", "Mine", code=5)
    book("contact", "set", "1", "custom:contract no=4711")
    assert book.json("field", "rename", "contract_no", "Vertrag Nr.")["key"] == "vertrag_nr"
    assert custom(book, "1") == {"Vertrag Nr.": ["4711"]}
    assert [each["key"] for each in book.json("field", "reorder", "papers")] == ["papers", "assigned", "vertrag_nr"]
    assert "did you mean Papers" in book("contact", "set", "1", "custom:paper=x", code=4).err
    assert book.json("field", "remove", "Papers", "--dry-run")["notes"] == ["1 contact with a value"]
    assert "--yes" in book("field", "remove", "Papers", code=2).err
    book("field", "remove", "Papers", "--yes")
    assert custom(book, "2") == {} and found(book, "vertrag_nr:4711") == [1]
    book("contact", "find", "papers:*", code=2)


def test_values(book: CommandLine) -> None:
    assert custom(book, "2") == {"Papers": ["https://a.example/1"]}
    assert book.json("contact", "show", "2")["version"] == 1
    book("contact", "set", "2", "custom:Papers+=mailto:ada@example.com", "title=Countess")
    assert custom(book, "2") == {"Papers": ["https://a.example/1", "mailto:ada@example.com"]}
    book("contact", "set", "2", "custom:Papers-=https://a.example/1", "custom:Contract no.=Nr. 4711; Süd")
    assert custom(book, "2") == {"Contract no.": ["Nr. 4711; Süd"], "Papers": ["mailto:ada@example.com"]}
    assert "custom:Contract no." in book("contact", "show", "2").out
    assert "unchanged" in book("contact", "set", "2", "custom:contract no=Nr. 4711; Süd").out
    for wrong, says in (
        ("custom:papers+=javascript:alert(1)", "is not an http"),
        ("custom:papers=https:///x", "is not an http"),
        ("custom:papers=" + ";".join(f"https://a.example/{at}" for at in range(11)), "at most 10"),
        ("custom:papers-=https://b.example", "no value"),
        ("custom:contract no+=x", "one value"),
        ("custom:contract no=" + "x" * 4001, "too long"),
        ("custom:contract no=\a", "control"),
        ("custom:", "not a change"),
    ):
        assert says in book("contact", "set", "2", wrong, "title=Lost", code=2).err
    assert book.json("contact", "show", "2")["fields"]["title"] == "Countess"
    book("contact", "set", "2", "custom:contract no=x", "--if-version", "1", code=5)
    book("--as", "carol", "contact", "set", "2", "custom:contract no=x", code=5)
    book("--as", "bob", "contact", "unset", "2", "custom:Papers")
    assert custom(book, "2") == {"Contract no.": ["Nr. 4711; Süd"]}


def test_search(book: CommandLine) -> None:
    book("contact", "set", "1", "custom:contract no=KÖ-4711")
    assert found(book, "contract_no:kö-47") == found(book, 'Contract_No:"4711"') == [1]
    assert found(book, "papers:*") == found(book, "papers:a.example") == found(book, "-contract_no:*") == [2]
    assert found(book, "4711") == [], "words look where people's words are"
    book("contact", "set", "1", "title=Head")
    book("reindex")
    assert found(book, "contract_no:4711", "title:head") == [1]
    book("contact", "set", "1", "custom:contract no=")
    assert found(book, "contract_no:*") == []
    assert "contract_no" in book("contact", "find", "contrat_no:1", code=2).err


def test_history_why_and_revert(book: CommandLine) -> None:
    book("--as", "bob", "contact", "set", "2", "custom:papers+=https://a.example/2", "title=Countess")
    book("contact", "set", "2", "custom:papers=", "custom:contract no=7")
    steps = book.json("contact", "history", "2")
    assert [each["event"] for each in steps] == ["added", "edited", "custom", "custom"]
    assert steps[0]["changes"][-1] == {"field": "custom:Papers", "before": None, "after": "https://a.example/1"}
    assert steps[2]["changes"] == [
        {
            "field": "custom:Papers",
            "before": "https://a.example/1",
            "after": "https://a.example/1;https://a.example/2",
        }
    ]
    assert "custom:Contract no.: (none) -> 7" in book("contact", "history", "2").out
    origin = book.json("contact", "why", "2", "custom:papers")
    assert (origin["value"], origin["before"]) == (None, "https://a.example/1;https://a.example/2")
    assert book.json("contact", "why", "2", "custom:contract_no")["revision"]["actor"] == steps[3]["actor"]
    assert "never had" in book("contact", "why", "1", "custom:papers", code=2).err
    book("contact", "why", "1", "custom:nothing", code=4)
    book("contact", "revert", "2", steps[2]["id"])
    assert custom(book, "2") == {"Papers": ["https://a.example/1", "https://a.example/2"]}
    book("contact", "revert", "2", steps[0]["id"])
    shown = book.json("contact", "show", "2")
    assert (shown["custom"], shown["fields"].get("title")) == ({"Papers": ["https://a.example/1"]}, None)


def test_files(book: CommandLine, tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_text(
        "name,email,contract no,custom:Papers\n"
        "Minji Kim,minji@example.com,4711,\n"
        "Ada Lovelace,ada@example.com,,https://a.example/9;https://a.example/8\n"
        "Grace Hopper,grace@example.com,12,ftp://x\n"
        "Edsger,edsger@example.com,'=13,\n"
    )
    run = ("import", file, "--group", "customers", "--duplicates")
    planned = book.json(*run, "update", "--dry-run", code=3)["counts"]
    report = book.json("--as", "bob", *run, "update", "--yes", code=3)
    assert report["counts"] == planned
    assert {name: count for name, count in planned.items() if count} == {"added": 1, "updated": 2, "error": 1}
    (problem,) = report["problems"]
    assert (problem["line"], problem["column"], problem["code"]) == (4, "custom:Papers", "invalid-value")
    assert custom(book, "1") == {"Contract no.": ["4711"]}
    assert custom(book, "2") == {"Papers": ["https://a.example/9", "https://a.example/8"]}
    assert custom(book, "edsger") == {"Contract no.": ["=13"]}
    again = book.json(*run, "update", "--yes", code=3)["counts"]
    assert (again["unchanged"], again["updated"], again["added"]) == (3, 0, 0)
    book("export", out)
    header, *rows = out.read_text(encoding="utf-8-sig").splitlines()
    assert header.endswith(",custom:Papers,custom:Contract no.") and len(rows) == 3
    assert book.json("import", out, "--group", "customers", "--duplicates", "replace")["counts"]["unchanged"] == 3
    file.write_text("name,email,contract no\nMinji Kim,minji@example.com,9\nAda,ada@example.com,10\n")
    book(*run, "fill", "--yes")
    assert (custom(book, "1")["Contract no."], custom(book, "2")["Contract no."]) == (["4711"], ["10"])
    file.write_text("name,email,contract no\nMinji Kim,minji@example.com,\n")
    book(*run, "replace", "--yes")
    assert custom(book, "1") == {}
    (tmp_path / "map.toml").write_text('"Vertrag" = "custom:Contract no."\n')
    file.write_text("name,email,Vertrag\nMinji Kim,minji@example.com,77\n")
    book(*run, "update", "--yes", "--map", tmp_path / "map.toml")
    assert custom(book, "1") == {"Contract no.": ["77"]}
    file.write_text("name,email,custom:Nowhere\nMinji Kim,minji@example.com,77\n")
    assert "custom:Nowhere is unknown" in book(*run, "update", "--yes", code=1).err
