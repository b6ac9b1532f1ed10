"""Cards in the form that a client asks for: another version, some properties only; and a PUT of such a copy."""

from __future__ import annotations

import pytest

from sharedbook.domain.query import EVERYTHING
from sharedbook.services.contacts import history, search
from tests.carddav.dav import CR, Reply
from tests.carddav.served import Book, Site, vcard
from tests.support.sites import as_console

THREE = vcard("three", "Ann", "TEL;TYPE=HOME:+1 555 0100", "item1.URL:a:b", "item1.X-ABLabel:Shop", "CLASS:PRIVATE")
FOUR = vcard("four", "Bob", "TEL;PREF=1;PID=1.1:0100", "BDAY:1985-04", "KIND:individual", version="4.0")


@pytest.fixture(scope="module")
def full(site: Site) -> Book:
    """A book with a card of each version, that is only read."""
    return filled(Book(site))


@pytest.fixture
def edited(book: Book) -> Book:
    """A book of the same cards for one test."""
    return filled(book)


def filled(book: Book) -> Book:
    """Puts a card of each version."""
    for name, card in (("three.vcf", THREE), ("four.vcf", FOUR)):
        assert book.alice.put(book.of_alice(name), card).status == 201
    return book


def ask(book: Book, inner: str, attributes: str = "", *, how: str = "multiget") -> Reply:
    """A REPORT of ETags and of address-data in some form."""
    data = f"<D:prop><D:getetag/><C:address-data {attributes}>{inner}</C:address-data></D:prop>"
    spaces = f'xmlns:D="DAV:" xmlns:C="{CR[1:-1]}"'
    hrefs = "".join(f"<D:href>{book.of_alice(name)}</D:href>" for name in ("three.vcf", "four.vcf"))
    bodies = {
        "multiget": f"<C:addressbook-multiget {spaces}>{data}{hrefs}</C:addressbook-multiget>",
        "query": f"<C:addressbook-query {spaces}>{data}<C:filter/></C:addressbook-query>",
        "sync": f"<D:sync-collection {spaces}><D:sync-token/><D:sync-level>1</D:sync-level>{data}</D:sync-collection>",
    }
    return book.alice.report(book.of_alice(), bodies[how], Depth="1")


def cards(book: Book, reply: Reply) -> tuple[list[str], list[str]]:
    """Lines of the two cards in an answer."""
    found = reply.cards()
    three, four = (found[book.of_alice(name)].splitlines()[1:-1] for name in ("three.vcf", "four.vcf"))
    return three, four


@pytest.mark.parametrize("how", ["multiget", "query", "sync"])
def test_a_version_is_asked_for(full: Book, how: str) -> None:
    etags = {
        full.of_alice(name): full.alice.get(full.of_alice(name)).headers["etag"] for name in ("three.vcf", "four.vcf")
    }
    stored = (THREE.splitlines()[1:-1], FOUR.splitlines()[1:-1])
    reply = ask(full, "", 'version="4.0"', how=how)
    assert cards(full, reply) == (
        [
            *("VERSION:4.0", "UID:three", "FN:Ann", "N:Ann;;;;", "TEL;TYPE=home;VALUE=uri:tel:+1-555-0100"),
            *("item1.URL:a:b", "item1.X-ABLabel:Shop"),
        ],
        stored[1],
    )
    assert reply.etags() == etags
    reply = ask(full, "", 'version="3.0" content-type="text/vcard"', how=how)
    three_of_four = ["VERSION:3.0", "UID:four", "FN:Bob", "N:Bob;;;;", "TEL;TYPE=PREF:0100"]
    assert cards(full, reply) == (stored[0], [*three_of_four, "X-ADDRESSBOOKSERVER-KIND:individual"])
    assert reply.etags() == etags
    assert cards(full, ask(full, "", how=how)) == stored


@pytest.mark.parametrize("how", ["multiget", "query", "sync"])
def test_some_properties_only(full: Book, how: str) -> None:
    asked = '<C:prop name="tel" novalue="yes"/><C:prop name="ITEM1.X-ABLabel"/><C:prop name="X-NEVER"/>'
    reply = ask(full, asked, how=how)
    assert cards(full, reply) == (
        ["VERSION:3.0", "UID:three", "FN:Ann", "N:Ann;;;;", "TEL;TYPE=HOME:", "item1.X-ABLabel:Shop"],
        ["VERSION:4.0", "UID:four", "FN:Bob", "TEL;PREF=1;PID=1.1:"],
    )
    assert reply.etags()[full.of_alice("three.vcf")] == full.alice.get(full.of_alice("three.vcf")).headers["etag"]


