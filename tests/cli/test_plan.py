"""A group as a YAML file: the file of the present state plans nothing, what it says is done and can be undone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from sharedbook.cli.terminal import json_keys
from tests.cli.conftest import CommandLine
from tests.support.left_out import ROOT


@pytest.fixture
def book(staffed: CommandLine, tmp_path: Path, data_dir: Path, molds: Path) -> CommandLine:
    """Minji (1, of Hanbit, assigned to bob), Ada (2) and Grace (3, with a number) in customers; Zoe (4) is not."""
    if (molds / "plan").exists():
        shutil.rmtree(data_dir)
        shutil.copytree(molds / "plan", data_dir)
        shutil.move(data_dir / "book.yaml", tmp_path / "book.yaml")
        return staffed
    add = ("contact", "add", "--group", "customers", "--name")
    staffed(*add, "Minji Kim", "--email", "minji@example.com", "--field", "company=Hanbit", "--field", "tags=vip;press")
    staffed(*add, "Ada Lovelace", "--field", "note=two\nlines", "--phone", "010-1234-5678")
    staffed(*add, "Grace Hopper", "--field", "external_id=C-7", "--field", "email.home=grace@example.com")
    staffed("contact", "add", "--name", "Zoe", "--email", "zoe@example.com")
    staffed("contact", "assign", "1", "--to", "bob")
    staffed("group", "export-plan", "customers", tmp_path / "book.yaml")
    shutil.copytree(data_dir, molds / "plan")
    shutil.copyfile(tmp_path / "book.yaml", molds / "plan" / "book.yaml")
    return staffed


@pytest.fixture
def file(book: CommandLine, tmp_path: Path) -> Path:
    return tmp_path / "book.yaml"


def exported(book: CommandLine) -> str:
    return book("group", "export-plan", "customers", "-").out


def names(book: CommandLine) -> list[str]:
    return [each["name"] for each in book.json("contact", "list", "--group", "customers")]


def test_the_present_state_plans_nothing(book: CommandLine, file: Path) -> None:
    assert file.read_text() == exported(book)
    before = book.json("job", "list")
    planned = book.json("plan", file)
    assert sorted(planned) == sorted(json_keys.KEYS["plan"])
    assert (planned["plan"], planned["contacts"], planned["grants"]) == (None, [], [])
    assert "is what the file says" in book("plan", "-", stdin=file.read_text()).out
    assert book.json("job", "list") == before


def test_what_differs_is_shown_done_and_undone(book: CommandLine, file: Path) -> None:
    before, zoe = file.read_text(), book.json("contact", "show", "4")["uid"]
    text = before.replace('company:\n  - "Hanbit"', 'company:\n  - "Acme"').replace('  - "press"\n', "")
    text = text.replace('Assigned:\n    - "bob"', 'Assigned:\n    - "carol"')
    text = "- uid: ".join(each for each in text.split("- uid: ") if "Ada Lovelace" not in each)
    text = text.replace("grants:\n", "grants:\n  carol: [view]\n").replace('  - "edit"\n', "")
    text += f"- uid: {zoe}\n  name: Zoe\n  email: [zoe@example.com, {{type: work, value: zoe@work.example}}]\n"
    text += "- external_id: C-8\n  name: Edsger\n  fields: {assigned: carol}\n"
    file.write_text(text)
    planned = book.json("plan", file)
    assert names(book) == ["Ada Lovelace", "Grace Hopper", "Minji Kim"], "a plan does nothing"
    assert {each["name"]: each["change"] for each in planned["contacts"]} == {
        "Minji Kim": "change", "Ada Lovelace": "leave", "Zoe": "show", "Edsger": "add",
    }  # fmt: skip
    minji = next(each for each in planned["contacts"] if each["name"] == "Minji Kim")
    assert {each["field"]: (each["before"], each["after"]) for each in minji["changes"]} == {
        "company": ("Hanbit", "Acme"), "tags": ("vip;press", "vip"), "custom:Assigned": ("bob", "carol"),
    }  # fmt: skip
    assert planned["grants"] == [
        {"subject": "carol", "before": [], "after": ["view"]},
        {"subject": "@sales", "before": ["view", "add", "edit"], "after": ["view", "add"]},
    ]
    shown = book("plan", file).out
    assert "~ Minji Kim (1): changed\n    - company: Hanbit\n    + company: Acme" in shown
    assert "- Ada Lovelace (2): leaves" in shown and "+ carol: none -> view" in shown
    assert "1 added, 1 changed, 1 shown, 1 leaving, 2 grants" in shown
    done = book.json("apply", planned["plan"])
    assert names(book) == ["Edsger", "Grace Hopper", "Minji Kim", "Zoe"]
    assert book.json("plan", file)["plan"] is None
    assert book.json("contact", "show", "4")["groups"] == ["contacts", "customers"]
    assert [each["id"] for each in book.json("trash", "list")] == [2]
    assert book.json("contact", "show", "Edsger")["assigned"] == "carol"
    book("job", "undo", done["job"], "--yes")
    assert exported(book) == before
    assert book.json("contact", "show", "4")["groups"] == ["contacts"]


def test_a_plan_is_refused_when_something_in_it_changed(book: CommandLine, file: Path) -> None:
    file.write_text(file.read_text().replace("Hanbit", "Acme"))
    for change in (
        ("contact", "set", "1", "title=Boss"),
        ("grant", "add", "customers", "carol", "view"),
    ):
        plan = book.json("plan", file)["plan"]
        book(*change)
        assert "changed since" in book("apply", plan, code=5).err
    plan = book.json("plan", file)["plan"]
    book("contact", "set", "2", "title=Countess")
    book("apply", plan)
    assert book.json("contact", "show", "1")["organization"] == "Acme"


def test_only_what_the_file_speaks_of(book: CommandLine, file: Path) -> None:
    file.write_text("group: customers\ngrants: {bob: [edit]}\n")
    planned = book.json("plan", file)
    assert (planned["contacts"], [each["subject"] for each in planned["grants"]]) == ([], ["bob", "@sales"])
    book("apply", planned["plan"])
    assert [(each["subject"], each["rights"]) for each in book.json("grant", "list", "customers")] == [
        ("bob", ["view", "edit"])
    ]
    file.write_text("group: customers\ncontacts:\n  - external_id: C-7\n    name: Grace Murray Hopper\n")
    planned = book.json("plan", file)
    assert sorted((each["change"], each["name"]) for each in planned["contacts"]) == [
        ("change", "Grace Hopper"), ("leave", "Ada Lovelace"), ("leave", "Minji Kim"),
    ]  # fmt: skip
    book("apply", planned["plan"])
    assert names(book) == ["Grace Murray Hopper"]
    assert book.json("contact", "show", "3")["emails"] == []


WRONG = {
    "group: nowhere": "nowhere",
    "group: customers\ngrants: {eve: [view]}": "line 2: there is no member eve",
    "group: customers\ngrants: {bob: [see]}": "line 2: there is no right see",
    "group: customers\ngrants: {bob: []}": "line 2: bob has no right",
    "group: customers\ncontacts:\n- external_id: a\n  email: none": "line 4: email: none is not a mail address",
    "group: customers\ncontacts:\n- external_id: a": "line 3: a contact needs a name",
    "group: [": "line ",
}


ALL_WRONG = """\
group: customers
grants: {eve: [view], bob: [see]}
contacts:
- external_id: a
  nmae: A
