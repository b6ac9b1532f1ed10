"""Cards and pictures for the tests of the formats."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"


def golden_cards() -> list[Path]:
    """The hand-written hard cards: each is one card with a UID that must be kept byte for byte."""
    return sorted(GOLDEN.glob("*.vcf"))


def card(lines: Sequence[str], version: str = "3.0") -> bytes:
    """A card of these lines, framed; the first is its line 3."""
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""]).encode()


def png(width: int, height: int) -> str:
    """Base64 of a PNG's head with these dimensions."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    return base64.b64encode(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + header).decode()


def jpeg(width: int, height: int) -> str:
    """Base64 of a JPEG's head with these dimensions, behind an APP1 segment as cameras write it."""
    exif = b"\xff\xe1" + (2 + 300).to_bytes(2, "big") + bytes(300)
    frame = b"\xff\xff\xc2\x00\x11\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03" + bytes(9)
    return base64.b64encode(b"\xff\xd8" + exif + frame).decode()
