"""Bulk actions read, and begin to write, in as many statements for many contacts as for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from sharedbook.app import App
from sharedbook.domain.model import VISIBLE_TO_ALL, VisibilityKind
from sharedbook.services.books import groups
from sharedbook.services.jobs import actions, bulk
from sharedbook.services.jobs.actions import Action
from sharedbook.services.jobs.jobs import State
from tests.services.bulk_sites import start, undo
from tests.services.people import add_contact, add_members
from tests.support.sites import as_console, new_site

COUNT = 20
MANY = list(range(2, COUNT + 2))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A site on SQLite, which says what it is asked, with 21 contacts of alice in one group."""
    app = new_site(tmp_path_factory.mktemp("statements") / "site")
    add_members(app, "alice")
    with as_console(app) as tx:
        for name in ("team", "other"):
            groups.add(tx, name)
        for number in range(COUNT + 1):
            add_contact(tx, groups.get(tx, "team"), f"Person {number}", owner="alice", visibility=VISIBLE_TO_ALL)
    yield app
    app.close()


def reads(app: App, action: Action, ids: Sequence[int]) -> list[str]:
    """The queries with which it is done to these contacts; nothing of it is kept."""
    asked: list[str] = []
    with as_console(app) as tx:
        driver = tx.db.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(asked.append)
        try:
            action.do(tx, ids)
        finally:
            driver.set_trace_callback(None)
        tx.rollback()
    return [each for each in asked if each.startswith(("SELECT", "WITH"))]


HIDE = actions.SetVisibility(VisibilityKind.PRIVATE.value)
TEAM, OTHER = 2, 3


ACTIONS = [actions.Copy(OTHER), actions.Move(TEAM, OTHER), actions.Delete(), HIDE]


@pytest.mark.parametrize("action", [*ACTIONS, actions.DeleteGroup(TEAM, "keep", 1)], ids=lambda each: each.KIND)
def test_queries_do_not_grow_with_the_contacts(site: App, action: Action) -> None:
    assert len(reads(site, action, MANY)) <= len(reads(site, action, [1]))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: each.KIND)
def test_nor_do_those_of_undo(site: App, action: Action) -> None:
    jobs = [start(site, action, ids) for ids in ([1], MANY)]
    one, many = (reads(site, bulk.Undo(job.id), ids) for job, ids in zip(jobs, ([1], MANY), strict=True))
    assert len(many) <= len(one)
    for job in jobs:
        assert undo(site, job.id).state is State.DONE
