"""Inline images of a card: their bytes, what their first bytes say they are, and how a card has one. Nothing is fetched
or rendered.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from sharedbook.domain.errors import InvalidCard
from sharedbook.formats.vcards.content_line import Params, Property, Raw, Value, unescape_text


@dataclass(frozen=True, slots=True)
class ImageKind:
    """A media type, with width and height in pixels, both 0 where the header does not tell."""

    media_type: str
    width: int
    height: int


_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/_-]")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def inline_data(photo: Property) -> bytes | None:
    """The bytes inside a PHOTO, LOGO, KEY or SOUND; None if it is empty or a URI of something elsewhere.

    Base64 of 3.0 (``ENCODING=b``), ``data:`` URIs of 4.0 (RFC 2397), and base64 without a word, as some send it.
    Damaged base64 gives what can be decoded, as little as b"".
    """
    value = "".join(unescape_text(photo.raw).split())
    if value[:5].lower() == "data:":
        head, _, body = value[5:].partition(",")
        return _base64(body) if head.lower().endswith(";base64") else unquote_to_bytes(body)
    if not value or _URI.match(value):
        return None
    return _base64(value)


def _base64(text: str) -> bytes:
    """Decoded base64 of either alphabet, to its padding or the first foreign character, without a lone last digit."""
    end = _NOT_BASE64.search(text)
    digits = (text[: end.start()] if end else text).replace("-", "+").replace("_", "/")
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + "=" * (-len(digits) % 4))


def sniff(data: bytes) -> ImageKind | None:
    """What an image is by its own header: JPEG, PNG or GIF with its dimensions, None for anything else."""
    for magic, (media_type, dimensions) in _MAGIC.items():
        if data.startswith(magic):
            return ImageKind(media_type, *dimensions(data))
    return None


def _png(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _gif(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg(data: bytes) -> tuple[int, int]:
    """Dimensions of the frame header (ITU T.81 B.2.2), found by walking from segment to segment."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        if marker == 0xFF:  # fill byte
            at += 1
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


_MAGIC: Mapping[bytes, tuple[str, Callable[[bytes], tuple[int, int]]]] = {
    b"\xff\xd8\xff": ("image/jpeg", _jpeg),
    b"\x89PNG\r\n\x1a\n": ("image/png", _png),
    b"GIF87a": ("image/gif", _gif),
    b"GIF89a": ("image/gif", _gif),
}


def photo_property(data: bytes, version: str) -> tuple[str, Value, Params]:
    """PHOTO with a file's bytes, as vCard 3.0 or 4.0 writes it: name, value, parameters.

    Raises InvalidCard unless it is a JPEG, PNG or GIF file.
    """
    kind = sniff(data)
    if kind is None:
        raise InvalidCard("The photo is not a JPEG, PNG or GIF picture.", hint="use one of these formats")
    text = base64.b64encode(data).decode()
    if version == "4.0":
        return "PHOTO", Raw(f"data:{kind.media_type};base64,{text}"), ()
    return "PHOTO", Raw(text), (("ENCODING", ("b",)), ("TYPE", (kind.media_type.removeprefix("image/").upper(),)))