- external_id: b
  name: B
  email: [b@example.com, none]
  birthday: never
"""
ALL_OF_IT = """\
sharedbook: 6 mistakes in the file:
  line 2, column 15: there is no member eve (see: sharedbook member list; a team is written @name)
  line 2, column 28: there is no right see (rights are: view, add, edit, delete, import, export)
  line 4, column 3: a contact needs a name, company, mail address or phone number
  line 5, column 9: a contact has no nmae (did you mean name?)
  line 8, column 26: email.2: none is not a mail address
  line 9, column 13: birthday: never is not a date; write it as 1985-04-23
  next: correct them all
"""


def test_what_cannot_be_planned(book: CommandLine, file: Path) -> None:
    for text, says in WRONG.items():
        file.write_text(text)
        assert says in re.sub(r", column \d+", "", book("plan", file, code=4 if says == "nowhere" else 1).err)
    file.write_text(ALL_WRONG)
    assert book("plan", file, code=1).err == ALL_OF_IT
    file.write_text("group: customers")
    book("--as", "alice", "plan", file, code=5)
    book("--as", "alice", "group", "export-plan", "customers", "-", code=5)


def test_the_file_of_the_documentation(staffed: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "book.yaml"
    file.write_text((ROOT / "docs" / "book-file.md").read_text().split("```")[1].removeprefix("yaml\n"))
    staffed("apply", staffed.json("plan", file)["plan"])
    assert staffed.json("plan", file)["plan"] is None
    (made,) = staffed.json("contact", "list", "--group", "customers")
    assert (made["name"], made["assigned"], made["phones"][0]["value"]) == ("Minji Kim", "bob", "+82 10-1234-5678")
    staffed("group", "export-plan", "customers", file)
    assert staffed.json("plan", file)["plan"] is None


def test_who_lies_in_the_trash_is_restored_first(book: CommandLine, file: Path) -> None:
    book("contact", "delete", "1")
    assert "trash restore 1" in book("plan", file, code=1).err
    book("trash", "restore", "1")
    assert book.json("plan", file)["plan"] is None
    zoe = book.json("contact", "show", "4")["uid"]
    book("contact", "delete", "4")
    file.write_text(file.read_text() + f"- uid: {zoe}\n  name: Zoe\n")
    assert "trash restore 4" in book("plan", file, code=1).err


def test_an_erasure_forgets_what_a_plan_would_have_written(book: CommandLine, file: Path, data_dir: Path) -> None:
    file.write_text(file.read_text().replace("Hanbit", "Zanzibar Ltd"))
    plan = book.json("plan", file)["plan"]
    file.write_text(exported(book).replace("two\n", "two, of minji@example.com\n"))
    other = book.json("plan", file)["plan"]
    book("contact", "erase", "1", "--yes")
    data = b"".join(path.read_bytes() for path in data_dir.rglob("*") if path.is_file())
    assert b"Zanzibar" not in data and b"minji@example.com" not in data
    for each in (plan, other):
        book("apply", each, code=5)
