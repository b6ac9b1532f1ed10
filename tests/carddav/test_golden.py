"""The hard cards over CardDAV: each comes back byte for byte, or is refused with the line that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.carddav.dav import CR
from tests.carddav.served import SERVED, Book, Site
from tests.formats.samples import GOLDEN, golden_cards

REFUSED = GOLDEN / "refused"
EXPECTED: dict[str, str] = json.loads((REFUSED / "expected.json").read_text())


@pytest.fixture(scope="module")
def shelf(site: Site) -> Book:
    """One book for all of them."""
    return Book(site)


def test_there_are_enough() -> None:
    assert len(golden_cards()) >= 60
    assert sorted(EXPECTED) == sorted(path.stem for path in REFUSED.glob("*.vcf"))


@pytest.mark.parametrize("card", golden_cards(), ids=lambda path: path.stem)
def test_comes_back_byte_for_byte(shelf: Book, card: Path) -> None:
    path, data = shelf.of_alice(card.name), card.read_bytes()
    put = shelf.alice.put(path, data)
    assert put.status == 201
    got = shelf.alice.get(path)
    assert (got.body, got.headers["etag"]) == (data, put.headers["etag"])


@SERVED
def test_a_report_gives_the_same_bytes(site: Site) -> None:
    book = Book(site)
    stored = {book.of_alice(card.name): card.read_bytes() for card in golden_cards()}
    for path, data in stored.items():
        assert book.alice.put(path, data).status == 201
    reply = book.alice.multiget(book.of_alice(), *stored)
    assert {path: text.encode() for path, text in reply.cards().items()} == stored


@pytest.mark.parametrize("name", EXPECTED)
def test_is_refused_with_the_line_that_is_wrong(shelf: Book, name: str) -> None:
    path = shelf.of_alice(f"refused-{name}.vcf")
    reply = shelf.alice.put(path, (REFUSED / f"{name}.vcf").read_bytes())
    assert (reply.status, reply.line) == (403, EXPECTED[name])
    assert set(reply.conditions) <= {f"{CR}valid-address-data", f"{CR}supported-address-data"}
    assert shelf.alice.get(path).status == 404
