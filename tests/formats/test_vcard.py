"""The gate for cards: what is accepted keeps its bytes, what is refused is refused with a readable sentence."""

from __future__ import annotations

import base64
import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sharedbook.domain.errors import CardTooLarge, InvalidCard, UnsupportedCard
from sharedbook.domain.model import Limits
from sharedbook.formats.vcards import pieces, vcard
from sharedbook.formats.vcards.content_line import Raw, unfold
from sharedbook.formats.vcards.vcard import Add, Card, Edit, Remove, Set
from tests.formats.samples import GOLDEN, card, golden_cards, jpeg, png


@pytest.mark.parametrize("path", golden_cards(), ids=lambda path: path.stem)
class TestGolden:
    """Every hard card is kept, and one changed property leaves the rest as it was."""

    def test_is_kept_byte_for_byte(self, path: Path) -> None:
        data = path.read_bytes()
        read = vcard.parse(data)
        assert read.text.encode() == data
        assert vcard.load(read.text) == read

    def test_lines_are_covered_by_properties(self, path: Path) -> None:
        read = vcard.parse(path.read_bytes())
        for found, following in zip(read.properties, read.properties[1:], strict=False):
            assert not read.text[found.end : following.start].strip()
        for found in read.properties:
            line = unfold(read.text[found.start : found.end])
            assert line.endswith(f":{found.raw}")
            assert line.upper().startswith(f"{found.group.upper()}.{found.name}" if found.group else found.name)
            assert read.text[: found.start].count("\r\n") == found.line - 1

    def test_a_patched_property_leaves_every_other_line(self, path: Path) -> None:
        before = vcard.parse(path.read_bytes())
        after = vcard.parse(vcard.patch(before, [Set("NOTE", "Neu, 새 메모; " * 20)]))
        assert others(before, "NOTE", 0) == others(after, "NOTE", 0)
        assert after.all("NOTE")[0].text() == "Neu, 새 메모; " * 20

    def test_an_added_property_is_one_more_line(self, path: Path) -> None:
        before = vcard.parse(path.read_bytes())
        patched = vcard.patch(before, [Add("X-NEW", Raw("a;b"))])
        assert patched == before.text[: before.end] + "X-NEW:a;b\r\n" + before.text[before.end :]

    def test_each_property_can_be_removed(self, path: Path) -> None:
        before = vcard.parse(path.read_bytes())
        for found in before.properties:
            nth = before.all(found.name).index(found)
            patched = vcard.patch(before, [Remove(found.name.lower(), nth)])
            if not found.group:
                assert patched == before.text[: found.start] + before.text[found.end :]
            elsewhere = [other for other in before.properties if other.group.lower() != found.group.lower()]
            assert all(before.text[other.start : other.end] in patched for other in elsewhere)


def others(read: Card, name: str, nth: int) -> list[str]:
    """The lines of all properties but one, as they stand in the text."""
    skipped = read.all(name)[nth : nth + 1]
    return [read.text[found.start : found.end] for found in read.properties if found not in skipped]


def test_there_are_enough_golden_cards() -> None:
    assert len(golden_cards()) >= 40
    assert GOLDEN.is_dir()


# ---- what is refused


