"""`hold`, `notice`, and what `doctor` says of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from sharedbook import app
from sharedbook.cli.terminal import json_keys
from sharedbook.domain.errors import DeletionHeld
from sharedbook.domain.model import Client, Right
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import breaker, cards, groups
from sharedbook.services.members import grants
from sharedbook.services.tx import MemberActor
from sharedbook.services.writing import records
from sharedbook.services.writing.kept import Columns
from sharedbook.settings import Settings
from tests.cli.conftest import CommandLine
from tests.support.sites import as_console, card

PHONE = Client("carddav", "Phone/1.0")


@pytest.fixture
def held(staffed: CommandLine, data_dir: Path) -> CommandLine:
    """Bob's phone took 20 of the 30 customers, and was held back."""
    site = app.open(Settings(data_dir=data_dir))
    with as_console(site) as tx:
        grants.grant(tx, "customers", "bob", Right.VIEW | Right.DELETE)
        made = [records.kept_of(tx, vcard.parse(card(f"u{each}", f"Name {each}"))) for each in range(30)]
        hrefs = [f"{each}.vcf" for each in range(len(made))]
        records.create(tx, groups.get(tx, "customers").id, Columns.of(made), hrefs)
    with site.begin(MemberActor("bob"), PHONE) as tx:
        bob = tx.viewer
    with pytest.raises(DeletionHeld) as refused, site.begin(bob, PHONE, write=True) as tx:
        for number in range(21):
            if number == 20:
                tx.commit()
                tx.close()
            cards.remove(tx, groups.book(tx, "customers"), f"{number}.vcf")
    breaker.hold(site, bob, PHONE, refused.value)
    site.close()
    return staffed


def test_a_hold_is_listed_shown_and_discarded(held: CommandLine) -> None:
    (hold,) = held.json("hold", "list")
    assert {key: hold[key] for key in ("id", "state", "group", "member", "client", "taken", "size", "until")} == {
        "id": 1, "state": "held", "group": "customers", "member": "bob", "client": "Phone", "taken": 20, "size": 30,
        "until": None,
    }  # fmt: skip
    shown = held.json("hold", "show", 1)
    assert shown.keys() == {*json_keys.KEYS["hold"], *json_keys.KEYS["hold_detail"]} > hold.keys()
    assert len(shown["contacts"]) == 20 and all(each["trashed"] for each in shown["contacts"])
    assert "Name 7" in held("hold", "show", 1).out
    assert "Phone" in held("hold", "list").out
    planned = held.json("hold", "discard", 1, "--dry-run")
    assert (planned["dry_run"], planned["count"], len(held.json("trash", "list"))) == (True, 20, 20)
    assert "--yes" in held("hold", "discard", 1, code=2).err
    done = held.json("hold", "discard", 1, "--yes")
    assert (done["action"], done["count"], done["notes"]) == ("discard", 20, [])
    assert held.json("trash", "list") == [] and held.json("hold", "list")[0]["state"] == "discarded"
    assert "was discarded" in held("hold", "release", 1, code=5).err
    actions = [(row["action"], row["ids"]["hold"]) for row in held.json("audit", "list") if "hold" in row["ids"]]
    assert actions == [("hold.raise", 1), ("hold.discard", 1)]


def test_a_hold_is_released(held: CommandLine) -> None:
    assert held.json("hold", "release", 1)["until"] is not None
    assert held.json("hold", "list")[0]["state"] == "released"
    assert held.json("audit", "list")[-1]["action"] == "hold.release"


def test_what_is_not_there_and_who_may_not(held: CommandLine) -> None:
    for command in ("show", "release", "discard"):
        assert "sharedbook hold list" in held("hold", command, 7, code=4).err
        assert held("--as", "alice", "hold", command, 1, code=5).err
    for words in (("hold", "list"), ("notice", "list"), ("notice", "test"), ("notice", "key")):
        held("--as", "alice", *words, code=5)


def test_doctor_tells_of_holds_until_they_are_decided(held: CommandLine) -> None:
    checks = {each["name"]: each for each in held.json("doctor", "--offline", code=1)}
    assert not checks["holds"]["ok"] and checks["holds"]["next"] == "see: sharedbook hold list"
    assert checks["notices"]["ok"] and "mail.server" in checks["notices"]["message"]
    held("hold", "discard", 1, "--yes")
    assert held.json("doctor", "--offline")


def test_notices_are_listed_and_their_failure_is_told(held: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    (notice,) = held.json("notice", "list")
    assert (notice["kind"], notice["mailed"], notice["posted"], notice["error"]) == ("hold.raised", None, None, None)
    assert notice.keys() == json_keys.KEYS["notice"].keys()
    assert notice["subject"] == "bob is held back from deleting in Customers"
    assert "20 of 30 contacts" in notice["text"] and not any(f"Name {each}" in notice["text"] for each in range(30))
    assert "mail.server" in held("notice", "test", code=1).err
    assert len(held.json("notice", "key")["key"]) == 64
    monkeypatch.setenv("SHAREDBOOK_WEBHOOK_URL", "https://127.0.0.1:1/")
    tried = held.json("notice", "test", code=1)
    assert tried["items"] == [] and "webhook: " in tried["notes"][0]
    assert "webhook: " in held("notice", "test", code=1).out
