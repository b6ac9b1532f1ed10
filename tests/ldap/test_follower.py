"""The follower: changes that are no longer known, a card that cannot be read, a database that is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sharedbook.app
from ldap_gateway.attributes import Names
from ldap_gateway.directory import Directory
from ldap_gateway.follower import Follower
from sharedbook.app import App
from sharedbook.domain.errors import Unavailable
from sharedbook.domain.model import EVERYONE_ID, PRIVATE, Change, Right
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.jobs import bulk
from sharedbook.services.jobs.actions import Action, Merge
from sharedbook.services.members import grants
from sharedbook.store import changes
from tests.ldap.world import BASE
from tests.support.eventually import SECONDS
from tests.support.sites import CLIENT, CONSOLE, as_console, card, new_site


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A site with a group that everyone may view."""
    site = new_site(tmp_path / "site")
    with as_console(site) as tx:
        grants.grant(tx, groups.add(tx, "Open").slug, "everyone", Right.VIEW)
    yield site
    site.close()


def add(app: App, *lines: str, name: str = "Ann") -> int:
    with as_console(app) as tx:
        text = card(f"uid-{name}", name, *lines)
        return contacts.add(tx, groups.get(tx, "open"), vcard.parse(text)).id


def directory_of(app: App) -> Directory:
    return Directory(BASE, names=Names(()), region="US", limits=app.settings.limits(), start_tls=False)


@asynccontextmanager
async def following(app: App) -> AsyncIterator[tuple[Directory, Follower]]:
    directory = directory_of(app)
    follower = Follower(app, directory)
    follower.load()
    follower.start(asyncio.get_running_loop())
    try:
        yield directory, follower
    finally:
        await follower.stop()


