"""json and LDIF files: what they hold is found, what is wrong is named by its line, and refused records come back."""

from __future__ import annotations

import base64
import io
import json

import pytest

from sharedbook.domain.errors import InvalidFile
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import entry_cards, incoming
from sharedbook.formats.entries.incoming import Incoming
from sharedbook.formats.files import json_rows, ldif_rows, sources
from sharedbook.formats.vcards import fields, vcard
from sharedbook.formats.vcards.vcard import Card
from tests.formats.samples import card, jpeg, png


def rows(data: bytes, name: str) -> list[Incoming]:
    return list(sources.open_source(io.BytesIO(data), name, None, incoming.Reading("KR", Limits())).rows())


# ---- LDIF

THUNDERBIRD = """dn: cn=Minji Kim,mail=minji@example.com
objectclass: top
objectclass: person
objectclass: organizationalPerson
objectclass: inetOrgPerson
objectclass: mozillaAbPersonAlpha
givenName:: 66+87KeA
sn:: 6rmA
cn:: 6rmA66+87KeA
mozillaNickname: MJ
mail: minji@example.com
mozillaSecondEmail: minji@home.example
telephoneNumber: +82 2 123 4567
mobile: +82 10 1234 5678
street: 1 Sejong-daero
mozillaWorkStreet2: 3rd floor
l: Seoul
c: Korea
mozillaHomeLocalityName: Busan
ou: Sales
o: Example Corporation with a name so long that it stands on more than one
  line of the file
birthyear: 1985
birthmonth: 4
birthday: 23
"""
OPENLDAP = """version: 1

dn: dc=example,dc=com
objectClass: organization
o: Example

# a comment
  that goes on
dn: uid=wang,ou=people,dc=example,dc=com
changetype: add
objectClass: inetOrgPerson
uid: wang
cn;lang-zh:: 546L5bCP5piO
sn: Wang
mail: wang@example.com
mail: wang2@example.com
mail: wang3@example.com
userPassword:: c2VjcmV0

dn: cn=staff,dc=example,dc=com
objectClass: groupOfNames
cn: staff
member: uid=wang,ou=people,dc=example,dc=com
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_thunderbird_exports(end: str) -> None:
    (row,) = rows(THUNDERBIRD.replace("\n", end).encode(), "book.ldif")
    assert row.problems == ()
    assert dict(row.entry.single) == {
        "first_name": "민지", "last_name": "김", "name": "김민지", "nickname": "MJ", "birthday": "1985-04-23",
    }  # fmt: skip
    assert row.entry.texts("email") == ["minji@example.com", "minji@home.example"]
    assert [(each.type, each.text) for each in row.entry.values("phone")] == [
        ("work", "+82 2 123 4567"), ("mobile", "+82 10 1234 5678"),
    ]  # fmt: skip
    assert [(each.type, dict(each.parts)) for each in row.entry.values("address")] == [
        ("work", {"street": "1 Sejong-daero\n3rd floor", "city": "Seoul", "country": "Korea"}),
        ("home", {"city": "Busan"}),
    ]
    assert row.entry.texts("company") == [
        "Example Corporation with a name so long that it stands on more than one line of the file"
    ]


def test_what_a_directory_exports() -> None:
    (row,) = rows(OPENLDAP.encode(), "people.ldif")
    assert row.line == 7
    assert row.entry.single == {"name": "王小明", "last_name": "Wang", "external_id": "wang"}
    assert row.entry.texts("email") == ["wang@example.com", "wang2@example.com", "wang3@example.com"]
    assert "secret" not in row.new_card().text


def test_a_change_is_called_one() -> None:
    (row,) = rows(b"dn: cn=x\nchangetype: modify\nreplace: mail\nmail: k@example.com\n-\n", "people.ldif")
    assert [problem.message for problem in row.problems] == ["it is a change (modify), not a person"]


@pytest.mark.parametrize(("record", "code"), [
    ("dn: cn=x\nobjectClass: person\nmail no colon", "invalid-record"),
    ("dn: cn=x\ncn:: %%%", "invalid-record"),
    ("dn: cn=x\njpegPhoto:< file:///etc/passwd", "invalid-record"),
    ("dn: cn=x\nchangetype: delete", "invalid-record"),
    ("dn: cn=x\ncn:: /w==", "invalid-record"),
    ("dn: cn=x\nobjectClass: person\nmail: no address", "invalid-email"),
    ("dn: cn=x\nobjectClass: person\ncn: Kim\njpegPhoto:: AAAA", "invalid-card"),
    ("dn: cn=x\nobjectClass: person\ntitle: Boss", "no-name"),
])  # fmt: skip
def test_a_record_that_cannot_be_right_comes_back_with_its_reason(record: str, code: str) -> None:
    found = rows(f"dn: cn=a\ncn: A\n\n{record}\n".encode(), "people.ldif")
    assert [(row.line, [problem.code for problem in row.problems]) for row in found] == [(1, []), (4, [code])]
    target = io.BytesIO()
    assert ldif_rows.write_refused(target, [(found[1].cells[0], "it is\nwrong")]) == 1
    assert target.getvalue().startswith(b"# import error: it is wrong\ndn: cn=x\n")
    (again,) = rows(target.getvalue(), "people.ldif")
    assert [problem.code for problem in again.problems] == [code]


def test_a_photo_in_ldif() -> None:
    text = jpeg(40, 30)
    photo = base64.b64decode(text)
    folded = "\n ".join(text[at : at + 60] for at in range(0, len(text), 60))
    (row,) = rows(f"dn: cn=A\ncn: A\njpegPhoto:: {folded}\n".encode(), "a.ldif")
    assert row.card is not None and fields.photo(row.card) == ("image/jpeg", photo)
    target = io.BytesIO()
    ldif_rows.write(target, [(entry_cards.of_card(row.card), photo, {}, ())])
    assert all(len(line) <= 76 for line in target.getvalue().split(b"\n"))
    (again,) = rows(target.getvalue(), "a.ldif")
    assert again.card is not None and fields.photo(again.card) == ("image/jpeg", photo)


def test_a_photo_that_is_no_jpeg_has_a_place_of_ours() -> None:
    target, photo = io.BytesIO(), base64.b64decode(png(8, 6))
    ldif_rows.write(target, [(entry_cards.of_card(_card()), photo, {}, ())])
    assert b"jpegPhoto" not in target.getvalue()
    (row,) = rows(target.getvalue(), "a.ldif")
    assert row.card is not None and fields.photo(row.card) == ("image/png", photo)


def test_who_changes_an_attribute_of_an_exported_record_means_it() -> None:
    target = io.BytesIO()
    made = entry_cards.of_card(_card("TEL:+1 555 0100", "EMAIL;TYPE=home:a@example.com", "CATEGORIES:vip"))
    ldif_rows.write(target, [(made, b"", {}, ())])
    (row,) = rows(target.getvalue(), "a.ldif")
    assert row.entry == made
    (row,) = rows(target.getvalue().replace(b"telephoneNumber: +1 555 0100", b"telephoneNumber: +1 555 0199"), "a.ldif")
    assert [(each.type, each.text) for each in row.entry.values("phone")] == [("work", "+1 555 0199")]
    assert row.entry.values("email") == made.values("email") and row.entry.texts("tags") == ["vip"]


@pytest.mark.parametrize("value", [" leads", "trails ", ":colon", "<less", "a\nb", "café", "", "a: b", "x" * 200])
def test_any_value_is_written_so_that_it_is_read_again(value: str) -> None:
    made = entry_cards.of_card(_card(f"NOTE:{value}".replace("\n", "\\n")))
    target = io.BytesIO()
    ldif_rows.write(target, [(made, b"", {}, ())])
    (row,) = rows(target.getvalue(), "a.ldif")
    assert row.entry.single.get("note", "") == made.single.get("note", "") == value.strip()


def _card(*lines: str) -> Card:
    return vcard.parse(card(["UID:u", "FN:x", "N:x;;;;", *lines]))


# ---- json


def test_objects_with_columns_and_with_cards() -> None:
    whole = card(["UID:u-1", "FN:Lee", "X-ODD;A=b:as it is"]).decode()
    data = [{"name": "김민지", "email": "minji@example.com", "phone.mobile": "+82 10 1"}, {"name": "-", "vcard": whole}]
    for text in (json.dumps(data), json.dumps(data, indent=2), "\n".join(map(json.dumps, data))):
        first, second = rows(text.encode(), "people.json")
        assert first.entry.single == {"name": "김민지"}
        assert [(each.type, each.text) for each in first.entry.values("phone")] == [("mobile", "+82 10 1")]
        assert second.new_card().text == whole
    assert [row.line for row in rows(json.dumps(data, indent=1).encode("utf-16"), "x.json")] == [1, 2]


def test_large_files_are_read_in_pieces() -> None:
    data = [{"name": f"N{number}", "note": "x" * 3_000} for number in range(100)]
    data.append({"name": "L", "note": "y" * 300_000})
    target = io.BytesIO()
    assert json_rows.write(target, data) == 101
    assert [found for _line, found in json_rows.objects(target, Limits())] == data


@pytest.mark.parametrize(("item", "code"), [
    ('"text"', "invalid-object"), ("7", "invalid-object"), ('{"name": 7}', "invalid-object"),
    ('{"name": "A", "colour": "red"}', "unknown-column"), ('{"email": "none", "name": "A"}', "invalid-email"),
    ('{"vcard": "BEGIN:VCARD"}', "invalid-card"), ("{}", "no-name"),
    ('{"name": "A\\ud800"}', "control-character"), ('{"name": "A", "\\ud800": "x"}', "unknown-column"),
])  # fmt: skip
def test_an_object_that_cannot_be_right_comes_back_with_its_reason(item: str, code: str) -> None:
    found = rows(f'[{{"name": "A"}}, {item}]'.encode(), "people.json")
    assert [(row.line, [problem.code for problem in row.problems]) for row in found] == [(1, []), (2, [code])]
    assert all(problem.message.encode() and problem.column.isascii() for problem in found[1].problems)
    target = io.BytesIO()
    assert json_rows.write_refused(target, [(found[1].cells[0], "wrong")]) == 1
    (again,) = json.loads(target.getvalue())
    assert again["import_error"] == "wrong"


@pytest.mark.parametrize(("data", "says"), [
    (b'[{"name": "A"},\n{"name": ]', "line 2"), (b'{"name": "A"', "line 1"), (b"[]", "no object"),
    (b"[" * 5 + b"]", "no end"),
    (b'[{"name": "A"},\n{"name": "B"},\n', "line 3: the list has no end"),
    (b'{"a":' * 100_000, "too deep|line 1"), (b"name,email\n", "line 1"),
    (b'[{"a":' + b"9" * 5000 + b"}]", "line 1: a number is too long"),
])  # fmt: skip
def test_what_is_no_json(data: bytes, says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        rows(data, "people.json")
