"""What the site keeps beside a card lives on under every PUT; what a client keeps in it stays as it wrote it."""

from __future__ import annotations

from sharedbook.domain.model import ALL_RIGHTS, Visibility, VisibilityKind
from sharedbook.domain.query import Op, Some, Test
from sharedbook.formats.vcards import fields
from sharedbook.formats.vcards import vcard as cards
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.contacts.search import Search, find
from sharedbook.services.people import subjects
from tests.carddav.served import NAMES, Book, vcard
from tests.support.owners import set_owner
from tests.support.sites import as_console


def test_what_a_client_does_not_know_lives_on(book: Book) -> None:
    alice, path = book.alice, book.of_alice("kept.vcf")
    uid = f"kept-{next(NAMES)}"
    full = vcard(uid, "Ann", "CATEGORIES:vip,press", "X-ODD;A=b:kept\\, as it is", "CATEGORIES;PREF=2:third")
    assert alice.put(path, full).status == 201 and alice.get(path).text == full
    viewer = book.viewer(ALL_RIGHTS).login
    with as_console(book.site.app) as tx:
        contact = contacts.resolve(tx, uid)
        assert sorted(fields.read(cards.load(contact.vcard)).categories) == ["press", "third", "vip"]
        tagged = Search(Some("category", (Test(Op.EQUALS, "third"),)), group=book.group.slug)
        assert [each.id for each in find(tx, tagged)] == [contact.id]
        bob = subjects.member(tx, viewer)
        field = custom_fields.add(tx, f"Contract {next(NAMES)}")
        custom_fields.write(tx, contact.id, {field.id: ("4711",)})
        set_owner(tx, [contact.id], bob.login)
        listed = Visibility(VisibilityKind.LISTED, frozenset({bob.id, subjects.member(tx, alice.login).id}))
        contacts.set_visibility(tx, [contact.id], listed)
    got = alice.get(path)
    assert got.text == full, "nothing of it is written into the card"
    bare = vcard(uid, "Ann Smith")
    assert alice.put(path, bare, If_Match=got.headers["etag"]).status == 204
    with as_console(book.site.app, write=False) as tx:
        now = contacts.get(tx, contact.id)
        assert (now.owner_id, now.visibility) == (bob.id, listed)
        assert custom_fields.values(tx, contact.id) == {field.id: ("4711",)}
        wanted = Search(Some(f"custom:{field.id}", (Test(Op.EQUALS, "4711"),)))
        assert [each.id for each in find(tx, wanted)] == [contact.id]
    assert alice.get(path).text == bare
