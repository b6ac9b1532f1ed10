"""A converted card that is PUT back: unchanged it changes nothing, and an edit changes exactly the property edited."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedbook.formats.vcards import vcard
from sharedbook.formats.vcards.content_line import Raw, make_line, unfold
from sharedbook.formats.vcards.vcard import Add, Card, Edit, Remove, Set
from sharedbook.formats.versions import convert
from sharedbook.formats.versions.convert_back import patched
from tests.formats.samples import card, golden_cards
from tests.formats.test_convert import other


def served(stored: Card) -> Card:
    """The card as a client of the other version gets it."""
    return vcard.parse(convert.converted(stored.text, other(stored.version)))


def put(stored: Card, *edits: Edit) -> Card:
    """The stored card after a client of the other version has edited its copy."""
    return vcard.parse(patched(stored, vcard.parse(vcard.patch(served(stored), edits))))


def lines(read: Card) -> list[str]:
    """Unfolded lines of the properties."""
    return [unfold(read.text[found.start : found.end]) for found in read.properties]


def difference(before: Card, after: Card) -> tuple[list[str], list[str]]:
    """The lines that went, and those that came."""
    old, new = Counter(lines(before)), Counter(lines(after))
    return sorted((old - new).elements()), sorted((new - old).elements())


def stored(version: str, *written: str) -> Card:
    """A stored card."""
    return vcard.parse(card(["UID:1", "FN:Ann", "N:Ann;;;;", *written], version))


# ---- any card


@pytest.mark.parametrize("path", golden_cards(), ids=lambda path: path.stem)
class TestGolden:
    """The hard cards."""

    def test_put_back_as_it_was_nothing_changes(self, path: Path) -> None:
        read = vcard.parse(path.read_bytes())
        assert patched(read, served(read)) == read.text

    def test_one_new_property_is_one_more_line(self, path: Path) -> None:
        read = vcard.parse(path.read_bytes())
        assert difference(read, put(read, Add("NICKNAME", "Neu; neu, new"))) == ([], ["NICKNAME:Neu\\; neu\\, new"])

    def test_each_property_can_go_alone(self, path: Path) -> None:
        read = vcard.parse(path.read_bytes())
        units = convert.units(read, other(read.version))
        copy = served(read)
        for unit in units[:40]:
            gone = [found.name for found in unit.lines if found.name not in ("UID", "X-ABLABEL", "X-ABADR")]
            if len(gone) != 1 or not unit.sources or unit.sources[0].group or "twice" in path.stem:
                continue
            nth = [line for each in units for line in each.lines if line.name == gone[0]].index(unit.lines[0])
            removed = vcard.parse(patched(read, vcard.parse(vcard.patch(copy, [Remove(gone[0], nth)]))))
            before = [unfold(read.text[found.start : found.end]) for found in unit.sources]
            assert difference(read, removed) == (sorted(before), [])

    def test_a_program_that_writes_it_in_its_own_way_changes_nothing(self, path: Path) -> None:
        read = vcard.parse(path.read_bytes())
        assert patched(read, vcard.parse(in_another_way(served(read)))) == read.text


def in_another_way(copy: Card) -> str:
    """The same card: other order, case and folding, one TYPE with a list, parameters in quotes, short N and ADR."""
    written = []
    for found in reversed(copy.properties):
        types = ",".join(value for name, values in found.params if name == "TYPE" for value in values).swapcase()
        params = [(name, values) for name, values in found.params if name not in ("TYPE", "VALUE")]
        head = f"{found.group.swapcase()}." if found.group else ""
        head += found.name.lower() + (f";Type={types}" if types else "")
        head += "".join(f";{name.lower()}={','.join(map(quoted, values))}" for name, values in reversed(params))
        raw = found.raw.replace("tel:", "") if found.name == "TEL" and ";ext=" not in found.raw else found.raw
        raw = raw.rstrip(";") if found.name in ("N", "ADR") else raw
        line = f"{head}:{raw}"
        written += [line[:40], *(f" {line[at : at + 40]}" for at in range(40, len(line), 40))]
    return "\r\n".join(["BEGIN:VCARD", *written, "END:VCARD", ""])


def quoted(value: str) -> str:
    """A parameter's value in quotes (RFC 6868)."""
    return '"' + value.replace("^", "^^").replace("\n", "^n").replace('"', "^'") + '"'


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.just("\n"), max_size=12).filter(
    lambda text: not set(text) & {"\ufffe", "\uffff"}
)
WORD = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,6}", fullmatch=True)
PARAMS = st.lists(
    st.tuples(st.sampled_from(["TYPE", "LANGUAGE", "X-A", "PREF", "ALTID", "PID", "SORT-AS", "LABEL", "CHARSET"]), WORD)
    | st.tuples(st.just("TYPE"), st.sampled_from(["home", "WORK", "pref", "voice", "internet", "dom"]))
    | st.tuples(st.just("PREF"), st.integers(1, 100).map(str))
    | st.tuples(st.sampled_from(["X-B", "LABEL"]), TEXT),
    max_size=3,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: tuple((name, (value,)) for name, value in pairs))
