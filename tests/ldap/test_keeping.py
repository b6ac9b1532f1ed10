"""What is kept for the next start: read instead of cards, made anew with every change, gone with its contact."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

import sharedbook.app
from ldap_gateway import follower as follower_module
from ldap_gateway.follower import Follower
from ldap_gateway.index import Document
from ldap_gateway.people import People
from ldap_gateway.server import _directory
from sharedbook.app import App
from sharedbook.domain.model import Client, Right
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.erasing import erasure
from sharedbook.services.members import grants
from sharedbook.services.tx import Console
from sharedbook.settings import Settings
from tests.ldap.test_follower import add, edit, following, soon
from tests.support.sites import as_console, new_site


@pytest.fixture
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    made = new_site(tmp_path_factory.mktemp("site"), database_url)
    with as_console(made) as tx:
        grants.grant(tx, groups.add(tx, "Open").slug, "everyone", Right.VIEW)
    yield made
    made.close()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of contacts whose cards were read."""
    read: list[int] = []
    really = People.document

    def document(people: People, contact: object) -> object:
        read.append(contact.id)  # type: ignore[attr-defined]
        return really(people, contact)  # type: ignore[arg-type]

    monkeypatch.setattr(People, "document", document)
    return read


def loaded(app: App) -> dict[int, tuple[Document, tuple[str, ...]]]:
    """A directory that starts now: documents, and all that they are found by."""
    directory = _directory(app.settings, start_tls=False)
    Follower(app, directory).load()
    index = directory.index
    assert not index.build(1000)
    columns = [column.texts for column in index.columns.values()]
    return {
        each: (document, tuple(column[index._slots[each]] for column in columns))
        for each in index.ids()
        if (document := index.document(each)) is not None
    }


def plain(found: dict[int, tuple[Document, tuple[str, ...]]]) -> list[object]:
    """What can be compared of it."""
    return [
        (each, document.key, document.entry, document.more, document.groups, document.audience, texts)
        for each, (document, texts) in sorted(found.items())
    ]


def test_the_second_start_reads_no_cards_and_gives_the_same(app: App, made: list[int]) -> None:
    ids = [add(app, "TEL:010-1234-5678", f"EMAIL:a{n}@example.com", "NOTE:홍길동", name=f"Ann {n}") for n in range(3)]
    first = loaded(app)
    assert made == ids
    assert plain(loaded(app)) == plain(first) and made == ids
    edit(app, ids[1], [vcard.Set("FN", "Berta")])
    again = loaded(app)
    assert made == [*ids, ids[1]] and b"Berta" in again[ids[1]][0].entry
    assert plain(loaded(app)) == plain(again) and made == [*ids, ids[1]]


def test_other_settings_make_entries_anew(app: App, made: list[int]) -> None:
    add(app, "NOTE:shown or not")
    loaded(app)
    noted = sharedbook.app.open(replace(app.settings, ldap_attributes=("note",)))
    assert b"shown or not" in next(iter(loaded(noted).values()))[0].entry and len(made) == 2
    noted.close()


def test_nothing_is_kept_of_what_is_erased_or_was_changed(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the gateway is about to keep it."""
    monkeypatch.setattr(follower_module, "KEEP_SECONDS", 0.0)
    gone, stays = add(app, name="Gone Person"), add(app, name="Staying Person")

    async def scenario() -> None:
        async with following(app) as _:
            assert kept(app) == {gone: b"Gone", stays: b"Staying"}
            edit(app, stays, [vcard.Set("FN", "Changed Person")])
            await soon(lambda: kept(app).get(stays) == b"Changed")
            erasure.erase(app.site, Console("root"), Client("cli"), [gone])
            assert set(kept(app)) == {stays}

    asyncio.run(scenario())


def kept(app: App) -> dict[int, bytes]:
    """The name in each row, by contact."""
    with as_console(app) as tx:
        rows = tx.db.execute(text("SELECT contact_id, entry FROM directory_entries")).all()
    words = (b"Changed", b"Gone", b"Staying")
    return {int(contact_id): next(word for word in words if word in bytes(entry)) for contact_id, entry in rows}


def test_what_is_kept_depends_on_how_accents_are_compared(tmp_path: Path) -> None:
    stamps = {
        _directory(Settings(data_dir=tmp_path, ldap_accents=accents), start_tls=False).people.stamp
        for accents in ("exact", "blind")
    }
    assert len(stamps) == 2
