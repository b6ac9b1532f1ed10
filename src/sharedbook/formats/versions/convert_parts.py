"""What both directions of conversion share: the unit of conversion, and values that the versions write differently.

Values go in and out raw, as ``Property.raw`` has them. None means that the other version cannot say it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from sharedbook.formats.vcards import images
from sharedbook.formats.vcards.content_line import Params, Property, unescape_text


@dataclass(frozen=True, slots=True)
class Unit:
    """Properties that are converted together, the main one first, and what they are in the other version.

    ``lines`` is empty for what the other version cannot say, ``sources`` for what it requires and the card has not.
    """

    sources: tuple[Property, ...]
    lines: tuple[Property, ...]


STRUCTURED: Mapping[str, int] = {"N": 5, "ADR": 7}
"""Components that both versions know (RFC 2426 sections 3.1.2, 3.2.1; RFC 9554 adds more behind them)."""

LISTS = frozenset({"NICKNAME", "CATEGORIES"})
TEXTS = frozenset({"FN", "TITLE", "ROLE", "NOTE", "EMAIL", "PRODID"})
URIS = frozenset({"URL", "SOURCE", "FBURL", "CALURI", "CALADRURI", "IMPP"})
BINARY: Mapping[str, str] = {"PHOTO": "image", "LOGO": "image", "SOUND": "audio", "KEY": "application"}
"""Properties that hold files, each with the kind of its media type."""

SINGLE = frozenset({"N", "BDAY", "REV", "PRODID", "KIND", "GENDER", "ANNIVERSARY"})
"""What a card of 4.0 has at most once, of those that 3.0 may say several times or under several names."""

ANNIVERSARIES = frozenset({"X-ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY", "X-KADDRESSBOOK-X-ANNIVERSARY", "X-ABDATE"})

MESSENGERS: Mapping[str, str] = {
    "X-AIM": "aim",
    "X-GADUGADU": "gg",
    "X-GOOGLE-TALK": "xmpp",
    "X-ICQ": "icq",
    "X-JABBER": "xmpp",
    "X-MSN": "msnim",
    "X-SKYPE": "skype",
    "X-SKYPE-USERNAME": "skype",
    "X-YAHOO": "ymsgr",
}
"""Addresses of chat programs from before IMPP (RFC 4770) -> the scheme of their URI."""


def types_of(found: Property) -> list[str]:
    """TYPE values in lower case and in order, each once."""
    parts = (part.strip() for value in found.values_of("TYPE") for part in value.lower().split(","))
    return list(dict.fromkeys(filter(None, parts)))


# ---- dates

_DATE = re.compile(r"(?:(\d{4})-?(\d\d)-?(\d\d)|--(\d\d)-?(\d\d)|(\d{4})(?:-(\d\d))?|---(\d\d)|--(\d\d))", re.ASCII)
_TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?)?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)
_NO_YEAR = "1604"
OMIT_YEAR = "X-APPLE-OMIT-YEAR"


def date_for_4(found: Property) -> str | None:
    """A date, with or without time, in the basic format (RFC 6350 section 4.3); Apple's year 1604 means none."""
    moment = _moment(found)
    if moment is None:
        return None
    date, time = moment
    year, month, day, no_year_month, no_year_day, some_year, some_month, some_day, only_month = date.groups()
    if year:
        omitted = year in (found.param(OMIT_YEAR), _NO_YEAR)
        text = f"{'--' if omitted else year}{month}{day}"
    elif no_year_month:
        text = f"--{no_year_month}{no_year_day}"
    elif some_year:
        text = f"{some_year}-{some_month}" if some_month else some_year
    else:
        text = f"---{some_day}" if some_day else f"--{only_month}"
    if time is None:
        return text
    hour, minute, second, zone = time.groups()
    return f"{text}T{hour}{minute or ''}{second or ''}{(zone or '').replace(':', '')}"


def date_for_3(found: Property) -> tuple[str, Params] | None:
    """A whole date in the extended format (RFC 2426 section 4), and the parameter by which Apple says "no year"."""
    moment = _moment(found)
    if moment is None:
        return None
    date, time = moment
    year, month, day = (date[1], date[2], date[3]) if date[1] else (_NO_YEAR, date[4], date[5])
    if not day:
        return None
    params: Params = () if date[1] else ((OMIT_YEAR, (_NO_YEAR,)),)
    text = f"{year}-{month}-{day}"
    if time is None:
        return text, params
    hour, minute, second, zone = time.groups()
    offset = zone if zone == "Z" else offset_for_3(zone or "")
    return f"{text}T{hour}:{minute or '00'}:{second or '00'}{offset or ''}", params


