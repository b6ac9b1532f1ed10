"""vCard 2.1 becomes a 3.0 that says the same; cards without UID get one and nothing else."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedbook.domain.errors import CardTooLarge, InvalidCard, UnsupportedCard
from sharedbook.formats.vcards import fields, pieces, vcard, vcard21
from sharedbook.formats.vcards.fields import Typed
from tests.formats.samples import card, golden_cards, png

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def upgraded(lines: list[str], charset: str = "") -> vcard.Card:
    """The card that lines of 2.1 become."""
    return vcard21.upgrade(card(lines, "2.1").decode(errors="surrogateescape"), charset=charset)


def lines_of(read: vcard.Card) -> list[str]:
    """Its lines but for the frame and the made UID."""
    return read.text.split("\r\n")[2:-3]


@pytest.mark.parametrize(
    ("lines", "converted"),
    [
        (["FN:A", "N:A"], ["FN:A", "N:A"]),
        (["N:Doe;John;Q.;Dr."], ["FN:Dr. John Q. Doe", "N:Doe;John;Q.;Dr."]),
        (["N:홍;길동"], ["FN:홍길동", "N:홍;길동"]),
        (["EMAIL;PREF:a@b"], ["FN:a@b", "N:;;;;", "EMAIL;TYPE=PREF:a@b"]),
        (["ORG:Firma, GmbH;Büro"], ["FN:Firma\\, GmbH", "N:;;;;", "ORG:Firma\\, GmbH;Büro"]),
        (["FN:x", "N:;", "TEL;HOME;VOICE:1"], ["FN:x", "N:;", "TEL;TYPE=HOME;TYPE=VOICE:1"]),
        (["FN:x", "N:;", "item1.X-A;B=c:a, b; c"], ["FN:x", "N:;", r"item1.X-A;B=c:a\, b\; c"]),
        (["FN:x", "N:a\\;b;c\\\\d"], ["FN:x", r"N:a\;b;c\\d"]),
        (["FN:x", "N:;", "NOTE:C:\\new\\;"], ["FN:x", "N:;", r"NOTE:C:\\new\;"]),
        (["FN:x", "N:;", "CATEGORIES:A, B"], ["FN:x", "N:;", "CATEGORIES:A,B"]),
        (["FN:x", "N:;", "URL;WORK:http://a/?b=1,2;c "], ["FN:x", "N:;", "URL;TYPE=WORK:http://a/?b=1,2;c"]),
        (["FN:x", "N:;", "TITLE:folded", " over", "\tlines"], ["FN:x", "N:;", "TITLE:folded over\tlines"]),
        (["FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=91=", "=20=C3=", "=91", "N:;"], ["FN:Ñ Ñ", "N:;"]),
        (["FN;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Zo=EB", "N:;"], ["FN:Zoë", "N:;"]),
        (["FN;ENCODING=QUOTED-PRINTABLE;CHARSET=EUC-KR:=C8=AB=B1=E6=B5=BF", "N:;"], ["FN:홍길동", "N:;"]),
        (["FN;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab=0Ac", "N:;"], [r"FN:a\nb\nc", "N:;"]),
        (["FN;ENCODING=QUOTED-PRINTABLE:=C3=91=80", "N:;"], ["FN:Ñ\ufffd", "N:;"]),
        (["FN;ENCODING=QUOTED-PRINTABLE;CHARSET=nonsense:=C3=91", "N:;"], ["FN:Ñ", "N:;"]),
        (["FN:x", "N;ENCODING=QUOTED-PRINTABLE:a=3Bb;c"], ["FN:x", "N:a;b;c"]),
        (["FN:x", "N:;", "NOTE;ENCODING=QUOTED-PRINTABLE:end="], ["FN:x", "N:;", "NOTE:end"]),
        (["FN:x", "N:;", "KEY;X509;ENCODING=BASE64:", " AAEC", " AwQ=", "", "NOTE:y"],
            ["FN:x", "N:;", "KEY;ENCODING=b;TYPE=X509:AAECAwQ=", "NOTE:y"]),
        (["FN:x", "N:;", "KEY;BASE64:AAEC", "AwQ=", "", "NOTE:"], ["FN:x", "N:;", "KEY;ENCODING=b:AAECAwQ=", "NOTE:"]),
        (["FN:x", "N:;", "PHOTO;ENCODING=BASE64;JPEG:", ""], ["FN:x", "N:;"]),
        (["FN:x", "N:;", "AGENT:", "BEGIN:VCARD", "VERSION:2.1", "FN:y, z", "END:VCARD", "NOTE:w"],
            ["FN:x", "N:;", "NOTE:w", r"AGENT:BEGIN:VCARD\nVERSION:2.1\nFN:y\, z\nEND:VCARD"]),
    ],
)  # fmt: skip
def test_conversion(lines: list[str], converted: list[str]) -> None:
    read = upgraded(lines)
    assert lines_of(read) == converted
    assert read.version == "3.0"
    assert UUID4.fullmatch(read.uid)


def test_octets_of_an_older_charset() -> None:
    euc = "홍길동".encode("euc-kr").decode(errors="surrogateescape")
    text = f"BEGIN:VCARD\r\nVERSION:2.1\r\nFN:{euc}\r\nN;CHARSET=EUC-KR:{euc}\r\nEND:VCARD\r\n"
    assert fields.read(vcard21.upgrade(text, charset="cp949")).full_name == "홍길동"
    assert fields.read(vcard21.upgrade(text)).family == "홍길동"
    newer = text.replace("2.1", "3.0")
    assert fields.read(vcard21.upgrade(newer, charset="cp949")).full_name == "홍길동"
    with pytest.raises(InvalidCard, match="not UTF-8"):
        vcard21.upgrade(newer)
    with pytest.raises(InvalidCard, match="Line 4 has a name or parameter"):
        vcard21.upgrade(text.replace("\r\nN;", "\r\n\udcfaN;"), charset="cp949")


def test_photos_are_converted_and_checked() -> None:
    read = upgraded(["FN:x", "PHOTO;ENCODING=BASE64;PNG:", f" {png(40, 30)}", ""])
    assert fields.photo(read) == ("image/png", base64.b64decode(png(40, 30)))
    assert upgraded(["FN:x", "PHOTO;VALUE=URL:http://a/b.gif"]).all("PHOTO")[0].raw == "http://a/b.gif"
    with pytest.raises(InvalidCard, match="not a JPEG, PNG or GIF"):
        upgraded(["FN:x", "PHOTO;ENCODING=BASE64:PHN2Zz4=", ""])
    with pytest.raises(CardTooLarge, match="Line 4"):
        upgraded(["FN:x", "X-A;ENCODING=QUOTED-PRINTABLE:" + "a=\r\n" * 1_000_001])


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["FN:x", "no colon"], "Line 4 has no colon"),
        (["FN:x", "AGENT:", "BEGIN:VCARD"], "no END:VCARD"),
        (["FN:x", *["X-A:1"] * 500], "more than 500 properties"),
        (["FN:x", *["TEL:1"] * 101], "Line 104: more than 100 values of TEL"),
        (["FN:x", "NOTE;ENCODING=QUOTED-PRINTABLE:" + "=C3=91" * 4001], "Line 4: the note has 4001 characters"),
        (["X-A:" + "1" * 17_000_000], "larger than 16 MB"),
        (["FN;ENCODING=QUOTED-PRINTABLE:a=00b"], "control character"),
        (["FN:x", "TEL;CE\x01LL:1"], "Line 4 has a name or parameter that no address book may carry"),
    ],
)
def test_refused(lines: list[str], sentence: str) -> None:
    with pytest.raises(InvalidCard, match=sentence):
        upgraded(lines)


@pytest.mark.parametrize("path", golden_cards(), ids=lambda path: path.stem)
def test_a_missing_uid_is_the_only_change(path: Path) -> None:
    whole = vcard.parse(path.read_bytes())
    assert vcard21.upgrade(whole.text) == whole
    without = vcard.patch(whole, [vcard.Remove("UID")])
    if not fields.full_name(whole):
        with pytest.raises(InvalidCard, match="no UID, name"):
            vcard21.upgrade(without)
        return
    read = vcard21.upgrade(without)
    assert UUID4.fullmatch(read.uid)
    assert vcard.patch(read, [vcard.Remove("UID")]) == without


def test_an_empty_uid_is_filled() -> None:
    read = vcard21.upgrade(card(["UID:", "FN:A"]).decode())
    assert read.text == card([f"UID:{read.uid}", "FN:A"]).decode()
    assert UUID4.fullmatch(read.uid)


def exports(folder: Path, name: str) -> list[vcard.Card]:
    return [vcard21.upgrade(piece) for _, piece in pieces.split((folder / "vcards" / name).read_bytes())]


def test_every_export_can_be_stored(shared_data: Path) -> None:
    read = {path.name: exports(shared_data, path.name) for path in sorted((shared_data / "vcards").glob("*.vcf"))}
    assert {name: len(cards) for name, cards in read.items()} == {
        "John_Doe_ANDROID.vcf": 6,
        "John_Doe_EVOLUTION.vcf": 1,
        "John_Doe_GMAIL.vcf": 1,
        "John_Doe_IPHONE.vcf": 1,
        "John_Doe_MAC_ADDRESS_BOOK.vcf": 1,
        "fullcontact.vcf": 1,
        "gmail-single.vcf": 1,
        "outlook-2007.vcf": 1,
        "rfc6350-example.vcf": 1,
    }
    for cards in read.values():
        for found in cards:
            assert vcard.parse(found.text) == found
            assert fields.read(found).full_name


def test_android_export(shared_data: Path) -> None:
    texts = [piece for _, piece in pieces.split((shared_data / "vcards" / "John_Doe_ANDROID.vcf").read_bytes())]
    cards = [fields.read(vcard21.upgrade(piece)) for piece in texts]
    assert [found.full_name for found in cards[:3]] == ["john.doe@company.com", "jane.doe@company.com", "Ñ Ñ Ñ Ñ Ñ"]
    assert cards[3].phones == (
        Typed("123456", frozenset({"cell"}), 1),
        Typed("234567", frozenset({"home"})),
        Typed("3456789", frozenset({"cell"})),
        Typed("45678901", frozenset({"home"})),
    )
    assert cards[4].has_photo
    assert cards[5].organization == "Ñ" * texts[5].split("ORG;")[1].count("=C3=91")
    assert cards[5].categories == ("My Contacts",)


def test_outlook_export(shared_data: Path) -> None:
    (read,) = exports(shared_data, "outlook-2007.vcf")
    found = fields.read(read)
    assert found.full_name == "Mr. Michael Angstadt Jr."
    assert (found.organization, found.units) == ("TheCompany", ("TheDepartment",))
    assert found.note.splitlines()[1] == "I assume it encodes this text inside a NOTE vCard type."
    assert found.phones[3] == Typed("(111) 555-3333", frozenset({"work", "fax"}))
    assert found.addresses[0].components() == ("", "TheOffice", "222 Broadway", "New York", "NY", "99999", "USA")
    photo = fields.photo(read)
    assert photo is not None
    assert photo[0] == "image/jpeg"
    assert len(photo[1]) > 1_000
    assert read.all("X-MS-OL-DESIGN")[0].text().startswith('<card xmlns="http://schemas.microsoft.com/')


fragments = st.sampled_from(
    [
        "FN:", "N:", "ENCODING=QUOTED-PRINTABLE", "ENCODING=BASE64", "CHARSET=UTF-8", "CHARSET=utf-16", "PHOTO", "A",
        "BEGIN:VCARD", "END:VCARD", "AGENT:", ";", ":", "=", "=C3", "=\r\n", "\r\n", "\n", " ", "\udc80", "홍", "\\",
        "\ud800", ",", "\0", "CHARSET=idna", "CHARSET=punycode", "VERSION:2.1",
    ]
)  # fmt: skip


@given(st.lists(fragments).map("".join), st.sampled_from(["", "cp949", "nonsense"]))
def test_any_card_is_upgraded_or_refused(body: str, charset: str) -> None:
    text = f"BEGIN:VCARD\r\nVERSION:2.1\r\n{body}\r\nEND:VCARD\r\n"
    try:
        read = vcard21.upgrade(text, charset=charset)
    except InvalidCard as error:
        assert not isinstance(error, UnsupportedCard) or "VERSION" in body
        return
    assert vcard21.upgrade(read.text) == read


def test_soft_breaks_take_linear_time() -> None:
    """A hundred thousand of each; pytest-timeout ends what is quadratic."""
    for lines in (
        ["NOTE;ENCODING=QUOTED-PRINTABLE:" + "=\r\n" * 100_000],
        ["X-A:" + "\r\n " * 100_000],
        ["PHOTO;ENCODING=BASE64:" + "\r\nAAAA" * 100_000],
        ["AGENT:", "BEGIN:VCARD"] * 200,
    ):
        try:
            upgraded(["FN:x", *lines])
        except InvalidCard:
            continue
