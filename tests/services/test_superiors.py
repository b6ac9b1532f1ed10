"""Who reports to whom, as the directory hears of it: at first, and with every change on either side."""

from __future__ import annotations

from sharedbook.app import App
from sharedbook.formats.vcards import superiors, vcard
from sharedbook.services import feed
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.store import changes
from tests.support.sites import CLIENT, CONSOLE, as_console, card

LINK = "RELATED;TYPE=manager:urn:uuid:"


def test_changes_on_either_side(app: App) -> None:
    seen = 0

    def told() -> dict[int, int]:
        nonlocal seen
        with as_console(app, write=False) as tx:
            delta = feed.since(tx, seen)
            seen = changes.position(tx.db)
            return dict(delta.superiors)

    def add(uid: str, *lines: str) -> int:
        with as_console(app) as tx:
            return contacts.add(tx, groups.default(tx), vcard.parse(card(uid, uid, *lines))).id

    told()
    minji = add("minji", f"{LINK}ada", "RELATED;TYPE=friend:urn:uuid:zoe", "RELATED;TYPE=manager;VALUE=text:Max")
    assert told() == {minji: 0}
    ada = add("ada")
    assert told() == {minji: ada, ada: 0}, "the superior came later"
    grace = add("urn:uuid:grace")
    with as_console(app) as tx:
        found = vcard.load(contacts.get(tx, minji).vcard)
        contacts.replace(tx, minji, vcard.parse(vcard.patch(found, [superiors.edit(found, "urn:uuid:grace")])))
    assert told() == {minji: grace, grace: 0}
    with as_console(app, write=False) as tx:
        assert feed.snapshot(tx, "").superiors == {minji: grace}
    with as_console(app) as tx:
        contacts.delete(tx, [grace])
    assert told() == {minji: 0, grace: 0}
    with as_console(app) as tx:
        trash.restore(tx, [grace])
    assert told() == {minji: grace, grace: 0}
    erasure.erase(app.site, CONSOLE, CLIENT, [grace])
    assert told() == {minji: 0, grace: 0}
