"""The demo organisation: invented, the same each time, and worth looking at."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

from sharedbook.domain.model import Limits
from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.demo import photos
from sharedbook.services.demo.people import GRANTS, GROUPS, MEMBERS, TEAMS, locales, people


def test_three_hundred_people_of_fifteen_locales() -> None:
    found = people()
    assert Counter(each.locale for each in found) == {locale.tag: 20 for locale in locales()}
    assert len(found) == 300
    for key in ("uid", "name", "key", "vcard"):
        assert len({getattr(each, key) for each in found}) == 300, key
    assert len({each.emails[0] for each in found}) == 300


def test_nobody_real_can_be_meant() -> None:
    """Domains that nobody can own (RFC 2606)."""
    assert all(address.endswith(".example") for each in people() for _, address in each.emails)


def test_their_cards_hold_what_the_people_are() -> None:
    for person in people():
        read = fields.read(vcard.parse(person.vcard, Limits()))
        assert (read.uid, read.full_name, read.family, read.given) == (
            person.uid,
            person.name,
            person.family,
            person.given,
        )
        assert [each.value for each in read.emails] == [address for _, address in person.emails]
        assert [each.value for each in read.phones] == [number for _, number in person.phones]
        assert (read.organization, read.categories, read.note) == (person.company, person.tags, person.note)
        assert read.has_photo is (person.photo is not None)


def test_what_they_name_exists() -> None:
    slugs = {each.slug for each in GROUPS}
    subjects = {each.login for each in MEMBERS} | {f"@{team}" for team in TEAMS} | {"everyone"}
    assert {slug for each in people() for slug in each.groups} == slugs
    assert {slug for slug, _, _ in GRANTS} == slugs
    assert {subject for _, subject, _ in GRANTS} <= subjects
    assert {each.seen_by for each in people()} == {"all", "private", "@sales", "@management"}
    assert {each.owner for each in people()} == {None, "bob", "erin"}


def test_photos_are_png_pictures() -> None:
    made = {each.photo for each in people() if each.photo is not None}
    assert len(made) >= 20
    for number in made:
        data = photos.png(number)
        assert data == photos.png(number)
        chunks, at = [], 8
        while at < len(data):
            (length,) = struct.unpack(">I", data[at : at + 4])
            kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
            (checksum,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
            assert zlib.crc32(kind + body) == checksum
            chunks.append((kind, body))
            at += 12 + length
        assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
        assert len(zlib.decompress(chunks[1][1])) == photos.SIZE * (1 + 3 * photos.SIZE)
    assert len({photos.png(number) for number in made}) == len(made)
