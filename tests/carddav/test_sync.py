"""sync-collection (RFC 6578): what changed since a token, no more and no less, through the running server."""

from __future__ import annotations

import pytest

from sharedbook.domain.model import ALL_RIGHTS, Right, Visibility, VisibilityKind
from sharedbook.formats.vcards.vcard import parse
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.jobs import bulk
from sharedbook.services.jobs.actions import Merge
from sharedbook.services.members import grants, members
from tests.carddav.dav import CS, Client, D
from tests.carddav.served import SERVED, Book, vcard
from tests.support.sites import CLIENT, CONSOLE, as_console

THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0"


def fill(book: Book, *names: str) -> None:
    for name in names:
        assert book.alice.put(book.of_alice(f"{name}.vcf"), vcard(f"{name}-{book.group.slug}", name)).status == 201


def test_from_the_beginning_and_then_step_by_step(book: Book) -> None:
    fill(book, "a", "b")
    first = book.alice.sync(book.of_alice())
    assert set(first.etags()) == {book.of_alice("a.vcf"), book.of_alice("b.vcf")}
    assert book.alice.sync(book.of_alice(), first.token()).found() == {}
    book.alice.put(book.of_alice("a.vcf"), vcard(f"a-{book.group.slug}", "Changed"))
    book.alice.request("DELETE", book.of_alice("b.vcf"))
    fill(book, "c")
    second = book.alice.sync(book.of_alice(), first.token())
    assert set(second.etags()) == {book.of_alice("a.vcf"), book.of_alice("c.vcf")}
    assert second.statuses() == {book.of_alice("b.vcf"): 404}
    assert book.alice.sync(book.of_alice(), second.token()).found() == {}


def test_the_first_answer_has_no_tombstones(book: Book) -> None:
    fill(book, "a", "b")
    book.alice.request("DELETE", book.of_alice("b.vcf"))
    assert list(book.alice.sync(book.of_alice()).found()) == [book.of_alice("a.vcf")]


def test_the_token_of_propfind_is_the_one_of_sync(book: Book) -> None:
    fill(book, "a")
    polled = book.alice.propfind(book.of_alice(), f"{D}sync-token", f"{CS}getctag").found()[book.of_alice()]
    token = polled[f"{D}sync-token"].text or ""
    assert token == book.alice.sync(book.of_alice()).token()
    fill(book, "b")
    again = book.alice.propfind(book.of_alice(), f"{D}sync-token", f"{CS}getctag").found()[book.of_alice()]
    assert again[f"{CS}getctag"].text != polled[f"{CS}getctag"].text
    assert list(book.alice.sync(book.of_alice(), token).found()) == [book.of_alice("b.vcf")]


def test_cards_inline(book: Book) -> None:
    fill(book, "a")
    [(path, card)] = book.alice.sync(book.of_alice(), data=True).cards().items()
    assert path == book.of_alice("a.vcf")
    assert card.splitlines() == vcard(f"a-{book.group.slug}", "a").splitlines()


@SERVED
def test_a_card_has_nothing_to_sync(book: Book) -> None:
    book.alice.put(book.of_alice("a.vcf"), vcard("a"))
    reply = book.alice.sync(book.of_alice("a.vcf"))
    assert (reply.status, reply.conditions) == (403, [f"{D}supported-report"])
    assert book.alice.sync(book.of_alice("none.vcf")).status == 404


@pytest.mark.parametrize("depth", [None, "0", "1", "infinity"])
def test_any_depth(book: Book, depth: str | None) -> None:
    fill(book, "a")
    headers = {} if depth is None else {"Depth": depth}
    body = '<sync-collection xmlns="DAV:"><sync-token/><prop><getetag/></prop></sync-collection>'
    assert list(book.alice.report(book.of_alice(), body, **headers).etags()) == [book.of_alice("a.vcf")]


def foreign_tokens(book: Book) -> list[str]:
    other = Book(book.site)
    token = book.alice.sync(book.of_alice()).token()
    changed = token[:-1] + ("0" if token[-1] != "0" else "1")
    return ["http://radicale.org/ns/sync/abc", "x", changed, other.alice.sync(other.of_alice()).token()]


def test_a_foreign_token_asks_for_a_fresh_start(book: Book) -> None:
    thunderbird = Client(book.alice.port, book.alice.login, book.alice.password, THUNDERBIRD)
    for token in foreign_tokens(book):
        reply = book.alice.sync(book.of_alice(), token)
        assert (reply.status, reply.conditions) == (403, [f"{D}valid-sync-token"])
        reply = thunderbird.sync(book.of_alice(), token)
        assert (reply.status, reply.conditions) == (400, [f"{D}valid-sync-token"])


def test_the_token_of_another_member_tells_nothing(book: Book) -> None:
    bob = book.viewer()
    fill(book, "seen", "secret")
    with as_console(book.site.app) as tx:
        seen_by_her = Visibility(VisibilityKind.LISTED, frozenset({members.get(tx, book.alice.login).id}))
        contacts.set_visibility(tx, [contacts.resolve(tx, f"secret-{book.group.slug}").id], seen_by_her)
    fill(book, "later")
    reply = bob.sync(book.path(bob), book.alice.sync(book.of_alice()).token())
    assert (reply.status, reply.conditions) == (403, [f"{D}valid-sync-token"])
    assert "secret" not in reply.text