COMPONENTS = st.lists(TEXT, min_size=1, max_size=7)
RAW = st.sampled_from(
    [
        *("1980-03-22", "--0322", "1985-04", "19800322T101500Z", "in spring", "1604-02-29"),
        *("+49 30 5550123", "tel:+1-555-0100;ext=7", "0301234", "sip:a@b.example", "geo:1.5,-2", "1.5;-2"),
        *(
            "-0500",
            "Europe/Oslo",
            "aGFsbG8=",
            "data:text/plain;base64,aGFsbG8=",
            "https://a.example/x,y;z",
            "M",
            "Male",
        ),
    ]
)
NAMES = [
    "TITLE",
    "NOTE",
    "EMAIL",
    "TEL",
    "URL",
    "X-ABLabel",
    "X-FOO",
    "SORT-STRING",
    "LABEL",
    "CLASS",
    "RELATED",
    "AGENT",
]
TYPED = [
    "BDAY",
    "TEL",
    "GEO",
    "TZ",
    "KEY",
    "LOGO",
    "REV",
    "GENDER",
    "X-GENDER",
    "ANNIVERSARY",
    "X-ANNIVERSARY",
    "X-AIM",
]
VALUES = (
    st.tuples(st.sampled_from(NAMES), TEXT)
    | st.tuples(st.sampled_from(["N", "ADR", "ORG"]), COMPONENTS)
    | st.tuples(st.sampled_from(["NICKNAME", "CATEGORIES"]), COMPONENTS.map(lambda parts: [parts]))
    | st.tuples(st.sampled_from(TYPED), RAW.map(Raw))
)
LINES = st.tuples(VALUES, PARAMS, st.sampled_from(["", "", "item1", "Item2"])).map(
    lambda made: make_line(made[0][0], made[0][1], made[1], made[2])
)
CARDS = st.tuples(st.sampled_from(["3.0", "4.0"]), st.lists(LINES, max_size=8)).map(
    lambda made: f"BEGIN:VCARD\r\nVERSION:{made[0]}\r\nUID:1\r\nFN:Ann\r\n{''.join(made[1])}END:VCARD\r\n"
)


@given(CARDS)
def test_any_card_put_back_as_it_was_changes_nothing(text: str) -> None:
    read = vcard.parse(text)
    copy = served(read)
    assert copy.version == other(read.version)
    assert patched(read, copy) == text


@given(CARDS, st.sampled_from(["TITLE", "NOTE", "EMAIL", "X-FOO"]), st.text("ab,;\\\nü", min_size=1).filter(str.strip))
def test_any_one_property_edited_is_the_only_one_changed(text: str, name: str, value: str) -> None:
    read = vcard.parse(vcard.patch(vcard.parse(text), [Set(name, "before")]))
    edited = vcard.parse(vcard.patch(served(read), [Set(name, f"after {value}")]))
    after = vcard.parse(patched(read, edited))
    went, came = difference(read, after)
    assert (len(went), len(came)) == (1, 1)
    assert [found.name for found in after.properties] == [found.name for found in read.properties]
    assert patched(after, edited) == after.text, "what was PUT is what is served now"


# ---- what a client edits

AT_WORK = (("TYPE", ("WORK",)),)
HERE = 'ALTID=2;GEO="geo:1,2"'
FOUR = (
    "FN;ALTID=1;LANGUAGE=ja:x",
    "BDAY:1985-04",
    f'ADR;PREF=1;TYPE=home;{HERE};LABEL="a\\nb":;;Lane 1;Town;;1;X;;;;;Lane',
    "TEL;VALUE=uri;PREF=1;TYPE=home;PID=1.1:tel:+1-555-0100",
    "TEL;PREF=2;TYPE=cell:0100",
    "ANNIVERSARY:20110903",
    "PHOTO;PREF=1:data:image/gif;base64,R0lGODlh",
    "X-KEPT;X=1:x",
)


