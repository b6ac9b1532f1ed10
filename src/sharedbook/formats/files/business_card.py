"""A photographed business card as a draft of a contact: what a QR code says exactly, else what its text seems to say.

A code that holds a vCard is that card, whatever is printed beside it. Of text, each column comes with a confidence: how
sure the reading of the letters is, less where the column is a guess. What fits nowhere is the note.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import phonenumbers

from sharedbook.domain.errors import InvalidValue, Unavailable
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import entry_cards
from sharedbook.formats.entries.column_edits import Change
from sharedbook.formats.files.mail_signature import ADDRESS, COLUMN_OF_LABEL
from sharedbook.formats.limited import child
from sharedbook.formats.vcards import vcard21
from sharedbook.formats.vcards.vcard import Card

SECONDS = 60
PROGRAM = "scan_child.py"

LEAST = 20
"""Percent; below it what tesseract takes for letters is a picture or a shade."""

EXACT, GUESSED = 100, 60
"""Percent of the reading's confidence that stay: a mail address looks like nothing else; a name is what is left."""

_VCARD = "BEGIN:VCARD"
_MECARD = "MECARD:"
_MECARD_COLUMNS = {
    "N": "name", "TEL": "phone", "EMAIL": "email", "URL": "url", "NOTE": "note", "ORG": "company", "TITLE": "title",
    "NICKNAME": "nickname", "BDAY": "birthday", "ADR": "address",
}  # fmt: skip
_WEB = re.compile(r"(?:https?://|www\.)[\w./~%-]+\w", re.IGNORECASE)
_COMPANY = re.compile(
    r"\b(?:inc|ltd|llc|llp|corp|corporation|company|co|gmbh|ag|kg|s\.?a|s\.?r\.?l|b\.?v|oy|ab|plc|group)\b\.?"
    r"|주식회사|\(주\)|㈜|유한회사|株式会社|有限公司|有限会社",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"\b(?:manager|director|engineer|president|officer|ceo|cto|cfo|coo|head|lead|chief|sales|consultant|partner|analyst"
    r"|designer|developer|assistant|professor|attorney|representative|executive|leiter|leiterin|geschäftsführer)\b"
    r"|대표|이사|부장|차장|과장|대리|팀장|사원|연구원|교수|部長|課長|社長|取締役|经理|总监|董事",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\W\d_]+(?:[ .'-]+[^\W\d_]+){0,4}\.?")
_LABEL = re.compile(r"([^\W\d_]{1,9})\.?\s*[:：.]?\s*\(?\+?$")


@dataclass(frozen=True, slots=True)
class Found:
    """A column, its value, and how sure that is, in percent."""

    column: str
    value: str
    confidence: int


@dataclass(frozen=True, slots=True)
class Scan:
    """The card that a code held, whole; or, with None, what was found by columns."""

    card: Card | None
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    confidence: int
    height: int


def read(picture: bytes, *, region: str, languages: str, limits: Limits) -> Scan:
    """What stands on the card. ``region`` (ISO 3166) is for numbers without +; ``languages`` are tesseract's, with +.

    Raises InvalidValue for what is no picture, too large a one, or one without anything to read; InvalidCard for a code
    with a bad card; Unavailable when there is no code, and no tesseract to read the text.
    """
    tesseract = shutil.which("tesseract") or ""
    arguments = (str(limits.photo_pixels), tesseract, languages)
    answer = child.run(PROGRAM, *arguments, seconds=SECONDS, source=picture)
    if answer is None:
        raise _nothing()
    seen = json.loads(answer)
    for code in map(str.strip, seen["codes"]):
        if code.upper().startswith(_VCARD):
            return Scan(vcard21.upgrade(code, limits), ())
        if code.startswith(_MECARD):
            return Scan(None, tuple(_of_mecard(code.removeprefix(_MECARD))))
    if not tesseract:
        raise Unavailable("the picture has no QR code of a contact", hint="to read its text: apt install tesseract-ocr")
    lines = [_Line(**each) for each in seen["lines"] if each["confidence"] >= LEAST]
    found = _of_text(lines, region)
    if not found:
        raise _nothing()
    return Scan(None, found)


def of_card(card: Card) -> list[Found]:
    """The columns of a card, which is no guess."""
    cells = entry_cards.cells(entry_cards.of_card(card)).items()
    return [Found(column.name, text, EXACT) for column, text in cells if column.field != "uid"]


def corrected(found: Sequence[Found], changes: Sequence[Change]) -> list[Found]:
    """What was found, with what a person says of it, which is sure."""
    given = {each.column.name: each.text for each in changes}
    kept = [each for each in found if each.column not in given]
    return kept + [Found(name, text, EXACT) for name, text in given.items() if text]


def _nothing() -> InvalidValue:
    return InvalidValue(
        "no business card could be read from the picture",
        field="picture",
        hint="it must be JPEG, PNG or GIF; for other languages: apt install tesseract-ocr-LANGUAGE, and --languages",
    )


def _of_mecard(text: str) -> Iterator[Found]:
    """NTT Docomo's MECARD: fields end with ``;``, a backslash is before what is meant as itself, N is family,given."""
    counts: dict[str, int] = {}
    for name, value in re.findall(r"([A-Z-]+):((?:\\.|[^;\\])*);", text):
        column = _MECARD_COLUMNS.get(name)
        if column == "name":
            value = " ".join(reversed([part.strip() for part in re.split(r"(?<!\\),", value)]))
        plain = re.sub(r"\\(.)", r"\1", value).strip()
        if column and plain:
            yield Found(_numbered(column, counts), plain, EXACT)


def _numbered(column: str, counts: dict[str, int]) -> str:
    counts[column] = counts.get(column, 0) + 1
    return column if counts[column] == 1 else f"{column}.{counts[column]}"


def _of_text(lines: list[_Line], region: str) -> tuple[Found, ...]:
    """Lines by what they hold: addresses and numbers, then what words tell; the tallest of the rest is the name."""
    counts: dict[str, int] = {}
    found: list[Found] = []
    rest: list[_Line] = []
    for line in lines:
        sure = [Found(_numbered(column, counts), text, line.confidence) for column, text in _plain(line.text, region)]
        found += sure
        if not sure:
            rest.append(line)
    for column, pattern in (("company", _COMPANY), ("title", _TITLE)):
        if fits := [line for line in rest if pattern.search(line.text)]:
            found.append(_guess(column, fits[0]))
            rest.remove(fits[0])
    if named := [line for line in rest if _NAME.fullmatch(line.text)]:
        tallest = max(named, key=lambda line: line.height)
        found.insert(0, _guess("name", tallest))
        rest.remove(tallest)
    if rest:
        note = "\n".join(line.text for line in rest)
        found.append(Found("note", note, min(line.confidence for line in rest) * GUESSED // 100))
    return tuple(found)


def _guess(column: str, line: _Line) -> Found:
    return Found(column, line.text, line.confidence * GUESSED // 100)


def _plain(text: str, region: str) -> Iterator[tuple[str, str]]:
    """Mail addresses, pages and numbers in a line, with their columns."""
    for address in ADDRESS.finditer(text):
        yield "email", address.group()
    for page in _WEB.finditer(ADDRESS.sub(" ", text)):
        yield "url", page.group() if "://" in page.group() else f"https://{page.group()}"
    for match in phonenumbers.PhoneNumberMatcher(text, region):
        label = _LABEL.search(text[: match.start])
        yield COLUMN_OF_LABEL.get(label[1].casefold() if label else "", "phone"), match.raw_string
