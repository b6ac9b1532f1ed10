"""Inline bytes and picture headers, whole and damaged."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sharedbook.domain.errors import InvalidCard
from sharedbook.formats.vcards import fields, images, vcard
from sharedbook.formats.vcards.content_line import parse_line
from sharedbook.formats.vcards.images import ImageKind
from tests.formats.samples import jpeg, png
from tests.support import pictures


def inline(line: str) -> bytes | None:
    return images.inline_data(parse_line(line, 0, 0, 1))


@pytest.mark.parametrize(
    ("line", "data"),
    [
        ("PHOTO;ENCODING=b:QUJDRA==", b"ABCD"),
        ("PHOTO;ENCODING=b:QUJDRA", b"ABCD"),
        ("PHOTO;ENCODING=b: QUJD RA == ", b"ABCD"),
        ("PHOTO;ENCODING=b:QUJDR", b"ABC"),
        ("PHOTO;ENCODING=b:QUJD!RA==", b"ABC"),
        ("PHOTO;ENCODING=b:QUJD==RA", b"ABC"),
        ("PHOTO;ENCODING=b:=0", b""),
        ("PHOTO;ENCODING=b:_-_-", b"\xff\xef\xfe"),
        ("PHOTO:data:image/png;base64,QUJDRA==", b"ABCD"),
        ("PHOTO:DATA:;BASE64,QUJDRA==", b"ABCD"),
        (r"PHOTO:data:image/png\;base64\,QUJDRA==", b"ABCD"),
        ("PHOTO:data:,A%42%zz", b"AB%zz"),
        ("PHOTO:data:", b""),
        ("PHOTO:", None),
        ("PHOTO:https://example.org/a.png", None),
        ("PHOTO;VALUE=uri:CID:1", None),
    ],
)
def test_inline_data(line: str, data: bytes | None) -> None:
    assert inline(line) == data


@given(st.text("A+/=-_ :;,%d"), st.sampled_from(["", "data:", "data:;base64,"]))
@example("=0", "")
def test_damaged_values_give_bytes_or_nothing(text: str, prefix: str) -> None:
    assert isinstance(inline(f"PHOTO:{prefix}{text}"), bytes | None)


@given(st.binary())
def test_whole_base64_is_decoded(data: bytes) -> None:
    assert (inline(f"PHOTO;ENCODING=b:{base64.b64encode(data).decode()}") or b"") == data


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (base64.b64decode(png(640, 480)), ImageKind("image/png", 640, 480)),
        (base64.b64decode(jpeg(640, 480)), ImageKind("image/jpeg", 640, 480)),
        (b"GIF89a\x80\x02\xe0\x01", ImageKind("image/gif", 640, 480)),
        (b"GIF87a\x80\x02\xe0\x01", ImageKind("image/gif", 640, 480)),
        (b"\xff\xd8\xff\xe0", ImageKind("image/jpeg", 0, 0)),
        (b"\xff\xd8\xff\xc4\x00\x00" + bytes(20), ImageKind("image/jpeg", 0, 0)),
        (b"RIFF0000WEBP", None),
        (b"<svg", None),
        (b"", None),
    ],
)
def test_sniff(data: bytes, kind: ImageKind | None) -> None:
    assert images.sniff(data) == kind


@given(st.binary(max_size=400))
def test_a_damaged_jpeg_is_walked_to_its_end(tail: bytes) -> None:
    found = images.sniff(b"\xff\xd8\xff" + tail)
    assert found is not None
    assert found.media_type == "image/jpeg"


@pytest.mark.parametrize("version", vcard.VERSIONS)
def test_a_photo_is_read_back_as_it_was_written(version: str) -> None:
    data = base64.b64decode(png(40, 30))
    text = f"BEGIN:VCARD\r\nVERSION:{version}\r\nUID:u\r\nFN:x\r\n{pictures.line(data, version)}\r\nEND:VCARD\r\n"
    assert fields.photo(vcard.parse(text)) == ("image/png", data)


def test_what_is_no_picture_is_no_photo() -> None:
    with pytest.raises(InvalidCard, match="not a JPEG, PNG or GIF"):
        images.photo_property(b"<svg>", "3.0")
