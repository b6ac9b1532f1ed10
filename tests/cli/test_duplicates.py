"""Contacts that are there twice, on the command line: suggested, told apart."""

from __future__ import annotations

from sharedbook.cli import json_keys
from tests.cli.conftest import CommandLine


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
    assert "Nobody" in staffed("contact", "duplicates").err
    (pair,) = staffed.json("contact", "distinct")
    assert pair.keys() == json_keys.KEYS["distinct"].keys() and pair["contacts"] == found["contacts"]
    assert "Kim, Minji" in staffed("contact", "distinct").out
    assert staffed.json("contact", "distinct", "1", "2", "--remove")["items"] == [[1, 2]]
    assert "Nothing" in staffed("contact", "distinct").err
    assert staffed.json("contact", "duplicates") == [found]
    staffed("contact", "distinct", "1", code=2)
    staffed("contact", "distinct", "--remove", code=2)
    staffed("contact", "distinct", "1", "nobody", code=4)
