"""The two inputs that end or freeze stock Radicale 3.9, and a full disk: refused, and the next client is answered."""

from __future__ import annotations

import pytest

from sharedbook.services.members import members
from tests.carddav.dav import Client
from tests.carddav.served import Book, vcard
from tests.support.sites import as_console


@pytest.mark.parametrize("method", ["PROPFIND", "REPORT", "PROPPATCH", "MKCOL"])
def test_xml_nested_deep_is_refused(book: Book, method: str) -> None:
    body = '<propfind xmlns="DAV:">' + "<a>" * 140_000 + "</a>" * 140_000 + "</propfind>"
    reply = book.alice.request(method, book.of_alice(), body)
    assert (reply.status, "nested deeper than 32" in reply.text) == (400, True)
    assert book.alice.propfind(book.of_alice()).status == 207


def test_the_card_that_freezes_vobject_is_answered(book: Book) -> None:
    # vobject's pattern for a line tries every split of the commas before it gives up
    line = "X-A;B=" + "a," * 40 + '"'
    reply = book.alice.put(book.of_alice("frozen.vcf"), vcard("frozen", "Ann", line))
    assert reply.status == 403
    assert reply.conditions == ["{urn:ietf:params:xml:ns:carddav}valid-address-data"]
    assert "6" in reply.line
    assert book.alice.propfind(book.of_alice()).status == 207


@pytest.mark.parametrize("site", ["plain", "serve"], indirect=True, scope="session")
def test_a_disk_that_takes_no_more(book: Book) -> None:
    with as_console(book.site.app) as tx:
        members.set_password(tx, book.alice.login, "correct horse")
    assert book.alice.put(book.of_alice("kept.vcf"), vcard("kept")).status == 201
    before = book.site.server.output.count("Traceback")
    with book.site.server.unable_to_write():
        for reply in (
            book.alice.put(book.of_alice("new.vcf"), vcard("new")),
            book.alice.put(book.of_alice("kept.vcf"), vcard("kept", "Changed")),
            book.alice.request("DELETE", book.of_alice("kept.vcf")),
            book.alice.request("MOVE", book.of_alice("kept.vcf"), Destination=book.of_alice("moved.vcf")),
            Client(book.site.port, book.alice.login, "correct horse").get(book.of_alice("kept.vcf")),
        ):
            assert (reply.status, "retry-after" in reply.headers) == (503, True), reply.text
        assert book.alice.get(book.of_alice("kept.vcf")).text == vcard("kept")
    assert book.site.server.output.count("Traceback") == before
    assert list(book.alice.sync(book.of_alice()).etags()) == [book.of_alice("kept.vcf")]
    assert Client(book.site.port, book.alice.login, "correct horse").get(book.of_alice("kept.vcf")).status == 200
    assert book.alice.put(book.of_alice("new.vcf"), vcard("new")).status == 201