@pytest.mark.parametrize(
    ("edit", "went", "came"),
    [
        (Set("NOTE", "new"), [], ["NOTE:new"]),
        (Set("TEL", "+1-555-0199"), [FOUR[3]], ["TEL;VALUE=uri;PREF=1;TYPE=home;PID=1.1:tel:+1-555-0199"]),
        (Set("TEL", "0199"), [FOUR[3]], ["TEL;PREF=1;TYPE=home;PID=1.1:0199"]),
        (Set("TEL", "+1-555-0100", AT_WORK), [FOUR[3]], ["TEL;VALUE=uri;TYPE=work;PID=1.1:tel:+1-555-0100"]),
        (Set("TEL", "0101", nth=1), [FOUR[4]], ["TEL;PREF=2;TYPE=cell:0101"]),
        (Remove("TEL", 0), [FOUR[3]], []),
        (Set("X-ANNIVERSARY", Raw("2012-01-01")), [FOUR[5]], ["ANNIVERSARY:20120101"]),
        (Set("BDAY", Raw("1985-04-05")), [FOUR[1]], ["BDAY:19850405"]),
        (Set("LABEL", "c"), [FOUR[2]], [f'ADR;TYPE=home;PREF=1;LABEL=c;{HERE}:;;Lane 1;Town;;1;X;;;;;Lane']),
        (Set("ADR", ("", "", "Lane 2")), [FOUR[2]], ["ADR;PREF=1;TYPE=home;ALTID=2;LABEL=a\\nb:;;Lane 2;;;;"]),
        (Set("PHOTO", Raw("R0lGODdh")), [FOUR[6]], ["PHOTO;PREF=1:data:image/gif;base64,R0lGODdh"]),
        (Set("CLASS", "PRIVATE"), [], ["CLASS:PRIVATE"]),
        (Add("URL", Raw("a:b"), AT_WORK, "Shop"), [], ["item1.URL;TYPE=work:a:b", "item1.X-ABLabel:Shop"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_client_of_3_edits_a_card_of_4(edit: Edit, went: list[str], came: list[str]) -> None:
    read = stored("4.0", *FOUR)
    gone, new = difference(read, put(read, edit))
    assert (gone, new) == (went, came)


PNG = "iVBORw0KGgo="
THREE = (
    "SORT-STRING:Ann",
    "ADR;type=HOME;type=pref;X-A=1:;;Lane 1;Town;;;",
    "LABEL;type=HOME:Lane 1\\nTown",
    "X-AIM;type=HOME:ann b",
    "item1.X-ABDATE;type=pref:2011-09-03",
    "item1.X-ABLabel:_$!<Anniversary>!$_",
    "BDAY;X-APPLE-OMIT-YEAR=1604:1604-07-21",
    "CLASS:PRIVATE",
    "TEL;TYPE=HOME,MSG;TYPE=pref:+1 (555) 0100",
    "PHOTO;ENCODING=b;TYPE=GIF;X-CROP=1:R0lGODlh",
    "REV:yesterday",
)


@pytest.mark.parametrize(
    ("edit", "went", "came"),
    [
        (Set("TEL", Raw("tel:+1-555-0199")), [THREE[8]], ["TEL;TYPE=HOME,MSG;TYPE=pref:+1-555-0199"]),
        (Set("TEL", Raw("tel:+1-(555)-0100"), AT_WORK), [THREE[8]], ["TEL;TYPE=WORK;TYPE=MSG:+1 (555) 0100"]),
        (Set("IMPP", Raw("aim:bob")), [THREE[3]], ["X-AIM;type=HOME:bob"]),
        (Set("IMPP", Raw("xmpp:bob@b")), [THREE[3]], ["IMPP;TYPE=HOME:xmpp:bob@b"]),
        (Set("ANNIVERSARY", Raw("20120101")), [THREE[4]], ["item1.X-ABDATE;type=pref:2012-01-01"]),
        (Remove("ANNIVERSARY"), [*THREE[5:3:-1]], []),
        (Set("BDAY", Raw("19800721")), [THREE[6]], ["BDAY:1980-07-21"]),
        (Set("BDAY", Raw("1980")), [THREE[6]], ["BDAY:1980"]),
        (Set("PHOTO", Raw(f"data:image/png;base64,{PNG}")), [THREE[9]], [f"PHOTO;ENCODING=b;TYPE=PNG;X-CROP=1:{PNG}"]),
        (Set("ADR", Raw(";;Lane 1;Town;;;"), (("TYPE", ("home",)), ("PREF", ("1",)), ("X-A", ("1",)))), [THREE[2]], []),
        (Set("N", ["Bo"], (("SORT-AS", ("Bo",)),)), ["N:Ann;;;;", "SORT-STRING:Ann"], ["N:Bo;;;;", "SORT-STRING:Bo"]),
        (Set("REV", Raw("20200101T000000Z")), [THREE[10]], ["REV:2020-01-01T00:00:00Z"]),
        (Set("KEY", Raw("https://a.example/k")), [], ["KEY:https://a.example/k"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_client_of_4_edits_a_card_of_3(edit: Edit, went: list[str], came: list[str]) -> None:
    read = stored("3.0", *THREE)
    gone, new = difference(read, put(read, edit))
    assert (sorted(gone), new) == (sorted(went), came)


def test_what_is_not_told_stays_whatever_is_edited() -> None:
    read = stored("4.0", *FOUR)
    emptied = put(read, *(Remove(name) for name in ("ADR", "LABEL", "TEL", "X-ANNIVERSARY", "PHOTO", "X-KEPT", "N")))
    assert lines(emptied) == ["VERSION:4.0", "UID:1", "FN:Ann", FOUR[0], FOUR[1]]


def test_a_new_group_of_the_client_does_not_meet_one_that_it_was_not_told_of() -> None:
    label = "item1.X-ABLabel:_$!<Anniversary>!$_"
    read = stored("3.0", "item1.X-ABDATE:2011-09-03", label)
    copy = card(
        ["UID:1", "FN:Ann", "N:Ann;;;;", "ANNIVERSARY:20110903", "item1.URL:a:b", "item1.X-ABLabel:Shop"], "4.0"
    )
    after = vcard.parse(patched(read, vcard.parse(copy)))
    groups = {line.partition(":")[2]: line.partition(".")[0] for line in lines(after)}
    assert groups["a:b"] == groups["Shop"] != "item1"
    assert label in lines(after)
