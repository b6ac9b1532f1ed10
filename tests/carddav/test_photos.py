"""A large photo over HTTP: no ETag for what was reduced, and what a mail client puts back changes nothing."""

from __future__ import annotations

import pytest

from sharedbook.domain.model import ALL_RIGHTS
from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.contacts import contacts
from sharedbook.services.writing import photos
from tests.carddav.dav import CR
from tests.carddav.served import Book
from tests.carddav.served import vcard as card
from tests.support.pictures import line, picture
from tests.support.sites import as_console

LARGE = picture("JPEG", size=(700, 600))
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0"


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_a_photo_that_is_reduced(book: Book, version: str) -> None:
    assert len(LARGE) > 256 * 1024
    alice, path = book.alice, book.of_alice("p.vcf")
    alice.agent = THUNDERBIRD
    first = alice.put(path, card(f"photo-{version}", "Ann", line(LARGE, version), version=version))
    assert (first.status, first.headers.get("etag")) == (201, None), "the client must fetch what is served"
    got = alice.get(path)
    data = fields.photo(vcard.load(got.text))
    assert data and data[0] == "image/jpeg" and len(data[1]) <= 256 * 1024
    (uid,) = [each for each in got.text.split("\r\n") if each.startswith("UID:")]
    edited = got.text.replace("FN:Ann", "FN:Ann Example")
    second = alice.put(path, edited, If_Match=got.headers["etag"])
    assert second.status == 204 and alice.get(path).headers["etag"] == second.headers["etag"]
    assert alice.get(path).text == edited
    with as_console(book.site.app, write=False) as tx:
        found = contacts.resolve(tx, uid.removeprefix("UID:"))
        assert photos.picture(tx, found) == ("image/jpeg", LARGE)


def test_what_is_no_picture_is_refused(book: Book) -> None:
    before = card("broken", "Ann")
    path = book.of_alice("broken.vcf")
    book.alice.put(path, before)
    reply = book.alice.put(path, card("broken", "Ann", line(LARGE[: len(LARGE) - 9_000])))
    assert (reply.status, reply.conditions) == (403, [f"{CR}valid-address-data"])
    assert "Line 6: the PHOTO cannot be read as a picture" in reply.line
    assert book.alice.get(path).text == before
    viewer = book.viewer()
    assert viewer.put(book.path(viewer, "x.vcf"), card("other", "Ann", line(LARGE))).status == 403
    book.grant(viewer, ALL_RIGHTS)
    assert viewer.put(book.path(viewer, "x.vcf"), card("other", "Ann", line(LARGE))).status == 201
