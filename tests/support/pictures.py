"""Pictures that a camera or a scanner could have made: noise, which no format makes much smaller."""

from __future__ import annotations

import io
import random
from typing import Any

from PIL import Image

from sharedbook.formats.vcards import images, vcard

_BYTES = {"RGB": 3, "L": 1, "RGBA": 4, "CMYK": 4, "I;16": 2}
PLACE = "taken at home"


def picture(form: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (300, 200), seed: int = 1) -> bytes:
    """A file of noise. A JPEG says in EXIF that it is to be turned by 90 degrees, where it was taken, and a comment."""
    width, height = size
    data = random.Random(seed).randbytes(width * height * _BYTES.get(mode, 1))
    image = Image.frombytes("L" if mode == "P" else mode, size, data).convert(mode)
    more: dict[str, Any] = {}
    if form == "JPEG":
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = 6, PLACE
        more = {"exif": exif, "comment": PLACE.encode(), "quality": 95}
    output = io.BytesIO()
    image.save(output, form, **more)
    return output.getvalue()


def opened(data: bytes) -> Image.Image:
    """A file as Pillow reads it."""
    return Image.open(io.BytesIO(data))


def line(data: bytes, version: str = "3.0") -> str:
    """The folded PHOTO line of a card, without its end."""
    bare = vcard.load(f"BEGIN:VCARD\r\nVERSION:{version}\r\nUID:x\r\nFN:x\r\nEND:VCARD\r\n")
    card = vcard.load(vcard.patch(bare, [vcard.Add(*images.photo_property(data, version))]))
    (photo,) = card.all("PHOTO")
    return card.text[photo.start : photo.end].removesuffix("\r\n")
