"""What a card may hold at most. Over a limit it is refused with a sentence that names the line: nothing is cut off.

Fields that are lists by nature (members of a group, labels) have no limit of their own beyond the number of properties.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sharedbook.domain.errors import CardTooLarge, InvalidCard
from sharedbook.domain.model import Limits
from sharedbook.formats.vcards import images
from sharedbook.formats.vcards.content_line import Property

MEGABYTE = 1024 * 1024
UID_LENGTH = 500
"""Database indexes hold the UID."""
LINE_LENGTH = 1_000_000
"""Of any property that is no picture; only damage or malice is longer."""

_UNLIMITED_NAMES = frozenset({"MEMBER"})
_LISTS = frozenset({"NICKNAME", "CATEGORIES"})
IMAGES = frozenset({"PHOTO", "LOGO"})
"""Properties that may be longer than a line of text."""


def check(properties: Iterable[Property], limits: Limits) -> None:
    """Raises InvalidCard or CardTooLarge, naming the line, for the first property over a limit."""
    counts: Counter[str] = Counter()
    for found in properties:
        if found.name not in IMAGES and len(found.raw) > LINE_LENGTH:
            raise CardTooLarge(
                f"Line {found.line}: {found.name} has {len(found.raw)} characters, more than {LINE_LENGTH}.",
                line=found.line,
            )
        counts[found.name] += len(found.values()) if found.name in _LISTS else 1
        if (
            counts[found.name] > limits.values_per_field
            and not found.name.startswith("X-")
            and found.name not in _UNLIMITED_NAMES
        ):
            raise InvalidCard(
                f"Line {found.line}: more than {limits.values_per_field} values of {found.name}.",
                line=found.line,
                hint="split the contact in two",
            )
        if found.name in _CHECKS:
            _CHECKS[found.name](found, limits)


def _check_length(found: Property, text: str, limit: int, what: str) -> None:
    if len(text) > limit:
        raise InvalidCard(
            f"Line {found.line}: the {what} has {len(text)} characters, more than {limit}.",
            line=found.line,
            hint="shorten it",
        )


def _check_formatted_name(found: Property, limits: Limits) -> None:
    _check_length(found, found.text(), limits.name_length, "name (FN)")


def _check_name(found: Property, limits: Limits) -> None:
    for part in found.components():
        _check_length(found, part, limits.name_length, "name (N)")


def _check_note(found: Property, limits: Limits) -> None:
    _check_length(found, found.text(), limits.note_length, "note")


def check_image_size(found: Property, limits: Limits) -> None:
    """Raises CardTooLarge for a picture inside a card."""
    if len(found.raw) * 3 // 4 > limits.photo_bytes:
        raise CardTooLarge(
            f"Line {found.line}: the {found.name} has more than {limits.photo_bytes / MEGABYTE:g} MB.",
            line=found.line,
            hint="use a smaller picture",
        )


def _check_photo(found: Property, limits: Limits) -> None:
    """A photo inside the card must be what every client can show; a URI is left alone and never fetched."""
    check_image_size(found, limits)
    data = images.inline_data(found)
    if data is None:
        return
    kind = images.sniff(data)
    if kind is None:
        raise InvalidCard(
            f"Line {found.line}: the PHOTO is not a JPEG, PNG or GIF picture.",
            line=found.line,
            hint="use one of these formats",
        )
    if kind.width * kind.height > limits.photo_pixels:
        raise InvalidCard(
            f"Line {found.line}: the PHOTO has {kind.width} x {kind.height} pixels, over {limits.photo_pixels} in all.",
            line=found.line,
            hint="use a smaller picture",
        )


_CHECKS = {
    "FN": _check_formatted_name,
    "N": _check_name,
    "NOTE": _check_note,
    "PHOTO": _check_photo,
    "LOGO": check_image_size,
}