@pytest.mark.parametrize(
    ("data", "kind", "line", "sentence"),
    [
        (b"", InvalidCard, None, "The card is empty."),
        (b"\r\n\r\n", InvalidCard, None, "The card is empty."),
        (b"hello", InvalidCard, 1, "Line 1 is not BEGIN:VCARD."),
        (b"BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", UnsupportedCard, 1, "This is a VCALENDAR, not a vCard."),
        (card(["FN:A", "oops", "UID:1"]), InvalidCard, 4, "Line 4 has no colon, so it is no property."),
        (card(["UID:1", "two words:x"]), InvalidCard, 4, "Line 4 does not start with the name of a property."),
        (card(["UID:1", ":x"]), InvalidCard, 4, "Line 4 does not start with the name of a property."),
        (card(["UID:1", 'TEL;TYPE="home:1']), InvalidCard, 4, "Line 4 has a parameter whose quote is never closed."),
        (card(["UID:1", 'TEL;TYPE="a:b"']), InvalidCard, 4, "Line 4 has no colon after its parameters."),
        (card(["UID:1", "TEL" + ";A=b" * 101 + ":1"]), InvalidCard, 4, "Line 4 has more than 100 parameters."),
        (card(["FN:A"]), InvalidCard, None, "The card has no UID."),
        (card(["FN:A", "UID:"]), InvalidCard, 4, "The UID is empty."),
        (card(["FN:A", "UID:  "]), InvalidCard, 4, "The UID is empty."),
        (card(["UID:1", "UID:2"]), InvalidCard, 4, "Line 4 is a second UID."),
        (card(["UID:" + "1" * 501]), InvalidCard, 3, "the UID has 501 characters, more than 500."),
        (card(["UID:1"]) * 2, InvalidCard, 5, "It holds two cards; the second begins on line 5."),
        (card(["UID:1"]) + b"FN:late\r\n", InvalidCard, 5, "Line 5 comes after END:VCARD."),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\n", InvalidCard, 4, "The card has no END:VCARD; it may be cut off."),
        (card(["UID:1", "BEGIN:VCARD"]), InvalidCard, 4, "Line 4 begins a second component inside the card."),
        (card(["UID:1", "END:VEVENT"]), InvalidCard, 4, "Line 4 ends a VEVENT that never began."),
        (b"BEGIN:VCARD\r\nUID:1\r\nEND:VCARD\r\n", InvalidCard, None, "The card has no VERSION."),
        (card(["UID:1"], "2.1"), UnsupportedCard, 2, "This is a vCard 2.1; 3.0 and 4.0 are kept."),
        (card(["no colon"], "2.1"), UnsupportedCard, 2, "This is a vCard 2.1; 3.0 and 4.0 are kept."),
        (card(["UID:1", "VERSION:4.0"]), InvalidCard, None, "The card names several versions."),
        (card(["UID:1", "FN:\ufffe"]), InvalidCard, 4, "Line 4 holds U+FFFE, which no address book may carry."),
        (card(["UID:1", "FN:a\0b"]), InvalidCard, 4, "Line 4 holds U+0000, which no address book may carry."),
        (card(["UID:1", "FN:a\x0bb"]), InvalidCard, 4, "Line 4 holds U+000B, which no address book may carry."),
        (card(["UID:1"]).replace(b"1", b"\xff"), InvalidCard, 3, "Octet 31, in line 3, is not UTF-8."),
        (card(["UID:1"]).replace(b"1", b"\xed\xa0\x80"), InvalidCard, 3, "Octet 31, in line 3, is not UTF-8."),
        (card(["UID:1"]).decode().replace("1", "\ud800"), InvalidCard, 3, "Line 3 holds half of a surrogate pair."),
        (card(["UID:1"]).decode().replace("1", "\udcff"), InvalidCard, 3, "Octet 31, in line 3, is not UTF-8."),
        (card(["UID:1", *["X-A:1"] * 499]), InvalidCard, 502, "the card has more than 500 properties."),
        (card(["UID:1", *["EMAIL:a@b"] * 101]), InvalidCard, 104, "more than 100 values of EMAIL."),
        (card(["UID:1", "CATEGORIES:" + "a," * 100]), InvalidCard, 4, "more than 100 values of CATEGORIES."),
        (card(["UID:1", "NOTE:" + "n" * 4001]), InvalidCard, 4, "the note has 4001 characters, more than 4000."),
        (card(["UID:1", "FN:" + "n" * 101]), InvalidCard, 4, "the name (FN) has 101 characters, more than 100."),
        (card(["UID:1", "N:a;" + "n" * 101]), InvalidCard, 4, "the name (N) has 101 characters, more than 100."),
        (card(["UID:1", "X-A:" + "n" * 1_000_001]), CardTooLarge, 4, "X-A has 1000001 characters, more than 1000000."),
        (card(["UID:1", "PHOTO:" + "A" * 14_000_000]), CardTooLarge, 4, "the PHOTO has more than 10 MB."),
        (b"B" * 16_777_217, CardTooLarge, None, "The card is larger than 16 MB."),
    ],
)  # fmt: skip
def test_refused(data: bytes | str, kind: type[InvalidCard], line: int | None, sentence: str) -> None:
    with pytest.raises(InvalidCard) as raised:
        vcard.parse(data)
    message = raised.value.message.removeprefix(f"Line {line}: ")
    assert (type(raised.value), raised.value.line, message) == (kind, line, sentence)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"PHOTO;ENCODING=b;TYPE=JPEG:{base64.b64encode(SVG).decode()}", "is not a JPEG, PNG or GIF picture"),
        (f"PHOTO:data:image/svg+xml;base64,{base64.b64encode(SVG).decode()}", "is not a JPEG, PNG or GIF picture"),
        ("PHOTO:data:image/svg+xml,%3Csvg%3E%3C/svg%3E", "is not a JPEG, PNG or GIF picture"),
        ("PHOTO;ENCODING=b;TYPE=PNG:PGh0bWw+", "is not a JPEG, PNG or GIF picture"),
        ("PHOTO:<html><body>", "is not a JPEG, PNG or GIF picture"),
        (f"PHOTO:data:image/png;base64,{png(20_000, 20_000)}", "has 20000 x 20000 pixels"),
        (f"PHOTO;ENCODING=b;TYPE=JPEG:{jpeg(20_000, 20_000)}", "has 20000 x 20000 pixels"),
    ],
)
def test_photos_that_are_refused(line: str, sentence: str) -> None:
    with pytest.raises(InvalidCard, match=sentence) as raised:
        vcard.parse(card(["UID:1", line]))
    assert raised.value.line == 4


