"""What the tests of members, teams, grants and logins share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from sharedbook.app import App
from sharedbook.domain.access import Viewer
from sharedbook.domain.model import Change, Contact, Group, Visibility
from sharedbook.formats.vcards import vcard
from sharedbook.services.contacts import contacts
from sharedbook.services.members import members
from sharedbook.services.tx import Tx
from sharedbook.store import changes, identity
from sharedbook.store.schema import audit
from tests.support.sites import as_console, card

PASSWORD = "correct horse"


def add_members(app: App, *logins: str, **values: Any) -> None:
    """Members, each with PASSWORD only where it is asked for, as a hash takes its time."""
    with as_console(app) as tx:
        for login in logins:
            members.add(tx, login, **values)


def viewer(tx: Tx, login: str) -> Viewer:
    """Who a member is now."""
    found = identity.load(tx.db, login, departure_days=tx.site.settings.departure_days)
    assert found is not None
    return found.viewer


def add_contact(tx: Tx, group: Group, name: str, *, owner: str | None = None, visibility: Visibility) -> Contact:
    """A contact of this name, owned by a member."""
    owner_id = None if owner is None else members.get(tx, owner).id
    return contacts.add(tx, group, vcard.parse(card(name, name)), owner_id=owner_id, visibility=visibility)


class Journal:
    """What was written to the clock and to the audit since it was made."""

    def __init__(self, app: App) -> None:
        self._app = app
        with as_console(app, write=False) as tx:
            self._seq = changes.position(tx.db)
            self._audited = len(self._audit(tx))

    def read(self) -> tuple[Sequence[Change], Sequence[str]]:
        """The changes, and the actions audited."""
        with as_console(self._app, write=False) as tx:
            return changes.since(tx.db, self._seq), self._audit(tx)[self._audited :]

    def _audit(self, tx: Tx) -> Sequence[str]:
        return tx.db.execute(select(audit.c.action).order_by(audit.c.id)).scalars().all()
