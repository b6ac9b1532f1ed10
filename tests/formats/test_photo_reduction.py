"""What a large photo is served as, and that nothing else of the card is touched. Pillow is the other pair of eyes."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from sharedbook.domain.errors import InvalidCard
from sharedbook.domain.model import Limits
from sharedbook.formats.vcards import fields, images, photo_reduction, vcard
from sharedbook.formats.vcards.vcard import Card
from tests.formats.samples import card as framed
from tests.support.pictures import PLACE, line, opened, picture

LIMITS = Limits(served_photo_bytes=16 * 1024, photo_pixels=1_000_000)


def parsed(*lines: str, version: str = "3.0") -> Card:
    return vcard.parse(framed(["UID:u", "FN:x", *lines], version), LIMITS)


def photo(card: Card) -> bytes:
    found = fields.photo(card)
    assert found is not None and found[0] == "image/jpeg"
    return found[1]


@pytest.mark.parametrize("version", ["3.0", "4.0"])
@pytest.mark.parametrize(
    ("form", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "I;16"), ("PNG", "P"), ("GIF", "P")],
)
def test_every_kind_is_served_as_a_small_jpeg(form: str, mode: str, version: str) -> None:
    before = picture(form, mode)
    card = parsed("NOTE:stays", line(before, version), "X-ODD;A=b:  kept\\,", version=version)
    fitted = photo_reduction.fit(card, LIMITS)
    small = photo(fitted)
    seen = opened(small)
    assert len(small) <= LIMITS.served_photo_bytes < len(before)
    assert (seen.width < seen.height) is (form == "JPEG"), "a JPEG's EXIF said that it is to be turned"
    assert not seen.getexif() and PLACE.encode() not in small
    brightness = sum(seen.convert("L").resize((1, 1)).tobytes())
    assert 32 < brightness < (255 if mode == "RGBA" else 192), "noise is grey, and not cut off"
    assert fitted.text == card.text.replace(line(before, version), line(small, version))
    assert vcard.parse(fitted.text, LIMITS).text == fitted.text
    assert photo_reduction.fit(fitted, LIMITS) is fitted
    assert photo_reduction.fit(card, LIMITS).text == fitted.text, "the same bytes give the same bytes"
    assert photo_reduction.whole(fitted.text, {each.served: each.data for each in fitted.originals}) == card.text


def test_only_what_is_too_large_and_lies_in_the_card() -> None:
    small = picture(size=(20, 20))
    card = parsed(line(small), "PHOTO;VALUE=uri:https://example.org/" + "a" * 20_000 + ".png", line(small))
    assert photo_reduction.fit(card, LIMITS) is card
    large = base64.b64encode(picture()).decode()
    card = parsed(line(small), f"item1.photo;TYPE=PREF,png;X-CROP=1;ENCODING=BASE64:{large}", "item1.X-ABLabel:me")
    fitted = photo_reduction.fit(card, LIMITS)
    first, second = fitted.all("PHOTO")
    assert images.inline_data(first) == small and len(fitted.originals) == 1
    assert second.group == "item1" and fitted.text[second.start :].startswith("item1.photo;")
    assert second.params == (("TYPE", ("PREF",)), ("X-CROP", ("1",)), ("ENCODING", ("b",)), ("TYPE", ("JPEG",)))
    assert [*map(bool, photo_reduction.served(card))] == [True, True]
    assert photo_reduction.served(fitted)[1] == fitted.originals[0].served


JPEG = picture("JPEG")


@pytest.mark.parametrize(
    "data",
    [
        JPEG[: len(JPEG) // 2],
        b"\xff\xd8\xff" + bytes(20_000),
        picture("PNG")[:20_000],
        b"GIF89a\1\0\1\0" + bytes(20_000),
        picture("PNG", "L", (20, 20))[:33] + bytes(20_000),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(data: bytes) -> None:
    with pytest.raises(InvalidCard, match=r"Line 5: the PHOTO cannot be read") as refused:
        photo_reduction.fit(parsed(line(data)), LIMITS)
    assert (refused.value.line, refused.value.code) == (5, "invalid-card")


def test_pillow_has_the_limit_of_pixels_too() -> None:
    """For where our own look at a header finds no size, or another one."""
    card = parsed(line(picture()))
    with pytest.raises(InvalidCard, match=r"Line 5: the PHOTO"):
        photo_reduction.fit(card, replace(LIMITS, photo_pixels=59_999))
    assert photo_reduction.fit(card, replace(LIMITS, photo_pixels=60_000)).originals
