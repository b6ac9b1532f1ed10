"""Contacts that are there twice, on the command line: suggested, told apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sharedbook.cli.terminal import json_keys
from tests.cli import pages
from tests.cli.conftest import CommandLine, Terminal


def test_suggestions_and_pairs_that_are_two(staffed: CommandLine) -> None:
    staffed("contact", "add", "--name", "Minji Kim", "--email", "m@example.com", "--group", "customers")
    staffed("contact", "add", "--name", "Kim, Minji", "--email", "M@example.com")
    (found,) = staffed.json("contact", "duplicates")
    assert found.keys() == json_keys.KEYS["duplicate"].keys()
    assert found["contacts"] == [{"id": 1, "name": "Minji Kim"}, {"id": 2, "name": "Kim, Minji"}]
    how = "same name in another order"
    reason = {"contacts": [1, 2], "shared": "mail", "value": "m@example.com", "likeness": how}
    assert (found["confidence"], found["reasons"]) == ("certain", [reason])
    shown = staffed("contact", "duplicates").out
    assert "certain" in shown and "2 Kim, Minji" in shown and f"mail m@example.com (1, 2: {how})" in shown
    assert staffed.json("--as", "bob", "contact", "duplicates") == []
    assert staffed.json("contact", "duplicates", "--group", "customers") == []

    assert staffed("contact", "distinct", "1", "2").out == "distinct: 1 pair\n"
    assert "No duplicates" in staffed("contact", "duplicates").err
    (pair,) = staffed.json("contact", "distinct")
    assert pair.keys() == json_keys.KEYS["distinct"].keys() and pair["contacts"] == found["contacts"]
    assert "Kim, Minji" in staffed("contact", "distinct").out
    assert staffed.json("contact", "distinct", "1", "2", "--remove")["items"] == [[1, 2]]
    assert "kept apart" in staffed("contact", "distinct").err
    assert staffed.json("contact", "duplicates") == [found]
    staffed("contact", "distinct", "1", code=2)
    staffed("contact", "distinct", "--remove", code=2)
    staffed("contact", "distinct", "1", "nobody", code=4)


def test_merge(staffed: CommandLine) -> None:
    add = ("contact", "add", "--group", "customers")
    staffed(*add, "--name", "Minji Kim", "--email", "m@example.com", "--field", "title=Head")
    staffed(*add, "--name", "M. Kim", "--phone", "+82 10 1234 5678", "--field", "title=Boss")
    staffed("contact", "add", "--name", "Kim, Minji", "--email", "m@example.com", "--field", "note=Line\nbreak")
    planned = staffed.json("contact", "merge", "1", "2", "3", "--dry-run")
    assert planned.keys() == json_keys.KEYS["merged"].keys() and planned["dry_run"]
    assert {"field": "email", "value": "m@example.com", "from": 1, "also": [3]} in planned["values"]
    assert {"field": "name", "value": "M. Kim", "from": 2, "also": []} in planned["left_out"]
    assert (planned["contact"]["groups"], planned["joined"]) == (["contacts", "customers"], ["contacts"])
    assert planned["contact"]["fields"]["title.2"] == "Boss"
    shown = staffed("contact", "merge", "1", "2", "3", "--dry-run").out
    assert shown.startswith("Dry run, nothing is changed: merged into contact 1: 2, 3\n")
    assert "  email: m@example.com (of 1, also in 3)\n" in shown and "  note: Line break (of 3)\n" in shown
    assert "  left out: name: M. Kim (of 2)\n" in shown and "  groups: contacts, customers\n" in shown
    assert "  no longer seen by bob: " in shown and "owner: nobody; seen by: nobody" in shown
    assert f"sharedbook apply {planned['job'] + 1}" in shown
    assert staffed.json("contact", "show", "1")["version"] == 1

    assert "--yes" in staffed("contact", "merge", "1", "2", code=2).err
    staffed("contact", "merge", "1", "2", "--if-version", "2=7", "--yes", code=5)
    for wrong in (("--field", "title"), ("--if-version", "2=x"), ("--field", "title=3"), ("--field", "colour=1")):
        staffed("contact", "merge", "1", "2", *wrong, "--yes", code=2)
    done = staffed.json(
        "contact", "merge", "1", "2", "--keep", "2", "--field", "title=1", "--if-version", "1=1", "--yes"
    )
    assert (done["contact"]["id"], done["merged"], done["dry_run"]) == (2, [1], False)
    assert (done["contact"]["name"], done["contact"]["fields"]["title"]) == ("M. Kim", "Head")
    assert [each["id"] for each in staffed.json("trash", "list")] == [1]
    assert "at version 2" in staffed("apply", planned["job"], code=5).err
    assert f"sharedbook job undo {done['job']}" in done["notes"][-1]
    assert staffed.json("job", "show", done["job"])["kind"] == "merge"
    staffed("job", "undo", done["job"], "--yes")
    assert staffed.json("trash", "list") == [] and staffed.json("contact", "show", "2")["fields"]["title"] == "Boss"
    plan = staffed.json("contact", "merge", "1", "3", "--dry-run")["job"]
    staffed("apply", plan)
    assert [each["id"] for each in staffed.json("trash", "list")] == [3]
    assert "was merged into contact 1" in staffed("trash", "restore", "3").out


def test_merge_of_all_of_one_kind(staffed: CommandLine) -> None:
    for name in ("Minji Kim", "Kim, Minji", "M. Kim", "Ada Lovelace", "Jörg Müller"):
        mail = "m@example.com" if "Kim" in name else "office@example.com"
        staffed("contact", "add", "--name", name, "--email", mail, "--group", "customers")
    for number in range(6):
        staffed("contact", "add", "--name", "Too Many", "--email", "many@example.com", "--field", f"title={number}")
    merge = ("contact", "duplicates", "--reason", "mail", "--merge")
    staffed("contact", "duplicates", "--merge", "--yes", code=2)
    staffed(*merge, "--sure", "possible", "--yes", code=2)
    staffed("contact", "duplicates", "--dry-run", code=2)
    assert "--yes" in staffed(*merge, code=2).err
    (_, found) = staffed.json("contact", "duplicates", "--reason", "mail", "--sure", "certain")
    assert [each["id"] for each in found["contacts"]] == [1, 2]
    planned = staffed(*merge, "--dry-run").out
    assert planned == (
        "Dry run, nothing is changed: merge duplicates by mail: 2 contacts\n  1 Minji Kim, 2 Kim, Minji\n"
        "  too many for one merge: 6, 7, 8, 9, 10, 11\n  to do exactly this: sharedbook apply 1\n"
    )
    assert staffed.json(*merge, "--sure", "likely", "--dry-run")["items"] == [1, 2, 3]
    assert staffed.json("contact", "duplicates", "--reason", "phone", "--merge", "--yes")["notes"] == [
        "by phone none is certain: --sure likely"
    ]
    done = staffed.json("apply", "1")
    assert (done["items"], done["notes"]) == ([1, 2], ["undo: sharedbook job undo 1"])
    assert len(staffed.json("contact", "list")) == 10
    staffed("job", "undo", "1", "--yes")
    assert len(staffed.json("contact", "list")) == 11
    staffed("job", "undo", staffed.json("job", "list")[0]["id"], "--yes")
    assert len(staffed.json("contact", "list")) == 10


def test_the_merge_is_shown_and_asked_about(staffed: CommandLine, terminal: Callable[..., Terminal]) -> None:
    for name in ("Minji Kim", "Kim, Minji"):
        staffed("contact", "add", "--name", name, "--email", "m@example.com")
    shown = terminal("contact", "merge", "1", "2")
    shown.until("email: m@example.com (of 1, also in 2)")
    shown.until("Merge them into contact 1 Minji Kim?")
    shown.type("y")
    assert shown.end() == 0
    assert [each["id"] for each in staffed.json("trash", "list")] == [2]


def test_erasing_says_what_goes_along_and_what_stays(staffed: CommandLine) -> None:
    for name in ("Minji Kim", "Kim, Minji"):
        staffed("contact", "add", "--name", name, "--email", "m@example.com")
    staffed("contact", "merge", "1", "2", "--yes")
    assert staffed.json("contact", "erase", "1", "--dry-run")["items"] == [1, 2]
    planned = staffed.json("contact", "erase", "2", "--dry-run")
    assert planned["items"] == [2] and "contact 2 was merged into 1, which keeps what came from it" in planned["notes"]
    assert staffed.json("contact", "erase", "1", "--yes")["erased"] == [1, 2]


def test_the_examples_answer_as_the_page_says(sharedbook: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREDBOOK_DEFAULT_REGION", "KR")
    sharedbook("member", "add", "ann")
    for name in ("Customers", "Press"):
        sharedbook("group", "add", name)
        sharedbook("grant", "add", name, "ann", "view")
    for group, name, *fields in (
        ("customers", "Minji Kim", "email=minji@example.com", "title=Head of Sales", "tags=vip"),
        ("press", "Kim, Minji", "email=Minji@Example.com", "phone.mobile=+82 10-1234-5678", "note=Prefers mail"),
        ("customers", "M. Kim", "phone=010 1234 5678", "title=Sales"),
        ("press", "Ada Lovelace", "email=office@example.com"),
        ("press", "Jörg Müller", "email=office@example.com"),
    ):
        more = [option for field in fields for option in ("--field", field)]
        sharedbook("contact", "add", "--name", name, "--group", group, *more)
    pages.check(sharedbook, "duplicates.md", {})


def test_a_member_merges_what_he_may_edit_and_delete(staffed: CommandLine) -> None:
    for name in ("Minji Kim", "Kim, Minji"):
        staffed("contact", "add", "--name", name, "--email", "m@example.com", "--group", "customers")
    refused = staffed("--as", "bob", "contact", "merge", "1", "2", "--yes", code=5)
    assert "may not delete contact 2" in refused.err
    staffed("grant", "add", "customers", "bob", "view,edit,delete")
    done = staffed.json("--as", "bob", "contact", "merge", "1", "2", "--yes")
    assert (done["contact"]["id"], done["merged"]) == (1, [2])
    assert staffed.json("--as", "bob", "job", "show", done["job"])["state"] == "done"
    staffed("--as", "bob", "job", "undo", done["job"], "--yes")
    assert sorted(each["id"] for each in staffed.json("contact", "list")) == [1, 2]
