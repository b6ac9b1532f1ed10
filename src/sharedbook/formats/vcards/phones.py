"""Phone numbers as people dial them: one text of digits for a card that is indexed and for a query that is parsed.

Both sides call ``forms``; ``domain.folding.phone_equal`` compares two such texts without any library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from sharedbook.formats.vcards import phone_plans
from sharedbook.formats.vcards.phone_plans import PhoneKeys

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_LONGEST_REMEMBERED = 40
_NO_DIGITS = re.compile("[^0-9]+")
_EXTENSION = re.compile("[,;#x]|내선|内線|內線|分機|доб", re.IGNORECASE)


def digits(text: str) -> str:
    """The decimal digits of text, of any script, as ASCII."""
    if text.isascii():
        return _NO_DIGITS.sub("", text)
    return "".join(str(int(character)) for character in text if character.isdecimal())


def keys(number: str, region: str) -> PhoneKeys:
    """The digits under which a number is known.

    ``number`` is as written or dialled, also a ``tel:`` URI (RFC 3966); its extension is left out. ``region`` is the
    ISO 3166 code in which a number without country code is read, "" for none. Never raises: what is no
    number has no digits.
    """
    return _keys(number, region) if len(number) <= _LONGEST_REMEMBERED else _keys.__wrapped__(number, region)


def keys_of(numbers: Sequence[str], region: str) -> list[PhoneKeys]:
    """``keys`` of many numbers, most of which stand there once."""
    read = phone_plans.read_each(numbers, region.upper())
    return [found or keys(number, region) for found, number in zip(read, numbers, strict=True)]


@lru_cache(maxsize=4096)
def _keys(number: str, region: str) -> PhoneKeys:
    if usual := phone_plans.read(number, region.upper()):
        return usual
    dialled = digits(_EXTENSION.split(number, maxsplit=1)[0])
    if len(dialled) < phone_plans.SHORTEST:
        return PhoneKeys(dialled)
    parsed = _parse(number, dialled, region)
    if parsed is None:
        return PhoneKeys(dialled)
    from phonenumbers import PhoneNumberFormat, format_number

    parsed.extension = None
    national = digits(format_number(parsed, PhoneNumberFormat.NATIONAL))
    return PhoneKeys(dialled, digits(format_number(parsed, PhoneNumberFormat.E164)), national)


def forms(number: str, region: str) -> str:
    """The different digit strings of ``keys``, the dialled one first, between single spaces; "" if there is no digit.

    This is the value of a derived ``phone`` instance, and the needle of a phone comparison.
    """
    return forms_of_each([keys(number, region)])[0]


def forms_of_each(found: Iterable[PhoneKeys], between: str = " ") -> list[str]:
    """``forms``, of the keys of numbers."""
    return [
        f"{dialled}{between}{national}"
        if dialled == e164 != national != ""
        else between.join(dict.fromkeys(filter(None, (dialled, e164, national))))
        for dialled, e164, national in found
    ]


def _parse(number: str, dialled: str, region: str) -> PhoneNumber | None:
    """The number it is in ``region``, else as an international one dialled with 00, +, or neither; None if it is none.

    Where a country code is certain, a number that is only possible is taken too: numbering plans are newer than tables.
    """
    # The library's tables are large: a process that meets no number does not load them.
    from phonenumbers import NumberParseException, is_possible_number, is_valid_number, parse

    international = "+" in number or dialled.startswith("00")
    abroad = f"+{dialled.removeprefix('00')}"
    fallback = None
    for attempt in (number, abroad):
        try:
            parsed = parse(attempt, region.upper() or None)
        except NumberParseException:
            continue
        if is_valid_number(parsed):
            return parsed
        if international and attempt.lstrip().startswith(("+", "tel:+")) and is_possible_number(parsed):
            fallback = fallback or parsed
    return fallback
