"""Prefer (RFC 7240, RFC 8144) and Brief: answers without what is not there, and a PUT that shows what was stored."""

from __future__ import annotations

import pytest

from tests.carddav.dav import CR, D, Reply
from tests.carddav.served import SERVED, Book, vcard

ASKED = "<prop><getetag/><displayname/><nonsense/></prop>"
PROPFIND = f'<propfind xmlns="DAV:">{ASKED}</propfind>'
SYNC = f'<sync-collection xmlns="DAV:"><sync-token/><sync-level>1</sync-level>{ASKED}</sync-collection>'


@pytest.fixture
def card(book: Book) -> str:
    """Path of a card in Alice's book."""
    assert book.alice.put(book.of_alice("card.vcf"), vcard("card")).status == 201
    return book.of_alice("card.vcf")


def applied(reply: Reply) -> str | None:
    return reply.headers.get("preference-applied")


@SERVED
@pytest.mark.parametrize(
    "headers", [{"Prefer": "return=minimal"}, {"Prefer": 'x; y, Return="minimal"; z=1'}, {"Brief": "t"}], ids=str
)
def test_minimal_answers_leave_out_what_is_not_there(book: Book, card: str, headers: dict[str, str]) -> None:
    for method, body in (("PROPFIND", PROPFIND), ("REPORT", SYNC)):
        full = book.alice.request(method, book.of_alice(), body, Depth="1")
        brief = book.alice.request(method, book.of_alice(), body, Depth="1", **headers)
        assert (applied(full), applied(brief)) == (None, "return=minimal")
        assert full.missing(card) == {f"{D}displayname", f"{D}nonsense"}
        assert brief.missing(card) == set()
        found, whole = brief.found(), full.found()
        assert {href: set(props) for href, props in found.items()} == {
            href: set(props) for href, props in whole.items()
        }


@SERVED
def test_minimal_of_nothing_is_still_an_answer(book: Book, card: str) -> None:
    body = '<propfind xmlns="DAV:"><prop><nonsense/></prop></propfind>'
    reply = book.alice.request("PROPFIND", card, body, Depth="0", Prefer="return=minimal")
    assert reply.found() == {card: {}} and "200 OK" in reply.text


@SERVED
def test_a_multiget_still_tells_what_is_gone(book: Book, card: str) -> None:
    gone = book.of_alice("gone.vcf")
    body = (
        f'<C:addressbook-multiget xmlns:D="DAV:" xmlns:C="{CR[1:-1]}"><D:prop><D:getetag/></D:prop>'
        f"<D:href>{card}</D:href><D:href>{gone}</D:href></C:addressbook-multiget>"
    )
    reply = book.alice.report(book.of_alice(), body, Prefer="return=minimal")
    assert (set(reply.etags()), reply.statuses()) == ({card}, {gone: 404})


@SERVED
def test_members_without_the_collection_itself(book: Book, card: str) -> None:
    prefer = "depth-noroot, return=minimal"
    reply = book.alice.request("PROPFIND", book.of_alice(), PROPFIND, Depth="1", Prefer=prefer)
    assert (list(reply.found()), applied(reply)) == ([card], prefer)
    alone = book.alice.request("PROPFIND", book.of_alice(), PROPFIND, Depth="0", Prefer="depth-noroot")
    assert list(alone.found()) == [book.of_alice()]


def test_a_put_can_show_what_was_stored(book: Book) -> None:
    path, sent = book.of_alice("b.vcf"), vcard("b").replace("\r\n", "\n")
    for status in (201, 200):
        reply = book.alice.put(path, sent, Prefer="return=representation")
        stored = book.alice.get(path)
        assert (reply.status, reply.body, applied(reply)) == (status, stored.body, "return=representation")
        assert reply.headers["etag"] == stored.headers["etag"]
        assert reply.headers["content-location"] == path
    assert book.alice.put(path, "nonsense", Prefer="return=representation").status == 403


def test_unknown_preferences_change_nothing(book: Book, card: str) -> None:
    for prefer in ("respond-async, wait=10", "", ",,;=", "return=everything"):
        reply = book.alice.request("PROPFIND", book.of_alice(), PROPFIND, Depth="1", Prefer=prefer)
        assert (applied(reply), reply.missing(card)) == (None, {f"{D}displayname", f"{D}nonsense"})
