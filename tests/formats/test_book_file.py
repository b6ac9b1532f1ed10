"""A group as YAML: what is written is read back as it was, and a card is made just what an entry says."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedbook.domain.errors import InvalidCard, InvalidFile, InvalidValue
from sharedbook.domain.model import ASSIGNED_ID, CustomField, FieldKind, Limits
from sharedbook.formats.entries import book_file, entry_cards, exact_edits, yaml_nodes
from sharedbook.formats.entries.book_file import Wanted
from sharedbook.formats.entries.yaml_nodes import Node, Pairs, Text
from sharedbook.formats.vcards import pieces, vcard
from sharedbook.formats.vcards.content_line import illegal_character
from sharedbook.formats.vcards.vcard import Card
from tests.support.sites import card

LIMITS = Limits()
CUSTOM = (
    CustomField(ASSIGNED_ID, "assigned", "Assigned", FieldKind.MEMBER, False, frozenset({"bob"})),
    CustomField(2, "papers", "Papers", FieldKind.LINK, True),
    CustomField(3, "contract", "Contract", FieldKind.TEXT, False),
)
GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.vcf"))


def written(*texts: str) -> bytes:
    return book_file.compose("customers", [(text, {}) for text in texts], {})


def one(text: str) -> Wanted:
    found = book_file.parse(written(text), CUSTOM, LIMITS).contacts
    assert found is not None
    return found[0]


def exact(found: Card, wanted: Wanted) -> Card:
    return exact_edits.make_exact(found, wanted.columns, limits=LIMITS)


def pictures(found: Card) -> list[str]:
    return [each.raw for each in found.all("PHOTO")]


@pytest.fixture(scope="module")
def cards() -> list[Card]:
    return [vcard.parse(each) for path in GOLDEN for _, each in pieces.split(path.read_bytes())]


def test_what_was_written_changes_no_card(cards: list[Card]) -> None:
    assert len(cards) > 60
    for each in cards:
        assert exact(each, one(each.text)) is each


def test_one_card_is_made_what_another_says(cards: list[Card]) -> None:
    """All that is a column, and nothing else; where an import would refuse a value, it is refused here."""
    made = 0
    for has, other in itertools.pairwise(cards):
        wanted = one(other.text)
        try:
            card = exact(has, wanted)
        except (InvalidValue, InvalidCard):
            continue
        made += 1
        assert exact(card, wanted) is card
        assert (card.uid, pictures(card)) == (has.uid, pictures(has))
    assert made > 40


def test_the_file_is_sorted_and_every_value_stands_in_quotes() -> None:
    mails = ("EMAIL;TYPE=HOME:ada@example.com", "EMAIL:a@b.example")
    ada = card("u-1", "Ada", *mails, "NOTE:two\\nlines", "CATEGORIES:b,A")
    zoe = card("u-2", "yes", "TEL:010")
    text = book_file.compose(
        "customers",
        [(zoe, {"Papers": ("https://a.example",)}), (ada, {})],
        {"everyone": ("view",), "@sales": ("view", "add")},
    )
    assert (
        text.decode()
        == """\
# A shared contact group, for `sharedbook plan`. What is left out of a contact here is taken away from it there.
group: "customers"
grants:
  '@sales':
  - "view"
  - "add"
  everyone:
  - "view"
contacts:
- uid: "u-1"
  name: "Ada"
  last_name: "Ada"
  email:
  - type: "home"
    value: "ada@example.com"
  - "a@b.example"
  tags:
  - "A"
  - "b"
  note: |-
    two
    lines
- uid: "u-2"
  name: "yes"
  last_name: "yes"
  phone:
  - "010"
  fields:
    Papers:
    - "https://a.example"
"""
    )
    found = book_file.parse(text, CUSTOM, LIMITS)
    assert found.contacts is not None and found.grants is not None
    assert [(each.at.line, each.subject, each.rights) for each in found.grants] == [
        (5, "@sales", ("view", "add")),
        (8, "everyone", ("view",)),
    ]
    assert [(each.at.line, each.uid) for each in found.contacts] == [(10, "u-1"), (23, "u-2")]
    assert found.contacts[1].custom == {2: ("https://a.example",)}
    assert found.contacts[1].columns["phone"] == "010"


ODD = " \n\r\t:#-'\"|>%@`{[&*!?~=\\\x85\u2028\ufeff\x7f0"
TEXTS = st.text(st.sampled_from(ODD) | st.characters(codec="utf-8"))
DATA = st.recursive(
    TEXTS.filter(lambda text: not illegal_character(text)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("a", "b: c", "#", "é ")), inner),
    max_leaves=6,
)


def plain(node: Node) -> object:
    if isinstance(node, Pairs):
        return {name: plain(value) for name, value in node.pairs.items()}
    return node.text if isinstance(node, Text) else list(map(plain, node.items))


@given(DATA)
def test_every_text_comes_back(data: yaml_nodes.Data) -> None:
    assert plain(yaml_nodes.read(yaml_nodes.write({"top": data}, "head"), yaml_nodes.Mistakes())) == {"top": data}


def test_what_a_person_writes() -> None:
    text = """
