"""The two inputs that end or freeze stock Radicale 3.9: they are refused, and the next client is answered."""

from __future__ import annotations

import pytest

from tests.carddav.served import Book, vcard


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