async def soon(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not what():
            await asyncio.sleep(0.005)


def seen(directory: Directory) -> set[int]:
    """Ids that everyone sees."""
    reader = directory.reader(frozenset({EVERYONE_ID}))
    mask = directory.index.visible(reader.groups, reader.subjects)
    return {each for each in directory.index.ids() if directory.index.sees(mask, each)}


def test_a_merge_and_its_undo_are_followed(app: App) -> None:
    ids = [add(app, f"EMAIL:{name}@example.com", name=name) for name in ("ann", "bob")]

    def run(action: Action, contact_ids: Sequence[int]) -> int:
        with as_console(app) as tx:
            job = bulk.add(tx, action, contact_ids)
        return bulk.run(app, CONSOLE, CLIENT, job.id).id

    async def scenario() -> None:
        async with following(app) as (directory, _):
            assert seen(directory) == {*ids}
            job = await asyncio.to_thread(run, Merge((tuple(ids),)), ids)
            await soon(lambda: seen(directory) == {ids[0]})
            with as_console(app, write=False) as tx:
                back = bulk.undo_of(tx, job)
            await asyncio.to_thread(run, *back)
            await soon(lambda: seen(directory) == {*ids})

    asyncio.run(scenario())


def test_superiors_are_followed(app: App) -> None:
    link = "RELATED;TYPE=manager:urn:uuid:uid-"
    boss = add(app, name="Boss")
    ann = add(app, f"{link}Boss", name="Ann")

    def above(directory: Directory, contact_id: int) -> int | None:
        reader = directory.reader(frozenset({EVERYONE_ID}))
        found = directory.superiors.of(contact_id, directory.index.visible(reader.groups, reader.subjects))
        return found.id if found else None

    async def scenario() -> None:
        async with following(app) as (directory, follower):
            assert above(directory, ann) == boss
            bob = add(app, f"{link}Ann", name="Bob")
            await soon(lambda: above(directory, bob) == ann)
            with as_console(app) as tx:
                contacts.set_visibility(tx, [boss], PRIVATE)
            await soon(lambda: above(directory, ann) is None)
            edit(app, bob, [vcard.Remove("RELATED")])
            await soon(lambda: directory.superiors.ids() == [ann])
            follower._seq = 10**9
            with as_console(app) as tx:
                contacts.delete(tx, [boss])
            await soon(lambda: directory.superiors.ids() == [])

    asyncio.run(scenario())


def test_everything_is_read_anew_when_the_changes_are_not_known(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """As after a restore: what is in memory becomes what is in the database, the gone included."""
    kept, lost = add(app, name="Kept"), add(app, name="Lost")

    async def scenario() -> None:
        directory = directory_of(app)
        follower = Follower(app, directory)
        follower.load()
        assert seen(directory) == {kept, lost}
        follower._seq = 10**9
        with as_console(app) as tx:
            contacts.delete(tx, [lost])
            late = groups.add(tx, "Late")
        new = add(app, name="New")
        follower.start(asyncio.get_running_loop())
        await soon(lambda: seen(directory) == {kept, new})
        assert late.id in directory.groups and lost not in directory.index.ids()
        await soon(lambda: follower._seq < 10**9)
        await follower.stop()

    asyncio.run(scenario())
    assert "everything is read anew" in caplog.text


def test_a_group_card_is_no_person(app: App) -> None:
    """Not when it is loaded, not when a card becomes one; it is one again when it says so no more."""
    ann = add(app, "EMAIL:ann@example.org")
    team = add(app, "X-ADDRESSBOOKSERVER-KIND:group", "EMAIL:team@example.org", name="Team")
    become = [vcard.Set("X-ADDRESSBOOKSERVER-KIND", "Group")]

    async def scenario() -> None:
        async with following(app) as (directory, _):
            assert seen(directory) == {ann}
            edit(app, ann, become)
            await soon(lambda: seen(directory) == set())
            edit(app, team, [vcard.Remove("X-ADDRESSBOOKSERVER-KIND")])
            await soon(lambda: seen(directory) == {team})

    asyncio.run(scenario())


def edit(app: App, contact_id: int, edits: Sequence[vcard.Edit]) -> None:
    with as_console(app) as tx:
        contacts.edit(tx, [contact_id], lambda read: vcard.parse(vcard.patch(read, edits)))


def test_a_card_that_cannot_be_read_is_left_out(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """A lowered limit, say; the others are served, and the log has an id, no value."""
    bad, good = add(app, "EMAIL:x@secret.example", "EMAIL:y@secret.example", name="Bad"), add(app, name="Good")
    app.close()
    lowered = sharedbook.app.open(replace(app.settings, limits_values_per_field=1))

    async def scenario() -> None:
        async with following(lowered) as (directory, _):
            assert directory.index.ids() == [good]
            with as_console(lowered) as tx:
                contacts.set_visibility(tx, [bad, good], PRIVATE)
            await soon(lambda: seen(directory) == set())
            assert directory.index.ids() == [good]

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    lowered.close()
    assert f"contact {bad} is left out" in caplog.text and "secret" not in caplog.text


def test_the_database_is_away_and_comes_back(
    app: App, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known is served on; the log says it twice, not fifty times a second."""
    first = add(app, name="First")
    away = False
    really = changes.known

    def known(*given: Any) -> list[Change] | None:
        if away:
            raise Unavailable("the database is away")
        return really(*given)

    async def scenario() -> None:
        nonlocal away
        monkeypatch.setattr(changes, "known", known)
        async with following(app) as (directory, _):
            away = True
            second = add(app, name="Second")
            await soon(lambda: "changes cannot be read" in caplog.text)
            assert seen(directory) == {first}
            away = False
            await soon(lambda: seen(directory) == {first, second})
            await soon(lambda: "the database answers again" in caplog.text)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert caplog.text.count("changes cannot be read") == 1


def test_nobody_sees_a_mixture_of_before_and_after(app: App) -> None:
    """Between the step that changes rights and the one that brings values, a contact that changed hands is hidden."""
    one, two = add(app, name="One"), add(app, name="Two")

    async def scenario() -> None:
        directory = directory_of(app)
        follower = Follower(app, directory)
        follower.load()
        with as_console(app) as tx:
            contacts.set_visibility(tx, [one], PRIVATE)
            text = contacts.get(tx, two).vcard.replace("FN:Two", "FN:Newer")
            contacts.replace(tx, two, vcard.parse(text))
        delta = follower._read()
        follower._change_rights(delta)
        assert seen(directory) == {two}, "an edit alone hides nobody"
        await follower._apply(list(follower._documents(delta.contacts)), delta.gone)
        assert seen(directory) == {two} and set(directory.index.ids()) == {one, two}
        await follower.stop()

    asyncio.run(scenario())