def _moment(found: Property) -> tuple[re.Match[str], re.Match[str] | None] | None:
    """The parts of a date and of the time behind it, None for no time; None for what is not understood."""
    head, mark, tail = found.text().strip().upper().partition("T")
    date, time = _DATE.fullmatch(head), _TIME.fullmatch(tail)
    return (date, time) if date and (time or not mark) else None


_OFFSET = re.compile(r"([+-]\d\d)(?::?(\d\d))?", re.ASCII)


def offset_for_3(text: str) -> str | None:
    """An offset from UTC as RFC 2426 writes it: ``-05:00``."""
    found = _OFFSET.fullmatch(text.strip())
    return f"{found[1]}:{found[2] or '00'}" if found else None


def offset_for_4(text: str) -> str | None:
    """An offset from UTC as RFC 6350 section 4.7 writes it: ``-0500``."""
    found = _OFFSET.fullmatch(text.strip())
    return f"{found[1]}{found[2] or ''}" if found else None


# ---- places and numbers

_PLACE = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*[;,]\s*([+-]?\d+(?:\.\d+)?)\s*(?:;.*)?", re.ASCII)


def place_for_4(text: str) -> str | None:
    """``38.7;-9.1`` as a URI (RFC 5870)."""
    found = _PLACE.fullmatch(text)
    return f"geo:{found[1].lstrip('+')},{found[2].lstrip('+')}" if found else None


def place_for_3(uri: str) -> str | None:
    """A geo: URI as latitude and longitude."""
    found = _PLACE.fullmatch(uri[4:]) if uri[:4].lower() == "geo:" else None
    return f"{found[1]};{found[2]}" if found else None


_NUMBER = re.compile(r"\+[0-9][0-9 ().\-/\u00a0]*[0-9]")
_LONGEST_NUMBER = 100
_EXTENSION = re.compile(r"\s*(?:;?ext(?:ension)?[.=:]?|x|#)\s*([0-9]+)$", re.IGNORECASE)


def number_for_4(text: str) -> str | None:
    """An international number as a tel: URI (RFC 3966); None for any other, such as ``+49 (0)30 ...``."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER:
        return None
    extension = _EXTENSION.search(text)
    number = text[: extension.start()] if extension else text
    if not _NUMBER.fullmatch(number) or "(0)" in number:
        return None
    digits = re.sub(r"[ /\u00a0-]+", "-", number)
    return f"tel:{digits}" + (f";ext={extension[1]}" if extension else "")


def number_for_3(uri: str) -> str:
    """Number and extension of a tel: URI; any other text as it is."""
    if uri[:4].lower() != "tel:":
        return uri
    number, *more = uri[4:].split(";")
    extension = next((part[4:] for part in more if part[:4].lower() == "ext="), "")
    return unquote(number) + (f" ext. {extension}" if extension else "")


# ---- files

_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "JPG": "image/jpeg",
    "SVG": "image/svg+xml",
    "WAVE": "audio/wav",
    "MP3": "audio/mpeg",
    "PGP": "application/pgp-keys",
    "X509": "application/pkix-cert",
}
_TYPES = {media_type: name for name, media_type in reversed(_MEDIA_TYPES.items())}
_TOKEN = re.compile(r"[A-Za-z0-9-]+")


def media_type_for_4(found: Property, data: bytes = b"") -> str:
    """The media type that TYPE of 3.0 means, else the one that the file's own header says; "" if neither does."""
    for word in found.values_of("TYPE"):
        if "/" in word:
            return word.lower()
        if word.upper() in _MEDIA_TYPES:
            return _MEDIA_TYPES[word.upper()]
        if _TOKEN.fullmatch(word) and word.lower() not in ("pref", "work", "home"):
            return f"{BINARY[found.name]}/{word.lower()}"
    kind = images.sniff(data)
    return kind.media_type if kind else ""


def type_for_3(media_type: str) -> str:
    """A media type as the word that TYPE of 3.0 has for it; "" for none."""
    word = _TYPES.get(media_type.lower()) or media_type.partition("/")[2].partition("+")[0].upper()
    return word if _TOKEN.fullmatch(word) else ""


def uri(found: Property) -> str:
    """A URI as either version writes it; line breaks in it, which some programs escape, are none of it."""
    return "".join(line.strip() for line in unescape_text(found.raw).splitlines())


def data_uri(found: Property) -> tuple[str, str] | None:
    """Media type and base64 of a file inside a card of either version; None for a URI of something elsewhere."""
    data = images.inline_data(found)
    if not data:
        return None
    head = unescape_text(found.raw)[5:].lstrip().partition(",")[0]
    named = head.partition(";")[0].strip().lower() if found.raw[:5].lower() == "data:" else ""
    media_type = named or (found.param("MEDIATYPE") or "").lower() or media_type_for_4(found, data)
    return media_type or "application/octet-stream", base64.b64encode(data).decode()