@pytest.mark.parametrize(
    "lines",
    [
        ["PHOTO;VALUE=uri:https://example.org/me.svg"],
        ["PHOTO:"],
        [f"PHOTO;ENCODING=b;TYPE=JPEG:{jpeg(4_000, 3_000)}"],
        [f"PHOTO:data:image/png;base64,{png(4_000, 3_000)}"],
        [f"PHOTO:data:image/png;base64\\,{png(40, 30)}"],
        ["MEMBER:urn:uuid:1"] * 300,
        ["X-ABLABEL:a"] * 200,
        ["EMAIL:a@b"] * 100,
        ["NOTE:" + "가" * 4000, "FN:" + "가" * 100],
        ["", "FN:blank lines are kept", ""],
        ["X-A:1"] * 498,
    ],
)
def test_accepted_and_kept(lines: list[str]) -> None:
    data = card(["UID:1", *lines])
    assert vcard.parse(data).text.encode() == data


def test_limits_are_the_sites() -> None:
    with pytest.raises(InvalidCard, match="more than 2 values"):
        vcard.parse(card(["UID:1", *["TEL:1"] * 3]), Limits(values_per_field=2))


# ---- what is repaired


def test_only_bom_line_ends_and_folds_inside_characters_are_repaired() -> None:
    data = card(["UID:1", "FN:Zoë", "NOTE:a", " b"])
    for sent in (
        data,
        b"\xef\xbb\xbf" + data,
        data.replace(b"\r", b""),
        data.replace(b"\n", b""),
        data.replace(b"\n", b"\r\n"),
    ):
        assert vcard.parse(sent).text.encode() == data
        assert vcard.parse(sent.decode()).text.encode() == data
    cut = data.replace("ë".encode(), b"\xc3\r\n \xab")
    assert vcard.parse(cut).text.encode() == data.replace("ë".encode(), "ë\r\n ".encode())
    assert vcard.parse(cut).properties[2].raw == "Zoë"


def test_a_missing_last_line_end_is_kept() -> None:
    data = card(["UID:1"]).rstrip()
    read = vcard.parse(data)
    assert read.text.encode() == data
    assert vcard.patch(read, [Set("FN", "A")]).encode() == data.replace(b"END:", b"FN:A\r\nEND:")


# ---- lines


def test_groups_parameters_and_values() -> None:
    read = vcard.parse(
        card(
            [
                "UID:1",
                'item1.tel;Type="work,voice";TYPE=Cell;X-A=^n^^^\';PREF=7:+1',
                "TEL;HOME,FAX;PREF:2",
                "PHOTO;BASE64;JPEG:",
                r"N:Kim\;;Ji\,Won,Anna;;;",
                r"CATEGORIES:a\,b,c;d",
                r"NOTE:http\://x\\\n\q",
                'X-Q;A="x;y:z","w":v:w',
            ]
        )
    )
    first, second = read.all("TEL")
    assert (first.group, first.name, first.raw, first.pref()) == ("item1", "TEL", "+1", 7)
    assert first.types() == {"work", "voice", "cell"}
    assert first.param("X-A") == '\n^"'
    assert second.types() == {"home", "fax", "pref"}
    assert second.pref() == 1
    assert read.all("PHOTO")[0].params == (("ENCODING", ("BASE64",)), ("TYPE", ("JPEG",)))
    assert read.all("N")[0].parts() == (("Kim;",), ("Ji,Won", "Anna"), ("",), ("",), ("",))
    assert read.all("N")[0].components()[1] == "Ji,Won,Anna"
    assert read.all("CATEGORIES")[0].values() == ("a,b", "c;d")
    assert read.all("NOTE")[0].text() == "http://x\\\n\\q"
    assert read.all("X-Q")[0].params == (("A", ("x;y:z", "w")),)
    assert read.all("X-Q")[0].raw == "v:w"
    assert read.first("EMAIL") is None


