"""Bulk actions read, and begin to write, in as many statements for many contacts as for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from sharedbook.app import App
from sharedbook.domain.model import VISIBLE_TO_ALL, VisibilityKind
from sharedbook.services.books import groups
from sharedbook.services.jobs import actions
from sharedbook.services.jobs.actions import Action
from tests.services.people import add_contact, add_members
from tests.support.sites import as_console, new_site

COUNT = 20


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


@pytest.mark.parametrize(
    "action",
    [actions.Copy(OTHER), actions.Move(TEAM, OTHER), actions.Delete(), HIDE, actions.DeleteGroup(TEAM, "keep", 1)],
    ids=lambda action: action.KIND,
)
def test_queries_do_not_grow_with_the_contacts(site: App, action: Action) -> None:
    one = reads(site, action, [1])
    assert len(reads(site, action, range(2, COUNT + 2))) <= len(one)
