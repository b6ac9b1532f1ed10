"""The audit: its chain shows every change, an erasure does not break it, reads are counted, and no value is in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sharedbook.app import App
from sharedbook.domain.errors import Busy, Forbidden, SubjectNotFound, Unavailable
from sharedbook.domain.model import Right
from sharedbook.services.audit import audit_log, reads
from sharedbook.services.audit.audit_log import Entry
from sharedbook.services.audit.reads import Reads
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts
from sharedbook.services.erasing import erasure
from sharedbook.services.members import grants, members
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card

SECRETS = ("Zoltan", "quixote", "wyvern", "zoltan.vcf", "uid-zoltan", "Lajos")


@pytest.fixture
def site(app: App) -> App:
    with as_console(app) as tx:
        members.add(tx, "alice")
        members.add(tx, "bob")
        groups.add(tx, "Clients")
        grants.grant(tx, "clients", "alice", Right.VIEW | Right.ADD | Right.EDIT | Right.DELETE)
    return app


def put(app: App, href: str, text: str) -> int:
    with as_member(app, "alice", write=True) as tx:
        return cards.put(tx, groups.book(tx, "clients"), href, text).card.contact_id


def entries(app: App, **wanted: object) -> list[Entry]:
    with as_console(app, write=False) as tx:
        return list(audit_log.entries(tx, **wanted))  # type: ignore[arg-type]


def verified(app: App, head: str | None = None) -> audit_log.Verified:
    with as_console(app, write=False) as tx:
        return audit_log.verify(tx, head)


def tamper(app: App, statement: str) -> None:
    with app.site.database.begin(write=True) as connection:
        connection.execute(text(statement))


def test_an_erasure_does_not_break_the_chain(site: App) -> None:
    zoltan = put(site, "zoltan.vcf", card("uid-zoltan", "Zoltan", "EMAIL:quixote@wyvern.example"))
    put(site, "zoltan.vcf", card("uid-zoltan", "Zoltan Q", "EMAIL:quixote@wyvern.example"))
    lajos = put(site, "lajos.vcf", card("uid-lajos", "Lajos"))
    with as_console(site) as tx:
        contacts.delete(tx, [lajos])
    assert verified(site).broken is None
    erasure.erase(site.site, CONSOLE, CLIENT, [zoltan])
    found = verified(site)
    assert (found.broken, found.rows) == (None, len(entries(site)))
    assert [each.action for each in entries(site, contact=zoltan)] == ["card.add", "card.put", "contact.erase"]
    for each in entries(site):
        assert not any(secret in repr(each) for secret in SECRETS)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'bob' WHERE id = 3",
        "UPDATE audit SET ids = '{}' WHERE id = 3",
        "UPDATE audit SET at = at + 1 WHERE id = 3",
        "UPDATE audit SET action = 'nothing' WHERE id = 3",
        "UPDATE audit SET client = 'ldap' WHERE id = 3",
    ],
)
def test_a_changed_row_is_found(site: App, statement: str) -> None:
    assert verified(site).broken is None
    tamper(site, statement)
    assert verified(site).broken == 3


def test_a_missing_row_is_found(site: App) -> None:
    head, count = verified(site).head, len(entries(site))
    tamper(site, "DELETE FROM audit WHERE id = 2")
    assert verified(site).broken == 3
    assert verified(site).rows < count
    assert not verified(site, head).holds


def test_an_audit_that_was_emptied_is_not_intact(site: App) -> None:
    tamper(site, "DELETE FROM audit")
    assert verified(site).broken is not None
    put(site, "lajos.vcf", card("uid-lajos", "Lajos"))
    assert verified(site).broken == entries(site)[0].id, "a new chain is not the old one"


def test_a_row_that_cannot_be_read_is_named(site: App) -> None:
    tamper(site, "UPDATE audit SET ids = '{' WHERE id = 3")
    with pytest.raises(Unavailable, match="row 3") as caught:
        entries(site)
    assert "audit verify" in caught.value.hint


def test_rows_in_another_order_are_found(site: App) -> None:
    for old, new in ((2, -1), (3, 2), (-1, 3)):
        tamper(site, f"UPDATE audit SET id = {new} WHERE id = {old}")
    assert verified(site).broken == 2


def test_rows_that_were_cut_off_are_found_by_an_earlier_head(site: App) -> None:
    head = verified(site).head
    assert verified(site, head).holds
    last = entries(site)[-1].id
    put(site, "lajos.vcf", card("uid-lajos", "Lajos"))
    assert verified(site, head).holds
    tamper(site, f"DELETE FROM audit WHERE id >= {last}")
    assert verified(site).broken is None
    assert not verified(site, head).holds


def test_filters(site: App) -> None:
    before = len(entries(site))
    zoltan = put(site, "zoltan.vcf", card("uid-zoltan", "Zoltan"))
    now = datetime.now(UTC)
    assert [each.ids["contact"] for each in entries(site, contact=zoltan)] == [zoltan]
    assert entries(site, contact=999) == []
    assert {each.action for each in entries(site, member="alice")} >= {"member.add", "grant.set"}
    assert entries(site, member="alice")[-1].actor == "alice"
    assert [each.action for each in entries(site, member="bob")] == ["member.add"]
    with as_console(site, write=False) as tx:
        recent, last = audit_log.page(tx, 0, since=now - timedelta(hours=1))
        assert len(recent) == before + 1 and last == recent[-1].id
        assert audit_log.page(tx, 0, since=now + timedelta(hours=1)) == ([], None)
    with pytest.raises(SubjectNotFound):
        entries(site, member="nobody")
    with as_member(site, "alice") as tx, pytest.raises(Forbidden):
        list(audit_log.entries(tx))


def test_counts_are_no_ids(site: App) -> None:
    with as_console(site) as tx:
        tx.audit("export", contacts=7)
    assert entries(site, contact=7) == []


# ---- reads


@pytest.fixture
def counting(site: App) -> Iterator[Reads]:
    counting = Reads(site.site, seconds=3600)
    yield counting
    counting.close()


def ids_of(app: App, *logins: str) -> list[int]:
    with as_console(app, write=False) as tx:
        known = {member.login: member.id for member in members.list_members(tx)}
    return [known[login] for login in logins]


def test_reads_are_one_chained_row(site: App, counting: Reads) -> None:
    alice, bob = ids_of(site, "alice", "bob")
    for _ in range(3):
        counting.note(alice, "carddav", 2, 10)
    counting.note(bob, "ldap", 2, 1)
    counting.note(None, "ldap", 2, 4)
    counting.note(alice, "carddav", 3, 0)
    assert not [each for each in entries(site) if each.action == reads.ACTION], "nothing is written for a read"
    counting.flush()
    counting.flush()
    found = [each for each in entries(site) if each.action == reads.ACTION]
    triples = sorted(
        (door, *triple) for each in found for door in ("carddav", "ldap") for triple in each.ids.get(door, [])
    )
    if len(found) == 1:  # else the hour turned in between
        assert triples == [("carddav", alice, 2, 30), ("ldap", 0, 2, 4), ("ldap", bob, 2, 1)]
    assert sum(triple[3] for triple in triples) == 35
    assert verified(site).broken is None
    assert entries(site, member="bob")[-1].action == reads.ACTION


def test_reads_wait_for_a_locked_database_and_are_not_lost(
    site: App, counting: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alice,) = ids_of(site, "alice")
    counting.note(alice, "carddav", 2, 5)
    monkeypatch.setattr("sharedbook.services.audit.reads.begin", _unavailable)
    counting.flush()
    counting.note(alice, "carddav", 2, 2)
    monkeypatch.undo()
    counting.close()
    found = [each for each in entries(site) if each.action == reads.ACTION]
    assert sum(triple[2] for each in found for triple in each.ids["carddav"]) == 7


def _unavailable(*_arguments: object, **_more: object) -> None:
    raise Busy("locked")


def test_reads_are_written_by_themselves(site: App) -> None:
    written = threading.Event()

    class Watched(Reads):
        def flush(self) -> None:
            super().flush()
            written.set()

    counting = Watched(site.site, seconds=0.01)
    counting.note(1, "ldap", 2, 1)
    assert written.wait(60)
    counting.close()
    assert [each.ids["ldap"] for each in entries(site) if each.action == reads.ACTION] == [[[1, 2, 1]]]


def test_closing_the_site_writes_the_rest(site: App) -> None:
    site.reads.note(1, "ldap", 2, 3)
    site.close()
    assert [each.ids["ldap"] for each in entries(site) if each.action == reads.ACTION] == [[[1, 2, 3]]]