def test_hostile_lines_take_linear_time() -> None:
    """The shapes that blow up patterns which backtrack; pytest-timeout ends a parser that does."""
    shapes = [
        "X" + ";A=" + '"' * 400_001 + ":",
        "X" + ";A=" + "," * 900_000 + ":v",
        "X;" + "a" * 900_000,
        "-" * 900_000 + ":",
        "N:" + "\\" * 900_001 + ";",
        "X;A=" + "^n" * 400_000 + ":v",
        "X:" + "\r\n " * 300_000,
        "\r\n".join(["X:" + " \t" * 5] * 100_000),
        "a." * 400_000 + "X:",
        "N;A" + "=x,y" * 40 + '"',  # vobject 0.9.9 never ends on these 164 octets: its pattern is exponential in them
    ]
    for shape in shapes:
        try:
            read = vcard.parse(card(["UID:1", shape]))
        except InvalidCard:
            continue
        for found in read.properties:
            assert found.text() is not None and found.parts() and found.types() is not None


fragments = st.sampled_from(
    [
        "BEGIN:VCARD", "END:VCARD", "VERSION:3.0", "VERSION:4.0", "VERSION:2.1", "UID:1", "FN:", "item1.", "TEL;",
        "TYPE=", "AGENT:", "PHOTO:data:image/png;base64,", "iVBORw0KGgo=", '"', ";", ":", ",", "\\", "\r\n", "\n", "\r",
        " ", "\t", "^n", "=", "=\r\n", "\0", "a.b.", "\ufeff", "ë", "홍", "\udce2",
    ]
)  # fmt: skip


@given(st.one_of(st.binary(), st.lists(st.one_of(fragments, st.text(max_size=4))).map("".join)))
@example("BEGIN:VCARD\r\nVERSION:3.0\r\nN:\r\n \r\n\t\r\nEND:VCARD")
def test_any_input_is_read_or_refused(data: bytes | str) -> None:
    for piece in [data, *(piece for _, piece in pieces.split(data))]:
        try:
            read = vcard.parse(piece, require_uid=False)
        except InvalidCard as error:
            assert error.message.endswith(".")
            continue
        assert vcard.parse(read.text, require_uid=False) == read
        assert [vcard.parse(text, require_uid=False).text for _, text in pieces.split(read.text)] == [
            read.text.rstrip() + "\r\n"
        ]


plain = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=200)
names = st.text(string.ascii_uppercase + string.digits + "-", min_size=1, max_size=20).filter(
    lambda name: name not in {"BEGIN", "END", "VERSION", "UID"}
)


@given(plain, st.lists(plain, min_size=1), names)
def test_what_is_patched_in_is_read_back(text: str, components: list[str], name: str) -> None:
    free = Limits(name_length=10_000, note_length=10_000)
    base = vcard.parse(card(["UID:1", "X-OLD;X-P=1:old"]))
    edits: list[Edit] = [
        Set("X-OLD", text),
        Add("X-LIST", components, (("X-Q", (text.replace("\n", ""),)),), label=text or "x"),
    ]
    read = vcard.parse(vcard.patch(base, edits), free)
    assert read.all("X-OLD")[0].text() == text
    assert read.all("X-OLD")[0].param("X-P") == "1"
    assert read.all("X-LIST")[0].components() == tuple(components)
    assert read.all("X-LIST")[0].param("X-Q") == text
    assert read.all("X-ABLABEL")[0].text() == (text or "x")
    assert all(len(line) <= 75 for line in read.text.encode().split(b"\r\n"))
    assert vcard.patch(read, [Remove("X-LIST"), Set("X-OLD", Raw("old"))]) == base.text
    if name not in {"PHOTO", "LOGO"}:
        assert vcard.parse(vcard.patch(base, [Add(name, text)]), free).all(name)[-1].text() == text


# ---- changing


