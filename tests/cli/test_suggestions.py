"""`sharedbook suggestion` on SQLite and on PostgreSQL: what bob's phone wanted, decided by who may edit."""

from __future__ import annotations

import pytest

from sharedbook import app as sharedbook_app
from sharedbook import settings
from sharedbook.cli.terminal import json_keys
from sharedbook.domain.model import Client
from sharedbook.services.books import cards, groups
from sharedbook.services.refused import suggestions
from sharedbook.services.tx import MemberActor
from tests.cli.conftest import CommandLine


@pytest.fixture
def book(bare: CommandLine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Ada (1) in customers, which bob may view and carol edit; bob's phone wanted her to be Countess."""
    monkeypatch.setenv("SHAREDBOOK_DATABASE_URL", database_url)
    bare("init")
    bare("group", "add", "Customers")
    for login, rights in (("bob", "view"), ("carol", "view,edit"), ("dave", "view")):
        bare("member", "add", login)
        bare("grant", "add", "customers", login, rights)
    bare("contact", "add", "--group", "customers", "--name", "Ada Lovelace", "--field", "title=Clerk")
    suggest()
    return bare


def suggest() -> None:
    site = sharedbook_app.open(settings.load())
    with site.begin(MemberActor("bob"), Client("cli")) as tx:
        viewer = tx.viewer
        [card] = cards.all_cards(tx, groups.book(tx, "customers"))
    wanted = card.vcard.replace("TITLE:Clerk", "TITLE:Countess").encode()
    suggestions.keep(site, viewer, Client("carddav", "Phone/1", "phone"), "customers", card.href, wanted)
    site.close()


def test_list_and_show(book: CommandLine) -> None:
    [found] = book.json("suggestion", "list")
    assert found.keys() == json_keys.KEYS["suggestion"].keys()
    assert (found["contact"], found["name"], found["by"]) == (1, "Ada Lovelace", "bob")
    assert found["client"] == "carddav Phone/1 phone"
    shown = book.json("suggestion", "show", 1)
    assert shown.keys() == json_keys.KEYS["suggestion"].keys() | json_keys.KEYS["suggestion_detail"].keys()
    assert shown["changes"] == [{"field": "title", "before": "Clerk", "after": "Countess"}]
    assert shown["properties"] == [{"property": "TITLE", "before": "TITLE:Clerk", "after": "TITLE:Countess"}]
    assert "title: Clerk -> Countess" in book("suggestion", "show", 1).out
    assert [len(book.json("--as", login, "suggestion", "list")) for login in ("bob", "carol", "dave")] == [1, 1, 0]


def test_apply_names_both_persons(book: CommandLine) -> None:
    book("contact", "set", "1", "note=moved on")
    assert "bob may not edit" in book("--as", "bob", "suggestion", "apply", 1, code=5).err
    assert "version 3" in book("--as", "carol", "suggestion", "apply", 1).out
    fields = book.json("contact", "show", "1")["fields"]
    assert (fields["title"], fields["note"]) == ("Countess", "moved on")
    last = book.json("contact", "history", "1")[-1]
    assert (last["actor"], last["client"]) == ("carol", "cli suggestion of bob")
    assert "no suggestion" in book("suggestion", "apply", 1, code=4).err
    actions = {entry["action"] for entry in book.json("audit", "list")}
    assert {"suggestion.keep", "suggestion.apply"} <= actions


def test_conflict_and_force(book: CommandLine) -> None:
    book("contact", "set", "1", "title=Mathematician")
    refusal = book("suggestion", "apply", 1, code=5)
    assert "TITLE" in refusal.err and "--force" in refusal.err
    assert book.json("suggestion", "show", 1)["conflicts"] == ["TITLE"]
    book("suggestion", "apply", 1, "--force")
    assert book.json("contact", "show", "1")["fields"]["title"] == "Countess"


def test_dismiss(book: CommandLine) -> None:
    assert "no suggestion" in book("--as", "dave", "suggestion", "dismiss", 1, code=4).err
    assert book.json("suggestion", "dismiss", 1)["items"] == [1]
    assert "There are no suggestions." in book("suggestion", "list").err
    assert book.json("contact", "show", "1")["version"] == 1
