"""A site with cards, mail clients that take them out, and postmasters that decide: for the breaker and for holds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from sharedbook import app
from sharedbook.app import App
from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import DeletionHeld
from sharedbook.domain.model import ALL_RIGHTS, Client
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import breaker, cards, groups
from sharedbook.services.members import grants, members
from sharedbook.services.refused import holds
from sharedbook.services.refused.holds import Discarded, Held
from sharedbook.services.writing import records
from sharedbook.services.writing.kept import Columns
from sharedbook.settings import Settings
from sharedbook.store.schema import contacts as contact_rows
from sharedbook.store.schema import memberships
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, new_site

PHONE = Client("carddav", "Phone/1.0")
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)

BOTH = pytest.mark.parametrize(
    "site", ["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))], indirect=True
)


def opened(request: pytest.FixtureRequest, folder: Path, mold: Path) -> Iterator[App]:
    """A prepared site in a folder, on SQLite (a copy of ``mold``) unless the test asks for both."""
    if getattr(request, "param", "sqlite") == "postgres":
        with request.getfixturevalue("postgres_cluster").database(schema=True) as url:
            made = prepared(folder, url)
            yield made
            made.close()
        return
    shutil.copytree(mold, folder)
    made = app.open(Settings(data_dir=folder))
    yield made
    made.close()


def prepared(folder: Path, url: str = "") -> App:
    """Members alice and bob with all rights on the groups clients, of 100 cards, and partners, of none."""
    made = new_site(folder, url)
    with as_console(made) as tx:
        for login in ("alice", "bob"):
            members.add(tx, login)
        for slug in ("clients", "partners"):
            groups.add(tx, slug)
            for login in ("alice", "bob"):
                grants.grant(tx, slug, login, ALL_RIGHTS)
    fill(made, 100)
    return made


def fill(site: App, number: int, slug: str = "clients", uids: str = "") -> None:
    """Cards at 0.vcf, 1.vcf, ... of a group; contact ids count from 1 in a new site. ``uids``: how theirs begin."""
    with as_console(site) as tx:
        texts = [card(f"{uids or slug}-{each}", f"N{each}") for each in range(number)]
        made = [records.kept_of(tx, vcard.parse(text)) for text in texts]
        hrefs = [f"{each}.vcf" for each in range(number)]
        records.create(tx, groups.get(tx, slug).id, Columns.of(made), hrefs)


def viewer(site: App, login: str) -> Viewer:
    with as_member(site, login) as tx:
        return tx.viewer


class Program:
    """A mail client of a member; ``after``: how long it waits before it begins."""

    def __init__(self, site: App, login: str = "alice", client: Client = PHONE, after: timedelta = timedelta()) -> None:
        self.site, self.viewer, self.client, self.now = site, viewer(site, login), client, NOW + after

    def delete(self, *numbers: int | str, slug: str = "clients") -> int:
        """DELETEs until one is refused, as the CardDAV door does it; returns how many were done."""
        return self._each(numbers, slug, None)

    def move(self, *numbers: int | str, to: str, slug: str = "clients", name: str = "moved") -> int:
        """MOVEs, likewise."""
        return self._each(numbers, slug, to, name)

    def _each(self, numbers: Sequence[int | str], slug: str, to: str | None, name: str = "") -> int:
        for done, number in enumerate(numbers):
            try:
                with self.site.begin(self.viewer, self.client, write=True) as tx:
                    tx.now = self.now
                    book = groups.book(tx, slug)
                    if to is None:
                        cards.remove(tx, book, f"{number}.vcf")
                    else:
                        cards.move(tx, book, f"{number}.vcf", groups.book(tx, to), f"{name}-{number}.vcf")
            except DeletionHeld as refused:
                if not refused.known:
                    breaker.hold(self.site, self.viewer, self.client, refused)
                return done
        return len(numbers)


def hrefs(site: App, slug: str = "clients") -> set[str]:
    with as_member(site, "bob") as tx:
        return {entry.href for entry in cards.listing(tx, groups.book(tx, slug))}


def listed(site: App) -> list[Held]:
    with as_console(site, write=False) as tx:
        return holds.list_holds(tx)


def release(site: App, hold_id: int, at: datetime = NOW) -> None:
    with as_console(site) as tx:
        tx.now = at
        holds.release(tx, hold_id)


def discard(site: App, hold_id: int) -> Discarded:
    return holds.discard(site, CONSOLE, CLIENT, hold_id)


def places(site: App) -> set[tuple[object, ...]]:
    """What every contact is, and where: all that a discard has to bring back."""
    m, c = memberships.c, contact_rows.c
    columns = (m.group_id, m.href, m.uid, m.state, m.etag, c.id, c.vcard, c.version, c.owner_id, c.visibility)
    with as_console(site, write=False) as tx:
        return {tuple(row) for row in tx.db.execute(select(*columns).join(contact_rows, c.id == m.contact_id))}