group: customers
contacts:
  - external_id: C-7          # a new one
    name: Minji Kim
    phone: 010-1234-5678
    address:
      type: work
      city: Seoul
      street: |-
        1 Sejong-daero
        3rd floor
    company: [Hanbit, Acme]
    department: ["", Sales]
    fields: {assigned: BOB, contract: a;b}
"""
    found = book_file.parse(text.encode(), CUSTOM, LIMITS)
    assert found.grants is None and found.contacts is not None
    (wanted,) = found.contacts
    assert (wanted.at, wanted.uid, wanted.external_id) == ((4, 5), "", "C-7")
    assert (wanted.places["phone"], wanted.places["address.city"]) == ((6, 12), (9, 13))
    assert wanted.columns == {
        "external_id": "C-7", "name": "Minji Kim", "phone": "010-1234-5678",
        "address.type": "work", "address.city": "Seoul", "address.street": "1 Sejong-daero\n3rd floor",
        "company": "Hanbit", "company.2": "Acme", "department": "", "department.2": "Sales",
    }  # fmt: skip
    assert wanted.custom == {ASSIGNED_ID: ("bob",), 3: ("a;b",)}


def test_what_is_left_out_is_taken_away_and_the_rest_stays() -> None:
    has = vcard.parse(
        card(
            "u-1", "Ada", "EMAIL;TYPE=HOME;X-A=b:ada@example.com", "EMAIL:old@example.com", "TITLE:Countess", "NOTE:x",
            "ORG:One;Unit", "ORG:Two", "X-ODD;A=B:kept", "ADR;TYPE=WORK:;;Street;Town;;;", "item1.URL:https://a.example",
            "item1.X-ABLabel:Blog", "CATEGORIES:a,b", "TEL:1",
        )
    )  # fmt: skip
    columns = {"name": "Ada", "email": "ada@example.com", "email.type": "home", "company": "Two", "tags": "b;c"}
    made = exact_edits.make_exact(has, columns, limits=LIMITS)
    kept = [line for line in made.text.splitlines() if not line.startswith(("BEGIN", "VERSION", "END"))]
    assert kept == [
        "UID:u-1", "FN:Ada", "N:Ada;;;;", "EMAIL;TYPE=HOME;X-A=b:ada@example.com", "ORG:Two", "X-ODD;A=B:kept",
        "CATEGORIES:b,c",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("group: a\ncontacts: [{}]", "line 2: the contact has neither"),
        ("contacts: []", "line 1: the file names no group"),
        ("group: a\ncontcats: []", "line 2: the file has no contcats"),
        ("group: [a]", "line 1: group is one text"),
        ("- a", "line 1: the file is written as lines"),
        ("group: a\ngroup: b", "line 2: group is here twice"),
        ("group: a\n---\ngroup: b", "line 3: a second document"),
        ("group: &x a\ncontacts: *x", "line 1: anchors, aliases"),
        ("group: !!python/object:os.system a", "line 1: anchors, aliases and tags"),
        ("group: a\ncontacts:\n  - uid: 1\n    emial: x", "line 4: a contact has no emial"),
        ("group: a\ncontacts:\n  - uid: 1\n    name: [a, b]", "line 4: name is one text"),
        ("group: a\ncontacts:\n  - uid: 1\n  - uid: 1", "line 4: uid 1 is the contact of line 3"),
        ("group: a\ncontacts:\n  - uid: 1\n    email: [{kind: x}]", "line 4: email has no kind"),
        ("group: a\ncontacts:\n  - uid: 1\n    fields: {nothing: 1}", "line 4: there is no custom field nothing"),
        ("group: a\ncontacts:\n  - uid: 1\n    fields: {assigned: eve}", "line 4: Assigned: there is no member eve"),
        ("group: a\ncontacts:\n  - uid: 1\n    fields: {contract: [1, 2]}", "line 4: Contract has one value"),
        ("group: a\n  b: c", "line 2: "),
        ("group: 'a", "line 1: "),
        ("group: a\nx: \t- b", "line 2: "),
        ("[" * 50 + "]" * 50, "line 1: lists are nested too deeply"),
        ("{a: " * 5000 + "}" * 5000, "line 1: lists are nested too deeply"),
        ("? [a]\n: b", "line 1: a key must be a word"),
        ('group: "\\UFFFFFFFF"', "line 1: this is not YAML"),
        ('group: a\nb: "\\uD800"', "line 2: a control character"),
        ('group: a\nb: "\\0"', "line 2: a control character"),
    ],
)
def test_what_cannot_be_read_names_its_line(text: str, says: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        book_file.parse(text.encode(), CUSTOM, LIMITS).mistakes.refuse()
    assert says in re.sub(r", column \d+", "", refused.value.message)


MANY = """
group: customers
grants: {bob: [[see]], eve: x}
contacts:
  - uid: 1
    emial: x
    email: [{kind: x}, [y], z]
    name: [a, b]
    fields: {nothing: 1, assigned: eve, contract: [1, 2]}
  - name: Nobody
  - {uid: 1, name: One, name: Two}
  - Three
  - &four {uid: 4}
  - *four
