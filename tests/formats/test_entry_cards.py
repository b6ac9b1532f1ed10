"""Entries and cards: what an entry says is in the card, once, and every other byte stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharedbook.domain.model import Limits
from sharedbook.formats.entries import entries, entry_cards
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.vcards import vcard
from sharedbook.formats.vcards.vcard import Card
from tests.formats import samples

CLIENT = """BEGIN:VCARD
VERSION:3.0
UID:u
N:Doe;John;Richter,James;Mr.;Sr.
FN:Mr. John Doe
X-CUSTOM-THING;X-A="b;c":kept \\, as it is
item1.EMAIL;type=INTERNET;type=WORK;type=pref:john@example.com
item1.X-ABLabel:Desk
EMAIL;type=HOME:john@home.example
TEL;TYPE=CELL;X-UUID="1":905-555-1234
TEL;TYPE=WORK;VALUE=uri:tel:+1-905-555-9999;ext=12
ADR;TYPE=HOME:;;Street 5,Rear;New York;NY;12345;USA
ORG:IBM;Accounting;Dungeon
NOTE:one
NOTE:two
CATEGORIES:a,b
BDAY;VALUE=date:1980-03-22
END:VCARD
""".replace("\n", "\r\n")

WORD = st.text(st.characters(whitelist_categories=("Lu", "Ll", "Lo", "Nd", "Pd", "Po", "Sc")), min_size=1, max_size=12)
WORDS = st.lists(WORD.filter(lambda text: ":" not in text), min_size=1, max_size=3, unique=True)
TEXT = st.lists(WORD, min_size=1, max_size=3).map(" ".join)
PLAIN = (
    *("external_id", "name", "prefix", "first_name", "middle_name", "last_name", "suffix", "phonetic_first_name"),
    *("phonetic_middle_name", "phonetic_last_name", "phonetic_company", "company", "department", "company.2", "title"),
    *("title.2", "role", "url", "url.work", "im.skype", "im", "related.manager", "related", "custom.badge", "note"),
    *("address.work.street", "address.work.city", "address.city", "address.2.type", "address.2.country"),
)
COLUMNS: dict[str, st.SearchStrategy[str]] = {
    **dict.fromkeys(PLAIN, TEXT),
    "email": WORD.map(lambda text: f"m{len(text)}@example.com"),
    "email.work": st.sampled_from(["a@example.com", "b@example.com"]),
    "phone": st.from_regex(r"\+?[0-9]{3,9}", fullmatch=True),
    "phone.mobile": st.from_regex(r"\+?[0-9]{3,9}", fullmatch=True),
    "phone.work_fax": st.from_regex(r"[0-9]{3}-[0-9]{4}", fullmatch=True),
    "birthday": st.sampled_from(["1985-04-23", "--02-29"]),
    "event.anniversary": st.dates().map(str),
    "gender": st.sampled_from(["M", "F", "other"]),
    "language": st.sampled_from(["ko", "en"]),
    "tags": WORDS.map(entries.joined),
    "nickname": WORDS.map(entries.joined),
}
ROWS = st.fixed_dictionaries({}, optional=COLUMNS).filter(
    lambda row: (
        "\\" not in "".join(row.values()) and any(name in row for name in ("name", "email", "phone", "last_name"))
    )
)


LIMITS = Limits(name_length=1_000)
"""The parts of a name, each short enough, may make one that is not."""


def entry_of(row: dict[str, str]) -> Entry:
    found = entries.of_columns(row, limits=LIMITS)
    assert isinstance(found, Entry), found
    return found


def cells(card: Card) -> dict[str, str]:
    return {column.name: text for column, text in entry_cards.cells(entry_cards.of_card(card)).items()}


@settings(max_examples=50)
@given(ROWS)
def test_a_built_card_read_as_a_row_builds_the_same_row(row: dict[str, str]) -> None:
    built = entry_cards.build(entry_of(row), uid="u")
    assert built == vcard.parse(built.text, LIMITS)
    first = cells(built)
    again = cells(entry_cards.build(entry_of(first)))
    assert again == first


@settings(max_examples=50)
@given(ROWS, st.booleans())
def test_edits_are_done_after_once(row: dict[str, str], fill: bool) -> None:
    entry = entry_of(row)
    edits = entry_cards.edits(vcard.parse(CLIENT), entry, fill=fill)
    once = vcard.parse(vcard.patch(vcard.parse(CLIENT), edits), LIMITS)
    assert entry_cards.edits(once, entry, fill=fill) == []


@settings(max_examples=50)
@given(ROWS)
def test_fill_changes_no_line_that_says_something(row: dict[str, str]) -> None:
    before = vcard.parse(CLIENT)
    after = vcard.patch(before, entry_cards.edits(before, entry_of(row), fill=True))
    kept = after.split("\r\n")
    single_parts = {"N", "ORG", "ADR"}  # of these an empty part may be filled
    for found in before.properties:
        if found.name not in single_parts:
            assert CLIENT[found.start : found.end].rstrip("\r\n") in kept


@pytest.mark.parametrize("path", samples.golden_cards(), ids=lambda path: path.name)
def test_of_a_client_s_card_only_the_line_of_the_column_changes(path: Path) -> None:
    card = vcard.parse(path.read_bytes())
    entry = Entry(single={"external_id": "X-1"})
    text = vcard.patch(card, entry_cards.edits(card, entry))
    assert text.replace("X-EXTERNAL-ID:X-1\r\n", "") == card.text
    own = entry_cards.of_card(card)
    assert entry_cards.edits(card, own) == []
    assert entry_cards.edits(card, own, fill=True) == []


@pytest.mark.parametrize(("row", "gone", "new"), [
    ({"last_name": "Smith"}, ["N:Doe;John;Richter,James;Mr.;Sr.", "FN:Mr. John Doe"],
     ["N:Smith;John;Richter,James;Mr.;Sr.", "FN:Mr. John Richter James Smith Sr."]),
    ({"phone.mobile": "905-555-0000"}, ['TEL;TYPE=CELL;X-UUID="1":905-555-1234'],
     ['TEL;TYPE=CELL;X-UUID="1":905-555-0000']),
    ({"phone.mobile": "9055551234"}, [], []),
    ({"phone.work": "+1 905 1"}, ["TEL;TYPE=WORK;VALUE=uri:tel:+1-905-555-9999;ext=12"], ["TEL;TYPE=WORK:+1 905 1"]),
    ({"email": "new@example.com"}, [], ["EMAIL:new@example.com"]),
    ({"email.Desk": "new@example.com"}, ["item1.EMAIL;type=INTERNET;type=WORK;type=pref:john@example.com"],
     ["item1.EMAIL;type=INTERNET;type=WORK;type=pref:new@example.com"]),
    ({"email": "JOHN@example.com"}, [], []),
    ({"address.home.city": "Boston"}, ["ADR;TYPE=HOME:;;Street 5,Rear;New York;NY;12345;USA"],
     ["ADR;TYPE=HOME:;;Street 5\\, Rear;Boston;NY;12345;USA"]),
    ({"department": "Sales"}, ["ORG:IBM;Accounting;Dungeon"], ["ORG:IBM;Sales;Dungeon"]),
    ({"note": "three"}, ["NOTE:one", "NOTE:two"], ["NOTE:three"]),
    ({"tags": "b;c"}, ["CATEGORIES:a,b"], ["CATEGORIES:a,b,c"]),
    ({"birthday": "--03-22"}, ["BDAY;VALUE=date:1980-03-22"], ["BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-22"]),
])  # fmt: skip
def test_update_changes_single_lines(row: dict[str, str], gone: list[str], new: list[str]) -> None:
    card = vcard.parse(CLIENT)
    entry = entries.of_columns({"nickname": "-", **row}, limits=Limits())
    assert isinstance(entry, Entry)
    edits = entry_cards.edits(card, Entry({k: v for k, v in entry.single.items() if k in row}, entry.many))
    before, after = CLIENT.split("\r\n"), vcard.patch(card, edits).split("\r\n")
    assert [line for line in before if line not in after] == gone
    assert [line for line in after if line not in before] == new


def test_birthdays_of_version_4() -> None:
    card = vcard.parse("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:u\r\nFN:x\r\nEND:VCARD\r\n")
    for text, line in (("1985-04-23", "BDAY:19850423"), ("--04-23", "BDAY:--0423")):
        assert line in vcard.patch(card, entry_cards.edits(card, Entry({"birthday": text}))).split("\r\n")