def test_edits_of_single_properties() -> None:
    read = vcard.parse(
        card(
            [
                "uid:1",
                "fn;x-a=1:A",
                "item1.email;type=work:a@x",
                "item1.X-ABLabel:Main",
                "EMAIL:b@x",
                "item2.URL:u",
                "item2.X-ABLabel:L",
            ]
        )
    )
    patched = vcard.patch(
        read,
        [
            Set("fn", "B, C"),
            Set("EMAIL", "c@x", (("TYPE", ("HOME",)),), nth=0),
            Add("email", "d@x", label="Büro"),
            Remove("URL"),
            Set("NICKNAME", ("Bee",)),
            Set("UID", Raw("2")),
            Set("UID", Raw("3")),
        ],
    )
    assert patched.split("\r\n")[2:-2] == [
        "uid:3",
        r"fn;x-a=1:B\, C",
        "item1.email;TYPE=HOME:c@x",
        "item1.X-ABLabel:Main",
        "EMAIL:b@x",
        "item3.email:d@x",
        "item3.X-ABLabel:Büro",
        "NICKNAME:Bee",
    ]


def test_a_label_stays_with_what_it_labels() -> None:
    read = vcard.parse(
        card(["UID:1", "item1.EMAIL:a@x", "item1.TEL:1", "item1.X-ABLabel:L", "item2.ADR:;;x", "ITEM2.X-ABADR:kr"])
    )
    assert "X-ABLabel" in vcard.patch(read, [Remove("EMAIL")])
    assert "X-ABLabel" not in vcard.patch(read, [Remove("EMAIL"), Remove("TEL", 0)])
    assert "X-ABADR" not in vcard.patch(read, [Remove("ADR", 0)])
    assert vcard.patch(read, [Remove("ADR", 1), Remove("NOTE")]) == read.text


@pytest.mark.parametrize("value", [Raw("a\r\nEND:VCARD"), Raw("a\nb"), "a\0b", "a\ufffe", "a\x0b", "\ud800"])
def test_a_value_cannot_break_out_of_its_line(value: str) -> None:
    with pytest.raises(InvalidCard, match="control character"):
        vcard.patch(vcard.parse(card(["UID:1"])), [Set("FN", value)])


# ---- many cards in one file


def test_split() -> None:
    data = (
        b"\r\n\xef\xbb\xbfBEGIN:VCARD\r\nVERSION:2.1\r\nAGENT:\r\nBEGIN:VCARD\r\nN:x\r\nEND:VCARD\r\nN:\xc0y\r\nEND:VCARD\r\n"
        b"\r\njunk\r\n\r\nbegin:vcard\nFN:1\nBEGIN:VCARD\nFN:2\nEND:VCARD\nEND:VCARD"
    )
    agent = "BEGIN:VCARD\r\nVERSION:2.1\r\nAGENT:\r\nBEGIN:VCARD\r\nN:x\r\nEND:VCARD\r\nN:\udcc0y\r\nEND:VCARD\r\n"
    parts = [
        (2, agent),
        (11, "junk\r\n\r\n"),
        (13, "begin:vcard\r\nFN:1\r\n"),
        (15, "BEGIN:VCARD\r\nFN:2\r\nEND:VCARD\r\n"),
        (18, "END:VCARD\r\n"),
    ]
    assert list(pieces.split(data)) == parts
    assert list(pieces.split(data.splitlines(keepends=True))) == parts
    assert list(pieces.split(data.decode(errors="surrogateescape"))) == parts
    assert list(pieces.split(b"")) == []


def test_split_reads_utf_16_and_other_line_ends() -> None:
    text = card(["FN:Zoë 홍"]).decode()
    assert list(pieces.split(text.encode("utf-16"))) == [(1, text)]
    assert list(pieces.split(text.replace("\r\n", "\r").encode())) == [(1, text)]
    assert list(pieces.split(text.replace("\r\n", "\r\r\n").encode())) == [(1, text)]


def test_other_products_exports_are_kept(shared_data: Path) -> None:
    for path in sorted((shared_data / "vcards").glob("*.vcf")):
        for _, piece in pieces.split(path.read_bytes()):
            try:
                read = vcard.parse(piece, require_uid=False)
            except UnsupportedCard:
                assert "VERSION:2.1" in piece
                continue
            assert read.text == piece
            after = vcard.parse(vcard.patch(read, [Set("FN", "Neu")]), require_uid=False)
            assert others(read, "FN", 0) == others(after, "FN", 0)
            if not read.all("UID"):
                with pytest.raises(InvalidCard, match="no UID"):
                    vcard.parse(piece)