"""
ALL_OF_MANY = """\
15 mistakes in the file:
  line 3, column 16: a right is one text
  line 6, column 12: a contact has no emial (did you mean email?)
  line 7, column 20: email has no kind
  line 7, column 24: email is written as lines of NAME: VALUE
  line 8, column 11: name is one text
  line 9, column 23: there is no custom field nothing (see: sharedbook field list)
  line 9, column 36: Assigned: there is no member eve
  line 9, column 51: Contract has one value
  line 10, column 5: the contact has neither uid nor external_id (a new one: external_id: ANY-NUMBER)
  line 11, column 5: uid 1 is the contact of line 5 already
  line 11, column 25: name is here twice
  line 12, column 5: a contact is written as lines of NAME: VALUE
  line 13, column 5: anchors, aliases and tags are not allowed (write the value itself)
  line 14, column 5: anchors, aliases and tags are not allowed (write the value itself)
  line 14, column 5: a contact is written as lines of NAME: VALUE"""


def test_every_mistake_is_named_at_once_by_line_and_column() -> None:
    with pytest.raises(InvalidFile) as refused:
        book_file.parse(MANY.encode(), CUSTOM, LIMITS).mistakes.refuse()
    assert (refused.value.message, refused.value.line) == (ALL_OF_MANY, 3)
    for end, number in (("\n  b: 'c", 1), ("\ncontacts: [" + "[" * 9, 1), ("\ncontacts: *a\nx: 'c", 2)):
        with pytest.raises(InvalidFile) as refused:
            book_file.parse(f"group: a{end}".encode(), CUSTOM, LIMITS)
        assert refused.value.message.count("line ") == number


def test_what_is_no_text() -> None:
    wrong = {
        b"a: b\nc: \xff": "line 2, column 4: this is not UTF-8",
        b"a: b\nc: \0": "line 2, column 4: ",
        b"a" * 20_000_001: "20 MB",
    }
    for data, says in wrong.items():
        with pytest.raises(InvalidFile, match=says):
            book_file.parse(data, CUSTOM, LIMITS).mistakes.refuse()


def test_an_import_would_refuse_it() -> None:
    has = vcard.parse(card("u-1", "Ada", "EMAIL:no address"))
    columns = {"name": "Ada", "last_name": "Ada", "email": "no address"}
    assert exact_edits.make_exact(has, columns, limits=LIMITS) is has
    with pytest.raises(InvalidValue, match="not a mail address"):
        exact_edits.make_exact(has, {"name": "Ada", "email": "none at all"}, limits=LIMITS)


def test_names() -> None:
    has = vcard.parse(card("u-1", "Ada"))
    made = exact_edits.make_exact(has, {"first_name": "Ada", "last_name": "King"}, limits=LIMITS)
    assert entry_cards.of_card(made).single["name"] == "Ada King"
    made = exact_edits.make_exact(made, {"name": "Countess", "last_name": "King"}, limits=LIMITS)
    assert {**entry_cards.of_card(made).single} == {"uid": "u-1", "name": "Countess", "last_name": "King"}