def test_some_properties_of_another_version(full: Book) -> None:
    reply = ask(full, '<C:prop name="KIND"/><C:prop name="URL"/>', 'version="4.0"')
    assert cards(full, reply) == (
        ["VERSION:4.0", "UID:three", "FN:Ann", "item1.URL:a:b"],
        ["VERSION:4.0", "UID:four", "FN:Bob", "KIND:individual"],
    )


@pytest.mark.parametrize("inner", ["<C:allprop/>", '<C:allprop/><C:prop name="TEL"/>'])
def test_all_properties(full: Book, inner: str) -> None:
    assert cards(full, ask(full, inner)) == (THREE.splitlines()[1:-1], FOUR.splitlines()[1:-1])


def test_a_nameless_property(full: Book) -> None:
    assert ask(full, "<C:prop/>").status == 400


@pytest.mark.parametrize("attributes", ['version="2.1"', 'version=""', 'content-type="text/html"'])
def test_other_forms_of_cards(full: Book, attributes: str) -> None:
    reply = ask(full, "", attributes)
    assert (reply.status, reply.conditions) == (403, [f"{CR}supported-address-data"])


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ("text/vcard; version=4.0", "4.0"),
        ('text/vcard;version="4.0";q=0.9, text/vcard;q=0.5', "4.0"),
        ("text/vcard, text/vcard;version=4.0", "3.0"),
        ("text/vcard;version=4.0;q=0.1, */*", "3.0"),
        ("text/vcard;version=5.0, text/*;q=0.1", "3.0"),
        ("text/html", "3.0"),
        ("text/vcard;version=3.0", "3.0"),
    ],
)
def test_get_by_accept(full: Book, accept: str, version: str) -> None:
    path = full.of_alice("three.vcf")
    reply = full.alice.get(path, Accept=accept)
    assert (reply.status, reply.text.splitlines()[1]) == (200, f"VERSION:{version}")
    assert reply.headers["etag"] == full.alice.get(path).headers["etag"]
    if version == "4.0":
        assert (reply.headers["content-type"], reply.headers["vary"]) == (
            "text/vcard; charset=utf-8; version=4.0",
            "Accept",
        )
        assert full.alice.get(full.of_alice(), Accept=accept).text.count("VERSION:4.0\r\n") == 2


def test_no_card_is_acceptable(full: Book) -> None:
    reply = full.alice.get(full.of_alice("three.vcf"), Accept="text/vcard;version=2.1")
    assert (reply.status, reply.conditions) == (406, [f"{CR}supported-address-data-conversion"])


# ---- PUT of a converted card


def revisions(book: Book, uid: str) -> int:
    """How many steps the history of a contact has."""
    with as_console(book.site.app) as tx:
        found = search.find(tx, search.Search(EVERYTHING, group=book.group.slug))
        [contact] = [each for each in found if each.uid == uid]
        return len(history.steps(tx, contact.id))


def converted(book: Book, name: str, version: str) -> str:
    return book.alice.get(book.of_alice(name), Accept=f"text/vcard;version={version}").text


@pytest.mark.parametrize(("name", "version"), [("three.vcf", "4.0"), ("four.vcf", "3.0")])
def test_a_converted_card_that_comes_back_changes_nothing(edited: Book, name: str, version: str) -> None:
    path, copy = edited.of_alice(name), converted(edited, name, version)
    before, token = edited.alice.get(path), edited.alice.sync(edited.of_alice()).token()
    reply = edited.alice.put(path, copy, If_Match=before.headers["etag"])
    assert (reply.status, "etag" in reply.headers) == (204, False)
    after = edited.alice.get(path)
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])
    assert edited.alice.sync(edited.of_alice(), token).token() == token
    assert revisions(edited, name.removesuffix(".vcf")) == 1


def test_an_edit_of_a_converted_card_changes_that_property_only(edited: Book) -> None:
    path = edited.of_alice("four.vcf")
    etag = edited.alice.get(path).headers["etag"]
    copy = converted(edited, "four.vcf", "3.0").replace("0100", "0199")
    reply = edited.alice.put(path, copy, If_Match=etag)
    assert (reply.status, "etag" in reply.headers) == (204, False)
    assert edited.alice.get(path).text == FOUR.replace("0100", "0199")
    assert revisions(edited, "four") == 2
    assert edited.alice.put(path, copy, If_Match=etag).status == 412


def test_a_broken_edit_of_a_converted_card_changes_nothing(edited: Book) -> None:
    path = edited.of_alice("four.vcf")
    copy = converted(edited, "four.vcf", "3.0").replace("TEL;TYPE=PREF:0100", "NOTE:" + "n" * 4001)
    reply = edited.alice.put(path, copy)
    assert (reply.status, reply.conditions) == (403, [f"{CR}valid-address-data"])
    assert edited.alice.get(path).text == FOUR