@SERVED
def test_a_foreign_token_in_a_read_only_book_of_thunderbird(book: Book) -> None:
    fill(book, "a", "b", "c")
    book.alice.request("DELETE", book.of_alice("b.vcf"))
    bob = book.viewer()
    bob.agent = THUNDERBIRD
    here = book.path(bob)
    first = bob.sync(here)
    for token in foreign_tokens(book):
        reply = bob.sync(here, token)
        assert reply.etags() == first.etags()
        assert reply.token() == first.token()
        assert reply.statuses() == {}, "what was gone before Bob came"
    book.alice.request("DELETE", book.of_alice("c.vcf"))
    reply = bob.sync(here, "x")
    assert (list(reply.etags()), reply.statuses()) == ([here + "a.vcf"], {here + "c.vcf": 404})


@SERVED
def test_a_limit_gives_pages_and_all_of_them(book: Book) -> None:
    fill(book, *"abcdefg")
    seen: dict[str, str] = {}
    token, pages = "", 0
    while True:
        reply = book.alice.sync(book.of_alice(), token, limit="3")
        seen |= reply.etags()
        token, pages = reply.token(), pages + 1
        assert len(reply.etags()) <= 3 and pages < 9
        if book.of_alice() not in reply.statuses():
            break
        assert reply.statuses() == {book.of_alice(): 507}
    assert (len(seen), pages) == (7, 3)
    assert book.alice.sync(book.of_alice(), token).found() == {}
    assert book.alice.sync(book.of_alice(), limit="0").status == 400


# ---- what others change


def contact_of(book: Book, name: str) -> int:
    with as_console(book.site.app, write=False) as tx:
        return contacts.resolve(tx, f"{name}-{book.group.slug}").id


def test_hidden_then_shown_again(book: Book) -> None:
    bob = book.viewer()
    fill(book, "a", "b")
    token = bob.sync(book.path(bob)).token()
    with as_console(book.site.app) as tx:
        contacts.set_visibility(tx, [contact_of(book, "a")], Visibility(VisibilityKind.PRIVATE))
    hidden = bob.sync(book.path(bob), token)
    assert hidden.statuses() == {book.path(bob, "a.vcf"): 404}
    with as_console(book.site.app) as tx:
        contacts.set_visibility(tx, [contact_of(book, "a")], Visibility())
    shown = bob.sync(book.path(bob), hidden.token())
    assert list(shown.etags()) == [book.path(bob, "a.vcf")]


def test_a_member_who_never_saw_a_card_never_hears_of_it(book: Book) -> None:
    bob = book.viewer()
    token = bob.sync(book.path(bob)).token()
    with as_console(book.site.app) as tx:
        secret = parse(vcard(f"secret-{book.group.slug}"))
        contacts.add(tx, book.group, secret, owner_id=None, visibility=Visibility(VisibilityKind.PRIVATE))
    assert bob.sync(book.path(bob), token).found() == {}
    with as_console(book.site.app) as tx:
        contacts.delete(tx, [contact_of(book, "secret")])
    assert bob.sync(book.path(bob), token).found() == {}


def test_rights_taken_away_empty_the_book(book: Book) -> None:
    bob = book.viewer()
    fill(book, "a", "b")
    token = bob.sync(book.path(bob)).token()
    with as_console(book.site.app) as tx:
        grants.revoke(tx, book.group.slug, bob.login)
    gone = bob.sync(book.path(bob), token)
    assert gone.statuses() == {book.path(bob, "a.vcf"): 404, book.path(bob, "b.vcf"): 404}
    assert bob.get(book.path(bob, "a.vcf")).status == 404
    assert bob.put(book.path(bob, "c.vcf"), vcard("c")).status == 403
    book.grant(bob, Right.VIEW)
    assert set(bob.sync(book.path(bob), gone.token()).etags()) == {book.path(bob, "a.vcf"), book.path(bob, "b.vcf")}


def ctag(client: Client, path: str) -> str:
    return client.propfind(path, f"{CS}getctag").found()[path][f"{CS}getctag"].text or ""


def test_rights_that_change_move_the_ctag(book: Book) -> None:
    bob = book.viewer()
    before = ctag(bob, book.path(bob))
    book.grant(bob, ALL_RIGHTS)
    assert ctag(bob, book.path(bob)) != before


def test_the_ctag_moves_with_name_and_description_and_stays_with_the_order(book: Book) -> None:
    slug, found = book.group.slug, [ctag(book.alice, book.of_alice())]
    for change in (
        lambda tx: groups.reorder(tx, [slug]),
        lambda tx: groups.describe(tx, slug, book.group.description),
        lambda tx: groups.rename(tx, slug, book.group.name),
        lambda tx: groups.describe(tx, slug, "Whom we buy from"),
        lambda tx: groups.rename(tx, slug, f"Suppliers of {slug}"),
    ):
        with as_console(book.site.app) as tx:
            change(tx)
        found.append(ctag(book.alice, book.of_alice()))
    assert len(set(found[:4])) == 1
    assert len(set(found[3:])) == 3


def test_merged_contacts_go_and_come_back_with_the_undo(book: Book) -> None:
    fill(book, "a", "b")
    first = book.alice.sync(book.of_alice())
    ids = [contact_of(book, name) for name in "ab"]
    with as_console(book.site.app) as tx:
        job = bulk.add(tx, Merge((tuple(ids),)), ids)
    bulk.run(book.site.app, CONSOLE, CLIENT, job.id)
    merged = book.alice.sync(book.of_alice(), first.token())
    assert merged.statuses() == {book.of_alice("b.vcf"): 404}
    with as_console(book.site.app, write=False) as tx:
        back = bulk.undo_of(tx, job.id)
    with as_console(book.site.app) as tx:
        job = bulk.add(tx, *back)
    bulk.run(book.site.app, CONSOLE, CLIENT, job.id)
    undone = book.alice.sync(book.of_alice(), merged.token())
    assert undone.etags()[book.of_alice("b.vcf")] == first.etags()[book.of_alice("b.vcf")]
    assert book.alice.sync(book.of_alice()).etags() == first.etags()
